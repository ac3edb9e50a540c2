//! Models in which some hosts know who has what: a central index, super-peers and trackers.

pub mod central_index;
pub mod super_peer;
pub mod tracker;

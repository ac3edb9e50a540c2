//! Models in which some hosts know who has what: a central index and super-peers.

pub mod central_index;
pub mod super_peer;

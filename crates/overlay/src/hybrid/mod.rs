//! Models in which some hosts know who has what: a central index (and, later, super-peers).

pub mod central_index;

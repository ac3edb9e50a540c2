//! Structured overlays: keys have owners, and each peer's tables lead a question to the owner in a bounded number of hops.

pub mod accordion;
pub(crate) mod branches;
pub mod can;
pub mod chord;
pub mod contacts;
pub(crate) mod dead;
pub(crate) mod disjoint;
mod few;
pub mod kademlia;
pub mod kelips;
pub mod koorde;
mod newcomers;
pub mod onehop;
pub mod pastry;
pub(crate) mod prefix;
pub(crate) mod ring;
pub(crate) mod shortlist;
pub mod tapestry;
pub(crate) mod trips;
pub(crate) mod xor;

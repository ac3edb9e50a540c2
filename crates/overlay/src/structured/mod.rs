//! Structured overlays: keys have owners, and each peer's tables lead a question to the owner in a bounded number of hops.

pub mod chord;
pub mod contacts;
pub mod kademlia;
pub mod kelips;
mod newcomers;
pub mod onehop;
pub mod pastry;
pub(crate) mod prefix;
pub(crate) mod ring;
pub(crate) mod shortlist;
pub(crate) mod xor;

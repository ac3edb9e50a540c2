//! Models in which nobody knows where anything is: floods and walks.
//!
//! # Map
//! `flooding`: floods, expanding rings, random walks · `gia`: walks towards capacity · `membership`: neighbours by gossip · `hosts`: host caches · `seen`, `descriptor`: which
//! queries a peer has seen, and what they are called.

mod descriptor;
pub mod flooding;
pub mod gia;
pub(crate) mod hosts;
pub mod membership;
mod seen;

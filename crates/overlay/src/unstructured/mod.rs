//! Models in which nobody knows where anything is: floods and walks.
//!
//! # Map
//! `flooding`: floods, expanding rings, random walks · `gia`: walks towards capacity · `epidemic`: rumours · `membership`: neighbours by gossip ·
//! `hosts`: host caches · `seen`, `descriptor`: which queries a peer has seen, and what they are called · `known`: which rumours a peer knows.

mod descriptor;
pub mod epidemic;
pub mod flooding;
pub mod gia;
pub(crate) mod hosts;
mod known;
pub mod membership;
mod seen;

//! The lookup models: how peers find things.
//!
//! Each model follows one paper, is one peer's state machine behind [`peerlab_model::Overlay`], and has a page in docs/models/ with
//! its parameters, its messages and what differs from the paper. A peer knows only what messages told it: nothing here can see
//! another peer's state, who is alive, or the list of members (but for [`peerlab_model::Start`], before time begins).
//!
//! # Map
//! - `client_server`: the servers have it all.
//! - `structured`: keys have owners, and routing tables lead to them.
//! - `unstructured`: nobody knows where anything is.
//! - `hybrid`: some hosts know who has what.
//! - `graph`: the graphs that unstructured overlays begin with.
//!
//! # Cost
//! Handlers of the steady state allocate nothing; tables hold four bytes a contact, keys are recomputed.

pub mod client_server;
pub mod graph;
pub mod hybrid;
mod inverted;
mod postings;
mod publisher;
mod rate_limit;
pub mod records;
mod repair;
mod servers;
pub mod structured;
mod tickets;
pub mod unstructured;

pub use rate_limit::{Limiter, RateLimit};
pub use repair::Comparison;

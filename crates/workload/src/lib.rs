//! The workload: what happens to a network whatever its overlay is. Who is online when, who holds what, who asks for what,
//! and which faults strike whom.
//!
//! - [`PeersConfig`], [`Classes`]: the population and its classes;
//! - [`ChurnConfig`], [`Lifetimes`]: sessions and absences, drawn from [`Distribution`]s or given by a [`Trace`];
//! - [`ContentConfig`], [`Holdings`], [`Shelves`], [`ItemSampler`], [`ItemSize`]: items, copies, popularity and sizes;
//! - [`StorageConfig`]: values that the overlay itself keeps;
//! - [`RumoursConfig`]: news that everybody is to hear;
//! - [`LookupsConfig`], [`Questions`]: what is asked for, and when;
//! - [`EventConfig`]: the timeline, and the choice of those that an event concerns. Carrying it out is the world's business.
//!
//! # Claims
//! Everything here is a pure function of the configuration, the seed and an entity's number (a host's n-th session, its n-th
//! question, an item): no topology, no thread and no order of asking can change it, so the topologies of a scenario meet
//! identical conditions. Churn is in equilibrium from the first moment. Draws go through `libm`, so that machines agree.
//!
//! # Cost
//! No memory for what has happened or will: a session or a question is drawn when it is asked for, in 0.1 to 0.5 µs.
//!
//! # Not here
//! What the overlay makes of it; departures that follow from the run, such as leaving after a download.

mod adversary;
mod arrivals;
mod churn;
mod classes;
mod content;
mod distribution;
mod lookups;
mod peers;
mod questions;
mod rumours;
mod sampler;
mod storage;
mod timeline;

pub use adversary::{AdversaryConfig, Behaviour, Placement, adversaries, check_adversaries};
pub use arrivals::load_arrivals;
pub use churn::{ChurnConfig, Diurnal, Identity, Lifetimes, Phase, Trace, TraceError};
pub use classes::Classes;
pub use content::{ContentConfig, Holdings, ItemSampler, ItemSize, KeywordsConfig, Popularity, Replication, Shelves, Words};
pub use distribution::{Distribution, Quantity};
pub use lookups::{LookupsConfig, TargetKind};
pub use peers::{AccessLink, ClassConfig, KnownClasses, PeersConfig};
pub use questions::{Question, Questions};
pub use rumours::RumoursConfig;
pub use sampler::Sampler;
pub use storage::{Disk, StorageConfig};
pub use timeline::{Action, Direction, EventConfig, Select, View};

//! One run of Peerlab: a population, an overlay, a network and a workload, put together on the engine.
//!
//! [`run`] takes a model's configuration, the [`Conditions`] and a seed, and gives a [`RunRecord`]; rows of lookups go to a
//! [`Sink`] while it runs. The [`Registry`] does the same for models known by name.
//!
//! # How a run is divided
//! - `shard`: peers at work, one event at a time, each peer alone; `common`: what all of them share; `deeds`: what a handler asks for; `books`: what the seats of a shard share;
//! - `notes`: what shards write down while a window runs;
//! - `director`: the one who sees the whole world, between windows; with `truth` (who is online and holds what; `claims`: who answers
//!   for which keys), `ledger` (one row a lookup), `judge` (what answers are worth), `timeline` (faults and loads), `rumours` (who has heard
//!   what), `start` (how it begins);
//! - `adversaries`: hosts that cheat; `identities`: what a name costs, and machines that have many; `takedown`, `freeze`: what the timeline does to hosts;
//! - `transfers`: hosts that move content; `downloads`: what has become of it;
//! - `measure`, `tally`, `kept` (what became of values): integers to metrics;
//! - `observer`: looking on, for tests and experiments.
//!
//! # Conservation
//! At the end of every run messages sent = delivered + dropped + in flight, for each kind, and lookups asked = rows; a run that
//! does not balance is an error, not a result.

mod adversaries;
mod arrivals;
mod asking;
mod books;
mod claims;
mod common;
mod conditions;
mod copies;
mod deeds;
mod director;
mod downloads;
mod freeze;
mod graph;
mod hints;
mod identities;
mod judge;
mod kept;
mod ledger;
mod measure;
mod notes;
mod observer;
mod record;
mod recovery;
mod registry;
mod rumours;
mod run;
mod schedule;
mod shard;
mod start;
mod takedown;
mod tally;
mod timeline;
mod transfers;
mod truth;

/// Revision of the models: it counts up whenever the same scenario gives other results than before.
pub const MODEL_REVISION: u32 = 7;

pub use conditions::{Conditions, StartKind, TimeConfig};
pub use graph::{GraphFormat, GraphMetrics, OverlayGraph, Snapshot};
pub use observer::Observer;
pub use peerlab_transfer::Playback;
pub use record::{
    DownloadOutcome, DownloadRow, EventRow, LookupRow, MessageRow, Metric, Outcome, PeerRow, RumourRow, RunRecord, SampleRow, Sink,
};
pub use registry::{Model, Registry, Topology};
pub use run::{RunError, RunOptions, run, run_observed};

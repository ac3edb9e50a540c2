//! What every overlay must keep to, as a test that any model can call; and random worlds to call it in.
//!
//! ```no_run
//! # use peerlab_overlay::structured::chord::Chord;
//! use peerlab_workload::TargetKind;
//! for seed in 0..20 {
//!     peerlab_testkit::conformance::<Chord>(&Default::default(), TargetKind::Key, seed);
//! }
//! ```
//!
//! # Not here
//! Whether a model is *right*: owners, reach, hop counts. That is for each model's own oracle.

mod conditions;
mod protocol;

pub use conditions::random_conditions;
pub use protocol::Protocol;

use peerlab_model::Overlay;
use peerlab_workload::TargetKind;
use peerlab_world::{LookupRow, RunOptions, RunRecord, run_observed};

/// Runs a model in the random world of `seed` and checks what every overlay must keep to:
///
/// - messages name kinds that exist, and are no smaller on the wire than their headers;
/// - a lookup has exactly one end, and no answer after it; only its origin ends it;
/// - the result does not depend on the number of shards;
/// - messages and lookups are conserved (which the run itself checks).
///
/// # Panics
/// If one of them does not hold, naming the seed.
pub fn conformance<O: Overlay>(config: &O::Config, target: TargetKind, seed: u64) -> RunRecord {
    let one = observe::<O>(config, target, seed, 1);
    let three = observe::<O>(config, target, seed, 3);
    assert!(one.1 == three.1, "{}, seed {seed}: three shards give other lookups than one", O::NAME);
    assert!(one.0.rumours == three.0.rumours, "{}, seed {seed}: three shards spread rumours otherwise than one", O::NAME);
    assert!(one.0.digest == three.0.digest, "{}, seed {seed}: three shards give another digest than one", O::NAME);
    one.0
}

fn observe<O: Overlay>(config: &O::Config, target: TargetKind, seed: u64, shards: usize) -> (RunRecord, Vec<LookupRow>) {
    let conditions = random_conditions(seed, target);
    let options = RunOptions { shards, ..RunOptions::default() };
    let mut rows = Vec::new();
    let result = run_observed::<O, Protocol>(config, &conditions, seed, &options, &mut rows, Protocol::default);
    let (record, observers) = result.unwrap_or_else(|error| panic!("{}, seed {seed}: {error}", O::NAME));
    for observer in observers {
        observer.check().unwrap_or_else(|broken| panic!("{}, seed {seed}: {broken}", O::NAME));
    }
    (record, rows)
}

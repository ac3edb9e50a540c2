//! Golden digests: a change of results is a decision (DETERMINISM.md, "When a result changes").
//!
//! They are the same in debug and release builds and on any number of shards.

use std::collections::BTreeMap;

use peerlab_model::Overlay;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_workload::TargetKind;
use peerlab_world::{LookupRow, Registry, RunOptions};

use crate::determinism::eventful;
use crate::support::{run_with, stormy};

const TWO_SHARDS: RunOptions<'_> = RunOptions { shards: 2, longest_window: None, stop: None, progress: None };

/// The trace digest of each model with its defaults, in one and the same small world with churn and loss.
const GOLDEN: [(&str, &str); 12] = [
    ("accordion", ""),
    ("bamboo", ""),
    ("can", ""),
    ("central-index", ""),
    ("chord", ""),
    ("flooding", ""),
    ("kademlia", ""),
    ("kelips", ""),
    ("koorde", ""),
    ("onehop", ""),
    ("pastry", ""),
    ("tapestry", ""),
];

fn digest<O: Overlay>() -> String {
    run_with::<O>(&O::Config::default(), &eventful(TargetKind::Content), 42, &TWO_SHARDS).0.digest.to_string()
}

#[test]
fn results_are_those_of_model_revision_3() {
    assert_eq!(peerlab_world::MODEL_REVISION, 3);
    let digests = [digest::<Chord>(), digest::<Flooding>(), digest::<CentralIndex>()];
    assert_eq!(digests, ["526925df2630438c63fb3bc7303d57d3", "bd2395062107c1160e15595e738d427d", "13752eb683e69d7b3da7e9fb54b44389"]);
}

#[test]
fn every_model_has_its_results_of_model_revision_3() {
    let registry = Registry::builtin();
    let digest = |model: &peerlab_world::Model| {
        let topology = model.configure(serde_json::json!({})).unwrap();
        let record = topology.run(&stormy(40, TargetKind::Content), 42, &TWO_SHARDS, &mut Vec::<LookupRow>::new()).unwrap();
        (model.name, record.digest.to_string())
    };
    let golden: BTreeMap<&str, String> = GOLDEN.map(|(name, digest)| (name, digest.to_owned())).into();
    assert_eq!(registry.models().map(digest).collect::<BTreeMap<_, _>>(), golden);
}

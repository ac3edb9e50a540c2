//! Golden digests: a change of results is a decision (DETERMINISM.md, "When a result changes").
//!
//! They are the same in debug and release builds and on any number of shards.

use std::collections::BTreeMap;

use peerlab_model::Overlay;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_transfer::{Method, StreamConfig};
use peerlab_workload::{RumoursConfig, TargetKind};
use peerlab_world::{GraphMetrics, LookupRow, Registry, RunOptions};

use crate::determinism::eventful;
use crate::downloads::{mbit, with_downloads};
use crate::support::{run_with, stormy};

const TWO_SHARDS: RunOptions<'_> =
    RunOptions { shards: 2, longest_window: None, stop: None, progress: None, graph: GraphMetrics::Off, snapshot: None };

/// The trace digest of each model with its defaults, in one and the same small world with churn and loss.
const GOLDEN: [(&str, &str); 19] = [
    ("accordion", "d0b3b123d1ecf930c8c08e064c168a20"),
    ("bamboo", "16b3809f1be4f0eceb36c6a5786fdc86"),
    ("can", "1ccd357ceb6e716e73b92f7ef2117b02"),
    ("central-index", "ff16d5bac6b4b84a337c443df0fe8a11"),
    ("chord", "19cc4010575b664caebedf7818d1c90c"),
    ("client-server", "087c8e1d3829ce8a530465beb2e0391b"),
    ("epidemic", "92add2522265648fa568f64d0612d4c3"),
    ("expanding-ring", "bc5eff2edf4120c2f5d44e74a4a255b4"),
    ("flooding", "e4368bb4c41fc6f6d6ed4b3d8875c1d8"),
    ("gia", "ac1d78d9312d5923c832644be6f2168a"),
    ("kademlia", "35c6d7eb323feb2dfaa330861b69d2a7"),
    ("kelips", "e9d588bd248baa7449548282ebe7c849"),
    ("koorde", "aa6a707cfb22e4325cc37caeadd15310"),
    ("onehop", "ec363d34330a416b7f081a39daa73a06"),
    ("pastry", "ed82ea26a4b3b95e0b9f6be9a2eca649"),
    ("random-walk", "c47490676572773ce4723586661d3362"),
    ("super-peer", "1a75e8d499da380c1d28e01c0d43abf0"),
    ("tapestry", "040e0687b833448951a0f14709ac947e"),
    ("tracker", "8385d5418ce637294cdfbc8d7a97d79a"),
];

/// The same of a flood over each membership by gossip.
const MEMBERSHIPS: [(&str, &str); 3] = [
    ("cyclon", "5b91bcf3e7399b5d87890c3b79d167ff"),
    ("hyparview", "4f84f3cc317f4bdebe71c61eab9775dd"),
    ("newscast", "a14b368de0f9774fd96aa753b460741f"),
];

fn digest<O: Overlay>() -> String {
    run_with::<O>(&O::Config::default(), &eventful(TargetKind::Content), 42, &TWO_SHARDS).0.digest.to_string()
}

#[test]
fn results_are_those_of_model_revision_5() {
    assert_eq!(peerlab_world::MODEL_REVISION, 7);
    let digests = [digest::<Chord>(), digest::<Flooding>(), digest::<CentralIndex>()];
    assert_eq!(digests, ["526925df2630438c63fb3bc7303d57d3", "bd2395062107c1160e15595e738d427d", "13752eb683e69d7b3da7e9fb54b44389"]);
}

/// The same with downloads by each method, their sources from an index server.
const DOWNLOADS: [&str; 5] = [
    "d0bfe9ae0b83fcfefda1142cdc6df928",
    "17070ea50d7047f6a1f7ecb6d36dfe1c",
    "cf61903be70dd221cf64ce200f5c0c0d",
    "3816188400c2689ebf5317c2294342cb",
    "7e6bed621b8a983cea6767c2c892d163",
];

#[test]
fn every_model_has_its_results_of_model_revision_5() {
    let registry = Registry::builtin();
    let digest = |model: &peerlab_world::Model| {
        let topology = model.configure(serde_json::json!({})).unwrap();
        let record = topology.run(&stormy(40, TargetKind::Content), 42, &TWO_SHARDS, &mut Vec::<LookupRow>::new()).unwrap();
        (model.name, record.digest.to_string())
    };
    let golden: BTreeMap<&str, String> = GOLDEN.map(|(name, digest)| (name, digest.to_owned())).into();
    assert_eq!(registry.models().map(digest).collect::<BTreeMap<_, _>>(), golden);
}

/// Of the models that pass rumours on, in a world with some.
#[test]
fn rumours_spread_as_in_model_revision_5() {
    let mut conditions = stormy(40, TargetKind::Content);
    conditions.rumours = Some(RumoursConfig { count: 3, ..RumoursConfig::default() });
    let digest = |name: &str| {
        let topology = Registry::builtin().get(name).unwrap().configure(serde_json::json!({})).unwrap();
        topology.run(&conditions, 42, &TWO_SHARDS, &mut Vec::<LookupRow>::new()).unwrap().digest.to_string()
    };
    assert_eq!([digest("epidemic"), digest("flooding")], ["b2b8bdd241f0cb2c91c74606d5ad03dc", "1652f770e7c4eb798210fb1540ea8582"]);
}

#[test]
fn every_membership_has_its_results() {
    let registry = Registry::builtin();
    let flooding = registry.models().find(|model| model.name == "flooding").unwrap();
    let digests = MEMBERSHIPS.map(|(membership, _)| {
        let topology = flooding.configure(serde_json::json!({ "membership": { "model": membership } })).unwrap();
        let record = topology.run(&stormy(40, TargetKind::Content), 42, &TWO_SHARDS, &mut Vec::<LookupRow>::new()).unwrap();
        (membership, record.digest.to_string())
    });
    assert_eq!(digests, MEMBERSHIPS.map(|(membership, golden)| (membership, golden.to_owned())));
}

/// Goal: what optimising makes of the code that moves content is that code: a change that no reader could tell from the one before, of two lists in a
/// connection, once was compiled to something else in release builds alone.
#[test]
fn downloads_go_as_in_model_revision_6() {
    let registry = Registry::builtin();
    let digests = [Method::Swarm, Method::PeerAssisted, Method::MultiSource, Method::SingleSource, Method::ClientServer].map(|method| {
        let topology = registry.get("central-index").unwrap().configure(serde_json::json!({})).unwrap();
        let mut conditions = with_downloads(stormy(40, TargetKind::Content), method);
        conditions.stream = (method == Method::PeerAssisted).then(|| StreamConfig::new(mbit(2)));
        topology.run(&conditions, 42, &TWO_SHARDS, &mut Vec::<LookupRow>::new()).unwrap().digest.to_string()
    });
    assert_eq!(digests, DOWNLOADS);
}

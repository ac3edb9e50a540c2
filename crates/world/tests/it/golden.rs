//! Golden digests: a change of results is a decision (DETERMINISM.md, "When a result changes").
//!
//! They are the same in debug and release builds and on any number of shards.

use peerlab_model::Overlay;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_workload::TargetKind;
use peerlab_world::RunOptions;

use crate::determinism::eventful;
use crate::support::run_with;

fn digest<O: Overlay>() -> String {
    let options = RunOptions { shards: 2, ..RunOptions::default() };
    run_with::<O>(&O::Config::default(), &eventful(TargetKind::Content), 42, &options).0.digest.to_string()
}

#[test]
fn results_are_those_of_model_revision_2() {
    assert_eq!(peerlab_world::MODEL_REVISION, 2);
    let digests = [digest::<Chord>(), digest::<Flooding>(), digest::<CentralIndex>()];
    assert_eq!(digests, ["526925df2630438c63fb3bc7303d57d3", "bd2395062107c1160e15595e738d427d", "13752eb683e69d7b3da7e9fb54b44389"]);
}

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
fn results_are_those_of_model_revision_1() {
    assert_eq!(peerlab_world::MODEL_REVISION, 1);
    let digests = [digest::<Chord>(), digest::<Flooding>(), digest::<CentralIndex>()];
    assert_eq!(digests, ["1676497649869ca73e80a88f0621b600", "7d556b1e45b56d140d8c337c80351fad", "050a3d6a7e891ff10eec4526a1f1023d"]);
}

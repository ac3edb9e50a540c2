//! Timeouts that fit each contact: who knows how long an answer takes need not wait for the longest.

use peerlab_model::Issues;
use peerlab_workload::TargetKind;
use peerlab_world::{LookupRow, Registry, RunOptions};
use serde_json::json;

use crate::support::{metric, stormy};

const SEEDS: u64 = 4;

/// Latency, timeouts and success of lookups, means of a few seeds.
fn ran(model: &str, routing: Option<&str>, adaptive: bool) -> [f64; 3] {
    let registry = Registry::builtin();
    let model = registry.models().find(|known| known.name == model).expect("a model of ours");
    let mut parameters = json!({ "request_timeout": "2 s", "adaptive_timeouts": adaptive });
    if let Some(routing) = routing {
        parameters["routing"] = json!(routing);
    }
    let topology = model.configure(parameters).expect("a model with these parameters");
    let mut issues = Issues::new();
    topology.check(150, 1, &mut issues);
    assert!(issues.list().is_empty(), "{:?}", issues.list());
    let mut sums = [0.0; 3];
    for seed in 1..=SEEDS {
        let mut rows = Vec::<LookupRow>::new();
        let record = topology.run(&stormy(150, TargetKind::Key), seed, &RunOptions::default(), &mut rows);
        let record = record.unwrap_or_else(|error| panic!("{error}"));
        for (sum, name) in sums.iter_mut().zip(["lookup_latency_mean", "lookup_timeouts_mean", "lookup_success_ratio"]) {
            *sum += metric(&record, name);
        }
    }
    sums.map(|sum| sum / SEEDS as f64)
}

#[test]
fn lookups_under_churn_wait_less_where_timeouts_are_adaptive() {
    let models = [
        ("chord", Some("iterative")),
        ("chord", Some("semi-recursive")),
        ("chord", Some("recursive")),
        ("koorde", Some("semi-recursive")),
        ("kademlia", Some("recursive")),
        ("accordion", None),
        ("can", None),
    ];
    for (model, routing) in models {
        let [fixed, adaptive] = [false, true].map(|adaptive| ran(model, routing, adaptive));
        let said = format!("{model} {routing:?}: {fixed:?} fixed, {adaptive:?} adaptive");
        assert!(fixed[1] > 0.02 && adaptive[0] < 0.95 * fixed[0], "{said}");
        // Of round trips between 40 and 160 ms few take longer than expected.
        assert!(adaptive[1] < 2.0 * fixed[1] + 0.1 && adaptive[2] > fixed[2] - 0.03, "{said}");
    }
}

//! What whole runs must agree with: closed forms, published figures, real data.

use std::path::Path;

use peerlab_engine::time::{Span, Time};
use peerlab_model::units::Duration;
use peerlab_model::{Message as _, PeerId};
use peerlab_network::{Latency, MatrixUnit, Missing, NetworkConfig};
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig, ChordMessage, RouteThrough, Routing};
use peerlab_workload::{Action, ChurnConfig, Distribution, EventConfig, TargetKind};
use peerlab_world::{LookupRow, Observer, Outcome, RunOptions, RunRecord, run_observed};

use crate::determinism::event;
use crate::support::{metric, quiet, run_with};

/// No maintenance within a test: tables stay as they were built.
const NEVER: Duration = Duration::secs(1_000_000);

fn still_chord() -> ChordConfig {
    ChordConfig { stabilize_interval: NEVER, fix_fingers_interval: NEVER, check_predecessor_interval: NEVER, ..ChordConfig::default() }
}

/// Chord at rest, through fingers alone: hops to the key's predecessor (Stoica et al. 2003, Fig. 10).
fn hops_at_rest(peers: u32) -> RunRecord {
    let mut conditions = quiet(peers, TargetKind::Key);
    conditions.time.warm_up = Duration::secs(0);
    conditions.time.duration = Duration::secs(60_000 * 10 / u64::from(peers));
    let config = ChordConfig { route_through: RouteThrough::Fingers, ..still_chord() };
    let (record, _) = run_with::<Chord>(&config, &conditions, 5, &RunOptions::default());
    assert_eq!(metric(&record, "lookup_success_ratio"), 1.0);
    record
}

#[test]
fn chord_takes_half_log2_n_hops_through_fingers_alone() {
    for (peers, log) in [(1 << 10, 10.0), (1 << 12, 12.0)] {
        let hops = metric(&hops_at_rest(peers), "hops_mean");
        let expected = 0.5 * log - 0.14;
        assert!((hops - expected).abs() < 0.05, "{peers} peers: {hops} hops, not {expected}");
    }
}

#[test]
fn chord_spreads_hops_as_published() {
    // An independent Monte-Carlo of the paper's Fig. 10b (2^12 nodes), hops 1 to 10.
    const EXPECTED: [f64; 10] = [0.003, 0.017, 0.060, 0.128, 0.203, 0.231, 0.188, 0.118, 0.041, 0.010];
    let record = hops_at_rest(1 << 12);
    let all: u64 = record.hops.iter().sum();
    for (hops, expected) in (1..).zip(EXPECTED) {
        let share = record.hops[hops] as f64 / all as f64;
        assert!((share - expected).abs() < 0.015, "{hops} hops: {share}, not {expected}");
    }
}

/// Stoica et al. 2003, Table II: 1000 nodes, 20 successors, a share fails at once, nothing is repaired, 10,000 lookups.
#[test]
fn chord_survives_simultaneous_failures_as_published() {
    // Share failed; mean path and timeouts as published; the same by an independent Monte-Carlo of the model.
    const TABLE: [(f64, f64, f64, f64, f64); 4] =
        [(0.0, 3.84, 0.0, 3.77, 0.0), (0.1, 4.03, 0.60, 3.91, 0.53), (0.3, 4.44, 2.02, 4.36, 2.26), (0.5, 5.09, 5.10, 5.06, 5.86)];
    for (failed, published_path, published_timeouts, model_path, model_timeouts) in TABLE {
        let mut conditions = quiet(1000, TargetKind::Key);
        conditions.time.warm_up = Duration::secs(0);
        // Nearly nobody asks twice: a peer that has met a dead contact drops it, and the table is of tables that nobody has used yet.
        conditions.lookups.as_mut().expect("there are lookups").interval = Duration::secs(1000);
        conditions.time.duration = Duration::secs(100);
        if failed > 0.0 {
            conditions.events = vec![EventConfig { share: Some(failed), ..event(0, Action::Crash, None) }];
        }
        let config = ChordConfig { successors: 20, routing: Routing::Iterative, ..still_chord() };
        let rows: Vec<_> = (0..40).flat_map(|seed| run_with::<Chord>(&config, &conditions, seed, &RunOptions::default()).1).collect();
        let ended: Vec<_> = rows.iter().filter(|row| row.outcome != Outcome::Open).collect();
        let mean = |of: &dyn Fn(&&LookupRow) -> u32| ended.iter().map(of).sum::<u32>() as f64 / ended.len() as f64;
        let (path, timeouts) = (mean(&|row| row.hops.unwrap_or(0)), mean(&|row| row.timeouts));
        println!(
            "{failed}: path {path:.2} ({published_path}, {model_path}), timeouts {timeouts:.2} ({published_timeouts}, {model_timeouts})"
        );
        assert!(ended.len() > 1500 && ended.iter().all(|row| row.outcome == Outcome::Found), "{failed} failed: all lookups succeed");
        // Some 2,000 lookups, with a deviation of 1.5 hops: three standard errors are 0.1.
        assert!((path - model_path).abs() < 0.15, "{failed} failed: {path} hops");
        assert!((timeouts - model_timeouts).abs() < 0.05 + 0.08 * model_timeouts, "{failed} failed: {timeouts} timeouts");
    }
}

#[test]
fn share_online_is_session_over_session_and_absence() {
    let hour = Duration::secs(3600);
    let sessions = [
        Distribution::Constant { value: Duration::secs(1200) },
        Distribution::Exponential { mean: Duration::secs(1200) },
        Distribution::Weibull { mean: Some(Duration::secs(1200)), scale: None, shape: 0.6 },
        Distribution::Pareto { mean: Some(Duration::secs(1200)), minimum: None, shape: 2.5 },
        Distribution::Lognormal { mean: Some(Duration::secs(1200)), median: None, sigma: 1.0 },
    ];
    for session in sessions {
        let mut conditions = quiet(4000, TargetKind::Key);
        conditions.lookups = None;
        conditions.time.duration = hour;
        conditions.churn = Some(ChurnConfig {
            session: Some(session.clone()),
            offline: Some(Distribution::Exponential { mean: Duration::secs(600) }),
            ..ChurnConfig::default()
        });
        let (record, _) = run_with::<CentralIndex>(&CentralIndexConfig::default(), &conditions, 11, &RunOptions::default());
        let share = metric(&record, "peers_online_mean") / 4000.0;
        // An hour's mean over 4000 independent hosts, each at least as variable as a coin: three standard errors are below 0.025.
        assert!((share - 2.0 / 3.0).abs() < 0.025, "{session:?}: {share} online");
    }
}

/// Delays of messages between random pairs.
#[derive(Default)]
struct Delays(Vec<Span>);

impl Observer<ChordMessage> for Delays {
    fn sent(&mut self, _: Time, _: PeerId, _: PeerId, message: &ChordMessage, delay: Option<Span>) {
        if ChordMessage::KINDS[message.kind()] == "found" {
            self.0.extend(delay);
        }
    }
}

#[test]
fn the_planetlab_matrix_comes_out_of_a_run_as_it_went_in() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/data/planetlab-490-rtt-ms.txt");
    if !file.exists() {
        println!("skipped: the reference data is not here");
        return;
    }
    let mut conditions = quiet(490, TargetKind::Key);
    conditions.network = NetworkConfig {
        latency: Latency::Matrix { file: file.to_string_lossy().into_owned(), unit: MatrixUnit::Ms, missing: Missing::Error },
        ..NetworkConfig::default()
    };
    conditions.time.duration = Duration::secs(600);
    let config = ChordConfig { routing: Routing::SemiRecursive, ..still_chord() };
    let (_, observers) =
        run_observed::<Chord, Delays>(&config, &conditions, 1, &RunOptions::default(), &mut (), Delays::default).expect("it runs");
    let mut trips: Vec<f64> = observers.iter().flat_map(|seen| &seen.0).map(|delay| 2.0 * delay.millis_f64()).collect();
    trips.sort_by(f64::total_cmp);
    let mean = trips.iter().sum::<f64>() / trips.len() as f64;
    let quantile = |share: f64| trips[(trips.len() as f64 * share) as usize];
    assert!(trips.len() > 20_000, "{} answers", trips.len());
    // The matrix's own figures; the pairs are a sample of 30,000, and owners are not asked equally often.
    assert!((mean - 146.84).abs() < 6.0, "mean {mean}");
    assert!((quantile(0.5) - 135.01).abs() < 6.0, "median {}", quantile(0.5));
    assert!((quantile(0.9) - 290.72).abs() < 15.0, "p90 {}", quantile(0.9));
}

#[test]
fn central_index_takes_one_hop_and_waits_as_m_d_1() {
    const PER_SECOND: f64 = 50.0;
    let mut conditions = quiet(400, TargetKind::Peer);
    conditions.network.latency = Latency::Constant { one_way: Duration::millis(50) };
    conditions.time.duration = Duration::secs(2000);
    let config = CentralIndexConfig {
        capacity: Some(PER_SECOND),
        queue: 10_000,
        heartbeat_interval: NEVER,
        peer_timeout: NEVER,
        request_timeout: Duration::secs(50),
        ..CentralIndexConfig::default()
    };
    let (record, rows) = run_with::<CentralIndex>(&config, &conditions, 2, &RunOptions::default());
    // 400 peers that ask every 10 s are 40 questions a second: the server is busy for four fifths of the time.
    let load = 0.8;
    let service = 1000.0 / PER_SECOND;
    let expected = 100.0 + service + load * service / (2.0 * (1.0 - load));
    let latency = metric(&record, "lookup_latency_mean");
    assert!((latency - expected).abs() < 4.0, "{latency} ms, not {expected}");
    assert!(rows.iter().filter(|row| row.outcome == Outcome::Found).all(|row| row.hops == Some(1)));
    assert_eq!(metric(&record, "lookup_success_ratio"), 1.0);
}

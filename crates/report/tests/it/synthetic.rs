//! Made-up results that look like real ones, from a small generator with a fixed seed.

use peerlab_report::{
    directory::{PartWriter, Plan, RunMeasure, Session, SessionPerformance, Start},
    tables::{Event, Hops, Label, Lookup, Message, Peer, Sample, Summary},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What to make up.
#[derive(Clone)]
pub(crate) struct Recipe {
    pub(crate) topologies: Vec<&'static str>,
    pub(crate) repetitions: u32,
    /// Values of a swept `peers.count`; empty: no sweep.
    pub(crate) peers: Vec<u64>,
    /// Lookups of a run.
    pub(crate) lookups: u64,
    /// Whether any lookup is found.
    pub(crate) found: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        let topologies = vec!["chord-8", "flooding", "central-index"];
        Self { topologies, repetitions: 5, peers: Vec::new(), lookups: 3000, found: true }
    }
}

impl Recipe {
    /// The plan of a session that produces it.
    pub(crate) fn plan(&self) -> Plan {
        let points: Vec<Option<u64>> = if self.peers.is_empty() { vec![None] } else { self.peers.iter().copied().map(Some).collect() };
        let mut runs = Vec::new();
        for point in points {
            for topology in &self.topologies {
                for repetition in 1..=self.repetitions {
                    let prefix = point.map(|count| format!("peers.count={count}/")).unwrap_or_default();
                    let sweep = point.iter().map(ToString::to_string).collect();
                    let run = format!("{prefix}{topology}/{repetition}");
                    runs.push(Label { run, topology: (*topology).to_owned(), repetition, sweep });
                }
            }
        }
        Plan {
            scenario: "made-up".to_owned(),
            scenario_toml: format!("name = \"made-up\"\nrepetitions = {}\n", self.repetitions),
            seed: 42,
            version: "0.1.0".to_owned(),
            model_revision: 1,
            swept: if self.peers.is_empty() { Vec::new() } else { vec!["peers.count".to_owned()] },
            runs,
        }
    }

    /// Writes whole results to `out`, without charts.
    pub(crate) fn write(&self, out: &Path) -> PathBuf {
        let session = Session::open(out, self.plan(), Start::Fresh).unwrap();
        for index in 0..session.plan().runs.len() {
            let part = session.part(index).unwrap();
            let topology = index as u64 / u64::from(self.repetitions) % self.topologies.len() as u64;
            self.write_run(part, topology);
        }
        session.assemble(performance()).unwrap().publish().unwrap().path
    }

    /// Writes one run's part; `topology` counts from 0.
    pub(crate) fn write_run(&self, mut part: PartWriter, topology: u64) {
        let label = part.label().clone();
        let peers = label.sweep.first().map_or(2000, |count| count.parse::<u64>().unwrap());
        let mut random = Random(label.run.bytes().fold(17, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte))));
        let mut hops_found = BTreeMap::<u64, u64>::new();
        let mut latencies = Vec::new();
        let mut messages_sum = 0;
        let kind = topology % 3;
        for lookup in 0..self.lookups {
            let time_ns = (lookup * 3_600_000_000_000 / self.lookups) as i64;
            let after_crash = (1_800_000_000_000..2_400_000_000_000).contains(&time_ns);
            let chance = [0.97, 0.80, 0.995][kind as usize] - if after_crash { 0.25 } else { 0.0 } - topology as f64 * 0.01;
            let found = self.found && random.unit() < chance;
            let depth = libm::log2(peers as f64) / 2.0;
            let hops = match kind {
                0 => (depth + 1.4 * random.bell() + topology as f64 * 0.4).round().max(0.0) as u64,
                1 => (2.6 + 0.9 * random.bell()).round().clamp(0.0, 7.0) as u64,
                _ => u64::from(random.unit() > 0.005),
            };
            let messages = match kind {
                0 => hops * 2 + u64::from(hops > 0),
                1 => ((peers as f64 * 1.5) * libm::exp(0.8 * random.bell()) / 4.0) as u64,
                _ => 2 * hops,
            };
            let latency_ms = (hops as f64 * 2.0 * 80.0 * libm::exp(0.35 * random.bell())).max(0.0);
            messages_sum += messages;
            if found {
                *hops_found.entry(hops).or_default() += 1;
                latencies.push(latency_ms);
            }
            part.lookup_row(&Lookup {
                lookup,
                time_ns,
                origin: random.below(peers),
                target: format!("item:{}", random.below(10_000)),
                outcome: if found { "found" } else { "timeout" }.to_owned(),
                hops: found.then_some(hops),
                rounds: None,
                messages,
                bytes: messages * 60,
                timeouts: u64::from(!found),
                latency_ns: found.then_some((latency_ms * 1e6) as u64),
                results: Some(u64::from(found)),
                recall: found.then_some(0.1),
            })
            .unwrap();
        }
        latencies.sort_by(f64::total_cmp);
        let hops = Hops::of_histogram(hops_found.iter().map(|(&hops, &lookups)| (hops, lookups)));
        part.table(self.summary(&hops, &latencies, messages_sum, kind, &mut random)).unwrap();
        part.table(hops).unwrap();
        part.table(samples(kind, peers, &mut random)).unwrap();
        for row in peer_rows(kind, peers, &mut random) {
            part.peer_row(&row).unwrap();
        }
        part.table(timeline(peers)).unwrap();
        let message = Message {
            kind: "FindSuccessor".to_owned(),
            cause: "lookup".to_owned(),
            sent: messages_sum,
            delivered: messages_sum,
            dropped_offline: 0,
            dropped_loss: 0,
            dropped_queue: 0,
            dropped_partition: 0,
            in_flight: 0,
            bytes: messages_sum * 60,
        };
        part.table([message]).unwrap();
        let trace_digest = format!("{:016x}", random.next());
        let measure = RunMeasure { trace_digest, peers, events: 5 * messages_sum, messages: messages_sum, setup_s: 0.5, wall_s: 2.5 };
        part.finish(measure).unwrap();
    }

    fn summary(&self, hops: &[Hops], latencies: &[f64], messages: u64, kind: u64, random: &mut Random) -> Vec<Summary> {
        let found: u64 = hops.iter().map(|row| row.lookups).sum();
        let hop_sum: u64 = hops.iter().map(|row| row.lookups * row.hops).sum();
        let quantile = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied();
        let p95 = hops.iter().find(|row| row.cumulative >= 0.95).map(|row| row.hops as f64);
        let some = |metric: &str, unit: &str, value: Option<f64>| Summary { metric: metric.into(), unit: unit.into(), value };
        vec![
            some("lookup_success_ratio", "1", Some(found as f64 / self.lookups as f64)),
            some("content_availability", "1", Some(0.99 + 0.01 * random.unit())),
            some("hops_mean", "hops", (found > 0).then(|| hop_sum as f64 / found as f64)),
            some("hops_p95", "hops", p95),
            some("lookup_latency_p50", "ms", quantile(0.5)),
            some("lookup_latency_p95", "ms", quantile(0.95)),
            some("messages_per_lookup_mean", "messages", Some(messages as f64 / self.lookups as f64)),
            some("maintenance_bytes_per_peer_s", "B/s", Some([38.0, 4.0, 0.7][kind as usize] + random.unit())),
            some("load_gini", "1", Some([0.31, 0.52, 0.05][kind as usize] + 0.02 * random.unit())),
        ]
    }
}

/// What every made-up session took.
pub(crate) fn performance() -> SessionPerformance {
    SessionPerformance { wall_s: 10.0, peak_memory_bytes: Some(1 << 30), threads: 2, machine: "made up".to_owned() }
}

fn samples(kind: u64, peers: u64, random: &mut Random) -> Vec<Sample> {
    let mut rows = Vec::new();
    for step in -60_i64..=360 {
        let time_ns = step * 10_000_000_000;
        let since = (step - 180) as f64;
        let dip = if since > 0.0 { 0.35 * libm::exp(-since / 40.0) } else { 0.0 };
        let online = peers as f64 * (0.5 - dip * 0.4) + 15.0 * random.bell();
        let level = [0.97, 0.80, 0.99][kind as usize];
        let success = (level - [1.0, 0.4, 0.2][kind as usize] * dip + 0.03 * random.bell()).clamp(0.0, 1.0);
        let row = |metric: &str, unit: &str, value: f64| Sample { time_ns, metric: metric.into(), unit: unit.into(), value: Some(value) };
        rows.push(row("peers_online", "peers", online.round()));
        if step > 0 {
            rows.push(row("lookup_success_ratio", "1", success));
        }
    }
    rows
}

fn peer_rows(kind: u64, peers: u64, random: &mut Random) -> Vec<Peer> {
    let total = peers + u64::from(kind == 2);
    let row = |peer: u64| {
        let role = if peer == peers { "index" } else { "peer" };
        let spread = [0.5, 1.1, 0.1][kind as usize];
        let messages_in = if peer == peers { 1_000_000 } else { (300.0 * libm::exp(spread * random.bell())) as u64 };
        Peer {
            peer,
            class: "cable".to_owned(),
            role: role.to_owned().into(),
            online_ns: 1_800_000_000_000,
            messages_in,
            messages_out: messages_in,
            bytes_in: messages_in * 60,
            bytes_out: messages_in * 60,
            lookups_served: messages_in / 2,
            items: 50,
            state_bytes: 480,
            records: 0,
        }
    };
    (0..total).map(row).collect()
}

fn timeline(peers: u64) -> Vec<Event> {
    let event = |minute: i64, action: &str, peers: u64, note: &str| Event {
        time_ns: minute * 60_000_000_000,
        action: action.to_owned(),
        peers: Some(peers),
        note: note.to_owned(),
        recovery_ns: (action == "crash").then_some(13 * 60_000_000_000),
        dip: None,
        repair_bytes: None,
    };
    vec![event(30, "crash", peers * 3 / 20, "30 % of the peers online, at random"), event(40, "heal", peers * 3 / 20, "crash of 30 min")]
}

/// Weyl's sequence through splitmix64's finaliser: enough for made-up data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Nearly normal: the sum of twelve uniform draws, less six.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

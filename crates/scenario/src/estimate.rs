//! What a plan will take: orders of magnitude, before anything is simulated.
//!
//! Events are guessed from the rates that a scenario states: every parameter named `…interval` is something that each online
//! peer does once in that time, at the cost of a few events; a lookup takes what its family of designs takes. Memory is guessed
//! from the number of peers and copies.
//!
//! # Not here
//! Truth: a guess may be off by a factor of three. Only a plan that is far too large is refused on its account.

use peerlab_model::Family;
use peerlab_model::units::Duration;
use peerlab_transfer::Arrivals;
use peerlab_workload::{AdversaryConfig, Distribution};
use peerlab_world::{Conditions, Registry, Topology};
use serde_json::Value as Json;

use crate::plan::RunPlan;

/// Bytes that a peer takes beside its model's tables: timers, messages, schedule and counters (workload Q at 10^6 peers: about 330).
const BYTES_PER_PEER: u64 = 400;

/// Bytes that a seat takes in which nobody sits: where some hosts have more peers than others, all have room for as many.
const BYTES_PER_VACANT_SEAT: u64 = 200;

/// Bytes that a run takes whatever its size: queues, buffers, histograms.
const BYTES_PER_RUN: u64 = 8 << 20;

/// Bytes that a copy of an item takes: at its holder, in the truth, and in an index or a provider record.
const BYTES_PER_COPY: u64 = 48;

/// Events that a block takes on its way, with what is said about it: request, block, timer of the uplink, news of pieces (a swarm of 5,000 peers: 5.8).
const EVENTS_PER_BLOCK: f64 = 6.0;

/// Bytes that a host's end of a connection takes while it downloads (the same swarm, 40 connections: 43 KB a peer in all).
const BYTES_PER_CONNECTION: u64 = 1000;

/// What a plan will take, roughly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// How many runs there are.
    pub runs: usize,
    /// Peers of the largest run.
    pub peers: u32,
    /// Events of all runs: messages delivered and timers fired.
    pub events: u64,
    /// Bytes that the largest run takes.
    pub largest_run_bytes: u64,
}

impl Estimate {
    /// The estimate of a list of runs.
    pub fn of(plan: &[RunPlan], registry: &Registry) -> Self {
        let mut estimate = Self { runs: plan.len(), ..Self::default() };
        for run in plan {
            let family = registry.get(run.topology.model()).map_or(Family::Structured, |model| model.family);
            let parameters = run.topology.parameters();
            estimate.peers = estimate.peers.max(run.conditions.peers.count);
            let each = run.topology.peers_per_host();
            estimate.events = estimate.events.saturating_add(events(&run.conditions, family, &parameters, each));
            estimate.largest_run_bytes = estimate.largest_run_bytes.max(bytes(&run.conditions, &*run.topology));
        }
        estimate
    }
}

/// Events of one run, with so many peers on each host.
fn events(conditions: &Conditions, family: Family, parameters: &Json, each: u32) -> u64 {
    let online = online_share(conditions) * f64::from(conditions.peers.count);
    let seconds = conditions.time.warm_up.span().secs_f64() + conditions.time.duration.span().secs_f64();
    let per_lookup = match family {
        // Half of log2 N hops of a message, an answer and a timer.
        Family::Structured => 1.5 * libm::log2((online * f64::from(each)).max(2.0)) + 4.0,
        Family::Unstructured => 4.0 * online,
        Family::Hybrid | Family::ClientServer => 4.0,
    };
    let asking = conditions.lookups.as_ref().map_or(0.0, |lookups| per_second(lookups.interval) * per_lookup);
    let content = conditions.items();
    let items_each = f64::from(content.items) * f64::from(content.copies) / f64::from(conditions.peers.count.max(1));
    let intervals = parameters.as_object().into_iter().flatten().filter(|(key, _)| key.ends_with("interval"));
    let upkeep = intervals.filter_map(|(key, value)| {
        let rate = per_second(value.as_str()?.parse().ok()?);
        // Each item is announced like a lookup, and stored in several places; everything else is a timer, a request, an answer and its timeout.
        let cost = match (key.starts_with("republish"), content.items > 0) {
            // Of a host's peers one has items to announce.
            (true, true) => items_each * (per_lookup + 9.0),
            (true, false) => f64::from(each),
            (false, _) => 4.0 * f64::from(each),
        };
        Some(rate * cost)
    });
    (online * seconds * (upkeep.sum::<f64>() + asking) + blocks(conditions, online * seconds) * EVENTS_PER_BLOCK) as u64
}

/// Blocks that move in one run, whose peers are online for so many seconds in all.
fn blocks(conditions: &Conditions, online_seconds: f64) -> f64 {
    let Some(download) = &conditions.download else { return 0.0 };
    let downloads = match download.arrivals {
        Arrivals::Lookups => {
            let asked = conditions.lookups.as_ref().map_or(0.0, |lookups| per_second(lookups.interval) * online_seconds);
            asked * download.share
        }
        Arrivals::FlashCrowd | Arrivals::Poisson | Arrivals::Decay | Arrivals::Trace => f64::from(conditions.peers.count),
    };
    downloads * (conditions.content.size.mean().0 as f64 / download.block.0 as f64).max(1.0)
}

fn per_second(interval: Duration) -> f64 {
    let seconds = interval.span().secs_f64();
    if seconds > 0.0 { 1.0 / seconds } else { 0.0 }
}

/// Bytes of one run.
fn bytes(conditions: &Conditions, topology: &dyn Topology) -> u64 {
    let each = topology.peers_per_host();
    let hosts = u64::from(conditions.peers.count);
    let sybils = sybils(conditions, each);
    let peers = hosts * u64::from(each) + sybils.map_or(0, |(machines, more)| u64::from(machines) * u64::from(more));
    let seats = hosts * u64::from(sybils.map_or(each, |(_, more)| each + more)).next_power_of_two();
    let members = (online_share(conditions) * peers as f64) as u32;
    let content = conditions.items();
    let copies = u64::from(content.items) * u64::from(content.copies);
    let connections = conditions.download.as_ref().map_or(0, |download| u64::from(download.connections));
    let transfers = u64::from(conditions.peers.count) * connections * BYTES_PER_CONNECTION;
    let vacant = seats.saturating_sub(peers) * BYTES_PER_VACANT_SEAT;
    BYTES_PER_RUN
        + transfers
        + peers * BYTES_PER_PEER
        + vacant
        + u64::from(members) * topology.expected_bytes(members)
        + copies * BYTES_PER_COPY
}

/// Machines that have more identities than the `each` of the others, and how many more.
fn sybils(conditions: &Conditions, each: u32) -> Option<(u32, u32)> {
    let of_table = |table: &AdversaryConfig| Some((table.takes_last(conditions.peers.count)?, table.identities.saturating_sub(each)));
    conditions.adversaries.iter().find_map(of_table).filter(|(_, more)| *more > 0)
}

/// The share of peers that are online in the long run.
fn online_share(conditions: &Conditions) -> f64 {
    let Some(churn) = &conditions.churn else { return 1.0 };
    match (churn.session.as_ref().map(Distribution::mean), churn.offline.as_ref().map(Distribution::mean)) {
        (Some(session), Some(offline)) if session + offline > 0.0 => session / (session + offline),
        _ => 1.0,
    }
}

/// Bytes of memory that this machine could give to a program now; nothing where that is not known.
///
/// Linux says it in `/proc/meminfo`; what a container may take is less, and counts.
pub fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let available = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)?;
    Some(available.min(group_limit().unwrap_or(u64::MAX)))
}

/// What the control group leaves, if it limits anything.
fn group_limit() -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<u64>().ok();
    Some(read("memory.max")?.saturating_sub(read("memory.current")?))
}

//! The tracker's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dht::mainline;
use super::tiers::TRACKERS_MAX;
use crate::servers::{check_capacity, check_durations};

/// The most peers that an answer names: as many as common trackers give.
const NUMWANT_MAX: u16 = 200;

/// Time between two keep-alives on a connection (BEP 3: two minutes).
pub(super) const KEEP_ALIVE: Duration = Duration::secs(120);

/// Parameters of BitTorrent's trackers, peer exchange and DHT; docs/models/tracker.md tells their part in the protocols.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrackerConfig {
    /// How many trackers each tier has (BEP 12), the first tier first; 16 in all at the most. They know nothing of each other.
    pub tiers: Vec<u16>,
    /// How peers speak to trackers: "udp" (BEP 15) or "http" (BEP 3, with compact lists of BEP 23). The sizes differ, and a UDP connection serves for a minute.
    pub protocol: Protocol,
    /// Time after which a tracker wants to hear from a peer again (BEP 3's `interval`; trackers in use say 30 min).
    pub interval: Duration,
    /// Time before which it does not want to (`min interval`): a peer that asks for the same item again so soon makes do with whom it knows.
    pub min_interval: Duration,
    /// Peers that a tracker names at the most, 1 to 200 (BEP 15: 50 if the client leaves it to the tracker).
    pub numwant: u16,
    /// A tracker forgets a peer of which it has not heard for this many intervals, above 1.
    pub forget_factor: f64,
    /// Time between a tracker's sweeps for the silent: it forgets them up to this much later.
    pub sweep_interval: Duration,
    /// How long a peer waits for a tracker's answer the first time (BEP 15: 15 s); doubled each time that it has asked all of its trackers in vain.
    pub request_timeout: Duration,
    /// How often that wait is doubled at the most (BEP 15: 8).
    pub doublings: u16,
    /// Time between a peer's scrapes of all its torrents (BEP 48); 0: it does not scrape.
    pub scrape_interval: Duration,
    /// Peers that a question connects to at the same time.
    pub connect_parallel: u8,
    /// Silence after which a connection counts as failed (libtorrent: 15 s).
    pub connect_timeout: Duration,
    /// Connections that a peer keeps for each torrent, 1 to 1000.
    pub connections: u16,
    /// Silence after which a connection is given up: more than BEP 3's two minutes between keep-alives.
    pub connection_timeout: Duration,
    /// How long a peer that has asked for an item stays in its swarm afterwards, without having it.
    pub stay: Duration,
    /// Connected peers tell each other of those that they are connected to (BEP 11).
    pub pex: bool,
    /// Time between two such messages on a connection (BEP 11: at most one a minute).
    pub pex_interval: Duration,
    /// Whether the peers form a Mainline DHT too (BEP 5): "off", "fallback" (holders announce there; who asks turns to it when no tracker has answered) or
    /// "always" (and whoever asks, asks there as well).
    pub dht: Dht,
    /// Messages that a tracker can handle per second; unlimited if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Messages that may wait at a tracker; the next one is dropped. Means nothing without `capacity`.
    pub queue: u32,
}

/// How peers speak to trackers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// BEP 15.
    Udp,
    /// BEP 3 and 23: a TCP connection for each request.
    Http,
}

/// The part of the DHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dht {
    /// None.
    Off,
    /// For who gets no answer from any tracker.
    Fallback,
    /// For everybody.
    Always,
}

impl TrackerConfig {
    /// Trackers in all tiers.
    pub(super) fn trackers(&self) -> u16 {
        self.tiers.iter().fold(0, |sum, &tier| sum.saturating_add(tier))
    }
}

impl Default for TrackerConfig {
    fn default() -> Self {
        Self {
            tiers: vec![1],
            protocol: Protocol::Udp,
            interval: Duration::secs(1800),
            min_interval: Duration::secs(300),
            numwant: 50,
            forget_factor: 1.5,
            sweep_interval: Duration::secs(60),
            request_timeout: Duration::secs(15),
            doublings: 8,
            scrape_interval: Duration::secs(0),
            connect_parallel: 5,
            connect_timeout: Duration::secs(15),
            connections: 20,
            connection_timeout: Duration::secs(300),
            stay: Duration::secs(1800),
            pex: false,
            pex_interval: Duration::secs(60),
            dht: Dht::Off,
            capacity: None,
            queue: 1000,
        }
    }
}

impl OverlayConfig for TrackerConfig {
    /// What a torrent or two and their connections take, and the DHT.
    fn expected_bytes(&self, members: u32) -> u64 {
        let dht = if self.dht == Dht::Off { 0 } else { 128 + mainline().expected_bytes(members) };
        512 + dht
    }

    fn check(&self, _population: u32, issues: &mut Issues) {
        let trackers = self.trackers();
        let possible = (1..=TRACKERS_MAX).contains(&trackers);
        issues.ensure(possible, "tiers", format!("a torrent has 1 to {TRACKERS_MAX} trackers, not {trackers}"));
        issues.ensure(!self.tiers.contains(&0), "tiers", "a tier has at least one tracker");
        let numwant = (1..=NUMWANT_MAX).contains(&self.numwant);
        issues.ensure(numwant, "numwant", format!("an answer names 1 to {NUMWANT_MAX} peers, not {}", self.numwant));
        let connections = (1..=1000).contains(&self.connections);
        issues.ensure(connections, "connections", format!("a torrent has 1 to 1000 connections, not {}", self.connections));
        issues.ensure(self.connect_parallel >= 1, "connect_parallel", "a question connects to at least 1 peer at a time");
        issues.ensure(self.doublings <= 16, "doublings", "16 doublings are the most");
        let durations = [
            ("interval", self.interval),
            ("sweep_interval", self.sweep_interval),
            ("request_timeout", self.request_timeout),
            ("connect_timeout", self.connect_timeout),
            ("pex_interval", self.pex_interval),
        ];
        check_durations(&durations, issues);
        let factor = self.forget_factor > 1.0 && self.forget_factor.is_finite();
        issues.ensure(factor, "forget_factor", "a tracker would forget peers between two of their announces: it must be above 1");
        issues.ensure(
            self.min_interval <= self.interval,
            "min_interval",
            "the least time between announces is no longer than the usual one",
        );
        let message = format!("connections would be given up between two keep-alives: it must be longer than {KEEP_ALIVE}");
        issues.ensure(self.connection_timeout > KEEP_ALIVE, "connection_timeout", message);
        if self.pex && self.pex_interval < Duration::secs(60) {
            issues.warn("pex_interval", "BEP 11 allows one message a minute");
        }
        check_capacity("capacity", self.capacity, issues);
    }
}

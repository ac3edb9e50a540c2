//! The central index's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RateLimit;
use crate::servers::{check_capacity, check_durations};

/// Parameters of a Napster-like index; docs/models/central-index.md tells their part in the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CentralIndexConfig {
    /// Index servers: 1 … 256. A peer registers with one of them, and turns to the next one when that one is silent.
    pub servers: u16,
    /// What several servers know of each other's peers: everything ("replicated"), as much as falls to them ("partitioned", by item), or nothing
    /// ("separate", as Napster's at first).
    pub index: Division,
    /// Time between two rounds in which a server tells the others what is new.
    pub sync_interval: Duration,
    /// Holders that the server names at the most in one answer: 1 … 1000.
    pub results: u16,
    /// Results that it names at the most in one answer to a question by keyword, each an item and a holder of it: 1 … 1000 (OpenNap: 100). Every
    /// item that matches gets as many holders as there is room for, up to `results`.
    pub matches: u16,
    /// Which holders, where there are more than that.
    pub select: Select,
    /// Time between a peer's heartbeats to the server.
    pub heartbeat_interval: Duration,
    /// Silence after which the server forgets a peer: more than a heartbeat interval.
    pub peer_timeout: Duration,
    /// Time between the server's sweeps for silent peers: it forgets them up to this much later.
    pub sweep_interval: Duration,
    /// Heartbeats in a row without an acknowledgement after which a peer takes its session for lost.
    pub missed_heartbeats: u8,
    /// How long a peer waits for the server's answer the first time; doubled with each retry.
    pub request_timeout: Duration,
    /// How often a peer asks again before it gives a question up.
    pub retries: u8,
    /// A peer that has lost its session registers again at a random time within this span, so that all of them are no burst.
    pub rejoin_spread: Duration,
    /// An item is listed once the peer that registers it has shown a part of it, which the server chooses: who does not have it is not believed.
    pub verify: bool,
    /// Questions that one machine may ask of a server, `{ rate, burst }`: what is beyond is turned away unread. Absent: as many as it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Messages that the server can handle per second; unlimited if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Messages that may wait at the server; the next one is dropped. Means nothing without `capacity`.
    pub queue: u32,
}

/// The most index servers: each tells all others what it knows.
const SERVERS_MAX: u16 = 256;

/// What several index servers know of each other's peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Division {
    /// All that there is: each server answers every question itself.
    Replicated,
    /// Who is there, and the holders of the items that fall to the server: questions for others are passed on.
    Partitioned,
    /// Nothing: a question finds what is registered with the same server.
    Separate,
}

/// Which of the known holders an answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// A uniformly random choice: spreads the load over the holders.
    Random,
    /// Those that registered the item last, the latest first: the least likely to have gone since, under exponential sessions.
    Recent,
}

impl Default for CentralIndexConfig {
    fn default() -> Self {
        Self {
            servers: 1,
            index: Division::Replicated,
            sync_interval: Duration::secs(1),
            results: 20,
            matches: 100,
            select: Select::Random,
            heartbeat_interval: Duration::secs(60),
            peer_timeout: Duration::secs(180),
            sweep_interval: Duration::secs(30),
            missed_heartbeats: 2,
            request_timeout: Duration::secs(2),
            retries: 3,
            rejoin_spread: Duration::secs(10),
            verify: false,
            rate_limit: None,
            capacity: None,
            queue: 1000,
        }
    }
}

impl OverlayConfig for CentralIndexConfig {
    fn check(&self, _population: u32, issues: &mut Issues) {
        let possible = (1..=SERVERS_MAX).contains(&self.servers);
        issues.ensure(possible, "servers", format!("there are 1 to {SERVERS_MAX} index servers, not {}", self.servers));
        issues.ensure((1..=1000).contains(&self.results), "results", format!("an answer names 1 to 1000 holders, not {}", self.results));
        issues.ensure((1..=1000).contains(&self.matches), "matches", format!("an answer has 1 to 1000 results, not {}", self.matches));
        let durations = [
            ("heartbeat_interval", self.heartbeat_interval),
            ("peer_timeout", self.peer_timeout),
            ("sweep_interval", self.sweep_interval),
            ("request_timeout", self.request_timeout),
            ("sync_interval", self.sync_interval),
        ];
        check_durations(&durations, issues);
        let timeout_helps = self.peer_timeout > self.heartbeat_interval;
        let message = "the server would forget peers between two of their heartbeats: it must be longer than heartbeat_interval";
        issues.ensure(timeout_helps, "peer_timeout", message);
        issues.ensure(self.missed_heartbeats >= 1, "missed_heartbeats", "a session can only be lost after at least 1 missed heartbeat");
        issues.ensure(self.retries <= 16, "retries", "16 retries is the most: the wait doubles with each");
        check_capacity("capacity", self.capacity, issues);
        RateLimit::check(self.rate_limit, "rate_limit", issues);
    }
}

//! The baseline's parameters.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RateLimit;
use crate::servers::{check_capacity, check_durations};

/// The most servers behind a balancer.
const SERVERS_MAX: u16 = 1000;

/// Parameters of client and server; docs/models/client-server.md tells their part in the protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClientServerConfig {
    /// Servers, each of which holds all items: 1 … 1000. Where there are several, a balancer stands before them.
    pub servers: u16,
    /// Items that an answer to a question by keyword names at the most: 1 … 1000 (as in `central-index`).
    pub matches: u16,
    /// Requests that one client may send to the server, or to the balancer, `{ rate, burst }`: what is beyond is turned away unread. Absent: as many as
    /// it likes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Messages that a server can handle per second; unlimited if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Messages that may wait at a server, or at the balancer; the next one is dropped. Means nothing without a capacity.
    pub queue: u32,
    /// Which server gets the next request (nginx's methods).
    pub balance: Balance,
    /// Messages that the balancer can handle per second, answers included; unlimited if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancer_capacity: Option<f64>,
    /// How long the balancer waits for a server's answer; then it passes the request to the next one.
    pub relay_timeout: Duration,
    /// Unanswered requests within `fail_timeout` after which a server counts as down (nginx: 1).
    pub max_fails: u16,
    /// How long a server counts as down (nginx: 10 s).
    pub fail_timeout: Duration,
    /// How long a client waits for an answer the first time; doubled with each retry.
    pub request_timeout: Duration,
    /// How often a client asks again before it gives a question up.
    pub retries: u8,
}

/// How a balancer chooses among the servers that are not down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// Uniformly at random.
    Random,
    /// The one with the fewest requests in progress, in turn among equals.
    LeastConnections,
    /// Of two drawn at random the one with fewer requests in progress (Mitzenmacher 2001).
    TwoChoices,
}

impl ClientServerConfig {
    pub(super) fn has_balancer(&self) -> bool {
        self.servers > 1
    }
}

impl Default for ClientServerConfig {
    fn default() -> Self {
        Self {
            servers: 1,
            matches: 100,
            rate_limit: None,
            capacity: None,
            queue: 1000,
            balance: Balance::RoundRobin,
            balancer_capacity: None,
            relay_timeout: Duration::secs(1),
            max_fails: 1,
            fail_timeout: Duration::secs(10),
            request_timeout: Duration::secs(2),
            retries: 3,
        }
    }
}

impl OverlayConfig for ClientServerConfig {
    fn check(&self, _population: u32, issues: &mut Issues) {
        let possible = (1..=SERVERS_MAX).contains(&self.servers);
        issues.ensure(possible, "servers", format!("there are 1 to {SERVERS_MAX} servers, not {}", self.servers));
        issues.ensure((1..=1000).contains(&self.matches), "matches", format!("an answer names 1 to 1000 items, not {}", self.matches));
        for (key, capacity) in [("capacity", self.capacity), ("balancer_capacity", self.balancer_capacity)] {
            check_capacity(key, capacity, issues);
        }
        RateLimit::check(self.rate_limit, "rate_limit", issues);
        let durations =
            [("relay_timeout", self.relay_timeout), ("fail_timeout", self.fail_timeout), ("request_timeout", self.request_timeout)];
        check_durations(&durations, issues);
        issues.ensure(self.max_fails >= 1, "max_fails", "a server can only be taken for down after at least 1 request without an answer");
        issues.ensure(self.retries <= 16, "retries", "16 retries is the most: the wait doubles with each");
        if !self.has_balancer() && self.balancer_capacity.is_some() {
            issues.warn("balancer_capacity", "one server has no balancer: this means nothing");
        }
    }

    fn expected_bytes(&self, _members: u32) -> u64 {
        0
    }
}

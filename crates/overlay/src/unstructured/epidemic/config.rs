//! The parameters of epidemics.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, OverlayConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::unstructured::membership::{Membership, MembershipConfig};

/// The most partners that a peer contacts in a cycle.
pub(super) const FANOUT_MAX: usize = 32;

/// The parameters of Demers et al. 1987, sections 1.3 to 1.5; docs/models/epidemic.md says where we differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EpidemicConfig {
    /// A named set of the other parameters, which replaces the defaults: `"infect-and-die"`, one round of pushes by each peer that hears a
    /// rumour. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Who sends in a contact: the one who makes it, the one who is contacted, or both.
    pub mode: Mode,
    /// A peer learns whether a contact was necessary, and only those that were not make it lose interest (the paper: feedback). Without it
    /// every contact counts (blind).
    pub feedback: bool,
    /// When a peer loses interest in a rumour: `{ counter = k }`, after k cycles in a row whose contacts were unnecessary (blind: after k
    /// cycles with contacts); `{ coin = k }`, with probability 1/k after each such cycle.
    pub stop: Stop,
    /// Partners that a peer contacts in each cycle: 1 to 32 (paper: 1).
    pub fanout: u32,
    /// The length of a cycle. It should be longer than a contact takes.
    pub period: Duration,
    /// When a peer's cycles begin: at a time of its own, since peers have no common clock, or all at the same instant, as the paper simulates
    /// it. Then all that happens in one cycle counts as one moment: who has heard a rumour in the present cycle needs it still, whoever else
    /// sends it, and does not pass it on before the next.
    pub phases: Phases,
    /// Who is contacted: any peer that is online (the paper's assumption: each site knows all sites; here a membership service gives an
    /// address), or somebody from a list of `view` addresses of the peer's own.
    pub partners: Partners,
    /// A membership by gossip whose views give the partners: "cyclon", "hyparview" or "newscast". Absent: `partners` says who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub membership: Option<MembershipConfig>,
    /// Addresses that a peer keeps with `partners = "view"`: of random others to begin with; one that does not answer is replaced by another.
    pub view: u16,
    /// Contacts by others that a peer accepts in a cycle; 0 for any number (paper, section 1.4: connection limit).
    pub connection_limit: u32,
    /// How often a peer that is refused, or gets no answer, tries somebody else in the same cycle (paper: hunt limit).
    pub hunt_limit: u32,
    /// Silence after which a contact has failed. Contacts are asked for first, and so can fail, with a connection limit or a view; otherwise
    /// nobody waits for anybody.
    pub timeout: Duration,
    /// How often a peer compares all that it knows with a random partner, and each sends what the other lacks (paper, section 1.5: backing
    /// up a complex epidemic). What is learnt so is not passed on as a rumour. 0 s: never.
    pub anti_entropy: Duration,
}

/// A named set of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Each peer that hears a rumour sends it to `fanout` others once, and is done: blind, a counter of 1, fan-out 4.
    InfectAndDie,
}

/// Who sends in a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The one who makes it: peers with rumours look for others.
    Push,
    /// The one who is contacted: all peers look for rumours, always.
    Pull,
    /// Both.
    PushPull,
}

impl Mode {
    pub(super) fn pushes(self) -> bool {
        self != Self::Pull
    }

    pub(super) fn pulls(self) -> bool {
        self != Self::Push
    }
}

/// When a peer loses interest in a rumour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stop {
    /// After so many unnecessary cycles in a row.
    Counter(u32),
    /// With probability 1/k after each unnecessary cycle.
    Coin(u32),
}

/// When cycles begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phases {
    /// At a time of each peer's own.
    Random,
    /// At multiples of the period.
    Synchronous,
}

/// Who is contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Partners {
    /// Any peer that is online, all alike.
    Uniform,
    /// Somebody of a list of one's own.
    View,
}

impl Default for EpidemicConfig {
    fn default() -> Self {
        Self {
            preset: None,
            mode: Mode::Push,
            feedback: true,
            stop: Stop::Counter(3),
            fanout: 1,
            period: Duration::secs(1),
            phases: Phases::Random,
            partners: Partners::Uniform,
            membership: None,
            view: 30,
            connection_limit: 0,
            hunt_limit: 0,
            timeout: Duration::millis(500),
            anti_entropy: Duration::default(),
        }
    }
}

impl OverlayConfig for EpidemicConfig {
    fn check(&self, population: u32, issues: &mut Issues) {
        let range = 1..=FANOUT_MAX as u32;
        issues.ensure(range.contains(&self.fanout), "fanout", format!("1 to {FANOUT_MAX} partners in a cycle, not {}", self.fanout));
        let (Stop::Counter(k) | Stop::Coin(k)) = self.stop;
        issues.ensure(k >= 1, "stop", "who loses interest before the first contact tells nobody: 1 is the least");
        for (key, duration) in [("period", self.period), ("timeout", self.timeout)] {
            issues.ensure(duration.span().nanos() >= 1_000_000, key, "too short: 1 ms is the least");
        }
        let anti_entropy = self.anti_entropy.span().nanos();
        issues.ensure(anti_entropy == 0 || anti_entropy >= 1_000_000, "anti_entropy", "0 s for never, or at least 1 ms");
        if self.partners == Partners::View {
            let view = u32::from(self.view);
            issues.ensure(view >= 1, "view", "a peer that knows nobody tells nobody: 1 is the least");
            if view < self.fanout {
                issues.warn("fanout", format!("a view of {view} has no {} different partners", self.fanout));
            }
            if view >= population {
                issues.warn("view", format!("{population} peers do not fill a view of {view}: `partners = \"uniform\"` is that"));
            }
        }
        if let Some(membership) = &self.membership {
            issues.within("membership", |issues| membership.check(issues));
            if membership.protocol().is_none() {
                issues.error(
                    "membership",
                    "an epidemic has no host cache: \"cyclon\", \"hyparview\", \"newscast\", or no `membership` at all",
                );
            }
            if self.partners == Partners::View {
                issues.error("partners", "a view of its own, or those of the `membership`: one of the two");
            }
            if (1..self.fanout).contains(&membership.neighbours()) {
                let message = format!("a view of {} has no {} different partners", membership.neighbours(), self.fanout);
                issues.warn("fanout", message);
            }
        }
        if self.hunt_limit > 0 && !self.asks_first() {
            issues.warn("hunt_limit", "nobody is ever refused without a `connection_limit`, nor missed without a view");
        }
        if self.asks_first() && self.timeout.span() >= self.period.span() {
            issues.warn("timeout", "not shorter than the period: a contact may fail when the next cycle has begun");
        }
    }

    fn expected_bytes(&self, _members: u32) -> u64 {
        128 + if self.partners == Partners::View { u64::from(self.view) * 4 } else { 0 }
    }

    fn presets() -> Vec<(&'static str, Self)> {
        let infect_and_die =
            Self { preset: Some(Preset::InfectAndDie), feedback: false, stop: Stop::Counter(1), fanout: 4, ..Self::default() };
        vec![("infect-and-die", infect_and_die)]
    }
}

impl EpidemicConfig {
    /// The membership that gives partners, if one does.
    pub(super) fn gossip(&self) -> Option<Membership> {
        self.membership.as_ref().and_then(MembershipConfig::protocol)
    }

    /// A contact is asked for before anything is sent: it may be refused, or nobody be there.
    pub(super) fn asks_first(&self) -> bool {
        self.connection_limit > 0 || self.partners == Partners::View
    }
}

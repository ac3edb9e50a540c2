//! Who is online, as far as it is known beforehand: what a newcomer's first contact is drawn from.
//!
//! While shards run there is no live view of the network. This table holds each host's phase as of the last cut, which is
//! enough: later phases follow from [`Lifetimes`], and what the timeline forces upon hosts changes at cuts only.

use std::collections::BTreeMap;

use peerlab_engine::random::{Keyed, Rng, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;

use super::lifetimes::{Lifetimes, Phase};

/// Random hosts that are tried before all of them are looked at.
const TRIES: u32 = 256;

/// The phases of all hosts and the timeline's orders.
///
/// # Cost
/// 16 bytes a host with churn, nothing without; some 40 for each host that the timeline holds.
#[derive(Clone, Debug)]
pub struct Schedule {
    lifetimes: Lifetimes,
    population: u32,
    start: Time,
    states: Vec<State>,
    forced: BTreeMap<u32, Phase>,
    entries: Option<Entries>,
}

/// The number of the phase and, in the lowest bit, whether the host is online in it.
#[derive(Clone, Copy, Debug)]
struct State {
    until: Time,
    number_and_online: u32,
}

/// Hosts of a network that is built by joins come up one after the other.
#[derive(Clone, Copy, Debug)]
struct Entries {
    keyed: Keyed,
    over: Span,
}

impl Schedule {
    /// The schedule of a run that begins at `start`. With `join_over`, hosts come up at times that are uniform in the stretch
    /// of that length after `start`, rather than all at once.
    pub fn new(lifetimes: Lifetimes, population: u32, start: Time, join_over: Option<Span>, streams: Streams) -> Self {
        let first = |host: u32| {
            let Phase { online, until } = lifetimes.initial(HostId(host), start);
            State { until, number_and_online: u32::from(online) }
        };
        let states = if lifetimes.is_constant() { Vec::new() } else { (0..population).map(first).collect() };
        let entries = join_over.map(|over| Entries { keyed: streams.keyed("churn.entries"), over });
        Self { lifetimes, population, start, states, forced: BTreeMap::new(), entries }
    }

    /// The lifetimes that it follows.
    pub fn lifetimes(&self) -> &Lifetimes {
        &self.lifetimes
    }

    /// Before this instant a host is offline whatever its phase: the run's start, or, in a network that is built by joins, its
    /// turn. Dedicated servers are there from the start.
    #[inline]
    pub fn entry(&self, host: HostId) -> Time {
        match &self.entries {
            Some(entries) if host.0 < self.population => {
                let nanos = entries.keyed.rng(u64::from(host.0), 0).below(entries.over.nanos().max(1));
                self.start + Span::from_nanos(nanos)
            }
            _ => self.start,
        }
    }

    /// The number of a host's present phase and the phase itself, as of the last [`Schedule::advance`]; the timeline's orders apart.
    pub fn phase(&self, host: HostId) -> (u32, Phase) {
        match self.states.get(host.0 as usize) {
            None => (0, Phase { online: true, until: Time::MAX }),
            Some(state) => (state.number_and_online >> 1, Phase { online: state.number_and_online & 1 == 1, until: state.until }),
        }
    }

    /// Moves a host on to its next phase: serially, between windows, when its present one has ended. Gives the new one.
    pub fn advance(&mut self, host: HostId) -> (u32, Phase) {
        let (number, phase) = self.following(host, self.phase(host));
        if let Some(state) = self.states.get_mut(host.0 as usize) {
            *state = State { until: phase.until, number_and_online: number << 1 | u32::from(phase.online) };
        }
        (number, phase)
    }

    #[inline]
    fn following(&self, host: HostId, (number, phase): (u32, Phase)) -> (u32, Phase) {
        let number = number + 1;
        let until = self.lifetimes.next(host, number, phase.until, !phase.online);
        (number, Phase { online: !phase.online, until })
    }

    /// The timeline holds a host online or offline until an instant ([`Time::MAX`]: for good), whatever its phase; later orders
    /// replace earlier ones. From then on the host follows its phases again, which have gone on meanwhile. Serially, at a cut.
    pub fn force(&mut self, host: HostId, online: bool, until: Time) {
        self.forced.insert(host.0, Phase { online, until });
    }

    /// Ends the timeline's order for a host. Serially, at a cut.
    pub fn release(&mut self, host: HostId) {
        self.forced.remove(&host.0);
    }

    /// The timeline's order for a host that is in force at `now`.
    #[inline]
    pub fn forced(&self, host: HostId, now: Time) -> Option<Phase> {
        if self.forced.is_empty() {
            return None;
        }
        self.forced.get(&host.0).copied().filter(|order| now < order.until)
    }

    /// True if the host is online at `now`, which is not before the last cut. Exact however many phases lie between: they are
    /// walked through. A phase that begins at `now` has begun.
    pub fn online_at(&self, host: HostId, now: Time) -> bool {
        if let Some(order) = self.forced(host, now) {
            return order.online;
        }
        if self.entries.is_some() && now < self.entry(host) {
            return false;
        }
        if self.states.is_empty() || host.0 >= self.population {
            return true;
        }
        let mut at = self.phase(host);
        while at.1.until <= now {
            at = self.following(host, at);
        }
        at.1.online
    }

    /// A uniformly random host of the population that is online at `now`, other than `asker`; nothing if there is none.
    ///
    /// # Cost
    /// One try for each host that is online over those that there are; if 256 tries fail, all hosts are looked at.
    pub fn random_online(&self, asker: HostId, now: Time, rng: &mut Rng) -> Option<HostId> {
        if self.population == 0 {
            return None;
        }
        for _ in 0..TRIES {
            let host = HostId(rng.below(u64::from(self.population)) as u32);
            if host != asker && self.online_at(host, now) {
                return Some(host);
            }
        }
        // Hardly anybody is online: each of them replaces the one before it with the probability that keeps all equal.
        let mut chosen = None;
        let mut seen = 0;
        for host in (0..self.population).map(HostId) {
            if host != asker && self.online_at(host, now) {
                seen += 1;
                if rng.below(seen) == 0 {
                    chosen = Some(host);
                }
            }
        }
        chosen
    }
}

//! Who is online, as far as it is known beforehand: what a newcomer's first contact is drawn from.
//!
//! While shards run there is no live view of the network. This table holds each host's state as of the last window's end, with
//! the time at which that state ends; what comes after follows from [`Lifetimes`] alone, so any later instant of the present window
//! can be asked for, and the answer does not depend on where the window began. The same goes for identities that cost something: a host counts
//! from the time when it has computed for its first one.
//!
//! # Cost
//! 16 bytes a host, 24 where identities cost something; nothing as long as nobody ever comes or goes.

use peerlab_engine::random::Rng;
use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;
use peerlab_model::units::Duration;
use peerlab_workload::{Identity, Lifetimes};

use crate::conditions::{Conditions, StartKind};

/// Random hosts that are tried before all of them are looked at.
const TRIES: u32 = 256;

/// The states of all hosts of the population.
pub(crate) struct Schedule {
    population: u32,
    entry: Entry,
    /// Empty as long as everybody is online for ever.
    states: Vec<State>,
    /// From when on a host that is online counts, [`Time::MIN`] if it has paid before; of one that is offline, that or [`Time::MAX`]. Empty where
    /// identities cost nothing.
    counts: Vec<Time>,
}

/// When hosts that come online count as being there.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    cost: Span,
    /// Each life has an identity of its own.
    anew: bool,
    /// The network has run for long: everybody has paid before.
    paid: bool,
}

impl Entry {
    pub(crate) fn new(conditions: &Conditions) -> Self {
        Self {
            cost: conditions.peers.identity_cost.map_or(Span::ZERO, Duration::span),
            anew: conditions.churn.as_ref().is_some_and(|churn| churn.identity == Identity::New),
            paid: conditions.start == StartKind::Converged,
        }
    }

    /// From when on a host counts that has come or gone at `at`, and counted from `counts` on before.
    fn next(self, counts: Time, at: Time, online: bool) -> Time {
        match (online, counts) {
            (true, Time::MAX) => at.saturating_add(self.cost),
            (true, _) => counts,
            (false, _) if self.anew || counts > at => Time::MAX,
            (false, _) => Time::MIN,
        }
    }
}

/// A host's state until the next transition, whose number follows.
#[derive(Clone, Copy, Debug)]
struct State {
    until: Time,
    /// The number of the transition at `until`, and in the lowest bit whether the host is online before it.
    transition_and_online: u32,
}

impl State {
    fn new(online: bool, until: Time, transition: u32) -> Self {
        Self { until, transition_and_online: transition << 1 | u32::from(online) }
    }

    fn online(self) -> bool {
        self.transition_and_online & 1 == 1
    }

    fn transition(self) -> u32 {
        self.transition_and_online >> 1
    }
}

impl Schedule {
    /// Everybody is online for ever, until [`Schedule::set`] says otherwise.
    pub(crate) fn new(population: u32, entry: Entry) -> Self {
        let counts = if entry.paid { Time::MIN } else { Time::MAX };
        let counts = if entry.cost > Span::ZERO { vec![counts; population as usize] } else { Vec::new() };
        Self { population, entry, states: Vec::new(), counts }
    }

    /// A host is online from `at` on, or not, until its transition `transition` at `until`. Between windows only.
    pub(crate) fn set(&mut self, at: Time, host: HostId, online: bool, until: Time, transition: u32) {
        if let Some(counts) = self.counts.get_mut(host.0 as usize) {
            *counts = self.entry.next(*counts, at, online);
        }
        if self.states.is_empty() {
            if online && until == Time::MAX {
                return;
            }
            self.states = vec![State::new(true, Time::MAX, 1); self.population as usize];
        }
        self.states[host.0 as usize] = State::new(online, until, transition);
    }

    /// True if the host is online at `now`, which is not before the last window's end, and counts: exact, however many transitions lie between.
    fn online_at(&self, host: HostId, now: Time, lifetimes: &Lifetimes) -> bool {
        let Some(&(mut state)) = self.states.get(host.0 as usize) else { return true };
        let mut counts = self.counts.get(host.0 as usize).copied();
        while state.until <= now {
            let (online, number) = (!state.online(), state.transition());
            counts = counts.map(|counts| self.entry.next(counts, state.until, online));
            state = State::new(online, lifetimes.next(host, number, state.until, online), number + 1);
        }
        state.online() && counts.is_none_or(|counts| counts <= now)
    }

    /// A uniformly random host other than `asker` that is online at `now`; nothing if there is none.
    ///
    /// # Cost
    /// One try for each host that is online over those that there are; if 256 tries fail, all hosts are looked at.
    pub(crate) fn random_online(&self, asker: HostId, now: Time, rng: &mut Rng, lifetimes: &Lifetimes) -> Option<HostId> {
        let fits = |host: HostId| host != asker && self.online_at(host, now, lifetimes);
        for _ in 0..TRIES {
            let host = HostId(rng.below(u64::from(self.population)) as u32);
            if fits(host) {
                return Some(host);
            }
        }
        // Hardly anybody is online: each of them replaces the one before it with the probability that keeps all equal.
        let mut chosen = None;
        for (host, seen) in (0..self.population).map(HostId).filter(|&host| fits(host)).zip(1..) {
            if rng.below(seen) == 0 {
                chosen = Some(host);
            }
        }
        chosen
    }
}

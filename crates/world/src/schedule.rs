//! Who is online, as far as it is known beforehand: what a newcomer's first contact is drawn from.
//!
//! While shards run there is no live view of the network. This table holds each host's state as of the last window's end, with
//! the time at which that state ends; what comes after follows from [`Lifetimes`] alone, so any later instant of the present window
//! can be asked for, and the answer does not depend on where the window began.
//!
//! # Cost
//! 16 bytes a host; nothing as long as nobody ever comes or goes.

use peerlab_engine::random::Rng;
use peerlab_engine::time::Time;
use peerlab_model::HostId;
use peerlab_workload::Lifetimes;

/// Random hosts that are tried before all of them are looked at.
const TRIES: u32 = 256;

/// The states of all hosts of the population.
pub(crate) struct Schedule {
    population: u32,
    /// Empty as long as everybody is online for ever.
    states: Vec<State>,
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
    pub(crate) fn new(population: u32) -> Self {
        Self { population, states: Vec::new() }
    }

    /// A host is online or not until its transition `transition` at `until`. Between windows only.
    pub(crate) fn set(&mut self, host: HostId, online: bool, until: Time, transition: u32) {
        if self.states.is_empty() {
            if online && until == Time::MAX {
                return;
            }
            self.states = vec![State::new(true, Time::MAX, 1); self.population as usize];
        }
        self.states[host.0 as usize] = State::new(online, until, transition);
    }

    /// True if the host is online at `now`, which is not before the last window's end: exact, however many transitions lie between.
    fn online_at(&self, host: HostId, now: Time, lifetimes: &Lifetimes) -> bool {
        let Some(&(mut state)) = self.states.get(host.0 as usize) else { return true };
        while state.until <= now {
            let (online, number) = (!state.online(), state.transition());
            state = State::new(online, lifetimes.next(host, number, state.until, online), number + 1);
        }
        state.online()
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

//! Which queries a peer has seen, and from whom: duplicate suppression and the way back for hits. A model that notes more of a query
//! than that keeps a type of its own in the table.
//!
//! A set-associative table, as in a processor's cache: a query id has two buckets of four entries where it may be, side by
//! side in memory, and an entry is good for a fixed time. What has expired is overwritten in place, so there are no
//! tombstones, no chains and no sweeps in the steady state; a full pair of buckets doubles the table, up to the limit, where
//! the oldest of the eight gives way.
//!
//! # Cost
//! One access of 128 adjacent bytes; no allocation unless it grows. 16 bytes an entry where only the sender is noted, nothing at rest ([`Seen::tidy`]).

use peerlab_engine::random::mix;
use peerlab_model::{LookupId, PeerId, Span, Time};

/// The longest time that a query may be remembered: ages are kept in 32 bits of about a millisecond each.
pub(crate) const LONGEST: Span = Span::from_secs(30 * 86_400);

/// Entries that a query id may be stored in.
const WAYS: usize = 8;

/// In the place of an id: no seat has the number 2^32 − 1, so no query comes from there.
const NOTHING: u64 = u64::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry<T> {
    /// See [`packed`].
    id: u64,
    what: T,
    /// When it was seen, in units of 2^20 ns, modulo 2^32.
    stamp: u32,
}

/// Two cache lines that are fetched as one (more where more than the sender is noted).
#[derive(Clone, Copy, Debug)]
#[repr(align(128))]
struct Set<T>([Entry<T>; WAYS]);

impl<T: Copy> Set<T> {
    /// Nothing in it; `what` fills the places that nobody reads.
    fn empty(what: T) -> Self {
        Self([Entry { id: NOTHING, what, stamp: 0 }; WAYS])
    }
}

const _: () = assert!(size_of::<Set<PeerId>>() == 128);

/// The recently seen queries of one peer, and what it has noted of each: from whom it came first.
#[derive(Clone, Debug)]
pub struct Seen<T = PeerId> {
    /// None, or a power of two.
    sets: Vec<Set<T>>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self { sets: Vec::new() }
    }
}

/// How long and how much to remember.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Age at which an entry expires, in stamps.
    lifetime: u32,
    /// The most sets.
    sets: usize,
}

impl Memory {
    /// Entries are good for `lifetime` (30 days at the most); the table holds up to `entries` of them, at least 8, rounded
    /// down to a power of two.
    pub fn new(lifetime: Span, entries: u32) -> Self {
        let sets = (entries as usize / WAYS).max(1);
        Self { lifetime: (lifetime.min(LONGEST).nanos() >> 20).max(1) as u32, sets: 1 << sets.ilog2() }
    }

    /// Bytes of the largest table that it allows.
    pub fn bytes(self) -> usize {
        self.bytes_of::<PeerId>()
    }

    /// The same where a `T` is noted of each query.
    pub fn bytes_of<T>(self) -> usize {
        self.sets * size_of::<Set<T>>()
    }
}

/// What became of an entry that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has a place.
    Taken,
    /// Its id is there already.
    Known,
    /// There is no room: the table should grow.
    None,
}

fn stamp(now: Time) -> u32 {
    (now.nanos() >> 20) as u32
}

/// An id in one word, so that it is compared at once.
#[inline]
fn packed(id: LookupId) -> u64 {
    u64::from(id.origin) << 32 | u64::from(id.number)
}

impl<T> Entry<T> {
    #[inline]
    fn lives(&self, now: u32, memory: Memory) -> bool {
        self.id != NOTHING && now.wrapping_sub(self.stamp) <= memory.lifetime
    }
}

impl<T: Copy> Seen<T> {
    /// Notes that query `id` came from `what`; `false`, and nothing changes, if it was known already.
    #[inline]
    pub fn insert(&mut self, id: LookupId, what: T, now: Time, memory: Memory) -> bool {
        let now = stamp(now);
        let entry = Entry { id: packed(id), what, stamp: now };
        loop {
            match self.place(entry, now, memory) {
                Place::Taken => return true,
                Place::Known => return false,
                Place::None => self.resize((self.sets.len() * 2).max(1), what, now, memory),
            }
        }
    }

    /// From whom query `id` came first; nothing if it is not remembered (any more).
    #[inline]
    pub fn from(&self, id: LookupId, now: Time, memory: Memory) -> Option<T> {
        self.find(id, stamp(now), memory).map(|entry| entry.what)
    }

    /// What is noted of query `id`, to be changed.
    pub fn get_mut(&mut self, id: LookupId, now: Time, memory: Memory) -> Option<&mut T> {
        let now = stamp(now);
        let id = packed(id);
        let home = (!self.sets.is_empty()).then(|| self.home(id))?;
        let entry = self.sets[home].0.iter_mut().find(|entry| entry.id == id)?;
        entry.lives(now, memory).then_some(&mut entry.what)
    }

    /// True if query `id` is remembered.
    #[inline]
    pub fn contains(&self, id: LookupId, now: Time, memory: Memory) -> bool {
        self.find(id, stamp(now), memory).is_some()
    }

    /// Gives memory back that fewer queries than before no longer need, all of it if nothing is remembered: called now and then.
    pub fn tidy(&mut self, now: Time, memory: Memory) {
        let now = stamp(now);
        let living = || self.entries().filter(|entry| entry.lives(now, memory));
        let (live, any) = (living().count(), living().next().map(|entry| entry.what));
        let Some(what) = any else {
            self.sets = Vec::new();
            return;
        };
        if live * 8 < self.sets.len() * WAYS {
            // Twice what it needs, so that it does not grow again at once.
            self.resize((live * 4).div_ceil(WAYS).next_power_of_two(), what, now, memory);
        }
    }

    /// Bytes that the table takes.
    pub fn bytes(&self) -> usize {
        self.sets.capacity() * size_of::<Set<T>>()
    }

    /// A hint to fetch the part of the table where query `id` may be.
    #[inline]
    pub fn prefetch(&self, id: LookupId) {
        if !self.sets.is_empty() {
            peerlab_prefetch::prefetch::<2, _>(&self.sets[self.home(packed(id))]);
        }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry<T>> {
        self.sets.iter().flat_map(|set| &set.0)
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        (mix(id) as usize) & (self.sets.len() - 1)
    }

    fn find(&self, id: LookupId, now: u32, memory: Memory) -> Option<&Entry<T>> {
        if self.sets.is_empty() {
            return None;
        }
        let id = packed(id);
        let set = &self.sets[self.home(id)];
        set.0.iter().find(|entry| entry.id == id).filter(|entry| entry.lives(now, memory))
    }

    /// Stores the entry, if its id is not known, where a free or an expired one is, or, at the limit, the oldest.
    #[inline]
    fn place(&mut self, new: Entry<T>, now: u32, memory: Memory) -> Place {
        if self.sets.is_empty() {
            return Place::None;
        }
        let full = self.sets.len() >= memory.sets;
        let home = self.home(new.id);
        let set = &mut self.sets[home].0;
        if let Some(same) = set.iter_mut().find(|entry| entry.id == new.id) {
            if same.lives(now, memory) {
                return Place::Known;
            }
            // An expired copy never stands beside a new one.
            *same = new;
            return Place::Taken;
        }
        let free = set.iter().position(|entry| !entry.lives(now, memory));
        let age = |at: &usize| now.wrapping_sub(set[*at].stamp);
        let Some(slot) = free.or_else(|| if full { (0..WAYS).max_by_key(age) } else { None }) else { return Place::None };
        set[slot] = new;
        Place::Taken
    }

    /// `filler` is any value: it fills the places that nobody reads.
    fn resize(&mut self, sets: usize, filler: T, now: u32, memory: Memory) {
        let old = std::mem::replace(&mut self.sets, vec![Set::empty(filler); sets]);
        for entry in old.iter().flat_map(|set| &set.0).filter(|entry| entry.lives(now, memory)) {
            // When shrinking, eight may not fit into one set: then the table takes the next size after all.
            while self.place(*entry, now, memory) == Place::None {
                self.resize(self.sets.len() * 2, filler, now, memory);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use peerlab_engine::random::Streams;

    use super::*;

    const MEMORY_S: u64 = 20;

    fn id(n: u64) -> LookupId {
        LookupId { origin: (n % 977) as u32, number: (n / 977) as u32 }
    }

    /// Goal: nothing is forgotten early, nothing remembered for too long or wrongly. Method: random queries against a map.
    #[test]
    fn remembers_exactly_as_long_as_it_should() {
        let memory = Memory::new(Span::from_secs(MEMORY_S), 1 << 16);
        let mut rng = Streams::new(1).rng("test", 0);
        let (mut seen, mut oracle) = (<Seen>::default(), BTreeMap::<u64, (PeerId, Time)>::new());
        let mut now = Time::from_secs(-100);
        for step in 0..60_000_u64 {
            now = now + Span::from_millis(rng.below(20));
            let n = step / 8 + rng.below(64);
            let from = PeerId(rng.below(1000) as u32);
            let known = oracle.get(&n).filter(|(_, at)| stamp(now).wrapping_sub(stamp(*at)) <= memory.lifetime).map(|&(from, _)| from);
            assert_eq!(seen.from(id(n), now, memory), known, "step {step}");
            assert_eq!(seen.insert(id(n), from, now, memory), known.is_none());
            if known.is_none() {
                oracle.insert(n, (from, now));
            }
            if step % 1000 == 0 {
                seen.tidy(now, memory);
            }
        }
        // 2000 queries of about 10 ms spacing and an eighth of them new: some 250 live.
        assert!(seen.bytes() <= 32 * 1024, "{} bytes", seen.bytes());
        seen.tidy(now + Span::from_secs(MEMORY_S + 1), memory);
        assert_eq!(seen.bytes(), 0, "nothing is remembered, nothing is kept");
    }

    #[test]
    fn the_limit_holds_and_the_oldest_give_way() {
        let memory = Memory::new(Span::from_secs(MEMORY_S), 64);
        let mut seen = <Seen>::default();
        for n in 0..10_000 {
            let now = Time::ZERO + Span::from_millis(n);
            assert!(seen.insert(id(n), PeerId(1), now, memory));
            assert!(seen.contains(id(n), now, memory), "the newest is always there");
            assert!(seen.bytes() <= 64 * 16);
        }
        let now = Time::ZERO + Span::from_millis(10_000);
        assert!((0..9_000).all(|n| !seen.contains(id(n), now, memory)));
    }

    #[test]
    fn a_few_queries_take_a_few_hundred_bytes() {
        let memory = Memory::new(Span::from_secs(MEMORY_S), 8192);
        let mut seen = <Seen>::default();
        assert_eq!(seen.bytes(), 0);
        for n in 0..8 {
            seen.insert(id(n), PeerId(1), Time::ZERO, memory);
        }
        assert_eq!(seen.bytes(), 128);
    }
}

//! The events of one type in the window that is open, and the order in which they are taken.
//!
//! - Where an actor has several events, their order counts: these are sorted by (actor, key), and messages and timers are merged as they are taken.
//! - An event that is the only one of its actor may come whenever it likes: and it comes with its like, by [`Shard::class`]. A processor guesses where a
//!   branch leads from where it led lately; like after like is easily guessed, and that is worth a sixth of a run's time (benches/records/).
//! - A timer that is the only event of its actor and calls nothing forth is handled at once and not put in order at all ([`Shard::quiet_timer`]).
//!
//! Within each class events are taken in the order of their actors, more or less, so that tables are gone through in one direction; and since they are
//! known before they are taken, the state of an actor can be asked for a dozen events ahead.
//!
//! "Actor" here means a group of actors, where they stand in groups (see [`lane`](crate::lane)).
//!
//! # Cost
//! The events are gone through once to list them (8 bytes each), then the list to count them, then both to move each to its place. They are moved,
//! and not an index of them: so they are read one after the other when they are handled, and their chunks are free for what the handlers queue.

use peerlab_prefetch::prefetch;

use crate::key::EventKey;
use crate::lane::Shard;
use crate::time::Time;
use crate::wheel::{Chunks, Timed, Wheel};

/// How many events ahead an actor's state is asked for.
const FAR_AHEAD: usize = 14;
/// How many events ahead what lies behind its pointers is asked for.
const NEAR_AHEAD: usize = 6;
/// How many events ahead what lies behind those is asked for.
const NEXT_AHEAD: usize = 3;
/// Buckets up to this length are sorted by insertion.
const SMALL: u32 = 24;
/// Ranges of actors in the counting sort, at most.
const MAX_RANGES: usize = 1 << 16;
/// Bits that tell the classes of events apart.
const CLASS_BITS: u32 = 3;

/// What a window puts in order.
pub(crate) trait Queued: Timed {
    /// The actor that handles it.
    fn actor(&self) -> u32;
    /// Its place in the order of all events.
    fn key(&self) -> EventKey;

    /// Its place in the order of a window.
    #[inline]
    fn order(&self, group_bits: u32) -> Order {
        Order::new(self.actor() >> group_bits, self.key())
    }
}

/// The place of an event in the order of a window: by group, then by key. In whole words, so that what writes and what reads it agree on their size.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order {
    group: u64,
    time: Time,
    /// Origin and counter.
    who: u64,
}

impl Order {
    /// After every event.
    pub(crate) const NEVER: Self = Self { group: u64::MAX, time: Time::MAX, who: u64::MAX };

    #[inline]
    pub(crate) fn new(group: u32, key: EventKey) -> Self {
        Self { group: u64::from(group), time: key.time, who: u64::from(key.origin) << 32 | u64::from(key.seq) }
    }
}

/// The actors of a lane.
#[derive(Clone, Copy)]
pub(crate) struct Actors {
    pub(crate) base: u32,
    pub(crate) count: u32,
    pub(crate) group_bits: u32,
}

/// Which groups have several events in a window, or may have: groups that share a bit are taken for one.
#[derive(Default)]
pub(crate) struct Crowds {
    /// By bit: that of a group that has an event, and that of one that has several.
    words: Vec<(u64, u64)>,
    mask: u32,
}

impl Crowds {
    /// Nobody has an event; there will be so many.
    pub(crate) fn clear(&mut self, events: usize) {
        let bits = (events * 16).next_power_of_two().clamp(1 << 6, 1 << 31);
        self.mask = bits as u32 - 1;
        self.words.clear();
        self.words.resize(bits >> 6, (0, 0));
    }

    #[inline]
    fn add(&mut self, group: u32) {
        let bit = 1 << (group & 63);
        let (one, several) = &mut self.words[((group & self.mask) >> 6) as usize];
        *several |= *one & bit;
        *one |= bit;
    }

    #[inline]
    fn has(&self, group: u32) -> bool {
        self.words[((group & self.mask) >> 6) as usize].1 >> (group & 63) & 1 == 1
    }
}

/// What decides on an event's place.
#[derive(Clone, Copy, Default)]
struct Entry {
    actor: u32,
    /// The event's class; from when they are counted on, the bucket that it belongs to.
    kin: u32,
}

/// See the module.
pub(crate) struct Opened<E> {
    chunks: Chunks<E>,
    /// Of each event, as they came.
    listed: Vec<Entry>,
    buckets: Vec<u32>,
    /// In the order in which they are taken, up to `len`; then, as before `next`, what is vacant. It only grows.
    events: Vec<E>,
    len: usize,
    /// So many of them, the first ones, are in an order that counts.
    ordered: usize,
    /// The first that has not been taken.
    next: usize,
}

impl<E: Queued> Opened<E> {
    pub(crate) fn new() -> Self {
        let (listed, buckets, events) = (Vec::new(), Vec::new(), Vec::new());
        Self { chunks: Vec::new(), listed, buckets, events, len: 0, ordered: 0, next: 0 }
    }

    /// Takes the events of the wheel's present window, as far as they come before `limit`.
    pub(crate) fn open(&mut self, wheel: &mut Wheel<E>, limit: Option<Time>) {
        wheel.open(&mut self.chunks);
        if let Some(limit) = limit {
            put_back(&mut self.chunks, wheel, limit);
        }
        self.len = self.chunks.iter().map(|chunk| chunk.events().len()).sum();
        assert!(u32::try_from(self.len).is_ok(), "more than 2^32 events in one window");
        self.next = 0;
        self.listed.resize(self.len, Entry::default());
        if self.events.len() < self.len {
            self.events.reserve_exact(self.len - self.events.len());
            self.events.resize_with(self.len, E::vacant);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_over(&self) -> bool {
        self.next == self.len
    }

    /// Lists the events, and tells `crowds` of their groups.
    pub(crate) fn list(&mut self, actors: Actors, crowds: &mut Crowds, class: impl Fn(&E) -> usize) {
        let mut listed = self.listed.iter_mut();
        for (number, chunk) in self.chunks.iter().enumerate() {
            if let Some(next) = self.chunks.get(number + 1) {
                // From its beginning on, the processor sees for itself where this leads.
                prefetch::<8, _>(next.events());
            }
            for (event, entry) in chunk.events().iter().zip(&mut listed) {
                crowds.add(event.actor() >> actors.group_bits);
                *entry = Entry { actor: event.actor(), kin: class(event) as u32 % (1 << CLASS_BITS) };
            }
        }
    }

    /// Lets `handle` see each event of the quiet class that is the only one of its group, and strikes out those that it says it has handled.
    pub(crate) fn handle_quiet<S: Shard>(&mut self, actors: Actors, crowds: &Crowds, shard: &mut S, handle: impl Fn(&mut S, &E) -> bool) {
        let may_be = |entry: &Entry| entry.kin as usize == S::QUIET;
        let coming = |listed: &[Entry], at: usize| listed.get(at).copied().filter(may_be).map(|entry| entry.actor);
        (0..FAR_AHEAD).filter_map(|at| coming(&self.listed, at)).for_each(|actor| shard.prefetch(actor));
        (0..NEAR_AHEAD).filter_map(|at| coming(&self.listed, at)).for_each(|actor| shard.prefetch_for_quiet_timer(actor));
        let (mut at, mut kept) = (0, 0);
        for chunk in &mut self.chunks {
            let mut kept_here = 0;
            for number in 0..chunk.events().len() {
                if let Some(actor) = coming(&self.listed, at + FAR_AHEAD) {
                    shard.prefetch(actor);
                }
                if let Some(actor) = coming(&self.listed, at + NEAR_AHEAD) {
                    shard.prefetch_for_quiet_timer(actor);
                }
                let (events, entry) = (chunk.events_mut(), self.listed[at]);
                at += 1;
                if !may_be(&entry) || crowds.has(entry.actor >> actors.group_bits) || !handle(shard, &events[number]) {
                    events.swap(kept_here, number);
                    self.listed[kept] = entry;
                    kept_here += 1;
                    kept += 1;
                }
            }
            chunk.truncate(kept_here);
        }
        self.listed.truncate(kept);
        self.len = kept;
    }

    /// Puts the events in order, and gives their chunks back.
    pub(crate) fn arrange(&mut self, actors: Actors, crowds: &Crowds, wheel: &mut Wheel<E>) {
        self.ordered = 0;
        if self.len == 0 {
            return wheel.recycle(&mut self.chunks);
        }
        // A bucket is a range of groups: about two events wide where order counts, and where it does not some, one bucket for each class.
        let Actors { base, count: actors, group_bits } = actors;
        let bits = u32::BITS - (actors - 1).leading_zeros();
        let shift_for = |ranges: usize| bits.saturating_sub(ranges.next_power_of_two().min(MAX_RANGES).ilog2()).max(group_bits);
        let (fine, coarse) = (shift_for(self.len / 2), shift_for(self.len / 16));
        let ranges = |shift: u32| ((actors - 1) >> shift) + 1;
        let (ordered, each) = (ranges(fine), ranges(coarse));
        self.buckets.clear();
        self.buckets.resize((ordered + (each << CLASS_BITS)) as usize, 0);
        for Entry { actor, kin } in &mut self.listed {
            let at = *actor - base;
            let free = ordered + *kin * each + (at >> coarse);
            *kin = if crowds.has(*actor >> group_bits) { at >> fine } else { free };
            self.buckets[*kin as usize] += 1;
        }
        let in_order = &self.buckets[..ordered as usize];
        let most = in_order.iter().copied().max().unwrap_or_default();
        self.ordered = in_order.iter().sum::<u32>() as usize;
        let mut start = 0;
        for count in &mut self.buckets {
            start += std::mem::replace(count, start);
        }
        let mut listed = self.listed.iter();
        for chunk in &mut self.chunks {
            for (event, entry) in chunk.events_mut().iter_mut().zip(&mut listed) {
                let place = &mut self.buckets[entry.kin as usize];
                event.move_to(&mut self.events[*place as usize]);
                *place += 1;
            }
        }
        wheel.recycle(&mut self.chunks);
        if most > SMALL {
            // Each bucket's counter now stands at its end.
            let mut begin = 0;
            for &end in &self.buckets[..ordered as usize] {
                self.events[begin..end as usize].sort_unstable_by_key(|event| event.order(group_bits));
                begin = end as usize;
            }
            return;
        }
        // In order but for neighbours.
        let events = &mut self.events[..self.ordered];
        for sorted in 1..events.len() {
            let mut at = sorted;
            while at > 0 && events[at - 1].order(group_bits) > events[at].order(group_bits) {
                events.swap(at - 1, at);
                at -= 1;
            }
        }
    }

    /// The order of the next event, if it counts; else [`Order::NEVER`].
    #[inline]
    pub(crate) fn peek(&self, group_bits: u32) -> Order {
        self.order_of(self.next, group_bits)
    }

    /// The same of the one behind it.
    #[inline]
    pub(crate) fn peek_behind(&self, group_bits: u32) -> Order {
        self.order_of(self.next + 1, group_bits)
    }

    #[inline]
    fn order_of(&self, place: usize, group_bits: u32) -> Order {
        self.events[..self.ordered].get(place).map_or(Order::NEVER, |event| event.order(group_bits))
    }

    /// Takes the next event, of which there must be one.
    #[inline]
    pub(crate) fn take(&mut self) -> &mut E {
        self.next += 1;
        &mut self.events[self.next - 1]
    }

    /// Whose state [`Opened::look_ahead`] will not ask for, since there is nothing before them.
    pub(crate) fn first_actors(&self) -> impl Iterator<Item = u32> {
        self.events[..self.len].iter().take(FAR_AHEAD).map(E::actor)
    }

    /// Asks for what the coming events will touch.
    #[inline]
    pub(crate) fn look_ahead<S: Shard>(&self, shard: &S, prefetch_for: impl FnOnce(&S, &E), prefetch_behind: impl FnOnce(&S, &E)) {
        // One look at their number for all three, but for the last few of a window.
        let coming = &self.events[self.next..self.len];
        let (far, near, next) = match coming.first_chunk::<{ FAR_AHEAD + 1 }>() {
            Some(coming) => (Some(&coming[FAR_AHEAD]), Some(&coming[NEAR_AHEAD]), Some(&coming[NEXT_AHEAD])),
            None => (None, coming.get(NEAR_AHEAD), coming.get(NEXT_AHEAD)),
        };
        if let Some(event) = far {
            shard.prefetch(event.actor());
        }
        if let Some(event) = near {
            prefetch_for(shard, event);
        }
        if let Some(event) = next {
            prefetch_behind(shard, event);
        }
    }
}

/// Queues again, in the present window, what happens at or after `limit`.
fn put_back<E: Timed>(chunks: &mut Chunks<E>, wheel: &mut Wheel<E>, limit: Time) {
    for chunk in chunks {
        let mut at = 0;
        while let Some(event) = chunk.events_mut().get_mut(at) {
            if event.time() >= limit {
                event.move_to(wheel.place_at(event.time()));
                chunk.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }
}

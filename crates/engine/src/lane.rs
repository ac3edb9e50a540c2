//! One shard's part of the engine: its queues, and how it takes a window's events.
//!
//! When a window opens, its events are brought into the order (actor, key): a counting sort on the high bits of the
//! actor, then small sorts. Taking them actor by actor means that an actor's state is fetched once for all of its events, and that
//! the fetch can be asked for a dozen events ahead. That is allowed because nothing that happens within a window at one actor can
//! reach another one within the same window: the order that counts is each actor's own.
//!
//! An event that an actor queues for itself within the open window is merged into the rest of its own.

use peerlab_prefetch::prefetch;

use crate::key::EventKey;
use crate::time::Time;
use crate::wheel::{Chunks, Timed, Wheel, Windows};

/// How many events ahead an actor's state is asked for.
const FAR_AHEAD: usize = 14;
/// How many events ahead what lies behind its pointers is asked for.
const NEAR_AHEAD: usize = 6;
/// Slices up to this length are sorted by insertion.
const SMALL: usize = 24;

/// A population of actors that the engine drives: those with numbers `base … base + n − 1`.
///
/// Handlers see their own actor's events in the order of the keys, and act through an [`Outbox`].
pub trait Shard: Send {
    /// What an actor says to another one.
    type Message: Send;
    /// What an actor tells itself for later.
    type Timer: Copy + Send;

    /// A message arrives at `actor`. `tag` is what the sender gave.
    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, tag: u32, message: Self::Message);

    /// A timer of `actor` goes off.
    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Self::Timer);

    /// The run has ended while this message was on its way.
    fn undelivered(&mut self, _message: Self::Message) {}

    /// `actor` will have an event soon: bring its state near. A hint.
    fn prefetch(&self, _actor: u32) {}

    /// `actor` will have an event very soon: bring near what its state points at. A hint.
    fn prefetch_deep(&self, _actor: u32) {}
}

/// A message in the queue.
pub(crate) struct Mail<M> {
    key: EventKey,
    actor: u32,
    tag: u32,
    /// Taken out when the message is handled.
    message: Option<M>,
}

/// A timer in the queue; its origin is its actor.
#[derive(Clone, Copy)]
struct Alarm<T> {
    time: Time,
    actor: u32,
    seq: u32,
    timer: T,
}

impl<M> Timed for Mail<M> {
    #[inline]
    fn time(&self) -> Time {
        self.key.time
    }
}

impl<T> Timed for Alarm<T> {
    #[inline]
    fn time(&self) -> Time {
        self.time
    }
}

/// The place of an event of the open window: its order, and where it lies.
#[derive(Clone, Copy)]
struct Place {
    actor: u32,
    /// Position in the open chunks; the highest bit tells timers from messages.
    at: u32,
    key: EventKey,
}

const TIMER: u32 = 1 << 31;
const VACANT: Place = Place { actor: 0, at: 0, key: EventKey { time: Time::ZERO, origin: 0, seq: 0 } };

impl Place {
    #[inline]
    fn order(&self) -> (u32, EventKey) {
        (self.actor, self.key)
    }
}

/// Something that an actor queued for itself within the open window.
struct Own<M, T> {
    time: Time,
    seq: u32,
    what: OwnEvent<M, T>,
}

enum OwnEvent<M, T> {
    Message(u32, M),
    Timer(T),
}

/// The queues of a shard, and the window that is open.
pub(crate) struct Queues<M, T> {
    windows: Windows,
    messages: Wheel<Mail<M>>,
    timers: Wheel<Alarm<T>>,
    /// The window that is open, or was last.
    window: u64,
    /// Events before this instant belong to the part of the window that is being taken.
    limit: Time,
    /// What the present actor queued for itself before `limit`, the latest first.
    own: Vec<Own<M, T>>,
    /// Mail for other shards.
    outgoing: Vec<Vec<Mail<M>>>,
    me: usize,
    actors_per_shard: u32,
}

/// What a handler acts through.
pub struct Outbox<'a, S: Shard + ?Sized> {
    queues: &'a mut Queues<S::Message, S::Timer>,
    actor: u32,
}

impl<S: Shard + ?Sized> Outbox<'_, S> {
    /// Sends `message` to `to`, to arrive at `key.time`. `key.origin` and `key.seq` are the sender's.
    ///
    /// # Panics
    /// If it arrives within the window in which it is sent: the delay was below the lookahead.
    #[inline]
    pub fn send(&mut self, to: u32, key: EventKey, tag: u32, message: S::Message) {
        let queues = &mut *self.queues;
        assert!(queues.windows.of(key.time) > queues.window, "a message of {} arrives within the window of its sending", key.origin);
        let mail = Mail { key, actor: to, tag, message: Some(message) };
        let shard = if queues.outgoing.len() == 1 { 0 } else { (to / queues.actors_per_shard) as usize };
        if shard == queues.me {
            queues.messages.push(mail);
        } else {
            queues.outgoing[shard].push(mail);
        }
    }

    /// Sets a timer of the present actor.
    #[inline]
    pub fn timer(&mut self, at: Time, seq: u32, timer: S::Timer) {
        if at < self.queues.limit {
            self.queues.insert_own(at, seq, OwnEvent::Timer(timer));
        } else {
            self.queues.timers.push(Alarm { time: at, actor: self.actor, seq, timer });
        }
    }

    /// Queues a message again for the present actor itself, under its own key: it will be handled at `at`.
    #[inline]
    pub fn postpone(&mut self, at: Time, seq: u32, tag: u32, message: S::Message) {
        if at < self.queues.limit {
            self.queues.insert_own(at, seq, OwnEvent::Message(tag, message));
        } else {
            let key = EventKey { time: at, origin: self.actor, seq };
            self.queues.messages.push(Mail { key, actor: self.actor, tag, message: Some(message) });
        }
    }
}

impl<M, T> Queues<M, T> {
    fn insert_own(&mut self, time: Time, seq: u32, what: OwnEvent<M, T>) {
        let at = self.own.partition_point(|own| (own.time, own.seq) > (time, seq));
        self.own.insert(at, Own { time, seq, what });
    }
}

/// A shard with its queues.
pub(crate) struct Lane<S: Shard> {
    shard: S,
    base: u32,
    actors: u32,
    queues: Queues<S::Message, S::Timer>,
    open_messages: Chunks<Mail<S::Message>>,
    open_timers: Chunks<Alarm<S::Timer>>,
    order: Vec<Place>,
    buckets: Vec<u32>,
}

impl<S: Shard> Lane<S> {
    pub(crate) fn new(shard: S, me: usize, shards: usize, base: u32, actors: u32, actors_per_shard: u32, windows: Windows) -> Self {
        let queues = Queues {
            windows,
            messages: Wheel::new(windows),
            timers: Wheel::new(windows),
            window: 0,
            limit: windows.epoch,
            own: Vec::new(),
            outgoing: std::iter::repeat_with(Vec::new).take(shards).collect(),
            me,
            actors_per_shard,
        };
        Self { shard, base, actors, queues, open_messages: Vec::new(), open_timers: Vec::new(), order: Vec::new(), buckets: Vec::new() }
    }

    pub(crate) fn shard(&self) -> &S {
        &self.shard
    }

    pub(crate) fn shard_mut(&mut self) -> &mut S {
        &mut self.shard
    }

    /// The shard, after it has been shown what was still on its way.
    pub(crate) fn into_shard(mut self) -> S {
        for mail in self.queues.messages.into_events() {
            if let Some(message) = mail.message {
                self.shard.undelivered(message);
            }
        }
        self.shard
    }

    /// Acts on behalf of `actor` between two parts of a window.
    pub(crate) fn act<R>(&mut self, actor: u32, act: impl FnOnce(&mut S, &mut Outbox<'_, S>) -> R) -> R {
        let result = act(&mut self.shard, &mut Outbox { queues: &mut self.queues, actor });
        assert!(self.queues.own.is_empty(), "between two windows, actor {actor} queued something for itself in the past");
        result
    }

    /// A window before which this shard has nothing to do.
    pub(crate) fn bound(&self) -> Option<u64> {
        match (self.queues.messages.bound(), self.queues.timers.bound()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Events that wait in the queues.
    pub(crate) fn pending(&self) -> usize {
        self.queues.messages.len() + self.queues.timers.len()
    }

    pub(crate) fn outgoing(&mut self, shard: usize) -> &mut Vec<Mail<S::Message>> {
        &mut self.queues.outgoing[shard]
    }

    pub(crate) fn receive(&mut self, mail: &mut Vec<Mail<S::Message>>) {
        for message in mail.drain(..) {
            self.queues.messages.push(message);
        }
    }

    /// Moves the present to `window`, and its beginning to `from`: what is set before `from` is in the past.
    pub(crate) fn advance(&mut self, window: u64, from: Time) {
        self.queues.window = window;
        self.queues.limit = from;
        self.queues.messages.advance(window);
        self.queues.timers.advance(window);
    }

    /// Handles all events of the present window that happen before `limit`.
    pub(crate) fn run(&mut self, limit: Time) {
        self.queues.limit = limit;
        self.queues.messages.open(&mut self.open_messages);
        self.queues.timers.open(&mut self.open_timers);
        if limit < self.queues.windows.end(self.queues.window) {
            put_back(&mut self.open_messages, &mut self.queues.messages, limit);
            put_back(&mut self.open_timers, &mut self.queues.timers, limit);
        }
        self.sort();
        self.handle_all();
        self.queues.messages.recycle(&mut self.open_messages);
        self.queues.timers.recycle(&mut self.open_timers);
    }

    /// Fills `order` with the places of the open events, sorted.
    fn sort(&mut self) {
        let total = count(&self.open_messages) + count(&self.open_timers);
        assert!(total < TIMER as usize, "more than 2^31 events in one window");
        self.order.clear();
        if total == 0 {
            return;
        }
        self.order.resize(total, VACANT);
        // About four events per bucket; a bucket is a range of actors.
        let wanted = (total / 4).next_power_of_two().min(1 << 16).trailing_zeros();
        let shift = (u32::BITS - (self.actors - 1).leading_zeros()).saturating_sub(wanted);
        let bucket_count = ((self.actors - 1) >> shift) as usize + 1;
        self.buckets.clear();
        self.buckets.resize(bucket_count, 0);
        let bucket = |actor: u32| ((actor - self.base) >> shift) as usize;
        for mail in self.open_messages.iter().flatten() {
            self.buckets[bucket(mail.actor)] += 1;
        }
        for alarm in self.open_timers.iter().flatten() {
            self.buckets[bucket(alarm.actor)] += 1;
        }
        let mut start = 0;
        for count in &mut self.buckets {
            start += std::mem::replace(count, start);
        }
        let (order, buckets) = (&mut self.order, &mut self.buckets);
        let mut place = |place: Place| {
            let next = &mut buckets[bucket(place.actor)];
            order[*next as usize] = place;
            *next += 1;
        };
        for_each_place(&self.open_messages, |at, mail| place(Place { actor: mail.actor, at, key: mail.key }));
        for_each_place(&self.open_timers, |at, alarm| {
            let key = EventKey { time: alarm.time, origin: alarm.actor, seq: alarm.seq };
            place(Place { actor: alarm.actor, at: at | TIMER, key });
        });
        // Each bucket's counter now stands at its end.
        let mut begin = 0;
        for &end in self.buckets.iter() {
            sort_small(&mut self.order[begin..end as usize]);
            begin = end as usize;
        }
    }

    fn handle_all(&mut self) {
        for place in self.order.iter().take(FAR_AHEAD) {
            self.shard.prefetch(place.actor);
        }
        for place in self.order.iter().take(NEAR_AHEAD) {
            self.shard.prefetch_deep(place.actor);
        }
        for index in 0..self.order.len() {
            if let Some(ahead) = self.order.get(index + FAR_AHEAD) {
                self.shard.prefetch(ahead.actor);
                self.prefetch_event(ahead.at);
            }
            if let Some(ahead) = self.order.get(index + NEAR_AHEAD) {
                self.shard.prefetch_deep(ahead.actor);
            }
            let place = self.order[index];
            self.handle(place);
            if !self.queues.own.is_empty() {
                let next = self.order.get(index + 1).filter(|next| next.actor == place.actor).map(|next| next.key);
                self.handle_own(place.actor, next);
            }
        }
    }

    #[inline]
    fn prefetch_event(&self, at: u32) {
        if at & TIMER == 0 {
            let (chunk, slot) = locate(at);
            prefetch::<1, _>(&self.open_messages[chunk][slot]);
        }
    }

    #[inline]
    fn handle(&mut self, place: Place) {
        let mut out = Outbox { queues: &mut self.queues, actor: place.actor };
        let (chunk, slot) = locate(place.at & !TIMER);
        if place.at & TIMER == 0 {
            let mail = &mut self.open_messages[chunk][slot];
            let message = mail.message.take().expect("a message is handled once");
            self.shard.message(&mut out, place.actor, place.key, mail.tag, message);
        } else {
            let timer = self.open_timers[chunk][slot].timer;
            self.shard.timer(&mut out, place.actor, place.key, timer);
        }
    }

    /// Handles what `actor` queued for itself within the window, as far as it comes before `next`.
    #[cold]
    fn handle_own(&mut self, actor: u32, next: Option<EventKey>) {
        while let Some(own) = self.queues.own.last() {
            let key = EventKey { time: own.time, origin: actor, seq: own.seq };
            if next.is_some_and(|next| next < key) {
                return;
            }
            let own = self.queues.own.pop().expect("seen above");
            let mut out = Outbox { queues: &mut self.queues, actor };
            match own.what {
                OwnEvent::Message(tag, message) => self.shard.message(&mut out, actor, key, tag, message),
                OwnEvent::Timer(timer) => self.shard.timer(&mut out, actor, key, timer),
            }
        }
    }
}

fn count<E>(chunks: &Chunks<E>) -> usize {
    chunks.iter().map(Vec::len).sum()
}

/// Chunks hold at most this many events, so a position is a chunk and a slot.
const SLOT_BITS: u32 = crate::wheel::CHUNK.trailing_zeros();

#[inline]
fn locate(at: u32) -> (usize, usize) {
    ((at >> SLOT_BITS) as usize, (at & ((1 << SLOT_BITS) - 1)) as usize)
}

fn for_each_place<E>(chunks: &Chunks<E>, mut visit: impl FnMut(u32, &E)) {
    for (chunk_index, chunk) in chunks.iter().enumerate() {
        for (slot, event) in chunk.iter().enumerate() {
            visit((chunk_index as u32) << SLOT_BITS | slot as u32, event);
        }
    }
}

/// Queues again, in the present window, what happens at or after `limit`.
fn put_back<E: Timed>(chunks: &mut Chunks<E>, wheel: &mut Wheel<E>, limit: Time) {
    for chunk in chunks {
        let mut slot = 0;
        while slot < chunk.len() {
            if chunk[slot].time() >= limit {
                wheel.push(chunk.swap_remove(slot));
            } else {
                slot += 1;
            }
        }
    }
}

#[inline]
fn sort_small(places: &mut [Place]) {
    if places.len() > SMALL {
        places.sort_unstable_by_key(Place::order);
        return;
    }
    for sorted in 1..places.len() {
        let place = places[sorted];
        let mut at = sorted;
        while at > 0 && places[at - 1].order() > place.order() {
            places[at] = places[at - 1];
            at -= 1;
        }
        places[at] = place;
    }
}

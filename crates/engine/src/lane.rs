//! One shard's part of the engine: its queues, and how it takes a window's events.
//!
//! When a window opens, its events are brought into the order (actor, key): a counting sort on the high bits of the
//! actor, then small sorts; messages and timers apart, which are merged as they are taken. Taking them actor by actor means that
//! an actor's state is fetched once for all of its events, and that the fetch can be asked for a dozen events ahead. That is
//! allowed because nothing that happens within a window at one actor can reach another one within the same window: the order
//! that counts is each actor's own.
//!
//! The events themselves are moved into order, not an index of them: they are then read one after the other, and their chunks
//! are free for what the window's handlers queue.
//!
//! An event that an actor queues for itself within the open window is merged into the rest of its own.
//!
//! Actors may stand in *groups* (2^k neighbours, see [`Shard::group_bits`]) that share state, as the peers of one machine share its
//! link. Then read "group" for "actor" above: a window is taken group by group, and within a group in the order of the keys,
//! whichever of its actors an event is for. What a group shares is thus as exact as what an actor has for itself. A group of one
//! costs a shift by nothing.

use crate::key::EventKey;
use crate::time::Time;
use crate::wheel::{Chunks, Timed, Wheel, Windows};

/// How many events ahead an actor's state is asked for.
const FAR_AHEAD: usize = 14;
/// How many events ahead what lies behind its pointers is asked for.
const NEAR_AHEAD: usize = 6;
/// How many events ahead what lies behind those is asked for.
const NEXT_AHEAD: usize = 3;
/// Slices up to this length are sorted by insertion.
const SMALL: usize = 24;
/// Buckets of the counting sort, at most.
const MAX_BUCKETS: usize = 1 << 16;

/// A population of actors that the engine drives: those with numbers `base … base + n − 1`.
///
/// Handlers see the events of their own actor, and of the others in its group, in the order of the keys, and act through an [`Outbox`].
pub trait Shard: Send {
    /// What an actor says to another one.
    type Message: Send;
    /// What an actor tells itself for later.
    type Timer: Copy + Send;
    /// What a shard tells another one when a window is over: what its events mean for books that the other one keeps, say.
    type Parcel: Default + Send;

    /// Actors whose numbers differ in this many low bits at most are a group: they may share state. The same in all shards of a run,
    /// whose first actors begin a group each.
    fn group_bits(&self) -> u32 {
        0
    }

    /// A message arrives at `actor`. `tag` is what the sender gave.
    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, tag: u32, message: Self::Message);

    /// A timer of `actor` goes off.
    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Self::Timer);

    /// The run has ended while this message was on its way.
    fn undelivered(&mut self, _message: Self::Message) {}

    /// A window, or the part of one, is over: puts into `parcel`, which is empty, what there is to tell shard `to`.
    fn pack(&mut self, _to: usize, _parcel: &mut Self::Parcel) {}

    /// Takes out what another shard has put into its parcel.
    fn unpack(&mut self, _parcel: &mut Self::Parcel) {}

    /// All parcels of the window that is over have been unpacked. What can be done now, by each shard for itself, is done on
    /// all threads at once; what the [`Controller`](crate::Controller) does next, it does alone.
    fn settle(&mut self) {}

    /// `actor` will have an event soon: bring its state near. A hint.
    fn prefetch(&self, _actor: u32) {}

    /// `actor` will be handed `message` very soon: bring near what its state points at. A hint.
    fn prefetch_for_message(&self, _actor: u32, _message: &Self::Message) {}

    /// `actor` will be handed `timer` very soon: bring near what its state points at. A hint.
    fn prefetch_for_timer(&self, _actor: u32, _timer: Self::Timer) {}

    /// `actor` will be handed `message` next but a few: bring near what lies behind what its state points at. A hint.
    fn prefetch_behind_message(&self, _actor: u32, _message: &Self::Message) {}

    /// `actor` will be handed `timer` next but a few: bring near what lies behind what its state points at. A hint.
    fn prefetch_behind_timer(&self, _actor: u32, _timer: Self::Timer) {}
}

/// A message in the queue.
///
/// The message comes first, so that it lies at the same distance from multiples of 16 bytes wherever it is moved from and to: a copy that reads across
/// two writes of the copy before it waits until they have reached the cache.
#[repr(C)]
pub(crate) struct Mail<M> {
    /// Taken out when the message is handled.
    message: Option<M>,
    key: EventKey,
    actor: u32,
    tag: u32,
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

/// What a window puts in order.
trait Queued: Timed {
    /// The actor that handles it.
    fn actor(&self) -> u32;
    /// Its place in the order of all events.
    fn key(&self) -> EventKey;
    /// What holds its place in a table until it comes.
    fn vacant(&self) -> Self;

    /// Its group, and its place in the order of all events.
    #[inline]
    fn order(&self, group_bits: u32) -> (u32, EventKey) {
        (self.actor() >> group_bits, self.key())
    }
}

impl<M> Queued for Mail<M> {
    #[inline]
    fn actor(&self) -> u32 {
        self.actor
    }

    #[inline]
    fn key(&self) -> EventKey {
        self.key
    }

    fn vacant(&self) -> Self {
        Self { message: None, ..*self }
    }
}

impl<T: Copy> Queued for Alarm<T> {
    #[inline]
    fn actor(&self) -> u32 {
        self.actor
    }

    #[inline]
    fn key(&self) -> EventKey {
        EventKey { time: self.time, origin: self.actor, seq: self.seq }
    }

    fn vacant(&self) -> Self {
        *self
    }
}

/// Something that an actor queued for itself within the open window.
struct Own<M, T> {
    time: Time,
    actor: u32,
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
    /// What the actors of the present group queued for themselves before `limit`, the latest first.
    own: Vec<Own<M, T>>,
    /// The order of the window's next event, of those that lay in the queue when it opened.
    next: (u32, EventKey),
    /// Mail for other shards.
    outgoing: Vec<Vec<Mail<M>>>,
    me: usize,
    actors_per_shard: u32,
    group_bits: u32,
}

/// What a handler acts through.
pub struct Outbox<'a, S: Shard + ?Sized> {
    queues: &'a mut Queues<S::Message, S::Timer>,
    actor: u32,
}

#[expect(clippy::inline_always, reason = "see `Wheel::push`")]
impl<S: Shard + ?Sized> Outbox<'_, S> {
    /// The same for another actor of the present one's group.
    ///
    /// # Panics
    /// If it is of another group.
    #[inline]
    pub fn of(&mut self, actor: u32) -> Outbox<'_, S> {
        let apart = (actor ^ self.actor) >> self.queues.group_bits;
        assert_eq!(apart, 0, "actor {actor} is not of the group of {}", self.actor);
        Outbox { queues: self.queues, actor }
    }

    /// Sends `message` to `to`, to arrive at `key.time`. `key.origin` and `key.seq` are the sender's.
    ///
    /// # Panics
    /// If it arrives within the window in which it is sent: the delay was below the lookahead.
    #[inline(always)]
    pub fn send(&mut self, to: u32, key: EventKey, tag: u32, message: S::Message) {
        let queues = &mut *self.queues;
        let window = queues.windows.of(key.time);
        if window <= queues.window {
            too_soon(key.origin);
        }
        let shard = if queues.outgoing.len() == 1 { 0 } else { (to / queues.actors_per_shard) as usize };
        // Put together where it is pushed: from its parts it goes into its chunk without a stop on the stack.
        if shard == queues.me {
            queues.messages.push_into(window, Mail { message: Some(message), key, actor: to, tag });
        } else {
            queues.outgoing[shard].push(Mail { message: Some(message), key, actor: to, tag });
        }
    }

    /// Sets a timer of the present actor.
    #[inline(always)]
    pub fn timer(&mut self, at: Time, seq: u32, timer: S::Timer) {
        if at < self.queues.limit {
            self.queues.insert_own(at, self.actor, seq, OwnEvent::Timer(timer));
        } else {
            self.queues.timers.push(Alarm { time: at, actor: self.actor, seq, timer });
        }
    }

    /// True if an event of the present actor with this key, which comes after what is being handled, is what its group handles next, in this window: who
    /// would queue it can as well handle it at once.
    #[inline]
    pub fn comes_next(&self, key: EventKey) -> bool {
        debug_assert_eq!(key.origin, self.actor, "an event that an actor has for itself is its own");
        let Queues { limit, next, own, group_bits, .. } = &*self.queues;
        let is_before = |own: &Own<_, _>| key < EventKey { time: own.time, origin: own.actor, seq: own.seq };
        key.time < *limit && (self.actor >> group_bits, key) < *next && own.last().is_none_or(is_before)
    }

    /// Queues a message again for the present actor itself, under its own key: it will be handled at `at`.
    #[inline]
    pub fn postpone(&mut self, at: Time, seq: u32, tag: u32, message: S::Message) {
        if at < self.queues.limit {
            self.queues.insert_own(at, self.actor, seq, OwnEvent::Message(tag, message));
        } else {
            let key = EventKey { time: at, origin: self.actor, seq };
            self.queues.messages.push(Mail { key, actor: self.actor, tag, message: Some(message) });
        }
    }
}

#[cold]
fn too_soon(origin: u32) -> ! {
    panic!("a message of {origin} arrives within the window of its sending");
}

impl<M, T> Queues<M, T> {
    fn insert_own(&mut self, time: Time, actor: u32, seq: u32, what: OwnEvent<M, T>) {
        let at = self.own.partition_point(|own| (own.time, own.actor, own.seq) > (time, actor, seq));
        self.own.insert(at, Own { time, actor, seq, what });
    }
}

/// A shard with its queues.
pub(crate) struct Lane<S: Shard> {
    shard: S,
    base: u32,
    actors: u32,
    queues: Queues<S::Message, S::Timer>,
    messages: Opened<Mail<S::Message>>,
    timers: Opened<Alarm<S::Timer>>,
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
            next: NEVER,
            outgoing: std::iter::repeat_with(Vec::new).take(shards).collect(),
            me,
            actors_per_shard,
            group_bits: shard.group_bits(),
        };
        Self { shard, base, actors, queues, messages: Opened::new(), timers: Opened::new() }
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
        let cut = limit < self.queues.windows.end(self.queues.window);
        let actors = Actors { base: self.base, count: self.actors, group_bits: self.queues.group_bits };
        self.messages.open(&mut self.queues.messages, cut.then_some(limit), actors);
        self.timers.open(&mut self.queues.timers, cut.then_some(limit), actors);
        self.handle_all();
    }

    fn handle_all(&mut self) {
        for actor in self.messages.first_actors(FAR_AHEAD).chain(self.timers.first_actors(FAR_AHEAD)) {
            self.shard.prefetch(actor);
        }
        let bits = self.queues.group_bits;
        let (mut message, mut timer) = (self.messages.peek(bits), self.timers.peek(bits));
        loop {
            let group = message.0.min(timer.0);
            if message < timer {
                self.messages.look_ahead(
                    &self.shard,
                    |shard, mail| mail.message.iter().for_each(|message| shard.prefetch_for_message(mail.actor, message)),
                    |shard, mail| mail.message.iter().for_each(|message| shard.prefetch_behind_message(mail.actor, message)),
                );
                let mail = self.messages.take();
                let (actor, key, tag) = (mail.actor, mail.key, mail.tag);
                let content = mail.message.take().expect("a message is handled once");
                message = self.messages.peek(bits);
                self.queues.next = message.min(timer);
                self.shard.message(&mut Outbox { queues: &mut self.queues, actor }, actor, key, tag, content);
            } else if timer < NEVER {
                self.timers.look_ahead(
                    &self.shard,
                    |shard, alarm| shard.prefetch_for_timer(alarm.actor, alarm.timer),
                    |shard, alarm| shard.prefetch_behind_timer(alarm.actor, alarm.timer),
                );
                let alarm = *self.timers.take();
                timer = self.timers.peek(bits);
                self.queues.next = message.min(timer);
                self.shard.timer(&mut Outbox { queues: &mut self.queues, actor: alarm.actor }, alarm.actor, alarm.key(), alarm.timer);
            } else {
                return;
            }
            if !self.queues.own.is_empty() {
                self.handle_own(group);
            }
        }
    }

    /// Handles what the actors of `group` queued for themselves within the window, as far as it comes before the group's next event.
    #[cold]
    fn handle_own(&mut self, group: u32) {
        while let Some(own) = self.queues.own.last() {
            let key = EventKey { time: own.time, origin: own.actor, seq: own.seq };
            if self.queues.next < (group, key) {
                return;
            }
            let own = self.queues.own.pop().expect("seen above");
            let actor = own.actor;
            let mut out = Outbox { queues: &mut self.queues, actor };
            match own.what {
                OwnEvent::Message(tag, message) => self.shard.message(&mut out, actor, key, tag, message),
                OwnEvent::Timer(timer) => self.shard.timer(&mut out, actor, key, timer),
            }
        }
    }
}

/// After every event.
const NEVER: (u32, EventKey) = (u32::MAX, EventKey { time: Time::MAX, origin: u32::MAX, seq: u32::MAX });

/// The actors of a lane.
#[derive(Clone, Copy)]
struct Actors {
    base: u32,
    count: u32,
    group_bits: u32,
}

/// The events of one type in the open window, in the order (group, key).
struct Opened<E> {
    /// Events up to `len`; then, as before `next`, what is over. It only grows.
    events: Vec<E>,
    len: usize,
    /// The first that has not been taken.
    next: usize,
    chunks: Chunks<E>,
    buckets: Vec<u32>,
}

impl<E: Queued> Opened<E> {
    fn new() -> Self {
        Self { events: Vec::new(), len: 0, next: 0, chunks: Vec::new(), buckets: Vec::new() }
    }

    /// Takes the events of the wheel's present window, as far as they come before `limit`, and puts them in order.
    fn open(&mut self, wheel: &mut Wheel<E>, limit: Option<Time>, actors: Actors) {
        let Actors { base, count: actors, group_bits } = actors;
        (self.len, self.next) = (0, 0);
        wheel.open(&mut self.chunks);
        if let Some(limit) = limit {
            put_back(&mut self.chunks, wheel, limit);
        }
        let Some(example) = self.chunks.iter().flatten().next() else {
            return wheel.recycle(&mut self.chunks);
        };
        self.len = self.chunks.iter().map(Vec::len).sum();
        assert!(u32::try_from(self.len).is_ok(), "more than 2^32 events in one window");
        if self.events.len() < self.len {
            self.events.reserve_exact(self.len - self.events.len());
            self.events.resize_with(self.len, || example.vacant());
        }
        // About two events per bucket; a bucket is a range of groups.
        let wanted = (self.len / 2).next_power_of_two().min(MAX_BUCKETS).ilog2();
        let shift = (u32::BITS - (actors - 1).leading_zeros()).saturating_sub(wanted).max(group_bits);
        let bucket = |event: &E| ((event.actor() - base) >> shift) as usize;
        self.buckets.clear();
        self.buckets.resize(((actors - 1) >> shift) as usize + 1, 0);
        for chunk in &self.chunks {
            for event in chunk {
                self.buckets[bucket(event)] += 1;
            }
        }
        let mut start = 0;
        for count in &mut self.buckets {
            start += std::mem::replace(count, start);
        }
        for chunk in &mut self.chunks {
            for event in chunk.drain(..) {
                let place = &mut self.buckets[bucket(&event)];
                // What lay here was taken, so there is nothing to drop: to look would be to wait for memory that is only written.
                std::mem::forget(std::mem::replace(&mut self.events[*place as usize], event));
                *place += 1;
            }
        }
        wheel.recycle(&mut self.chunks);
        // Each bucket's counter now stands at its end.
        let mut begin = 0;
        for &end in &self.buckets {
            sort_small(&mut self.events[begin..end as usize], group_bits);
            begin = end as usize;
        }
    }

    /// The order of the next event; [`NEVER`] if there is none.
    #[inline]
    fn peek(&self, group_bits: u32) -> (u32, EventKey) {
        self.events[..self.len].get(self.next).map_or(NEVER, |event| event.order(group_bits))
    }

    /// Takes the next event, of which there must be one.
    #[inline]
    fn take(&mut self) -> &mut E {
        self.next += 1;
        &mut self.events[self.next - 1]
    }

    fn first_actors(&self, count: usize) -> impl Iterator<Item = u32> {
        self.events[..self.len].iter().take(count).map(E::actor)
    }

    /// Asks for what the coming events will touch.
    #[inline]
    fn look_ahead<S: Shard>(&self, shard: &S, prefetch_for: impl FnOnce(&S, &E), prefetch_behind: impl FnOnce(&S, &E)) {
        let events = &self.events[..self.len];
        if let Some(event) = events.get(self.next + FAR_AHEAD) {
            shard.prefetch(event.actor());
        }
        if let Some(event) = events.get(self.next + NEAR_AHEAD) {
            prefetch_for(shard, event);
        }
        if let Some(event) = events.get(self.next + NEXT_AHEAD) {
            prefetch_behind(shard, event);
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
fn sort_small<E: Queued>(events: &mut [E], group_bits: u32) {
    if events.len() > SMALL {
        events.sort_unstable_by_key(|event| event.order(group_bits));
        return;
    }
    for sorted in 1..events.len() {
        let mut at = sorted;
        while at > 0 && events[at - 1].order(group_bits) > events[at].order(group_bits) {
            events.swap(at - 1, at);
            at -= 1;
        }
    }
}

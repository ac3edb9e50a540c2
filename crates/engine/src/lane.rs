//! One shard's part of the engine: its queues, and how it takes a window's events.
//!
//! The order that counts is each actor's own: nothing that happens within a window at one actor can reach another one within the same
//! window. So the events of actors that have several come first, in order; those that are the only ones of their actors then come with their
//! like (see [`opened`](crate::opened)).
//!
//! An event that an actor queues for itself within the open window is merged into the rest of its own.
//!
//! Actors may stand in *groups* (2^k neighbours, see [`Shard::group_bits`]) that share state, as the peers of one machine share its
//! link. Then read "group" for "actor" above: where a group has several events in a window, they come in the order of the keys,
//! whichever of its actors an event is for. What a group shares is thus as exact as what an actor has for itself. A group of one
//! costs a shift by nothing.

use crate::key::EventKey;
use crate::opened::{Actors, Crowds, Opened, Order, Queued};
use crate::time::Time;
use crate::wheel::{Timed, Wheel, Windows, put};

/// What a message must be so that the engine can carry it.
///
/// The default is what lies in the queue's empty places; nothing in it has to be dropped.
pub trait Carried: Default + Send {
    /// Moves it to a place where there is nothing that would have to be dropped, and leaves nothing of that kind. What lies in either
    /// place besides is never looked at.
    #[inline]
    fn move_to(&mut self, place: &mut Self) {
        std::mem::swap(self, place);
    }
}

impl Carried for () {}

/// A population of actors that the engine drives: those with numbers `base … base + n − 1`.
///
/// Handlers see the events of their own actor, and of the others in its group, in the order of the keys, and act through an [`Outbox`].
pub trait Shard: Send {
    /// What an actor says to another one.
    type Message: Carried;
    /// What an actor tells itself for later. The default is what lies in the queue's empty places.
    type Timer: Copy + Default + Send;
    /// What a shard tells another one when a window is over: what its events mean for books that the other one keeps, say.
    type Parcel: Default + Send;

    /// The class of the timers that may be quiet.
    const QUIET: usize = usize::MAX;

    /// Actors whose numbers differ in this many low bits at most are a group: they may share state. The same in all shards of a run,
    /// whose first actors begin a group each.
    fn group_bits(&self) -> u32 {
        0
    }

    /// A message arrives at `actor`. `tag` is what the sender gave.
    ///
    /// The message is handed over in its place: if there is anything in it that has to be dropped, it is to be taken.
    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, tag: u32, message: &mut Self::Message);

    /// A timer of `actor` goes off.
    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Self::Timer);

    /// A timer of `actor`, of class [`Shard::QUIET`], that is the only event of its group in this window: handles it here if nothing is sent or set by it,
    /// and returns true if so. What is left is handed to [`Shard::timer`]. Most timers of a network are timeouts of what has been answered; they need no
    /// turn.
    fn quiet_timer(&mut self, _actor: u32, _key: EventKey, _timer: Self::Timer) -> bool {
        false
    }

    /// The run has ended while this message was on its way.
    fn undelivered(&mut self, _message: Self::Message) {}

    /// A window, or the part of one, is over: puts into `parcel`, which is empty, what there is to tell shard `to`.
    fn pack(&mut self, _to: usize, _parcel: &mut Self::Parcel) {}

    /// Takes out what another shard has put into its parcel.
    fn unpack(&mut self, _parcel: &mut Self::Parcel) {}

    /// All parcels of the window that is over have been unpacked. What can be done now, by each shard for itself, is done on
    /// all threads at once; what the [`Controller`](crate::Controller) does next, it does alone.
    fn settle(&mut self) {}

    /// The class of a message: those of one class make handlers go the same ways. A hint, of which the lowest three bits count.
    fn class(_message: &Self::Message) -> usize {
        0
    }

    /// The class of a timer: a hint, but for [`Shard::QUIET`].
    fn timer_class(_timer: Self::Timer) -> usize {
        0
    }

    /// `actor` will have an event soon: bring its state near. A hint.
    fn prefetch(&self, _actor: u32) {}

    /// `actor` will be handed `message` very soon: bring near what its state points at. A hint.
    fn prefetch_for_message(&self, _actor: u32, _message: &Self::Message) {}

    /// `actor` will be handed `timer` very soon: bring near what its state points at. A hint.
    fn prefetch_for_timer(&self, _actor: u32, _timer: Self::Timer) {}

    /// `actor` may be handed a quiet timer very soon: bring near what its state points at. A hint.
    fn prefetch_for_quiet_timer(&self, _actor: u32) {}

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
    /// The default once it has been taken out.
    message: M,
    key: EventKey,
    actor: u32,
    tag: u32,
}

/// Mail from one shard to another: so much of it as `len` says, and behind that vacant places. It only grows.
pub(crate) struct Bag<M> {
    places: Vec<Mail<M>>,
    len: usize,
}

impl<M> Default for Bag<M> {
    fn default() -> Self {
        Self { places: Vec::new(), len: 0 }
    }
}

impl<M: Carried> Bag<M> {
    /// The place of one piece more.
    #[inline(never)]
    fn place(&mut self) -> &mut Mail<M> {
        if self.len == self.places.len() {
            self.places.push(Mail::vacant());
        }
        self.len += 1;
        &mut self.places[self.len - 1]
    }
}

/// A timer in the queue; its origin is its actor.
#[derive(Clone, Copy)]
struct Alarm<T> {
    time: Time,
    actor: u32,
    seq: u32,
    timer: T,
}

impl<M: Carried> Timed for Mail<M> {
    #[inline]
    fn time(&self) -> Time {
        self.key.time
    }

    fn vacant() -> Self {
        Self { message: M::default(), key: EventKey { time: Time::MIN, origin: 0, seq: 0 }, actor: 0, tag: 0 }
    }

    #[inline]
    fn move_to(&mut self, place: &mut Self) {
        self.message.move_to(&mut place.message);
        (place.key, place.actor, place.tag) = (self.key, self.actor, self.tag);
    }
}

impl<T: Copy + Default> Timed for Alarm<T> {
    #[inline]
    fn time(&self) -> Time {
        self.time
    }

    fn vacant() -> Self {
        Self { time: Time::MIN, actor: 0, seq: 0, timer: T::default() }
    }

    #[inline]
    fn move_to(&mut self, place: &mut Self) {
        *place = *self;
    }
}

impl<M: Carried> Queued for Mail<M> {
    #[inline]
    fn actor(&self) -> u32 {
        self.actor
    }

    #[inline]
    fn key(&self) -> EventKey {
        self.key
    }
}

impl<T: Copy + Default> Queued for Alarm<T> {
    #[inline]
    fn actor(&self) -> u32 {
        self.actor
    }

    #[inline]
    fn key(&self) -> EventKey {
        EventKey { time: self.time, origin: self.actor, seq: self.seq }
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
    /// That of the window's next message, of those that lay in the queue when it opened, as long as order counts; then [`Order::NEVER`].
    next_message: Order,
    /// The same of its next timer.
    next_timer: Order,
    /// Mail for other shards.
    outgoing: Vec<Bag<M>>,
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

    /// Sends a message to `to`, to arrive at `key.time`. `key.origin` and `key.seq` are the sender's. What it says is to be written where the default is:
    /// a message that waits for its place on the stack is written twice, and read before what was written is in the cache.
    ///
    /// # Panics
    /// If it arrives within the window in which it is sent: the delay was below the lookahead.
    #[inline(always)]
    pub fn send(&mut self, to: u32, key: EventKey, tag: u32) -> &mut S::Message {
        let queues = &mut *self.queues;
        let window = queues.windows.of(key.time);
        if window <= queues.window {
            too_soon(key.origin);
        }
        let shard = if queues.outgoing.len() == 1 { 0 } else { (to / queues.actors_per_shard) as usize };
        let place = if shard == queues.me { queues.messages.place_in(window) } else { queues.outgoing[shard].place() };
        (place.key, place.actor, place.tag) = (key, to, tag);
        &mut place.message
    }

    /// Sets a timer of the present actor.
    #[inline(always)]
    pub fn timer(&mut self, at: Time, seq: u32, timer: S::Timer) {
        if at < self.queues.limit {
            self.queues.insert_own(at, self.actor, seq, OwnEvent::Timer(timer));
        } else {
            let place = self.queues.timers.place_at(at);
            put(place, Alarm { time: at, actor: self.actor, seq, timer });
        }
    }

    /// True if an event of the present actor with this key, which comes after what is being handled, is what its group handles next, in this window: who
    /// would queue it can as well handle it at once.
    #[inline]
    pub fn comes_next(&self, key: EventKey) -> bool {
        debug_assert_eq!(key.origin, self.actor, "an event that an actor has for itself is its own");
        let Queues { limit, next_message, next_timer, own, group_bits, .. } = &*self.queues;
        let order = Order::new(self.actor >> group_bits, key);
        let is_before = |own: &Own<_, _>| key < EventKey { time: own.time, origin: own.actor, seq: own.seq };
        key.time < *limit && order < *next_message && order < *next_timer && own.last().is_none_or(is_before)
    }

    /// Queues a message again for the present actor itself, under its own key: it will be handled at `at`.
    #[inline]
    pub fn postpone(&mut self, at: Time, seq: u32, tag: u32, message: S::Message) {
        if at < self.queues.limit {
            self.queues.insert_own(at, self.actor, seq, OwnEvent::Message(tag, message));
        } else {
            let key = EventKey { time: at, origin: self.actor, seq };
            put(self.queues.messages.place_at(at), Mail { key, actor: self.actor, tag, message });
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
    crowds: Crowds,
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
            next_message: Order::NEVER,
            next_timer: Order::NEVER,
            outgoing: std::iter::repeat_with(Bag::default).take(shards).collect(),
            me,
            actors_per_shard,
            group_bits: shard.group_bits(),
        };
        Self { shard, base, actors, queues, messages: Opened::new(), timers: Opened::new(), crowds: Crowds::default() }
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
            self.shard.undelivered(mail.message);
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

    pub(crate) fn outgoing(&mut self, shard: usize) -> &mut Bag<S::Message> {
        &mut self.queues.outgoing[shard]
    }

    /// Empties a bag of mail for this shard.
    pub(crate) fn receive(&mut self, bag: &mut Bag<S::Message>) {
        for mail in &mut bag.places[..std::mem::take(&mut bag.len)] {
            mail.move_to(self.queues.messages.place_at(mail.time()));
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
        let cut = (limit < self.queues.windows.end(self.queues.window)).then_some(limit);
        let actors = Actors { base: self.base, count: self.actors, group_bits: self.queues.group_bits };
        self.messages.open(&mut self.queues.messages, cut);
        self.timers.open(&mut self.queues.timers, cut);
        self.crowds.clear(self.messages.len() + self.timers.len());
        self.messages.list(actors, &mut self.crowds, |mail| S::class(&mail.message));
        self.timers.list(actors, &mut self.crowds, |alarm| S::timer_class(alarm.timer));
        self.timers
            .handle_quiet(actors, &self.crowds, &mut self.shard, |shard, alarm| shard.quiet_timer(alarm.actor, alarm.key(), alarm.timer));
        self.messages.arrange(actors, &self.crowds, &mut self.queues.messages);
        self.timers.arrange(actors, &self.crowds, &mut self.queues.timers);
        self.handle_all();
    }

    fn handle_all(&mut self) {
        for actor in self.messages.first_actors().chain(self.timers.first_actors()) {
            self.shard.prefetch(actor);
        }
        let bits = self.queues.group_bits;
        loop {
            self.queues.next_message = self.messages.peek(bits);
            self.queues.next_timer = self.timers.peek(bits);
            if self.queues.next_message < self.queues.next_timer {
                self.queues.next_message = self.messages.peek_behind(bits);
                self.handle_message();
            } else if self.queues.next_timer < Order::NEVER {
                self.queues.next_timer = self.timers.peek_behind(bits);
                self.handle_timer();
            } else {
                break;
            }
        }
        while !self.messages.is_over() {
            self.handle_message();
        }
        while !self.timers.is_over() {
            self.handle_timer();
        }
    }

    #[inline]
    fn handle_message(&mut self) {
        self.messages.look_ahead(
            &self.shard,
            |shard, mail| shard.prefetch_for_message(mail.actor, &mail.message),
            |shard, mail| shard.prefetch_behind_message(mail.actor, &mail.message),
        );
        let Mail { message, key, actor, tag } = self.messages.take();
        let out = &mut Outbox { queues: &mut self.queues, actor: *actor };
        self.shard.message(out, *actor, *key, *tag, message);
        if !self.queues.own.is_empty() {
            self.handle_own();
        }
    }

    #[inline]
    fn handle_timer(&mut self) {
        self.timers.look_ahead(
            &self.shard,
            |shard, alarm| shard.prefetch_for_timer(alarm.actor, alarm.timer),
            |shard, alarm| shard.prefetch_behind_timer(alarm.actor, alarm.timer),
        );
        let alarm = *self.timers.take();
        let out = &mut Outbox { queues: &mut self.queues, actor: alarm.actor };
        self.shard.timer(out, alarm.actor, alarm.key(), alarm.timer);
        if !self.queues.own.is_empty() {
            self.handle_own();
        }
    }

    /// Handles what the actors of the present group queued for themselves within the window, as far as it comes before the group's next event.
    #[cold]
    fn handle_own(&mut self) {
        while let Some(own) = self.queues.own.last() {
            let key = EventKey { time: own.time, origin: own.actor, seq: own.seq };
            let order = Order::new(own.actor >> self.queues.group_bits, key);
            if self.queues.next_message < order || self.queues.next_timer < order {
                return;
            }
            let own = self.queues.own.pop().expect("seen above");
            let actor = own.actor;
            let mut out = Outbox { queues: &mut self.queues, actor };
            match own.what {
                OwnEvent::Message(tag, mut message) => self.shard.message(&mut out, actor, key, tag, &mut message),
                OwnEvent::Timer(timer) => self.shard.timer(&mut out, actor, key, timer),
            }
        }
    }
}

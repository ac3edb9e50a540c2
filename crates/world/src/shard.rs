//! Peers at work: what the engine's events mean to a population of peers.
//!
//! A *seat* is the simulator's place for one peer: whether it is online, its counters, its randomness, its state. A message for a
//! seat meets, in this order: the seat's life (was it sent to this one?), the model's rate limit, its host's downlink and capacity (it is
//! queued again for the time when it has been handled), and then the model. What the model asks for is carried out when its handler returns.
//!
//! The seats of one host are a group of the engine's: its events come in the order of their keys, whichever of its peers they are for.
//! So its peers share a link and a queue exactly. What the host does by itself (come, go, ask, publish) is in the events of its first
//! seat, and in the order of that seat's counter, for all of its peers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use peerlab_engine::random::Rng;
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox, Shard};
use peerlab_model::{Cause, Context, HostId, OpenRequests, Overlay, PeerId, Pool, Record, RumourId};
use peerlab_prefetch::table;
use peerlab_transfer::{Agent, Wake};
use peerlab_workload::Shelves;

use crate::books::{Books, Envelope, Label, LinkAndQueue};
use crate::common::{Common, Machines};
use crate::deeds::Deeds;
use crate::freeze::Frozen;
use crate::judge::Judge;
use crate::notes::{End, Parcel, What};
use crate::observer::Observer;
use crate::takedown::Refusals;
use crate::transfers::{Reminder, Transfers};
use crate::truth::SharedTruth;

/// What a seat is reminded of.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) enum Alarm<T> {
    /// The model's own timer, in the life in which it was set.
    Model(T),
    /// The next question is due. (The default, since any will do where no timer is.)
    #[default]
    Question,
    /// The host comes or goes: its so-manieth transition.
    Transition(u32),
    /// The agent that moves content.
    Transfer(Reminder),
    /// The host's user wants the item that everybody wants.
    Arrival,
    /// The host's user asks for the item of this event of the timeline.
    Crowd(u32),
    /// The host asks what it does not want to know.
    Flood,
    /// The host's machine has computed what its next identity costs.
    Identity,
}

/// Where a seat is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Offline,
    Joining,
    Member,
}

/// One peer's place. Aligned to cache lines, so that it touches as few of them as it can: what every event needs fills the first of
/// them, and the model's own state begins in the second, with what its author put first.
#[repr(C, align(64))]
pub(crate) struct Seat<P> {
    pub(crate) life: Life,
    rng: Rng,
    pub(crate) requests: OpenRequests,
    pub(crate) peer: Option<P>,
}

impl<P> Seat<P> {
    /// True if the peer that lives here has set the timer of this key: not one who lived here before.
    #[inline]
    fn has_set(&self, key: EventKey) -> bool {
        self.peer.is_some() && key.seq >= self.life.first_seq
    }
}

/// What a seat's every event reads or writes, whatever the model.
pub(crate) struct Life {
    /// What was sent before is for an earlier life.
    began: Time,
    /// Measured traffic.
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) messages_in: u32,
    pub(crate) messages_out: u32,
    pub(crate) lookups_served: u32,
    /// The seat's own event counter; it survives absences.
    seq: u32,
    /// Timers numbered below belong to earlier lives.
    first_seq: u32,
    pub(crate) phase: Phase,
}

/// What a host needs now and then.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calendar {
    generation: u32,
    pub(crate) questions: u32,
    /// How many transitions the host has been told to expect.
    transition: u32,
    /// Measured time online, of lives that are over.
    online: Span,
    /// It has had the time to publish its values.
    published: bool,
    /// How many of its identities are paid for: its first ones.
    pub(crate) paid: u32,
    /// How often it has asked because of the timeline, or to keep others busy.
    pub(crate) prompted: u32,
}

impl Life {
    /// No message and no timer finds this life any more. When it began, and its first timer: what [`Life::go_on`] needs.
    pub(crate) fn hang(&mut self) -> (Time, u32) {
        (std::mem::replace(&mut self.began, Time::MAX), std::mem::replace(&mut self.first_seq, u32::MAX))
    }

    /// Messages and timers find this life again.
    pub(crate) fn go_on(&mut self, (began, first_seq): (Time, u32)) {
        (self.began, self.first_seq) = (began, first_seq);
    }

    /// When it began; of one that hangs, nothing that means anything.
    #[inline]
    pub(crate) fn began(&self) -> Time {
        self.began
    }

    #[inline]
    pub(crate) fn next_seq(&mut self) -> u32 {
        let seq = self.seq;
        self.seq = seq.checked_add(1).expect("a peer caused more than 2^32 events");
        seq
    }
}

/// The seats of one shard.
pub(crate) struct Seats<O: Overlay, V> {
    pub(crate) common: Arc<Common<O>>,
    /// The first seat.
    pub(crate) base: u32,
    pub(crate) machines: Machines<O>,
    /// Hosts of each shard but the last, which may have fewer.
    per_shard: u32,
    pub(crate) places: Vec<Seat<O::Peer>>,
    /// By host.
    pub(crate) calendars: Vec<Calendar>,
    /// Hosts that handle nothing for the time being.
    pub(crate) frozen: BTreeMap<u32, Frozen>,
    /// What is on the disks of machines that are offline, where they keep values for others.
    pub(crate) disks: BTreeMap<u32, Box<[Record]>>,
    /// Who moves content, where it is moved.
    pub(crate) transfers: Option<Transfers>,
    pub(crate) requests: Pool<O::Request>,
    pub(crate) books: Books<V>,
    /// What answers are judged by: nothing of it reaches a peer.
    truth: SharedTruth,
}

/// A publisher whose session ends before this may not have come through: where values are published once, it tries again.
const PUBLICATION: Span = Span::from_secs(60);

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// The shard of `hosts`, one of several with `per_shard` hosts each.
    pub(crate) fn new(
        common: Arc<Common<O>>,
        truth: SharedTruth,
        hosts: Range<u32>,
        per_shard: u32,
        limits: Vec<LinkAndQueue>,
        observer: V,
    ) -> Self {
        let numbering = common.setting.numbering;
        let seats = numbering.first_seat(HostId(hosts.start))..numbering.first_seat(HostId(hosts.end));
        let base = seats.start;
        let seat = |number: u32| Seat {
            peer: None,
            rng: common.streams.rng("overlay", u64::from(number)),
            requests: OpenRequests::default(),
            life: Life {
                began: Time::MIN,
                bytes_in: 0,
                bytes_out: 0,
                messages_in: 0,
                messages_out: 0,
                lookups_served: 0,
                seq: 0,
                first_seq: 0,
                phase: Phase::Offline,
            },
        };
        let mut places = table(seats.len());
        places.extend(seats.map(seat));
        let books = Books::new::<O::Message>(common.plan.is_some(), &hosts, common.setting.lookup_timeout, limits, observer);
        let calendars = vec![Calendar::default(); hosts.len()];
        let transfers = common.plan.clone().map(|plan| Transfers { plan, agents: hosts.clone().map(|_| None).collect() });
        let machines = Machines {
            common: Arc::clone(&common),
            first: hosts.start,
            shelves: Shelves::new(HostId(hosts.start)),
            refusals: Refusals::default(),
            turned: Vec::new(),
        };
        Self {
            common,
            machines,
            base,
            per_shard,
            places,
            calendars,
            frozen: BTreeMap::new(),
            disks: BTreeMap::new(),
            transfers,
            requests: Pool::default(),
            books,
            truth,
        }
    }

    /// All seats, vacant ones included.
    pub(crate) fn seats(&self) -> impl Iterator<Item = &Seat<O::Peer>> {
        self.places.iter()
    }

    /// All hosts, with their seats, the first peer's first.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (HostId, &[Seat<O::Peer>])> {
        (self.machines.first..).map(HostId).zip(self.places.chunks(1 << self.common.setting.numbering.slot_bits()))
    }

    /// True if this host is one of the shard's.
    pub(crate) fn has(&self, host: HostId) -> bool {
        host.0.checked_sub(self.machines.first).is_some_and(|at| (at as usize) < self.calendars.len())
    }

    /// A host's seats, the first peer's first.
    pub(crate) fn host(&self, host: HostId) -> &[Seat<O::Peer>] {
        let bits = self.common.setting.numbering.slot_bits();
        &self.places[self.machines.place(host) << bits..][..1 << bits]
    }

    /// True if a host is online.
    pub(crate) fn is_online(&self, host: HostId) -> bool {
        self.host(host)[0].life.phase != Phase::Offline
    }

    pub(crate) fn seat(&self, number: u32) -> &Seat<O::Peer> {
        &self.places[(number - self.base) as usize]
    }

    pub(crate) fn seat_mut(&mut self, number: u32) -> &mut Seat<O::Peer> {
        &mut self.places[(number - self.base) as usize]
    }

    pub(crate) fn calendar(&mut self, host: HostId) -> &mut Calendar {
        &mut self.calendars[self.machines.place(host)]
    }

    /// How many transitions a host has been told to expect.
    pub(crate) fn transition_of(&self, host: HostId) -> u32 {
        self.calendars[self.machines.place(host)].transition
    }

    /// A host's measured time online up to `end`.
    pub(crate) fn online_until(&self, host: HostId, end: Time) -> Span {
        let before = self.calendars[self.machines.place(host)].online;
        let life = &self.host(host)[0].life;
        match life.phase {
            Phase::Offline => before,
            Phase::Joining | Phase::Member => before + measured(self.began(host), end),
        }
    }

    /// Forgets all loads: measurement begins.
    pub(crate) fn begin_measurement(&mut self) {
        for Seat { life, .. } in &mut self.places {
            (life.bytes_in, life.bytes_out) = (0, 0);
            (life.messages_in, life.messages_out, life.lookups_served) = (0, 0, 0);
        }
    }

    /// Present at the very beginning: the host's peers are members, with tables that are filled in already.
    pub(crate) fn begin_as_member(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        self.calendar(host).published = true;
        for seat in self.paid_seats(host) {
            let identity = self.identity(seat);
            let life = &mut self.seat_mut(seat).life;
            life.phase = Phase::Member;
            life.began = now;
            self.act(out, seat, now, peerlab_model::Overlay::started);
            self.books.observer.online(now, identity);
            self.books.observer.joined(now, identity);
        }
    }

    /// Sets a host's next transition. `out` is its first seat's.
    pub(crate) fn expect(&mut self, out: &mut Outbox<'_, Self>, host: HostId, until: Time) -> u32 {
        let calendar = self.calendar(host);
        calendar.transition += 1;
        let transition = calendar.transition;
        if until < Time::MAX {
            let seq = self.first_seat(host).life.next_seq();
            out.timer(until, seq, Alarm::Transition(transition));
        }
        transition
    }

    pub(crate) fn first_seat(&mut self, host: HostId) -> &mut Seat<O::Peer> {
        self.seat_mut(self.common.setting.numbering.first_seat(host))
    }

    /// Who lives at a seat (or did last).
    #[inline]
    pub(crate) fn identity(&self, seat: u32) -> PeerId {
        // What lives once has the seat's own number.
        if !self.common.new_identities {
            return PeerId(seat);
        }
        self.common.setting.numbering.peer(seat, self.calendars[self.local(seat)].generation)
    }

    /// The place of a seat's host among those of the shard.
    #[inline]
    pub(crate) fn local(&self, seat: u32) -> usize {
        self.machines.place(self.common.setting.numbering.host_of(seat))
    }

    /// A host comes online, its peers with empty minds, until `until` (as it expects); those that it has yet to pay for come later. `out` is its
    /// first seat's.
    pub(crate) fn arrive(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, until: Time) {
        let calendar = self.calendar(host);
        calendar.generation = calendar.generation.wrapping_add(1);
        let numbering = self.common.setting.numbering;
        let first = numbering.first_seat(host);
        let seats = self.recall_identities(host);
        for seat in seats.clone() {
            self.begin_life(seat, now);
            self.embody(seat, now);
        }
        if seats.is_empty() {
            self.begin_life(first, now);
        }
        let peer = self.identity(first);
        let transition = self.expect(out, host, until);
        let key = self.own_key(host, now);
        self.books.notebook.note(key, What::Online { peer, until, transition });
        for seat in seats.clone() {
            self.books.observer.online(now, self.identity(seat));
        }
        for seat in seats {
            if numbering.is_server(peer) {
                self.seat_mut(seat).life.phase = Phase::Member;
                self.act(out, seat, now, peerlab_model::Overlay::started);
            } else {
                self.act(out, seat, now, peerlab_model::Overlay::join);
            }
        }
        self.expect_identity(out, host, now);
    }

    /// A place is taken, as yet by nobody.
    pub(crate) fn begin_life(&mut self, seat: u32, now: Time) {
        let at = self.seat_mut(seat);
        debug_assert_eq!(at.life.phase, Phase::Offline);
        at.life.began = now;
        at.life.first_seq = at.life.seq;
        at.life.phase = Phase::Joining;
    }

    /// A peer with an empty mind, but for what is still on its disk.
    pub(crate) fn embody(&mut self, seat: u32, now: Time) {
        let apart = self.common.is_apart(self.common.setting.numbering.host_of(seat));
        let mut state = (!apart).then(|| self.common.overlay.peer(self.identity(seat)));
        if let (Some(state), Some(mut records)) = (&mut state, self.disks.remove(&seat).map(Vec::from)) {
            records.retain(|record| record.expires > now);
            self.common.overlay.restore(state, &records);
        }
        self.seat_mut(seat).peer = state;
    }

    /// A host goes offline, until `until` (as it expects); politely or without a word. `out` is its first seat's.
    pub(crate) fn depart(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, until: Time, politely: bool) {
        debug_assert!(self.is_online(host));
        let numbering = self.common.setting.numbering;
        // A machine that hangs says no goodbye.
        let politely = !self.thaw(host) && politely;
        if politely && self.transfers.is_some() {
            let key = self.own_key(host, now);
            self.with_agent(&mut out.of(numbering.first_seat(host)), host, key, Agent::leave);
        }
        for seat in numbering.seats_of(host) {
            if politely && self.seat(seat).life.phase == Phase::Member {
                self.act(out, seat, now, peerlab_model::Overlay::leave);
            }
        }
        if let Some(Some(agent)) = self.transfers.as_mut().map(|transfers| transfers.agents[self.machines.place(host)].as_mut()) {
            agent.offline(now);
        }
        let first = self.first_seat(host);
        let (began, phase) = (first.life.began, first.life.phase);
        self.calendar(host).published |= phase == Phase::Member && now.since(began) >= PUBLICATION;
        self.calendar(host).online = self.online_until(host, now);
        for seat in numbering.seats_of(host) {
            let identity = self.identity(seat);
            let at = &mut self.places[(seat - self.base) as usize];
            at.life.phase = Phase::Offline;
            if at.peer.is_some() {
                self.books.observer.offline(now, identity);
            }
            if let Some(state) = at.peer.take().filter(|_| self.common.disks_are_kept) {
                self.disks.insert(seat, self.common.overlay.records(&state).into());
            }
            self.requests.forget(&mut at.requests);
            // Timers of this life that are still queued will find a number above theirs.
            at.life.first_seq = at.life.seq;
        }
        let transition = self.expect(out, host, until);
        let key = self.own_key(host, now);
        let peer = self.identity(numbering.first_seat(host));
        self.books.notebook.note(key, What::Offline { peer, until, transition });
    }

    /// The key of something that a host does by itself, between its events: of one sequence, whichever of its peers does it.
    pub(crate) fn own_key(&mut self, host: HostId, time: Time) -> EventKey {
        let first = self.common.setting.numbering.first_seat(host);
        EventKey { time, origin: first, seq: self.seat_mut(first).life.next_seq() }
    }

    /// A host's own coming or going.
    fn transition(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, number: u32) {
        if self.transition_of(host) != number {
            // The timeline has decided otherwise in the meantime.
            return;
        }
        let online = self.is_online(host);
        let until = self.common.lifetimes.next(host, number, now, !online);
        if online {
            let politely = !self.common.lifetimes.crashes(host, number - 1);
            self.depart(out, host, now, until, politely);
        } else {
            self.arrive(out, host, now, until);
        }
    }

    /// True if a timer is the timeout of a request that has been answered: its peer would do nothing.
    #[inline]
    fn is_idle(&self, seat: &Seat<O::Peer>, timer: O::Timer) -> bool {
        O::timeout_of(timer).is_some_and(|token| !self.requests.waits(&seat.requests, token))
    }

    /// A member, the first peer of a host, knows something new. `out` is its own.
    pub(crate) fn begin_rumour(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, rumour: RumourId) {
        let seat = self.common.setting.numbering.first_seat(host);
        self.act(out, seat, now, |overlay, peer, cx| overlay.rumour(peer, cx, rumour));
    }

    /// Lets the model act for a seat at a time when no event of its own is being handled. `out` is of any seat of its host.
    pub(crate) fn act(
        &mut self,
        out: &mut Outbox<'_, Self>,
        seat: u32,
        now: Time,
        act: impl FnOnce(&O, &mut O::Peer, &mut Context<'_, O>),
    ) {
        let key = self.own_key(self.common.setting.numbering.host_of(seat), now);
        self.act_for(&mut out.of(seat), seat, key, act);
    }

    /// Lets the model act for a seat, and carries out what it asks for.
    #[inline]
    pub(crate) fn act_for(
        &mut self,
        out: &mut Outbox<'_, Self>,
        seat: u32,
        key: EventKey,
        act: impl FnOnce(&O, &mut O::Peer, &mut Context<'_, O>),
    ) {
        if self.with_peer(out, seat, key, act) {
            self.joined(out, seat, key);
        }
        if self.books.has_news() {
            self.pass_on(out, seat, key);
        }
    }

    /// True if the peer says that it has become a member.
    #[inline]
    fn with_peer(
        &mut self,
        out: &mut Outbox<'_, Self>,
        seat: u32,
        key: EventKey,
        act: impl FnOnce(&O, &mut O::Peer, &mut Context<'_, O>),
    ) -> bool {
        let this = self.identity(seat);
        let common = &*self.common;
        let Seat { peer: Some(peer), rng, requests, life } = &mut self.places[(seat - self.base) as usize] else { return false };
        let machines = &self.machines;
        let mut deeds = Deeds { machines, books: &mut self.books, life, out, seat, this, key, joined: false };
        let mut cx = Context::new(key.time, this, &common.setting, rng, &mut self.requests, requests, machines, &mut deeds);
        act(&common.overlay, peer, &mut cx);
        deeds.joined
    }

    #[cold]
    fn joined(&mut self, out: &mut Outbox<'_, Self>, seat: u32, key: EventKey) {
        let life = &mut self.seat_mut(seat).life;
        if life.phase != Phase::Joining {
            return;
        }
        life.phase = Phase::Member;
        let peer = self.identity(seat);
        self.books.notebook.note(key, What::Member { peer });
        self.books.observer.joined(key.time, peer);
        let common = Arc::clone(&self.common);
        self.obey(out, seat, key);
        let over = common.publishes_once && self.calendars[self.local(seat)].published;
        let shares = common.disk(&self.machines.shelves, seat, self.conduct(common.setting.numbering.host_of(seat))).to_vec();
        if !over && !shares.is_empty() {
            self.act_for(out, seat, key, |overlay, peer, cx| overlay.publish(peer, cx, &shares));
        }
        let host = common.setting.numbering.host_of(seat);
        if self.transfers.is_some() && seat == common.setting.numbering.first_seat(host) {
            self.with_agent(out, host, key, Agent::online);
        }
    }

    /// What the event has done to the disk of its peer is done, and a member tells others.
    pub(crate) fn shelve(&mut self, out: &mut Outbox<'_, Self>, seat: u32, key: EventKey) {
        let numbering = self.common.setting.numbering;
        let host = numbering.host_of(seat);
        debug_assert!(seat == numbering.first_seat(host) && host.0 < numbering.population(), "seat {seat} has no disk for shares");
        if self.books.shelved.is_empty() {
            return;
        }
        let (mut gained, mut lost) = (Vec::new(), Vec::new());
        for (item, holds) in std::mem::take(&mut self.books.shelved) {
            if self.machines.shelves.set(&self.common.holdings, host, item, holds) {
                self.books.notebook.note(key, What::Shelved { host, item, holds });
                if holds { &mut gained } else { &mut lost }.push(item);
            }
        }
        if self.seat(seat).life.phase != Phase::Member {
            return;
        }
        if !lost.is_empty() {
            self.act_for(out, seat, key, |overlay, peer, cx| overlay.withdraw(peer, cx, &lost));
        }
        if !gained.is_empty() {
            self.act_for(out, seat, key, |overlay, peer, cx| overlay.publish(peer, cx, &gained));
        }
    }
}

impl<O: Overlay, V: Observer<O::Message>> Shard for Seats<O, V> {
    type Message = Envelope<O::Message>;
    type Timer = Alarm<O::Timer>;
    type Parcel = Parcel;

    const QUIET: usize = 0;

    fn group_bits(&self) -> u32 {
        self.common.setting.numbering.slot_bits()
    }

    #[inline]
    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, tag: u32, envelope: &mut Self::Message) {
        self.message_arrives(out, actor, key, PeerId(tag), envelope);
    }

    #[inline]
    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Self::Timer) {
        match timer {
            Alarm::Model(timer) => {
                if !self.seat(actor).has_set(key) {
                    return self.overslept(out, actor, key, Alarm::Model(timer));
                }
                self.books.handled += 1;
                self.books.digest.add(key, actor, &timer);
                let is_idle = self.is_idle(self.seat(actor), timer);
                if !is_idle || cfg!(debug_assertions) {
                    let seq = self.seat(actor).life.seq;
                    self.act_for(out, actor, key, |overlay, peer, cx| overlay.timer(peer, cx, timer));
                    debug_assert!(
                        !is_idle || self.seat(actor).life.seq == seq,
                        "{timer:?} is no timeout: its request is over, and it did something"
                    );
                }
            }
            Alarm::Transfer(reminder) => {
                let life = &self.seat(actor).life;
                if life.phase == Phase::Offline || key.seq < life.first_seq {
                    return self.overslept(out, actor, key, Alarm::Transfer(reminder));
                }
                let wake = Wake::from(reminder);
                self.books.handled += 1;
                self.books.digest.add(key, actor, &wake);
                let host = self.common.setting.numbering.host_of(actor);
                self.with_agent(out, host, key, |agent, plan, port| agent.wake(plan, port, wake));
            }
            Alarm::Arrival => {
                self.books.digest.add(key, actor, &timer);
                self.arrival(out, self.common.setting.numbering.host_of(actor), key);
            }
            Alarm::Crowd(event) => {
                self.books.digest.add(key, actor, &timer);
                self.joins_crowd(out, self.common.setting.numbering.host_of(actor), key, event);
            }
            Alarm::Flood => {
                self.books.digest.add(key, actor, &timer);
                self.flood(out, self.common.setting.numbering.host_of(actor), key);
            }
            Alarm::Identity => {
                let life = &self.seat(actor).life;
                if life.phase == Phase::Offline || key.seq < life.first_seq {
                    return self.overslept(out, actor, key, Alarm::Identity);
                }
                self.books.digest.add(key, actor, &timer);
                self.gain_identity(out, self.common.setting.numbering.host_of(actor), key.time);
            }
            Alarm::Question => {
                self.books.digest.add(key, actor, &timer);
                self.question(out, self.common.setting.numbering.host_of(actor), key);
            }
            Alarm::Transition(number) => {
                self.books.digest.add(key, actor, &timer);
                self.transition(out, self.common.setting.numbering.host_of(actor), key.time, number);
            }
        }
    }

    #[inline]
    fn quiet_timer(&mut self, actor: u32, key: EventKey, timer: Self::Timer) -> bool {
        let Alarm::Model(timer) = timer else { return false };
        let seat = self.seat(actor);
        let is_quiet = seat.has_set(key) && self.is_idle(seat, timer);
        // In a debug build, every other one is handed to its peer, to see that it does nothing.
        if is_quiet && !(cfg!(debug_assertions) && key.seq.is_multiple_of(2)) {
            self.books.handled += 1;
            self.books.digest.add(key, actor, &timer);
            return true;
        }
        false
    }

    fn undelivered(&mut self, envelope: Self::Message) {
        let Label { sent, .. } = envelope.label;
        if sent < Time::ZERO {
            return;
        }
        self.books.count_of(envelope.label).in_flight += 1;
        if let Cause::Lookup(lookup) = envelope.label.cause() {
            self.books.notebook.ended(lookup, sent, sent, envelope.label.kind(), End::InFlight);
        }
    }

    fn pack(&mut self, to: usize, parcel: &mut Parcel) {
        let first = to as u32 * self.per_shard;
        self.books.notebook.pack(&(first..first.saturating_add(self.per_shard)), parcel);
    }

    fn unpack(&mut self, parcel: &mut Parcel) {
        self.books.notebook.unpack(parcel);
    }

    fn settle(&mut self) {
        self.books.settle();
        let Books { notebook, ledger, .. } = &mut self.books;
        let certain = notebook.before_news();
        Judge { truth: &self.truth.read(), common: &self.common }.read_all(&notebook.notes[..certain], ledger);
        notebook.notes.drain(..certain);
    }

    #[inline]
    fn class(envelope: &Self::Message) -> usize {
        envelope.label.kind()
    }

    #[inline]
    fn timer_class(timer: Self::Timer) -> usize {
        match timer {
            Alarm::Model(timer) if O::timeout_of(timer).is_some() => Self::QUIET,
            Alarm::Model(_) => 1,
            Alarm::Question => 2,
            _ => 3,
        }
    }

    #[inline]
    fn prefetch(&self, actor: u32) {
        self.prefetch_seat(actor);
    }

    #[inline]
    fn prefetch_for_message(&self, actor: u32, envelope: &Self::Message) {
        self.prefetch_for_load(actor, &envelope.load);
    }

    #[inline]
    fn prefetch_for_timer(&self, actor: u32, timer: Self::Timer) {
        self.prefetch_for_alarm(actor, timer);
    }

    #[inline]
    fn prefetch_for_quiet_timer(&self, actor: u32) {
        self.requests.prefetch_latest(&self.seat(actor).requests);
    }

    #[inline]
    fn prefetch_behind_message(&self, actor: u32, envelope: &Self::Message) {
        self.prefetch_behind_load(actor, &envelope.load);
    }

    #[inline]
    fn prefetch_behind_timer(&self, actor: u32, timer: Self::Timer) {
        self.prefetch_behind_alarm(actor, timer);
    }
}

/// The span of a run's measured part that lies in [`from`, `to`).
pub(crate) fn measured(from: Time, to: Time) -> Span {
    to.since(from.max(Time::ZERO))
}

#[cfg(test)]
mod tests {
    use peerlab_overlay::structured::chord::{ChordPeer, ChordTimer};

    use super::{Alarm, Seat};

    /// A peer has five timers in the queue on average: each is as large as the model's own.
    #[test]
    fn what_the_world_reminds_of_takes_no_more_than_a_model_s_timer() {
        assert_eq!(size_of::<Alarm<ChordTimer>>(), size_of::<ChordTimer>());
    }

    #[test]
    fn a_chord_peer_with_its_place_fills_two_cache_lines() {
        assert_eq!(size_of::<Seat<ChordPeer>>(), 128);
    }
}

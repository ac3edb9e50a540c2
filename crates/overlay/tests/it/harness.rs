//! A reference world: the simplest one that drives any model through the plug-in boundary.
//!
//! One heap ordered by (time, origin, the origin's counter), one latency function, no links, no queues, no shards. It is slow and
//! obvious on purpose: what a model does here, it must do in the real world too.
//!
//! ```text
//! let mut world = World::<Chord>::new(&config, Options { population: 16, ..Options::default() });
//! world.start_converged(0..16);            // or world.start_empty(), then world.join(seat) for each
//! let id = world.lookup(3, Target::Key(Key(7)));
//! world.run_for(Span::from_secs(10));
//! assert_eq!(world.record(id).hits[0].hit.peer, expected);
//! ```
#![allow(dead_code, reason = "each model's tests use their own part of it")]

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use peerlab_engine::key::EventKey;
use peerlab_engine::random::Streams;
use peerlab_model::{
    Cause, Context, Effect, Hit, Host, ItemId, LookupId, Message, Numbering, OpenRequests, Overlay, PeerId, PeerTable, Pool, Region, Rng,
    Roster, RumourId, Setting, Shares, Span, Start, Target, Time, Wire, Word,
};

/// How long a message from one peer to another is under way.
pub(crate) type Latency = Box<dyn Fn(PeerId, PeerId) -> Span>;

/// What a seat's machine says that it can handle per second. Nothing here holds it to that: there are no queues.
pub(crate) type Capacities = Box<dyn Fn(u32) -> Option<f64>>;

/// What a world is made of.
pub(crate) struct Options {
    /// Peers of the population; the model's dedicated servers come on top.
    pub(crate) population: u32,
    /// All randomness follows from it.
    pub(crate) seed: u64,
    /// Items of content.
    pub(crate) items: u32,
    /// Size of a value, where peers keep values.
    pub(crate) value_bytes: u32,
    /// The items' names, equally long, where questions are for keywords.
    pub(crate) words: Vec<Vec<Word>>,
    /// When time begins.
    pub(crate) begin: Time,
    /// One-way delay; never zero.
    pub(crate) latency: Latency,
    /// By seat.
    pub(crate) capacity: Capacities,
    /// Share of messages that get lost.
    pub(crate) loss: f64,
    /// Another overlay id in each life (`identity = "new"`).
    pub(crate) new_identity: bool,
    /// `[lookups].timeout`.
    pub(crate) lookup_timeout: Span,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            population: 8,
            seed: 1,
            items: 0,
            value_bytes: 0,
            words: Vec::new(),
            begin: Time::ZERO,
            latency: constant(Span::from_millis(50)),
            capacity: Box::new(|_| None),
            loss: 0.0,
            new_identity: false,
            lookup_timeout: Span::from_secs(60),
        }
    }
}

/// The size of a rumour.
pub(crate) const RUMOUR_BYTES: u32 = 1000;

/// The same delay between any two peers.
pub(crate) fn constant(span: Span) -> Latency {
    Box::new(move |_, _| span)
}

/// All that happened to one lookup.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) origin: PeerId,
    pub(crate) target: Target,
    pub(crate) asked: Time,
    /// Answers in the order of their arrival.
    pub(crate) hits: Vec<Answer>,
    /// When it ended; `finish` may be called once only, and no hit may follow.
    pub(crate) finished: Option<Time>,
    /// Contacts that were tried and did not answer.
    pub(crate) timeouts: u32,
    /// Messages sent for it, by kind.
    pub(crate) sent: BTreeMap<&'static str, u64>,
}

/// An answer and when it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) at: Time,
    pub(crate) hit: Hit,
    /// To a question by keyword: what the peer has.
    pub(crate) item: Option<ItemId>,
}

impl Record {
    /// Messages sent for it in all.
    pub(crate) fn messages(&self) -> u64 {
        self.sent.values().sum()
    }

    /// The peers that were named.
    pub(crate) fn peers(&self) -> Vec<PeerId> {
        self.hits.iter().map(|answer| answer.hit.peer).collect()
    }
}

struct Seat<O: Overlay> {
    peer: Option<O::Peer>,
    id: PeerId,
    generation: u32,
    life: u32,
    born: Time,
    seq: u32,
    joined: bool,
    questions: u32,
    received: u64,
    rng: Rng,
    requests: OpenRequests,
    claims: Vec<Region>,
}

enum What<O: Overlay> {
    Message { from: PeerId, to: PeerId, sent: Time, message: O::Message },
    Timer { seat: u32, life: u32, timer: O::Timer },
}

struct Event<O: Overlay> {
    key: EventKey,
    what: What<O>,
}

impl<O: Overlay> PartialEq for Event<O> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<O: Overlay> Eq for Event<O> {}

impl<O: Overlay> PartialOrd for Event<O> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<O: Overlay> Ord for Event<O> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// The peers of the population that are switched on.
struct Online(Vec<PeerId>);

/// A peer's machine.
struct Machine<'a> {
    numbering: Numbering,
    online: &'a Online,
    disk: &'a [ItemId],
    originals: &'a [ItemId],
    capacity: Option<f64>,
    words: &'a [Vec<Word>],
}

impl Host for Machine<'_> {
    fn shares(&self, _: PeerId) -> &[ItemId] {
        self.disk
    }

    fn originals(&self, _: PeerId) -> &[ItemId] {
        self.originals
    }

    fn words(&self, item: ItemId) -> &[Word] {
        self.words.get(item.0 as usize).map_or(&[], Vec::as_slice)
    }

    fn bootstrap(&self, asker: PeerId, _now: Time, rng: &mut Rng) -> Option<PeerId> {
        let others: Vec<PeerId> = self.online.0.iter().copied().filter(|&peer| peer != asker).collect();
        // As in the real world: an address, of which the newcomer does not know who lives there now.
        rng.pick(&others).map(|&peer| self.numbering.peer(self.numbering.seat(peer), 0))
    }

    fn capacity(&self, _: PeerId) -> Option<f64> {
        self.capacity
    }
}

struct Disks<'a>(&'a [Vec<ItemId>], &'a [Vec<Word>]);

impl Shares for Disks<'_> {
    fn of(&self, seat: u32) -> &[ItemId] {
        &self.0[seat as usize]
    }

    fn words(&self, item: ItemId) -> &[Word] {
        self.1.get(item.0 as usize).map_or(&[], Vec::as_slice)
    }
}

struct Table<'a, O: Overlay> {
    seats: &'a mut [Seat<O>],
    numbering: Numbering,
}

impl<O: Overlay> PeerTable<O::Peer> for Table<'_, O> {
    fn get(&mut self, peer: PeerId) -> &mut O::Peer {
        self.seats[self.numbering.seat(peer) as usize].peer.as_mut().expect("the table of a converged start holds its members")
    }
}

/// A world of one model.
pub(crate) struct World<O: Overlay> {
    pub(crate) model: O,
    pub(crate) setting: Setting,
    now: Time,
    queue: BinaryHeap<Reverse<Event<O>>>,
    seats: Vec<Seat<O>>,
    pool: Pool<O::Request>,
    disks: Vec<Vec<ItemId>>,
    /// What tests have put there themselves.
    originals: Vec<Vec<ItemId>>,
    pub(crate) words: Vec<Vec<Word>>,
    online: Online,
    streams: Streams,
    latency: Latency,
    capacity: Capacities,
    loss: f64,
    new_identity: bool,
    lookups: BTreeMap<LookupId, Record>,
    /// By seat, those that have heard a rumour from others (in tests of rumours nobody lives twice).
    heard: BTreeMap<RumourId, BTreeMap<u32, Time>>,
    sent: BTreeMap<&'static str, u64>,
    /// Bytes by kind, headers and values included.
    bytes: BTreeMap<&'static str, u64>,
    handled: u64,
    bytes_sent: u64,
}

impl<O: Overlay> World<O> {
    /// A world in which everybody is switched off and every disk is empty.
    pub(crate) fn new(config: &O::Config, options: Options) -> Self {
        let streams = Streams::new(options.seed);
        let servers = O::dedicated(config).len() as u32;
        let numbering = Numbering::new(options.population, servers, streams);
        let setting = Setting {
            numbering,
            expected_online: options.population,
            items: options.items,
            value_bytes: options.value_bytes,
            rumour_bytes: RUMOUR_BYTES,
            words_per_item: options.words.first().map_or(0, |name| name.len() as u8),
            wire: Wire::Udp,
            lookup_timeout: options.lookup_timeout,
        };
        let model = O::new(config, &setting).expect("the model can be built");
        let seat = |seat: u32| Seat {
            peer: None,
            id: numbering.peer(seat, 0),
            generation: 0,
            life: 0,
            born: options.begin,
            seq: 0,
            joined: false,
            questions: 0,
            received: 0,
            rng: streams.rng("overlay", u64::from(seat)),
            requests: OpenRequests::default(),
            claims: Vec::new(),
        };
        Self {
            model,
            setting,
            now: options.begin,
            queue: BinaryHeap::new(),
            pool: Pool::default(),
            seats: (0..numbering.seats()).map(seat).collect(),
            disks: vec![Vec::new(); numbering.seats() as usize],
            originals: vec![Vec::new(); numbering.seats() as usize],
            words: options.words,
            online: Online(Vec::new()),
            streams,
            latency: options.latency,
            capacity: options.capacity,
            loss: options.loss,
            new_identity: options.new_identity,
            lookups: BTreeMap::new(),
            heard: BTreeMap::new(),
            sent: BTreeMap::new(),
            bytes: BTreeMap::new(),
            handled: 0,
            bytes_sent: 0,
        }
    }

    // Before time begins.

    /// Puts items on a seat's disk without telling its peer.
    pub(crate) fn give(&mut self, seat: u32, items: &[u32]) {
        for disk in [&mut self.disks[seat as usize], &mut self.originals[seat as usize]] {
            disk.extend(items.iter().map(|&item| ItemId(item)));
            disk.sort_unstable();
            disk.dedup();
        }
    }

    /// Empties all disks without telling anybody: what has been published is left to the overlay.
    pub(crate) fn empty_disks(&mut self) {
        self.disks.iter_mut().for_each(Vec::clear);
    }

    /// Starts as a long-running overlay of these seats (and the dedicated servers).
    pub(crate) fn start_converged(&mut self, members: impl IntoIterator<Item = u32>) {
        let numbering = self.setting.numbering;
        let members: Vec<u32> = members.into_iter().collect();
        let servers: Vec<u32> = (numbering.population()..numbering.seats()).collect();
        let mut roster = Roster::new(members.len());
        for &seat in members.iter().chain(&servers) {
            self.switch_on(seat);
            self.seats[seat as usize].joined = true;
        }
        for &seat in &members {
            let id = self.seats[seat as usize].id;
            roster.insert(numbering.key(id), id);
        }
        let round_trip = |from, to| Some((self.latency)(from, to) + (self.latency)(to, from));
        let rng = self.streams.rng("converged", 0);
        let capacity = |peer| (self.capacity)(numbering.seat(peer));
        let shares = Disks(&self.disks, &self.words);
        let start = Start { members: &roster, shares: &shares, rng, round_trip: &round_trip, capacity: &capacity };
        self.model.converged(&start, &mut Table { seats: &mut self.seats, numbering });
        for &seat in members.iter().chain(&servers) {
            self.handle(seat, O::started);
        }
    }

    /// Starts with nobody online but the dedicated servers.
    pub(crate) fn start_empty(&mut self) {
        for seat in self.setting.numbering.population()..self.setting.numbering.seats() {
            self.start_server(seat);
        }
    }

    /// Switches on a dedicated server, by its seat.
    pub(crate) fn start_server(&mut self, seat: u32) {
        self.switch_on(seat);
        self.seats[seat as usize].joined = true;
        self.handle(seat, O::started);
    }

    // What a scenario does to peers.

    /// A peer comes online and joins.
    pub(crate) fn join(&mut self, seat: u32) {
        self.switch_on(seat);
        self.handle(seat, O::join);
    }

    /// The same, of a machine that still has these values on its disk.
    pub(crate) fn join_with(&mut self, seat: u32, records: &[peerlab_model::Record]) {
        self.switch_on(seat);
        let peer = self.seats[seat as usize].peer.as_mut().expect("it has just been switched on");
        self.model.restore(peer, records);
        self.handle(seat, O::join);
    }

    /// The living records at a peer that is online.
    pub(crate) fn kept(&self, seat: u32) -> Vec<peerlab_model::Record> {
        let living = |record: &&peerlab_model::Record| record.expires > self.now;
        self.peer(seat).map_or_else(Vec::new, |peer| self.model.records(peer).iter().filter(living).copied().collect())
    }

    /// Peers that are online and keep the item.
    pub(crate) fn copies(&self, item: u32) -> usize {
        let key = self.setting.numbering.item_key(ItemId(item));
        self.online().into_iter().filter(|&seat| self.kept(seat).iter().any(|record| record.key == key)).count()
    }

    /// A peer says goodbye and goes offline.
    pub(crate) fn leave(&mut self, seat: u32) {
        self.handle(seat, O::leave);
        self.crash(seat);
    }

    /// A peer (or server) goes offline without a word.
    pub(crate) fn crash(&mut self, seat: u32) {
        let state = &mut self.seats[seat as usize];
        assert!(state.peer.take().is_some(), "seat {seat} is offline already");
        self.pool.forget(&mut state.requests);
        state.life += 1;
        state.joined = false;
        state.claims.clear();
        let id = state.id;
        self.online.0.retain(|&peer| peer != id);
    }

    /// New items on the disk of a peer, which is told if it is a member.
    pub(crate) fn publish(&mut self, seat: u32, items: &[u32]) {
        self.give(seat, items);
        let items: Vec<ItemId> = items.iter().map(|&item| ItemId(item)).collect();
        if self.joined(seat) {
            self.handle(seat, |model, peer, cx| model.publish(peer, cx, &items));
        }
    }

    /// A peer has got a copy, which it did not have, and is told if it is a member.
    fn shelve(&mut self, seat: u32, item: ItemId) {
        self.disks[seat as usize].push(item);
        self.disks[seat as usize].sort_unstable();
        if self.joined(seat) {
            self.handle(seat, |model, peer, cx| model.publish(peer, cx, &[item]));
        }
    }

    /// Items vanish from the disk of a peer, which is told if it is a member.
    pub(crate) fn withdraw(&mut self, seat: u32, items: &[u32]) {
        let items: Vec<ItemId> = items.iter().map(|&item| ItemId(item)).collect();
        self.disks[seat as usize].retain(|item| !items.contains(item));
        if self.joined(seat) {
            self.handle(seat, |model, peer, cx| model.withdraw(peer, cx, &items));
        }
    }

    /// A member knows something new, which everybody is to hear.
    pub(crate) fn rumour(&mut self, seat: u32, number: u32) {
        self.handle(seat, |model, peer, cx| model.rumour(peer, cx, RumourId(number)));
    }

    /// Who has heard a rumour from others, and when.
    pub(crate) fn heard(&self, number: u32) -> BTreeMap<u32, Time> {
        self.heard.get(&RumourId(number)).cloned().unwrap_or_default()
    }

    /// From now on this share of all messages gets lost.
    pub(crate) fn set_loss(&mut self, share: f64) {
        self.loss = share;
    }

    /// A peer asks. (A holder that asks for what it has is answered by the world and must not come here.)
    pub(crate) fn lookup(&mut self, seat: u32, target: Target) -> LookupId {
        let state = &mut self.seats[seat as usize];
        let id = LookupId { origin: seat, number: state.questions };
        state.questions += 1;
        let record =
            Record { origin: state.id, target, asked: self.now, hits: Vec::new(), finished: None, timeouts: 0, sent: BTreeMap::new() };
        self.lookups.insert(id, record);
        self.handle(seat, |model, peer, cx| model.lookup(peer, cx, id, target));
        id
    }

    // Time.

    /// The present instant.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Runs for `span`.
    pub(crate) fn run_for(&mut self, span: Span) {
        self.run_until(self.now + span);
    }

    /// Runs all events before `end`.
    pub(crate) fn run_until(&mut self, end: Time) {
        while self.queue.peek().is_some_and(|Reverse(event)| event.key.time < end) {
            let Some(Reverse(event)) = self.queue.pop() else { return };
            self.now = event.key.time;
            self.happen(event.what);
        }
        self.now = end;
    }

    fn happen(&mut self, what: What<O>) {
        self.handled += 1;
        match what {
            What::Message { from, to, sent, message } => {
                let seat = self.setting.numbering.seat(to);
                let state = &self.seats[seat as usize];
                if state.peer.is_some() && state.born <= sent {
                    self.seats[seat as usize].received += 1;
                    self.handle(seat, |model, peer, cx| model.message(peer, cx, from, message));
                }
            }
            What::Timer { seat, life, timer } => {
                if self.seats[seat as usize].life == life {
                    self.handle(seat, |model, peer, cx| model.timer(peer, cx, timer));
                }
            }
        }
    }

    // What tests look at.

    /// The items on a seat's disk.
    pub(crate) fn disk(&self, seat: u32) -> &[ItemId] {
        &self.disks[seat as usize]
    }

    /// The identity at a seat.
    pub(crate) fn id(&self, seat: u32) -> PeerId {
        self.seats[seat as usize].id
    }

    /// The state of the peer at a seat, if it is online.
    pub(crate) fn peer(&self, seat: u32) -> Option<&O::Peer> {
        self.seats[seat as usize].peer.as_ref()
    }

    /// The same, to be changed behind the model's back.
    pub(crate) fn peer_mut(&mut self, seat: u32) -> Option<&mut O::Peer> {
        self.seats[seat as usize].peer.as_mut()
    }

    /// Seats that are online, in ascending order; servers included.
    pub(crate) fn online(&self) -> Vec<u32> {
        (0..self.seats.len() as u32).filter(|&seat| self.peer(seat).is_some()).collect()
    }

    /// True if the peer at this seat is online and has joined.
    pub(crate) fn joined(&self, seat: u32) -> bool {
        self.seats[seat as usize].joined
    }

    /// What the peer at a seat has claimed and not released.
    pub(crate) fn claims(&self, seat: u32) -> &[Region] {
        &self.seats[seat as usize].claims
    }

    /// The members of the population at this moment.
    pub(crate) fn roster(&self) -> Roster {
        let numbering = self.setting.numbering;
        let mut roster = Roster::new(self.seats.len());
        for seat in self.seats.iter().filter(|seat| seat.joined && !numbering.is_server(seat.id)) {
            roster.insert(numbering.key(seat.id), seat.id);
        }
        roster
    }

    /// Whom the judge takes for the owner of a key.
    pub(crate) fn model_owner(&self, key: peerlab_model::Key) -> Option<PeerId> {
        self.model.owner(&self.roster(), key)
    }

    /// What happened to a lookup.
    pub(crate) fn record(&self, id: LookupId) -> &Record {
        &self.lookups[&id]
    }

    /// All lookups.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.lookups.values()
    }

    /// Messages sent so far, by kind.
    pub(crate) fn sent(&self, kind: &str) -> u64 {
        assert!(O::Message::KINDS.contains(&kind), "no message is of kind {kind}");
        self.sent.get(kind).copied().unwrap_or(0)
    }

    /// Messages that the machine at a seat has handled so far.
    pub(crate) fn received(&self, seat: u32) -> u64 {
        self.seats[seat as usize].received
    }

    /// Bytes sent so far, headers included.
    pub(crate) fn bytes_sent(&self) -> u64 {
        self.bytes_sent
    }

    /// Bytes sent so far, by kind.
    pub(crate) fn bytes(&self, kind: &str) -> u64 {
        assert!(O::Message::KINDS.contains(&kind), "no message is of kind {kind}");
        self.bytes.get(kind).copied().unwrap_or(0)
    }

    /// Messages and timers handled so far.
    pub(crate) fn handled(&self) -> u64 {
        self.handled
    }

    /// Somebody among `seats` comes or goes: joins if it is away, else leaves politely or crashes, one as often as the other.
    pub(crate) fn toggle_one(&mut self, seats: u32, rng: &mut Rng) {
        let seat = rng.below(seats.into()) as u32;
        match (self.peer(seat).is_some(), rng.chance(0.5)) {
            (false, _) => self.join(seat),
            (true, true) => self.leave(seat),
            (true, false) => self.crash(seat),
        }
    }

    /// A generator for the test's own draws.
    pub(crate) fn test_rng(&self) -> Rng {
        self.streams.rng("test", 0)
    }

    /// Whom the peer at a seat has in its tables, in ascending order.
    pub(crate) fn contacts(&self, seat: u32) -> Vec<PeerId> {
        let mut list = Vec::new();
        if let Some(peer) = self.peer(seat) {
            self.model.contacts(peer, &mut |contact| list.push(contact));
        }
        list.sort_unstable();
        list.dedup();
        list
    }

    /// Checks the model's own invariants at every peer that is online.
    pub(crate) fn check(&self) {
        for (seat, peer) in self.seats.iter().enumerate().filter_map(|(seat, state)| Some((seat, state.peer.as_ref()?))) {
            if let Err(violation) = self.model.check(peer) {
                panic!("seat {seat} at {}: {violation}", self.now);
            }
        }
    }

    // Handlers and their effects.

    fn switch_on(&mut self, seat: u32) {
        let numbering = self.setting.numbering;
        let state = &mut self.seats[seat as usize];
        assert!(state.peer.is_none(), "seat {seat} is online already");
        if self.new_identity && state.life > 0 && !numbering.is_server(state.id) {
            state.generation += 1;
            state.id = numbering.peer(seat, state.generation);
        }
        state.born = self.now;
        state.peer = Some(self.model.peer(state.id));
        if !numbering.is_server(state.id) {
            self.online.0.push(state.id);
        }
    }

    /// Lets one peer handle something, then carries out what it asked for. A peer that is offline handles nothing.
    pub(crate) fn handle(&mut self, seat: u32, handler: impl FnOnce(&O, &mut O::Peer, &mut Context<'_, O>)) {
        let mut effects = Vec::new();
        let state = &mut self.seats[seat as usize];
        let Some(peer) = state.peer.as_mut() else { return };
        let (numbering, disk, capacity) = (self.setting.numbering, &self.disks[seat as usize], (self.capacity)(seat));
        let originals = &self.originals[seat as usize];
        let host = Machine { numbering, online: &self.online, disk, originals, capacity, words: &self.words };
        let (rng, requests) = (&mut state.rng, &mut state.requests);
        let mut cx = Context::new(self.now, state.id, &self.setting, rng, &mut self.pool, requests, &host, &mut effects);
        handler(&self.model, peer, &mut cx);
        for effect in effects {
            self.carry_out(seat, effect);
        }
    }

    fn carry_out(&mut self, seat: u32, effect: Effect<O::Message, O::Timer>) {
        match effect {
            Effect::Send { to, message } => self.send(seat, to, message),
            Effect::Timer { after, timer } => {
                let life = self.seats[seat as usize].life;
                self.push(seat, after, What::Timer { seat, life, timer });
            }
            Effect::Joined => {
                self.seats[seat as usize].joined = true;
                let items = self.disks[seat as usize].clone();
                if !items.is_empty() {
                    self.handle(seat, |model, peer, cx| model.publish(peer, cx, &items));
                }
            }
            Effect::Hit(id, hit) => self.note_hit(seat, id, hit, None),
            Effect::Matched(id, hit, item) => self.note_hit(seat, id, hit, Some(item)),
            Effect::Finish(id) => {
                let record = self.lookups.get_mut(&id).expect("an end belongs to a lookup");
                assert!(id.origin == seat && record.finished.is_none(), "{id:?}: ended by seat {seat}, or twice");
                record.finished = Some(self.now);
            }
            Effect::Claim(region, holds) => {
                let claims = &mut self.seats[seat as usize].claims;
                assert_ne!(claims.contains(&region), holds, "seat {seat} claims or releases {region:?} twice");
                if holds {
                    claims.push(region);
                } else {
                    claims.retain(|&claim| claim != region);
                }
            }
            Effect::Shelve(item, true) if !self.disks[seat as usize].contains(&item) => self.shelve(seat, item),
            Effect::Shelve(item, false) if self.disks[seat as usize].contains(&item) => self.withdraw(seat, &[item.0]),
            Effect::Shelve(..) => {}
            Effect::Heard(rumour) => {
                let heard = self.heard.entry(rumour).or_default();
                assert!(heard.insert(seat, self.now).is_none(), "seat {seat} hears {rumour:?} twice");
            }
            Effect::TimedOut(id) => self.lookups.get_mut(&id).expect("a timeout belongs to a lookup").timeouts += 1,
        }
    }

    fn note_hit(&mut self, seat: u32, id: LookupId, hit: Hit, item: Option<ItemId>) {
        let at = self.now;
        let record = self.lookups.get_mut(&id).expect("a hit belongs to a lookup");
        assert!(id.origin == seat && record.finished.is_none(), "{id:?}: a hit at seat {seat}, or after the end");
        record.hits.push(Answer { at, hit, item });
    }

    fn send(&mut self, seat: u32, to: PeerId, message: O::Message) {
        let kind = O::Message::KINDS[message.kind()];
        self.bytes_sent += u64::from(message.wire_bytes(self.setting.wire));
        *self.sent.entry(kind).or_default() += 1;
        *self.bytes.entry(kind).or_default() += u64::from(self.setting.wire_bytes(&message));
        if let Cause::Lookup(id) = message.cause() {
            *self.lookups.get_mut(&id).expect("a message belongs to a lookup").sent.entry(kind).or_default() += 1;
        }
        let from = self.seats[seat as usize].id;
        // To who lived here before: the address is this machine's own, and nobody else is there.
        let nobody = self.setting.numbering.seat(to) == seat;
        let lost = nobody
            || self.loss > 0.0
                && self.streams.keyed("loss").rng(u64::from(seat), u64::from(self.seats[seat as usize].seq)).chance(self.loss);
        let delay = (self.latency)(from, to);
        assert!(delay > Span::ZERO, "delay is never zero");
        if lost {
            self.seats[seat as usize].seq += 1;
        } else {
            self.push(seat, delay, What::Message { from, to, sent: self.now, message });
        }
    }

    fn push(&mut self, seat: u32, after: Span, what: What<O>) {
        let state = &mut self.seats[seat as usize];
        let key = EventKey { time: self.now.saturating_add(after), origin: seat, seq: state.seq };
        state.seq += 1;
        self.queue.push(Reverse(Event { key, what }));
    }
}

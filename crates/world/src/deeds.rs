//! What a handler asks for is carried out here, at once and in the order of its asking: messages sent, timers set, answers given.

use std::hint::cold_path;

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{Actions, Cause, Hit, HostId, ItemId, LookupId, Message, Overlay, PeerId, Region, RumourId};
use peerlab_network::Verdict;
use peerlab_transfer::TransferMessage;

use crate::books::{Books, Envelope, Label, Load};
use crate::common::Machines;
use crate::notes::What;
use crate::observer::Observer;
use crate::shard::{Alarm, Life, Seats};
use crate::tally::Fate;

/// Carries out what a handler asks for.
pub(crate) struct Deeds<'a, 'o, O: Overlay, V: Observer<O::Message>> {
    pub(crate) machines: &'a Machines<O>,
    pub(crate) books: &'a mut Books<V>,
    pub(crate) life: &'a mut Life,
    pub(crate) out: &'a mut Outbox<'o, Seats<O, V>>,
    pub(crate) seat: u32,
    pub(crate) this: PeerId,
    /// Of the event that is being handled.
    pub(crate) key: EventKey,
    pub(crate) joined: bool,
}

/// How long TCP waits before it sends again what was not acknowledged, at first: each time it is twice as long (RFC 6298, with Linux's minimum).
const RETRANSMISSION: Span = Span::from_millis(200);

/// How often TCP sends a segment at the most.
const SENDINGS: u32 = 8;

impl<O: Overlay, V: Observer<O::Message>> Deeds<'_, '_, O, V> {
    /// Sends a message of `bytes` bytes that belongs to a connection: it is sent again when it is lost, and arrives in the `order` of its sending.
    pub(crate) fn stream(&mut self, to: PeerId, message: TransferMessage, bytes: u32, order: &mut Time) {
        let now = self.key.time;
        let kind = O::Message::KINDS.len() + message.kind();
        let to_seat = self.machines.common.setting.numbering.seat(to);
        let (mut sent, mut waited) = (1, Span::ZERO);
        loop {
            let label = Label::new(now, kind, Cause::Transfer, bytes);
            match self.try_once(to_seat, label) {
                (_, Err(Fate::Loss)) if sent < SENDINGS => {
                    waited = waited.saturating_add(RETRANSMISSION.times(1 << (sent - 1)));
                    sent += 1;
                }
                (_, Err(_)) => return,
                (seq, Ok(delay)) => {
                    *order = (now + delay + waited).max(order.saturating_add(Span::from_nanos(1)));
                    return self.place(to_seat, *order, seq).fill(Load::Transfer(message), label);
                }
            }
        }
    }

    /// True if this lookup is one of the peer's host. Nobody else can say what it has found.
    fn is_own(&self, lookup: LookupId) -> bool {
        let is_own = self.machines.common.setting.numbering.host(self.this) == HostId(lookup.origin);
        debug_assert!(is_own, "{:?} ends, or finds something for, a lookup of another host, {lookup:?}", self.this);
        is_own
    }

    /// A place in the queue of its receiver, for what arrives at this time.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "every message comes through here; as a call, its label goes through memory")]
    fn place(&mut self, to_seat: u32, arrives: Time, seq: u32) -> &mut Envelope<O::Message> {
        let key = EventKey { time: arrives, origin: self.seat, seq };
        self.out.send(to_seat, key, self.this.0)
    }

    /// Sends something once: its number among this peer's events, and how long it takes or else what has become of it.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "every message comes through here; as a call, its result goes through memory")]
    fn try_once(&mut self, to_seat: u32, label: Label) -> (u32, Result<Span, Fate>) {
        let Self { machines, books, life, seat, .. } = self;
        let common = &machines.common;
        let (now, seat, bytes) = (label.sent, *seat, label.bytes);
        let numbering = &common.setting.numbering;
        let seq = life.next_seq();
        life.messages_out += 1;
        life.bytes_out += u64::from(bytes);
        if let Cause::Lookup(lookup) = label.cause() {
            books.notebook.sent(lookup, now, label.kind(), bytes);
        }
        let measured = now >= Time::ZERO;
        let count = books.count_of(label);
        count.sent += u64::from(measured);
        count.bytes += u64::from(bytes) * u64::from(measured);
        let key = EventKey { time: now, origin: seat, seq };
        let (from_host, to_host) = (numbering.host_of(seat), numbering.host_of(to_seat));
        // Between two peers of one host: neither its link nor the network.
        let indoors = to_host == from_host && to_seat != seat;
        let waits = match books.limits.get_mut(machines.place(from_host)) {
            Some(limits) if !indoors => {
                cold_path();
                limits.link.depart(&mut limits.link_state, now, bytes).since(now)
            }
            _ => Span::ZERO,
        };
        let verdict = if indoors {
            cold_path();
            Verdict::Deliver { after: common.network.min_one_way(), raised: false }
        } else {
            common.network.carry(&books.rules, from_host, to_host, key)
        };
        let carried = match verdict {
            // To who lived here before: the address is this machine's own, and nobody else is there.
            _ if to_seat == seat => Err(Fate::Offline),
            Verdict::Deliver { after, raised } => {
                books.raised += u64::from(raised);
                Ok(waits + after)
            }
            Verdict::Lost => Err(Fate::Loss),
            Verdict::Partitioned => Err(Fate::Partition),
        };
        if let Err(fate) = carried {
            cold_path();
            books.ended(now, label, fate);
        }
        (seq, carried)
    }
}

impl<O: Overlay, V: Observer<O::Message>> Actions<O::Message, O::Timer> for Deeds<'_, '_, O, V> {
    fn send(&mut self, to: PeerId, mut message: O::Message) {
        let (common, now) = (&*self.machines.common, self.key.time);
        if !self.machines.turned.is_empty() {
            cold_path();
            let host = common.setting.numbering.host_of(self.seat);
            if let Some(conduct) = self.machines.conduct(host) {
                conduct.misdirect(host, &mut message, self.key, &common.setting);
            }
        }
        let (fields, cause) = (message.fields(), message.cause());
        let label = Label::new(now, message.kind(), cause, common.setting.bytes_of(fields));
        if let (Cause::Rumour(rumour), Some(config)) = (cause, &common.rumours)
            && now < config.deadline(rumour)
        {
            cold_path();
            self.books.spread.count(rumour, fields.rumours, label.bytes);
        }
        if fields.records > 0 && now >= Time::ZERO && cause == Cause::Maintenance {
            cold_path();
            self.books.moved += u64::from(common.setting.value_bytes) * u64::from(fields.records);
        }
        // It comes once, and as it may.
        let to_seat = common.setting.numbering.seat(to);
        let (seq, carried) = self.try_once(to_seat, label);
        self.books.observer.sent(now, self.this, to, &message, carried.ok());
        // Only here is it moved: what was written in small pieces a moment ago has reached the cache by now, and can be read in large ones.
        if let Ok(delay) = carried {
            let place = self.place(to_seat, now + delay, seq);
            place.fill(Load::Overlay(message), label);
        }
    }

    fn timer(&mut self, after: Span, timer: O::Timer) {
        let seq = self.life.next_seq();
        self.out.timer(self.key.time.saturating_add(after), seq, Alarm::Model(timer));
    }

    fn joined(&mut self) {
        self.joined = true;
    }

    fn hit(&mut self, lookup: LookupId, hit: Hit) {
        if self.is_own(lookup) {
            self.books.hit(self.key, lookup, hit, None);
        }
    }

    fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId) {
        if self.is_own(lookup) {
            self.books.hit(self.key, lookup, hit, Some(item));
        }
    }

    fn finish(&mut self, lookup: LookupId) {
        if self.is_own(lookup) {
            self.books.finish(self.key, lookup);
        }
    }

    fn timed_out(&mut self, lookup: LookupId) {
        self.books.notebook.timed_out(lookup, self.key.time);
    }

    fn claim(&mut self, region: Region, holds: bool) {
        if self.machines.common.asks_for_owners {
            self.books.notebook.note(self.key, What::Claim { peer: self.this, region, holds });
        }
    }

    fn heard(&mut self, rumour: RumourId) {
        self.books.notebook.note(self.key, What::Heard { peer: self.this, rumour });
    }

    fn shelve(&mut self, item: ItemId, holds: bool) {
        self.books.shelved.push((item, holds));
    }
}

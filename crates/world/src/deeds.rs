//! What a handler asks for is carried out here, at once and in the order of its asking: messages sent, timers set, answers given.

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{Actions, Cause, Hit, ItemId, LookupId, Message, Overlay, PeerId, Region, RumourId};
use peerlab_network::Verdict;

use crate::books::{Books, Envelope};
use crate::notes::{End, What};
use crate::observer::Observer;
use crate::shard::{Alarm, Common, Life, Seats};
use crate::tally::Fate;

/// Carries out what a handler asks for.
pub(crate) struct Deeds<'a, 'o, O: Overlay, V: Observer<O::Message>> {
    pub(crate) common: &'a Common<O>,
    pub(crate) books: &'a mut Books<V>,
    pub(crate) life: &'a mut Life,
    pub(crate) out: &'a mut Outbox<'o, Seats<O, V>>,
    pub(crate) seat: u32,
    /// The first host of the shard.
    pub(crate) first: u32,
    pub(crate) this: PeerId,
    /// Of the event that is being handled.
    pub(crate) key: EventKey,
    pub(crate) joined: bool,
}

impl<O: Overlay, V: Observer<O::Message>> Actions<O::Message, O::Timer> for Deeds<'_, '_, O, V> {
    fn send(&mut self, to: PeerId, message: O::Message) {
        let Self { common, books, life, seat, .. } = self;
        let (now, seat) = (self.key.time, *seat);
        let numbering = &common.setting.numbering;
        let bytes = common.setting.wire_bytes(&message);
        let (kind, cause) = (message.kind(), message.cause());
        let seq = life.next_seq();
        life.messages_out += 1;
        life.bytes_out += u64::from(bytes);
        let key = EventKey { time: now, origin: seat, seq };
        let (from_host, to_seat) = (numbering.host_of(seat), numbering.seat(to));
        let (leaves, verdict) = if numbering.host_of(to_seat) == from_host && to_seat != seat {
            // Between two peers of one host: neither its link nor the network.
            (now, Verdict::Deliver { after: common.network.min_one_way(), raised: false })
        } else {
            let leaves = match books.limits.get_mut((from_host.0 - self.first) as usize) {
                Some(limits) => limits.link.depart(&mut limits.link_state, now, bytes),
                None => now,
            };
            (leaves, common.network.carry(&books.rules, from_host, numbering.host_of(to_seat), key))
        };
        let measured = now >= Time::ZERO;
        if let Cause::Lookup(lookup) = cause {
            books.notebook.sent(lookup, now, kind, bytes);
        }
        if let (Cause::Rumour(rumour), Some(config)) = (cause, &common.rumours)
            && now < config.deadline(rumour)
        {
            books.spread.count(rumour, message.fields().rumours, bytes);
        }
        let count = books.tally.of(kind, cause);
        count.sent += u64::from(measured);
        if common.setting.keeps_values() && measured && cause == Cause::Maintenance {
            books.moved += u64::from(common.setting.value_bytes) * u64::from(message.fields().records);
        }
        count.bytes += u64::from(bytes) * u64::from(measured);
        let (delay, fate) = match verdict {
            // To who lived here before: the address is this machine's own, and nobody else is there.
            _ if to_seat == seat => (None, Some(Fate::Offline)),
            Verdict::Deliver { after, raised } => {
                books.raised += u64::from(raised);
                (Some(leaves.since(now) + after), None)
            }
            Verdict::Lost => (None, Some(Fate::Loss)),
            Verdict::Partitioned => (None, Some(Fate::Partition)),
        };
        books.observer.sent(now, self.this, to, &message, delay);
        if let Some(delay) = delay {
            let key = EventKey { time: now + delay, origin: seat, seq };
            self.out.send(to_seat, key, self.this.0, Envelope { sent: now, message });
        } else if let Some(fate) = fate {
            count.ended[fate as usize] += u64::from(measured);
            if let Cause::Lookup(lookup) = cause {
                books.notebook.ended(lookup, now, now, kind, End::Met(fate));
            }
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
        self.books.hit(self.key, lookup, hit, None);
    }

    fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId) {
        self.books.hit(self.key, lookup, hit, Some(item));
    }

    fn finish(&mut self, lookup: LookupId) {
        self.books.finish(self.key, lookup);
    }

    fn timed_out(&mut self, lookup: LookupId) {
        self.books.notebook.timed_out(lookup, self.key.time);
    }

    fn claim(&mut self, region: Region, holds: bool) {
        if self.common.asks_for_owners {
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

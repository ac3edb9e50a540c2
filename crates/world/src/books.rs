//! What a shard's seats share: the links and rules that they act under, and what is written down of what they do.

use std::ops::Range;

use peerlab_engine::digest::Digest;
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Carried, EventKey, put};
use peerlab_model::{Cause, Hit, ItemId, LookupId, Message, RumourId};
use peerlab_network::{Capacity, CapacityState, Link, LinkState, Rules};
use peerlab_prefetch::prefetch;
use peerlab_transfer::TransferMessage;

use crate::ledger::Ledger;
use crate::notes::{End, Note, Notebook, What};
use crate::observer::Observer;
use crate::rumours::Spread;
use crate::tally::{self, Count, Fate, Tally};
use crate::transfers::{Mail, Moved};

/// A message on its way. In this order for the same reason as in the engine's queue.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Envelope<M> {
    pub(crate) load: Load<M>,
    pub(crate) label: Label,
}

impl<M> Default for Envelope<M> {
    fn default() -> Self {
        Self { load: Load::Nothing, label: Label::new(Time::MIN, 0, Cause::Maintenance, 0) }
    }
}

impl<M> Envelope<M> {
    /// Puts something into an empty one.
    #[inline]
    pub(crate) fn fill(&mut self, load: Load<M>, label: Label) {
        put(&mut self.load, load);
        self.label = label;
    }

    /// Takes it out of its place, and leaves an empty one.
    pub(crate) fn take(&mut self) -> Self {
        Self { load: std::mem::take(&mut self.load), label: self.label }
    }
}

impl<M: Send> Carried for Envelope<M> {
    #[inline]
    fn move_to(&mut self, place: &mut Self) {
        std::mem::swap(&mut self.load, &mut place.load);
        place.label = self.label;
    }
}

/// What is on its way: between peers of the overlay, or between hosts that move content.
#[derive(Clone, Default)]
pub(crate) enum Load<M> {
    /// It has arrived.
    #[default]
    Nothing,
    Overlay(M),
    Transfer(TransferMessage),
}

/// What the books want to know of a message, written down when it is sent: whoever books its end need not ask the message again.
#[derive(Clone, Copy)]
pub(crate) struct Label {
    pub(crate) sent: Time,
    /// The lookup or the rumour that it was sent for, as far as [`Label::cause`] has one.
    about: u64,
    /// Its size on the wire.
    pub(crate) bytes: u32,
    /// The place of its cause in the [`Tally`].
    cause: u8,
    kind: u8,
}

impl Label {
    #[inline]
    pub(crate) fn new(sent: Time, kind: usize, cause: Cause, bytes: u32) -> Self {
        let about = match cause {
            Cause::Lookup(lookup) => u64::from(lookup.origin) << 32 | u64::from(lookup.number),
            Cause::Rumour(rumour) => u64::from(rumour.0),
            Cause::Maintenance | Cause::Transfer => 0,
        };
        Self { sent, about, bytes, cause: tally::place(cause), kind: kind as u8 }
    }

    /// Which kind of message it is.
    #[inline]
    pub(crate) fn kind(self) -> usize {
        usize::from(self.kind)
    }

    /// What it was sent for.
    #[inline]
    pub(crate) fn cause(self) -> Cause {
        match self.cause {
            tally::LOOKUP => Cause::Lookup(LookupId { origin: (self.about >> 32) as u32, number: self.about as u32 }),
            tally::RUMOUR => Cause::Rumour(RumourId(self.about as u32)),
            tally::TRANSFER => Cause::Transfer,
            _ => Cause::Maintenance,
        }
    }
}

impl<M: Message> Load<M> {
    /// The names of all kinds.
    pub(crate) fn kinds(moves_content: bool) -> Vec<&'static str> {
        let transfers = if moves_content { TransferMessage::KINDS } else { &[] };
        M::KINDS.iter().chain(transfers).copied().collect()
    }
}

/// A host's link and capacity, and how busy they are: a cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
pub(crate) struct LinkAndQueue {
    pub(crate) link: Link,
    pub(crate) link_state: LinkState,
    capacity: Option<Capacity>,
    capacity_state: CapacityState,
}

const _: () = assert!(size_of::<LinkAndQueue>() == 64);

impl LinkAndQueue {
    pub(crate) fn new(link: Link, capacity: Option<Capacity>) -> Self {
        Self { link, capacity, ..Self::default() }
    }

    pub(crate) fn is_unlimited(&self) -> bool {
        self.link.is_unlimited() && self.capacity.is_none()
    }

    /// From now on `factor` times as fast as `original`: a server in all that it does, a peer's machine on its link.
    pub(crate) fn set_pace(&mut self, original: &Self, factor: f64, is_server: bool) {
        self.link = original.link.scaled(factor);
        if is_server {
            self.capacity = original.capacity.map(|capacity| capacity.scaled(factor));
        }
    }
}

/// See the module.
pub(crate) struct Books<V> {
    /// By host; empty where nobody has limits.
    pub(crate) limits: Vec<LinkAndQueue>,
    /// The same as the scenario has them, once the timeline has changed some.
    pub(crate) unchanged: Vec<LinkAndQueue>,
    /// The network's rules in force; the same in all shards.
    pub(crate) rules: Rules,
    pub(crate) tally: Tally,
    /// What makes late messages of lookups of this shard maintenance: other shards may have counted them.
    pub(crate) late: Tally,
    pub(crate) notebook: Notebook,
    pub(crate) ledger: Ledger,
    pub(crate) digest: Digest,
    pub(crate) handled: u64,
    /// Messages that `min_one_way` slowed down.
    pub(crate) raised: u64,
    /// Bytes of values that went from peer to peer in upkeep: published, refreshed, handed over, repaired.
    pub(crate) moved: u64,
    /// What was sent for each rumour.
    pub(crate) spread: Spread,
    /// What the event that is being handled does to its peer's disk.
    pub(crate) shelved: Vec<(ItemId, bool)>,
    /// What the overlay and the hosts that move content have to say to each other in it.
    pub(crate) mail: Mail,
    /// True if hosts move content: they want to know what lookups find.
    pub(crate) moves_content: bool,
    /// Content that has arrived.
    pub(crate) moved_content: Moved,
    pub(crate) observer: V,
}

impl<V> Books<V> {
    /// Nothing written yet, for the shard of these hosts.
    pub(crate) fn new<M: Message>(moves_content: bool, hosts: &Range<u32>, timeout: Span, limits: Vec<LinkAndQueue>, observer: V) -> Self {
        let kinds = Load::<M>::kinds(moves_content);
        Self {
            limits,
            unchanged: Vec::new(),
            rules: Rules::default(),
            tally: Tally::new(kinds.clone()),
            late: Tally::new(kinds),
            notebook: Notebook::default(),
            ledger: Ledger::new(hosts, timeout),
            digest: Digest::default(),
            handled: 0,
            raised: 0,
            moved: 0,
            spread: Spread::default(),
            shelved: Vec::new(),
            mail: Mail::default(),
            moves_content,
            moved_content: Moved::default(),
            observer,
        }
    }

    /// The limits of this host, by its place among the shard's, will be looked at soon. A hint.
    #[inline]
    pub(crate) fn prefetch_limits(&self, local: usize) {
        if let Some(limits) = self.limits.get(local) {
            prefetch::<1, _>(limits);
        }
    }

    /// A window is over: opens rows for its questions, and books what was done for lookups in it.
    pub(crate) fn settle(&mut self) {
        let Notebook { notes, accounts, received, .. } = &mut self.notebook;
        notes.sort_unstable_by_key(Note::order);
        for note in notes {
            if let What::Asked { lookup, target } = note.what {
                self.ledger.asked(lookup, target, note.key.time);
            }
        }
        for accounts in [accounts, received] {
            self.ledger.book(accounts, &mut self.late);
            accounts.clear();
        }
    }

    /// True if the event that is being handled has brought something up that is still to be done.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        !self.shelved.is_empty() || !self.mail.is_empty()
    }

    /// Bytes sent that were for no lookup, or too late for one.
    pub(crate) fn maintenance_bytes(&self) -> u64 {
        self.tally.maintenance_bytes() + self.late.maintenance_bytes()
    }

    pub(crate) fn hit<M: Message>(&mut self, key: EventKey, lookup: LookupId, hit: Hit, item: Option<ItemId>)
    where
        V: Observer<M>,
    {
        if self.moves_content && item.is_none() {
            self.mail.found.push((lookup, Some(hit.peer)));
        }
        self.notebook.note(key, What::Hit { lookup, hit, item, last: false });
        self.observer.hit(key.time, lookup, hit);
    }

    pub(crate) fn finish<M: Message>(&mut self, key: EventKey, lookup: LookupId)
    where
        V: Observer<M>,
    {
        if self.moves_content {
            self.mail.found.push((lookup, None));
        }
        self.notebook.finished(key, lookup);
        self.observer.finished(key.time, lookup);
    }

    /// Where messages like this one are counted.
    #[inline]
    pub(crate) fn count_of(&mut self, label: Label) -> &mut Count {
        self.tally.of(label.kind(), label.cause)
    }

    /// Writes down what became of a message, at `now`.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a call, even one that is never made, would keep the label in memory")]
    pub(crate) fn ended(&mut self, now: Time, label: Label, fate: Fate) {
        if label.sent >= Time::ZERO {
            self.count_of(label).ended[fate as usize] += 1;
        }
        if let Cause::Lookup(lookup) = label.cause() {
            self.notebook.ended(lookup, now, label.sent, label.kind(), End::Met(fate));
        }
    }

    /// When a message that is here now will have been handled: behind what came before it to any peer of the host, on the downlink (if it
    /// came `by_link`) and in the queue (if it is `queued`).
    #[inline(never)]
    pub(crate) fn admit(&mut self, local: usize, now: Time, bytes: u32, by_link: bool, queued: bool) -> Option<Time> {
        let Some(limits) = self.limits.get_mut(local) else { return Some(now) };
        let received = if by_link { limits.link.arrive(&mut limits.link_state, now, bytes) } else { now };
        match limits.capacity.filter(|_| queued) {
            Some(capacity) => capacity.admit(&mut limits.capacity_state, received),
            None => Some(received),
        }
    }
}

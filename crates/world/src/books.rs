//! What a shard's seats share: the links and rules that they act under, and what is written down of what they do.

use std::ops::Range;

use peerlab_engine::EventKey;
use peerlab_engine::digest::Digest;
use peerlab_engine::time::{Span, Time};
use peerlab_model::{Cause, Hit, ItemId, LookupId, Message};
use peerlab_network::{Capacity, CapacityState, Link, LinkState, Rules};
use peerlab_prefetch::prefetch;
use peerlab_transfer::TransferMessage;

use crate::ledger::Ledger;
use crate::notes::{End, Note, Notebook, What};
use crate::observer::Observer;
use crate::rumours::Spread;
use crate::tally::{Fate, Tally};
use crate::transfers::{Mail, Moved};

/// A message on its way. In this order for the same reason as in the engine's queue.
#[derive(Clone)]
#[repr(C)]
pub(crate) struct Envelope<M> {
    pub(crate) message: Load<M>,
    pub(crate) sent: Time,
}

/// What is on its way: between peers of the overlay, or between hosts that move content.
#[derive(Clone)]
pub(crate) enum Load<M> {
    Overlay(M),
    Transfer(TransferMessage),
}

impl<M: Message> Envelope<M> {
    /// When it was sent, which kind of message it is, and what it was sent for.
    #[inline]
    pub(crate) fn label(&self) -> (Time, usize, Cause) {
        (self.sent, self.message.kind(), self.message.cause())
    }
}

impl<M: Message> Load<M> {
    /// The names of all kinds.
    pub(crate) fn kinds(moves_content: bool) -> Vec<&'static str> {
        let transfers = if moves_content { TransferMessage::KINDS } else { &[] };
        M::KINDS.iter().chain(transfers).copied().collect()
    }

    #[inline]
    pub(crate) fn kind(&self) -> usize {
        match self {
            Self::Overlay(message) => message.kind(),
            Self::Transfer(message) => M::KINDS.len() + message.kind(),
        }
    }

    #[inline]
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::Overlay(message) => message.cause(),
            Self::Transfer(_) => Cause::Transfer,
        }
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
        let Notebook { notes, accounts, received } = &mut self.notebook;
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
        self.notebook.note(key, What::Hit { lookup, hit, item });
        self.observer.hit(key.time, lookup, hit);
    }

    pub(crate) fn finish<M: Message>(&mut self, key: EventKey, lookup: LookupId)
    where
        V: Observer<M>,
    {
        if self.moves_content {
            self.mail.found.push((lookup, None));
        }
        self.notebook.note(key, What::Finished { lookup });
        self.observer.finished(key.time, lookup);
    }

    /// Writes down what became of a message of this kind that was `sent` for this cause, at `now`.
    #[inline]
    pub(crate) fn ended(&mut self, now: Time, (sent, kind, cause): (Time, usize, Cause), fate: Fate) {
        if sent >= Time::ZERO {
            self.tally.of(kind, cause).ended[fate as usize] += 1;
        }
        if let Cause::Lookup(lookup) = cause {
            self.notebook.ended(lookup, now, sent, kind, End::Met(fate));
        }
    }

    /// When a message that is here now will have been handled: behind what came before it to any peer of the host, on the downlink (if it
    /// came `by_link`) and in the queue (if it is `queued`).
    pub(crate) fn admit(&mut self, local: usize, now: Time, bytes: u32, by_link: bool, queued: bool) -> Option<Time> {
        let Some(limits) = self.limits.get_mut(local) else { return Some(now) };
        let received = if by_link { limits.link.arrive(&mut limits.link_state, now, bytes) } else { now };
        match limits.capacity.filter(|_| queued) {
            Some(capacity) => capacity.admit(&mut limits.capacity_state, received),
            None => Some(received),
        }
    }
}

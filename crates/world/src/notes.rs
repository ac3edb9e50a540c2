//! What shards write down while a window runs, for those who look at the whole world when it is over.
//!
//! Two lists: [`Note`]s, which have to be read in the order of the events (who came, who went, what was asked and answered),
//! and [`Account`]s, whose order does not matter (what was sent for which lookup, and what became of it).

use peerlab_engine::EventKey;
use peerlab_engine::time::Time;
use peerlab_model::{Hit, HostId, ItemId, LookupId, PeerId, Region, RumourId, Target};

use crate::tally::Fate;

/// Something that happened, to be read in the order of the events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) key: EventKey,
    /// Orders the notes of one event.
    pub(crate) number: u32,
    pub(crate) what: What,
}

impl Note {
    /// After every note.
    pub(crate) const LAST: (EventKey, u32) = (EventKey { time: Time::MAX, origin: u32::MAX, seq: u32::MAX }, u32::MAX);

    /// Its place among all notes of its shard, and among the shards': two of one event are of one shard.
    pub(crate) fn order(&self) -> (EventKey, u32) {
        (self.key, self.number)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// A host came online, with its first peer `peer` and all others; it expects to go at `until`, which is its transition `transition`.
    Online { peer: PeerId, until: Time, transition: u32 },
    /// An identity has become a member.
    Member { peer: PeerId },
    /// A host went offline; it expects to come back at `until`.
    Offline { peer: PeerId, until: Time, transition: u32 },
    /// A peer asked.
    Asked { lookup: LookupId, target: Target },
    /// An answer came; to a question by keyword, with an item that the peer is said to have. With the `last` one the lookup ended.
    Hit { lookup: LookupId, hit: Hit, item: Option<ItemId>, last: bool },
    /// A lookup ended without an answer in the same breath.
    Finished { lookup: LookupId },
    /// A peer answers for a region from now on, or no longer does; noted only where somebody asks for owners.
    Claim { peer: PeerId, region: Region, holds: bool },
    /// A peer has heard a rumour from another one.
    Heard { peer: PeerId, rumour: RumourId },
    /// A host has got an item, or has it no longer.
    Shelved { host: HostId, item: ItemId, holds: bool },
}

/// What was done for one lookup at one instant, in no order: the end of at most one message, and what was sent then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) lookup: LookupId,
    /// When.
    pub(crate) at: Time,
    /// When the message was sent that ended.
    pub(crate) ended_sent: Time,
    /// Of the messages sent.
    bytes: [u32; SENT_MAX],
    kinds: [u8; SENT_MAX],
    sent: u8,
    pub(crate) timeouts: u8,
    pub(crate) ended_kind: u8,
    pub(crate) ended: Option<End>,
}

/// Messages that one account can hold.
const SENT_MAX: usize = 2;

/// How a message is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Met(Fate),
    /// The run ended while it was on its way.
    InFlight,
}

impl Account {
    pub(crate) fn new(lookup: LookupId, at: Time) -> Self {
        let (bytes, kinds) = ([0; SENT_MAX], [0; SENT_MAX]);
        Self { lookup, at, ended_sent: at, bytes, kinds, sent: 0, timeouts: 0, ended_kind: 0, ended: None }
    }

    /// How many messages were sent, and their bytes.
    #[inline]
    pub(crate) fn sent_in_all(&self) -> (u32, u64) {
        (u32::from(self.sent), self.bytes.iter().copied().map(u64::from).sum())
    }

    /// The kind and the bytes of each message sent.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (usize, u32)> {
        self.kinds.iter().copied().map(usize::from).zip(self.bytes).take(usize::from(self.sent))
    }
}

/// The notes of one shard.
#[derive(Debug, Default)]
pub(crate) struct Notebook {
    pub(crate) notes: Vec<Note>,
    /// Of lookups of this shard and of others.
    pub(crate) accounts: Vec<Account>,
    /// Of lookups of this shard, from other shards.
    pub(crate) received: Vec<Account>,
}

impl Notebook {
    #[inline]
    pub(crate) fn note(&mut self, key: EventKey, what: What) {
        let number = self.notes.len() as u32;
        self.notes.push(Note { key, number, what });
    }

    /// A lookup has ended.
    pub(crate) fn finished(&mut self, key: EventKey, lookup: LookupId) {
        match self.notes.last_mut() {
            Some(Note { key: noted, what: What::Hit { lookup: of, last, .. }, .. }) if (*noted, *of) == (key, lookup) => *last = true,
            _ => self.note(key, What::Finished { lookup }),
        }
    }

    /// The account of a lookup at an instant: the last one, if that is it and has room.
    #[inline]
    fn account(&mut self, lookup: LookupId, at: Time) -> &mut Account {
        let fits = |last: &Account| last.lookup == lookup && last.at == at && usize::from(last.sent) < SENT_MAX;
        if self.accounts.last().is_some_and(fits) {
            let last = self.accounts.len() - 1;
            return &mut self.accounts[last];
        }
        self.accounts.push_mut(Account::new(lookup, at))
    }

    /// A message was sent for a lookup.
    #[inline]
    pub(crate) fn sent(&mut self, lookup: LookupId, at: Time, kind: usize, bytes: u32) {
        let account = self.account(lookup, at);
        account.kinds[usize::from(account.sent)] = kind as u8;
        account.bytes[usize::from(account.sent)] = bytes;
        account.sent += 1;
    }

    /// A message of a lookup, sent at `sent`, is over.
    #[inline]
    pub(crate) fn ended(&mut self, lookup: LookupId, at: Time, sent: Time, kind: usize, end: End) {
        self.accounts.push(Account { ended_sent: sent, ended_kind: kind as u8, ended: Some(end), ..Account::new(lookup, at) });
    }

    /// A contact did not answer.
    pub(crate) fn timed_out(&mut self, lookup: LookupId, at: Time) {
        let account = self.account(lookup, at);
        match account.timeouts.checked_add(1) {
            Some(timeouts) => account.timeouts = timeouts,
            None => self.accounts.push(Account { timeouts: 1, ..Account::new(lookup, at) }),
        }
    }
}

//! What shards write down while a window runs, for those who look at the whole world when it is over.
//!
//! Two lists: [`Note`]s, which have to be read in the order of the events (who came, who went, what was asked and answered),
//! and [`Account`]s, whose order does not matter (what was sent for which lookup, and what became of it).

use std::ops::Range;

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

impl What {
    /// True if it changes what answers are judged by; else it is about a lookup of the shard that has noted it.
    #[inline]
    pub(crate) fn is_about_the_world(&self) -> bool {
        !matches!(self, Self::Asked { .. } | Self::Hit { .. } | Self::Finished { .. })
    }
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
    /// The place of the first note about the world, of this shard or of another, if there is one.
    news: Option<(EventKey, u32)>,
    /// Of lookups of this shard, and of others until they have been packed.
    pub(crate) accounts: Vec<Account>,
    /// Of lookups of this shard, from other shards.
    pub(crate) received: Vec<Account>,
}

/// What a shard tells another one when a window is over.
#[derive(Debug, Default)]
pub(crate) struct Parcel {
    /// The place of its first note about the world.
    news: Option<(EventKey, u32)>,
    /// Of the other one's lookups.
    accounts: Vec<Account>,
}

impl Notebook {
    #[inline]
    pub(crate) fn note(&mut self, key: EventKey, what: What) {
        let number = self.notes.len() as u32;
        if what.is_about_the_world() {
            self.has_news(Some((key, number)));
        }
        self.notes.push(Note { key, number, what });
    }

    /// Moves the accounts of these hosts' lookups to `parcel`.
    pub(crate) fn pack(&mut self, hosts: &Range<u32>, parcel: &mut Parcel) {
        parcel.news = self.news;
        // Whose an account is cannot be foreseen: each one is written to both places, and counts in one.
        let mut kept = 0;
        for at in 0..self.accounts.len() {
            let account = self.accounts[at];
            let packed = parcel.accounts.len();
            let is_theirs = hosts.contains(&account.lookup.origin);
            self.accounts[kept] = account;
            parcel.accounts.push(account);
            kept += usize::from(!is_theirs);
            parcel.accounts.truncate(packed + usize::from(is_theirs));
        }
        self.accounts.truncate(kept);
    }

    /// Takes out what another shard has packed.
    pub(crate) fn unpack(&mut self, parcel: &mut Parcel) {
        self.has_news(parcel.news);
        if self.received.is_empty() {
            std::mem::swap(&mut self.received, &mut parcel.accounts);
        } else {
            self.received.append(&mut parcel.accounts);
        }
    }

    fn has_news(&mut self, at: Option<(EventKey, u32)>) {
        self.news = self.news.into_iter().chain(at).min();
    }

    /// So many of the notes, which are in order, come before the first one of any shard that is about the world.
    pub(crate) fn before_news(&self) -> usize {
        self.notes.partition_point(|note| self.news.is_none_or(|news| note.order() < news))
    }

    /// The notes that the shard has not read itself; the list is to be given back.
    pub(crate) fn take(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }

    /// Gives the list back whose notes have been read.
    pub(crate) fn give_back(&mut self, mut list: Vec<Note>) {
        list.clear();
        self.notes = list;
        self.news = None;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, origin: u32) -> EventKey {
        EventKey { time: Time::from_nanos(seconds * 1_000_000_000), origin, seq: 0 }
    }

    fn of(origin: u32) -> LookupId {
        LookupId { origin, number: 0 }
    }

    #[test]
    fn accounts_go_to_the_shard_of_their_lookup_and_none_is_lost() {
        let mut notebook = Notebook::default();
        for origin in [7, 2, 11, 4, 2, 9] {
            notebook.ended(of(origin), Time::ZERO, Time::ZERO, 0, End::InFlight);
        }
        let origins = |accounts: &[Account]| accounts.iter().map(|account| account.lookup.origin).collect::<Vec<_>>();
        let (mut second, mut third) = (Parcel::default(), Parcel::default());
        notebook.pack(&(4..8), &mut second);
        notebook.pack(&(8..12), &mut third);
        assert_eq!(origins(&notebook.accounts), [2, 2]);
        assert_eq!((origins(&second.accounts), origins(&third.accounts)), (vec![7, 4], vec![11, 9]));
        let mut receiver = Notebook::default();
        receiver.unpack(&mut second);
        receiver.unpack(&mut third);
        assert_eq!(origins(&receiver.received), [7, 4, 11, 9]);
        assert!(second.accounts.is_empty() && third.accounts.is_empty());
    }

    #[test]
    fn what_comes_before_the_news_of_any_shard_is_certain() {
        let (mut one, mut other) = (Notebook::default(), Notebook::default());
        for second in [1, 2, 3] {
            one.note(at(second, 0), What::Finished { lookup: of(0) });
        }
        other.note(at(4, 9), What::Shelved { host: HostId(9), item: ItemId(0), holds: true });
        other.note(at(2, 9), What::Shelved { host: HostId(9), item: ItemId(0), holds: false });
        assert_eq!(one.before_news(), 3);
        let mut parcel = Parcel::default();
        other.pack(&(0..1), &mut parcel);
        one.unpack(&mut parcel);
        // Of two events at one instant, that of the lower origin comes first.
        assert_eq!(one.before_news(), 2);
        let list = one.take();
        one.give_back(list);
        one.note(at(5, 0), What::Finished { lookup: of(0) });
        assert_eq!(one.before_news(), 1);
    }
}

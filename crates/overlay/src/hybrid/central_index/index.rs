//! A server's data: who is registered, here or with another server, and who has what.

use peerlab_model::{HostId, ItemId, Keywords, Numbering, PeerId, Posting, Rng, Span, Time, Word};

use super::Select;
use super::message::Session;
use crate::inverted::Inverted;

/// The index: registered peers by seat, holders by item.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// By seat, here or with another server: 8 bytes for one that is not registered.
    registered: Vec<Option<Box<Registration>>>,
    /// By item, the latest registration last.
    holders: Vec<Vec<PeerId>>,
    /// The registered items by the words of their names, where peers ask by keyword.
    words: Inverted,
    peers: usize,
}

#[derive(Clone, Debug)]
struct Registration {
    peer: PeerId,
    with: With,
    /// When it registered: of two servers that claim a peer, the later one has it.
    since: Time,
    heard: Time,
    /// In ascending order.
    items: Vec<ItemId>,
    /// Items that fall to other servers.
    elsewhere: Vec<ItemId>,
}

/// With whom a peer is registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    /// This server, in this session.
    This(Session),
    /// Another one, by its number.
    Another(u16),
}

impl Index {
    /// How many peers are registered.
    pub fn len(&self) -> usize {
        self.peers
    }

    /// True if nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.peers == 0
    }

    /// Registers a peer under a new session, in the place of whatever its seat had before.
    pub(super) fn login(&mut self, numbering: &Numbering, peer: PeerId, session: Session, now: Time) {
        self.register(numbering, peer, With::This(session), now);
    }

    /// Another server says that a peer has registered there: true unless it has gone on since.
    pub(super) fn login_elsewhere(&mut self, numbering: &Numbering, peer: PeerId, server: u16, since: Time) -> bool {
        let present = self.registered.get(numbering.seat(peer) as usize).and_then(Option::as_ref);
        let is_news = present.is_none_or(|entry| entry.since <= since);
        if is_news {
            self.register(numbering, peer, With::Another(server), since);
        }
        is_news
    }

    fn register(&mut self, numbering: &Numbering, peer: PeerId, with: With, since: Time) {
        let seat = numbering.seat(peer) as usize;
        self.remove_seat(seat);
        if self.registered.len() <= seat {
            self.registered.resize(numbering.first_seat(HostId(numbering.population())) as usize, None);
        }
        let entry = Registration { peer, with, since, heard: since, items: Vec::new(), elsewhere: Vec::new() };
        self.registered[seat] = Some(Box::new(entry));
        self.peers += 1;
    }

    /// True if a peer is registered with this other server.
    pub(super) fn is_with(&mut self, numbering: &Numbering, peer: PeerId, server: u16) -> bool {
        self.entry(numbering, peer).is_some_and(|entry| entry.with == With::Another(server))
    }

    /// Forgets all who are registered with another server.
    pub(super) fn forget_server(&mut self, server: u16) {
        for seat in 0..self.registered.len() {
            if self.registered[seat].as_ref().is_some_and(|entry| entry.with == With::Another(server)) {
                self.remove_seat(seat);
            }
        }
    }

    /// The peers that are registered here, since when, and their items, those that fall to other servers included.
    pub(super) fn own(&self) -> impl Iterator<Item = (PeerId, Time, impl Iterator<Item = ItemId>)> {
        let own = self.registered.iter().flatten().filter(|entry| matches!(entry.with, With::This(_)));
        own.map(|entry| (entry.peer, entry.since, entry.items.iter().chain(&entry.elsewhere).copied()))
    }

    /// Notes a sign of life under a session; `false` if the peer is not registered under it.
    pub(super) fn heard(&mut self, numbering: &Numbering, peer: PeerId, session: Session, now: Time) -> bool {
        match self.entry(numbering, peer) {
            Some(entry) if entry.with == With::This(session) => {
                entry.heard = now;
                true
            }
            _ => false,
        }
    }

    /// Notes items of a registered peer that fall to other servers.
    pub(super) fn share_elsewhere(&mut self, numbering: &Numbering, peer: PeerId, items: impl Iterator<Item = ItemId>) {
        let Some(entry) = self.entry(numbering, peer) else { return };
        entry.elsewhere.extend(items);
        entry.elsewhere.sort_unstable();
        entry.elsewhere.dedup();
    }

    /// Adds items to a registered peer's; those that it has already stay where they are.
    pub(super) fn share(&mut self, numbering: &Numbering, peer: PeerId, items: &[ItemId]) {
        let Some(entry) = self.entry(numbering, peer) else { return };
        let before = entry.items.len();
        entry.items.reserve_exact(items.len());
        for item in items {
            // Usually nothing is there before, and the batch is sorted: a push at the end.
            if entry.items[..before].binary_search(item).is_err() {
                entry.items.push(*item);
            }
        }
        let new = entry.items[before..].to_vec();
        entry.items.sort_unstable();
        for item in new {
            let at = item.0 as usize;
            if self.holders.len() <= at {
                self.holders.resize(at + 1, Vec::new());
            }
            self.holders[at].push(peer);
        }
    }

    /// Enters an item under the words of its name, which has come with it.
    pub(super) fn name(&mut self, item: ItemId, words: &[Word]) {
        self.words.add(item, words);
    }

    /// Up to `most` results: items that match and have a holder other than `asker`, a random choice if there are more, each with as many of its
    /// holders as there is room for, but no more than `each`.
    pub(super) fn matching(
        &self,
        keywords: Keywords,
        asker: PeerId,
        (most, each): (usize, usize),
        select: Select,
        rng: &mut Rng,
    ) -> Box<[Posting]> {
        let mut items = self.words.matching(keywords);
        // The words of what nobody has any more stay in the index: an item may come back.
        items.retain(|&item| self.holders[item.0 as usize].iter().any(|&holder| holder != asker));
        if items.len() > most {
            rng.shuffle(&mut items);
            items.truncate(most);
        }
        let each = (most / items.len().max(1)).clamp(1, each);
        let postings = items.into_iter().flat_map(|item| {
            let holders = self.holders(item, asker, each, select, rng).into_iter();
            holders.map(move |holder| Posting { item, holder }).collect::<Vec<_>>()
        });
        postings.collect()
    }

    /// Takes items from a registered peer's.
    pub(super) fn unshare(&mut self, numbering: &Numbering, peer: PeerId, items: &[ItemId]) {
        let Some(entry) = self.entry(numbering, peer) else { return };
        entry.elsewhere.retain(|item| !items.contains(item));
        let (gone, kept): (Vec<_>, Vec<_>) = entry.items.iter().copied().partition(|item| items.contains(item));
        entry.items = kept;
        for item in gone {
            self.remove_holder(item, peer);
        }
    }

    /// Forgets who has an item. Nobody is told: peers go on believing that they are listed.
    pub(super) fn delist(&mut self, item: ItemId) {
        for entry in self.registered.iter_mut().flatten() {
            entry.items.retain(|&listed| listed != item);
            entry.elsewhere.retain(|&listed| listed != item);
        }
        if let Some(holders) = self.holders.get_mut(item.0 as usize) {
            holders.clear();
        }
    }

    /// Forgets a peer, if the session is its present one. True if it is.
    pub(super) fn logout(&mut self, numbering: &Numbering, peer: PeerId, session: Session) -> bool {
        let is_present = self.entry(numbering, peer).is_some_and(|entry| entry.with == With::This(session));
        if is_present {
            self.remove_seat(numbering.seat(peer) as usize);
        }
        is_present
    }

    /// Forgets a peer.
    pub(super) fn remove(&mut self, numbering: &Numbering, peer: PeerId) {
        if self.entry(numbering, peer).is_some() {
            self.remove_seat(numbering.seat(peer) as usize);
        }
    }

    /// Forgets all who are registered here and were last heard longer than `timeout` ago: these.
    pub(super) fn sweep(&mut self, now: Time, timeout: Span) -> Vec<PeerId> {
        let is_silent = |entry: &Registration| matches!(entry.with, With::This(_)) && now.since(entry.heard) > timeout;
        let silent = |entry: &Option<Box<Registration>>| entry.as_deref().is_some_and(is_silent);
        let gone: Vec<usize> = (0..self.registered.len()).filter(|&seat| silent(&self.registered[seat])).collect();
        gone.into_iter().filter_map(|seat| self.remove_seat(seat)).collect()
    }

    /// Moves all times of last contact by the same span, so that they are ages at `now` instead of at time zero.
    pub(super) fn rebase(&mut self, now: Time) {
        for entry in self.registered.iter_mut().flatten() {
            entry.heard = now - Time::ZERO.since(entry.heard);
            entry.since = entry.heard;
        }
    }

    /// True if a peer of exactly this identity is registered.
    pub fn knows(&self, numbering: &Numbering, peer: PeerId) -> bool {
        let seat = numbering.seat(peer) as usize;
        self.registered.get(seat).and_then(Option::as_ref).is_some_and(|entry| entry.peer == peer)
    }

    /// Up to `most` holders of an item, without `asker`.
    pub(super) fn holders(&self, item: ItemId, asker: PeerId, most: usize, select: Select, rng: &mut Rng) -> Box<[PeerId]> {
        let known = self.holders.get(item.0 as usize).map_or(&[][..], Vec::as_slice);
        let others = || known.iter().copied().filter(|&peer| peer != asker);
        match select {
            Select::Recent => others().rev().take(most).collect(),
            Select::Random => {
                // Reservoir sampling: one pass, uniform, and only the chosen ones are copied.
                let mut chosen: Vec<PeerId> = Vec::with_capacity(most.min(known.len()));
                for (seen, peer) in others().enumerate() {
                    if chosen.len() < most {
                        chosen.push(peer);
                    } else if let Some(place) = chosen.get_mut(rng.index(seen + 1)) {
                        *place = peer;
                    }
                }
                rng.shuffle(&mut chosen);
                chosen.into_boxed_slice()
            }
        }
    }

    /// All registered peers, by seat.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.registered.iter().flatten().map(|entry| entry.peer)
    }

    /// Bytes of records: 16 a registered peer, 4 for each item of a peer at either end and for one that falls to others, 4 for each word of an
    /// item's name.
    pub(super) fn bytes(&self) -> usize {
        let records = |entry: &Registration| 16 + 8 * entry.items.len() + 4 * entry.elsewhere.len();
        self.registered.iter().flatten().map(|entry| records(entry)).sum::<usize>() + self.words.bytes()
    }

    /// Both directions say the same.
    pub(super) fn is_consistent(&self) -> bool {
        let by_peer: usize = self.registered.iter().flatten().map(|entry| entry.items.len()).sum();
        let by_item: usize = self.holders.iter().map(Vec::len).sum();
        let listed = |entry: &Registration| entry.items.iter().all(|item| self.holders[item.0 as usize].contains(&entry.peer));
        by_peer == by_item && self.peers == self.peers().count() && self.registered.iter().flatten().all(|entry| listed(entry))
    }

    fn entry(&mut self, numbering: &Numbering, peer: PeerId) -> Option<&mut Registration> {
        let entry = self.registered.get_mut(numbering.seat(peer) as usize)?.as_deref_mut()?;
        (entry.peer == peer).then_some(entry)
    }

    fn remove_seat(&mut self, seat: usize) -> Option<PeerId> {
        let entry = self.registered.get_mut(seat).and_then(Option::take)?;
        self.peers -= 1;
        for item in entry.items {
            self.remove_holder(item, entry.peer);
        }
        Some(entry.peer)
    }

    fn remove_holder(&mut self, item: ItemId, peer: PeerId) {
        let list = &mut self.holders[item.0 as usize];
        if let Some(at) = list.iter().position(|&holder| holder == peer) {
            list.remove(at);
        }
    }
}

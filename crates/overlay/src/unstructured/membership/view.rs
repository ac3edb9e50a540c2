//! A view: a few other peers, each with the age of what is known of it.

use peerlab_model::{PeerId, Rng};

/// A peer and how old the word of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The peer.
    pub peer: PeerId,
    /// Age: in Cyclon in cycles of those who have had the entry, in Newscast in milliseconds.
    pub age: u32,
}

/// A list of entries in which nobody is twice.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    /// Side by side: floods walk over them.
    peers: Vec<PeerId>,
    ages: Vec<u32>,
}

impl View {
    /// Who is in it.
    #[inline]
    pub(super) fn peers(&self) -> &[PeerId] {
        &self.peers
    }

    pub(super) fn ages_mut(&mut self) -> &mut [u32] {
        &mut self.ages
    }

    pub(super) fn len(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn get(&self, at: usize) -> Entry {
        Entry { peer: self.peers[at], age: self.ages[at] }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Entry> + '_ {
        self.peers.iter().zip(&self.ages).map(|(&peer, &age)| Entry { peer, age })
    }

    pub(super) fn position(&self, peer: PeerId) -> Option<usize> {
        self.peers.iter().position(|&other| other == peer)
    }

    pub(super) fn contains(&self, peer: PeerId) -> bool {
        self.peers.contains(&peer)
    }

    /// Adds an entry of a peer that is not there, in a list that never takes more room than for `most`.
    pub(super) fn push(&mut self, entry: Entry, most: usize) {
        debug_assert!(!self.contains(entry.peer), "{:?} is there", entry.peer);
        if self.peers.is_empty() {
            self.peers.reserve_exact(most);
            self.ages.reserve_exact(most);
        }
        self.peers.push(entry.peer);
        self.ages.push(entry.age);
    }

    pub(super) fn set(&mut self, at: usize, entry: Entry) {
        (self.peers[at], self.ages[at]) = (entry.peer, entry.age);
    }

    pub(super) fn remove(&mut self, at: usize) -> Entry {
        Entry { peer: self.peers.swap_remove(at), age: self.ages.swap_remove(at) }
    }

    pub(super) fn clear(&mut self) {
        self.peers.clear();
        self.ages.clear();
    }

    /// Up to `most` random entries that are `fit`, in random order.
    pub(super) fn sample(&self, most: usize, rng: &mut Rng, fit: impl Fn(PeerId) -> bool) -> Vec<Entry> {
        let mut list: Vec<Entry> = self.iter().filter(|entry| fit(entry.peer)).collect();
        keep_some(&mut list, most, rng);
        list
    }

    pub(super) fn bytes(&self) -> usize {
        self.peers.len() * 8
    }
}

/// Keeps `most` random ones of a list, in any order.
pub(super) fn keep_some<T>(list: &mut Vec<T>, most: usize, rng: &mut Rng) {
    for at in 0..most.min(list.len()) {
        let other = at + rng.index(list.len() - at);
        list.swap(at, other);
    }
    list.truncate(most);
}

/// A random one of `peers` that is `fit`.
pub(super) fn random_of(peers: &[PeerId], rng: &mut Rng, fit: impl Fn(PeerId) -> bool) -> Option<PeerId> {
    let candidates = peers.iter().filter(|&&peer| fit(peer)).count();
    if candidates == 0 {
        return None;
    }
    peers.iter().copied().filter(|&peer| fit(peer)).nth(rng.index(candidates))
}

/// `most` random ones of `members` that are `fit`, none twice; all of them if there are no more.
pub(super) fn random_others(members: &[PeerId], most: usize, rng: &mut Rng, fit: impl Fn(PeerId) -> bool) -> Vec<PeerId> {
    let mut list = Vec::with_capacity(most);
    // Among many a few draws do. Where most draws are in vain there are few, and looking at all costs little.
    for _ in 0..4 * most {
        if list.len() == most {
            return list;
        }
        let peer = members[rng.index(members.len())];
        if fit(peer) && !list.contains(&peer) {
            list.push(peer);
        }
    }
    let mut rest: Vec<PeerId> = members.iter().copied().filter(|&peer| fit(peer) && !list.contains(&peer)).collect();
    keep_some(&mut rest, most - list.len(), rng);
    list.append(&mut rest);
    list
}

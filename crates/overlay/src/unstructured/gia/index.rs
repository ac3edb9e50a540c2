//! What the neighbours hold: one-hop replication of indices.
//!
//! # Cost
//! 8 bytes an item and neighbour in one sorted vector: a query is answered for all neighbours by one binary search, a change moves what
//! lies behind it.

use peerlab_model::{ItemId, PeerId};

/// The items of a peer's neighbours.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// In order.
    held: Vec<(ItemId, PeerId)>,
}

impl Index {
    /// The neighbours that hold `item`.
    pub(super) fn holders(&self, item: ItemId) -> impl Iterator<Item = PeerId> {
        let from = self.held.partition_point(|&(other, _)| other < item);
        self.held[from..].iter().take_while(move |&&(other, _)| other == item).map(|&(_, holder)| holder)
    }

    /// `holder` has these items, and no others.
    pub(super) fn set(&mut self, holder: PeerId, items: &[ItemId]) {
        self.forget(holder);
        self.add(holder, items);
    }

    /// `holder` has these items, too.
    pub(super) fn add(&mut self, holder: PeerId, items: &[ItemId]) {
        self.held.reserve_exact(items.len());
        self.held.extend(items.iter().map(|&item| (item, holder)));
        self.held.sort_unstable();
        self.held.dedup();
    }

    /// `holder` no longer has these items.
    pub(super) fn remove(&mut self, holder: PeerId, items: &[ItemId]) {
        self.held.retain(|(item, other)| *other != holder || !items.contains(item));
    }

    /// `holder` is no neighbour any more.
    pub(super) fn forget(&mut self, holder: PeerId) {
        self.held.retain(|&(_, other)| other != holder);
    }

    /// Whose items are here.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.held.iter().map(|&(_, holder)| holder)
    }

    pub(super) fn bytes(&self) -> usize {
        self.held.len() * size_of::<(ItemId, PeerId)>()
    }
}

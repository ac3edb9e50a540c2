//! The routing table: for each digit of this peer's key, one peer for every other digit in its place.
//!
//! Rows are dense, so that a hop reads one slot; only as many rows are kept as have an entry. Four bytes a slot.

use std::sync::Arc;

use peerlab_model::{Numbering, PeerId};

use crate::structured::prefix::{Place, place};

/// One peer's routing table; its memory is shared with the messages that carry a row of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    slots: Arc<[PeerId]>,
}

impl Table {
    /// A table that has been put together elsewhere, row after row; `owner` stands in empty slots.
    pub(super) fn from_slots(slots: Arc<[PeerId]>) -> Self {
        Self { slots }
    }

    #[inline]
    pub(super) fn slots(&self) -> &Arc<[PeerId]> {
        &self.slots
    }

    /// How many rows there are.
    pub(super) fn rows(&self, bits: u32) -> usize {
        self.slots.len() >> bits
    }

    /// Whom the slot holds.
    #[inline]
    pub(super) fn get(&self, owner: PeerId, (row, column): Place, bits: u32) -> Option<PeerId> {
        self.slots.get((row << bits) + column).copied().filter(|&peer| peer != owner)
    }

    /// Puts a peer into a slot.
    pub(super) fn set(&mut self, owner: PeerId, (row, column): Place, bits: u32, peer: PeerId) {
        let needed = (row + 1) << bits;
        if self.slots.len() < needed {
            let more = std::iter::repeat_n(owner, needed - self.slots.len());
            self.slots = self.slots.iter().copied().chain(more).collect();
        }
        Arc::make_mut(&mut self.slots)[(row << bits) + column] = peer;
    }

    /// Empties the slot of a peer; gives the slot if it was there.
    pub(super) fn remove(&mut self, numbering: Numbering, owner: PeerId, bits: u32, peer: PeerId) -> Option<Place> {
        let place = place(numbering.key(owner), numbering.key(peer), bits)?;
        if self.get(owner, place, bits) != Some(peer) {
            return None;
        }
        self.set(owner, place, bits, owner);
        // Rows at the end that are empty now go.
        let last = self.slots.iter().rposition(|&slot| slot != owner).map_or(0, |at| ((at >> bits) + 1) << bits);
        if last < self.slots.len() {
            self.slots = Arc::from(&self.slots[..last]);
        }
        Some(place)
    }

    /// All entries, row after row.
    pub(super) fn iter(&self, owner: PeerId) -> impl Iterator<Item = PeerId> {
        self.slots.iter().copied().filter(move |&peer| peer != owner)
    }

    /// The entries of one row.
    pub(super) fn row(&self, owner: PeerId, row: usize, bits: u32) -> impl Iterator<Item = PeerId> {
        let from = row << bits;
        self.slots.get(from..from + (1 << bits)).unwrap_or_default().iter().copied().filter(move |&peer| peer != owner)
    }
}

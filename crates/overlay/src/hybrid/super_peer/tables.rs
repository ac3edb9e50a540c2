//! Query routing tables: which words (or items) may be found at a leaf, or at a super-peer and its leaves.
//!
//! Each word of a name is hashed to a slot (Rohrs, *Query Routing for the Gnutella Network*, 2002). A table is kept as the list of the slots that are
//! set: equivalent to its bits, and small where they are sparse.

use peerlab_engine::random::mix;
use peerlab_model::Keywords;

use super::message::{SuperMessage, Table};
use super::peer::SuperPeer;
use super::{Cx, SuperPeers};
use crate::unstructured::flooding::Wanted;

/// Tells hashes of items from those of words.
const ITEMS: u64 = 1 << 32;

/// The slots of one question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots([u16; Keywords::MAX], usize);

impl Slots {
    pub(super) fn as_slice(&self) -> &[u16] {
        &self.0[..self.1]
    }
}

impl SuperPeers {
    fn slot(&self, hashed: u64) -> u16 {
        (mix(hashed) >> (64 - u32::from(self.config.table_bits))) as u16
    }

    /// Where a table must be set for its peer to have what is wanted.
    pub(super) fn slots(&self, wanted: Wanted) -> Slots {
        let mut slots = Slots([0; Keywords::MAX], 0);
        let mut add = |hashed| {
            slots.0[slots.1] = self.slot(hashed);
            slots.1 += 1;
        };
        match wanted {
            Wanted::Item(item) => add(ITEMS | u64::from(item.0)),
            Wanted::Keywords(keywords) => keywords.as_slice().iter().for_each(|word| add(u64::from(word.0))),
            // Tables say nothing of who is there.
            Wanted::Peer(_) => {}
        }
        slots
    }

    /// The slots of an item with this name.
    pub(super) fn slots_of(&self, item: peerlab_model::ItemId, name: &[peerlab_model::Word], slots: &mut Vec<u16>) {
        if name.is_empty() {
            slots.push(self.slot(ITEMS | u64::from(item.0)));
        }
        slots.extend(name.iter().map(|word| self.slot(u64::from(word.0))));
    }

    /// What this peer, its leaves and its partners have now.
    fn present_table(&self, peer: &SuperPeer, cx: &Cx<'_>) -> Table {
        peer.united(self.present_slots(cx))
    }

    /// What this peer itself has now.
    fn present_slots(&self, cx: &Cx<'_>) -> Vec<u16> {
        let mut slots = Vec::new();
        for &item in cx.shares() {
            self.slots_of(item, cx.words_of(item), &mut slots);
        }
        slots
    }

    /// A partner is told what this peer itself has: the leaves tell it the rest.
    pub(super) fn send_own_table(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, to: peerlab_model::PeerId) {
        if self.config.query_routing {
            if peer.own.is_empty() {
                peer.own = table(self.present_slots(cx));
            }
            let slots = Table::clone(&peer.own);
            let changed = slots.len() as u32;
            cx.send(to, SuperMessage::Table { slots, changed });
        }
    }

    fn refresh_own_table(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        let own = table(self.present_slots(cx));
        let changed = difference(&peer.own, &own);
        if changed > 0 {
            peer.own = own;
            for partner in &peer.partners {
                cx.send(partner.peer, SuperMessage::Table { slots: Table::clone(&peer.own), changed });
            }
        }
    }

    /// Somebody new at the other end is told the whole table.
    pub(super) fn send_table(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, to: peerlab_model::PeerId) {
        if self.config.query_routing {
            // Otherwise as the others have it: later patches are the same for all.
            if peer.table.is_empty() {
                peer.table = self.present_table(peer, cx);
            }
            let slots = Table::clone(&peer.table);
            let changed = slots.len() as u32;
            cx.send(to, SuperMessage::Table { slots, changed });
        }
    }

    /// Tells all super-peers that this one is connected to what has changed.
    pub(super) fn refresh_table(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        if !self.config.query_routing {
            return;
        }
        if !peer.partners.is_empty() {
            self.refresh_own_table(peer, cx);
        }
        let table = self.present_table(peer, cx);
        let changed = difference(&peer.table, &table);
        if changed > 0 {
            peer.table = table;
            for link in peer.links.iter().filter(|_| self.tells_neighbours(peer)) {
                cx.send(link.peer, SuperMessage::Table { slots: Table::clone(&peer.table), changed });
            }
        }
    }
}

/// These slots as a table.
pub(super) fn table(mut slots: Vec<u16>) -> Table {
    slots.sort_unstable();
    slots.dedup();
    Table::from(slots)
}

/// How many slots one of two tables has and the other has not; both are in ascending order.
fn difference(before: &[u16], after: &[u16]) -> u32 {
    let common = after.iter().filter(|slot| before.binary_search(slot).is_ok()).count();
    (before.len() + after.len() - 2 * common) as u32
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn what_changes_is_what_only_one_of_two_tables_has() {
        assert_eq!(difference(&[1, 5, 9], &[5, 9, 12, 13]), 3);
        assert_eq!((difference(&[], &[4]), difference(&[4], &[]), difference(&[4, 6], &[4, 6])), (1, 1, 0));
    }
}

//! The tables of a ring that has run for long.
//!
//! # Cost
//! One walk round the sorted ring, a block of peers at a time; what it takes to fill the shortcuts comes on top.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, PeerTable, Start, Time};

use super::peer::RingPeer;
use super::{ChordLike, Shortcuts};
use crate::records::{Record, Records};

impl<V: Shortcuts> ChordLike<V> {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<RingPeer<V>>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let mut filling = V::Filling::default();
        let mut records = self.starting_records(&ring, start).into_iter().peekable();
        for first in (0..ring.len()).step_by(BLOCK) {
            let block = first..ring.len().min(first + BLOCK);
            self.shortcuts.prepare(&mut filling, &ring, block.clone());
            for at in block {
                let (key, id) = ring[at];
                let peer = peers.get(id);
                peer.active = true;
                peer.announced = true;
                peer.whole = ring.len() <= usize::from(self.rules.successors);
                peer.successors = self.list_after(&ring, at);
                peer.set_predecessor((ring.len() > 1).then(|| ring[(at + ring.len() - 1) % ring.len()].1));
                peer.table = self.shortcuts.filled(&mut filling, self.numbering, &ring, at);
                // Each peer is at a turn of its own in the refreshing of its shortcuts.
                peer.turn = (key.0 % 64) as u8;
                self.shortcuts.tuned(self.numbering, &ring, at, start, peer);
                let kept: Vec<Record> =
                    std::iter::from_fn(|| records.next_if(|&(owner, _)| owner == at).map(|(_, record)| record)).collect();
                if !kept.is_empty() {
                    peer.extra().records = Records::from_unsorted(kept);
                }
            }
        }
    }

    fn list_after(&self, ring: &[(Key, PeerId)], at: usize) -> Arc<[PeerId]> {
        let length = usize::from(self.rules.successors).min(ring.len() - 1);
        let (after, before) = (&ring[at + 1..], &ring[..at]);
        let first = length.min(after.len());
        // Two slices of exact size, so that the list is put into place without an intermediate vector.
        match length - first {
            0 => after[..first].iter().map(|&(_, id)| id).collect(),
            rest => after[..first].iter().chain(&before[..rest]).map(|&(_, id)| id).collect(),
        }
    }

    /// Who keeps which record, as (position on the ring, record) in the order of the ring. Ages are random: some have just been
    /// registered, others are about to be registered again. Times count from the beginning; [`ChordLike::begin_records`] sets them right.
    fn starting_records(&self, ring: &[(Key, PeerId)], start: &Start<'_>) -> Vec<(usize, Record)> {
        let mut rng = start.rng.clone();
        let mut kept = Vec::new();
        let copies = usize::from(self.rules.replicas).min(ring.len());
        let (expiry, interval) = (self.rules.record_expiry.nanos(), self.rules.republish_interval.nanos());
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let words = start.shares.words(item);
                for which in 0..words.len().max(1) as u8 {
                    let key = self.numbering.record_key(item, words, which);
                    let age = rng.below(interval.min(expiry).max(1));
                    let record = Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) };
                    let owner = ring.partition_point(|&(peer_key, _)| peer_key < key) % ring.len();
                    kept.extend((0..copies).map(|copy| ((owner + copy) % ring.len(), record)));
                }
            }
        }
        kept.sort_unstable_by_key(|&(owner, record)| (owner, record.key, record.holder));
        kept
    }
}

/// Peers whose tables are filled together.
const BLOCK: usize = 1024;

//! The tables of a ring that has run for long.
//!
//! # Cost
//! One walk round the sorted ring: the starts of all fingers move round it with the peers whose fingers they are, a block of peers at a time,
//! so every pointer goes round once. No search, and about log2 N steps a peer.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, PeerTable, Start, Time};

use super::Chord;
use super::peer::{ChordPeer, finger_start, fingers_beyond};
use crate::records::Records;
use peerlab_model::Record;

impl Chord {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<ChordPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let mut pointers = [0; 64];
        let mut fingers = Fingers::default();
        let mut records = self.records(&ring, start).into_iter().peekable();
        for first in (0..ring.len()).step_by(BLOCK) {
            let block = first..ring.len().min(first + BLOCK);
            fingers.find(&ring, block.clone(), &mut pointers);
            for at in block {
                let (key, id) = ring[at];
                let peer = peers.get(id);
                peer.active = true;
                peer.announced = true;
                peer.whole = ring.len() <= usize::from(self.config.successors);
                peer.successors = self.list_after(&ring, at);
                peer.set_predecessor((ring.len() > 1).then(|| ring[(at + ring.len() - 1) % ring.len()].1));
                peer.fingers = Box::from(fingers.of(at - first));
                // Each peer is at a turn of its own in the refreshing of its fingers.
                peer.next_finger = (key.0 % 64) as u8;
                let kept: Vec<Record> =
                    std::iter::from_fn(|| records.next_if(|&(owner, _)| owner == at).map(|(_, record)| record)).collect();
                if !kept.is_empty() {
                    peer.extra().records = Records::from_unsorted(kept);
                }
            }
        }
    }

    fn list_after(&self, ring: &[(Key, PeerId)], at: usize) -> Arc<[PeerId]> {
        let length = usize::from(self.config.successors).min(ring.len() - 1);
        let (after, before) = (&ring[at + 1..], &ring[..at]);
        let first = length.min(after.len());
        // Two slices of exact size, so that the list is put into place without an intermediate vector.
        match length - first {
            0 => after[..first].iter().map(|&(_, id)| id).collect(),
            rest => after[..first].iter().chain(&before[..rest]).map(|&(_, id)| id).collect(),
        }
    }

    /// Who keeps which record, as (position on the ring, record) in the order of the ring. Ages are random: some have just been
    /// registered, others are about to be registered again. Times count from the beginning; [`Chord::begin_records`] sets them right.
    fn records(&self, ring: &[(Key, PeerId)], start: &Start<'_>) -> Vec<(usize, Record)> {
        let mut rng = start.rng.clone();
        let mut kept = Vec::new();
        let copies = usize::from(self.config.replicas).min(ring.len());
        let (expiry, interval) = (self.config.record_expiry.span().nanos(), self.config.republish_interval.span().nanos());
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let key = self.numbering.item_key(item);
                let age = rng.below(interval.min(expiry).max(1));
                let record = Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) };
                let owner = ring.partition_point(|&(peer_key, _)| peer_key < key) % ring.len();
                kept.extend((0..copies).map(|copy| ((owner + copy) % ring.len(), record)));
            }
        }
        kept.sort_unstable_by_key(|&(owner, record)| (owner, record.key, record.holder));
        kept
    }
}

/// Peers whose fingers are found together: one pointer at a time runs along the block, which the processor can follow.
const BLOCK: usize = 1024;

/// The fingers of a block of peers.
#[derive(Default)]
struct Fingers {
    /// Where each peer's fingers begin in `list`, and where the last one's end.
    offsets: Vec<usize>,
    list: Vec<PeerId>,
}

impl Fingers {
    /// Finds the fingers of the peers at `block`: pointer i moves on to the first peer at 2^(63−i) or more. Positions are counted from the
    /// first peer of the ring on and go beyond its length, so that they never turn back.
    fn find(&mut self, ring: &[(Key, PeerId)], block: std::ops::Range<usize>, pointers: &mut [usize; 64]) {
        let count = ring.len();
        let wrap = |position: usize| if position < count { position } else { position - count };
        self.offsets.clear();
        self.offsets.push(0);
        let mut longest = 0;
        for at in block.clone() {
            let beyond = if count == 1 { 0 } else { fingers_beyond(ring[at].0.to(ring[wrap(at + 1)].0)) };
            longest = longest.max(beyond);
            self.offsets.push(self.offsets[at - block.start] + beyond);
        }
        self.list.clear();
        self.list.resize(self.offsets[block.len()], PeerId(0));
        for (index, pointer) in pointers.iter_mut().enumerate().take(longest) {
            for at in block.clone() {
                let place = self.offsets[at - block.start] + index;
                if place >= self.offsets[at - block.start + 1] {
                    continue;
                }
                let (key, id) = ring[at];
                *pointer = (*pointer).max(at + 1);
                while *pointer < at + count && key.to(ring[wrap(*pointer)].0) < finger_start(index) {
                    *pointer += 1;
                }
                // Once round: nobody lies beyond this start.
                self.list[place] = if *pointer == at + count { id } else { ring[wrap(*pointer)].1 };
            }
        }
    }

    fn of(&self, peer: usize) -> &[PeerId] {
        &self.list[self.offsets[peer]..self.offsets[peer + 1]]
    }
}

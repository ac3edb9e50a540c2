//! The tables of a ring that has run for long.
//!
//! A leaf set follows from the ring. For a slot of the routing table every peer with the right prefix will do, and one of them is chosen at
//! random: round trips are not known before time begins. Proximity, and the neighbourhood set, are gained by measuring.
//!
//! # Cost
//! One walk over the sorted ring as a tree of prefixes: the borders of a node's branches are found once for all peers below it, then each
//! slot is one draw. Nothing depends on the number of peers but the number of rows.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::config::LEAVES_MAX;
use super::leaves::{Leaves, arrange};
use super::peer::PastryPeer;
use super::table::Table;
use super::{PastryLike, Variant};
use crate::records::{Record, Records};
use crate::structured::branches::Branches;
use crate::structured::prefix::{closeness, digit};

impl<V: Variant> PastryLike<V> {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<PastryPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let mut rng = start.rng.clone();
        let mut records = self.starting_records(&ring, start, &mut rng).into_iter().peekable();
        let mut slots = Vec::new();
        Branches::walk(&ring, self.rules.bits, &mut |at, rows, branches| {
            let (key, id) = ring[at];
            fill(&mut slots, &ring, at, rows, branches, self.rules.bits, &mut rng);
            let peer = peers.get(id);
            peer.active = true;
            peer.announced = true;
            peer.leaves = self.leaves_of(&ring, at);
            peer.table = Table::from_slots(Arc::from(&slots[..]));
            // Each peer is at a turn of its own in the refreshing of its rows and in its pings.
            peer.next_row = (key.0 % 64) as u8;
            peer.next_ping = (key.0 % 128) as u16;
            let kept: Vec<Record> = std::iter::from_fn(|| records.next_if(|&(keeper, _)| keeper == at).map(|(_, record)| record)).collect();
            if !kept.is_empty() {
                peer.extra().records = Records::from_unsorted(kept);
            }
        });
    }

    fn leaves_of(&self, ring: &[(Key, PeerId)], at: usize) -> Leaves {
        let side = self.rules.side();
        let others = ring.len() - 1;
        let mut pool = [(0, PeerId(0)); 2 * LEAVES_MAX];
        let ahead = side.min(others);
        let behind = side.min(others - ahead);
        let steps = (1..=ahead).chain(ring.len() - behind..ring.len());
        for (entry, step) in pool.iter_mut().zip(steps) {
            let (key, id) = ring[(at + step) % ring.len()];
            *entry = (ring[at].0.to(key), id);
        }
        let ((list, length), after) = arrange(&pool[..ahead + behind], side);
        Leaves::from_parts(Arc::from(&list[..length]), after)
    }

    /// Who keeps which record, as (position on the ring, record) in the order of the ring. Ages are random: some have just been registered,
    /// others are about to be registered again. Times count from the beginning; `begin_records` sets them right.
    fn starting_records(&self, ring: &[(Key, PeerId)], start: &Start<'_>, rng: &mut Rng) -> Vec<(usize, Record)> {
        let mut kept = Vec::new();
        let copies = usize::from(self.rules.replicas).min(ring.len());
        let (expiry, interval) = (self.rules.record_expiry.nanos(), self.rules.republish_interval.nanos());
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let key = self.numbering.item_key(item);
                let age = rng.below(interval.min(expiry).max(1));
                let record = Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) };
                kept.extend(closest(ring, key, copies).into_iter().map(|keeper| (keeper, record)));
            }
        }
        kept.sort_unstable_by_key(|&(keeper, record)| (keeper, record.key, record.holder));
        kept
    }
}

/// The positions of the `count` members closest to a key, closest first.
fn closest(ring: &[(Key, PeerId)], key: Key, count: usize) -> Vec<usize> {
    let from = ring.partition_point(|&(member, _)| member < key);
    let near = count.min(ring.len());
    // So many on either side are enough; a small ring is taken once.
    let (behind, window) = if 2 * near >= ring.len() { (0, ring.len()) } else { (near, 2 * near) };
    let mut list: Vec<usize> = (0..window).map(|step| (from + ring.len() - behind + step) % ring.len()).collect();
    list.sort_unstable_by_key(|&at| closeness(key, ring[at].0));
    list.truncate(count);
    list
}

/// The routing table of one peer: for each row and digit, a random one of those that fit.
fn fill(slots: &mut Vec<PeerId>, ring: &[(Key, PeerId)], at: usize, rows: usize, branches: &Branches<'_>, bits: u32, rng: &mut Rng) {
    let (key, id) = ring[at];
    slots.clear();
    for row in 0..rows {
        let own = digit(key, row, bits);
        for branch in 0..1 << bits {
            let range = branches.range(row, branch);
            let chosen = if branch == own || range.is_empty() { id } else { ring[range.start + rng.index(range.len())].1 };
            slots.push(chosen);
        }
    }
    // Rows in which nobody else is are not kept.
    let last = slots.iter().rposition(|&slot| slot != id).map_or(0, |last| ((last >> bits) + 1) << bits);
    slots.truncate(last);
}

//! The tables of a ring that has run for long.
//!
//! A leaf set follows from the ring. For a slot of the routing table every peer with the right prefix will do, and one of them is chosen at
//! random: round trips are not known before time begins. Proximity, and the neighbourhood set, are gained by measuring.
//!
//! # Cost
//! One walk over the sorted ring as a tree of prefixes: the borders of a node's branches are found once for all peers below it, then each
//! slot is one draw. Nothing depends on the number of peers but the number of rows.

use std::ops::Range;
use std::sync::Arc;

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::config::LEAVES_MAX;
use super::leaves::{Leaves, arrange};
use super::peer::PastryPeer;
use super::table::Table;
use super::{PastryLike, Variant};
use crate::records::Record;
use crate::records::Records;
use crate::structured::prefix::{closeness, digit, digits};

impl<V: Variant> PastryLike<V> {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<PastryPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let mut rng = start.rng.clone();
        let mut records = self.starting_records(&ring, start, &mut rng).into_iter().peekable();
        let mut walk = Walk { ring: &ring, bits: self.rules.bits, borders: Vec::new(), slots: Vec::new(), rng };
        walk.visit(0..ring.len(), 0, &mut |at, slots| {
            let (key, id) = ring[at];
            let peer = peers.get(id);
            peer.active = true;
            peer.announced = true;
            peer.leaves = self.leaves_of(&ring, at);
            peer.table = Table::from_slots(Arc::from(slots));
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

/// A walk through the ring, read as a tree of prefixes.
struct Walk<'a> {
    ring: &'a [(Key, PeerId)],
    bits: u32,
    /// For each digit of the present prefix, where the branches of its node begin on the ring, and where the last one ends.
    borders: Vec<usize>,
    /// The table that is being put together.
    slots: Vec<PeerId>,
    rng: Rng,
}

impl Walk<'_> {
    /// Goes through the peers of `range`, who share `depth` digits.
    fn visit(&mut self, range: Range<usize>, depth: usize, each: &mut dyn FnMut(usize, &[PeerId])) {
        if range.len() <= 1 || depth == digits(self.bits) {
            for at in range {
                self.fill(at, depth);
                each(at, &self.slots);
            }
            return;
        }
        let first = self.borders.len();
        let branches = 1 << self.bits;
        let mut from = range.start;
        self.borders.push(from);
        for branch in 0..branches {
            from += self.ring[from..range.end].partition_point(|&(key, _)| digit(key, depth, self.bits) <= branch);
            self.borders.push(from);
        }
        for branch in 0..branches {
            let below = self.borders[first + branch]..self.borders[first + branch + 1];
            if !below.is_empty() {
                self.visit(below, depth + 1, each);
            }
        }
        self.borders.truncate(first);
    }

    /// The routing table of one peer: for each row and digit, a random one of those that fit.
    fn fill(&mut self, at: usize, rows: usize) {
        let (key, id) = self.ring[at];
        let branches = 1 << self.bits;
        self.slots.clear();
        for row in 0..rows {
            let own = digit(key, row, self.bits);
            for branch in 0..branches {
                let border = row * (branches + 1) + branch;
                let (from, upto) = (self.borders[border], self.borders[border + 1]);
                let chosen = if branch == own || from == upto { id } else { self.ring[from + self.rng.index(upto - from)].1 };
                self.slots.push(chosen);
            }
        }
        // Rows in which nobody else is are not kept.
        let last = self.slots.iter().rposition(|&slot| slot != id).map_or(0, |last| ((last >> self.bits) + 1) << self.bits);
        self.slots.truncate(last);
    }
}

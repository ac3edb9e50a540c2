//! The tables of a network that has run for long.
//!
//! # Cost
//! One walk down the tree of prefixes. What a subtree's peers know of the other side of each fork is the same range of the sorted
//! members: found once for all of them. Then k draws a bucket.

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::Kademlia;
use super::peer::KademliaPeer;
use super::table::{HOME_MAX, Table};
use crate::records::{Record, Records};
use crate::structured::xor::nearest_sorted;

/// A range of the members in the order of their keys.
type Range = std::ops::Range<usize>;

struct Walk<'a> {
    model: &'a Kademlia,
    ring: &'a [(Key, PeerId)],
    /// The same without keys, which is what random draws read.
    ids: Vec<PeerId>,
    rng: Rng,
    /// The other sides of the forks so far, in as many parts as the group has buckets, in the order of keys.
    parts: Vec<Range>,
}

impl Kademlia {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<KademliaPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let ids = ring.iter().map(|&(_, id)| id).collect();
        let mut walk = Walk { model: self, ring: &ring, ids, rng: start.rng.clone(), parts: Vec::new() };
        walk.descend(0, 0..ring.len(), peers);
        self.starting_records(&ring, start, peers);
    }

    /// Gives records to the peers nearest to each item. Ages are random: some have just been stored, others are about to be stored again.
    /// Times count from the beginning; [`Kademlia::begin_records`] sets them right.
    fn starting_records(&self, ring: &[(Key, PeerId)], start: &Start<'_>, peers: &mut dyn PeerTable<KademliaPeer>) {
        let mut rng = start.rng.clone();
        let (expiry, interval) = (self.config.record_expiry.span().nanos(), self.config.republish_interval.span().nanos());
        let mut held: Vec<(Key, PeerId, Time)> = Vec::new();
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let words = start.shares.words(item);
                for which in 0..words.len().max(1) as u8 {
                    let age = rng.below(interval.min(expiry).max(1));
                    let key = self.numbering.record_key(item, words, which);
                    held.push((key, holder, Time::from_nanos((expiry - age.min(expiry)) as i64)));
                }
            }
        }
        held.sort_unstable();
        let mut kept: Vec<(PeerId, Record)> = Vec::new();
        for of_item in held.chunk_by(|a, b| a.0 == b.0) {
            let keepers = nearest_sorted(ring, of_item[0].0, usize::from(self.config.copies()));
            for &(key, holder, expires) in of_item {
                kept.extend(keepers.iter().map(|&keeper| (keeper, Record { key, holder, expires })));
            }
        }
        kept.sort_unstable_by_key(|&(keeper, record)| (keeper, record.key, record.holder));
        for of_peer in kept.chunk_by(|a, b| a.0 == b.0) {
            let records = of_peer.iter().map(|&(_, record)| record).collect();
            peers.get(of_peer[0].0).extra().records = Records::from_unsorted(records);
        }
    }
}

impl Walk<'_> {
    /// The members of `range` share `group` bits, and `parts` lead to the others. Those whose own side of the fork is large enough go on
    /// with that; for the others, this subtree is home.
    fn descend(&mut self, group: usize, range: Range, peers: &mut dyn PeerTable<KademliaPeer>) {
        let shape = &self.model.shape;
        let members = &self.ring[range.clone()];
        let fork = range.start + if group < 63 { members.partition_point(|(key, _)| key.0 << group >> 63 == 0) } else { 0 };
        for (own, other) in [(range.start..fork, fork..range.end), (fork..range.end, range.start..fork)] {
            if own.len() <= shape.k || group == 63 {
                own.for_each(|at| self.fill(group, at, range.clone(), peers));
                continue;
            }
            let before = self.parts.len();
            let side = &self.ring[other.clone()];
            let pattern = |&(key, _): &(Key, PeerId)| shape.pattern(group as u32, key.0);
            let bound = |p: usize| other.start + side.partition_point(|member| pattern(member) < p);
            self.parts.extend((0..shape.buckets(group).len()).map(|p| bound(p)..bound(p + 1)));
            self.descend(group + 1, own, peers);
            self.parts.truncate(before);
        }
    }

    /// The table of the member at `at`, with this many groups, whose home is `home`.
    fn fill(&mut self, groups: usize, at: usize, home: Range, peers: &mut dyn PeerTable<KademliaPeer>) {
        let (shape, ids, parts, rng) = (&self.model.shape, &self.ids, &self.parts, &mut self.rng);
        let (key, id) = self.ring[at];
        let near: Vec<u32> = home.filter(|&other| other != at).map(|other| ids[other].0).take(HOME_MAX).collect();
        let mut group = 0;
        let peer = peers.get(id);
        peer.table = Table::filled(shape, self.model.numbering, groups, &near, |bucket, words| {
            while !shape.buckets(group).contains(&bucket) {
                group += 1;
            }
            // Buckets go by the bits of the distance, parts by those of the key.
            let base = shape.buckets(group).start;
            let part = &parts[base + ((bucket - base) ^ shape.pattern(group as u32, key.0))];
            draw(rng, ids, part, shape.k, words);
        });
        peer.active = true;
    }
}

/// At most `count` different members of a part, at random.
fn draw(rng: &mut Rng, ids: &[PeerId], part: &Range, count: usize, words: &mut Vec<u32>) {
    let from = words.len();
    if part.len() <= count {
        words.extend(ids[part.clone()].iter().map(|id| id.0));
        return;
    }
    // Floyd's way: each draw takes a place of a range that grows by one, or the new place itself if that one has been drawn.
    for last in part.len() - count..part.len() {
        let drawn = ids[part.start + rng.index(last + 1)].0;
        let taken = words[from..].contains(&drawn);
        words.push(if taken { ids[part.start + last].0 } else { drawn });
    }
    // That leaves late places at the end where many draws meet; the order is that of age, which has nothing to do with them.
    if part.len() < 8 * count {
        rng.shuffle(&mut words[from..]);
    }
}

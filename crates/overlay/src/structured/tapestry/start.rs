//! The mesh of a network that has run for long.
//!
//! Every slot that anybody fits has as many links as there are peers that fit, up to c. Which of them is chosen at random: round trips are
//! not known before time begins; proximity is gained by measuring. Backpointers are exact, and pointers lie on the ways that the tables
//! make.
//!
//! # Cost
//! One walk over the sorted ring as a tree of prefixes; then each link is one draw, and one visit to the peer that it leads to.

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::Tapestry;
use super::peer::{Route, TapestryPeer};
use super::table::Table;
use crate::records::Record;
use crate::structured::branches::Branches;
use crate::structured::prefix::digit;

/// Peers whose links are turned into backpointers together.
const BLOCK: usize = 1 << 14;

impl Tapestry {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<TapestryPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let mut rng = start.rng.clone();
        let mut links = Vec::new();
        Branches::walk(&ring, self.config.bits(), &mut |at, levels, branches| {
            let (key, id) = ring[at];
            self.choose(&mut links, &ring, at, levels, branches, &mut rng);
            let peer = peers.get(id);
            peer.active = true;
            peer.announced = true;
            let mut table = Table::default();
            table.reserve(links.len());
            for &(slot, neighbour) in &links {
                table.push(slot, neighbour);
            }
            peer.table = table;
            // Each peer is at a turn of its own in the refreshing of its levels and in its probes.
            peer.next_level = (key.0 % 64) as u8;
            peer.next_probe = (key.0 % (links.len() as u64 + 1)) as u16;
        });
        let mut members: Vec<PeerId> = ring.iter().map(|&(_, id)| id).collect();
        members.sort_unstable();
        // Block by block, in the order of those that are linked to: memory is visited in turn, not at random.
        let mut pairs = Vec::new();
        for block in members.chunks(BLOCK) {
            pairs.clear();
            for &id in block {
                pairs.extend(peers.get(id).table.links().iter().map(|link| (link.peer, id)));
            }
            pairs.sort_unstable();
            for to_one in pairs.chunk_by(|a, b| a.0 == b.0) {
                peers.get(to_one[0].0).back.extend(to_one.iter().map(|&(_, from)| from));
            }
        }
        self.publish_all(&members, start, &mut rng, peers);
    }

    /// The links of one peer: in each slot a few random ones of those that fit.
    fn choose(
        &self,
        links: &mut Vec<(u16, PeerId)>,
        ring: &[(Key, PeerId)],
        at: usize,
        levels: usize,
        branches: &Branches<'_>,
        rng: &mut Rng,
    ) {
        let (key, bits, most) = (ring[at].0, self.config.bits(), self.config.links());
        links.clear();
        for level in 0..levels {
            let own = digit(key, level, bits);
            for branch in (0..1 << bits).filter(|&branch| branch != own) {
                let range = branches.range(level, branch);
                let slot = (level << bits | branch) as u16;
                let first = links.len();
                if range.len() <= most {
                    links.extend(ring[range.clone()].iter().map(|&(_, neighbour)| (slot, neighbour)));
                    rng.shuffle(&mut links[first..]);
                    continue;
                }
                while links.len() - first < most {
                    let chosen = (slot, ring[range.start + rng.index(range.len())].1);
                    if !links[first..].contains(&chosen) {
                        links.push(chosen);
                    }
                }
            }
        }
    }

    /// Each item leaves a pointer at every peer on the way to its root; a value lies at the root and its replicas. Ages are random: some have
    /// just been published, others are about to be published again. Times count from the beginning; `begin_records` sets them right.
    fn publish_all(&self, members: &[PeerId], start: &Start<'_>, rng: &mut Rng, peers: &mut dyn PeerTable<TapestryPeer>) {
        let (expiry, interval) = (self.config.record_expiry.span().nanos(), self.config.republish_interval.span().nanos());
        for &holder in members {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let key = self.numbering.item_key(item);
                let age = rng.below(interval.min(expiry).max(1));
                let record = Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) };
                let mut at = holder;
                while let peer = peers.get(at)
                    && let Route::Next { peer: next, .. } = peer.route(self.numbering, self.config.bits(), key, |_| false)
                {
                    if !self.values {
                        peer.extra().records.put(record);
                    }
                    at = next;
                }
                peers.get(at).extra().records.put(record);
                if self.values {
                    for replica in self.replicas(peers.get(at), key) {
                        peers.get(replica).extra().records.put(record);
                    }
                }
            }
        }
    }
}

//! Who answers for which keys, as peers say it when it changes.
//!
//! For models in which the owner of a key depends on what has happened, and not only on who is a member. Claims are notes like any other,
//! read in the order of the events, so that a judgement does not depend on windows or shards.
//!
//! # Cost
//! About 80 bytes a claim, in ordered maps, where somebody asks for owners; nothing elsewhere. A judgement looks at one place for each
//! depth that occurs.

use std::collections::{BTreeMap, BTreeSet};

use peerlab_model::{Key, PeerId, Region};

/// The regions that peers who are online answer for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// Who has claimed a region, and in which turn: the earlier, the stronger.
    by_region: BTreeMap<Region, Vec<(u64, PeerId)>>,
    by_peer: BTreeSet<(PeerId, Region)>,
    turns: u64,
    /// How many claims there are, by layer and depth.
    depths: BTreeMap<(u8, u8), usize>,
}

impl Claims {
    /// A peer answers for a region from now on, or no longer does.
    pub(crate) fn note(&mut self, peer: PeerId, region: Region, holds: bool) {
        if holds {
            if self.by_peer.insert((peer, region)) {
                self.turns += 1;
                self.by_region.entry(region).or_insert_with(|| Vec::with_capacity(1)).push((self.turns, peer));
                *self.depths.entry((region.layer, region.depth)).or_default() += 1;
            }
        } else if self.by_peer.remove(&(peer, region)) {
            self.forget(peer, region);
        }
    }

    /// A peer's life is over, and with it all its claims.
    pub(crate) fn end(&mut self, peer: PeerId) {
        let from = Region { layer: 0, depth: 0, prefix: Key(0) };
        while let Some(&(owner, region)) = self.by_peer.range((peer, from)..).next().filter(|(owner, _)| *owner == peer) {
            self.by_peer.remove(&(owner, region));
            self.forget(peer, region);
        }
    }

    fn forget(&mut self, peer: PeerId, region: Region) {
        if let Some(claimants) = self.by_region.get_mut(&region) {
            claimants.retain(|&(_, other)| other != peer);
            if claimants.is_empty() {
                self.by_region.remove(&region);
            }
        }
        if let Some(count) = self.depths.get_mut(&(region.layer, region.depth)) {
            *count -= 1;
            if *count == 0 {
                self.depths.remove(&(region.layer, region.depth));
            }
        }
    }

    /// True if `peer` is, in one of the layers, the one of all who claim `key` who did so first.
    pub(crate) fn is_owner(&self, peer: PeerId, key: Key) -> bool {
        let mut first: Option<(u8, u64, PeerId)> = None;
        for &(layer, depth) in self.depths.keys() {
            if first.is_some_and(|(of, ..)| of != layer) {
                if first.is_some_and(|(.., owner)| owner == peer) {
                    return true;
                }
                first = None;
            }
            let claimants = self.by_region.get(&Region::around(layer, depth, key));
            for &(turn, owner) in claimants.into_iter().flatten() {
                if first.is_none_or(|(_, earliest, _)| turn < earliest) {
                    first = Some((layer, turn, owner));
                }
            }
        }
        first.is_some_and(|(.., owner)| owner == peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(layer: u8, depth: u8, prefix: u64) -> Region {
        Region { layer, depth, prefix: Key(prefix) }
    }

    const KEY: Key = Key(0xc000_0000_0000_0001);

    #[test]
    fn who_claimed_first_owns_until_it_gives_up_or_goes() {
        let mut claims = Claims::default();
        let (first, second) = (PeerId(7), PeerId(3));
        claims.note(first, region(0, 1, 1 << 63), true);
        claims.note(second, region(0, 2, 3 << 62), true);
        assert!(claims.is_owner(first, KEY) && !claims.is_owner(second, KEY));
        claims.end(first);
        assert!(!claims.is_owner(first, KEY) && claims.is_owner(second, KEY));
        claims.note(second, region(0, 2, 3 << 62), false);
        assert!(!claims.is_owner(second, KEY));
        assert!(claims.depths.is_empty() && claims.by_region.is_empty() && claims.by_peer.is_empty());
    }

    #[test]
    fn every_layer_has_an_owner_of_its_own() {
        let mut claims = Claims::default();
        claims.note(PeerId(1), region(0, 0, 0), true);
        claims.note(PeerId(2), region(1, 1, 1 << 63), true);
        claims.note(PeerId(3), region(1, 1, 0), true);
        assert_eq!([1, 2, 3].map(|peer| claims.is_owner(PeerId(peer), KEY)), [true, true, false]);
    }
}

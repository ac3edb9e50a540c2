//! What overlays with the XOR metric share: distances, prefixes, and the nearest of all members.
//!
//! The distance of two keys is their bitwise exclusive or, read as a number (Maymounkov & Mazières 2002, section 2.1). Peers that share a
//! prefix lie next to each other in the order of keys, so that a subtree is a range.

use peerlab_model::{Key, PeerId, Roster};

/// The distance of two keys.
#[inline]
pub(crate) const fn distance(a: Key, b: Key) -> u64 {
    a.0 ^ b.0
}

/// The member nearest to `key`, found from one prefix range to the next, beginning with the longest prefix that a member shares with the key:
/// its neighbours in the order of keys share that.
pub(crate) fn nearest_member(members: &Roster, key: Key) -> Option<PeerId> {
    let (after, before) = (members.successor(key)?.0, members.predecessor(key)?.0);
    let shared = distance(key, after).min(distance(key, before)).leading_zeros();
    let mut size = u64::MAX.checked_shr(shared).unwrap_or(0);
    let mut low = key.0 & !size;
    loop {
        // Invariant: the range from `low` to `low + size`, a subtree, holds the nearest member.
        let (first, peer) = members.successor(Key(low))?;
        let only = || members.predecessor(Key(low.wrapping_add(size).wrapping_add(1))).is_some_and(|(_, last)| last == peer);
        if size == 0 || only() {
            return Some(peer);
        }
        let half = size / 2;
        let upper = low + half + 1;
        let wants_upper = key.0 & (half + 1) != 0;
        let in_lower = first.0 < upper;
        let in_upper = members.successor(Key(upper)).is_some_and(|(k, _)| k.0 >= upper && k.0 - upper <= half);
        if (wants_upper && in_upper) || !in_lower {
            low = upper;
        }
        size = half;
    }
}

/// The `count` members nearest to `key`, nearest first, out of all members in the order of their keys.
pub(crate) fn nearest_sorted(ring: &[(Key, PeerId)], key: Key, count: usize) -> Vec<PeerId> {
    let mut range = ring;
    for bit in (0..64).rev() {
        let upper = range.partition_point(|(k, _)| (k.0 >> bit) & 1 == 0);
        let side = if (key.0 >> bit) & 1 == 0 { &range[..upper] } else { &range[upper..] };
        if side.len() < count {
            break;
        }
        range = side;
    }
    let mut nearest: Vec<(u64, PeerId)> = range.iter().map(|&(k, peer)| (distance(k, key), peer)).collect();
    nearest.sort_unstable();
    nearest.iter().take(count).map(|&(_, peer)| peer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: both searches agree with looking at every member. Method: rosters of all small sizes, and a larger one.
    #[test]
    fn the_nearest_member_is_the_one_of_a_scan() {
        let mut rng = Streams::new(3).rng("test", 0);
        for size in (0..20).chain([300]) {
            let mut ring: Vec<(Key, PeerId)> = (0..size).map(|peer| (Key(rng.bits()), PeerId(peer))).collect();
            // Some close together, and one at each end.
            ring.extend((size..size + size / 4).map(|peer| (Key(7 << 40 | rng.below(50)), PeerId(peer))));
            ring.dedup_by_key(|(key, _)| *key);
            let mut roster = Roster::new(8);
            for &(key, peer) in &ring {
                roster.insert(key, peer);
            }
            ring.sort_unstable();
            for turn in 0..200 {
                let key = if turn % 2 == 0 { Key(rng.bits()) } else { Key(7 << 40 | rng.below(60)) };
                let mut scan: Vec<(u64, PeerId)> = ring.iter().map(|&(k, peer)| (distance(k, key), peer)).collect();
                scan.sort_unstable();
                assert_eq!(nearest_member(&roster, key), scan.first().map(|&(_, peer)| peer));
                let nearest = nearest_sorted(&ring, key, 5);
                assert_eq!(nearest, scan.iter().take(5).map(|&(_, peer)| peer).collect::<Vec<_>>());
            }
        }
    }
}

//! Ring arithmetic of keys, against walking round a small ring.

use peerlab_model::Key;
use proptest::prelude::*;

/// Sixteen keys, evenly spaced from `start` on: walking over them is the oracle.
fn ring(start: u64) -> impl Iterator<Item = Key> {
    (0..16_u64).map(move |step| Key(start.wrapping_add(step << 60)))
}

/// Keys met when walking clockwise from `after`, which is left out, to `upto`, which is met last (a whole turn if they are equal).
fn walk(after: Key, upto: Key) -> Vec<Key> {
    let steps = ring(after.0).skip(1).chain([after]);
    let mut met = Vec::new();
    for key in steps {
        met.push(key);
        if key == upto {
            break;
        }
    }
    met
}

proptest! {
    #[test]
    fn half_open_interval_is_what_a_walk_meets(start: u64, a in 0_usize..16, b in 0_usize..16, x in 0_usize..16) {
        let keys: Vec<Key> = ring(start).collect();
        prop_assert_eq!(keys[x].in_half_open(keys[a], keys[b]), walk(keys[a], keys[b]).contains(&keys[x]));
    }

    #[test]
    fn open_interval_is_the_same_without_its_end(start: u64, a in 0_usize..16, b in 0_usize..16, x in 0_usize..16) {
        let keys: Vec<Key> = ring(start).collect();
        let mut met = walk(keys[a], keys[b]);
        met.pop();
        prop_assert_eq!(keys[x].in_open(keys[a], keys[b]), met.contains(&keys[x]));
    }

    /// Of three different keys, exactly one of two lies between the other two clockwise.
    #[test]
    fn intervals_of_any_keys_divide_the_ring(a: u64, b: u64, x: u64) {
        let (a, b, x) = (Key(a), Key(b), Key(x));
        prop_assume!(a != b);
        prop_assert_ne!(x.in_half_open(a, b), x.in_half_open(b, a));
        prop_assert_eq!(x.in_open(a, b), x.in_half_open(a, b) && x != b);
        prop_assert_eq!(x.in_half_open(a, b), x != a && a.to(x) <= a.to(b));
    }

    #[test]
    fn distances_round_the_ring_add_up(a: u64, b: u64) {
        prop_assert_eq!(Key(a).to(Key(b)).wrapping_add(Key(b).to(Key(a))), 0);
        prop_assert_eq!(Key(a.wrapping_add(Key(a).to(Key(b)))), Key(b));
    }
}

#[test]
fn equal_ends_mean_the_whole_ring() {
    let (a, other) = (Key(5), Key(4));
    assert!(a.in_half_open(a, a) && other.in_half_open(a, a));
    assert!(!a.in_open(a, a) && other.in_open(a, a));
}

#[test]
fn intervals_pass_over_zero() {
    assert!(Key(0).in_half_open(Key(u64::MAX), Key(0)) && !Key(1).in_half_open(Key(u64::MAX), Key(0)));
    assert!(Key(u64::MAX).in_open(Key(7), Key(3)) && !Key(5).in_open(Key(7), Key(3)));
    assert_eq!(Key(u64::MAX).to(Key(1)), 2);
}

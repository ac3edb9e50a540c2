//! Keys as strings of digits: what overlays that route by shared prefixes or by numeric closeness have in common.

use peerlab_model::Key;

/// How many digits of `bits` bits each fit into a key; what is left over at its low end belongs to no digit.
#[inline]
pub(crate) const fn digits(bits: u32) -> usize {
    (u64::BITS / bits) as usize
}

/// How many leading digits of `bits` bits each two keys share; all of them if the keys are equal.
#[inline]
pub(crate) const fn shared_digits(a: Key, b: Key, bits: u32) -> usize {
    let shared = ((a.0 ^ b.0).leading_zeros() / bits) as usize;
    if shared < digits(bits) { shared } else { digits(bits) }
}

/// The digit of `bits` bits at `place`, counted from the most significant one, which is 0.
#[inline]
pub(crate) const fn digit(key: Key, place: usize, bits: u32) -> usize {
    ((key.0 >> (u64::BITS - bits * (place as u32 + 1))) & ((1 << bits) - 1)) as usize
}

/// A place in a routing table: the row, and the digit there.
pub(crate) type Place = (usize, usize);

/// Where `other` belongs in the table of a peer with the key `this`; nowhere if it is that peer.
#[inline]
pub(crate) fn place(this: Key, other: Key, bits: u32) -> Option<Place> {
    let row = shared_digits(this, other, bits);
    // Two keys that differ only in the bits beyond the last digit have no place in each other's table.
    (row < digits(bits)).then(|| (row, digit(other, row, bits)))
}

/// How far a peer lies from a key, the shorter way round the ring; of two at the same distance, the one at or after the key counts as
/// the closer one. No two peers are equally close.
#[inline]
pub(crate) const fn closeness(key: Key, peer: Key) -> Closeness {
    let (ahead, behind) = (key.to(peer), peer.to(key));
    if ahead <= behind { Closeness(ahead, false) } else { Closeness(behind, true) }
}

/// Distance, and whether the peer lies before the key; smaller is closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Closeness(u64, bool);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_from_the_most_significant_one() {
        let key = Key(0x123f_0000_0000_000e);
        assert_eq!([0, 1, 2, 3, 15].map(|place| digit(key, place, 4)), [1, 2, 3, 15, 14]);
        assert_eq!(shared_digits(key, Key(0x123e_0000_0000_0000), 4), 3);
        assert_eq!(shared_digits(key, key, 4), 16);
        // 21 digits of 3 bits, and one bit left over.
        assert_eq!((digits(3), shared_digits(Key(0), Key(1), 3), digit(Key(u64::MAX), 20, 3)), (21, 21, 7));
    }

    #[test]
    fn of_two_at_the_same_distance_the_one_after_the_key_is_closer() {
        let key = Key(10);
        assert!(closeness(key, Key(13)) < closeness(key, Key(7)));
        assert!(closeness(key, Key(7)) < closeness(key, Key(14)));
        assert!(closeness(Key(1), Key(u64::MAX)) < closeness(Key(1), Key(4)));
    }
}

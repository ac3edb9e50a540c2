//! The imaginary de Bruijn nodes that a question passes (paper, sections 3 and 4): numbers of 64 bits, each the one before it with one digit
//! of the key shifted in. A question is at the peer right before its imaginary node.

use peerlab_model::{Fields, Key};

use crate::structured::chord::Trail;

/// How far a question is: the imaginary node i, and how many of the key's digits are still to be shifted in (the paper's kshift).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Imaginary {
    node: u64,
    /// Digits to come and one more; 0: the first node has yet to be chosen.
    left: u8,
    /// How often it was chosen anew on the way.
    restarts: u8,
}

impl Trail for Imaginary {
    /// i, and a byte for the number of digits and restarts each: kshift follows from that and the key.
    const FIELDS: Fields = Fields::bytes(2).keys(1);
    type Own = std::convert::Infallible;
}

/// A question whose imaginary node was lost so often is led along the ring.
const RESTARTS_MAX: u8 = 4;

impl Imaginary {
    /// The node i.
    pub(super) fn node(self) -> Key {
        Key(self.node)
    }

    /// True if the first node has been chosen.
    pub(super) fn is_chosen(self) -> bool {
        self.left > 0
    }

    /// True if digits are left to be shifted in.
    pub(super) fn has_digits(self) -> bool {
        self.left > 1
    }

    /// The first node shall be chosen afresh; nothing if that has happened too often.
    pub(super) fn restarted(self) -> Option<Self> {
        (self.restarts < RESTARTS_MAX).then_some(Self { left: 0, restarts: self.restarts + 1, ..self })
    }

    /// Chooses the imaginary node after `this`, at most `gap` away, that leaves the fewest digits of `bits` bits (paper, section 4: the low
    /// bits of a node in this peer's own interval are free, so the top bits of the key are put there).
    pub(super) fn chosen(self, this: Key, gap: u64, key: Key, bits: u32) -> Self {
        let first = this.0.wrapping_add(1);
        for digits in 1..64 / bits {
            // The low bits of i have to be what is left of the key when the digits have gone.
            let low = u64::MAX >> (digits * bits);
            let ahead = (key.0 >> (digits * bits)).wrapping_sub(first) & low;
            if ahead < gap {
                return Self { node: first.wrapping_add(ahead), left: digits as u8 + 1, ..self };
            }
        }
        Self { node: first, left: 64_u32.div_ceil(bits) as u8 + 1, ..self }
    }

    /// Shifts the next digit of `key` in.
    pub(super) fn shifted(self, key: Key, bits: u32) -> Self {
        let left = self.left - 1;
        let place = u32::from(left - 1) * bits;
        let digit = key.0.checked_shr(place).unwrap_or(0) & ((1 << bits) - 1);
        Self { node: self.node << bits | digit, left, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the peer and its gap, the digits lead exactly to the key, and the first node lies in the peer's interval.
    #[test]
    fn all_digits_shifted_in_make_the_key() {
        let mut rng = peerlab_engine::random::Streams::new(1).keyed("test").rng(0, 0);
        for round in 0..4000_u32 {
            let (this, key, gap) = (Key(rng.bits()), Key(rng.bits()), (rng.bits() >> (round % 64)).max(1));
            for bits in 1..=8 {
                let mut at = Imaginary::default().chosen(this, gap, key, bits);
                assert!((1..=gap).contains(&this.to(at.node())), "{this:?} {gap} {at:?}");
                while at.has_digits() {
                    at = at.shifted(key, bits);
                }
                assert_eq!(at.node(), key, "{bits} bits, gap {gap}");
            }
        }
    }
}

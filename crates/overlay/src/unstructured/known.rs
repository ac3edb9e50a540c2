//! The rumours that a peer knows: a bit each, since rumours are numbered from 0.

use peerlab_engine::random::mix;
use peerlab_model::RumourId;

/// A set of rumours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known(Vec<u64>);

impl Known {
    /// Learns of a rumour; `false` if it was known.
    pub(crate) fn insert(&mut self, rumour: RumourId) -> bool {
        let (word, bit) = place(rumour);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }

    /// True if this rumour is known.
    pub(crate) fn has(&self, rumour: RumourId) -> bool {
        let (word, bit) = place(rumour);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Sixty-four rumours to a word.
    pub(crate) fn words(&self) -> &[u64] {
        &self.0
    }

    /// Those that are known and not among `others`, in ascending order.
    pub(crate) fn but_for(&self, others: &[u64]) -> impl Iterator<Item = RumourId> {
        let others = others.iter().copied().chain(std::iter::repeat(0));
        (0..).zip(self.0.iter().zip(others)).flat_map(|(word, (&mine, theirs))| {
            let only_mine = mine & !theirs;
            (0..64).filter(move |bit| only_mine >> bit & 1 == 1).map(move |bit| RumourId(word * 64 + bit))
        })
    }

    /// Equal for equal sets, and different for different ones but by accident.
    pub(crate) fn checksum(&self) -> u64 {
        let words = (0_u64..).zip(&self.0).filter(|(_, bits)| **bits != 0);
        words.fold(0, |sum, (word, &bits)| sum ^ mix(bits ^ mix(word + 1)))
    }

    /// Bytes that the set takes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * 8
    }
}

fn place(rumour: RumourId) -> (usize, u64) {
    (rumour.0 as usize / 64, 1 << (rumour.0 % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rumours: &[u32]) -> Known {
        let mut known = Known::default();
        for &rumour in rumours {
            assert!(known.insert(RumourId(rumour)));
        }
        known
    }

    #[test]
    fn sets_are_compared_by_what_is_in_them() {
        let (mut few, many) = (of(&[3, 70]), of(&[3, 64, 70, 200]));
        assert!(few.has(RumourId(70)) && !few.has(RumourId(64)) && !few.has(RumourId(100_000)));
        assert_eq!(many.but_for(few.words()).collect::<Vec<_>>(), [RumourId(64), RumourId(200)]);
        assert_eq!(few.but_for(many.words()).count(), 0);
        assert_ne!(few.checksum(), many.checksum());
        assert!(few.insert(RumourId(200)) && few.insert(RumourId(64)) && !few.insert(RumourId(64)));
        assert_eq!((few.checksum(), &few), (many.checksum(), &many));
        assert_ne!(of(&[0]).checksum(), of(&[64]).checksum());
    }
}

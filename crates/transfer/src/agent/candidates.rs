//! Who is said to have an item, and when each of them is to be tried.

use peerlab_model::{PeerId, Time};

/// Peers that are remembered.
const MAX: usize = 200;

/// Peers looked at together: a number that a processor compares at once.
const TOGETHER: usize = 16;

/// Peers who may have an item, in the order in which they were named. (Their numbers lie by themselves: a peer hears again and again of those whom it
/// knows.)
#[derive(Default)]
pub(super) struct Candidates {
    peers: Vec<PeerId>,
    /// Not to be tried before.
    after: Vec<Time>,
}

impl Candidates {
    /// These are said to have it, now. When there are many, those give way that have been tried last.
    pub(super) fn add(&mut self, peers: impl IntoIterator<Item = PeerId>, now: Time) {
        let mut tried: Option<Vec<usize>> = None;
        for peer in peers {
            if self.contains(peer) {
                continue;
            }
            if self.peers.len() < MAX {
                if self.peers.len() == self.peers.capacity() {
                    // Twice as many, but no more than there will be.
                    let more = self.peers.len().max(8).min(MAX - self.peers.len());
                    self.peers.reserve_exact(more);
                    self.after.reserve_exact(more);
                }
                self.peers.push(peer);
                self.after.push(now);
            } else if let Some(place) = tried.get_or_insert_with(|| self.tried(now)).pop() {
                (self.peers[place], self.after[place]) = (peer, now);
            }
        }
    }

    /// The places of those that are not to be tried yet, the one that was tried last at the end.
    fn tried(&self, now: Time) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.after.len()).filter(|&place| self.after[place] > now).collect();
        places.sort_unstable_by_key(|&place| (self.after[place], place));
        places
    }

    #[expect(clippy::needless_bitwise_bool, reason = "no branch, so that all of them are compared at once")]
    fn contains(&self, peer: PeerId) -> bool {
        self.peers.chunks(TOGETHER).any(|some| some.iter().fold(false, |found, known| found | (*known == peer)))
    }

    /// The first one at or beyond place `from` that can be tried now, and its place; it is not to be tried again before `again`.
    pub(super) fn next(&mut self, from: usize, now: Time, again: Time) -> Option<(usize, PeerId)> {
        let place = from + self.after.get(from..)?.iter().position(|&after| after <= now)?;
        self.after[place] = again;
        Some((place, self.peers[place]))
    }

    /// Nobody is to be tried any longer.
    pub(super) fn clear(&mut self) {
        self.peers.clear();
        self.after.clear();
    }

    /// This one is not to be tried any longer.
    pub(super) fn remove(&mut self, peer: PeerId) {
        if let Some(place) = self.peers.iter().position(|&known| known == peer) {
            self.peers.remove(place);
            self.after.remove(place);
        }
    }

    pub(super) fn state_bytes(&self) -> usize {
        self.peers.capacity() * size_of::<PeerId>() + self.after.capacity() * size_of::<Time>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_secs(second)
    }

    #[test]
    fn each_is_named_once_and_tried_in_turn() {
        let mut candidates = Candidates::default();
        candidates.add([7, 8, 7, 9].map(PeerId), at(1));
        candidates.add([PeerId(8)], at(2));
        candidates.remove(PeerId(8));
        assert_eq!(candidates.next(0, at(2), at(60)), Some((0, PeerId(7))));
        assert_eq!(candidates.next(1, at(2), at(60)), Some((1, PeerId(9))));
        assert_eq!(candidates.next(0, at(59), at(60)), None);
        assert_eq!(candidates.next(0, at(60), at(90)), Some((0, PeerId(7))));
    }

    #[test]
    fn of_many_those_give_way_that_were_tried_last() {
        let mut candidates = Candidates::default();
        candidates.add((0..MAX as u32).map(PeerId), at(0));
        candidates.add([PeerId(1000)], at(0));
        assert!(!candidates.contains(PeerId(1000)), "nobody has been tried, so nobody gives way");
        for (place, again) in [(3, 60), (5, 61), (9, 61)] {
            assert_eq!(candidates.next(place, at(0), at(again)), Some((place, PeerId(place as u32))));
        }
        candidates.add([1000, 1001, 1002, 1003].map(PeerId), at(1));
        assert_eq!([3, 5, 9].map(|place| candidates.peers[place]), [1002, 1001, 1000].map(PeerId));
        assert!(!candidates.contains(PeerId(1003)));
    }
}

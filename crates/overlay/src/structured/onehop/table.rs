//! The full routing table, and how the ring is cut into slices and units.
//!
//! # Cost
//! Four bytes a member, in one sorted list that peers share as long as they know the same: the members of a converged start have one copy
//! in all, a newcomer takes over its successor's. Whoever has to change it makes its own copy first. Keys are uniform, so a search begins
//! where a key must lie and looks at about log2 √n members; a change moves half of the list, 2 KB of it at a thousand members.

use std::sync::Arc;

use peerlab_model::{Key, Numbering, PeerId};

/// All members that a peer knows, itself included, in the order of their keys.
#[derive(Clone, Debug, Default)]
pub(super) struct Table(Arc<Vec<PeerId>>);

impl Table {
    /// The table of these members, which are in the order of their keys.
    pub(super) fn new(members: Vec<PeerId>) -> Self {
        Self(Arc::new(members))
    }

    /// Shares a table that came in a message.
    pub(super) fn from_shared(members: Arc<Vec<PeerId>>) -> Self {
        Self(members)
    }

    /// The list, to be sent.
    pub(super) fn share(&self) -> Arc<Vec<PeerId>> {
        Arc::clone(&self.0)
    }

    /// What a look into it reads first: for a prefetch.
    #[inline]
    pub(super) fn memory(&self) -> &impl Sized {
        &*self.0
    }

    #[inline]
    pub(super) fn list(&self) -> &[PeerId] {
        &self.0
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The position of the first member at or after `key`, without going round; the length if there is none.
    #[inline]
    pub(super) fn position(&self, numbering: Numbering, key: Key) -> usize {
        let list = self.list();
        let before = |at: usize| numbering.key(list[at]) < key;
        if list.is_empty() {
            return 0;
        }
        // Where it lies if keys are spread evenly; then away from there in growing steps, and back by halves.
        let guess = ((u128::from(key.0) * list.len() as u128) >> 64) as usize;
        let (mut low, mut high) = (guess, guess);
        let mut step = 1;
        if before(guess) {
            low += 1;
            loop {
                high = low + step - 1;
                if high >= list.len() {
                    high = list.len();
                    break;
                }
                if !before(high) {
                    break;
                }
                low = high + 1;
                step *= 2;
            }
        } else {
            loop {
                if high < step {
                    low = 0;
                    break;
                }
                low = high - step;
                if before(low) {
                    low += 1;
                    break;
                }
                high = low;
                step *= 2;
            }
        }
        low + list[low..high].partition_point(|&member| numbering.key(member) < key)
    }

    /// The member at a position, going round.
    #[inline]
    pub(super) fn at(&self, position: usize) -> PeerId {
        let list = self.list();
        list[if position < list.len() { position } else { position % list.len() }]
    }

    /// The first member at or after `key` on the ring.
    ///
    /// # Panics
    /// If the table is empty.
    #[inline]
    pub(super) fn successor(&self, numbering: Numbering, key: Key) -> PeerId {
        self.at(self.position(numbering, key))
    }

    /// Members from the first one at or after `key` on, once round the ring.
    pub(super) fn from(&self, numbering: Numbering, key: Key) -> impl Iterator<Item = PeerId> {
        let (before, after) = self.list().split_at(self.position(numbering, key));
        after.iter().chain(before).copied()
    }

    pub(super) fn contains(&self, numbering: Numbering, peer: PeerId) -> bool {
        self.list().get(self.position(numbering, numbering.key(peer))) == Some(&peer)
    }

    /// Adds a member; `false` if it is one.
    pub(super) fn insert(&mut self, numbering: Numbering, peer: PeerId) -> bool {
        let at = self.position(numbering, numbering.key(peer));
        if self.list().get(at) == Some(&peer) {
            return false;
        }
        let room = |length: usize| length / 16 + 4;
        if let Some(own) = Arc::get_mut(&mut self.0) {
            if own.len() == own.capacity() {
                own.reserve_exact(room(own.len()));
            }
            own.insert(at, peer);
        } else {
            let (before, after) = self.0.split_at(at);
            let mut own = Vec::with_capacity(self.0.len() + room(self.0.len()));
            own.extend_from_slice(before);
            own.push(peer);
            own.extend_from_slice(after);
            self.0 = Arc::new(own);
        }
        true
    }

    /// Removes a member; `false` if it is none.
    pub(super) fn remove(&mut self, numbering: Numbering, peer: PeerId) -> bool {
        let at = self.position(numbering, numbering.key(peer));
        if self.list().get(at) != Some(&peer) {
            return false;
        }
        Arc::make_mut(&mut self.0).remove(at);
        true
    }

    /// The members with keys from `low` to `high`, both included.
    pub(super) fn range(&self, numbering: Numbering, low: Key, high: Key) -> &[PeerId] {
        let (from, upto) = (self.position(numbering, low), self.position(numbering, high));
        let upto = if self.list().get(upto).is_some_and(|&last| numbering.key(last) == high) { upto + 1 } else { upto };
        &self.list()[from..upto]
    }
}

/// The ring cut into equal intervals: slices, and each slice into units (paper, section 3.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Slices {
    pub(super) slices: u32,
    pub(super) units: u32,
}

impl Slices {
    /// The slice that a key lies in.
    #[inline]
    pub(super) fn slice(self, key: Key) -> u32 {
        interval(key, self.slices)
    }

    /// The unit that a key lies in, counted through the whole ring.
    #[inline]
    pub(super) fn unit(self, key: Key) -> u32 {
        interval(key, self.slices * self.units)
    }

    /// Who leads a slice, as far as `table` knows; nobody if it is empty.
    pub(super) fn slice_leader(self, numbering: Numbering, table: &Table, slice: u32) -> Option<PeerId> {
        leader(numbering, table, self.slices, slice)
    }

    /// Who leads a unit.
    pub(super) fn unit_leader(self, numbering: Numbering, table: &Table, unit: u32) -> Option<PeerId> {
        leader(numbering, table, self.slices * self.units, unit)
    }

    /// The units of a slice.
    pub(super) fn units_of(self, slice: u32) -> std::ops::Range<u32> {
        slice * self.units..(slice + 1) * self.units
    }
}

/// In which of so many equal intervals a key lies.
#[inline]
fn interval(key: Key, of: u32) -> u32 {
    ((u128::from(key.0) * u128::from(of)) >> 64) as u32
}

/// The successor of an interval's middle (paper, section 3.1); where the upper half is empty, the last member of the lower one.
fn leader(numbering: Numbering, table: &Table, of: u32, at: u32) -> Option<PeerId> {
    let border = |number: u32| (u128::from(number) << 64).div_ceil(u128::from(of));
    let (low, high) = (border(at), border(at + 1));
    let middle = Key((low + (high - low) / 2) as u64);
    let position = table.position(numbering, middle);
    let within = |peer: &&PeerId| (low..high).contains(&u128::from(numbering.key(**peer).0));
    let before = || position.checked_sub(1).and_then(|before| table.list().get(before));
    table.list().get(position).filter(within).or_else(|| before().filter(within)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    fn numbering() -> Numbering {
        Numbering::new(5000, 0, Streams::new(3))
    }

    fn sorted(count: u32) -> Vec<PeerId> {
        let mut members: Vec<PeerId> = (0..count).map(PeerId).collect();
        members.sort_by_key(|&peer| numbering().key(peer));
        members
    }

    /// Goal: a search finds what a linear scan finds. Method: tables of many sizes, at random keys, at members' keys and one beside them.
    #[test]
    fn positions_are_those_of_a_linear_scan() {
        let mut rng = Streams::new(1).rng("test", 0);
        for count in [0, 1, 2, 3, 7, 100, 3000] {
            let table = Table::new(sorted(count));
            let own = table.list().iter().flat_map(|&peer| [0, 1, u64::MAX].map(|off| Key(numbering().key(peer).0.wrapping_add(off))));
            let random = (0..2000).map(|_| Key(rng.bits()));
            for key in own.chain(random).chain([Key(0), Key(u64::MAX)]) {
                let scan = table.list().iter().take_while(|&&peer| numbering().key(peer) < key).count();
                assert_eq!(table.position(numbering(), key), scan, "{count} members, {key:?}");
            }
        }
    }

    #[test]
    fn a_shared_table_is_copied_before_it_changes() {
        let mut table = Table::new(sorted(50));
        let shared = table.share();
        assert!(table.insert(numbering(), PeerId(77)) && !table.insert(numbering(), PeerId(77)));
        assert!(table.contains(numbering(), PeerId(77)) && shared.len() == 50);
        assert!(table.remove(numbering(), PeerId(77)) && !table.remove(numbering(), PeerId(77)));
        assert_eq!(*table.share(), *shared);
    }

    /// Every member is in one slice and one unit; leaders are members of what they lead, and near its middle.
    #[test]
    fn leaders_are_the_successors_of_the_middles() {
        let table = Table::new(sorted(3000));
        for (slices, units) in [(1, 1), (5, 5), (7, 3), (16, 4)] {
            let cut = Slices { slices, units };
            for slice in 0..slices {
                let leader = cut.slice_leader(numbering(), &table, slice).expect("nobody is far in 3000");
                let key = numbering().key(leader);
                assert_eq!(cut.slice(key), slice);
                let middle = ((u128::from(2 * slice + 1) << 63) / u128::from(slices)) as u64;
                let gap = key.0.wrapping_sub(middle.wrapping_sub(1 << 20));
                assert!(gap < u64::MAX / 200, "slice {slice} of {slices} is led from {gap} after its middle");
                assert!(cut.units_of(slice).all(|unit| {
                    let leader = cut.unit_leader(numbering(), &table, unit).expect("nor in a unit");
                    cut.unit(numbering().key(leader)) == unit && cut.slice(numbering().key(leader)) == slice
                }));
            }
        }
        let one = Table::new(vec![PeerId(4)]);
        let leaders = (0..8).filter_map(|slice| Slices { slices: 8, units: 1 }.slice_leader(numbering(), &one, slice));
        assert_eq!(leaders.collect::<Vec<_>>(), [PeerId(4)]);
    }
}

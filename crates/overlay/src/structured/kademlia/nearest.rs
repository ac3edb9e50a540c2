//! The contacts nearest to a key, put together from one bucket after the other.
//!
//! # Cost
//! On the stack. Of a bucket that has more than are wanted, the nearest are told apart by a distance that has exactly so many below it. As keys
//! are random, a rule of three finds it in two or three passes over the list, each of which compares several contacts at a time.

use peerlab_model::{Key, Numbering, PeerId};

use crate::structured::xor::distance;

/// The largest k.
pub(super) const K_MAX: u8 = 64;

/// Most home buckets are no longer than this.
const SMALL: usize = 48;

/// Numbers that are compared together.
const LANES: usize = 8;

/// A list of contacts under construction.
#[derive(Debug)]
pub(super) struct Nearest {
    /// One place more than is ever used: what may not stay is written there, too, which costs less than to ask first.
    list: [PeerId; K_MAX as usize + 1],
    length: usize,
}

impl Nearest {
    #[inline]
    pub(super) fn new() -> Self {
        Self { list: [PeerId(0); K_MAX as usize + 1], length: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[PeerId] {
        &self.list[..self.length]
    }

    /// Takes all of a bucket's contacts that are wanted, or as many of the nearest as there is room for below `limit`.
    #[inline]
    pub(super) fn take(&mut self, numbering: Numbering, target: Key, limit: usize, contacts: &[u32], wanted: impl Fn(PeerId) -> bool) {
        let room = limit - self.length;
        if contacts.len() <= room {
            self.keep(contacts.iter().map(|&word| PeerId(word)), wanted);
        } else if contacts.len() <= SMALL {
            let mut few = [PeerId(0); SMALL];
            let mut count = 0;
            for &word in contacts {
                few[count] = PeerId(word);
                count += usize::from(wanted(PeerId(word)));
            }
            self.select(numbering, target, room, &few[..count]);
        } else {
            let mut all: Vec<PeerId> = contacts.iter().map(|&word| PeerId(word)).filter(|&peer| wanted(peer)).collect();
            if all.len() > SMALL.max(room) {
                all.sort_unstable_by_key(|&peer| distance(target, numbering.key(peer)));
                all.truncate(room);
            }
            self.select(numbering, target, room, &all);
        }
    }

    /// Takes those for which `wanted` holds. There is room for them.
    #[inline]
    fn keep(&mut self, contacts: impl Iterator<Item = PeerId>, wanted: impl Fn(PeerId) -> bool) {
        let mut length = self.length;
        for peer in contacts {
            self.list[length] = peer;
            length += usize::from(wanted(peer));
        }
        self.length = length;
    }

    /// Takes the nearest `room` of at most [`SMALL`] contacts, or all if there are no more, in the order in which they come.
    ///
    /// They share a long prefix, so the 31 bits after what they share tell almost all of them apart.
    fn select(&mut self, numbering: Numbering, target: Key, room: usize, contacts: &[PeerId]) {
        if contacts.len() <= room {
            return self.keep(contacts.iter().copied(), |_| true);
        }
        let mut away = [0_u64; SMALL];
        let away = &mut away[..contacts.len()];
        let mut all = 0;
        for (place, &peer) in away.iter_mut().zip(contacts) {
            *place = distance(target, numbering.key(peer));
            all |= *place;
        }
        let shift = 33_u32.saturating_sub(all.leading_zeros());
        let mut order = [i32::MAX; SMALL];
        for (order, &mut away) in order.iter_mut().zip(&mut *away) {
            *order = (away >> shift) as i32;
        }
        let end = dividing(&order[..contacts.len().next_multiple_of(LANES)], room, contacts.len());
        let end = end.map_or_else(|| nth(away, room), |end| u64::from(end) << shift);
        let mut length = self.length;
        for (&peer, &mut away) in contacts.iter().zip(away) {
            self.list[length] = peer;
            length += usize::from(away < end);
        }
        self.length = length;
    }
}

/// A number that has exactly `room` of the `count` in `order`, which are random below 2^31, below it; nothing if equal ones are in its way.
#[inline]
fn dividing(order: &[i32], room: usize, count: usize) -> Option<u32> {
    let step = (1 << 31) / count as i64;
    // Fewer than `room` lie below the first of these, and more below the second.
    let (mut low, mut high) = (0, 1_i64 << 31);
    let mut guess = step * room as i64;
    loop {
        let mut below = [0; LANES];
        for lanes in order.as_chunks::<LANES>().0 {
            for (below, &order) in below.iter_mut().zip(lanes) {
                *below += i32::from(order < guess as i32);
            }
        }
        let missing = room as i64 - i64::from(below.iter().sum::<i32>());
        match missing {
            0 => return u32::try_from(guess).ok(),
            1.. => low = guess,
            _ => high = guess,
        }
        guess += missing * step;
        if guess <= low || guess >= high {
            guess = low.midpoint(high);
        }
        if guess == low {
            return None;
        }
    }
}

/// The distance that has `room` others below it.
#[cold]
fn nth(away: &[u64], room: usize) -> u64 {
    let mut sorted = away.to_vec();
    sorted.sort_unstable();
    sorted[room]
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: what is taken of a bucket is the nearest, in the bucket's order. Method: sorting; lists of every length, keys so short that many
    /// agree in what they are compared by, and one left out.
    #[test]
    fn the_nearest_of_a_bucket_are_those_of_a_sort() {
        for bits in [64, 10] {
            let numbering = Numbering::new(1000, 0, Streams::new(1)).with_identifier_bits(bits);
            let mut rng = Streams::new(2).rng("test", 0);
            for count in 0..60 {
                for room in [1, 7, 20, 40] {
                    let mut contacts: Vec<u32> = (0..1000).collect();
                    rng.shuffle(&mut contacts);
                    contacts.truncate(count);
                    let target = numbering.truncated(Key(rng.bits()));
                    let out = contacts.first().copied();
                    let mut nearest = Nearest::new();
                    nearest.take(numbering, target, room, &contacts, |peer| Some(peer.0) != out);
                    let mut sorted: Vec<PeerId> = contacts.iter().skip(1).map(|&word| PeerId(word)).collect();
                    sorted.sort_unstable_by_key(|&peer| distance(target, numbering.key(peer)));
                    sorted.truncate(room);
                    let mut expected: Vec<PeerId> = contacts.iter().skip(1).map(|&word| PeerId(word)).collect();
                    expected.retain(|peer| sorted.contains(peer));
                    let mut taken = nearest.as_slice().to_vec();
                    if count > SMALL + 1 {
                        // So many come sorted.
                        taken.sort_unstable();
                        expected.sort_unstable();
                    }
                    assert_eq!(taken, expected, "{room} of {count}");
                }
            }
        }
    }

    /// Goal: contacts that agree in all that is compared are told apart all the same.
    #[test]
    fn equal_numbers_divide_nothing() {
        let mut order = [i32::MAX; LANES];
        order[..3].copy_from_slice(&[5, 5, 5]);
        assert_eq!(dividing(&order, 2, 3), None);
        assert_eq!(nth(&[30, 10, 20], 2), 30);
        order[0] = 4;
        assert_eq!(dividing(&order, 1, 3), Some(5));
    }
}

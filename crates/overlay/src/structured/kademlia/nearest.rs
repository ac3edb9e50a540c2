//! The contacts nearest to a key, put together from one bucket after the other.
//!
//! # Cost
//! On the stack. Of a bucket that has more than are wanted, the nearest are told apart by a distance that has exactly so many below it. As keys
//! are random, a rule of three finds it in two or three passes over the list, each of which compares several contacts at a time. Distances are
//! compared by 31 bits after those that all of the bucket share, which tell almost all of them apart.

use peerlab_model::{Key, Numbering, PeerId};

use crate::structured::xor::distance;

/// The largest k.
pub(super) const K_MAX: u8 = 64;

/// Most home buckets are no longer than this.
const SMALL: usize = 48;

/// Numbers that are compared together.
const LANES: usize = 8;

/// Some contacts whose keys begin with the same bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket<'a> {
    pub(super) contacts: &'a [u32],
    /// How the key of each goes on ([`lead`]); empty if that has to be computed.
    pub(super) leads: &'a [u32],
    /// How many bits they share.
    pub(super) shared: u32,
}

/// The 31 bits with which a key goes on after the first `shared` ones.
#[inline]
pub(super) fn lead(key: Key, shared: u32) -> u32 {
    (key.0.unbounded_shl(shared) >> 33) as u32
}

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

    /// Takes all of a bucket's contacts that are wanted, or as many of the nearest as there is room for below `limit`: in the bucket's order,
    /// but the nearest first where very many are wanted.
    #[inline]
    pub(super) fn take(
        &mut self,
        numbering: Numbering,
        target: Key,
        limit: usize,
        bucket: Bucket<'_>,
        wanted: impl Fn(PeerId) -> bool + Copy,
    ) {
        let room = limit - self.length;
        if bucket.contacts.len() <= room {
            self.keep(bucket.contacts, wanted);
        } else if bucket.contacts.len() <= SMALL {
            self.select(numbering, target, room, bucket, wanted);
        } else {
            self.take_many(numbering, target, room, bucket, wanted);
        }
    }

    #[cold]
    fn take_many(&mut self, numbering: Numbering, target: Key, room: usize, bucket: Bucket<'_>, wanted: impl Fn(PeerId) -> bool) {
        let mut all: Vec<u32> = bucket.contacts.iter().copied().filter(|&word| wanted(PeerId(word))).collect();
        if all.len() > SMALL.max(room) {
            all.sort_by_cached_key(|&word| distance(target, numbering.key(PeerId(word))));
            all.truncate(room);
        }
        if all.len() <= room {
            self.keep(&all, |_| true);
        } else {
            self.select(numbering, target, room, Bucket { contacts: &all, leads: &[], ..bucket }, |_| true);
        }
    }

    /// Takes those for which `wanted` holds. There is room for them.
    #[inline]
    fn keep(&mut self, contacts: &[u32], wanted: impl Fn(PeerId) -> bool) {
        let mut length = self.length;
        for &word in contacts {
            self.list[length] = PeerId(word);
            length += usize::from(wanted(PeerId(word)));
        }
        self.length = length;
    }

    /// Takes the nearest `room` of at most [`SMALL`] contacts that are wanted, or all if there are no more, in the order in which they come.
    #[inline]
    fn select(&mut self, numbering: Numbering, target: Key, room: usize, bucket: Bucket<'_>, wanted: impl Fn(PeerId) -> bool + Copy) {
        let Bucket { contacts, leads, shared } = bucket;
        // Who is not wanted is farther away than anybody.
        let mut order = [i32::MAX; SMALL];
        let mut count = 0;
        let toward = lead(target, shared);
        let mut put = |order: &mut i32, word: u32, lead: u32| {
            let is_wanted = wanted(PeerId(word));
            *order = if is_wanted { (lead ^ toward) as i32 } else { i32::MAX };
            count += i32::from(is_wanted);
        };
        if leads.is_empty() {
            for (order, &word) in order.iter_mut().zip(contacts) {
                put(order, word, lead(numbering.key(PeerId(word)), shared));
            }
        } else {
            for ((order, &word), &lead) in order.iter_mut().zip(contacts).zip(leads) {
                put(order, word, lead);
            }
        }
        let count = count as usize;
        if count <= room {
            return self.keep(contacts, wanted);
        }
        let Some(end) = dividing(&order[..contacts.len().next_multiple_of(LANES)], room, count) else {
            return self.select_exactly(numbering, target, room, contacts, wanted);
        };
        let mut length = self.length;
        for (&word, &order) in contacts.iter().zip(&order) {
            self.list[length] = PeerId(word);
            length += usize::from(order < end);
        }
        self.length = length;
    }

    /// The same where some agree in what is compared.
    #[cold]
    fn select_exactly(&mut self, numbering: Numbering, target: Key, room: usize, contacts: &[u32], wanted: impl Fn(PeerId) -> bool) {
        let away = |peer: PeerId| distance(target, numbering.key(peer));
        let mut sorted: Vec<u64> = contacts.iter().map(|&word| PeerId(word)).filter(|&peer| wanted(peer)).map(away).collect();
        sorted.sort_unstable();
        self.keep(contacts, |peer| wanted(peer) && away(peer) < sorted[room]);
    }
}

/// A number that has exactly `room` of the `count` in `order`, which are random below 2^31, below it; nothing if equal ones are in its way.
#[inline]
fn dividing(order: &[i32], room: usize, count: usize) -> Option<i32> {
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
            0 => return i32::try_from(guess).ok(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: what is taken of a bucket is the nearest, in the bucket's order. Method: sorting; lists of every length, keys so short that many
    /// agree in what they are compared by, whose continuations are known or not, and one left out.
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
                    let leads: Vec<u32> = contacts.iter().map(|&word| lead(numbering.key(PeerId(word)), 0)).collect();
                    let take = |leads| {
                        let mut nearest = Nearest::new();
                        let bucket = Bucket { contacts: &contacts, leads, shared: 0 };
                        nearest.take(numbering, target, room, bucket, |peer| Some(peer.0) != out);
                        nearest.as_slice().to_vec()
                    };
                    let mut taken = take(&leads);
                    assert_eq!(taken, take(&[]));
                    let mut sorted: Vec<PeerId> = contacts.iter().skip(1).map(|&word| PeerId(word)).collect();
                    sorted.sort_unstable_by_key(|&peer| distance(target, numbering.key(peer)));
                    sorted.truncate(room);
                    let mut expected: Vec<PeerId> = contacts.iter().skip(1).map(|&word| PeerId(word)).collect();
                    expected.retain(|peer| sorted.contains(peer));
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

    /// Goal: numbers that agree are not told apart by force.
    #[test]
    fn equal_numbers_divide_nothing() {
        let mut order = [i32::MAX; LANES];
        order[..3].copy_from_slice(&[5, 5, 5]);
        assert_eq!(dividing(&order, 2, 3), None);
        order[0] = 4;
        assert_eq!(dividing(&order, 1, 3), Some(5));
    }
}

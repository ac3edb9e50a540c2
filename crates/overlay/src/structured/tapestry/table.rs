//! The routing mesh as one peer has it: levels of slots, and in each slot a primary neighbour and its backups.
//!
//! Level l holds peers that share l digits with the owner, by their next digit. The owner's own digit has no slot: it is the owner itself,
//! and whoever else has that digit is at a higher level. All links lie in one vector in the order of their slots, nearest first within a
//! slot: so the next slot that is not empty, which surrogate routing asks for, is the next entry.
//!
//! # Cost
//! Twelve bytes a link, the measured round trip included; a binary search to find a slot.

use std::ops::Range;

use peerlab_model::{PeerId, Span};

use crate::structured::trips::Trip;

/// Round trips are kept in units of 32 µs: up to two seconds fit into 16 bits.
const UNIT_US: u32 = 32;

/// The round trip of who was never measured: farther than all others.
const UNMEASURED: u16 = u16::MAX;

/// A link to a neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) peer: PeerId,
    /// The level, and the digit there in the low bits.
    pub(super) slot: u16,
    trip: u16,
    deviation: u16,
    /// It kept silent for a short while: questions prefer a backup until a probe has shown what is the matter.
    pub(super) suspect: bool,
}

impl Link {
    /// The smoothed round trip, if it has been measured.
    pub(super) fn trip(&self) -> Option<Trip> {
        let known = self.trip != UNMEASURED;
        known.then(|| Trip::of(u32::from(self.trip) * UNIT_US, u32::from(self.deviation) * UNIT_US))
    }

    fn measure(&mut self, sample: Span) {
        let sample = u32::try_from(sample.nanos() / 1000).unwrap_or(u32::MAX).max(1);
        let trip = match self.trip() {
            Some(mut trip) => {
                trip.add(sample);
                trip
            }
            None => Trip::new(sample),
        };
        self.trip = trip.mean_us().div_ceil(UNIT_US).min(u32::from(UNMEASURED) - 1) as u16;
        self.deviation = trip.deviation_us().div_ceil(UNIT_US).min(u32::from(u16::MAX)) as u16;
    }
}

/// What became of a peer that was offered to its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// It was there already.
    Known,
    /// The slot is full of nearer ones.
    Refused,
    /// It has come in; `first`: nobody was in the slot before.
    Entered { evicted: Option<PeerId>, first: bool },
}

/// One peer's links.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    links: Vec<Link>,
}

impl Table {
    /// Puts a link to an unmeasured peer behind all others: for tables that are put together in the order of their slots.
    pub(super) fn push(&mut self, slot: u16, peer: PeerId) {
        self.links.push(Link { peer, slot, trip: UNMEASURED, deviation: 0, suspect: false });
    }

    pub(super) fn reserve(&mut self, links: usize) {
        self.links.reserve_exact(links);
    }

    #[inline]
    pub(super) fn links(&self) -> &[Link] {
        &self.links
    }

    /// How many levels there are.
    #[inline]
    pub(super) fn levels(&self, bits: u32) -> usize {
        self.links.last().map_or(0, |last| usize::from(last.slot >> bits) + 1)
    }

    fn range(&self, slot: u16) -> Range<usize> {
        let from = self.links.partition_point(|link| link.slot < slot);
        let length = self.links[from..].iter().take_while(|link| link.slot == slot).count();
        from..from + length
    }

    /// The links of a slot, the primary first.
    pub(super) fn slot(&self, slot: u16) -> &[Link] {
        &self.links[self.range(slot)]
    }

    /// The links of the first slot in a range that is not empty.
    #[inline]
    pub(super) fn first_slot(&self, slots: Range<u32>) -> &[Link] {
        let from = self.links.partition_point(|link| u32::from(link.slot) < slots.start);
        let Some(first) = self.links.get(from).filter(|link| u32::from(link.slot) < slots.end) else { return &[] };
        let length = self.links[from..].iter().take_while(|link| link.slot == first.slot).count();
        &self.links[from..from + length]
    }

    /// The links of one level.
    pub(super) fn level(&self, level: usize, bits: u32) -> &[Link] {
        let upto = self.links.partition_point(|link| usize::from(link.slot >> bits) <= level);
        let from = self.links[..upto].partition_point(|link| usize::from(link.slot >> bits) < level);
        &self.links[from..upto]
    }

    /// The links of this level and all above it: peers that share at least so many digits with the owner.
    pub(super) fn above(&self, level: usize, bits: u32) -> &[Link] {
        &self.links[self.links.partition_point(|link| usize::from(link.slot >> bits) < level)..]
    }

    #[inline]
    fn at(&self, slot: u16, peer: PeerId) -> Option<usize> {
        self.range(slot).find(|&at| self.links[at].peer == peer)
    }

    #[inline]
    pub(super) fn get(&self, slot: u16, peer: PeerId) -> Option<&Link> {
        self.at(slot, peer).map(|at| &self.links[at])
    }

    pub(super) fn suspect(&mut self, slot: u16, peer: PeerId) {
        if let Some(at) = self.at(slot, peer) {
            self.links[at].suspect = true;
        }
    }

    /// A live peer, with its round trip if it has just been measured, for a slot of at most `most` links.
    pub(super) fn offer(&mut self, slot: u16, peer: PeerId, sample: Option<Span>, most: usize, proximity: bool) -> Offer {
        let range = self.range(slot);
        if let Some(at) = range.clone().find(|&at| self.links[at].peer == peer) {
            self.links[at].suspect = false;
            if let Some(sample) = sample {
                self.links[at].measure(sample);
                if proximity {
                    self.links[range].sort_by_key(|link| link.trip);
                }
            }
            return Offer::Known;
        }
        let mut link = Link { peer, slot, trip: UNMEASURED, deviation: 0, suspect: false };
        if let Some(sample) = sample {
            link.measure(sample);
        }
        let behind = if proximity { self.links[range.clone()].partition_point(|other| other.trip <= link.trip) } else { range.len() };
        if range.len() < most {
            if self.links.len() == self.links.capacity() {
                self.links.reserve_exact(8);
            }
            self.links.insert(range.start + behind, link);
            return Offer::Entered { evicted: None, first: range.is_empty() };
        }
        if behind == range.len() {
            return Offer::Refused;
        }
        let (place, last) = (range.start + behind, range.end - 1);
        let evicted = self.links[last].peer;
        self.links[place..=last].rotate_right(1);
        self.links[place] = link;
        Offer::Entered { evicted: Some(evicted), first: false }
    }

    /// Drops a link; `false` if it is not there.
    pub(super) fn remove(&mut self, slot: u16, peer: PeerId) -> bool {
        let found = self.at(slot, peer);
        found.map(|at| self.links.remove(at)).is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        self.links.len() * size_of::<Link>()
    }
}

//! What round trips decide in Chord: which peer of its interval a finger is, and which contact a question goes to.
//!
//! Proximity neighbour selection, PNS(x) (Dabek et al., *Designing a DHT for low latency and high throughput*, NSDI 2004, section 4.3): the first
//! peer of a finger's interval is looked up and gives its successor list; of the first x peers of the interval that this names, the one with
//! the shortest round trip becomes the finger.
//!
//! Proximity route selection (Gummadi et al., SIGCOMM 2003): a question goes to the contact before its key with the least d + D·h, where d is
//! the round trip to it, D the mean of all that were measured, and h the hops that the rest of the way should take: ½ log2 n, for the n peers
//! that should lie in it. CFS (Dabek et al., SOSP 2001) weighs in this form, and takes for h the ones among the bits of n. With random ids that
//! leads into many short hops, each of which scrambles the bits below: it makes lookups slower, not faster (docs/models/chord.md).
//!
//! # Cost
//! Refreshing a finger takes x pings beside its lookup. Round trips lie in a box of those who measure: 12 bytes each.
//!
//! # Not here
//! Virtual coordinates, which would give round trips without pings.

use peerlab_model::{Key, PeerId, Span, Start};

use super::fingers::{Fingers, finger_start};
use super::peer::ChordPeer;
use super::{Chord, Cx, RouteThrough};
use crate::structured::ring::View;

/// Which finger's interval a contact lies in.
fn interval(view: View, contact: PeerId) -> usize {
    view.to(contact).leading_zeros() as usize
}

impl Chord {
    /// The next finger whose interval is to be measured anew; one that the successor list covers as a whole is measured at once.
    pub(super) fn finger_to_measure(&self, peer: &mut ChordPeer, cx: &mut Cx<'_, Fingers>) -> Option<u8> {
        let view = self.view(peer);
        let last = view.to(*peer.successors.last()?);
        let count = peer.table.len();
        if count == 0 {
            return None;
        }
        let index = usize::from(peer.turn) % count;
        peer.turn = (index + 1) as u8;
        if index == 0 || finger_start(index - 1) > last {
            return Some(index as u8);
        }
        let list = std::sync::Arc::clone(&peer.successors);
        match view.first_from(&list, finger_start(index)) {
            Some(first) if interval(view, first) == index => self.sample(peer, cx, first, &list),
            first => peer.table[index] = first.unwrap_or(peer.id),
        }
        None
    }

    /// The first peer of a finger's interval is known: it is the finger until a nearer one is found, and names others.
    pub(super) fn found_first(&self, peer: &mut ChordPeer, cx: &mut Cx<'_, Fingers>, index: usize, first: PeerId) {
        let view = self.view(peer);
        let present = peer.table[index];
        if first == peer.id || interval(view, first) != index {
            // Nobody is in the interval: the finger lies beyond it.
            peer.table[index] = first;
            return;
        }
        if present == peer.id || interval(view, present) != index {
            peer.table[index] = first;
        }
        self.survey(peer, cx, first);
    }

    /// Measures the first few peers of the interval that `first` lies in (it and, of those after it, those in the same interval), and its finger.
    pub(super) fn sample(&self, peer: &mut ChordPeer, cx: &mut Cx<'_, Fingers>, first: PeerId, after: &[PeerId]) {
        let view = self.view(peer);
        let (index, from) = (interval(view, first), view.to(first));
        let others = after.iter().copied().filter(|&other| interval(view, other) == index && view.to(other) > from);
        // The present finger may be none of these any more, and nobody else would notice its death.
        let mut present = peer.table.get(index).copied().filter(|&finger| interval(view, finger) == index);
        for candidate in std::iter::once(first).chain(others).take(usize::from(self.shortcuts.samples)) {
            present = present.filter(|&finger| finger != candidate);
            self.measure(peer, cx, candidate);
        }
        if let Some(present) = present {
            self.measure(peer, cx, present);
        }
    }

    /// Measures a finger that has not been measured yet.
    pub(super) fn measure_one(&self, peer: &mut ChordPeer, cx: &mut Cx<'_, Fingers>) {
        let unknown = |&&finger: &&PeerId| finger != peer.id && peer.trips().is_none_or(|trips| trips.get(finger).is_none());
        if let Some(&finger) = peer.table.iter().find(unknown) {
            self.measure(peer, cx, finger);
        }
    }
}

impl Fingers {
    /// A round trip has been measured: the contact takes its finger's place if it is nearer than the present one.
    pub(super) fn note(&self, view: View, peer: &mut ChordPeer, contact: PeerId, trip: Span) {
        let index = interval(view, contact);
        let extra = peer.extra.get_or_insert_default();
        let trips = &mut extra.watch.get_or_insert_default().trips;
        if self.samples > 0
            && let Some(finger) = peer.table.get_mut(index).filter(|finger| **finger != contact)
        {
            let fits = *finger != peer.id && interval(view, *finger) == index;
            let is_nearer = trips.get(*finger).is_none_or(|present| trip < present.mean());
            if fits && !is_nearer {
                return;
            }
            trips.forget(*finger);
            *finger = contact;
        }
        if peer.table.contains(&contact) {
            trips.add(contact, trip);
        }
    }

    /// The contact before `bound` from which a question should be at its key first; nothing as long as nothing has been measured.
    #[cold]
    pub(super) fn soonest(&self, peer: &ChordPeer, view: View, bound: u64, (first, first_distance): (PeerId, u64)) -> Option<PeerId> {
        let trips = peer.trips().filter(|trips| trips.len() > 0)?;
        let mean = trips.mean_us();
        // The mean distance between neighbours on the ring: what is less than that takes no hop.
        let last = peer.successors.last().map_or(first_distance, |&last| view.to(last));
        let gap = (last / peer.successors.len().max(1) as u64).max(1);
        let listed = match self.through {
            RouteThrough::Fingers => (first_distance < bound).then_some((first, first_distance)),
            RouteThrough::FingersAndSuccessors => view.last_within(&peer.successors, bound),
        };
        let fingers = peer.table.iter().map(|&finger| (finger, view.to(finger))).filter(|&(_, ahead)| ahead != 0 && ahead < bound);
        let cost = |&(contact, ahead): &(PeerId, u64)| {
            let hops = 0.5 * libm::log2(((bound - ahead) as f64 / gap as f64).max(1.0));
            let trip = trips.get(contact).map_or(mean, |trip| trip.mean_us().into());
            (trip + (mean as f64 * hops) as u64, u64::MAX - ahead)
        };
        fingers.chain(listed).min_by_key(cost).map(|(contact, _)| contact)
    }

    /// What the peer at `at` would have measured by now.
    pub(super) fn measure_at_start(&self, view: View, ring: &[(Key, PeerId)], at: usize, start: &Start<'_>, peer: &mut ChordPeer) {
        let key = ring[at].0;
        let named = usize::from(self.samples).min(peer.successors.len() + 1);
        for index in 0..peer.table.len() {
            let finger = peer.table[index];
            if finger == peer.id {
                continue;
            }
            if let Some(trip) = (start.round_trip)(peer.id, finger) {
                self.note(view, peer, finger, trip);
            }
            if self.samples == 0 || interval(view, finger) != index {
                continue;
            }
            let begin = ring.partition_point(|&(other, _)| other < Key(key.0.wrapping_add(finger_start(index))));
            for step in 1..named {
                let candidate = ring[(begin + step) % ring.len()].1;
                if candidate == peer.id || interval(view, candidate) != index {
                    break;
                }
                if let Some(trip) = (start.round_trip)(peer.id, candidate) {
                    self.note(view, peer, candidate, trip);
                }
            }
        }
    }
}

//! What measured round trips are good for: timeouts that fit each contact, and contacts that are near. Only where a parameter asks for it.

use peerlab_model::{Key, PeerId, Span, Token};

use super::config::BucketChoice;
use super::peer::{KademliaPeer, Pending};
use super::table::Place;
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::structured::trips::{Patience, Trip};
use crate::structured::xor::distance;

/// Peers outside of the table whose round trips are remembered, as long as there are no more in all.
const STRANGERS: usize = 256;

impl Kademlia {
    #[inline]
    fn measures(&self) -> bool {
        self.config.adaptive_timeouts || self.config.bucket_choice == BucketChoice::Nearest
    }

    /// How long to wait for a contact, in microseconds: the smoothed round trip and four deviations, within the limits of the configuration.
    /// 0: as long as for any, `request_timeout`.
    #[inline]
    pub(super) fn patience_us(&self, peer: &KademliaPeer, to: PeerId) -> u32 {
        if !self.config.adaptive_timeouts {
            return 0;
        }
        let longest = self.config.request_timeout.span();
        let patience = Patience::new(longest, true, self.config.timeout_margin.span()).towards(peer.trip(to));
        if patience == longest { 0 } else { u32::try_from(patience.nanos().div_ceil(1000)).unwrap_or(0) }
    }

    /// A contact has answered a question of this search: that is a measurement.
    #[inline]
    pub(super) fn measured_by_search(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if !self.measures() {
            return;
        }
        let now = cx.now();
        let Some(Pending::Search(search)) = cx.request_mut(token) else { return };
        if let Some(since) = search.list.asked_since(from) {
            self.measured(peer, cx, from, now.since(since));
        }
    }

    /// A round trip was measured.
    pub(super) fn measured(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, from: PeerId, trip: Span) {
        if !self.measures() {
            return;
        }
        let this = cx.key_of(peer.id);
        let place = peer.table.place(&self.shape, distance(this, cx.key_of(from)));
        let is_known = peer.table.contacts(&self.shape, place).any(|contact| contact == from) || self.takes_place(peer, from, place, trip);
        let trips = peer.trips_mut();
        if is_known || trips.len() < STRANGERS {
            trips.add(from, trip);
        }
    }

    /// Proximity neighbour selection: who has found its bucket full takes the place of the contact with the longest round trip, if its own
    /// is shorter.
    fn takes_place(&self, peer: &mut KademliaPeer, from: PeerId, place: Place, trip: Span) -> bool {
        let Place::Bucket(bucket) = place else { return false };
        if self.config.bucket_choice == BucketChoice::Oldest || peer.table.contacts(&self.shape, place).count() < self.shape.k {
            return false;
        }
        let measured = peer.table.contacts(&self.shape, place).filter_map(|contact| Some((peer.trip(contact)?.mean(), contact)));
        let Some((_, farthest)) = measured.max().filter(|&(mean, _)| mean > trip) else { return false };
        peer.table.replace(&self.shape, bucket, farthest, from);
        peer.forget_trip(farthest);
        true
    }

    /// Somebody who was not a candidate has found its bucket full: how near is it? One is pinged at a time for each bucket.
    #[inline]
    pub(super) fn consider_near(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, bucket: usize, from: PeerId) {
        if self.config.bucket_choice == BucketChoice::Nearest
            && peer.trip(from).is_none()
            && peer.table.candidates(&self.shape, bucket).all(|candidate| candidate != from)
            && !peer.table.pinging(&self.shape, Place::Bucket(bucket), true)
        {
            let token = cx.open(Pending::Measure { to: from, sent: cx.now() });
            cx.send(from, KademliaMessage::Ping { token });
            cx.set_timer(self.config.request_timeout.span(), KademliaTimer::Request(token));
        }
    }

    /// Removes a contact from the table. The latest candidate takes its place, or, where near contacts are wanted, the nearest that was measured.
    pub(super) fn remove_contact(&self, peer: &mut KademliaPeer, this: Key, contact: PeerId) {
        if self.config.bucket_choice == BucketChoice::Nearest
            && let Place::Bucket(bucket) = peer.table.place(&self.shape, distance(this, self.numbering.key(contact)))
        {
            let measured = peer.table.candidates(&self.shape, bucket).filter_map(|peer_id| Some((peer.trip(peer_id)?.mean(), peer_id)));
            if let Some((_, nearest)) = measured.min() {
                // The latest is the first in use.
                peer.table.cache(&self.shape, bucket, nearest);
            }
        }
        peer.table.remove(&self.shape, self.numbering, this, contact);
    }
}

impl KademliaPeer {
    #[inline]
    fn trip(&self, contact: PeerId) -> Option<Trip> {
        self.extra.as_deref()?.trips.as_deref()?.get(contact)
    }
}

//! Values that the peers keep: at the root of their key, and at the peers that would be its next roots.
//!
//! The papers put pointers into the network and leave objects at their servers; a DHT over Tapestry (Dabek, Zhao, Druschel, Kubiatowicz, Stoica:
//! *Towards a common API for structured peer-to-peer overlays*, IPTPS 2003) keeps values at the root and at a replica set near it. Surrogate
//! routing orders all members for each key: by how far each digit lies after the key's, the first digit first. The root is the first in
//! that order, the next root, when it has gone, the second. So the replica set is the first `replicas` of those that the root links to.
//!
//! When a newcomer becomes the root, the last one offers it the values. What else changes is found by comparing at intervals: a root offers what
//! it has to its replicas, another keeper looks for the roots of what it has, a few at a time, and offers it to them.

use peerlab_model::{Key, PeerId, Record, Time, Token};

use super::peer::{Pending, Purpose, Route, TapestryPeer};
use super::upkeep::Loss;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::records::Records;
use crate::repair::{Comparison, Keeper, LOOKED_FOR_MAX, offer_all, send_offers, send_values};
use crate::structured::prefix::{digit, digits};

/// A peer's place in the order of the roots of a key: less is better, and the root has the least of all members.
fn rank(key: Key, peer: Key, bits: u32) -> u64 {
    let off = |place| (digit(peer, place, bits) as u64).wrapping_sub(digit(key, place, bits) as u64) & ((1 << bits) - 1);
    (0..digits(bits)).fold(0, |rank, place| rank << bits | off(place))
}

impl Tapestry {
    fn rank(&self, key: Key, peer: PeerId) -> u64 {
        rank(key, self.numbering.key(peer), self.config.bits())
    }

    /// True if this peer is the root of a key, as far as it knows.
    pub(super) fn is_root(&self, peer: &TapestryPeer, key: Key) -> bool {
        peer.route(self.numbering, self.config.bits(), key, |_| false) == Route::Here
    }

    /// Of its neighbours, those that a root has keep what is at a key, the next root first.
    pub(super) fn replicas(&self, peer: &TapestryPeer, key: Key) -> Vec<PeerId> {
        let mut links: Vec<(u64, PeerId)> = peer.table.links().iter().map(|link| (self.rank(key, link.peer), link.peer)).collect();
        links.sort_unstable();
        links.into_iter().take(usize::from(self.config.replicas) - 1).map(|(_, peer)| peer).collect()
    }

    // Storing.

    /// The root of a value's key is known: it gets the value.
    pub(super) fn send_value(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, key: Key, root: PeerId) {
        if root == peer.id {
            self.keep_value(peer, cx, key, root);
            self.published(peer, cx);
        } else {
            let token = cx.open(Pending::Store { to: root });
            cx.send(root, TapestryMessage::Store { key, token });
            cx.set_timer(self.config.request_timeout.span(), TapestryTimer::Request(token));
        }
    }

    pub(super) fn store(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, publisher: PeerId, key: Key, token: Token) {
        if peer.active {
            cx.send(publisher, TapestryMessage::Stored { token });
            self.keep_value(peer, cx, key, publisher);
        } else {
            Self::refuse_upkeep(peer, cx, publisher, token);
        }
    }

    pub(super) fn stored(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if let Some(Pending::Store { to }) = cx.close(token) {
            if to != from {
                // The machine has another identity now.
                self.lose(peer, cx, to, Loss::Noticed);
            }
            self.published(peer, cx);
        }
    }

    fn keep_value(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, key: Key, publisher: PeerId) {
        let expires: Time = cx.now().saturating_add(self.config.record_expiry.span());
        let record = Record { key, holder: cx.setting().registrant(publisher), expires };
        peer.extra().records.accept(cx, record);
        let copies = self.replicas(peer, key).into_iter().map(|to| (to, record)).collect();
        send_values::<Self>(cx, copies);
    }

    /// The publisher has taken a value back: the replicas forget it, too.
    pub(super) fn retract(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, key: Key) {
        if cx.setting().keeps_values() {
            for replica in self.replicas(peer, key) {
                cx.send(replica, TapestryMessage::Repair(Comparison::Spare { keys: [key].into() }));
            }
        }
    }

    // Repair.

    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_>) {
        let interval = self.config.maintenance_interval.span();
        if cx.setting().keeps_values() && interval.nanos() > 0 {
            cx.set_timer_within(interval, TapestryTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.maintenance_interval.span());
        cx.set_timer(gap, TapestryTimer::Maintenance);
        if peer.active {
            let mut far = offer_all(self, peer, cx);
            cx.rng().shuffle(&mut far);
            for &key in far.iter().take(LOOKED_FOR_MAX) {
                self.ask_own(peer, cx, key, Purpose::Offer);
            }
        }
    }

    /// The root of a key is known: it is offered all that it may be the root of, since this peer knows nobody who comes before it in their order.
    pub(super) fn offer_far(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, root: PeerId) {
        let Some(records) = peer.records().filter(|_| root != peer.id) else { return };
        let may_be_its = |key: Key| {
            let rank = self.rank(key, root);
            rank < self.rank(key, peer.id) && peer.table.links().iter().all(|link| rank <= self.rank(key, link.peer))
        };
        let living = records.iter().filter(|record| record.expires > cx.now() && may_be_its(record.key));
        let offers = living.map(|&record| (root, record)).collect();
        send_offers::<Self>(cx, offers);
    }

    /// A newcomer is the root of these, of which this peer was the root until now: that one offers them, and no other keeper.
    pub(super) fn offer_as_last_root(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, newcomer: PeerId, records: Vec<Record>) {
        let was_root = |key: Key| peer.route(self.numbering, self.config.bits(), key, |contact| contact == newcomer) == Route::Here;
        let offers = records.into_iter().filter(|record| was_root(record.key)).map(|record| (newcomer, record)).collect();
        send_offers::<Self>(cx, offers);
    }
}

impl Keeper for Tapestry {
    fn kept(peer: &mut TapestryPeer) -> &mut Records {
        &mut peer.extra().records
    }

    fn wrap(comparison: Comparison) -> TapestryMessage {
        TapestryMessage::Repair(comparison)
    }

    /// Who is no root cannot know who is: its slots need not have everybody who fits. It asks.
    fn partners(&self, peer: &TapestryPeer, key: Key, add: &mut dyn FnMut(PeerId)) -> bool {
        let is_root = self.is_root(peer, key);
        if is_root {
            self.replicas(peer, key).into_iter().for_each(add);
        }
        is_root
    }

    /// Who comes before this peer in the order of the roots knows better who its replicas are.
    fn keeps(&self, peer: &TapestryPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        self.rank(key, from) < self.rank(key, peer.id) || self.is_root(peer, key)
    }

    fn spares(&self, peer: &TapestryPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        self.is_root(peer, key) && !self.replicas(peer, key).contains(&from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the order of the roots is surrogate routing's. Method: of four digits of two bits each, by hand: the first digit decides, and what
    /// comes after the key's own digit, cyclically, comes first.
    #[test]
    fn roots_are_in_the_order_of_the_digits_after_the_keys() {
        let key = |first: u64, second: u64| Key(first << 62 | second << 60);
        let of = |first, second| rank(key(2, 1), key(first, second), 2);
        let order = [of(2, 1), of(2, 2), of(2, 0), of(3, 1), of(3, 0), of(0, 3), of(1, 1)];
        assert_eq!(order[0], 0);
        assert!(order.is_sorted() && order.windows(2).all(|pair| pair[0] != pair[1]), "{order:?}");
    }
}

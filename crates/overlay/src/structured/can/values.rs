//! Values that the peers keep: with the owner of their point, in every reality, and with the neighbours that would take over from it.
//!
//! A CAN *is* a hash table of (key, value) pairs: the owner of a zone stores the pairs of its points, gets those of a zone with it, and hands
//! them on when it leaves (paper, sections 2.2 and 2.3). Copies with neighbours are the paper's remedy for busy keys (section 3.7), here for lost ones,
//! too. Who is asked and has a copy answers.
//!
//! When a zone changes hands, who has had it, or keeps copies of what lay there, offers the new owner the values. What that misses is found by
//! comparing at intervals: an owner offers what it has to its replicas, another keeper offers what it has to the owner.
//!
//! # Not here
//! Repair between realities: where all copies in one are lost, they come back when they are published again.

use peerlab_model::{Hit, Key, PeerId, Record, Time, Token};

use super::message::{Goal, Query};
use super::peer::{CanPeer, Pending, Purpose};
use super::zone::Zone;
use super::{Can, CanMessage, CanTimer, Cx};
use crate::records::Records;
use crate::repair::{Comparison, Keeper, LOOKED_FOR_MAX, offer_all, send_offers, send_values};

impl Can {
    // Storing.

    /// The owner of a value's point is known: it gets the value.
    pub(super) fn send_value(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, owner: PeerId, realm: u8) {
        if owner == peer.id {
            self.keep_value(peer, cx, key, owner);
        } else {
            let token = cx.open(Pending::Store { to: owner, name: false });
            cx.send(owner, CanMessage::Put { key, token });
            cx.set_timer(self.rules.request_timeout, CanTimer::Request(token));
        }
        self.publish_elsewhere(peer, cx, key, realm, true);
    }

    pub(super) fn put(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, publisher: PeerId, key: Key, token: Token) {
        if peer.owns(key) {
            cx.send(publisher, CanMessage::Stored { token });
            self.keep_value(peer, cx, key, publisher);
        } else {
            Self::refuse_upkeep(peer, cx, publisher, token);
        }
    }

    fn keep_value(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, publisher: PeerId) {
        let expires: Time = cx.now().saturating_add(self.rules.record_expiry);
        let record = Record { key, holder: cx.setting().registrant(publisher), expires };
        peer.extra().values.accept(cx, record);
        let copies = self.replicas(peer, key).map(|to| (to, record)).collect();
        send_values::<Self>(cx, copies);
    }

    /// The publisher has taken a value back: so do the replicas.
    pub(super) fn retract(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key) {
        peer.extra().values.forget(&[key]);
        for replica in self.replicas(peer, key) {
            cx.send(replica, CanMessage::Repair(Comparison::Spare { keys: [key].into() }));
        }
    }

    // Getting.

    /// This peer has the value that is asked for.
    pub(super) fn answer_with_value(peer: &CanPeer, cx: &mut Cx<'_>, query: &Query) {
        let Query { lookup, origin, ask, hops, .. } = *query;
        if origin == peer.id {
            Self::value_found(cx, origin, ask, hops);
        } else {
            cx.send(origin, CanMessage::Value { lookup, ask, hops });
        }
    }

    pub(super) fn value_found(cx: &mut Cx<'_>, keeper: PeerId, ask: Token, hops: u16) {
        let asked = |request: &Pending| matches!(request, Pending::Own { purpose, .. } if purpose.goal() == Goal::Providers);
        let Some(Pending::Own { query, .. }) = cx.close_if(ask, asked) else { return };
        cx.hit(query.lookup, Hit { peer: keeper, hops: u32::from(hops), rounds: 0 });
        cx.finish(query.lookup);
    }

    // Repair.

    /// The living values of a zone.
    fn values_of(peer: &CanPeer, cx: &Cx<'_>, zone: Zone, to: PeerId) -> Vec<(PeerId, Record)> {
        let values = peer.values().into_iter().flat_map(Records::iter);
        values.filter(|record| record.expires > cx.now() && zone.contains(record.key)).map(|&record| (to, record)).collect()
    }

    /// A zone has a new owner, who may want the values that lie there.
    pub(super) fn offer_zone(peer: &CanPeer, cx: &mut Cx<'_>, zone: Zone, to: PeerId) {
        let values = Self::values_of(peer, cx, zone, to);
        send_offers::<Self>(cx, values);
    }

    /// This peer leaves, and somebody gets its zone with all that lies there.
    pub(super) fn send_zone(peer: &CanPeer, cx: &mut Cx<'_>, zone: Zone, to: PeerId) {
        let values = Self::values_of(peer, cx, zone, to);
        send_values::<Self>(cx, values);
    }

    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_>) {
        let interval = self.rules.maintenance_interval;
        if self.values && interval.nanos() > 0 {
            cx.set_timer_within(interval, CanTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.rules.maintenance_interval);
        cx.set_timer(gap, CanTimer::Maintenance);
        if peer.is_active() {
            let mut far = offer_all(self, peer, cx);
            cx.rng().shuffle(&mut far);
            for &key in far.iter().take(LOOKED_FOR_MAX) {
                self.ask_own(peer, cx, key, Purpose::Offer);
            }
        }
    }

    /// The owner of a value is known that lies beyond this peer's neighbours.
    pub(super) fn offer_to_owner(peer: &CanPeer, cx: &mut Cx<'_>, key: Key, owner: PeerId) {
        let values = peer.values().into_iter().flat_map(|values| values.of(key)).filter(|record| record.expires > cx.now());
        let offers = values.filter(|_| owner != peer.id).map(|&record| (owner, record)).collect();
        send_offers::<Self>(cx, offers);
    }

    /// The neighbours whose zone a key lies in, as far as is known.
    fn owners_near(peer: &CanPeer, key: Key) -> impl Iterator<Item = PeerId> {
        let others = peer.spaces().flat_map(|(_, space)| space.neighbours());
        others.filter(move |other| other.zone.contains(key)).map(|other| other.peer)
    }
}

impl Keeper for Can {
    fn kept(peer: &mut CanPeer) -> &mut Records {
        &mut peer.extra().values
    }

    fn wrap(comparison: Comparison) -> CanMessage {
        CanMessage::Repair(comparison)
    }

    /// In each reality: the replicas of what it owns there, or the neighbour that does.
    fn partners(&self, peer: &CanPeer, key: Key, add: &mut dyn FnMut(PeerId)) -> bool {
        self.replicas(peer, key).chain(Self::owners_near(peer, key)).for_each(&mut *add);
        peer.owns(key) || Self::owners_near(peer, key).next().is_some()
    }

    /// A neighbour that owns it knows better who its replicas are.
    fn keeps(&self, peer: &CanPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        peer.owns(key) || Self::owners_near(peer, key).any(|owner| owner == from)
    }

    fn spares(&self, peer: &CanPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        peer.owns(key) && self.replicas(peer, key).all(|replica| replica != from)
    }

    /// What one owner can spare may be this peer's own, or that of another neighbour, in another reality.
    fn give_up(&self, peer: &mut CanPeer, _cx: &mut Cx<'_>, from: PeerId, keys: &[Key]) {
        let needed = |key: &Key| peer.owns(*key) || Self::owners_near(peer, *key).any(|owner| owner != from);
        let spare: Vec<Key> = keys.iter().copied().filter(|key| !needed(key)).collect();
        peer.extra().values.forget(&spare);
    }
}

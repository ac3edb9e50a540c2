//! Provider records: a holder registers each of its items with the owner of the item's point, in every reality; the owner copies the record
//! to the neighbours that would take over from it. The holder does so again every `republish_interval`, and what is not refreshed is
//! forgotten after `record_expiry`. Records move with the zones that they lie in.
//!
//! (Where peers keep values, those go other ways: `values`.)
//!
//! A peer's name is registered in the same way, under its own key, in the first reality; so a peer can be found whose zone lies elsewhere.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Time, Token};

use super::peer::{CanPeer, Pending, Purpose};
use super::zone::Zone;
use super::{Can, CanMessage, CanTimer, Cx};
use crate::records::Record;

/// Records in one message: what fits into a datagram of 1500 bytes.
const RECORDS_PER_MESSAGE: usize = 28;

impl Can {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue(items, add);
        if add {
            peer.extra().publisher.begin(cx, self.rules.republish_interval, CanTimer::Republish);
        }
        self.publish_next(peer, cx);
    }

    pub(super) fn tick_republish(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.tick(cx, self.rules.republish_interval, CanTimer::Republish);
        self.publish_next(peer, cx);
    }

    fn publish_next(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        while peer.is_active()
            && let Some((item, add)) = peer.extra().publisher.next()
        {
            self.ask_own(peer, cx, self.numbering.item_key(item), if add { Purpose::Publish(0) } else { Purpose::Withdraw(0) });
        }
    }

    /// A registration in one reality has ended, well or badly: the next reality's turn, or the next item's.
    pub(super) fn publish_elsewhere(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, realm: u8, add: bool) {
        if peer.realms().contains(&(realm + 1)) {
            self.ask_own(peer, cx, key, if add { Purpose::Publish(realm + 1) } else { Purpose::Withdraw(realm + 1) });
        } else {
            peer.extra().publisher.ended();
            self.publish_next(peer, cx);
        }
    }

    /// The owner of an item's point is known: it gets the record.
    pub(super) fn send_record(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, owner: PeerId, realm: u8) {
        if owner == peer.id {
            self.keep(peer, cx, key, owner);
        } else {
            // Nobody waits for it: if it is lost, the next refresh mends it.
            let token = cx.open(Pending::Store { to: owner, name: false });
            cx.send(owner, CanMessage::Store { key, token });
            cx.set_timer(self.rules.request_timeout, CanTimer::Request(token));
        }
        self.publish_elsewhere(peer, cx, key, realm, true);
    }

    /// The owner of an item's point is known: it shall forget this peer. Nobody makes sure: the record expires anyway.
    pub(super) fn send_removal(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, owner: PeerId, realm: u8) {
        if owner == peer.id {
            self.remove(peer, cx, owner, key);
        } else {
            cx.send(owner, CanMessage::Remove { key });
        }
        self.publish_elsewhere(peer, cx, key, realm, false);
    }

    pub(super) fn stored(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if let Some(Pending::Store { to, name, .. }) = cx.close(token) {
            if name {
                peer.extra().registrar = Some(from);
            }
            if to != from {
                // The machine has another identity now.
                self.lose(peer, cx, to);
            }
        }
    }

    /// A record was not taken.
    pub(super) fn store_failed(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, name: bool) {
        if name {
            let known = peer.extra().registrar.take();
            if known.is_some() {
                // Somebody else owns this peer's point by now.
                self.name_itself(peer, cx);
            }
        }
    }

    // A peer's own name.

    pub(super) fn begin_naming(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        if self.rules.names && !peer.named {
            peer.named = true;
            cx.set_timer_within(self.rules.republish_interval, CanTimer::Name);
            self.name_itself(peer, cx);
        }
    }

    pub(super) fn tick_name(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        cx.set_timer(self.rules.republish_interval, CanTimer::Name);
        self.name_itself(peer, cx);
    }

    /// Registers its name: with who did so before, or else with whoever owns its point now.
    fn name_itself(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let key = cx.key_of(peer.id);
        let registrar = peer.extra().registrar;
        match registrar {
            _ if peer.owns(key) => self.register_name(peer, cx, peer.id),
            Some(registrar) if registrar != peer.id => self.register_name(peer, cx, registrar),
            _ if peer.is_ready(0) => self.ask_own(peer, cx, key, Purpose::Name),
            _ => {}
        }
    }

    pub(super) fn register_name(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, owner: PeerId) {
        let key = cx.key_of(peer.id);
        if owner == peer.id {
            self.keep(peer, cx, key, owner);
        } else {
            let token = cx.open(Pending::Store { to: owner, name: true });
            cx.send(owner, CanMessage::Store { key, token });
            cx.set_timer(self.rules.request_timeout, CanTimer::Request(token));
        }
    }

    // The owner's side.

    pub(super) fn store(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, holder: PeerId, key: Key, token: Token) {
        if peer.owns(key) {
            cx.send(holder, CanMessage::Stored { token });
            self.keep(peer, cx, key, holder);
        } else {
            Self::refuse_upkeep(peer, cx, holder, token);
        }
    }

    fn keep(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, holder: PeerId) {
        let record = Record { key, holder, expires: cx.now().saturating_add(self.rules.record_expiry) };
        peer.extra().records.accept(cx, record);
        self.tell_replicas(peer, cx, key, &CanMessage::Replicate { record });
    }

    pub(super) fn replicate(peer: &mut CanPeer, cx: &Cx<'_>, record: Record) {
        if record.expires > cx.now() {
            peer.extra().records.accept(cx, record);
        }
    }

    pub(super) fn remove(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, holder: PeerId, key: Key) {
        if self.values {
            return self.retract(peer, cx, key);
        }
        peer.extra().records.remove(key, holder);
        self.tell_replicas(peer, cx, key, &CanMessage::Retract { key, holder });
    }

    fn tell_replicas(&self, peer: &CanPeer, cx: &mut Cx<'_>, key: Key, message: &CanMessage) {
        for replica in self.replicas(peer, key) {
            cx.send(replica, message.clone());
        }
    }

    /// Who keeps copies of what this peer owns at a key, in each reality in which it does: the neighbours with the smallest zones, which would
    /// take over.
    pub(super) fn replicas<'p>(&self, peer: &'p CanPeer, key: Key) -> impl Iterator<Item = PeerId> + use<'p> {
        let copies = usize::from(self.rules.replicas) - 1;
        peer.spaces().filter(move |(_, space)| space.owns(key)).flat_map(move |(_, space)| {
            let mut last = None;
            let next = move || {
                let others = space.neighbours().iter().map(|other| (std::cmp::Reverse(other.zone.depth), other.peer));
                last = others.filter(|&found| last.is_none_or(|last| found > last)).min();
                last.map(|(_, peer)| peer)
            };
            std::iter::from_fn(next).take(copies)
        })
    }

    /// Who is registered under a key; a random choice if there are more than an answer takes.
    pub(super) fn holders_of(&self, peer: &CanPeer, cx: &mut Cx<'_>, key: Key) -> Arc<[PeerId]> {
        let Some(extra) = peer.extra.as_deref() else { return Arc::default() };
        let (now, limit) = (cx.now(), self.rules.holders_per_answer);
        extra.records.some_holders(key, now, limit, cx.rng())
    }

    // When zones change hands.

    /// The living records of a zone go to its new owner, as many in a message as fit.
    pub(super) fn hand_over_zone(peer: &CanPeer, cx: &mut Cx<'_>, zone: Zone, to: PeerId) {
        let Some(extra) = peer.extra.as_deref().filter(|extra| !extra.records.is_empty()) else { return };
        let now = cx.now();
        let moving: Vec<Record> =
            extra.records.iter().copied().filter(|record| record.expires > now && zone.contains(record.key)).collect();
        for part in moving.chunks(RECORDS_PER_MESSAGE) {
            cx.send(to, CanMessage::HandOver { records: Arc::from(part) });
        }
    }

    pub(super) fn receive_records(peer: &mut CanPeer, cx: &Cx<'_>, records: &[Record]) {
        for &record in records {
            Self::replicate(peer, cx, record);
        }
    }

    /// A member of the converged start: the ages of its records count from now.
    pub(super) fn begin_records(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            let shift = cx.now().nanos();
            for expires in extra.records.lifetimes_mut().chain(extra.values.lifetimes_mut()) {
                *expires = Time::from_nanos(expires.nanos().saturating_add(shift));
            }
        }
        if !cx.shares().is_empty() {
            peer.extra().publisher.begin(cx, self.rules.republish_interval, CanTimer::Republish);
        }
        if self.rules.names {
            peer.named = true;
            cx.set_timer_within(self.rules.republish_interval, CanTimer::Name);
        }
    }
}

//! Object pointers: a holder publishes each of its items towards the root of the item's key, and *every* peer on the way keeps a pointer to
//! the holder. A question for the item takes a way to the same root, and is redirected by the first peer that has a pointer.
//!
//! Pointers are soft state: the holder publishes again every `republish_interval`, and what is not renewed is forgotten after
//! `record_expiry`. When a way changes (a neighbour has gone, or has come into a slot that was empty) the peer where it changes sends its
//! pointers along the new one.

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Time, Token};

use super::message::{Goal, Query, Redirect};
use super::peer::{NO_LOOKUP, Pending, Purpose, Route, TapestryPeer};
use super::table::Link;
use super::upkeep::Loss;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::records::Record;
use crate::repair::{has_value, packed, records_per_message};

impl Tapestry {
    // The holder's side.

    /// Publishes items, or takes them back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue(items, add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.begin(cx, self.config.republish_interval.span(), TapestryTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.tick(cx, self.config.republish_interval.span(), TapestryTimer::Republish);
        self.publish_next(peer, cx);
    }

    fn publish_next(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        while peer.active
            && let Some((item, add)) = peer.extra().publisher.next()
        {
            self.ask_own(peer, cx, self.numbering.item_key(item), if add { Purpose::Publish } else { Purpose::Withdraw });
        }
    }

    /// A publication has ended, well or badly: the next one may begin.
    pub(super) fn published(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.ended();
        self.publish_next(peer, cx);
    }

    // On the way.

    /// A publication passes by: it leaves a pointer.
    pub(super) fn keep(&self, peer: &mut TapestryPeer, cx: &Cx<'_>, query: &Query) {
        let expires = cx.now().saturating_add(self.config.record_expiry.span());
        peer.extra().records.accept(cx, Record { key: query.key, holder: query.origin, expires });
    }

    /// An item is taken back: the pointer goes.
    pub(super) fn forget_pointer(peer: &mut TapestryPeer, cx: &Cx<'_>, query: &Query) {
        Self::drop_pointer(peer, query.key, cx.setting().registrant(query.origin));
    }

    pub(super) fn drop_pointer(peer: &mut TapestryPeer, key: Key, holder: PeerId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.remove(key, holder);
        }
    }

    /// Sends a question for an item on to a holder, if there is a pointer to one: the nearest that was ever measured, or else any. Where peers
    /// keep values, who has the value is a holder, and a record points nowhere else.
    pub(super) fn redirect(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, query: &Query) -> bool {
        if cx.setting().keeps_values() {
            let has_value = has_value(peer.records(), cx, query.key);
            if has_value {
                Self::answer_as_holder(peer, cx, query, &[]);
            }
            return has_value;
        }
        let Some(extra) = peer.extra.as_deref().filter(|extra| !extra.records.is_empty()) else { return false };
        let mut holders: Vec<PeerId> = extra.records.holders(query.key, cx.now()).filter(|&holder| holder != query.origin).collect();
        if holders.is_empty() {
            return false;
        }
        cx.rng().shuffle(&mut holders);
        let bits = self.config.bits();
        let distance = |holder: PeerId| match peer.link(self.numbering, bits, holder).and_then(Link::trip) {
            _ if holder == peer.id => 0,
            Some(trip) => trip.mean_us(),
            None => u32::MAX,
        };
        let nearest = (0..holders.len()).min_by_key(|&at| distance(holders[at])).unwrap_or(0);
        holders.swap(0, nearest);
        holders.truncate(usize::from(self.config.holders_per_answer));
        let to = holders[0];
        if to == peer.id {
            Self::answer_as_holder(peer, cx, query, &holders[1..]);
            return true;
        }
        let hop = cx.open(Pending::Redirect { to, query: *query });
        let query = Query { hops: query.hops.saturating_add(1), ..*query };
        cx.send(to, TapestryMessage::Redirect(Box::new(Redirect { query, hop, others: holders[1..].to_vec() })));
        cx.set_timer(self.config.request_timeout.span(), TapestryTimer::Request(hop));
        true
    }

    /// The holder that a pointer named is gone, or holds the item no longer: the pointer goes, and the question goes on from here.
    pub(super) fn redirect_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, query: Query) {
        Self::drop_pointer(peer, query.key, to);
        if peer.active {
            self.pass_on(peer, cx, query);
        }
    }

    /// A question has been redirected to this peer.
    pub(super) fn redirected(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, redirect: &Redirect) {
        let query = &redirect.query;
        let held = cx.shares().iter().any(|&item| self.numbering.item_key(item) == query.key);
        if peer.active && held {
            cx.send(from, TapestryMessage::Ack { hop: redirect.hop, lookup: query.lookup, goal: query.goal });
            Self::answer_as_holder(peer, cx, query, &redirect.others);
        } else {
            Self::refuse(peer, cx, from, redirect.hop, query);
        }
    }

    fn answer_as_holder(peer: &TapestryPeer, cx: &mut Cx<'_>, query: &Query, others: &[PeerId]) {
        let holders: Arc<[PeerId]> = [peer.id].iter().chain(others).copied().collect();
        if query.origin == peer.id {
            Self::providers(cx, query.ask, &holders, query.hops);
        } else {
            cx.send(query.origin, TapestryMessage::Providers { holders, lookup: query.lookup, ask: query.ask, hops: query.hops });
        }
    }

    // When ways change.

    /// The living pointers whose way to the root leads from here to `next`.
    pub(super) fn pointers_through(&self, peer: &TapestryPeer, cx: &Cx<'_>, next: PeerId) -> Vec<Record> {
        let Some(extra) = peer.extra.as_deref() else { return Vec::new() };
        let (now, bits) = (cx.now(), self.config.bits());
        let leads = |key: Key| matches!(peer.route(self.numbering, bits, key, |_| false), Route::Next { peer, .. } if peer == next);
        extra.records.iter().copied().filter(|record| record.expires > now && leads(record.key)).collect()
    }

    /// Sends pointers along their present way.
    pub(super) fn send_on(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, records: Vec<Record>) {
        let bits = self.config.bits();
        let next = |key: Key| match peer.route(self.numbering, bits, key, |_| false) {
            Route::Next { peer, .. } => Some(peer),
            Route::Here => None,
        };
        let moves = records.into_iter().filter_map(|record| Some((next(record.key)?, record))).collect();
        Self::hand_over(cx, moves, false);
    }

    /// This peer leaves: what it is the root of gets another one.
    pub(super) fn hand_over_own(&self, peer: &TapestryPeer, cx: &mut Cx<'_>) {
        let Some(extra) = peer.extra.as_deref() else { return };
        let (now, bits, this) = (cx.now(), self.config.bits(), peer.id);
        let all = cx.setting().keeps_values();
        let others = extra.records.iter().copied().filter(|record| record.expires > now && (all || record.holder != this));
        let heir = |key: Key| match peer.route(self.numbering, bits, key, |_| false) {
            Route::Next { .. } => None,
            Route::Here => peer.heir(bits, key),
        };
        let moves = others.filter_map(|record| Some((heir(record.key)?, record))).collect();
        Self::hand_over(cx, moves, true);
    }

    /// As many pointers in a message as fit.
    fn hand_over(cx: &mut Cx<'_>, moves: Vec<(PeerId, Record)>, leaving: bool) {
        for (to, records) in packed(moves, records_per_message(cx.setting())) {
            cx.send(to, TapestryMessage::HandOver { records, leaving });
        }
    }

    /// Pointers come by another way than their holder's publication: those that are new here go on to their root.
    pub(super) fn take_over(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, records: &[Record], leaving: bool) {
        if leaving {
            self.lose(peer, cx, from, Loss::Goodbye);
        }
        if !peer.active {
            return;
        }
        let now = cx.now();
        let mut fresh = Vec::new();
        for &record in records.iter().filter(|record| record.expires > now) {
            let known = peer.extra().records.of(record.key).any(|other| other.holder == record.holder);
            peer.extra().records.accept(cx, record);
            if !known {
                fresh.push(record);
            }
        }
        if !cx.setting().keeps_values() {
            self.send_on(peer, cx, fresh);
        }
    }

    /// A member of the converged start: the ages of its pointers count from now.
    pub(super) fn begin_records(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            let shift = cx.now().nanos();
            for expires in extra.records.lifetimes_mut() {
                *expires = Time::from_nanos(expires.nanos().saturating_add(shift));
            }
        }
        if !cx.shares().is_empty() {
            self.begin_republishing(peer, cx);
        }
    }

    /// "I am no member", or "I do not hold this."
    pub(super) fn refuse(peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, token: Token, query: &Query) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, TapestryMessage::Refuse { token, lookup: query.lookup, lowest, goal: query.goal });
    }

    /// The same for what is not about a question.
    pub(super) fn refuse_upkeep(peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, token: Token) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, TapestryMessage::Refuse { token, lookup: NO_LOOKUP, lowest, goal: Goal::Locate });
    }
}

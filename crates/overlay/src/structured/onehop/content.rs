//! Provider records: a holder registers each of its items with the owner of the item's key, who copies the record to its next
//! successors; the holder does so again every `republish_interval`, and what is not refreshed is forgotten after `record_expiry`.
//!
//! The table says who is next to whom, so records move as soon as it changes: a newcomer gets those that it owns, or is to keep as a
//! replica, and when a keeper goes, the next one after the others takes its place. Values go the same way (and `maintenance` finds what that misses).

use std::sync::Arc;

use peerlab_model::{ItemId, Key, PeerId, Time};

use super::peer::{OneHopPeer, Purpose};
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};
use crate::records::Record;
use crate::repair::records_per_message;

impl OneHop {
    // The holder's side.

    /// Registers items, or takes their registration back, a few at a time.
    pub(super) fn queue_items(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, items: &[ItemId], add: bool) {
        peer.extra().publisher.queue(items, add);
        if add {
            self.begin_republishing(peer, cx);
        }
        self.publish_next(peer, cx);
    }

    fn begin_republishing(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.begin(cx, self.config.republish_interval.span(), OneHopTimer::Republish);
    }

    pub(super) fn tick_republish(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.tick(cx, self.config.republish_interval.span(), OneHopTimer::Republish);
        self.publish_next(peer, cx);
    }

    pub(super) fn publish_next(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        while peer.active
            && let Some((item, add)) = peer.extra.as_deref_mut().and_then(|extra| extra.publisher.next())
        {
            let key = self.numbering.item_key(item);
            self.ask_own(peer, cx, key, if add { Purpose::Publish } else { Purpose::Withdraw });
        }
    }

    /// A registration has ended, well or badly: the next one may begin.
    pub(super) fn published(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        peer.extra().publisher.ended();
        self.publish_next(peer, cx);
    }

    // The owner's side.

    pub(super) fn keep(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, key: Key, holder: PeerId) {
        let holder = cx.setting().registrant(holder);
        let record = Record { key, holder, expires: cx.now().saturating_add(self.config.record_expiry.span()) };
        peer.extra().records.accept(cx, record);
        self.tell_replicas(peer, cx, &OneHopMessage::Replicate { record });
    }

    pub(super) fn forget_record(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, key: Key, holder: PeerId) {
        let holder = cx.setting().registrant(holder);
        peer.extra().records.remove(key, holder);
        self.tell_replicas(peer, cx, &OneHopMessage::Retract { key, holder });
    }

    fn tell_replicas(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, message: &OneHopMessage) {
        let copies = usize::from(self.config.replicas) - 1;
        let at = peer.table.position(self.numbering, self.numbering.key(peer.id));
        for step in 1..=copies.min(peer.table.len() - 1) {
            cx.send(peer.table.at(at + step), message.clone());
        }
    }

    pub(super) fn replicate(peer: &mut OneHopPeer, cx: &Cx<'_>, record: Record) {
        if record.expires > cx.now() {
            peer.extra().records.accept(cx, record);
        }
    }

    pub(super) fn take_over(peer: &mut OneHopPeer, cx: &Cx<'_>, records: &[Record]) {
        for &record in records {
            Self::replicate(peer, cx, record);
        }
    }

    /// The registered holders of the item at `key`, or, where peers keep values, who has published it; a random choice if there are more than an answer takes.
    pub(super) fn holders_of(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, key: Key) -> Arc<[PeerId]> {
        let Some(extra) = peer.extra.as_deref() else { return Arc::default() };
        let (now, limit) = (cx.now(), self.config.holders_per_answer);
        extra.records.some_holders(key, now, limit, cx.rng())
    }

    // When the table changes.

    /// How many places after this peer a member is on the ring.
    fn steps_to(&self, peer: &OneHopPeer, member: PeerId) -> usize {
        let place = |peer_id: PeerId| peer.table.position(self.numbering, self.numbering.key(peer_id));
        let (this, other, count) = (place(peer.id), place(member), peer.table.len());
        (other + count - this) % count
    }

    fn has_records(peer: &OneHopPeer) -> bool {
        peer.extra.as_deref().is_some_and(|extra| !extra.records.is_empty())
    }

    /// The living records whose key `moves`.
    fn living(peer: &OneHopPeer, cx: &Cx<'_>, moves: impl Fn(Key) -> bool) -> Vec<Record> {
        let records = peer.extra.as_deref().map(|extra| extra.records.iter());
        records.into_iter().flatten().filter(|record| record.expires > cx.now() && moves(record.key)).copied().collect()
    }

    fn hand_over(cx: &mut Cx<'_>, to: PeerId, records: &[Record]) {
        for part in records.chunks(records_per_message(cx.setting())) {
            cx.send(to, OneHopMessage::HandOver { records: Arc::from(part) });
        }
    }

    /// A member has come into the table: if it is this peer's predecessor it gets the records that it owns from now on; if it is among this
    /// peer's replicas, those that this peer owns.
    pub(super) fn share_records_with(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, newcomer: PeerId) {
        if !peer.active || !Self::has_records(peer) {
            return;
        }
        let (steps, count) = (self.steps_to(peer, newcomer), peer.table.len());
        let is_replica = steps < usize::from(self.config.replicas);
        let is_predecessor = steps + 1 == count;
        if is_replica || is_predecessor {
            let records = Self::living(peer, cx, |key| {
                let owner = peer.table.successor(self.numbering, key);
                (is_replica && owner == peer.id) || (is_predecessor && owner == newcomer)
            });
            Self::hand_over(cx, newcomer, &records);
        }
    }

    /// The records that one keeper less has when `leaver` goes, of those that this peer looks after then.
    pub(super) fn orphaned_records(&self, peer: &OneHopPeer, cx: &Cx<'_>, leaver: PeerId) -> Vec<Record> {
        if !peer.active || !Self::has_records(peer) {
            return Vec::new();
        }
        let (steps, count) = (self.steps_to(peer, leaver), peer.table.len());
        let was_replica = steps < usize::from(self.config.replicas);
        let was_predecessor = steps + 1 == count;
        if !was_replica && !was_predecessor {
            return Vec::new();
        }
        Self::living(peer, cx, |key| {
            let owner = peer.table.successor(self.numbering, key);
            (was_replica && owner == peer.id) || (was_predecessor && owner == leaver)
        })
    }

    /// Whoever is the last of the keepers now gets them.
    pub(super) fn replace_replica(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, orphans: &[Record]) {
        let last = peer.after(self.numbering, usize::from(self.config.replicas) - 1);
        if last != peer.id && !orphans.is_empty() {
            Self::hand_over(cx, last, orphans);
        }
    }

    /// This peer leaves: its successor becomes the owner of what it owns.
    pub(super) fn hand_over_own(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, successor: PeerId) {
        let own = Self::living(peer, cx, |key| peer.owns(self.numbering, key));
        Self::hand_over(cx, successor, &own);
    }

    /// A member of the converged start: the ages of its records count from now.
    pub(super) fn begin_records(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
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
}

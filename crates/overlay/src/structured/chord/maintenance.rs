//! The repair of values, as in DHash (Cates 2003, chapter 4; Dabek et al., NSDI 2004, section 3): only where peers keep values.
//!
//! Local maintenance: an owner offers the values of its range to its next `replicas` − 1 successors, who ask for what they lack. Global
//! maintenance: a keeper goes once round the ring, from each value that it does not own to its owner, and offers that one the values of its
//! range; the owner asks for what it lacks, and a keeper that is none of its replicas forgets what the owner has.
//!
//! # Cost
//! Each `maintenance_interval` a peer lists its own keys `replicas` − 1 times, and looks up each owner of what it keeps.
//!
//! # Not here
//! Hash trees, which make the comparison of two peers that agree cheap; erasure codes.

use peerlab_model::{Key, PeerId, Record};

use super::peer::{Purpose, RingPeer};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};
use crate::repair::{asked_for, missing, offers};

impl<V: Shortcuts> ChordLike<V> {
    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_, V>) {
        let interval = self.rules.maintenance_interval;
        if cx.setting().keeps_values() && interval.nanos() > 0 {
            cx.set_timer_within(interval, ChordTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.maintenance_interval);
        cx.set_timer(gap, ChordTimer::Maintenance);
        if peer.active {
            self.maintain_locally(peer, cx);
            self.maintain_globally(peer, cx, 0);
        }
    }

    fn maintain_locally(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        let Some(records) = peer.records() else { return };
        let view = self.view(peer);
        for part in offers(records, cx.now(), |key| peer.owns(view, key)) {
            self.tell_replicas(peer, cx, &RingMessage::Offer { records: part });
        }
    }

    /// Goes on with the first value that lies farther round the ring than `after` and that this peer does not own. Once round is one turn.
    fn maintain_globally(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, after: u64) {
        let Some(records) = peer.records() else { return };
        let view = self.view(peer);
        let foreign = records.iter().filter(|record| record.expires > cx.now() && !peer.owns(view, record.key)).map(|record| record.key);
        let next = foreign.filter(|&key| view.to_key(key) > after).min_by_key(|&key| view.to_key(key));
        if let Some(key) = next.filter(|_| peer.active) {
            self.ask_own(peer, cx, key, Purpose::Offer);
        }
    }

    /// The owner of `key` is known: all values from there up to the owner are its own.
    pub(super) fn offer_up_to(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, owner: PeerId) {
        let view = self.view(peer);
        if owner == peer.id || view.to(owner) < view.to_key(key) {
            // Once round: what lies beyond is this peer's own.
            return;
        }
        let (before, upto) = (Key(key.0.wrapping_sub(1)), cx.key_of(owner));
        let parts = peer.records().map_or_else(Vec::new, |records| offers(records, cx.now(), |key| key.in_half_open(before, upto)));
        for records in parts {
            Self::send(peer, cx, owner, RingMessage::Offer { records });
        }
        self.maintain_globally(peer, cx, view.to(owner));
    }

    /// Somebody has become this peer's predecessor, and nobody knows since where: it may want of what is not this peer's own.
    pub(super) fn offer_foreign(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId) {
        let Some(records) = peer.records() else { return };
        let view = self.view(peer);
        for records in offers(records, cx.now(), |key| !peer.owns(view, key)) {
            Self::send(peer, cx, to, RingMessage::Offer { records });
        }
    }

    pub(super) fn offered(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, offered: &[Record]) {
        if !peer.active {
            return;
        }
        let (view, this, sender) = (self.view(peer), cx.key_of(peer.id), cx.key_of(from));
        // Its own; or the sender's, who lies between the key and this peer.
        let mine = |key: Key| {
            peer.owns(view, key) || sender != this && Key(key.0.wrapping_sub(1)).to(sender) < Key(key.0.wrapping_sub(1)).to(this)
        };
        let offered: Vec<Record> = offered.iter().filter(|record| mine(record.key)).copied().collect();
        let keys = missing(&mut peer.extra().records, &offered, cx.now());
        let is_replica = peer.successors.iter().take(usize::from(self.rules.replicas) - 1).any(|&replica| replica == from);
        let spare = |key: &Key| !is_replica && peer.owns(view, *key) && !keys.contains(key);
        let spare: Vec<Key> = offered.iter().map(|record| record.key).filter(spare).collect();
        if !keys.is_empty() {
            Self::send(peer, cx, from, RingMessage::Want { keys });
        }
        if !spare.is_empty() {
            Self::send(peer, cx, from, RingMessage::Spare { keys: spare.into() });
        }
    }

    pub(super) fn wanted(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, keys: &[Key]) {
        let Some(records) = peer.records() else { return };
        for part in asked_for(records, keys, cx.now(), cx.setting()) {
            Self::send(peer, cx, from, RingMessage::Values { records: part });
        }
    }
}

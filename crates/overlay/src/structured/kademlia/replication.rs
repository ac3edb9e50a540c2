//! The repair of values, only where peers keep values (paper, section 2.5): each keeper stores a value again at the k nearest peers every
//! `replicate_interval`, unless somebody has stored it here in that time. So one of k keepers does so, and the others hold back.
//!
//! A keeper near the key knows the k nearest without a lookup (the paper's second optimisation: its home holds all peers of its subtree). One
//! that is not among them, as after a return under another identity, looks them up, stores the value there and forgets it.
//!
//! # Not here
//! Copies that lookups leave on their way (`caching`) are not stored again by who keeps them; they expire.

use peerlab_model::{Key, PeerId, Record, Span, Time};

use super::nearest::Nearest;
use super::peer::{KademliaPeer, Purpose, Search};
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::structured::xor::distance;

/// How often in an interval a keeper looks for values that are due.
const LOOKS: u64 = 12;

impl Kademlia {
    /// With the token rule, only a publisher can store its value.
    fn replicates(&self, cx: &Cx<'_>) -> bool {
        cx.setting().keeps_values() && self.config.replicate_interval.span().nanos() > 0 && !self.config.tokens
    }

    /// How long to wait until the next look.
    fn look_gap(&self) -> Span {
        Span::from_nanos((self.config.replicate_interval.span().nanos() / LOOKS).max(1))
    }

    /// What is on the disk of a machine that returns counts as just stored.
    pub(super) fn begin_replication(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if self.replicates(cx) {
            cx.set_timer_within(self.look_gap(), KademliaTimer::Replicate);
            let keys: Vec<Key> = peer.records().map_or_else(Vec::new, |records| records.iter().map(|record| record.key).collect());
            for key in keys {
                self.received(peer, cx, key);
            }
        }
    }

    /// Somebody has stored a value here.
    pub(super) fn received(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, key: Key) {
        if self.replicates(cx) {
            peer.extra().received.insert(key, cx.now());
        }
    }

    pub(super) fn tick_replicate(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.look_gap());
        cx.set_timer(gap, KademliaTimer::Replicate);
        if !peer.active {
            return;
        }
        for record in self.due(peer, cx.now()) {
            let keepers = self.nearest_known(peer, cx, record.key);
            if keepers.contains(&peer.id) {
                self.received(peer, cx, record.key);
                Self::replicate(peer, cx, record, &keepers);
            } else {
                self.search_own(peer, cx, record.key, Purpose::Replicate, None);
            }
        }
    }

    /// The living values that nobody has stored here for an interval.
    fn due(&self, peer: &mut KademliaPeer, now: Time) -> Vec<Record> {
        let extra = peer.extra();
        extra.records.expire(now);
        let interval = self.config.replicate_interval.span();
        let records = &extra.records;
        extra.received.retain(|&key, _| records.of(key).next().is_some());
        let waited = extra.received.iter().filter(|&(_, &at)| at.saturating_add(interval) <= now);
        waited.flat_map(|(&key, _)| records.of(key)).copied().collect()
    }

    /// The peers nearest to a key that this one knows, and itself if it is one of them.
    fn nearest_known(&self, peer: &KademliaPeer, cx: &Cx<'_>, key: Key) -> Vec<PeerId> {
        let this = cx.key_of(peer.id);
        let mut nearest = Nearest::new();
        self.collect(peer, this, key, |_| true, &mut nearest);
        let mut keepers: Vec<PeerId> = nearest.as_slice().to_vec();
        keepers.push(peer.id);
        keepers.sort_unstable_by_key(|&keeper| distance(cx.key_of(keeper), key));
        keepers.truncate(usize::from(self.config.copies()));
        keepers
    }

    fn replicate(peer: &KademliaPeer, cx: &mut Cx<'_>, record: Record, keepers: &[PeerId]) {
        for &keeper in keepers.iter().filter(|&&keeper| keeper != peer.id) {
            cx.send(keeper, KademliaMessage::Replicate { record });
        }
    }

    /// The peers nearest to a value that is out of place here are known.
    pub(super) fn put_in_place(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, search: &Search) {
        let keepers = self.keepers(peer, cx, search);
        let Some(record) = peer.records().and_then(|records| records.of(search.key).find(|record| record.expires > cx.now()).copied())
        else {
            return;
        };
        Self::replicate(peer, cx, record, &keepers);
        if keepers.contains(&peer.id) || search.list.answers().next().is_none() {
            self.received(peer, cx, search.key);
        } else {
            peer.extra().received.remove(&search.key);
            peer.extra().records.forget(&[search.key]);
        }
    }

    /// A keeper has stored a value again. Its life counts from when it was published.
    pub(super) fn replicated(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, record: Record) {
        if record.expires > cx.now() {
            peer.extra().records.accept(cx, record);
            self.received(peer, cx, record.key);
        }
    }
}

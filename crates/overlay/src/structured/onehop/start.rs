//! The tables of a ring that has run for long: everybody has the same one, and its memory is shared until they differ.

use peerlab_model::{Key, PeerId, PeerTable, Start, Time};

use super::OneHop;
use super::peer::OneHopPeer;
use super::table::Table;
use crate::records::{Record, Records};

impl OneHop {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<OneHopPeer>) {
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        let table = Table::new(ring.iter().map(|&(_, id)| id).collect());
        let mut records = self.records(&ring, start).into_iter().peekable();
        for (at, &(_, id)) in ring.iter().enumerate() {
            let peer = peers.get(id);
            peer.active = true;
            peer.announced = true;
            peer.table = table.clone();
            let kept: Vec<Record> = std::iter::from_fn(|| records.next_if(|&(keeper, _)| keeper == at).map(|(_, record)| record)).collect();
            if !kept.is_empty() {
                peer.extra().records = Records::from_unsorted(kept);
            }
        }
    }

    /// Who keeps which record, as (position on the ring, record) in the order of the ring. Ages are random: some have just been registered,
    /// others are about to be registered again. Times count from the beginning; `begin_records` sets them right.
    fn records(&self, ring: &[(Key, PeerId)], start: &Start<'_>) -> Vec<(usize, Record)> {
        let mut rng = start.rng.clone();
        let mut kept = Vec::new();
        let copies = usize::from(self.config.replicas).min(ring.len());
        let (expiry, interval) = (self.config.record_expiry.span().nanos(), self.config.republish_interval.span().nanos());
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let key = self.numbering.item_key(item);
                let age = rng.below(interval.min(expiry).max(1));
                let record = Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) };
                let owner = ring.partition_point(|&(member, _)| member < key);
                kept.extend((0..copies).map(|step| ((owner + step) % ring.len(), record)));
            }
        }
        kept.sort_unstable_by_key(|&(keeper, record)| (keeper, record.key, record.holder));
        kept
    }
}

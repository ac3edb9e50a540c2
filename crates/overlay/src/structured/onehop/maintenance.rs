//! The repair of values, only where peers keep values.
//!
//! A change of the table is answered at once: `content` gives a newcomer, or who takes a lost replica's place, what it is to keep. What that misses
//! (a message is lost, or two tables differ for a while) is found by comparing at intervals, as DHash does (Cates 2003): with the whole
//! ring in its table, a keeper knows both the owner and the replicas of everything that it keeps.

use peerlab_model::{Key, PeerId};

use super::peer::OneHopPeer;
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};
use crate::records::Records;
use crate::repair::{Comparison, Keeper, offer_all};

impl OneHop {
    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_>) {
        let interval = self.config.maintenance_interval.span();
        if cx.setting().keeps_values() && interval.nanos() > 0 {
            cx.set_timer_within(interval, OneHopTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.maintenance_interval.span());
        cx.set_timer(gap, OneHopTimer::Maintenance);
        if peer.active {
            // The table has an owner for every key: none is far.
            offer_all(self, peer, cx);
        }
    }

    /// Who keeps what is at `key`: its owner first, then its replicas.
    pub(super) fn keepers<'p>(&self, peer: &'p OneHopPeer, key: Key) -> impl Iterator<Item = PeerId> + 'p {
        peer.table.from(self.numbering, key).take(usize::from(self.config.replicas))
    }
}

impl Keeper for OneHop {
    fn kept(peer: &mut OneHopPeer) -> &mut Records {
        &mut peer.extra().records
    }

    fn wrap(comparison: Comparison) -> OneHopMessage {
        OneHopMessage::Repair(comparison)
    }

    fn partners(&self, peer: &OneHopPeer, key: Key, add: &mut dyn FnMut(PeerId)) -> bool {
        let mut keepers = self.keepers(peer, key);
        match keepers.next() {
            Some(owner) if owner == peer.id => keepers.for_each(add),
            owner => owner.into_iter().for_each(add),
        }
        true
    }

    fn keeps(&self, peer: &OneHopPeer, _cx: &Cx<'_>, key: Key, _from: PeerId) -> bool {
        self.keepers(peer, key).any(|keeper| keeper == peer.id)
    }

    fn spares(&self, peer: &OneHopPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        peer.owns(self.numbering, key) && self.keepers(peer, key).all(|keeper| keeper != from)
    }
}

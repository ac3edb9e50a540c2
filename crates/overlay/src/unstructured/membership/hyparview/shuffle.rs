//! The passive view: now and then some addresses are exchanged with whoever is at the end of a random walk.

use std::sync::Arc;

use peerlab_model::{Context, PeerId, Rng};

use super::HyParViewMember;
use crate::unstructured::membership::Carrier;
use crate::unstructured::membership::config::HyParViewConfig;
use crate::unstructured::membership::message::{MembershipMessage, MembershipTimer};
use crate::unstructured::membership::view::{keep_some, random_of};

impl HyParViewConfig {
    /// Once in a period: a walk with this peer, some neighbours and some others.
    pub(super) fn shuffle<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        cx.set_timer(self.period.span(), MembershipTimer::Cycle.into());
        member.refusals = 0;
        self.fill(member, cx);
        let Some(&next) = cx.rng().pick(&member.active) else { return };
        let mut list = vec![cx.this()];
        list.extend(some_of(&member.active, self.shuffle_active.into(), cx.rng()));
        list.extend(some_of(&member.passive, self.shuffle_passive.into(), cx.rng()));
        let peers: Arc<[PeerId]> = list.into();
        member.offered = peers.clone();
        cx.send(next, MembershipMessage::ShuffleWalk { origin: cx.this(), ttl: self.arwl, peers }.into());
    }

    /// Somebody's addresses: they go on, or are exchanged for as many of this peer's.
    pub(super) fn shuffle_walk<O: Carrier>(
        &self,
        member: &mut HyParViewMember,
        cx: &mut Context<'_, O>,
        from: PeerId,
        origin: PeerId,
        ttl: u8,
        peers: Arc<[PeerId]>,
    ) {
        let ttl = ttl.saturating_sub(1);
        let next = random_of(&member.active, cx.rng(), |peer| peer != from && peer != origin);
        if let Some(next) = next.filter(|_| ttl > 0 && member.active.len() > 1) {
            return cx.send(next, MembershipMessage::ShuffleWalk { origin, ttl, peers }.into());
        }
        if origin == cx.this() {
            return;
        }
        let answer: Arc<[PeerId]> = some_of(&member.passive, peers.len(), cx.rng()).into();
        cx.send(origin, MembershipMessage::ShuffleWalkReply { peers: answer.clone() }.into());
        self.integrate(member, cx, &peers, &answer);
        self.fill(member, cx);
    }

    /// Keeps what has come; what was sent gives way first.
    pub(super) fn integrate<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, peers: &[PeerId], sent: &[PeerId]) {
        for &peer in peers {
            self.add_passive(member, cx, peer, sent);
        }
    }
}

fn some_of(peers: &[PeerId], most: usize, rng: &mut Rng) -> Vec<PeerId> {
    let mut list = peers.to_vec();
    keep_some(&mut list, most, rng);
    list
}

//! Tables compared: what finds the events that got lost on their way.
//!
//! Every `reconcile_interval` a peer sends a digest of one part of its table, about 16 members, to a random member; if that one's differs, it
//! answers with its members there. Who is in one table alone is pinged, and comes in or goes out by its own answer. The paper has nothing
//! of the kind: its tables keep the error until somebody runs into it.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Token};

use super::peer::{OneHopPeer, Pending};
use super::{Cx, OneHop, OneHopMessage, OneHopTimer};

/// Members of a part, about.
const PART: usize = 16;

/// Members that an answer names at most.
const ANSWER_MAX: usize = 50;

/// A comparison in so many is with a contact of the kind that newcomers get, so that two rings that were apart find each other.
const OUTSIDE: u64 = 8;

/// The first and the last key of a part.
fn borders(index: u32, bits: u8) -> (Key, Key) {
    let shift = 64 - u32::from(bits);
    let low = u64::from(index).checked_shl(shift).unwrap_or(0);
    let size = u64::MAX.checked_shl(shift).map_or(u64::MAX, |mask| !mask);
    (Key(low), Key(low | size))
}

impl OneHop {
    pub(super) fn tick_reconcile(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.reconcile_interval.span());
        cx.set_timer(gap, OneHopTimer::Reconcile);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        if !peer.active {
            return;
        }
        if peer.table.len() <= PART && cx.rng().chance(0.5) {
            // Small enough to be one of several rings that began side by side, or to have lost the others.
            self.look_for_ring(peer, cx);
            return;
        }
        let outside = cx.rng().below(OUTSIDE) == 0;
        let partner = if outside { cx.bootstrap() } else { cx.rng().pick(peer.table.list()).copied() };
        if let Some(with) = partner.filter(|&with| with != peer.id) {
            let bits = (peer.table.len() / PART).max(1).ilog2() as u8;
            let index = cx.rng().below(1 << bits) as u32;
            let digest = self.digest(peer, index, bits);
            let token = cx.open(Pending::Compare { with, index, bits });
            cx.send(with, OneHopMessage::Compare { digest, index, bits, token });
            self.await_answer(cx, token);
        }
    }

    fn part<'a>(&self, peer: &'a OneHopPeer, index: u32, bits: u8) -> &'a [PeerId] {
        let (low, high) = borders(index, bits);
        peer.table.range(self.numbering, low, high)
    }

    fn digest(&self, peer: &OneHopPeer, index: u32, bits: u8) -> u32 {
        let members = self.part(peer, index, bits).iter();
        members.fold(0_u64, |sum, member| sum.wrapping_add(self.numbering.key(*member).0)) as u32
    }

    pub(super) fn asked_to_compare(
        &self,
        peer: &mut OneHopPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        token: Token,
        (index, bits): (u32, u8),
        digest: u32,
    ) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        self.met(peer, cx, from);
        if self.digest(peer, index, bits) == digest {
            cx.send(from, OneHopMessage::Same { token });
            return;
        }
        let members = self.part(peer, index, bits);
        let members: Arc<[PeerId]> = Arc::from(&members[..members.len().min(ANSWER_MAX)]);
        cx.send(from, OneHopMessage::Members { members, token });
    }

    /// The other one's members of a part, if they are not the same.
    pub(super) fn compared(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, members: Option<&[PeerId]>) {
        let Some(Pending::Compare { index, bits, with }) = cx.close(token) else { return };
        if with != from {
            self.lost(peer, cx, with);
        }
        self.met(peer, cx, from);
        let Some(members) = members else { return };
        self.learn_members(peer, cx, members);
        // Whom the other one does not have; of a list that was cut off, only as far as it goes.
        let own: Vec<PeerId> = self.part(peer, index, bits).to_vec();
        let reach = members.last().filter(|_| members.len() == ANSWER_MAX).map(|&last| self.numbering.key(last));
        for member in own {
            if !members.contains(&member) && reach.is_none_or(|reach| self.numbering.key(member) < reach) {
                self.check_contact(peer, cx, member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_ring_once() {
        assert_eq!(borders(0, 0), (Key(0), Key(u64::MAX)));
        for bits in [1, 3, 10] {
            let mut next = 0_u64;
            for index in 0..1 << bits {
                let (low, high) = borders(index, bits);
                assert_eq!(low.0, next);
                next = high.0.wrapping_add(1);
            }
            assert_eq!(next, 0, "the last part ends where the first one begins");
        }
    }
}

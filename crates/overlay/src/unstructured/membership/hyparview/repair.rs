//! The active view: signs of life, and who takes the place of a neighbour that is gone.

use peerlab_model::{Context, PeerId, Token};

use super::HyParViewMember;
use crate::unstructured::membership::config::HyParViewConfig;
use crate::unstructured::membership::message::{MembershipMessage, MembershipTimer};
use crate::unstructured::membership::view::random_of;
use crate::unstructured::membership::{Carrier, Protocol};

/// Refusals after which a peer that has a neighbour waits for its next shuffle: where everybody has enough, asking on costs and brings nothing.
const REFUSALS: u8 = 4;

impl HyParViewConfig {
    /// Sends a request, and sets its timeout.
    pub(super) fn ask<O: Carrier>(
        &self,
        member: &mut HyParViewMember,
        cx: &mut Context<'_, O>,
        peer: PeerId,
        request: impl FnOnce(Token) -> MembershipMessage,
    ) {
        let token = member.asking.open(peer);
        cx.send(peer, request(token).into());
        cx.set_timer(self.timeout.span(), MembershipTimer::Timeout(token).into());
    }

    /// Asks random peers of the passive view until as many neighbours as wanted are there or on their way.
    pub(super) fn fill<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        while member.active.len() + member.asking.len() < self.active_view.into() {
            let high_priority = member.active.is_empty();
            if member.refusals >= REFUSALS && !high_priority {
                break;
            }
            let Some(candidate) = random_of(&member.passive, cx.rng(), |peer| !member.is_asking(peer)) else { break };
            self.ask(member, cx, candidate, |token| MembershipMessage::Neighbour { token, high_priority });
        }
        if member.active.is_empty() && member.asking.is_empty() {
            self.rejoin_later(member, cx);
        }
    }

    /// Without neighbours and without anybody to ask: another join, in a while.
    pub(super) fn rejoin_later<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        if !member.rejoining {
            member.rejoining = true;
            cx.set_timer(self.rejoin_after.span(), MembershipTimer::Rejoin.into());
        }
    }

    /// Somebody wants to be a neighbour.
    pub(super) fn asked<O: Carrier>(
        &self,
        member: &mut HyParViewMember,
        cx: &mut Context<'_, O>,
        from: PeerId,
        token: Token,
        high_priority: bool,
    ) {
        let accepted = high_priority || member.active.contains(&from) || member.active.len() < self.active_view.into();
        if accepted {
            self.add_active(member, cx, from);
        }
        cx.send(from, MembershipMessage::NeighbourReply { token, accepted }.into());
    }

    /// An answer to a request of this peer's own.
    pub(super) fn answered<O: Carrier>(
        &self,
        member: &mut HyParViewMember,
        cx: &mut Context<'_, O>,
        from: PeerId,
        token: Token,
        accepted: bool,
    ) {
        let asked = member.asking.close(token);
        if let Some(former) = asked.filter(|&asked| asked != from) {
            // Who lives at that address now is somebody else.
            member.passive.retain(|&other| other != former);
        }
        if accepted && member.active.contains(&from) {
            member.heard_from(from);
        } else if accepted && asked.is_some() && member.active.len() < self.active_view.into() {
            self.add_active(member, cx, from);
            member.refusals = 0;
        } else if accepted {
            // Too late, or others were quicker.
            cx.send(from, MembershipMessage::Disconnect { leaving: false }.into());
            self.add_passive(member, cx, from, &[]);
        } else {
            // It stays in the passive view: another time it may have room.
            member.refusals = member.refusals.saturating_add(1);
        }
        self.fill(member, cx);
    }

    /// A request has not been answered: who was asked is dead, as far as one can see.
    pub(super) fn timed_out<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, token: Token) {
        let Some(silent) = member.asking.close(token) else { return };
        member.passive.retain(|&other| other != silent);
        // A newcomer was made a neighbour before it was asked.
        let was_neighbour = member.drop_active(silent);
        if was_neighbour {
            member.refusals = 0;
        }
        if !member.joined && member.active.is_empty() && member.asking.is_empty() {
            // A newcomer whose contact is gone needs another one at once.
            return self.enter(member, cx);
        }
        self.fill(member, cx);
    }

    pub(super) fn disconnected<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, from: PeerId, leaving: bool) {
        let was_neighbour = member.drop_active(from);
        if leaving {
            member.passive.retain(|&other| other != from);
        } else if was_neighbour {
            self.add_passive(member, cx, from, &[]);
        }
        if was_neighbour {
            self.lost(member, cx);
        }
    }

    fn lost<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        member.refusals = 0;
        self.fill(member, cx);
    }

    /// Once in a while: who has been silent for too long is dead, the others are asked again.
    pub(super) fn keep_alive<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        cx.set_timer(self.keep_alive.span(), MembershipTimer::KeepAlive.into());
        let before = member.active.len();
        for at in (0..before).rev() {
            if member.missed[at] >= self.missed {
                let dead = member.active[at];
                member.drop_active(dead);
            }
        }
        for (&neighbour, missed) in member.active.iter().zip(&mut member.missed) {
            *missed += 1;
            cx.send(neighbour, MembershipMessage::KeepAlive.into());
        }
        if member.active.len() < before {
            self.lost(member, cx);
        }
    }

    /// A neighbour wants a sign of life. Who is none is told so, unless its acceptance may have been overtaken.
    pub(super) fn keep_alive_asked<O: Carrier>(member: &mut HyParViewMember, cx: &mut Context<'_, O>, from: PeerId) {
        if member.active.contains(&from) {
            member.heard_from(from);
            cx.send(from, MembershipMessage::Alive.into());
        } else if !member.is_asking(from) {
            cx.send(from, MembershipMessage::Disconnect { leaving: false }.into());
        }
    }
}

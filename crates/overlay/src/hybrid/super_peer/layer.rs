//! Super-peers that find and keep each other by gossip: the views of a membership among them are their connections.
//!
//! Whoever becomes a super-peer joins through a first contact. That may be a leaf, which is no member, and passes the request on to one of its
//! super-peers; the answer goes straight to the newcomer. What then happens to the view happens to the connections. Pings between super-peers remain, for they
//! tell who is full, and decide nothing else: who is alive is for the membership to find out.
//!
//! # What differs where views are one-sided
//! Neighbours change with each exchange, and a peer does not know in whose view it is. So super-peers take pings, queries and hits of anybody,
//! and tell each other no routing tables: a query goes to all neighbours on its last link, too.
//!
//! # Not here
//! Partners of one cluster (`redundancy`), who find each other over connections.

use peerlab_model::PeerId;

use super::message::SuperMessage;
use super::peer::{Link, SuperPeer};
use super::{Cx, SuperPeers};
use crate::unstructured::membership::{Member, Membership, MembershipMessage};

/// First contacts through which a super-peer joins, one in a ping interval, as long as its view has room. With one, peers that begin to serve at the
/// same time can close into islands.
pub(super) const INTRODUCTIONS: u8 = 3;

impl SuperPeers {
    /// True if this peer's connections are those of a view.
    pub(super) fn is_layered(&self, peer: &SuperPeer) -> bool {
        peer.serves && self.membership.is_some()
    }

    /// True if routing tables go from super-peer to super-peer: not where only one of the two would know that it is a neighbour.
    pub(super) fn tells_neighbours(&self, peer: &SuperPeer) -> bool {
        !peer.serves || self.membership.as_ref().is_none_or(Membership::is_symmetric)
    }

    /// Other super-peers that this one passes a query to.
    pub(super) fn outdegree(&self, peer: &SuperPeer) -> u16 {
        if self.is_layered(peer) { peer.links.len() as u16 } else { self.config.degree }
    }

    /// A new super-peer joins the others. If it was one until just now it waits until its former timers have run out.
    pub(super) fn join_layer(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        let Some(membership) = self.membership.as_ref().filter(|_| peer.serves) else { return };
        if peer.member.is_some() {
            let has_room = peer.links.len() < self.config.membership.neighbours() as usize;
            if has_room && peer.introductions < INTRODUCTIONS {
                peer.introductions += 1;
                self.gossip(peer, cx, Membership::join_again);
            }
        } else if peer.quiet_until.is_none_or(|until| cx.now() > until) {
            peer.member = Some(Box::new(membership.member()));
            peer.introductions = 1;
            self.gossip(peer, cx, Membership::join);
        }
    }

    /// This peer goes, or serves no longer.
    pub(super) fn leave_layer(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        if let (Some(membership), Some(mut member)) = (&self.membership, peer.member.take()) {
            membership.leave(&mut member, cx);
            peer.quiet_until = Some(cx.now() + membership.longest_timer());
        }
    }

    /// Something happens to the view, and so to the connections.
    pub(super) fn gossip(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, happens: impl FnOnce(&Membership, &mut Member, &mut Cx<'_>)) {
        let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) else { return };
        happens(membership, member, cx);
        let neighbours = member.neighbours();
        peer.links.retain(|link| neighbours.contains(&link.peer));
        let is_new = |other: &PeerId| peer.links.iter().chain(&peer.leaves).all(|link| link.peer != *other);
        let new: Vec<PeerId> = neighbours.iter().copied().filter(is_new).collect();
        for other in new {
            peer.links.push(Link::new(other));
            if membership.is_symmetric() {
                self.send_table(peer, cx, other);
            }
        }
    }

    /// A word of the membership. Of a leaf it can only be meant for the super-peers that it knows.
    pub(super) fn membership_message(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, message: MembershipMessage) {
        if peer.member.is_some() {
            return self.gossip(peer, cx, |membership, member, cx| membership.message(member, cx, from, message));
        }
        let wants_in = matches!(message, MembershipMessage::Join { .. } | MembershipMessage::Shuffle { .. });
        if let Some(link) = cx.rng().pick(&peer.links).filter(|_| wants_in && !peer.serves) {
            cx.send(link.peer, SuperMessage::Relayed { newcomer: from, message });
        }
    }

    /// A leaf has passed on what somebody says who wants to be a member.
    pub(super) fn relayed(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, newcomer: PeerId, message: MembershipMessage) {
        if newcomer != cx.this() {
            self.gossip(peer, cx, |membership, member, cx| membership.message(member, cx, newcomer, message));
        }
    }

    /// A peer says, or lets see, that it is no super-peer.
    pub(super) fn resigned(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, other: PeerId) {
        self.gossip(peer, cx, |membership, member, cx| membership.gone(member, cx, other));
    }
}

//! Who serves: peers make themselves super-peers, and leaves again, by what they know.
//!
//! Newcomers are leaves. Super-peers tell each other whether they are nearly full. One that is, like half of its neighbours, says to leaves that more are
//! needed (`X-Ultrapeer-Needed` in Gnutella 0.6). A leaf that hears it, and whose capacity and time online suffice, makes itself one, with a probability that
//! lets about one leaf of each such super-peer do so in a ping interval. A super-peer that has hardly any leaves, and most of whose neighbours
//! have room, becomes a leaf. Where nobody can be found who serves, anybody does.

use super::links::become_member;
use super::message::SuperMessage;
use super::peer::SuperPeer;
use super::{Cx, SuperPeers};

/// Rounds of attempts without any super-peer after which a peer that is not fit serves, too.
const ROUNDS_ALONE: u8 = 3;

impl SuperPeers {
    /// Its capacity and its time online suffice.
    pub(super) fn is_fit(&self, peer: &SuperPeer, cx: &Cx<'_>) -> bool {
        let strong = cx.capacity().is_none_or(|capacity| capacity >= self.config.min_capacity);
        strong && peer.since.is_none_or(|since| cx.now().since(since) >= self.config.min_uptime.span())
    }

    /// True if so many leaves have found their way here that others will not.
    pub(super) fn is_full(&self, peer: &SuperPeer) -> bool {
        peer.serves && peer.leaves.len() as f64 >= self.config.full * f64::from(self.config.leaves)
    }

    /// True if half of its neighbours are full. Those of a view change often: there, half of those that have said.
    fn is_crowded(peer: &SuperPeer) -> bool {
        let said = peer.links.iter().filter_map(|link| link.full);
        let all = if peer.member.is_some() { said.clone().count() } else { peer.links.len() };
        2 * said.filter(|full| *full).count() >= all
    }

    /// True if another super-peer would be of use: this one is full, and most likely so are those that a leaf would try next.
    pub(super) fn is_needed(&self, peer: &SuperPeer) -> bool {
        self.is_full(peer) && Self::is_crowded(peer)
    }

    /// A leaf without any super-peer: it waits a while for one if it is not fit to serve itself.
    pub(super) fn must_serve(&self, peer: &SuperPeer, cx: &Cx<'_>) -> bool {
        !peer.serves && peer.links.is_empty() && (peer.rounds >= ROUNDS_ALONE || peer.needed && self.is_fit(peer, cx))
    }

    /// Once in a ping interval.
    pub(super) fn consider_role(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        let needed = std::mem::take(&mut peer.needed);
        if !peer.serves {
            if needed && self.is_fit(peer, cx) && cx.rng().chance(1.0 / f64::from(self.config.leaves)) {
                self.promote(peer, cx);
            }
            return;
        }
        let served_long = peer.serves_since.is_none_or(|since| cx.now().since(since) >= self.config.min_uptime.span());
        let idle = (peer.leaves.len() as f64) < self.config.idle * f64::from(self.config.leaves);
        // Not all at once.
        if idle && served_long && !peer.links.is_empty() && !Self::is_crowded(peer) && cx.rng().chance(0.5) {
            self.demote(peer, cx);
        }
    }

    /// A leaf makes itself a super-peer: its own become its neighbours, if they have room.
    pub(super) fn promote(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        if !peer.serves {
            peer.serves = true;
            peer.serves_since = Some(cx.now());
            for link in std::mem::take(&mut peer.links) {
                cx.send(link.peer, SuperMessage::Bye { instead: None });
                self.learn(peer, cx, link.peer);
            }
            (peer.failures, peer.rounds) = (0, 0);
            become_member(peer, cx);
            // Two random contacts beside those it knows: or else clusters that grew out of each other would close into an island.
            self.bootstrap(peer, cx);
            self.join_layer(peer, cx);
        }
    }

    /// A super-peer becomes a leaf; its leaves are sent to its neighbours.
    fn demote(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        Self::say_goodbye(peer, cx);
        self.leave_layer(peer, cx);
        Self::end_searches(peer, cx);
        peer.serves = false;
        peer.leaves.clear();
        peer.partners.clear();
        for link in std::mem::take(&mut peer.links) {
            self.learn(peer, cx, link.peer);
        }
        (peer.failures, peer.rounds) = (0, 0);
        self.fill(peer, cx);
    }
}

//! Whom a peer contacts, and how a contact is made.

use peerlab_model::{Context, PeerId, Token};

use super::config::{FANOUT_MAX, Partners};
use super::message::EpidemicMessage;
use super::peer::EpidemicPeer;
use super::{Asked, Epidemic, EpidemicTimer};

/// Draws for another partner than those that a peer has already, before it does with fewer.
const DRAWS: usize = 8;

impl Epidemic {
    /// Contacts `fanout` different partners, or as many as there are.
    pub(super) fn contact_partners(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if let Some(member) = &peer.member {
            for partner in member.some_neighbours(self.config.fanout as usize, cx.rng()) {
                self.contact(peer, cx, partner, self.config.hunt_limit);
            }
            return;
        }
        let mut chosen = [cx.this(); FANOUT_MAX];
        for at in 0..(self.config.fanout as usize).min(FANOUT_MAX) {
            let mut drawn = (0..DRAWS).filter_map(|_| self.partner(peer, cx));
            let Some(partner) = drawn.find(|partner| !chosen[..at].contains(partner)) else { return };
            chosen[at] = partner;
            self.contact(peer, cx, partner, self.config.hunt_limit);
        }
    }

    /// A random partner; nothing if nobody is known.
    pub(super) fn partner(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) -> Option<PeerId> {
        if let Some(member) = &peer.member {
            return cx.rng().pick(member.neighbours()).copied();
        }
        match self.config.partners {
            Partners::Uniform => cx.bootstrap(),
            Partners::View => {
                if peer.view.is_empty() {
                    self.replace(peer, cx);
                }
                cx.rng().pick(&peer.view).copied()
            }
        }
    }

    fn contact(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, partner: PeerId, hunts: u32) {
        if !self.config.asks_first() {
            return self.talk(peer, cx, partner);
        }
        let token = cx.open(Asked { partner, hunts });
        cx.send(partner, EpidemicMessage::Knock { token });
        cx.set_timer(self.config.timeout.span(), EpidemicTimer::Silence(token));
    }

    /// Somebody wants a contact.
    pub(super) fn knocked(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, token: Token) {
        let cycle = self.cycle_start(peer, cx.now());
        if peer.counted != cycle {
            (peer.counted, peer.accepted) = (cycle, 0);
        }
        let limit = self.config.connection_limit;
        let has_room = limit == 0 || peer.accepted < limit;
        peer.accepted += u32::from(has_room);
        cx.send(from, if has_room { EpidemicMessage::Admit { token } } else { EpidemicMessage::Busy { token } });
    }

    /// The partner agrees.
    pub(super) fn admitted(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, token: Token) {
        if cx.close(token).is_some() {
            self.talk(peer, cx, from);
        }
    }

    /// The partner has no room: somebody else may have.
    pub(super) fn refused(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, token: Token) {
        if let Some(asked) = cx.close(token) {
            self.hunt(peer, cx, asked);
        }
    }

    /// The partner does not answer: in a view it gives way to another one.
    pub(super) fn silent(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, token: Token) {
        let Some(asked) = cx.close(token) else { return };
        self.gossip(peer, cx, |membership, member, cx| membership.gone(member, cx, asked.partner));
        if let Some(at) = peer.view.iter().position(|&other| other == asked.partner) {
            peer.view.swap_remove(at);
            self.replace(peer, cx);
        }
        self.hunt(peer, cx, asked);
    }

    fn hunt(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, asked: Asked) {
        if asked.hunts > 0
            && let Some(partner) = self.partner(peer, cx)
        {
            self.contact(peer, cx, partner, asked.hunts - 1);
        }
    }

    /// Another address for the view.
    fn replace(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if let Some(new) = cx.bootstrap() {
            self.keep(peer, cx.this(), new);
        }
    }

    fn keep(&self, peer: &mut EpidemicPeer, this: PeerId, other: PeerId) {
        if other != this && peer.view.len() < usize::from(self.config.view) && !peer.view.contains(&other) {
            peer.view.push(other);
        }
    }

    /// Random others, from a source of addresses. In a small network a draw often meets one that is there: some more draws, and no promise.
    pub(super) fn fill_view(&self, peer: &mut EpidemicPeer, this: PeerId, mut source: impl FnMut() -> Option<PeerId>) {
        let room = usize::from(self.config.view);
        for _ in 0..2 * room {
            if peer.view.len() == room {
                break;
            }
            let Some(other) = source() else { break };
            self.keep(peer, this, other);
        }
    }
}

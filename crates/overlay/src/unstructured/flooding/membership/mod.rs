//! How neighbours are found and kept: the membership beneath the search.
//!
//! The search asks one thing of it: [`FloodingPeer::neighbours`], the list over which queries and walkers go. Who stands in the list, and what
//! is sent to keep it so, is the membership's own matter: `gnutella` (in `links`) shakes hands and pings; `hyparview` does so too, and keeps a
//! passive view for the day on which neighbours fail; `cyclon` and `newscast` (both in `views`) have views that are exchanged all the time.
//!
//! Links of the first two are mutual: a message from a stranger is refused. A view is one-sided: whoever has somebody in its view may
//! send to it.

mod config;
mod hyparview;
mod views;

pub use config::{Hyparview, Membership, View};

use peerlab_model::{Context, PeerId, PeerTable, Rng, Token};

use super::links::become_member;
use super::message::Entries;
use super::{FloodingLike, FloodingMessage, FloodingPeer, FloodingTimer, Variant, begin_with};
use crate::graph::{k_out_lists, random_regular};

pub(super) type Cx<'a, V> = Context<'a, FloodingLike<V>>;

impl<V: Variant> FloodingLike<V> {
    /// The periodic work of a member begins.
    pub(super) fn keep_membership(&self, cx: &mut Cx<'_, V>) {
        if self.rules.membership.links_are_mutual() {
            cx.set_timer_within(self.rules.ping_interval, FloodingTimer::Ping);
        }
        if let Some(period) = self.rules.membership.period() {
            cx.set_timer_within(period, FloodingTimer::Gossip);
        }
    }

    /// Asks to be let in. Nobody else is online: then this peer is the overlay.
    pub(super) fn enter(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        if self.rules.membership == Membership::Gnutella {
            return self.bootstrap(peer, cx);
        }
        let Some(contact) = cx.bootstrap() else { return become_member(peer, cx) };
        match self.rules.membership {
            Membership::Gnutella => unreachable!("it has an entrance of its own"),
            Membership::Hyparview(_) => self.ask_to_join(peer, cx, contact),
            Membership::Cyclon(_) => cx.send(contact, FloodingMessage::Join { token: None }),
            Membership::Newscast(_) => {
                let entries = [(cx.this(), 0)].into();
                cx.send(contact, FloodingMessage::Shuffle { origin: cx.this(), ttl: 0, entries });
            }
        }
    }

    /// True if `from` may send queries here, and hits may be sent there.
    #[inline]
    pub(super) fn accepts(&self, peer: &FloodingPeer, from: PeerId) -> bool {
        peer.is_neighbour(from) || !self.rules.membership.links_are_mutual()
    }

    /// Once in a period: the views are aged and exchanged.
    pub(super) fn gossip(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        match self.rules.membership {
            Membership::Gnutella => return,
            Membership::Hyparview(rules) => self.shuffle_passive_view(rules, peer, cx),
            Membership::Cyclon(view) => self.shuffle_oldest(view, peer, cx),
            Membership::Newscast(_) => self.tell_news(peer, cx),
        }
        if !self.rules.membership.links_are_mutual() {
            self.tidy(peer, cx);
        }
        if let Some(period) = self.rules.membership.period() {
            cx.set_timer(period, FloodingTimer::Gossip);
        }
    }

    /// A newcomer wants to be let in.
    pub(super) fn let_in(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, newcomer: PeerId, token: Option<Token>) {
        match self.rules.membership {
            Membership::Hyparview(rules) => self.introduce(rules, peer, cx, newcomer, token),
            Membership::Cyclon(view) => self.send_walks(view, peer, cx, newcomer),
            // Theirs is another way in.
            Membership::Gnutella | Membership::Newscast(_) => {}
        }
    }

    /// Word of a newcomer has come by.
    pub(super) fn heard_of(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, newcomer: PeerId, ttl: u8) {
        match self.rules.membership {
            Membership::Hyparview(rules) => self.forward_join(rules, peer, cx, from, newcomer, ttl),
            Membership::Cyclon(view) => self.walk_for(view, peer, cx, newcomer, ttl),
            Membership::Gnutella | Membership::Newscast(_) => {}
        }
    }

    /// Somebody wants to exchange a part of its view.
    pub(super) fn shuffled(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, origin: PeerId, ttl: u8, entries: Entries) {
        match self.rules.membership {
            Membership::Hyparview(_) => self.exchange_passive(peer, cx, from, origin, ttl, entries),
            Membership::Cyclon(view) => self.exchange(view, peer, cx, origin, &entries),
            Membership::Newscast(view) => self.exchange_news(view, peer, cx, origin, &entries),
            Membership::Gnutella => {}
        }
    }

    /// The other half of an exchange that this peer began.
    pub(super) fn shuffle_answered(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, entries: &[(PeerId, u8)]) {
        let sent = std::mem::take(&mut peer.sent);
        match self.rules.membership {
            Membership::Hyparview(_) => self.keep_passive(peer, cx, entries, sent),
            Membership::Cyclon(view) => views::merge(view, peer, cx.this(), entries, sent),
            Membership::Newscast(view) => views::keep_freshest(view, peer, cx, entries),
            Membership::Gnutella => {}
        }
        if !peer.neighbours.is_empty() {
            become_member(peer, cx);
        }
    }

    /// Gives the members of an overlay that has run for long the neighbours of a gossip membership. Views are random ones: exchanges make
    /// their in-degrees more even in some dozen periods.
    pub(super) fn converged_views(&self, members: &[PeerId], peers: &mut dyn PeerTable<FloodingPeer>, rng: &mut Rng) {
        let nodes = members.len() as u32;
        let named = |list: &[u32]| list.iter().map(|&node| members[node as usize]).collect::<Vec<_>>();
        match self.rules.membership {
            Membership::Gnutella => {}
            Membership::Hyparview(Hyparview { active_view, .. }) => {
                let graph = random_regular(nodes, active_view.into(), rng);
                for (node, &peer) in members.iter().enumerate() {
                    begin_with(peers.get(peer), named(graph.neighbours(node as u32)));
                    peers.get(peer).degree = active_view.into();
                }
            }
            Membership::Cyclon(View { view, .. }) | Membership::Newscast(View { view, .. }) => {
                k_out_lists(nodes, view.into(), rng, |node, chosen| {
                    let peer = peers.get(members[node as usize]);
                    begin_with(peer, named(chosen));
                });
                for &peer in members {
                    peers.get(peer).missed.iter_mut().for_each(|age| *age = rng.below(view.into()) as u8);
                }
            }
        }
    }
}

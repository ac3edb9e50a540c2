//! k-redundant super-peers (Yang and Garcia-Molina, section 3.2): a cluster is served by k partners, who take turns.
//!
//! Each partner knows all of the cluster's leaves, and every partner is connected to every partner of the neighbouring clusters. Who belongs to a
//! cluster is told, not looked up: a super-peer tells whoever connects to it who its partners are, again with each pong, and at once when it
//! changes; leaves and neighbours then connect to those whom they miss. A cluster's name is the lowest address in it, as its partners say: there
//! is nothing to agree upon.
//!
//! # Cost
//! k handshakes and k tables for a leaf, k² connections for each pair of neighbours; a question costs what it costs without partners, and one query
//! more for each partner that may have the item itself.
//!
//! # Not here
//! A copy of the index from one partner to the next: a new partner learns it from the leaves, as in the paper.

use peerlab_model::{LookupId, PeerId};

use super::links::become_member;
use super::message::SuperMessage;
use super::peer::{Link, SuperPeer};
use super::{Cx, SuperPeers};
use crate::unstructured::flooding::Hosts;

impl SuperPeers {
    /// True if clusters have more than one super-peer.
    pub(super) fn is_redundant(&self) -> bool {
        self.config.redundancy > 1
    }

    fn partners_max(&self) -> usize {
        usize::from(self.config.redundancy) - 1
    }

    /// Tells somebody at the other end of a connection who else serves this cluster.
    pub(super) fn tell_cluster(&self, peer: &SuperPeer, cx: &mut Cx<'_>, to: PeerId) {
        if self.is_redundant() && peer.serves {
            cx.send(to, SuperMessage::Cluster { partners: peer.partner_list() });
        }
    }

    /// Tells everybody.
    pub(super) fn announce(&self, peer: &SuperPeer, cx: &mut Cx<'_>) {
        for end in peer.links.iter().chain(&peer.leaves).chain(&peer.partners) {
            self.tell_cluster(peer, cx, end.peer);
        }
    }

    /// Once in a ping interval: if a partner is missing, the one with the lowest address asks a leaf. One that is not fit does not answer, and another
    /// one is asked the next time.
    pub(super) fn seek_partner(&self, peer: &SuperPeer, cx: &mut Cx<'_>) {
        let this = cx.this();
        let leads = peer.serves && peer.partners.iter().all(|partner| this < partner.peer);
        // With one leaf less it must not be idle, or partners would come and go.
        let can_spare = peer.leaves.len() >= 2 && (peer.leaves.len() - 1) as f64 >= self.config.idle * f64::from(self.config.leaves);
        if !leads || !can_spare || peer.partners.len() >= self.partners_max() {
            return;
        }
        if let Some(leaf) = cx.rng().pick(&peer.leaves) {
            cx.send(leaf.peer, SuperMessage::Invite { partners: peer.partner_list() });
        }
    }

    /// A leaf is to serve beside its super-peer, and does if it is fit.
    pub(super) fn invited(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, partners: Hosts) {
        if peer.serves || peer.link(from).is_none() || !self.is_fit(peer, cx) {
            return;
        }
        (peer.serves, peer.serves_since) = (true, Some(cx.now()));
        (peer.failures, peer.rounds) = (0, 0);
        for link in std::mem::take(&mut peer.links) {
            if link.peer != from && !partners.as_slice().contains(&link.peer) {
                cx.send(link.peer, SuperMessage::Bye { instead: None });
            }
        }
        for &partner in [from].iter().chain(partners.as_slice()) {
            if partner != cx.this() && peer.partners.len() < self.partners_max() {
                self.take_partner(peer, cx, partner);
            }
        }
        become_member(peer, cx);
    }

    /// Somebody says that it serves this cluster, too.
    pub(super) fn partner_came(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId) {
        if peer.is_partner(from) {
            return;
        }
        if !peer.serves || peer.partners.len() >= self.partners_max() {
            return cx.send(from, SuperMessage::Bye { instead: None });
        }
        self.take_partner(peer, cx, from);
        self.announce(peer, cx);
    }

    fn take_partner(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, partner: PeerId) {
        peer.forget(partner);
        peer.hosts.retain(|&host| host != partner);
        peer.partners.push(Link::new(partner));
        cx.send(partner, SuperMessage::Partner);
        self.send_own_table(peer, cx, partner);
    }

    /// Somebody at the other end of a connection has said who else serves its cluster.
    pub(super) fn told_of_cluster(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, partners: Hosts) {
        let this = cx.this();
        let others: Vec<PeerId> = partners.as_slice().iter().copied().filter(|&other| other != this).collect();
        if peer.is_partner(from) {
            // Of whom this one has not heard: both say so to each other.
            let missed = others.into_iter().filter(|&other| !peer.is_partner(other));
            let room = self.partners_max() - peer.partners.len();
            return missed.take(room).for_each(|other| cx.send(other, SuperMessage::Partner));
        }
        let Some(link) = peer.link(from) else { return };
        link.cluster = partners.as_slice().iter().copied().fold(from, PeerId::min);
        for &other in &others {
            if !peer.is_linked(other) && !peer.is_connecting_to(other) && self.has_place(peer, cx, from, &others) {
                self.connect(peer, cx, other);
            }
        }
    }

    /// A leaf whose places are taken gives up one that does not serve its cluster any more.
    fn has_place(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, named: &[PeerId]) -> bool {
        let taken = peer.links.len() + peer.connecting.len();
        if peer.serves {
            return taken <= self.links_max();
        }
        if taken < self.config.redundancy.into() {
            return true;
        }
        let stranger = peer.links().find(|link| *link != from && !named.contains(link));
        if let Some(stranger) = stranger {
            cx.send(stranger, SuperMessage::Bye { instead: None });
            self.lost(peer, cx, stranger);
        }
        stranger.is_some()
    }
}

impl SuperPeers {
    /// One link to each cluster: to the partner whose turn it is. Turns go by the number of the question: so all who pass it to a cluster choose the
    /// same partner, who sees that it comes a second time.
    pub(super) fn in_turn<'a>(&self, links: &'a [Link], id: LookupId) -> impl Iterator<Item = &'a Link> {
        let is_redundant = self.is_redundant();
        links.iter().filter(move |link| !is_redundant || has_turn(links, link, id))
    }
}

impl SuperPeer {
    pub(super) fn is_partner(&self, peer: PeerId) -> bool {
        self.partners.iter().any(|partner| partner.peer == peer)
    }

    /// Those with whom it serves a cluster.
    pub fn partners(&self) -> impl Iterator<Item = PeerId> {
        self.partners.iter().map(|partner| partner.peer)
    }

    fn partner_list(&self) -> Hosts {
        let mut list = Hosts::default();
        self.partners().for_each(|partner| list.add(partner));
        list
    }

    /// How many clusters it is connected to.
    pub(super) fn clusters(&self) -> usize {
        let is_first = |&(at, link): &(usize, &Link)| self.links[..at].iter().all(|other| other.cluster != link.cluster);
        self.links.iter().enumerate().filter(is_first).count()
    }
}

/// Whose turn it is, of so many in the order of their addresses: the questions of one peer go round.
pub(super) fn turn(id: LookupId, of: usize) -> usize {
    id.origin.wrapping_add(id.number) as usize % of.max(1)
}

/// True if among the partners of its cluster it is the turn of this one.
fn has_turn(links: &[Link], link: &Link, id: LookupId) -> bool {
    let (mut partners, mut before) = (0, 0);
    for other in links.iter().filter(|other| other.cluster == link.cluster) {
        partners += 1;
        before += usize::from(other.peer < link.peer);
    }
    before == turn(id, partners)
}

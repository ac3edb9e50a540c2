//! Connections: leaves to their super-peers, super-peers to each other; pings, and what replaces a connection that is gone.

use peerlab_model::{PeerId, Span, Token};

use super::message::SuperMessage;
use super::peer::{Attempt, Link, SuperPeer};
use super::{Cx, SuperPeers, SuperTimer};
use crate::unstructured::flooding::Hosts;

/// Attempts that may fail before a pause.
const ATTEMPTS_PER_ROUND: u8 = 8;
/// First contacts that are asked for at once.
const FIRST_CONTACTS: u32 = 2;

impl SuperPeers {
    /// Connections that a peer wants: a leaf to super-peers, a super-peer to neighbours.
    pub(super) fn wanted_links(&self, peer: &SuperPeer) -> usize {
        let clusters = if peer.serves { self.config.degree } else { self.config.super_peers.into() };
        usize::from(clusters) * usize::from(self.config.redundancy)
    }

    /// Connections to look for. With partners they are those to other clusters: a cluster's other partners are told.
    fn lacking(&self, peer: &SuperPeer) -> usize {
        if self.is_layered(peer) {
            return 0;
        }
        if self.is_redundant() {
            let clusters = if peer.serves { self.config.degree.into() } else { 1 };
            return usize::saturating_sub(clusters, peer.clusters() + peer.connecting.len());
        }
        self.wanted_links(peer).saturating_sub(peer.links.len() + peer.connecting.len())
    }

    pub(super) fn bootstrap(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        for _ in 0..FIRST_CONTACTS {
            match cx.bootstrap() {
                Some(contact) => self.learn(peer, cx, contact),
                None => return self.promote(peer, cx),
            }
        }
        self.fill(peer, cx);
    }

    /// Connects to addresses from the host cache until there are as many as wanted, or on their way.
    pub(super) fn fill(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        while self.lacking(peer) > 0 && peer.failures < ATTEMPTS_PER_ROUND {
            let Some(to) = peer.take_candidate(cx.rng()) else { break };
            self.connect(peer, cx, to);
        }
        if self.lacking(peer) > 0 && !peer.retrying {
            peer.retrying = true;
            // Doubled with each round without success, up to the ping interval.
            let shortest = self.config.request_timeout.span();
            let pause = shortest.times(1 << peer.rounds.min(20)).min(self.config.ping_interval.span().max(shortest));
            cx.set_timer(pause, SuperTimer::Retry);
        }
    }

    pub(super) fn connect(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, to: PeerId) {
        let leaf = !peer.serves;
        let token = peer.connecting.open(Attempt { to, leaf });
        cx.send(to, SuperMessage::Connect { token, leaf });
        cx.set_timer(self.config.request_timeout.span(), SuperTimer::Connect(token));
    }

    pub(super) fn retry(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        peer.retrying = false;
        if self.lacking(peer) > 0 {
            peer.failures = 0;
            peer.rounds = peer.rounds.saturating_add(1);
            if self.must_serve(peer, cx) {
                self.promote(peer, cx);
            }
            self.bootstrap(peer, cx);
        }
    }

    pub(super) fn asked_to_connect(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, leaf: bool) {
        if leaf && peer.is_partner(from) {
            // It serves no longer.
            self.lost(peer, cx, from);
        }
        let known = if leaf { peer.leaf(from).is_some() } else { peer.link(from).is_some() };
        let takes = if !peer.serves || peer.is_partner(from) {
            false
        } else if leaf {
            known || self.has_room_for_leaf(peer)
        } else {
            // Who splits one of k² connections would only make its partners mend it.
            known || self.has_room_for_neighbour(peer) || !self.is_redundant() && make_room(peer, cx, from)
        };
        if !takes {
            let (others, needed) = (peer.advise(from, cx.rng()), leaf && self.is_needed(peer));
            return cx.send(from, SuperMessage::Refuse { token, others, needed });
        }
        // It has restarted, or is something else now.
        peer.forget(from);
        let ends = if leaf { &mut peer.leaves } else { &mut peer.links };
        ends.push(Link::new(from));
        peer.hosts.retain(|&host| host != from);
        cx.send(from, SuperMessage::Accept { token });
        if leaf {
            self.resigned(peer, cx, from);
        } else {
            self.send_table(peer, cx, from);
        }
        self.tell_cluster(peer, cx, from);
        become_member(peer, cx);
    }

    pub(super) fn accepted(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let attempt = peer.connecting.close(token);
        if attempt.is_some() && peer.link(from).is_some() {
            return;
        }
        // Too late, or this peer is something else now, or others were quicker.
        let most = if peer.serves && self.is_redundant() { self.links_max() + 1 } else { self.wanted_links(peer) };
        if attempt.is_none_or(|attempt| attempt.leaf == peer.serves) || peer.links.len() >= most || peer.is_partner(from) {
            return cx.send(from, SuperMessage::Bye { instead: None });
        }
        peer.links.push(Link::new(from));
        (peer.rounds, peer.failures) = (0, 0);
        self.send_table(peer, cx, from);
        self.tell_cluster(peer, cx, from);
        become_member(peer, cx);
        // Its pong tells whom it knows.
        cx.send(from, SuperMessage::Ping);
    }

    pub(super) fn refused(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token, others: Hosts, needed: bool) {
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        peer.needed |= needed;
        self.connect_failed(peer, cx, token);
    }

    /// The address was taken out of the host cache when it was tried: it is forgotten.
    pub(super) fn connect_failed(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, token: Token) {
        if peer.connecting.close(token).is_some() {
            peer.failures = peer.failures.saturating_add(1);
            self.fill(peer, cx);
        }
    }

    pub(super) fn pinged(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId) {
        if !peer.hears(from) {
            return refuse_stranger(peer, cx, from);
        }
        if let Some(leaf) = peer.leaf(from) {
            leaf.missed = 0;
        }
        // A neighbour counts who is full; a leaf hears what follows from that.
        let needed = if peer.leaf(from).is_some() { self.is_needed(peer) } else { self.is_full(peer) };
        let others = peer.advise(from, cx.rng());
        cx.send(from, SuperMessage::Pong { others, needed });
        self.tell_cluster(peer, cx, from);
    }

    pub(super) fn ponged(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, others: Hosts, needed: bool) {
        let serves = peer.serves;
        if let Some(link) = peer.link(from) {
            (link.missed, link.full) = (0, Some(serves && needed));
            peer.needed |= !serves && needed;
        }
        if let Some(partner) = peer.partners.iter_mut().find(|partner| partner.peer == from) {
            partner.missed = 0;
        }
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        self.fill(peer, cx);
    }

    pub(super) fn bye(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, instead: Option<PeerId>) {
        if let Some(other) = instead {
            self.learn(peer, cx, other);
        }
        if self.is_layered(peer) && peer.leaf(from).is_none() {
            return self.resigned(peer, cx, from);
        }
        self.lost(peer, cx, from);
    }

    /// A connection is gone: another one takes its place, and so does another super-peer for questions that this one had.
    pub(super) fn lost(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, gone: PeerId) {
        let was_partner = peer.is_partner(gone);
        if peer.forget(gone) {
            if !peer.retrying {
                peer.failures = 0;
            }
            self.ask_elsewhere(peer, cx, gone);
            self.fill(peer, cx);
        } else if was_partner {
            self.ask_elsewhere(peer, cx, gone);
            self.announce(peer, cx);
        }
    }

    /// Once in a ping interval.
    pub(super) fn tick(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        let most = self.config.missed_pings;
        let by_pings = !self.is_layered(peer);
        let silent = |link: &&Link| by_pings && link.missed >= most;
        let dead: Vec<PeerId> = peer.links.iter().chain(&peer.partners).filter(silent).map(|link| link.peer).collect();
        // A leaf pings at its own pace: one interval more.
        let quiet: Vec<PeerId> = peer.leaves.iter().filter(|leaf| leaf.missed > most).map(|leaf| leaf.peer).collect();
        for &gone in dead.iter().chain(&quiet) {
            // Should it live after all, it learns that the connection is closed.
            cx.send(gone, SuperMessage::Bye { instead: None });
            self.lost(peer, cx, gone);
        }
        peer.leaves.iter_mut().for_each(|leaf| leaf.missed += 1);
        for link in peer.links.iter_mut().chain(&mut peer.partners) {
            link.missed += u8::from(by_pings);
            cx.send(link.peer, SuperMessage::Ping);
        }
        self.refresh_table(peer, cx);
        peer.seen.tidy(cx.now(), self.memory);
        self.consider_role(peer, cx);
        self.join_layer(peer, cx);
        self.seek_partner(peer, cx);
        cx.set_timer(self.config.ping_interval.span(), SuperTimer::Ping);
    }

    pub(super) fn say_goodbye(peer: &SuperPeer, cx: &mut Cx<'_>) {
        for link in peer.links.iter().chain(&peer.partners) {
            cx.send(link.peer, SuperMessage::Bye { instead: None });
        }
        for leaf in &peer.leaves {
            let instead = cx.rng().pick(&peer.links).map(|link| link.peer);
            cx.send(leaf.peer, SuperMessage::Bye { instead });
        }
    }

    pub(super) fn learn(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, host: PeerId) {
        let this = cx.this();
        peer.learn(host, this, self.config.host_cache.into(), cx.rng());
    }

    fn has_room_for_leaf(&self, peer: &SuperPeer) -> bool {
        peer.leaves.len() < usize::from(self.config.leaves)
    }

    /// A quarter more than it asks for itself, so that newcomers find neighbours though everybody has enough.
    fn has_room_for_neighbour(&self, peer: &SuperPeer) -> bool {
        peer.links.len() <= self.links_max()
    }

    /// The most neighbours of a super-peer, less one.
    pub(super) fn links_max(&self) -> usize {
        usize::from(self.config.degree) * 5 / 4 * usize::from(self.config.redundancy)
    }

    /// The longest that a request of a leaf's may wait for its super-peer's word that the search is over.
    pub(super) fn patience(&self) -> Span {
        self.config.query_timeout.span() + self.config.request_timeout.span()
    }
}

/// Splits one of a full super-peer's connections for a newcomer: the neighbour at its other end is sent there. So a network can grow though all have the
/// neighbours that they want, and islands that have closed open up.
fn make_room(peer: &mut SuperPeer, cx: &mut Cx<'_>, newcomer: PeerId) -> bool {
    let Some(neighbour) = cx.rng().pick(&peer.links).map(|link| link.peer) else { return false };
    peer.forget(neighbour);
    cx.send(neighbour, SuperMessage::Bye { instead: Some(newcomer) });
    true
}

/// Somebody believes to be connected: a reset tells it, as TCP's would, unless its acceptance may have been overtaken.
pub(super) fn refuse_stranger(peer: &SuperPeer, cx: &mut Cx<'_>, from: PeerId) {
    if !peer.is_connecting_to(from) {
        cx.send(from, SuperMessage::Bye { instead: None });
    }
}

pub(super) fn become_member(peer: &mut SuperPeer, cx: &mut Cx<'_>) {
    if !peer.joined {
        peer.joined = true;
        cx.joined();
    }
}

//! HyParView (Leitão, Pereira & Rodrigues 2007): few neighbours that are watched, and a passive view to replace those that fail.
//!
//! The active view is the list of neighbours, the passive view the host cache. Links are mutual: its NEIGHBOR is a `connect` (with high priority,
//! `needy`, it is never refused), its DISCONNECT a `bye`. The paper takes TCP's word for a neighbour's death; here pings find it out.

use peerlab_model::{PeerId, Rng, Token};

use super::super::message::{Entries, FloodingMessage, Hosts};
use super::super::links::become_member;
use super::super::{FloodingLike, FloodingPeer, FloodingTimer, Variant};
use super::{Cx, Hyparview};

/// Refusals after which a peer waits for its next exchange, so that a full network is not asked at the pace of its round trips.
const REFUSALS: u8 = 8;

impl<V: Variant> FloodingLike<V> {
    /// JOIN: a newcomer's first step.
    pub(super) fn ask_to_join(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, contact: PeerId) {
        if !peer.is_connecting_to(contact) {
            let token = peer.connecting.open(contact);
            cx.send(contact, FloodingMessage::Join { token: Some(token) });
            cx.set_timer(self.rules.connect_timeout, FloodingTimer::Connect(token));
        }
    }

    /// The contact takes the newcomer in, and sends word of it into all directions.
    pub(super) fn introduce(&self, rules: Hyparview, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, newcomer: PeerId, token: Option<Token>) {
        for &neighbour in peer.neighbours.iter().filter(|&&neighbour| neighbour != newcomer) {
            cx.send(neighbour, FloodingMessage::ForwardJoin { newcomer, ttl: rules.arwl });
        }
        self.make_active(peer, cx, newcomer);
        if let Some(token) = token {
            cx.send(newcomer, FloodingMessage::Accept { token });
        }
    }

    /// FORWARDJOIN: where the walk ends, the newcomer becomes a neighbour; on the way it gets into a passive view.
    pub(super) fn forward_join(&self, rules: Hyparview, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, newcomer: PeerId, ttl: u8) {
        if newcomer == cx.this() {
            return;
        }
        if ttl == rules.prwl {
            self.make_passive(peer, cx, newcomer);
        }
        let next = another(peer, &[from, newcomer], cx.rng()).filter(|_| ttl > 0 && peer.neighbours.len() > 1);
        if let Some(next) = next {
            cx.send(next, FloodingMessage::ForwardJoin { newcomer, ttl: ttl - 1 });
        } else if !peer.is_neighbour(newcomer) && !peer.is_connecting_to(newcomer) {
            self.ask_to_be_neighbours(peer, cx, newcomer, true);
        }
    }

    /// Somebody wants to be a neighbour, with high priority if it has none.
    pub(in super::super) fn neighbour_asked(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, high: bool) {
        if high || peer.is_neighbour(from) || peer.neighbours.len() < peer.degree as usize {
            self.make_active(peer, cx, from);
            cx.send(from, FloodingMessage::Accept { token });
        } else {
            cx.send(from, FloodingMessage::Refuse { token, others: Hosts::default() });
        }
    }

    /// Somebody is a neighbour now.
    pub(in super::super) fn neighbour_accepted(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if peer.connecting.close(token).is_some() {
            self.make_active(peer, cx, from);
        } else if !peer.is_neighbour(from) {
            // Too late: we have given it up.
            cx.send(from, FloodingMessage::Bye { instead: None });
        }
    }

    /// Somebody has neighbours enough: it stays in the passive view.
    pub(in super::super) fn neighbour_refused(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if peer.connecting.close(token).is_some() {
            peer.failures = peer.failures.saturating_add(1);
            self.replace_active(peer, cx);
            self.make_passive(peer, cx, from);
        }
    }

    /// Neighbours that are missing are looked for in the passive view. Who does not answer is forgotten.
    pub(in super::super) fn replace_active(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        while peer.lacking() > 0 && peer.failures < REFUSALS {
            let Some(candidate) = peer.take_candidate(cx.rng()) else { break };
            let high = peer.neighbours.is_empty();
            self.ask_to_be_neighbours(peer, cx, candidate, high);
        }
    }

    /// DISCONNECT, or a goodbye.
    pub(in super::super) fn disconnected(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId) {
        if peer.drop_neighbour(from) {
            self.replace_active(peer, cx);
            self.make_passive(peer, cx, from);
        }
    }

    /// SHUFFLE: a part of both views goes for a walk. What was refused may be asked again.
    pub(super) fn shuffle_passive_view(&self, rules: Hyparview, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        peer.failures = 0;
        self.replace_active(peer, cx);
        let Some(&next) = cx.rng().pick(&peer.neighbours) else {
            if peer.connecting.is_empty() {
                self.enter(peer, cx);
            }
            return;
        };
        let active = some_of(&peer.neighbours, rules.ka, cx.rng());
        let passive = some_of(&peer.hosts, rules.kp, cx.rng());
        peer.sent.clone_from(&passive);
        let entries = std::iter::once(cx.this()).chain(active).chain(passive).map(|other| (other, 0)).collect();
        cx.send(next, FloodingMessage::Shuffle { origin: cx.this(), ttl: rules.arwl, entries });
    }

    /// Somebody's exchange on its walk; where the walk ends, it gets as many of ours.
    pub(super) fn exchange_passive(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, origin: PeerId, ttl: u8, entries: Entries) {
        let next = another(peer, &[from, origin], cx.rng()).filter(|_| ttl > 0 && peer.neighbours.len() > 1);
        if let Some(next) = next {
            return cx.send(next, FloodingMessage::Shuffle { origin, ttl: ttl - 1, entries });
        }
        if origin == cx.this() {
            return;
        }
        let ours = some_of(&peer.hosts, entries.len() as u8, cx.rng());
        cx.send(origin, FloodingMessage::ShuffleReply { entries: ours.iter().map(|&other| (other, 0)).collect() });
        self.keep_passive(peer, cx, &entries, ours);
    }

    /// What came goes into the passive view: into free places, into those of what was sent, and then into random ones.
    pub(super) fn keep_passive(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, entries: &[(PeerId, u8)], mut sent: Vec<PeerId>) {
        for &(other, _) in entries {
            let is_new = other != cx.this() && !peer.is_neighbour(other) && !peer.hosts.contains(&other);
            if is_new && peer.hosts.len() >= usize::from(self.rules.host_cache) {
                let place = std::iter::from_fn(|| sent.pop()).find_map(|old| peer.hosts.iter().position(|&host| host == old));
                if let Some(place) = place {
                    peer.hosts.swap_remove(place);
                }
            }
            self.make_passive(peer, cx, other);
        }
    }

    fn ask_to_be_neighbours(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, candidate: PeerId, high: bool) {
        let token = peer.connecting.open(candidate);
        cx.send(candidate, FloodingMessage::Connect { token, needy: high });
        cx.set_timer(self.rules.connect_timeout, FloodingTimer::Connect(token));
    }

    /// Into the active view; if that is full, a random other one has to go, and stays known.
    fn make_active(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, other: PeerId) {
        if other == cx.this() || peer.is_neighbour(other) {
            return;
        }
        if peer.neighbours.len() >= peer.degree as usize
            && let Some(&dropped) = cx.rng().pick(&peer.neighbours)
        {
            peer.drop_neighbour(dropped);
            cx.send(dropped, FloodingMessage::Bye { instead: None });
            self.make_passive(peer, cx, dropped);
        }
        peer.add_neighbour(other);
        become_member(peer, cx);
    }

    fn make_passive(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, other: PeerId) {
        let this = cx.this();
        peer.learn(other, this, self.rules.host_cache.into(), cx.rng());
    }
}

/// A random neighbour that is none of these.
fn another(peer: &FloodingPeer, not: &[PeerId], rng: &mut Rng) -> Option<PeerId> {
    let candidates = peer.neighbours.iter().filter(|neighbour| !not.contains(neighbour));
    let count = candidates.clone().count();
    if count == 0 { None } else { candidates.copied().nth(rng.index(count)) }
}

/// Up to so many random ones.
fn some_of(list: &[PeerId], count: u8, rng: &mut Rng) -> Vec<PeerId> {
    let mut all = list.to_vec();
    rng.shuffle(&mut all);
    all.truncate(count.into());
    all
}

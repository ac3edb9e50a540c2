//! Links between servents: handshakes, pings, and what replaces a link that is gone.

use peerlab_model::{Context, PeerId, Span, Token};

use super::message::{FloodingMessage, Hosts};
use super::{FloodingLike, FloodingPeer, FloodingTimer, Variant};

/// Attempts that may fail before a pause, so that a full network is not asked again and again at the pace of its round trips.
const ATTEMPTS_PER_ROUND: u8 = 8;

/// Contacts that are asked for at once. With one, peers that join together can close into islands; a graph in which everybody
/// knows two random others is connected.
const FIRST_CONTACTS: u32 = 2;

type Cx<'a, V> = Context<'a, FloodingLike<V>>;

impl<V: Variant> FloodingLike<V> {
    /// Gets first contacts and connects. Nobody else is online: then this peer is the overlay.
    pub(super) fn bootstrap(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        for _ in 0..FIRST_CONTACTS {
            match cx.bootstrap() {
                Some(contact) => self.learn(peer, cx, contact),
                None => return become_member(peer, cx),
            }
        }
        self.fill(peer, cx);
    }

    /// Connects to addresses from the host cache until as many neighbours as wanted are there or on their way.
    pub(super) fn fill(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        while peer.lacking() > 0 && peer.failures < ATTEMPTS_PER_ROUND {
            let Some(candidate) = peer.take_candidate(cx.rng()) else { break };
            self.try_to_connect(peer, cx, candidate);
        }
        if peer.lacking() > 0 && !peer.retrying {
            peer.retrying = true;
            cx.set_timer(self.pause(peer), FloodingTimer::Retry);
        }
    }

    fn try_to_connect(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, candidate: PeerId) {
        let token = peer.connecting.open(candidate);
        // A link that is split for this peer brings it two neighbours.
        let needy = peer.lacking() > 0;
        cx.send(candidate, FloodingMessage::Connect { token, needy });
        cx.set_timer(self.rules.connect_timeout, FloodingTimer::Connect(token));
    }

    /// The pause before the next round: doubled with each round without success, up to the ping interval.
    fn pause(&self, peer: &FloodingPeer) -> Span {
        let shortest = self.rules.connect_timeout;
        let longest = self.rules.ping_interval.max(shortest);
        shortest.times(1 << peer.rounds.min(20)).min(longest)
    }

    pub(super) fn retry(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        peer.retrying = false;
        if peer.lacking() > 0 {
            peer.failures = 0;
            peer.rounds = peer.rounds.saturating_add(1);
            self.bootstrap(peer, cx);
        }
    }

    pub(super) fn connect(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, needy: bool) {
        if peer.is_neighbour(from) {
            // It has restarted, or we asked each other at the same time.
            peer.heard_from(from);
            cx.send(from, FloodingMessage::Accept { token });
        } else if self.has_room(peer) || (needy && make_room(peer, cx, from)) {
            peer.add_neighbour(from);
            cx.send(from, FloodingMessage::Accept { token });
            become_member(peer, cx);
        } else {
            let others = peer.advise(from, cx.rng());
            cx.send(from, FloodingMessage::Refuse { token, others });
        }
    }

    pub(super) fn accept(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        let asked = peer.connecting.close(token).is_some();
        if peer.is_neighbour(from) {
            return;
        }
        // Too late, or others were quicker.
        if !asked || !self.has_room(peer) {
            cx.send(from, FloodingMessage::Bye { instead: None });
            return;
        }
        peer.add_neighbour(from);
        peer.rounds = 0;
        become_member(peer, cx);
        // Its pong tells whom it knows.
        cx.send(from, FloodingMessage::Ping);
    }

    pub(super) fn refuse(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token, others: Hosts) {
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        if peer.connecting.close(token).is_some() {
            self.attempt_failed(peer, cx);
        }
    }

    pub(super) fn connect_timed_out(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token) {
        // The address was taken out of the host cache when it was tried: it is forgotten.
        if peer.connecting.close(token).is_some() {
            self.attempt_failed(peer, cx);
        }
    }

    fn attempt_failed(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        peer.failures = peer.failures.saturating_add(1);
        self.fill(peer, cx);
    }

    pub(super) fn bye(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, instead: Option<PeerId>) {
        if peer.drop_neighbour(from) {
            let instead = instead.filter(|&other| peer.lacking() > 0 && !peer.is_neighbour(other) && !peer.is_connecting_to(other));
            if let Some(other) = instead.filter(|&other| other != cx.this()) {
                self.try_to_connect(peer, cx, other);
            }
            self.lost_a_neighbour(peer, cx);
        }
    }

    pub(super) fn pong(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, others: Hosts, degree: Option<u16>) {
        peer.heard_from(from);
        if let Some(degree) = degree {
            peer.walks.get_or_insert_default().learn_degree(from, degree);
        }
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        self.fill(peer, cx);
    }

    /// A neighbour asks who is here.
    pub(super) fn answer_ping(&self, peer: &FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId) {
        if !peer.is_neighbour(from) {
            return refuse_stranger(peer, cx, from);
        }
        let others = peer.advise(from, cx.rng());
        let pong = if self.rules.degrees_matter() {
            FloodingMessage::DegreePong { others, degree: u16::try_from(peer.neighbours.len()).unwrap_or(u16::MAX) }
        } else {
            FloodingMessage::Pong { others }
        };
        cx.send(from, pong);
    }

    /// Once in a ping interval: neighbours that did not answer often enough are dead, the others are asked again.
    pub(super) fn ping_neighbours(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        let before = peer.neighbours.len();
        for at in (0..before).rev() {
            if peer.missed[at] >= self.rules.missed_pings {
                let dead = peer.neighbours.swap_remove(at);
                peer.missed.swap_remove(at);
                // Should it live after all, it learns that the link is closed.
                cx.send(dead, FloodingMessage::Bye { instead: None });
            }
        }
        for (&neighbour, missed) in peer.neighbours.iter().zip(&mut peer.missed) {
            *missed += 1;
            cx.send(neighbour, FloodingMessage::Ping);
        }
        if peer.neighbours.len() < before {
            self.lost_a_neighbour(peer, cx);
        }
        self.tidy(peer, cx);
    }

    /// Forgets what is too old; again after a ping interval.
    pub(super) fn tidy(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        peer.seen.tidy(cx.now(), self.memory);
        if let Some(walks) = &mut peer.walks {
            walks.tidy(&peer.neighbours);
        }
        cx.set_timer(self.rules.ping_interval, FloodingTimer::Ping);
    }

    fn lost_a_neighbour(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        if !peer.retrying {
            peer.failures = 0;
        }
        self.fill(peer, cx);
    }

    fn has_room(&self, peer: &FloodingPeer) -> bool {
        let most = peer.degree.saturating_add(self.rules.spare_links.into()).min(self.rules.max_neighbours);
        peer.neighbours.len() < most as usize
    }

    fn learn(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, host: PeerId) {
        let this = cx.this();
        peer.learn(host, this, self.rules.host_cache as usize, cx.rng());
    }
}

/// A message from a peer that is no neighbour: on its side the link still stands. A reset tells it, as TCP's would;
/// not while we are connecting to it, since its acceptance may have been overtaken. Where views are found by gossip anybody may ask.
pub(super) fn refuse_stranger<V: Variant>(peer: &FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId) {
    if peer.member.is_none() && !peer.is_connecting_to(from) {
        cx.send(from, FloodingMessage::Bye { instead: None });
    }
}

/// Splits one of a full peer's links for a newcomer: the neighbour at its other end is sent there. So an overlay can grow
/// though all peers have the neighbours that they want, and nobody's degree changes but the newcomer's.
fn make_room<V: Variant>(peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, newcomer: PeerId) -> bool {
    let Some(&neighbour) = cx.rng().pick(&peer.neighbours) else { return false };
    peer.drop_neighbour(neighbour);
    cx.send(neighbour, FloodingMessage::Bye { instead: Some(newcomer) });
    true
}

fn become_member<V: Variant>(peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
    if !peer.joined {
        peer.joined = true;
        cx.joined();
    }
}

//! Connections within a swarm, and peer exchange (BEP 11).
//!
//! Who asks for an item connects to others of its swarm; whoever has the item, or stays in the swarm, accepts as long as it has room. A connection lasts
//! until one of the two leaves the swarm or has been silent for too long. With peer exchange, who accepts tells at once whom it is connected to, and
//! each tells its neighbours once in a while what has changed; who hears of others that way connects to them as long as it has room.
//!
//! # Cost
//! 24 bytes a connection; a message a minute on each if there is news, else one every two minutes.
//!
//! # Not here
//! Acknowledgements, and the two packets that open a TCP connection before the handshake: the first one is the handshake itself.

use std::sync::Arc;

use peerlab_model::{ItemId, LookupId, PeerId, Span, Time, Token};

use super::client::{Candidate, Client, Request, Torrent};
use super::config::KEEP_ALIVE;
use super::message::{Named, TrackerMessage};
use super::{Cx, Tracker, TrackerTimer};

/// Peers that one message names as added, or as dropped, at the most (BEP 11).
const EXCHANGE_MAX: usize = 50;

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub(super) peer: PeerId,
    /// It has all of it.
    pub(super) seed: bool,
    /// It has not been told yet whom this peer is connected to.
    new: bool,
    heard: Time,
    sent: Time,
}

impl Torrent {
    fn neighbour(&mut self, peer: PeerId) -> Option<&mut Neighbour> {
        self.neighbours.iter_mut().find(|neighbour| neighbour.peer == peer)
    }

    fn drop_neighbour(&mut self, peer: PeerId) {
        let before = self.neighbours.len();
        self.neighbours.retain(|neighbour| neighbour.peer != peer);
        if self.neighbours.len() < before {
            self.added.retain(|&added| added != peer);
            self.dropped.push(peer);
        }
    }

    /// Whom it is connected to, but for the one who wants to know.
    fn connected_to(&self, but: PeerId) -> Named {
        Arc::new(self.neighbours.iter().map(|neighbour| neighbour.peer).filter(|&peer| peer != but).take(EXCHANGE_MAX).collect())
    }
}

impl Tracker {
    /// Asks a peer for a connection, for a question or to have more neighbours.
    pub(super) fn connect(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, candidate: Candidate, lookup: Option<LookupId>) {
        let request = Request::Handshake { item, candidate, lookup, attempt: 0, since: cx.now() };
        self.send_handshake(client, cx, request, Span::ZERO);
    }

    /// TCP sends it again after 1, 2, 4 … s (RFC 6298), as long as anybody waits for the connection.
    fn send_handshake(&self, client: &mut Client, cx: &mut Cx<'_>, request: Request, waited: Span) {
        let Request::Handshake { item, candidate, lookup, attempt, .. } = request else { return };
        let token = client.requests.open(request);
        cx.send(candidate.peer, TrackerMessage::Handshake { token, lookup, item });
        let wait = Span::from_secs(1 << attempt).min(self.config.connect_timeout.span().saturating_sub(waited));
        cx.set_timer(wait, TrackerTimer::Request(token));
    }

    /// No answer so far.
    pub(super) fn connect_again(&self, client: &mut Client, cx: &mut Cx<'_>, request: Request) {
        let Request::Handshake { item, candidate, lookup, attempt, since } = request else { return };
        let waited = cx.now().since(since);
        if waited < self.config.connect_timeout.span() {
            let request = Request::Handshake { item, candidate, lookup, attempt: attempt + 1, since };
            self.send_handshake(client, cx, request, waited);
        } else {
            self.not_connected(client, cx, request, true);
        }
    }

    /// Somebody wants a connection.
    pub(super) fn handshake(
        &self,
        client: &mut Client,
        cx: &mut Cx<'_>,
        from: PeerId,
        (token, lookup): (Token, Option<LookupId>),
        item: ItemId,
    ) {
        let Some(torrent) = client.torrent(item) else {
            cx.send(from, TrackerMessage::Reset { token, lookup });
            return;
        };
        let kept = self.keep(torrent, cx, from, None);
        let peers = if self.config.pex && kept { torrent.connected_to(from) } else { Arc::default() };
        if let Some(neighbour) = torrent.neighbour(from) {
            neighbour.new = false;
        }
        cx.send(from, TrackerMessage::Shaken { token, lookup, seed: torrent.seed, kept, peers });
    }

    /// Notes a connection, if there is room or it is there already; `seed` if it is known what the other one has.
    fn keep(&self, torrent: &mut Torrent, cx: &mut Cx<'_>, peer: PeerId, seed: Option<bool>) -> bool {
        let now = cx.now();
        // The machine may have had another identity, whose connection is gone.
        let seat = self.numbering.seat(peer);
        let earlier =
            torrent.neighbours.iter().map(|neighbour| neighbour.peer).find(|&one| one != peer && self.numbering.seat(one) == seat);
        if let Some(earlier) = earlier {
            torrent.drop_neighbour(earlier);
        }
        if let Some(neighbour) = torrent.neighbour(peer) {
            (neighbour.heard, neighbour.sent) = (now, now);
            neighbour.seed = seed.unwrap_or(neighbour.seed);
            return true;
        }
        if torrent.neighbours.len() >= usize::from(self.config.connections) {
            return false;
        }
        torrent.neighbours.push(Neighbour { peer, seed: seed.unwrap_or(false), new: true, heard: now, sent: now });
        torrent.added.push(peer);
        torrent.dropped.retain(|&dropped| dropped != peer);
        if !std::mem::replace(&mut torrent.ticking, true) {
            cx.set_timer(self.config.pex_interval.span(), TrackerTimer::Neighbours(torrent.item));
        }
        true
    }

    /// A peer has answered that it has all of it (`seed`), or nothing; it has `kept` the connection, and named others.
    pub(super) fn shaken(
        &self,
        client: &mut Client,
        cx: &mut Cx<'_>,
        from: PeerId,
        token: Token,
        (seed, kept): (bool, bool),
        named: &[PeerId],
    ) {
        let Some(Request::Handshake { item, candidate, lookup, .. }) = client.requests.close(token) else { return };
        // Of another identity than was named: the machine is the same, and that is what counts for a connection.
        let candidate = Candidate { peer: from, ..candidate };
        let is_kept = client.torrent(item).is_some_and(|torrent| kept && self.keep(torrent, cx, from, Some(seed)));
        // It has left the swarm meanwhile, or has no room any more.
        if kept && !is_kept {
            cx.send(from, TrackerMessage::Close { item });
        }
        self.connection_over(client, lookup);
        let named: Vec<Candidate> =
            named.iter().map(|&peer| Candidate { peer, hops: candidate.hops + 1, rounds: candidate.rounds + 1 }).collect();
        if let Some(id) = lookup.filter(|&id| seed && client.search(id).is_some()) {
            self.found(client, cx, id, candidate);
        }
        self.exchanged(client, cx, item, &named);
        if let Some(id) = lookup {
            self.go_on(client, cx, id);
        }
    }

    /// A connection that was asked for has come about, or has failed.
    fn connection_over(&self, client: &mut Client, lookup: Option<LookupId>) {
        if let Some(search) = lookup.and_then(|id| client.search(id)) {
            debug_assert!(search.in_flight > 0 && search.in_flight <= self.config.connect_parallel);
            search.in_flight -= 1;
        }
    }

    /// A peer has nothing to do with the torrent (`silent`: or has not answered at all).
    pub(super) fn not_connected(&self, client: &mut Client, cx: &mut Cx<'_>, request: Request, silent: bool) {
        let Request::Handshake { item, candidate, lookup, .. } = request else { return };
        self.connection_over(client, lookup);
        if let Some(torrent) = client.torrent(item) {
            torrent.drop_neighbour(candidate.peer);
        }
        if let Some(id) = lookup {
            if silent && client.search(id).is_some() {
                cx.timed_out(id);
            }
            self.go_on(client, cx, id);
        }
    }

    /// A neighbour has named others: candidates for a question; else, who stays in the swarm connects to them as long as it has room.
    fn exchanged(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, named: &[Candidate]) {
        if client.searches.iter().any(|search| search.item == item) {
            self.heard_of(client, cx, item, named);
            return;
        }
        let is_its = |request: &&Request| matches!(request, Request::Handshake { item: of, .. } if *of == item);
        let under_way = client.requests.iter().filter(is_its).count();
        let Some(torrent) = client.torrent(item).filter(|torrent| !torrent.seed && self.config.pex) else { return };
        let room = usize::from(self.config.connections).saturating_sub(torrent.neighbours.len() + under_way);
        let this = cx.this();
        let is_new = |candidate: &&Candidate| candidate.peer != this && torrent.neighbours.iter().all(|one| one.peer != candidate.peer);
        let new: Vec<Candidate> = named.iter().filter(is_new).take(room).copied().collect();
        for candidate in new {
            self.connect(client, cx, item, candidate, None);
        }
    }

    /// A neighbour has said something on a connection; who is none (any more) is told so.
    pub(super) fn on_connection(&self, client: &mut Client, cx: &mut Cx<'_>, from: PeerId, item: ItemId, added: &[PeerId]) {
        let now = cx.now();
        let Some(neighbour) = client.torrent(item).and_then(|torrent| torrent.neighbour(from)) else {
            cx.send(from, TrackerMessage::Close { item });
            return;
        };
        neighbour.heard = now;
        // It was reached, at best, in a hop and a round.
        let named: Vec<Candidate> = added.iter().map(|&peer| Candidate { peer, hops: 1, rounds: 0 }).collect();
        self.exchanged(client, cx, item, &named);
    }

    pub(super) fn closed(client: &mut Client, from: PeerId, item: ItemId) {
        if let Some(torrent) = client.torrent(item) {
            torrent.drop_neighbour(from);
        }
    }

    /// Gives up who has been silent for too long, and tells the others what is new.
    pub(super) fn look_after(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId) {
        let Some(torrent) = client.torrent(item) else { return };
        let (now, limit) = (cx.now(), self.config.connection_timeout.span());
        let silent: Vec<PeerId> =
            torrent.neighbours.iter().filter(|neighbour| now.since(neighbour.heard) > limit).map(|neighbour| neighbour.peer).collect();
        for peer in silent {
            torrent.drop_neighbour(peer);
        }
        if torrent.neighbours.is_empty() {
            torrent.ticking = false;
            torrent.added.clear();
            torrent.dropped.clear();
            return;
        }
        cx.set_timer(self.config.pex_interval.span(), TrackerTimer::Neighbours(item));
        let part = |list: &mut Vec<PeerId>| Named::new(list.drain(..list.len().min(EXCHANGE_MAX)).collect());
        let (added, dropped) = (part(&mut torrent.added), part(&mut torrent.dropped));
        let is_news = !added.is_empty() || !dropped.is_empty();
        for at in 0..torrent.neighbours.len() {
            let Neighbour { peer, new, sent, .. } = torrent.neighbours[at];
            let message = if self.config.pex && new {
                TrackerMessage::Exchange { item, added: torrent.connected_to(peer), dropped: Arc::default() }
            } else if self.config.pex && is_news {
                TrackerMessage::Exchange { item, added: Arc::clone(&added), dropped: Arc::clone(&dropped) }
            } else if now.since(sent) >= KEEP_ALIVE.span() {
                TrackerMessage::KeepAlive { item }
            } else {
                continue;
            };
            let neighbour = &mut torrent.neighbours[at];
            (neighbour.new, neighbour.sent) = (false, now);
            cx.send(peer, message);
        }
    }
}

//! Opening, accepting and closing connections; who else there is.

use std::sync::Arc;

use peerlab_model::{ItemId, PeerId, Span};

use super::connection::Connection;
use super::{Agent, Cx, NONE};
use crate::config::Method;
use crate::message::{Length, Peers, TransferMessage};

/// Peers that are named at once (BEP 11: "no more than 50").
const NAMED_MAX: usize = 50;

/// Connections for which there is room made at once: they are large, and nobody has more than a few dozen.
const ROOM: usize = 8;

/// How long the other end may take to answer.
pub(super) const ANSWER: Span = Span::from_secs(10);

impl Agent {
    /// A download begins, or goes on in another session: seeks sources.
    pub(super) fn resume(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        let now = cx.port.now();
        let servers_first = cx.plan.serves_parts() || cx.plan.config.model == Method::ClientServer;
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return };
        want.last_source = now;
        want.search_gap = Span::from_nanos(cx.plan.config.search_every.span().nanos() / 8);
        if servers_first {
            let servers = &cx.plan.servers;
            let first = self.rng.index(servers.len().max(1));
            want.candidates.add(servers.iter().copied().cycle().skip(first).take(servers.len()), now);
        }
        self.seek(cx, item);
        self.keep_going(cx);
    }

    /// The overlay has named somebody who has what download number `download` wants.
    pub fn source(&mut self, plan: &crate::Plan, port: &mut dyn crate::Port, download: u32, peer: PeerId) {
        let cx = &mut Cx { plan, port };
        let (now, this) = (cx.port.now(), cx.port.this());
        let Some(want) = self.wants.iter_mut().find(|want| want.download == download) else { return };
        // Who downloads from servers alone asks nobody else, whatever the overlay says.
        let is_usable = cx.plan.config.model != Method::ClientServer || cx.plan.is_server(peer);
        if peer != this && is_usable {
            want.candidates.add([peer], now);
        }
        let item = want.item;
        self.connect(cx, item);
    }

    /// A search for download number `download` is over.
    pub fn searched(&mut self, plan: &crate::Plan, port: &mut dyn crate::Port, download: u32) {
        let cx = &mut Cx { plan, port };
        let now = cx.port.now();
        let Some(want) = self.wants.iter_mut().find(|want| want.download == download) else { return };
        want.searching = false;
        want.next_search = now.saturating_add(want.search_gap);
        want.search_gap = want.search_gap.times(2).min(cx.plan.config.search_every.span());
        // Who has nobody else to turn to turns to the servers.
        want.candidates.add(cx.plan.servers.iter().copied(), now);
        let item = want.item;
        self.connect(cx, item);
    }

    /// Connects to more sources, and looks for more, if there are too few.
    pub(super) fn seek(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        self.connect(cx, item);
        let now = cx.port.now();
        let enough = cx.plan.wanted().div_ceil(2);
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return };
        if want.connected < enough && !want.searching && now >= want.next_search && cx.plan.config.model != Method::ClientServer {
            want.searching = true;
            let download = &mut self.downloads[want.download as usize];
            cx.port.search(want.download, download.searches, item);
            download.searches += 1;
        }
    }

    /// Connects to those who are said to have an item, as long as more connections are wanted.
    pub(super) fn connect(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        let now = cx.port.now();
        let Some(index) = self.wants.iter().position(|want| want.item == item) else { return };
        let mut next = 0;
        while self.wants[index].connected < cx.plan.wanted() && self.open < cx.plan.accepted(self.is_server) {
            let again = now.saturating_add(cx.plan.config.idle_timeout.span());
            let Some((place, peer)) = self.wants[index].candidates.next(next, now, again) else { return };
            next = place + 1;
            if self.about(item).any(|(_, connection)| connection.peer == peer) || self.banned.contains(&peer) {
                continue;
            }
            let slot = self.add(Connection::new(peer, item, NONE, cx.plan.layout(item).pieces(), now));
            let connection = self.connection_mut(slot);
            cx.port.send(peer, TransferMessage::Hello { item, slot }, &mut connection.order);
        }
        self.keep_going(cx);
    }

    fn add(&mut self, connection: Connection) -> u16 {
        self.open += 1;
        if let Some(want) = self.wants.iter_mut().find(|want| want.item == connection.item) {
            want.connected += 1;
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            if self.connections.len() == self.connections.capacity() {
                self.connections.reserve_exact(ROOM);
            }
            self.connections.push(None);
            (self.connections.len() - 1) as u16
        });
        self.connections[slot as usize] = Some(connection);
        slot
    }

    /// Somebody wants a connection.
    pub(super) fn hello(&mut self, cx: &mut Cx<'_>, from: PeerId, item: ItemId, theirs: u16) {
        let (now, this) = (cx.port.now(), cx.port.this());
        let earlier = self.about(item).find(|(_, connection)| connection.peer == from).map(|(slot, it)| (slot, it.is_answered()));
        match earlier {
            // Both have called each other: the call of the one with the lower number counts.
            Some((_, false)) if this < from => return,
            // The one before was in another life of theirs.
            Some((slot, _)) => self.forget(cx, slot),
            None => {}
        }
        let fetches = self.want(item).is_some();
        let has_it = self.is_server || if fetches { cx.plan.serves_parts() } else { cx.port.holds(item) };
        let can_serve = has_it && !self.banned.contains(&from) && !cx.port.refuses(item);
        if !can_serve || self.open >= cx.plan.accepted(self.is_server) {
            let names = can_serve && cx.plan.serves_parts();
            let peers = if names { self.name(item, from) } else { Peers::default() };
            let mut order = peerlab_model::Time::MIN;
            cx.port.send(from, TransferMessage::Close { to: theirs, peers }, &mut order);
            return;
        }
        let slot = self.add(Connection::new(from, item, theirs, cx.plan.layout(item).pieces(), now));
        self.say(cx, slot, |to| TransferMessage::Welcome { to, slot });
        self.introduce(cx, slot);
        self.keep_going(cx);
    }

    /// The other end has answered.
    pub(super) fn welcome(&mut self, cx: &mut Cx<'_>, slot: u16, theirs: u16) {
        let connection = self.connection_mut(slot);
        if connection.is_answered() {
            return;
        }
        connection.theirs = theirs;
        self.introduce(cx, slot);
    }

    /// Tells the other end what there is here, and who else.
    fn introduce(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let (item, peer) = (self.connection(slot).item, self.connection(slot).peer);
        let bits = match self.want(item) {
            Some(want) if !cx.plan.serves_parts() || want.stock.have().count() == 0 => None,
            Some(want) => Some(Arc::new(want.stock.have().clone())),
            None if self.offers(cx) => {
                self.offer(cx, slot);
                None
            }
            None => Some(cx.plan.all(item)),
        };
        if let Some(bits) = bits {
            let bytes = Length(cx.plan.layout(item).pieces().div_ceil(8));
            self.say(cx, slot, |to| TransferMessage::Pieces { to, bits, bytes });
        }
        let peers = self.name(item, peer);
        if cx.plan.serves_parts() && !peers.is_empty() {
            self.say(cx, slot, |to| TransferMessage::Others { to, peers });
        }
    }

    /// Some of those who are connected about an item, for somebody else: those who came last.
    fn name(&self, item: ItemId, to: PeerId) -> Peers {
        let mut named: Vec<_> =
            self.about(item).filter(|(_, it)| it.is_answered() && it.peer != to).map(|(_, it)| (it.began, it.peer)).collect();
        named.sort_unstable_by(|one, other| other.cmp(one));
        Arc::new(named.into_iter().take(NAMED_MAX).map(|(_, peer)| peer).collect())
    }

    /// Names those who have come since it was last done to everybody else (peer exchange: BEP 11).
    pub(super) fn name_newcomers(&mut self, cx: &mut Cx<'_>) {
        let now = cx.port.now();
        if !cx.plan.serves_parts() || now.since(self.named) < cx.plan.config.search_every.span() {
            return;
        }
        let since = std::mem::replace(&mut self.named, now);
        let mut new: Vec<_> =
            self.connections.iter().flatten().filter(|it| it.began >= since && it.is_answered()).map(|it| (it.item, it.peer)).collect();
        new.sort_unstable_by_key(|&(item, _)| item);
        for group in new.chunk_by(|one, other| one.0 == other.0) {
            let peers: Peers = Arc::new(group.iter().take(NAMED_MAX).map(|&(_, peer)| peer).collect());
            let complete = |it: &Connection| it.is_complete(cx.plan);
            let told: Vec<u16> = self.about(group[0].0).filter(|(_, it)| it.is_answered() && !complete(it)).map(|(slot, _)| slot).collect();
            for slot in told {
                let peers = Arc::clone(&peers);
                self.say(cx, slot, |to| TransferMessage::Others { to, peers });
            }
        }
    }

    /// The other end has named others.
    pub(super) fn others(&mut self, cx: &mut Cx<'_>, slot: u16, peers: &Peers) {
        let item = self.connection(slot).item;
        self.hear_of(cx, item, peers);
    }

    fn hear_of(&mut self, cx: &mut Cx<'_>, item: ItemId, peers: &Peers) {
        let (now, this) = (cx.port.now(), cx.port.this());
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return };
        want.candidates.add(peers.iter().copied().filter(|&peer| peer != this), now);
        self.connect(cx, item);
    }

    /// The other end has closed the connection, or refused it.
    pub(super) fn closed(&mut self, cx: &mut Cx<'_>, slot: u16, peers: &Peers) {
        let item = self.connection(slot).item;
        self.forget(cx, slot);
        self.hear_of(cx, item, peers);
    }

    /// Closes a connection; `politely`: the other end is told, if it has answered.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>, slot: u16, politely: bool) {
        if politely && self.connection(slot).is_answered() {
            self.say(cx, slot, |to| TransferMessage::Close { to, peers: Peers::default() });
        }
        self.forget(cx, slot);
    }

    /// A connection is over.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let connection = self.connections[slot as usize].take().expect("the connection is there");
        self.vacant.push(slot);
        self.open -= 1;
        self.ring.remove(slot);
        self.servants.retain(|&servant| servant != slot);
        self.waiting.retain(|&waiting| waiting != slot);
        self.optimistic = if self.optimistic == slot { NONE } else { self.optimistic };
        if let Some(want) = self.wants.iter_mut().find(|want| want.item == connection.item) {
            want.connected -= 1;
            connection.asked.iter().for_each(|&(block, _)| want.stock.release(block, cx.plan.layout(connection.item)));
            connection.have.iter().for_each(|piece| want.rarity[piece as usize] -= 1);
        }
        if !connection.asked.is_empty() {
            self.ask_others(cx, connection.item);
        }
        if connection.served {
            self.served.retain(|&served| served != slot);
            self.serve_next(cx);
        }
    }
}

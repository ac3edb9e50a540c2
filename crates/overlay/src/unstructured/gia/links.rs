//! Links: whom a peer seeks, the handshake, pings, and what replaces a link that is gone.

use std::sync::Arc;

use peerlab_model::{Context, ItemId, PeerId, Token};

use super::message::{GiaMessage, Holdings, Hosts, Report, Told};
use super::peer::GiaPeer;
use super::rules::{Decision, Standing, decide, pause, satisfaction};
use super::{Gia, GiaTimer, own_capacity};
use crate::unstructured::membership::{Member, Membership};

type Cx<'a> = Context<'a, Gia>;

/// Contacts that are asked for at once. With one, peers that join together can close into islands.
const FIRST_CONTACTS: u32 = 2;

impl Gia {
    /// Gets first contacts and connects. Nobody else is online: then this peer is the overlay.
    pub(super) fn enter(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        if self.membership.is_some() {
            return self.gossip(peer, cx, Membership::join);
        }
        self.seek_contacts(peer, cx);
        self.adapt(peer, cx);
    }

    /// Whatever happens to the views: whoever finds somebody in them for the first time need not wait to connect.
    pub(super) fn gossip(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, happens: impl FnOnce(&Membership, &mut Member, &mut Cx<'_>)) {
        let (Some(membership), Some(views)) = (&self.membership, &mut peer.views) else { return };
        let was_alone = views.member.neighbours().is_empty();
        happens(membership, &mut views.member, cx);
        if was_alone && !views.member.neighbours().is_empty() {
            self.adapt(peer, cx);
        }
    }

    fn seek_contacts(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        for _ in 0..FIRST_CONTACTS {
            match cx.bootstrap() {
                Some(contact) => self.learn(peer, cx, (contact, 0)),
                None => return become_member(peer, cx),
            }
        }
    }

    /// How content this peer is with its neighbours.
    pub(super) fn satisfaction(&self, peer: &GiaPeer, cx: &Cx<'_>) -> f64 {
        satisfaction(&self.config, own_capacity(&self.config, cx), peer.standings())
    }

    /// A look at the neighbours: a peer that is not content tries somebody else, and one that tries looks again when it has an answer.
    pub(super) fn adapt(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        let content = self.satisfaction(peer, cx);
        if content < 1.0 && peer.connecting.is_empty() {
            if peer.hosts.is_empty() && self.membership.is_none() {
                self.seek_contacts(peer, cx);
            }
            let own = own_capacity(&self.config, cx);
            if let Some(candidate) = peer.take_candidate(self.config.candidates, own, cx.rng()) {
                let token = peer.connecting.open(candidate);
                cx.send(candidate, GiaMessage::Connect { token, standing: self.told(peer, cx) });
                cx.set_timer(self.config.connect_timeout.span(), GiaTimer::Connect(token));
                return;
            }
            // Nobody to try: whoever is to come may take a while.
            return self.look_again(peer, cx, 1.0);
        }
        if peer.connecting.is_empty() {
            self.look_again(peer, cx, content);
        }
    }

    fn look_again(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, content: f64) {
        peer.round = peer.round.wrapping_add(1);
        cx.set_timer(pause(&self.config, content), GiaTimer::Adapt(peer.round));
    }

    /// An attempt has ended, or a neighbour is gone: the next look is as soon as the peer is discontent.
    fn reconsider(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        if peer.connecting.is_empty() {
            let content = self.satisfaction(peer, cx);
            self.look_again(peer, cx, content);
        }
    }

    fn told(&self, peer: &GiaPeer, cx: &Cx<'_>) -> Told {
        Told { capacity: own_capacity(&self.config, cx), degree: peer.degree() }
    }

    /// All that this peer holds, with the tokens that a new neighbour begins with.
    fn holdings(peer: &GiaPeer, cx: &Cx<'_>, tokens: u16) -> Holdings {
        Holdings { items: Arc::from(cx.shares()), version: peer.version, tokens }
    }

    fn decide(&self, peer: &GiaPeer, cx: &Cx<'_>, newcomer: Told) -> Decision {
        let newcomer = Standing { capacity: newcomer.capacity, degree: newcomer.degree };
        decide(&self.config, own_capacity(&self.config, cx), peer.standings(), newcomer)
    }

    /// The first step of a handshake: whoever asks is told whether it would be taken.
    pub(super) fn connect(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, told: Told) {
        // A neighbour that asks has restarted, or we ask each other at the same time.
        if peer.place_of(from).is_some() || self.decide(peer, cx, told) != Decision::Reject {
            cx.send(from, GiaMessage::Accept { token, standing: self.told(peer, cx) });
        } else {
            let others = peer.advise(from, cx.rng());
            cx.send(from, GiaMessage::Refuse { token, others });
        }
        self.learn(peer, cx, (from, told.capacity));
    }

    /// The second step: the other one would; whoever has asked decides in its turn.
    pub(super) fn accept(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, told: Told) {
        let asked = peer.connecting.close(token).is_some();
        if asked && self.take(peer, cx, from, told) {
            let holdings = Self::holdings(peer, cx, self.config.tokens_initial);
            cx.send(from, GiaMessage::Confirm { standing: self.told(peer, cx), holdings });
            become_member(peer, cx);
        }
        if asked {
            self.reconsider(peer, cx);
        }
    }

    /// The third step: they are neighbours, unless somebody else has been quicker.
    pub(super) fn confirm(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, told: Told, holdings: &Holdings) {
        if !self.take(peer, cx, from, told) {
            return cx.send(from, GiaMessage::Bye);
        }
        cx.send(from, GiaMessage::Index(Self::holdings(peer, cx, self.config.tokens_initial)));
        become_member(peer, cx);
        self.indexed(peer, cx, from, holdings);
    }

    /// Makes a neighbour of somebody, if there is room or somebody gives way to it.
    fn take(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, newcomer: PeerId, told: Told) -> bool {
        let decision = if peer.place_of(newcomer).is_some() { Decision::Accept } else { self.decide(peer, cx, told) };
        match decision {
            Decision::Reject => return false,
            Decision::Replace(at) => {
                let dropped = peer.neighbours[at].peer;
                peer.unlink(dropped);
                cx.send(dropped, GiaMessage::Bye);
            }
            Decision::Accept => {}
        }
        let neighbour = peer.link(newcomer, told, self.config.tokens_initial);
        // What it may send is counted from here; what we may send it will say.
        neighbour.tokens = 0;
        true
    }

    /// A neighbour has said what it holds.
    pub(super) fn indexed(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, holdings: &Holdings) {
        let Some(at) = peer.place_of(from) else { return refuse_stranger(peer, cx, from) };
        peer.neighbours[at].version = holdings.version;
        peer.index.set(from, &holdings.items);
        self.got_tokens(peer, cx, from, holdings.tokens);
    }

    /// A neighbour has missed a change of what this peer holds.
    pub(super) fn answer_ask_index(peer: &GiaPeer, cx: &mut Cx<'_>, from: PeerId) {
        if peer.place_of(from).is_none() {
            return refuse_stranger(peer, cx, from);
        }
        cx.send(from, GiaMessage::Index(Self::holdings(peer, cx, 0)));
    }

    /// What a neighbour holds has changed. A change that does not follow upon the last one is one of several: all of it is asked for.
    pub(super) fn changed(peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, items: &[ItemId], added: bool, version: u32) {
        let Some(at) = peer.place_of(from) else { return refuse_stranger(peer, cx, from) };
        let known = &mut peer.neighbours[at].version;
        if version != known.wrapping_add(1) {
            return cx.send(from, GiaMessage::AskIndex);
        }
        *known = version;
        if added {
            peer.index.add(from, items);
        } else {
            peer.index.remove(from, items);
        }
    }

    /// Tells the neighbours of a change of what this peer holds.
    pub(super) fn announce(peer: &mut GiaPeer, cx: &mut Cx<'_>, items: &[ItemId], added: bool) {
        peer.version = peer.version.wrapping_add(1);
        let items: Arc<[ItemId]> = Arc::from(items);
        for neighbour in &peer.neighbours {
            cx.send(neighbour.peer, GiaMessage::Change { items: Arc::clone(&items), added, version: peer.version });
        }
    }

    pub(super) fn refused(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, token: Token, others: Hosts) {
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        self.attempt_failed(peer, cx, token);
    }

    /// The address was taken out of the host cache when it was tried: it is forgotten.
    pub(super) fn attempt_failed(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, token: Token) {
        if peer.connecting.close(token).is_some() {
            self.reconsider(peer, cx);
        }
    }

    pub(super) fn bye(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId) {
        if let Some(gone) = peer.unlink(from) {
            // It lives, and may have room another time.
            self.learn(peer, cx, (from, gone.capacity));
            self.reconsider(peer, cx);
            self.try_waiting(peer, cx);
        }
    }

    /// Once in a ping interval: neighbours that did not answer often enough are dead, and those that have not pinged are pinged.
    pub(super) fn ping_neighbours(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        let before = peer.neighbours.len();
        for at in (0..before).rev() {
            let neighbour = &mut peer.neighbours[at];
            if neighbour.missed >= self.config.missed_pings {
                let dead = neighbour.peer;
                peer.unlink(dead);
                // Should it live after all, it learns that the link is closed.
                cx.send(dead, GiaMessage::Bye);
            } else if !std::mem::take(&mut neighbour.pinged) {
                neighbour.missed += 1;
                let to = neighbour.peer;
                cx.send(to, GiaMessage::Ping(peer.report_to(at)));
            }
        }
        if peer.neighbours.len() < before {
            self.reconsider(peer, cx);
            self.try_waiting(peer, cx);
        }
        peer.seen.tidy(cx.now(), self.memory);
        cx.set_timer(self.config.ping_interval.span(), GiaTimer::Ping);
    }

    pub(super) fn answer_ping(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, report: Report) {
        let Some(at) = peer.place_of(from) else { return refuse_stranger(peer, cx, from) };
        peer.neighbours[at].pinged = true;
        let others = peer.advise(from, cx.rng());
        cx.send(from, GiaMessage::Pong { report: peer.report_to(at), others });
        self.reported(peer, cx, at, report);
    }

    pub(super) fn pong(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, report: Report, others: Hosts) {
        others.as_slice().iter().for_each(|&host| self.learn(peer, cx, host));
        if let Some(at) = peer.place_of(from) {
            self.reported(peer, cx, at, report);
        }
    }

    /// A neighbour has said how it stands.
    fn reported(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, at: usize, report: Report) {
        let neighbour = &mut peer.neighbours[at];
        neighbour.degree = report.degree;
        // Tokens, or queries that used them, may have been lost. What is on its way now comes on top: a few too many for a while.
        neighbour.given = neighbour.given.min(report.tokens);
        if neighbour.version != report.version {
            cx.send(neighbour.peer, GiaMessage::AskIndex);
        }
        self.expect_tokens(peer, cx);
    }

    fn learn(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, host: (PeerId, u32)) {
        let this = cx.this();
        peer.learn(host, this, self.config.host_cache.into(), cx.rng());
    }
}

/// A message from a peer that is no neighbour: on its side the link still stands. A reset tells it, as TCP's would; not while we are
/// connecting to it, since its answer may have been overtaken.
pub(super) fn refuse_stranger(peer: &GiaPeer, cx: &mut Cx<'_>, from: PeerId) {
    if !peer.connecting.iter().any(|&other| other == from) {
        cx.send(from, GiaMessage::Bye);
    }
}

fn become_member(peer: &mut GiaPeer, cx: &mut Cx<'_>) {
    if !peer.joined {
        peer.joined = true;
        cx.joined();
    }
}

//! Becoming a member, and saying goodbye.
//!
//! A newcomer asks an introducer for contacts, and one of those in its own group for its view and its filetuples; with these it is a member
//! and begins to gossip (paper, section 2.1). It has *joined*, for the world, some rounds later, when others have had time to hear of it.

use std::sync::Arc;

use peerlab_model::{LookupId, PeerId, Span, Token};

use super::message::{News, Tuple};
use super::peer::{KelipsPeer, Pending};
use super::view::heartbeat;
use super::{Cx, Kelips, KelipsMessage, KelipsTimer};
use crate::structured::newcomers::Newcomers;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

/// Filetuples in one message: what fits into a datagram of 1500 bytes.
const TUPLES_PER_MESSAGE: usize = 28;

impl Kelips {
    pub(super) fn attempt_join(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if peer.active {
            return;
        }
        let met = peer.extra.as_deref().and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => self.ask_for_introduction(cx, met.unwrap_or(contact)),
            None => self.create(peer, cx),
        }
    }

    /// Begins a network of one.
    fn create(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        self.become_member(peer, cx);
        Self::announce(peer, cx);
    }

    fn become_member(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        peer.active = true;
        peer.extra().newcomers = Newcomers::default();
        self.begin_ticking(peer, cx);
    }

    /// Tells the world, once, that this peer has joined.
    pub(super) fn announce(peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if !peer.announced {
            peer.announced = true;
            cx.joined();
        }
    }

    pub(super) fn join_failed(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if peer.active {
            // A member asks again in time.
            return;
        }
        if peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id)) {
            self.create(peer, cx);
        } else {
            let half = JOIN_PAUSE.nanos() / 2;
            let pause = Span::from_nanos(half + cx.rng().below(2 * half));
            cx.set_timer(pause, KelipsTimer::Join);
        }
    }

    /// "I am no member."
    pub(super) fn refuse(peer: &mut KelipsPeer, cx: &mut Cx<'_>, to: PeerId, token: Token, lookup: Option<LookupId>) {
        let this = peer.id;
        let lowest = peer.extra().newcomers.refuse(this, to);
        cx.send(to, KelipsMessage::Refuse { lowest, lookup, token });
    }

    pub(super) fn ask_for_introduction(&self, cx: &mut Cx<'_>, to: PeerId) {
        let token = cx.open(Pending::Introduce { to });
        cx.send(to, KelipsMessage::Introduce { token });
        self.await_answer(cx, token);
    }

    /// One contact of each group, and all that this peer knows of the asker's.
    pub(super) fn asked_to_introduce(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if !peer.active {
            Self::refuse(peer, cx, from, token, None);
            return;
        }
        let group = self.group_of(from);
        let mut news = vec![News::alive(peer.id, heartbeat(cx.now()))];
        for other in (0..self.groups).filter(|&other| other != peer.group) {
            let all = if other == group { usize::MAX } else { 1 };
            news.extend(peer.contacts.of(other).take(all).map(|known| News::alive(known.peer, known.heartbeat)));
        }
        if group == peer.group {
            news.extend(peer.view.list().iter().map(|known| News::alive(known.peer, known.heartbeat)));
        } else if let Some(member) = cx.rng().pick(peer.view.list()) {
            news.push(News::alive(member.peer, member.heartbeat));
        }
        news.retain(|told| told.peer != from);
        cx.send(from, KelipsMessage::Introduction { news: Arc::from(news), token });
    }

    pub(super) fn introduced(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, news: &[News]) {
        let Some(Pending::Introduce { to }) = cx.close(token) else { return };
        let now = cx.now();
        if to != from {
            self.lost(peer, now, to);
        }
        self.hear(peer, now, from);
        for &told in news {
            self.hear_of(peer, now, told);
        }
        if !peer.active {
            self.ask_for_group(peer, cx);
        }
    }

    /// Any member of the own group will do; if there is none (left), this peer is the first one.
    pub(super) fn ask_for_group(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if peer.active {
            return;
        }
        let Some(to) = cx.rng().pick(peer.view.list()).map(|known| known.peer) else {
            self.become_member(peer, cx);
            return;
        };
        let token = cx.open(Pending::GetGroup { to });
        cx.send(to, KelipsMessage::GetGroup { token });
        self.await_answer(cx, token);
    }

    pub(super) fn asked_for_group(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if !peer.active {
            Self::refuse(peer, cx, from, token, None);
            return;
        }
        let others = peer.view.list().iter().filter(|known| known.peer != from);
        let news: Arc<[News]> = others.map(|known| News::alive(known.peer, known.heartbeat)).collect();
        cx.send(from, KelipsMessage::Group { news, token });
        if self.group_of(from) == peer.group {
            let now = cx.now();
            let living = peer.tuples.iter().filter(|record| record.expires > now);
            let tuples: Vec<Tuple> = living.map(|&record| Tuple { record, removed: false }).collect();
            for part in tuples.chunks(TUPLES_PER_MESSAGE) {
                cx.send(from, KelipsMessage::Tuples { tuples: Arc::from(part) });
            }
        }
        self.hear(peer, cx.now(), from);
    }

    pub(super) fn group_came(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, news: &[News]) {
        let Some(Pending::GetGroup { to }) = cx.close(token) else { return };
        let now = cx.now();
        if to != from {
            self.lost(peer, now, to);
        }
        self.hear(peer, now, from);
        for &told in news {
            self.hear_of(peer, now, told);
        }
        if self.group_of(from) != peer.group {
            // The machine has another identity now, of another group.
            self.ask_for_group(peer, cx);
        } else if !peer.active {
            self.become_member(peer, cx);
        }
    }

    /// Some members of the group and some contacts hear of it, and pass it on.
    pub(super) fn say_goodbye(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if !peer.active {
            return;
        }
        let goodbye: Arc<[News]> = Arc::from([News { peer: peer.id, heartbeat: heartbeat(cx.now()), gone: true }]);
        self.hand_over_values(peer, cx);
        for to in self.targets_of_goodbye(peer, cx.rng()) {
            cx.send(to, KelipsMessage::Gossip { news: Arc::clone(&goodbye), tuples: None });
        }
    }
}

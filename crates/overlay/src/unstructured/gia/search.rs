//! Queries: walks towards capacity, answers along the way back, and signs of life.
//!
//! A query goes to the neighbour of the highest capacity that has given a token and has not had it from here; without a token it waits.
//! Whoever gets it answers for itself and for its neighbours. Answers and keep-alives go back from peer to peer to where each had it first
//! from, whether or not they are neighbours still.
//!
//! # Source
//! Sections 3.3 (answers for neighbours), 3.4 (walks, TTL, MAX_RESPONSES) and 3.5 (keep-alives).

use std::sync::Arc;

use peerlab_model::{Context, Hit, LookupId, PeerId, Target, Token};

use super::links::refuse_stranger;
use super::message::{GiaMessage, Sought, Walk};
use super::peer::{GiaPeer, Question, Trace, Waiting};
use super::{Gia, GiaTimer};
use crate::unstructured::descriptor::{descriptor, lookup_of};

type Cx<'a> = Context<'a, Gia>;

/// Where a query can go from here.
enum Way {
    /// To this neighbour, by its number in the list.
    To(usize),
    /// Nowhere, until a token comes.
    Wait,
}

/// Whom this peer can name: itself, and those of its neighbours that have told it so. All matching is here.
fn matches(peer: &GiaPeer, cx: &Cx<'_>, wanted: Sought) -> Vec<PeerId> {
    let this = cx.this();
    match wanted {
        Sought::Item(item) => cx.holds(item).then_some(this).into_iter().chain(peer.index.holders(item)).collect(),
        Sought::Peer(named) => (named == this || peer.place_of(named).is_some()).then_some(named).into_iter().collect(),
    }
}

impl Gia {
    /// This peer's own question.
    pub(super) fn ask(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let wanted = match target {
            Target::Item(item) => Sought::Item(item),
            Target::Peer(named) => Sought::Peer(named),
            // Nobody is responsible for a key here.
            _ => return cx.finish(id),
        };
        let now = cx.now();
        let token = peer.questions.open(Question { id, wanted, asked: now, alive: now, round: 0, named: Vec::new() });
        for holder in matches(peer, cx, wanted) {
            self.answered(peer, cx, id, holder, 0);
        }
        if peer.questions.get_mut(token).is_none() {
            return;
        }
        if peer.neighbours.is_empty() {
            // Nobody to ask.
            return end(peer, cx, token);
        }
        cx.set_timer(self.config.keep_alive_timeout.span().min(self.config.query_timeout.span()), GiaTimer::Question(token));
        self.set_out(peer, cx, token);
    }

    /// Sends out the query that is due for a question.
    fn set_out(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, token: Token) {
        let (this, now) = (cx.this(), cx.now());
        let Some(question) = peer.questions.get_mut(token) else { return };
        question.alive = now;
        let id = descriptor(question.id, question.round);
        let named = (!question.named.is_empty()).then(|| Arc::new(question.named.clone()));
        let left = self.config.max_responses - question.named.len() as u16;
        let walk = Walk { id, wanted: question.wanted, hops: 0, left, tokens: 0, named };
        peer.seen.insert(id, Trace::new(this), now, self.memory);
        self.go_on(peer, cx, walk);
    }

    /// A question's time is over, or its query has been silent for long: then another one goes out.
    pub(super) fn look_after(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, token: Token) {
        let now = cx.now();
        let Some(question) = peer.questions.get_mut(token) else { return };
        let (age, silence) = (now.since(question.asked), now.since(question.alive));
        let (patience, limit) = (self.config.keep_alive_timeout.span(), self.config.query_timeout.span());
        if age >= limit || cx.setting().is_overdue(age) {
            return end(peer, cx, token);
        }
        let (id, round) = (question.id, question.round);
        let alone = peer.neighbours.is_empty();
        let waits_here = peer.waiting.iter().any(|waiting| waiting.walk.id == descriptor(id, round));
        if waits_here || silence < patience {
            let rest = if waits_here { patience } else { patience.saturating_sub(silence) };
            return cx.set_timer(rest.min(limit.saturating_sub(age)), GiaTimer::Question(token));
        }
        cx.timed_out(id);
        if round + 1 >= self.config.attempts || alone {
            return end(peer, cx, token);
        }
        question.round += 1;
        cx.set_timer(patience.min(limit.saturating_sub(age)), GiaTimer::Question(token));
        self.set_out(peer, cx, token);
    }

    /// A query from a neighbour: answered as far as this peer can, and passed on.
    pub(super) fn walked(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, mut walk: Walk) {
        self.got_tokens(peer, cx, from, walk.tokens);
        let by = peer.place_of(from);
        match by {
            Some(by) => self.token_used(peer, cx, by),
            // The query cannot help it, and goes on.
            None => refuse_stranger(peer, cx, from),
        }
        if peer.seen.insert(walk.id, Trace::new(from), cx.now(), self.memory)
            && let (Some(by), Some(trace)) = (by, peer.seen.get_mut(walk.id, cx.now(), self.memory))
        {
            // Whom it came from has had it.
            trace.mark(peer.neighbours[by].slot);
        }
        self.answer(peer, cx, &mut walk);
        if walk.left == 0 {
            return;
        }
        let is_over = walk.hops >= self.config.ttl;
        if is_over || walk.hops.is_multiple_of(self.config.keep_alive_hops) {
            self.sign_of_life(peer, cx, walk.id, is_over);
        }
        if !is_over {
            self.go_on(peer, cx, walk);
        }
    }

    /// Names those who have what the query looks for, each once.
    fn answer(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, walk: &mut Walk) {
        for holder in matches(peer, cx, walk.wanted) {
            let is_new = walk.named.as_ref().is_none_or(|named| !named.contains(&holder));
            if walk.left == 0 || !is_new {
                continue;
            }
            walk.left -= 1;
            if walk.left > 0 {
                Arc::make_mut(walk.named.get_or_insert_default()).push(holder);
            }
            self.pass_back(peer, cx, GiaMessage::Response { id: walk.id, holder, hops: walk.hops, tokens: 0 });
        }
    }

    fn sign_of_life(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, id: LookupId, over: bool) {
        self.pass_back(peer, cx, GiaMessage::KeepAlive { id, over, tokens: 0 });
    }

    /// An answer or a sign of life, on its way to the origin of its query.
    pub(super) fn came_back(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, from: PeerId, message: GiaMessage) {
        if let GiaMessage::Response { tokens, .. } | GiaMessage::KeepAlive { tokens, .. } = message {
            self.got_tokens(peer, cx, from, tokens);
            self.pass_back(peer, cx, message);
        }
    }

    /// Takes an answer or a sign of life in, or passes it on to where its query came from. Without a remembered way it is lost.
    fn pass_back(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, mut message: GiaMessage) {
        let (GiaMessage::Response { id, .. } | GiaMessage::KeepAlive { id, .. }) = message else { return };
        let Some(Trace { from, .. }) = peer.seen.from(id, cx.now(), self.memory) else { return };
        if from == cx.this() {
            return match message {
                GiaMessage::Response { holder, hops, .. } => self.answered(peer, cx, lookup_of(id), holder, hops),
                _ => Self::reassured(peer, cx, id, matches!(message, GiaMessage::KeepAlive { over: true, .. })),
            };
        }
        if let (Some(at), GiaMessage::Response { tokens, .. } | GiaMessage::KeepAlive { tokens, .. }) = (peer.place_of(from), &mut message)
        {
            *tokens = peer.neighbours[at].hand_over();
        }
        cx.send(from, message);
    }

    /// An answer to this peer's own question.
    fn answered(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, id: LookupId, holder: PeerId, hops: u16) {
        let now = cx.now();
        let Some((token, question)) = peer.questions.find_mut(|question| question.id == id) else { return };
        question.alive = now;
        // A query that was sent out again may meet the same ones.
        if question.named.contains(&holder) {
            return;
        }
        question.named.push(holder);
        let enough = question.named.len() >= usize::from(self.config.max_responses);
        cx.hit(id, Hit { peer: holder, hops: hops.into(), rounds: 0 });
        if enough {
            end(peer, cx, token);
        }
    }

    /// The query of a question of this peer's own lives, or has gone as far as it may.
    fn reassured(peer: &mut GiaPeer, cx: &mut Cx<'_>, id: LookupId, over: bool) {
        let now = cx.now();
        let is_it = |question: &Question| descriptor(question.id, question.round) == id;
        let Some((token, question)) = peer.questions.find_mut(is_it) else { return };
        question.alive = now;
        if over {
            end(peer, cx, token);
        }
    }

    /// Sends a query on, or lets it wait; where too many do, it is lost.
    fn go_on(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, walk: Walk) {
        match self.way(peer, cx, walk.id) {
            Way::To(at) => send_to(peer, cx, at, walk),
            Way::Wait if peer.waiting.len() < usize::from(self.config.backlog_max) => {
                peer.waiting.push_back(Waiting { walk, since: cx.now() });
                if !std::mem::replace(&mut peer.holding, true) {
                    cx.set_timer(self.config.keep_alive_interval.span(), GiaTimer::Waiting);
                }
            }
            Way::Wait => {}
        }
    }

    /// The neighbour of the highest capacity that has given a token and has not had the query from here. When all have had it, the book
    /// of the query is begun anew.
    fn way(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>, id: LookupId) -> Way {
        let GiaPeer { neighbours, seen, .. } = peer;
        // Forgotten, where there is much to remember: then it is as if it came for the first time.
        let mut fresh = Trace::new(cx.this());
        let trace = seen.get_mut(id, cx.now(), self.memory).unwrap_or(&mut fresh);
        if neighbours.iter().all(|neighbour| trace.has(neighbour.slot)) {
            trace.forget();
        }
        let (mut best, mut equals) = (None, 0);
        for (at, neighbour) in neighbours.iter().enumerate().filter(|(_, other)| other.tokens > 0 && !trace.has(other.slot)) {
            let capacity = neighbour.capacity;
            match best {
                Some((_, most)) if capacity < most => {}
                // Of those that are equally strong each is as likely as the others.
                Some((_, most)) if capacity == most => {
                    equals += 1;
                    if cx.rng().below(equals) == 0 {
                        best = Some((at, capacity));
                    }
                }
                _ => (best, equals) = (Some((at, capacity)), 1),
            }
        }
        let Some((at, _)) = best else { return Way::Wait };
        trace.mark(neighbours[at].slot);
        Way::To(at)
    }

    /// Tokens have come, or neighbours have changed: queries that wait go on if they can, the oldest first.
    pub(super) fn try_waiting(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        for _ in 0..peer.waiting.len() {
            let Some(waiting) = peer.waiting.pop_front() else { return };
            if !is_wanted(peer, &waiting.walk) {
                continue;
            }
            match self.way(peer, cx, waiting.walk.id) {
                Way::To(at) => send_to(peer, cx, at, waiting.walk),
                Way::Wait => peer.waiting.push_back(waiting),
            }
        }
    }

    /// Now and then: queries that have waited for too long are given up, and the origins of the others told that they live.
    pub(super) fn hold(&self, peer: &mut GiaPeer, cx: &mut Cx<'_>) {
        let (now, limit) = (cx.now(), self.config.query_timeout.span());
        let mut waiting = std::mem::take(&mut peer.waiting);
        waiting.retain(|waiting| now.since(waiting.since) < limit && is_wanted(peer, &waiting.walk));
        peer.waiting = waiting;
        let is_old = |waiting: &&Waiting| now.since(waiting.since) >= self.config.keep_alive_interval.span();
        let old: Vec<LookupId> = peer.waiting.iter().filter(is_old).map(|waiting| waiting.walk.id).collect();
        for id in old {
            self.sign_of_life(peer, cx, id, false);
        }
        peer.holding = !peer.waiting.is_empty();
        if peer.holding {
            cx.set_timer(self.config.keep_alive_interval.span(), GiaTimer::Waiting);
        }
    }
}

/// False for a query of this peer's own that it need not send any more.
fn is_wanted(peer: &GiaPeer, walk: &Walk) -> bool {
    walk.hops > 0 || peer.questions.iter().any(|question| descriptor(question.id, question.round) == walk.id)
}

fn send_to(peer: &mut GiaPeer, cx: &mut Cx<'_>, at: usize, walk: Walk) {
    let neighbour = &mut peer.neighbours[at];
    neighbour.tokens -= 1;
    let tokens = neighbour.hand_over();
    cx.send(neighbour.peer, GiaMessage::Walk(Walk { hops: walk.hops + 1, tokens, ..walk }));
}

fn end(peer: &mut GiaPeer, cx: &mut Cx<'_>, token: Token) {
    if let Some(question) = peer.questions.close(token) {
        cx.finish(question.id);
    }
}

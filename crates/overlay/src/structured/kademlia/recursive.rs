//! Recursive routing (Heep, *R/Kademlia: Recursive and Topology-Aware Overlay Routing*, 2010): each peer passes the question on to its contact
//! nearest to the key.
//!
//! A hop is acknowledged. A contact that stays silent is passed over, and the question goes to the next best one. The peer that knows nobody
//! nearer ends the way and names itself; a question for an item ends at the first peer that has a record. The answer goes to the origin at once
//! (semi-recursive) or back along the path: each peer on it remembers for `retry_after` from whom it got the question. Answers are not
//! acknowledged: the origin asks again if none comes.
//!
//! # Cost
//! What a hop has to remember is one allocation, until the acknowledgement or the answer has come.
//!
//! # Not here
//! Upkeep, joins and records go by iterative lookups in all modes: they need the k nearest, not one of them.

use peerlab_model::{Hit, Key, LookupId, PeerId, Span, Time, Token};

use super::config::Routing;
use super::message::Query;
use super::nearest::Nearest;
use super::peer::{KademliaPeer, Pending, Purpose};
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::structured::contacts::Contacts;
use crate::structured::xor::distance;

/// A question that has crossed more links than this is going round in circles: each one is nearer than the last, unless identities change.
const HOPS_MAX: u8 = 128;

/// A question of this peer's own that is on its way.
#[derive(Clone, Debug)]
pub struct Question {
    key: Key,
    lookup: LookupId,
    purpose: Purpose,
    /// When it was asked first.
    began: Time,
    /// How often it has been asked again.
    tries: u8,
}

/// A question that was passed on.
#[derive(Clone, Debug)]
pub struct Hop {
    query: Query,
    from: Source,
    to: PeerId,
    sent: Time,
    /// Until then it is waited for: for the acknowledgement, and after that for the answer, if it comes back this way.
    until: Time,
    acknowledged: bool,
    /// Who was silent, or of no use.
    tried: Vec<PeerId>,
}

/// Where a question came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// It is this peer's own.
    Own(Token),
    /// From this peer, under its token.
    Peer(PeerId, Token),
}

/// What comes of a question.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// This peer knows nobody nearer.
    Owner(PeerId),
    /// This peer has these records; or the end of the way has none.
    Holders(PeerId, Contacts),
}

impl Kademlia {
    // The origin.

    pub(super) fn begin_question(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) {
        // Its bucket does not count as refreshed: others than the first contact say nothing to this peer.
        let question = Question { key, lookup, purpose, began: cx.now(), tries: 0 };
        let ask = cx.open(Pending::Question(Box::new(question.clone())));
        self.send_question(peer, cx, &question, ask);
    }

    fn send_question(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, question: &Question, ask: Token) {
        cx.set_timer(self.config.retry_after.span(), KademliaTimer::Request(ask));
        let direct = (self.config.routing == Routing::SemiRecursive).then_some((peer.id, ask));
        let query = Query { key: question.key, lookup: question.lookup, direct, item: question.purpose == Purpose::Item, hops: 0 };
        self.route(peer, cx, query, Source::Own(ask), Vec::new());
    }

    /// No answer has come.
    pub(super) fn ask_again(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, ask: Token) {
        let (now, setting) = (cx.now(), cx.setting());
        let Some(Pending::Question(question)) = cx.request_mut(ask) else { return };
        if question.tries < self.config.retries && !setting.is_overdue(now.since(question.began)) {
            question.tries += 1;
            let question = Question::clone(question);
            self.send_question(peer, cx, &question, ask);
        } else {
            let lookup = question.lookup;
            cx.close(ask);
            cx.finish(lookup);
        }
    }

    fn question_over(peer: &KademliaPeer, cx: &mut Cx<'_>, ask: Token, hops: u8, answer: &Answer) {
        if !matches!(cx.request_mut(ask), Some(Pending::Question(_))) {
            return;
        }
        let Some(Pending::Question(question)) = cx.close(ask) else { return };
        let (lookup, hops) = (question.lookup, u32::from(hops));
        match *answer {
            Answer::Holders(keeper, ref holders) => Self::name_holders(peer, cx, (lookup, keeper), holders, (hops, 0)),
            Answer::Owner(owner) => {
                if !matches!(question.purpose, Purpose::Peer(wanted) if wanted != owner) {
                    cx.hit(lookup, Hit { peer: owner, hops, rounds: 0 });
                }
                cx.finish(lookup);
            }
        }
    }

    // On the way.

    /// A question has come. `query.hops` counts the links up to here.
    pub(super) fn routed(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, hop: Token, query: Query) {
        if !peer.active {
            let this = peer.id;
            let lowest = peer.extra().newcomers.refuse(this, from);
            cx.send(from, KademliaMessage::Refuse { lookup: query.lookup, token: hop, lowest, upkeep: false });
            return;
        }
        cx.send(from, KademliaMessage::Ack { hop, lookup: query.lookup });
        if query.hops < HOPS_MAX {
            self.route(peer, cx, query, Source::Peer(from, hop), Vec::new());
        }
    }

    /// Passes a question on, or answers it.
    fn route(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, query: Query, from: Source, tried: Vec<PeerId>) {
        if query.item
            && let Some((holders, lives)) = self.holders_of(peer, cx, query.key)
        {
            // The last peer on the way that had none gets a copy (paper, section 2.3); the origin, which has asked, does not.
            if let Source::Peer(before, _) = from
                && self.config.caching
                && query.hops > 1
            {
                cx.send(before, KademliaMessage::Cache { key: query.key, holders: holders.clone(), lives });
            }
            Self::pass_back(peer, cx, &query, from, query.hops, Answer::Holders(peer.id, holders));
            return;
        }
        let Some(to) = self.next_hop(peer, cx.key_of(peer.id), query.key, &tried) else {
            let answer = if query.item { Answer::Holders(peer.id, Contacts::new(&[])) } else { Answer::Owner(peer.id) };
            Self::pass_back(peer, cx, &query, from, query.hops, answer);
            return;
        };
        let patience = self.patience(peer, to);
        let now = cx.now();
        let hop = Hop { query, from, to, sent: now, until: now.saturating_add(patience), acknowledged: false, tried };
        let token = cx.open(Pending::Hop(Box::new(hop)));
        cx.send(to, KademliaMessage::Route { hop: token, query: Query { hops: query.hops + 1, ..query } });
        cx.set_timer(patience, KademliaTimer::Request(token));
    }

    /// The contact nearest to the key, if it is nearer than this peer itself.
    fn next_hop(&self, peer: &KademliaPeer, this: Key, key: Key, tried: &[PeerId]) -> Option<PeerId> {
        let stale_after = self.config.stale_after;
        let wanted = |contact| !tried.contains(&contact) && peer.failures(contact) < stale_after;
        let mut nearest = Nearest::new();
        peer.table.nearest(&self.shape, self.numbering, (this, key), 1, wanted, &mut nearest);
        nearest.as_slice().first().copied().filter(|&contact| distance(self.numbering.key(contact), key) < distance(this, key))
    }

    /// The question has arrived at its next peer.
    pub(super) fn acknowledged(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let (now, memory) = (cx.now(), self.config.retry_after.span());
        let Some(Pending::Hop(hop)) = cx.request_mut(token) else { return };
        let (to, trip) = (hop.to, now.since(hop.sent));
        if hop.acknowledged {
            return;
        }
        if hop.query.direct.is_some() {
            cx.close(token);
        } else {
            (hop.acknowledged, hop.until) = (true, now.saturating_add(memory));
            cx.set_timer(memory, KademliaTimer::Request(token));
        }
        if from == to {
            self.measured(peer, cx, from, trip);
        } else {
            // The machine has another identity now, and passes the question on from where it lies.
            self.contact_gone(peer, cx, to);
        }
    }

    /// The time of a hop is up: its contact is silent, or the answer has not come back.
    pub(super) fn hop_timed_out(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, token: Token) {
        let now = cx.now();
        let Some(Pending::Hop(hop)) = cx.request_mut(token) else { return };
        // A timer from before the acknowledgement means nothing any more.
        if now < hop.until {
            return;
        }
        let Some(Pending::Hop(hop)) = cx.close(token) else { return };
        if !hop.acknowledged {
            cx.timed_out(hop.query.lookup);
            peer.forget_trip(hop.to);
            self.contact_failed(peer, cx, hop.to);
            self.go_round(peer, cx, *hop);
        }
    }

    /// The contact of a hop is of no use: the question takes another way.
    pub(super) fn go_round(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, hop: Hop) {
        let Hop { query, from, to, mut tried, .. } = hop;
        let is_over = matches!(from, Source::Own(ask) if cx.request_mut(ask).is_none());
        if peer.active && !is_over {
            tried.push(to);
            self.route(peer, cx, query, from, tried);
        }
    }

    // The way back.

    /// Sends an answer on its way to the origin, or takes it.
    fn pass_back(peer: &KademliaPeer, cx: &mut Cx<'_>, query: &Query, from: Source, hops: u8, answer: Answer) {
        let (to, token) = match (from, query.direct) {
            (Source::Own(ask), _) => return Self::question_over(peer, cx, ask, hops, &answer),
            // A question that came back to its origin, which had another identity in the meantime for somebody on the way.
            (_, Some((origin, ask))) if origin == peer.id => return Self::question_over(peer, cx, ask, hops, &answer),
            (_, Some(direct)) => direct,
            (Source::Peer(before, hop), None) => (before, hop),
        };
        let lookup = query.lookup;
        let message = match answer {
            Answer::Owner(owner) => KademliaMessage::Found { lookup, token, owner, hops },
            Answer::Holders(keeper, holders) => KademliaMessage::Holders { lookup, token, keeper, hops, holders },
        };
        cx.send(to, message);
    }

    /// An answer has come: for this peer, or for whoever it got the question from.
    pub(super) fn answer_came(peer: &KademliaPeer, cx: &mut Cx<'_>, token: Token, hops: u8, answer: Answer) {
        match cx.request_mut(token) {
            Some(Pending::Question(_)) => Self::question_over(peer, cx, token, hops, &answer),
            Some(Pending::Hop(_)) => {
                if let Some(Pending::Hop(hop)) = cx.close(token) {
                    Self::pass_back(peer, cx, &hop.query, hop.from, hops, answer);
                }
            }
            _ => {}
        }
    }

    /// How long a contact is waited for.
    #[inline]
    pub(super) fn patience(&self, peer: &KademliaPeer, to: PeerId) -> Span {
        match self.patience_us(peer, to) {
            0 => self.config.request_timeout.span(),
            micros => Span::from_micros(micros.into()),
        }
    }
}

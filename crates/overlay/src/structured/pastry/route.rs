//! How a question travels: each peer passes it on, to a contact with a longer prefix or to the closest of its leaf set.
//!
//! A hop is acknowledged. Pastry drops a contact that stays silent for `request_timeout` and routes round it. Bamboo's timeout follows the
//! contact's measured round trip and is short: the contact becomes a suspect that questions go round, until a ping with the long timeout
//! has shown whether it lives; only if no other way is left, the suspect is tried once more with the long timeout.
//! The owner of the key gets the question itself and answers the origin. The origin asks again if no answer comes.

use peerlab_model::{Cause, PeerId, Span, Token};

use super::message::{Goal, Query, Row};
use super::peer::{PastryPeer, Pending, Route, Why};
use super::{Cx, PastryLike, PastryMessage, PastryTimer, Upkeep, Variant};
use crate::structured::prefix::shared_digits;
use crate::structured::trips::Patience;

/// A question that has crossed more links than this is going round in circles.
const HOPS_MAX: u8 = 200;

impl<V: Variant> PastryLike<V> {
    /// A question has come.
    pub(super) fn forwarded(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, hop: Token, mut query: Query) {
        if !peer.active {
            Self::refuse(peer, cx, from, hop, &query);
            return;
        }
        cx.send(from, PastryMessage::Ack { hop, lookup: query.lookup, goal: query.goal });
        if query.goal == Goal::Join && query.origin == peer.id {
            // Its own question of a moment ago, through somebody who believes in an earlier life of this machine. It asks again in time.
            return;
        }
        if query.goal == Goal::Join {
            self.give_rows(peer, cx, &mut query);
        }
        // A newcomer's own question comes from somebody who is no member yet; all others who pass one on are.
        if query.goal != Goal::Join || from != query.origin {
            self.meet(peer, cx, from, None);
        }
        if query.hops < HOPS_MAX {
            self.pass_on(peer, cx, query);
        }
    }

    /// Each peer on the way of a newcomer's question gives the rows that the two have in common and that nobody before gave (paper,
    /// section 2.4); the first one, which is the newcomer's contact, also its neighbourhood set.
    fn give_rows(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, query: &mut Query) {
        let bits = self.rules.bits;
        let common = shared_digits(cx.key_of(peer.id), query.key, bits) as u8;
        let upto = (common + 1).min(peer.table.rows(bits) as u8);
        for number in query.rows..upto {
            cx.send(query.origin, PastryMessage::JoinRow { row: Row::new(peer.table.slots(), usize::from(number), bits, peer.id) });
        }
        query.rows = query.rows.max(common + 1);
        if query.hops == 1 && !peer.neighbourhood.is_empty() {
            cx.send(query.origin, PastryMessage::JoinNeighbourhood { neighbourhood: peer.neighbourhood.clone() });
        }
    }

    /// Sends a question one hop further, or answers it.
    pub(super) fn pass_on(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, query: Query) {
        if query.goal == Goal::Providers && Self::has_value(peer, cx, query.key) {
            // PAST, section 3.2: whoever has it answers.
            self.answer_as_owner(peer, cx, query);
            return;
        }
        // The ring may still believe in an earlier life of a newcomer.
        let newcomer = |contact: PeerId| query.goal == Goal::Join && contact == query.origin;
        let route = peer.route(self.numbering, &self.rules, query.key, |contact| newcomer(contact) || peer.is_suspect(contact));
        match route {
            Route::Next(next) => self.send_hop(peer, cx, next, query, false),
            Route::Here => match peer.route(self.numbering, &self.rules, query.key, newcomer) {
                Route::Next(suspect) => self.send_hop(peer, cx, suspect, query, true),
                Route::Here => self.answer_as_owner(peer, cx, query),
            },
        }
    }

    /// Passes a question to `to` and waits for the acknowledgement.
    pub(super) fn send_hop(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, to: PeerId, query: Query, patient: bool) {
        let query = Query { hops: query.hops.saturating_add(1), ..query };
        let patience = if patient { self.rules.request_timeout } else { self.patience(peer, to) };
        let hop = cx.open(Pending::Hop { to, query, sent: cx.now(), patient });
        cx.send(to, PastryMessage::forward(hop, query));
        cx.set_timer(patience, PastryTimer::Request(hop));
    }

    /// How long a question waits to be acknowledged.
    fn patience(&self, peer: &PastryPeer, to: PeerId) -> Span {
        let longest = self.rules.request_timeout;
        match self.rules.upkeep {
            Upkeep::Reactive { .. } => longest,
            Upkeep::Periodic { timeout_margin, .. } => Patience::new(longest, true, timeout_margin).towards(peer.trips.get(to)),
        }
    }

    /// The question has arrived at its next peer.
    pub(super) fn acknowledged(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, hop: Token) {
        let Some(Pending::Hop { to, sent, .. }) = cx.close(hop) else { return };
        if from == to {
            peer.trips.add(from, cx.now().since(sent));
        } else {
            // The machine has another identity now. It passes the question on from where it lies.
            self.lose(peer, cx, to, super::upkeep::Loss::Noticed);
        }
    }

    /// A question was not acknowledged in time.
    pub(super) fn hop_timed_out(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, to: PeerId, query: Query, patient: bool) {
        Self::count_timeout(cx, &query);
        if matches!(self.rules.upkeep, Upkeep::Periodic { .. }) && !patient {
            if !peer.is_suspect(to) {
                peer.extra().suspects.push(to);
            }
            self.ping(peer, cx, to, Why::Suspicion);
        } else {
            self.lose(peer, cx, to, super::upkeep::Loss::Noticed);
        }
        self.hop_failed(peer, cx, query);
    }

    /// The contact of a hop is of no use: the question takes another way.
    pub(super) fn hop_failed(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, query: Query) {
        let query = Query { hops: query.hops - 1, ..query };
        if query.goal == Goal::Join && query.origin == peer.id {
            // A newcomer's contact: another one is wanted.
            self.ask_failed(peer, cx, query.ask);
        } else if peer.active {
            self.pass_on(peer, cx, query);
        }
    }

    /// The lookup that a question belongs to was held up by a dead contact.
    fn count_timeout(cx: &mut Cx<'_, V>, query: &Query) {
        if let Cause::Lookup(lookup) = query.goal.cause(query.lookup) {
            cx.timed_out(lookup);
        }
    }

    fn answer_as_owner(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, query: Query) {
        let Query { key, lookup, origin, ask, hops, goal, .. } = query;
        match goal {
            Goal::Owner | Goal::Contact if origin == peer.id => self.found(peer, cx, peer.id, ask, hops),
            Goal::Owner | Goal::Contact => cx.send(origin, PastryMessage::Found { lookup, ask, hops, goal }),
            Goal::Providers => {
                let holders = self.holders_of(peer, cx, key);
                if origin == peer.id {
                    Self::providers(cx, peer.id, ask, &holders, hops);
                } else {
                    cx.send(origin, PastryMessage::Providers { holders, lookup, ask, hops });
                }
            }
            Goal::Join if origin == peer.id => self.ask_failed(peer, cx, ask),
            Goal::Join => cx.send(origin, PastryMessage::JoinLeaves { leaves: peer.leaves.list().clone(), ask }),
        }
    }
}

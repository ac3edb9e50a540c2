//! How a peer's own questions begin, are asked again, and end.

use std::sync::Arc;

use peerlab_model::{Hit, Key, LookupId, PeerId, Target, Token};

use super::config::Routing;
use super::message::{Goal, Query};
use super::peer::{Pending, Purpose, RingPeer};
use super::postings::Search;
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};

/// What [`RingMessage::Found`] says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) lookup: LookupId,
    pub(super) ask: Token,
    pub(super) owner: PeerId,
    pub(super) hops: u16,
    pub(super) goal: Goal,
}

/// What [`RingMessage::Providers`] says.
#[derive(Clone, Debug)]
pub(super) struct Providers {
    pub(super) holders: Arc<[PeerId]>,
    pub(super) lookup: LookupId,
    pub(super) ask: Token,
    pub(super) hops: u16,
}

/// Stands in messages of maintenance where a lookup's number would be.
const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

impl<V: Shortcuts> ChordLike<V> {
    pub(super) fn begin_lookup(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            Target::Keywords(keywords) if peer.active => return self.look_for_word(peer, cx, id, keywords, 0),
            _ => return cx.finish(id),
        };
        if !peer.active {
            // Not a member (yet, or any more): nobody to ask.
            return cx.finish(id);
        }
        if peer.owns(self.view(peer), key) || purpose == Purpose::Item && Self::has_value(peer, cx, key) {
            if purpose == Purpose::Item {
                let holders = self.holders_of(peer, cx, key);
                Self::answered_with_holders(cx, id, peer.id, &holders, (0, 0));
            } else {
                self.answered(peer, cx, purpose, (key, id), peer.id, 0, 0);
            }
            return;
        }
        self.ask(peer, cx, key, id, purpose);
    }

    /// Asks for the owner of a key, for this peer's own upkeep.
    pub(crate) fn ask_own(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, purpose: Purpose) {
        self.ask(peer, cx, key, NO_LOOKUP, purpose);
    }

    /// Asks for the owner of a key through a contact outside this peer's tables: to join.
    pub(super) fn ask_through(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, contact: PeerId, key: Key) {
        match self.rules.routing {
            Routing::Iterative => self.begin_search(peer, cx, key, NO_LOOKUP, Purpose::Join, Some(contact)),
            Routing::SemiRecursive | Routing::Recursive => {
                let query = self.open_question(peer, cx, key, NO_LOOKUP, Purpose::Join);
                self.send_hop(peer, cx, contact, Query { hops: 1, ..query }, query.trail, false);
            }
        }
    }

    pub(super) fn ask(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, lookup: LookupId, purpose: Purpose) {
        match self.rules.routing {
            Routing::Iterative => self.begin_search(peer, cx, key, lookup, purpose, None),
            Routing::SemiRecursive | Routing::Recursive => {
                let query = self.open_question(peer, cx, key, lookup, purpose);
                self.pass_on(peer, cx, query);
            }
        }
    }

    #[inline]
    fn open_question(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, key: Key, lookup: LookupId, purpose: Purpose) -> Query<V::Trail> {
        let question = |ask| Query { key, lookup, origin: peer.id, ask, hops: 0, goal: purpose.goal(), trail: V::Trail::default() };
        let ask = cx.open_with(|ask| Pending::Own { query: question(ask), purpose, tries: 0 });
        cx.set_timer(self.rules.retry_after, ChordTimer::Retry(ask));
        question(ask)
    }

    /// Nothing has come back for long: the question is asked again, by whatever way the tables know now.
    pub(super) fn retry(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, ask: Token) {
        let retries = self.rules.retries;
        let Some(Pending::Own { query, purpose, tries }) = cx.request_mut(ask) else { return };
        let (query, purpose) = (*query, *purpose);
        // Upkeep is not asked again: its next turn comes anyway.
        let again = *tries < retries && purpose.is_lookup();
        *tries += 1;
        let age = self.rules.retry_after.times(u64::from(*tries));
        if again && peer.active && !cx.setting().is_overdue(age) {
            cx.set_timer(self.rules.retry_after, ChordTimer::Retry(ask));
            self.pass_on(peer, cx, query);
        } else {
            self.ask_failed(peer, cx, ask);
        }
    }

    /// A question of this peer's own cannot be answered (not in iterative routing).
    pub(super) fn ask_failed(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, ask: Token) {
        if let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) {
            self.unanswered(peer, cx, purpose, query.lookup);
        }
    }

    /// The owner of a key, in answer to a question of this peer's own, or of one before it on the way.
    pub(super) fn found(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, answer: Found) {
        let Found { lookup, ask, owner, hops, goal } = answer;
        if self.rules.routing == Routing::Iterative {
            return self.search_found(peer, cx, from, ask, owner);
        }
        match cx.close(ask) {
            Some(Pending::Own { query, purpose, .. }) => {
                self.answered(peer, cx, purpose, (query.key, query.lookup), owner, u32::from(hops), 0);
            }
            Some(Pending::Back { to, ask }) => Self::send(peer, cx, to, RingMessage::Found { lookup, ask, owner, hops, goal }),
            _ => {}
        }
    }

    /// The holders that an owner has named.
    pub(super) fn providers(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, answer: Providers) {
        let Providers { holders, lookup, ask, hops } = answer;
        if self.rules.routing == Routing::Iterative {
            return self.search_providers(peer, cx, from, ask, &holders);
        }
        let meant = |request: &Pending<V::Trail>| match request {
            Pending::Own { purpose, .. } => purpose.goal() == Goal::Providers,
            _ => true,
        };
        match cx.close_if(ask, meant) {
            Some(Pending::Own { query, .. }) => {
                let relayed = self.rules.routing == Routing::Recursive && cx.setting().keeps_values();
                let keeper = holders.first().copied().filter(|_| relayed).unwrap_or(from);
                Self::answered_with_holders(cx, query.lookup, keeper, &holders, (u32::from(hops), 0));
            }
            Some(Pending::Back { to, ask }) => Self::send(peer, cx, to, RingMessage::Providers { holders, lookup, ask, hops }),
            _ => {}
        }
    }

    /// The owner of a key is known, and what it was wanted for goes on.
    #[expect(clippy::too_many_arguments, reason = "an answer is all of this, and lives no longer than the call")]
    pub(super) fn answered(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        purpose: Purpose,
        (key, lookup): (Key, LookupId),
        owner: PeerId,
        hops: u32,
        rounds: u32,
    ) {
        match purpose {
            Purpose::Key | Purpose::Item => {
                cx.hit(lookup, Hit { peer: owner, hops, rounds });
                cx.finish(lookup);
            }
            Purpose::Peer(wanted) => {
                // A peer that is not at its own place on the ring is not there at all.
                if owner == wanted {
                    cx.hit(lookup, Hit { peer: owner, hops, rounds });
                }
                cx.finish(lookup);
            }
            Purpose::Search { keywords, tries } => {
                let (hops, rounds) = (hops + 1, rounds + u32::from(self.rules.routing == Routing::Iterative));
                self.search_at(peer, cx, owner, Search { lookup, keywords, tries, hops, rounds });
            }
            Purpose::Join => self.found_successor(peer, cx, owner),
            Purpose::Finger(index) => V::found(self, peer, cx, index, key, owner),
            Purpose::Publish => self.send_record(peer, cx, key, owner),
            Purpose::Withdraw => self.send_removal(peer, cx, key, owner),
            Purpose::Offer => self.offer_up_to(peer, cx, key, owner),
        }
    }

    pub(super) fn answered_with_holders(
        cx: &mut Cx<'_, V>,
        lookup: LookupId,
        keeper: PeerId,
        holders: &[PeerId],
        (hops, rounds): (u32, u32),
    ) {
        cx.hit_by_records(lookup, keeper, holders, hops, rounds);
        cx.finish(lookup);
    }

    /// Nobody could say who owns a key.
    pub(super) fn unanswered(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, purpose: Purpose, lookup: LookupId) {
        match purpose {
            Purpose::Key | Purpose::Peer(_) | Purpose::Item | Purpose::Search { .. } => cx.finish(lookup),
            Purpose::Join => self.join_failed(peer, cx),
            Purpose::Finger(_) | Purpose::Offer => {}
            Purpose::Publish | Purpose::Withdraw => self.published(peer, cx),
        }
    }
}

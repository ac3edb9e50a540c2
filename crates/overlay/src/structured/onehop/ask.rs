//! Questions: straight to the owner.
//!
//! The table names the owner of every key; it is asked, and says that it is. A peer that knows a better one names that; a peer that does not
//! answer is checked, and the next one after it is asked, who learns by the question whom nobody can reach (paper, section 3.4).

use peerlab_model::{Cause, Hit, Key, LookupId, PeerId, Target, Token};

use super::message::{Goal, Silent};
use super::peer::{NO_LOOKUP, OneHopPeer, Pending, Purpose, Search};
use super::{Cx, OneHop, OneHopMessage};
use crate::repair::has_value;

impl OneHop {
    pub(super) fn begin_lookup(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            _ => return cx.finish(id),
        };
        if peer.active && purpose == Purpose::Item && has_value(peer.records(), cx, key) {
            cx.hit_by_records(id, peer.id, &[peer.id], 0, 0);
            cx.finish(id);
        } else if peer.active {
            self.ask_next(peer, cx, Self::search(peer, cx, key, id, purpose));
        } else {
            // Not a member (yet): nobody to ask.
            cx.finish(id);
        }
    }

    /// Asks the owner of a key, for this peer's own upkeep.
    pub(super) fn ask_own(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, key: Key, purpose: Purpose) {
        self.ask_next(peer, cx, Self::search(peer, cx, key, NO_LOOKUP, purpose));
    }

    /// Asks for this peer's own successor and its table, through a contact.
    pub(super) fn ask_through(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, contact: PeerId) {
        let search = Self::search(peer, cx, cx.key_of(peer.id), NO_LOOKUP, Purpose::Join);
        self.send_ask(cx, Search { at: contact, depth: 1, ..search });
    }

    fn search(peer: &OneHopPeer, cx: &Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) -> Search {
        Search { key, lookup, purpose, began: cx.now(), at: peer.id, silent: Silent::default(), depth: 0, asks: 0, attempts: 0 }
    }

    /// Asks whom the table names, those apart who are silent or suspect.
    fn ask_next(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, search: Search) {
        let at = peer.owner(self.numbering, search.key, |contact| search.silent.contains(contact) || peer.is_suspect(contact));
        if at == peer.id {
            self.answer_myself(peer, cx, search);
        } else if search.asks >= self.config.asks_max || Self::is_overdue(cx, &search) {
            self.ask_failed(peer, cx, search);
        } else {
            self.send_ask(cx, Search { at, depth: 1, ..search });
        }
    }

    /// True if this is a lookup, and nobody waits for its answer any more.
    fn is_overdue(cx: &Cx<'_>, search: &Search) -> bool {
        let is_lookup = matches!(search.purpose, Purpose::Key | Purpose::Peer(_) | Purpose::Item | Purpose::Copy);
        is_lookup && cx.setting().is_overdue(cx.now().since(search.began))
    }

    fn send_ask(&self, cx: &mut Cx<'_>, search: Search) {
        let search = Search { asks: search.asks + 1, attempts: 1, ..search };
        let token = cx.open(Pending::Ask(search));
        self.send_question(cx, &search, token);
    }

    fn send_question(&self, cx: &mut Cx<'_>, search: &Search, token: Token) {
        let &Search { key, lookup, silent, purpose, at, .. } = search;
        cx.send(at, OneHopMessage::Ask { key, lookup, token, silent, goal: purpose.goal() });
        self.await_answer(cx, token);
    }

    // The side that is asked.

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn asked(
        &self,
        peer: &mut OneHopPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        key: Key,
        lookup: LookupId,
        token: Token,
        silent: Silent,
        goal: Goal,
    ) {
        if !peer.active {
            let this = peer.id;
            let lowest = peer.extra().newcomers.refuse(this, from);
            cx.send(from, OneHopMessage::Refuse { lowest, lookup, token, goal });
            return;
        }
        // A newcomer's earlier life may still be in the table, and is not its own successor.
        let newcomer = goal == Goal::Join;
        if !newcomer {
            self.met(peer, cx, from);
        }
        let avoid = |contact: PeerId| silent.contains(contact) || peer.is_suspect(contact) || (newcomer && contact == from);
        let owner = peer.owner(self.numbering, key, avoid);
        // Of a value any keeper's copy will do.
        let keeps = || goal == Goal::Copy || goal == Goal::Providers && has_value(peer.records(), cx, key);
        if owner == peer.id || keeps() {
            self.answer(peer, cx, from, key, lookup, token, goal);
        } else {
            cx.send(from, OneHopMessage::Redirect { to: owner, lookup, token, goal });
        }
        for contact in silent.iter() {
            if peer.table.contains(self.numbering, contact) {
                self.check_contact(peer, cx, contact);
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    fn answer(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, to: PeerId, key: Key, lookup: LookupId, token: Token, goal: Goal) {
        match goal {
            Goal::Owner => {}
            Goal::Providers | Goal::Copy => {
                let holders = self.holders_of(peer, cx, key);
                return cx.send(to, OneHopMessage::Providers { holders, lookup, token });
            }
            Goal::Store => self.keep(peer, cx, key, to),
            Goal::Remove => self.forget_record(peer, cx, key, to),
            Goal::Join => return cx.send(to, OneHopMessage::Table { members: peer.table.share(), token }),
        }
        cx.send(to, OneHopMessage::Owner { lookup, token, goal });
    }

    // The side that asks.

    /// The search that a reply is for. Whoever was asked and is not who answered is gone from that machine.
    fn search_of(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) -> Option<Search> {
        let Some(Pending::Ask(search)) = cx.close(token) else { return None };
        if search.at != from {
            self.lost(peer, cx, search.at);
        }
        self.met(peer, cx, from);
        Some(search)
    }

    /// The owner has answered; for an item, with the holders that it knows.
    pub(super) fn owner_answered(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, holders: Option<&[PeerId]>) {
        if let Some(search) = self.search_of(peer, cx, from, token) {
            self.end(peer, cx, search, from, holders);
        }
    }

    /// This peer owns the key itself, as far as it knows.
    fn answer_myself(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, search: Search) {
        let search = Search { depth: 0, at: peer.id, ..search };
        match search.purpose {
            Purpose::Item | Purpose::Copy => {
                let holders = self.holders_of(peer, cx, search.key);
                self.end(peer, cx, search, peer.id, Some(&holders));
            }
            Purpose::Publish => self.keep(peer, cx, search.key, peer.id),
            Purpose::Withdraw => self.forget_record(peer, cx, search.key, peer.id),
            Purpose::Key | Purpose::Peer(_) | Purpose::Join => self.end(peer, cx, search, peer.id, None),
        }
        if search.purpose.is_publication() {
            peer.extra().publisher.ended();
        }
    }

    fn end(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, search: Search, owner: PeerId, holders: Option<&[PeerId]>) {
        let is_lost = holders.is_some_and(<[PeerId]>::is_empty) && cx.setting().keeps_values();
        if is_lost && self.ask_replica(peer, cx, search, owner) {
            return;
        }
        let hit = |peer: PeerId| Hit { peer, hops: u32::from(search.depth), rounds: u32::from(search.asks) };
        match search.purpose {
            // A peer that is not at its own place on the ring is not there at all.
            Purpose::Peer(wanted) if wanted != owner => {}
            Purpose::Key | Purpose::Peer(_) => cx.hit(search.lookup, hit(owner)),
            Purpose::Item | Purpose::Copy => {
                let (hops, rounds) = (u32::from(search.depth), u32::from(search.asks));
                cx.hit_by_records(search.lookup, owner, holders.unwrap_or_default(), hops, rounds);
            }
            Purpose::Join => return,
            Purpose::Publish | Purpose::Withdraw => return self.published(peer, cx),
        }
        cx.finish(search.lookup);
    }

    /// The value is not where it was asked for: the next of its keepers is asked, as DHash does. `false` if there is none.
    fn ask_replica(&self, peer: &OneHopPeer, cx: &mut Cx<'_>, search: Search, after: PeerId) -> bool {
        let mut left = self.keepers(peer, search.key).skip_while(|&keeper| keeper != after).skip(1);
        let next = left.find(|&keeper| keeper != peer.id && !search.silent.contains(keeper) && !peer.is_suspect(keeper));
        let Some(at) = next.filter(|_| search.asks < self.config.asks_max && !Self::is_overdue(cx, &search)) else { return false };
        self.send_ask(cx, Search { at, depth: 1, purpose: Purpose::Copy, ..search });
        true
    }

    pub(super) fn redirected(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, to: PeerId) {
        let Some(Pending::Ask(search)) = cx.close(token) else { return };
        if peer.active {
            if search.at != from {
                self.lost(peer, cx, search.at);
            }
            self.met(peer, cx, from);
        }
        if to == peer.id && search.purpose != Purpose::Join {
            self.answer_myself(peer, cx, search);
        } else if to == peer.id || search.silent.contains(to) || search.asks >= self.config.asks_max {
            self.ask_failed(peer, cx, search);
        } else {
            self.send_ask(cx, Search { at: to, depth: search.depth + 1, ..search });
        }
        self.publish_next(peer, cx);
    }

    pub(super) fn ask_timed_out(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, token: Token) {
        let Some(&mut Pending::Ask(search)) = cx.request_mut(token) else { return };
        let again = search.attempts < self.config.attempts && !Self::is_overdue(cx, &search);
        if let Some(Pending::Ask(search)) = cx.request_mut(token) {
            search.attempts += u8::from(again);
        }
        if let Cause::Lookup(lookup) = search.purpose.goal().cause(search.lookup) {
            cx.timed_out(lookup);
        }
        if again {
            self.send_question(cx, &search, token);
        } else if let Some(pending) = cx.close(token) {
            self.request_failed(peer, cx, pending);
        }
    }

    /// Who was asked does not answer, or is no member: the next one.
    pub(super) fn ask_refused(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, mut search: Search) {
        if search.purpose == Purpose::Join {
            self.ask_failed(peer, cx, search);
            return;
        }
        search.silent.add(search.at);
        if peer.table.contains(self.numbering, search.at) {
            self.check_contact(peer, cx, search.at);
        }
        if matches!(search.purpose, Purpose::Peer(wanted) if wanted == search.at) {
            self.ask_failed(peer, cx, search);
        } else if search.purpose == Purpose::Copy {
            if !self.ask_replica(peer, cx, search, search.at) {
                self.ask_failed(peer, cx, search);
            }
        } else {
            self.ask_next(peer, cx, search);
        }
        self.publish_next(peer, cx);
    }

    fn ask_failed(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, search: Search) {
        match search.purpose {
            Purpose::Key | Purpose::Peer(_) | Purpose::Item | Purpose::Copy => cx.finish(search.lookup),
            Purpose::Join => self.join_failed(peer, cx),
            Purpose::Publish | Purpose::Withdraw => self.published(peer, cx),
        }
    }

    /// A contact turns out to be no member: it is dropped like a dead one, without the wait.
    pub(super) fn refused(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, token: Token, lowest: PeerId) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        if let Some(pending) = cx.close(token) {
            self.request_failed(peer, cx, pending);
        }
    }
}

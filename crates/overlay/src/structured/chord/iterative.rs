//! Iterative routing: the origin asks one peer after the other.
//!
//! Each peer that is asked refers to its best contact, or gives its successor list if the owner is among them. A contact that stays silent
//! costs one timeout; then the peer that referred to it is asked for the next best one. The owner is contacted before it is named
//! (`confirm_owner`), and a dead one gives way to the next of the list.

use std::sync::Arc;

use peerlab_model::{Key, LookupId, PeerId, Token};

use super::message::Goal;
use super::peer::{PATH, Purpose, RingPeer, Route, Search, Stage};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};
use crate::structured::ring::View;

/// A search that is deeper than this is going round in circles.
const DEPTH_MAX: u16 = 512;

type Asked = (Key, LookupId, Token, Goal);

impl<V: Shortcuts> ChordLike<V> {
    // The side that is asked.

    pub(super) fn asked_step(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        from: PeerId,
        asked: Asked,
        trail: V::Trail,
        dead: Option<PeerId>,
    ) {
        let (key, lookup, token, goal) = asked;
        if !peer.active {
            Self::refuse(peer, cx, from, token, lookup, goal, true);
            return;
        }
        let reply = match self.shortcuts.route(peer, self.view(peer), key, trail, dead) {
            Route::Next(next, trail) => RingMessage::StepNext { lookup, token, next, goal, trail },
            Route::Owner(_) | Route::Lost => RingMessage::StepOwners { successors: Arc::clone(&peer.successors), lookup, token, goal },
        };
        Self::send(peer, cx, from, reply);
        if let Some(dead) = dead.filter(|&dead| V::ALERTS && dead != peer.id) {
            self.ping(peer, cx, dead);
        }
    }

    pub(super) fn asked_fetch(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, (key, lookup, token, goal): Asked) {
        if !peer.active {
            Self::refuse(peer, cx, from, token, lookup, goal, true);
        } else if goal == Goal::Providers {
            let holders = self.holders_of(peer, cx, key);
            Self::send(peer, cx, from, RingMessage::Providers { holders, lookup, ask: token, hops: 0 });
        } else {
            Self::send(peer, cx, from, RingMessage::Found { lookup, ask: token, owner: peer.id, hops: 0, goal });
        }
    }

    // The side that asks.

    /// Begins a search, at a contact if the peer's own tables cannot be used yet.
    pub(super) fn begin_search(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        key: Key,
        lookup: LookupId,
        purpose: Purpose,
        contact: Option<PeerId>,
    ) {
        let search = Search {
            key,
            lookup,
            purpose,
            began: cx.now(),
            stage: Stage::Step,
            at: contact.unwrap_or(peer.id),
            depth: u16::from(contact.is_some()),
            rounds: 0,
            tries: 0,
            path: [peer.id; PATH],
            path_length: 0,
            dead: [peer.id; PATH],
            dead_count: 0,
            owners: Arc::default(),
            next_owner: 0,
            trail: V::Trail::default(),
            trails: [V::Trail::default(); PATH],
            detours: 0,
        };
        match contact {
            Some(_) => self.send_step(peer, cx, search, None),
            None => self.search_from_here(peer, cx, search, None),
        }
    }

    /// Begins anew from this peer's own tables: at the beginning, and when the whole path has died.
    fn search_from_here(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>, avoid: Option<PeerId>) {
        search.depth = 0;
        self.go_on_from_here(peer, cx, search, V::Trail::default(), avoid);
    }

    fn go_on_from_here(
        &self,
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        mut search: Search<V::Trail>,
        trail: V::Trail,
        avoid: Option<PeerId>,
    ) {
        (search.path_length, search.at, search.detours) = (0, peer.id, 0);
        if !peer.active {
            self.search_failed(peer, cx, &search);
            return;
        }
        match self.route_around(peer, search.key, trail, avoid) {
            Route::Next(next, trail) => {
                (search.at, search.trail) = (next, trail);
                search.depth += 1;
                self.send_step(peer, cx, search, None);
            }
            Route::Owner(owner) if owner == peer.id => self.conclude(peer, cx, &search, owner),
            Route::Owner(_) | Route::Lost => {
                let successors = Arc::clone(&peer.successors);
                self.consider_owners(peer, cx, search, successors);
            }
        }
    }

    fn send_step(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>, dead: Option<PeerId>) {
        search.rounds += 1;
        search.stage = Stage::Step;
        let (to, key, lookup, goal, trail) = (search.at, search.key, search.lookup, search.purpose.goal(), search.trail);
        let token = peer.extra().searches.open(search);
        let patience = self.patience(peer, cx, to, token);
        Self::send(
            peer,
            cx,
            to,
            match dead {
                None => RingMessage::Step { key, lookup, token, goal, trail },
                Some(dead) => RingMessage::StepAvoiding { key, lookup, token, dead, goal, trail },
            },
        );
        cx.set_timer(patience, ChordTimer::Search(token));
    }

    fn close_search(peer: &mut RingPeer<V>, token: Token) -> Option<Search<V::Trail>> {
        peer.extra.as_deref_mut()?.searches.close(token)
    }

    /// The search that `from` has answered. Of a first contact only the address was known: who lives there says so itself.
    fn answered_search(&self, peer: &mut RingPeer<V>, cx: &Cx<'_, V>, from: PeerId, token: Token) -> Option<Search<V::Trail>> {
        self.heard(peer, cx, from, token);
        let mut search = Self::close_search(peer, token)?;
        let first = search.purpose == Purpose::Join && search.path_length == 0;
        if first && self.numbering.seat(search.at) == self.numbering.seat(from) {
            search.at = from;
        }
        Some(search)
    }

    /// The peer that is being asked refers to `next`.
    pub(super) fn step_next(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token, next: PeerId, trail: V::Trail) {
        let Some(mut search) = self.answered_search(peer, cx, from, token) else { return };
        if from != search.at {
            self.go_round(peer, cx, search, false);
            return;
        }
        let from = View::new(&self.numbering, search.at);
        let own = next == peer.id && search.purpose != Purpose::Join;
        if V::REVISITS && own && search.depth < DEPTH_MAX {
            search.depth += 1;
            self.go_on_from_here(peer, cx, search, trail, None);
        } else if from.to(next) != 0 && search.is_dead(next) && search.detours < V::DETOURS_MAX {
            // It believes in one that is known to be dead; or in an earlier life of this peer, which is no way to the key.
            search.detours = search.detours.saturating_add(1);
            self.send_step(peer, cx, search, Some(next));
        } else if search.detours == V::DETOURS_MAX || next == peer.id || !V::leads_on(from, search.key, next) || search.depth >= DEPTH_MAX {
            // No way forward; or one that leads back here, as after a detour around the dead: on with this peer's own tables.
            self.retry_search(peer, cx, search);
        } else {
            search.descend(next, trail);
            self.send_step(peer, cx, search, None);
        }
    }

    /// The peer that is being asked has the owner among its successors.
    pub(super) fn step_owners(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token, successors: &Arc<[PeerId]>) {
        let Some(search) = self.answered_search(peer, cx, from, token) else { return };
        if from == search.at {
            self.consider_owners(peer, cx, search, Arc::clone(successors));
        } else {
            self.go_round(peer, cx, search, false);
        }
    }

    /// `search.at` precedes the key and has these successors: the first of them at or beyond the key owns it.
    fn consider_owners(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>, successors: Arc<[PeerId]>) {
        let from = View::new(&self.numbering, search.at);
        let distance = from.to_key(search.key);
        search.next_owner = successors.iter().take_while(|&&successor| from.to(successor) < distance).count() as u8;
        search.owners = successors;
        if search.owners.is_empty() {
            // A peer alone owns every key.
            search.owners = Arc::from([search.at]);
        }
        self.try_owner(peer, cx, search);
    }

    /// Contacts the next peer that may own the key, or names it if nobody wants to be sure.
    fn try_owner(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>) {
        let goal = search.purpose.goal();
        // A newcomer looks for its successor; what others remember of its earlier life is passed over.
        let skip =
            |search: &Search<V::Trail>, owner: PeerId| search.is_dead(owner) && (owner != peer.id || search.purpose == Purpose::Join);
        while search.owners.get(usize::from(search.next_owner)).is_some_and(|&owner| skip(&search, owner)) {
            search.next_owner += 1;
        }
        match search.owners.get(usize::from(search.next_owner)).copied() {
            None => self.retry_search(peer, cx, search),
            Some(owner) if owner == peer.id || !self.is_confirmed(goal) => self.conclude(peer, cx, &search, owner),
            Some(owner) => {
                search.rounds += 1;
                search.stage = Stage::Fetch;
                let (key, lookup) = (search.key, search.lookup);
                let token = peer.extra().searches.open(search);
                Self::send(peer, cx, owner, RingMessage::Fetch { key, lookup, token, goal });
                cx.set_timer(self.rules.request_timeout, ChordTimer::Search(token));
            }
        }
    }

    /// Silence: the contact is dropped, if it was waited for long enough, and the search goes round it.
    pub(super) fn search_timed_out(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, token: Token) {
        let Some(search) = Self::close_search(peer, token) else { return };
        if search.purpose.is_lookup() {
            cx.timed_out(search.lookup);
        }
        let doubtful = search.stage == Stage::Step && self.is_doubtful(peer, cx, search.at, token);
        self.go_round(peer, cx, search, doubtful);
    }

    /// A newcomer has been asked: as good as nobody.
    pub(super) fn search_refused(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, token: Token) {
        if let Some(search) = Self::close_search(peer, token) {
            self.go_round(peer, cx, search, false);
        }
    }

    /// Goes on without the peer that was asked. It is gone, unless that is doubtful.
    fn go_round(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>, doubtful: bool) {
        if Self::is_overdue(cx, &search) {
            let silent = if search.stage == Stage::Fetch { search.owners[usize::from(search.next_owner)] } else { search.at };
            self.give_up(peer, cx, silent, doubtful);
            return self.search_failed(peer, cx, &search);
        }
        if search.stage == Stage::Fetch {
            let owner = search.owners[usize::from(search.next_owner)];
            search.bury(owner);
            self.drop_contact(peer, cx, owner);
            search.next_owner += 1;
            self.try_owner(peer, cx, search);
            return;
        }
        let dead = search.at;
        self.give_up(peer, cx, dead, doubtful);
        // Who may live yet is not passed over where it owns the key.
        if !doubtful {
            search.bury(dead);
        }
        if search.ascend() {
            self.send_step(peer, cx, search, Some(dead));
        } else {
            self.search_from_here(peer, cx, search, Some(dead).filter(|_| doubtful));
        }
    }

    /// True if this is a lookup, and nobody waits for its answer any more.
    fn is_overdue(cx: &Cx<'_, V>, search: &Search<V::Trail>) -> bool {
        search.purpose.is_lookup() && cx.setting().is_overdue(cx.now().since(search.began))
    }

    fn retry_search(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, mut search: Search<V::Trail>) {
        if search.tries < self.rules.retries && peer.active && !Self::is_overdue(cx, &search) {
            search.tries += 1;
            self.search_from_here(peer, cx, search, None);
        } else {
            self.search_failed(peer, cx, &search);
        }
    }

    fn search_failed(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, search: &Search<V::Trail>) {
        self.unanswered(peer, cx, search.purpose, search.lookup);
    }

    fn conclude(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, search: &Search<V::Trail>, owner: PeerId) {
        let (depth, rounds) = (u32::from(search.depth), u32::from(search.rounds));
        if search.purpose == Purpose::Item {
            // Only the owner itself comes here: everybody else is asked for its records.
            let holders = self.holders_of(peer, cx, search.key);
            Self::answered_with_holders(cx, search.lookup, peer.id, &holders, (depth, rounds));
        } else {
            self.answered(peer, cx, search.purpose, (search.key, search.lookup), owner, depth, rounds);
        }
    }

    /// The owner has answered (`token` belongs to a search).
    pub(super) fn search_found(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token, owner: PeerId) {
        let Some(search) = Self::close_search(peer, token) else { return };
        if search.waits_for(from) {
            self.conclude(peer, cx, &search, owner);
        } else {
            self.go_round(peer, cx, search, false);
        }
    }

    /// The owner has answered with the holders it knows: one link deeper than its predecessor.
    pub(super) fn search_providers(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, token: Token, holders: &[PeerId]) {
        let Some(mut search) = Self::close_search(peer, token) else { return };
        if !search.waits_for(from) {
            self.go_round(peer, cx, search, false);
        } else if holders.is_empty() && cx.setting().keeps_values() && self.has_replicas_left(&search) {
            // The owner's replicas come next on the ring (Dabek et al. 2001, section 4.3).
            search.next_owner += 1;
            self.try_owner(peer, cx, search);
        } else {
            let (depth, rounds) = (u32::from(search.depth) + 1, u32::from(search.rounds));
            Self::answered_with_holders(cx, search.lookup, from, holders, (depth, rounds));
        }
    }

    /// True if somebody after the one that has been asked may keep the value, and is known.
    fn has_replicas_left(&self, search: &Search<V::Trail>) -> bool {
        let from = View::new(&self.numbering, search.at);
        let distance = from.to_key(search.key);
        let owner = search.owners.iter().take_while(|&&successor| from.to(successor) < distance).count();
        let next = usize::from(search.next_owner) + 1;
        next < search.owners.len().min(owner + usize::from(self.rules.replicas))
    }
}

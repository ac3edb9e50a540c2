//! Questions: to the nearest contact in the right group; when that fails, to others (paper, section 2.2).

use std::sync::Arc;

use peerlab_model::{Hit, Key, LookupId, PeerId, Target, Time, Token};

use super::config::{HOMES_MAX, TRIES_MAX};
use super::message::{Goal, News};
use super::peer::{KelipsPeer, Pending, Purpose, Search};
use super::view::{Known, heartbeat};
use super::{Cx, Kelips, KelipsMessage};
use crate::repair::has_value;

impl Kelips {
    pub(super) fn begin_lookup(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            _ => return cx.finish(id),
        };
        if !peer.active {
            // Not a member (yet): nobody to ask.
            return cx.finish(id);
        }
        if purpose == Purpose::Item && has_value(peer.values(), cx, key) {
            cx.hit_by_records(id, peer.id, &[peer.id], 0, 0);
            return cx.finish(id);
        }
        let own = self.answer_of(peer, cx, key, purpose.goal());
        let tried = [peer.id; TRIES_MAX as usize];
        let search = Search {
            key,
            lookup: id,
            purpose,
            at: peer.id,
            goal: purpose.goal(),
            sent: Time::ZERO,
            began: cx.now(),
            depth: 0,
            asks: 0,
            tried,
            homes: [peer.id; HOMES_MAX as usize],
            homes_left: 0,
            home_depth: 0,
        };
        if self.values && purpose == Purpose::Item {
            self.ask_homes(peer, cx, search, &own);
        } else if own.is_empty() {
            self.ask_next(peer, cx, search);
        } else {
            Self::end(cx, &search, &own);
        }
    }

    /// The next contact in the right group, the nearest first; if there is none, a member of this peer's own group is asked for its own.
    fn ask_next(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, mut search: Search) {
        if search.asks >= self.config.tries || cx.setting().is_overdue(cx.now().since(search.began)) {
            return cx.finish(search.lookup);
        }
        if let Some(left) = search.homes_left.checked_sub(1) {
            search.homes_left = left;
            let home = search.homes[usize::from(left)];
            return self.send_ask(cx, search, home, search.home_depth, Goal::Value);
        }
        let group = self.group_of_key(search.key);
        let untried = |known: &&Known| !search.has_tried(known.peer);
        let nearest = |known: &&Known| (known.trip(), known.peer);
        let contact = if group == peer.group {
            peer.view.list().iter().filter(untried).min_by_key(nearest)
        } else {
            peer.contacts.of(group).filter(untried).min_by_key(nearest)
        };
        if let Some(contact) = contact {
            return self.send_ask(cx, search, contact.peer, 1, search.purpose.goal());
        }
        let helper = if group == peer.group { None } else { peer.view.list().iter().filter(untried).min_by_key(nearest) };
        match helper {
            Some(helper) => self.send_ask(cx, search, helper.peer, 1, Goal::Contacts),
            None => cx.finish(search.lookup),
        }
    }

    fn send_ask(&self, cx: &mut Cx<'_>, mut search: Search, to: PeerId, depth: u8, goal: Goal) {
        search.tried[usize::from(search.asks)] = to;
        search = Search { at: to, goal, depth, asks: search.asks + 1, sent: cx.now(), ..search };
        let token = cx.open(Pending::Ask(search));
        cx.send(to, KelipsMessage::Ask { key: search.key, lookup: search.lookup, token, goal });
        self.await_answer(cx, token);
    }

    // The side that is asked.

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn asked(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, key: Key, lookup: LookupId, token: Token, goal: Goal) {
        if !peer.active {
            Self::refuse(peer, cx, from, token, Some(lookup));
            return;
        }
        if matches!(goal, Goal::Holders | Goal::Value) && has_value(peer.values(), cx, key) {
            cx.send(from, KelipsMessage::Value { lookup, token });
        } else {
            let peers = self.answer_of(peer, cx, key, goal);
            cx.send(from, KelipsMessage::Answer { peers, lookup, token });
        }
        self.hear(peer, cx.now(), from);
    }

    /// What this peer knows; nobody, if that is nothing.
    fn answer_of(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, key: Key, goal: Goal) -> Arc<[PeerId]> {
        let group = self.group_of_key(key);
        let is_own = group == peer.group;
        match goal {
            Goal::Owner if is_own => Arc::from([peer.closest(self.numbering, key)]),
            Goal::Peer => {
                let known = peer.view.list().iter().filter(|_| is_own).chain(peer.contacts.of(group)).map(|known| known.peer);
                known.chain([peer.id]).filter(|&known| self.numbering.key(known) == key).take(1).collect()
            }
            Goal::Holders if is_own && self.values => self.some_homes(peer, cx, key),
            Goal::Holders if is_own => self.holders_of(peer, cx, key),
            Goal::Contacts => peer.contacts.of(group).map(|known| known.peer).collect(),
            Goal::Owner | Goal::Holders | Goal::Value => Arc::default(),
        }
    }

    // The side that asks.

    pub(super) fn answered(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, peers: &[PeerId]) {
        let Some(Pending::Ask(search)) = cx.close(token) else { return };
        let now = cx.now();
        if search.at != from {
            // The machine has another identity now.
            self.lost(peer, now, search.at);
        }
        self.measured(peer, cx, from, now.since(search.sent));
        if peers.is_empty() {
            self.ask_next(peer, cx, search);
        } else if search.goal == Goal::Contacts {
            // By word of a member; how old that is nobody says.
            for &contact in peers {
                self.hear_of(peer, now, News::alive(contact, heartbeat(now) - self.contact_timeout / 2));
            }
            match peers.iter().find(|&&contact| !search.has_tried(contact) && contact != peer.id) {
                Some(&contact) if search.asks < self.config.tries => self.send_ask(cx, search, contact, 2, search.purpose.goal()),
                _ => self.ask_next(peer, cx, search),
            }
        } else if self.values && search.goal == Goal::Holders {
            self.ask_homes(peer, cx, search, peers);
        } else {
            Self::end(cx, &search, peers);
        }
    }

    /// Homenodes of the value are known: they are asked one after the other, and then others who may know more.
    fn ask_homes(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, mut search: Search, homes: &[PeerId]) {
        let untried: Vec<PeerId> = homes.iter().copied().filter(|&home| !search.has_tried(home) && home != peer.id).collect();
        search.homes_left = untried.len().min(search.homes.len()) as u8;
        for (place, home) in search.homes.iter_mut().zip(untried) {
            *place = home;
        }
        search.home_depth = search.depth + 1;
        self.ask_next(peer, cx, search);
    }

    /// A homenode has sent the value.
    pub(super) fn value_came(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Ask(search)) = cx.close(token) else { return };
        let now = cx.now();
        if search.at != from {
            self.lost(peer, now, search.at);
        }
        self.measured(peer, cx, from, now.since(search.sent));
        cx.hit_by_records(search.lookup, from, &[from], u32::from(search.depth), u32::from(search.asks));
        cx.finish(search.lookup);
    }

    fn end(cx: &mut Cx<'_>, search: &Search, peers: &[PeerId]) {
        for &peer in peers {
            cx.hit(search.lookup, Hit { peer, hops: u32::from(search.depth), rounds: u32::from(search.asks) });
        }
        cx.finish(search.lookup);
    }

    pub(super) fn request_timed_out(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, token: Token) {
        let Some(pending) = cx.close(token) else { return };
        if let Pending::Ask(search) = &pending {
            cx.timed_out(search.lookup);
        }
        self.request_failed(peer, cx, pending);
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was asked of it takes another way.
    fn request_failed(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, pending: Pending) {
        let (Pending::Ask(Search { at: to, .. })
        | Pending::Introduce { to }
        | Pending::GetGroup { to }
        | Pending::Ping { to, .. }
        | Pending::Insert { to, .. }) = pending;
        self.lost(peer, cx.now(), to);
        match pending {
            Pending::Ask(search) => self.ask_next(peer, cx, search),
            Pending::Introduce { .. } => self.join_failed(peer, cx),
            Pending::GetGroup { .. } => self.ask_for_group(peer, cx),
            Pending::Ping { .. } => {}
            Pending::Insert { item, tried, .. } => self.insert_failed(peer, cx, item, tried),
        }
    }

    /// A contact turns out to be no member: it is dropped like a dead one, without the wait.
    pub(super) fn refused(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, token: Token, lowest: PeerId) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        if let Some(pending) = cx.close(token) {
            self.request_failed(peer, cx, pending);
        }
    }
}

//! Becoming a member, zones that change hands, and saying goodbye.
//!
//! A newcomer asks a contact for the owner of a point, which halves its zone and gives away the half with the point (section 2.2). Every
//! zone that changes hands does so in one way: the giver keeps it, and answers for it, until the receiver has accepted it. Only who leaves
//! cannot wait for that.

use std::sync::Arc;

use peerlab_engine::random::mix;
use peerlab_model::{Key, PeerId, Span, Token};

use super::message::{Goal, Listed, Query};
use super::peer::{CanPeer, NO_LOOKUP, Pending, Purpose, Why};
use super::zone::Zone;
use super::{Can, CanMessage, CanTimer, Cx};
use crate::structured::newcomers::Newcomers;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);
/// How often a zone is offered to somebody who does not answer.
const GIVE_TRIES: u8 = 3;

impl Can {
    /// The point at which a peer joins a reality: its own key, and something as random for each further one.
    pub(super) fn own_point(&self, id: PeerId, realm: u8) -> Key {
        let key = self.numbering.key(id);
        if realm == 0 { key } else { Key(mix(key.0 ^ u64::from(realm))) }
    }

    pub(super) fn attempt_join(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let Some(realm) = peer.missing() else { return };
        let met = peer.extra.as_deref().filter(|_| !peer.is_active()).and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => {
                let point = self.own_point(peer.id, realm);
                self.ask_through(peer, cx, met.unwrap_or(contact), point, Purpose::Join(realm));
            }
            None => self.create(peer, cx),
        }
    }

    /// Begins a network of one.
    fn create(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        for realm in peer.realms() {
            if !peer.is_ready(realm) {
                self.take_zone(peer, cx, realm, Zone::WHOLE);
            }
        }
        self.check_joined(peer, cx);
    }

    /// Has it a zone in each reality? Then it has joined.
    fn check_joined(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        if peer.missing().is_some() {
            self.attempt_join(peer, cx);
            return;
        }
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.newcomers = Newcomers::default();
        }
        if !peer.announced {
            peer.announced = true;
            cx.joined();
            self.begin_naming(peer, cx);
        }
    }

    pub(super) fn join_failed(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        if peer.missing().is_none() {
            return;
        }
        let first = !peer.is_active() && peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
        if first {
            self.create(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, CanTimer::Join);
        }
    }

    /// "I cannot."
    pub(super) fn refuse(peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, token: Token, query: &Query) {
        let this = peer.id;
        let lowest = if peer.is_active() { this } else { peer.extra().newcomers.refuse(this, to) };
        cx.send(to, CanMessage::Refuse { token, lookup: query.lookup, lowest, goal: query.goal });
    }

    pub(super) fn refuse_upkeep(peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, token: Token) {
        let this = peer.id;
        let lowest = if peer.is_active() { this } else { peer.extra().newcomers.refuse(this, to) };
        cx.send(to, CanMessage::Refuse { token, lookup: NO_LOOKUP, lowest, goal: Goal::Contact });
    }

    pub(super) fn refused(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, lowest: PeerId) {
        match cx.close(token) {
            Some(Pending::Hop { to, query, .. }) => {
                if peer.is_active() {
                    // Who was a neighbour and has no zone now has begun another life, or lost what it had.
                    self.lose(peer, cx, to);
                } else {
                    peer.extra().newcomers.refused(lowest);
                }
                self.hop_failed(peer, cx, query);
            }
            Some(Pending::Own { query, purpose, tries }) => {
                // The owner is busy giving away a zone. `ask_failed` closes the request, so it is opened again for it.
                let ask = cx.open(Pending::Own { query, purpose, tries });
                self.ask_failed(peer, cx, ask);
            }
            Some(Pending::Check { to, .. }) => {
                peer.extra().checking.retain(|&other| other != to);
                self.lose(peer, cx, to);
            }
            Some(Pending::Store { name, .. }) => self.store_failed(peer, cx, name),
            Some(Pending::Give { realm, .. }) => Self::give_ended(peer, realm),
            Some(Pending::Cede { to, realm, zone }) => {
                Self::forget_ceding(peer, realm, zone, to);
                self.lose(peer, cx, from);
            }
            None => {}
        }
    }

    // The giver's side.

    /// A newcomer's point lies in this peer's zone.
    pub(super) fn allot_best(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, query: &Query, realm: u8) {
        if self.rules.uniform_partitioning
            && let Some(space) = peer.space(realm)
            && let Some(own) = space.zones().iter().map(|zone| zone.depth).min()
        {
            let larger = space.neighbours().iter().filter(|other| other.zone.depth < own && !other.suspect && other.peer != query.origin);
            if let Some(largest) = larger.min_by_key(|other| (other.zone.depth, other.peer)) {
                self.send_hop(peer, cx, largest.peer, Query { goal: Goal::JoinHere, realm, ..*query });
                return;
            }
        }
        self.allot(peer, cx, &Query { realm, ..*query });
    }

    /// A newcomer gets half of this peer's zone, or one of its zones if it has several.
    pub(super) fn allot(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, query: &Query) {
        let realm = query.realm;
        let zone = peer.space(realm).filter(|space| !space.giving).and_then(|space| {
            let largest = || space.zones().iter().copied().min_by_key(|zone| zone.depth);
            let zone = space.zones().iter().copied().find(|zone| zone.contains(query.key)).or_else(largest)?;
            if space.zones().len() > 1 {
                return Some(zone);
            }
            let [lower, upper] = zone.halves();
            (zone.depth < self.torus.depth_max()).then_some(if lower.contains(query.key) { lower } else { upper })
        });
        match zone {
            Some(zone) => self.give(peer, cx, realm, zone, query.origin, 0),
            None => Self::refuse(peer, cx, query.origin, query.ask, query),
        }
    }

    /// Offers a zone to somebody.
    pub(super) fn give(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone, to: PeerId, tries: u8) {
        let this = peer.id;
        let Some(space) = peer.space_mut(realm).filter(|_| to != this) else { return };
        space.giving = true;
        let around = space.around(&self.torus, zone, this);
        let token = cx.open(Pending::Give { to, realm, zone, tries });
        cx.send(to, CanMessage::Give { realm, zone, around, token });
        cx.set_timer(self.upkeep_timeout(), CanTimer::Request(token));
    }

    pub(super) fn give_timed_out(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, realm: u8, zone: Zone, tries: u8) {
        let still = peer.space(realm).is_some_and(|space| space.zones().iter().any(|own| own.covers(zone)));
        if tries + 1 < GIVE_TRIES && still {
            self.give(peer, cx, realm, zone, to, tries + 1);
        } else {
            // The zone stays here. Should the other one have it nevertheless, updates will show that, and this peer gives way.
            Self::give_ended(peer, realm);
        }
    }

    pub(super) fn give_ended(peer: &mut CanPeer, realm: u8) {
        if let Some(space) = peer.space_mut(realm) {
            space.giving = false;
        }
    }

    /// The zone has gone over.
    pub(super) fn accepted(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Give { realm, zone, .. }) = cx.close(token) else { return };
        Self::give_ended(peer, realm);
        self.yield_zone(peer, cx, realm, zone, from);
    }

    /// A zone is somebody else's from now on, with the records that lie in it.
    pub(super) fn yield_zone(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone, to: PeerId) {
        let now = cx.now();
        let Some(space) = peer.space_mut(realm) else { return };
        let before: Vec<PeerId> = space.peers().collect();
        let mut theirs: Vec<Zone> =
            space.neighbour(to).and_then(|other| other.bulletin.as_deref()).map_or_else(Vec::new, |b| b.zones.to_vec());
        theirs.push(zone);
        self.drop_zone(peer, cx, realm, zone);
        if let Some(space) = peer.space_mut(realm) {
            space.learn(&self.torus, to, &theirs, None, now);
        }
        Self::hand_over_zone(peer, cx, zone, to);
        Self::offer_zone(peer, cx, zone, to);
        Self::tell_all(peer, cx, realm, &before);
        if peer.space(realm).is_some_and(|space| !space.is_ready()) {
            Self::lost_all(peer, cx, realm);
        }
    }

    // The receiver's side.

    pub(super) fn given(
        &self,
        peer: &mut CanPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        (realm, zone): (u8, Zone),
        around: &[Listed],
        token: Token,
    ) {
        if peer.space(realm).is_none() || from == peer.id {
            return;
        }
        let was_ready = peer.is_ready(realm);
        cx.send(from, CanMessage::Accept { realm, token });
        if !self.take_zone(peer, cx, realm, zone) {
            // An offer that came twice.
            return;
        }
        let now = cx.now();
        let mut ask = Vec::new();
        if let Some(space) = peer.space_mut(realm) {
            for &(other, zone) in around.iter().filter(|(other, _)| *other != cx.this()) {
                if !space.of(other).any(|known| known.zone == zone) {
                    let zones: Vec<Zone> = space.of(other).map(|known| known.zone).chain([zone]).collect();
                    space.learn(&self.torus, other, &zones, None, now);
                    ask.push(other);
                }
            }
            // The giver is a neighbour until it says otherwise, if only to be told.
            if !space.knows(from) {
                ask.push(from);
            }
        }
        ask.sort_unstable();
        ask.dedup();
        Self::tell_all(peer, cx, realm, &[]);
        for other in ask {
            self.check_on(peer, cx, realm, other, Why::Candidate);
        }
        if !was_ready {
            self.check_joined(peer, cx);
        }
    }

    /// All zones of a reality have gone to others: it joins anew.
    pub(super) fn lost_all(peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8) {
        if let Some(space) = peer.space_mut(realm) {
            space.clear();
        }
        let pause = Self::gap(cx, JOIN_PAUSE);
        cx.set_timer(pause, CanTimer::Join);
    }

    // Goodbye.

    /// Leaves: each zone goes to the neighbour that can merge it with its own, else to the one with the smallest zone (section 2.3).
    pub(super) fn say_goodbye(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        for realm in peer.realms() {
            let Some(space) = peer.space(realm).filter(|space| space.is_ready()) else { continue };
            let peers: Vec<PeerId> = space.peers().collect();
            let heirs: Vec<(Zone, PeerId)> = space.zones().iter().filter_map(|&zone| Some((zone, self.heir(peer, realm, zone)?))).collect();
            for &(zone, heir) in &heirs {
                let around = space.around(&self.torus, zone, peer.id);
                let others = around.iter().copied().filter(|&(other, _)| other != peer.id);
                // Its other zones have heirs, too.
                let shared = heirs.iter().filter(|&&(other, _)| self.torus.abut(other, zone)).map(|&(other, heir)| (heir, other));
                let around: Arc<[Listed]> = others.chain(shared).filter(|&(other, _)| other != heir).collect();
                let token = cx.open(Pending::Give { to: heir, realm, zone, tries: 0 });
                cx.send(heir, CanMessage::Give { realm, zone, around, token });
            }
            for other in peers {
                cx.send(other, CanMessage::Leave { realm });
            }
            for (zone, heir) in heirs {
                Self::hand_over_zone(peer, cx, zone, heir);
                Self::send_zone(peer, cx, zone, heir);
            }
        }
    }

    fn heir(&self, peer: &CanPeer, realm: u8, zone: Zone) -> Option<PeerId> {
        let space = peer.space(realm)?;
        if let Some(sibling) = zone.sibling().and_then(|sibling| space.holder(sibling)) {
            return Some(sibling);
        }
        let alive =
            |suspect: bool| space.neighbours().iter().filter(move |other| other.suspect == suspect && self.torus.abut(other.zone, zone));
        let smallest = |suspect: bool| alive(suspect).max_by_key(|other| (other.zone.depth, std::cmp::Reverse(other.peer)));
        smallest(false).or_else(|| smallest(true)).map(|other| other.peer)
    }

    /// A neighbour says goodbye; who gets its zone will say so.
    pub(super) fn left_by(peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, realm: u8) {
        peer.extra().bury(from, cx.now());
        if let Some(space) = peer.space_mut(realm) {
            space.forget(from);
        }
    }
}

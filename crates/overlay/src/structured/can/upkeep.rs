//! Updates between neighbours, and who is alive.
//!
//! "Under normal conditions a node sends periodic update messages to each of its neighbors giving its zone coordinates and a list of its
//! neighbors and their zone coordinates. The prolonged absence of an update message from a neighbor signals its failure" (section 2.3). Here
//! a silent neighbour is asked before it counts as dead, and so is one that does not take a question.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Span, Token};

use super::message::Bulletin;
use super::peer::{CanPeer, Failed, Hole, Pending, Purpose, Why};
use super::zone::Zone;
use super::{Can, CanMessage, CanTimer, Cx};

/// How often a neighbour that does not answer is asked before it counts as dead.
const CHECK_TRIES: u8 = 2;
/// A place that nobody is known to own is asked for at this age, in updates, and taken at the next one.
const HOLE_PROBED: u8 = 2;
const HOLE_TAKEN: u8 = 4;
/// In so small networks a peer makes sure now and then that there is no other one beside its own.
const SMALL_DEPTH: u8 = 6;
/// How often, in updates.
const LOOK_ROUND: u8 = 5;

impl Can {
    pub(super) fn begin_ticking(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        if !peer.ticking {
            peer.ticking = true;
            cx.set_timer_within(self.rules.update_interval, CanTimer::Update);
            cx.set_timer_within(self.rules.reassign_interval, CanTimer::Reassign);
            self.begin_maintenance(cx);
        }
    }

    /// For how long a dead peer is remembered as such, whatever others say.
    pub(super) fn memory(&self) -> Span {
        self.rules.failure_after.times(2)
    }

    /// Zones change hands: this peer has one more.
    pub(super) fn take_zone(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone) -> bool {
        let Some(space) = peer.space_mut(realm) else { return false };
        let Some((gone, now)) = space.add_zone(zone) else { return false };
        for zone in gone {
            cx.release(zone.region(realm));
        }
        cx.claim(now.region(realm));
        space.review(&self.torus, cx.now());
        true
    }

    /// Zones change hands: this peer no longer has this one.
    pub(super) fn drop_zone(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone) {
        let Some(space) = peer.space_mut(realm) else { return };
        let (gone, rest) = space.remove_zone(zone);
        for zone in gone {
            cx.release(zone.region(realm));
        }
        for zone in rest {
            cx.claim(zone.region(realm));
        }
        space.review(&self.torus, cx.now());
    }

    /// Tells all neighbours, and these others, what this peer has and knows.
    pub(super) fn tell_all(peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, others: &[PeerId]) {
        let this = peer.id;
        let Some(space) = peer.space_mut(realm) else { return };
        let bulletin = space.bulletin(cx.now());
        for other in space.peers() {
            cx.send(other, CanMessage::Update { realm, bulletin: Arc::clone(&bulletin), asks: None, answers: None });
        }
        for &other in others.iter().filter(|&&other| other != this && !space.knows(other)) {
            cx.send(other, CanMessage::Update { realm, bulletin: Arc::clone(&bulletin), asks: None, answers: None });
        }
    }

    /// Sends an update that wants an answer.
    pub(super) fn check_on(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, to: PeerId, why: Why) {
        if to == peer.id || peer.extra().checking.contains(&to) {
            return;
        }
        peer.extra().checking.push(to);
        self.send_check(peer, cx, realm, to, why, 0);
    }

    fn send_check(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, to: PeerId, why: Why, tries: u8) {
        let Some(space) = peer.space_mut(realm) else { return };
        let bulletin = space.bulletin(cx.now());
        let token = cx.open(Pending::Check { to, realm, sent: cx.now(), why, tries });
        cx.send(to, CanMessage::Update { realm, bulletin, asks: Some(token), answers: None });
        cx.set_timer(self.upkeep_timeout(), CanTimer::Request(token));
    }

    /// Somebody may be a neighbour: it is told, and asked.
    pub(super) fn introduce(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, to: PeerId) {
        if peer.is_ready(realm) {
            self.check_on(peer, cx, realm, to, Why::Candidate);
        }
    }

    /// A check was not answered. Whoever has been heard from since then is no longer checked.
    pub(super) fn check_timed_out(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, realm: u8, why: Why, tries: u8) {
        if !peer.extra().checking.contains(&to) {
            return;
        }
        if tries + 1 < CHECK_TRIES && why == Why::Suspicion && peer.is_ready(realm) {
            self.send_check(peer, cx, realm, to, why, tries + 1);
            return;
        }
        peer.extra().checking.retain(|&other| other != to);
        if why == Why::Suspicion || !peer.spaces().any(|(_, space)| space.knows(to)) {
            self.lose(peer, cx, to);
        } else {
            // Others say that it is a neighbour: it is asked again as one that is silent.
            self.check_on(peer, cx, realm, to, Why::Suspicion);
        }
    }

    /// A neighbour's update.
    pub(super) fn updated(
        &self,
        peer: &mut CanPeer,
        cx: &mut Cx<'_>,
        from: PeerId,
        realm: u8,
        bulletin: &Arc<Bulletin>,
        (asks, answers): (Option<Token>, Option<Token>),
    ) {
        let mut trip = None;
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.checking.retain(|&other| other != from);
        }
        if let Some(Pending::Check { to, sent, .. }) = answers.and_then(|token| cx.close(token)) {
            peer.extra().checking.retain(|&other| other != to);
            if to == from {
                trip = Some(cx.now().since(sent));
            } else {
                // The machine has another identity now.
                self.lose(peer, cx, to);
            }
        }
        if !peer.is_ready(realm) {
            if let Some(token) = asks {
                Self::refuse_upkeep(peer, cx, from, token);
            }
            return;
        }
        self.is_alive(peer, cx, from, realm, bulletin);
        let fresh = self.take_in(peer, cx, from, realm, bulletin);
        if let (Some(trip), Some(space)) = (trip, peer.space_mut(realm)) {
            space.measured(from, trip);
        }
        let Some(space) = peer.space_mut(realm) else { return };
        let is_near = space.knows(from);
        // Who believes to be a neighbour and is none shall know; who is one and has been told so will not ask again.
        if asks.is_some() || (!is_near && bulletin.lists(cx.this())) {
            let own = space.bulletin(cx.now());
            cx.send(from, CanMessage::Update { realm, bulletin: own, asks: None, answers: asks });
        }
        if fresh {
            self.meet_others(peer, cx, realm, bulletin);
            self.settle(peer, cx, realm, from, &bulletin.zones);
        }
    }

    /// A peer that was believed to be dead speaks, or says whose its zones are now.
    fn is_alive(&self, peer: &mut CanPeer, cx: &Cx<'_>, from: PeerId, realm: u8, bulletin: &Bulletin) {
        let Some(extra) = peer.extra.as_deref_mut() else { return };
        extra.revive(from);
        for failed in extra.failed.iter_mut().filter(|failed| failed.realm == realm) {
            if failed.dead == from {
                failed.zones.clear();
            }
            failed.zones.retain(|zone| !bulletin.zones.iter().any(|other| other.covers(*zone)));
        }
        extra.failed.retain(|failed| !failed.zones.is_empty());
        let memory = self.memory();
        extra.taken.retain(|taken| cx.now().since(taken.at) < memory);
        extra.holes.retain(|hole| hole.realm != realm || !bulletin.zones.iter().any(|zone| zone.covers(hole.zone)));
    }

    /// Takes what a neighbour tells into the table. True if there is anything new in it.
    fn take_in(&self, peer: &mut CanPeer, cx: &Cx<'_>, from: PeerId, realm: u8, bulletin: &Arc<Bulletin>) -> bool {
        let now = cx.now();
        let Some(space) = peer.space_mut(realm) else { return false };
        let known = space.neighbour(from).and_then(|other| other.bulletin.as_ref()).map(|known| known.version);
        if known == Some(bulletin.version) {
            for other in space.neighbours_mut().filter(|other| other.peer == from) {
                (other.heard, other.suspect) = (now, false);
            }
            return false;
        }
        if known.is_some_and(|version| version > bulletin.version) {
            return false;
        }
        space.learn(&self.torus, from, &bulletin.zones, Some(bulletin), now);
        true
    }

    /// Who a neighbour says is near, and is not known here.
    fn meet_others(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, bulletin: &Bulletin) {
        let now = cx.now();
        let Some(space) = peer.space(realm) else { return };
        let unknown = |&&(other, zone): &&(PeerId, Zone)| {
            other != peer.id && space.is_near(&self.torus, zone) && !space.knows(other) && !peer.is_dead(other, now, self.memory())
        };
        let others: Vec<PeerId> = bulletin.around.iter().filter(unknown).map(|&(other, _)| other).collect();
        for other in others {
            self.introduce(peer, cx, realm, other);
        }
    }

    pub(super) fn tick_update(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.rules.update_interval);
        cx.set_timer(gap, CanTimer::Update);
        peer.ticks = peer.ticks.wrapping_add(1);
        for realm in peer.realms() {
            if peer.is_ready(realm) {
                Self::tell_all(peer, cx, realm, &[]);
                self.look_after(peer, cx, realm);
                self.look_for_holes(peer, cx, realm);
            }
        }
        if peer.ticks.is_multiple_of(LOOK_ROUND) {
            let now = cx.now();
            if let Some(extra) = peer.extra.as_deref_mut() {
                extra.records.expire(now);
                extra.values.expire(now);
            }
        }
    }

    /// Asks those who have been silent; and, where round trips matter, those who have not been measured.
    fn look_after(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8) {
        let now = cx.now();
        let Some(space) = peer.space(realm) else { return };
        let is_due = |other: &&super::space::Neighbour| {
            now.since(other.heard) >= self.rules.failure_after || other.suspect || (self.rules.rtt_weighted && other.trip.is_none())
        };
        let mut due: Vec<(PeerId, Why)> = Vec::new();
        for other in space.neighbours().iter().filter(is_due) {
            let silent = other.suspect || now.since(other.heard) >= self.rules.failure_after;
            due.push((other.peer, if silent { Why::Suspicion } else { Why::Candidate }));
        }
        due.dedup();
        let overlapping = space.neighbours().iter().filter(|other| space.zones().iter().any(|own| own.overlaps(other.zone)));
        let disputed: Vec<(PeerId, Zone)> = overlapping.map(|other| (other.peer, other.zone)).collect();
        let small = space.zones().iter().all(|zone| zone.depth <= SMALL_DEPTH);
        for (other, why) in due {
            self.check_on(peer, cx, realm, other, why);
        }
        for (other, zone) in disputed {
            self.settle(peer, cx, realm, other, &[zone]);
        }
        if small
            && peer.ticks.is_multiple_of(LOOK_ROUND)
            && let Some(contact) = cx.bootstrap()
        {
            // Somebody else owns a point of this peer's own, if there are two networks side by side.
            let code = peer.space(realm).and_then(|space| space.zones().first()).map_or(0, |zone| zone.code);
            self.ask_through(peer, cx, contact, Key(code), Purpose::Probe(realm));
        }
    }

    /// Places beside its zones that nobody is known to own: asked for, and taken in the end.
    fn look_for_holes(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8) {
        let Some(space) = peer.space(realm) else { return };
        let failed = peer.extra.as_deref().map_or(&[][..], |extra| &extra.failed[..]);
        let excused: Vec<Zone> =
            failed.iter().filter(|failed| failed.realm == realm).flat_map(|failed| failed.zones.iter().copied()).collect();
        let found = space.holes(&self.torus, &excused);
        let is_known = peer.extra.as_deref().is_some_and(|extra| extra.holes.iter().any(|hole| hole.realm == realm));
        if found.is_empty() && !is_known {
            return;
        }
        let extra = peer.extra();
        let before = std::mem::take(&mut extra.holes);
        let age = |zone: Zone| before.iter().find(|hole| hole.realm == realm && hole.zone == zone).map_or(0, |hole| hole.age + 1);
        extra.holes = before.iter().copied().filter(|hole| hole.realm != realm).collect();
        extra.holes.extend(found.iter().map(|face| Hole { realm, zone: face.zone, age: age(face.zone) }));
        let ages: Vec<u8> = found.iter().map(|face| age(face.zone)).collect();
        for (face, age) in found.into_iter().zip(ages) {
            if age >= HOLE_TAKEN {
                self.take_over(peer, cx, realm, &[face.zone], None);
            } else if age >= HOLE_PROBED {
                self.ask_own(peer, cx, self.torus.nearest_point(face), Purpose::Probe(realm));
            }
        }
    }

    /// A contact does not answer, or answers as somebody else: it goes from all tables, and if it was a neighbour, the timer for its zones
    /// begins to run.
    pub(super) fn lose(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, dead: PeerId) {
        let now = cx.now();
        peer.extra().newcomers.forget(dead);
        peer.extra().bury(dead, now);
        for realm in peer.realms() {
            let Some(space) = peer.space(realm) else { continue };
            let Some(known) = space.neighbour(dead) else { continue };
            let bulletin = known.bulletin.clone();
            let mut zones: Vec<Zone> = match &bulletin {
                Some(bulletin) => bulletin.zones.to_vec(),
                None => space.of(dead).map(|other| other.zone).collect(),
            };
            let others = || space.neighbours().iter().filter(|other| other.peer != dead).map(|other| other.zone);
            zones.retain(|&zone| !others().chain(space.zones().iter().copied()).any(|other| other.covers(zone)));
            let volume = space.volume();
            if let Some(space) = peer.space_mut(realm) {
                space.forget(dead);
            }
            if zones.is_empty() {
                continue;
            }
            let lost = zones.iter().fold(0_u64, |sum, zone| sum.saturating_add(zone.volume()));
            // At most sixteen times as long: somebody has to do it.
            let ratio = (volume as f64 / lost as f64).min(16.0);
            cx.set_timer(self.rules.takeover_timer.scale(ratio), CanTimer::Takeover(dead));
            peer.extra().failed.push(Failed { realm, dead, zones, bulletin });
        }
    }
}

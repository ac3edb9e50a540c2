//! Zones that nobody holds, and zones that two hold.
//!
//! The neighbours of a peer that failed wait, each in proportion to the volume of its own zone; whose timer goes off first takes over and
//! says so to the others (section 2.3). Two who have taken over the same zone, and a peer that was wrongly believed to be dead, find each
//! other by their neighbours' updates. Then the deeper zone goes before the larger one that contains it, and of two equal zones that of the
//! peer with the lower number: a fixed order, so that one of them gives way, and only when the other one has confirmed that it holds the zone.
//! In the background, peers with several zones look for somebody who can merge one of them with its own (section 2.3 and appendix).

use std::sync::Arc;

use peerlab_model::{PeerId, Token};

use super::message::Bulletin;
use super::peer::{CanPeer, Pending, TakenOver};
use super::zone::Zone;
use super::{Can, CanMessage, CanTimer, Cx};

impl Can {
    /// The timer for the zones of a neighbour that failed has gone off.
    pub(super) fn takeover_due(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, dead: PeerId) {
        let Some(extra) = peer.extra.as_deref_mut() else { return };
        let (due, others) = std::mem::take(&mut extra.failed).into_iter().partition(|failed| failed.dead == dead);
        extra.failed = others;
        let due: Vec<super::peer::Failed> = due;
        for failed in due {
            self.take_over(peer, cx, failed.realm, &failed.zones, Some((dead, failed.bulletin)));
        }
    }

    /// Takes zones that nobody holds.
    pub(super) fn take_over(
        &self,
        peer: &mut CanPeer,
        cx: &mut Cx<'_>,
        realm: u8,
        zones: &[Zone],
        dead: Option<(PeerId, Option<Arc<Bulletin>>)>,
    ) {
        let Some(space) = peer.space(realm).filter(|space| space.is_ready()) else { return };
        let volume = space.volume();
        let known = |zone: Zone| space.neighbours().iter().any(|other| other.zone.covers(zone));
        let zones: Vec<Zone> = zones.iter().copied().filter(|&zone| !known(zone)).collect();
        if zones.is_empty() {
            return;
        }
        for &zone in &zones {
            self.take_zone(peer, cx, realm, zone);
        }
        let Some(space) = peer.space(realm) else { return };
        let mut around: Vec<PeerId> = Vec::new();
        if let Some((dead, bulletin)) = dead {
            let listed = bulletin.iter().flat_map(|bulletin| bulletin.around.iter().map(|&(other, _)| other));
            around.extend(listed.chain(space.peers()).filter(|&other| other != cx.this() && other != dead));
            around.sort_unstable();
            around.dedup();
            for &other in &around {
                cx.send(other, CanMessage::Takeover { realm, dead, volume });
            }
            peer.extra().taken.push(TakenOver { realm, dead, zones, volume, at: cx.now() });
        }
        Self::tell_all(peer, cx, realm, &[]);
        for other in around {
            if !peer.space(realm).is_some_and(|space| space.knows(other)) {
                self.introduce(peer, cx, realm, other);
            }
        }
    }

    /// Somebody has taken over from a peer that failed.
    pub(super) fn told_of_takeover(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, realm: u8, dead: PeerId, volume: u64) {
        if dead == peer.id || !peer.is_ready(realm) {
            return;
        }
        let now = cx.now();
        peer.extra().bury(dead, now);
        // Copies of the records that lay there are of use to the new owner.
        let lay_there = peer.space(realm).and_then(|space| space.neighbour(dead)).and_then(|known| known.bulletin.clone());
        for &zone in lay_there.iter().flat_map(|bulletin| &*bulletin.zones) {
            Self::hand_over_zone(peer, cx, zone, from);
            Self::offer_zone(peer, cx, zone, from);
        }
        let Some(space) = peer.space_mut(realm) else { return };
        space.forget(dead);
        let own = space.volume();
        let goes_first = |own: u64| (volume, from) < (own, cx.this());
        let extra = peer.extra();
        let is_pending = extra.failed.iter().any(|failed| failed.dead == dead && failed.realm == realm);
        if is_pending && goes_first(own) {
            // "On receipt of a TAKEOVER message, a node cancels its own timer if the zone volume in the message is smaller than its own …
            extra.failed.retain(|failed| failed.dead != dead || failed.realm != realm);
        } else if is_pending {
            // … or it replies with its own TAKEOVER message."
            self.takeover_due(peer, cx, dead);
        } else {
            let taken = extra.taken.iter().filter(|taken| taken.dead == dead && taken.realm == realm && goes_first(taken.volume));
            let zones: Vec<Zone> = taken.flat_map(|taken| taken.zones.iter().copied()).collect();
            for zone in zones {
                self.cede(peer, cx, realm, zone, from);
            }
        }
    }

    // Two who hold the same zone.

    /// Compares this peer's zones with somebody else's.
    pub(super) fn settle(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, other: PeerId, theirs: &[Zone]) {
        let Some(space) = peer.space(realm) else { return };
        let mut lost = Vec::new();
        let mut told = true;
        for (&own, &zone) in space.zones().iter().flat_map(|own| theirs.iter().map(move |zone| (own, zone))) {
            if own.overlaps(zone) {
                if (zone.depth, std::cmp::Reverse(other)) > (own.depth, std::cmp::Reverse(peer.id)) {
                    lost.push(zone);
                } else {
                    told = false;
                }
            }
        }
        for zone in lost {
            self.cede(peer, cx, realm, zone, other);
        }
        if !told && let Some(space) = peer.space_mut(realm) {
            let bulletin = space.bulletin(cx.now());
            cx.send(other, CanMessage::Update { realm, bulletin, asks: None, answers: None });
        }
    }

    /// Gives way to somebody, if it confirms that it holds the zone.
    fn cede(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone, to: PeerId) {
        let holds = peer.space(realm).is_some_and(|space| space.zones().iter().any(|own| own.overlaps(zone)));
        let extra = peer.extra();
        if !holds || extra.ceding.iter().any(|&(of, ceded, _)| of == realm && ceded.overlaps(zone)) {
            return;
        }
        extra.ceding.push((realm, zone, to));
        let token = cx.open(Pending::Cede { to, realm, zone });
        cx.send(to, CanMessage::Cede { realm, zone, token });
        cx.set_timer(self.upkeep_timeout(), CanTimer::Request(token));
    }

    pub(super) fn asked_to_confirm(peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, realm: u8, zone: Zone, token: Token) {
        let mut holds = peer.space(realm).is_some_and(|space| space.zones().iter().any(|own| own.covers(zone)));
        let this = peer.id;
        if let Some(extra) = peer.extra.as_deref_mut() {
            let is_it = |&(of, ceded, _): &(u8, Zone, PeerId)| of == realm && ceded.overlaps(zone);
            let to_others = extra.ceding.iter().any(|ceding| is_it(ceding) && ceding.2 != from);
            let to_it = extra.ceding.iter().any(|ceding| is_it(ceding) && ceding.2 == from);
            holds &= !to_others && (!to_it || this < from);
            if holds {
                // Each was about to give way to the other: the lower number keeps it.
                extra.ceding.retain(|ceding| !is_it(ceding));
            }
        }
        cx.send(from, CanMessage::Ceded { token, holds });
    }

    pub(super) fn ceded(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, holds: bool) {
        let Some(Pending::Cede { to, realm, zone }) = cx.close(token) else { return };
        let was_meant = Self::forget_ceding(peer, realm, zone, to);
        if holds && was_meant && from == to {
            self.yield_zone(peer, cx, realm, zone, to);
        }
    }

    pub(super) fn forget_ceding(peer: &mut CanPeer, realm: u8, zone: Zone, to: PeerId) -> bool {
        let extra = peer.extra();
        let before = extra.ceding.len();
        extra.ceding.retain(|&ceding| ceding != (realm, zone, to));
        extra.ceding.len() < before
    }

    pub(super) fn cede_timed_out(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, to: PeerId, realm: u8, zone: Zone) {
        Self::forget_ceding(peer, realm, zone, to);
        self.check_on(peer, cx, realm, to, super::peer::Why::Suspicion);
    }

    // Background reassignment.

    pub(super) fn tick_reassign(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.rules.reassign_interval);
        cx.set_timer(gap, CanTimer::Reassign);
        for realm in peer.realms() {
            self.reassign(peer, cx, realm);
        }
    }

    /// A peer with several zones gives one away: to whom can merge it, or, if its sibling has been split, to somebody found among those who
    /// hold parts of that.
    fn reassign(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8) {
        let Some(space) = peer.space(realm).filter(|space| space.zones().len() > 1 && !space.giving) else { return };
        let mut zones = space.zones().to_vec();
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.depth));
        let merging = zones.iter().find_map(|&zone| Some((zone, space.holder(zone.sibling()?)?)));
        if let Some((zone, holder)) = merging {
            self.give(peer, cx, realm, zone, holder, 0);
            return;
        }
        for zone in zones {
            let below = zone.sibling().and_then(|sibling| space.deepest_within(sibling, peer.id));
            if let Some(next) = below {
                cx.send(next, CanMessage::Seek { realm, zone, holder: peer.id });
                return;
            }
        }
    }

    /// Somebody looks for two siblings one of which can take its zone: this peer and the holder of its own zone's sibling, or, if that has
    /// been split, somebody farther down.
    pub(super) fn sought(peer: &mut CanPeer, cx: &mut Cx<'_>, realm: u8, zone: Zone, holder: PeerId) {
        let Some(space) = peer.space(realm) else { return };
        let [own] = space.zones() else { return };
        let Some(sibling) = own.sibling().filter(|_| holder != peer.id) else { return };
        if space.holder(sibling).is_some() {
            cx.send(holder, CanMessage::Sought { realm, zone });
        } else if let Some(next) = space.deepest_within(sibling, holder) {
            cx.send(next, CanMessage::Seek { realm, zone, holder });
        }
    }

    /// Somebody can take a zone.
    pub(super) fn taker_found(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, realm: u8, zone: Zone) {
        let fits = peer.space(realm).is_some_and(|space| space.zones().len() > 1 && !space.giving && space.zones().contains(&zone));
        if fits {
            self.give(peer, cx, realm, zone, from, 0);
        }
    }
}

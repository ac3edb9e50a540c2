//! How the mesh is kept: who comes in, who goes out, and what is done about it.
//!
//! Whom others name is probed before it comes in, which measures the round trip as well.

use std::sync::Arc;

use peerlab_model::{PeerId, Span, Token};

use super::join::CONTACTS_MAX;
use super::peer::{Pending, Purpose, TapestryPeer, Want, Why};
use super::table::Offer;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::structured::prefix::shared_digits;

/// Peers that are measured at a time because they might be nearer than a link of a full slot.
const MEASURED_MAX: usize = 8;

/// Peers that are asked for somebody to fill one slot.
const REPAIR_TRIES: u8 = 3;

/// For so many rounds of probes, others' word of a peer that did not answer counts for nothing.
const DEAD_ROUNDS: u64 = 2;

/// A peer with fewer links looks around through a first contact, others through a link.
const LINKS_FEW: usize = 32;

/// Backpointers in one answer at most.
const BACK_MAX: usize = 20;

/// How a peer learns that a contact is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It did not answer.
    Noticed,
    /// The contact said goodbye.
    Goodbye,
}

impl Tapestry {
    // The timers.

    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        if peer.ticking {
            return;
        }
        peer.ticking = true;
        cx.set_timer_within(self.config.table_interval.span(), TapestryTimer::Table);
        let gap = self.probe_gap(peer);
        cx.set_timer_within(gap, TapestryTimer::Probe);
        self.begin_maintenance(cx);
    }

    fn probe_gap(&self, peer: &TapestryPeer) -> Span {
        Span::from_nanos(self.config.probe_interval.span().nanos() / peer.table.links().len().max(1) as u64)
    }

    /// The links are probed in turn, evenly over the interval. That finds the dead ones, keeps round trips up to date, and tells the
    /// neighbours that they are linked to.
    pub(super) fn tick_probe(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        cx.set_timer(self.probe_gap(peer), TapestryTimer::Probe);
        let mut turn = usize::from(peer.next_probe);
        if turn >= peer.table.links().len() {
            turn = 0;
            peer.back.sweep();
        }
        peer.next_probe = (turn + 1) as u16;
        if let Some(link) = peer.table.links().get(turn) {
            self.probe(peer, cx, link.peer, Why::Heartbeat);
        }
    }

    /// The next level: one of its links is asked for its own links there. And a look around: does somebody else take another peer for this
    /// one's surrogate?
    pub(super) fn tick_table(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, self.config.table_interval.span());
        cx.set_timer(gap, TapestryTimer::Table);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        let bits = self.config.bits();
        let levels = peer.table.levels(bits).max(1);
        let level = usize::from(peer.next_level) % levels;
        peer.next_level = ((level + 1) % levels) as u8;
        if let Some(of) = cx.rng().pick(peer.table.level(level, bits)).map(|link| link.peer) {
            self.get_pointers(cx, of, level as u8, Want::Refresh);
        }
        // With so few links this may be a small network that began beside another one, or what is left of a large one.
        let contact = if peer.table.links().len() < LINKS_FEW { cx.bootstrap() } else { None };
        let contact = contact.or_else(|| cx.rng().pick(peer.table.links()).map(|link| link.peer));
        if let Some(contact) = contact {
            self.ask_through(peer, cx, contact, Purpose::Locate);
        }
    }

    // Requests.

    /// Asks whether a contact is there, and how far away. A contact that is being checked already is not asked again.
    pub(super) fn probe(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, to: PeerId, why: Why) {
        if matches!(why, Why::Candidate | Why::Suspicion) {
            let checking = &mut peer.extra().checking;
            if checking.contains(&to) {
                return;
            }
            checking.push(to);
        }
        let linked = peer.link(self.numbering, self.config.bits(), to).is_some();
        let token = cx.open(Pending::Probe { to, sent: cx.now(), why });
        cx.send(to, TapestryMessage::Probe { token, member: peer.active, linked });
        cx.set_timer(self.config.request_timeout.span(), TapestryTimer::Request(token));
    }

    pub(super) fn get_pointers(&self, cx: &mut Cx<'_>, of: PeerId, level: u8, want: Want) {
        let token = cx.open(Pending::Pointers { of, want });
        cx.send(of, TapestryMessage::GetPointers { level, back: want == Want::Join, token });
        cx.set_timer(self.config.request_timeout.span(), TapestryTimer::Request(token));
    }

    /// Looks for somebody to fill a slot: at a backup, whose next level has none but peers that fit; else at somebody of this level or
    /// above, who has the same slot.
    fn mend(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, slot: u16, tries: u8) {
        if !self.config.repair || tries >= REPAIR_TRIES {
            return;
        }
        let bits = self.config.bits();
        let level = usize::from(slot >> bits);
        let backup = cx.rng().pick(peer.table.slot(slot)).filter(|_| tries == 0).map(|link| (link.peer, level + 1));
        let ask = backup.or_else(|| cx.rng().pick(peer.table.above(level, bits)).map(|link| (link.peer, level)));
        if let Some((of, level)) = ask {
            self.get_pointers(cx, of, level as u8, Want::Repair(slot, tries));
        }
    }

    pub(super) fn request_timed_out(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, token: Token) {
        if self.multicast_waits(cx, token) {
            return;
        }
        match cx.close(token) {
            Some(Pending::Hop { to, query, patient, .. }) => self.hop_timed_out(peer, cx, to, query, patient),
            Some(Pending::Redirect { to, query }) => {
                Self::count_timeout(cx, &query);
                self.lose(peer, cx, to, Loss::Noticed);
                self.redirect_failed(peer, cx, to, query);
            }
            Some(Pending::Own { .. }) | None => {}
            Some(pending) => {
                let contact = match pending {
                    Pending::Probe { to, .. }
                    | Pending::Insert { to }
                    | Pending::Multicast { to, .. }
                    | Pending::Store { to }
                    | Pending::Hop { to, .. }
                    | Pending::Redirect { to, .. } => to,
                    Pending::Pointers { of, .. } => of,
                    Pending::Own { query, .. } => query.origin,
                };
                self.request_failed(peer, cx, pending, contact);
            }
        }
    }

    /// A contact turns out to be no member: it is dropped like a dead one, without the wait. Or a holder holds nothing.
    pub(super) fn refused(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, lowest: PeerId) {
        if !peer.active {
            peer.extra().newcomers.refused(lowest);
        }
        match cx.close(token) {
            Some(Pending::Redirect { to, query }) => self.redirect_failed(peer, cx, to, query),
            Some(pending) => self.request_failed(peer, cx, pending, from),
            None => {}
        }
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was asked of it takes another way.
    fn request_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, pending: Pending, contact: PeerId) {
        if let Pending::Probe { to, .. } = pending {
            checked(peer, to);
        }
        if let Pending::Multicast { to, run, slot, received, .. } = pending {
            self.multicast_failed(peer, cx, to, run, slot, received);
            return;
        }
        self.lose(peer, cx, contact, Loss::Noticed);
        match pending {
            Pending::Hop { query, .. } => self.hop_failed(peer, cx, query),
            Pending::Probe { why: Why::Join, .. } => self.searched(peer, cx, None),
            Pending::Pointers { want: Want::Join, .. } => self.search_learns(peer, cx, &[]),
            Pending::Pointers { want: Want::Repair(slot, tries), .. } => self.mend(peer, cx, slot, tries + 1),
            Pending::Insert { .. } => self.join_failed(peer, cx),
            Pending::Store { .. } => self.published(peer, cx),
            Pending::Own { .. }
            | Pending::Probe { .. }
            | Pending::Pointers { .. }
            | Pending::Redirect { .. }
            | Pending::Multicast { .. } => {}
        }
    }

    // What others ask.

    pub(super) fn probed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, member: bool, linked: bool) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        cx.send(from, TapestryMessage::ProbeAck { token });
        if linked && member {
            peer.back.heard(from);
        }
        if member {
            self.meet(peer, cx, from, None);
        }
    }

    /// Somebody links to this peer now.
    pub(super) fn linked_by(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId) {
        if peer.active {
            peer.back.heard(from);
            self.meet(peer, cx, from, None);
        }
    }

    /// Links of one level; with the backpointers there, for a newcomer's search. A newcomer may be nearer than a link of this peer.
    pub(super) fn asked_for_pointers(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, level: u8, back: bool) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        self.meet(peer, cx, from, None);
        let bits = self.config.bits();
        let (this, level) = (cx.key_of(peer.id), usize::from(level));
        let mut list = Vec::new();
        if back {
            let fits = |&&other: &&PeerId| other != from && shared_digits(this, cx.key_of(other), bits) >= level;
            list.extend(peer.back.list().iter().filter(fits));
            cx.rng().shuffle(&mut list);
            list.truncate(BACK_MAX);
        }
        let links = Self::some(cx, peer.table.level(level, bits).iter().map(|link| link.peer), from, list.len());
        let contacts = if list.is_empty() { links } else { list.into_iter().chain(links.iter().copied()).collect() };
        debug_assert!(contacts.len() <= CONTACTS_MAX);
        cx.send(from, TapestryMessage::Pointers { contacts, token });
        if back {
            self.consider(peer, cx, from, &mut 1);
        }
    }

    // What others answer.

    pub(super) fn probe_answered(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Probe { to, sent, why }) = cx.close(token) else { return };
        let trip = cx.now().since(sent);
        checked(peer, to);
        self.heard(peer, cx, from, to, Some(trip));
        if why == Why::Join {
            self.searched(peer, cx, (from == to).then_some((trip, from)));
        }
    }

    pub(super) fn learn_pointers(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token, contacts: &Arc<[PeerId]>) {
        let Some(Pending::Pointers { of, want }) = cx.close(token) else { return };
        if !self.heard(peer, cx, from, of, None) {
            return self.request_failed(peer, cx, Pending::Pointers { of, want }, of);
        }
        if want == Want::Join {
            return self.search_learns(peer, cx, contacts);
        }
        let mut budget = if self.config.proximity { MEASURED_MAX } else { 0 };
        let skip = if contacts.is_empty() { 0 } else { cx.rng().index(contacts.len()) };
        for &contact in contacts[skip..].iter().chain(&contacts[..skip]) {
            self.consider(peer, cx, contact, &mut budget);
        }
        if let Want::Repair(slot, tries) = want {
            let fits = |&contact: &PeerId| self.slot_of(peer, contact) == Some(slot) && !self.is_dead(peer, cx, contact);
            if !contacts.iter().any(fits) {
                self.mend(peer, cx, slot, tries + 1);
            }
        }
    }

    /// A reply has come from the peer that was asked; or, `false`, from another identity on its machine.
    pub(super) fn heard(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, asked: PeerId, trip: Option<Span>) -> bool {
        if from != asked {
            self.lose(peer, cx, asked, Loss::Noticed);
        }
        self.meet(peer, cx, from, trip.filter(|_| from == asked));
        from == asked
    }

    // Who comes in, and who goes out.

    /// Others have named a peer: it is probed if its slot has room, or, as long as the budget lasts, if it may be nearer than a link.
    pub(super) fn consider(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, contact: PeerId, budget: &mut usize) {
        let Some(slot) = self.slot_of(peer, contact) else { return };
        let links = peer.table.slot(slot);
        if links.iter().any(|link| link.peer == contact) || self.is_dead(peer, cx, contact) {
            return;
        }
        if links.len() >= self.config.links() {
            if *budget == 0 || !self.config.proximity {
                return;
            }
            *budget -= 1;
        }
        self.probe(peer, cx, contact, Why::Candidate);
    }

    pub(super) fn is_dead(&self, peer: &TapestryPeer, cx: &Cx<'_>, contact: PeerId) -> bool {
        let memory = self.config.probe_interval.span().times(DEAD_ROUNDS);
        peer.extra.as_deref().is_some_and(|extra| extra.dead.contains(contact, cx.now(), memory))
    }

    #[inline]
    pub(super) fn slot_of(&self, peer: &TapestryPeer, contact: PeerId) -> Option<u16> {
        peer.slot_of(self.numbering, self.config.bits(), contact)
    }

    /// A member has been heard from: it comes into its slot if there is room, or if it is nearer than one that is there.
    pub(super) fn meet(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, who: PeerId, trip: Option<Span>) {
        let Some(slot) = self.slot_of(peer, who) else { return };
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.dead.revive(who);
        }
        let Offer::Entered { evicted, first } = peer.table.offer(slot, who, trip, self.config.links(), self.config.proximity) else {
            return;
        };
        if !peer.active {
            return;
        }
        if let Some(evicted) = evicted {
            cx.send(evicted, TapestryMessage::Unlinked);
        }
        cx.send(who, TapestryMessage::Linked);
        if first {
            // A slot that was empty: whose keys led elsewhere until now lead there.
            let records = self.pointers_through(peer, cx, who);
            if cx.setting().keeps_values() {
                self.offer_as_last_root(peer, cx, who, records);
            } else {
                self.send_on(peer, cx, records);
            }
        }
    }

    /// A contact is gone: its links go both ways, pointers that led through it take another way, and its slot is filled again.
    pub(super) fn lose(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, dead: PeerId, loss: Loss) {
        let now = cx.now();
        let extra = peer.extra();
        extra.dead.bury(dead, now);
        extra.newcomers.forget(dead);
        peer.back.remove(dead);
        let Some(slot) = self.slot_of(peer, dead) else { return };
        let records = self.pointers_through(peer, cx, dead);
        if !peer.table.remove(slot, dead) || !peer.active {
            return;
        }
        if !cx.setting().keeps_values() {
            self.send_on(peer, cx, records);
        }
        if loss == Loss::Noticed {
            self.mend(peer, cx, slot, 0);
        }
    }
}

/// A probe has come to an end.
fn checked(peer: &mut TapestryPeer, contact: PeerId) {
    if let Some(extra) = peer.extra.as_deref_mut() {
        extra.checking.retain(|&other| other != contact);
    }
}

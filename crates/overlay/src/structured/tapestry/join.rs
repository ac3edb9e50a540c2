//! Becoming a member, and saying goodbye (Hildrum et al. 2002, sections 3 and 5).
//!
//! A newcomer asks a contact for its *surrogate*: the root of the newcomer's own key among all others. The surrogate gives its links, which
//! are the newcomer's preliminary table. With that, the newcomer can route; so it asks the surrogate to make it known to all that *need to
//! know*: those that share as long a prefix with it as the surrogate does, in whose tables it fills a slot that was empty. They are reached
//! by an acknowledged multicast (`multicast`). When that is done the newcomer has *joined*: no peer takes another one for the root of its
//! keys. Then it looks for its nearest neighbours, level by level (`nearest`).

use std::sync::Arc;

use peerlab_model::{PeerId, Span, Token};

use super::message::{Goal, Query};
use super::peer::{Pending, Purpose, Search, TapestryPeer};
use super::upkeep::Loss;
use super::{Cx, Tapestry, TapestryMessage, TapestryTimer};
use crate::structured::newcomers::Newcomers;
use crate::structured::prefix::shared_digits;

/// Mean pause before another attempt to join.
const JOIN_PAUSE: Span = Span::from_secs(1);

/// An acknowledged multicast may take so many times as long as a request.
pub(super) const MULTICAST_PATIENCE: u64 = 8;

/// Contacts in one message at most: what fits into a datagram of 1500 bytes.
pub(super) const CONTACTS_MAX: usize = 55;

impl Tapestry {
    pub(super) fn attempt_join(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        if peer.announced {
            return;
        }
        let met = peer.extra.as_deref().filter(|_| !peer.active).and_then(|extra| extra.newcomers.detour(peer.id));
        match cx.bootstrap() {
            Some(contact) => self.ask_through(peer, cx, met.unwrap_or(contact), Purpose::Join),
            None => self.create(peer, cx),
        }
    }

    /// Begins a network of one.
    fn create(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        self.become_member(peer, cx);
        announce(peer, cx);
    }

    fn become_member(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        peer.active = true;
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.newcomers = Newcomers::default();
        }
        self.begin_ticking(peer, cx);
    }

    pub(super) fn join_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        if peer.announced {
            return;
        }
        let first = !peer.active && peer.extra.as_deref().is_some_and(|extra| extra.newcomers.begins(peer.id));
        if first {
            self.create(peer, cx);
        } else {
            let pause = Self::gap(cx, JOIN_PAUSE);
            cx.set_timer(pause, TapestryTimer::Join);
        }
    }

    // The surrogate.

    /// This peer is the surrogate of a newcomer, or of a member that looks around.
    pub(super) fn answer_as_surrogate(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, query: &Query) {
        let bits = self.config.bits();
        let common = shared_digits(cx.key_of(peer.id), query.key, bits);
        if query.goal == Goal::Join {
            for level in 0..common.min(peer.table.levels(bits)) {
                let contacts = Self::some(cx, peer.table.level(level, bits).iter().map(|link| link.peer), query.origin, 0);
                cx.send(query.origin, TapestryMessage::Preliminary { contacts });
            }
        }
        let contacts = Self::some(cx, peer.table.above(common, bits).iter().map(|link| link.peer), query.origin, 0);
        cx.send(query.origin, TapestryMessage::Surrogate { contacts, ask: query.ask });
    }

    /// Contacts for a message, without `but`, and with room for `taken` others; if there are too many, as many from a random place on.
    pub(super) fn some(
        cx: &mut Cx<'_>,
        contacts: impl ExactSizeIterator<Item = PeerId> + Clone,
        but: PeerId,
        taken: usize,
    ) -> Arc<[PeerId]> {
        let room = CONTACTS_MAX - taken.min(CONTACTS_MAX);
        let skip = if contacts.len() <= room { 0 } else { cx.rng().index(contacts.len()) };
        let turned = contacts.clone().skip(skip).chain(contacts.take(skip));
        turned.filter(|&contact| contact != but).take(room).collect()
    }

    // The newcomer.

    /// Links of the surrogate: taken on trust, for slots that are empty.
    pub(super) fn preliminary(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, contacts: &[PeerId]) {
        if peer.announced {
            return;
        }
        for &contact in contacts {
            let empty = self.slot_of(peer, contact).is_some_and(|slot| peer.table.slot(slot).is_empty());
            if empty && !self.is_dead(peer, cx, contact) {
                self.meet(peer, cx, contact, None);
            }
        }
    }

    /// The surrogate has answered.
    pub(super) fn surrogate_found(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, ask: Token, contacts: &[PeerId]) {
        let Some(Pending::Own { purpose, .. }) = cx.close(ask) else { return };
        if purpose == Purpose::Locate || peer.announced {
            let mut budget = 0;
            contacts.iter().chain(&[from]).for_each(|&contact| self.consider(peer, cx, contact, &mut budget));
            return;
        }
        let linked: Vec<PeerId> = peer.table.links().iter().map(|link| link.peer).collect();
        self.become_member(peer, cx);
        // Those of the preliminary table that came before: now that this peer is a member, they hear of it.
        for contact in linked {
            cx.send(contact, TapestryMessage::Linked);
        }
        self.meet(peer, cx, from, None);
        self.preliminary(peer, cx, contacts);
        let level = shared_digits(cx.key_of(peer.id), cx.key_of(from), self.config.bits());
        peer.extra().search = Some(Box::new(Search { level, fresh: vec![from], ..Search::default() }));
        let token = cx.open(Pending::Insert { to: from });
        cx.send(from, TapestryMessage::Insert { token });
        // A little longer than the multicast itself may wait.
        cx.set_timer(self.config.request_timeout.span().times(MULTICAST_PATIENCE + 2), TapestryTimer::Request(token));
    }

    /// All that need to know do.
    pub(super) fn inserted(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Insert { to }) = cx.close(token) else { return };
        if from != to {
            // The machine has another identity now.
            self.lose(peer, cx, to, Loss::Noticed);
        }
        announce(peer, cx);
        self.measure_fresh(peer, cx);
    }

    // Goodbye.

    /// Leaves the network: those that link here learn who may take its place, and the next roots get the pointers that it is the root of.
    pub(super) fn say_goodbye(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        if !peer.active {
            return;
        }
        let bits = self.config.bits();
        let this = cx.key_of(peer.id);
        let mut replacements: Vec<Option<Arc<[PeerId]>>> = Vec::new();
        for &back in peer.back.list() {
            // In the slot of a peer that shares `common` digits, those fit that share one more with this one.
            let common = shared_digits(this, cx.key_of(back), bits);
            replacements.resize(replacements.len().max(common + 1), None);
            let list = replacements[common].get_or_insert_with(|| {
                let fitting = peer.table.above(common + 1, bits).iter().filter(|link| !link.suspect);
                fitting.map(|link| link.peer).take(self.config.links()).collect()
            });
            cx.send(back, TapestryMessage::Leave { replacements: Arc::clone(list) });
        }
        for link in peer.table.links().iter().filter(|link| peer.back.list().binary_search(&link.peer).is_err()) {
            cx.send(link.peer, TapestryMessage::Unlinked);
        }
        self.hand_over_own(peer, cx);
    }

    /// A neighbour says goodbye and names who may take its place.
    pub(super) fn left_by(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, replacements: &[PeerId]) {
        self.lose(peer, cx, from, Loss::Goodbye);
        if peer.active {
            let mut budget = 0;
            for &contact in replacements {
                self.consider(peer, cx, contact, &mut budget);
            }
        }
    }
}

/// Tells the world, once, that this peer has joined.
fn announce(peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
    if !peer.announced {
        peer.announced = true;
        cx.joined();
    }
}

//! How tables are kept: who comes in, who goes out, and what is done about it.
//!
//! Nobody comes into a leaf set who has not been heard from; whom others name is pinged first, which measures the round trip as well.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Span, Token};

use super::leaves::Leaves;
use super::message::Row;
use super::peer::{PastryPeer, Pending, Purpose, Why};
use super::{Cx, PastryLike, PastryMessage, PastryTimer, Upkeep, Variant};
use crate::structured::prefix::{Place, digit};
use crate::structured::ring::View;

/// Members of the leaf set that are pinged at a time because a neighbour does not have them.
const SUSPECTED_MAX: usize = 4;

/// Peers that are asked for somebody to fill one slot.
const ENTRY_TRIES: u8 = 3;

/// For so many intervals of the leaf set, others' word of a peer that did not answer counts for nothing.
const DEAD_INTERVALS: u64 = 2;

/// How a peer learns that a contact is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It found out by itself, in the course of things.
    Noticed,
    /// It was told, and made sure.
    Told,
    /// The contact said goodbye.
    Goodbye,
}

impl<V: Variant> PastryLike<V> {
    // The timers.

    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        if peer.ticking {
            return;
        }
        peer.ticking = true;
        cx.set_timer_within(self.rules.leaf_set_interval, PastryTimer::LeafSet);
        cx.set_timer_within(self.rules.table_interval, PastryTimer::Table);
        self.begin_maintenance(cx);
        match self.rules.upkeep {
            Upkeep::Reactive { neighbourhood_interval, .. } if self.rules.neighbourhood_set > 0 => {
                cx.set_timer_within(neighbourhood_interval, PastryTimer::Neighbourhood);
            }
            Upkeep::Reactive { .. } => {}
            Upkeep::Periodic { global_tuning_interval, ping_interval, .. } => {
                cx.set_timer_within(global_tuning_interval, PastryTimer::GlobalTuning);
                let gap = Self::ping_gap(peer, ping_interval);
                cx.set_timer_within(gap, PastryTimer::Ping);
            }
        }
    }

    /// Pastry: keep-alives to the nearest neighbours on both sides, one of them with the leaf set. Bamboo: an exchange with any of them.
    pub(super) fn tick_leaf_set(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.leaf_set_interval);
        cx.set_timer(gap, PastryTimer::LeafSet);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        if peer.leaves.is_whole(self.rules.side()) {
            self.look_for_ring(peer, cx);
        }
        match self.rules.upkeep {
            Upkeep::Reactive { .. } => {
                let ends = [peer.leaves.after().first().copied(), peer.leaves.before().first().copied()];
                let turn = usize::from(cx.rng().chance(0.5));
                let (first, second) = (ends[turn].or(ends[1 - turn]), ends[1 - turn]);
                if let Some(neighbour) = first {
                    self.exchange(peer, cx, neighbour, false);
                }
                if let Some(neighbour) = second.filter(|_| first != second) {
                    self.ping(peer, cx, neighbour, Why::KeepAlive);
                }
            }
            Upkeep::Periodic { .. } => {
                if let Some(&leaf) = cx.rng().pick(peer.leaves.list()) {
                    self.exchange(peer, cx, leaf, false);
                }
            }
        }
    }

    /// The next row of the routing table: one of its entries is asked for the same row of its own.
    pub(super) fn tick_table(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let gap = Self::gap(cx, self.rules.table_interval);
        cx.set_timer(gap, PastryTimer::Table);
        let rows = peer.table.rows(self.rules.bits);
        if rows == 0 {
            return;
        }
        let row = usize::from(peer.next_row) % rows;
        peer.next_row = ((row + 1) % rows) as u8;
        if let Some(of) = Self::pick(cx, || peer.table.row(peer.id, row, self.rules.bits)) {
            let token = cx.open(Pending::Row { of });
            cx.send(of, PastryMessage::GetRow { row: row as u8, token });
            cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
        }
    }

    /// Bamboo: the owner of a random key that fits a random slot is looked up, to be measured.
    pub(super) fn tick_global_tuning(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let Upkeep::Periodic { global_tuning_interval, .. } = self.rules.upkeep else { return };
        let gap = Self::gap(cx, global_tuning_interval);
        cx.set_timer(gap, PastryTimer::GlobalTuning);
        let (bits, rows) = (self.rules.bits, peer.table.rows(self.rules.bits));
        if rows == 0 {
            return;
        }
        let row = cx.rng().index(rows);
        let this = cx.key_of(peer.id);
        let own = digit(this, row, bits) as u64;
        let column = (own + 1 + cx.rng().below((1 << bits) - 1)) % (1 << bits);
        // The first `row` digits of this peer's key, the column, and anything.
        let (before, upto) = (bits * row as u32, bits * (row as u32 + 1));
        let prefix = if before == 0 { 0 } else { this.0 & (u64::MAX << (u64::BITS - before)) };
        let rest = if upto < u64::BITS { cx.rng().bits() >> upto } else { 0 };
        let random = Key(prefix | column << (u64::BITS - upto) | rest);
        self.ask_own(peer, cx, self.numbering.truncated(random), Purpose::Tune);
    }

    /// Bamboo: the contacts are pinged in turn, evenly over the interval. That finds the dead ones and keeps round trips up to date.
    pub(super) fn tick_ping(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let Upkeep::Periodic { ping_interval, .. } = self.rules.upkeep else { return };
        cx.set_timer(Self::ping_gap(peer, ping_interval), PastryTimer::Ping);
        let turn = usize::from(peer.next_ping);
        let next = peer.all().nth(turn).map(|contact| (contact, turn + 1)).or_else(|| Some((peer.all().next()?, 1)));
        if let Some((contact, next)) = next {
            peer.next_ping = next as u16;
            self.ping(peer, cx, contact, Why::KeepAlive);
        }
    }

    fn ping_gap(peer: &PastryPeer, interval: Span) -> Span {
        Span::from_nanos(interval.nanos() / peer.all().count().max(1) as u64)
    }

    /// The neighbourhood set: one of it is asked for its own; as long as there is none, any contact.
    pub(super) fn tick_neighbourhood(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        let Upkeep::Reactive { neighbourhood_interval, .. } = self.rules.upkeep else { return };
        let gap = Self::gap(cx, neighbourhood_interval);
        cx.set_timer(gap, PastryTimer::Neighbourhood);
        let near = cx.rng().pick(&peer.neighbourhood).copied();
        if let Some(of) = near.or_else(|| Self::pick(cx, || peer.all())) {
            let token = cx.open(Pending::Neighbourhood { of });
            cx.send(of, PastryMessage::GetNeighbourhood { token });
            cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
        }
    }

    /// A random one of what an iterator gives.
    fn pick<I: Iterator<Item = PeerId>>(cx: &mut Cx<'_, V>, list: impl Fn() -> I) -> Option<PeerId> {
        let count = list().count();
        if count == 0 { None } else { list().nth(cx.rng().index(count)) }
    }

    // Requests.

    /// Asks whether a contact is there, and how far away. A contact that is being checked already is not asked again.
    pub(super) fn ping(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, to: PeerId, why: Why) {
        if matches!(why, Why::Candidate | Why::Suspicion) {
            let checking = &mut peer.extra().checking;
            if checking.contains(&to) {
                return;
            }
            checking.push(to);
        }
        let token = cx.open(Pending::Ping { to, sent: cx.now(), why });
        cx.send(to, PastryMessage::Ping { token, member: peer.active });
        cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
    }

    pub(super) fn exchange(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, with: PeerId, hello: bool) {
        let token = cx.open(Pending::Exchange { with, sent: cx.now(), hello });
        cx.send(with, PastryMessage::Exchange { leaves: Arc::clone(peer.leaves.list()), token });
        cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
    }

    /// Asks an entry of the same row, then of the next ones, for somebody to fill a slot (paper, section 2.5).
    fn ask_for_entry(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, (row, column): Place, tries: u8) {
        if tries >= ENTRY_TRIES {
            return;
        }
        let bits = self.rules.bits;
        let rows = (row..peer.table.rows(bits).max(row + 1)).find(|&row| peer.table.row(peer.id, row, bits).next().is_some());
        let Some(from_row) = rows else { return };
        if let Some(of) = Self::pick(cx, || peer.table.row(peer.id, from_row, bits)) {
            let (row, column) = (row as u8, column as u8);
            let token = cx.open(Pending::Entry { of, row, column, tries });
            cx.send(of, PastryMessage::GetEntry { row, column, token });
            cx.set_timer(self.rules.request_timeout, PastryTimer::Request(token));
        }
    }

    pub(super) fn request_timed_out(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, token: Token) {
        match cx.close(token) {
            Some(Pending::Hop { to, query, patient, .. }) => self.hop_timed_out(peer, cx, to, query, patient),
            Some(Pending::Own { .. }) | None => {}
            Some(pending) => {
                let contact = match pending {
                    Pending::Ping { to, .. } | Pending::Store { to } | Pending::Hop { to, .. } => to,
                    Pending::Exchange { with, .. } => with,
                    Pending::Row { of } | Pending::Entry { of, .. } | Pending::Neighbourhood { of } => of,
                    Pending::Own { query, .. } => query.origin,
                };
                self.request_failed(peer, cx, pending, contact);
            }
        }
    }

    /// A contact is of no use (dead, or no member): it is dropped, and what was asked of it takes another way.
    pub(super) fn request_failed(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, pending: Pending, contact: PeerId) {
        let loss = match pending {
            Pending::Ping { why: Why::Candidate | Why::Suspicion | Why::Join, .. } => Loss::Told,
            _ => Loss::Noticed,
        };
        if let Pending::Ping { to, .. } = pending {
            checked(peer, to);
        }
        self.lose(peer, cx, contact, loss);
        match pending {
            Pending::Hop { query, .. } => self.hop_failed(peer, cx, query),
            Pending::Ping { why: Why::Join, .. } | Pending::Exchange { hello: true, .. } => self.waited_for(peer, cx),
            Pending::Entry { row, column, tries, .. } => {
                self.ask_for_entry(peer, cx, (usize::from(row), usize::from(column)), tries + 1);
            }
            Pending::Store { .. } => self.published(peer, cx),
            Pending::Own { .. } | Pending::Ping { .. } | Pending::Exchange { .. } | Pending::Row { .. } | Pending::Neighbourhood { .. } => {
            }
        }
    }

    // What others ask.

    pub(super) fn pinged(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, member: bool) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        cx.send(from, PastryMessage::Pong { token });
        if member {
            self.meet(peer, cx, from, None);
        }
    }

    pub(super) fn asked_to_exchange(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, leaves: &[PeerId]) {
        if !peer.active {
            Self::refuse_upkeep(peer, cx, from, token);
            return;
        }
        self.meet(peer, cx, from, None);
        cx.send(from, PastryMessage::Leaves { leaves: Arc::clone(peer.leaves.list()), token });
        self.learn_leaves(peer, cx, from, leaves);
    }

    pub(super) fn asked_for_row(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, row: u8) {
        if peer.active {
            let row = Row::new(peer.table.slots(), usize::from(row), self.rules.bits, peer.id);
            cx.send(from, PastryMessage::RowReply { row, token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn asked_for_entry(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, place: (u8, u8)) {
        if peer.active {
            let place = (usize::from(place.0), usize::from(place.1));
            let own = digit(cx.key_of(peer.id), place.0, self.rules.bits) == place.1;
            // At its own digit stands the peer itself.
            let entry = if own { Some(peer.id) } else { peer.table.get(peer.id, place, self.rules.bits) };
            cx.send(from, PastryMessage::Entry { peer: entry.filter(|&entry| entry != from), token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    pub(super) fn asked_for_neighbourhood(peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        if peer.active {
            cx.send(from, PastryMessage::Neighbourhood { neighbourhood: Arc::clone(&peer.neighbourhood), token });
        } else {
            Self::refuse_upkeep(peer, cx, from, token);
        }
    }

    /// A neighbour says that a contact is dead: that is to be seen.
    pub(super) fn told_of_failure(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, dead: PeerId) {
        if peer.active && dead != peer.id && (peer.leaves.list().contains(&dead) || peer.table.iter(peer.id).any(|p| p == dead)) {
            self.ping(peer, cx, dead, Why::Suspicion);
        }
    }

    // What others answer.

    pub(super) fn ponged(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token) {
        let Some(Pending::Ping { to, sent, why }) = cx.close(token) else { return };
        checked(peer, to);
        self.heard(peer, cx, from, to, Some(cx.now().since(sent)));
        if why == Why::Join {
            self.waited_for(peer, cx);
        }
    }

    pub(super) fn exchanged(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, leaves: &[PeerId]) {
        let Some(Pending::Exchange { with, sent, hello }) = cx.close(token) else { return };
        if self.heard(peer, cx, from, with, Some(cx.now().since(sent))) {
            self.learn_leaves(peer, cx, from, leaves);
        }
        if hello {
            self.waited_for(peer, cx);
        }
    }

    /// Somebody's row: who would fill an empty slot is checked; and who might be nearer than the present one. Bamboo checks one of these at
    /// a time, Pastry all.
    pub(super) fn learn_row(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, row: &Row) {
        let Some(Pending::Row { of }) = cx.close(token) else { return };
        if !self.heard(peer, cx, from, of, None) || row.slots().is_empty() {
            return;
        }
        let one = matches!(self.rules.upkeep, Upkeep::Periodic { .. });
        let chosen = cx.rng().index(row.slots().len());
        for (at, &contact) in row.slots().iter().enumerate().filter(|&(_, &contact)| contact != from) {
            let Some(place) = self.place_of(peer, contact) else { continue };
            let check = match peer.table.get(peer.id, place, self.rules.bits) {
                None => true,
                Some(present) => present != contact && self.rules.proximity && (!one || at == chosen),
            };
            if check && !self.is_dead(peer, cx, contact) {
                self.ping(peer, cx, contact, Why::Candidate);
            }
        }
    }

    pub(super) fn learn_entry(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, entry: Option<PeerId>) {
        let Some(Pending::Entry { of, row, column, tries }) = cx.close(token) else { return };
        self.heard(peer, cx, from, of, None);
        let place = (usize::from(row), usize::from(column));
        if peer.table.get(peer.id, place, self.rules.bits).is_some() {
            return;
        }
        match entry.filter(|&entry| entry != peer.id && !self.is_dead(peer, cx, entry)) {
            Some(entry) => self.ping(peer, cx, entry, Why::Candidate),
            None => self.ask_for_entry(peer, cx, place, tries + 1),
        }
    }

    pub(super) fn learn_neighbourhood(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, token: Token, list: &[PeerId]) {
        let Some(Pending::Neighbourhood { of }) = cx.close(token) else { return };
        if self.heard(peer, cx, from, of, None) {
            self.measure_some(peer, cx, list);
            if !peer.neighbourhood.contains(&from) {
                self.ping(peer, cx, from, Why::Candidate);
            }
        }
    }

    /// A reply has come from the peer that was asked; or, `false`, from another identity on its machine.
    fn heard(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, asked: PeerId, trip: Option<Span>) -> bool {
        if from != asked {
            self.lose(peer, cx, asked, Loss::Noticed);
        }
        self.meet(peer, cx, from, trip.filter(|_| from == asked));
        from == asked
    }

    /// A neighbour's leaf set: who fits into this one is checked; and so is who should be in that one and is not.
    fn learn_leaves(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, leaves: &[PeerId]) {
        for &contact in leaves {
            self.consider(peer, cx, contact);
        }
        let view = View::new(&self.numbering, from);
        let half = 1 << 63;
        let after = leaves.iter().map(|&peer| view.to(peer)).filter(|&ahead| ahead < half).max().unwrap_or(0);
        let before = leaves.iter().map(|&peer| view.to(peer)).filter(|&ahead| ahead >= half).min().unwrap_or(u64::MAX);
        let present = Arc::clone(peer.leaves.list());
        let missed = present.iter().copied().filter(|&leaf| {
            let ahead = view.to(leaf);
            leaf != from && (ahead < after || ahead > before) && !leaves.contains(&leaf)
        });
        missed.take(SUSPECTED_MAX).for_each(|leaf| self.ping(peer, cx, leaf, Why::Suspicion));
    }

    // Who comes in, and who goes out.

    /// Others have named a peer: if the leaf set wants it, it is pinged first.
    pub(super) fn consider(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, contact: PeerId) {
        let view = self.view(peer);
        if contact != peer.id && peer.leaves.wants(view, self.rules.side(), contact) && !self.is_dead(peer, cx, contact) {
            self.ping(peer, cx, contact, Why::Candidate);
        }
    }

    pub(super) fn is_dead(&self, peer: &PastryPeer, cx: &Cx<'_, V>, contact: PeerId) -> bool {
        let memory = self.rules.leaf_set_interval.times(DEAD_INTERVALS);
        peer.extra.as_deref().is_some_and(|extra| extra.dead.contains(contact, cx.now(), memory))
    }

    pub(super) fn place_of(&self, peer: &PastryPeer, contact: PeerId) -> Option<Place> {
        if contact == peer.id { None } else { peer.place_of(self.numbering, &self.rules, contact) }
    }

    /// A member has been heard from: it comes into the tables where it belongs.
    pub(super) fn meet(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, who: PeerId, trip: Option<Span>) {
        if who == peer.id {
            return;
        }
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.dead.revive(who);
        }
        if let Some(trip) = trip {
            peer.trips.add(who, trip);
        }
        let view = self.view(peer);
        if peer.leaves.wants(view, self.rules.side(), who) && peer.leaves.rebuild(view, self.rules.side(), None, &[who]) {
            self.share_records_with(peer, cx, who);
        }
        peer.take_into_table(self.numbering, &self.rules, who);
        if trip.is_some() {
            peer.take_into_neighbourhood(usize::from(self.rules.neighbourhood_set), who);
            peer.forget_trip(who);
        }
    }

    /// A contact is gone: it goes from all tables, and Pastry does at once what that calls for.
    pub(super) fn lose(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, dead: PeerId, loss: Loss) {
        let now = cx.now();
        let extra = peer.extra();
        extra.dead.bury(dead, now);
        extra.suspects.retain(|&suspect| suspect != dead);
        extra.newcomers.forget(dead);
        let (slot, leaf) = peer.forget(self.numbering, &self.rules, dead);
        if !peer.active {
            return;
        }
        if leaf {
            self.mend_leaf_set(peer, cx, dead, loss);
        }
        if let (Some(place), Upkeep::Reactive { repair: true, .. }) = (slot, &self.rules.upkeep) {
            self.ask_for_entry(peer, cx, place, 0);
        }
    }

    /// A place in the leaf set is free. Pastry: the others of the set are told, and the farthest one on the same side is asked for its own
    /// leaf set (section 2.5). Bamboo leaves it to the next exchanges.
    fn mend_leaf_set(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, dead: PeerId, loss: Loss) {
        self.replace_replica(peer, cx, dead);
        if peer.leaves.list().is_empty() {
            self.look_through_table(peer, cx);
            return;
        }
        if loss == Loss::Goodbye || matches!(self.rules.upkeep, Upkeep::Periodic { .. }) {
            return;
        }
        if loss == Loss::Noticed {
            for &leaf in peer.leaves.list().iter() {
                cx.send(leaf, PastryMessage::Failed { peer: dead });
            }
        }
        let after = self.view(peer).to(dead) < 1 << 63;
        let side = if after { peer.leaves.after() } else { peer.leaves.before() };
        let other = if after { Leaves::before } else { Leaves::after };
        if let Some(&farthest) = side.last().or(other(&peer.leaves).last()) {
            self.exchange(peer, cx, farthest, false);
        }
    }
}

/// A ping has come to an end.
fn checked(peer: &mut PastryPeer, contact: PeerId) {
    if let Some(extra) = peer.extra.as_deref_mut() {
        extra.checking.retain(|&other| other != contact);
        extra.suspects.retain(|&other| other != contact);
    }
}

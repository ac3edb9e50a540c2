//! OneHop (Gupta, Liskov, Rodrigues: Efficient routing for peer-to-peer overlays, NSDI 2004): everybody knows everybody.
//!
//! Peers and keys lie on a ring of 2^64 points; a key belongs to its successor, the first member at or after it. A peer's table has *all*
//! members, so a question goes straight to the owner. The ring is cut into slices and each slice into units, whose leaders follow from the
//! table. Whoever notices that its successor is another one tells its slice leader; slice leaders tell each other now and then, and their
//! unit leaders soon after; within a unit, events travel from the leader to both ends on the keep-alives of neighbours.
//!
//! # What is claimed
//! With a correct table a question crosses one link. A change is known everywhere after about a keep-alive timeout, `t_big`, `t_wait` and
//! half a unit's keep-alives; until then who asks the wrong peer is sent on, and who asks a dead one waits for one timeout. Whatever gets
//! lost on the way (a leader that crashes takes its events with it) is found when tables are compared.
//!
//! # Cost
//! Four bytes a member at every member: n² entries in all, but for tables that are still the same, which share memory. A hop reads the
//! table in about log2 √n places. No handler allocates in the steady state but for answers that list holders.
//!
//! # Not here
//! The paper's two-hop scheme for millions of peers; a choice of powerful peers as slice leaders (its section 3.5); virtual nodes.
//!
//! # Map
//! `table`: the table, slices and units · `peer`: what a peer keeps · `members`: who comes in and who goes · `events`: how changes spread ·
//! `upkeep`: keep-alives, silence · `reconcile`: tables compared · `ask`: questions · `join`: becoming a member, saying goodbye ·
//! `content`: provider records · `maintenance`: the repair of values · `start`: the converged ring.

mod ask;
mod config;
mod content;
mod events;
mod join;
mod maintenance;
mod members;
mod message;
mod peer;
mod reconcile;
mod start;
mod table;
mod upkeep;

pub use config::OneHopConfig;
pub use message::{Event, Events, Goal, OneHopMessage, Silent, Way};
pub use peer::{OneHopPeer, Pending, Purpose, Search};

use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Roster, Setting, Span, Start, Target,
    Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::records::{Record, Records};
use crate::repair::compared;

use table::Slices;

/// The OneHop lookup model.
#[derive(Debug)]
pub struct OneHop {
    config: OneHopConfig,
    numbering: Numbering,
    cut: Slices,
    /// Peers keep values, not only the names of holders.
    values: bool,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OneHopTimer {
    /// Time for keep-alives.
    KeepAlive,
    /// Time to compare tables.
    Reconcile,
    /// A slice leader's turn to tell another slice.
    Exchange,
    /// A slice leader has waited long enough to tell its units.
    Dispatch,
    /// Time to register the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// Time to compare values with those who keep them, too.
    Maintenance,
}

type Cx<'a> = Context<'a, OneHop>;

impl OneHop {
    /// The next gap of something periodic: uniform in half to one and a half of its mean.
    fn gap(cx: &mut Cx<'_>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }

    /// Waits for the answer to a request.
    fn await_answer(&self, cx: &mut Cx<'_>, token: Token) {
        cx.set_timer(self.config.request_timeout.span(), OneHopTimer::Request(token));
    }
}

impl Overlay for OneHop {
    const NAME: &'static str = "onehop";
    const SUMMARY: &'static str = "everybody knows everybody: one hop; changes spread through slice and unit leaders";
    const SOURCE: &'static str = "Gupta, Liskov, Rodrigues: Efficient routing for peer-to-peer overlays, NSDI 2004";
    const FAMILY: Family = Family::Structured;

    type Config = OneHopConfig;
    type Peer = OneHopPeer;
    type Message = OneHopMessage;
    type Timer = OneHopTimer;
    type Request = Pending;

    fn new(config: &OneHopConfig, setting: &Setting) -> Result<Self, BuildError> {
        let cut = Slices { slices: config.slices_among(setting.expected_online), units: u32::from(config.units) };
        Ok(Self { config: config.clone(), numbering: setting.numbering, cut, values: setting.keeps_values() })
    }

    fn targets(_config: &OneHopConfig) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: false }
    }

    fn peer(&self, id: PeerId) -> OneHopPeer {
        OneHopPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<OneHopPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, from: PeerId, message: OneHopMessage) {
        use OneHopMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Ask { key, lookup, token, silent, goal } => self.asked(peer, cx, from, key, lookup, token, silent, goal),
            M::Owner { token, .. } => self.owner_answered(peer, cx, from, token, None),
            M::Providers { holders, token, .. } => self.owner_answered(peer, cx, from, token, Some(&holders)),
            M::Redirect { to, token, .. } => self.redirected(peer, cx, from, token, to),
            M::Refuse { lowest, token, .. } => self.refused(peer, cx, token, lowest),
            M::Table { members, token } => self.table_came(peer, cx, from, token, members),
            M::KeepAlive { events, token, up } => self.kept_alive(peer, cx, from, token, up, events.as_deref()),
            M::Alive { token, between } => self.neighbour_lives(peer, cx, from, token, between),
            M::Batch { events, token, way, ttl } => self.batch_came(peer, cx, from, token, way, ttl, &events),
            M::Ack { token } => self.batch_arrived(peer, cx, from, token),
            M::Ping { token } => self.pinged(peer, cx, from, token),
            M::Pong { token } => self.ponged(peer, cx, from, token),
            M::Compare { digest, index, bits, token } => self.asked_to_compare(peer, cx, from, token, (index, bits), digest),
            M::Same { token } => self.compared(peer, cx, from, token, None),
            M::Members { members, token } => self.compared(peer, cx, from, token, Some(&members)),
            M::Leave => self.left_by(peer, cx, from),
            M::HandOver { records } => Self::take_over(peer, cx, &records),
            M::Repair(comparison) if peer.active => compared(self, peer, cx, from, &comparison),
            M::Repair(_) => {}
            M::Replicate { record } => Self::replicate(peer, cx, record),
            M::Retract { key, holder } => {
                peer.extra().records.remove(key, holder);
            }
        }
    }

    fn timer(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, timer: OneHopTimer) {
        match timer {
            OneHopTimer::KeepAlive => self.tick_keep_alive(peer, cx),
            OneHopTimer::Reconcile => self.tick_reconcile(peer, cx),
            OneHopTimer::Exchange => self.tick_exchange(peer, cx),
            OneHopTimer::Dispatch => self.tick_dispatch(peer, cx),
            OneHopTimer::Republish => self.tick_republish(peer, cx),
            OneHopTimer::Join => self.attempt_join(peer, cx),
            OneHopTimer::Request(token) => self.request_timed_out(peer, cx, token),
            OneHopTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: OneHopTimer) -> Option<Token> {
        if let OneHopTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.forget(&[cx.setting().numbering.item_key(item)]);
        }
    }

    /// The key's successor: the first member at or after it.
    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        members.successor(key).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &OneHopPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.table.list().iter().copied().filter(|&contact| contact != peer.id).for_each(visit);
    }

    fn state_bytes(&self, peer: &OneHopPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &OneHopPeer, next: Next<'_, OneHopMessage, OneHopTimer>) {
        // Where in the table it will be read is known only when this has come.
        if matches!(next, Next::Message(_) | Next::Timer(OneHopTimer::KeepAlive)) {
            prefetch::<1, _>(peer.table.memory());
        }
    }

    fn records<'p>(&self, peer: &'p OneHopPeer) -> &'p [Record] {
        peer.records().filter(|_| self.values).map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut OneHopPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().records = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &OneHopPeer) -> Result<(), Violation> {
        peer.check(self.numbering).map_err(Violation)
    }
}

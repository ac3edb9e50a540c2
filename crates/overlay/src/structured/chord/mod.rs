//! Chord (Stoica, Morris, Liben-Nowell, Karger, Kaashoek, Dabek, Balakrishnan: IEEE/ACM Transactions on Networking 11(1), 2003).
//!
//! Peers and keys lie on a ring of 2^64 points; a key belongs to the first peer at or after it, its successor. A peer knows its
//! predecessor, its r nearest successors, and log2 N fingers at doubling distances.
//!
//! # What is claimed
//! A question reaches the owner in about ½ log2 N hops. The ring mends itself from crashes as long as no peer loses all of its r
//! successors between two stabilizations; one that does joins again. Failure is found out by silence alone. The variant is the one
//! that Zave (IEEE TSE 43(12), 2017) proves right, as far as its assumptions hold: docs/models/chord.md.
//!
//! # Cost
//! A hop reads three or four cache lines: the peer, its fingers, its successors. In the steady state no handler allocates (except for
//! iterative searches); a peer with 8 successors among a million takes about 250 bytes (asserted in the tests).
//!
//! # Not here
//! Virtual nodes (seats of a host do that), merging of two rings.
//!
//! # Map
//! `peer`: the tables and the decisions · `recursive`, `iterative`: how a question travels · `question`: how it begins and ends ·
//! `join`, `upkeep`: how the ring is kept · `content`: provider records · `postings`: search by keyword · `maintenance`: the repair of values · `start`: the converged ring ·
//! `shortcuts`: what sets models of this kind apart · `fingers`: Chord's shortcuts · `proximity`: the choice of fingers and of the next hop
//! by round trips.
//!
//! All but the fingers is shared: a model on such a ring is a [`ChordLike`] with [`Shortcuts`] of its own
//! ([`koorde`](super::koorde), [`accordion`](super::accordion)).

mod config;
mod content;
mod fingers;
mod iterative;
mod join;
mod maintenance;
mod message;
mod peer;
mod postings;
mod proximity;
mod question;
mod recursive;
mod shortcuts;
mod silence;
mod start;
mod upkeep;

pub use config::{ChordConfig, FingerChoice, NextHop, RouteThrough, Routing};
pub use fingers::Fingers;
pub use message::{ChordMessage, Goal, OwnMessage, Query, RingMessage, Trail};

pub(crate) use message::kinds;
pub use peer::{ChordPeer, Pending, Purpose, RingPeer};
pub use shortcuts::Shortcuts;

pub(crate) use config::Rules;
pub(crate) use peer::Route;
pub(crate) use shortcuts::Neighbours;

use std::sync::Arc;

use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Record, Roster, Setting, Span, Start,
    Target, Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::records::Records;
use crate::structured::ring::View;
use question::{Found, Providers};

/// The Chord lookup model.
pub type Chord = ChordLike<Fingers>;

/// A lookup model of Chord's kind: its rules, its shortcuts across the ring, and how peers are numbered.
#[derive(Clone, Debug)]
pub struct ChordLike<V> {
    pub(crate) rules: Rules,
    pub(crate) shortcuts: V,
    pub(crate) numbering: Numbering,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChordTimer {
    /// Time to stabilize.
    Stabilize,
    /// Time to refresh a finger, or another shortcut.
    FixFingers,
    /// Time to check the predecessor.
    CheckPredecessor,
    /// Time to register the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// A question of this peer's own may have got lost (not in iterative routing).
    Retry(Token),
    /// A request of a search may have timed out (iterative).
    Search(Token),
    /// Time to look after the values.
    Maintenance,
}

pub(crate) type Cx<'a, V> = Context<'a, ChordLike<V>>;

impl<V: Shortcuts> ChordLike<V> {
    #[inline]
    pub(crate) fn view(&self, peer: &RingPeer<V>) -> View<'_> {
        View::new(&self.numbering, peer.id)
    }

    /// Sends a message on this peer's account.
    #[inline]
    pub(crate) fn send(peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, to: PeerId, message: RingMessage<V::Trail>) {
        V::sent(peer, cx.setting(), &message);
        cx.send(to, message);
    }

    /// The next gap of something periodic: uniform in half to one and a half of its mean (paper, section VI-D: 15 to 45 s).
    fn gap(cx: &mut Cx<'_, V>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }
}

impl<V: Shortcuts> Overlay for ChordLike<V> {
    const NAME: &'static str = V::NAME;
    const SUMMARY: &'static str = V::SUMMARY;
    const SOURCE: &'static str = V::SOURCE;
    const FAMILY: Family = Family::Structured;

    type Config = V::Config;
    type Peer = RingPeer<V>;
    type Message = RingMessage<V::Trail>;
    type Timer = ChordTimer;
    type Request = Pending<V::Trail>;

    fn new(config: &V::Config, setting: &Setting) -> Result<Self, BuildError> {
        let (rules, shortcuts) = V::configured(config);
        Ok(Self { rules, shortcuts, numbering: setting.numbering })
    }

    fn targets(_config: &V::Config) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: true }
    }

    fn peer(&self, id: PeerId) -> RingPeer<V> {
        RingPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<RingPeer<V>>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        V::born(self, peer, cx.now(), true);
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        V::born(self, peer, cx.now(), false);
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, id: LookupId, target: Target) {
        V::clock(peer, cx.now());
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, from: PeerId, message: RingMessage<V::Trail>) {
        use RingMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        V::received(peer, cx, from, &message);
        // Nothing is moved out of it: where some cases do and others do not, each of them notes at every message what is left to be dropped.
        match message {
            M::Own(ref own) => V::own(self, peer, cx, from, own),
            M::Forward { key, lookup, origin, ask, hop, hops, goal, trail } => {
                self.forwarded(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, goal, trail });
            }
            M::Deliver { key, lookup, origin, ask, hop, hops, goal } => {
                self.delivered(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, goal, trail: V::Trail::default() });
            }
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Refuse { token, lowest, step, .. } => self.refused(peer, cx, from, token, lowest, step),
            M::Found { lookup, ask, owner, hops, goal } => self.found(peer, cx, from, Found { lookup, ask, owner, hops, goal }),
            M::Providers { ref holders, lookup, ask, hops } => {
                self.providers(peer, cx, from, Providers { holders: Arc::clone(holders), lookup, ask, hops });
            }
            M::Step { key, lookup, token, goal, trail } => self.asked_step(peer, cx, from, (key, lookup, token, goal), trail, None),
            M::StepAvoiding { key, lookup, token, dead, goal, trail } => {
                self.asked_step(peer, cx, from, (key, lookup, token, goal), trail, Some(dead));
            }
            M::StepNext { token, next, trail, .. } => self.step_next(peer, cx, from, token, next, trail),
            M::StepOwners { ref successors, token, .. } => self.step_owners(peer, cx, from, token, successors),
            M::Fetch { key, lookup, token, goal } => self.asked_fetch(peer, cx, from, (key, lookup, token, goal)),
            M::GetNeighbours { token } => Self::asked_neighbours(peer, cx, from, token),
            M::Neighbours { ref successors, predecessor, token } => self.told_neighbours(peer, cx, from, token, successors, predecessor),
            M::Notify => self.notified(peer, cx, from),
            M::Ping { token } => Self::pinged(peer, cx, from, token),
            M::Pong { token } => self.ponged(peer, cx, from, token),
            M::GetFingers => {
                if peer.active {
                    let fingers = V::hints(peer).collect();
                    Self::send(peer, cx, from, M::Fingers { fingers });
                }
            }
            M::Fingers { ref fingers } => V::learn(peer, self.view(peer), fingers),
            M::Leave { ref successors, predecessor } => self.left_by(peer, cx, from, successors, predecessor),
            M::HandOver { ref records } => self.take_over(peer, cx, records),
            M::Store { key, token } => self.store(peer, cx, from, key, token),
            M::Stored { token } => self.stored(peer, cx, from, token),
            M::Remove { key } => self.remove(peer, cx, from, key),
            M::Replicate { record } => Self::replicate(peer, cx, record),
            M::PassOn { record } => {
                Self::replicate(peer, cx, record);
                self.pass_back(peer, cx, record);
            }
            M::Retract { key, holder } => {
                peer.extra().records.remove(key, holder);
            }
            M::Search { keywords, lookup, token } => Self::asked_search(peer, cx, from, lookup, token, keywords),
            M::Postings { ref postings, token, .. } => Self::told_postings(cx, token, postings),
            M::Offer { ref records } => self.offered(peer, cx, from, records),
            M::Want { ref keys } => Self::wanted(peer, cx, from, keys),
            M::Values { ref records } => records.iter().for_each(|&record| Self::replicate(peer, cx, record)),
            M::Spare { ref keys } => peer.extra().records.forget(keys),
        }
    }

    fn timer(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, timer: ChordTimer) {
        V::clock(peer, cx.now());
        match timer {
            ChordTimer::Stabilize => self.tick_stabilize(peer, cx),
            ChordTimer::FixFingers => self.tick_fix_fingers(peer, cx),
            ChordTimer::CheckPredecessor => self.tick_check_predecessor(peer, cx),
            ChordTimer::Republish => self.tick_republish(peer, cx),
            ChordTimer::Join => self.attempt_join(peer, cx),
            ChordTimer::Request(token) => self.request_timed_out(peer, cx, token),
            ChordTimer::Retry(token) => self.retry(peer, cx, token),
            ChordTimer::Search(token) => self.search_timed_out(peer, cx, token),
            ChordTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: ChordTimer) -> Option<Token> {
        if let ChordTimer::Request(token) | ChordTimer::Retry(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.forget(&[cx.setting().numbering.item_key(item)]);
        }
    }

    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        members.successor(key).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &RingPeer<V>, visit: &mut dyn FnMut(PeerId)) {
        peer.successors.iter().copied().chain(peer.predecessor()).for_each(&mut *visit);
        V::each(peer, visit);
    }

    fn state_bytes(&self, peer: &RingPeer<V>) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &RingPeer<V>, next: Next<'_, RingMessage<V::Trail>, ChordTimer>) {
        match next {
            Next::Message(RingMessage::Forward { .. } | RingMessage::Step { .. }) | Next::Timer(ChordTimer::FixFingers) | Next::Lookup => {
                V::prefetch(&peer.table);
                prefetch::<1, _>(&*peer.successors);
            }
            Next::Message(RingMessage::Neighbours { successors, .. }) => {
                prefetch::<1, _>(&**successors);
                prefetch::<1, _>(&*peer.successors);
            }
            Next::Message(RingMessage::GetNeighbours { .. }) | Next::Timer(ChordTimer::Stabilize) => prefetch::<1, _>(&*peer.successors),
            _ => {}
        }
    }

    fn records<'p>(&self, peer: &'p RingPeer<V>) -> &'p [Record] {
        peer.records().map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut RingPeer<V>, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().records = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &RingPeer<V>) -> Result<(), Violation> {
        peer.check(self.view(peer), self.rules.successors).and_then(|()| self.shortcuts.check(peer, self.numbering)).map_err(Violation)
    }
}

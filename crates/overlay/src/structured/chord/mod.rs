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
//! A hop reads three or four cache lines: the peer, its fingers, its successors. In the steady state no handler allocates (recursive
//! routing); a peer with 8 successors among a million takes about 250 bytes (asserted in the tests).
//!
//! # Not here
//! Virtual nodes (seats of a host do that), proximity routing, recursion with a shortcut back, merging of two rings.
//!
//! # Map
//! `peer`: the tables and the decisions · `recursive`, `iterative`: how a question travels · `question`: how it begins and ends ·
//! `join`, `upkeep`: how the ring is kept · `content`: provider records · `start`: the converged ring.

mod config;
mod content;
mod iterative;
mod join;
mod message;
mod peer;
mod question;
mod recursive;
mod start;
mod upkeep;

pub use config::{ChordConfig, RouteThrough, Routing};
pub use message::{ChordMessage, Goal, Query};
pub use peer::{ChordPeer, Pending, Purpose};

use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Roster, Setting, Span, Start, Target,
    Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::structured::ring::View;

/// The Chord lookup model: its configuration, and how peers are numbered.
#[derive(Clone, Debug)]
pub struct Chord {
    config: ChordConfig,
    numbering: Numbering,
}

/// What a Chord peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChordTimer {
    /// Time to stabilize.
    Stabilize,
    /// Time to refresh a finger.
    FixFingers,
    /// Time to check the predecessor.
    CheckPredecessor,
    /// Time to register the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// A question of this peer's own may have got lost (recursive).
    Retry(Token),
    /// A request of a search may have timed out (iterative).
    Search(Token),
}

type Cx<'a> = Context<'a, Chord>;

impl Chord {
    #[inline]
    fn view(&self, peer: &ChordPeer) -> View {
        View::new(self.numbering, peer.id)
    }

    /// The next gap of something periodic: uniform in half to one and a half of its mean (paper, section VI-D: 15 to 45 s).
    fn gap(cx: &mut Cx<'_>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }
}

impl Overlay for Chord {
    const NAME: &'static str = "chord";
    const SUMMARY: &'static str = "ring of peers with successor lists and fingers at doubling distances; about ½ log2 N hops";
    const SOURCE: &'static str =
        "Stoica et al., Chord: a scalable peer-to-peer lookup protocol for Internet applications, IEEE/ACM ToN 11(1), 2003";
    const FAMILY: Family = Family::Structured;

    type Config = ChordConfig;
    type Peer = ChordPeer;
    type Message = ChordMessage;
    type Timer = ChordTimer;
    type Request = Pending;

    fn new(config: &ChordConfig, setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone(), numbering: setting.numbering })
    }

    fn targets(_config: &ChordConfig) -> Targets {
        Targets { key: true, peer: true, content: true, value: false }
    }

    fn peer(&self, id: PeerId) -> ChordPeer {
        ChordPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<ChordPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, from: PeerId, message: ChordMessage) {
        use ChordMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Forward { key, lookup, origin, ask, hop, hops, goal } => {
                self.forwarded(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, goal });
            }
            M::Deliver { key, lookup, origin, ask, hop, hops, goal } => {
                self.delivered(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, goal });
            }
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Refuse { token, lowest, step, .. } => self.refused(peer, cx, from, token, lowest, step),
            M::Found { ask, owner, hops, .. } => self.found(peer, cx, from, ask, owner, hops),
            M::Providers { holders, ask, hops, .. } => self.providers(peer, cx, from, ask, &holders, hops),
            M::Step { key, lookup, token, goal } => self.asked_step(peer, cx, from, (key, lookup, token, goal), None),
            M::StepAvoiding { key, lookup, token, dead, goal } => self.asked_step(peer, cx, from, (key, lookup, token, goal), Some(dead)),
            M::StepNext { token, next, .. } => self.step_next(peer, cx, from, token, next),
            M::StepOwners { successors, token, .. } => self.step_owners(peer, cx, from, token, successors),
            M::Fetch { key, lookup, token, goal } => self.asked_fetch(peer, cx, from, (key, lookup, token, goal)),
            M::GetNeighbours { token } => Self::asked_neighbours(peer, cx, from, token),
            M::Neighbours { successors, predecessor, token } => self.neighbours(peer, cx, from, token, &successors, predecessor),
            M::Notify => self.notified(peer, cx, from),
            M::Ping { token } => Self::pinged(peer, cx, from, token),
            M::Pong { token } => self.ponged(peer, cx, from, token),
            M::GetFingers => {
                if peer.active {
                    cx.send(from, M::Fingers { fingers: peer.fingers.iter().copied().filter(|&finger| finger != peer.id).collect() });
                }
            }
            M::Fingers { fingers } => self.learn_fingers(peer, &fingers),
            M::Leave { successors, predecessor } => self.left_by(peer, cx, from, &successors, predecessor),
            M::HandOver { records } => self.take_over(peer, cx, &records),
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
        }
    }

    fn timer(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, timer: ChordTimer) {
        match timer {
            ChordTimer::Stabilize => self.tick_stabilize(peer, cx),
            ChordTimer::FixFingers => self.tick_fix_fingers(peer, cx),
            ChordTimer::CheckPredecessor => self.tick_check_predecessor(peer, cx),
            ChordTimer::Republish => self.tick_republish(peer, cx),
            ChordTimer::Join => self.attempt_join(peer, cx),
            ChordTimer::Request(token) => self.request_timed_out(peer, cx, token),
            ChordTimer::Retry(token) => self.retry(peer, cx, token),
            ChordTimer::Search(token) => self.search_timed_out(peer, cx, token),
        }
    }

    fn publish(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut ChordPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        members.successor(key).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &ChordPeer, visit: &mut dyn FnMut(PeerId)) {
        let fingers = peer.fingers.iter().copied().filter(|&finger| finger != peer.id);
        peer.successors.iter().copied().chain(fingers).chain(peer.predecessor()).for_each(visit);
    }

    fn state_bytes(&self, peer: &ChordPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &ChordPeer, next: Next<'_, ChordMessage, ChordTimer>) {
        match next {
            Next::Message(ChordMessage::Forward { .. } | ChordMessage::Deliver { .. } | ChordMessage::Step { .. })
            | Next::Timer(ChordTimer::FixFingers) => {
                prefetch::<2, _>(&*peer.fingers);
                prefetch::<1, _>(&*peer.successors);
            }
            Next::Message(ChordMessage::GetNeighbours { .. } | ChordMessage::Neighbours { .. }) | Next::Timer(ChordTimer::Stabilize) => {
                prefetch::<1, _>(&*peer.successors);
            }
            _ => {}
        }
    }

    fn check(&self, peer: &ChordPeer) -> Result<(), Violation> {
        peer.check(self.view(peer), &self.config).map_err(Violation)
    }
}

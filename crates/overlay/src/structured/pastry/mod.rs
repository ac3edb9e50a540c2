//! Pastry (Rowstron, Druschel: Middleware 2001), and Bamboo (Rhea, Geels, Roscoe, Kubiatowicz: USENIX 2004) on the same code.
//!
//! Peers and keys lie on a ring of 2^64 points; a key belongs to the peer that is numerically closest to it, on either side. A peer knows its
//! leaf set, the peers next to it on both sides; a routing table with one peer for each other digit in each place of its key; and, in
//! Pastry, a neighbourhood set of those with the shortest round trips.
//!
//! # What is claimed
//! A question reaches the owner in at most about log N hops to the base 2^b. The leaf sets mend themselves as long as not half of one dies
//! at once on one side. Proximity is measured by the peers' own requests. Pastry answers a failure at once; Bamboo's upkeep is periodic,
//! and its timeouts follow measured round trips.
//!
//! # Cost
//! A hop reads three or four cache lines: the peer, its leaf set, one slot of its routing table. No handler allocates in the steady state
//! but for answers that list holders and for changes of a table that is just being sent.
//!
//! # Not here
//! Iterative routing, the randomised choice of the next hop (paper, section 3), locality of the first contact, virtual nodes.
//!
//! # Map
//! `leaves`, `table`: what a peer keeps · `peer`: the decisions · `route`: how a question travels · `question`: how it begins and
//! ends · `join`, `upkeep`: how tables are filled and kept · `content`: provider records · `maintenance`: the repair of values · `start`: the
//! converged ring.

mod config;
mod content;
mod join;
mod leaves;
mod maintenance;
mod message;
mod peer;
mod question;
mod route;
mod start;
mod table;
mod upkeep;

use std::marker::PhantomData;

pub use config::{BambooConfig, PastryConfig};
pub use message::{Goal, PastryMessage, Query, Row};
pub use peer::{PastryPeer, Pending, Purpose, Why};

use config::{Rules, Upkeep};
use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, OverlayConfig, PeerId, PeerTable, Record, Roster,
    Setting, Span, Start, Target, Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::records::Records;
use crate::structured::prefix::closeness;
use crate::structured::ring::View;

/// The Pastry lookup model.
pub type Pastry = PastryLike<Classic>;

/// The Bamboo lookup model.
pub type Bamboo = PastryLike<Periodic>;

/// A lookup model of Pastry's kind: its rules, and how peers are numbered.
#[derive(Debug)]
pub struct PastryLike<V> {
    rules: Rules,
    numbering: Numbering,
    variant: PhantomData<V>,
}

/// What sets a model of this kind apart from the other: its name, its parameters, and the rules that follow from them.
pub trait Variant: Send + Sync + Sized + 'static {
    /// The name in scenario files.
    const NAME: &'static str;
    /// One line for `sim list topologies`.
    const SUMMARY: &'static str;
    /// The paper that it follows.
    const SOURCE: &'static str;
    /// The parameters of a `[[topology]]` table.
    type Config: OverlayConfig;
    /// The model that they describe.
    fn model(config: &Self::Config, numbering: Numbering) -> PastryLike<Self>;
}

/// Pastry as published in 2001.
#[derive(Debug)]
pub struct Classic;

/// Bamboo.
#[derive(Debug)]
pub struct Periodic;

impl Variant for Classic {
    const NAME: &'static str = "pastry";
    const SUMMARY: &'static str = "ring of peers with leaf sets and routing tables by shared prefix; about log N hops to the base 2^b";
    const SOURCE: &'static str = "Rowstron, Druschel: Pastry: scalable, decentralized object location and routing for large-scale peer-to-peer systems, Middleware 2001";
    type Config = PastryConfig;

    fn model(config: &PastryConfig, numbering: Numbering) -> Pastry {
        PastryLike { rules: Rules::from(config), numbering, variant: PhantomData }
    }
}

impl Variant for Periodic {
    const NAME: &'static str = "bamboo";
    const SUMMARY: &'static str = "Pastry's tables under churn: periodic upkeep, timeouts from measured round trips";
    const SOURCE: &'static str = "Rhea, Geels, Roscoe, Kubiatowicz: Handling churn in a DHT, USENIX Annual Technical Conference 2004";
    type Config = BambooConfig;

    fn model(config: &BambooConfig, numbering: Numbering) -> Bamboo {
        PastryLike { rules: Rules::from(config), numbering, variant: PhantomData }
    }
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PastryTimer {
    /// Time for the leaf set.
    LeafSet,
    /// Time to refresh a row of the routing table (Bamboo: local tuning).
    Table,
    /// Time for the neighbourhood set.
    Neighbourhood,
    /// Time to look up a random slot.
    GlobalTuning,
    /// Time to ping the next contact.
    Ping,
    /// Time to register the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// A question of this peer's own may have got lost.
    Retry(Token),
    /// Time to compare values with their other keepers.
    Maintenance,
}

type Cx<'a, V> = Context<'a, PastryLike<V>>;

impl<V: Variant> PastryLike<V> {
    #[inline]
    fn view(&self, peer: &PastryPeer) -> View<'_> {
        View::new(&self.numbering, peer.id)
    }

    /// The next gap of something periodic: uniform in half to one and a half of its mean.
    fn gap(cx: &mut Cx<'_, V>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }
}

impl<V: Variant> Overlay for PastryLike<V> {
    const NAME: &'static str = V::NAME;
    const SUMMARY: &'static str = V::SUMMARY;
    const SOURCE: &'static str = V::SOURCE;
    const FAMILY: Family = Family::Structured;

    type Config = V::Config;
    type Peer = PastryPeer;
    type Message = PastryMessage;
    type Timer = PastryTimer;
    type Request = Pending;

    fn new(config: &V::Config, setting: &Setting) -> Result<Self, BuildError> {
        Ok(V::model(config, setting.numbering))
    }

    fn targets(_config: &V::Config) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: false }
    }

    fn peer(&self, id: PeerId) -> PastryPeer {
        PastryPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<PastryPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, from: PeerId, message: PastryMessage) {
        use PastryMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Forward { key, lookup, origin, ask, hop, hops, rows, goal } => {
                self.forwarded(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, rows, goal });
            }
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Refuse { token, lowest, .. } => self.refused(peer, cx, from, token, lowest),
            M::Found { ask, hops, .. } => self.found(peer, cx, from, ask, hops),
            M::Providers { holders, ask, hops, .. } => Self::providers(cx, from, ask, &holders, hops),
            M::JoinRow { row } => self.joining_row(peer, cx, from, &row),
            M::JoinLeaves { leaves, ask } => self.joining_leaves(peer, cx, from, ask, &leaves),
            M::JoinNeighbourhood { neighbourhood } => self.measure_some(peer, cx, &neighbourhood),
            M::Ping { token, member } => self.pinged(peer, cx, from, token, member),
            M::Pong { token } => self.ponged(peer, cx, from, token),
            M::Exchange { leaves, token } => self.asked_to_exchange(peer, cx, from, token, &leaves),
            M::Leaves { leaves, token } => self.exchanged(peer, cx, from, token, &leaves),
            M::Failed { peer: dead } => self.told_of_failure(peer, cx, dead),
            M::Hello if peer.active => self.meet(peer, cx, from, None),
            M::Hello => {}
            M::GetRow { row, token } => self.asked_for_row(peer, cx, from, token, row),
            M::RowReply { row, token } => self.learn_row(peer, cx, from, token, &row),
            M::GetEntry { row, column, token } => self.asked_for_entry(peer, cx, from, token, (row, column)),
            M::Entry { peer: entry, token } => self.learn_entry(peer, cx, from, token, entry),
            M::GetNeighbourhood { token } => Self::asked_for_neighbourhood(peer, cx, from, token),
            M::Neighbourhood { neighbourhood, token } => self.learn_neighbourhood(peer, cx, from, token, &neighbourhood),
            M::Leave { leaves } => self.left_by(peer, cx, from, &leaves),
            M::HandOver { records } | M::Values { records } => Self::take_over(peer, cx, &records),
            M::Store { key, token } => self.store(peer, cx, from, key, token),
            M::Stored { token } => self.stored(peer, cx, from, token),
            M::Remove { key } => self.remove(peer, cx, from, key),
            M::Replicate { record } => Self::replicate(peer, cx, record),
            M::Retract { key, holder } => {
                peer.extra().records.remove(key, holder);
            }
            M::Offer { records } => self.offered(peer, cx, from, &records),
            M::Want { keys } => Self::wanted(peer, cx, from, &keys),
            M::Spare { keys } => peer.extra().records.forget(&keys),
        }
    }

    fn timer(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, timer: PastryTimer) {
        match timer {
            PastryTimer::LeafSet => self.tick_leaf_set(peer, cx),
            PastryTimer::Table => self.tick_table(peer, cx),
            PastryTimer::Neighbourhood => self.tick_neighbourhood(peer, cx),
            PastryTimer::GlobalTuning => self.tick_global_tuning(peer, cx),
            PastryTimer::Ping => self.tick_ping(peer, cx),
            PastryTimer::Republish => self.tick_republish(peer, cx),
            PastryTimer::Join => self.attempt_join(peer, cx),
            PastryTimer::Request(token) => self.request_timed_out(peer, cx, token),
            PastryTimer::Retry(token) => self.retry(peer, cx, token),
            PastryTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: PastryTimer) -> Option<Token> {
        if let PastryTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.forget(&[cx.setting().numbering.item_key(item)]);
        }
    }

    /// The member that is numerically closest to the key; of two at the same distance, the one at or after it.
    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        let ends = [members.successor(key), members.predecessor(key)];
        ends.into_iter().flatten().min_by_key(|&(member, _)| closeness(key, member)).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &PastryPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.all().for_each(visit);
    }

    fn state_bytes(&self, peer: &PastryPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &PastryPeer, next: Next<'_, PastryMessage, PastryTimer>) {
        match next {
            Next::Message(PastryMessage::Forward { .. } | PastryMessage::Exchange { .. } | PastryMessage::Leaves { .. })
            | Next::Timer(PastryTimer::LeafSet) => {
                prefetch::<1, _>(&**peer.leaves.list());
                prefetch::<2, _>(&**peer.table.slots());
            }
            Next::Message(PastryMessage::GetRow { .. }) | Next::Timer(PastryTimer::Table) => prefetch::<2, _>(&**peer.table.slots()),
            _ => {}
        }
    }

    fn records<'p>(&self, peer: &'p PastryPeer) -> &'p [Record] {
        peer.records().map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut PastryPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().records = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &PastryPeer) -> Result<(), Violation> {
        peer.check(self.numbering, &self.rules).map_err(Violation)
    }
}

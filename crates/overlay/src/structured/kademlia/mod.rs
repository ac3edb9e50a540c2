//! Kademlia (Maymounkov, Mazières: *Kademlia: A Peer-to-peer Information System Based on the XOR Metric*, IPTPS 2002).
//!
//! Keys and peers are points of one space; the distance of two points is their exclusive or. A peer keeps k contacts in each subtree that
//! it is not itself in, so that one of them can always name somebody at least one bit nearer to any key.
//!
//! # What is claimed
//! A lookup reaches the peers nearest to a key in a number of hops that grows with log2 N, much below ½ log2 N for k = 20. Tables need no
//! upkeep of their own where there is traffic: whoever sends a message is put into the receiver's table. Failure is found out by
//! silence alone.
//!
//! # Cost
//! A table is one allocation of about 1.7 KB among 10^5 peers (k = 20, a cache of 8). Answers have their contacts in blocks that are used
//! again; a lookup takes one allocation.
//!
//! # Not here
//! The hourly republication of provider records by those who keep them (values are stored again: `replication`).
//!
//! # Map
//! `table`: buckets · `nearest`: of those, the nearest to a key · `search`: lookups · `recursive`: questions that peers pass on · `upkeep`: how
//! tables are kept · `proximity`: measured round trips · `join` · `content`: provider records · `tokens`: who may store (BEP 5) ·
//! `replication`: the repair of values · `start`: the converged network. Beside this folder: `shortlist` drives any iterative lookup,
//! `disjoint` several at once, `xor` knows the metric, `contacts` are lists in messages.

mod config;
mod content;
mod join;
mod message;
mod nearest;
mod peer;
mod proximity;
mod recursive;
mod replication;
mod search;
mod start;
mod table;
mod tokens;
mod upkeep;

pub use config::{BucketChoice, Eviction, KademliaConfig, Preset, Routing};
pub use message::{Ask, KademliaMessage, Query, WriteToken};
pub use peer::{KademliaPeer, Pending, Search};
pub use recursive::{Hop, Question};

pub use crate::publisher::Registration;

use peerlab_model::{
    BuildError, Context, Family, HostId, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Record, Roster, Setting, Span,
    Start, Target, Targets, Token, Violation,
};

use crate::records::Records;
use crate::structured::xor::{distance, nearest_member};
use recursive::Answer;
use search::Wanted;
use table::{Place, Shape};

/// The Kademlia lookup model: its configuration, and how peers are numbered.
#[derive(Clone, Debug)]
pub struct Kademlia {
    config: KademliaConfig,
    numbering: Numbering,
    shape: Shape,
}

/// What a Kademlia peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KademliaTimer {
    /// A request of a search may have timed out.
    Search(Token),
    /// A ping or a store may have timed out.
    Request(Token),
    /// It is the next bucket's turn to be refreshed.
    Refresh,
    /// Time to see whether there is more of the network.
    LookAround,
    /// Time to store the next item's record again.
    Republish,
    /// Time to try to join again.
    Join,
    /// Time to see which values are due.
    Replicate,
}

type Cx<'a> = Context<'a, Kademlia>;

impl Kademlia {
    /// The next gap of something periodic: uniform in half to one and a half of its mean.
    fn gap(cx: &mut Cx<'_>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }
}

impl Overlay for Kademlia {
    const NAME: &'static str = "kademlia";
    const SUMMARY: &'static str = "XOR metric, k contacts for each bit of distance, parallel iterative lookups";
    const SOURCE: &'static str = "Maymounkov, Mazières, Kademlia: A Peer-to-peer Information System Based on the XOR Metric, IPTPS 2002";
    const FAMILY: Family = Family::Structured;

    type Config = KademliaConfig;
    type Peer = KademliaPeer;
    type Message = KademliaMessage;
    type Timer = KademliaTimer;
    type Request = Pending;

    fn new(config: &KademliaConfig, setting: &Setting) -> Result<Self, BuildError> {
        let shape = Shape::new(config.k, config.replacement_cache, config.b);
        Ok(Self { config: config.clone(), numbering: setting.numbering, shape })
    }

    fn targets(_config: &KademliaConfig) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: true }
    }

    fn peer(&self, id: PeerId) -> KademliaPeer {
        KademliaPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<KademliaPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, message: KademliaMessage) {
        use KademliaMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        if matches!(message, M::Leave) {
            self.contact_gone(peer, cx, from);
            return;
        }
        self.heard_from(peer, cx, from);
        match message {
            M::FindNode(ask) => self.asked(peer, cx, from, ask, Wanted::Nodes),
            M::FindValue(ask) => self.asked(peer, cx, from, ask, Wanted::Value),
            M::FindPostings(ask, keywords) => self.asked(peer, cx, from, ask, Wanted::Postings(keywords)),
            M::Postings { postings, token, .. } => self.postings_found(peer, cx, (from, token), &postings),
            M::FindKeepers(ask) => self.asked(peer, cx, from, ask, Wanted::Keepers),
            M::Nodes { contacts, token, .. } => self.named(peer, cx, from, token, &contacts),
            M::Keepers { contacts, token, write } => {
                Self::note_write_token(cx, from, token, write);
                self.named(peer, cx, from, token, &contacts);
            }
            M::Value { holders, token, lives, .. } => self.value_found(peer, cx, (from, token), holders, lives),
            M::Refuse { token, lowest, .. } => self.refused(peer, cx, from, token, lowest),
            M::Ping { token } => cx.send(from, M::Pong { token }),
            M::Pong { token } | M::Stored { token } => self.replied(peer, cx, from, token),
            M::Store { key, token } => self.store(peer, cx, (from, key), token, None),
            M::StoreWith { key, token, write } => self.store(peer, cx, (from, key), token, Some(write)),
            M::RefuseStore { token } => self.store_refused(peer, cx, token),
            M::Remove { key } => {
                peer.extra().records.remove(key, cx.setting().registrant(from));
            }
            M::Cache { key, holders, lives } => self.keep_for_a_while(peer, cx, key, &holders, lives),
            M::HandOver { records } => self.take_over(peer, cx, &records),
            M::Replicate { record } => self.replicated(peer, cx, record),
            M::Route { hop, query } => self.routed(peer, cx, from, hop, query),
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Found { token, owner, hops, .. } => Self::answer_came(peer, cx, token, hops, Answer::Owner(owner)),
            M::Holders { token, keeper, hops, holders, .. } => {
                Self::answer_came(peer, cx, token, hops, Answer::Holders(keeper, holders));
            }
            M::Leave => {}
        }
    }

    fn timer(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, timer: KademliaTimer) {
        match timer {
            KademliaTimer::Search(token) => self.search_timed_out(peer, cx, token),
            KademliaTimer::Request(token) => self.request_timed_out(peer, cx, token),
            KademliaTimer::Refresh => self.tick_refresh(peer, cx),
            KademliaTimer::LookAround => self.tick_look_around(peer, cx),
            KademliaTimer::Republish => self.tick_republish(peer, cx),
            KademliaTimer::Join => self.attempt_join(peer, cx),
            KademliaTimer::Replicate => self.tick_replicate(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: KademliaTimer) -> Option<Token> {
        if let KademliaTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.forget(&[cx.setting().numbering.item_key(item)]);
        }
    }

    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        nearest_member(members, key)
    }

    fn contacts(&self, peer: &KademliaPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.table.all(&self.shape).for_each(visit);
    }

    fn state_bytes(&self, peer: &KademliaPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &KademliaPeer, next: Next<'_, KademliaMessage, KademliaTimer>) {
        let Next::Message(message) = next else { return };
        let own = self.numbering.key(peer.id);
        let fetch = |key: Key| peer.table.prefetch(&self.shape, peer.table.place(&self.shape, distance(own, key)));
        match message {
            KademliaMessage::FindNode(ask) | KademliaMessage::FindValue(ask) | KademliaMessage::FindPostings(ask, _) => {
                fetch(ask.key);
                // Who asks is noted, too; in a lookup that is its origin.
                fetch(self.numbering.key(self.numbering.peer(self.numbering.first_seat(HostId(ask.lookup.origin)), 0)));
            }
            KademliaMessage::Route { query, .. } => fetch(query.key),
            // Who is named is near to who names it, in whose bucket the answer is noted.
            KademliaMessage::Nodes { contacts, .. } => {
                fetch(self.numbering.key(contacts.hint()));
                contacts.prefetch();
            }
            _ => {}
        }
    }

    fn prefetch_request(&self, request: &Pending) {
        if let Pending::Search(search) = request {
            search.prefetch();
        }
    }

    fn records<'p>(&self, peer: &'p KademliaPeer) -> &'p [Record] {
        peer.records().map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut KademliaPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().records = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &KademliaPeer) -> Result<(), Violation> {
        peer.check(&self.shape, self.numbering).map_err(Violation)
    }
}

impl Kademlia {
    /// The contacts that a peer knows at home: those nearest to it.
    pub fn home<'a>(&'a self, peer: &'a KademliaPeer) -> impl Iterator<Item = PeerId> + 'a {
        peer.table.contacts(&self.shape, Place::Home)
    }
}

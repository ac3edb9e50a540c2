//! Flooding, as in Gnutella 0.4.
//!
//! Nobody knows where anything is. A question goes to all neighbours, which pass it on to all of theirs, each peer once and
//! [`ttl`](FloodingConfig::ttl) links far at the most; whoever holds the item answers, along the way that the question came or directly.
//! An expanding ring is the same with a first flood that is small, and others that are larger, until enough is found; random walks go
//! over the same links one at a time.
//! Around that, the work that keeps the overlay together: pings that find dead neighbours, pongs that fill a cache of
//! addresses, handshakes that replace the links that churn takes.
//!
//! # Cost
//! A full flood over a connected graph of N peers and E links is exactly 2E − (N − 1) messages, and reaches all N.
//! A message costs one look into the table of seen queries and one walk over the neighbours; no allocation in the steady state.
//! A peer takes some 400 bytes with 4 neighbours and 20 cached addresses; queries that it remembers take 16 bytes each, in a
//! table that is up to eight times larger than what it holds.
//!
//! # Not here
//! Downloads (PUSH), ultrapeers (0.6), flow control. Pings are not flooded: see docs/models/flooding.md for that and
//! for all other differences.

mod config;
mod links;
mod message;
mod peer;
mod queries;
mod replication;
mod rules;
mod rumours;
mod start;
mod walks;

pub use config::{Bias, ExpandingRingConfig, FloodingConfig, HitPath, RandomWalkConfig};
pub use message::{FloodingMessage, Hosts, NAME_BYTES, Query, Walk, Wanted};
pub(crate) use message::{HEADER, PONG, hit_fields, sized};
pub use peer::FloodingPeer;
pub use replication::{Evict, ReplicationConfig, Strategy};
pub use rules::{Rules, Walks};
pub use walks::Parked;

pub use crate::unstructured::seen::{Memory, Seen};

use std::fmt::Debug;
use std::marker::PhantomData;

use peerlab_model::{
    BuildError, Context, Family, LookupId, Next, Numbering, Overlay, OverlayConfig, PeerId, PeerTable, RumourId, Setting, Start, Target,
    Targets, Time, Token, Violation,
};

use crate::graph::Graph;
use crate::unstructured::membership::{Membership, MembershipTimer};

/// The flooding model.
pub type Flooding = FloodingLike<Flood>;

/// Floods that begin small and grow until they find: the model `expanding-ring`.
pub type ExpandingRing = FloodingLike<Rings>;

/// Walkers in the place of floods: the model `random-walk`.
pub type RandomWalk = FloodingLike<Walkers>;

/// A lookup model that floods.
#[derive(Debug)]
pub struct FloodingLike<V> {
    rules: Rules,
    numbering: Numbering,
    memory: Memory,
    /// How neighbours are found, if not by host caches.
    membership: Option<Membership>,
    /// The edge list, where the graph is a file.
    file: Option<Graph>,
    /// Neighbours that a newcomer wants: the graph's mean degree.
    newcomer_degree: u32,
    variant: PhantomData<V>,
}

/// What sets models that flood apart: their names and parameters.
pub trait Variant: Debug + Send + Sync + Sized + 'static {
    /// The name in scenario files.
    const NAME: &'static str;
    /// One line for `sim list topologies`.
    const SUMMARY: &'static str;
    /// What it follows.
    const SOURCE: &'static str;
    /// Whether it passes rumours on.
    const SPREADS: bool = false;
    /// The parameters of a `[[topology]]` table.
    type Config: OverlayConfig;
    /// What the shared code makes of them.
    fn rules(config: &Self::Config) -> Rules;
}

/// One flood a question.
#[derive(Debug)]
pub struct Flood;

/// Floods of growing reach.
#[derive(Debug)]
pub struct Rings;

/// Walkers.
#[derive(Debug)]
pub struct Walkers;

impl Variant for Flood {
    const NAME: &'static str = "flooding";
    const SUMMARY: &'static str = "every question goes to all peers within TTL links (Gnutella 0.4)";
    const SOURCE: &'static str = "Clip2, The Gnutella Protocol Specification v0.4, 2000";
    const SPREADS: bool = true;
    type Config = FloodingConfig;

    fn rules(config: &FloodingConfig) -> Rules {
        config.into()
    }
}

impl Variant for Rings {
    const NAME: &'static str = "expanding-ring";
    const SUMMARY: &'static str = "floods with a growing TTL, until enough is found";
    const SOURCE: &'static str =
        "Lv, Cao, Cohen, Li, Shenker: Search and replication in unstructured peer-to-peer networks, ICS 2002, section 4.1";
    type Config = ExpandingRingConfig;

    fn rules(config: &ExpandingRingConfig) -> Rules {
        config.into()
    }
}

impl Variant for Walkers {
    const NAME: &'static str = "random-walk";
    const SUMMARY: &'static str = "k walkers go from neighbour to neighbour until one of them finds it";
    const SOURCE: &'static str =
        "Lv, Cao, Cohen, Li, Shenker: Search and replication in unstructured peer-to-peer networks, ICS 2002, section 4.2";
    type Config = RandomWalkConfig;

    fn rules(config: &RandomWalkConfig) -> Rules {
        config.into()
    }
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FloodingTimer {
    /// Ping the neighbours, drop the dead ones.
    Ping,
    /// A connection attempt has taken too long.
    Connect(Token),
    /// Another round of connection attempts.
    Retry,
    /// The time for a flood's or the walkers' hits is over.
    Collect(Token),
    /// The origin of a walker has not answered.
    Parked(Token),
    /// What neighbours that are found by gossip need.
    Member(MembershipTimer),
}

impl From<MembershipTimer> for FloodingTimer {
    fn from(timer: MembershipTimer) -> Self {
        Self::Member(timer)
    }
}

const _: () = assert!(size_of::<FloodingTimer>() <= 8);

impl<V: Variant> Overlay for FloodingLike<V> {
    const NAME: &'static str = V::NAME;
    const SUMMARY: &'static str = V::SUMMARY;
    const SOURCE: &'static str = V::SOURCE;
    const FAMILY: Family = Family::Unstructured;
    const READS_DISK: bool = true;
    const SPREADS: bool = V::SPREADS;

    type Config = V::Config;
    type Peer = FloodingPeer;
    type Message = FloodingMessage;
    type Timer = FloodingTimer;
    type Request = Parked;

    fn new(config: &V::Config, setting: &Setting) -> Result<Self, BuildError> {
        let rules = V::rules(config);
        let population = setting.numbering.population();
        let file = match rules.graph.file() {
            Some(file) => {
                let read = Graph::from_file(file, population);
                Some(read.map_err(|error| BuildError { path: "graph.file".to_owned(), message: error.to_string() })?)
            }
            None => None,
        };
        let mean_degree = file.as_ref().map_or_else(|| rules.graph.mean_degree(population), mean_degree_of_linked);
        Ok(Self {
            numbering: setting.numbering,
            memory: Memory::new(rules.remember, rules.remember_max),
            file,
            membership: rules.membership.protocol(),
            newcomer_degree: ((mean_degree + 0.5) as u32).clamp(1, rules.max_neighbours),
            rules,
            variant: PhantomData,
        })
    }

    fn targets(_config: &V::Config) -> Targets {
        Targets { key: false, peer: true, content: true, value: false, keywords: true }
    }

    fn peer(&self, _id: PeerId) -> FloodingPeer {
        FloodingPeer::new(self.newcomer_degree, self.membership.as_ref().map(Membership::member))
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<FloodingPeer>) {
        self.begin(start, peers);
    }

    fn started(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>) {
        cx.set_timer_within(self.rules.ping_interval, FloodingTimer::Ping);
        if let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) {
            membership.started(member, cx);
        }
    }

    fn join(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>) {
        self.find_copies(peer, cx);
        cx.set_timer_within(self.rules.ping_interval, FloodingTimer::Ping);
        match (&self.membership, &mut peer.member) {
            (Some(membership), Some(member)) => membership.join(member, cx),
            _ => self.bootstrap(peer, cx),
        }
    }

    fn leave(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>) {
        if let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) {
            membership.leave(member, cx);
        }
        for &neighbour in &peer.neighbours {
            cx.send(neighbour, FloodingMessage::Bye { instead: None });
        }
    }

    fn lookup(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>, id: LookupId, target: Target) {
        self.ask(peer, cx, id, target);
    }

    fn rumour(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>, rumour: RumourId) {
        Self::pass_on(peer, cx, rumour, None);
    }

    /// What a neighbour passes on is limited, whoever has asked it: answers and the upkeep of links are not.
    #[inline]
    fn admits(&self, peer: &mut FloodingPeer, now: Time, from: PeerId, message: &FloodingMessage) -> bool {
        let Some(limit) = self.rules.rate_limit else { return true };
        let is_question = matches!(message, FloodingMessage::Query(_) | FloodingMessage::DirectQuery { .. } | FloodingMessage::Walk(_));
        !is_question || peer.limiter.get_or_insert_default().admits(limit, self.numbering.host(from), now)
    }

    fn message(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>, from: PeerId, message: FloodingMessage) {
        match message {
            FloodingMessage::Query(query) => self.query(peer, cx, from, query, None),
            FloodingMessage::DirectQuery { query, origin } => self.query(peer, cx, from, query, Some(origin)),
            FloodingMessage::Hit { .. } | FloodingMessage::Matches { .. } => self.hit(peer, cx, message),
            FloodingMessage::Ping => self.answer_ping(peer, cx, from),
            FloodingMessage::Pong { others } => self.pong(peer, cx, from, others, None),
            FloodingMessage::DegreePong { others, degree } => self.pong(peer, cx, from, others, Some(degree)),
            FloodingMessage::Walk(walk) => self.walked(peer, cx, from, walk),
            FloodingMessage::Check { id, token } => self.checked(peer, cx, from, id, token),
            FloodingMessage::Verdict { token, goes_on, .. } => self.judged(peer, cx, token, goes_on),
            FloodingMessage::Connect { token, needy } => self.connect(peer, cx, from, token, needy),
            FloodingMessage::Accept { token } => self.accept(peer, cx, from, token),
            FloodingMessage::Refuse { token, others } => self.refuse(peer, cx, token, others),
            FloodingMessage::Rumour(rumour) => Self::pass_on(peer, cx, rumour, Some(from)),
            FloodingMessage::Bye { instead } => self.bye(peer, cx, from, instead),
            FloodingMessage::Member(message) => {
                if let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) {
                    membership.message(member, cx, from, message);
                }
            }
            FloodingMessage::Fetch { id, item, along } => self.fetched(peer, cx, from, id, item, along),
            FloodingMessage::Copy { id, item, bytes, left } => self.copied(peer, cx, id, item, bytes, left),
            FloodingMessage::Offer { id, item, holder } => cx.send(holder, FloodingMessage::Fetch { id, item, along: false }),
        }
    }

    fn timer(&self, peer: &mut FloodingPeer, cx: &mut Context<'_, Self>, timer: FloodingTimer) {
        match timer {
            FloodingTimer::Ping if self.membership.is_some() => self.tidy(peer, cx),
            FloodingTimer::Ping => self.ping_neighbours(peer, cx),
            FloodingTimer::Connect(token) => self.connect_timed_out(peer, cx, token),
            FloodingTimer::Retry => self.retry(peer, cx),
            FloodingTimer::Parked(token) => Self::abandoned(cx, token),
            FloodingTimer::Collect(token) => self.ring_is_over(peer, cx, token),
            FloodingTimer::Member(timer) => {
                if let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) {
                    membership.timer(member, cx, timer);
                }
            }
        }
    }

    /// The neighbours: the overlay's graph. Host caches and passive views are not part of it.
    fn contacts(&self, peer: &FloodingPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.neighbours().iter().for_each(|&neighbour| visit(neighbour));
    }

    fn state_bytes(&self, peer: &FloodingPeer) -> usize {
        peer.bytes()
    }

    fn prefetch(&self, peer: &FloodingPeer, next: Next<'_, FloodingMessage, FloodingTimer>) {
        peerlab_prefetch::prefetch::<1, _>(peer.neighbours());
        if let Next::Message(
            FloodingMessage::Query(Query { id, .. })
            | FloodingMessage::DirectQuery { query: Query { id, .. }, .. }
            | FloodingMessage::Hit { id, .. },
        ) = next
        {
            peer.seen.prefetch(*id);
        }
    }

    fn check(&self, peer: &FloodingPeer) -> Result<(), Violation> {
        let broken = |what: String| Err(Violation(what));
        if let (Some(membership), Some(member)) = (&self.membership, &peer.member) {
            membership.check(member)?;
        }
        if peer.missed.len() != peer.neighbours.len() {
            return broken(format!("{} neighbours with {} ping counters", peer.neighbours.len(), peer.missed.len()));
        }
        for (at, neighbour) in peer.neighbours.iter().enumerate() {
            if peer.neighbours[..at].contains(neighbour) {
                return broken(format!("{neighbour:?} is a neighbour twice"));
            }
            if peer.hosts.contains(neighbour) {
                return broken(format!("{neighbour:?} is a neighbour and in the host cache"));
            }
        }
        if peer.hosts.len() > self.rules.host_cache as usize {
            return broken(format!("{} addresses in a host cache for {}", peer.hosts.len(), self.rules.host_cache));
        }
        let room = self.rules.replication.map_or(0, |replication| usize::from(replication.disk));
        if peer.copies().len() > room {
            return broken(format!("{} copies on a disk for {room}", peer.copies().len()));
        }
        if peer.seen.bytes() > self.memory.bytes() {
            return broken(format!("{} bytes of seen queries, {} allowed", peer.seen.bytes(), self.memory.bytes()));
        }
        Ok(())
    }
}

impl<V: Variant> FloodingLike<V> {
    /// True if this peer remembers the query `id` at `now`: what a flood has reached, for measurement and tests.
    pub fn has_seen(&self, peer: &FloodingPeer, id: LookupId, now: Time) -> bool {
        peer.seen.contains(id, now, self.memory)
    }
}

/// The mean degree over the nodes that have a link: isolated ones do not take part.
fn mean_degree_of_linked(graph: &Graph) -> f64 {
    let linked = (0..graph.nodes()).filter(|&node| graph.degree(node) > 0).count();
    2.0 * f64::from(graph.edges()) / (linked as f64).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphConfig;

    #[test]
    fn the_default_graph_is_the_contract_s() {
        assert_eq!(FloodingConfig::default().graph, GraphConfig::RandomRegular { degree: 4 });
    }
}

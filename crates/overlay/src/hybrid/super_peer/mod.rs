//! Super-peers: some peers serve as index and router for others, as in Gnutella 0.6 and FastTrack.
//!
//! Leaves connect to a few super-peers and tell them by a routing table what they have; super-peers search among each other and pass a query
//! only to leaves that may answer it. So the many that are weak are left alone, and a flood crosses a network that is smaller by the size of a
//! cluster (Yang and Garcia-Molina, ICDE 2003).
//!
//! # Cost
//! A question of a leaf is 3 messages (ask, taken, over), a flood among the super-peers, a query to each leaf whose table matches, and hits. A
//! super-peer holds 2 bytes for each slot of its leaves' and neighbours' tables.
//!
//! # Not here
//! An index of the leaves' metadata in the place of their tables; downloads; out-of-band hits.
//!
//! # Map
//! `links`: connections · `election`: who serves · `layer`: super-peers that find each other by gossip · `partners`: several super-peers of one cluster · `tables`: query routing · `search`: questions · `start`: the converged network.

mod config;
mod election;
mod layer;
mod links;
mod message;
mod partners;
mod peer;
mod search;
mod start;
mod tables;

pub use config::{Preset, Search, SuperPeerConfig};
pub use message::{SuperMessage, Table};
pub use peer::{Link, SuperPeer};

use peerlab_model::{
    BuildError, Context, Family, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Setting, Start, Target, Targets, Token, Violation,
};

use crate::unstructured::flooding::{Memory, Query};
use crate::unstructured::membership::{Membership, MembershipTimer};

/// The super-peer model.
#[derive(Debug)]
pub struct SuperPeers {
    config: SuperPeerConfig,
    numbering: Numbering,
    memory: Memory,
    /// How super-peers find each other, if not by host caches.
    membership: Option<Membership>,
}

pub(crate) type Cx<'a> = Context<'a, SuperPeers>;

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SuperTimer {
    /// Ping, refresh the table, consider the role.
    Ping,
    /// A connection attempt has taken too long.
    Connect(Token),
    /// Another round of connection attempts.
    Retry,
    /// A super-peer has not taken a question.
    Ask(Token),
    /// A super-peer has not said that a search is over.
    Collect(Token),
    /// A step of a search is over.
    Step(Token),
    /// What neighbours that are found by gossip need.
    Member(MembershipTimer),
}

impl From<MembershipTimer> for SuperTimer {
    fn from(timer: MembershipTimer) -> Self {
        Self::Member(timer)
    }
}

const _: () = assert!(size_of::<SuperTimer>() <= 8);

impl Overlay for SuperPeers {
    const NAME: &'static str = "super-peer";
    const SUMMARY: &'static str = "strong peers serve and search for the others, who only say what they have (Gnutella 0.6)";
    const SOURCE: &'static str = "Yang, Garcia-Molina: Designing a super-peer network, ICDE 2003; Singla, Rohrs: Ultrapeers, 2002";
    const FAMILY: Family = Family::Hybrid;

    type Config = SuperPeerConfig;
    type Peer = SuperPeer;
    type Message = SuperMessage;
    type Timer = SuperTimer;
    type Request = std::convert::Infallible;

    fn new(config: &SuperPeerConfig, setting: &Setting) -> Result<Self, BuildError> {
        let memory = Memory::new(config.remember.span(), config.remember_max);
        Ok(Self { config: config.clone(), numbering: setting.numbering, memory, membership: config.membership.protocol() })
    }

    fn targets(_config: &SuperPeerConfig) -> Targets {
        Targets { key: false, peer: true, content: true, value: false, keywords: true }
    }

    fn peer(&self, _id: PeerId) -> SuperPeer {
        SuperPeer::default()
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<SuperPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        cx.set_timer_within(self.config.ping_interval.span(), SuperTimer::Ping);
        self.fill(peer, cx);
        self.gossip(peer, cx, Membership::started);
    }

    fn join(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        peer.since = Some(cx.now());
        cx.set_timer_within(self.config.ping_interval.span(), SuperTimer::Ping);
        self.bootstrap(peer, cx);
    }

    fn leave(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>) {
        Self::say_goodbye(peer, cx);
        self.leave_layer(peer, cx);
    }

    fn lookup(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.ask(peer, cx, id, target);
    }

    fn message(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, from: PeerId, message: SuperMessage) {
        use SuperMessage as M;
        match message {
            M::Query(query) => self.queried(peer, cx, from, query),
            M::Hit { .. } | M::Matches { .. } => self.hit(peer, cx, message),
            M::Connect { token, leaf } => self.asked_to_connect(peer, cx, from, token, leaf),
            M::Accept { token } => self.accepted(peer, cx, from, token),
            M::Refuse { token, others, needed } => self.refused(peer, cx, token, others, needed),
            M::Ping => self.pinged(peer, cx, from),
            M::Pong { others, needed } => self.ponged(peer, cx, from, others, needed),
            M::Bye { instead } => self.bye(peer, cx, from, instead),
            M::Table { slots, .. } => {
                let end = peer.links.iter_mut().chain(&mut peer.leaves).chain(&mut peer.partners).find(|link| link.peer == from);
                if let Some(end) = end {
                    end.table = Some(slots);
                }
            }
            M::Ask { id, wanted, token } => self.asked(peer, cx, from, id, wanted, token),
            M::Taken { token, .. } => self.taken(peer, cx, token),
            M::Over { id, hits } => self.over(peer, cx, id, hits),
            M::Invite { partners } => self.invited(peer, cx, from, partners),
            M::Partner => self.partner_came(peer, cx, from),
            M::Cluster { partners } => self.told_of_cluster(peer, cx, from, partners),
            M::Member(message) => self.membership_message(peer, cx, from, message),
            M::Relayed { newcomer, message } => self.relayed(peer, cx, newcomer, message),
        }
    }

    fn timer(&self, peer: &mut SuperPeer, cx: &mut Cx<'_>, timer: SuperTimer) {
        match timer {
            SuperTimer::Ping => self.tick(peer, cx),
            SuperTimer::Connect(token) => self.connect_failed(peer, cx, token),
            SuperTimer::Retry => self.retry(peer, cx),
            SuperTimer::Ask(token) => self.ask_timed_out(peer, cx, token),
            SuperTimer::Collect(token) => Self::collected(peer, cx, token),
            SuperTimer::Step(token) => self.step(peer, cx, token),
            SuperTimer::Member(timer) => self.gossip(peer, cx, |membership, member, cx| membership.timer(member, cx, timer)),
        }
    }

    /// A leaf's super-peers; a super-peer's neighbours, leaves and partners.
    fn contacts(&self, peer: &SuperPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.links().chain(peer.leaves()).chain(peer.partners()).for_each(visit);
    }

    fn state_bytes(&self, peer: &SuperPeer) -> usize {
        peer.bytes()
    }

    fn prefetch(&self, peer: &SuperPeer, next: Next<'_, SuperMessage, SuperTimer>) {
        peerlab_prefetch::prefetch::<1, _>(peer.links.as_slice());
        if let Next::Message(SuperMessage::Query(Query { id, .. }) | SuperMessage::Hit { id, .. }) = next {
            peer.seen.prefetch(*id);
        }
    }

    fn check(&self, peer: &SuperPeer) -> Result<(), Violation> {
        let broken = |what: String| Err(Violation(what));
        let is_alone = peer.leaves.is_empty() && peer.partners.is_empty();
        if !peer.serves && !is_alone {
            return broken(format!("a leaf has {} leaves and {} partners", peer.leaves.len(), peer.partners.len()));
        }
        if peer.partners.len() >= self.config.redundancy.into() {
            return broken(format!("{} partners in a {}-redundant cluster", peer.partners.len(), self.config.redundancy));
        }
        if peer.leaves.len() > self.config.leaves.into() {
            return broken(format!("{} leaves, {} allowed", peer.leaves.len(), self.config.leaves));
        }
        if let (Some(membership), Some(member)) = (&self.membership, &peer.member) {
            membership.check(member)?;
            if let Some(stranger) = peer.links().find(|other| !member.neighbours().contains(other)) {
                return broken(format!("connected to {stranger:?}, which is not in the view"));
            }
        }
        let most = match &peer.member {
            Some(member) => member.neighbours().len(),
            None if peer.serves => self.links_max() + 1,
            None => self.wanted_links(peer),
        };
        if peer.links.len() > most {
            return broken(format!("{} connections to super-peers, {most} allowed", peer.links.len()));
        }
        let mut ends: Vec<PeerId> = peer.links().chain(peer.leaves()).chain(peer.partners()).collect();
        ends.sort_unstable();
        if ends.windows(2).any(|pair| pair[0] == pair[1]) {
            return broken("connected to the same peer twice".to_owned());
        }
        if peer.hosts.len() > self.config.host_cache.into() {
            return broken(format!("{} addresses in a host cache for {}", peer.hosts.len(), self.config.host_cache));
        }
        Ok(())
    }
}

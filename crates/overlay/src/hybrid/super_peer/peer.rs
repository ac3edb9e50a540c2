//! What one peer knows, and the decisions that need nothing else.

use peerlab_model::{LookupId, PeerId, Requests, Rng, Time};

use super::message::Table;
use super::tables::table;
use crate::unstructured::flooding::{Hosts, Seen, Wanted};
use crate::unstructured::hosts;
use crate::unstructured::membership::Member;

/// A peer: a leaf, until it makes itself a super-peer.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that are independent of each other, a byte each")]
pub struct SuperPeer {
    /// It serves leaves.
    pub(super) serves: bool,
    /// It has told the world that it is a member.
    pub(super) joined: bool,
    /// A timer for another round of connection attempts runs.
    pub(super) retrying: bool,
    /// It has heard that more super-peers are needed since its last ping.
    pub(super) needed: bool,
    /// Attempts that failed in this round.
    pub(super) failures: u8,
    /// Rounds without success.
    pub(super) rounds: u8,
    /// When it came online; nothing: long ago.
    pub(super) since: Option<Time>,
    /// When it became a super-peer; nothing: long ago.
    pub(super) serves_since: Option<Time>,
    /// A leaf's super-peers; a super-peer's neighbours.
    pub(super) links: Vec<Link>,
    /// A super-peer's leaves.
    pub(super) leaves: Vec<Link>,
    /// The other super-peers of its cluster.
    pub(super) partners: Vec<Link>,
    /// What a super-peer knows of the others where they are found by gossip.
    pub(super) member: Option<Box<Member>>,
    /// First contacts through which it has joined the others.
    pub(super) introductions: u8,
    /// Until when timers of a membership that it has left may run.
    pub(super) quiet_until: Option<Time>,
    /// Addresses of super-peers.
    pub(super) hosts: Vec<PeerId>,
    pub(super) connecting: Requests<Attempt>,
    /// What it has itself, and its leaves; as it was last sent.
    pub(super) table: Table,
    /// What it has itself, as its partners were last told.
    pub(super) own: Table,
    pub(super) seen: Seen<Passed>,
    /// A leaf's questions, at its super-peers.
    pub(super) asked: Requests<Asked>,
    /// A super-peer's searches, its own and its leaves'.
    pub(super) searches: Requests<Search>,
}

/// A query that has come by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// From whom it came first: hits go back there.
    pub(super) from: PeerId,
    /// The largest TTL that it has come with.
    pub(super) ttl: u8,
}

/// Somebody at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Link {
    /// Who.
    pub peer: PeerId,
    /// The name of its cluster: the lowest address of those that serve it, as it last said.
    pub(super) cluster: PeerId,
    /// Pings in a row that it has not answered; of a leaf, how often it was expected to ping.
    pub(super) missed: u8,
    /// What it (and its leaves) have, as far as it has said.
    pub(super) table: Option<Table>,
    /// A super-peer's neighbour: it has said that it is full, or that it is not.
    pub(super) full: Option<bool>,
}

/// A connection that it asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) to: PeerId,
    /// As what it asked.
    pub(super) leaf: bool,
}

/// A leaf's question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) id: LookupId,
    pub(super) wanted: Wanted,
    pub(super) since: Time,
    /// The super-peer that has it.
    pub(super) at: PeerId,
    /// It has said so.
    pub(super) taken: bool,
    /// How many did not.
    pub(super) tries: u8,
    /// Hits that have come.
    pub(super) hits: u32,
    /// How many there are in all, once the search is over.
    pub(super) all: Option<u32>,
}

impl Asked {
    pub(super) fn is_over(&self) -> bool {
        self.all.is_some_and(|all| self.hits >= all)
    }
}

/// A super-peer's search.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) id: LookupId,
    pub(super) wanted: Wanted,
    pub(super) since: Time,
    /// The leaf that wants to know; nobody: the super-peer itself.
    pub(super) leaf: Option<PeerId>,
    /// Neighbours that have been asked.
    pub(super) sent_to: Vec<PeerId>,
    /// Super-peers that the steps so far have reached, if no way led to the same one twice.
    pub(super) horizon: f64,
    pub(super) results: u32,
    /// Hits that the leaf has been sent.
    pub(super) passed_on: u32,
}

impl Link {
    pub(super) fn new(peer: PeerId) -> Self {
        Self { peer, cluster: peer, missed: 0, table: None, full: None }
    }

    /// True if this end may have what lies at one of these slots each; what has not told its table may have anything.
    pub(super) fn may_have(&self, slots: &[u16]) -> bool {
        self.table.as_ref().is_none_or(|table| slots.iter().all(|slot| table.binary_search(slot).is_ok()))
    }

    /// The same of one that has told its table.
    pub(super) fn is_known_to_have(&self, slots: &[u16]) -> bool {
        self.table.is_some() && self.may_have(slots)
    }
}

impl SuperPeer {
    /// True if it serves leaves.
    pub fn is_super_peer(&self) -> bool {
        self.serves
    }

    /// A leaf's super-peers, or a super-peer's neighbours.
    pub fn links(&self) -> impl Iterator<Item = PeerId> {
        self.links.iter().map(|link| link.peer)
    }

    /// A super-peer's leaves.
    pub fn leaves(&self) -> impl Iterator<Item = PeerId> {
        self.leaves.iter().map(|link| link.peer)
    }

    pub(super) fn link(&mut self, peer: PeerId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.peer == peer)
    }

    pub(super) fn leaf(&mut self, peer: PeerId) -> Option<&mut Link> {
        self.leaves.iter_mut().find(|link| link.peer == peer)
    }

    /// True if this is a peer that it can name without asking anybody: itself, or somebody at the other end of a connection.
    pub(super) fn knows(&self, named: PeerId, this: PeerId) -> bool {
        named == this || self.is_linked(named)
    }

    pub(super) fn is_linked(&self, peer: PeerId) -> bool {
        self.links.iter().chain(&self.leaves).chain(&self.partners).any(|link| link.peer == peer)
    }

    /// True if it takes messages of `other`: somebody at the other end of a connection or, where views are connections, any super-peer.
    pub(super) fn hears(&self, other: PeerId) -> bool {
        self.member.is_some() || self.is_linked(other)
    }

    pub(super) fn is_connecting_to(&self, peer: PeerId) -> bool {
        self.connecting.iter().any(|attempt| attempt.to == peer)
    }

    /// Forgets whoever is at the other end; `true` if it was a link, not a leaf.
    pub(super) fn forget(&mut self, peer: PeerId) -> bool {
        self.leaves.retain(|link| link.peer != peer);
        self.partners.retain(|link| link.peer != peer);
        let before = self.links.len();
        self.links.retain(|link| link.peer != peer);
        self.links.len() < before
    }

    /// Keeps the address of a super-peer, in the place of a random other one if there is no room.
    pub(super) fn learn(&mut self, host: PeerId, this: PeerId, room: usize, rng: &mut Rng) {
        if host == this || self.links.iter().chain(&self.partners).any(|link| link.peer == host) || self.hosts.contains(&host) {
            return;
        }
        hosts::keep(&mut self.hosts, host, room, rng);
    }

    /// Takes an address out of the host cache, to try it.
    pub(super) fn take_candidate(&mut self, rng: &mut Rng) -> Option<PeerId> {
        let Self { hosts, links, connecting, .. } = self;
        let is_new = |host| connecting.iter().all(|attempt| attempt.to != host) && links.iter().all(|link| link.peer != host);
        hosts::take(hosts, rng, is_new)
    }

    /// Super-peers to tell `asker` of.
    pub(super) fn advise(&self, asker: PeerId, rng: &mut Rng) -> Hosts {
        let mut hosts = Hosts::default();
        for _ in 0..2 {
            let some = [rng.pick(&self.links).map(|link| link.peer), rng.pick(&self.hosts).copied()];
            some.into_iter().flatten().filter(|&host| host != asker).for_each(|host| hosts.add(host));
        }
        hosts
    }

    /// Everything that it, its leaves and its partners have.
    pub(super) fn united(&self, own: Vec<u16>) -> Table {
        let mut all = own;
        all.extend(self.leaves.iter().chain(&self.partners).filter_map(|leaf| leaf.table.as_ref()).flat_map(|table| table.iter().copied()));
        table(all)
    }

    pub(super) fn bytes(&self) -> usize {
        let links = self.links.iter().chain(&self.leaves).chain(&self.partners);
        links.map(|link| 5 + link.table.as_ref().map_or(0, |table| 2 * table.len())).sum::<usize>()
            + 4 * self.hosts.len()
            + self.member.as_ref().map_or(0, |member| member.bytes())
            + 2 * (self.table.len() + self.own.len())
            + 24 * (self.asked.len() + self.searches.len())
            + self.seen.bytes()
    }
}

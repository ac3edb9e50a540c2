//! What one servent knows.

use peerlab_model::{ItemId, LookupId, PeerId, Requests, Rng, Time};

use super::message::{Hosts, Wanted};
use super::walks::WalkMemory;
use crate::rate_limit::Limiter;
use crate::unstructured::hosts;
use crate::unstructured::known::Known;
use crate::unstructured::membership::Member;
use crate::unstructured::seen::Seen;

/// One peer of the flooding overlay. In this order: a query reads the first three fields only, which share a cache line.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct FloodingPeer {
    /// Its neighbours, side by side: every query walks over them. None where a membership by gossip keeps them.
    pub(super) neighbours: Vec<PeerId>,
    /// Queries that it has seen, and from whom.
    pub(super) seen: Seen,
    /// What it knows of others where they are found by gossip; nothing with host caches.
    pub(super) member: Option<Box<Member>>,
    /// For each neighbour, how many pings in a row it has not answered.
    pub(super) missed: Vec<u8>,
    /// Its own open questions.
    pub(super) questions: Requests<Question>,
    /// Connections that it asked for.
    pub(super) connecting: Requests<PeerId>,
    /// Others that it has heard of: no neighbours.
    pub(super) hosts: Vec<PeerId>,
    /// How many neighbours it wants.
    pub(super) degree: u32,
    /// Connection attempts that failed in this round.
    pub(super) failures: u8,
    /// Rounds of attempts without success, for the pause between rounds.
    pub(super) rounds: u8,
    /// A retry timer runs.
    pub(super) retrying: bool,
    /// It has told the world that it is a member.
    pub(super) joined: bool,
    /// What it remembers for walks; nothing in models that flood.
    pub(super) walks: Option<Box<WalkMemory>>,
    /// The rumours that it has heard, if any.
    pub(super) rumours: Option<Box<Known>>,
    /// The copies on its disk, in the order in which they came; nothing if it has none.
    #[expect(clippy::box_collection, reason = "most models keep none, and an empty vector takes three words")]
    pub(super) copies: Option<Box<Vec<ItemId>>>,
    /// How much each neighbour has passed on, where that is limited.
    pub(super) limiter: Option<Box<Limiter>>,
}

/// A question of this peer's own.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) id: LookupId,
    pub(super) wanted: Wanted,
    pub(super) asked: Time,
    /// Which of its floods is under way.
    pub(super) ring: u8,
    /// The holders that were found, where enough of them end the question.
    pub(super) named: Vec<PeerId>,
    /// The same by keyword: the items.
    pub(super) items: Vec<ItemId>,
    /// Peers that its walkers have checked back from, where copies are to go to some of them.
    pub(super) probed: Vec<PeerId>,
    /// Copies have been sent for.
    pub(super) is_replicated: bool,
}

impl Question {
    pub(super) fn new(id: LookupId, wanted: Wanted, asked: Time) -> Self {
        Self { id, wanted, asked, ring: 0, named: Vec::new(), items: Vec::new(), probed: Vec::new(), is_replicated: false }
    }
}

impl FloodingPeer {
    pub(super) fn new(degree: u32, member: Option<Member>) -> Self {
        Self {
            neighbours: Vec::new(),
            missed: Vec::new(),
            seen: Seen::default(),
            questions: Requests::default(),
            connecting: Requests::default(),
            hosts: Vec::new(),
            degree,
            failures: 0,
            rounds: 0,
            retrying: false,
            joined: false,
            walks: None,
            rumours: None,
            member: member.map(Box::new),
            copies: None,
            limiter: None,
        }
    }

    /// Its present neighbours.
    #[inline]
    pub fn neighbours(&self) -> &[PeerId] {
        self.member.as_ref().map_or(&self.neighbours, |member| member.neighbours())
    }

    /// What it knows of others where they are found by gossip.
    pub fn member(&self) -> Option<&Member> {
        self.member.as_deref()
    }

    /// The copies on its disk, beside what was there at the start.
    pub fn copies(&self) -> &[ItemId] {
        self.copies.as_ref().map_or(&[], |copies| copies)
    }

    /// How many neighbours it tries to have.
    pub fn wanted_degree(&self) -> u32 {
        self.degree
    }

    /// The addresses in its host cache.
    pub fn hosts(&self) -> &[PeerId] {
        &self.hosts
    }

    /// Its table of seen queries.
    pub fn seen(&self) -> &Seen {
        &self.seen
    }

    #[inline]
    pub(super) fn is_neighbour(&self, peer: PeerId) -> bool {
        self.neighbours.contains(&peer)
    }

    /// True if what this one asks is answered: a neighbour, or anybody where neighbours are found by gossip and a view is one-sided.
    #[inline]
    pub(super) fn deals_with(&self, peer: PeerId) -> bool {
        self.member.is_some() || self.is_neighbour(peer)
    }

    pub(super) fn is_connecting_to(&self, peer: PeerId) -> bool {
        self.connecting.iter().any(|&other| other == peer)
    }

    /// Neighbours that it still lacks, attempts under way not counted as lacking.
    pub(super) fn lacking(&self) -> usize {
        (self.degree as usize).saturating_sub(self.neighbours.len() + self.connecting.len())
    }

    pub(super) fn add_neighbour(&mut self, peer: PeerId) {
        self.neighbours.push(peer);
        self.missed.push(0);
        self.hosts.retain(|&host| host != peer);
    }

    /// Forgets a neighbour; `false` if it was none.
    pub(super) fn drop_neighbour(&mut self, peer: PeerId) -> bool {
        let Some(at) = self.neighbours.iter().position(|&other| other == peer) else { return false };
        self.neighbours.swap_remove(at);
        self.missed.swap_remove(at);
        true
    }

    /// A neighbour is alive.
    pub(super) fn heard_from(&mut self, peer: PeerId) {
        if let Some(at) = self.neighbours.iter().position(|&other| other == peer) {
            self.missed[at] = 0;
        }
    }

    /// Keeps an address in the host cache, in the place of a random other one if it is full.
    pub(super) fn learn(&mut self, host: PeerId, this: PeerId, room: usize, rng: &mut Rng) {
        if host == this || self.is_neighbour(host) || self.hosts.contains(&host) {
            return;
        }
        hosts::keep(&mut self.hosts, host, room, rng);
    }

    /// Takes a random address out of the host cache, to try it.
    pub(super) fn take_candidate(&mut self, rng: &mut Rng) -> Option<PeerId> {
        let connecting = &self.connecting;
        hosts::take(&mut self.hosts, rng, |host| connecting.iter().all(|&other| other != host))
    }

    /// Addresses to tell `asker`: a neighbour or two, which are alive, and some from the host cache, which come from afar.
    pub(super) fn advise(&self, asker: PeerId, rng: &mut Rng) -> Hosts {
        let mut hosts = Hosts::default();
        let lists = [&self.neighbours, &self.hosts, &self.neighbours, &self.hosts];
        for list in lists {
            if let Some(&host) = rng.pick(list)
                && host != asker
            {
                hosts.add(host);
            }
        }
        hosts
    }

    pub(super) fn bytes(&self) -> usize {
        let open = self.questions.len() + self.connecting.len();
        self.neighbours.len() * 5
            + self.hosts.len() * 4
            + open * 12
            + self.seen.bytes()
            + self.walks.as_ref().map_or(0, |walks| walks.bytes())
            + self.copies().len() * 4
            + self.limiter.as_ref().map_or(0, |limiter| limiter.bytes())
            + self.rumours.as_ref().map_or(0, |rumours| rumours.bytes())
            + self.member.as_ref().map_or(0, |member| member.bytes())
    }
}

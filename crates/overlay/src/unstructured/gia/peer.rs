//! What one Gia peer knows.

use std::collections::VecDeque;

use peerlab_model::{LookupId, PeerId, Requests, Rng, Time};

use super::index::Index;
use super::message::{Hosts, Report, Sought, Told, Walk};
use super::rules::{Capacity, Standing};
use super::tokens::Mint;
use crate::unstructured::hosts;
use crate::unstructured::membership::Member;
use crate::unstructured::seen::Seen;

/// One peer of the Gia overlay.
#[derive(Clone, Debug, Default)]
pub struct GiaPeer {
    pub(super) neighbours: Vec<Neighbour>,
    /// What they hold.
    pub(super) index: Index,
    /// Where queries came from, and where they went.
    pub(super) seen: Seen<Trace>,
    /// Queries that wait for a token, the oldest first.
    pub(super) waiting: VecDeque<Waiting>,
    /// Its own open questions.
    pub(super) questions: Requests<Question>,
    /// The connection that it asked for.
    pub(super) connecting: Requests<PeerId>,
    /// Others that it has heard of, with their capacities as far as it knows them (else 0): no neighbours.
    pub(super) hosts: Vec<(PeerId, Capacity)>,
    /// Where others are found by gossip: whom it knows so.
    pub(super) views: Option<Box<Views>>,
    pub(super) mint: Mint,
    /// How often what it holds has changed.
    pub(super) version: u32,
    /// Which timer of the adaptation counts.
    pub(super) round: u32,
    /// The timer for queries that wait runs.
    pub(super) holding: bool,
    /// It has told the world that it is a member.
    pub(super) joined: bool,
}

/// What a membership by gossip has brought.
#[derive(Clone, Debug)]
pub(super) struct Views {
    pub(super) member: Member,
    /// Those of whom it knows that it has tried to connect to: not again before it has tried all of them.
    tried: Vec<PeerId>,
}

impl Views {
    pub(super) fn new(member: Member) -> Self {
        Self { member, tried: Vec::new() }
    }
}

/// A link, and what its other end has said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbour {
    pub(super) peer: PeerId,
    pub(super) capacity: Capacity,
    pub(super) degree: u16,
    /// Its place in the [`Trace`]s of queries.
    pub(super) slot: u8,
    /// Pings in a row that it has not answered.
    pub(super) missed: u8,
    /// It has pinged since the last time that it would have been pinged.
    pub(super) pinged: bool,
    /// Queries that it has allowed us to send.
    pub(super) tokens: u16,
    /// Queries that we have allowed it to send.
    pub(super) given: u16,
    /// The same, of which it has not been told.
    pub(super) owed: u16,
    /// The finish tag of its last token in our fair queue.
    pub(super) finish: u64,
    /// The number of the last change of what it holds that we know of.
    pub(super) version: u32,
}

/// What a peer remembers of a query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trace {
    /// From whom it came first: the way back. Since each step of it leads to where the query was earlier, it has no loops.
    pub(super) from: PeerId,
    /// To which neighbours it has been sent, a bit each. A neighbour that has taken another's place takes its bit, too: at the worst the
    /// query passes it by.
    sent: [u32; 4],
}

impl Trace {
    pub(super) fn new(from: PeerId) -> Self {
        Self { from, sent: [0; 4] }
    }

    pub(super) fn has(&self, slot: u8) -> bool {
        self.sent[usize::from(slot / 32)] >> (slot % 32) & 1 == 1
    }

    pub(super) fn mark(&mut self, slot: u8) {
        self.sent[usize::from(slot / 32)] |= 1 << (slot % 32);
    }

    pub(super) fn forget(&mut self) {
        self.sent = [0; 4];
    }
}

/// A query that waits for a token.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) walk: Walk,
    pub(super) since: Time,
}

/// A question of this peer's own.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) id: LookupId,
    pub(super) wanted: Sought,
    pub(super) asked: Time,
    /// When its query has last been heard of.
    pub(super) alive: Time,
    /// How often it has been sent out before.
    pub(super) round: u8,
    /// The holders that were found.
    pub(super) named: Vec<PeerId>,
}

impl Neighbour {
    pub(super) fn new(peer: PeerId, told: Told, slot: u8, tokens: u16) -> Self {
        let Told { capacity, degree } = told;
        let (missed, pinged, owed, finish, version) = (0, false, 0, 0, 0);
        Self { peer, capacity, degree, slot, missed, pinged, tokens, given: tokens, owed, finish, version }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing { capacity: self.capacity, degree: self.degree }
    }

    /// Our tokens that it has, or will have when it is told.
    pub(super) fn held(&self) -> u32 {
        u32::from(self.given) + u32::from(self.owed)
    }

    /// Takes what it is to be told that it has got.
    pub(super) fn hand_over(&mut self) -> u16 {
        let count = std::mem::take(&mut self.owed);
        self.given = self.given.saturating_add(count);
        count
    }
}

impl GiaPeer {
    /// Its present neighbours.
    pub fn neighbours(&self) -> impl Iterator<Item = PeerId> {
        self.neighbours.iter().map(|neighbour| neighbour.peer)
    }

    /// How many queries wait here for a token.
    pub fn backlog(&self) -> usize {
        self.waiting.len()
    }

    /// The tokens that it has of a neighbour, if it is one.
    pub fn tokens_of(&self, neighbour: PeerId) -> Option<u16> {
        self.place_of(neighbour).map(|at| self.neighbours[at].tokens)
    }

    /// The neighbours of which it knows that they hold `item`.
    pub fn known_holders(&self, item: peerlab_model::ItemId) -> impl Iterator<Item = PeerId> {
        self.index.holders(item)
    }

    pub(super) fn place_of(&self, peer: PeerId) -> Option<usize> {
        self.neighbours.iter().position(|neighbour| neighbour.peer == peer)
    }

    pub(super) fn standings(&self) -> impl ExactSizeIterator<Item = Standing> + Clone {
        self.neighbours.iter().map(Neighbour::standing)
    }

    pub(super) fn degree(&self) -> u16 {
        self.neighbours.len() as u16
    }

    /// What a ping or pong to this neighbour says.
    pub(super) fn report_to(&self, at: usize) -> Report {
        Report { degree: self.degree(), tokens: self.neighbours[at].tokens, version: self.version }
    }

    /// A new neighbour, or one that begins anew.
    pub(super) fn link(&mut self, peer: PeerId, told: Told, tokens: u16) -> &mut Neighbour {
        let at = self.place_of(peer).unwrap_or(self.neighbours.len());
        if at == self.neighbours.len() {
            let is_free = |slot: &u8| self.neighbours.iter().all(|other| other.slot != *slot);
            let slot = (0..u8::MAX).find(is_free).expect("there are fewer neighbours than slots");
            self.neighbours.reserve_exact(1);
            self.neighbours.push(Neighbour::new(peer, told, slot, tokens));
            self.hosts.retain(|&(host, _)| host != peer);
        } else {
            self.neighbours[at] = Neighbour::new(peer, told, self.neighbours[at].slot, tokens);
        }
        &mut self.neighbours[at]
    }

    /// Forgets a neighbour and what it holds; nothing if it was none.
    pub(super) fn unlink(&mut self, peer: PeerId) -> Option<Neighbour> {
        let at = self.place_of(peer)?;
        self.index.forget(peer);
        Some(self.neighbours.swap_remove(at))
    }

    /// Keeps an address in the host cache, in the place of a random other one if it is full.
    pub(super) fn learn(&mut self, host: (PeerId, Capacity), this: PeerId, room: usize, rng: &mut Rng) {
        if host.0 == this || self.place_of(host.0).is_some() {
            return;
        }
        if let Some(known) = self.hosts.iter_mut().find(|known| known.0 == host.0) {
            known.1 = known.1.max(host.1);
        } else {
            hosts::keep(&mut self.hosts, host, room, rng);
        }
    }

    /// Takes somebody to connect to out of the host cache, or out of those whom gossip has brought: of a few random ones the strongest, if it is
    /// stronger than this peer, else any one of them (section 3.1).
    pub(super) fn take_candidate(&mut self, few: u8, own: Capacity, rng: &mut Rng) -> Option<PeerId> {
        let Some(views) = &mut self.views else {
            let at = choose(&mut self.hosts, few, own, rng)?;
            return Some(self.hosts.swap_remove(at).0);
        };
        let known: Vec<PeerId> = views.member.known().collect();
        views.tried.retain(|peer| known.contains(peer));
        let is_new = |peer: &PeerId| !views.tried.contains(peer) && self.neighbours.iter().all(|neighbour| neighbour.peer != *peer);
        let told = |peer: PeerId| self.hosts.iter().find(|host| host.0 == peer).map_or(0, |host| host.1);
        let mut candidates: Vec<_> = known.into_iter().filter(is_new).map(|peer| (peer, told(peer))).collect();
        let Some(at) = choose(&mut candidates, few, own, rng) else {
            views.tried.clear();
            return None;
        };
        views.tried.push(candidates[at].0);
        Some(candidates[at].0)
    }

    /// Addresses to tell `asker`: a neighbour, and others from the host cache.
    pub(super) fn advise(&self, asker: PeerId, rng: &mut Rng) -> Hosts {
        let mut hosts = Hosts::default();
        let neighbour = rng.pick(&self.neighbours).map(|neighbour| (neighbour.peer, neighbour.capacity));
        let cached = [rng.pick(&self.hosts).copied(), rng.pick(&self.hosts).copied()];
        for host in [neighbour].into_iter().chain(cached).flatten().filter(|host| host.0 != asker) {
            hosts.add(host);
        }
        hosts
    }

    pub(super) fn bytes(&self) -> usize {
        self.neighbours.len() * size_of::<Neighbour>()
            + self.hosts.len() * 8
            + self.views.as_ref().map_or(0, |views| views.member.bytes() + views.tried.len() * 4)
            + self.index.bytes()
            + self.seen.bytes()
            + self.waiting.len() * size_of::<Waiting>()
            + self.questions.len() * size_of::<Question>()
            + self.connecting.len() * 8
    }
}

/// Brings `hosts` into random order; where among the first few the strongest is, if it is stronger than `own`, else the first, which is any of them.
fn choose(hosts: &mut [(PeerId, Capacity)], few: u8, own: Capacity, rng: &mut Rng) -> Option<usize> {
    rng.shuffle(hosts);
    let few = hosts.len().min(usize::from(few));
    let strongest = (0..few).max_by_key(|&at| (hosts[at].1, std::cmp::Reverse(at)))?;
    Some(if hosts[strongest].1 > own { strongest } else { 0 })
}

//! What one peer knows.

use std::collections::VecDeque;
use std::sync::Arc;

use peerlab_model::{LookupId, PeerId, Span, Time};

use super::message::{ANY, Bulletin, Goal, Query};
use super::space::Space;
use super::zone::{Torus, Zone};
use crate::publisher::Publisher;
use crate::records::{Record, Records};
use crate::structured::newcomers::Newcomers;

/// One peer of a CAN.
#[derive(Clone, Debug)]
pub struct CanPeer {
    /// The first reality, which most have alone.
    first: Space,
    more: Vec<Space>,
    /// What most peers do not need all the time.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    /// The world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
    /// The timer for its name runs.
    pub(super) named: bool,
    /// How many updates it has sent: some things are done less often.
    pub(super) ticks: u8,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "whom it was sent to and when, and what the variant says")]
pub enum Pending {
    /// A question of anybody's that was passed on.
    Hop { to: PeerId, query: Query, sent: Time },
    /// A question of this peer's own.
    Own { query: Query, purpose: Purpose, tries: u8 },
    /// Is it there, what are its zones, and how far away is it?
    Check { to: PeerId, realm: u8, sent: Time, why: Why, tries: u8 },
    /// A zone for somebody else.
    Give { to: PeerId, realm: u8, zone: Zone, tries: u8 },
    /// A zone that somebody else may have to itself.
    Cede { to: PeerId, realm: u8, zone: Zone },
    /// A record to be stored; `name`: this peer's own.
    Store { to: PeerId, name: bool },
}

/// Why a peer wants to hear from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Others say that it is a neighbour.
    Candidate,
    /// It has been silent.
    Suspicion,
}

/// What a peer does with the answer to its own question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Lookup of a key.
    Key,
    /// Lookup of a peer.
    Peer(PeerId),
    /// Lookup of an item.
    Item,
    /// To get a zone in this reality.
    Join(u8),
    /// To find out who is at a point next to its own zone, or at its own.
    Probe(u8),
    /// To register an item in this reality.
    Publish(u8),
    /// To take a registration in this reality back.
    Withdraw(u8),
    /// To register this peer's own name.
    Name,
    /// To offer a value that this peer keeps to its owner.
    Offer,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key => Goal::Owner,
            Self::Peer(_) | Self::Item => Goal::Providers,
            Self::Join(_) => Goal::Join,
            Self::Probe(_) | Self::Publish(_) | Self::Withdraw(_) | Self::Name | Self::Offer => Goal::Contact,
        }
    }

    pub(super) fn realm(self) -> u8 {
        match self {
            Self::Key | Self::Peer(_) | Self::Item | Self::Offer => ANY,
            Self::Join(realm) | Self::Probe(realm) | Self::Publish(realm) | Self::Withdraw(realm) => realm,
            Self::Name => 0,
        }
    }
}

/// Peers that are known to be dead at most.
const DEAD_MAX: usize = 32;

/// A neighbour that failed, while the timer for its zones runs.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) realm: u8,
    pub(super) dead: PeerId,
    pub(super) zones: Vec<Zone>,
    pub(super) bulletin: Option<Arc<Bulletin>>,
}

/// Zones that this peer has taken over: should a smaller one have done so as well, it goes first.
#[derive(Clone, Debug)]
pub(super) struct TakenOver {
    pub(super) realm: u8,
    pub(super) dead: PeerId,
    pub(super) zones: Vec<Zone>,
    pub(super) volume: u64,
    pub(super) at: Time,
}

/// A place next to this peer's zones of which nobody is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    pub(super) realm: u8,
    pub(super) zone: Zone,
    /// Updates sent since it was noticed.
    pub(super) age: u8,
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Whom a check is on its way to.
    pub(super) checking: Vec<PeerId>,
    /// Who did not answer, and when; the oldest first.
    dead: VecDeque<(PeerId, Time)>,
    pub(super) failed: Vec<Failed>,
    pub(super) taken: Vec<TakenOver>,
    pub(super) holes: Vec<Hole>,
    /// Zones that are being ceded to somebody.
    pub(super) ceding: Vec<(u8, Zone, PeerId)>,
    /// Records that this peer keeps for others: holders of items, and names.
    pub(super) records: Records,
    /// Values that it keeps, where peers keep values.
    pub(super) values: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// Who has registered its name.
    pub(super) registrar: Option<PeerId>,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
}

impl Extra {
    pub(super) fn bury(&mut self, peer: PeerId, now: Time) {
        self.revive(peer);
        if self.dead.len() == DEAD_MAX {
            self.dead.pop_front();
        }
        self.dead.push_back((peer, now));
    }

    pub(super) fn revive(&mut self, peer: PeerId) {
        self.dead.retain(|&(dead, _)| dead != peer);
    }
}

impl CanPeer {
    pub(super) fn new(id: PeerId, realities: u8) -> Self {
        let more = vec![Space::new(); usize::from(realities.max(1)) - 1];
        Self { first: Space::new(), more, extra: None, id, announced: false, ticking: false, named: false, ticks: 0 }
    }

    #[inline]
    pub(super) fn space(&self, realm: u8) -> Option<&Space> {
        if realm == 0 { Some(&self.first) } else { self.more.get(usize::from(realm) - 1) }
    }

    #[inline]
    pub(super) fn space_mut(&mut self, realm: u8) -> Option<&mut Space> {
        if realm == 0 { Some(&mut self.first) } else { self.more.get_mut(usize::from(realm) - 1) }
    }

    /// All realities, with their numbers.
    #[inline]
    pub(super) fn spaces(&self) -> impl Iterator<Item = (u8, &Space)> {
        std::iter::once((0, &self.first)).chain((1..).zip(&self.more))
    }

    pub(super) fn spaces_mut(&mut self) -> impl Iterator<Item = (u8, &mut Space)> {
        std::iter::once((0, &mut self.first)).chain((1..).zip(&mut self.more))
    }

    pub(super) fn realms(&self) -> std::ops::RangeInclusive<u8> {
        0..=self.more.len() as u8
    }

    /// True if it has a zone somewhere: it answers, and routes.
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.first.is_ready() || self.more.iter().any(Space::is_ready)
    }

    /// True if it can take part in what concerns this reality (or any).
    pub(super) fn is_ready(&self, realm: u8) -> bool {
        if realm == ANY { self.is_active() } else { self.space(realm).is_some_and(Space::is_ready) }
    }

    /// The reality that it has no zone in.
    pub(super) fn missing(&self) -> Option<u8> {
        self.spaces().find(|(_, space)| !space.is_ready()).map(|(realm, _)| realm)
    }

    /// True if it owns a key in some reality.
    pub(super) fn owns(&self, key: peerlab_model::Key) -> bool {
        self.spaces().any(|(_, space)| space.owns(key))
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// True if it did not answer less than `memory` ago.
    pub(super) fn is_dead(&self, peer: PeerId, now: Time, memory: Span) -> bool {
        self.extra.as_deref().is_some_and(|extra| extra.dead.iter().any(|&(dead, since)| dead == peer && now.since(since) < memory))
    }
}

// For measurement and tests.
impl CanPeer {
    /// Its zones in a reality.
    pub fn zones(&self, realm: u8) -> &[Zone] {
        self.space(realm).map_or(&[], Space::zones)
    }

    /// Its neighbours in a reality, with those of their zones that touch its own.
    pub fn neighbours(&self, realm: u8) -> Vec<(PeerId, Zone)> {
        self.space(realm).map_or_else(Vec::new, |space| space.neighbours().iter().map(|other| (other.peer, other.zone)).collect())
    }

    /// The records that it keeps for others, and its own.
    pub fn records(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.records)
    }

    /// The values that it keeps, where peers keep values.
    pub fn values(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.values)
    }

    pub(super) fn state_bytes(&self) -> usize {
        let extra = self.extra.as_deref().map_or(0, |extra| {
            // Whoever keeps no values has no list of them.
            size_of::<Extra>() - size_of::<Records>()
                + (extra.records.len() + extra.values.len()) * size_of::<Record>()
                + extra.publisher.bytes()
                + extra.checking.len() * size_of::<PeerId>()
                + extra.dead.len() * size_of::<(PeerId, Time)>()
                + extra.failed.len() * size_of::<Failed>()
                + extra.taken.len() * size_of::<TakenOver>()
                + extra.holes.len() * size_of::<Hole>()
        });
        let spaces: usize = self.spaces().map(|(_, space)| space.state_bytes()).sum();
        size_of::<Self>() + self.more.len() * size_of::<Space>() + spaces + extra
    }

    pub(super) fn check(&self, torus: &Torus) -> Result<(), String> {
        self.spaces().try_for_each(|(_, space)| space.check(torus, self.id))
    }
}

/// Stands in messages of maintenance where a lookup's number would be.
pub(super) const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

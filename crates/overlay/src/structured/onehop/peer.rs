//! What one peer knows.

use std::sync::Arc;

use peerlab_model::{Key, LookupId, Numbering, PeerId, Time};

use super::message::{Event, Goal, Silent, Way};
use super::table::Table;
use crate::publisher::Publisher;
use crate::records::Records;
use crate::structured::newcomers::Newcomers;

/// One peer that knows all the others.
#[derive(Clone, Debug)]
pub struct OneHopPeer {
    /// All members, this peer included once it is one.
    pub(super) table: Table,
    /// Events that travel to the successor, and to the predecessor, with the next keep-alive.
    pub(super) outboxes: [Outbox; 2],
    /// What most peers do not need: leadership, content, suspicions, the attempts to join.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    /// It is a member: it answers, and its table counts.
    pub(super) active: bool,
    /// Its neighbours know it, so that questions for its keys reach it: the world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
}

/// Events that wait for a keep-alive in one direction.
#[derive(Clone, Debug, Default)]
pub(super) struct Outbox {
    pub(super) events: Vec<Event>,
    /// Whose answer to a keep-alive is awaited.
    pub(super) waiting_for: Option<PeerId>,
}

/// Towards the successor, and towards the predecessor.
pub(super) const UP: usize = 0;
pub(super) const DOWN: usize = 1;

/// A request in flight.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "whom it was sent to, how often, and what the variant says")]
pub enum Pending {
    /// A question of this peer's own.
    Ask(Search),
    /// A keep-alive, with the events that it carries.
    KeepAlive { to: PeerId, up: bool, sent: u8, events: Option<Arc<[Event]>> },
    /// Events for a leader.
    Batch { to: PeerId, way: Way, ttl: u8, sent: u8, events: Arc<[Event]> },
    /// Is it there?
    Ping { to: PeerId, sent: u8 },
    /// A comparison of tables.
    Compare { with: PeerId, index: u32, bits: u8 },
}

/// A question and how far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub(super) key: Key,
    pub(super) lookup: LookupId,
    pub(super) purpose: Purpose,
    pub(super) began: Time,
    /// Who is being asked.
    pub(super) at: PeerId,
    pub(super) silent: Silent,
    /// Links from the origin to `at`, in the tree of referrals.
    pub(super) depth: u8,
    /// Questions sent so far, and to `at` alone.
    pub(super) asks: u8,
    pub(super) attempts: u8,
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
    /// To become a member, or to look for other members.
    Join,
    /// To register an item.
    Publish,
    /// To take a registration back.
    Withdraw,
    /// Lookup of an item whose value its owner has lost: of a replica.
    Copy,
}

impl Purpose {
    /// It is one of the registrations that are under way.
    pub(super) fn is_publication(self) -> bool {
        matches!(self, Self::Publish | Self::Withdraw)
    }

    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key | Self::Peer(_) => Goal::Owner,
            Self::Item => Goal::Providers,
            Self::Join => Goal::Join,
            Self::Publish => Goal::Store,
            Self::Withdraw => Goal::Remove,
            Self::Copy => Goal::Copy,
        }
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Who did not answer and is being pinged: questions go round them until it is clear what is the matter.
    pub(super) suspects: Vec<PeerId>,
    /// The events of this peer's slice that it tells the other slices, as their leader.
    pub(super) log: Log,
    /// Events that it tells the leaders of its units.
    pub(super) dispatch: Vec<Event>,
    /// The timer for that runs.
    pub(super) dispatching: bool,
    /// Records that this peer keeps for others.
    pub(super) records: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
    /// A newcomer's first keep-alives that are still open.
    pub(super) waiting: u8,
}

/// A slice leader's events for the other slices, each of which is told at a time of its own (paper, section 3.1).
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) events: Vec<Event>,
    /// For each slice, how many of them it has been told.
    pub(super) told: Vec<u32>,
    /// The slice whose turn it is.
    pub(super) next: u32,
    pub(super) ticking: bool,
}

impl Log {
    /// Notes events for all slices.
    pub(super) fn add(&mut self, slices: u32, events: &[Event]) {
        self.told.resize(slices as usize, 0);
        self.events.extend_from_slice(events);
    }

    /// What a slice has not been told yet.
    pub(super) fn untold(&self, slice: u32) -> &[Event] {
        &self.events[self.told[slice as usize] as usize..]
    }

    /// A slice knows all now; what all of them know is forgotten.
    pub(super) fn tell(&mut self, slice: u32) {
        self.told[slice as usize] = self.events.len() as u32;
        let known = self.told.iter().copied().min().unwrap_or(0);
        self.events.drain(..known as usize);
        self.told.iter_mut().for_each(|told| *told -= known);
    }
}

impl OneHopPeer {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            table: Table::default(),
            outboxes: [Outbox::default(), Outbox::default()],
            extra: None,
            id,
            active: false,
            announced: false,
            ticking: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(super) fn is_suspect(&self, peer: PeerId) -> bool {
        self.extra.as_deref().is_some_and(|extra| extra.suspects.contains(&peer))
    }

    /// The peer `steps` places after this one on the ring; itself if there are so few.
    pub(super) fn after(&self, numbering: Numbering, steps: usize) -> PeerId {
        if self.table.len() <= steps {
            return self.id;
        }
        self.table.at(self.table.position(numbering, numbering.key(self.id)) + steps)
    }

    /// The successor, and the predecessor; nobody if this peer is alone.
    pub(super) fn neighbours(&self, numbering: Numbering) -> Option<[PeerId; 2]> {
        let count = self.table.len();
        if count < 2 {
            return None;
        }
        let at = self.table.position(numbering, numbering.key(self.id));
        Some([self.table.at(at + 1), self.table.at(at + count - 1)])
    }

    /// The first member at or after a key, but for those that `avoid` names; this peer itself, if no other is left.
    pub(super) fn owner(&self, numbering: Numbering, key: Key, avoid: impl Fn(PeerId) -> bool) -> PeerId {
        let first = self.table.successor(numbering, key);
        if !avoid(first) {
            return first;
        }
        self.table.from(numbering, key).find(|&peer| !avoid(peer)).unwrap_or(self.id)
    }

    /// True if this peer is the first member at or after the key.
    pub(super) fn owns(&self, numbering: Numbering, key: Key) -> bool {
        self.table.successor(numbering, key) == self.id
    }
}

// For measurement and tests.
impl OneHopPeer {
    /// All members that it knows, itself included, in the order of their keys.
    pub fn members(&self) -> &[PeerId] {
        self.table.list()
    }

    /// True if it is a member.
    pub fn is_member(&self) -> bool {
        self.active
    }

    /// Events that it still has to pass on, in any part that it plays.
    pub fn undelivered(&self) -> usize {
        let waiting: usize = self.outboxes.iter().map(|outbox| outbox.events.len()).sum();
        waiting + self.extra.as_deref().map_or(0, |extra| extra.log.events.len() + extra.dispatch.len())
    }

    /// The records that it keeps for others, and its own.
    pub fn records(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.records)
    }

    /// Each peer's table counts as its own, though equal ones may be one in memory.
    pub(super) fn state_bytes(&self) -> usize {
        let extra = self.extra.as_deref().map_or(0, |extra| {
            size_of::<Extra>()
                + extra.records.len() * size_of::<crate::records::Record>()
                + extra.publisher.bytes()
                + extra.suspects.len() * size_of::<PeerId>()
                + extra.log.told.len() * size_of::<u32>()
        });
        size_of::<Self>() + self.table.len() * size_of::<PeerId>() + self.undelivered() * size_of::<Event>() + extra
    }

    /// The table is in order, without a peer twice, and has this peer if it is a member.
    pub(super) fn check(&self, numbering: Numbering) -> Result<(), String> {
        let list = self.table.list();
        if !list.windows(2).all(|pair| numbering.key(pair[0]) < numbering.key(pair[1])) {
            return Err(format!("{:?}: its table is out of order: {list:?}", self.id));
        }
        if self.active && !self.table.contains(numbering, self.id) {
            return Err(format!("{:?} is a member and not in its own table", self.id));
        }
        Ok(())
    }
}

/// Stands in messages of maintenance where a lookup's number would be.
pub(super) const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

//! What OneHop's peers say to each other.
//!
//! At most 48 bytes each (asserted in the tests), and copied without allocation: lists are shared by reference count.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, LookupId, Message, PeerId, Token};

use crate::records::Record;
use crate::repair::{Comparison, values};

/// A change of membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Who has come or gone.
    pub peer: PeerId,
    /// It has come.
    pub joined: bool,
}

/// Events in a message; most keep-alives carry none.
pub type Events = Option<Arc<[Event]>>;

/// Peers that one question names as silent at most; the oldest is forgotten.
pub(super) const SILENT_MAX: usize = 3;

/// The peers that did not answer a question so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Silent([Option<PeerId>; SILENT_MAX]);

impl Silent {
    pub(super) fn add(&mut self, peer: PeerId) {
        if !self.contains(peer) {
            self.0.rotate_right(1);
            self.0[0] = Some(peer);
        }
    }

    #[inline]
    pub(super) fn contains(self, peer: PeerId) -> bool {
        self.0.contains(&Some(peer))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = PeerId> {
        self.0.into_iter().flatten()
    }

    fn count(self) -> u32 {
        self.iter().count() as u32
    }
}

/// What a question wants of the key's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: whether it is the owner.
    Owner,
    /// A lookup: whom it has registered as holders.
    Providers,
    /// Maintenance: it shall register the asker as a holder.
    Store,
    /// Maintenance: it shall forget the asker as a holder.
    Remove,
    /// Maintenance: a newcomer wants the table of its successor.
    Join,
    /// A lookup: the value that a replica keeps; its owner has lost it.
    Copy,
}

impl Goal {
    #[inline]
    pub(super) fn cause(self, lookup: LookupId) -> Cause {
        match self {
            Self::Owner | Self::Providers | Self::Copy => Cause::Lookup(lookup),
            Self::Store | Self::Remove | Self::Join => Cause::Maintenance,
        }
    }
}

/// The way of a batch of events from one leader to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From whoever noticed them to the leader of its slice.
    Report,
    /// From a slice leader to another one.
    Exchange,
    /// From a slice leader to a unit leader.
    Dispatch,
}

/// The messages of OneHop. A sender's overlay id follows from its address.
#[derive(Clone, Debug, Hash)]
#[expect(missing_docs, reason = "tokens of the sender's request, the lookup that a message belongs to, and what the variant says")]
pub enum OneHopMessage {
    /// A question for the owner of a key. `silent` did not answer it.
    Ask { key: Key, lookup: LookupId, token: Token, silent: Silent, goal: Goal },
    /// "I own the key" (and have done what was asked).
    Owner { lookup: LookupId, token: Token, goal: Goal },
    /// The registered holders of an item, from the owner of its key.
    Providers { holders: Arc<[PeerId]>, lookup: LookupId, token: Token },
    /// "The owner is `to`."
    Redirect { to: PeerId, lookup: LookupId, token: Token, goal: Goal },
    /// "I am no member": the answer of a peer that is still joining to whatever it is asked. `lowest` helps newcomers who meet nobody
    /// but newcomers to agree on who begins.
    Refuse { lowest: PeerId, lookup: LookupId, token: Token, goal: Goal },
    /// All members, for a newcomer, from its successor.
    Table { members: Arc<Vec<PeerId>>, token: Token },
    /// To the successor (`up`) or to the predecessor, with events that travel in that direction.
    KeepAlive { events: Events, token: Token, up: bool },
    /// The answer to a keep-alive; `between` lies between the two peers.
    Alive { token: Token, between: Option<PeerId> },
    /// Events on their way between leaders; who is not the leader that it should be passes them on `ttl` more times.
    Batch { events: Arc<[Event]>, token: Token, way: Way, ttl: u8 },
    /// A batch has arrived.
    Ack { token: Token },
    /// Are you there?
    Ping { token: Token },
    /// I am, and a member.
    Pong { token: Token },
    /// A digest of my members in the `index`-th of 2^`bits` equal parts of the ring.
    Compare { digest: u32, index: u32, bits: u8, token: Token },
    /// Mine is the same.
    Same { token: Token },
    /// Mine is another one: these are my members there.
    Members { members: Arc<[PeerId]>, token: Token },
    /// Goodbye.
    Leave,
    /// Records that are yours to keep from now on.
    HandOver { records: Arc<[Record]> },
    /// A copy of a record, for a replica.
    Replicate { record: Record },
    /// A record that a replica shall forget.
    Retract { key: Key, holder: PeerId },
    /// Of values that both keep, or should.
    Repair(Comparison),
}

impl Message for OneHopMessage {
    const KINDS: &'static [&'static str] = &[
        "ask",
        "owner",
        "providers",
        "redirect",
        "refuse",
        "table",
        "keep-alive",
        "alive",
        "report",
        "exchange",
        "dispatch",
        "ack",
        "ping",
        "pong",
        "compare",
        "same",
        "members",
        "leave",
        "hand-over",
        "replicate",
        "retract",
        Comparison::KINDS[0],
        Comparison::KINDS[1],
        Comparison::KINDS[2],
        Comparison::KINDS[3],
    ];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Ask { .. } => 0,
            Self::Owner { .. } => 1,
            Self::Providers { .. } => 2,
            Self::Redirect { .. } => 3,
            Self::Refuse { .. } => 4,
            Self::Table { .. } => 5,
            Self::KeepAlive { .. } => 6,
            Self::Alive { .. } => 7,
            Self::Batch { way: Way::Report, .. } => 8,
            Self::Batch { way: Way::Exchange, .. } => 9,
            Self::Batch { way: Way::Dispatch, .. } => 10,
            Self::Ack { .. } => 11,
            Self::Ping { .. } => 12,
            Self::Pong { .. } => 13,
            Self::Compare { .. } => 14,
            Self::Same { .. } => 15,
            Self::Members { .. } => 16,
            Self::Leave => 17,
            Self::HandOver { .. } => 18,
            Self::Replicate { .. } => 19,
            Self::Retract { .. } => 20,
            Self::Repair(comparison) => 21 + comparison.kind(),
        }
    }

    /// A byte for the kind, 4 for each token, 1 for a goal, a direction, a ttl; an event is a contact and a byte; 4 for the rest of a
    /// record's life. A digest of a part of the table counts as a key: so p2psim's format does not give it away for nothing. The lookup's
    /// id is the simulator's label and costs nothing; what it does for the protocol is done by the tokens.
    #[inline]
    fn fields(&self) -> Fields {
        let list = |list: &[PeerId]| list.len() as u32;
        let events = |events: &[Event]| events.len() as u32;
        match self {
            Self::Ask { silent, goal, .. } => Fields::bytes(6).keys(1).contacts(silent.count()).records(u32::from(*goal == Goal::Store)),
            Self::Owner { .. } | Self::KeepAlive { events: None, .. } => Fields::bytes(6),
            Self::Providers { holders, .. } => Fields::bytes(5).contacts(list(holders)).records(u32::from(!holders.is_empty())),
            Self::Redirect { .. } | Self::Refuse { .. } => Fields::bytes(6).contacts(1),
            Self::Table { members, .. } => Fields::bytes(5).contacts(list(members)),
            Self::Alive { between, .. } => Fields::bytes(5).contacts(u32::from(between.is_some())),
            Self::KeepAlive { events: Some(list), .. } | Self::Batch { events: list, .. } => {
                Fields::bytes(6 + events(list)).contacts(events(list))
            }
            Self::Ack { .. } | Self::Ping { .. } | Self::Pong { .. } | Self::Same { .. } => Fields::bytes(5),
            Self::Compare { .. } => Fields::bytes(10).keys(1),
            Self::Members { members, .. } => Fields::bytes(5).contacts(list(members)),
            Self::Leave => Fields::bytes(1),
            Self::HandOver { records } => values(records),
            Self::Replicate { .. } => Fields::bytes(5).keys(1).contacts(1).records(1),
            Self::Retract { .. } => Fields::bytes(1).keys(1).contacts(1),
            Self::Repair(comparison) => comparison.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match *self {
            Self::Ask { lookup, goal, .. }
            | Self::Owner { lookup, goal, .. }
            | Self::Redirect { lookup, goal, .. }
            | Self::Refuse { lookup, goal, .. } => goal.cause(lookup),
            Self::Providers { lookup, .. } => Cause::Lookup(lookup),
            _ => Cause::Maintenance,
        }
    }
}

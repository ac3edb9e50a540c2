//! What the peers of a Tapestry network say to each other.
//!
//! At most 32 bytes each (asserted in the tests): what is bigger is boxed, and lists are shared by reference count.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, LookupId, Message, PeerId, Token};

use crate::records::Record;
use crate::repair::{Comparison, values};

/// A question on its way to the root of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The key whose root is wanted.
    pub key: Key,
    /// The lookup that it belongs to; means nothing for maintenance.
    pub lookup: LookupId,
    /// Who wants to know.
    pub origin: PeerId,
    /// Names the question at its origin.
    pub ask: Token,
    /// Links crossed so far.
    pub hops: u8,
    /// What is wanted.
    pub goal: Goal,
}

/// What a question wants on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: who is the root.
    Owner,
    /// A lookup: a holder, from the first peer on the way that has a pointer to one.
    Providers,
    /// Maintenance: every peer on the way shall keep a pointer to the origin.
    Publish,
    /// Maintenance: every peer on the way shall forget its pointer to the origin.
    Withdraw,
    /// Maintenance: a newcomer wants its surrogate, and that one's links.
    Join,
    /// Maintenance: a member looks for peers of its own prefix that it does not know.
    Locate,
    /// Maintenance: who is the root.
    Root,
}

impl Goal {
    /// What messages with this goal are sent for.
    #[inline]
    pub(super) fn cause(self, lookup: LookupId) -> Cause {
        match self {
            Self::Owner | Self::Providers => Cause::Lookup(lookup),
            Self::Publish | Self::Withdraw | Self::Join | Self::Locate | Self::Root => Cause::Maintenance,
        }
    }
}

/// A question for an item, redirected to a holder.
#[derive(Clone, Debug, Hash)]
pub struct Redirect {
    /// The question.
    pub query: Query,
    /// Names this hop at the peer that had the pointer.
    pub hop: Token,
    /// Other holders that it has pointers to.
    pub others: Vec<PeerId>,
}

/// The messages of Tapestry. A sender's overlay id follows from its address.
#[derive(Clone, Debug, Hash)]
#[expect(missing_docs, reason = "the fields are those of `Query`, tokens of the sender's request, and what the variant says")]
pub enum TapestryMessage {
    /// A question, one link nearer to the root of its key, or at it.
    Forward { key: Key, lookup: LookupId, origin: PeerId, ask: Token, hop: Token, hops: u8, goal: Goal },
    /// The question has arrived.
    Ack { hop: Token, lookup: LookupId, goal: Goal },
    /// "I am no member", or "I do not hold this". `lowest` helps newcomers who meet nobody but newcomers to agree on who begins.
    Refuse { token: Token, lookup: LookupId, lowest: PeerId, goal: Goal },
    /// "I am the root of the key."
    Found { lookup: LookupId, ask: Token, hops: u8, goal: Goal },
    /// A pointer to you: somebody wants to know whether you hold this.
    Redirect(Box<Redirect>),
    /// "I hold it, and so do these, I hear"; or, from the root, "nobody does".
    Providers { holders: Arc<[PeerId]>, lookup: LookupId, ask: Token, hops: u8 },
    /// A newcomer's surrogate gives one of its lower levels.
    Preliminary { contacts: Arc<[PeerId]> },
    /// "I am your surrogate; these share as many digits with you as I do, or more."
    Surrogate { contacts: Arc<[PeerId]>, ask: Token },
    /// A newcomer's tables work: all that need to know shall know of it.
    Insert { token: Token },
    /// They do.
    Inserted { token: Token },
    /// A newcomer is here: tell all that you know with the first `level` digits of yours.
    Multicast { newcomer: PeerId, level: u8, token: Token },
    /// I have heard of it; `done`: and so have all below me.
    MulticastAck { token: Token, done: bool },
    /// "I have heard of you": a newcomer's first list of neighbours.
    Reached,
    /// Whom do you link to at this level, and (`back`) who links to you?
    GetPointers { level: u8, back: bool, token: Token },
    /// These.
    Pointers { contacts: Arc<[PeerId]>, token: Token },
    /// Are you there? From a member, or from a newcomer; from somebody who links to you, or not.
    Probe { token: Token, member: bool, linked: bool },
    /// I am.
    ProbeAck { token: Token },
    /// I link to you now.
    Linked,
    /// I no longer do.
    Unlinked,
    /// Goodbye, and who may take my place among your links.
    Leave { replacements: Arc<[PeerId]> },
    /// Object pointers that lie on your part of the way to their root from now on; `leaving`: the sender says goodbye.
    HandOver { records: Arc<[Record]>, leaving: bool },
    /// A value, for the root of its key.
    Store { key: Key, token: Token },
    /// Noted.
    Stored { token: Token },
    /// Of values that both keep, or should.
    Repair(Comparison),
}

impl TapestryMessage {
    pub(super) fn forward(hop: Token, q: Query) -> Self {
        Self::Forward { key: q.key, lookup: q.lookup, origin: q.origin, ask: q.ask, hop, hops: q.hops, goal: q.goal }
    }
}

impl Message for TapestryMessage {
    const KINDS: &'static [&'static str] = &[
        "forward",
        "ack",
        "refuse",
        "found",
        "redirect",
        "providers",
        "preliminary",
        "surrogate",
        "insert",
        "inserted",
        "multicast",
        "multicast-ack",
        "reached",
        "get-pointers",
        "pointers",
        "probe",
        "probe-ack",
        "linked",
        "unlinked",
        "leave",
        "hand-over",
        "store",
        "stored",
        Comparison::KINDS[0],
        Comparison::KINDS[1],
        Comparison::KINDS[2],
        Comparison::KINDS[3],
    ];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Forward { .. } => 0,
            Self::Ack { .. } => 1,
            Self::Refuse { .. } => 2,
            Self::Found { .. } => 3,
            Self::Redirect(_) => 4,
            Self::Providers { .. } => 5,
            Self::Preliminary { .. } => 6,
            Self::Surrogate { .. } => 7,
            Self::Insert { .. } => 8,
            Self::Inserted { .. } => 9,
            Self::Multicast { .. } => 10,
            Self::MulticastAck { .. } => 11,
            Self::Reached => 12,
            Self::GetPointers { .. } => 13,
            Self::Pointers { .. } => 14,
            Self::Probe { .. } => 15,
            Self::ProbeAck { .. } => 16,
            Self::Linked => 17,
            Self::Unlinked => 18,
            Self::Leave { .. } => 19,
            Self::HandOver { .. } => 20,
            Self::Store { .. } => 21,
            Self::Stored { .. } => 22,
            Self::Repair(comparison) => 23 + comparison.kind(),
        }
    }

    /// A byte for the kind, 4 for each token, 1 for a hop count, a goal, a level or a flag, 4 for the rest of a pointer's life. The lookup's
    /// id is the simulator's label and costs nothing; what it does for the protocol is done by the tokens.
    #[inline]
    fn fields(&self) -> Fields {
        let list = |list: &[PeerId]| list.len() as u32;
        match self {
            Self::Forward { .. } => Fields::bytes(11).keys(1).contacts(1),
            Self::Redirect(redirect) => Fields::bytes(10).keys(1).contacts(1 + list(&redirect.others)),
            Self::Ack { .. } | Self::ProbeAck { .. } | Self::Insert { .. } | Self::Inserted { .. } | Self::Stored { .. } => {
                Fields::bytes(5)
            }
            Self::Store { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Repair(comparison) => comparison.fields(),
            Self::MulticastAck { .. } => Fields::bytes(6),
            Self::Probe { .. } | Self::GetPointers { .. } | Self::Found { .. } => Fields::bytes(7),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            Self::Multicast { .. } => Fields::bytes(6).contacts(1),
            Self::Providers { holders, .. } => Fields::bytes(6).contacts(list(holders)).records(u32::from(!holders.is_empty())),
            Self::Surrogate { contacts, .. } | Self::Pointers { contacts, .. } => Fields::bytes(5).contacts(list(contacts)),
            Self::Preliminary { contacts } | Self::Leave { replacements: contacts } => Fields::bytes(1).contacts(list(contacts)),
            Self::Reached | Self::Linked | Self::Unlinked => Fields::bytes(1),
            Self::HandOver { records, .. } => {
                let fields = values(records);
                Fields { bytes: fields.bytes + 1, ..fields }
            }
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match *self {
            Self::Forward { lookup, goal, .. }
            | Self::Ack { lookup, goal, .. }
            | Self::Refuse { lookup, goal, .. }
            | Self::Found { lookup, goal, .. } => goal.cause(lookup),
            Self::Providers { lookup, .. } => Cause::Lookup(lookup),
            Self::Redirect(ref redirect) => Cause::Lookup(redirect.query.lookup),
            _ => Cause::Maintenance,
        }
    }
}

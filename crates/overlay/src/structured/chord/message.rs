//! What peers of Chord's kind say to each other.
//!
//! In Chord at most 32 bytes each (asserted in the tests), and copied without allocation: lists are shared by reference count.

use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, Keywords, LookupId, Message, PeerId, Posting, Token};

use crate::postings;
use crate::records::Record;
use crate::repair::values;

/// The names of the shared kinds of message, and of more.
macro_rules! kinds {
    ($($more:literal),*) => {
        &[
            "forward",
            "deliver",
            "ack",
            "refuse",
            "found",
            "providers",
            "step",
            "step-avoiding",
            "step-next",
            "step-owners",
            "fetch",
            "get-neighbours",
            "neighbours",
            "notify",
            "ping",
            "pong",
            "get-fingers",
            "fingers",
            "leave",
            "hand-over",
            "store",
            "stored",
            "remove",
            "replicate",
            "pass-on",
            "retract",
            "offer",
            "want",
            "values",
            "spare",
            "search",
            "postings",
            $($more),*
        ]
    };
}
pub(crate) use kinds;

/// A question on its way to the owner of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<T> {
    /// The key whose owner is wanted.
    pub key: Key,
    /// The lookup that it belongs to; means nothing for maintenance.
    pub lookup: LookupId,
    /// Who wants to know.
    pub origin: PeerId,
    /// Names the question at its origin.
    pub ask: Token,
    /// Links crossed so far.
    pub hops: u16,
    /// What is wanted.
    pub goal: Goal,
    /// How far it is on its way, where the key alone does not say that.
    pub trail: T,
}

/// How far a question is on its way to the owner of its key. Chord's way follows from the key alone.
pub trait Trail: Copy + Debug + Default + Eq + Hash + Send + 'static {
    /// What it adds to a message.
    const FIELDS: Fields;
    /// The messages that only this model has.
    type Own: OwnMessage;
}

impl Trail for () {
    const FIELDS: Fields = Fields::bytes(0);
    type Own = Infallible;
}

/// Messages that one model has beside those of all models of its kind.
pub trait OwnMessage: Clone + Debug + Eq + Hash + Send + 'static {
    /// The names of all kinds: the shared ones first.
    const KINDS: &'static [&'static str];
    /// Which kind this one is: an index into `KINDS`.
    fn kind(&self) -> usize;
    /// What it carries.
    fn fields(&self) -> Fields;
    /// What it is sent for.
    fn cause(&self) -> Cause;
}

impl OwnMessage for Infallible {
    const KINDS: &'static [&'static str] = kinds![];

    fn kind(&self) -> usize {
        match *self {}
    }

    fn fields(&self) -> Fields {
        match *self {}
    }

    fn cause(&self) -> Cause {
        match *self {}
    }
}

/// What a question wants of the key's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: who it is.
    Owner,
    /// A lookup: whom it has registered as holders.
    Providers,
    /// Maintenance: a living owner, for a newcomer or for a provider record.
    Contact,
    /// Maintenance: who it is, for a finger or another shortcut.
    Finger,
}

impl Goal {
    /// What messages with this goal are sent for.
    #[inline]
    pub(crate) fn cause(self, lookup: LookupId) -> Cause {
        match self {
            Self::Owner | Self::Providers => Cause::Lookup(lookup),
            Self::Contact | Self::Finger => Cause::Maintenance,
        }
    }
}

/// Chord's messages.
pub type ChordMessage = RingMessage<()>;

/// The messages of models of Chord's kind. A sender's overlay id follows from its address (SHA-1 of it, as in the paper), so none carries its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `Query`, tokens of the sender's request, and what the variant says")]
pub enum RingMessage<T: Trail> {
    /// Semi-recursive and recursive: a question for a peer that precedes its key.
    Forward { key: Key, lookup: LookupId, origin: PeerId, ask: Token, hop: Token, hops: u16, goal: Goal, trail: T },
    /// The same: a question for the owner of its key, from the owner's predecessor.
    Deliver { key: Key, lookup: LookupId, origin: PeerId, ask: Token, hop: Token, hops: u16, goal: Goal },
    /// The same: the question has arrived.
    Ack { hop: Token, lookup: LookupId, goal: Goal },
    /// "I am no member": the answer of a peer that is still joining to whatever it is asked (`step`: by the
    /// iterative kinds). `lowest` helps newcomers who meet nobody but newcomers to agree on who begins the ring.
    Refuse { token: Token, lookup: LookupId, lowest: PeerId, goal: Goal, step: bool },
    /// The owner, in answer to a question.
    Found { lookup: LookupId, ask: Token, owner: PeerId, hops: u16, goal: Goal },
    /// The registered holders of an item, from the owner of its key.
    Providers { holders: Arc<[PeerId]>, lookup: LookupId, ask: Token, hops: u16 },
    /// Iterative: which contact of yours most closely precedes this key?
    Step { key: Key, lookup: LookupId, token: Token, goal: Goal, trail: T },
    /// Iterative: the same, but nearer to you than this contact of yours, which did not answer.
    StepAvoiding { key: Key, lookup: LookupId, token: Token, dead: PeerId, goal: Goal, trail: T },
    /// Iterative: ask that one.
    StepNext { lookup: LookupId, token: Token, next: PeerId, goal: Goal, trail: T },
    /// Iterative: the owner is among my successors.
    StepOwners { successors: Arc<[PeerId]>, lookup: LookupId, token: Token, goal: Goal },
    /// Iterative: the question for the owner itself.
    Fetch { key: Key, lookup: LookupId, token: Token, goal: Goal },
    /// Who are your predecessor and your successors?
    GetNeighbours { token: Token },
    /// These are.
    Neighbours { successors: Arc<[PeerId]>, predecessor: Option<PeerId>, token: Token },
    /// "I think that I am your predecessor."
    Notify,
    /// Are you there?
    Ping { token: Token },
    /// I am.
    Pong { token: Token },
    /// A newcomer asks its successor for its fingers, as a hint for its own.
    GetFingers,
    /// These are.
    Fingers { fingers: Arc<[PeerId]> },
    /// Goodbye, and whom I leave you with.
    Leave { successors: Arc<[PeerId]>, predecessor: Option<PeerId> },
    /// Records that are yours to keep from now on.
    HandOver { records: Arc<[Record]> },
    /// I hold the item at this key.
    Store { key: Key, token: Token },
    /// Noted.
    Stored { token: Token },
    /// I no longer hold the item at this key.
    Remove { key: Key },
    /// A copy of a record, for a replica.
    Replicate { record: Record },
    /// A new record whose key lies before you: for you, or for a newcomer before you of whom only you know.
    PassOn { record: Record },
    /// A record that a replica shall forget.
    Retract { key: Key, holder: PeerId },
    /// What only this model has.
    Own(T::Own),
    /// I keep these values. (Their keys travel.)
    Offer { records: Arc<[Record]> },
    /// Of those that you offered, I lack these.
    Want { keys: Arc<[Key]> },
    /// Here they are.
    Values { records: Arc<[Record]> },
    /// I own these and have them; you are none of their replicas.
    Spare { keys: Arc<[Key]> },
    /// By keyword: what has these words in its name, and who holds it? For the owner of the rarest word.
    Search { keywords: Keywords, lookup: LookupId, token: Token },
    /// These, in the order of the items.
    Postings { postings: Arc<[Posting]>, lookup: LookupId, token: Token },
}

impl<T: Trail> RingMessage<T> {
    #[inline]
    pub(super) fn forward(hop: Token, q: Query<T>) -> Self {
        Self::Forward { key: q.key, lookup: q.lookup, origin: q.origin, ask: q.ask, hop, hops: q.hops, goal: q.goal, trail: q.trail }
    }

    #[inline]
    pub(super) fn deliver(hop: Token, q: Query<T>) -> Self {
        Self::Deliver { key: q.key, lookup: q.lookup, origin: q.origin, ask: q.ask, hop, hops: q.hops, goal: q.goal }
    }
}

impl<T: Trail> Message for RingMessage<T> {
    const KINDS: &'static [&'static str] = <T::Own as OwnMessage>::KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Forward { .. } => 0,
            Self::Deliver { .. } => 1,
            Self::Ack { .. } => 2,
            Self::Refuse { .. } => 3,
            Self::Found { .. } => 4,
            Self::Providers { .. } => 5,
            Self::Step { .. } => 6,
            Self::StepAvoiding { .. } => 7,
            Self::StepNext { .. } => 8,
            Self::StepOwners { .. } => 9,
            Self::Fetch { .. } => 10,
            Self::GetNeighbours { .. } => 11,
            Self::Neighbours { .. } => 12,
            Self::Notify => 13,
            Self::Ping { .. } => 14,
            Self::Pong { .. } => 15,
            Self::GetFingers => 16,
            Self::Fingers { .. } => 17,
            Self::Leave { .. } => 18,
            Self::HandOver { .. } => 19,
            Self::Store { .. } => 20,
            Self::Stored { .. } => 21,
            Self::Remove { .. } => 22,
            Self::Replicate { .. } => 23,
            Self::PassOn { .. } => 24,
            Self::Retract { .. } => 25,
            Self::Own(own) => own.kind(),
            Self::Offer { .. } => 26,
            Self::Want { .. } => 27,
            Self::Values { .. } => 28,
            Self::Spare { .. } => 29,
            Self::Search { .. } => 30,
            Self::Postings { .. } => 31,
        }
    }

    fn forge(&mut self, other: &mut dyn FnMut(&mut PeerId)) {
        match self {
            Self::Found { owner, .. } => other(owner),
            Self::StepNext { next, .. } => other(next),
            Self::Providers { holders: named, .. } | Self::StepOwners { successors: named, .. } => {
                Arc::make_mut(named).iter_mut().for_each(other);
            }
            _ => {}
        }
    }

    /// A byte for the kind, 4 for each token, 2 for a hop count, 1 for a goal, 4 for the rest of a record's life. The lookup's id is the
    /// simulator's label and costs nothing; what it does for the protocol is done by the tokens.
    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Forward { .. } => with::<T>(Fields::bytes(12).keys(1).contacts(1)),
            Self::Deliver { .. } => Fields::bytes(12).keys(1).contacts(1),
            Self::Ack { .. } | Self::GetNeighbours { .. } | Self::Ping { .. } | Self::Pong { .. } | Self::Stored { .. } => Fields::bytes(5),
            Self::Found { .. } => Fields::bytes(8).contacts(1),
            // One value, whoever has published it.
            Self::Providers { holders, .. } => Fields::bytes(7).contacts(holders.len() as u32).records(u32::from(!holders.is_empty())),
            Self::Step { .. } => with::<T>(Fields::bytes(6).keys(1)),
            Self::Fetch { .. } => Fields::bytes(6).keys(1),
            Self::StepAvoiding { .. } => with::<T>(Fields::bytes(6).keys(1).contacts(1)),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            Self::StepNext { .. } => with::<T>(Fields::bytes(5).contacts(1)),
            Self::StepOwners { successors, .. } => Fields::bytes(5).contacts(successors.len() as u32),
            Self::Neighbours { successors, predecessor, .. } => Fields::bytes(5).contacts(contacts(successors, *predecessor)),
            Self::Notify | Self::GetFingers => Fields::bytes(1),
            Self::Fingers { fingers } => Fields::bytes(1).contacts(fingers.len() as u32),
            Self::Leave { successors, predecessor } => Fields::bytes(1).contacts(contacts(successors, *predecessor)),
            Self::HandOver { records } | Self::Values { records } => values(records),
            Self::Offer { records } => Fields::bytes(1 + 4 * records.len() as u32).keys(records.len() as u32),
            Self::Want { keys } | Self::Spare { keys } => Fields::bytes(1).keys(keys.len() as u32),
            Self::Store { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Remove { .. } => Fields::bytes(1).keys(1),
            Self::Replicate { .. } | Self::PassOn { .. } => Fields::bytes(5).keys(1).contacts(1).records(1),
            Self::Retract { .. } => Fields::bytes(1).keys(1).contacts(1),
            Self::Search { keywords, .. } => Fields::bytes(5 + keywords.text_bytes()),
            Self::Postings { postings, .. } => postings::fields(postings),
            Self::Own(own) => own.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match *self {
            Self::Own(ref own) => own.cause(),
            Self::Forward { lookup, goal, .. }
            | Self::Deliver { lookup, goal, .. }
            | Self::Ack { lookup, goal, .. }
            | Self::Refuse { lookup, goal, .. }
            | Self::Found { lookup, goal, .. }
            | Self::Step { lookup, goal, .. }
            | Self::StepAvoiding { lookup, goal, .. }
            | Self::StepNext { lookup, goal, .. }
            | Self::StepOwners { lookup, goal, .. }
            | Self::Fetch { lookup, goal, .. } => goal.cause(lookup),
            Self::Providers { lookup, .. } | Self::Search { lookup, .. } | Self::Postings { lookup, .. } => Cause::Lookup(lookup),
            _ => Cause::Maintenance,
        }
    }
}

fn contacts(successors: &[PeerId], predecessor: Option<PeerId>) -> u32 {
    successors.len() as u32 + u32::from(predecessor.is_some())
}

/// The same and what a trail adds.
const fn with<T: Trail>(fields: Fields) -> Fields {
    let Fields { contacts, keys, addresses, bytes, records, rumours } = T::FIELDS;
    Fields {
        contacts: fields.contacts + contacts,
        keys: fields.keys + keys,
        addresses: fields.addresses + addresses,
        bytes: fields.bytes + bytes,
        records: fields.records + records,
        rumours: fields.rumours + rumours,
    }
}

//! What the peers of Pastry and Bamboo say to each other.
//!
//! At most 32 bytes each (asserted in the tests), and copied without allocation: lists are shared by reference count.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, LookupId, Message, PeerId, Token};

use crate::records::Record;
use crate::repair::values;

/// A question on its way to the peer that is numerically closest to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The key whose owner is wanted.
    pub key: Key,
    /// The lookup that it belongs to; means nothing for maintenance.
    pub lookup: LookupId,
    /// Who wants to know.
    pub origin: PeerId,
    /// Names the question at its origin.
    pub ask: Token,
    /// Links crossed so far.
    pub hops: u8,
    /// A newcomer's question: how many rows of its routing table it has been given so far.
    pub rows: u8,
    /// What is wanted.
    pub goal: Goal,
}

/// What a question wants of the key's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: who it is.
    Owner,
    /// A lookup: whom it has registered as holders.
    Providers,
    /// Maintenance: who it is, for a record or for a slot of the routing table.
    Contact,
    /// Maintenance: a newcomer wants its leaf set, and a row of the routing table of each peer on the way.
    Join,
}

impl Goal {
    /// What messages with this goal are sent for.
    #[inline]
    pub(super) fn cause(self, lookup: LookupId) -> Cause {
        match self {
            Self::Owner | Self::Providers => Cause::Lookup(lookup),
            Self::Contact | Self::Join => Cause::Maintenance,
        }
    }
}

/// One row of a peer's routing table. It shares the memory of that table and shows nothing else of it.
#[derive(Clone, Debug)]
pub struct Row {
    table: Arc<[PeerId]>,
    known: u16,
    number: u8,
    bits: u8,
}

impl Row {
    pub(super) fn new(table: &Arc<[PeerId]>, number: usize, bits: u32, of: PeerId) -> Self {
        let mut row = Self { table: Arc::clone(table), known: 0, number: number as u8, bits: bits as u8 };
        row.known = row.slots().iter().filter(|&&peer| peer != of).count() as u16;
        row
    }

    /// Which row it is: its peers share that many digits with the peer whose table it is from.
    pub fn number(&self) -> usize {
        usize::from(self.number)
    }

    /// Its slots, one a digit; the peer whose table it is from stands in its own slot, and in those that are empty.
    pub fn slots(&self) -> &[PeerId] {
        let from = self.number() << self.bits;
        self.table.get(from..from + (1 << self.bits)).unwrap_or_default()
    }
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.number, self.slots()).hash(state);
    }
}

/// The messages of Pastry and Bamboo. A sender's overlay id follows from its address (SHA-1 of it, as the paper suggests).
#[derive(Clone, Debug, Hash)]
#[expect(missing_docs, reason = "the fields are those of `Query`, tokens of the sender's request, and what the variant says")]
pub enum PastryMessage {
    /// A question, one link nearer to the owner of its key, or at it.
    Forward { key: Key, lookup: LookupId, origin: PeerId, ask: Token, hop: Token, hops: u8, rows: u8, goal: Goal },
    /// The question has arrived.
    Ack { hop: Token, lookup: LookupId, goal: Goal },
    /// "I am no member": the answer of a peer that is still joining to whatever it is asked. `lowest` helps newcomers who meet nobody
    /// but newcomers to agree on who begins the ring.
    Refuse { token: Token, lookup: LookupId, lowest: PeerId, goal: Goal },
    /// "I own the key."
    Found { lookup: LookupId, ask: Token, hops: u8, goal: Goal },
    /// The registered holders of an item, from the owner of its key.
    Providers { holders: Arc<[PeerId]>, lookup: LookupId, ask: Token, hops: u8 },
    /// A row for a newcomer, from a peer on the way of its question.
    JoinRow { row: Row },
    /// The leaf set of the peer whose key is closest to a newcomer's.
    JoinLeaves { leaves: Arc<[PeerId]>, ask: Token },
    /// A newcomer's contact gives its neighbourhood set.
    JoinNeighbourhood { neighbourhood: Arc<[PeerId]> },
    /// Are you there? From a member, or from a newcomer.
    Ping { token: Token, member: bool },
    /// I am.
    Pong { token: Token },
    /// My leaf set, for yours.
    Exchange { leaves: Arc<[PeerId]>, token: Token },
    /// Here is mine.
    Leaves { leaves: Arc<[PeerId]>, token: Token },
    /// This neighbour on the ring does not answer me.
    Failed { peer: PeerId },
    /// I have joined, and know you.
    Hello,
    /// Which row of yours has this number?
    GetRow { row: u8, token: Token },
    /// This one.
    RowReply { row: Row, token: Token },
    /// Whom have you at this place of your routing table?
    GetEntry { row: u8, column: u8, token: Token },
    /// This one, or nobody.
    Entry { peer: Option<PeerId>, token: Token },
    /// Who is near you?
    GetNeighbourhood { token: Token },
    /// These.
    Neighbourhood { neighbourhood: Arc<[PeerId]>, token: Token },
    /// Goodbye, and whom I leave you with.
    Leave { leaves: Arc<[PeerId]> },
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
    /// A record that a replica shall forget.
    Retract { key: Key, holder: PeerId },
    /// I keep these values. (Their keys travel.)
    Offer { records: Arc<[Record]> },
    /// Of those that you offered, I lack these.
    Want { keys: Arc<[Key]> },
    /// Here they are.
    Values { records: Arc<[Record]> },
    /// I own these and have them; you are none of their replicas.
    Spare { keys: Arc<[Key]> },
}

impl PastryMessage {
    pub(super) fn forward(hop: Token, q: Query) -> Self {
        Self::Forward { key: q.key, lookup: q.lookup, origin: q.origin, ask: q.ask, hop, hops: q.hops, rows: q.rows, goal: q.goal }
    }
}

impl Message for PastryMessage {
    const KINDS: &'static [&'static str] = &[
        "forward",
        "ack",
        "refuse",
        "found",
        "providers",
        "join-row",
        "join-leaves",
        "join-neighbourhood",
        "ping",
        "pong",
        "exchange",
        "leaves",
        "failed",
        "hello",
        "get-row",
        "row",
        "get-entry",
        "entry",
        "get-neighbourhood",
        "neighbourhood",
        "leave",
        "hand-over",
        "store",
        "stored",
        "remove",
        "replicate",
        "retract",
        "offer",
        "want",
        "values",
        "spare",
    ];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Forward { .. } => 0,
            Self::Ack { .. } => 1,
            Self::Refuse { .. } => 2,
            Self::Found { .. } => 3,
            Self::Providers { .. } => 4,
            Self::JoinRow { .. } => 5,
            Self::JoinLeaves { .. } => 6,
            Self::JoinNeighbourhood { .. } => 7,
            Self::Ping { .. } => 8,
            Self::Pong { .. } => 9,
            Self::Exchange { .. } => 10,
            Self::Leaves { .. } => 11,
            Self::Failed { .. } => 12,
            Self::Hello => 13,
            Self::GetRow { .. } => 14,
            Self::RowReply { .. } => 15,
            Self::GetEntry { .. } => 16,
            Self::Entry { .. } => 17,
            Self::GetNeighbourhood { .. } => 18,
            Self::Neighbourhood { .. } => 19,
            Self::Leave { .. } => 20,
            Self::HandOver { .. } => 21,
            Self::Store { .. } => 22,
            Self::Stored { .. } => 23,
            Self::Remove { .. } => 24,
            Self::Replicate { .. } => 25,
            Self::Retract { .. } => 26,
            Self::Offer { .. } => 27,
            Self::Want { .. } => 28,
            Self::Values { .. } => 29,
            Self::Spare { .. } => 30,
        }
    }

    /// A byte for the kind, 4 for each token, 1 for a hop count, a goal, a row or a column, 4 for the rest of a record's life. The lookup's
    /// id is the simulator's label and costs nothing; what it does for the protocol is done by the tokens.
    #[inline]
    fn fields(&self) -> Fields {
        let list = |list: &[PeerId]| list.len() as u32;
        match self {
            Self::Forward { .. } => Fields::bytes(12).keys(1).contacts(1),
            Self::Ack { .. } | Self::Pong { .. } | Self::GetNeighbourhood { .. } | Self::Stored { .. } => Fields::bytes(5),
            Self::Ping { .. } | Self::GetRow { .. } => Fields::bytes(6),
            Self::GetEntry { .. } | Self::Found { .. } => Fields::bytes(7),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            // One value, whoever has published it.
            Self::Providers { holders, .. } => Fields::bytes(6).contacts(list(holders)).records(u32::from(!holders.is_empty())),
            Self::JoinRow { row } => Fields::bytes(2).contacts(u32::from(row.known)),
            Self::RowReply { row, .. } => Fields::bytes(6).contacts(u32::from(row.known)),
            Self::JoinLeaves { leaves, .. } | Self::Exchange { leaves, .. } | Self::Leaves { leaves, .. } => {
                Fields::bytes(5).contacts(list(leaves))
            }
            Self::JoinNeighbourhood { neighbourhood: peers } | Self::Leave { leaves: peers } => Fields::bytes(1).contacts(list(peers)),
            Self::Neighbourhood { neighbourhood, .. } => Fields::bytes(5).contacts(list(neighbourhood)),
            Self::Failed { .. } => Fields::bytes(1).contacts(1),
            Self::Hello => Fields::bytes(1),
            Self::Entry { peer, .. } => Fields::bytes(5).contacts(u32::from(peer.is_some())),
            Self::HandOver { records } | Self::Values { records } => values(records),
            Self::Offer { records } => Fields::bytes(1 + 4 * records.len() as u32).keys(records.len() as u32),
            Self::Want { keys } | Self::Spare { keys } => Fields::bytes(1).keys(keys.len() as u32),
            Self::Store { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Remove { .. } => Fields::bytes(1).keys(1),
            Self::Replicate { .. } => Fields::bytes(5).keys(1).contacts(1).records(1),
            Self::Retract { .. } => Fields::bytes(1).keys(1).contacts(1),
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
            _ => Cause::Maintenance,
        }
    }
}

//! What the peers of a CAN say to each other.
//!
//! At most 40 bytes each (asserted in the tests), and copied without allocation: what is long is shared by reference count.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use peerlab_engine::random::mix;
use peerlab_model::{Cause, Fields, Key, LookupId, Message, PeerId, Token};

use super::zone::Zone;
use crate::records::Record;
use crate::repair::Comparison;

/// Stands where a reality would be: any of them will do.
pub(super) const ANY: u8 = u8::MAX;

/// A peer and one of its zones.
pub type Listed = (PeerId, Zone);

/// A question on its way to the owner of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The point's key.
    pub key: Key,
    /// The lookup that it belongs to; means nothing for maintenance.
    pub lookup: LookupId,
    /// Who wants to know.
    pub origin: PeerId,
    /// Names the question at its origin.
    pub ask: Token,
    /// Links crossed so far.
    pub hops: u16,
    /// The reality in which it travels.
    pub realm: u8,
    /// What is wanted.
    pub goal: Goal,
}

/// What a question wants of the point's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: who it is.
    Owner,
    /// A lookup: whom it has registered under the key.
    Providers,
    /// Maintenance: who it is.
    Contact,
    /// Maintenance: a newcomer wants a zone.
    Join,
    /// The same, and whoever gets it shall halve its own zone, wherever the point is.
    JoinHere,
}

impl Goal {
    /// What messages with this goal are sent for.
    #[inline]
    pub(super) fn cause(self, lookup: LookupId) -> Cause {
        match self {
            Self::Owner | Self::Providers => Cause::Lookup(lookup),
            Self::Contact | Self::Join | Self::JoinHere => Cause::Maintenance,
        }
    }

    pub(super) fn is_join(self) -> bool {
        matches!(self, Self::Join | Self::JoinHere)
    }
}

/// What a peer tells its neighbours: its zones, and who its neighbours are.
#[derive(Debug)]
pub struct Bulletin {
    /// Later ones of the same peer have larger numbers, across its lives, too.
    pub(super) version: i64,
    pub(super) zones: Box<[Zone]>,
    pub(super) around: Box<[Listed]>,
    fingerprint: u64,
}

impl Bulletin {
    pub(super) fn new(version: i64, zones: &[Zone], around: impl Iterator<Item = Listed>) -> Self {
        let around: Box<[Listed]> = around.collect();
        let fold = |sum: u64, zone: &Zone| mix(sum ^ zone.code).wrapping_add(u64::from(zone.depth));
        let own = zones.iter().fold(mix(version as u64), fold);
        let fingerprint = around.iter().fold(own, |sum, (peer, zone)| fold(mix(sum ^ u64::from(peer.0)), zone));
        Self { version, zones: zones.into(), around, fingerprint }
    }

    pub(super) fn lists(&self, peer: PeerId) -> bool {
        self.around.iter().any(|&(listed, _)| listed == peer)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val::<[Zone]>(&self.zones) + size_of_val::<[Listed]>(&self.around)
    }
}

impl Hash for Bulletin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

/// The messages of CAN. A zone is a prefix of keys and its length.
#[derive(Clone, Debug, Hash)]
#[expect(missing_docs, reason = "the fields are those of `Query`, tokens of the sender's request, and what the variant says")]
pub enum CanMessage {
    /// A question, one link nearer to the owner of its point, or at it.
    Forward { key: Key, lookup: LookupId, origin: PeerId, ask: Token, hop: Token, hops: u16, realm: u8, goal: Goal },
    /// The question has arrived.
    Ack { hop: Token, lookup: LookupId, goal: Goal },
    /// "I cannot": the answer of a peer without a zone, of one that is just giving away a part of it, and of one that does not own a key.
    /// `lowest` helps newcomers who meet nobody but newcomers to agree on who begins.
    Refuse { token: Token, lookup: LookupId, lowest: PeerId, goal: Goal },
    /// "I own the point."
    Found { lookup: LookupId, ask: Token, hops: u16, goal: Goal },
    /// Who is registered under a key, from the owner of its point.
    Providers { holders: Arc<[PeerId]>, lookup: LookupId, ask: Token, hops: u16 },
    /// Take this zone: to a newcomer, to whom can merge it with its own, or to the smallest neighbour of a peer that leaves.
    Give { realm: u8, zone: Zone, around: Arc<[Listed]>, token: Token },
    /// It is mine now.
    Accept { realm: u8, token: Token },
    /// My zones and my neighbours; with `asks`, tell me yours; with `answers`, as you wanted.
    Update { realm: u8, bulletin: Arc<Bulletin>, asks: Option<Token>, answers: Option<Token> },
    /// I have taken over the zones of a neighbour that failed; so large was my own.
    Takeover { realm: u8, dead: PeerId, volume: u64 },
    /// Goodbye.
    Leave { realm: u8 },
    /// You and I claim this zone, and yours goes first: do you hold it?
    Cede { realm: u8, zone: Zone, token: Token },
    /// I do (then it is mine alone), or not.
    Ceded { token: Token, holds: bool },
    /// A peer that has taken over a zone looks for somebody whose zone can be merged with its sibling's, to take the zone instead.
    Seek { realm: u8, zone: Zone, holder: PeerId },
    /// I can take it.
    Sought { realm: u8, zone: Zone },
    /// Records that are yours to keep from now on.
    HandOver { records: Arc<[Record]> },
    /// I hold what is at this key.
    Store { key: Key, token: Token },
    /// Noted.
    Stored { token: Token },
    /// I no longer hold the item at this key.
    Remove { key: Key },
    /// A copy of a record, for a replica.
    Replicate { record: Record },
    /// A record that a replica shall forget.
    Retract { key: Key, holder: PeerId },
    /// A value, for the owner of its point.
    Put { key: Key, token: Token },
    /// A value, for who has asked for it.
    Value { lookup: LookupId, ask: Token, hops: u16 },
    /// Of values that both keep, or should.
    Repair(Comparison),
}

impl CanMessage {
    pub(super) fn forward(hop: Token, q: Query) -> Self {
        Self::Forward { key: q.key, lookup: q.lookup, origin: q.origin, ask: q.ask, hop, hops: q.hops, realm: q.realm, goal: q.goal }
    }
}

impl Message for CanMessage {
    const KINDS: &'static [&'static str] = &[
        "forward",
        "ack",
        "refuse",
        "found",
        "providers",
        "give",
        "accept",
        "update",
        "takeover",
        "leave",
        "cede",
        "ceded",
        "seek",
        "sought",
        "hand-over",
        "store",
        "stored",
        "remove",
        "replicate",
        "retract",
        "put",
        "value",
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
            Self::Providers { .. } => 4,
            Self::Give { .. } => 5,
            Self::Accept { .. } => 6,
            Self::Update { .. } => 7,
            Self::Takeover { .. } => 8,
            Self::Leave { .. } => 9,
            Self::Cede { .. } => 10,
            Self::Ceded { .. } => 11,
            Self::Seek { .. } => 12,
            Self::Sought { .. } => 13,
            Self::HandOver { .. } => 14,
            Self::Store { .. } => 15,
            Self::Stored { .. } => 16,
            Self::Remove { .. } => 17,
            Self::Replicate { .. } => 18,
            Self::Retract { .. } => 19,
            Self::Put { .. } => 20,
            Self::Value { .. } => 21,
            Self::Repair(comparison) => 22 + comparison.kind(),
        }
    }

    /// A byte for the kind, a reality, a goal or a flag, 4 for each token and for the rest of a record's life, 2 for a hop count, 8 for a
    /// version or a volume; a zone is a key and a byte for its length. The lookup's id is the simulator's label and costs nothing; what it
    /// does for the protocol is done by the tokens.
    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Forward { .. } => Fields::bytes(13).keys(1).contacts(1),
            Self::Ack { .. } | Self::Stored { .. } => Fields::bytes(5),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            Self::Found { .. } => Fields::bytes(7),
            Self::Providers { holders, .. } => Fields::bytes(7).contacts(holders.len() as u32),
            Self::Give { around, .. } => {
                let count = around.len() as u32;
                Fields::bytes(7 + count).keys(1 + count).contacts(count)
            }
            Self::Accept { .. } | Self::Ceded { .. } => Fields::bytes(6),
            Self::Update { bulletin, asks, answers, .. } => {
                let (zones, around) = (bulletin.zones.len() as u32, bulletin.around.len() as u32);
                let tokens = 4 * (u32::from(asks.is_some()) + u32::from(answers.is_some()));
                Fields::bytes(11 + tokens + zones + around).keys(zones + around).contacts(around)
            }
            Self::Takeover { .. } => Fields::bytes(10).contacts(1),
            Self::Leave { .. } => Fields::bytes(2),
            Self::Cede { .. } => Fields::bytes(7).keys(1),
            Self::Seek { .. } => Fields::bytes(3).keys(1).contacts(1),
            Self::Sought { .. } => Fields::bytes(3).keys(1),
            Self::HandOver { records } => {
                let count = records.len() as u32;
                Fields::bytes(1 + 4 * count).keys(count).contacts(count)
            }
            Self::Store { .. } => Fields::bytes(5).keys(1),
            Self::Remove { .. } => Fields::bytes(1).keys(1),
            Self::Replicate { .. } => Fields::bytes(5).keys(1).contacts(1),
            Self::Retract { .. } => Fields::bytes(1).keys(1).contacts(1),
            Self::Put { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Value { .. } => Fields::bytes(7).records(1),
            Self::Repair(comparison) => comparison.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match *self {
            Self::Forward { lookup, goal, .. }
            | Self::Ack { lookup, goal, .. }
            | Self::Refuse { lookup, goal, .. }
            | Self::Found { lookup, goal, .. } => goal.cause(lookup),
            Self::Providers { lookup, .. } | Self::Value { lookup, .. } => Cause::Lookup(lookup),
            _ => Cause::Maintenance,
        }
    }
}

//! What Kademlia's peers say to each other.
//!
//! 40 bytes each: a list of contacts lies beside the message ([`Contacts`]).

use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, Keywords, LookupId, Message, PeerId, Posting, Span, Token};

use crate::postings;
use crate::records::Record;
use crate::structured::contacts::Contacts;

/// A question of an iterative lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// What is looked for.
    pub key: Key,
    /// The lookup that it belongs to; means nothing for upkeep.
    pub lookup: LookupId,
    /// Names the search at its origin.
    pub token: Token,
    /// Sent to keep the overlay and its records alive, not for a lookup.
    pub upkeep: bool,
}

impl Ask {
    fn cause(self) -> Cause {
        cause(self.lookup, self.upkeep)
    }
}

/// A question that peers pass on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// What is looked for.
    pub key: Key,
    /// The lookup that it belongs to.
    pub lookup: LookupId,
    /// Whom to answer, and by which token it knows its question; nothing if the answer goes back along the path.
    pub direct: Option<(PeerId, Token)>,
    /// Whoever has a record of the item at the key shall answer.
    pub item: bool,
    /// Links crossed.
    pub hops: u8,
}

/// What a keeper gives to whoever may want to store, who has to present it then (BEP 5): opaque to all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WriteToken(pub u64);

fn cause(lookup: LookupId, upkeep: bool) -> Cause {
    if upkeep { Cause::Maintenance } else { Cause::Lookup(lookup) }
}

/// Kademlia's messages. A sender's overlay id follows from its address, as in Chord here, so none carries its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `Ask`, tokens of the sender's request, and what the variant says")]
pub enum KademliaMessage {
    /// Which k peers do you know nearest to this key?
    FindNode(Ask),
    /// The same, or whom you have registered as holders.
    FindValue(Ask),
    /// These.
    Nodes { contacts: Contacts, lookup: LookupId, token: Token, upkeep: bool },
    /// These hold it; the first of the records expires after `lives`.
    Value { holders: Contacts, lookup: LookupId, token: Token, lives: Span },
    /// "I am no member": a peer that is still joining. `lowest` helps newcomers who meet nobody but newcomers to agree on who begins.
    Refuse { lookup: LookupId, token: Token, lowest: PeerId, upkeep: bool },
    /// Are you there?
    Ping { token: Token },
    /// I am.
    Pong { token: Token },
    /// I hold the item at this key.
    Store { key: Key, token: Token },
    /// Noted.
    Stored { token: Token },
    /// I no longer hold the item at this key.
    Remove { key: Key },
    /// A lookup has found these holders beyond you: keep them for a while.
    Cache { key: Key, holders: Contacts, lives: Span },
    /// Records that you are near enough to keep.
    HandOver { records: Arc<[Record]> },
    /// Goodbye.
    Leave,
    /// The same as `FindNode`, and give me a token to store with.
    FindKeepers(Ask),
    /// These, and that is the token.
    Keepers { contacts: Contacts, token: Token, write: WriteToken },
    /// I hold the item at this key, and this is your token.
    StoreWith { key: Key, token: Token, write: WriteToken },
    /// That was no token of mine, or is too old.
    RefuseStore { token: Token },
    /// A value for you to keep, as I do.
    Replicate { record: Record },
    /// Pass this on to whoever is nearest to the key. `hop` is for the acknowledgement, and for an answer that comes back this way.
    Route { hop: Token, query: Query },
    /// I have it.
    Ack { hop: Token, lookup: LookupId },
    /// This peer knows nobody nearer to the key.
    Found { lookup: LookupId, token: Token, owner: PeerId, hops: u8 },
    /// `keeper` has these records; or none, and knows nobody nearer.
    Holders { lookup: LookupId, token: Token, keeper: PeerId, hops: u8, holders: Contacts },
    /// The same as `FindNode`; or, if you keep postings of the rarest of these words, what matches all of them?
    FindPostings(Ask, Keywords),
    /// These match.
    Postings { postings: Arc<[Posting]>, lookup: LookupId, token: Token },
}

impl Message for KademliaMessage {
    const KINDS: &'static [&'static str] = &[
        "find-node",
        "find-value",
        "nodes",
        "value",
        "refuse",
        "ping",
        "pong",
        "store",
        "stored",
        "remove",
        "cache",
        "hand-over",
        "leave",
        "refuse-store",
        "replicate",
        "route",
        "ack",
        "found",
        "holders",
        "find-postings",
        "postings",
    ];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::FindNode(_) | Self::FindKeepers(_) => 0,
            Self::FindValue(_) => 1,
            Self::Nodes { .. } | Self::Keepers { .. } => 2,
            Self::Value { .. } => 3,
            Self::Refuse { .. } => 4,
            Self::Ping { .. } => 5,
            Self::Pong { .. } => 6,
            Self::Store { .. } | Self::StoreWith { .. } => 7,
            Self::Stored { .. } => 8,
            Self::Remove { .. } => 9,
            Self::Cache { .. } => 10,
            Self::HandOver { .. } => 11,
            Self::Leave => 12,
            Self::RefuseStore { .. } => 13,
            Self::Replicate { .. } => 14,
            Self::Route { .. } => 15,
            Self::Ack { .. } => 16,
            Self::Found { .. } => 17,
            Self::Holders { .. } => 18,
            Self::FindPostings(..) => 19,
            Self::Postings { .. } => 20,
        }
    }

    /// A byte for the kind, 4 for each request's token, 8 for one to store with, 4 for the rest of a record's life. The lookup's id is the
    /// simulator's label and costs nothing.
    /// (The paper's request ids have 20 bytes; what is sent today has 2 to 8.)
    #[inline]
    fn forge(&mut self, other: &mut dyn FnMut(&mut PeerId)) {
        match self {
            Self::Nodes { contacts, .. } => contacts.forge(other),
            Self::Value { holders, .. } | Self::Holders { holders, .. } => holders.forge(other),
            Self::Found { owner, .. } => other(owner),
            _ => {}
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Self::FindNode(_) | Self::FindKeepers(_) | Self::FindValue(_) => Fields::bytes(5).keys(1),
            // The rarest word's key, and the words themselves.
            Self::FindPostings(_, keywords) => Fields::bytes(5 + keywords.text_bytes()).keys(1),
            Self::Postings { postings, .. } => postings::fields(postings),
            Self::Store { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Nodes { contacts, .. } => Fields::bytes(5).contacts(contacts.len() as u32),
            Self::Keepers { contacts, .. } => Fields::bytes(13).contacts(contacts.len() as u32),
            Self::StoreWith { .. } => Fields::bytes(13).keys(1).records(1),
            // One value, whoever has published it.
            Self::Value { holders, .. } => Fields::bytes(9).contacts(holders.len() as u32).records(u32::from(!holders.is_empty())),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            Self::Ping { .. } | Self::Pong { .. } | Self::Stored { .. } | Self::RefuseStore { .. } | Self::Ack { .. } => Fields::bytes(5),
            Self::Remove { .. } => Fields::bytes(1).keys(1),
            Self::Cache { holders, .. } => Fields::bytes(5).keys(1).contacts(holders.len() as u32).records(1),
            Self::Replicate { .. } => Fields::bytes(5).keys(1).contacts(1).records(1),
            Self::HandOver { records } => {
                let count = records.len() as u32;
                Fields::bytes(1 + 4 * count).keys(count).contacts(count).records(count)
            }
            Self::Leave => Fields::bytes(1),
            // The kind, the token of the hop, the links so far; to be answered directly, the origin and its own token.
            Self::Route { query, .. } => {
                let direct = u32::from(query.direct.is_some());
                Fields::bytes(6 + 4 * direct).keys(1).contacts(direct)
            }
            Self::Found { .. } => Fields::bytes(6).contacts(1),
            Self::Holders { holders, .. } => Fields::bytes(6).contacts(1 + holders.len() as u32).records(u32::from(!holders.is_empty())),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::FindNode(ask) | Self::FindValue(ask) | Self::FindPostings(ask, _) => ask.cause(),
            Self::Nodes { lookup, upkeep, .. } | Self::Refuse { lookup, upkeep, .. } => cause(*lookup, *upkeep),
            Self::Value { lookup, .. }
            | Self::Postings { lookup, .. }
            | Self::Ack { lookup, .. }
            | Self::Found { lookup, .. }
            | Self::Holders { lookup, .. } => Cause::Lookup(*lookup),
            Self::Route { query, .. } => Cause::Lookup(query.lookup),
            _ => Cause::Maintenance,
        }
    }
}

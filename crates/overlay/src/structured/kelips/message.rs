//! What Kelips' peers say to each other.
//!
//! At most 48 bytes each (asserted in the tests), and copied without allocation: lists are shared by reference count.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, Key, LookupId, Message, PeerId, Token};

use super::view::Heartbeat;
use crate::records::Record;
use crate::repair::Comparison;

/// Word of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct News {
    /// Who.
    pub peer: PeerId,
    /// When it was last alive, by its own clock.
    pub heartbeat: i32,
    /// It has said goodbye then.
    pub gone: bool,
}

impl News {
    pub(super) fn alive(peer: PeerId, heartbeat: Heartbeat) -> Self {
        Self { peer, heartbeat, gone: false }
    }
}

/// Word of a file: who holds it, or no longer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// The item's key, the holder, and until when that is believed.
    pub record: Record,
    /// What was registered up to that expiry is taken back.
    pub removed: bool,
}

/// What a question wants to know of a peer in the right group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Goal {
    /// A lookup: which member of the group is closest to the key.
    Owner,
    /// A lookup: whether the peer at the key is a member.
    Peer,
    /// A lookup: who holds the item at the key.
    Holders,
    /// A lookup has found no contact that answers: which contacts has a member of its own group?
    Contacts,
    /// A lookup: the value at the key, of a homenode.
    Value,
}

/// The messages of Kelips. A sender's overlay id follows from its address.
#[derive(Clone, Debug, Hash)]
#[expect(missing_docs, reason = "tokens of the sender's request, the lookup that a message belongs to, and what the variant says")]
pub enum KelipsMessage {
    /// A round's gossip. The sender itself is alive.
    Gossip { news: Arc<[News]>, tuples: Option<Arc<[Tuple]>> },
    /// A question about a key.
    Ask { key: Key, lookup: LookupId, token: Token, goal: Goal },
    /// The owner, the peer, the holders, or contacts; nobody: not known here.
    Answer { peers: Arc<[PeerId]>, lookup: LookupId, token: Token },
    /// "I am no member": the answer of a peer that is still joining to whatever it is asked. `lowest` helps newcomers who meet nobody
    /// but newcomers to agree on who begins. `lookup`: which it was for, if for any.
    Refuse { lowest: PeerId, lookup: Option<LookupId>, token: Token },
    /// A newcomer, or a member that wants to hear of others, asks for contacts.
    Introduce { token: Token },
    /// The introducer's contacts, and of the asker's group all that it knows.
    Introduction { news: Arc<[News]>, token: Token },
    /// A newcomer asks a member of its own group for its view and its filetuples.
    GetGroup { token: Token },
    /// The view.
    Group { news: Arc<[News]>, token: Token },
    /// Filetuples for a newcomer.
    Tuples { tuples: Arc<[Tuple]> },
    /// Are you there?
    Ping { token: Token },
    /// I am.
    Pong { token: Token },
    /// I hold the item at this key.
    Insert { key: Key, token: Token },
    /// Noted.
    Stored { token: Token },
    /// I no longer hold the item at this key.
    Remove { key: Key },
    /// A value, from a homenode of it.
    Value { lookup: LookupId, token: Token },
    /// Of values and their homenodes.
    Repair(Comparison),
}

impl Message for KelipsMessage {
    const KINDS: &'static [&'static str] = &[
        "gossip",
        "ask",
        "answer",
        "refuse",
        "introduce",
        "introduction",
        "get-group",
        "group",
        "tuples",
        "ping",
        "pong",
        "insert",
        "stored",
        "remove",
        "value",
        Comparison::KINDS[0],
        Comparison::KINDS[1],
        Comparison::KINDS[2],
        Comparison::KINDS[3],
    ];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Gossip { .. } => 0,
            Self::Ask { .. } => 1,
            Self::Answer { .. } => 2,
            Self::Refuse { .. } => 3,
            Self::Introduce { .. } => 4,
            Self::Introduction { .. } => 5,
            Self::GetGroup { .. } => 6,
            Self::Group { .. } => 7,
            Self::Tuples { .. } => 8,
            Self::Ping { .. } => 9,
            Self::Pong { .. } => 10,
            Self::Insert { .. } => 11,
            Self::Stored { .. } => 12,
            Self::Remove { .. } => 13,
            Self::Value { .. } => 14,
            Self::Repair(comparison) => 15 + comparison.kind(),
        }
    }

    /// A byte for the kind, 4 for each token, 1 for a goal. News of a peer is a contact and 4 bytes of heartbeat; a filetuple a key, a
    /// contact and 4 bytes of its life. The lookup's id is the simulator's label and costs nothing.
    #[inline]
    fn fields(&self) -> Fields {
        let told = |news: &[News], bytes: u32| Fields::bytes(bytes + 4 * news.len() as u32).contacts(news.len() as u32);
        match self {
            Self::Gossip { news, tuples } => {
                let count = tuples.as_deref().map_or(0, |tuples| tuples.len() as u32);
                let of_peers = told(news, 1);
                Fields { contacts: of_peers.contacts + count, keys: count, bytes: of_peers.bytes + 4 * count, ..of_peers }
            }
            Self::Ask { .. } => Fields::bytes(6).keys(1),
            Self::Answer { peers, .. } => Fields::bytes(5).contacts(peers.len() as u32),
            Self::Refuse { .. } => Fields::bytes(5).contacts(1),
            Self::Introduction { news, .. } | Self::Group { news, .. } => told(news, 5),
            Self::Tuples { tuples } => {
                let count = tuples.len() as u32;
                Fields::bytes(1 + 4 * count).keys(count).contacts(count)
            }
            Self::Introduce { .. } | Self::GetGroup { .. } | Self::Ping { .. } | Self::Pong { .. } | Self::Stored { .. } => {
                Fields::bytes(5)
            }
            Self::Insert { .. } => Fields::bytes(5).keys(1).records(1),
            Self::Remove { .. } => Fields::bytes(1).keys(1),
            Self::Value { .. } => Fields::bytes(5).records(1),
            Self::Repair(comparison) => comparison.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match *self {
            Self::Ask { lookup, .. }
            | Self::Answer { lookup, .. }
            | Self::Value { lookup, .. }
            | Self::Refuse { lookup: Some(lookup), .. } => Cause::Lookup(lookup),
            _ => Cause::Maintenance,
        }
    }
}

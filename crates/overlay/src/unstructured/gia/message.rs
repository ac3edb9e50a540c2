//! What Gia's peers say to each other, and what it costs on the wire.
//!
//! The paper gives no formats. Ours are Gnutella's where there is one (header 23 bytes, names of 20, an address 6, a pong for each host
//! that is named), with 4 bytes for a capacity and 2 for a number of neighbours or tokens.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, LookupId, Message, PeerId, Token};

use super::rules::Capacity;
use crate::unstructured::descriptor::lookup_of;
use crate::unstructured::flooding::NAME_BYTES;
use crate::unstructured::membership::{self, MembershipMessage};

/// Descriptor id 16, payload type 1, TTL 2, hops 2, payload length 2.
const HEADER: u32 = 23;
/// Port 2, IP address 4, files 4, capacity 4.
const PONG: u32 = HEADER + 14;
/// Capacity 4, neighbours 2.
const STANDING: u32 = 6;
/// IP address 4, port 2.
const ADDRESS: u32 = 6;
/// An item in an index: its number 4, size 4, name.
const ENTRY: u32 = 8 + NAME_BYTES;

/// Addresses in a pong or a refusal.
const HOSTS: usize = 3;

/// A message of the Gia overlay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GiaMessage {
    /// Let us be neighbours: the first of three steps.
    Connect {
        /// The request, at the peer that makes it.
        token: Token,
        /// Of the sender.
        standing: Told,
    },
    /// As far as I am concerned.
    Accept {
        /// Of the [`GiaMessage::Connect`].
        token: Token,
        /// Of the sender.
        standing: Told,
    },
    /// I would rather not; try these.
    Refuse {
        /// Of the [`GiaMessage::Connect`].
        token: Token,
        /// Others, with their capacities.
        others: Hosts,
    },
    /// We are neighbours, and this is what I hold.
    Confirm {
        /// Of the sender.
        standing: Told,
        /// All that the sender holds, and how to name it.
        holdings: Holdings,
    },
    /// All that I hold: the other half of a [`GiaMessage::Confirm`], and the answer to [`GiaMessage::AskIndex`].
    Index(Holdings),
    /// A change of what I hold.
    Change {
        /// What has come or gone.
        items: Arc<[ItemId]>,
        /// It has come.
        added: bool,
        /// The number of the sender's changes, this one included.
        version: u32,
    },
    /// I have missed a change: tell me again what you hold.
    AskIndex,
    /// Are you there? And this is how I stand.
    Ping(Report),
    /// I am here, and I know these.
    Pong {
        /// How the sender stands.
        report: Report,
        /// Others, with their capacities.
        others: Hosts,
    },
    /// You may send me so many more queries.
    Tokens {
        /// How many.
        count: u16,
    },
    /// I am no longer your neighbour.
    Bye,
    /// A query on its way.
    Walk(Walk),
    /// `holder` has it; back along the way of the query.
    Response {
        /// The query: its descriptor id.
        id: LookupId,
        /// Who has it.
        holder: PeerId,
        /// Links that the query crossed to the peer that answered.
        hops: u16,
        /// As of [`GiaMessage::Tokens`].
        tokens: u16,
    },
    /// The query lives (or has reached its TTL); back along its way.
    KeepAlive {
        /// The query: its descriptor id.
        id: LookupId,
        /// It has gone as far as it may.
        over: bool,
        /// As of [`GiaMessage::Tokens`].
        tokens: u16,
    },
    /// What keeps the addresses of others, where they are found by gossip.
    Member(MembershipMessage),
}

/// Capacity and number of neighbours of a peer, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    /// Thousandths of messages per second.
    pub capacity: Capacity,
    /// Neighbours.
    pub degree: u16,
}

/// What a ping and its pong say about their sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// Its neighbours.
    pub degree: u16,
    /// How many of the receiver's tokens it still has: what was lost on the way is made good.
    pub tokens: u16,
    /// How often what it holds has changed.
    pub version: u32,
}

/// All that a peer holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holdings {
    /// The items.
    pub items: Arc<[ItemId]>,
    /// How often they have changed.
    pub version: u32,
    /// As of [`GiaMessage::Tokens`].
    pub tokens: u16,
}

/// What a walk looks for. Not words: neighbours tell each other the items that they hold, not their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sought {
    /// Whoever holds this item.
    Item(ItemId),
    /// This peer.
    Peer(PeerId),
}

/// A query that goes from neighbour to neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Walk {
    /// Whose question, which, and the how-manieth walk for it: the descriptor id.
    pub id: LookupId,
    /// What is looked for.
    pub wanted: Sought,
    /// Links that it has crossed, this one included.
    pub hops: u16,
    /// Answers that it may still bring (the paper's MAX_RESPONSES).
    pub left: u16,
    /// As of [`GiaMessage::Tokens`].
    pub tokens: u16,
    /// Who has been named already; nothing while nobody has.
    pub named: Option<Arc<Vec<PeerId>>>,
}

/// A few addresses with capacities, without an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hosts {
    list: [(PeerId, Capacity); HOSTS],
    len: u8,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { list: [(PeerId(0), 0); HOSTS], len: 0 }
    }
}

impl Hosts {
    /// The addresses.
    pub fn as_slice(&self) -> &[(PeerId, Capacity)] {
        &self.list[..usize::from(self.len)]
    }

    /// Adds one, unless it is there or there is no room.
    pub(super) fn add(&mut self, host: (PeerId, Capacity)) {
        if usize::from(self.len) < HOSTS && !self.as_slice().iter().any(|known| known.0 == host.0) {
            self.list[usize::from(self.len)] = host;
            self.len += 1;
        }
    }

    /// A pong for each, behind `rest` bytes.
    #[inline]
    fn fields(&self, rest: u32) -> Fields {
        let hosts = u32::from(self.len);
        sized(rest + hosts * PONG, hosts, 0)
    }
}

/// `bytes` bytes on the UDP wire, of which `contacts` contacts and `keys` keys are a part (so that the p2psim wire, which counts
/// identifiers only, sees them).
const fn sized(bytes: u32, contacts: u32, keys: u32) -> Fields {
    Fields::bytes(bytes - 26 * contacts - 20 * keys).contacts(contacts).keys(keys)
}

/// Items in an index message.
fn listing(items: &[ItemId], rest: u32) -> Fields {
    let items = items.len() as u32;
    sized(rest + items * ENTRY, 0, items)
}

impl From<MembershipMessage> for GiaMessage {
    fn from(message: MembershipMessage) -> Self {
        Self::Member(message)
    }
}

/// What peers say themselves.
const OWN_KINDS: [&str; 14] = [
    "connect",
    "accept",
    "refuse",
    "confirm",
    "index",
    "change",
    "ask-index",
    "ping",
    "pong",
    "tokens",
    "bye",
    "walk",
    "response",
    "keep-alive",
];

/// All of that, and what members say.
const KINDS: [&str; OWN_KINDS.len() + MembershipMessage::KINDS.len()] = membership::kinds(&[&OWN_KINDS, &MembershipMessage::KINDS]);

impl Message for GiaMessage {
    const KINDS: &'static [&'static str] = &KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Connect { .. } => 0,
            Self::Accept { .. } => 1,
            Self::Refuse { .. } => 2,
            Self::Confirm { .. } => 3,
            Self::Index(_) => 4,
            Self::Change { .. } => 5,
            Self::AskIndex => 6,
            Self::Ping(_) => 7,
            Self::Pong { .. } => 8,
            Self::Tokens { .. } => 9,
            Self::Bye => 10,
            Self::Walk(_) => 11,
            Self::Response { .. } => 12,
            Self::KeepAlive { .. } => 13,
            Self::Member(message) => OWN_KINDS.len() + message.kind(),
        }
    }

    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Connect { .. } | Self::Accept { .. } => sized(HEADER + STANDING, 0, 0),
            Self::Refuse { others, .. } => others.fields(HEADER),
            Self::Confirm { holdings, .. } => listing(&holdings.items, HEADER + STANDING + 6),
            Self::Index(holdings) => listing(&holdings.items, HEADER + 6),
            Self::Change { items, .. } => listing(items, HEADER + 5),
            Self::AskIndex | Self::Bye => sized(HEADER, 0, 0),
            Self::Ping(_) => sized(HEADER + 8, 0, 0),
            Self::Pong { others, .. } => others.fields(HEADER + 8),
            Self::Tokens { .. } => sized(HEADER + 2, 0, 0),
            Self::Walk(walk) => {
                let named = walk.named.as_ref().map_or(0, |named| named.len() as u32);
                sized(HEADER + 4 + NAME_BYTES, 0, 1).contacts(named)
            }
            Self::Response { .. } => sized(HEADER + 4 + ADDRESS + ENTRY, 1, 1),
            Self::KeepAlive { .. } => sized(HEADER + 3, 0, 0),
            Self::Member(message) => message.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::Walk(Walk { id, .. }) | Self::Response { id, .. } | Self::KeepAlive { id, .. } => Cause::Lookup(lookup_of(*id)),
            _ => Cause::Maintenance,
        }
    }
}

// Many are in flight at times.
const _: () = assert!(size_of::<GiaMessage>() <= 40);

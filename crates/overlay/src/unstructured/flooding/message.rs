//! What Gnutella servents say to each other, and what it costs on the wire.
//!
//! Sizes follow "The Gnutella Protocol Specification v0.4" (Clip2): a descriptor header of 23 bytes, then the payload; search
//! strings and file names are taken as [`NAME_BYTES`] long. They stand on top of the wire format's own header.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, Keywords, LookupId, Message, PeerId, RumourId, Token};

use crate::unstructured::descriptor::lookup_of;
use crate::unstructured::membership::{self, MembershipMessage};

pub use peerlab_model::NAME_BYTES;

/// Descriptor id 16, payload type 1, TTL 1, hops 1, payload length 4.
pub(crate) const HEADER: u32 = 23;
/// Port 2, IP address 4, files 4, kilobytes 4.
pub(crate) const PONG: u32 = HEADER + 14;
/// Minimum speed 2; the search string comes on top.
const QUERY: u32 = HEADER + 2;
/// Hits 1, port 2, IP address 4, speed 4, servent id 16; the results come on top.
const QUERY_HIT: u32 = HEADER + 11 + 16;
/// One result: index 4, size 4, name and a second NUL.
const RESULT: u32 = 8 + NAME_BYTES + 1;
/// Port 2 and IP address 4, which a query carries if hits come back directly.
const ADDRESS: u32 = 6;
/// `GNUTELLA CONNECT/0.4\n\n`, and a byte for our flag.
const CONNECT: u32 = 22 + 1;
/// `GNUTELLA OK\n\n`.
const OK: u32 = 13;
/// Code 2, empty reason 1 (the later BYE descriptor).
const BYE: u32 = HEADER + 3;

/// Addresses in a pong or a refusal.
pub(super) const HOSTS: usize = 4;

/// A message of the flooding overlay.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FloodingMessage {
    /// Let us be neighbours.
    Connect {
        /// The request, at the peer that makes it.
        token: Token,
        /// It lacks at least two neighbours: a full peer makes room for it.
        needy: bool,
    },
    /// We are.
    Accept {
        /// Of the [`FloodingMessage::Connect`].
        token: Token,
    },
    /// I have enough neighbours; try these.
    Refuse {
        /// Of the [`FloodingMessage::Connect`].
        token: Token,
        /// Others that may have room.
        others: Hosts,
    },
    /// Are you there, and whom do you know? To neighbours only.
    Ping,
    /// I am here, and I know these.
    Pong {
        /// Some addresses from the host cache.
        others: Hosts,
    },
    /// Who has this? Hits come back along the path.
    Query(Query),
    /// Who has this? Hits go straight to `origin`.
    DirectQuery {
        /// The question.
        query: Query,
        /// The peer that asked.
        origin: PeerId,
    },
    /// `holder` has it.
    Hit {
        /// Which query this answers: its descriptor id.
        id: LookupId,
        /// The peer that has it (or is it).
        holder: PeerId,
        /// Links that the query crossed to it.
        hops: u16,
    },
    /// I am no longer your neighbour.
    Bye {
        /// A newcomer that has taken your place here, and has one for you.
        instead: Option<PeerId>,
    },
    /// A pong of a peer that says how many neighbours it has, for walks that look for the well connected.
    DegreePong {
        /// Some addresses from the host cache.
        others: Hosts,
        /// Its neighbours.
        degree: u16,
    },
    /// A walker: have you got this?
    Walk(Walk),
    /// Whoever has the walker, to the peer that asked: does it still matter?
    Check {
        /// The question.
        id: LookupId,
        /// The request, at the peer that has the walker.
        token: Token,
    },
    /// The peer that asked: it does, or it does not.
    Verdict {
        /// The question.
        id: LookupId,
        /// Of the [`FloodingMessage::Check`].
        token: Token,
        /// The walker is to go on.
        goes_on: bool,
    },
    /// `holder` has these, which match.
    Matches {
        /// Which query this answers: its descriptor id.
        id: LookupId,
        /// The peer that has them.
        holder: PeerId,
        /// Links that the query crossed to it.
        hops: u16,
        /// What it has.
        items: Arc<[ItemId]>,
    },
    /// News that everybody is to hear.
    Rumour(RumourId),
    /// What keeps the neighbours that are found by gossip.
    Member(MembershipMessage),
    /// Whoever has found `item`, to the peer that has it: let me have a copy.
    Fetch {
        /// The question that found it.
        id: LookupId,
        /// What is wanted.
        item: ItemId,
        /// It is to come back along the way that the question's walk came.
        along: bool,
    },
    /// The item itself.
    Copy {
        /// The question that found it.
        id: LookupId,
        /// What it is.
        item: ItemId,
        /// Its size.
        bytes: u32,
        /// Links that it may still cross, this one not included.
        left: u16,
    },
    /// `holder` has `item`: get yourself a copy.
    Offer {
        /// The question that found it.
        id: LookupId,
        /// What it is.
        item: ItemId,
        /// The peer that has it.
        holder: PeerId,
    },
}

impl From<MembershipMessage> for FloodingMessage {
    fn from(message: MembershipMessage) -> Self {
        Self::Member(message)
    }
}

/// A question on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// Whose question, and which, and the how-manieth flood for it: the descriptor id. A first flood has the question's own.
    pub id: LookupId,
    /// What is looked for.
    pub wanted: Wanted,
    /// Links that it may still cross, this one included.
    pub ttl: u8,
    /// Links that it has crossed, this one included.
    pub hops: u8,
}

/// A question that goes from neighbour to neighbour, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Walk {
    /// The question: its walkers have the same descriptor id.
    pub id: LookupId,
    /// What is looked for.
    pub wanted: Wanted,
    /// The peer that asked.
    pub origin: PeerId,
    /// Links that it has crossed, this one included.
    pub steps: u16,
}

/// What a flood can look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// Whoever holds this item.
    Item(ItemId),
    /// This peer.
    Peer(PeerId),
    /// Whoever holds items with these words in their names.
    Keywords(Keywords),
}

impl Wanted {
    /// True if there is one right answer at the most.
    pub(crate) fn is_one(self) -> bool {
        matches!(self, Self::Peer(_))
    }

    /// A message of so many bytes and a contact or none, and what it looks for: a name, or the words of a search.
    #[inline]
    fn sized(self, bytes: u32, contacts: u32) -> Fields {
        match self {
            Self::Item(_) | Self::Peer(_) => sized(bytes + NAME_BYTES, contacts, 1),
            Self::Keywords(keywords) => sized(bytes + keywords.text_bytes(), contacts, 0),
        }
    }

    /// A query for it, with or without the address of whoever asks.
    #[inline]
    pub(crate) fn query_fields(self, with_address: bool) -> Fields {
        self.sized(QUERY + if with_address { ADDRESS } else { 0 }, with_address.into())
    }
}

/// Up to four addresses, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hosts {
    list: [PeerId; HOSTS],
    len: u8,
}

impl Default for Hosts {
    fn default() -> Self {
        Self { list: [PeerId(0); HOSTS], len: 0 }
    }
}

impl std::fmt::Debug for Hosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl Hosts {
    /// The addresses.
    pub fn as_slice(&self) -> &[PeerId] {
        &self.list[..self.len as usize]
    }

    /// Adds one, unless it is there or there is no room.
    pub(crate) fn add(&mut self, host: PeerId) {
        if !self.is_full() && !self.as_slice().contains(&host) {
            self.list[self.len as usize] = host;
            self.len += 1;
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.len as usize == HOSTS
    }
}

/// `bytes` bytes on the UDP wire, of which `contacts` contacts and `keys` keys are a part (so that the p2psim wire, which counts
/// identifiers only, sees them).
pub(crate) const fn sized(bytes: u32, contacts: u32, keys: u32) -> Fields {
    Fields::bytes(bytes - 26 * contacts - 20 * keys).contacts(contacts).keys(keys)
}

/// A hit with so many results.
pub(crate) const fn hit_fields(results: u32) -> Fields {
    sized(QUERY_HIT + RESULT * results, 1, results)
}

/// What servents say themselves.
const OWN_KINDS: [&str; 12] = ["connect", "accept", "refuse", "ping", "pong", "query", "hit", "bye", "walk", "check", "verdict", "rumour"];

/// What is said of copies.
const COPY_KINDS: [&str; 3] = ["fetch", "copy", "offer"];

/// Where the kinds of copies begin: behind what members say.
const COPIES: usize = OWN_KINDS.len() + MembershipMessage::KINDS.len();

/// All of that.
const KINDS: [&str; COPIES + COPY_KINDS.len()] = membership::kinds(&[&OWN_KINDS, &MembershipMessage::KINDS, &COPY_KINDS]);

impl FloodingMessage {
    fn other_fields(&self) -> Fields {
        match self {
            Self::Connect { .. } => sized(CONNECT, 0, 0),
            Self::Accept { .. } => sized(OK, 0, 0),
            // A servent that is full answers with pongs before it hangs up.
            Self::Refuse { others, .. } => sized(OK + PONG * u32::from(others.len), u32::from(others.len), 0),
            Self::Ping | Self::Check { .. } => sized(HEADER, 0, 0),
            // One pong for itself, and one for each host that it knows of; the degree takes the place of the number of shared files.
            Self::Pong { others } | Self::DegreePong { others, .. } => {
                sized(PONG * (1 + u32::from(others.len)), 1 + u32::from(others.len), 0)
            }
            Self::Query(query) => query.wanted.query_fields(false),
            Self::DirectQuery { query: Query { wanted, .. }, .. } | Self::Walk(Walk { wanted, .. }) => wanted.query_fields(true),
            Self::Verdict { .. } => sized(HEADER + 1, 0, 0),
            Self::Hit { .. } => hit_fields(1),
            Self::Matches { items, .. } => hit_fields(items.len() as u32),
            Self::Rumour(_) => sized(HEADER, 0, 0).rumours(1),
            Self::Bye { instead: None } => sized(BYE, 0, 0),
            Self::Bye { instead: Some(_) } => sized(BYE + ADDRESS, 1, 0),
            Self::Member(message) => message.fields(),
            Self::Fetch { .. } => sized(HEADER + 1 + NAME_BYTES, 0, 1),
            Self::Copy { bytes, .. } => sized(HEADER + NAME_BYTES + bytes, 0, 1),
            Self::Offer { .. } => sized(HEADER + NAME_BYTES + 26, 1, 1),
        }
    }
}

impl Message for FloodingMessage {
    const KINDS: &'static [&'static str] = &KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Connect { .. } => 0,
            Self::Accept { .. } => 1,
            Self::Refuse { .. } => 2,
            Self::Ping => 3,
            Self::Pong { .. } | Self::DegreePong { .. } => 4,
            Self::Query(_) | Self::DirectQuery { .. } => 5,
            Self::Hit { .. } | Self::Matches { .. } => 6,
            Self::Bye { .. } => 7,
            Self::Walk(_) => 8,
            Self::Check { .. } => 9,
            Self::Verdict { .. } => 10,
            Self::Rumour(_) => 11,
            Self::Member(message) => OWN_KINDS.len() + message.kind(),
            Self::Fetch { .. } => COPIES,
            Self::Copy { .. } => COPIES + 1,
            Self::Offer { .. } => COPIES + 2,
        }
    }

    /// What most messages are is told without a call.
    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Query(query) => query.wanted.query_fields(false),
            _ => self.other_fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::Query(query) | Self::DirectQuery { query, .. } => Cause::Lookup(lookup_of(query.id)),
            Self::Hit { id, .. } | Self::Matches { id, .. } => Cause::Lookup(lookup_of(*id)),
            Self::Walk(walk) => Cause::Lookup(walk.id),
            Self::Check { id, .. } | Self::Verdict { id, .. } => Cause::Lookup(*id),
            Self::Rumour(rumour) => Cause::Rumour(*rumour),
            _ => Cause::Maintenance,
        }
    }
}

// A million messages are in flight at times: each one is half a cache line at the most.
const _: () = assert!(size_of::<FloodingMessage>() <= 32);

//! What clients, balancer and servers say to each other.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, Keywords, LookupId, Message, NAME_BYTES, PeerId, Token};

use crate::unstructured::flooding::Wanted;

/// The kind and the request's number.
const HEADER: u32 = 1 + 4;

/// The number that a balancer gave to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(super) u32);

/// A message of client and server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerMessage {
    /// Client: I want this.
    Request {
        /// The request, at the client.
        token: Token,
        /// For the count of messages.
        id: LookupId,
        /// The item.
        item: ItemId,
    },
    /// The service: here it is.
    Answer {
        /// Of the request.
        token: Token,
        /// Of the request.
        id: LookupId,
        /// The server that has it.
        server: PeerId,
    },
    /// Balancer: somebody wants this.
    Relay {
        /// The request, at the balancer.
        ticket: Ticket,
        /// For the count of messages.
        id: LookupId,
        /// The item.
        item: ItemId,
    },
    /// Server behind a balancer: here it is.
    Served {
        /// Of the [`ServerMessage::Relay`].
        ticket: Ticket,
        /// Of the same.
        id: LookupId,
    },
    /// The service: this is not to be had here (any more).
    Gone {
        /// Of the request.
        token: Token,
        /// Of the request.
        id: LookupId,
    },
    /// Client: I want what has these words in its name.
    Search {
        /// The request, at the client.
        token: Token,
        /// For the count of messages.
        id: LookupId,
        /// The words.
        keywords: Keywords,
    },
    /// The service: here are these.
    Matches {
        /// Of the request.
        token: Token,
        /// Of the request.
        id: LookupId,
        /// The server that has them.
        server: PeerId,
        /// None, if nothing matches.
        items: Arc<Vec<ItemId>>,
    },
    /// Balancer: somebody wants what has these words in its name.
    RelaySearch {
        /// The request, at the balancer.
        ticket: Ticket,
        /// For the count of messages.
        id: LookupId,
        /// The words.
        keywords: Keywords,
    },
    /// Server behind a balancer: here are these.
    ServedSearch {
        /// Of the [`ServerMessage::RelaySearch`].
        ticket: Ticket,
        /// Of the same.
        id: LookupId,
        /// None, if nothing matches.
        items: Arc<Vec<ItemId>>,
    },
}

impl ServerMessage {
    /// A client's request.
    pub(super) fn request(token: Token, id: LookupId, wanted: Wanted) -> Option<Self> {
        match wanted {
            Wanted::Item(item) => Some(Self::Request { token, id, item }),
            Wanted::Keywords(keywords) => Some(Self::Search { token, id, keywords }),
            Wanted::Peer(_) => None,
        }
    }

    /// The same, passed on by a balancer.
    pub(super) fn relay(ticket: Ticket, id: LookupId, wanted: Wanted) -> Option<Self> {
        match wanted {
            Wanted::Item(item) => Some(Self::Relay { ticket, id, item }),
            Wanted::Keywords(keywords) => Some(Self::RelaySearch { ticket, id, keywords }),
            Wanted::Peer(_) => None,
        }
    }
}

/// The names of so many items.
fn names(items: &[ItemId]) -> Fields {
    let count = items.len() as u32;
    Fields::bytes(HEADER + NAME_BYTES * count).keys(count)
}

impl Message for ServerMessage {
    const KINDS: &'static [&'static str] = &["request", "answer", "relay", "served", "gone"];

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Request { .. } | Self::Search { .. } => 0,
            Self::Answer { .. } | Self::Matches { .. } => 1,
            Self::Relay { .. } | Self::RelaySearch { .. } => 2,
            Self::Served { .. } | Self::ServedSearch { .. } => 3,
            Self::Gone { .. } => 4,
        }
    }

    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Request { .. } | Self::Relay { .. } => Fields::bytes(HEADER).keys(1),
            Self::Search { keywords, .. } | Self::RelaySearch { keywords, .. } => Fields::bytes(HEADER + keywords.text_bytes()),
            Self::Answer { .. } => Fields::bytes(HEADER).contacts(1),
            Self::Matches { items, .. } => names(items).contacts(1),
            Self::ServedSearch { items, .. } => names(items),
            Self::Served { .. } | Self::Gone { .. } => Fields::bytes(HEADER),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::Request { id, .. }
            | Self::Answer { id, .. }
            | Self::Relay { id, .. }
            | Self::Served { id, .. }
            | Self::Search { id, .. }
            | Self::Matches { id, .. }
            | Self::RelaySearch { id, .. }
            | Self::ServedSearch { id, .. }
            | Self::Gone { id, .. } => Cause::Lookup(*id),
        }
    }
}

const _: () = assert!(size_of::<ServerMessage>() <= 32);

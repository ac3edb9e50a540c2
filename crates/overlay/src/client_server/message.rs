//! What clients, balancer and servers say to each other.

use peerlab_model::{Cause, Fields, ItemId, LookupId, Message, PeerId, Token};

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
}

impl Message for ServerMessage {
    const KINDS: &'static [&'static str] = &["request", "answer", "relay", "served", "gone"];

    fn kind(&self) -> usize {
        match self {
            Self::Request { .. } => 0,
            Self::Answer { .. } => 1,
            Self::Relay { .. } => 2,
            Self::Served { .. } => 3,
            Self::Gone { .. } => 4,
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Self::Request { .. } | Self::Relay { .. } => Fields::bytes(HEADER).keys(1),
            Self::Answer { .. } => Fields::bytes(HEADER).contacts(1),
            Self::Served { .. } | Self::Gone { .. } => Fields::bytes(HEADER),
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Request { id, .. }
            | Self::Answer { id, .. }
            | Self::Relay { id, .. }
            | Self::Served { id, .. }
            | Self::Gone { id, .. } => Cause::Lookup(*id),
        }
    }
}

const _: () = assert!(size_of::<ServerMessage>() <= 24);

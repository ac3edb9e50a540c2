//! What peers and the index server say to each other.

use peerlab_model::{Cause, Fields, ItemId, Keywords, LookupId, Message, NAME_BYTES, PeerId, Posting, Token};

/// Napster's message header: length 2, type 2.
const HEADER: u32 = 4;
/// A session or a request's number.
const NUMBER: u32 = 4;
/// Nick name, password, port, client version and link type of a login: our choice for the strings' lengths.
const LOGIN: u32 = 36;
/// What is told of a shared file beside its hash: name, size 4, bit rate, frequency and length 4 each.
const FILE: u32 = NAME_BYTES + 16;

/// The number that a server gave a peer when it logged in. Another life of the server knows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(pub u32);

/// A message of the central index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IndexMessage {
    /// Peer: here I am.
    Login {
        /// The request, at the peer.
        token: Token,
    },
    /// Server: you are registered.
    Welcome {
        /// Of the [`IndexMessage::Login`].
        token: Token,
        /// To be shown from now on.
        session: Session,
    },
    /// Peer: I share these, too.
    Share {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
        /// In ascending order.
        items: Box<[ItemId]>,
    },
    /// Peer: I no longer share these.
    Unshare {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
        /// In ascending order.
        items: Box<[ItemId]>,
    },
    /// Peer: I am still here.
    Heartbeat {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
    },
    /// Server: done. Answers shares, unshares and heartbeats.
    Done {
        /// Of the request.
        token: Token,
    },
    /// Server: I do not know that session; log in again. Answers every request but a login.
    Unknown {
        /// Of the request.
        token: Token,
        /// The session that was shown.
        session: Session,
        /// The question that this refuses, if it was one.
        question: Option<LookupId>,
    },
    /// Peer: who has this item?
    QueryItem {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
        /// For the count of messages.
        id: LookupId,
        /// The item.
        item: ItemId,
    },
    /// Peer: is this peer there?
    QueryPeer {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
        /// For the count of messages.
        id: LookupId,
        /// Its name.
        named: PeerId,
    },
    /// Server: these.
    Answer {
        /// Of the query.
        token: Token,
        /// Of the query.
        id: LookupId,
        /// None, if nobody is known.
        holders: Box<[PeerId]>,
    },
    /// Peer: I am leaving.
    Goodbye {
        /// The peer's session.
        session: Session,
    },
    /// Peer: what is there with these words in its name, and who has it?
    Search {
        /// The request, at the peer.
        token: Token,
        /// The peer's session.
        session: Session,
        /// For the count of messages.
        id: LookupId,
        /// The words.
        keywords: Keywords,
    },
    /// Server: these.
    Matches {
        /// Of the search.
        token: Token,
        /// Of the search.
        id: LookupId,
        /// None, if nothing matches.
        postings: Box<[Posting]>,
    },
}

impl Message for IndexMessage {
    const KINDS: &'static [&'static str] =
        &["login", "welcome", "share", "unshare", "heartbeat", "done", "unknown", "query", "answer", "goodbye"];

    fn kind(&self) -> usize {
        match self {
            Self::Login { .. } => 0,
            Self::Welcome { .. } => 1,
            Self::Share { .. } => 2,
            Self::Unshare { .. } => 3,
            Self::Heartbeat { .. } => 4,
            Self::Done { .. } => 5,
            Self::Unknown { .. } => 6,
            Self::QueryItem { .. } | Self::QueryPeer { .. } | Self::Search { .. } => 7,
            Self::Answer { .. } | Self::Matches { .. } => 8,
            Self::Goodbye { .. } => 9,
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Self::Login { .. } => Fields::bytes(HEADER + NUMBER + LOGIN),
            Self::Welcome { .. } | Self::Heartbeat { .. } | Self::Unknown { .. } => Fields::bytes(HEADER + 2 * NUMBER),
            Self::Share { items, .. } => Fields::bytes(HEADER + 2 * NUMBER + FILE * items.len() as u32).keys(items.len() as u32),
            Self::Unshare { items, .. } => Fields::bytes(HEADER + 2 * NUMBER).keys(items.len() as u32),
            Self::Done { .. } | Self::Goodbye { .. } => Fields::bytes(HEADER + NUMBER),
            Self::QueryItem { .. } | Self::QueryPeer { .. } => Fields::bytes(HEADER + 2 * NUMBER).keys(1),
            Self::Search { keywords, .. } => Fields::bytes(HEADER + 2 * NUMBER + keywords.text_bytes()),
            // Each result as its holder has shared it.
            Self::Matches { postings, .. } => {
                let count = postings.len() as u32;
                Fields::bytes(HEADER + NUMBER + FILE * count).keys(count).contacts(count)
            }
            Self::Answer { holders, .. } => Fields::bytes(HEADER + NUMBER).contacts(holders.len() as u32),
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::QueryItem { id, .. }
            | Self::QueryPeer { id, .. }
            | Self::Search { id, .. }
            | Self::Matches { id, .. }
            | Self::Answer { id, .. }
            | Self::Unknown { question: Some(id), .. } => Cause::Lookup(*id),
            _ => Cause::Maintenance,
        }
    }
}

const _: () = assert!(size_of::<IndexMessage>() <= 32);

//! What peers and the index server say to each other.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, Keywords, LookupId, Message, NAME_BYTES, PeerId, Posting, Time, Token};

/// Napster's message header: length 2, type 2.
const HEADER: u32 = 4;
/// A session or a request's number.
const NUMBER: u32 = 4;
/// Nick name, password, port, client version and link type of a login: our choice for the strings' lengths.
const LOGIN: u32 = 36;
/// A part of a file that proves that one has it: a leaf of its hash tree, and the hashes beside the way from there to the root, by which the file is
/// known (THEX: 1024 bytes a leaf, Tiger hashes of 24), for a file of a mebibyte.
const PROOF: u32 = 1024 + 10 * 24;
/// What is told of a shared file beside its hash: name, size 4, bit rate, frequency and length 4 each.
const FILE: u32 = NAME_BYTES + 16;

/// The number that a server gave a peer when it logged in. Another life of the server knows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session(pub u32);

/// What one server tells another of a peer that is registered with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct News {
    /// The peer.
    pub peer: PeerId,
    /// What is new.
    pub change: Change,
}

/// What has happened to a peer's registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// It has registered at this time; it shares nothing yet.
    Arrived(Time),
    /// It shares this item.
    Shares(ItemId),
    /// It shares it no longer.
    NoLonger(ItemId),
    /// It is gone.
    Gone,
}

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
    /// Server to the one that an item falls to: a peer of mine asks who has it.
    Relay {
        /// Of the query.
        token: Token,
        /// Of the query.
        id: LookupId,
        /// The item.
        item: ItemId,
        /// Who asks.
        origin: PeerId,
    },
    /// Server, to a peer of another one's: these.
    Relayed {
        /// Of the query.
        token: Token,
        /// Of the query.
        id: LookupId,
        /// None, if nobody is known.
        holders: Box<[PeerId]>,
    },
    /// Server to server: this is new, or, if nothing is, I am still here.
    Tell {
        /// The life of the sender.
        life: u32,
        /// Which message to this server it is.
        number: u32,
        /// Not what is new, but all that there is.
        whole: bool,
        /// In the order in which it has happened.
        news: Arc<[News]>,
    },
    /// Server to server: thank you.
    Told {
        /// Of the message.
        number: u32,
        /// What came before it is missing: please tell me all.
        missing: bool,
    },
    /// Server: show me a part of each of these, which I choose; answers a share where that is asked for.
    Challenge {
        /// Of the [`IndexMessage::Share`].
        token: Token,
        /// The peer's session.
        session: Session,
        /// In ascending order.
        items: Box<[ItemId]>,
    },
    /// Peer: here they are, of what I have.
    Proof {
        /// Of the [`IndexMessage::Share`].
        token: Token,
        /// The peer's session.
        session: Session,
        /// In ascending order.
        items: Box<[ItemId]>,
    },
}

impl Message for IndexMessage {
    const KINDS: &'static [&'static str] = &[
        "login",
        "welcome",
        "share",
        "unshare",
        "heartbeat",
        "done",
        "unknown",
        "query",
        "answer",
        "goodbye",
        "relay",
        "tell",
        "told",
        "challenge",
        "proof",
    ];

    #[inline]
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
            Self::Answer { .. } | Self::Matches { .. } | Self::Relayed { .. } => 8,
            Self::Goodbye { .. } => 9,
            Self::Relay { .. } => 10,
            Self::Tell { .. } => 11,
            Self::Told { .. } => 12,
            Self::Challenge { .. } => 13,
            Self::Proof { .. } => 14,
        }
    }

    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Login { .. } => Fields::bytes(HEADER + NUMBER + LOGIN),
            Self::Welcome { .. } | Self::Heartbeat { .. } | Self::Unknown { .. } => Fields::bytes(HEADER + 2 * NUMBER),
            Self::Share { items, .. } => Fields::bytes(HEADER + 2 * NUMBER + FILE * items.len() as u32).keys(items.len() as u32),
            // The number of the part of each.
            Self::Challenge { items, .. } => Fields::bytes(HEADER + (2 + items.len() as u32) * NUMBER).keys(items.len() as u32),
            Self::Proof { items, .. } => Fields::bytes(HEADER + 2 * NUMBER + PROOF * items.len() as u32).keys(items.len() as u32),
            Self::Unshare { items, .. } => Fields::bytes(HEADER + 2 * NUMBER).keys(items.len() as u32),
            Self::Done { .. } | Self::Goodbye { .. } => Fields::bytes(HEADER + NUMBER),
            Self::QueryItem { .. } | Self::QueryPeer { .. } => Fields::bytes(HEADER + 2 * NUMBER).keys(1),
            Self::Search { keywords, .. } => Fields::bytes(HEADER + 2 * NUMBER + keywords.text_bytes()),
            // Each result as its holder has shared it.
            Self::Matches { postings, .. } => {
                let count = postings.len() as u32;
                Fields::bytes(HEADER + NUMBER + FILE * count).keys(count).contacts(count)
            }
            Self::Relay { .. } => Fields::bytes(HEADER + NUMBER).keys(1).contacts(1),
            Self::Tell { news, .. } => tell(news),
            Self::Told { .. } => Fields::bytes(HEADER + NUMBER + 1),
            Self::Answer { holders, .. } | Self::Relayed { holders, .. } => Fields::bytes(HEADER + NUMBER).contacts(holders.len() as u32),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::QueryItem { id, .. }
            | Self::QueryPeer { id, .. }
            | Self::Search { id, .. }
            | Self::Matches { id, .. }
            | Self::Answer { id, .. }
            | Self::Relay { id, .. }
            | Self::Relayed { id, .. }
            | Self::Unknown { question: Some(id), .. } => Cause::Lookup(*id),
            _ => Cause::Maintenance,
        }
    }
}

/// Each piece of news is a byte that says what, and whom it is about: who arrives brings a time, a file its key and, when it comes, its data.
fn tell(news: &[News]) -> Fields {
    let size = |news: &News| match news.change {
        Change::Arrived(_) => Fields::bytes(1 + 8).contacts(1),
        Change::Shares(_) => Fields::bytes(1 + FILE).contacts(1).keys(1),
        Change::NoLonger(_) => Fields::bytes(1).contacts(1).keys(1),
        Change::Gone => Fields::bytes(1).contacts(1),
    };
    news.iter().map(size).fold(Fields::bytes(HEADER + 2 * NUMBER + 1), |sum, one| Fields {
        contacts: sum.contacts + one.contacts,
        keys: sum.keys + one.keys,
        bytes: sum.bytes + one.bytes,
        ..sum
    })
}

const _: () = assert!(size_of::<IndexMessage>() <= 32);

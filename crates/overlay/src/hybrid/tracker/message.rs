//! What peers and trackers, and peers among themselves, say to each other.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, LookupId, Message, PeerId, Span, Token};

use super::Protocol;
use crate::structured::kademlia::KademliaMessage;

/// What TCP's header has more than UDP's, which the network counts.
const TCP: u32 = 20 - 8;
/// BitTorrent's handshake but for its two identifiers: 1 + 19 + 8 (BEP 3).
const HANDSHAKE: u32 = 28;
/// "I have all of it", or nothing: a length of 4 and a kind (BEP 6).
const HAVE: u32 = 5;
/// An extended message of peer exchange but for its addresses: a length of 4, two kinds, and the names of the lists (BEP 10, 11).
const EXCHANGE: u32 = 6 + 40;
/// An HTTP request but for what it is about, and an answer but for what it says: our choice for the headers.
const HTTP_REQUEST: u32 = 200;
/// See [`HTTP_REQUEST`].
const HTTP_ANSWER: u32 = 150;

/// The number that a tracker gives to a peer's address, to be shown with each request (BEP 15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

/// Why a peer announces (BEP 3), unless it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// For the first time.
    Started,
    /// As the tracker wants it.
    Regular,
    /// It has all of it now.
    Completed,
}

/// What a peer announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Announce {
    /// The torrent.
    pub item: ItemId,
    /// Why.
    pub event: Event,
    /// Nothing is left to download: it holds the item.
    pub seed: bool,
    /// How many peers it wants to be named.
    pub numwant: u16,
    /// The question that it is sent for.
    pub lookup: Option<LookupId>,
    /// For the size.
    pub protocol: Protocol,
}

/// How many peers a tracker knows of a torrent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Those that have all of it.
    pub seeders: u32,
    /// How often somebody has told that it has got all of it.
    pub completed: u32,
    /// The others.
    pub leechers: u32,
}

/// What a tracker answers to an announce.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// It wants to hear again after this.
    pub interval: Span,
    /// How many there are.
    pub counts: Counts,
    /// Some of them.
    pub peers: Box<[PeerId]>,
}

/// Peers that are named to several others at once. (A vector behind its pointer: that is one word.)
pub type Named = Arc<Vec<PeerId>>;

/// A message of trackers and their peers. What is large is behind a pointer: a run that moves content has millions of messages on their way, each of
/// which takes the room of the largest. `lookup` is the question that it is sent for, if any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "tokens are of the sender's request, or of the one that is answered; the rest is said by the variant")]
pub enum TrackerMessage {
    /// Peer: which connection id do I have? Or, over HTTP, the opening of a connection.
    Connect { token: Token, lookup: Option<LookupId>, protocol: Protocol },
    /// Tracker: this one.
    Connected { token: Token, lookup: Option<LookupId>, protocol: Protocol, connection: ConnectionId },
    /// Peer: I am in this swarm, or no longer. Who else is?
    Announce { token: Token, connection: ConnectionId, announce: Box<Announce> },
    /// Tracker: these.
    Peers { token: Token, lookup: Option<LookupId>, protocol: Protocol, answer: Box<Answer> },
    /// Tracker: that is no connection id of yours (any more).
    Error { token: Token, lookup: Option<LookupId> },
    /// Peer: I leave the swarm.
    Stop { item: ItemId, protocol: Protocol },
    /// Peer: how many are there of these?
    Scrape { token: Token, connection: ConnectionId, protocol: Protocol, items: Box<[ItemId]> },
    /// Tracker: so many each.
    Scraped { token: Token, protocol: Protocol, counts: Box<[Counts]> },
    /// Peer to peer: let us be connected about this torrent. What have you got?
    Handshake { token: Token, lookup: Option<LookupId>, item: ItemId },
    /// All (`seed`), or nothing yet. We are connected if I `kept` you; and these are whom I am connected to, with peer exchange.
    Shaken { token: Token, lookup: Option<LookupId>, seed: bool, kept: bool, peers: Named },
    /// I have nothing to do with that torrent.
    Reset { token: Token, lookup: Option<LookupId> },
    /// Peer to peer, once connected: whom I have been connected to since my last message, and whom no longer.
    Exchange { item: ItemId, added: Named, dropped: Named },
    /// I am still here.
    KeepAlive { item: ItemId },
    /// We are connected no longer.
    Close { item: ItemId },
    /// Of the DHT that the peers form.
    Dht(Box<KademliaMessage>),
}

impl From<KademliaMessage> for TrackerMessage {
    fn from(message: KademliaMessage) -> Self {
        Self::Dht(Box::new(message))
    }
}

const OWN_KINDS: [&str; 13] = [
    "connect",
    "connected",
    "announce",
    "peers",
    "error",
    "scrape",
    "scraped",
    "handshake",
    "shaken",
    "reset",
    "exchange",
    "keep-alive",
    "close",
];

const DHT_KINDS: &[&str] = KademliaMessage::KINDS;

/// Its own kinds and, after them, those of the DHT.
const KINDS: [&str; OWN_KINDS.len() + DHT_KINDS.len()] = {
    let mut kinds = [""; OWN_KINDS.len() + DHT_KINDS.len()];
    let mut at = 0;
    while at < kinds.len() {
        kinds[at] = if at < OWN_KINDS.len() { OWN_KINDS[at] } else { DHT_KINDS[at - OWN_KINDS.len()] };
        at += 1;
    }
    kinds
};

impl Message for TrackerMessage {
    const KINDS: &'static [&'static str] = &KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Connect { .. } => 0,
            Self::Connected { .. } => 1,
            Self::Announce { .. } | Self::Stop { .. } => 2,
            Self::Peers { .. } => 3,
            Self::Error { .. } => 4,
            Self::Scrape { .. } => 5,
            Self::Scraped { .. } => 6,
            Self::Handshake { .. } => 7,
            Self::Shaken { .. } => 8,
            Self::Reset { .. } => 9,
            Self::Exchange { .. } => 10,
            Self::KeepAlive { .. } => 11,
            Self::Close { .. } => 12,
            Self::Dht(message) => OWN_KINDS.len() + message.kind(),
        }
    }

    /// BEP 15's packets byte by byte, or HTTP's text; between peers TCP's header and the messages of BEP 3, 6 and 11. The identifiers of 20 bytes
    /// (a torrent's hash, a peer's id) count as such, and who is named costs an address.
    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Connect { protocol, .. } | Self::Connected { protocol, .. } => match protocol {
                Protocol::Udp => Fields::bytes(16),
                Protocol::Http => Fields::bytes(TCP),
            },
            Self::Announce { announce, .. } => announced(announce.protocol),
            // Who leaves has no time to fetch a connection id: that packet is counted with this one, its header included.
            Self::Stop { protocol, .. } => {
                let first = match protocol {
                    Protocol::Udp => 28 + 16,
                    Protocol::Http => 28 + TCP,
                };
                let this = announced(*protocol);
                Fields { bytes: first + this.bytes, ..this }
            }
            Self::Peers { protocol: Protocol::Udp, answer, .. } => Fields::bytes(20).addresses(answer.peers.len() as u32),
            Self::Peers { answer, .. } => Fields::bytes(TCP + HTTP_ANSWER + 70).addresses(answer.peers.len() as u32),
            Self::Error { .. } => Fields::bytes(8 + 21),
            Self::Scrape { protocol: Protocol::Udp, items, .. } => Fields::bytes(16).keys(items.len() as u32),
            // A hash takes 60 characters, and its name.
            Self::Scrape { items, .. } => Fields::bytes(TCP + HTTP_REQUEST + 51 * items.len() as u32).keys(items.len() as u32),
            Self::Scraped { protocol: Protocol::Udp, counts, .. } => Fields::bytes(8 + 12 * counts.len() as u32),
            Self::Scraped { counts, .. } => Fields::bytes(TCP + HTTP_ANSWER + 70 * counts.len() as u32),
            Self::Handshake { .. } => Fields::bytes(TCP + HANDSHAKE).keys(2),
            Self::Shaken { peers, .. } => {
                let list = if peers.is_empty() { Fields::default() } else { exchange(peers.len(), 0) };
                Fields::bytes(TCP + HANDSHAKE + HAVE + list.bytes).keys(2).addresses(list.addresses)
            }
            Self::Exchange { added, dropped, .. } => {
                let list = exchange(added.len(), dropped.len());
                Fields { bytes: TCP + list.bytes, ..list }
            }
            Self::KeepAlive { .. } => Fields::bytes(TCP + 4),
            // A segment that says so.
            Self::Reset { .. } | Self::Close { .. } => Fields::bytes(TCP),
            Self::Dht(message) => message.fields(),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        let lookup = match self {
            Self::Connect { lookup, .. }
            | Self::Connected { lookup, .. }
            | Self::Peers { lookup, .. }
            | Self::Error { lookup, .. }
            | Self::Handshake { lookup, .. }
            | Self::Shaken { lookup, .. }
            | Self::Reset { lookup, .. } => *lookup,
            Self::Announce { announce, .. } => announce.lookup,
            Self::Stop { .. }
            | Self::Scrape { .. }
            | Self::Scraped { .. }
            | Self::Exchange { .. }
            | Self::KeepAlive { .. }
            | Self::Close { .. } => None,
            Self::Dht(message) => return message.cause(),
        };
        lookup.map_or(Cause::Maintenance, Cause::Lookup)
    }
}

/// 98 bytes over UDP, the two identifiers included.
fn announced(protocol: Protocol) -> Fields {
    let bytes = match protocol {
        Protocol::Udp => 98 - 40,
        // The identifiers are written in 60 characters each, and numbers follow.
        Protocol::Http => TCP + HTTP_REQUEST + 80 + 100,
    };
    Fields::bytes(bytes).keys(2)
}

/// Lists of who is there, with a byte of flags each, and who no longer is.
fn exchange(added: usize, dropped: usize) -> Fields {
    Fields::bytes(EXCHANGE + added as u32).addresses((added + dropped) as u32)
}

const _: () = assert!(size_of::<TrackerMessage>() <= 32);

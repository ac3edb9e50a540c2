//! What two agents say to each other: the peer protocol of BitTorrent (BEP 3), with peer exchange (BEP 11).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use peerlab_model::{ItemId, PeerId};

use crate::bits::Bits;

/// The pieces that somebody has.
pub type Bitfield = Arc<Bits>;

/// Peers that are named to another. (A vector behind its pointer: a message is two words.)
pub type Peers = Arc<Vec<PeerId>>;

/// Bytes of content, or of what says which pieces there are. They follow from what else a message says of its item, so no digest hangs on them.
#[derive(Clone, Copy, Debug)]
pub struct Length(pub u32);

impl Hash for Length {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// A message of a connection, which is a TCP connection in life. Each end knows it by a number of its own, which the other end puts into `to`.
#[derive(Clone, Debug, Hash)]
pub enum TransferMessage {
    /// "I want a connection about this item; mine is `slot`": TCP's and the protocol's handshake.
    Hello {
        /// What it is about.
        item: ItemId,
        /// The sender's end.
        slot: u16,
    },
    /// "Here is my end." A handshake, followed by a bitfield.
    Welcome {
        /// The receiver's end.
        to: u16,
        /// The sender's end.
        slot: u16,
    },
    /// "There is no connection, or no longer one." With others to turn to, perhaps.
    Close {
        /// The receiver's end.
        to: u16,
        /// Others who have the item.
        peers: Peers,
    },
    /// The pieces that the sender has.
    Pieces {
        /// The receiver's end.
        to: u16,
        /// The pieces.
        bits: Bitfield,
        /// A bit each.
        bytes: Length,
    },
    /// The sender has one more piece.
    Have {
        /// The receiver's end.
        to: u16,
        /// Which.
        piece: u32,
    },
    /// The sender wants something that the receiver has (`true`), or no longer does.
    Interest {
        /// The receiver's end.
        to: u16,
        /// Whether.
        wants: bool,
    },
    /// The sender serves the receiver (`true`), or no longer does, and then has forgotten what it was asked for.
    Choke {
        /// The receiver's end.
        to: u16,
        /// Whether it serves.
        serves: bool,
    },
    /// "Send me this block."
    Request {
        /// The receiver's end.
        to: u16,
        /// Which.
        block: u32,
    },
    /// "Do not send me this block; I have got it from somebody else."
    Cancel {
        /// The receiver's end.
        to: u16,
        /// Which.
        block: u32,
    },
    /// A block.
    Block {
        /// The receiver's end.
        to: u16,
        /// Which.
        block: u32,
        /// As long as it is.
        bytes: Length,
    },
    /// Others who have the item (peer exchange).
    Others {
        /// The receiver's end.
        to: u16,
        /// Who.
        peers: Peers,
    },
    /// "I am still here."
    Alive {
        /// The receiver's end.
        to: u16,
    },
    /// What looks like a block, and is something else.
    BadBlock {
        /// The receiver's end.
        to: u16,
        /// Which it claims to be.
        block: u32,
        /// As long as that is.
        bytes: Length,
    },
}

/// Bytes of IPv4's and TCP's headers in each segment.
const HEADERS: u32 = 40;

/// Bytes that a segment carries at the most (Ethernet's 1500 less the headers).
const SEGMENT: u32 = 1460;

/// The handshake of BEP 3.
const HANDSHAKE: u32 = 68;

impl TransferMessage {
    /// The names of the kinds, as they appear in `messages.csv`.
    pub const KINDS: &'static [&'static str] =
        &["hello", "welcome", "close", "pieces", "have", "interest", "choke", "request", "cancel", "block", "others", "alive"];

    /// The number of the connection at its receiver's end; nothing for the message that opens one.
    #[inline]
    pub const fn to(&self) -> Option<u16> {
        match *self {
            Self::Hello { .. } => None,
            Self::Welcome { to, .. }
            | Self::Close { to, .. }
            | Self::Pieces { to, .. }
            | Self::Have { to, .. }
            | Self::Interest { to, .. }
            | Self::Choke { to, .. }
            | Self::Request { to, .. }
            | Self::Cancel { to, .. }
            | Self::Block { to, .. }
            | Self::BadBlock { to, .. }
            | Self::Others { to, .. }
            | Self::Alive { to } => Some(to),
        }
    }

    /// Which kind this one is: an index into [`TransferMessage::KINDS`].
    #[inline]
    pub const fn kind(&self) -> usize {
        match self {
            Self::Hello { .. } => 0,
            Self::Welcome { .. } => 1,
            Self::Close { .. } => 2,
            Self::Pieces { .. } => 3,
            Self::Have { .. } => 4,
            Self::Interest { .. } => 5,
            Self::Choke { .. } => 6,
            Self::Request { .. } => 7,
            Self::Cancel { .. } => 8,
            Self::Block { .. } | Self::BadBlock { .. } => 9,
            Self::Others { .. } => 10,
            Self::Alive { .. } => 11,
        }
    }

    /// Its size on the wire in bytes: BEP 3's own sizes, in segments with 40 bytes of IPv4 and TCP headers each.
    /// Acknowledgements travel with what goes the other way, or uncounted.
    #[inline]
    pub fn wire_bytes(&self) -> u32 {
        let payload = match self {
            // TCP's own three-way handshake is two segments more.
            Self::Hello { .. } | Self::Welcome { .. } => HANDSHAKE + HEADERS,
            Self::Close { peers, .. } => 6 * peers.len() as u32,
            Self::Pieces { bytes, .. } => 5 + bytes.0,
            Self::Have { .. } => 9,
            Self::Interest { .. } | Self::Choke { .. } => 5,
            Self::Request { .. } | Self::Cancel { .. } => 17,
            Self::Block { bytes, .. } | Self::BadBlock { bytes, .. } => 13 + bytes.0,
            Self::Others { peers, .. } => 40 + 6 * peers.len() as u32,
            Self::Alive { .. } => 4,
        };
        payload + HEADERS * payload.div_ceil(SEGMENT).max(1)
    }
}

// A message on its way takes the room of the largest.
const _: () = assert!(size_of::<TransferMessage>() == 16);

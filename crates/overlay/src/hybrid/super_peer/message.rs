//! What super-peers and leaves say to each other, and what it costs on the wire.
//!
//! Descriptors and sizes are Gnutella's, as in the flooding model: 0.6 changed the handshake, and added tables and vendor messages.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, ItemId, LookupId, Message, PeerId, Token};

use crate::unstructured::flooding::{HEADER, Hosts, PONG, Query, Wanted, hit_fields, sized};
use crate::unstructured::membership::{self, MembershipMessage};

/// `GNUTELLA CONNECT/0.6` with `User-Agent`, `X-Ultrapeer`, `X-Query-Routing` and `X-Ultrapeer-Needed`: our count of typical headers.
const CONNECT: u32 = 120;
/// `GNUTELLA/0.6 200 OK` with as many headers, and the third line of the handshake.
const OK: u32 = 120 + 25;
/// `GNUTELLA/0.6 503` and `X-Try-Ultrapeers`, to which each address adds itself as text.
const REFUSE: u32 = 80;
/// An address as text.
const TRY: u32 = 22;
/// Code 2, empty reason 1.
const BYE: u32 = HEADER + 3;
/// Port 2 and IP address 4.
const ADDRESS: u32 = 6;
/// Variant, sequence number and size, compressor, entry bits (QRP's patch).
const PATCH: u32 = HEADER + 5;
/// Vendor 4, selector 2, version 2, and a number.
const VENDOR: u32 = HEADER + 8 + 2;

/// The slots of a routing table that are set, in ascending order.
pub type Table = Arc<[u16]>;

/// A message between super-peers and leaves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are what the variant says, and tokens of the sender's request")]
pub enum SuperMessage {
    /// Take me as your leaf (or, of a super-peer, as your neighbour).
    Connect { token: Token, leaf: bool },
    /// I do.
    Accept { token: Token },
    /// I do not, but these are super-peers; and more of them are needed.
    Refuse { token: Token, others: Hosts, needed: bool },
    /// Are you there?
    Ping,
    /// I am, and I know these super-peers; more of them are needed.
    Pong { others: Hosts, needed: bool },
    /// I am no longer your super-peer, leaf or neighbour; try that one.
    Bye { instead: Option<PeerId> },
    /// What I (and my leaves) have: `changed` slots are other ones than before.
    Table { slots: Table, changed: u32 },
    /// A leaf: search for me.
    Ask { id: LookupId, wanted: Wanted, token: Token },
    /// I shall.
    Taken { id: LookupId, token: Token },
    /// That was all: so many hits. Some may still be on their way.
    Over { id: LookupId, hits: u32 },
    /// Who has this?
    Query(Query),
    /// `holder` has it.
    Hit { id: LookupId, holder: PeerId, hops: u16 },
    /// `holder` has these, which match.
    Matches { id: LookupId, holder: PeerId, hops: u16, items: Arc<[ItemId]> },
    /// Serve my leaves with me, and with these.
    Invite { partners: Hosts },
    /// I serve your leaves with you.
    Partner,
    /// These serve my leaves with me.
    Cluster { partners: Hosts },
    /// What keeps the neighbours of super-peers, where these are found by gossip.
    Member(MembershipMessage),
    /// The same from a newcomer among the super-peers, who has asked a leaf.
    Relayed { newcomer: PeerId, message: MembershipMessage },
}

impl From<MembershipMessage> for SuperMessage {
    fn from(message: MembershipMessage) -> Self {
        Self::Member(message)
    }
}

/// What peers say themselves.
const OWN_KINDS: [&str; 16] = [
    "connect", "accept", "refuse", "ping", "pong", "bye", "table", "ask", "taken", "over", "query", "hit", "invite", "partner", "cluster",
    "relayed",
];

/// All of that, and what members say.
const KINDS: [&str; OWN_KINDS.len() + MembershipMessage::KINDS.len()] = membership::kinds(&[&OWN_KINDS, &MembershipMessage::KINDS]);

impl Message for SuperMessage {
    const KINDS: &'static [&'static str] = &KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Connect { .. } => 0,
            Self::Accept { .. } => 1,
            Self::Refuse { .. } => 2,
            Self::Ping => 3,
            Self::Pong { .. } => 4,
            Self::Bye { .. } => 5,
            Self::Table { .. } => 6,
            Self::Ask { .. } => 7,
            Self::Taken { .. } => 8,
            Self::Over { .. } => 9,
            Self::Query(_) => 10,
            Self::Hit { .. } | Self::Matches { .. } => 11,
            Self::Invite { .. } => 12,
            Self::Partner => 13,
            Self::Cluster { .. } => 14,
            Self::Relayed { .. } => 15,
            Self::Member(message) => OWN_KINDS.len() + message.kind(),
        }
    }

    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Connect { .. } => sized(CONNECT, 0, 0),
            Self::Accept { .. } => sized(OK, 0, 0),
            Self::Refuse { others, .. } => {
                let count = others.as_slice().len() as u32;
                // 26 bytes of a contact are counted; the text is shorter.
                sized(REFUSE + TRY.max(26) * count, count, 0)
            }
            Self::Ping => sized(HEADER, 0, 0),
            // Its own pong, and the others packed into it (`IPP`, 6 bytes each).
            Self::Pong { others, .. } => {
                let count = others.as_slice().len() as u32;
                sized(PONG + ADDRESS.max(26) * count, 1 + count, 0)
            }
            Self::Bye { instead: None } => sized(BYE, 0, 0),
            Self::Bye { instead: Some(_) } => sized(BYE + 26, 1, 0),
            Self::Table { changed, .. } => sized(PATCH + patch_bytes(*changed), 0, 0),
            Self::Ask { wanted, .. } | Self::Query(Query { wanted, .. }) => wanted.query_fields(false),
            Self::Taken { .. } | Self::Over { .. } | Self::Partner => sized(VENDOR, 0, 0),
            // As vendor messages, an address each behind the number of partners.
            Self::Invite { partners } | Self::Cluster { partners } => {
                let count = partners.as_slice().len() as u32;
                sized(VENDOR + 26 * count, count, 0)
            }
            Self::Member(message) => message.fields(),
            Self::Relayed { message, .. } => {
                let fields = message.fields();
                fields.contacts(1 + fields.contacts)
            }
            Self::Hit { .. } => hit_fields(1),
            Self::Matches { items, .. } => hit_fields(items.len() as u32),
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::Ask { id, .. } | Self::Taken { id, .. } | Self::Over { id, .. } | Self::Hit { id, .. } | Self::Matches { id, .. } => {
                Cause::Lookup(*id)
            }
            Self::Query(query) => Cause::Lookup(query.id),
            _ => Cause::Maintenance,
        }
    }
}

/// Bytes of a patch. A servent deflates a table of one bit a slot; sparse as it is, that comes to about the distances between the bits: two bytes for
/// each slot that has changed, and never more than the bits themselves.
fn patch_bytes(changed: u32) -> u32 {
    const TABLE: u32 = (1 << 16) / 8;
    (2 * changed).min(TABLE)
}

const _: () = assert!(size_of::<SuperMessage>() <= 32);

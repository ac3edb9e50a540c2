//! What peers say to each other, and what it costs on the wire.

use std::hash::Hash;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{LookupId, Numbering, PeerId, RumourId};

/// A message of an overlay: one variant a kind.
///
/// `Hash` feeds the trace digest: derive it, so that every field counts.
pub trait Message: Hash + Clone + Send + 'static {
    /// The names of the kinds, as they appear in `messages.csv`.
    const KINDS: &'static [&'static str];

    /// Which kind this one is: an index into [`Message::KINDS`].
    fn kind(&self) -> usize;

    /// What it carries, for its size on the wire.
    fn fields(&self) -> Fields;

    /// What it is sent for.
    fn cause(&self) -> Cause;

    /// Hands each peer that it names in answer to a question to `other`, who may put somebody else in its place: what a liar does to it.
    /// A model that leaves this out has no liars of this kind.
    fn forge(&mut self, _other: &mut dyn FnMut(&mut PeerId)) {}

    /// Its size on the wire in bytes with identifiers of the usual length, headers included, values apart:
    /// [`Setting::wire_bytes`](crate::Setting::wire_bytes) knows what they are in a run.
    #[inline]
    fn wire_bytes(&self, wire: Wire) -> u32 {
        wire.bytes(self.fields(), Numbering::IDENTIFIER_BITS / 8)
    }
}

/// Why a message was sent: exact costs of each lookup and of each rumour rest on this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// To keep the overlay and its records alive.
    Maintenance,
    /// For a lookup: replies, duplicates and retries included.
    Lookup(LookupId),
    /// To spread a rumour: the rumour itself, and what is said of it.
    Rumour(RumourId),
    /// To move content: blocks, and what is said about them. No overlay's message is.
    Transfer,
}

/// The contents of a message, in the units that the two wire formats count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Contacts: an overlay id with an address and a port.
    pub contacts: u32,
    /// Identifiers without an address (keys).
    pub keys: u32,
    /// Addresses and ports without an identifier, as in a tracker's compact lists.
    pub addresses: u32,
    /// Everything else, in bytes: kinds, counters, names, ids of requests.
    pub bytes: u32,
    /// Records of items whose contents travel along, where records are of values: see [`Setting::value_bytes`](crate::Setting).
    pub records: u32,
    /// Rumours that travel along, each of [`Setting::rumour_bytes`](crate::Setting).
    pub rumours: u32,
}

impl Fields {
    /// Some bytes, no contact and no key.
    pub const fn bytes(bytes: u32) -> Self {
        Self { contacts: 0, keys: 0, addresses: 0, bytes, records: 0, rumours: 0 }
    }

    /// The same and `keys` keys.
    pub const fn keys(self, keys: u32) -> Self {
        Self { keys, ..self }
    }

    /// The same and `contacts` contacts.
    pub const fn contacts(self, contacts: u32) -> Self {
        Self { contacts, ..self }
    }

    /// The same and `addresses` addresses.
    pub const fn addresses(self, addresses: u32) -> Self {
        Self { addresses, ..self }
    }

    /// The same and `records` records with what they are about.
    pub const fn records(self, records: u32) -> Self {
        Self { records, ..self }
    }

    /// The same and `rumours` rumours.
    pub const fn rumours(self, rumours: u32) -> Self {
        Self { rumours, ..self }
    }
}

/// How the size of a message is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// 20 bytes of IPv4 and 8 of UDP, then the fields: 20 bytes a key (SHA-1, if a model's identifiers are of no other length), and 6 more a
    /// contact (IPv4 address, port), or 6 an address alone.
    #[default]
    Udp,
    /// As p2psim counts: 20 bytes a message and 4 for each identifier (or address) in it; other fields are free (Li et al. 2005, section 4).
    P2psim,
}

impl Wire {
    /// The size in bytes of a message with these fields, values apart, where an identifier takes so many bytes.
    #[inline]
    pub const fn bytes(self, fields: Fields, identifier: u32) -> u32 {
        match self {
            Self::Udp => 28 + (identifier + 6) * fields.contacts + identifier * fields.keys + 6 * fields.addresses + fields.bytes,
            Self::P2psim => 20 + 4 * (fields.contacts + fields.keys + fields.addresses),
        }
    }
}

//! What one peer knows.

use std::collections::BTreeMap;

use peerlab_model::{Key, Keywords, LookupId, Numbering, PeerId, Time};
use peerlab_prefetch::prefetch;

use super::message::WriteToken;
use super::recursive::{Hop, Question};
use super::table::{Shape, Table};
use super::tokens::Tokens;
use crate::publisher::{Publisher, Registration};
use crate::records::{Record, Records};
use crate::structured::disjoint::Paths;
use crate::structured::newcomers::Newcomers;
use crate::structured::trips::{Trip, Trips};

/// One peer of a Kademlia network.
#[derive(Clone, Debug)]
pub struct KademliaPeer {
    pub(super) table: Table,
    /// What most peers do not need: suspects, content, the attempts to join.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    /// The bucket whose turn to be refreshed comes next.
    pub(super) turn: u16,
    /// The groups beyond this one wait for their first lookup, after a join.
    pub(super) to_fill: u8,
    /// It is a member: it answers.
    pub(super) active: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
    /// Some contacts have not answered of late. Told apart here, so that nobody looks for them in vain with each message.
    pub(super) suspicious: bool,
}

/// A request in flight.
#[derive(Clone, Debug)]
pub enum Pending {
    /// A lookup of this peer's own, or one for its upkeep.
    Search(Box<Search>),
    /// A ping of a contact that may have to give way to another one, or that has been silent.
    Ping {
        /// Who is pinged.
        to: PeerId,
        /// Who takes its place if it is gone.
        instead: Option<PeerId>,
    },
    /// A record to be stored.
    Store {
        /// Where.
        to: PeerId,
        /// Of what.
        of: Registration,
    },
    /// A ping of a candidate, to see how near it is.
    Measure {
        /// Who is pinged.
        to: PeerId,
        /// When.
        sent: Time,
    },
    /// A lookup of this peer's own that others pass on.
    Question(Box<Question>),
    /// A question that this peer has passed on.
    Hop(Box<Hop>),
}

/// An iterative lookup. What every answer reads comes first, and no cache line more than it needs.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub struct Search {
    pub(super) key: Key,
    pub(super) lookup: LookupId,
    pub(super) purpose: Purpose,
    pub(super) began: Time,
    pub(super) list: Paths,
    /// Tokens of those that answered, if it is to store.
    pub(super) write: Vec<(PeerId, WriteToken)>,
    /// Holders that were named, as often as they were, where several keepers have to agree.
    pub(super) named: Vec<PeerId>,
}

/// Cache lines of a search that an answer reads, if there is one path.
const HOT_LINES: usize = (std::mem::offset_of!(Search, list) + Paths::HOT).div_ceil(64);

impl Search {
    /// Brings near what an answer will read and write. A hint.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch::<HOT_LINES, _>(self);
    }
}

/// What a peer does with the result of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Lookup of a key.
    Key,
    /// Lookup of a peer.
    Peer(PeerId),
    /// Lookup of an item.
    Item,
    /// To become a member.
    Join,
    /// To see whether there is more of the network than this peer knows.
    LookAround,
    /// To fill the buckets, one after the other, after a join.
    Fill,
    /// To refresh a bucket.
    Refresh,
    /// Search by keyword: for whoever keeps the postings of the rarest word.
    Keywords(Keywords),
    /// To register an item.
    Publish(Registration),
    /// To take a registration back.
    Withdraw,
    /// To store a value where it belongs.
    Replicate,
}

impl Purpose {
    /// True for what is no lookup.
    pub(super) fn is_upkeep(self) -> bool {
        !matches!(self, Self::Key | Self::Peer(_) | Self::Item | Self::Keywords(_))
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Contacts that have not answered of late, with how often in a row; in the order of their numbers.
    suspects: Vec<(PeerId, u8)>,
    /// Records that this peer keeps for others.
    pub(super) records: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
    /// With the token rule, once somebody has asked for a token or refused one.
    pub(super) tokens: Option<Box<Tokens>>,
    /// Round trips, if a parameter asks for them.
    pub(super) trips: Option<Box<Trips>>,
    /// Where peers keep values: when somebody has last stored a value here.
    pub(super) received: BTreeMap<Key, Time>,
}

impl KademliaPeer {
    pub(super) fn new(id: PeerId) -> Self {
        Self { table: Table::new(), extra: None, id, turn: 0, to_fill: 0, active: false, ticking: false, suspicious: false }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Requests in a row that a contact has left unanswered.
    #[inline]
    pub(super) fn failures(&self, contact: PeerId) -> u8 {
        if self.suspicious { self.extra.as_deref().map_or(0, |extra| extra.failures(contact)) } else { 0 }
    }

    /// A contact has shown that it is there (or is gone for good).
    #[inline]
    pub(super) fn trust(&mut self, contact: PeerId) {
        if self.suspicious {
            let suspects = &mut self.extra().suspects;
            suspects.retain(|&(peer, _)| peer != contact);
            self.suspicious = !suspects.is_empty();
        }
    }

    pub(super) fn trips_mut(&mut self) -> &mut Trips {
        self.extra().trips.get_or_insert_default()
    }

    /// A contact is gone, or did not answer as soon as its round trip let expect: it is to be measured anew.
    pub(super) fn forget_trip(&mut self, contact: PeerId) {
        if let Some(trips) = self.extra.as_deref_mut().and_then(|extra| extra.trips.as_deref_mut()) {
            trips.forget(contact);
        }
    }

    /// A contact has left a request unanswered: how often in a row, by now.
    pub(super) fn suspect(&mut self, contact: PeerId) -> u8 {
        self.suspicious = true;
        let suspects = &mut self.extra().suspects;
        let at = match suspects.binary_search_by_key(&contact, |&(peer, _)| peer) {
            Ok(at) => at,
            Err(at) => {
                suspects.insert(at, (contact, 0));
                at
            }
        };
        suspects[at].1 = suspects[at].1.saturating_add(1);
        suspects[at].1
    }
}

impl Extra {
    fn failures(&self, contact: PeerId) -> u8 {
        self.suspects.binary_search_by_key(&contact, |&(peer, _)| peer).map_or(0, |at| self.suspects[at].1)
    }
}

// For measurement and tests.
impl KademliaPeer {
    /// True if it is a member: it answers.
    pub fn is_member(&self) -> bool {
        self.active
    }

    /// The records that it keeps for others, and its own.
    pub fn records(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.records)
    }

    pub(super) fn state_bytes(&self) -> usize {
        let extra = self.extra.as_deref().map_or(0, |extra| {
            // Without the token rule, measurements, and values, there are no such fields.
            size_of::<Extra>() - size_of::<Option<Box<Tokens>>>() - size_of::<Option<Box<Trips>>>() - size_of::<BTreeMap<Key, Time>>()
                + extra.trips.as_deref().map_or(0, |trips| size_of::<Trips>() + trips.len() * size_of::<(PeerId, Trip)>())
                + extra.received.len() * size_of::<(Key, Time)>()
                + extra.tokens.as_deref().map_or(0, Tokens::bytes)
                + extra.suspects.capacity() * size_of::<(PeerId, u8)>()
                + extra.records.len() * size_of::<Record>()
                + extra.publisher.bytes()
        });
        size_of::<Self>() + self.table.bytes() + extra
    }

    pub(super) fn check(&self, shape: &Shape, numbering: Numbering) -> Result<(), String> {
        self.table.check(shape, numbering, self.id)?;
        let suspects = self.extra.as_deref().map_or(&[][..], |extra| &extra.suspects);
        if self.suspicious == suspects.is_empty() {
            return Err(format!("{:?}: suspects {suspects:?}, and says the contrary", self.id));
        }
        let in_order = suspects.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if in_order { Ok(()) } else { Err(format!("{:?}: suspects are out of order", self.id)) }
    }
}

//! What one peer knows, and the decisions that need nothing else.

use std::sync::Arc;

use peerlab_model::{Key, LookupId, Numbering, PeerId, Span, Time};

use super::config::Rules;
use super::leaves::{Cover, Leaves};
use super::message::{Goal, Query};
use super::table::Table;
use crate::publisher::Publisher;
use crate::records::Records;
use crate::structured::dead::Dead;
use crate::structured::newcomers::Newcomers;
use crate::structured::prefix::{Place, closeness, place, shared_digits};
use crate::structured::ring::View;
use crate::structured::trips::{Trip, Trips};

/// One peer of a Pastry or Bamboo ring.
#[derive(Clone, Debug)]
pub struct PastryPeer {
    pub(super) leaves: Leaves,
    pub(super) table: Table,
    /// The neighbourhood set: the nearest by round trip, nearest first; shared with the replies that carry it.
    pub(super) neighbourhood: Arc<[PeerId]>,
    /// Round trips that this peer has measured.
    pub(super) trips: Trips,
    /// What most peers do not need: content, the attempts to join, contacts that are being checked.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    /// The row to refresh next.
    pub(super) next_row: u8,
    /// The contact to ping next.
    pub(super) next_ping: u16,
    /// It is a member: it answers, and routes.
    pub(super) active: bool,
    /// Its neighbours know it, so that questions for its keys reach it: the world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "whom it was sent to and when, and what the variant says")]
pub enum Pending {
    /// A question of anybody's that was passed on; `patient`: its timeout is the long one.
    Hop { to: PeerId, query: Query, sent: Time, patient: bool },
    /// A question of this peer's own.
    Own { query: Query, purpose: Purpose, tries: u8 },
    /// Is it there, and how far away?
    Ping { to: PeerId, sent: Time, why: Why },
    /// An exchange of leaf sets; `hello`: the first one, of a newcomer.
    Exchange { with: PeerId, sent: Time, hello: bool },
    /// A request for a row.
    Row { of: PeerId },
    /// A request for somebody to fill a slot: the how-manieth.
    Entry { of: PeerId, row: u8, column: u8, tries: u8 },
    /// A request for a neighbourhood set.
    Neighbourhood { of: PeerId },
    /// A record to be stored.
    Store { to: PeerId },
}

/// What a peer wants to know by a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Whether its neighbour on the ring is alive.
    KeepAlive,
    /// Whether a peer that others know is alive, and how far away, before it comes into a table.
    Candidate,
    /// Whether a contact is dead that others miss, or that kept silent for a short while.
    Suspicion,
    /// A newcomer wants to hear from each peer of its leaf set.
    Join,
}

/// What a peer does with the answer to its own question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Lookup of a key.
    Key,
    /// Lookup of a peer.
    Peer(PeerId),
    /// Lookup of an item.
    Item,
    /// To become a member, or to look for other members.
    Join,
    /// To find somebody for a slot of the routing table.
    Tune,
    /// To register an item.
    Publish,
    /// To take a registration back.
    Withdraw,
    /// To offer its owner values that are out of place here.
    Offer,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key | Self::Peer(_) => Goal::Owner,
            Self::Item => Goal::Providers,
            Self::Join => Goal::Join,
            Self::Tune | Self::Publish | Self::Withdraw | Self::Offer => Goal::Contact,
        }
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Contacts that a ping is on its way to.
    pub(super) checking: Vec<PeerId>,
    /// Contacts that kept silent for a short while: questions go round them until a ping has shown what is the matter.
    pub(super) suspects: Vec<PeerId>,
    /// Who did not answer lately.
    pub(super) dead: Dead,
    /// Records that this peer keeps for others.
    pub(super) records: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
    /// A newcomer's requests to its leaf set that are still open.
    pub(super) waiting: u16,
}

/// Where a question goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To this contact.
    Next(PeerId),
    /// Nowhere: this peer is the closest that it knows.
    Here,
}

impl PastryPeer {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            leaves: Leaves::default(),
            table: Table::default(),
            neighbourhood: Arc::default(),
            trips: Trips::default(),
            extra: None,
            id,
            next_row: 0,
            next_ping: 0,
            active: false,
            announced: false,
            ticking: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(super) fn is_suspect(&self, peer: PeerId) -> bool {
        self.extra.as_deref().is_some_and(|extra| extra.suspects.contains(&peer))
    }

    /// Where a question for `key` goes (Rowstron & Druschel 2001, Table 2 "pseudo code for Pastry core routing algorithm"). Contacts for
    /// which `avoid` holds count as absent.
    #[inline]
    pub(super) fn route(&self, numbering: Numbering, rules: &Rules, key: Key, avoid: impl Fn(PeerId) -> bool) -> Route {
        let view = View::new(&numbering, self.id);
        let cover = self.leaves.covers(view, rules.side(), key);
        if cover == Cover::Beyond {
            // The leaf set does not reach so far: one more digit.
            let this = numbering.key(self.id);
            let row = shared_digits(this, key, rules.bits);
            let slot = place(this, key, rules.bits).and_then(|place| self.table.get(self.id, place, rules.bits));
            return match slot {
                Some(next) if !avoid(next) => Route::Next(next),
                // The rare case: as long a prefix, but closer.
                _ => {
                    let as_long = |peer: PeerId| shared_digits(numbering.key(peer), key, rules.bits) >= row;
                    self.closest(numbering, key, self.all(), |peer| !avoid(peer) && as_long(peer))
                }
            };
        }
        if cover == Cover::All && !self.table.slots().is_empty() {
            // A leaf set with room on both sides: all that is known counts, for it may be a large ring's that lost half of it.
            return self.closest(numbering, key, self.all(), |peer| !avoid(peer));
        }
        self.closest(numbering, key, self.leaves.list().iter().copied(), |peer| !avoid(peer))
    }

    /// The closest to the key of these peers and this one.
    fn closest(&self, numbering: Numbering, key: Key, among: impl Iterator<Item = PeerId>, fits: impl Fn(PeerId) -> bool) -> Route {
        let (mut best, mut reached) = (Route::Here, closeness(key, numbering.key(self.id)));
        for peer in among {
            let close = closeness(key, numbering.key(peer));
            if close < reached && fits(peer) {
                (best, reached) = (Route::Next(peer), close);
            }
        }
        best
    }

    /// All contacts: leaf set, routing table, neighbourhood set. Some come twice.
    pub(super) fn all(&self) -> impl Iterator<Item = PeerId> {
        self.leaves.list().iter().copied().chain(self.table.iter(self.id)).chain(self.neighbourhood.iter().copied())
    }

    /// The peers of the leaf set in the order of their closeness to `key`, the `count` closest of them.
    pub(super) fn replicas(&self, numbering: Numbering, key: Key, count: usize) -> impl Iterator<Item = PeerId> {
        let mut list = [PeerId(0); super::config::LEAVES_MAX + 2];
        let mut length = 0;
        for &peer in self.leaves.list().iter() {
            if !list[..length].contains(&peer) {
                list[length] = peer;
                length += 1;
            }
        }
        list[..length].sort_unstable_by_key(|&peer| closeness(key, numbering.key(peer)));
        list.into_iter().take(length.min(count))
    }

    /// True if this peer is the closest to the key of all in its leaf set.
    pub(super) fn is_closest(&self, numbering: Numbering, key: Key) -> bool {
        self.closest(numbering, key, self.leaves.list().iter().copied(), |_| true) == Route::Here
    }

    /// Puts a live peer into its slot of the routing table, if that is empty, or if the present one is farther away by round trip.
    pub(super) fn take_into_table(&mut self, numbering: Numbering, rules: &Rules, peer: PeerId) {
        let Some(at) = self.place_of(numbering, rules, peer) else { return };
        match self.table.get(self.id, at, rules.bits) {
            None => self.table.set(self.id, at, rules.bits, peer),
            Some(present) if present != peer && rules.proximity && self.is_nearer(peer, present) => {
                self.table.set(self.id, at, rules.bits, peer);
                self.forget_trip(present);
            }
            Some(_) => {}
        }
    }

    pub(super) fn place_of(&self, numbering: Numbering, rules: &Rules, peer: PeerId) -> Option<Place> {
        place(numbering.key(self.id), numbering.key(peer), rules.bits)
    }

    /// True if the round trip to `peer` is shorter, as far as is known; any measurement beats none.
    fn is_nearer(&self, peer: PeerId, than: PeerId) -> bool {
        match (self.trips.get(peer), self.trips.get(than)) {
            (Some(trip), Some(other)) => trip.mean_us() < other.mean_us(),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Puts a measured peer into the neighbourhood set, if it belongs there.
    pub(super) fn take_into_neighbourhood(&mut self, limit: usize, peer: PeerId) {
        if limit == 0 || peer == self.id || self.neighbourhood.contains(&peer) {
            return;
        }
        let full = self.neighbourhood.len() >= limit;
        let last = self.neighbourhood.last().copied();
        if full && !last.is_some_and(|last| self.is_nearer(peer, last)) {
            return;
        }
        let kept = self.neighbourhood.len().min(limit - 1);
        let at = self.neighbourhood[..kept].iter().position(|&other| self.is_nearer(peer, other)).unwrap_or(kept);
        let (near, far) = self.neighbourhood[..kept].split_at(at);
        self.neighbourhood = near.iter().chain(&[peer]).chain(far).copied().collect();
        if let Some(out) = last.filter(|_| full) {
            self.forget_trip(out);
        }
    }

    /// The round trip to somebody who has gone from one of the tables is forgotten, unless another one has it.
    pub(super) fn forget_trip(&mut self, peer: PeerId) {
        if !self.leaves.list().contains(&peer) && !self.neighbourhood.contains(&peer) && !self.table.iter(self.id).any(|p| p == peer) {
            self.trips.forget(peer);
        }
    }

    /// Drops a contact from all tables. Gives the slot of the routing table that it had, and whether it was in the leaf set.
    pub(super) fn forget(&mut self, numbering: Numbering, rules: &Rules, dead: PeerId) -> (Option<Place>, bool) {
        self.trips.forget(dead);
        if self.neighbourhood.contains(&dead) {
            self.neighbourhood = self.neighbourhood.iter().copied().filter(|&peer| peer != dead).collect();
        }
        let slot = self.table.remove(numbering, self.id, rules.bits, dead);
        let leaf = self.leaves.list().contains(&dead) && self.leaves.rebuild(View::new(&numbering, self.id), rules.side(), Some(dead), &[]);
        (slot, leaf)
    }
}

// For measurement and tests.
impl PastryPeer {
    /// The leaf set: the peers after this one on the ring, nearest first, and those before it, nearest first.
    pub fn leaf_set(&self) -> (&[PeerId], &[PeerId]) {
        (self.leaves.after(), self.leaves.before())
    }

    /// The entries of a row of the routing table, with `b` bits a digit.
    pub fn row(&self, row: usize, b: u8) -> Vec<PeerId> {
        self.table.row(self.id, row, u32::from(b)).collect()
    }

    /// The neighbourhood set, nearest first.
    pub fn neighbourhood_set(&self) -> &[PeerId] {
        &self.neighbourhood
    }

    /// The smoothed round trip to a contact, if it has been measured.
    pub fn round_trip(&self, contact: PeerId) -> Option<Span> {
        self.trips.get(contact).map(Trip::mean)
    }

    /// True if it is a member: it answers, and routes.
    pub fn is_member(&self) -> bool {
        self.active
    }

    /// The records that it keeps for others, and its own.
    pub fn records(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.records)
    }

    pub(super) fn state_bytes(&self) -> usize {
        let shared = |list: &Arc<[PeerId]>| if list.is_empty() { 0 } else { size_of_val::<[PeerId]>(list) + 2 * size_of::<usize>() };
        let extra = self.extra.as_deref().map_or(0, |extra| {
            size_of::<Extra>()
                + extra.records.len() * size_of::<crate::records::Record>()
                + extra.publisher.bytes()
                + (extra.checking.len() + extra.suspects.len()) * size_of::<PeerId>()
                + extra.dead.bytes()
        });
        let lists = shared(self.leaves.list()) + shared(self.table.slots()) + shared(&self.neighbourhood);
        size_of::<Self>() + lists + self.trips.len() * size_of::<(PeerId, Trip)>() + extra
    }

    /// Each side of the leaf set is ordered and within its length; each entry of the routing table is in its own slot; nobody has itself.
    pub(super) fn check(&self, numbering: Numbering, rules: &Rules) -> Result<(), String> {
        let view = View::new(&numbering, self.id);
        let (after, before) = self.leaf_set();
        for (side, sign) in [(after, true), (before, false)] {
            let distance = |peer: PeerId| if sign { view.to(peer) } else { view.to(peer).wrapping_neg() };
            if side.len() > rules.side() || side.contains(&self.id) || !side.is_sorted_by_key(|&peer| distance(peer)) {
                return Err(format!("{:?}: a side of the leaf set is {side:?}", self.id));
            }
        }
        for (at, &peer) in self.table.slots().iter().enumerate().filter(|&(_, &peer)| peer != self.id) {
            if self.place_of(numbering, rules, peer).map(|(row, column)| (row << rules.bits) + column) != Some(at) {
                return Err(format!("{:?} has {peer:?} in slot {at} of its routing table", self.id));
            }
        }
        if self.neighbourhood.len() > usize::from(rules.neighbourhood_set) || self.neighbourhood.contains(&self.id) {
            return Err(format!("{:?}: the neighbourhood set is {:?}", self.id, self.neighbourhood));
        }
        Ok(())
    }
}

/// Stands in messages of maintenance where a lookup's number would be.
pub(super) const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

//! What one peer knows, and the decisions that need nothing else.

use std::sync::Arc;

use peerlab_model::{Key, Keywords, LookupId, PeerId, Requests, Time, Token};

use super::fingers::Fingers;
use super::message::{Goal, Query, Trail};
use super::shortcuts::Shortcuts;
use crate::publisher::Publisher;
use crate::records::Records;
use crate::structured::newcomers::Newcomers;
use crate::structured::ring::{View, relist};
use crate::structured::trips::{Stopwatch, Trips};

/// One peer of a Chord ring.
pub type ChordPeer = RingPeer<Fingers>;

/// One peer of a ring like Chord's, with shortcuts of some kind.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that are independent of each other, a byte each")]
pub struct RingPeer<V: Shortcuts> {
    /// The successor list, nearest first; shared with the replies that carry it. Empty: alone, or not a member.
    pub(super) successors: Arc<[PeerId]>,
    /// The contacts beyond the ring's: fingers, in Chord.
    pub(crate) table: V::Table,
    /// What most peers do not need: searches in iterative routing, content, the attempts to join.
    pub(super) extra: Option<Box<Extra<V::Trail>>>,
    /// The predecessor; this peer itself stands for "not known".
    before: PeerId,
    pub(super) id: PeerId,
    /// Whose turn it is in the refreshing of the shortcuts.
    pub(super) turn: u8,
    /// It is a member: it answers, and routes.
    pub(super) active: bool,
    /// Its predecessor has shown up, so that questions for its keys reach it: the world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
    /// Its successor list goes once round the ring: if all of it dies, this peer is all that is left.
    pub(super) whole: bool,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "whom it was sent to, and what the variant says")]
pub enum Pending<T> {
    /// A question of anybody's that was passed on.
    Hop { to: PeerId, query: Query<T>, last: bool },
    /// A question of this peer's own, unless it goes the iterative way.
    Own { query: Query<T>, purpose: Purpose, tries: u8 },
    /// Recursive: a question that came from `to`, who calls it `ask`, and has been passed on under this peer's own name.
    Back { to: PeerId, ask: Token },
    /// A request for neighbours.
    Neighbours { of: PeerId },
    /// A check of the predecessor.
    Ping { to: PeerId },
    /// How far away is it?
    Probe { to: PeerId, sent: Time },
    /// A record to be stored.
    Store { to: PeerId },
    /// A question by keyword, at the owner of its rarest word.
    Search { to: PeerId, search: super::postings::Search },
    /// A request for neighbours, for the sake of the shortcuts.
    Survey { of: PeerId },
}

/// What a peer does with the answer to its own question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `postings::Search`")]
pub enum Purpose {
    /// Lookup of a key.
    Key,
    /// Lookup of a peer.
    Peer(PeerId),
    /// Lookup of an item.
    Item,
    /// Lookup by keyword: for the owner of the rarest word.
    Search { keywords: Keywords, tries: u8 },
    /// To become a member.
    Join,
    /// To refresh a finger, or another shortcut.
    Finger(u8),
    /// To register an item.
    Publish,
    /// To take a registration back.
    Withdraw,
    /// To offer its owner the values from this key on.
    Offer,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key | Self::Peer(_) | Self::Search { .. } => Goal::Owner,
            Self::Item => Goal::Providers,
            Self::Finger(_) => Goal::Finger,
            Self::Join | Self::Publish | Self::Withdraw | Self::Offer => Goal::Contact,
        }
    }

    /// True if somebody has asked, and it is no upkeep.
    pub(super) fn is_lookup(self) -> bool {
        matches!(self.goal(), Goal::Owner | Goal::Providers)
    }
}

/// Peers on the path of a search that are remembered, in case the way back is needed.
pub(super) const PATH: usize = 8;

/// A question of this peer's own, in iterative routing.
#[derive(Clone, Debug)]
pub(super) struct Search<T> {
    pub(super) key: Key,
    pub(super) lookup: LookupId,
    pub(super) purpose: Purpose,
    pub(super) began: Time,
    pub(super) stage: Stage,
    /// Who is being asked.
    pub(super) at: PeerId,
    /// Links from the origin to `at`, in the tree of referrals.
    pub(super) depth: u16,
    /// Requests sent so far.
    pub(super) rounds: u16,
    pub(super) tries: u8,
    /// Who referred to whom, most recent last; older ones than these are forgotten.
    pub(super) path: [PeerId; PATH],
    pub(super) path_length: u8,
    /// The last few that did not answer: nobody is asked twice in vain for one question.
    pub(super) dead: [PeerId; PATH],
    pub(super) dead_count: u8,
    /// The peers that may own the key, nearest first, and the next to be tried.
    pub(super) owners: Arc<[PeerId]>,
    pub(super) next_owner: u8,
    /// How far it was on its way when it came to `at`, and to those before it.
    pub(super) trail: T,
    pub(super) trails: [T; PATH],
    /// How often `at` has referred to one that is known to be dead.
    pub(super) detours: u8,
}

/// What a search waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next contact.
    Step,
    /// The owner itself.
    Fetch,
}

impl<T: Trail> Search<T> {
    /// Notes that `at` refers to `next`.
    pub(super) fn descend(&mut self, next: PeerId, trail: T) {
        if usize::from(self.path_length) == PATH {
            self.path.rotate_left(1);
            self.trails.rotate_left(1);
            self.path_length -= 1;
        }
        self.path[usize::from(self.path_length)] = self.at;
        self.trails[usize::from(self.path_length)] = self.trail;
        self.path_length += 1;
        (self.at, self.trail, self.detours) = (next, trail, 0);
        self.depth += 1;
    }

    /// True if this is the owner that has been asked, not a later identity of the same machine.
    pub(super) fn waits_for(&self, owner: PeerId) -> bool {
        self.stage == Stage::Fetch && self.owners.get(usize::from(self.next_owner)) == Some(&owner)
    }

    /// Notes that a contact did not answer.
    pub(super) fn bury(&mut self, dead: PeerId) {
        self.dead[usize::from(self.dead_count) % PATH] = dead;
        self.dead_count = self.dead_count.wrapping_add(1);
    }

    /// True if this contact has been asked for this question in vain.
    pub(super) fn is_dead(&self, peer: PeerId) -> bool {
        // Places that are still free hold the origin itself.
        self.dead.contains(&peer)
    }

    /// Goes back to the peer that referred to `at`; `false` if that was the origin (or is forgotten).
    pub(super) fn ascend(&mut self) -> bool {
        let Some(length) = self.path_length.checked_sub(1) else { return false };
        self.path_length = length;
        (self.at, self.trail, self.detours) = (self.path[usize::from(length)], self.trails[usize::from(length)], 0);
        self.depth -= 1;
        true
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug)]
pub(super) struct Extra<T> {
    pub(super) searches: Requests<Search<T>>,
    /// Records that this peer keeps for others.
    pub(super) records: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
    /// Round trips to contacts, where they are measured.
    pub(super) watch: Option<Box<Stopwatch>>,
}

impl<T> Default for Extra<T> {
    fn default() -> Self {
        Self {
            searches: Requests::default(),
            records: Records::default(),
            publisher: Publisher::default(),
            newcomers: Newcomers::default(),
            watch: None,
        }
    }
}

/// Where a question goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route<T> {
    /// This contact is nearer to the key, on the way that the shortcuts offer.
    Next(PeerId, T),
    /// This contact (or the peer itself) owns the key.
    Owner(PeerId),
    /// Every contact that could lead on is to be avoided.
    Lost,
}

impl<V: Shortcuts> RingPeer<V> {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            successors: Arc::default(),
            table: V::Table::default(),
            extra: None,
            before: id,
            id,
            turn: 0,
            active: false,
            announced: false,
            ticking: false,
            whole: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra<V::Trail> {
        self.extra.get_or_insert_default()
    }

    pub(super) fn trips(&self) -> Option<&Trips> {
        self.extra.as_deref()?.watch.as_deref().map(|watch| &watch.trips)
    }

    pub(super) fn set_predecessor(&mut self, predecessor: Option<PeerId>) {
        self.before = predecessor.unwrap_or(self.id);
    }

    pub(super) fn successor(&self) -> Option<PeerId> {
        self.successors.first().copied()
    }

    /// True if this peer itself is responsible for `key`, as far as it knows.
    pub(crate) fn owns(&self, view: View, key: Key) -> bool {
        let distance = view.to_key(key);
        // A key of the interval (predecessor, this] is at least as far ahead as this peer is from its predecessor's far side.
        distance == 0
            || match self.predecessor() {
                Some(predecessor) => distance > view.to(predecessor),
                None => self.successors.is_empty(),
            }
    }

    /// Takes the successor list that a neighbour has given.
    pub(super) fn adopt(&mut self, view: View, limit: usize, candidates: impl Iterator<Item = PeerId>) {
        self.relist(view, limit, candidates);
        self.whole = self.successors.len() < limit;
    }

    /// Takes another successor list, and with it the shortcuts that go with the new successor.
    fn relist(&mut self, view: View, limit: usize, candidates: impl Iterator<Item = PeerId>) {
        if let Some(list) = relist(view, &self.successors, limit, candidates) {
            self.successors = list;
            V::reshape(self, view);
        }
    }

    /// Drops a contact that does not answer from all tables. True if it was the last successor.
    pub(super) fn forget(&mut self, view: View, dead: PeerId) -> bool {
        if self.predecessor() == Some(dead) {
            self.set_predecessor(None);
        }
        V::forget(self, dead);
        if let Some(watch) = self.extra.as_deref_mut().and_then(|extra| extra.watch.as_deref_mut()) {
            watch.trips.forget(dead);
        }
        if !self.successors.contains(&dead) {
            return false;
        }
        let present = Arc::clone(&self.successors);
        self.relist(view, present.len(), present.iter().copied().filter(|&peer| peer != dead));
        self.successors.is_empty()
    }
}

// For measurement and tests.
impl<V: Shortcuts> RingPeer<V> {
    /// Its identity.
    #[inline]
    pub(crate) fn id(&self) -> PeerId {
        self.id
    }

    /// The successor list as it is shared with messages.
    pub(crate) fn successor_list(&self) -> &Arc<[PeerId]> {
        &self.successors
    }

    /// The successor list, nearest first.
    #[inline]
    pub fn successors(&self) -> &[PeerId] {
        &self.successors
    }

    /// The predecessor, if one is known.
    #[inline]
    pub fn predecessor(&self) -> Option<PeerId> {
        (self.before != self.id).then_some(self.before)
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
        let list = size_of_val::<[PeerId]>(&self.successors) + 2 * size_of::<usize>();
        let extra = self.extra.as_deref().map_or(0, |extra| {
            // Round trips, and the place for them, are state of those who measure.
            size_of::<Extra<V::Trail>>() - size_of::<Option<Box<Stopwatch>>>()
                + extra.watch.as_deref().map_or(0, Stopwatch::bytes)
                + extra.searches.len() * size_of::<(Token, Search<V::Trail>)>()
                + extra.records.len() * size_of::<crate::records::Record>()
                + extra.publisher.bytes()
        });
        size_of::<Self>() + V::bytes(&self.table) + list + extra
    }

    /// The successor list is ordered and within its length, names nobody twice and not this peer.
    pub(super) fn check(&self, view: View, limit: u8) -> Result<(), String> {
        let length = self.successors.len();
        if length > usize::from(limit) {
            return Err(format!("{:?} has {length} successors of {limit}", self.id));
        }
        let mut reached = 0;
        for &successor in self.successors.iter() {
            let distance = view.to(successor);
            if distance <= reached {
                return Err(format!("{:?}: successor {successor:?} is out of order in {:?}", self.id, self.successors));
            }
            reached = distance;
        }
        Ok(())
    }
}

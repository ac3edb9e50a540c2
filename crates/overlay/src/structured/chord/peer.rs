//! What one peer knows, and the decisions that need nothing else.

use std::sync::Arc;

use peerlab_model::{Key, LookupId, PeerId, Requests, Token};

use super::config::RouteThrough;
use super::message::{Goal, Query};
use crate::publisher::Publisher;
use crate::records::Records;
use crate::structured::newcomers::Newcomers;
use crate::structured::ring::{View, relist};

/// One peer of a Chord ring.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four facts that are independent of each other, a byte each")]
pub struct ChordPeer {
    /// The successor list, nearest first; shared with the replies that carry it. Empty: alone, or not a member.
    pub(super) successors: Arc<[PeerId]>,
    /// `fingers[i]` is the first known peer at distance 2^(63−i) or more: the longest comes first. Only those whose start lies beyond
    /// the successor are kept, since the others are the successor. This peer itself stands for "not known" (and for "nobody").
    pub(super) fingers: Box<[PeerId]>,
    /// What most peers do not need: searches in iterative routing, content, the attempts to join.
    pub(super) extra: Option<Box<Extra>>,
    /// The predecessor; this peer itself stands for "not known".
    before: PeerId,
    pub(super) id: PeerId,
    /// The finger to refresh next.
    pub(super) next_finger: u8,
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
pub enum Pending {
    /// A question of anybody's that was passed on.
    Hop { to: PeerId, query: Query, last: bool },
    /// A question of this peer's own, in recursive routing.
    Own { query: Query, purpose: Purpose, tries: u8 },
    /// A request for neighbours.
    Neighbours { of: PeerId },
    /// A check of the predecessor.
    Ping { to: PeerId },
    /// A record to be stored.
    Store { to: PeerId },
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
    /// To become a member.
    Join,
    /// To refresh a finger.
    Finger(u8),
    /// To register an item.
    Publish,
    /// To take a registration back.
    Withdraw,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key | Self::Peer(_) => Goal::Owner,
            Self::Item => Goal::Providers,
            Self::Finger(_) => Goal::Finger,
            Self::Join | Self::Publish | Self::Withdraw => Goal::Contact,
        }
    }
}

/// Peers on the path of a search that are remembered, in case the way back is needed.
pub(super) const PATH: usize = 8;

/// A question of this peer's own, in iterative routing.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) key: Key,
    pub(super) lookup: LookupId,
    pub(super) purpose: Purpose,
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
}

/// What a search waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next contact.
    Step,
    /// The owner itself.
    Fetch,
}

impl Search {
    /// Notes that `at` refers to `next`.
    pub(super) fn descend(&mut self, next: PeerId) {
        if usize::from(self.path_length) == PATH {
            self.path.rotate_left(1);
            self.path_length -= 1;
        }
        self.path[usize::from(self.path_length)] = self.at;
        self.path_length += 1;
        self.at = next;
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
        self.at = self.path[usize::from(length)];
        self.depth -= 1;
        true
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    pub(super) searches: Requests<Search>,
    /// Records that this peer keeps for others.
    pub(super) records: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
}

/// Where a question goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// This contact precedes the key most closely.
    Next(PeerId),
    /// This contact (or the peer itself) owns the key.
    Owner(PeerId),
    /// Every contact that could lead on is to be avoided.
    Lost,
}

impl ChordPeer {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            successors: Arc::default(),
            fingers: Box::default(),
            extra: None,
            before: id,
            id,
            next_finger: 0,
            active: false,
            announced: false,
            ticking: false,
            whole: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    pub(super) fn set_predecessor(&mut self, predecessor: Option<PeerId>) {
        self.before = predecessor.unwrap_or(self.id);
    }

    pub(super) fn successor(&self) -> Option<PeerId> {
        self.successors.first().copied()
    }

    /// True if this peer itself is responsible for `key`, as far as it knows.
    pub(super) fn owns(&self, view: View, key: Key) -> bool {
        let distance = view.to_key(key);
        // A key of the interval (predecessor, this] is at least as far ahead as this peer is from its predecessor's far side.
        distance == 0
            || match self.predecessor() {
                Some(predecessor) => distance > view.to(predecessor),
                None => self.successors.is_empty(),
            }
    }

    /// Where a question for `key` goes (Stoica et al. 2003, Fig. 5 and section IV-E-3): to the successor if the key lies before it, else to
    /// the contact that most closely precedes the key. Contacts at `avoid` and beyond it count as dead.
    #[inline]
    pub(super) fn route(&self, view: View, through: RouteThrough, key: Key, avoid: Option<PeerId>) -> Route {
        let distance = view.to_key(key);
        let Some(&first) = self.successors.first() else { return Route::Owner(self.id) };
        if distance == 0 {
            return Route::Owner(self.id);
        }
        let successor_distance = view.to(first);
        if distance <= successor_distance && avoid.is_none() {
            return Route::Owner(first);
        }
        let bound = avoid.map_or(distance, |dead| distance.min(view.to(dead)));
        if let Some(next) = self.preceding(view, through, bound, (first, successor_distance)) {
            return Route::Next(next);
        }
        // Nobody (left) precedes the key: one of the later successors owns it.
        view.first_from(&self.successors, distance).map_or(Route::Lost, Route::Owner)
    }

    /// The contact at the greatest distance below `bound` (closest_preceding_node).
    #[inline]
    fn preceding(&self, view: View, through: RouteThrough, bound: u64, (first, first_distance): (PeerId, u64)) -> Option<PeerId> {
        // Finger i lies at 2^(63−i) or beyond, so those before this index cannot precede the bound.
        let start = bound.saturating_sub(1).leading_zeros() as usize;
        let fingers = self.fingers.get(start..).unwrap_or_default();
        let finger = fingers.iter().map(|&finger| (finger, view.to(finger))).find(|&(_, distance)| distance != 0 && distance < bound);
        let nearest = || (first_distance < bound).then_some(first);
        match (through, finger) {
            (RouteThrough::Fingers, Some((finger, _))) => Some(finger),
            (RouteThrough::Fingers, None) => nearest(),
            (RouteThrough::FingersAndSuccessors, finger) => {
                let reached = finger.map_or(0, |(_, distance)| distance);
                match view.last_within(&self.successors, bound) {
                    Some((successor, distance)) if distance > reached => Some(successor),
                    _ => finger.map(|(finger, _)| finger),
                }
            }
        }
    }

    /// Takes the successor list that a neighbour has given.
    pub(super) fn adopt(&mut self, view: View, limit: usize, candidates: impl Iterator<Item = PeerId>) {
        self.relist(view, limit, candidates);
        self.whole = self.successors.len() < limit;
    }

    /// Takes another successor list, and keeps as many fingers as lie beyond the new successor.
    fn relist(&mut self, view: View, limit: usize, candidates: impl Iterator<Item = PeerId>) {
        if let Some(list) = relist(view, &self.successors, limit, candidates) {
            self.successors = list;
            self.resize_fingers(view);
        }
    }

    fn resize_fingers(&mut self, view: View) {
        let length = self.successor().map_or(0, |successor| fingers_beyond(view.to(successor)));
        if length != self.fingers.len() {
            let mut fingers = vec![self.id; length].into_boxed_slice();
            let kept = length.min(self.fingers.len());
            fingers[..kept].copy_from_slice(&self.fingers[..kept]);
            self.fingers = fingers;
        }
    }

    /// Drops a contact that does not answer from all tables. True if it was the last successor.
    pub(super) fn forget(&mut self, view: View, dead: PeerId) -> bool {
        if self.predecessor() == Some(dead) {
            self.set_predecessor(None);
        }
        let unknown = self.id;
        for finger in self.fingers.iter_mut().filter(|finger| **finger == dead) {
            *finger = unknown;
        }
        if !self.successors.contains(&dead) {
            return false;
        }
        let present = Arc::clone(&self.successors);
        self.relist(view, present.len(), present.iter().copied().filter(|&peer| peer != dead));
        self.successors.is_empty()
    }

    /// Sets finger `index`, and with it each longer one whose start it reaches: nobody known lies between.
    pub(super) fn set_finger(&mut self, view: View, index: usize, peer: PeerId) {
        let distance = view.to(peer);
        for at in (0..self.fingers.len().min(index + 1)).rev() {
            if distance != 0 && distance < finger_start(at) {
                break;
            }
            self.fingers[at] = peer;
        }
    }

    /// The finger to refresh now, after those that the successor list answers (they are refreshed on the way).
    pub(super) fn finger_to_fix(&mut self, view: View) -> Option<u8> {
        let last = self.successors.last().map(|&last| view.to(last))?;
        for _ in 0..self.fingers.len() {
            let index = usize::from(self.next_finger) % self.fingers.len();
            self.next_finger = (index + 1) as u8;
            if finger_start(index) > last {
                return Some(index as u8);
            }
            if let Some(finger) = view.first_from(&self.successors, finger_start(index)) {
                self.fingers[index] = finger;
            }
        }
        None
    }
}

/// Distance at which finger `index` begins.
#[inline]
pub(super) const fn finger_start(index: usize) -> u64 {
    1 << (63 - index)
}

/// How many fingers begin beyond a successor at this distance.
pub(super) const fn fingers_beyond(successor_distance: u64) -> usize {
    successor_distance.leading_zeros() as usize
}

// For measurement and tests.
impl ChordPeer {
    /// The successor list, nearest first.
    pub fn successors(&self) -> &[PeerId] {
        &self.successors
    }

    /// The predecessor, if one is known.
    #[inline]
    pub fn predecessor(&self) -> Option<PeerId> {
        (self.before != self.id).then_some(self.before)
    }

    /// The fingers that begin beyond the successor, longest first; the peer itself stands for one that is not known (or for nobody).
    pub fn fingers(&self) -> &[PeerId] {
        &self.fingers
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
            size_of::<Extra>()
                + extra.searches.len() * size_of::<(Token, Search)>()
                + extra.records.len() * size_of::<peerlab_model::Record>()
                + extra.publisher.bytes()
        });
        size_of::<Self>() + size_of_val::<[PeerId]>(&self.fingers) + list + extra
    }

    /// The successor list is ordered and within its length, names nobody twice and not this peer; the fingers are as many as lie beyond
    /// the successor, and none is nearer than its start.
    pub(super) fn check(&self, view: View, config: &super::ChordConfig) -> Result<(), String> {
        let length = self.successors.len();
        if length > usize::from(config.successors) {
            return Err(format!("{:?} has {length} successors of {}", self.id, config.successors));
        }
        let mut reached = 0;
        for &successor in self.successors.iter() {
            let distance = view.to(successor);
            if distance <= reached {
                return Err(format!("{:?}: successor {successor:?} is out of order in {:?}", self.id, self.successors));
            }
            reached = distance;
        }
        let beyond = self.successor().map_or(0, |successor| fingers_beyond(view.to(successor)));
        if self.fingers.len() != beyond {
            return Err(format!("{:?} has {} fingers, and {beyond} lie beyond its successor", self.id, self.fingers.len()));
        }
        for (index, &finger) in self.fingers.iter().enumerate() {
            if finger != self.id && view.to(finger) < finger_start(index) {
                return Err(format!("{:?}: finger {index} is {finger:?}, before its start", self.id));
            }
        }
        Ok(())
    }
}

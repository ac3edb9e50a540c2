//! Chord's shortcuts: fingers at doubling distances (paper, section IV-D).

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use peerlab_model::{Key, Numbering, PeerId, Span, Start};
use peerlab_prefetch::prefetch;

use super::config::{ChordConfig, FingerChoice, NextHop, RouteThrough, Rules};
use super::peer::{ChordPeer, Purpose, Route};
use super::shortcuts::{Neighbours, Shortcuts};
use super::{Chord, Cx, RingMessage};
use crate::structured::ring::View;

/// Chord's fingers, whether the successor list routes beside them, and what round trips decide.
#[derive(Clone, Debug)]
pub struct Fingers {
    pub(super) through: RouteThrough,
    /// Peers of an interval that are measured; 0: a finger is the first of its interval.
    pub(super) samples: u8,
    /// The next hop is chosen by its round trip, too.
    pub(super) weighs: bool,
}

impl Shortcuts for Fingers {
    const NAME: &'static str = "chord";
    const SUMMARY: &'static str = "ring of peers with successor lists and fingers at doubling distances; about ½ log2 N hops";
    const SOURCE: &'static str =
        "Stoica et al., Chord: a scalable peer-to-peer lookup protocol for Internet applications, IEEE/ACM ToN 11(1), 2003";
    // Each referral is to a nearer contact than the one before: their number ends it.
    const DETOURS_MAX: u8 = u8::MAX;
    const REVISITS: bool = false;
    const ALERTS: bool = false;
    type Config = ChordConfig;
    /// `fingers[i]` is the first known peer at distance 2^(63−i) or more: the longest comes first. Only those whose start lies beyond
    /// the successor are kept, since the others are the successor. The peer itself stands for "not known" (and for "nobody").
    type Table = Box<[PeerId]>;
    type Trail = ();
    type Filling = Filling;

    fn configured(config: &ChordConfig) -> (Rules, Self) {
        let samples = if config.finger_choice == FingerChoice::Nearest { config.finger_samples } else { 0 };
        let weighs = config.next_hop == NextHop::Proximity;
        (Rules::from(config), Self { through: config.route_through, samples, weighs })
    }

    /// Where a question for `key` goes (Stoica et al. 2003, Fig. 5 and section IV-E-3): to the successor if the key lies before it, else to
    /// the contact that most closely precedes the key. Contacts at `avoid` and beyond it count as dead.
    #[inline]
    fn route(&self, peer: &ChordPeer, view: View, key: Key, (): (), avoid: Option<PeerId>) -> Route<()> {
        let distance = view.to_key(key);
        let Some(&first) = peer.successors.first() else { return Route::Owner(peer.id) };
        if distance == 0 {
            return Route::Owner(peer.id);
        }
        let successor_distance = view.to(first);
        if distance <= successor_distance && avoid.is_none() {
            return Route::Owner(first);
        }
        let bound = avoid.map_or(distance, |dead| distance.min(view.to(dead)));
        if let Some(next) = self.preceding(peer, view, bound, (first, successor_distance)) {
            return Route::Next(next, ());
        }
        // Nobody (left) precedes the key: one of the later successors owns it.
        view.first_from(&peer.successors, distance).map_or(Route::Lost, Route::Owner)
    }

    /// Only forward, and not beyond the key.
    fn leads_on(from: View, key: Key, next: PeerId) -> bool {
        let ahead = from.to(next);
        ahead != 0 && ahead < from.to_key(key)
    }

    fn reshape(peer: &mut ChordPeer, view: View) {
        let length = peer.successor().map_or(0, |successor| fingers_beyond(view.to(successor)));
        if length != peer.table.len() {
            let mut fingers = vec![peer.id; length].into_boxed_slice();
            let kept = length.min(peer.table.len());
            fingers[..kept].copy_from_slice(&peer.table[..kept]);
            peer.table = fingers;
        }
    }

    fn forget(peer: &mut ChordPeer, dead: PeerId) {
        let unknown = peer.id;
        for finger in peer.table.iter_mut().filter(|finger| **finger == dead) {
            *finger = unknown;
        }
    }

    fn become_member(_model: &Chord, peer: &mut ChordPeer, cx: &mut Cx<'_, Self>, successor: PeerId) {
        Chord::send(peer, cx, successor, RingMessage::GetFingers);
    }

    fn refresh(model: &Chord, peer: &mut ChordPeer, cx: &mut Cx<'_, Self>) {
        if !peer.active {
            return;
        }
        let shortcuts = &model.shortcuts;
        let next = if shortcuts.samples == 0 { peer.finger_to_fix(model.view(peer)) } else { model.finger_to_measure(peer, cx) };
        if shortcuts.weighs {
            model.measure_one(peer, cx);
        }
        if let Some(index) = next {
            let start = cx.key_of(peer.id).0.wrapping_add(finger_start(usize::from(index)));
            model.ask_own(peer, cx, Key(start), Purpose::Finger(index));
        }
    }

    /// The owner of a finger's start has been found.
    fn found(model: &Chord, peer: &mut ChordPeer, cx: &mut Cx<'_, Self>, index: u8, start: Key, owner: PeerId) {
        let view = model.view(peer);
        // An answer that lies before the start is stale; nobody at all (the peer itself) is an answer.
        if usize::from(index) >= peer.table.len() || owner != peer.id && view.to(owner) < view.to_key(start) {
            return;
        }
        if model.shortcuts.samples > 0 {
            model.found_first(peer, cx, usize::from(index), owner);
        } else {
            peer.set_finger(view, usize::from(index), owner);
            if model.shortcuts.weighs && owner != peer.id {
                model.measure(peer, cx, owner);
            }
        }
    }

    fn surveyed(model: &Chord, peer: &mut ChordPeer, cx: &mut Cx<'_, Self>, from: PeerId, neighbours: Neighbours<'_>) {
        model.sample(peer, cx, from, neighbours.successors);
    }

    fn measured(model: &Chord, peer: &mut ChordPeer, contact: PeerId, trip: Span) {
        model.shortcuts.note(model.view(peer), peer, contact, trip);
    }

    fn tuned(&self, numbering: Numbering, ring: &[(Key, PeerId)], at: usize, start: &Start<'_>, peer: &mut ChordPeer) {
        if self.samples > 0 || self.weighs {
            self.measure_at_start(View::new(&numbering, peer.id), ring, at, start, peer);
        }
    }

    fn own(_: &Chord, _: &mut ChordPeer, _: &mut Cx<'_, Self>, _: PeerId, message: &Infallible) {
        match *message {}
    }

    fn hints(peer: &ChordPeer) -> impl Iterator<Item = PeerId> {
        peer.table.iter().copied().filter(|&finger| finger != peer.id)
    }

    /// The successor's fingers are good guesses for a newcomer's own (paper's first version, SIGCOMM 2001, section 4.4).
    fn learn(peer: &mut ChordPeer, view: View, hints: &[PeerId]) {
        let known = Arc::clone(&peer.successors);
        let unknown = peer.id;
        for (index, finger) in peer.table.iter_mut().enumerate().filter(|(_, finger)| **finger == unknown) {
            let beyond = hints.iter().chain(known.iter()).copied().filter(|&peer| view.to(peer) >= finger_start(index));
            *finger = beyond.min_by_key(|&peer| view.to(peer)).unwrap_or(unknown);
        }
    }

    fn prepare(&self, filling: &mut Filling, ring: &[(Key, PeerId)], block: Range<usize>) {
        filling.find(ring, block);
    }

    fn filled(&self, filling: &mut Filling, _numbering: Numbering, _ring: &[(Key, PeerId)], at: usize) -> Box<[PeerId]> {
        Box::from(filling.of(at))
    }

    fn each(peer: &ChordPeer, visit: &mut dyn FnMut(PeerId)) {
        Self::hints(peer).for_each(visit);
    }

    fn bytes(table: &Box<[PeerId]>) -> usize {
        size_of_val::<[PeerId]>(table)
    }

    #[inline]
    fn prefetch(table: &Box<[PeerId]>) {
        prefetch::<2, _>(&**table);
    }

    /// The fingers are as many as lie beyond the successor, and none is nearer than its start.
    fn check(&self, peer: &ChordPeer, numbering: Numbering) -> Result<(), String> {
        let view = View::new(&numbering, peer.id);
        let beyond = peer.successor().map_or(0, |successor| fingers_beyond(view.to(successor)));
        if peer.table.len() != beyond {
            return Err(format!("{:?} has {} fingers, and {beyond} lie beyond its successor", peer.id, peer.table.len()));
        }
        for (index, &finger) in peer.table.iter().enumerate() {
            if finger != peer.id && view.to(finger) < finger_start(index) {
                return Err(format!("{:?}: finger {index} is {finger:?}, before its start", peer.id));
            }
        }
        Ok(())
    }
}

impl Fingers {
    /// The contact at the greatest distance below `bound` (closest_preceding_node).
    #[inline]
    fn preceding(&self, peer: &ChordPeer, view: View, bound: u64, (first, first_distance): (PeerId, u64)) -> Option<PeerId> {
        if self.weighs
            && let Some(next) = self.soonest(peer, view, bound, (first, first_distance))
        {
            return Some(next);
        }
        // Finger i lies at 2^(63−i) or beyond, so those before this index cannot precede the bound.
        let start = bound.saturating_sub(1).leading_zeros() as usize;
        let fingers = peer.table.get(start..).unwrap_or_default();
        let finger = fingers.iter().map(|&finger| (finger, view.to(finger))).find(|&(_, distance)| distance != 0 && distance < bound);
        let nearest = || (first_distance < bound).then_some(first);
        match (self.through, finger) {
            (RouteThrough::Fingers, Some((finger, _))) => Some(finger),
            (RouteThrough::Fingers, None) => nearest(),
            (RouteThrough::FingersAndSuccessors, finger) => {
                let reached = finger.map_or(0, |(_, distance)| distance);
                match view.last_within(&peer.successors, bound) {
                    Some((successor, distance)) if distance > reached => Some(successor),
                    _ => finger.map(|(finger, _)| finger),
                }
            }
        }
    }
}

impl ChordPeer {
    /// The fingers that begin beyond the successor, longest first; the peer itself stands for one that is not known (or for nobody).
    pub fn fingers(&self) -> &[PeerId] {
        &self.table
    }

    /// Sets finger `index`, and with it each longer one whose start it reaches: nobody known lies between.
    fn set_finger(&mut self, view: View, index: usize, peer: PeerId) {
        let distance = view.to(peer);
        for at in (0..self.table.len().min(index + 1)).rev() {
            if distance != 0 && distance < finger_start(at) {
                break;
            }
            self.table[at] = peer;
        }
    }

    /// The finger to refresh now, after those that the successor list answers (they are refreshed on the way).
    fn finger_to_fix(&mut self, view: View) -> Option<u8> {
        let last = self.successors.last().map(|&last| view.to(last))?;
        for _ in 0..self.table.len() {
            let index = usize::from(self.turn) % self.table.len();
            self.turn = (index + 1) as u8;
            if finger_start(index) > last {
                return Some(index as u8);
            }
            if let Some(finger) = view.first_from(&self.successors, finger_start(index)) {
                self.table[index] = finger;
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
const fn fingers_beyond(successor_distance: u64) -> usize {
    successor_distance.leading_zeros() as usize
}

/// The fingers of a block of peers: the starts of all fingers move round the ring with the peers whose fingers they are, so every pointer
/// goes round once. No search, and about log2 N steps a peer; one pointer at a time runs along the block, which the processor can follow.
#[derive(Debug)]
pub struct Filling {
    /// Where the block begins.
    first: usize,
    /// How far the starts have come.
    pointers: [usize; 64],
    /// Where each peer's fingers begin in `list`, and where the last one's end.
    offsets: Vec<usize>,
    list: Vec<PeerId>,
}

impl Default for Filling {
    fn default() -> Self {
        Self { first: 0, pointers: [0; 64], offsets: Vec::new(), list: Vec::new() }
    }
}

impl Filling {
    /// Finds the fingers of the peers at `block`: pointer i moves on to the first peer at 2^(63−i) or more. Positions are counted from the
    /// first peer of the ring on and go beyond its length, so that they never turn back.
    fn find(&mut self, ring: &[(Key, PeerId)], block: Range<usize>) {
        self.first = block.start;
        let count = ring.len();
        let wrap = |position: usize| if position < count { position } else { position - count };
        self.offsets.clear();
        self.offsets.push(0);
        let mut longest = 0;
        for at in block.clone() {
            let beyond = if count == 1 { 0 } else { fingers_beyond(ring[at].0.to(ring[wrap(at + 1)].0)) };
            longest = longest.max(beyond);
            self.offsets.push(self.offsets[at - block.start] + beyond);
        }
        self.list.clear();
        self.list.resize(self.offsets[block.len()], PeerId(0));
        for (index, pointer) in self.pointers.iter_mut().enumerate().take(longest) {
            for at in block.clone() {
                let place = self.offsets[at - block.start] + index;
                if place >= self.offsets[at - block.start + 1] {
                    continue;
                }
                let (key, id) = ring[at];
                *pointer = (*pointer).max(at + 1);
                while *pointer < at + count && key.to(ring[wrap(*pointer)].0) < finger_start(index) {
                    *pointer += 1;
                }
                // Once round: nobody lies beyond this start.
                self.list[place] = if *pointer == at + count { id } else { ring[wrap(*pointer)].1 };
            }
        }
    }

    fn of(&self, at: usize) -> &[PeerId] {
        let peer = at - self.first;
        &self.list[self.offsets[peer]..self.offsets[peer + 1]]
    }
}

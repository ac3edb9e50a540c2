//! Koorde (Kaashoek, Karger: IPTPS 2003): a de Bruijn graph on Chord's ring.
//!
//! Peers and keys lie on Chord's ring, and a key belongs to its successor. A question carries an imaginary node i of the de Bruijn graph on
//! all 2^64 points; it is at the peer right before i. To get on, peer m shifts the key's next digit into i, which lies near k·m then, and
//! passes the question to the peer right before the new i: among those around k·m that m keeps as its de Bruijn pointers. When all
//! digits are in, i is the key.
//!
//! # What is claimed
//! With two neighbours (k = 2, one pointer, one successor) a question takes O(log n) hops; with k pointers to the base k about log n to the base
//! k, because the origin chooses its first i so that only as many digits are left as tell the peers apart.
//!
//! # Cost
//! A hop reads three cache lines: the peer, its pointers, its successors. The pointers are refreshed by one request to one peer.
//!
//! # Not here
//! What it shares with Chord: the ring, its upkeep, joining and leaving, the records, how a question travels (`structured::chord`).
//! Proximity; caching.
//!
//! # Map
//! `imaginary`: the walk on the de Bruijn graph · `pointers`: the peers around k·m · `mod`: how the two lead to a key.

mod config;
mod imaginary;
mod pointers;

use std::convert::Infallible;
use std::ops::Range;

pub use config::KoordeConfig;
pub use imaginary::Imaginary;
pub use pointers::Pointers;

use peerlab_model::{Key, Numbering, PeerId};
use peerlab_prefetch::prefetch;

use crate::structured::chord::{ChordLike, Cx, Neighbours, Purpose, RingMessage, RingPeer, Route, Rules, Shortcuts};
use crate::structured::ring::View;

/// The Koorde lookup model.
pub type Koorde = ChordLike<DeBruijn>;

/// One peer of a Koorde ring.
pub type KoordePeer = RingPeer<DeBruijn>;

/// Koorde's messages: Chord's, and an imaginary node in those that carry a question.
pub type KoordeMessage = RingMessage<Imaginary>;

/// De Bruijn pointers.
#[derive(Clone, Debug)]
pub struct DeBruijn {
    /// Bits of a digit.
    bits: u32,
    pointers: usize,
    backups: usize,
}

/// Half of the ring.
const HALF: u64 = 1 << 63;

impl DeBruijn {
    /// The point that a peer's pointers lie around: k·m.
    fn point(&self, this: Key) -> Key {
        Key(this.0 << self.bits)
    }

    /// The walk from one imaginary node to the next (paper, Fig. 2), once it is clear that the key lies beyond all successors. `gap` is
    /// the distance to the nearest `successor` that is not to be avoided.
    fn walk(
        &self,
        peer: &KoordePeer,
        view: View,
        key: Key,
        mut trail: Imaginary,
        (successor, gap): (PeerId, u64),
        avoid: Option<PeerId>,
    ) -> Route<Imaginary> {
        let this = view.key();
        if trail.is_chosen() && this.to(trail.node()).wrapping_sub(1) >= HALF {
            // The question has overshot its imaginary node: a pointer was out of date. Without it, the way along the ring is left.
            trail = trail.restarted().unwrap_or(trail);
        }
        if !trail.is_chosen() {
            trail = trail.chosen(this, gap, key, self.bits);
        }
        let mut shifted = false;
        while trail.has_digits() && this.to(trail.node()).wrapping_sub(1) < gap {
            (trail, shifted) = (trail.shifted(key, self.bits), true);
        }
        if shifted && this.to(trail.node()).wrapping_sub(1) >= gap {
            return match peer.table.before(view.numbering(), self.point(this), trail.node(), avoid) {
                Some(next) => Route::Next(next, trail),
                // No pointer (yet): the next peer on the ring has some, and an interval of its own to begin in.
                None => Route::Next(successor, trail.restarted().unwrap_or(trail)),
            };
        }
        let reach = view.to_key(trail.node());
        let bound = avoid.map_or(reach, |dead| reach.min(view.to(dead)));
        let known = peer.successors().iter().chain(peer.table.iter()).copied();
        let nearest = known.filter(|&contact| view.to(contact) < bound).max_by_key(|&contact| view.to(contact));
        Route::Next(nearest.unwrap_or(successor), trail)
    }
}

impl Shortcuts for DeBruijn {
    const NAME: &'static str = "koorde";
    const SUMMARY: &'static str = "de Bruijn pointers over a ring with successor lists; about log N hops to the base of the digits";
    const SOURCE: &'static str = "Kaashoek, Karger: Koorde: a simple degree-optimal distributed hash table, IPTPS 2003";
    const DETOURS_MAX: u8 = 8;
    const REVISITS: bool = true;
    const ALERTS: bool = true;
    type Config = KoordeConfig;
    type Table = Pointers;
    type Trail = Imaginary;
    type Filling = ();

    fn configured(config: &KoordeConfig) -> (Rules, Self) {
        let (pointers, backups) = (usize::from(config.pointers), usize::from(config.backups));
        (Rules::from(config), Self { bits: config.degree.trailing_zeros(), pointers, backups })
    }

    fn route(&self, peer: &KoordePeer, view: View, key: Key, trail: Imaginary, avoid: Option<PeerId>) -> Route<Imaginary> {
        let distance = view.to_key(key);
        let list = peer.successors();
        let (Some(&first), Some(&last)) = (list.first(), list.last()) else { return Route::Owner(peer.id()) };
        if distance == 0 {
            return Route::Owner(peer.id());
        }
        if distance <= view.to(first) {
            return Route::Owner(first);
        }
        if distance <= view.to(last) {
            // The key's predecessor is in the successor list.
            let bound = avoid.map_or(distance, |dead| distance.min(view.to(dead)));
            return match view.last_within(list, bound) {
                Some((next, _)) => Route::Next(next, trail),
                None => view.first_from(list, distance).map_or(Route::Lost, Route::Owner),
            };
        }
        match list.iter().copied().find(|&successor| Some(successor) != avoid) {
            Some(successor) => self.walk(peer, view, key, trail, (successor, view.to(successor)), avoid),
            None => Route::Lost,
        }
    }

    /// The walk goes to and fro on the ring, but never stays.
    fn leads_on(from: View, _key: Key, next: PeerId) -> bool {
        from.to(next) != 0
    }

    fn reshape(_peer: &mut KoordePeer, _view: View) {}

    fn forget(peer: &mut KoordePeer, dead: PeerId) {
        peer.table.forget(dead);
    }

    fn become_member(model: &Koorde, peer: &mut KoordePeer, cx: &mut Cx<'_, Self>, _successor: PeerId) {
        Self::refresh(model, peer, cx);
    }

    /// The first of the pointers tells its neighbours, who are the others; without any, the owner of the point is looked up.
    fn refresh(model: &Koorde, peer: &mut KoordePeer, cx: &mut Cx<'_, Self>) {
        if !peer.is_member() || peer.successors().is_empty() {
            return;
        }
        let point = model.shortcuts.point(cx.key_of(peer.id()));
        match peer.table.iter().next() {
            Some(&first) => model.survey(peer, cx, first),
            None if peer.owns(model.view(peer), point) => Self::found(model, peer, cx, 0, point, peer.id()),
            None => model.ask_own(peer, cx, point, Purpose::Finger(0)),
        }
    }

    fn found(model: &Koorde, peer: &mut KoordePeer, cx: &mut Cx<'_, Self>, _index: u8, _start: Key, owner: PeerId) {
        if owner == peer.id() {
            let successors = std::sync::Arc::clone(peer.successor_list());
            let predecessor = peer.predecessor();
            Self::surveyed(model, peer, cx, owner, Neighbours { successors: &successors, predecessor });
        } else {
            model.survey(peer, cx, owner);
        }
    }

    fn surveyed(model: &Koorde, peer: &mut KoordePeer, cx: &mut Cx<'_, Self>, from: PeerId, neighbours: Neighbours<'_>) {
        let Self { pointers, backups, .. } = model.shortcuts;
        let point = model.shortcuts.point(cx.key_of(peer.id()));
        let this = peer.id();
        // If this peer itself is the predecessor, the row goes on with its own.
        let further = if neighbours.predecessor == Some(this) { peer.predecessor() } else { None };
        let around = further.into_iter().chain(neighbours.predecessor).chain([from]).chain(neighbours.successors.iter().copied());
        peer.table.adopt(model.numbering, this, point, around, (backups, pointers), neighbours.predecessor.is_some());
    }

    fn own(_: &Koorde, _: &mut KoordePeer, _: &mut Cx<'_, Self>, _: PeerId, message: &Infallible) {
        match *message {}
    }

    /// A neighbour's pointers lie beyond this peer's own.
    fn hints(_peer: &KoordePeer) -> impl Iterator<Item = PeerId> {
        std::iter::empty()
    }

    fn learn(_peer: &mut KoordePeer, _view: View, _hints: &[PeerId]) {}

    fn prepare(&self, (): &mut (), _ring: &[(Key, PeerId)], _block: Range<usize>) {}

    /// # Cost
    /// One binary search.
    fn filled(&self, (): &mut (), numbering: Numbering, ring: &[(Key, PeerId)], at: usize) -> Pointers {
        let (key, id) = ring[at];
        let point = self.point(key);
        let count = ring.len();
        // The last peer at or before the point, and one more than is wanted on either side: the peer itself may be among them.
        let before = ring.partition_point(|&(other, _)| other <= point) + count - 1;
        let (back, ahead) = ((self.backups + 1).min(count - 1), self.pointers + 1);
        let around = (before - back..=before + ahead).take(count).map(|place| ring[place % count].1);
        let mut pointers = Pointers::default();
        pointers.adopt(numbering, id, point, around, (self.backups, self.pointers), false);
        pointers
    }

    fn each(peer: &KoordePeer, visit: &mut dyn FnMut(PeerId)) {
        peer.table.iter().copied().for_each(visit);
    }

    fn bytes(table: &Pointers) -> usize {
        size_of_val::<[PeerId]>(table.as_slice())
    }

    #[inline]
    fn prefetch(table: &Pointers) {
        prefetch::<2, _>(table.as_slice());
    }

    fn check(&self, peer: &KoordePeer, numbering: Numbering) -> Result<(), String> {
        peer.table.check(numbering, peer.id(), self.backups + self.pointers)
    }
}

impl KoordePeer {
    /// The de Bruijn pointers in the order of the ring: backups, the peer right before the point k·m, and those after it.
    pub fn pointers(&self) -> &[PeerId] {
        self.table.as_slice()
    }
}

//! The leaf set: the peers next to this one on the ring, as many on one side as on the other.
//!
//! A side reaches half round the ring, so that peers of one side are never taken for peers of the other, whatever is missing. Only if
//! nobody at all is known in that half, the peer behind it stands in for its nearest one: so each peer knows its neighbours on the ring
//! even if all others lie on one side of it.

use std::sync::Arc;

use peerlab_model::{Key, PeerId};

use super::config::LEAVES_MAX;
use crate::structured::ring::View;

/// Half of the ring.
const HALF: u64 = 1 << 63;

/// One peer's leaf set; the list is shared with the messages that carry it.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves {
    /// The peers after this one, nearest first; then the peers before it, nearest first.
    list: Arc<[PeerId]>,
    /// How many of them come after.
    after: u8,
}

/// Where a key lies, for a leaf set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cover {
    /// Nobody beyond the leaf set can own it.
    Within,
    /// Beyond one end of the leaf set.
    Beyond,
    /// There are fewer peers than a leaf set takes, as far as this peer knows: nobody but them may exist.
    All,
}

impl Leaves {
    #[inline]
    pub(super) fn list(&self) -> &Arc<[PeerId]> {
        &self.list
    }

    /// The peers after this one on the ring, nearest first.
    #[inline]
    pub(super) fn after(&self) -> &[PeerId] {
        &self.list[..usize::from(self.after)]
    }

    /// The peers before this one on the ring, nearest first.
    #[inline]
    pub(super) fn before(&self) -> &[PeerId] {
        &self.list[usize::from(self.after)..]
    }

    /// A list that has been put together elsewhere, in the order of this one.
    pub(super) fn from_parts(list: Arc<[PeerId]>, after: usize) -> Self {
        Self { list, after: after as u8 }
    }

    /// True if neither side is full: these may be all the peers that there are.
    #[inline]
    pub(super) fn is_whole(&self, side: usize) -> bool {
        self.after().len() < side && self.before().len() < side
    }

    #[inline]
    pub(super) fn covers(&self, view: View, side: usize, key: Key) -> Cover {
        let ahead = view.to_key(key);
        let (after, before) = (self.after(), self.before());
        if after.len() < side && before.len() < side {
            Cover::All
        } else if ahead == 0
            || after.last().is_some_and(|&last| ahead <= view.to(last))
            || before.last().is_some_and(|&last| ahead >= view.to(last))
        {
            Cover::Within
        } else {
            Cover::Beyond
        }
    }

    /// True if `peer` would find a place here; not if it has one.
    pub(super) fn wants(&self, view: View, side: usize, peer: PeerId) -> bool {
        let ahead = view.to(peer);
        if ahead == 0 {
            return false;
        }
        let (after, before) = (self.after(), self.before());
        let half = if ahead < HALF { after } else { before };
        // The quick answer in the steady state: beyond the last of a full side, and nobody stands in on the other one.
        let fits = half.len() < side || half.last().is_some_and(|&last| (ahead < HALF) == (ahead < view.to(last)));
        (fits || self.has_stand_in(view)) && !self.list.contains(&peer)
    }

    fn has_stand_in(&self, view: View) -> bool {
        let stands_in = |list: &[PeerId], after: bool| list.first().is_none_or(|&first| (view.to(first) < HALF) != after);
        stands_in(self.after(), true) || stands_in(self.before(), false)
    }

    /// Puts the set together anew from its present members without `gone`, and `more`. True if it has changed.
    pub(super) fn rebuild(&mut self, view: View, side: usize, gone: Option<PeerId>, more: &[PeerId]) -> bool {
        let mut pool = [(0, PeerId(0)); 2 * LEAVES_MAX];
        let mut length = 0;
        for &peer in self.list.iter().chain(more).filter(|&&peer| Some(peer) != gone) {
            let entry = (view.to(peer), peer);
            if entry.0 != 0 && length < pool.len() && !pool[..length].contains(&entry) {
                pool[length] = entry;
                length += 1;
            }
        }
        let pool = &mut pool[..length];
        pool.sort_unstable();
        let (list, after) = arrange(pool, side);
        let list = &list.0[..list.1];
        if *self.list == *list && usize::from(self.after) == after {
            return false;
        }
        *self = Self { list: Arc::from(list), after: after as u8 };
        true
    }
}

/// A list on the stack, and its length.
type Short = ([PeerId; LEAVES_MAX + 2], usize);

/// The leaf set of a peer that knows `pool`, (distance clockwise, peer) in ascending order; and how many of it come after the peer.
pub(super) fn arrange(pool: &[(u64, PeerId)], side: usize) -> (Short, usize) {
    let mut list = [PeerId(0); LEAVES_MAX + 2];
    let near = pool.partition_point(|&(ahead, _)| ahead < HALF);
    let (after, before) = pool.split_at(near);
    // With nobody in one half, the far end of the other one is the neighbour on that side.
    let after = if after.is_empty() { &before[..before.len().min(1)] } else { &after[..after.len().min(side)] };
    let before = if before.is_empty() { &pool[near.saturating_sub(1)..near] } else { &before[before.len().saturating_sub(side)..] };
    let mut length = 0;
    for &(_, peer) in after.iter().chain(before.iter().rev()) {
        list[length] = peer;
        length += 1;
    }
    ((list, length), after.len())
}

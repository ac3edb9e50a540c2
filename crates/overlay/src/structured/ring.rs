//! What ring-shaped overlays share: distances clockwise from one peer, and lists of contacts at growing distance.

use std::sync::Arc;

use peerlab_model::{Key, Numbering, PeerId};

/// The longest successor list that a configuration may ask for: a list is put together on the stack.
pub(crate) const LIST_MAX: usize = 64;

/// The ring as one peer sees it: everything measured clockwise from its own key.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    numbering: &'a Numbering,
    key: Key,
}

impl<'a> View<'a> {
    #[inline]
    pub(crate) fn new(numbering: &'a Numbering, this: PeerId) -> Self {
        Self { numbering, key: numbering.key(this) }
    }

    /// This peer's own key.
    #[inline]
    pub(crate) fn key(self) -> Key {
        self.key
    }

    /// How peers are numbered.
    #[inline]
    pub(crate) fn numbering(self) -> Numbering {
        *self.numbering
    }

    /// Distance to a point of the ring; 0 for this peer's own.
    #[inline]
    pub(crate) fn to_key(self, key: Key) -> u64 {
        self.key.to(key)
    }

    /// Distance to a contact; 0 for this peer itself.
    #[inline]
    pub(crate) fn to(self, peer: PeerId) -> u64 {
        self.key.to(self.numbering.key(peer))
    }

    /// The farthest of an ordered list that lies strictly within `bound`, with its distance.
    #[inline]
    pub(crate) fn last_within(self, list: &[PeerId], bound: u64) -> Option<(PeerId, u64)> {
        list.iter().rev().map(|&peer| (peer, self.to(peer))).find(|&(_, distance)| distance < bound)
    }

    /// The nearest of an ordered list at distance `from` or beyond.
    pub(crate) fn first_from(self, list: &[PeerId], from: u64) -> Option<PeerId> {
        list.iter().copied().find(|&peer| self.to(peer) >= from)
    }
}

/// Keeps of `candidates` those at growing distance, at most `limit`: a list that runs into this peer itself or turns back ends there.
///
/// Gives the present list back if nothing changes, so that a quiet ring allocates nothing.
pub(crate) fn relist(view: View, present: &Arc<[PeerId]>, limit: usize, candidates: impl Iterator<Item = PeerId>) -> Option<Arc<[PeerId]>> {
    let mut list = [PeerId(0); LIST_MAX];
    let (mut length, mut reached) = (0, 0);
    for peer in candidates {
        let distance = view.to(peer);
        if length == limit.min(LIST_MAX) || distance <= reached {
            break;
        }
        list[length] = peer;
        (length, reached) = (length + 1, distance);
    }
    if **present == list[..length] { None } else { Some(Arc::from(&list[..length])) }
}

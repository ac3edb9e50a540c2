//! Lists of contacts inside messages.
//!
//! # Cost
//! Up to [`INLINE`] contacts lie in the message itself: nothing is allocated, and what is copied through the queue is what would have to
//! be read at the receiver anyway. A longer list is shared by reference count.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use peerlab_model::PeerId;

/// Contacts that a message carries without an allocation: Kademlia's k.
pub const INLINE: usize = 20;

/// A list of contacts in a message, which does not change any more.
#[derive(Clone, Debug)]
pub struct Contacts(List);

#[derive(Clone, Debug)]
enum List {
    Few(u8, [PeerId; INLINE]),
    Many(Arc<[PeerId]>),
}

impl Contacts {
    /// The list of these contacts.
    #[inline]
    pub fn new(contacts: &[PeerId]) -> Self {
        if contacts.len() > INLINE {
            return Self(List::Many(Arc::from(contacts)));
        }
        // Most lists are full; those are copied as one value.
        let list = contacts.try_into().unwrap_or_else(|_| {
            let mut list = [PeerId(0); INLINE];
            list[..contacts.len()].copy_from_slice(contacts);
            list
        });
        Self(List::Few(contacts.len() as u8, list))
    }
}

impl Contacts {
    /// Hands each contact to `other`, who may put another in its place.
    pub(crate) fn forge(&mut self, other: &mut dyn FnMut(&mut PeerId)) {
        match &mut self.0 {
            List::Few(length, list) => list[..usize::from(*length)].iter_mut().for_each(other),
            List::Many(list) => Arc::make_mut(list).iter_mut().for_each(other),
        }
    }
}

impl Deref for Contacts {
    type Target = [PeerId];

    #[inline]
    fn deref(&self) -> &[PeerId] {
        match &self.0 {
            List::Few(length, list) => &list[..usize::from(*length)],
            List::Many(list) => list,
        }
    }
}

impl PartialEq for Contacts {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Contacts {}

impl Hash for Contacts {
    /// Two contacts at a time: this is hashed with every message.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.len() as u8);
        for pair in self.chunks(2) {
            state.write_u64(u64::from(pair[0].0) | pair.get(1).map_or(0, |second| u64::from(second.0) << 32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lists_read_the_same() {
        for length in [0, 1, INLINE, INLINE + 1, 60] {
            let list: Vec<PeerId> = (0..length as u32).map(PeerId).collect();
            assert_eq!(*Contacts::new(&list), list[..]);
        }
    }
}

//! Lists of contacts inside messages.
//!
//! # Cost
//! A list lies in a block of memory of its own, which is written once and read once: what goes through the queue is a pointer to it. The blocks
//! of lists that have been read are used again, the latest first, while they are still in the cache; so answers allocate nothing once a run has
//! as many messages in flight as it ever has. To carry k = 20 contacts in the message itself, through half a dozen copies, took longer, and
//! so did an allocation for each (benches/records/).

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use peerlab_model::PeerId;
use peerlab_prefetch::prefetch;

/// Contacts that fit into a block: Kademlia's k.
const FEW: usize = 20;

/// Blocks that a thread keeps at most: half a megabyte. What comes in beyond that has been written by other threads.
const SPARE: usize = 4096;

thread_local! {
    /// Blocks that nobody uses. What lies in them reaches nobody.
    #[expect(clippy::vec_box, reason = "a message carries a block by its box")]
    static BLOCKS: RefCell<Vec<Box<Block>>> = const { RefCell::new(Vec::new()) };
}

/// Memory for one list: two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
struct Block {
    few: [PeerId; FEW],
    /// All of them, if there are more.
    many: Vec<PeerId>,
}

/// A list of contacts in a message, which does not change any more.
#[derive(Debug)]
pub struct Contacts {
    /// There until it is dropped.
    block: Option<Box<Block>>,
    /// The first of them, for who wants to know something of the list before the block is near.
    first: PeerId,
    /// How many there are; more than [`FEW`] if only the block knows.
    length: u8,
}

impl Contacts {
    /// The list of these contacts.
    #[inline]
    pub fn new(contacts: &[PeerId]) -> Self {
        let block = BLOCKS.with_borrow_mut(Vec::pop);
        let mut block = block.unwrap_or_else(|| Box::new(Block { few: [PeerId(0); FEW], many: Vec::new() }));
        let length = contacts.len();
        if let Ok(all) = contacts.try_into() {
            // Most lists are full; those are copied as one value.
            block.few = all;
        } else if length < FEW {
            block.few[..length].copy_from_slice(contacts);
        } else {
            block.many.clear();
            block.many.extend_from_slice(contacts);
        }
        Self { block: Some(block), first: contacts.first().copied().unwrap_or(PeerId(0)), length: length.min(FEW + 1) as u8 }
    }

    /// The first contact, without a look into the block; some peer, if there is none.
    #[inline]
    pub(crate) fn hint(&self) -> PeerId {
        self.first
    }

    /// Brings near what the block holds, for k = 20. A hint.
    #[inline]
    pub(crate) fn prefetch(&self) {
        self.block.as_deref().into_iter().for_each(prefetch::<2, _>);
    }

    /// Hands each contact to `other`, who may put another in its place.
    pub(crate) fn forge(&mut self, other: &mut dyn FnMut(&mut PeerId)) {
        let Some(block) = self.block.as_deref_mut() else { return };
        let list = block.few.get_mut(..self.length.into()).unwrap_or(&mut block.many);
        list.iter_mut().for_each(other);
    }
}

impl Deref for Contacts {
    type Target = [PeerId];

    #[inline]
    fn deref(&self) -> &[PeerId] {
        self.block.as_deref().map_or(&[], |block| block.few.get(..self.length.into()).unwrap_or(&block.many))
    }
}

impl Drop for Contacts {
    #[inline]
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            // At a thread's end there may be no such list any more.
            let _ = BLOCKS.try_with(|blocks| {
                let mut blocks = blocks.borrow_mut();
                if blocks.len() < SPARE {
                    blocks.push(block);
                }
            });
        }
    }
}

impl Clone for Contacts {
    fn clone(&self) -> Self {
        Self::new(self)
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
        let (pairs, last) = self.as_chunks::<2>();
        for &[first, second] in pairs {
            state.write_u64(u64::from(first.0) | u64::from(second.0) << 32);
        }
        if let [last] = last {
            state.write_u64(u64::from(last.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::digest::ContentHasher;

    /// Goal: a list is what it was made of, whatever lay in its block before. Method: lists of all lengths, many of them at a time, some dropped.
    #[test]
    fn short_and_long_lists_read_the_same() {
        let mut kept: Vec<(Vec<PeerId>, Contacts)> = Vec::new();
        for turn in 0..1000_u32 {
            let list: Vec<PeerId> = (0..turn % 61).map(|nth| PeerId(1000 * turn + nth)).collect();
            let contacts = Contacts::new(&list);
            assert!(list.is_empty() || contacts.hint() == list[0]);
            if turn % 50 == 0 {
                kept.truncate(kept.len() / 2);
            }
            kept.push((list, contacts.clone()));
            assert!(kept.iter().all(|(list, contacts)| **contacts == list[..]));
        }
    }

    /// Goal: the hash of a list covers its length, and each contact in its place.
    #[test]
    fn lists_that_differ_have_other_hashes() {
        let hash = |list: &[u32]| {
            let mut hasher = ContentHasher::default();
            Contacts::new(&list.iter().copied().map(PeerId).collect::<Vec<_>>()).hash(&mut hasher);
            hasher.finish()
        };
        let all = [&[][..], &[0], &[0, 0], &[1], &[1, 2], &[2, 1], &[1, 2, 3], &[1, 2, 4], &[1, 2, 3, 0]].map(hash);
        for (at, hash) in all.iter().enumerate() {
            assert!(!all[..at].contains(hash));
        }
    }
}

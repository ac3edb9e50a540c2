//! Backpointers: the peers that have this one among their links.
//!
//! They are soft state. A peer that links to this one says so, and probes it now and then; who has not done so for three rounds of this
//! peer's own probes is forgotten.

use peerlab_model::PeerId;

/// Rounds of silence after which a backpointer is forgotten.
const SILENT_MAX: u8 = 3;

/// Five bytes each, in the order of the peers' numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Backpointers {
    list: Vec<PeerId>,
    /// For each of them, the rounds since it was last heard from.
    silent: Vec<u8>,
}

impl Backpointers {
    /// A peer says that it links to this one. True if that is new.
    pub(super) fn heard(&mut self, peer: PeerId) -> bool {
        match self.list.binary_search(&peer) {
            Ok(at) => {
                self.silent[at] = 0;
                false
            }
            Err(at) => {
                if self.list.len() == self.list.capacity() {
                    self.list.reserve_exact(8);
                    self.silent.reserve_exact(8);
                }
                self.list.insert(at, peer);
                self.silent.insert(at, 0);
                true
            }
        }
    }

    /// The same for peers that come in the order of their numbers, behind all that are there.
    pub(super) fn extend(&mut self, peers: impl ExactSizeIterator<Item = PeerId>) {
        self.list.reserve_exact(peers.len());
        self.silent.reserve_exact(peers.len());
        self.silent.extend(std::iter::repeat_n(0, peers.len()));
        self.list.extend(peers);
    }

    pub(super) fn remove(&mut self, peer: PeerId) {
        if let Ok(at) = self.list.binary_search(&peer) {
            self.list.remove(at);
            self.silent.remove(at);
        }
    }

    /// One more round has passed.
    pub(super) fn sweep(&mut self) {
        self.silent.iter_mut().for_each(|silent| *silent += 1);
        let silent = &self.silent;
        let mut at = 0;
        self.list.retain(|_| {
            at += 1;
            silent[at - 1] < SILENT_MAX
        });
        self.silent.retain(|&silent| silent < SILENT_MAX);
    }

    pub(super) fn list(&self) -> &[PeerId] {
        &self.list
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.len() * (size_of::<PeerId>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_silent_for_three_rounds_is_forgotten() {
        let mut back = Backpointers::default();
        assert!(back.heard(PeerId(5)) && back.heard(PeerId(3)) && !back.heard(PeerId(5)));
        back.sweep();
        back.sweep();
        back.heard(PeerId(3));
        back.sweep();
        assert_eq!(back.list(), [PeerId(3)]);
    }
}

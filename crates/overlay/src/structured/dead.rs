//! Who did not answer lately: so that others' word of a dead peer is not followed up again and again.

use std::collections::VecDeque;

use peerlab_model::{PeerId, Span, Time};

/// Peers that are remembered at most; the oldest are forgotten first.
const MAX: usize = 32;

/// The dead that one peer remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dead {
    /// Who did not answer, and when; the oldest first.
    list: VecDeque<(PeerId, Time)>,
}

impl Dead {
    pub(crate) fn bury(&mut self, peer: PeerId, now: Time) {
        self.revive(peer);
        if self.list.len() == MAX {
            self.list.pop_front();
        }
        self.list.push_back((peer, now));
    }

    /// It was heard from.
    #[inline]
    pub(crate) fn revive(&mut self, peer: PeerId) {
        if !self.list.is_empty() {
            self.list.retain(|&(dead, _)| dead != peer);
        }
    }

    /// True if it did not answer less than `memory` ago.
    pub(crate) fn contains(&self, peer: PeerId, now: Time, memory: Span) -> bool {
        self.list.iter().any(|&(dead, since)| dead == peer && now.since(since) < memory)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.list.len() * size_of::<(PeerId, Time)>()
    }
}

//! Who begins the network when there is nobody but newcomers: the same rule in every overlay that is joined through a contact.
//!
//! A newcomer that is asked anything refuses, and names the newcomer with the lowest number that it has met. Every other attempt to join
//! goes there, and after enough refusals the one with the lowest number begins.

use peerlab_model::PeerId;

/// After so many attempts that met nobody but newcomers, the one with the lowest number begins.
const REFUSALS_MAX: u8 = 8;

/// What a newcomer knows of the others.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Newcomers {
    /// How many refused, in a row.
    refusals: u8,
    /// The one with the lowest number that was met.
    lowest: Option<PeerId>,
}

impl Newcomers {
    /// Whom the next attempt shall ask instead of a new contact.
    pub(super) fn detour(self, this: PeerId) -> Option<PeerId> {
        self.lowest.filter(|&lowest| self.refusals % 2 == 1 && lowest != this)
    }

    /// True if it is this peer's part to begin: nobody lower was met, or nothing has come of it for long.
    pub(super) fn begins(self, this: PeerId) -> bool {
        let is_lowest = self.lowest.is_none_or(|lowest| lowest > this);
        self.refusals >= REFUSALS_MAX && (is_lowest || self.refusals >= 4 * REFUSALS_MAX)
    }

    /// This peer refuses `asker`, who is told whom it names.
    pub(super) fn refuse(&mut self, this: PeerId, asker: PeerId) -> PeerId {
        let lowest = self.note(asker);
        lowest.min(this)
    }

    /// This peer was refused by one that named `lowest`.
    pub(super) fn refused(&mut self, lowest: PeerId) {
        self.refusals = self.refusals.saturating_add(1);
        self.note(lowest);
    }

    /// A contact is gone: if it was the lowest, who comes next is to be found out afresh.
    pub(super) fn forget(&mut self, dead: PeerId) {
        if self.lowest == Some(dead) {
            *self = Self::default();
        }
    }

    fn note(&mut self, peer: PeerId) -> PeerId {
        let lowest = self.lowest.map_or(peer, |met| met.min(peer));
        self.lowest = Some(lowest);
        lowest
    }
}

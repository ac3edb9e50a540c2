//! Whose turn it is.

use std::collections::VecDeque;

use super::NONE;

/// Connections with blocks to be sent, in turn. The first one lies here and not behind a pointer: it is brought near before its turn comes.
pub(super) struct Turns {
    rest: VecDeque<u16>,
    /// [`NONE`] where nobody waits.
    first: u16,
}

impl Turns {
    /// Nobody.
    pub(super) fn none() -> Self {
        Self { rest: VecDeque::new(), first: NONE }
    }

    /// Who is next.
    #[inline]
    pub(super) fn first(&self) -> Option<u16> {
        Some(self.first).filter(|&first| first != NONE)
    }

    pub(super) fn contains(&self, slot: u16) -> bool {
        self.first == slot || self.rest.contains(&slot)
    }

    /// One more, who comes last.
    pub(super) fn push(&mut self, slot: u16) {
        if self.first == NONE {
            self.first = slot;
        } else {
            self.rest.push_back(slot);
        }
    }

    /// The first one has had its turn.
    pub(super) fn advance(&mut self) {
        self.first = self.rest.pop_front().unwrap_or(NONE);
    }

    /// This one waits no longer.
    pub(super) fn remove(&mut self, slot: u16) {
        if self.first == slot {
            self.advance();
        }
        self.rest.retain(|&waiting| waiting != slot);
    }

    pub(super) fn clear(&mut self) {
        self.rest.clear();
        self.first = NONE;
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[test]
    fn everybody_has_his_turn() {
        let mut turns = Turns::none();
        for slot in [4, 7, 9, 5] {
            turns.push(slot);
        }
        turns.remove(9);
        turns.remove(4);
        assert!(turns.contains(7) && turns.contains(5) && !turns.contains(9) && !turns.contains(4));
        turns.push(4);
        let mut seen = Vec::new();
        while let Some(slot) = turns.first() {
            turns.advance();
            seen.push(slot);
        }
        assert_eq!(seen, [7, 5, 4]);
        turns.push(3);
        turns.clear();
        assert_eq!(turns.first(), None);
    }
}

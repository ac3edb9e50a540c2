//! What a holder has to register with the peers responsible for it, and when: the same in every overlay that keeps provider records.
//!
//! Registrations go out a few at a time. Each item on the disk is registered again in turn, evenly over the republish interval, so
//! that a holder of many sends no bursts.
//!
//! # Not here
//! How an item is registered: the model looks for who is responsible, and says when that has ended, well or badly.

use std::collections::VecDeque;

use peerlab_model::{Context, ItemId, Overlay, Span};

/// Registrations of one peer that may be under way together.
const UNDER_WAY_MAX: u8 = 4;

/// One holder's registrations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher {
    /// Items to register (`true`) or to take back.
    waiting: VecDeque<(ItemId, bool)>,
    under_way: u8,
    /// The item of the disk to register again next.
    cursor: u32,
    /// The timer for that runs.
    ticking: bool,
}

impl Publisher {
    /// Notes items to register (`add`), or to take back.
    pub(crate) fn queue(&mut self, items: &[ItemId], add: bool) {
        self.waiting.extend(items.iter().map(|&item| (item, add)));
    }

    /// Starts registering again all that is on the disk, each item once in `interval`; `tick` is the timer that [`Publisher::tick`] follows.
    pub(crate) fn begin<O: Overlay>(&mut self, cx: &mut Context<'_, O>, interval: Span, tick: O::Timer) {
        if !self.ticking {
            self.ticking = true;
            self.cursor = cx.rng().below(u64::from(u32::MAX)) as u32;
            cx.set_timer_within(gap(cx, interval), tick);
        }
    }

    /// It is the next item's turn.
    pub(crate) fn tick<O: Overlay>(&mut self, cx: &mut Context<'_, O>, interval: Span, tick: O::Timer) {
        cx.set_timer(gap(cx, interval), tick);
        let items = cx.shares();
        // What still waits for its first turn (the peer was cut off, say) goes first.
        if !items.is_empty() && self.waiting.len() < items.len() {
            let at = self.cursor as usize % items.len();
            self.cursor = (at + 1) as u32;
            self.waiting.push_back((items[at], true));
        }
    }

    /// The next item to register or to take back, if another one may be under way; it is from now on, until [`Publisher::ended`].
    pub(crate) fn next(&mut self) -> Option<(ItemId, bool)> {
        if self.under_way >= UNDER_WAY_MAX {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.under_way += 1;
        Some(next)
    }

    /// A registration has ended, well or badly.
    pub(crate) fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Bytes of what waits.
    pub(crate) fn bytes(&self) -> usize {
        self.waiting.len() * size_of::<(ItemId, bool)>()
    }
}

fn gap<O: Overlay>(cx: &Context<'_, O>, interval: Span) -> Span {
    Span::from_nanos(interval.nanos() / cx.shares().len().max(1) as u64)
}

//! What a holder has to register with the peers responsible for it, and when: the same in every overlay that keeps provider records.
//!
//! Registrations go out a few at a time. Each item on the disk is registered again in turn, evenly over the republish interval, so
//! that a holder of many sends no bursts.
//!
//! Where peers ask by keyword, an item has several records, one under each word of its name: each is a registration of its own.
//!
//! # Not here
//! How an item is registered: the model looks for who is responsible, and says when that has ended, well or badly.

use std::collections::VecDeque;

use peerlab_model::{Context, ItemId, Key, Overlay, Span};

/// Registrations of one peer that may be under way together.
const UNDER_WAY_MAX: u8 = 4;

/// A record to keep alive, or to take back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    pub(crate) item: ItemId,
    /// Which of the item's records.
    which: u8,
    /// To register, not to take back.
    pub(crate) add: bool,
}

impl Registration {
    /// Of the first, or only, record of an item.
    pub const fn of(item: ItemId) -> Self {
        Self { item, which: 0, add: true }
    }

    /// The key of the record.
    pub(crate) fn key<O: Overlay>(self, cx: &Context<'_, O>) -> Key {
        cx.setting().numbering.record_key(self.item, cx.words_of(self.item), self.which)
    }
}

/// One holder's registrations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Publisher {
    waiting: VecDeque<Registration>,
    under_way: u8,
    /// The item of the disk to register again next.
    cursor: u32,
    /// The timer for that runs.
    ticking: bool,
}

impl Publisher {
    /// Notes items to register (`add`), or to take back.
    pub(crate) fn queue(&mut self, items: &[ItemId], add: bool) {
        self.queue_records(items, 1, add);
    }

    /// The same where each item has several records.
    pub(crate) fn queue_records(&mut self, items: &[ItemId], records: u8, add: bool) {
        self.waiting.extend(items.iter().flat_map(|&item| (0..records).map(move |which| Registration { item, which, add })));
    }

    /// Notes one that has to be tried again.
    pub(crate) fn queue_again(&mut self, registration: Registration) {
        self.waiting.push_back(registration);
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
        let (items, records) = (cx.shares(), usize::from(cx.setting().records_per_item()));
        let all = items.len() * records;
        // What still waits for its first turn (the peer was cut off, say) goes first.
        if all > 0 && self.waiting.len() < all {
            let at = self.cursor as usize % all;
            self.cursor = (at + 1) as u32;
            self.waiting.push_back(Registration { item: items[at / records], which: (at % records) as u8, add: true });
        }
    }

    /// The next item to register or to take back, if another one may be under way; it is from now on, until [`Publisher::ended`].
    pub(crate) fn next(&mut self) -> Option<(ItemId, bool)> {
        let Registration { item, add, .. } = self.take()?;
        Some((item, add))
    }

    /// The same, by the key of the record.
    pub(crate) fn next_record<O: Overlay>(&mut self, cx: &Context<'_, O>) -> Option<(Key, bool)> {
        let next = self.take()?;
        Some((next.key(cx), next.add))
    }

    /// The same as it is.
    pub(crate) fn take(&mut self) -> Option<Registration> {
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
        self.waiting.len() * size_of::<Registration>()
    }
}

fn gap<O: Overlay>(cx: &Context<'_, O>, interval: Span) -> Span {
    let records = cx.shares().len() * usize::from(cx.setting().records_per_item());
    Span::from_nanos(interval.nanos() / records.max(1) as u64)
}

//! Counting messages, by kind, cause and fate: integers that merge in any order.

use peerlab_model::Cause;

use crate::record::MessageRow;

/// Why a message did not arrive, or that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Delivered,
    Offline,
    Loss,
    Queue,
    Partition,
}

/// Messages of one kind and cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) sent: u64,
    pub(crate) bytes: u64,
    /// By [`Fate`].
    pub(crate) ended: [u64; 5],
    /// Found in the queues at the end, not inferred.
    pub(crate) in_flight: u64,
}

impl Count {
    fn merge(&mut self, other: &Self) {
        // Moving late messages may leave one part below zero until all parts are together: hence wrapping.
        self.sent = self.sent.wrapping_add(other.sent);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.in_flight = self.in_flight.wrapping_add(other.in_flight);
        for (mine, theirs) in self.ended.iter_mut().zip(other.ended) {
            *mine = mine.wrapping_add(theirs);
        }
    }

    fn conserved(&self) -> bool {
        self.sent == self.ended.iter().sum::<u64>() + self.in_flight
    }

    fn row(&self, kind: &'static str, cause: &'static str) -> MessageRow {
        let [delivered, dropped_offline, dropped_loss, dropped_queue, dropped_partition] = self.ended;
        let Self { sent, bytes, in_flight, .. } = *self;
        MessageRow { kind, cause, sent, delivered, dropped_offline, dropped_loss, dropped_queue, dropped_partition, in_flight, bytes }
    }
}

/// The messages of a run, or of a shard's part of it.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    kinds: Vec<&'static str>,
    /// Kind · 4 + cause.
    counts: Vec<Count>,
    /// Sent for a lookup whose row had closed.
    late: Count,
}

const CAUSES: [&str; 4] = ["maintenance", "lookup", "rumour", "transfer"];

/// The place of a cause in [`CAUSES`].
#[inline]
pub(crate) const fn place(cause: Cause) -> u8 {
    match cause {
        Cause::Maintenance => 0,
        Cause::Lookup(_) => LOOKUP,
        Cause::Rumour(_) => RUMOUR,
        Cause::Transfer => TRANSFER,
    }
}

pub(crate) const LOOKUP: u8 = 1;
pub(crate) const RUMOUR: u8 = 2;
pub(crate) const TRANSFER: u8 = 3;

impl Tally {
    pub(crate) fn new(kinds: Vec<&'static str>) -> Self {
        assert!(kinds.len() <= 1 << u8::BITS, "more than 256 kinds of message");
        Self { counts: vec![Count::default(); kinds.len() * CAUSES.len()], kinds, late: Count::default() }
    }

    /// Messages of this kind for the cause at this [`place`].
    #[inline]
    pub(crate) fn of(&mut self, kind: usize, cause: u8) -> &mut Count {
        &mut self.counts[kind * CAUSES.len() + usize::from(cause)]
    }

    fn of_lookups(&mut self, kind: usize) -> &mut Count {
        self.of(kind, LOOKUP)
    }

    /// Moves a message that was sent for a closed lookup to the late ones.
    pub(crate) fn late_sent(&mut self, kind: usize, bytes: u32) {
        let count = self.of_lookups(kind);
        count.sent = count.sent.wrapping_sub(1);
        count.bytes = count.bytes.wrapping_sub(u64::from(bytes));
        self.late.sent += 1;
        self.late.bytes += u64::from(bytes);
    }

    /// Moves the end of such a message.
    pub(crate) fn late_ended(&mut self, kind: usize, fate: Fate) {
        let ended = &mut self.of_lookups(kind).ended[fate as usize];
        *ended = ended.wrapping_sub(1);
        self.late.ended[fate as usize] += 1;
    }

    /// Moves such a message that is still on its way.
    pub(crate) fn late_in_flight(&mut self, kind: usize) {
        let count = self.of_lookups(kind);
        count.in_flight = count.in_flight.wrapping_sub(1);
        self.late.in_flight += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            mine.merge(theirs);
        }
        self.late.merge(&other.late);
    }

    /// Messages sent, of all kinds.
    pub(crate) fn sent(&self) -> u64 {
        self.counts.iter().map(|count| count.sent).fold(self.late.sent, u64::wrapping_add)
    }

    /// Bytes sent that were for no lookup, no rumour and no transfer.
    pub(crate) fn maintenance_bytes(&self) -> u64 {
        self.counts.iter().step_by(CAUSES.len()).map(|count| count.bytes).sum::<u64>() + self.late.bytes
    }

    /// The rows of `messages.csv`: a kind and cause that never occurred is left out.
    pub(crate) fn rows(&self) -> Vec<MessageRow> {
        let named = self.kinds.iter().flat_map(|kind| CAUSES.map(|cause| (*kind, cause)));
        let rows = named.zip(&self.counts).map(|((kind, cause), count)| count.row(kind, cause));
        rows.chain([self.late.row("late", CAUSES[0])]).filter(|row| row.sent > 0).collect()
    }

    /// The first kind of message for which sent ≠ delivered + dropped + in flight.
    pub(crate) fn broken(&self) -> Option<MessageRow> {
        let all = self.counts.iter().enumerate().map(|(at, count)| (self.kinds[at / CAUSES.len()], CAUSES[at % CAUSES.len()], count));
        all.chain([("late", CAUSES[0], &self.late)])
            .find(|(.., count)| !count.conserved())
            .map(|(kind, cause, count)| count.row(kind, cause))
    }
}

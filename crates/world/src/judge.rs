//! The judge: what the answers and the ends of lookups are worth, by what was true at that moment.
//!
//! As long as nobody comes or goes in a window, what is true stays as it is, and the lookups of one shard have nothing to do with those of another: until
//! then each shard has its own answers judged, all shards at once ([`Seats::settle`](crate::shard::Seats)). What comes later is read in the order of
//! the events, between windows ([`Director::read_notes`](crate::director::Director::read_notes)).

use peerlab_engine::time::Time;
use peerlab_model::{Hit, HostId, ItemId, Overlay, Target};

use crate::common::Common;
use crate::ledger::{First, Ledger, Row};
use crate::notes::{Note, What};
use crate::record::Outcome;
use crate::truth::Truth;

/// Judges by this truth.
pub(crate) struct Judge<'a, O> {
    pub(crate) truth: &'a Truth,
    pub(crate) common: &'a Common<O>,
}

impl<O: Overlay> Judge<'_, O> {
    /// Reads all these notes of a shard, in their order: none of them is about the world.
    pub(crate) fn read_all(&self, notes: &[Note], ledger: &mut Ledger) {
        for (at, note) in notes.iter().enumerate() {
            self.look_ahead(&notes[at + 1..], ledger);
            self.expire(note.key.time, ledger);
            self.read(note, ledger);
        }
    }

    /// Reads a note of the shard that keeps this ledger; one about the world says nothing here.
    #[inline]
    pub(crate) fn read(&self, note: &Note, ledger: &mut Ledger) {
        match note.what {
            // There is always one owner.
            What::Asked { target: Target::Key(_), .. } => {}
            What::Asked { lookup, target } => {
                if let Some(row) = ledger.open(lookup) {
                    row.existing = self.truth.existing(target);
                }
            }
            What::Hit { lookup, hit, item, last } => {
                if let Some(row) = ledger.open(lookup) {
                    self.answer(note.key.time, row, hit, item);
                    if last {
                        self.finish(row);
                    }
                }
            }
            What::Finished { lookup } => {
                if let Some(row) = ledger.open(lookup) {
                    self.finish(row);
                }
            }
            _ => {}
        }
    }

    /// Ends the lookups whose deadline is before `now`.
    #[inline]
    pub(crate) fn expire(&self, now: Time, ledger: &mut Ledger) {
        while let Some(row) = ledger.next_overdue(now) {
            row.end(Outcome::Timeout, self.truth.absent_since(row.target, row.asked));
        }
    }

    /// Asks for what the coming notes of answers are judged by.
    #[inline]
    pub(crate) fn look_ahead(&self, coming: &[Note], ledger: &Ledger) {
        let answered = |ahead: usize| match coming.get(ahead)?.what {
            What::Hit { lookup, .. } => Some(lookup),
            _ => None,
        };
        // Each of these lies behind the one before it.
        if let Some(lookup) = answered(24) {
            ledger.prefetch_place(lookup);
        }
        if let Some(lookup) = answered(18) {
            ledger.prefetch_row::<2>(lookup);
        }
        for (ahead, near) in [(12, false), (6, true)] {
            if let Some(target) = answered(ahead).and_then(|lookup| ledger.newest_target(lookup)) {
                self.truth.prefetch(target, near);
            }
        }
    }

    fn finish(&self, row: &mut Row) {
        row.end(Outcome::NotFound, self.truth.absent_since(row.target, row.asked));
    }

    fn answer(&self, at: Time, row: &mut Row, hit: Hit, item: Option<ItemId>) {
        let Self { truth, common } = self;
        let numbering = &common.setting.numbering;
        let right = truth.is_right(&common.overlay, &common.holdings, row.target, hit.peer, item);
        let latency = at.since(row.asked);
        row.answer(right.then(|| {
            let (from, to) = (HostId(row.lookup.origin), numbering.host(hit.peer));
            let direct = if from == to { None } else { common.network.base_delay(from, to) };
            let stretch = direct.filter(|direct| direct.nanos() > 0).map(|direct| (latency.secs_f64() / (2.0 * direct.secs_f64())) as f32);
            let what = item.map_or(to.0, |item| item.0);
            (what, First { latency, hops: hit.hops, rounds: hit.rounds, stretch })
        }));
    }
}

//! The books of lookups: one row each, from the question to the file.
//!
//! Each shard keeps the rows of its own hosts' lookups; what other shards did for them comes in parcels when a window is over.
//! Rows stand in the order in which they were asked, which is the order of the file: a row leaves when it has closed and all
//! rows before it, in all shards, have left. So memory holds what is open, and what waits behind it for at most the lookups'
//! timeout; it does not grow with the length of a run.
//!
//! # When a row closes
//! At the first sweep (every whole second of simulated time) at which the lookup has ended and none of its messages is in
//! flight, or its timeout has passed. Sweeps cut windows, so they happen at the same instants however the windows lie. What is sent
//! for a lookup after its row has closed is maintenance of kind `late`.
//!
//! # Cost
//! A row is found without hashing: each host knows its newest row, each row the host's one before. An event of a lookup costs
//! one visit (what ended, what was sent), made in batches with the rows fetched ahead.

use std::ops::Range;

use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, LookupId, Target};
use peerlab_prefetch::{prefetch_at, table};

use crate::notes::{Account, End};
use crate::record::Outcome;
use crate::tally::Tally;

/// No row.
const NONE: u32 = u32::MAX;
/// How many accounts ahead a row is asked for.
const AHEAD: usize = 24;

/// A lookup under way, or on its way to the file. Aligned to cache lines: what every message of it reads and writes lies in the first of its two.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Row {
    pub(crate) lookup: LookupId,
    /// When the row closed; [`Time::MAX`] while it is open.
    closed: Time,
    pub(crate) bytes: u64,
    /// The same host's row before this one.
    previous: u32,
    in_flight: i32,
    pub(crate) messages: u32,
    pub(crate) timeouts: u32,
    pub(crate) asked: Time,
    pub(crate) ended: Option<Outcome>,
    /// Answers, right or wrong.
    pub(crate) answers: u32,
    /// Different right answers: holders of the item, or, by keyword, items that match.
    pub(crate) results: u32,
    /// Right answers that there were when it was asked.
    pub(crate) existing: u32,
    pub(crate) target: Target,
    pub(crate) first: Option<First>,
    /// The hosts of the right answers so far, or the items by keyword, where there may be several.
    #[expect(clippy::box_collection, reason = "nearly every row goes without, and an empty vector takes three words")]
    right: Option<Box<Vec<u32>>>,
}

const _: () = assert!(size_of::<Row>() == 128);

/// The first right answer of a lookup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct First {
    pub(crate) latency: Span,
    pub(crate) hops: u32,
    pub(crate) rounds: u32,
    /// Latency over the round trip to the peer that was named; nothing for the origin itself.
    pub(crate) stretch: Option<f32>,
}

/// The open rows of a shard.
pub(crate) struct Ledger {
    /// The shard's first host.
    host: u32,
    rows: Rows,
    /// By host of the shard: its newest row.
    latest: Vec<u32>,
    timeout: Span,
    /// The first row whose deadline has not passed.
    due: u32,
    pub(crate) issued: u64,
    pub(crate) left: u64,
}

impl Ledger {
    /// No rows yet, for the lookups of these hosts.
    pub(crate) fn new(hosts: &Range<u32>, timeout: Span) -> Self {
        let mut latest = table(hosts.len());
        latest.resize(hosts.len(), NONE);
        Self { host: hosts.start, rows: Rows::default(), latest, timeout, due: 0, issued: 0, left: 0 }
    }

    /// Opens a row for a question of one of the shard's hosts; those asked before have theirs.
    pub(crate) fn asked(&mut self, lookup: LookupId, target: Target, at: Time) {
        let number = self.rows.next_number();
        assert!(number < NONE, "more than 2^32 lookups in one run");
        let previous = std::mem::replace(&mut self.latest[(lookup.origin - self.host) as usize], number);
        self.issued += 1;
        self.rows.push(Row {
            lookup,
            target,
            asked: at,
            closed: Time::MAX,
            bytes: 0,
            previous,
            in_flight: 0,
            messages: 0,
            timeouts: 0,
            answers: 0,
            results: 0,
            existing: 1,
            ended: None,
            first: None,
            right: None,
        });
    }

    /// The newest row of a lookup's origin, or [`NONE`]; nothing if the origin is another shard's.
    #[inline]
    fn place(&self, lookup: LookupId) -> Option<&u32> {
        self.latest.get(lookup.origin.wrapping_sub(self.host) as usize)
    }

    /// What the newest question of this lookup's origin is for.
    #[inline]
    pub(crate) fn newest_target(&self, lookup: LookupId) -> Option<Target> {
        self.rows.get(*self.place(lookup)?).map(|row| row.target)
    }

    /// The row of a lookup that has not left.
    #[inline]
    fn find(&mut self, lookup: LookupId) -> Option<&mut Row> {
        let mut number = *self.place(lookup)?;
        while let row = self.rows.get(number)?
            && row.lookup.number != lookup.number
        {
            number = row.previous;
        }
        self.rows.get_mut(number)
    }

    /// The row of a lookup that has not ended.
    pub(crate) fn open(&mut self, lookup: LookupId) -> Option<&mut Row> {
        self.find(lookup).filter(|row| row.ended.is_none())
    }

    /// Ends all lookups of a host that went offline.
    pub(crate) fn abandon(&mut self, host: HostId) {
        let mut number = self.latest[(host.0 - self.host) as usize];
        while let Some(row) = self.rows.get_mut(number) {
            if row.ended.is_none() {
                row.ended = Some(if row.results > 0 { Outcome::Found } else { Outcome::Abandoned });
            }
            number = row.previous;
        }
    }

    /// The next lookup whose deadline has passed before `now` without an end, if there is one.
    pub(crate) fn next_overdue(&mut self, now: Time) -> Option<&mut Row> {
        loop {
            let row = self.rows.get(self.due)?;
            let deadline = row.asked.saturating_add(self.timeout);
            if deadline >= now {
                return None;
            }
            self.due += 1;
            if row.ended.is_none() {
                return self.rows.get_mut(self.due - 1);
            }
        }
    }

    /// Books what was done for the lookups of this shard's hosts; what came too late goes to the `late` messages of `tally`.
    pub(crate) fn book(&mut self, accounts: &[Account], tally: &mut Tally) {
        for (index, account) in accounts.iter().enumerate() {
            if let Some(ahead) = accounts.get(index + 2 * AHEAD) {
                self.prefetch_place(ahead.lookup);
            }
            if let Some(ahead) = accounts.get(index + AHEAD) {
                self.prefetch_row::<1>(ahead.lookup);
            }
            self.book_one(account, tally);
        }
    }

    /// The rows of this lookup's origin will be looked for soon. A hint.
    #[inline]
    pub(crate) fn prefetch_place(&self, lookup: LookupId) {
        prefetch_at::<1, _>(&self.latest, lookup.origin.wrapping_sub(self.host) as usize);
    }

    /// So many lines of the newest row of this lookup's origin will be read very soon. A hint.
    #[inline]
    pub(crate) fn prefetch_row<const LINES: usize>(&self, lookup: LookupId) {
        if let Some(&number) = self.place(lookup) {
            prefetch_at::<LINES, _>(&self.rows.held, self.rows.at(number));
        }
    }

    #[inline]
    fn book_one(&mut self, account: &Account, tally: &mut Tally) {
        let row = self.find(account.lookup);
        let closed = row.as_ref().map_or(Time::MIN, |row| row.closed);
        let (sent, bytes) = account.sent_in_all();
        if let Some(row) = row {
            row.in_flight += sent as i32 - i32::from(account.ended.is_some());
            if account.at < closed {
                row.messages += sent;
                row.bytes += bytes;
                row.timeouts += u32::from(account.timeouts);
            }
        }
        // A row that closed at its deadline stays until its last message has ended; one that is gone had none in flight.
        if closed < Time::MAX {
            book_late(account, closed, tally);
        }
    }

    /// Closes every row that may close at `now`.
    pub(crate) fn close_at(&mut self, now: Time) {
        for row in self.rows.all() {
            let over = row.ended.is_some() && (row.in_flight == 0 || row.asked.saturating_add(self.timeout) <= now);
            if over && row.closed == Time::MAX {
                row.closed = now;
            }
        }
    }

    /// The run is over: the lookups that have not ended are open for ever.
    pub(crate) fn end(&mut self) {
        for row in self.rows.all() {
            row.ended.get_or_insert(Outcome::Open);
        }
    }

    /// The first row leaves.
    fn pop(&mut self) {
        self.rows.gone += 1;
        self.left += 1;
        self.due = self.due.max(self.rows.first + self.rows.gone);
    }
}

/// Numbered rows in one piece: new ones come at the end, and old ones go at the beginning.
#[derive(Default)]
struct Rows {
    held: Vec<Row>,
    /// The number of the first of them.
    first: u32,
    /// So many at the beginning have left.
    gone: u32,
}

impl Rows {
    fn next_number(&self) -> u32 {
        self.first + self.held.len() as u32
    }

    fn push(&mut self, row: Row) {
        self.held.push(row);
    }

    /// Where a row would be; [`NONE`] is nowhere.
    #[inline]
    fn at(&self, number: u32) -> usize {
        number.wrapping_sub(self.first) as usize
    }

    /// A row that has not left.
    #[inline]
    fn get(&self, number: u32) -> Option<&Row> {
        self.held.get(self.at(number)).filter(|_| self.at(number) >= self.gone as usize)
    }

    #[inline]
    fn get_mut(&mut self, number: u32) -> Option<&mut Row> {
        let at = self.at(number);
        self.held.get_mut(at).filter(|_| at >= self.gone as usize)
    }

    /// All that have not left.
    fn all(&mut self) -> &mut [Row] {
        &mut self.held[self.gone as usize..]
    }

    fn front(&self) -> Option<&Row> {
        self.held.get(self.gone as usize)
    }

    /// Removes those that have left, where they are many.
    fn tidy(&mut self) {
        if self.gone as usize * 4 >= self.held.len() {
            self.held.drain(..self.gone as usize);
            self.first += std::mem::take(&mut self.gone);
        }
    }
}

/// Lets the rows go that have closed and have nothing on its way, or `all`: hands each to `close`, in the order of the questions.
pub(crate) fn let_go(mut ledgers: Vec<&mut Ledger>, all: bool, mut close: impl FnMut(&Row)) {
    let order = |ledger: &Ledger| ledger.rows.front().map_or((Time::MAX, u32::MAX), |row| (row.asked, row.lookup.origin));
    while let Some(first) = (0..ledgers.len()).min_by_key(|&at| order(ledgers[at]))
        && let Some(row) = ledgers[first].rows.front()
        && (all || (row.closed < Time::MAX && row.in_flight == 0))
    {
        close(row);
        ledgers[first].pop();
    }
    for ledger in ledgers {
        ledger.rows.tidy();
    }
}

/// Moves what was sent for a lookup after its row had closed, and what became of it, to the late messages.
#[cold]
fn book_late(account: &Account, closed: Time, tally: &mut Tally) {
    if account.at >= closed.max(Time::ZERO) {
        for (kind, bytes) in account.sent() {
            tally.late_sent(kind, bytes);
        }
    }
    if account.ended_sent >= closed.max(Time::ZERO) {
        match account.ended {
            Some(End::Met(fate)) => tally.late_ended(usize::from(account.ended_kind), fate),
            Some(End::InFlight) => tally.late_in_flight(usize::from(account.ended_kind)),
            None => {}
        }
    }
}

impl Row {
    /// Notes an answer; a right one says what it found: the number of a host, or by keyword that of an item.
    pub(crate) fn answer(&mut self, right: Option<(u32, First)>) {
        self.answers += 1;
        let Some((what, first)) = right else { return };
        if matches!(self.target, Target::Item(_) | Target::Keywords(_)) {
            let found = self.right.get_or_insert_default();
            match found.binary_search(&what) {
                Ok(_) => return,
                Err(at) => found.insert(at, what),
            }
            self.results += 1;
        } else {
            self.results = 1;
        }
        self.first.get_or_insert(first);
    }

    /// Right answers over those that there were when it was asked: 1 at the most, since others may have come in the meantime. Nothing if
    /// there were none, or if a question has one right answer only.
    pub(crate) fn recall(&self) -> Option<f64> {
        let several = matches!(self.target, Target::Item(_) | Target::Keywords(_));
        (several && self.existing > 0).then(|| (f64::from(self.results) / f64::from(self.existing)).min(1.0))
    }

    /// Ends the lookup: found if it has a right answer, else as `otherwise` says, unless nothing could have been found.
    pub(crate) fn end(&mut self, otherwise: Outcome, absent: bool) {
        self.ended = Some(match (self.results, absent, self.answers) {
            (1.., ..) => Outcome::Found,
            // Absence wins over giving up and over timeouts; an answer that came was wrong all the same.
            (0, true, 0) => Outcome::Absent,
            (0, _, 1..) => Outcome::Incorrect,
            (0, false, 0) => otherwise,
        });
    }
}

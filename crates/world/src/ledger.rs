//! The books of lookups: one row each, from the question to the file.
//!
//! Rows stand in the order in which they were asked, which is the order of the file: a row leaves when it has closed and all
//! rows before it have left. So memory holds what is open, and what waits behind it for at most the lookups' timeout; it does not
//! grow with the length of a run.
//!
//! # When a row closes
//! At the first sweep (every whole second of simulated time) at which the lookup has ended and none of its messages is in
//! flight, or its timeout has passed. Sweeps cut windows, so they happen at the same instants however the windows lie. What is sent
//! for a lookup after its row has closed is maintenance of kind `late`.
//!
//! # Cost
//! A row is found without hashing: each seat knows its newest row, each row the seat's one before. A message of a lookup costs
//! two visits (sent, ended), made in batches with the rows fetched ahead.

use std::collections::VecDeque;

use peerlab_engine::time::{Span, Time};
use peerlab_model::{LookupId, Target};
use peerlab_prefetch::prefetch;

use crate::notes::{Account, Deed};
use crate::record::Outcome;
use crate::tally::Tally;

/// No row.
const NONE: u32 = u32::MAX;
/// How many accounts ahead a row is asked for.
const AHEAD: usize = 12;

/// A lookup under way, or on its way to the file.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) lookup: LookupId,
    pub(crate) target: Target,
    pub(crate) asked: Time,
    /// The same seat's row before this one.
    previous: u32,
    in_flight: i32,
    pub(crate) messages: u32,
    pub(crate) timeouts: u32,
    pub(crate) bytes: u64,
    pub(crate) ended: Option<Outcome>,
    pub(crate) first: Option<First>,
    /// Answers, right or wrong.
    pub(crate) answers: u32,
    /// Different right answers.
    pub(crate) results: u32,
    /// Right answers that there were when it was asked.
    pub(crate) existing: u32,
    /// The seats of the right answers so far, where there may be several.
    right: Vec<u32>,
    /// When the row closed.
    closed: Option<Time>,
}

/// The first right answer of a lookup.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct First {
    pub(crate) latency: Span,
    pub(crate) hops: u32,
    pub(crate) rounds: u32,
    /// Latency over the round trip to the peer that was named; nothing for the origin itself.
    pub(crate) stretch: Option<f32>,
}

/// The open rows of a run.
pub(crate) struct Ledger {
    /// The number of the first row.
    base: u32,
    rows: VecDeque<Row>,
    /// By seat: its newest row.
    latest: Vec<u32>,
    timeout: Span,
    /// The first row whose deadline has not passed.
    due: u32,
    pub(crate) issued: u64,
    pub(crate) left: u64,
}

impl Ledger {
    pub(crate) fn new(seats: u32, timeout: Span) -> Self {
        Self { base: 0, rows: VecDeque::new(), latest: vec![NONE; seats as usize], timeout, due: 0, issued: 0, left: 0 }
    }

    /// Opens a row.
    pub(crate) fn asked(&mut self, lookup: LookupId, target: Target, at: Time, existing: u32) {
        let number = self.base + self.rows.len() as u32;
        assert!(number < NONE, "more than 2^32 lookups in one run");
        let previous = std::mem::replace(&mut self.latest[lookup.origin as usize], number);
        self.issued += 1;
        self.rows.push_back(Row {
            lookup,
            target,
            asked: at,
            previous,
            in_flight: 0,
            messages: 0,
            timeouts: 0,
            bytes: 0,
            ended: None,
            first: None,
            answers: 0,
            results: 0,
            existing,
            right: Vec::new(),
            closed: None,
        });
    }

    /// The row of a lookup that has not left.
    #[inline]
    fn find(&mut self, lookup: LookupId) -> Option<&mut Row> {
        let mut number = self.latest[lookup.origin as usize];
        loop {
            if number == NONE || number < self.base {
                return None;
            }
            let row = &self.rows[(number - self.base) as usize];
            if row.lookup.number == lookup.number {
                return Some(&mut self.rows[(number - self.base) as usize]);
            }
            number = row.previous;
        }
    }

    /// The row of a lookup that has not ended.
    pub(crate) fn open(&mut self, lookup: LookupId) -> Option<&mut Row> {
        self.find(lookup).filter(|row| row.ended.is_none())
    }

    /// Ends all lookups of a seat that went offline.
    pub(crate) fn abandon(&mut self, seat: u32) {
        let mut number = self.latest[seat as usize];
        while number != NONE && number >= self.base {
            let row = &mut self.rows[(number - self.base) as usize];
            if row.ended.is_none() {
                row.ended = Some(if row.results > 0 { Outcome::Found } else { Outcome::Abandoned });
            }
            number = row.previous;
        }
    }

    /// The next lookup whose deadline has passed before `now` without an end, if there is one.
    pub(crate) fn next_overdue(&mut self, now: Time) -> Option<&mut Row> {
        loop {
            let row = self.rows.get((self.due - self.base) as usize)?;
            let deadline = row.asked.saturating_add(self.timeout);
            if deadline >= now {
                return None;
            }
            self.due += 1;
            if row.ended.is_none() {
                let at = (self.due - 1 - self.base) as usize;
                return Some(&mut self.rows[at]);
            }
        }
    }

    /// Books what was done for lookups; what came too late goes to the `late` messages of `tally`.
    pub(crate) fn book(&mut self, accounts: &[Account], tally: &mut Tally) {
        for (index, account) in accounts.iter().enumerate() {
            if let Some(ahead) = accounts.get(index + 2 * AHEAD) {
                prefetch::<1, _>(&self.latest[ahead.lookup.origin as usize]);
            }
            if let Some(ahead) = accounts.get(index + AHEAD) {
                self.prefetch_row(ahead.lookup);
            }
            self.book_one(account, tally);
        }
    }

    fn prefetch_row(&self, lookup: LookupId) {
        let number = self.latest[lookup.origin as usize];
        if number != NONE && number >= self.base {
            prefetch::<2, _>(&self.rows[(number - self.base) as usize]);
        }
    }

    fn book_one(&mut self, account: &Account, tally: &mut Tally) {
        let measured = account.sent >= Time::ZERO;
        let kind = account.kind as usize;
        let row = self.find(account.lookup);
        // A row that closed at its deadline stays until its last message has ended; one that is gone had none in flight.
        let late = row.as_ref().is_none_or(|row| row.closed.is_some_and(|closed| account.sent >= closed));
        match (account.what, row) {
            (Deed::Sent, Some(row)) => {
                row.in_flight += 1;
                if !late {
                    row.messages += 1;
                    row.bytes += u64::from(account.bytes);
                }
            }
            (Deed::Ended(_) | Deed::InFlight, Some(row)) => row.in_flight -= 1,
            (Deed::TimedOut, Some(row)) => row.timeouts += u32::from(!late),
            (_, None) => {}
        }
        if late && measured {
            match account.what {
                Deed::Sent => tally.late_sent(kind, account.bytes),
                Deed::Ended(fate) => tally.late_ended(kind, fate),
                Deed::InFlight => tally.late_in_flight(kind),
                Deed::TimedOut => {}
            }
        }
    }

    /// Closes every row that may close at `now`, and hands each to `close` in the order of the questions.
    pub(crate) fn sweep(&mut self, now: Time, mut close: impl FnMut(&Row)) {
        for row in &mut self.rows {
            let over = row.ended.is_some() && (row.in_flight == 0 || row.asked.saturating_add(self.timeout) <= now);
            if over && row.closed.is_none() {
                row.closed = Some(now);
            }
        }
        self.let_go(&mut close, |row| row.closed.is_some() && row.in_flight == 0);
    }

    /// The run is over: every row leaves, those that have not ended as open ones.
    pub(crate) fn end(&mut self, mut close: impl FnMut(&Row)) {
        for row in &mut self.rows {
            row.ended.get_or_insert(Outcome::Open);
        }
        self.let_go(&mut close, |_| true);
    }

    fn let_go(&mut self, close: &mut impl FnMut(&Row), may_go: impl Fn(&Row) -> bool) {
        while let Some(row) = self.rows.front().filter(|row| may_go(row)) {
            close(row);
            self.rows.pop_front();
            self.base += 1;
            self.left += 1;
            self.due = self.due.max(self.base);
        }
    }
}

impl Row {
    /// Notes an answer; a right one names the seat that it found.
    pub(crate) fn answer(&mut self, right: Option<(u32, First)>) {
        self.answers += 1;
        let Some((seat, first)) = right else { return };
        if matches!(self.target, Target::Item(_)) {
            match self.right.binary_search(&seat) {
                Ok(_) => return,
                Err(at) => self.right.insert(at, seat),
            }
            self.results += 1;
        } else {
            self.results = 1;
        }
        self.first.get_or_insert(first);
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

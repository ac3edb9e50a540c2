//! The one who sees the whole world, between windows: reads the shards' notes, judges, keeps the books, follows the timeline.
//!
//! # What cuts a window
//! The start of measurement, the sweeps of the ledger (every second), the samples, and the timeline. Samples only look: their
//! interval changes no result.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Controller, Progress, Shards};
use peerlab_model::{Hit, LookupId, Message as _, Overlay, PeerId};
use peerlab_workload::Classes;

use crate::conditions::Conditions;
use crate::ledger::{First, Ledger, Row};
use crate::measure::Lookups;
use crate::notes::{Note, What};
use crate::observer::Observer;
use crate::record::{EventRow, LookupRow, Outcome, SampleRow, Sink};
use crate::shard::{Common, Seats};
use crate::tally::Tally;
use crate::timeline::Timeline;
use crate::truth::Truth;

/// How often the ledger is swept.
const SWEEP: Span = Span::from_secs(1);

/// Looks at the whole world between windows.
pub(crate) struct Director<'a, O: Overlay, V> {
    pub(crate) conditions: &'a Conditions,
    pub(crate) common: Arc<Common<O>>,
    pub(crate) truth: Truth,
    pub(crate) ledger: Ledger,
    pub(crate) lookups: Lookups,
    pub(crate) timeline: Timeline,
    pub(crate) events: Vec<EventRow>,
    pub(crate) samples: Vec<SampleRow>,
    /// Corrections for late messages.
    pub(crate) tally: Tally,
    pub(crate) classes: Arc<Classes>,
    pub(crate) error: Option<io::Error>,
    pub(crate) stopped: bool,
    pub(crate) sink: &'a mut dyn Sink,
    stop: Option<&'a AtomicBool>,
    progress: Option<&'a (dyn Fn(f64) + Sync)>,
    notes: Vec<Note>,
    end: Time,
    started: bool,
    next_sweep: Time,
    next_sample: Time,
    measuring: bool,
    last_maintenance: (f64, f64),
    _observer: std::marker::PhantomData<fn(V)>,
}

impl<'a, O: Overlay, V: Observer<O::Message>> Director<'a, O, V> {
    pub(crate) fn new(
        conditions: &'a Conditions,
        common: Arc<Common<O>>,
        truth: Truth,
        classes: Arc<Classes>,
        sink: &'a mut dyn Sink,
        stop: Option<&'a AtomicBool>,
        progress: Option<&'a (dyn Fn(f64) + Sync)>,
    ) -> Self {
        let begin = Time::ZERO - conditions.time.warm_up.span();
        let timeout = conditions.lookups.as_ref().map_or(Span::ZERO, |lookups| lookups.timeout.span());
        Self {
            truth,
            ledger: Ledger::new(common.setting.numbering.seats(), timeout),
            lookups: Lookups::new(conditions.time.sample_every.span()),
            timeline: Timeline::new(&conditions.events),
            events: Vec::new(),
            samples: Vec::new(),
            tally: Tally::new(O::Message::KINDS),
            classes,
            error: None,
            stopped: false,
            sink,
            stop,
            progress,
            notes: Vec::new(),
            end: Time::ZERO + conditions.time.duration.span(),
            started: false,
            next_sweep: begin,
            next_sample: Time::ZERO + conditions.time.sample_every.span(),
            measuring: false,
            last_maintenance: (0.0, 0.0),
            conditions,
            common,
            _observer: std::marker::PhantomData,
        }
    }

    /// Takes the shards' notes, in the order of the events.
    pub(crate) fn read_notes(&mut self, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let mut notes = std::mem::take(&mut self.notes);
        for seats in shards.iter_mut() {
            notes.append(&mut seats.books.notebook.notes);
        }
        notes.sort_unstable_by_key(|note| (note.key, note.number));
        for note in notes.drain(..) {
            self.expire(note.key.time);
            self.read(&note);
        }
        self.notes = notes;
        for seats in shards.iter_mut() {
            self.ledger.book(&seats.books.notebook.accounts, &mut self.tally);
            seats.books.notebook.accounts.clear();
        }
    }

    fn read(&mut self, note: &Note) {
        let at = note.key.time;
        let numbering = &self.common.setting.numbering;
        match note.what {
            What::Online { peer, until, transition } => {
                self.truth.came(peer, at, &self.common.holdings);
                self.reschedule(peer, true, until, transition);
            }
            What::Member { peer } => self.truth.joined(peer),
            What::Offline { peer, until, transition } => {
                self.truth.went(peer, at, &self.common.holdings);
                self.ledger.abandon(numbering.seat(peer));
                self.reschedule(peer, false, until, transition);
            }
            What::Asked { lookup, target } => self.ledger.asked(lookup, target, at, self.truth.existing(target)),
            What::Hit { lookup, hit } => self.judge(at, lookup, hit),
            What::Claim { peer, region, holds } => self.truth.claims.note(peer, region, holds),
            What::Finished { lookup } => {
                if let Some(row) = self.ledger.open(lookup) {
                    row.end(Outcome::NotFound, self.truth.absent_since(row.target, row.asked));
                }
            }
        }
    }

    pub(crate) fn reschedule(&self, peer: PeerId, online: bool, until: Time, transition: u32) {
        let numbering = &self.common.setting.numbering;
        if !numbering.is_server(peer) {
            let mut schedule = self.common.schedule.write().expect("nobody panics while reading the schedule");
            schedule.set(numbering.host(peer), online, until, transition);
        }
    }

    /// Ends the lookups whose deadline is before `now`.
    fn expire(&mut self, now: Time) {
        while let Some(row) = self.ledger.next_overdue(now) {
            row.end(Outcome::Timeout, self.truth.absent_since(row.target, row.asked));
        }
    }

    fn judge(&mut self, at: Time, lookup: LookupId, hit: Hit) {
        let Some(row) = self.ledger.open(lookup) else { return };
        let common = &*self.common;
        let numbering = &common.setting.numbering;
        let right = self.truth.is_right(&common.overlay, &common.holdings, row.target, hit.peer);
        let latency = at.since(row.asked);
        row.answer(right.then(|| {
            let (from, to) = (numbering.host(PeerId(lookup.origin)), numbering.host(hit.peer));
            let direct = if from == to { None } else { common.network.base_delay(from, to) };
            let stretch = direct.filter(|direct| direct.nanos() > 0).map(|direct| (latency.secs_f64() / (2.0 * direct.secs_f64())) as f32);
            (numbering.seat(hit.peer), First { latency, hops: hit.hops, rounds: hit.rounds, stretch })
        }));
    }

    fn sweep(&mut self, now: Time) {
        self.expire(now);
        let (ledger, lookups, sink, error) = (&mut self.ledger, &mut self.lookups, &mut *self.sink, &mut self.error);
        let population = self.common.setting.numbering.population();
        ledger.sweep(now, |row| close(row, population, lookups, sink, error));
    }

    /// The run is over: the books are closed.
    pub(crate) fn finish(&mut self) {
        self.expire(self.end);
        self.truth.count_until(self.end);
        let (ledger, lookups, sink, error) = (&mut self.ledger, &mut self.lookups, &mut *self.sink, &mut self.error);
        let population = self.common.setting.numbering.population();
        ledger.end(|row| close(row, population, lookups, sink, error));
    }

    /// Looks at the world at the end of a sample interval.
    fn sample(&mut self, time: Time, shards: &Shards<'_, '_, Seats<O, V>>) {
        self.truth.count_until(time);
        let mut push = |metric, unit, value| self.samples.push(SampleRow { time, metric, unit, value });
        push("peers_online", "peers", f64::from(self.truth.population_online()));
        let bytes = shards.iter().map(|seats| seats.books.tally.maintenance_bytes()).sum::<u64>() as f64;
        let online = self.truth.online_seconds();
        let (bytes_before, online_before) = std::mem::replace(&mut self.last_maintenance, (bytes, online));
        if online > online_before {
            push("maintenance_bytes_per_peer_s", "B/s", (bytes - bytes_before) / (online - online_before));
        }
        if let Some(stale) = stale_share(&self.common.overlay, &self.truth, shards.iter()) {
            push("stale_contact_ratio", "1", stale);
        }
    }
}

/// The share of all contacts of members that are offline.
pub(crate) fn stale_share<'s, O: Overlay, V: Observer<O::Message> + 's>(
    overlay: &O,
    truth: &Truth,
    shards: impl Iterator<Item = &'s Seats<O, V>>,
) -> Option<f64> {
    let (mut stale, mut all) = (0_u64, 0_u64);
    for peer in shards.flat_map(super::shard::Seats::seats).filter_map(|(_, seat)| seat.peer.as_ref()) {
        overlay.contacts(peer, &mut |contact| {
            all += 1;
            stale += u64::from(!truth.is_online(contact));
        });
    }
    (all > 0).then(|| stale as f64 / all as f64)
}

/// Counts a lookup that leaves the ledger, and hands it to the sink, if it was asked in the measured time.
fn close(row: &Row, population: u32, lookups: &mut Lookups, sink: &mut dyn Sink, error: &mut Option<io::Error>) {
    if row.asked < Time::ZERO {
        return;
    }
    lookups.count(row);
    if error.is_none() {
        *error = sink.lookup(&lookup_row(row, population)).err();
    }
}

fn lookup_row(row: &Row, population: u32) -> LookupRow {
    let outcome = row.ended.expect("a row leaves with an outcome");
    let first = row.first.filter(|_| outcome == Outcome::Found);
    let is_content = matches!(row.target, peerlab_model::Target::Item(_));
    LookupRow {
        lookup: row.lookup.global(population),
        time: row.asked,
        origin: row.lookup.origin,
        target: row.target,
        outcome,
        hops: first.map(|first| first.hops),
        rounds: first.map(|first| first.rounds).filter(|&rounds| rounds > 0),
        messages: u64::from(row.messages),
        bytes: row.bytes,
        timeouts: row.timeouts,
        latency: first.map(|first| first.latency),
        results: row.results,
        recall: (is_content && row.existing > 0).then(|| (f64::from(row.results) / f64::from(row.existing)).min(1.0)),
    }
}

impl<O: Overlay, V: Observer<O::Message>> Controller<Seats<O, V>> for Director<'_, O, V> {
    fn next_cut(&self, _: Time) -> Time {
        let start = if self.measuring { Time::MAX } else { Time::ZERO };
        self.next_sweep.min(self.next_sample).min(self.timeline.next()).min(start)
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        if !self.started {
            self.started = true;
            self.start(at, shards);
        }
        if at == self.next_sweep {
            self.next_sweep = at + SWEEP;
            self.sweep(at);
            if let Some(progress) = self.progress {
                let begin = Time::ZERO - self.conditions.time.warm_up.span();
                progress(at.since(begin).secs_f64() / self.end.since(begin).secs_f64());
            }
        }
        if at == Time::ZERO && !self.measuring {
            self.measuring = true;
            shards.iter_mut().for_each(Seats::begin_measurement);
        }
        if at == self.next_sample {
            self.next_sample = at + self.conditions.time.sample_every.span();
            self.sample(at, shards);
        }
        if at >= self.timeline.next() {
            self.follow_timeline(at, shards);
        }
    }

    fn window_done(&mut self, _: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) -> Progress {
        self.read_notes(shards);
        self.stopped = self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if self.stopped || self.error.is_some() { Progress::Stop } else { Progress::Continue }
    }
}

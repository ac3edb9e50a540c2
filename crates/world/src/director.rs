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
use peerlab_model::{HostId, LookupId, Next, Overlay, PeerId};
use peerlab_workload::Classes;

use crate::asking::Asker;
use crate::common::Common;
use crate::conditions::Conditions;
use crate::graph::{GraphMetrics, OverlayGraph, Snapshot};
use crate::identities;
use crate::judge::Judge;
use crate::kept::Kept;
use crate::ledger::{Row, let_go};
use crate::measure::Lookups;
use crate::notes::{Note, What};
use crate::observer::Observer;
use crate::record::{EventRow, LookupRow, Outcome, SampleRow, Sink};
use crate::rumours::Rumours;
use crate::run::RunOptions;
use crate::shard::{Phase, Seats};
use crate::timeline::Timeline;
use crate::transfers::Moved;
use crate::truth::{SharedTruth, Truth};

/// How often the ledger is swept.
const SWEEP: Span = Span::from_secs(1);

/// How often a member is looked for at random.
const DRAWS: usize = 4096;

/// Looks at the whole world between windows.
pub(crate) struct Director<'a, O: Overlay, V> {
    pub(crate) conditions: &'a Conditions,
    pub(crate) common: Arc<Common<O>>,
    pub(crate) truth: SharedTruth,
    pub(crate) lookups: Lookups,
    pub(crate) timeline: Timeline,
    pub(crate) rumours: Rumours,
    pub(crate) events: Vec<EventRow>,
    pub(crate) samples: Vec<SampleRow>,
    pub(crate) classes: Arc<Classes>,
    pub(crate) error: Option<io::Error>,
    pub(crate) stopped: bool,
    pub(crate) graph: GraphMetrics,
    /// Still to be taken.
    pub(crate) snapshot: Option<Snapshot<'a>>,
    pub(crate) sink: &'a mut dyn Sink,
    stop: Option<&'a AtomicBool>,
    progress: Option<&'a (dyn Fn(f64) + Sync)>,
    /// Scratch for [`Director::read_notes`].
    notes: Vec<(Vec<Note>, usize)>,
    end: Time,
    started: bool,
    next_sweep: Time,
    next_sample: Time,
    measuring: bool,
    last_maintenance: (f64, f64),
    pub(crate) last_moved: Moved,
    /// Messages and bytes of lookups that have left, where they may have been for a download.
    charges: Vec<(LookupId, u64, u64)>,
    _observer: std::marker::PhantomData<fn(V)>,
}

impl<'a, O: Overlay, V: Observer<O::Message>> Director<'a, O, V> {
    pub(crate) fn new(
        conditions: &'a Conditions,
        common: Arc<Common<O>>,
        truth: SharedTruth,
        classes: Arc<Classes>,
        sink: &'a mut dyn Sink,
        options: &RunOptions<'a>,
    ) -> Self {
        let begin = Time::ZERO - conditions.time.warm_up.span();
        Self {
            truth,
            lookups: Lookups::new(conditions.time.sample_every.span()),
            timeline: Timeline::new(&conditions.events, common.adversaries.as_ref(), conditions.time.duration.span(), common.streams),
            rumours: Rumours::new(common.rumours.clone()),
            events: Vec::new(),
            samples: Vec::new(),
            classes,
            error: None,
            stopped: false,
            graph: options.graph,
            snapshot: options.snapshot,
            sink,
            stop: options.stop,
            progress: options.progress,
            notes: Vec::new(),
            end: Time::ZERO + conditions.time.duration.span(),
            started: false,
            next_sweep: begin,
            next_sample: Time::ZERO + conditions.time.sample_every.span(),
            measuring: false,
            last_maintenance: (0.0, 0.0),
            last_moved: Moved::default(),
            charges: Vec::new(),
            conditions,
            common,
            _observer: std::marker::PhantomData,
        }
    }

    /// Takes the notes of shards that have settled, as far as they have not read them themselves, in the order of the events.
    pub(crate) fn read_notes(&mut self, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let mut lists = std::mem::take(&mut self.notes);
        lists.extend(shards.iter_mut().map(|seats| (seats.books.notebook.take(), 0)));
        let (shared, common) = (self.truth.clone(), Arc::clone(&self.common));
        let truth = &mut *shared.write();
        let order = |(_, (list, next)): &(usize, &mut (Vec<Note>, usize))| list.get(*next).map_or(Note::LAST, Note::order);
        while let Some((shard, (list, next))) = lists.iter_mut().enumerate().min_by_key(order)
            && let Some(note) = list.get(*next)
        {
            *next += 1;
            let judge = Judge { truth, common: &common };
            shards.iter_mut().for_each(|seats| judge.expire(note.key.time, &mut seats.books.ledger));
            self.rumours.close_until(note.key.time);
            if note.what.is_about_the_world() {
                self.read(note, truth, shards);
            } else {
                let ledger = &mut shards.iter_mut().nth(shard).expect("there is a list of each").books.ledger;
                judge.look_ahead(&list[*next..], ledger);
                judge.read(note, ledger);
            }
        }
        for (seats, (list, _)) in shards.iter_mut().zip(lists.drain(..)) {
            seats.books.notebook.give_back(list);
        }
        self.notes = lists;
    }

    /// Reads a note about the world.
    fn read(&mut self, note: &Note, truth: &mut Truth, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let at = note.key.time;
        let Common { setting, holdings, .. } = &*self.common;
        let numbering = &setting.numbering;
        match note.what {
            What::Online { peer, until, transition } => {
                truth.came(peer, at, holdings);
                self.reschedule(at, peer, true, until, transition);
            }
            What::Member { peer } => truth.joined(peer, holdings),
            What::Offline { peer, until, transition } => {
                truth.went(peer, at, holdings);
                self.rumours.went(numbering.host(peer));
                shards.of(numbering.seat(peer)).books.ledger.abandon(numbering.host(peer));
                self.reschedule(at, peer, false, until, transition);
            }
            What::Heard { peer, rumour } => self.rumours.heard(rumour, numbering.host(peer), at),
            What::Shelved { host, item, holds } => truth.shelved(host, item, holds, at, holdings),
            What::Claim { peer, region, holds } => truth.claims.note(peer, region, holds),
            What::Asked { .. } | What::Hit { .. } | What::Finished { .. } => {}
        }
    }

    pub(crate) fn reschedule(&self, at: Time, peer: PeerId, online: bool, until: Time, transition: u32) {
        let numbering = &self.common.setting.numbering;
        if !numbering.is_server(peer) {
            let mut schedule = self.common.schedule.write().expect("nobody panics while reading the schedule");
            schedule.set(at, numbering.host(peer), online, until, transition);
        }
    }

    /// Ends the lookups whose deadline is before `now`.
    fn expire<'s>(&self, now: Time, shards: impl Iterator<Item = &'s mut Seats<O, V>>)
    where
        V: 's,
    {
        let judge = Judge { truth: &self.truth.read(), common: &self.common };
        shards.for_each(|seats| judge.expire(now, &mut seats.books.ledger));
    }

    fn sweep(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        self.expire(now, shards.iter_mut());
        shards.iter_mut().for_each(|seats| seats.books.ledger.close_at(now));
        self.let_go(shards.iter_mut(), false);
        self.charge(shards.iter_mut());
    }

    /// The run is over: the books are closed.
    pub(crate) fn finish(&mut self, shards: &mut [Seats<O, V>]) {
        self.expire(self.end, shards.iter_mut());
        self.rumours.close_all(self.end);
        self.truth.write().count_until(self.end);
        for seats in shards.iter_mut() {
            seats.books.ledger.end();
        }
        self.let_go(shards.iter_mut(), true);
        self.charge(shards.iter_mut());
    }

    /// Counts the lookups whose rows may go (or all), and hands to the sink those that were asked in the measured time.
    fn let_go<'s>(&mut self, shards: impl Iterator<Item = &'s mut Seats<O, V>>, all: bool)
    where
        V: 's,
    {
        let population = self.common.setting.numbering.population();
        let moves_content = self.common.plan.is_some();
        let_go(shards.map(|seats| &mut seats.books.ledger).collect(), all, |row| {
            if moves_content {
                self.charges.push((row.lookup, u64::from(row.messages), row.bytes));
            }
            if row.asked < Time::ZERO || !Asker::of(row.lookup).counts() {
                return;
            }
            self.lookups.count(row);
            if self.error.is_none() {
                self.error = self.sink.lookup(&lookup_row(row, population)).err();
            }
        });
    }

    /// Charges the costs of the lookups that have left to the downloads that they were for.
    fn charge<'s>(&mut self, shards: impl Iterator<Item = &'s mut Seats<O, V>>)
    where
        V: 's,
    {
        for seats in shards {
            for &(lookup, messages, bytes) in &self.charges {
                if seats.has(HostId(lookup.origin)) {
                    seats.charge(lookup, messages, bytes);
                }
            }
        }
        self.charges.clear();
    }

    /// Starts the rumours that are due. Where each one starts is drawn among all peers until a member is met, so that topologies that have
    /// the same members meet the same draws.
    fn start_rumours(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        while let Some(rumour) = self.rumours.due(now) {
            let numbering = self.common.setting.numbering;
            let is_member = |host: HostId| shards.at(numbering.first_seat(host)).host(host)[0].life.phase == Phase::Member;
            let mut rng = self.common.streams.rng("rumours", u64::from(rumour.0));
            let drawn = (0..DRAWS).map(|_| HostId(rng.index(numbering.population() as usize) as u32)).find(|&host| is_member(host));
            // Where hardly anybody is a member.
            let origin = drawn.or_else(|| (0..numbering.population()).map(HostId).find(|&host| is_member(host)));
            let Some(origin) = origin else { continue };
            self.rumours.start(rumour, origin, now, self.truth.read().population());
            shards.act(numbering.first_seat(origin), |seats, out| seats.begin_rumour(out, origin, now, rumour));
            shards.settle();
            self.read_notes(shards);
        }
    }

    /// Looks at the world at the end of a sample interval.
    fn sample(&mut self, time: Time, shards: &Shards<'_, '_, Seats<O, V>>) {
        self.rumours.close_until(time);
        if let Some(share) = self.rumours.heard_share() {
            self.samples.push(SampleRow { time, metric: "rumour_heard_share", unit: "1", value: share });
        }
        self.truth.write().count_until(time);
        self.sample_downloads(time, shards);
        let truth = self.truth.read();
        let mut push = |metric, unit, value| self.samples.push(SampleRow { time, metric, unit, value });
        push("peers_online", "peers", f64::from(truth.population_online()));
        let bytes = shards.iter().map(|seats| seats.books.maintenance_bytes()).sum::<u64>() as f64;
        let online = truth.online_seconds();
        let (bytes_before, online_before) = std::mem::replace(&mut self.last_maintenance, (bytes, online));
        if online > online_before {
            push("maintenance_bytes_per_peer_s", "B/s", (bytes - bytes_before) / (online - online_before));
        }
        if let Some(stale) = stale_share(&self.common.overlay, &truth, shards.iter()) {
            push("stale_contact_ratio", "1", stale);
        }
        if self.graph != GraphMetrics::Off {
            let graph = OverlayGraph::of(&self.common, &truth, shards.iter());
            graph.metrics(self.graph, self.common.streams, time).into_iter().for_each(|(metric, unit, value)| push(metric, unit, value));
        }
        if let Some(kept) = Kept::count(&self.common, &truth, shards.iter(), time) {
            kept.metrics().for_each(|(metric, unit, value)| push(metric, unit, value));
        }
        for (metric, unit, value) in identities::metrics(&self.common, shards.iter()) {
            push(metric, unit, value);
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
    let everybody_is_online = truth.everybody_is_online();
    for shard in shards {
        for (at, seat) in shard.places.iter().enumerate() {
            // Nor can any other contact be.
            if everybody_is_online && all > 0 {
                return Some(0.0);
            }
            if let Some(ahead) = shard.places.get(at + 8).and_then(|seat| seat.peer.as_ref()) {
                overlay.prefetch(ahead, Next::Lookup);
            }
            if let Some(peer) = &seat.peer {
                overlay.contacts(peer, &mut |contact| {
                    all += 1;
                    stale += u64::from(!truth.is_online(contact));
                });
            }
        }
    }
    (all > 0).then(|| stale as f64 / all as f64)
}

fn lookup_row(row: &Row, population: u32) -> LookupRow {
    let outcome = row.ended.expect("a row leaves with an outcome");
    let first = row.first.filter(|_| outcome == Outcome::Found);
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
        recall: row.recall(),
    }
}

impl<O: Overlay, V: Observer<O::Message>> Controller<Seats<O, V>> for Director<'_, O, V> {
    fn next_cut(&self, _: Time) -> Time {
        let start = if self.measuring { Time::MAX } else { Time::ZERO };
        let snapshot = self.snapshot.map_or(Time::MAX, |snapshot| snapshot.at);
        self.next_sweep.min(self.next_sample).min(self.timeline.next()).min(self.rumours.next()).min(start).min(snapshot)
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        if !self.started {
            self.started = true;
            self.start(at, shards);
        }
        if at == self.next_sweep {
            self.next_sweep = at + SWEEP;
            self.sweep(at, shards);
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
        if at >= self.rumours.next() {
            self.start_rumours(at, shards);
        }
        if let Some(snapshot) = self.snapshot.take_if(|snapshot| at >= snapshot.at) {
            (snapshot.take)(OverlayGraph::of(&self.common, &self.truth.read(), shards.iter()));
            self.stopped = true;
        }
    }

    fn window_done(&mut self, _: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) -> Progress {
        self.read_notes(shards);
        self.stopped |= self.stop.is_some_and(|stop| stop.load(Ordering::Relaxed));
        if self.stopped || self.error.is_some() { Progress::Stop } else { Progress::Continue }
    }
}

//! The raw engine against a binary heap: a protocol that does nothing, a constant number of pending events.
//!
//! As many actors as pending events; each event makes its actor send one message to a random actor, 20–80 ms later.
//! Both sides keep the total order (time, origin, counter) and give the same result, which is checked first.
//! A measurement begins when every message has been sent on at least once, so filling the queue is not part of it.
//!
//! `cargo bench -p peerlab-engine` measures 10^3, 10^5 and 10^6 pending events; `PEERLAB_BENCH_HUGE=1` adds 10^7, which takes
//! several minutes and about 2 GB. A filter chooses, as always: `cargo bench -p peerlab-engine -- 'engine/1000000'`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use peerlab_engine::random::{Keyed, Streams, mix};
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Controller, EventKey, Outbox, Progress, Schedule, Shard, Shards, run};
use peerlab_prefetch::prefetch;

const MIN_DELAY: Span = Span::from_millis(20);
const SPREAD: Span = Span::from_millis(60);

/// Where an actor's next message goes, and when it arrives.
#[inline]
fn draw(draws: &Keyed, actors: u32, actor: u32, seq: u32, now: Time) -> (u32, EventKey) {
    let bits = draws.bits(u64::from(actor), u64::from(seq));
    let to = ((bits >> 32) * u64::from(actors)) >> 32;
    let delay = ((bits & 0xffff_ffff) * SPREAD.nanos()) >> 32;
    (to as u32, EventKey { time: now + MIN_DELAY + Span::from_nanos(delay), origin: actor, seq })
}

/// What one handled event adds to a result.
#[inline]
fn mark(actor: u32, key: EventKey) -> u64 {
    mix(key.time.nanos() as u64 ^ u64::from(actor) << 40 ^ u64::from(key.origin) ^ u64::from(key.seq) << 20)
}

struct Part {
    actors: u32,
    base: u32,
    seqs: Vec<u32>,
    draws: Keyed,
    handled: u64,
    sum: u64,
}

impl Part {
    #[inline]
    fn send(&mut self, out: &mut Outbox<'_, Self>, actor: u32, now: Time) {
        let seq = &mut self.seqs[(actor - self.base) as usize];
        *seq += 1;
        let (to, key) = draw(&self.draws, self.actors, actor, *seq, now);
        out.send(to, key, 0);
    }
}

impl Shard for Part {
    type Message = ();
    type Timer = ();
    type Parcel = ();

    #[inline]
    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, _tag: u32, (): &mut ()) {
        self.handled += 1;
        self.sum = self.sum.wrapping_add(mark(actor, key));
        self.send(out, actor, key.time);
    }

    fn timer(&mut self, _out: &mut Outbox<'_, Self>, _actor: u32, _key: EventKey, (): ()) {}

    #[inline]
    fn prefetch(&self, actor: u32) {
        prefetch::<1, _>(&self.seqs[(actor - self.base) as usize]);
    }
}

/// Starts the messages, and the clock when all are under way.
struct Stopwatch {
    actors: u32,
    wanted: u64,
    begun: bool,
    /// When the measurement began, and how many events had been handled then.
    start: Option<(Instant, u64)>,
    /// What `wanted` events took.
    took: Duration,
}

impl Controller<Part> for Stopwatch {
    fn next_cut(&self, _now: Time) -> Time {
        if self.begun { Time::MAX } else { Time::ZERO }
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Part>) {
        self.begun = true;
        for actor in 0..self.actors {
            shards.act(actor, |part, out| part.send(out, actor, at));
        }
    }

    fn window_done(&mut self, until: Time, shards: &mut Shards<'_, '_, Part>) -> Progress {
        let handled = shards.iter().map(|part| part.handled).sum();
        match self.start {
            None if until >= Time::ZERO + MIN_DELAY + SPREAD => self.start = Some((Instant::now(), handled)),
            Some((start, before)) if handled - before >= self.wanted => {
                // Windows are whole: a few more events were handled than were asked for.
                self.took = start.elapsed().mul_f64(self.wanted as f64 / (handled - before) as f64);
                return Progress::Stop;
            }
            _ => {}
        }
        Progress::Continue
    }
}

/// Handles `wanted` events, and more until `end`, and tells what they took and came to.
fn engine(actors: u32, shards: u32, wanted: u64, end: Time) -> (Duration, u64) {
    let per_shard = actors.div_ceil(shards);
    let draws = Streams::new(1).keyed("bench");
    let part = |number| Part { actors, base: number * per_shard, seqs: vec![0; per_shard as usize], draws, handled: 0, sum: 0 };
    let mut stopwatch = Stopwatch { actors, wanted, begun: false, start: None, took: Duration::ZERO };
    let schedule = Schedule { begin: Time::ZERO, end, min_delay: MIN_DELAY };
    let parts = run((0..shards).map(part).collect(), actors, per_shard, schedule, &mut stopwatch);
    (stopwatch.took, parts.iter().fold(0, |sum, part| sum.wrapping_add(part.sum)))
}

struct Heap {
    actors: u32,
    queue: BinaryHeap<Reverse<(EventKey, u32)>>,
    seqs: Vec<u32>,
    draws: Keyed,
    sum: u64,
}

impl Heap {
    fn new(actors: u32) -> Self {
        let queue = BinaryHeap::with_capacity(actors as usize + 1);
        let mut heap = Self { actors, queue, seqs: vec![0; actors as usize], draws: Streams::new(1).keyed("bench"), sum: 0 };
        (0..actors).for_each(|actor| heap.send(actor, Time::ZERO));
        heap
    }

    fn send(&mut self, actor: u32, now: Time) {
        let seq = &mut self.seqs[actor as usize];
        *seq += 1;
        let (to, key) = draw(&self.draws, self.actors, actor, *seq, now);
        self.queue.push(Reverse((key, to)));
    }

    /// Handles one event, if there is one before `end`.
    fn step(&mut self, end: Time) -> bool {
        match self.queue.peek() {
            Some(Reverse((key, _))) if key.time < end => {}
            _ => return false,
        }
        let Some(Reverse((key, actor))) = self.queue.pop() else { return false };
        self.sum = self.sum.wrapping_add(mark(actor, key));
        self.send(actor, key.time);
        true
    }
}

fn heap(actors: u32, wanted: u64) -> Duration {
    let mut heap = Heap::new(actors);
    (0..actors).for_each(|_| _ = heap.step(Time::MAX));
    let start = Instant::now();
    (0..wanted).for_each(|_| _ = heap.step(Time::MAX));
    let took = start.elapsed();
    black_box(heap.sum);
    took
}

/// The queue and the heap do the same, on any number of shards.
fn assert_agreement() {
    let end = Time::from_secs(2);
    let mut heap = Heap::new(1_000);
    while heap.step(end) {}
    for shards in [1, 2, 3] {
        assert_eq!(engine(1_000, shards, u64::MAX, end).1, heap.sum, "{shards} shards");
    }
}

fn queue(criterion: &mut Criterion) {
    assert_agreement();
    let mut sizes = vec![1_000, 100_000, 1_000_000];
    if std::env::var_os("PEERLAB_BENCH_HUGE").is_some() {
        sizes.push(10_000_000);
    }
    let mut group = criterion.benchmark_group("queue");
    group.throughput(Throughput::Elements(1)).sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for pending in sizes {
        for (name, shards) in [("engine", 1), ("engine-2-threads", 2)] {
            let id = BenchmarkId::new(name, pending);
            group.bench_with_input(id, &pending, |bencher, &pending| {
                bencher.iter_custom(|wanted| engine(pending, shards, wanted, Time::MAX).0);
            });
        }
        group.bench_with_input(BenchmarkId::new("binary-heap", pending), &pending, |bencher, &pending| {
            bencher.iter_custom(|wanted| heap(pending, wanted));
        });
    }
    group.finish();
}

criterion_group!(benches, queue);
criterion_main!(benches);

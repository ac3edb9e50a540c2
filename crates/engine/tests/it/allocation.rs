//! A queue in a steady state allocates nothing.

use allocation_counter::measure;
use peerlab_engine::random::{Keyed, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Carried, Controller, EventKey, Outbox, Progress, Schedule, Shard, Shards, run};

const ACTORS: u32 = 2_000;
const DELAY: Span = Span::from_millis(20);

/// Actors that send each message on to a random actor within 20–80 ms, and look at their clocks every 20 s,
/// each time setting a timer within the open window, too.
struct Bounce {
    base: u32,
    seqs: Vec<u32>,
    draws: Keyed,
    events: u64,
}

#[derive(Default)]
struct Ball([u64; 2]);

impl Carried for Ball {}

#[derive(Clone, Copy, Default)]
enum Tick {
    #[default]
    Long,
    Short,
}

impl Bounce {
    fn next_seq(&mut self, actor: u32) -> u32 {
        self.events += 1;
        let seq = &mut self.seqs[(actor - self.base) as usize];
        *seq += 1;
        *seq
    }

    fn send(&mut self, out: &mut Outbox<'_, Self>, actor: u32, now: Time, message: [u64; 2]) {
        let seq = self.next_seq(actor);
        let mut rng = self.draws.rng(u64::from(actor), u64::from(seq));
        let to = rng.below(u64::from(ACTORS)) as u32;
        let time = now + DELAY + Span::from_nanos(rng.below(3 * DELAY.nanos()));
        *out.send(to, EventKey { time, origin: actor, seq }, 0) = Ball(message);
    }
}

impl Shard for Bounce {
    type Message = Ball;
    type Timer = Tick;
    type Parcel = ();

    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, _tag: u32, message: &mut Ball) {
        self.send(out, actor, key.time, message.0);
    }

    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Tick) {
        let seq = self.next_seq(actor);
        match timer {
            Tick::Long => {
                out.timer(key.time + Span::from_secs(20), seq, Tick::Long);
                let seq = self.next_seq(actor);
                out.timer(key.time + Span::from_nanos(1), seq, Tick::Short);
            }
            Tick::Short => {}
        }
    }
}

struct Starter {
    started: bool,
}

impl Controller<Bounce> for Starter {
    fn next_cut(&self, _now: Time) -> Time {
        if self.started { Time::MAX } else { Time::ZERO }
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Bounce>) {
        self.started = true;
        for actor in 0..ACTORS {
            shards.act(actor, |shard, out| {
                shard.send(out, actor, at, [0; 2]);
                let seq = shard.next_seq(actor);
                out.timer(at + Span::from_millis(10 * u64::from(actor) + 1), seq, Tick::Long);
            });
        }
    }

    fn window_done(&mut self, _until: Time, _shards: &mut Shards<'_, '_, Bounce>) -> Progress {
        Progress::Continue
    }
}

/// Allocations of this thread, and events, in a run of so many seconds.
fn allocations(shards: u32, seconds: i64) -> (u64, u64) {
    let per_shard = ACTORS.div_ceil(shards);
    let draws = Streams::new(1).keyed("bounce");
    let parts = (0..shards).map(|shard| Bounce { base: shard * per_shard, seqs: vec![0; per_shard as usize], draws, events: 0 }).collect();
    let schedule = Schedule { begin: Time::ZERO, end: Time::from_secs(seconds), min_delay: DELAY };
    let mut events = 0;
    let info = measure(|| {
        let parts = run(parts, ACTORS, per_shard, schedule, &mut Starter { started: false });
        events = parts.iter().map(|part| part.events).sum();
    });
    (info.count_total, events)
}

/// Goal: no allocation per event. Method: a run of 40 s is the beginning of one of 60 s, to the byte; what the longer one
/// allocates beyond the shorter one, it does in the steady state.
#[test]
fn a_steady_state_allocates_nothing() {
    for shards in [1, 2] {
        let (warm_up, before) = allocations(shards, 40);
        let (all, after) = allocations(shards, 60);
        let (allocated, events) = (all - warm_up, after - before);
        println!("{shards} shards: {warm_up} allocations in the first {before} events, {allocated} in the next {events}");
        assert!(events > 700_000, "{events} events");
        assert!(allocated as f64 <= 0.001 * events as f64, "{allocated} allocations in {events} events on {shards} shards");
    }
}

//! What shards tell each other when a window is over: each parcel arrives once, and before the controller looks.

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Controller, EventKey, Outbox, Progress, Schedule, Shard, Shards, run};

const ACTORS: u32 = 12;
const TICK: Span = Span::from_millis(7);

/// Actors whose clocks tick; with each tick an actor owes one to the actor five places on, whose shard keeps the account.
struct Part {
    base: u32,
    per_shard: u32,
    /// Owed to whom, not handed over yet.
    owed: Vec<u32>,
    /// Handed over by other shards, not booked yet.
    received: Vec<u32>,
    /// By actor of this shard.
    accounts: Vec<u64>,
    seq: u32,
}

impl Shard for Part {
    type Message = ();
    type Timer = ();
    type Parcel = Vec<u32>;

    fn message(&mut self, _out: &mut Outbox<'_, Self>, _actor: u32, _key: EventKey, _tag: u32, _message: &mut ()) {}

    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, _timer: ()) {
        self.owed.push((actor + 5) % ACTORS);
        self.tick(out, key.time);
    }

    fn pack(&mut self, to: usize, parcel: &mut Vec<u32>) {
        assert!(parcel.is_empty(), "a parcel is handed over twice");
        let theirs = to as u32 * self.per_shard..(to as u32 + 1) * self.per_shard;
        parcel.extend(self.owed.iter().filter(|&to| theirs.contains(to)));
    }

    fn unpack(&mut self, parcel: &mut Vec<u32>) {
        self.received.append(parcel);
    }

    fn settle(&mut self) {
        for to in self.owed.drain(..).chain(self.received.drain(..)) {
            if let Some(account) = self.accounts.get_mut(to.wrapping_sub(self.base) as usize) {
                *account += 1;
            }
        }
    }
}

impl Part {
    fn tick(&mut self, out: &mut Outbox<'_, Self>, now: Time) {
        self.seq += 1;
        out.timer(now + TICK, self.seq, ());
    }
}

/// Starts the clocks, acts once in the middle, and looks at the accounts after every window.
struct Auditor {
    acts: Vec<Time>,
    seen: u64,
}

impl Controller<Part> for Auditor {
    fn next_cut(&self, _now: Time) -> Time {
        self.acts.first().copied().unwrap_or(Time::MAX)
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Part>) {
        self.acts.remove(0);
        for actor in 0..ACTORS {
            if at == Time::ZERO {
                shards.act(actor, |part, out| part.tick(out, at));
            } else {
                shards.act(actor, |part, _| part.owed.push(actor));
            }
        }
        let before = total(shards.iter());
        shards.settle();
        assert_eq!(total(shards.iter()) - before, if at == Time::ZERO { 0 } else { u64::from(ACTORS) });
    }

    fn window_done(&mut self, _until: Time, shards: &mut Shards<'_, '_, Part>) -> Progress {
        assert!(shards.iter().all(|part| part.owed.is_empty() && part.received.is_empty()), "the controller looks before all is settled");
        let now = total(shards.iter());
        assert!(now >= self.seen);
        self.seen = now;
        Progress::Continue
    }
}

fn total<'p>(parts: impl Iterator<Item = &'p Part>) -> u64 {
    parts.flat_map(|part| &part.accounts).sum()
}

#[test]
fn every_parcel_arrives_once_and_before_the_controller_looks() {
    for shards in [1, 2, 3, 5] {
        let per_shard = ACTORS.div_ceil(shards);
        let part = |base: u32| {
            let actors = per_shard.min(ACTORS - base) as usize;
            Part { base, per_shard, owed: Vec::new(), received: Vec::new(), accounts: vec![0; actors], seq: 0 }
        };
        let parts = (0..ACTORS).step_by(per_shard as usize).map(part).collect();
        let schedule = Schedule { begin: Time::ZERO, end: Time::from_secs(1), min_delay: Span::from_millis(20) };
        let mut auditor = Auditor { acts: vec![Time::ZERO, Time::ZERO + Span::from_millis(500)], seen: 0 };
        let parts = run(parts, ACTORS, per_shard, schedule, &mut auditor);
        // 142 ticks of 7 ms fit into a second, and the controller added one.
        assert!(parts.iter().flat_map(|part| &part.accounts).all(|&account| account == 143), "{shards} shards");
    }
}

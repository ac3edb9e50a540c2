//! A toy protocol, the engine running it, and the naive queue that says what must come of it.
//!
//! Each actor answers an event with draws from its own stream: messages with delays between the smallest one and centuries,
//! timers from a nanosecond on, and now and then the message again, postponed. What it saw, and in which order, is in its chain.
//! Where actors stand in groups, each event also reads and writes what its group shares, and some set a timer of a neighbour.

use std::collections::BTreeMap;

use peerlab_engine::digest::Digest;
use peerlab_engine::random::{Rng, Streams, mix};
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Carried, Controller, EventKey, Outbox, Progress, Schedule, Shard, Shards, run};

const HOUR: u64 = 3_600_000_000_000;
const YEAR: u64 = 365 * 24 * HOUR;

/// The parameters of a toy world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) actors: u32,
    pub(crate) begin: Time,
    pub(crate) end: Time,
    /// The true one: no message is faster.
    pub(crate) min_delay: Span,
    /// Events happen on a grid of this many nanoseconds where the delays leave it open, so that instants are shared.
    pub(crate) grid: u64,
    /// Generations of events that follow from the first ones.
    pub(crate) life: u8,
    /// Actors whose numbers differ in this many low bits at most share a word.
    pub(crate) group_bits: u32,
}

/// What is said or remembered.
#[derive(Clone, Copy, Debug, Default, Hash)]
pub(crate) struct Note {
    content: u64,
    life: u8,
}

/// A message; not `Copy`, so that the engine has to move it.
#[derive(Default)]
pub(crate) struct Letter(Note);

impl Carried for Letter {}

pub(crate) enum Event {
    Mail(u32, Letter),
    Timer(Note),
}

enum Action {
    Send { to: u32, key: EventKey, tag: u32, letter: Letter },
    Timer { of: u32, at: Time, seq: u32, timer: Note },
    Postpone { at: Time, seq: u32, tag: u32, letter: Letter },
}

#[derive(Clone, Debug)]
struct Actor {
    rng: Rng,
    seq: u32,
    seen: u64,
    chain: u64,
    /// What the group shares, at its first actor.
    shared: u64,
}

/// What interrupts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Every actor begins to act: the first thing in a run.
    Start,
    /// One actor acts.
    Poke(u32),
    /// Nothing happens; it is noted how far the world is.
    Observe,
}

/// The state of the world at a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    pub(crate) at: Time,
    pub(crate) handled: u64,
    pub(crate) pending: usize,
    pub(crate) chains: u64,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Events seen and the chain over them, of each actor.
    pub(crate) actors: Vec<(u64, u64)>,
    pub(crate) digest: String,
    pub(crate) observations: Vec<Observation>,
}

impl Outcome {
    pub(crate) fn handled(&self) -> u64 {
        self.actors.iter().map(|actor| actor.0).sum()
    }
}

impl Actor {
    fn next_key(&mut self, me: u32, time: Time) -> EventKey {
        self.seq += 1;
        EventKey { time, origin: me, seq: self.seq }
    }

    fn note(&mut self, word: u64) {
        self.chain = mix(self.chain.rotate_left(7) ^ word);
    }
}

impl World {
    fn actor(&self, number: u32) -> Actor {
        Actor { rng: Streams::new(self.seed).rng("toy", u64::from(number)), seq: 0, seen: 0, chain: 0, shared: 0 }
    }

    fn window(&self) -> u64 {
        1 << self.min_delay.nanos().ilog2()
    }

    /// The `ahead`-th beginning of a window after `now`, if windows are as long as the smallest delay allows.
    fn boundary(&self, now: Time, ahead: u64) -> Time {
        let windows = now.since(self.begin).nanos() / self.window() + ahead;
        self.begin.saturating_add(Span::from_nanos(windows.saturating_mul(self.window())))
    }

    fn on_grid(&self, time: Time) -> Time {
        let since = time.since(self.begin).nanos();
        self.begin.saturating_add(Span::from_nanos(since.div_ceil(self.grid) * self.grid))
    }

    fn arrival(&self, rng: &mut Rng, now: Time) -> Time {
        let min = self.min_delay.nanos();
        let delay = match rng.below(8) {
            0 => min,
            1 => min + 1,
            2 => return self.boundary(now, 3),
            3 | 4 => min + rng.below(4 * min),
            5 => min + (1 << rng.below(62)),
            6 => min + rng.below(10 * HOUR),
            _ => min + rng.below(100 * YEAR),
        };
        self.on_grid(now.saturating_add(Span::from_nanos(delay)))
    }

    fn alarm(&self, rng: &mut Rng, now: Time) -> Time {
        let delay = match rng.below(6) {
            0 => return now.saturating_add(Span::from_nanos(1)),
            1 => return self.boundary(now, 1),
            2 => 1 + rng.below(16),
            3 => 1 + rng.below(self.min_delay.nanos()),
            4 => 1 << rng.below(62),
            _ => 1 + rng.below(HOUR),
        };
        self.on_grid(now.saturating_add(Span::from_nanos(delay)))
    }

    /// Draws what `me` does at `now`.
    fn act(&self, me: u32, actor: &mut Actor, now: Time, life: u8, actions: &mut Vec<Action>) {
        for _ in 0..actor.rng.below(4) {
            let to = actor.rng.below(u64::from(self.actors)) as u32;
            let time = self.arrival(&mut actor.rng, now);
            let letter = Letter(Note { content: actor.rng.bits(), life });
            let tag = actor.rng.below(3) as u32;
            actions.push(Action::Send { to, key: actor.next_key(me, time), tag, letter });
        }
        for _ in 0..actor.rng.below(3) {
            let at = self.alarm(&mut actor.rng, now);
            let timer = Note { content: actor.rng.bits(), life };
            actions.push(Action::Timer { of: me, at, seq: actor.next_key(me, at).seq, timer });
        }
    }

    /// An event of `me` reads and writes what its group shares, and may set a timer of a neighbour. `actors` are those from `base` on.
    fn share(&self, me: u32, actors: &mut [Actor], base: u32, now: Time, note: Note, actions: &mut Vec<Action>) {
        let first = me >> self.group_bits << self.group_bits;
        let shared = &mut actors[(first - base) as usize].shared;
        *shared = mix(shared.rotate_left(9) ^ note.content);
        let word = *shared;
        actors[(me - base) as usize].note(word);
        let neighbour = first + (word >> 8) as u32 % (1 << self.group_bits);
        if self.group_bits > 0 && word.is_multiple_of(3) && neighbour < self.actors && note.life > 0 {
            let actor = &mut actors[(neighbour - base) as usize];
            let at = self.alarm(&mut actor.rng, now);
            let timer = Note { content: word, life: note.life - 1 };
            actions.push(Action::Timer { of: neighbour, at, seq: actor.next_key(neighbour, at).seq, timer });
        }
    }

    /// `me` handles an event. `actors` are those from `base` on.
    #[expect(clippy::too_many_arguments, reason = "each belongs to somebody else")]
    fn handle(
        &self,
        me: u32,
        actors: &mut [Actor],
        base: u32,
        key: EventKey,
        event: Event,
        digest: &mut Digest,
        actions: &mut Vec<Action>,
    ) {
        let (kind, note) = match &event {
            Event::Mail(tag, letter) => (*tag, letter.0),
            Event::Timer(note) => (u32::MAX, *note),
        };
        self.share(me, actors, base, key.time, note, actions);
        let actor = &mut actors[(me - base) as usize];
        actor.seen += 1;
        for word in [key.time.nanos() as u64, u64::from(key.origin) << 32 | u64::from(key.seq), u64::from(kind), note.content] {
            actor.note(word);
        }
        digest.add(key, me, &(kind, note));
        let Some(life) = note.life.checked_sub(1) else { return };
        match event {
            Event::Mail(tag, letter) if actor.rng.chance(0.15) => {
                // The finish time of work may well be the instant at which it came.
                let at = if actor.rng.chance(0.3) { key.time } else { self.alarm(&mut actor.rng, key.time) };
                let letter = Letter(Note { life, ..letter.0 });
                actions.push(Action::Postpone { at, seq: actor.next_key(me, at).seq, tag, letter });
            }
            _ => self.act(me, actor, key.time, life, actions),
        }
    }

    /// What the engine makes of this world on `shards` shards, if it believes in the lookahead `lookahead`.
    pub(crate) fn run(&self, shards: u32, lookahead: Span, cuts: &[(Time, Cut)]) -> Outcome {
        let actors_per_shard = self.actors.div_ceil(shards).next_multiple_of(1 << self.group_bits);
        let parts = (0..shards).map(|number| Part::new(*self, number * actors_per_shard, actors_per_shard)).collect();
        let schedule = Schedule { begin: self.begin, end: self.end, min_delay: lookahead };
        let mut script = Script { world: *self, cuts: self.script(cuts), done: 0, observations: Vec::new(), until: self.begin };
        let parts = run(parts, self.actors, actors_per_shard, schedule, &mut script);
        let mut digest = Digest::default();
        for part in &parts {
            digest.merge(part.digest);
        }
        let actors = parts.iter().flat_map(|part| &part.actors).map(|actor| (actor.seen, actor.chain)).collect();
        let outcome = Outcome { actors, digest: digest.to_string(), observations: script.observations };
        let at_once: u64 = parts.iter().map(|part| part.at_once).sum();
        let quiet: u64 = parts.iter().map(|part| part.quiet).sum();
        assert!(at_once > 0 || outcome.handled() < 10_000, "no message that came next again was handled at once");
        assert!(quiet > 0 || outcome.handled() < 10_000, "no timer was handled before its turn");
        outcome
    }

    /// What must come of this world: all events in one sorted queue.
    pub(crate) fn naive(&self, cuts: &[(Time, Cut)]) -> Outcome {
        let mut actors: Vec<Actor> = (0..self.actors).map(|number| self.actor(number)).collect();
        let mut queue: BTreeMap<EventKey, (u32, Event)> = BTreeMap::new();
        let mut digest = Digest::default();
        let mut observations = Vec::new();
        let mut actions = Vec::new();
        let mut cuts = self.script(cuts).into_iter().filter(|(at, _)| *at < self.end).peekable();
        loop {
            let next = queue.first_key_value().map(|(key, _)| key.time).filter(|time| *time < self.end);
            if let Some((at, cut)) = cuts.next_if(|(at, _)| next.is_none_or(|next| *at <= next)) {
                for me in cut.actors(self.actors) {
                    self.act(me, &mut actors[me as usize], at, self.life, &mut actions);
                    enqueue(&mut queue, me, &mut actions);
                }
                observations.extend(cut.observes().then(|| observation(at, actors.iter(), queue.len())));
                continue;
            }
            if next.is_none() {
                break;
            }
            let (key, (me, event)) = queue.pop_first().expect("seen above");
            self.handle(me, &mut actors, 0, key, event, &mut digest, &mut actions);
            enqueue(&mut queue, me, &mut actions);
        }
        let actors = actors.iter().map(|actor| (actor.seen, actor.chain)).collect();
        Outcome { actors, digest: digest.to_string(), observations }
    }

    fn script(&self, cuts: &[(Time, Cut)]) -> Vec<(Time, Cut)> {
        let mut script = vec![(self.begin, Cut::Start)];
        script.extend(cuts);
        script.sort_by_key(|(at, _)| *at);
        script
    }
}

fn enqueue(queue: &mut BTreeMap<EventKey, (u32, Event)>, me: u32, actions: &mut Vec<Action>) {
    for action in actions.drain(..) {
        let (key, to, event) = match action {
            Action::Send { to, key, tag, letter } => (key, to, Event::Mail(tag, letter)),
            Action::Timer { of, at, seq, timer } => (EventKey { time: at, origin: of, seq }, of, Event::Timer(timer)),
            Action::Postpone { at, seq, tag, letter } => (EventKey { time: at, origin: me, seq }, me, Event::Mail(tag, letter)),
        };
        assert!(queue.insert(key, (to, event)).is_none(), "two events share {key:?}");
    }
}

fn observation<'a>(at: Time, actors: impl Iterator<Item = &'a Actor>, pending: usize) -> Observation {
    let (mut handled, mut chains) = (0, 0_u64);
    for (number, actor) in actors.enumerate() {
        handled += actor.seen;
        chains = chains.wrapping_add(mix(actor.chain ^ number as u64));
    }
    Observation { at, handled, pending, chains }
}

impl Cut {
    fn actors(self, all: u32) -> std::ops::Range<u32> {
        match self {
            Self::Start => 0..all,
            Self::Poke(actor) => actor..actor + 1,
            Self::Observe => 0..0,
        }
    }

    fn observes(self) -> bool {
        self == Self::Observe
    }
}

/// A shard of the toy world.
struct Part {
    world: World,
    base: u32,
    actors: Vec<Actor>,
    digest: Digest,
    actions: Vec<Action>,
    latest: Time,
    /// Postponed messages that were handled at once.
    at_once: u64,
    /// Timers that were handled before their turn.
    quiet: u64,
}

impl Part {
    fn new(world: World, base: u32, count: u32) -> Self {
        let end = world.actors.min(base + count);
        let actors = (base..end).map(|number| world.actor(number)).collect();
        Self { world, base, actors, digest: Digest::default(), actions: Vec::new(), latest: Time::MIN, at_once: 0, quiet: 0 }
    }

    fn handle(&mut self, out: &mut Outbox<'_, Self>, me: u32, key: EventKey, event: Event) {
        self.latest = self.latest.max(key.time);
        self.world.handle(me, &mut self.actors, self.base, key, event, &mut self.digest, &mut self.actions);
        self.carry_out(out, me);
    }

    fn poke(&mut self, out: &mut Outbox<'_, Self>, me: u32, now: Time) {
        let actor = &mut self.actors[(me - self.base) as usize];
        self.world.act(me, actor, now, self.world.life, &mut self.actions);
        self.carry_out(out, me);
    }

    /// A message that comes next when it is handled again is handled at once, as is allowed.
    fn carry_out(&mut self, out: &mut Outbox<'_, Self>, me: u32) {
        let mut again = None;
        for action in self.actions.drain(..) {
            match action {
                Action::Send { to, key, tag, letter } => *out.send(to, key, tag) = letter,
                Action::Timer { of, at, seq, timer } => out.of(of).timer(at, seq, timer),
                Action::Postpone { at, seq, tag, letter } => {
                    assert!(again.replace((EventKey { time: at, origin: me, seq }, tag, letter)).is_none(), "one at a time");
                }
            }
        }
        if let Some((key, tag, letter)) = again {
            if out.comes_next(key) {
                self.at_once += 1;
                self.handle(out, me, key, Event::Mail(tag, letter));
            } else {
                out.postpone(key.time, key.seq, tag, letter);
            }
        }
    }
}

impl Shard for Part {
    type Message = Letter;
    type Timer = Note;
    type Parcel = ();

    const QUIET: usize = 1;

    fn group_bits(&self) -> u32 {
        self.world.group_bits
    }

    fn class(message: &Letter) -> usize {
        message.0.content as usize
    }

    fn timer_class(timer: Note) -> usize {
        (timer.content % 3) as usize
    }

    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, tag: u32, message: &mut Letter) {
        self.handle(out, actor, key, Event::Mail(tag, std::mem::take(message)));
    }

    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Note) {
        self.handle(out, actor, key, Event::Timer(timer));
    }

    /// What has no life left calls nothing forth.
    fn quiet_timer(&mut self, actor: u32, key: EventKey, timer: Note) -> bool {
        if timer.life > 0 {
            return false;
        }
        self.quiet += 1;
        self.latest = self.latest.max(key.time);
        self.world.handle(actor, &mut self.actors, self.base, key, Event::Timer(timer), &mut self.digest, &mut self.actions);
        assert!(self.actions.is_empty(), "a quiet timer calls something forth");
        true
    }
}

/// The controller that carries out the cuts, and checks that the engine told the truth about the time.
struct Script {
    world: World,
    cuts: Vec<(Time, Cut)>,
    done: usize,
    observations: Vec<Observation>,
    until: Time,
}

impl Controller<Part> for Script {
    fn next_cut(&self, _now: Time) -> Time {
        self.cuts.get(self.done).map_or(Time::MAX, |(at, _)| *at)
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Part>) {
        let (planned, cut) = self.cuts[self.done];
        self.done += 1;
        assert_eq!(at, planned);
        assert!(shards.iter().all(|part| part.latest < at), "something at or after the cut at {at:?} has happened");
        for me in cut.actors(self.world.actors) {
            shards.act(me, |part, out| part.poke(out, me, at));
        }
        if cut.observes() {
            let pending = shards.pending();
            self.observations.push(observation(at, shards.iter().flat_map(|part| &part.actors), pending));
        }
    }

    fn window_done(&mut self, until: Time, shards: &mut Shards<'_, '_, Part>) -> Progress {
        assert!(until > self.until && until <= self.world.end, "windows go forward, and not beyond the end");
        self.until = until;
        assert!(shards.iter().all(|part| part.latest < until), "something at or after {until:?} has happened");
        Progress::Continue
    }
}

//! A stage for small plays: actors that do as a message or timer tells them, and write down what they saw.

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{Carried, Controller, EventKey, Outbox, Progress, Schedule, Shard, Shards, run};

impl Carried for Do {}

/// What an event makes its actor do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Do {
    #[default]
    Nothing,
    /// Set a timer this far ahead.
    Remind(Span),
    /// Send a message that takes this long.
    Send(u32, Span),
    /// Send the message of the first to the second, over and over.
    Circulate(u32, Span),
    Panic,
}

/// A shard of the stage.
pub(crate) struct Part {
    base: u32,
    seqs: Vec<u32>,
    log: Vec<(u32, EventKey)>,
    undelivered: usize,
}

impl Part {
    fn next_seq(&mut self, actor: u32) -> u32 {
        let seq = &mut self.seqs[(actor - self.base) as usize];
        *seq += 1;
        *seq
    }

    fn perform(&mut self, out: &mut Outbox<'_, Self>, actor: u32, now: Time, what: Do) {
        match what {
            Do::Nothing => {}
            Do::Remind(after) => self.remind(out, actor, now + after, Do::Nothing),
            Do::Send(to, delay) => self.send(out, actor, to, now + delay, Do::Nothing),
            Do::Circulate(to, delay) => self.send(out, actor, to, now + delay, Do::Circulate(actor, delay)),
            Do::Panic => panic!("actor {actor} cannot go on"),
        }
    }

    /// Sets a timer of `actor`.
    pub(crate) fn remind(&mut self, out: &mut Outbox<'_, Self>, actor: u32, at: Time, what: Do) {
        let seq = self.next_seq(actor);
        out.timer(at, seq, what);
    }

    /// Sends a message from `actor`.
    pub(crate) fn send(&mut self, out: &mut Outbox<'_, Self>, actor: u32, to: u32, at: Time, what: Do) {
        let key = EventKey { time: at, origin: actor, seq: self.next_seq(actor) };
        *out.send(to, key, 0) = what;
    }

    /// Events handled so far.
    pub(crate) fn handled(&self) -> usize {
        self.log.len()
    }
}

impl Shard for Part {
    type Message = Do;
    type Timer = Do;
    type Parcel = ();

    fn message(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, _tag: u32, message: &mut Do) {
        self.timer(out, actor, key, *message);
    }

    fn timer(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, timer: Do) {
        self.log.push((actor, key));
        self.perform(out, actor, key.time, timer);
    }

    fn undelivered(&mut self, _message: Do) {
        self.undelivered += 1;
    }
}

/// Where a play is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// At a cut that was asked for; the first is the beginning.
    Cut(Time),
    /// At the end of a window.
    Done(Time),
}

struct Director<'a, F> {
    cuts: &'a [Time],
    begun: bool,
    begin: Time,
    direct: F,
}

impl<F: FnMut(Step, &mut Shards<'_, '_, Part>) -> Progress> Controller<Part> for Director<'_, F> {
    fn next_cut(&self, _now: Time) -> Time {
        if self.begun { self.cuts.first().copied().unwrap_or(Time::MAX) } else { self.begin }
    }

    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, Part>) {
        if std::mem::replace(&mut self.begun, true) {
            self.cuts = &self.cuts[1..];
        }
        let progress = (self.direct)(Step::Cut(at), shards);
        assert_eq!(progress, Progress::Continue, "only the end of a window can stop a run");
    }

    fn window_done(&mut self, until: Time, shards: &mut Shards<'_, '_, Part>) -> Progress {
        (self.direct)(Step::Done(until), shards)
    }
}

/// A stage with nothing on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    pub(crate) actors: u32,
    pub(crate) schedule: Schedule,
}

impl Stage {
    /// `actors` actors from time 0 to `end`, with windows of exactly 2^20 ns.
    pub(crate) fn new(actors: u32, end: Time) -> Self {
        Self { actors, schedule: Schedule { begin: Time::ZERO, end, min_delay: WINDOW } }
    }

    /// Runs on `shards` shards; `direct` is called at the beginning, at each of `cuts`, and after each window.
    /// Returns who handled what, in the order of the keys.
    pub(crate) fn play(
        self,
        shards: u32,
        cuts: &[Time],
        direct: impl FnMut(Step, &mut Shards<'_, '_, Part>) -> Progress + Send,
    ) -> Vec<(u32, EventKey)> {
        self.play_and_count(shards, cuts, direct).0
    }

    /// As [`Stage::play`], with how many messages were on their way at the end.
    pub(crate) fn play_and_count(
        self,
        shards: u32,
        cuts: &[Time],
        direct: impl FnMut(Step, &mut Shards<'_, '_, Part>) -> Progress + Send,
    ) -> (Vec<(u32, EventKey)>, usize) {
        let per_shard = self.actors.div_ceil(shards);
        let part = |number| Part { base: number * per_shard, seqs: vec![0; per_shard as usize], log: Vec::new(), undelivered: 0 };
        let mut director = Director { cuts, begun: false, begin: self.schedule.begin, direct };
        let parts = run((0..shards).map(part).collect(), self.actors, per_shard, self.schedule, &mut director);
        let undelivered = parts.iter().map(|part| part.undelivered).sum();
        let mut log: Vec<_> = parts.into_iter().flat_map(|part| part.log).collect();
        // Stable: if an actor took its own events in a wrong order, the orders of handling and of keys differ, and that is a failure.
        log.sort_by_key(|(actor, _)| *actor);
        assert!(log.is_sorted(), "an actor took its events out of order: {log:?}");
        log.sort_by_key(|(_, key)| *key);
        (log, undelivered)
    }
}

/// The length of a window in [`Stage::new`].
pub(crate) const WINDOW: Span = Span::from_nanos(1 << 20);

/// The beginning of window `number`, and some nanoseconds more.
pub(crate) fn at(number: u64, nanos: u64) -> Time {
    Time::ZERO + WINDOW.times(number) + Span::from_nanos(nanos)
}

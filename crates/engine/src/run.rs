//! Running shards side by side, window by window.
//!
//! Each thread owns one shard. A turn is: everyone takes the present window up to its limit and hands out mail and parcels;
//! everyone fetches its own and settles; then, alone, the first thread lets the [`Controller`] look at all shards and choose the
//! next window.
//! With one shard there is no thread and no barrier.
//!
//! # What cuts a window
//! Only what concerns the whole world: [`Controller::next_cut`]. A cut happens before the events of the same instant.

use std::any::Any;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ScopedJoinHandle;

use crate::lane::{Bag, Lane, Outbox, Shard};
use crate::time::{Span, Time};
use crate::wheel::Windows;

/// Who looks at the whole world, at the only times when that is allowed: between windows.
pub trait Controller<S: Shard> {
    /// The next instant at which [`Controller::cut`] wants to act, at or after `now`; [`Time::MAX`] for none.
    fn next_cut(&self, now: Time) -> Time;

    /// Acts at an instant that [`Controller::next_cut`] named: everything before it has happened, nothing at it.
    fn cut(&mut self, at: Time, shards: &mut Shards<'_, '_, S>);

    /// A window, or the part of one, has been handled: everything before `until` has happened.
    fn window_done(&mut self, until: Time, shards: &mut Shards<'_, '_, S>) -> Progress;
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It does.
    Continue,
    /// It ends here.
    Stop,
}

/// The times of a run.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// The first instant.
    pub begin: Time,
    /// The instant at which it is over: events at it do not happen.
    pub end: Time,
    /// The lookahead: no message is ever faster. A window is the largest power of two of nanoseconds that fits.
    pub min_delay: Span,
}

/// All shards, between two windows.
pub struct Shards<'a, 'lanes, S: Shard> {
    lanes: &'a mut [MutexGuard<'lanes, Lane<S>>],
    actors_per_shard: u32,
}

impl<S: Shard> Shards<'_, '_, S> {
    /// The shards, in the order of their actors.
    pub fn iter(&self) -> impl Iterator<Item = &S> {
        self.lanes.iter().map(|lane| lane.shard())
    }

    /// The shards, in the order of their actors.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut S> {
        self.lanes.iter_mut().map(|lane| lane.shard_mut())
    }

    /// The shard that `actor` lives in, to look at.
    pub fn at(&self, actor: u32) -> &S {
        self.lanes[(actor / self.actors_per_shard) as usize].shard()
    }

    /// The shard that `actor` lives in.
    pub fn of(&mut self, actor: u32) -> &mut S {
        self.lanes[(actor / self.actors_per_shard) as usize].shard_mut()
    }

    /// Acts on behalf of `actor`: with its shard, and an outbox of its own.
    pub fn act<R>(&mut self, actor: u32, act: impl FnOnce(&mut S, &mut Outbox<'_, S>) -> R) -> R {
        self.lanes[(actor / self.actors_per_shard) as usize].act(actor, act)
    }

    /// Exchanges parcels and lets every shard settle, as at a window's end: after the controller itself has acted for actors.
    pub fn settle(&mut self) {
        settle(&mut self.lanes.iter_mut().map(|lane| lane.shard_mut()).collect::<Vec<_>>());
    }

    /// Events that wait in all queues.
    pub fn pending(&self) -> usize {
        self.lanes.iter().map(|lane| lane.pending()).sum()
    }
}

/// More actors of a shard than this have half as long windows.
const MANY: u32 = 1 << 18;

/// Runs `shards` from `schedule.begin` to `schedule.end` and hands them back, settled.
///
/// Shard k holds the actors `k · actors_per_shard …`; the last one may hold fewer. With more than one shard, each runs on a
/// thread of its own.
///
/// # Panics
/// If a handler or the controller does, on whichever thread, with what it said; or if a cut lies in the past.
pub fn run<S: Shard, C: Controller<S> + Send>(
    shards: Vec<S>,
    actors: u32,
    actors_per_shard: u32,
    schedule: Schedule,
    controller: &mut C,
) -> Vec<S> {
    // As long as they may be, but for very many actors: all that a window touches should lie in the second-level cache (benches/records/).
    let longest = schedule.min_delay.nanos().max(1).ilog2();
    let windows = Windows { epoch: schedule.begin, shift: if actors_per_shard > MANY { longest.saturating_sub(1) } else { longest } };
    let count = shards.len();
    let lanes: Vec<Mutex<Lane<S>>> = shards
        .into_iter()
        .enumerate()
        .map(|(me, shard)| {
            let base = me as u32 * actors_per_shard;
            Mutex::new(Lane::new(shard, me, count, base, actors.saturating_sub(base).min(actors_per_shard), actors_per_shard, windows))
        })
        .collect();
    let turn = Turn {
        lanes: &lanes,
        post: (0..count * count).map(|_| Mutex::default()).collect(),
        barrier: Barrier::new(count),
        plan: Mutex::new(Plan { window: 0, from: schedule.begin, limit: schedule.begin, over: false }),
        windows,
        end: schedule.end,
        actors_per_shard,
    };
    turn.choose(controller, &mut turn.lanes.iter().map(lock).collect::<Vec<_>>());
    let panics: Vec<Panic> = std::thread::scope(|scope| {
        let turn = &turn;
        let others: Vec<_> = (1..count).map(|me| scope.spawn(move || turn.work(me, None::<&mut C>))).collect();
        // Nothing of the run is used after a panic, so nothing half-done is seen.
        let first = catch_unwind(AssertUnwindSafe(|| turn.work(0, Some(controller))));
        std::iter::once(first).chain(others.into_iter().map(ScopedJoinHandle::join)).filter_map(Result::err).collect()
    });
    // The caller is told the cause, not that the others gave up because of it.
    if let Some(cause) = panics.into_iter().min_by_key(|panic| panic.is::<AnotherPanicked>()) {
        resume_unwind(cause);
    }
    let mut shards: Vec<S> = lanes.into_iter().map(|lane| lane.into_inner().unwrap_or_else(PoisonError::into_inner).into_shard()).collect();
    settle(&mut shards.iter_mut().collect::<Vec<_>>());
    shards
}

/// Exchanges the parcels of all shards, and lets each settle.
fn settle<S: Shard>(shards: &mut [&mut S]) {
    let mut parcel = S::Parcel::default();
    for from in 0..shards.len() {
        for to in (0..shards.len()).filter(|&to| to != from) {
            shards[from].pack(to, &mut parcel);
            shards[to].unpack(&mut parcel);
        }
    }
    for shard in shards.iter_mut() {
        shard.settle();
    }
}

/// What goes from one shard to another at the end of a window.
struct Post<S: Shard> {
    mail: Bag<S::Message>,
    parcel: S::Parcel,
}

impl<S: Shard> Default for Post<S> {
    fn default() -> Self {
        Self { mail: Bag::default(), parcel: S::Parcel::default() }
    }
}

/// What all threads of a run share.
struct Turn<'lanes, S: Shard> {
    lanes: &'lanes [Mutex<Lane<S>>],
    /// Between shards: from · count + to.
    post: Vec<Mutex<Post<S>>>,
    barrier: Barrier,
    plan: Mutex<Plan>,
    windows: Windows,
    end: Time,
    actors_per_shard: u32,
}

/// What the next turn is about.
#[derive(Clone, Copy)]
struct Plan {
    window: u64,
    from: Time,
    limit: Time,
    over: bool,
}

impl<S: Shard> Turn<'_, S> {
    fn work<C: Controller<S>>(&self, me: usize, mut controller: Option<&mut C>) {
        let _poison = PoisonOnPanic(&self.barrier);
        // Kept across turns: a turn allocates nothing.
        let mut all = Vec::with_capacity(self.lanes.len());
        loop {
            let plan = *lock(&self.plan);
            if plan.over {
                return;
            }
            {
                let mut lane = lock(&self.lanes[me]);
                lane.advance(plan.window, plan.from);
                lane.run(plan.limit);
                self.hand_out(me, &mut lane);
            }
            self.barrier.wait();
            self.fetch(me);
            self.barrier.wait();
            if let Some(controller) = &mut controller {
                all.extend(self.lanes.iter().map(lock));
                let progress = controller.window_done(plan.limit, &mut self.shards(&mut all));
                post_all(&mut all);
                match progress {
                    Progress::Stop => lock(&self.plan).over = true,
                    Progress::Continue => self.choose(*controller, &mut all),
                }
                all.clear();
            }
            self.barrier.wait();
        }
    }

    /// Chooses the next window, after the cuts that come before it.
    fn choose<'a, C: Controller<S>>(&'a self, controller: &mut C, lanes: &mut [MutexGuard<'a, Lane<S>>]) {
        let mut plan = lock(&self.plan);
        loop {
            let now = plan.limit;
            let bound = lanes.iter().filter_map(|lane| lane.bound()).min();
            let (window, from) = match bound {
                Some(window) => (window, self.windows.start(window).max(now)),
                None => (self.windows.of(now), Time::MAX),
            };
            let cut = controller.next_cut(now);
            assert!(cut >= now, "a cut at {cut} is asked for when it is {now} already");
            if cut <= from && cut < self.end {
                // Nothing happens before the cut: the present moves there, and the cut acts.
                for lane in lanes.iter_mut() {
                    lane.advance(self.windows.of(cut), cut);
                }
                controller.cut(cut, &mut self.shards(lanes));
                post_all(lanes);
                plan.limit = cut;
                continue;
            }
            plan.window = window;
            plan.from = from;
            plan.over = from >= self.end;
            plan.limit = if plan.over { self.end } else { self.windows.end(window).min(cut).min(self.end) };
            return;
        }
    }

    fn shards<'a, 'b>(&self, lanes: &'a mut [MutexGuard<'b, Lane<S>>]) -> Shards<'a, 'b, S> {
        Shards { lanes, actors_per_shard: self.actors_per_shard }
    }

    fn hand_out(&self, me: usize, lane: &mut Lane<S>) {
        let count = self.lanes.len();
        for to in (0..count).filter(|&to| to != me) {
            let mut post = lock(&self.post[me * count + to]);
            std::mem::swap(&mut post.mail, lane.outgoing(to));
            lane.shard_mut().pack(to, &mut post.parcel);
        }
    }

    fn fetch(&self, me: usize) {
        let count = self.lanes.len();
        let mut lane = lock(&self.lanes[me]);
        for from in (0..count).filter(|&from| from != me) {
            let mut post = lock(&self.post[from * count + me]);
            lane.receive(&mut post.mail);
            lane.shard_mut().unpack(&mut post.parcel);
        }
        lane.shard_mut().settle();
    }
}

/// Delivers the mail that the controller has caused.
fn post_all<S: Shard>(lanes: &mut [MutexGuard<'_, Lane<S>>]) {
    for from in 0..lanes.len() {
        for to in (0..lanes.len()).filter(|&to| to != from) {
            let mut mail = std::mem::take(lanes[from].outgoing(to));
            lanes[to].receive(&mut mail);
            *lanes[from].outgoing(to) = mail;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread unwinds with.
type Panic = Box<dyn Any + Send>;

/// Why a thread unwinds that has done nothing wrong.
struct AnotherPanicked;

/// A barrier for turns of microseconds: it spins a little, then sleeps, and gives up when a party panicked.
///
/// Sleeping rather than yielding: on a busy machine, one who has slept is served before those who never stopped asking.
struct Barrier {
    parties: usize,
    /// How often a thread looks before it sleeps: not at all where threads outnumber cores, since whom it waits for may wait
    /// for its core.
    patience: u32,
    waiting: AtomicUsize,
    generation: AtomicUsize,
    poisoned: AtomicBool,
    /// Whether anyone sleeps. The generation changes under this lock, so that nobody falls asleep over it.
    asleep: Mutex<bool>,
    wake: Condvar,
}

impl Barrier {
    fn new(parties: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            parties,
            patience: if parties <= cores { 12_000 } else { 0 },
            waiting: AtomicUsize::new(0),
            generation: AtomicUsize::new(0),
            poisoned: AtomicBool::new(false),
            asleep: Mutex::new(false),
            wake: Condvar::new(),
        }
    }

    fn wait(&self) {
        if self.parties == 1 {
            return;
        }
        let generation = self.generation.load(Ordering::Acquire);
        if self.waiting.fetch_add(1, Ordering::AcqRel) + 1 == self.parties {
            self.waiting.store(0, Ordering::Release);
            let asleep = lock(&self.asleep);
            self.generation.fetch_add(1, Ordering::AcqRel);
            self.wake(asleep);
            return;
        }
        for _ in 0..self.patience {
            if self.is_over(generation) {
                return;
            }
            std::hint::spin_loop();
        }
        let mut asleep = lock(&self.asleep);
        while !self.is_over(generation) {
            *asleep = true;
            asleep = self.wake.wait(asleep).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// True if all have come; unwinds if someone never will.
    fn is_over(&self, generation: usize) -> bool {
        if self.poisoned.load(Ordering::Acquire) {
            resume_unwind(Box::new(AnotherPanicked));
        }
        self.generation.load(Ordering::Acquire) != generation
    }

    fn wake(&self, mut asleep: MutexGuard<'_, bool>) {
        if std::mem::take(&mut *asleep) {
            self.wake.notify_all();
        }
    }
}

/// Releases the others from the barrier when its thread unwinds.
struct PoisonOnPanic<'a>(&'a Barrier);

impl Drop for PoisonOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let asleep = lock(&self.0.asleep);
            self.0.poisoned.store(true, Ordering::Release);
            self.0.wake(asleep);
        }
    }
}

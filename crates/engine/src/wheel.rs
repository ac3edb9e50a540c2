//! The queue: a ring of windows, with coarser rings for the far future.
//!
//! Time is cut into windows of 2^shift nanoseconds. An event goes to the slot of its window; if that is too far away, to a slot
//! of a coarser ring, each of whose slots covers a whole turn of the finer one, and it is dealt out when that turn begins.
//! Eight rings of 256 slots cover all of time, so there is no overflow to treat apart. Within a slot events lie as they came:
//! the window is put in order when it opens (see [`lane`](crate::lane)).
//!
//! # Cost
//! A push is a shift, a count of leading zeros and a write; an event is moved once per ring that it descends, at most twice in
//! any run with sane delays. Slots are chains of fixed-size chunks from a common pool, so a queue in a steady state allocates nothing,
//! never copies to grow, and wastes half a chunk per occupied slot.

use crate::time::{Span, Time};

/// Slots of a ring; one byte of the window's number names a slot.
const SLOTS: usize = 256;
/// Rings: eight bytes name every window that a 64-bit time can lie in.
const RINGS: usize = 8;
/// Events per chunk.
const CHUNK: usize = 128;

/// How time is cut: window `w` covers [`epoch` + w·2^`shift`, `epoch` + (w+1)·2^`shift`) nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// The beginning of window 0.
    pub(crate) epoch: Time,
    /// The logarithm of a window's length in nanoseconds.
    pub(crate) shift: u32,
}

impl Windows {
    /// The window of an instant that is not before the epoch.
    #[inline]
    pub(crate) fn of(self, time: Time) -> u64 {
        debug_assert!(time >= self.epoch, "nothing happens before the first window");
        (time.nanos().wrapping_sub(self.epoch.nanos()) as u64) >> self.shift
    }

    pub(crate) fn start(self, window: u64) -> Time {
        self.epoch.saturating_add(Span::from_nanos(window.checked_shl(self.shift).unwrap_or(u64::MAX)))
    }

    pub(crate) fn end(self, window: u64) -> Time {
        self.start(window).saturating_add(Span::from_nanos(1 << self.shift))
    }
}

/// What can be queued: something that happens at a time.
pub(crate) trait Timed {
    /// When.
    fn time(&self) -> Time;
    /// What lies in places where no event is: nothing that would have to be dropped.
    fn vacant() -> Self;
    /// Moves it to a vacant place, and leaves a vacant one.
    fn move_to(&mut self, place: &mut Self);
}

/// Events in a place of fixed size: those before `len`; behind them lies what is vacant.
pub(crate) struct Chunk<E> {
    places: Box<[E]>,
    len: usize,
}

/// Events of one slot, in chunks.
pub(crate) type Chunks<E> = Vec<Chunk<E>>;

impl<E: Timed> Chunk<E> {
    /// No room.
    fn none() -> Self {
        Self { places: Box::default(), len: 0 }
    }

    fn new() -> Self {
        Self { places: std::iter::repeat_with(E::vacant).take(CHUNK).collect(), len: 0 }
    }

    /// The place of one event more, for which there must be room.
    #[inline]
    fn place(&mut self) -> &mut E {
        let place = &mut self.places[self.len];
        self.len += 1;
        place
    }

    pub(crate) fn events(&self) -> &[E] {
        &self.places[..self.len]
    }

    pub(crate) fn events_mut(&mut self) -> &mut [E] {
        &mut self.places[..self.len]
    }

    /// Closes the vacant place at `at`: the last event comes there.
    pub(crate) fn swap_remove(&mut self, at: usize) {
        self.len -= 1;
        self.places.swap(at, self.len);
    }

    /// The places behind the first `len` events are vacant now.
    pub(crate) fn truncate(&mut self, len: usize) {
        debug_assert!(len <= self.len);
        self.len = len;
    }

    /// The same with all of its places vacant, as they are when its events have been moved out.
    fn emptied(self) -> Self {
        Self { len: 0, ..self }
    }

    fn into_events(self) -> impl Iterator<Item = E> {
        self.places.into_iter().take(self.len)
    }
}

/// Puts a new event into a vacant place, where there is nothing to drop: to look would be to wait for memory that is only written.
#[inline]
pub fn put<E>(place: &mut E, event: E) {
    std::mem::forget(std::mem::replace(place, event));
}

/// A queue of events of type `E`, by window.
pub(crate) struct Wheel<E> {
    windows: Windows,
    rings: Box<[Ring<E>; RINGS]>,
    /// The window that is open, or was last.
    current: u64,
    pool: Chunks<E>,
    /// Scratch for [`Wheel::advance`].
    dealing: Chunks<E>,
    len: usize,
}

struct Ring<E> {
    occupied: [u64; SLOTS / 64],
    slots: Box<[Slot<E>; SLOTS]>,
}

struct Slot<E> {
    /// The chunk that is being filled; without room if the slot is empty.
    last: Chunk<E>,
    full: Chunks<E>,
}

#[expect(clippy::inline_always, reason = "measured: where this is a call, an event is copied three more times on its way into its chunk")]
impl<E: Timed> Wheel<E> {
    /// An empty queue whose present is window 0.
    pub(crate) fn new(windows: Windows) -> Self {
        let ring = |_| Ring {
            occupied: [0; SLOTS / 64],
            slots: Box::new(std::array::from_fn(|_| Slot { last: Chunk::none(), full: Vec::new() })),
        };
        Self { windows, rings: Box::new(std::array::from_fn(ring)), current: 0, pool: Vec::new(), dealing: Vec::new(), len: 0 }
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where an event is to be [`put`] that happens then, which must not be in a window that is over.
    #[inline(always)]
    pub(crate) fn place_at(&mut self, time: Time) -> &mut E {
        let window = self.windows.of(time);
        assert!(window >= self.current, "an event for window {window}, which ended before {}", self.current);
        self.place_in(window)
    }

    /// The same for an event of this window, which is not over.
    #[inline(always)]
    pub(crate) fn place_in(&mut self, window: u64) -> &mut E {
        debug_assert!(window >= self.current);
        self.len += 1;
        self.place(window)
    }

    #[inline(always)]
    fn place(&mut self, window: u64) -> &mut E {
        let differing = window ^ self.current;
        // Most events are near, and most chunks have room.
        let ring = if differing < SLOTS as u64 { 0 } else { ring_of(differing) };
        let slot = (window >> (8 * ring)) as usize % SLOTS;
        let last = &self.rings[ring].slots[slot].last;
        if last.len >= last.places.len() {
            return self.place_in_new_chunk(ring, slot);
        }
        self.rings[ring].slots[slot].last.place()
    }

    #[cold]
    fn place_in_new_chunk(&mut self, ring: usize, slot: usize) -> &mut E {
        self.rings[ring].add_chunk(slot, &mut self.pool);
        self.rings[ring].slots[slot].last.place()
    }

    /// A window before which no event waits; `None` if nothing waits at all. It may turn out to be empty.
    pub(crate) fn bound(&self) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        (0..RINGS).find_map(|ring| {
            let here = (self.current >> (8 * ring)) as usize % SLOTS;
            // In the finest ring the present slot may hold events; in a coarser one it has been dealt out.
            let first = if ring == 0 { here } else { here + 1 };
            let slot = self.rings[ring].next_occupied(first)?;
            let above = self.current >> (8 * ring) & !(SLOTS as u64 - 1);
            Some((above | slot as u64) << (8 * ring))
        })
    }

    /// Makes `window` the present. No event may wait before it.
    pub(crate) fn advance(&mut self, window: u64) {
        let differing = window ^ self.current;
        debug_assert!(window >= self.current && self.bound().is_none_or(|bound| bound >= window));
        self.current = window;
        // Every coarser ring in which the present slot has changed deals that slot out, the coarsest first.
        let highest = ring_of(differing | 1);
        for ring_index in (1..=highest).rev() {
            let slot = (window >> (8 * ring_index)) as usize % SLOTS;
            self.deal(ring_index, slot);
        }
    }

    fn deal(&mut self, ring_index: usize, slot: usize) {
        let mut chunks = std::mem::take(&mut self.dealing);
        self.rings[ring_index].take(slot, &mut chunks);
        for mut chunk in chunks.drain(..) {
            for event in chunk.events_mut() {
                let window = self.windows.of(event.time());
                event.move_to(self.place(window));
            }
            // At once: what is dealt out next goes there.
            self.pool.push(chunk.emptied());
        }
        self.dealing = chunks;
    }

    /// Takes all events of the present window, as they came; give the chunks back with [`Wheel::recycle`].
    pub(crate) fn open(&mut self, into: &mut Chunks<E>) {
        let slot = self.current as usize % SLOTS;
        self.rings[0].take(slot, into);
        self.len -= into.iter().map(|chunk| chunk.len).sum::<usize>();
    }

    /// All events that wait, in no particular order.
    pub(crate) fn into_events(self) -> impl Iterator<Item = E> {
        let slots = self.rings.into_iter().flat_map(|ring| *ring.slots);
        slots.flat_map(|slot| slot.full.into_iter().chain([slot.last])).flat_map(Chunk::into_events)
    }

    /// Takes back chunks whose events have been moved out.
    pub(crate) fn recycle(&mut self, chunks: &mut Chunks<E>) {
        self.pool.extend(chunks.drain(..).map(Chunk::emptied));
    }
}

/// The ring of a window whose number differs in these bits from that of the present.
#[cold]
fn ring_of(differing: u64) -> usize {
    (differing.ilog2() / 8) as usize
}

impl<E: Timed> Ring<E> {
    /// Gives a slot a chunk with room.
    fn add_chunk(&mut self, slot: usize, pool: &mut Chunks<E>) {
        self.occupied[slot / 64] |= 1 << (slot % 64);
        let chunk = pool.pop().unwrap_or_else(Chunk::new);
        let full = std::mem::replace(&mut self.slots[slot].last, chunk);
        if full.len > 0 {
            self.slots[slot].full.push(full);
        }
    }

    /// Moves what is in a slot to `into`, which is empty.
    fn take(&mut self, slot: usize, into: &mut Chunks<E>) {
        let bit = 1 << (slot % 64);
        if self.occupied[slot / 64] & bit == 0 {
            return;
        }
        self.occupied[slot / 64] &= !bit;
        let slot = &mut self.slots[slot];
        std::mem::swap(&mut slot.full, into);
        into.push(std::mem::replace(&mut slot.last, Chunk::none()));
    }

    /// The first occupied slot at or after `from`.
    fn next_occupied(&self, from: usize) -> Option<usize> {
        let mut word = from / 64;
        let mut bits = *self.occupied.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.occupied.get(word)?;
        }
        Some(word * 64 + bits.trailing_zeros() as usize)
    }
}

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
    #[inline]
    pub(crate) fn of(self, time: Time) -> u64 {
        time.since(self.epoch).nanos() >> self.shift
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
}

/// Events of one slot, in chunks.
pub(crate) type Chunks<E> = Vec<Vec<E>>;

/// A queue of events of type `E`, by window.
pub(crate) struct Wheel<E> {
    windows: Windows,
    rings: Box<[Ring<E>; RINGS]>,
    /// The window that is open, or was last.
    current: u64,
    pool: Vec<Vec<E>>,
    /// Scratch for [`Wheel::advance`].
    dealing: Chunks<E>,
    len: usize,
}

struct Ring<E> {
    occupied: [u64; SLOTS / 64],
    slots: Vec<Slot<E>>,
}

struct Slot<E> {
    /// The chunk that is being filled; without capacity if the slot is empty.
    last: Vec<E>,
    full: Chunks<E>,
}

#[expect(clippy::inline_always, reason = "measured: where a push is a call, an event is copied three more times on its way into its chunk")]
impl<E: Timed> Wheel<E> {
    /// An empty queue whose present is window 0.
    pub(crate) fn new(windows: Windows) -> Self {
        let ring = |_| Ring { occupied: [0; SLOTS / 64], slots: std::iter::repeat_with(Slot::new).take(SLOTS).collect() };
        Self { windows, rings: Box::new(std::array::from_fn(ring)), current: 0, pool: Vec::new(), dealing: Vec::new(), len: 0 }
    }

    /// How many events wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Queues an event, whose window must not be over.
    #[inline(always)]
    pub(crate) fn push(&mut self, event: E) {
        let window = self.windows.of(event.time());
        assert!(window >= self.current, "an event for window {window}, which ended before {}", self.current);
        self.push_into(window, event);
    }

    /// The same, where it is known already that this is its window and not over.
    #[inline(always)]
    pub(crate) fn push_into(&mut self, window: u64, event: E) {
        debug_assert!(window == self.windows.of(event.time()) && window >= self.current);
        self.len += 1;
        self.put(window, event);
    }

    #[inline(always)]
    fn put(&mut self, window: u64, event: E) {
        let differing = window ^ self.current;
        let ring_index = ((differing | 1).ilog2() / 8) as usize;
        let slot = (window >> (8 * ring_index)) as usize % SLOTS;
        let ring = &mut self.rings[ring_index];
        let last = &mut ring.slots[slot].last;
        if last.len() == last.capacity() {
            ring.add_chunk(slot, &mut self.pool);
        }
        ring.slots[slot].last.push(event);
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
        let highest = ((differing | 1).ilog2() / 8) as usize;
        for ring_index in (1..=highest).rev() {
            let slot = (window >> (8 * ring_index)) as usize % SLOTS;
            self.deal(ring_index, slot);
        }
    }

    fn deal(&mut self, ring_index: usize, slot: usize) {
        let mut chunks = std::mem::take(&mut self.dealing);
        self.rings[ring_index].take(slot, &mut chunks);
        for mut chunk in chunks.drain(..) {
            for event in chunk.drain(..) {
                let window = self.windows.of(event.time());
                self.put(window, event);
            }
            self.pool.push(chunk);
        }
        self.dealing = chunks;
    }

    /// Takes all events of the present window, as they came; give the chunks back with [`Wheel::recycle`].
    pub(crate) fn open(&mut self, into: &mut Chunks<E>) {
        let slot = self.current as usize % SLOTS;
        self.rings[0].take(slot, into);
        self.len -= into.iter().map(Vec::len).sum::<usize>();
    }

    /// All events that wait, in no particular order.
    pub(crate) fn into_events(self) -> impl Iterator<Item = E> {
        self.rings.into_iter().flat_map(|ring| ring.slots).flat_map(|slot| slot.full.into_iter().flatten().chain(slot.last))
    }

    /// Takes back the chunks of a window that is done.
    pub(crate) fn recycle(&mut self, chunks: &mut Chunks<E>) {
        for mut chunk in chunks.drain(..) {
            chunk.clear();
            self.pool.push(chunk);
        }
    }
}

impl<E> Slot<E> {
    fn new() -> Self {
        Self { last: Vec::new(), full: Vec::new() }
    }
}

impl<E> Ring<E> {
    /// Gives a slot a chunk with room.
    #[cold]
    fn add_chunk(&mut self, slot: usize, pool: &mut Vec<Vec<E>>) {
        self.occupied[slot / 64] |= 1 << (slot % 64);
        let chunk = pool.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK));
        let full = std::mem::replace(&mut self.slots[slot].last, chunk);
        if !full.is_empty() {
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
        into.push(std::mem::take(&mut slot.last));
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

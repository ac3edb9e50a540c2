//! Two hints: "this will be read soon", to the processor, and "this is large and read at random", to the system.
//!
//! A window's events are known before the first of them runs, so the peers that they touch can be
//! fetched from memory ahead of time. That overlaps cache misses that would otherwise be paid one by
//! one, and is worth a factor of two and more at a million peers (benches/records/).
//!
//! At a million peers the tables of the processor that translate addresses overflow as well: half of the time of a prefetch went
//! into walking page tables. Pages of 2 MiB instead of 4 KiB mend that, where the system grants them on request.
//!
//! This crate exists because the intrinsic and the system call are `unsafe` to call; nothing else in the workspace is.

/// Asks for the first `LINES` cache lines (64 bytes each) of `value` to be brought into the cache.
///
/// A hint only: it reads nothing, changes nothing, and does nothing on machines without the instruction.
#[inline(always)]
pub fn prefetch<const LINES: usize, T: ?Sized>(value: &T) {
    prefetch_from::<LINES>(core::ptr::from_ref(value).cast());
}

#[inline(always)]
fn prefetch_from<const LINES: usize>(start: *const u8) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        for line in 0..LINES {
            // SAFETY: a prefetch never faults, whatever the address; `wrapping_add` keeps the pointer
            // arithmetic defined where the value is shorter than the lines asked for.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * 64).cast()) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = start;
    }
}

/// The same of the element at `index`, or of the last one if there are not so many.
///
/// There is no branch in it: one that depends on what comes next would be guessed wrong time and again.
#[inline(always)]
pub fn prefetch_at<const LINES: usize, T>(elements: &[T], index: usize) {
    let last = elements.len().wrapping_sub(1);
    // Of an empty slice it asks for memory that is not there, which is allowed.
    prefetch_from::<LINES>(elements.as_ptr().wrapping_add(index.min(last)).cast());
}

/// An empty vector with room for `capacity` elements, in huge pages if it is large: for a table that is read at random.
pub fn table<T>(capacity: usize) -> Vec<T> {
    let mut table = Vec::with_capacity(capacity);
    // Before anything is written there: a page that is in use keeps its size.
    huge_pages(table.spare_capacity_mut());
    table
}

/// Asks the system to back `memory` with huge pages.
///
/// A hint only: nothing is read or changed, and it does nothing for less than one huge page, or where the system has none to give.
fn huge_pages<T>(memory: &[T]) {
    #[cfg(target_os = "linux")]
    {
        const HUGE: usize = 2 << 20;
        let start = memory.as_ptr().addr();
        let (first, end) = (start.next_multiple_of(HUGE), start + size_of_val(memory));
        // The pages at both ends are left as they are: they may be shared with somebody else.
        if let Some(length) = end.checked_sub(first).map(|length| length / HUGE * HUGE).filter(|&length| length > 0) {
            let whole = memory.as_ptr().cast::<u8>().wrapping_add(first - start).cast_mut();
            // SAFETY: the range lies within one live allocation, and this advice changes no byte of it, only how it is mapped.
            // A refusal (no huge pages here) is no error: the hint is lost, and nothing else.
            let _ = unsafe { libc::madvise(whole.cast(), length, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = memory;
    }
}

#[cfg(test)]
mod tests {
    use super::{prefetch, prefetch_at, table};

    #[test]
    fn table_holds_what_is_put_into_it() {
        for size in [0, 3, 1 << 20] {
            let mut numbers = table::<u64>(size);
            assert!(numbers.is_empty() && numbers.capacity() >= size);
            numbers.extend(0..size as u64);
            assert!(numbers.iter().copied().eq(0..size as u64));
        }
    }

    #[test]
    fn a_hint_leaves_the_value_alone() {
        let value = [7_u8; 3];
        prefetch::<4, _>(&value);
        prefetch::<1, _>(&value[..0]);
        for index in [0, 2, 3, usize::MAX] {
            prefetch_at::<1, _>(&value, index);
            prefetch_at::<1, u8>(&[], index);
        }
        assert_eq!(value, [7; 3]);
    }
}

//! One hint to the processor: "this will be read soon".
//!
//! A window's events are known before the first of them runs, so the peers that they touch can be
//! fetched from memory ahead of time. That overlaps cache misses that would otherwise be paid one by
//! one, and is worth a factor of two and more at a million peers (benches/records/).
//!
//! This crate exists because the intrinsic is `unsafe` to call; nothing else in the workspace is.

/// Asks for the first `LINES` cache lines (64 bytes each) of `value` to be brought into the cache.
///
/// A hint only: it reads nothing, changes nothing, and does nothing on machines without the instruction.
#[inline(always)]
pub fn prefetch<const LINES: usize, T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = core::ptr::from_ref(value).cast::<i8>();
        for line in 0..LINES {
            // SAFETY: a prefetch never faults, whatever the address; `wrapping_add` keeps the pointer
            // arithmetic defined where the value is shorter than the lines asked for.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * 64)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = value;
    }
}

#[cfg(test)]
mod tests {
    use super::prefetch;

    #[test]
    fn a_hint_leaves_the_value_alone() {
        let value = [7_u8; 3];
        prefetch::<4, _>(&value);
        prefetch::<1, _>(&value[..0]);
        assert_eq!(value, [7; 3]);
    }
}

//! Descriptor ids: under which name a question goes out, the first time and again.
//!
//! A question that is sent out anew (a larger flood, a walk in the place of one that was lost) is a new query to the peers that it meets,
//! and still the same lookup to whoever counts its messages.

use peerlab_model::LookupId;

/// A question's number takes the low bits of a descriptor id, and how often it has gone out before those above.
const NUMBER_BITS: u32 = 27;

/// Times that one question can be sent out.
pub(crate) const ROUNDS_MAX: usize = 1 << (u32::BITS - NUMBER_BITS);

/// The id under which a question goes out for the `round`-th time: peers take each for a query of its own. The first one is the question's own.
pub(crate) fn descriptor(question: LookupId, round: u8) -> LookupId {
    debug_assert!(question.number >> NUMBER_BITS == 0 && usize::from(round) < ROUNDS_MAX);
    LookupId { number: question.number | u32::from(round) << NUMBER_BITS, ..question }
}

/// The question that a query is for.
#[inline]
pub(crate) fn lookup_of(descriptor: LookupId) -> LookupId {
    LookupId { number: descriptor.number & ((1 << NUMBER_BITS) - 1), ..descriptor }
}

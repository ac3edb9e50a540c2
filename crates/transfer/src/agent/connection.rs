//! One end of a connection.

use peerlab_model::{ItemId, PeerId, Span, Time};

use super::NONE;
use crate::bits::Bits;
use crate::plan::Plan;

/// Blocks that are asked for at once at the beginning (Cohen 2003, section 2.1: "typically five").
const PIPELINE: u16 = 5;

/// Blocks that may be asked for at once.
const PIPELINE_MAX: u16 = 1000;

/// With less than this many of this host's requests waiting at the other end, more are made; with more than the second number, fewer.
const BACKLOG: (u64, u64) = (2, 4);

/// One end of a connection about one item. What most messages look at comes first, in 64 bytes: of all that is said, two in five are a word about one
/// more piece, and a host has more connections than a cache has room for. (Aligned to cache lines, they would be as many bytes, and cost a peer 3 KB: who
/// asks for that cannot grow where it lies.)
#[repr(C)]
pub(super) struct Connection {
    pub(super) peer: PeerId,
    pub(super) item: ItemId,
    /// The other end's number; [`NONE`] until it has answered.
    pub(super) theirs: u16,
    /// This host has said that it wants something of theirs.
    pub(super) interested: bool,
    /// They serve this host.
    pub(super) serves_us: bool,
    /// Of the pieces that they have, those that this host lacks and wants.
    pub(super) useful: u32,
    /// The pieces that they have.
    pub(super) have: Bits,
    pub(super) heard: Time,
    pub(super) said: Time,
    /// When the latest message arrives there.
    pub(super) order: Time,
    /// Blocks that they have been asked for, and when.
    pub(super) asked: Vec<(u32, Time)>,
    /// Blocks that they have asked for, while this host serves them.
    pub(super) queue: Vec<u32>,
    /// As many as may be in `asked`.
    depth: u16,
    /// They want something of this host's.
    pub(super) wants: bool,
    /// This host serves them.
    pub(super) served: bool,
    /// They have sent a block.
    pub(super) is_source: bool,
    /// Bytes of blocks that have come in this round of choking and in the one before.
    pub(super) got: [u32; 2],
    /// The shortest time that an answer has taken, and what the latest one has.
    shortest: Span,
    pub(super) latest: Span,
    pub(super) last_block: Time,
    pub(super) began: Time,
    pub(super) served_since: Time,
    /// The piece that a super-seed has told them of last.
    pub(super) offered: Option<u32>,
}

const _: () = assert!(size_of::<Option<Connection>>() == 176 && std::mem::offset_of!(Connection, asked) == 64);

impl Connection {
    /// A connection that has just begun; its other end has the number `theirs`, if that is known.
    pub(super) fn new(peer: PeerId, item: ItemId, theirs: u16, pieces: u32, now: Time) -> Self {
        Self {
            peer,
            item,
            theirs,
            began: now,
            heard: now,
            said: now,
            order: Time::MIN,
            have: Bits::none(pieces),
            useful: 0,
            interested: false,
            serves_us: false,
            wants: false,
            served: false,
            served_since: Time::MIN,
            asked: Vec::new(),
            depth: PIPELINE,
            shortest: Span::MAX,
            latest: Span::MAX,
            last_block: now,
            queue: Vec::new(),
            got: [0; 2],
            offered: None,
            is_source: false,
        }
    }

    /// True if both ends know each other's number.
    pub(super) fn is_answered(&self) -> bool {
        self.theirs != NONE
    }

    /// True if they have the whole item.
    pub(super) fn is_complete(&self, plan: &Plan) -> bool {
        self.have.count() == plan.layout(self.item).pieces()
    }

    /// True if more may be asked for.
    pub(super) fn has_room(&self) -> bool {
        self.asked.len() < usize::from(self.depth)
    }

    /// A block that was asked for has come: takes it out of the list, and adapts the number of requests at once.
    ///
    /// By Little's law, of n requests under way n · (t − t₀) / t wait at the other end, where t is the time that this answer took and t₀ the shortest
    /// one: they are kept between two and four, as TCP Vegas does with segments (Brakmo & Peterson 1995). So the connection is full, whatever
    /// its rate × round trip, and no longer queue than that stands before an uploader.
    pub(super) fn answered(&mut self, block: u32, now: Time) {
        let Some(at) = self.asked.iter().position(|&(asked, _)| asked == block) else { return };
        let under_way = self.asked.len() as u64;
        let (_, since) = self.asked.remove(at);
        let took = now.since(since);
        (self.shortest, self.latest) = (self.shortest.min(took), took);
        let waiting = u128::from(under_way) * u128::from(took.nanos() - self.shortest.nanos());
        let is_below = waiting < u128::from(BACKLOG.0) * u128::from(took.nanos());
        let is_above = waiting > u128::from(BACKLOG.1) * u128::from(took.nanos());
        let is_full = under_way >= u64::from(self.depth);
        if is_below && is_full {
            self.depth = (self.depth + 1).min(PIPELINE_MAX);
        } else if is_above {
            self.depth = (self.depth - 1).max(2);
        }
    }

    /// Bytes that have come in the last two rounds of choking.
    pub(super) fn rate(&self) -> u64 {
        self.got.iter().copied().map(u64::from).sum()
    }

    pub(super) fn state_bytes(&self) -> usize {
        size_of::<Self>() + self.have.bytes() + self.asked.capacity() * 16 + self.queue.capacity() * 4
    }
}

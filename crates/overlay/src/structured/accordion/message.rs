//! What Accordion's peers say beside what all peers on a ring like Chord's say.

use std::sync::Arc;

use peerlab_model::{Cause, Fields, LookupId, PeerId, Token};

use super::book::News;
use crate::structured::chord::{Goal, OwnMessage, Trail, kinds};

/// What a copy of a question carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Copy {
    /// How long the sender has been alive, in milliseconds.
    pub(super) age: u32,
    /// The contact nearer to the key that got the copy before this one: the sender wants to learn of peers before it. Nothing: before the key.
    pub(super) before: Option<PeerId>,
    /// Copies that may be sent at once; 0: as many as the peer likes.
    pub(super) width: u8,
    /// A copy that may get lost: another one is the primary.
    pub(super) redundant: bool,
}

impl Trail for Copy {
    /// The age, the flags, and the leading 8 bytes of the id of `before`, which are enough to bound an interval.
    const FIELDS: Fields = Fields::bytes(4 + 1 + 8);
    type Own = AccordionOwn;
}

/// Accordion's own messages. `age` is how long the sender has been alive, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are tokens of the sender's request, and what the variant says")]
pub enum AccordionOwn {
    /// A question has arrived, and whom the sender of this knows on the way to its key.
    Learned { news: Arc<[News]>, hop: Token, age: u32, lookup: LookupId, goal: Goal },
    /// Whom do you know between you and `before`?
    Explore { token: Token, before: PeerId, age: u32 },
    /// These.
    Explored { news: Arc<[News]>, token: Token, age: u32 },
}

impl OwnMessage for AccordionOwn {
    const KINDS: &'static [&'static str] = kinds!["learned", "explore", "explored"];

    fn kind(&self) -> usize {
        let shared = Self::KINDS.len() - 3;
        match self {
            Self::Learned { .. } => shared,
            Self::Explore { .. } => shared + 1,
            Self::Explored { .. } => shared + 2,
        }
    }

    /// A byte for the kind, 4 for a token and for each duration; of `before`, the leading 8 bytes of the id.
    fn fields(&self) -> Fields {
        match self {
            Self::Learned { news, .. } | Self::Explored { news, .. } => {
                let count = news.len() as u32;
                Fields::bytes(9 + 8 * count).contacts(count)
            }
            Self::Explore { .. } => Fields::bytes(17),
        }
    }

    fn cause(&self) -> Cause {
        match *self {
            Self::Learned { lookup, goal, .. } => goal.cause(lookup),
            Self::Explore { .. } | Self::Explored { .. } => Cause::Maintenance,
        }
    }
}

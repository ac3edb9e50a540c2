//! What shards write down while a window runs, for those who look at the whole world when it is over.
//!
//! Two lists: [`Note`]s, which have to be read in the order of the events (who came, who went, what was asked and answered),
//! and [`Account`]s, whose order does not matter (what was sent for which lookup, and what became of it).

use peerlab_engine::EventKey;
use peerlab_engine::time::Time;
use peerlab_model::{Hit, LookupId, PeerId, Target};

use crate::tally::Fate;

/// Something that happened, to be read in the order of the events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note {
    pub(crate) key: EventKey,
    /// Orders the notes of one event.
    pub(crate) number: u32,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// A host came online; it expects to go at `until`, which is its transition `transition`.
    Online { peer: PeerId, until: Time, transition: u32 },
    /// An identity has become a member.
    Member { peer: PeerId },
    /// A host went offline; it expects to come back at `until`.
    Offline { peer: PeerId, until: Time, transition: u32 },
    /// A peer asked.
    Asked { lookup: LookupId, target: Target },
    /// An answer came.
    Hit { lookup: LookupId, hit: Hit },
    /// A lookup ended.
    Finished { lookup: LookupId },
}

/// Something that was done for a lookup, in no order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    pub(crate) lookup: LookupId,
    /// When the message was sent, which tells whether that was late.
    pub(crate) sent: Time,
    pub(crate) bytes: u32,
    pub(crate) kind: u8,
    pub(crate) what: Deed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Sent,
    Ended(Fate),
    TimedOut,
    /// The run ended while it was on its way.
    InFlight,
}

/// The notes of one shard.
#[derive(Debug, Default)]
pub(crate) struct Notebook {
    pub(crate) notes: Vec<Note>,
    pub(crate) accounts: Vec<Account>,
}

impl Notebook {
    pub(crate) fn note(&mut self, key: EventKey, what: What) {
        let number = self.notes.len() as u32;
        self.notes.push(Note { key, number, what });
    }
}

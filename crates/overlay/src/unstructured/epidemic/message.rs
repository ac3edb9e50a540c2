//! What peers say to each other of rumours, and what it costs on the wire.

use peerlab_model::{Cause, Fields, Message, RumourId, Token};

use crate::unstructured::membership::{self, MembershipMessage};

/// The kind of a message.
const HEADER: u32 = 1;
/// The name of a rumour: the paper's timestamp.
const NAME: u32 = 8;
/// The number of a request.
const TOKEN: u32 = 4;

/// A message of an epidemic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EpidemicMessage {
    /// May I contact you?
    Knock {
        /// The request, at the peer that makes it.
        token: Token,
    },
    /// Yes.
    Admit {
        /// Of the [`EpidemicMessage::Knock`].
        token: Token,
    },
    /// Not in this cycle: enough others have.
    Busy {
        /// Of the [`EpidemicMessage::Knock`].
        token: Token,
    },
    /// The rumour itself.
    Update {
        /// Which.
        rumour: RumourId,
    },
    /// To an update: I needed it, or I knew.
    Feedback {
        /// Which.
        rumour: RumourId,
        /// It was news.
        needed: bool,
    },
    /// Have you heard anything?
    Pull,
    /// Anti-entropy: this is what all that I know comes to.
    Checksum {
        /// Equal where two know the same.
        sum: u64,
    },
    /// Anti-entropy: this is what I know.
    Digest {
        /// A bit for each rumour.
        known: Box<[u64]>,
        /// Answer with what you know, if I have anything that you lack.
        asks: bool,
    },
    /// Anti-entropy: a rumour that you lack.
    Repair {
        /// Which.
        rumour: RumourId,
    },
    /// What keeps the views that partners are drawn from.
    Member(MembershipMessage),
}

impl From<MembershipMessage> for EpidemicMessage {
    fn from(message: MembershipMessage) -> Self {
        Self::Member(message)
    }
}

/// What is said of rumours.
const OWN_KINDS: [&str; 9] = ["knock", "admit", "busy", "update", "feedback", "pull", "checksum", "digest", "repair"];

/// All of that, and what members say.
const KINDS: [&str; OWN_KINDS.len() + MembershipMessage::KINDS.len()] = membership::kinds(&[&OWN_KINDS, &MembershipMessage::KINDS]);

impl Message for EpidemicMessage {
    const KINDS: &'static [&'static str] = &KINDS;

    #[inline]
    fn kind(&self) -> usize {
        match self {
            Self::Knock { .. } => 0,
            Self::Admit { .. } => 1,
            Self::Busy { .. } => 2,
            Self::Update { .. } => 3,
            Self::Feedback { .. } => 4,
            Self::Pull => 5,
            Self::Checksum { .. } => 6,
            Self::Digest { .. } => 7,
            Self::Repair { .. } => 8,
            Self::Member(message) => OWN_KINDS.len() + message.kind(),
        }
    }

    #[inline]
    fn fields(&self) -> Fields {
        match self {
            Self::Knock { .. } | Self::Admit { .. } | Self::Busy { .. } => Fields::bytes(HEADER + TOKEN),
            Self::Update { .. } | Self::Repair { .. } => Fields::bytes(HEADER + NAME).rumours(1),
            Self::Feedback { .. } => Fields::bytes(HEADER + NAME + 1),
            Self::Pull => Fields::bytes(HEADER),
            Self::Member(message) => message.fields(),
            Self::Checksum { .. } => Fields::bytes(HEADER + 8),
            Self::Digest { known, .. } => {
                let names: u32 = known.iter().map(|word| word.count_ones()).sum();
                Fields::bytes(HEADER + 1 + NAME * names)
            }
        }
    }

    #[inline]
    fn cause(&self) -> Cause {
        match self {
            Self::Update { rumour } | Self::Feedback { rumour, .. } | Self::Repair { rumour } => Cause::Rumour(*rumour),
            _ => Cause::Maintenance,
        }
    }
}

const _: () = assert!(size_of::<EpidemicMessage>() <= 32);

//! What members say to each other, and what it costs on the wire.
//!
//! Each message begins with a byte for its kind and four for the number of a request where it has one. An address travels with its overlay
//! id, as contacts do in all models; an age takes two bytes (cycles in Cyclon, tenths of a second in Newscast).

use std::sync::Arc;

use peerlab_model::{Fields, PeerId, Token};

use super::Entry;

/// A message of one of the protocols.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MembershipMessage {
    /// I am new: let your neighbours know (HyParView), or send out walks for me (Cyclon).
    Join {
        /// The request, at the newcomer.
        token: Token,
    },
    /// Somebody is new, and looks for a place: it goes so many links further.
    ForwardJoin {
        /// Who is new.
        newcomer: PeerId,
        /// Links that it may still cross, this one included.
        ttl: u8,
    },
    /// Cyclon: you have a place in my view; this entry had it before, and is yours.
    Place {
        /// What the newcomer puts into its own view.
        entry: Entry,
    },
    /// Cyclon and Newscast: some of what I know; what do you know?
    Shuffle {
        /// The request, at the peer that begins.
        token: Token,
        /// Entries, the sender's own among them.
        entries: Arc<[Entry]>,
    },
    /// The answer.
    ShuffleReply {
        /// Of the [`MembershipMessage::Shuffle`].
        token: Token,
        /// Entries.
        entries: Arc<[Entry]>,
    },
    /// HyParView: be my neighbour.
    Neighbour {
        /// The request, at the peer that asks.
        token: Token,
        /// It has no other neighbour: it is not to be refused.
        high_priority: bool,
    },
    /// HyParView: I am, or I have enough.
    NeighbourReply {
        /// Of the [`MembershipMessage::Neighbour`] or the [`MembershipMessage::Join`].
        token: Token,
        /// I am.
        accepted: bool,
    },
    /// I am no longer your neighbour. In one-sided views nobody knows whom to tell; there the model that carries them may have heard of it.
    Disconnect {
        /// I go offline: forget me.
        leaving: bool,
    },
    /// HyParView: addresses for whoever is at the end of this walk, who answers with some of its own.
    ShuffleWalk {
        /// Who began it.
        origin: PeerId,
        /// Links that it may still cross, this one included.
        ttl: u8,
        /// The origin, some of its neighbours, and some of its passive view.
        peers: Arc<[PeerId]>,
    },
    /// HyParView: as many addresses of the receiver's passive view.
    ShuffleWalkReply {
        /// The addresses.
        peers: Arc<[PeerId]>,
    },
    /// HyParView: are you there? To neighbours only; it stands for what TCP tells a peer of a connection.
    KeepAlive,
    /// HyParView: I am.
    Alive,
}

/// What a member's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MembershipTimer {
    /// The next exchange is due.
    Cycle,
    /// A request has not been answered.
    Timeout(Token),
    /// HyParView: ask the neighbours whether they live.
    KeepAlive,
    /// Alone, or without an answer to a join: try again.
    Rejoin,
}

/// Kind and request.
const HEADER: u32 = 1 + 4;

impl MembershipMessage {
    /// The kinds, for the list of a model that carries them.
    pub const KINDS: [&str; 12] = [
        "member-join",
        "forward-join",
        "place",
        "shuffle",
        "shuffle-reply",
        "neighbour",
        "neighbour-reply",
        "disconnect",
        "shuffle-walk",
        "shuffle-walk-reply",
        "keep-alive",
        "alive",
    ];

    /// Which of [`MembershipMessage::KINDS`] this one is.
    pub fn kind(&self) -> usize {
        match self {
            Self::Join { .. } => 0,
            Self::ForwardJoin { .. } => 1,
            Self::Place { .. } => 2,
            Self::Shuffle { .. } => 3,
            Self::ShuffleReply { .. } => 4,
            Self::Neighbour { .. } => 5,
            Self::NeighbourReply { .. } => 6,
            Self::Disconnect { .. } => 7,
            Self::ShuffleWalk { .. } => 8,
            Self::ShuffleWalkReply { .. } => 9,
            Self::KeepAlive => 10,
            Self::Alive => 11,
        }
    }

    /// What it carries. All of it is maintenance.
    pub fn fields(&self) -> Fields {
        match self {
            Self::Join { .. } => Fields::bytes(HEADER),
            Self::Neighbour { .. } | Self::NeighbourReply { .. } => Fields::bytes(HEADER + 1),
            Self::ForwardJoin { .. } => Fields::bytes(1 + 1).contacts(1),
            Self::Place { entry } => entries(1, std::slice::from_ref(entry)),
            Self::Shuffle { entries: list, .. } | Self::ShuffleReply { entries: list, .. } => entries(HEADER + 1, list),
            Self::Disconnect { .. } => Fields::bytes(1 + 1),
            Self::ShuffleWalk { peers, .. } => Fields::bytes(1 + 1 + 1).contacts(peers.len() as u32),
            Self::ShuffleWalkReply { peers } => Fields::bytes(1 + 1).contacts(peers.len() as u32),
            Self::KeepAlive | Self::Alive => Fields::bytes(1),
        }
    }
}

/// The kinds of a model's messages: its own, and what members say behind them, or somewhere among them.
pub(crate) const fn kinds<const ALL: usize>(parts: &[&[&'static str]]) -> [&'static str; ALL] {
    let mut kinds = [""; ALL];
    let mut rest: &mut [&str] = &mut kinds;
    let mut at = 0;
    while at < parts.len() {
        let (these, others) = rest.split_at_mut(parts[at].len());
        these.copy_from_slice(parts[at]);
        rest = others;
        at += 1;
    }
    assert!(rest.is_empty(), "as many kinds as there is room for");
    kinds
}

/// A list of entries: each an address and an age.
fn entries(header: u32, list: &[Entry]) -> Fields {
    Fields::bytes(header + AGE * list.len() as u32).contacts(list.len() as u32)
}

/// An age, as much of it as two bytes hold in cycles or tenths of a second.
const AGE: u32 = 2;

const _: () = assert!(size_of::<MembershipMessage>() <= 24);
const _: () = assert!(size_of::<MembershipTimer>() <= 8);

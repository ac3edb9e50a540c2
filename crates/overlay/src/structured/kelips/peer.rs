//! What one peer knows.

use std::collections::VecDeque;

use peerlab_model::{ItemId, Key, LookupId, Numbering, PeerId, Time};

use super::config::{HOMES_MAX, TRIES_MAX};
use super::message::{Goal, News, Tuple};
use super::view::{Contacts, Heartbeat, View};
use crate::publisher::Publisher;
use crate::records::{Record, Records};
use crate::structured::newcomers::Newcomers;
use crate::structured::prefix::closeness;

/// One peer, a member of one affinity group.
#[derive(Clone, Debug)]
pub struct KelipsPeer {
    /// The other members of its group.
    pub(super) view: View,
    /// A few members of each other group.
    pub(super) contacts: Contacts,
    /// Who holds what hashes into its group.
    pub(super) tuples: Records,
    /// What most peers do not need all the time.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    pub(super) group: u32,
    /// Rounds of gossip in this life.
    pub(super) rounds: u32,
    /// The slot of its contacts from which it looks for somebody to ping next.
    pub(super) cursor: u32,
    /// Somebody in another group of whom it has heard and whom it does not know.
    pub(super) candidate: Option<PeerId>,
    /// It is a member: it answers, and gossips.
    pub(super) active: bool,
    /// Others have had time to hear of it: the world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timer runs.
    pub(super) ticking: bool,
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Who did not answer, or said goodbye, and when: only a later heartbeat brings it back. The oldest first.
    pub(super) buried: VecDeque<(PeerId, Heartbeat)>,
    /// Goodbyes that are passed on, in so many more rounds.
    pub(super) goodbyes: Vec<(News, u8)>,
    /// Filetuples that are new, and are told first in so many more rounds.
    pub(super) fresh: VecDeque<(Tuple, u8)>,
    /// Registrations that were taken back: up to which expiry.
    pub(super) removed: Records,
    /// What it has to register with others.
    pub(super) publisher: Publisher,
    /// Values that this peer is a homenode of, where peers keep values.
    pub(super) values: Records,
    /// Items for which no contact was found that would take them: they are tried again before their next turn.
    pub(super) unplaced: Vec<ItemId>,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
}

/// Peers that are remembered as gone at most.
const BURIED_MAX: usize = 64;

/// Filetuples and goodbyes that wait to be told at most: what is older has to make do with luck.
const FRESH_MAX: usize = 256;

impl Extra {
    pub(super) fn bury(&mut self, peer: PeerId, heartbeat: Heartbeat) {
        self.buried.retain(|&(other, _)| other != peer);
        if self.buried.len() == BURIED_MAX {
            self.buried.pop_front();
        }
        self.buried.push_back((peer, heartbeat));
    }

    /// True if nothing newer than `heartbeat` is known of a peer than that it is gone.
    pub(super) fn is_buried(&self, peer: PeerId, heartbeat: Heartbeat) -> bool {
        self.buried.iter().any(|&(other, since)| other == peer && since >= heartbeat)
    }

    pub(super) fn tell(&mut self, tuple: Tuple, rounds: u8) {
        if self.fresh.len() == FRESH_MAX {
            self.fresh.pop_front();
        }
        self.fresh.push_back((tuple, rounds));
    }

    pub(super) fn tell_goodbye(&mut self, news: News, rounds: u8) {
        if self.goodbyes.len() < FRESH_MAX {
            self.goodbyes.push((news, rounds));
        }
    }
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "whom it was sent to and when, and what the variant says")]
pub enum Pending {
    /// A question of this peer's own.
    Ask(Search),
    /// A request for contacts.
    Introduce { to: PeerId },
    /// A newcomer's request to a member of its group.
    GetGroup { to: PeerId },
    /// Is it there, and how far away?
    Ping { to: PeerId, sent: Time },
    /// A filetuple to be stored; `tried`: so many contacts did not answer.
    Insert { to: PeerId, item: ItemId, tried: u8 },
}

/// A lookup and how far it has come.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub(super) key: Key,
    pub(super) lookup: LookupId,
    pub(super) purpose: Purpose,
    /// Who is being asked, and for what.
    pub(super) at: PeerId,
    pub(super) goal: Goal,
    pub(super) sent: Time,
    pub(super) began: Time,
    /// Links from the origin to `at`, in the tree of referrals.
    pub(super) depth: u8,
    /// Who has been asked.
    pub(super) asks: u8,
    pub(super) tried: [PeerId; TRIES_MAX as usize],
    /// Homenodes of the value, how many of them are still to be asked, the last one first, and how far they are from the origin.
    pub(super) homes: [PeerId; HOMES_MAX as usize],
    pub(super) homes_left: u8,
    pub(super) home_depth: u8,
}

impl Search {
    pub(super) fn has_tried(&self, peer: PeerId) -> bool {
        self.tried[..usize::from(self.asks)].contains(&peer)
    }
}

/// What a lookup is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A key's owner.
    Key,
    /// A peer.
    Peer(PeerId),
    /// An item's holders.
    Item,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key => Goal::Owner,
            Self::Peer(_) => Goal::Peer,
            Self::Item => Goal::Holders,
        }
    }
}

impl KelipsPeer {
    pub(super) fn new(id: PeerId, group: u32) -> Self {
        Self {
            view: View::default(),
            contacts: Contacts::default(),
            tuples: Records::default(),
            extra: None,
            id,
            group,
            rounds: 0,
            cursor: 0,
            candidate: None,
            active: false,
            announced: false,
            ticking: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// The member of this peer's own group that is closest to a key, as far as it knows.
    pub(super) fn closest(&self, numbering: Numbering, key: Key) -> PeerId {
        let members = self.view.list().iter().map(|known| known.peer).chain([self.id]);
        members.min_by_key(|&peer| closeness(key, numbering.key(peer))).unwrap_or(self.id)
    }
}

// For measurement and tests.
impl KelipsPeer {
    /// Its affinity group.
    pub fn group(&self) -> u32 {
        self.group
    }

    /// The other members of its group that it knows, in the order of their numbers.
    pub fn members(&self) -> impl Iterator<Item = PeerId> {
        self.view.list().iter().map(|known| known.peer)
    }

    /// Its contacts in a group.
    pub fn contacts_in(&self, group: u32) -> impl Iterator<Item = PeerId> {
        self.contacts.of(group).map(|known| known.peer)
    }

    /// True if it is a member: it answers, and gossips.
    pub fn is_member(&self) -> bool {
        self.active
    }

    /// The filetuples that it keeps.
    pub fn filetuples(&self) -> &Records {
        &self.tuples
    }

    /// The values that it is a homenode of, where peers keep values.
    pub fn values(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.values)
    }

    pub(super) fn state_bytes(&self) -> usize {
        let extra = self.extra.as_deref().map_or(0, |extra| {
            // Whoever keeps no values has no list of them.
            size_of::<Extra>() - size_of::<Records>()
                + extra.buried.len() * size_of::<(PeerId, Heartbeat)>()
                + extra.goodbyes.len() * size_of::<(News, u8)>()
                + extra.fresh.len() * size_of::<(Tuple, u8)>()
                + (extra.removed.len() + extra.values.len()) * size_of::<Record>()
                + extra.publisher.bytes()
                + extra.unplaced.len() * size_of::<ItemId>()
        });
        let known = size_of_val(self.view.list()) + self.contacts.bytes();
        size_of::<Self>() + known + self.tuples.len() * size_of::<Record>() + extra
    }

    /// The view is in order and of this peer's group; contacts are of the groups that they stand for, none twice; nobody has itself.
    pub(super) fn check(&self, group_of: impl Fn(PeerId) -> u32) -> Result<(), String> {
        let view = self.view.list();
        if !view.windows(2).all(|pair| pair[0].peer < pair[1].peer) {
            return Err(format!("{:?}: its view is out of order", self.id));
        }
        if let Some(wrong) = view.iter().find(|known| known.peer == self.id || group_of(known.peer) != self.group) {
            return Err(format!("{:?} of group {} has {:?} in its view", self.id, self.group, wrong.peer));
        }
        for slot in 0..self.contacts.capacity() {
            let Some(contact) = self.contacts.at(slot) else { continue };
            let group = (slot / self.contacts.per_group()) as u32;
            let twice = self.contacts.of(group).filter(|known| known.peer == contact.peer).count() > 1;
            if group == self.group || group_of(contact.peer) != group || twice {
                return Err(format!("{:?} of group {} has {:?} as a contact in group {group}", self.id, self.group, contact.peer));
            }
        }
        Ok(())
    }
}

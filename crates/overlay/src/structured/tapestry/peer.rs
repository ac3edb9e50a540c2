//! What one peer knows, and the decisions that need nothing else.

use peerlab_model::{Key, LookupId, Numbering, PeerId, Span, Time, Token};

use super::backpointers::Backpointers;
use super::config::TapestryConfig;
use super::message::{Goal, Query};
use super::table::{Link, Table};
use crate::publisher::Publisher;
use crate::records::Records;
use crate::structured::dead::Dead;
use crate::structured::newcomers::Newcomers;
use crate::structured::prefix::{digit, place, shared_digits};
use crate::structured::trips::Trip;

/// One peer of a Tapestry network.
#[derive(Clone, Debug)]
pub struct TapestryPeer {
    pub(super) table: Table,
    pub(super) back: Backpointers,
    /// What most peers do not need: pointers to objects, the attempts to join, contacts that are being checked.
    pub(super) extra: Option<Box<Extra>>,
    pub(super) id: PeerId,
    /// The link to probe next.
    pub(super) next_probe: u16,
    /// The level to refresh next.
    pub(super) next_level: u8,
    /// It is a member: it answers, and routes.
    pub(super) active: bool,
    /// All that need to know of it do, so that questions for its keys reach it: the world knows that it has joined.
    pub(super) announced: bool,
    /// Its periodic timers run.
    pub(super) ticking: bool,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "whom it was sent to and when, and what the variant says")]
pub enum Pending {
    /// A question of anybody's that was passed on; `patient`: its timeout is the long one.
    Hop { to: PeerId, query: Query, sent: Time, patient: bool },
    /// A question of this peer's own.
    Own { query: Query, purpose: Purpose, tries: u8 },
    /// A question that was redirected to a holder.
    Redirect { to: PeerId, query: Query },
    /// Is it there, and how far away?
    Probe { to: PeerId, sent: Time, why: Why },
    /// A request for links.
    Pointers { of: PeerId, want: Want },
    /// A newcomer's request to be made known.
    Insert { to: PeerId },
    /// Word of a newcomer, for a slot: part of the multicast `run`. Whether it was received, and whether the long wait has begun.
    Multicast { to: PeerId, run: u32, slot: u16, received: bool, waiting: bool },
    /// A value to be stored.
    Store { to: PeerId },
}

/// What a peer wants to know by a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Whether a neighbour is alive.
    Heartbeat,
    /// Whether a peer that others know is alive, and how far away, before it comes into the table.
    Candidate,
    /// Whether a link is dead that kept silent for a short while.
    Suspicion,
    /// A newcomer looks for its nearest neighbours.
    Join,
}

/// What a peer wants with others' links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// To refresh a level.
    Refresh,
    /// To fill a slot: the how-manieth attempt.
    Repair(u16, u8),
    /// The next level of a newcomer's search.
    Join,
}

/// What a peer does with the answer to its own question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Lookup of a key.
    Key,
    /// Lookup of a peer.
    Peer(PeerId),
    /// Lookup of an item.
    Item,
    /// To become a member.
    Join,
    /// To see whether others would be its surrogate that it does not know.
    Locate,
    /// To publish an item.
    Publish,
    /// To take that back.
    Withdraw,
    /// To offer what this peer keeps to the root.
    Offer,
}

impl Purpose {
    pub(super) fn goal(self) -> Goal {
        match self {
            Self::Key | Self::Peer(_) => Goal::Owner,
            Self::Item => Goal::Providers,
            Self::Join => Goal::Join,
            Self::Locate => Goal::Locate,
            Self::Publish => Goal::Publish,
            Self::Withdraw => Goal::Withdraw,
            // It leaves nothing on the way.
            Self::Offer => Goal::Root,
        }
    }
}

/// The parts of a peer that most do without.
#[derive(Clone, Debug, Default)]
pub(super) struct Extra {
    /// Contacts that a probe is on its way to.
    pub(super) checking: Vec<PeerId>,
    /// Who did not answer lately.
    pub(super) dead: Dead,
    /// Pointers to objects whose way to the root leads through here.
    pub(super) records: Records,
    /// What it has to publish.
    pub(super) publisher: Publisher,
    /// The other newcomers, before it is a member.
    pub(super) newcomers: Newcomers,
    /// A newcomer's search for its nearest neighbours.
    pub(super) search: Option<Box<Search>>,
    /// Multicasts that this peer waits for.
    pub(super) multicasts: Vec<Multicast>,
    /// The number of the next one.
    pub(super) next_run: u32,
}

/// A newcomer's search for its nearest neighbours, from the highest level down (Hildrum et al. 2002, Fig. 4).
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// The level whose peers are being looked for.
    pub(super) level: usize,
    /// Answers that are still open.
    pub(super) waiting: u16,
    /// Those who answered, with their round trips.
    pub(super) known: Vec<(Span, PeerId)>,
    /// Those to be measured.
    pub(super) fresh: Vec<PeerId>,
}

/// An acknowledged multicast, at one peer on its tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multicast {
    pub(super) run: u32,
    pub(super) newcomer: PeerId,
    /// Who wants to know when it is done: the peer above, or the newcomer itself.
    pub(super) parent: PeerId,
    /// Its token.
    pub(super) token: Token,
    /// Peers below that have not yet answered.
    pub(super) open: u16,
}

/// Where a question goes from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// To this neighbour; all links of its slot are suspects.
    Next { peer: PeerId, suspect: bool },
    /// Nowhere: this peer is the root, as far as it knows.
    Here,
}

impl TapestryPeer {
    pub(super) fn new(id: PeerId) -> Self {
        Self {
            table: Table::default(),
            back: Backpointers::default(),
            extra: None,
            id,
            next_probe: 0,
            next_level: 0,
            active: false,
            announced: false,
            ticking: false,
        }
    }

    pub(super) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Where a peer belongs in the table; nowhere if it is this one.
    #[inline]
    pub(super) fn slot_of(&self, numbering: Numbering, bits: u32, peer: PeerId) -> Option<u16> {
        let (level, digit) = place(numbering.key(self.id), numbering.key(peer), bits)?;
        Some((level << bits | digit) as u16)
    }

    pub(super) fn link(&self, numbering: Numbering, bits: u32, peer: PeerId) -> Option<&Link> {
        self.table.get(self.slot_of(numbering, bits, peer)?, peer)
    }

    /// Surrogate routing (Zhao et al. 2004, Fig. 3): at each level the slot of the key's digit, or else the next one, cyclically, that is
    /// not empty; this peer's own digit leads to the next level. Contacts for which `avoid` holds count as absent.
    ///
    /// Every hop begins at level 0 again: so it comes strictly closer to the root in the order of digits after the key's, and no tables, however
    /// inconsistent, can lead a question in circles.
    #[inline]
    pub(super) fn route(&self, numbering: Numbering, bits: u32, key: Key, avoid: impl Fn(PeerId) -> bool) -> Route {
        let this = numbering.key(self.id);
        let levels = self.table.levels(bits);
        for level in shared_digits(this, key, bits)..levels {
            let (own, wanted) = (digit(this, level, bits) as u32, digit(key, level, bits) as u32);
            let first = (level as u32) << bits;
            // The slots from the wanted digit up to this peer's own, the long way round if need be.
            let parts = if wanted <= own { [wanted..own, 0..0] } else { [wanted..1 << bits, 0..own] };
            for part in parts {
                let mut from = first + part.start;
                while let links = self.table.first_slot(from..first + part.end)
                    && let Some(primary) = links.first()
                {
                    let fits = |link: &&Link| !avoid(link.peer);
                    if let Some(link) = links.iter().filter(fits).find(|link| !link.suspect).or_else(|| links.iter().find(fits)) {
                        return Route::Next { peer: link.peer, suspect: link.suspect };
                    }
                    from = u32::from(primary.slot) + 1;
                }
            }
        }
        Route::Here
    }

    /// Who becomes the root of a key that this peer is the root of, when it goes: of those with the longest prefix in common, whoever comes
    /// next in surrogate routing.
    pub(super) fn heir(&self, bits: u32, key: Key) -> Option<PeerId> {
        let level = self.table.levels(bits).checked_sub(1)?;
        let (first, wanted) = ((level as u32) << bits, digit(key, level, bits) as u32);
        let after = self.table.first_slot(first + wanted..first + (1 << bits));
        let slot = if after.is_empty() { self.table.first_slot(first..first + wanted) } else { after };
        slot.first().map(|link| link.peer)
    }
}

// For measurement and tests.
impl TapestryPeer {
    /// The links of a slot, the primary first, with `b` bits a digit.
    pub fn slot(&self, level: usize, digit: usize, b: u8) -> Vec<PeerId> {
        self.table.slot((level << b | digit) as u16).iter().map(|link| link.peer).collect()
    }

    /// How many levels have a link.
    pub fn levels(&self, b: u8) -> usize {
        self.table.levels(u32::from(b))
    }

    /// The peers that have this one among their links, as far as it knows, in the order of their numbers.
    pub fn backpointers(&self) -> &[PeerId] {
        self.back.list()
    }

    /// The smoothed round trip to a neighbour, if it has been measured.
    pub fn round_trip(&self, neighbour: PeerId) -> Option<Span> {
        let link = self.table.links().iter().find(|link| link.peer == neighbour)?;
        link.trip().map(Trip::mean)
    }

    /// True if it is a member: it answers, and routes.
    pub fn is_member(&self) -> bool {
        self.active
    }

    /// The pointers that it keeps, its own among them.
    pub fn records(&self) -> Option<&Records> {
        self.extra.as_deref().map(|extra| &extra.records)
    }

    pub(super) fn state_bytes(&self) -> usize {
        let extra = self.extra.as_deref().map_or(0, |extra| {
            size_of::<Extra>()
                + extra.records.len() * size_of::<crate::records::Record>()
                + extra.publisher.bytes()
                + extra.dead.bytes()
                + extra.checking.len() * size_of::<PeerId>()
                + extra.multicasts.len() * size_of::<Multicast>()
                + extra.search.as_deref().map_or(0, |search| search.known.len() * 16 + search.fresh.len() * size_of::<PeerId>())
        });
        size_of::<Self>() + self.table.bytes() + self.back.bytes() + extra
    }

    /// Links lie in their own slots, in order, no more than c in each; nobody links to itself.
    pub(super) fn check(&self, numbering: Numbering, config: &TapestryConfig) -> Result<(), String> {
        let links = self.table.links();
        for group in links.chunk_by(|a, b| a.slot == b.slot) {
            if group.len() > config.links() {
                return Err(format!("{:?} has {} links in slot {}", self.id, group.len(), group[0].slot));
            }
            let distance = |link: &Link| link.trip().map_or(u32::MAX, Trip::mean_us);
            if config.proximity && !group.is_sorted_by_key(distance) {
                return Err(format!("{:?}: the links of slot {} are not in order: {group:?}", self.id, group[0].slot));
            }
        }
        for link in links {
            if self.slot_of(numbering, config.bits(), link.peer) != Some(link.slot) {
                return Err(format!("{:?} has {:?} in slot {}", self.id, link.peer, link.slot));
            }
        }
        if !links.is_sorted_by_key(|link| link.slot) {
            return Err(format!("{:?}: slots are out of order", self.id));
        }
        let back = self.back.list();
        if !back.is_sorted() || back.contains(&self.id) {
            return Err(format!("{:?}: backpointers are {back:?}", self.id));
        }
        Ok(())
    }
}

/// Stands in messages of maintenance where a lookup's number would be.
pub(super) const NO_LOOKUP: LookupId = LookupId { origin: 0, number: 0 };

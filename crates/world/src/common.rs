//! What all hosts of a run share, and what a peer finds on its own machine.

use std::sync::{Arc, RwLock};

use peerlab_engine::random::{Rng, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::{Host, HostId, ItemId, Key, Overlay, PeerId, Setting, Target, Targets, Word};
use peerlab_network::Network;
use peerlab_transfer::Plan;
use peerlab_workload::{Classes, Holdings, Lifetimes, Questions, RumoursConfig, Shelves, Words};

use crate::adversaries::{Adversaries, Conduct};
use crate::schedule::Schedule;
use crate::takedown::Refusals;

/// What all shards of a run read and none writes.
#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of each other")]
pub(crate) struct Common<O> {
    pub(crate) overlay: O,
    pub(crate) setting: Setting,
    pub(crate) network: Network,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) questions: Option<Questions>,
    pub(crate) holdings: Holdings,
    pub(crate) rumours: Option<RumoursConfig>,
    /// The names of the items, where somebody asks by keyword.
    pub(crate) words: Option<Arc<Words>>,
    pub(crate) streams: Streams,
    pub(crate) classes: Arc<Classes>,
    /// Messages per second that a host of each class can handle.
    pub(crate) capacities: Box<[Option<f64>]>,
    /// The same of each dedicated server.
    pub(crate) servers: Box<[Option<f64>]>,
    /// Written between windows only.
    pub(crate) schedule: RwLock<Schedule>,
    /// Hosts that cheat, where some do.
    pub(crate) adversaries: Option<Adversaries>,
    /// By event of the timeline, the item that it is about.
    pub(crate) crowds: Box<[ItemId]>,
    /// How content is moved, where it is.
    pub(crate) plan: Option<Arc<Plan>>,
    /// True if machines that return still have the values that they kept for others.
    pub(crate) disks_are_kept: bool,
    /// True if values are published once, and not again.
    pub(crate) publishes_once: bool,
    /// True if each life has an identity of its own.
    pub(crate) new_identities: bool,
    /// How long a machine computes for an identity.
    pub(crate) identity_cost: Span,
    /// True if there are questions for the owners of keys.
    pub(crate) asks_for_owners: bool,
    /// What the model can be asked for.
    pub(crate) targets: Targets,
}

impl<O> Common<O> {
    /// What is on the disk that a peer publishes from, or what its host says is: its host's for the first peer of a host, nothing for the others.
    pub(crate) fn disk<'s>(&'s self, shelves: &'s Shelves, seat: u32, conduct: Option<Conduct<'s>>) -> &'s [ItemId] {
        let numbering = &self.setting.numbering;
        let host = numbering.host_of(seat);
        if seat != numbering.first_seat(host) {
            return &[];
        }
        conduct.and_then(|conduct| conduct.claims(host)).unwrap_or_else(|| shelves.items(&self.holdings, host))
    }

    /// How a host has always cheated, if it has.
    pub(crate) fn initial_conduct(&self, host: HostId) -> Option<Conduct<'_>> {
        let adversaries = self.adversaries.as_ref()?;
        adversaries.conduct(*adversaries.initial.get(&host.0)?)
    }

    /// What is to be asked for so that a host's first peer answers: its name, or else its place; nothing where nobody can be asked for.
    pub(crate) fn named(&self, host: HostId) -> Option<Target> {
        let numbering = &self.setting.numbering;
        let peer = numbering.peer(numbering.first_seat(host), 0);
        match self.targets {
            Targets { peer: true, .. } => Some(Target::Peer(peer)),
            Targets { key: true, .. } => Some(Target::Key(numbering.key(peer))),
            _ => None,
        }
    }

    /// True if this host moves content and is no member of the overlay, nor one of its servers.
    pub(crate) fn is_apart(&self, host: HostId) -> bool {
        host.0 >= self.setting.numbering.population() + self.servers.len() as u32
    }

    /// Messages per second that the machine of a peer can handle.
    pub(crate) fn capacity(&self, peer: PeerId) -> Option<f64> {
        let host = self.setting.numbering.host(peer);
        let server = host.0.checked_sub(self.setting.numbering.population());
        match server {
            Some(server) => self.servers.get(server as usize).copied().flatten(),
            None => self.capacities.get(self.classes.of(host)).copied().flatten(),
        }
    }
}

/// The machines of a shard: what peers find on them, and who runs them.
pub(crate) struct Machines<O> {
    pub(crate) common: Arc<Common<O>>,
    /// The first host.
    pub(crate) first: u32,
    /// What is on their disks.
    pub(crate) shelves: Shelves,
    /// Takedowns in force.
    pub(crate) refusals: Refusals,
    /// By host, the number of the table of adversaries that it belongs to; 0 for the honest. Empty where all are.
    pub(crate) turned: Vec<u8>,
}

impl<O> Machines<O> {
    /// The place of one of its hosts in whatever lists them all.
    #[inline]
    pub(crate) fn place(&self, host: HostId) -> usize {
        (host.0 - self.first) as usize
    }

    /// How a host cheats, if it does.
    #[inline]
    pub(crate) fn conduct(&self, host: HostId) -> Option<Conduct<'_>> {
        let table = *self.turned.get(self.place(host))?;
        self.common.adversaries.as_ref()?.conduct(table)
    }
}

impl<O: Overlay> Host for Machines<O> {
    fn shares(&self, peer: PeerId) -> &[ItemId] {
        if self.common.publishes_once {
            return &[];
        }
        let numbering = &self.common.setting.numbering;
        self.common.disk(&self.shelves, numbering.seat(peer), self.conduct(numbering.host(peer)))
    }

    fn originals(&self, peer: PeerId) -> &[ItemId] {
        let numbering = &self.common.setting.numbering;
        let (seat, host) = (numbering.seat(peer), numbering.host(peer));
        let has_disk = !self.common.publishes_once && seat == numbering.first_seat(host);
        if has_disk { self.common.holdings.items(host) } else { &[] }
    }

    fn proves(&self, peer: PeerId, item: ItemId) -> bool {
        self.common.disk(&self.shelves, self.common.setting.numbering.seat(peer), None).binary_search(&item).is_ok()
    }

    fn words(&self, item: ItemId) -> &[Word] {
        self.common.words.as_ref().map_or(&[], |words| words.of(item))
    }

    fn bootstrap(&self, asker: PeerId, now: Time, rng: &mut Rng) -> Option<PeerId> {
        let numbering = &self.common.setting.numbering;
        let schedule = self.common.schedule.read().expect("nobody panics while writing the schedule");
        let own = numbering.host(asker);
        let Some(host) = schedule.random_online(own, now, rng, &self.common.lifetimes) else {
            // Nobody else is online: the peers of one host still find each other.
            let first = numbering.first_seat(own);
            return (numbering.seat(asker) != first).then(|| numbering.peer(first, 0));
        };
        let (first, peers) = (numbering.first_seat(host), numbering.peers_per_host());
        let seat = if peers == 1 { first } else { first + rng.below(u64::from(peers)) as u32 };
        // An address is all that a list of peers gives: who lives there says so itself.
        Some(numbering.peer(seat, 0))
    }

    fn capacity(&self, peer: PeerId) -> Option<f64> {
        self.common.capacity(peer)
    }

    fn refuses(&self, peer: PeerId, key: Key) -> bool {
        self.refusals.has(self.common.setting.numbering.host(peer), key)
    }
}

//! The judge's knowledge: who is online and a member, who holds what, as it really is.
//!
//! It is advanced note by note, in the order of the events, and stands outside the run: nothing of it reaches a peer.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use peerlab_engine::time::Time;
use peerlab_model::{HostId, ItemId, Key, Keywords, Numbering, Overlay, PeerId, Role, Roster, Setting, Target};
use peerlab_workload::{Holdings, Shelves, TargetKind, Words};

use crate::claims::Claims;

/// The true state of the world.
pub(crate) struct Truth {
    numbering: Numbering,
    /// By host, servers included.
    online: Vec<bool>,
    /// Members by key; kept only where somebody asks for owners.
    members: Option<Roster>,
    items: Vec<Presence>,
    /// Of servers that hold every item; nothing in models that have none.
    origins: Option<Presence>,
    /// What is on the disks.
    shelves: Shelves,
    /// By server: it holds every item.
    holds_all: Vec<bool>,
    /// The items' names, where somebody asks by keyword.
    words: Option<Arc<Words>>,
    /// By item, where peers keep values: whether it has been published.
    published: Vec<bool>,
    /// What peers answer for, in models in which that depends on what has happened.
    pub(crate) claims: Claims,
    /// By host, where somebody asks for peers: when it was last online, if it is not.
    seen: Vec<Time>,
    /// Hosts of the population that are online.
    population_online: u32,
    /// Host-nanoseconds online in the measured time, up to `counted`.
    online_nanos: u128,
    counted: Time,
    /// Departures in the measured time.
    pub(crate) departures: u64,
}

/// The truth of a run: it is written between windows only, and every shard may read it when one is over.
#[derive(Clone)]
pub(crate) struct SharedTruth(Arc<RwLock<Truth>>);

impl SharedTruth {
    pub(crate) fn new(truth: Truth) -> Self {
        Self(Arc::new(RwLock::new(truth)))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Truth> {
        self.0.read().expect("nobody panics while writing down what is true")
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Truth> {
        self.0.write().expect("nobody panics while writing down what is true")
    }
}

/// How long an item has been there, or since when it has not.
#[derive(Clone, Copy, Debug)]
struct Presence {
    holders: u32,
    /// The last instant at which somebody who holds it was online, if nobody is.
    last: Time,
}

impl Truth {
    /// Keeps only what answers to `asks` are judged by.
    pub(crate) fn new(setting: &Setting, roles: &[Role], asks: Option<TargetKind>, words: Option<Arc<Words>>, begin: Time) -> Self {
        let numbering = setting.numbering;
        let population = numbering.population() as usize;
        let (needs_members, needs_seen) = (asks == Some(TargetKind::Key), asks == Some(TargetKind::Peer));
        let holds_all: Vec<bool> = roles.iter().map(|role| role.holds_all).collect();
        let (items, values) = if setting.keeps_values() { (0, setting.items) } else { (setting.items, 0) };
        Self {
            numbering,
            online: vec![false; numbering.hosts() as usize],
            members: needs_members.then(|| Roster::new(0)),
            items: vec![Presence { holders: 0, last: Time::MIN }; items as usize],
            shelves: Shelves::default(),
            origins: holds_all.contains(&true).then_some(Presence { holders: 0, last: Time::MIN }),
            holds_all,
            words,
            published: vec![false; values as usize],
            claims: Claims::default(),
            seen: if needs_seen { vec![Time::MIN; population] } else { Vec::new() },
            population_online: 0,
            online_nanos: 0,
            counted: begin,
            departures: 0,
        }
    }

    /// A host came online, with its first peer `peer`.
    pub(crate) fn came(&mut self, peer: PeerId, at: Time, holdings: &Holdings) {
        self.count_until(at);
        let host = self.numbering.host(peer);
        self.online[host.0 as usize] = true;
        if !self.numbering.is_server(peer) {
            self.population_online += 1;
        }
        if let Some(origins) = self.origins_with(peer) {
            origins.holders += 1;
        }
        for item in self.counted_items(host, holdings) {
            self.items[item].holders += 1;
        }
    }

    /// A peer became a member, and publishes what it has.
    pub(crate) fn joined(&mut self, peer: PeerId, holdings: &Holdings) {
        self.publishes(peer, holdings);
        if let Some(members) = self.members.as_mut().filter(|_| !self.numbering.is_server(peer)) {
            members.insert(self.numbering.key(peer), peer);
        }
    }

    /// A peer has published the values that it is to publish.
    pub(crate) fn publishes(&mut self, peer: PeerId, holdings: &Holdings) {
        if !self.published.is_empty() {
            let host = self.numbering.host(peer);
            let is_first = self.numbering.seat(peer) == self.numbering.first_seat(host);
            for item in self.shelves.items(holdings, host).iter().filter(|_| is_first) {
                self.published[item.0 as usize] = true;
            }
        }
    }

    /// The values that have been published.
    pub(crate) fn values(&self) -> impl Iterator<Item = ItemId> {
        (0..).zip(&self.published).filter(|(_, published)| **published).map(|(item, _)| ItemId(item))
    }

    /// These are the members at the start.
    pub(crate) fn all_joined(&mut self, members: Roster) {
        if self.members.is_some() {
            self.members = Some(members);
        }
    }

    /// A host went offline, with its first peer `peer` and all others.
    pub(crate) fn went(&mut self, peer: PeerId, at: Time, holdings: &Holdings) {
        self.count_until(at);
        let host = self.numbering.host(peer);
        self.online[host.0 as usize] = false;
        if !self.numbering.is_server(peer) {
            self.population_online -= 1;
            self.departures += u64::from(at >= Time::ZERO);
            if let Some(seen) = self.seen.get_mut(host.0 as usize) {
                *seen = at;
            }
        }
        for peer in self.numbering.household(peer) {
            self.claims.end(peer);
            if let Some(members) = &mut self.members {
                members.remove(self.numbering.key(peer), peer);
            }
        }
        let gone = |presence: &mut Presence| (presence.holders, presence.last) = (presence.holders - 1, at);
        if let Some(origins) = self.origins_with(peer) {
            gone(origins);
        }
        for item in self.counted_items(host, holdings) {
            gone(&mut self.items[item]);
        }
    }

    /// A host of the population has got an item, or has it no longer.
    pub(crate) fn shelved(&mut self, host: HostId, item: ItemId, holds: bool, at: Time, holdings: &Holdings) {
        self.shelves.set(holdings, host, item, holds);
        let Some(presence) = self.items.get_mut(item.0 as usize).filter(|_| self.online[host.0 as usize]) else { return };
        if holds {
            presence.holders += 1;
        } else {
            (presence.holders, presence.last) = (presence.holders - 1, at);
        }
    }

    /// True if this is a server that holds every item.
    fn is_origin(&self, peer: PeerId) -> bool {
        let server = self.numbering.host(peer).0.checked_sub(self.numbering.population());
        server.is_some_and(|server| self.holds_all[server as usize])
    }

    /// The count that this peer belongs to if it is a server that holds every item.
    fn origins_with(&mut self, peer: PeerId) -> Option<&mut Presence> {
        if self.is_origin(peer) { self.origins.as_mut() } else { None }
    }

    /// The items of a host, as indices; none where content does not count.
    fn counted_items(&self, host: HostId, holdings: &Holdings) -> Vec<usize> {
        if self.items.is_empty() { Vec::new() } else { self.shelves.items(holdings, host).iter().map(|item| item.0 as usize).collect() }
    }

    /// Integrates the number of hosts online.
    pub(crate) fn count_until(&mut self, now: Time) {
        let from = self.counted.max(Time::ZERO);
        self.online_nanos += u128::from(now.since(from).nanos()) * u128::from(self.population_online);
        self.counted = self.counted.max(now);
    }

    /// Host-seconds online in the measured time so far.
    pub(crate) fn online_seconds(&self) -> f64 {
        self.online_nanos as f64 / 1e9
    }

    /// Holders that are online, by item; nothing where content does not count.
    pub(crate) fn copies(&self) -> Vec<u32> {
        self.items.iter().map(|presence| presence.holders).collect()
    }

    /// True if a disk is no longer what it was at the start.
    pub(crate) fn disks_have_changed(&self) -> bool {
        self.shelves.have_changed()
    }

    /// Hosts of the population that are online now.
    pub(crate) fn population_online(&self) -> u32 {
        self.population_online
    }

    /// Which hosts of the population are online now.
    pub(crate) fn population(&self) -> &[bool] {
        &self.online[..self.numbering.population() as usize]
    }

    /// True if no machine is offline.
    pub(crate) fn everybody_is_online(&self) -> bool {
        !self.online.contains(&false)
    }

    /// True if the machine that this identity lived on is online.
    pub(crate) fn is_online(&self, peer: PeerId) -> bool {
        self.online[self.numbering.host(peer).0 as usize]
    }

    /// All items that match, whoever has them.
    fn matching(&self, keywords: Keywords) -> impl Iterator<Item = ItemId> {
        self.words.iter().flat_map(move |words| words.matching(keywords))
    }

    /// True if somebody who has the item is online.
    fn is_there(&self, item: ItemId) -> bool {
        self.existing(Target::Item(item)) > 0
    }

    /// Right answers that exist now: holders of an item, or items that match and of which a holder is online.
    pub(crate) fn existing(&self, target: Target) -> u32 {
        match target {
            // Where servers have it all, nobody asks the peers that have copies.
            Target::Item(item) => self.origins.or_else(|| self.items.get(item.0 as usize).copied()).map_or(1, |presence| presence.holders),
            Target::Keywords(keywords) => self.matching(keywords).filter(|&item| self.is_there(item)).count() as u32,
            Target::Peer(peer) => u32::from(self.is_online(peer)),
            _ => 1,
        }
    }

    /// True if `answer` is right at this moment.
    pub(crate) fn is_right<O: Overlay>(
        &self,
        overlay: &O,
        holdings: &Holdings,
        target: Target,
        answer: PeerId,
        item: Option<ItemId>,
    ) -> bool {
        match target {
            Target::Keywords(keywords) => item.is_some_and(|item| {
                let matches = self.words.as_ref().is_some_and(|words| keywords.are_in(words.of(item)));
                matches && self.is_right(overlay, holdings, Target::Item(item), answer, None)
            }),
            // A value is in the origin's hands when its keeper has answered.
            Target::Item(item) if !self.published.is_empty() => self.published[item.0 as usize],
            Target::Item(item) => {
                let host = self.numbering.host(answer);
                self.is_online(answer) && (self.is_origin(answer) || self.shelves.has(holdings, host, item))
            }
            Target::Peer(peer) => self.is_online(answer) && self.numbering.seat(answer) == self.numbering.seat(peer),
            Target::Key(key) => self.owner(overlay, key) == Some(answer) || self.claims.is_owner(answer, key),
            _ => false,
        }
    }

    /// Who owns this key will be asked soon (`near`: very soon). A hint.
    #[inline]
    pub(crate) fn prefetch(&self, target: Target, near: bool) {
        match (target, &self.members) {
            (Target::Key(key), Some(members)) if near => members.prefetch_behind(key),
            (Target::Key(key), Some(members)) => members.prefetch(key),
            _ => {}
        }
    }

    fn owner<O: Overlay>(&self, overlay: &O, key: Key) -> Option<PeerId> {
        overlay.owner(self.members.as_ref()?, key)
    }

    /// True if nothing that could be found for `target` was online at any moment since `since`.
    pub(crate) fn absent_since(&self, target: Target, since: Time) -> bool {
        match target {
            // A value that has got lost could have been kept.
            Target::Item(item) if !self.published.is_empty() => !self.published[item.0 as usize],
            Target::Item(item) => {
                let absent = |presence: Presence| presence.holders == 0 && presence.last < since;
                absent(self.items[item.0 as usize]) && self.origins.is_none_or(absent)
            }
            Target::Keywords(keywords) => self.matching(keywords).all(|item| self.absent_since(Target::Item(item), since)),
            // When peers were seen is known only where somebody's lookups ask for them.
            Target::Peer(peer) => {
                let seen = self.seen.get(self.numbering.host(peer).0 as usize);
                !self.is_online(peer) && seen.is_none_or(|&seen| seen < since)
            }
            _ => false,
        }
    }
}

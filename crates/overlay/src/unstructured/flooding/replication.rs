//! Copies of what has been found: who keeps one, and what gives way to it.
//!
//! The peer that asked asks the holder of its first hit for the item. `owner`: it alone gets a copy, as in Gnutella. `path`: the copy goes back from
//! peer to peer, each to the one that the walk first came from, and each keeps one. `random`: peers that have checked back with the origin are told
//! where the item is, as many as make the number of copies that of the path's links, and get it there. Nobody waits for a copy, so one that is lost is
//! only that.
//!
//! A peer keeps for good what was on its disk at the start; of copies it keeps so many, and a new one takes the place of a random one or of the
//! oldest. Both let copies die at an age that does not depend on the item, which is what makes path replication tend to the square-root allocation; a
//! disk that keeps what is asked for (LRU, LFU) lets popular items live longer, and leads away from it (Cohen & Shenker 2002, section 5).
//!
//! # Cost
//! 4 bytes a copy; `path`: 16 bytes for each question whose walkers came by, while it is remembered.

use peerlab_model::units::Size;
use peerlab_model::{Context, Issues, ItemId, LookupId, PeerId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::message::FloodingMessage;
use super::{FloodingLike, FloodingPeer, Variant};

type Cx<'a, V> = Context<'a, FloodingLike<V>>;

/// Copies of what has been found (Lv et al. 2002, section 5; Cohen & Shenker 2002).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplicationConfig {
    /// Who keeps a copy: "owner", the peer that asked; "path", all peers on the way from it to the holder; "random", as many, drawn among those that
    /// walkers have checked back from. Default: "path".
    pub strategy: Strategy,
    /// Copies that a peer keeps, beside what was on its disk at the start: 1 at least. Default: 20.
    pub disk: u16,
    /// What gives way to a new copy on a full disk: "random", or "fifo", the oldest. Default: "random".
    pub evict: Evict,
    /// The size of a copy on the wire: 1 B to 2 GiB. Default: 1 MiB.
    pub copy_size: Size,
}

/// Who keeps a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The peer that asked.
    Owner,
    /// Each peer on the way back to the one that asked.
    Path,
    /// The peer that asked, and others that walkers have been at.
    Random,
}

/// What gives way to a new copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evict {
    /// Any copy.
    Random,
    /// The oldest.
    Fifo,
}

impl Default for ReplicationConfig {
    fn default() -> Self {
        Self { strategy: Strategy::Path, disk: 20, evict: Evict::Random, copy_size: Size(1 << 20) }
    }
}

impl ReplicationConfig {
    /// Notes what cannot work, with paths relative to the table.
    pub(super) fn check(self, walks: bool, issues: &mut Issues) {
        issues.ensure(
            walks || self.strategy == Strategy::Owner,
            "strategy",
            "a flood is no path, and reaches too many for random ones: \"owner\" is what floods can do, the others need model = \"random-walk\"",
        );
        issues.ensure(self.disk >= 1, "disk", "a peer that keeps no copy cannot replicate: 1 is the least");
        let bytes = self.copy_size.0;
        issues.ensure((1..=1 << 31).contains(&bytes), "copy_size", format!("a copy has 1 B to 2 GiB, not {bytes} B"));
    }
}

impl<V: Variant> FloodingLike<V> {
    /// A walk comes by: where a copy would go back to is noted.
    pub(super) fn note_way(&self, peer: &mut FloodingPeer, cx: &Cx<'_, V>, id: LookupId, from: PeerId) {
        if self.replicates_by(Strategy::Path) {
            peer.seen.insert(id, from, cx.now(), self.memory);
        }
    }

    /// True if this is how copies spread.
    pub(super) fn replicates_by(&self, strategy: Strategy) -> bool {
        self.rules.replication.is_some_and(|replication| replication.strategy == strategy)
    }

    /// The first hit of this peer's own question: copies are sent for. `probed` are others that walkers have been at.
    pub(super) fn replicate(&self, cx: &mut Cx<'_, V>, id: LookupId, item: ItemId, holder: PeerId, hops: u16, mut probed: Vec<PeerId>) {
        let along = self.replicates_by(Strategy::Path);
        cx.send(holder, FloodingMessage::Fetch { id, item, along });
        // The peer that asked is one of the `hops` that get a copy on a path.
        let others = usize::from(hops).saturating_sub(1).min(probed.len());
        for at in 0..others {
            let drawn = at + cx.rng().index(probed.len() - at);
            probed.swap(at, drawn);
            if probed[at] != holder {
                cx.send(probed[at], FloodingMessage::Offer { id, item, holder });
            }
        }
    }

    /// Somebody is to have a copy of what this peer has.
    pub(super) fn fetched(&self, peer: &FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, id: LookupId, item: ItemId, along: bool) {
        let (Some(replication), true) = (self.rules.replication, cx.holds(item)) else { return };
        let left = if along { self.rules.walks.map_or(0, |walks| walks.ttl) } else { 0 };
        let to = if along { peer.seen.from(id, cx.now(), self.memory) } else { Some(from) };
        if let Some(to) = to {
            cx.send(to, FloodingMessage::Copy { id, item, bytes: replication.copy_size.0 as u32, left });
        }
    }

    /// A copy comes: it is kept, and goes on to where the walk came from.
    pub(super) fn copied(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, id: LookupId, item: ItemId, bytes: u32, left: u16) {
        self.keep(peer, cx, item);
        if left > 0
            && let Some(next) = peer.seen.from(id, cx.now(), self.memory)
        {
            cx.send(next, FloodingMessage::Copy { id, item, bytes, left: left - 1 });
        }
    }

    fn keep(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, item: ItemId) {
        let Some(replication) = self.rules.replication else { return };
        let numbering = cx.setting().numbering;
        let has_disk = numbering.seat(cx.this()) == numbering.first_seat(numbering.host(cx.this()));
        if !has_disk || cx.holds(item) {
            return;
        }
        let copies = peer.copies.get_or_insert_default();
        if copies.len() >= usize::from(replication.disk) {
            let at = match replication.evict {
                Evict::Random => cx.rng().index(copies.len()),
                Evict::Fifo => 0,
            };
            cx.discard(copies.remove(at));
        }
        copies.push(item);
        cx.acquire(item);
    }

    /// A peer that comes back finds its copies on its disk, and no longer knows which is the oldest.
    pub(super) fn find_copies(&self, peer: &mut FloodingPeer, cx: &Cx<'_, V>) {
        if self.rules.replication.is_some() {
            let originals = cx.originals();
            let copies: Vec<ItemId> = cx.shares().iter().copied().filter(|item| originals.binary_search(item).is_err()).collect();
            peer.copies = (!copies.is_empty()).then(|| Box::new(copies));
        }
    }
}

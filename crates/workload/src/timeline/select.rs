//! Whom an event takes.

use peerlab_engine::random::Rng;
use peerlab_model::{HostId, ItemId, Key};

use super::config::{EventConfig, Select};

/// What the selection may know of the hosts at the cut at which an event happens.
pub struct View<'a> {
    /// The class of a host, as an index into `peers.class`.
    pub class_of: &'a dyn Fn(HostId) -> usize,
    /// The names of the classes.
    pub classes: &'a [String],
    /// The region of a host.
    pub region_of: &'a dyn Fn(HostId) -> u32,
    /// What `highest-degree` and `highest-load` go by: a host's contacts, or the messages that it has handled.
    pub rank: &'a dyn Fn(Select, HostId) -> u64,
    /// True if a host holds an item.
    pub holds: &'a dyn Fn(HostId, ItemId) -> bool,
    /// The identifier of a host's first peer.
    pub key_of: &'a dyn Fn(HostId) -> Key,
}

impl EventConfig {
    /// Chooses from `candidates`, the hosts that the event can concern (those online; for `join` those offline; for
    /// `server-outage` the servers), given in ascending order. The result is in ascending order too.
    ///
    /// Draws from `rng` alone: give each event a generator of its own, so that one cannot shift what another chooses.
    pub fn select(&self, candidates: &[HostId], view: &View<'_>, rng: &mut Rng) -> Vec<HostId> {
        if let Some(peers) = &self.peers {
            return candidates.iter().copied().filter(|host| peers.contains(&host.0)).collect();
        }
        let select = self.whom();
        let mut pool: Vec<HostId> = match select {
            Select::Holders => candidates.iter().copied().filter(|&host| (view.holds)(host, self.item())).collect(),
            Select::Region => candidates.iter().copied().filter(|&host| Some((view.region_of)(host)) == self.region).collect(),
            Select::Class => {
                let class = view.classes.iter().position(|name| Some(name) == self.class.as_ref());
                candidates.iter().copied().filter(|&host| Some((view.class_of)(host)) == class).collect()
            }
            _ => candidates.to_vec(),
        };
        let wanted = match (self.share, self.count) {
            (Some(share), _) => (share * pool.len() as f64 + 0.5) as usize,
            (None, Some(count)) => count as usize,
            (None, None) => pool.len(),
        };
        if wanted < pool.len() {
            rng.shuffle(&mut pool);
            match select {
                // Stable, so that the shuffle decides among equals.
                Select::HighestDegree | Select::HighestLoad => {
                    pool.sort_by_cached_key(|&host| std::cmp::Reverse((view.rank)(select, host)));
                }
                Select::IdRange => {
                    pool.sort_by_cached_key(|&host| (view.key_of)(host));
                    let from = rng.index(pool.len());
                    pool.rotate_left(from);
                }
                Select::Random | Select::Holders | Select::Region | Select::Class => {}
            }
            pool.truncate(wanted);
            pool.sort_unstable();
        }
        pool
    }

    /// The group of each of `hosts` hosts (servers included) in a partition: `groups` random ones of equal size, or, without
    /// that key, 1 for the `chosen` and 0 for all others.
    pub fn partition(&self, hosts: u32, chosen: &[HostId], rng: &mut Rng) -> Vec<u8> {
        let mut of = vec![0; hosts as usize];
        match self.groups {
            Some(groups) => {
                for (host, group) in of.iter_mut().enumerate() {
                    *group = (host % groups.clamp(1, 256) as usize) as u8;
                }
                rng.shuffle(&mut of);
            }
            None => chosen.iter().for_each(|host| of[host.0 as usize] = 1),
        }
        of
    }
}

//! Whom an event takes.

use peerlab_engine::random::Rng;
use peerlab_model::HostId;

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
        let mut pool: Vec<HostId> = match self.select {
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
            if matches!(self.select, Select::HighestDegree | Select::HighestLoad) {
                // Stable, so that the shuffle decides among equals.
                pool.sort_by_cached_key(|&host| std::cmp::Reverse((view.rank)(self.select, host)));
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

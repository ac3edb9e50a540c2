//! The converged start: a network in which the strongest have come to serve.

use std::sync::Arc;

use peerlab_model::{PeerId, PeerTable, Rng, Start};

use super::SuperPeers;
use super::message::Table;
use super::peer::{Link, SuperPeer};
use crate::graph::random_regular;

/// The share of a super-peer's leaves that is taken when nobody comes or goes for long.
const TAKEN: f64 = 0.75;

impl SuperPeers {
    /// How many of so many members serve.
    pub(super) fn servants(&self, members: usize) -> usize {
        let each = TAKEN * f64::from(self.config.leaves) / f64::from(self.config.super_peers);
        let servants = (members as f64 / (1.0 + each)).ceil() as usize;
        servants.max(self.config.super_peers.into()).min(members)
    }

    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<SuperPeer>) {
        let mut rng = start.rng.clone();
        let (servants, leaves) = self.elect(start, &mut rng);
        for &peer in servants.iter().chain(&leaves) {
            let state = peers.get(peer);
            state.joined = true;
            let mut slots = Vec::new();
            for &item in start.shares.of(self.numbering.seat(peer)) {
                self.slots_of(item, start.shares.words(item), &mut slots);
            }
            state.table = state.united(slots);
        }
        let links = self.overlay(&servants, &mut rng);
        self.place_leaves(&servants, &leaves, &mut rng, peers);
        for &servant in &servants {
            let state = peers.get(servant);
            state.serves = true;
            let own = state.table.to_vec();
            state.table = state.united(own);
        }
        for (at, neighbours) in links.into_iter().enumerate() {
            let links = neighbours.into_iter().map(|other| (servants[other], Arc::clone(&peers.get(servants[other]).table)));
            let links: Vec<Link> = links.map(|(peer, table)| self.told(peer, table)).collect();
            peers.get(servants[at]).links = links;
        }
        for &peer in servants.iter().chain(&leaves) {
            self.fill_host_cache(peers.get(peer), peer, &servants, &mut rng);
        }
    }

    /// The strongest serve; among equals it is chance, as the times at which they came are.
    fn elect(&self, start: &Start<'_>, rng: &mut Rng) -> (Vec<PeerId>, Vec<PeerId>) {
        let mut members: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        rng.shuffle(&mut members);
        let capacity = |peer: PeerId| (start.capacity)(peer).unwrap_or(f64::INFINITY);
        members.sort_by(|&a, &b| capacity(b).total_cmp(&capacity(a)));
        let leaves = members.split_off(self.servants(members.len()));
        (members, leaves)
    }

    /// The neighbours of each super-peer, by position.
    fn overlay(&self, servants: &[PeerId], rng: &mut Rng) -> Vec<Vec<usize>> {
        let nodes = servants.len() as u32;
        let degree = u32::from(self.config.degree).min(nodes.saturating_sub(1));
        // No graph has an odd number of nodes of an odd degree.
        let degree = if nodes % 2 == 1 { degree & !1 } else { degree };
        let graph = random_regular(nodes, degree, rng);
        (0..nodes).map(|node| graph.neighbours(node).iter().map(|&other| other as usize).collect()).collect()
    }

    /// Each leaf finds super-peers that have room; by chance, as its host cache gives them.
    fn place_leaves(&self, servants: &[PeerId], leaves: &[PeerId], rng: &mut Rng, peers: &mut dyn PeerTable<SuperPeer>) {
        let mut open: Vec<PeerId> = servants.to_vec();
        for &leaf in leaves {
            let mut chosen: Vec<PeerId> = Vec::new();
            // Those that are open may run out, or be too few: then the leaf goes on looking when time begins.
            for _ in 0..64 {
                if open.is_empty() || chosen.len() == usize::from(self.config.super_peers) {
                    break;
                }
                let at = rng.index(open.len());
                if peers.get(open[at]).leaves.len() >= usize::from(self.config.leaves) {
                    open.swap_remove(at);
                } else if !chosen.contains(&open[at]) {
                    chosen.push(open[at]);
                    let table = Arc::clone(&peers.get(leaf).table);
                    let link = self.told(leaf, table);
                    peers.get(open[at]).leaves.push(link);
                }
            }
            peers.get(leaf).links = chosen.into_iter().map(Link::new).collect();
        }
    }

    /// A connection over which a table has come.
    fn told(&self, peer: PeerId, table: Table) -> Link {
        Link { table: self.config.query_routing.then_some(table), ..Link::new(peer) }
    }

    fn fill_host_cache(&self, peer: &mut SuperPeer, this: PeerId, servants: &[PeerId], rng: &mut Rng) {
        let room = usize::from(self.config.host_cache);
        for _ in 0..2 * room {
            if peer.hosts.len() == room {
                break;
            }
            let host = servants[rng.index(servants.len())];
            peer.learn(host, this, room, rng);
        }
    }
}

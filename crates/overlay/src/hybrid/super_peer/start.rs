//! The converged start: a network in which the strongest have come to serve.

use std::collections::BTreeMap;
use std::sync::Arc;

use peerlab_model::{PeerId, PeerTable, Rng, Start};

use super::SuperPeers;
use super::layer::INTRODUCTIONS;
use super::message::Table;
use super::peer::{Link, SuperPeer};
use crate::graph::random_regular;
use crate::unstructured::membership::Membership;

/// The share of a super-peer's leaves that is taken when nobody comes or goes for long.
const TAKEN: f64 = 0.75;

impl SuperPeers {
    /// How many clusters so many members form.
    fn clusters(&self, members: usize) -> usize {
        let each = TAKEN * f64::from(self.config.leaves) / f64::from(self.config.super_peers);
        let clusters = (members as f64 / (f64::from(self.config.redundancy) + each)).ceil() as usize;
        clusters.max(self.config.super_peers.into()).min(members)
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
        // The strong are spread over the clusters.
        let count = self.clusters(start.members.len());
        let clusters: Vec<Vec<PeerId>> = (0..count).map(|at| servants.iter().copied().skip(at).step_by(count).collect()).collect();
        let links = match &self.membership {
            None => self.overlay(count, &mut rng),
            Some(membership) => views(membership, &servants, &mut rng, peers),
        };
        self.place_leaves(&clusters, &leaves, &mut rng, peers);
        self.make_partners(&clusters, peers);
        for &servant in &servants {
            let state = peers.get(servant);
            state.serves = true;
            let own = state.table.to_vec();
            state.table = state.united(own);
        }
        for (cluster, neighbours) in clusters.iter().zip(links) {
            let mut links: Vec<Link> = Vec::new();
            for other in neighbours {
                let ends = clusters[other].iter().map(|&peer| (peer, Arc::clone(&peers.get(peer).table)));
                links.extend(ends.map(|(peer, table)| Link { cluster: name(&clusters[other]), ..self.told(peer, table) }));
            }
            if !self.tells_neighbours(peers.get(cluster[0])) {
                for link in &mut links {
                    link.table = None;
                }
            }
            for &servant in cluster {
                peers.get(servant).links.clone_from(&links);
            }
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
        let servants = self.clusters(members.len()) * usize::from(self.config.redundancy);
        let leaves = members.split_off(servants.min(members.len()));
        (members, leaves)
    }

    /// The neighbours of each cluster, by position.
    fn overlay(&self, clusters: usize, rng: &mut Rng) -> Vec<Vec<usize>> {
        let nodes = clusters as u32;
        let degree = u32::from(self.config.degree).min(nodes.saturating_sub(1));
        // No graph has an odd number of nodes of an odd degree.
        let degree = if nodes % 2 == 1 { degree & !1 } else { degree };
        let graph = random_regular(nodes, degree, rng);
        (0..nodes).map(|node| graph.neighbours(node).iter().map(|&other| other as usize).collect()).collect()
    }

    /// Each leaf finds super-peers that have room; by chance, as its host cache gives them.
    fn place_leaves(&self, clusters: &[Vec<PeerId>], leaves: &[PeerId], rng: &mut Rng, peers: &mut dyn PeerTable<SuperPeer>) {
        let mut open: Vec<&[PeerId]> = clusters.iter().map(Vec::as_slice).collect();
        for &leaf in leaves {
            let mut chosen: Vec<&[PeerId]> = Vec::new();
            // Those that are open may run out, or be too few: then the leaf goes on looking when time begins.
            for _ in 0..64 {
                if open.is_empty() || chosen.len() == usize::from(self.config.super_peers) {
                    break;
                }
                let at = rng.index(open.len());
                if peers.get(open[at][0]).leaves.len() >= usize::from(self.config.leaves) {
                    open.swap_remove(at);
                } else if !chosen.contains(&open[at]) {
                    chosen.push(open[at]);
                    let table = Arc::clone(&peers.get(leaf).table);
                    let link = self.told(leaf, table);
                    for &servant in open[at] {
                        peers.get(servant).leaves.push(link.clone());
                    }
                }
            }
            let ends = chosen.iter().flat_map(|cluster| cluster.iter().map(|&peer| Link { cluster: name(cluster), ..Link::new(peer) }));
            peers.get(leaf).links = ends.collect();
        }
    }

    /// The super-peers of a cluster know each other, and what they have themselves.
    fn make_partners(&self, clusters: &[Vec<PeerId>], peers: &mut dyn PeerTable<SuperPeer>) {
        for cluster in clusters.iter().filter(|cluster| cluster.len() > 1) {
            for &servant in cluster {
                let others = cluster.iter().copied().filter(|&other| other != servant);
                let partners: Vec<Link> = others.map(|other| self.told(other, Arc::clone(&peers.get(other).table))).collect();
                let state = peers.get(servant);
                (state.own, state.partners) = (Arc::clone(&state.table), partners);
            }
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

/// The neighbours of each super-peer, by position: its view.
fn views(membership: &Membership, servants: &[PeerId], rng: &mut Rng, peers: &mut dyn PeerTable<SuperPeer>) -> Vec<Vec<usize>> {
    let places: BTreeMap<PeerId, usize> = servants.iter().copied().zip(0..).collect();
    let mut links = vec![Vec::new(); servants.len()];
    membership.converged(servants, rng, &mut |peer, member| {
        links[places[&peer]] = member.neighbours().iter().map(|other| places[other]).collect();
        let state = peers.get(peer);
        (state.member, state.introductions) = (Some(Box::new(member)), INTRODUCTIONS);
    });
    links
}

/// What a cluster of these super-peers is called.
fn name(cluster: &[PeerId]) -> PeerId {
    cluster.iter().copied().min().expect("a cluster has a super-peer")
}

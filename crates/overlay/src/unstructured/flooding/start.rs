//! The overlay as a long run has left it: links over the given graph, and host caches; or the views of a membership by gossip.

use std::collections::BTreeMap;

use peerlab_model::{PeerId, PeerTable, Rng, Start};

use super::{FloodingLike, FloodingPeer, Variant};
use crate::graph::Graph;

impl<V: Variant> FloodingLike<V> {
    /// Gives the members of a converged start what they know.
    pub(super) fn begin(&self, start: &Start<'_>, peers: &mut dyn PeerTable<FloodingPeer>) {
        let members: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        let mut rng = start.rng.clone();
        if let Some(membership) = &self.membership {
            return membership.converged(&members, &mut rng, &mut |peer, member| peers.get(peer).member = Some(Box::new(member)));
        }
        if let Some(graph) = &self.file {
            self.link_by_host(graph, &members, peers);
        } else if let Some(graph) = self.rules.graph.generate(members.len() as u32, &mut rng) {
            for (node, &peer) in members.iter().enumerate() {
                let neighbours = graph.neighbours(node as u32).iter().map(|&other| members[other as usize]).collect();
                begin_with(peers.get(peer), neighbours);
            }
        }
        if self.rules.degrees_matter() {
            tell_degrees(&members, peers);
        }
        for &peer in &members {
            self.fill_host_cache(peers.get(peer), peer, &members, &mut rng);
        }
    }

    /// Node k of an edge list is the first peer of host k, any other one stands alone; edges to peers that are no members do not exist.
    fn link_by_host(&self, graph: &Graph, members: &[PeerId], peers: &mut dyn PeerTable<FloodingPeer>) {
        let node = |peer: PeerId| {
            let host = self.numbering.host(peer);
            (self.numbering.seat(peer) == self.numbering.first_seat(host)).then_some(host.0)
        };
        let mut at_node: Vec<Option<PeerId>> = vec![None; graph.nodes() as usize];
        for &peer in members {
            if let Some(node) = node(peer) {
                at_node[node as usize] = Some(peer);
            }
        }
        for &peer in members {
            let linked = node(peer).map_or(&[][..], |node| graph.neighbours(node));
            begin_with(peers.get(peer), linked.iter().filter_map(|&node| at_node[node as usize]).collect());
        }
    }

    /// A random sample of the members, as long traffic of pongs leaves it.
    fn fill_host_cache(&self, peer: &mut FloodingPeer, this: PeerId, members: &[PeerId], rng: &mut Rng) {
        let room = self.rules.host_cache as usize;
        // In a small network a draw often meets a neighbour or a known address: some more draws, and no promise.
        for _ in 0..2 * room {
            if peer.hosts.len() == room {
                break;
            }
            let host = members[rng.index(members.len())];
            peer.learn(host, this, room, rng);
        }
    }
}

fn begin_with(peer: &mut FloodingPeer, neighbours: Vec<PeerId>) {
    peer.degree = neighbours.len() as u32;
    peer.missed = vec![0; neighbours.len()];
    peer.neighbours = neighbours;
    peer.joined = true;
}

/// Everybody has had pongs of its neighbours.
fn tell_degrees(members: &[PeerId], peers: &mut dyn PeerTable<FloodingPeer>) {
    let degrees: BTreeMap<PeerId, u16> =
        members.iter().map(|&peer| (peer, u16::try_from(peers.get(peer).neighbours.len()).unwrap_or(u16::MAX))).collect();
    for &peer in members {
        let state = peers.get(peer);
        let memory = state.walks.get_or_insert_default();
        for neighbour in &state.neighbours {
            memory.learn_degree(*neighbour, degrees[neighbour]);
        }
    }
}

//! The tables of a network that has adapted for long.
//!
//! Every peer in turn, in random order and again and again, does what it would do in life: it picks somebody out of a handful of others, and
//! both decide. What life does at the pace of intervals and messages is done here at once, so all know each other's present degrees.

use peerlab_model::{PeerId, PeerTable, Rng, Start};

use super::message::Told;
use super::peer::{GiaPeer, Views};
use super::rules::{Capacity, Decision, Standing, advertised, decide, satisfaction};
use super::{Gia, GiaConfig};

/// Rounds after which the rest stay as they are. Most peers are content after a few; the strong need one for each of their neighbours.
const ROUNDS: u32 = 400;

/// The network while it adapts: peers by their place in the list of members.
struct Draft<'c> {
    config: &'c GiaConfig,
    capacity: Vec<Capacity>,
    links: Vec<Vec<u32>>,
}

impl Draft<'_> {
    fn standing(&self, peer: u32) -> Standing {
        let peer = peer as usize;
        Standing { capacity: self.capacity[peer], degree: self.links[peer].len() as u16 }
    }

    fn is_content(&self, peer: u32) -> bool {
        let own = self.capacity[peer as usize];
        satisfaction(self.config, own, self.links[peer as usize].iter().map(|&other| self.standing(other))) >= 1.0
    }

    fn decide(&self, peer: u32, newcomer: u32) -> Decision {
        let links = self.links[peer as usize].iter().map(|&other| self.standing(other));
        decide(self.config, self.capacity[peer as usize], links, self.standing(newcomer))
    }

    /// Of a few others the strongest, if it is stronger, else any of them.
    fn candidate(&self, peer: u32, rng: &mut Rng) -> Option<u32> {
        let others = self.capacity.len();
        let few: Vec<u32> = (0..self.config.candidates).map(|_| rng.index(others) as u32).collect();
        let mut few = few.into_iter().filter(|&other| other != peer && !self.links[peer as usize].contains(&other));
        let first = few.next()?;
        let strongest =
            few.fold(first, |best, other| if self.capacity[other as usize] > self.capacity[best as usize] { other } else { best });
        Some(if self.capacity[strongest as usize] > self.capacity[peer as usize] { strongest } else { first })
    }

    fn make_room(&mut self, peer: u32, decision: Decision) {
        if let Decision::Replace(at) = decision {
            let dropped = self.links[peer as usize].swap_remove(at);
            self.links[dropped as usize].retain(|&other| other != peer);
        }
    }

    /// One peer's try; true if it has got somebody. The one that asks decides when the other one has said yes.
    fn adapt(&mut self, peer: u32, rng: &mut Rng) -> bool {
        let Some(other) = self.candidate(peer, rng) else { return false };
        let (theirs, ours) = (self.decide(other, peer), self.decide(peer, other));
        let agreed = theirs != Decision::Reject && ours != Decision::Reject;
        if agreed {
            self.make_room(peer, ours);
            self.make_room(other, theirs);
            self.links[peer as usize].push(other);
            self.links[other as usize].push(peer);
        }
        agreed
    }
}

impl Gia {
    pub(super) fn converge(&self, start: &Start<'_>, peers: &mut dyn PeerTable<GiaPeer>) {
        let members: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        let mut rng = start.rng.clone();
        let capacity: Vec<Capacity> = members.iter().map(|&peer| advertised(&self.config, (start.capacity)(peer))).collect();
        let mut draft = Draft { config: &self.config, capacity, links: vec![Vec::new(); members.len()] };
        let mut order: Vec<u32> = (0..members.len() as u32).collect();
        for _ in 0..ROUNDS {
            rng.shuffle(&mut order);
            let discontent: Vec<u32> = order.iter().copied().filter(|&peer| !draft.is_content(peer)).collect();
            let mut moved = 0;
            for peer in discontent {
                moved += u32::from(draft.adapt(peer, &mut rng));
            }
            if moved == 0 {
                break;
            }
        }
        if let Some(membership) = &self.membership {
            membership.converged(&members, &mut rng, &mut |peer, member| peers.get(peer).views = Some(Box::new(Views::new(member))));
        }
        for (at, &peer) in members.iter().enumerate() {
            let state = peers.get(peer);
            state.joined = true;
            for &other in &draft.links[at] {
                let (id, Standing { capacity, degree }) = (members[other as usize], draft.standing(other));
                state.link(id, Told { capacity, degree }, self.config.tokens_initial);
                state.index.add(id, start.shares.of(self.numbering.seat(id)));
            }
            self.fill_host_cache(state, peer, &members, &draft.capacity, &mut rng);
        }
    }

    /// A random sample of the members, as long traffic of pongs leaves it.
    fn fill_host_cache(&self, peer: &mut GiaPeer, this: PeerId, members: &[PeerId], capacity: &[Capacity], rng: &mut Rng) {
        let room = usize::from(self.config.host_cache);
        // In a small network a draw often meets a neighbour or a known address: some more draws, and no promise.
        for _ in 0..2 * room {
            if peer.hosts.len() == room {
                break;
            }
            let at = rng.index(members.len());
            peer.learn((members[at], capacity[at]), this, room, rng);
        }
    }
}

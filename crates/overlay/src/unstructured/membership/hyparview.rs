//! HyParView: a few links that are kept alive, and a larger list of others to replace them.
//!
//! The active view is small and symmetric: each end of a link knows of it, keeps it alive, and notices when it breaks. The passive view is six times
//! larger, costs nothing but an exchange now and then, and is where replacements come from. A newcomer's contact takes it in and sends the
//! news on random walks, at whose ends it finds further neighbours.
//!
//! # What holds
//! Links are symmetric but for messages under way: whoever is asked for a sign of life by a peer that it does not take for a neighbour says so.
//! A peer without a neighbour is refused by nobody and, if it knows nobody, joins again; so with as many peers as a view has places all become neighbours. Nothing
//! mends an overlay that has fallen into parts of which each is content: neither here nor in the paper.
//!
//! # Source
//! Leitão, Pereira, Rodrigues: HyParView: a membership protocol for reliable gossip-based broadcast, DSN 2007, section 4.
//!
//! # Not here
//! TCP: a broken connection shows when a sign of life is missing, not when something is sent.

mod repair;
mod shuffle;

use std::sync::Arc;

use peerlab_model::{Context, PeerId, Requests, Rng, Token, Violation};

use super::config::HyParViewConfig;
use super::message::{MembershipMessage, MembershipTimer};
use super::view::{random_of, random_others};
use super::{Carrier, Protocol, check_list};
use crate::graph::random_regular;

/// A peer in HyParView.
#[derive(Clone, Debug, Default)]
pub struct HyParViewMember {
    active: Vec<PeerId>,
    /// For each neighbour, how many signs of life in a row it has not given.
    missed: Vec<u8>,
    passive: Vec<PeerId>,
    /// Whom it has asked to be its neighbour, or to take it in.
    asking: Requests<PeerId>,
    /// What it sent with its last shuffle: the first to give way to the answer.
    offered: Arc<[PeerId]>,
    /// Requests that were refused since the last shuffle, or the last loss.
    refusals: u8,
    /// A timer to join again runs.
    rejoining: bool,
    joined: bool,
}

impl HyParViewMember {
    /// Its neighbours.
    #[inline]
    pub fn active(&self) -> &[PeerId] {
        &self.active
    }

    /// Others that it has heard of.
    pub fn passive(&self) -> &[PeerId] {
        &self.passive
    }

    fn is_asking(&self, peer: PeerId) -> bool {
        self.asking.iter().any(|&other| other == peer)
    }

    /// Forgets a neighbour; `false` if it was none.
    fn drop_active(&mut self, peer: PeerId) -> bool {
        let Some(at) = self.active.iter().position(|&other| other == peer) else { return false };
        self.active.swap_remove(at);
        self.missed.swap_remove(at);
        true
    }

    fn heard_from(&mut self, peer: PeerId) {
        if let Some(at) = self.active.iter().position(|&other| other == peer) {
            self.missed[at] = 0;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.active.len() * 5 + (self.passive.len() + self.offered.len()) * 4 + self.asking.len() * 8
    }
}

impl Protocol for HyParViewConfig {
    type Member = HyParViewMember;

    /// All active views are full, but for one if they cannot be, and who is whose neighbour is random; so are passive views.
    fn converged(&self, members: &[PeerId], rng: &mut Rng, give: &mut dyn FnMut(PeerId, HyParViewMember)) {
        let graph = random_regular(members.len() as u32, self.active_view.into(), rng);
        for (node, &this) in (0..).zip(members) {
            let active: Vec<PeerId> = graph.neighbours(node).iter().map(|&other| members[other as usize]).collect();
            let passive = random_others(members, self.passive_view.into(), rng, |peer| peer != this && !active.contains(&peer));
            give(this, HyParViewMember { missed: vec![0; active.len()], active, passive, joined: true, ..HyParViewMember::default() });
        }
    }

    fn started<O: Carrier>(&self, _member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        cx.set_timer_within(self.period.span(), MembershipTimer::Cycle.into());
        cx.set_timer_within(self.keep_alive.span(), MembershipTimer::KeepAlive.into());
    }

    fn join<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        self.started(member, cx);
        self.enter(member, cx);
    }

    /// Joins through a contact. Nobody else is online: then this peer is the overlay, until somebody comes.
    fn enter<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        if let Some(contact) = cx.bootstrap() {
            self.ask(member, cx, contact, |token| MembershipMessage::Join { token });
        } else {
            become_member(member, cx);
            self.rejoin_later(member, cx);
        }
    }

    fn leave<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
        for &neighbour in &member.active {
            cx.send(neighbour, MembershipMessage::Disconnect { leaving: true }.into());
        }
    }

    fn message<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, from: PeerId, message: MembershipMessage) {
        match message {
            MembershipMessage::Join { token } => self.take_in(member, cx, from, token),
            MembershipMessage::ForwardJoin { newcomer, ttl } => self.walk(member, cx, from, newcomer, ttl),
            MembershipMessage::Neighbour { token, high_priority } => self.asked(member, cx, from, token, high_priority),
            MembershipMessage::NeighbourReply { token, accepted } => self.answered(member, cx, from, token, accepted),
            MembershipMessage::Disconnect { leaving } => self.disconnected(member, cx, from, leaving),
            MembershipMessage::ShuffleWalk { origin, ttl, peers } => self.shuffle_walk(member, cx, from, origin, ttl, peers),
            MembershipMessage::ShuffleWalkReply { peers } => {
                let offered = std::mem::take(&mut member.offered);
                self.integrate(member, cx, &peers, &offered);
                self.fill(member, cx);
            }
            MembershipMessage::KeepAlive => Self::keep_alive_asked(member, cx, from),
            MembershipMessage::Alive => member.heard_from(from),
            // What other protocols say.
            MembershipMessage::Place { .. } | MembershipMessage::Shuffle { .. } | MembershipMessage::ShuffleReply { .. } => {}
        }
    }

    fn timer<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, timer: MembershipTimer) {
        match timer {
            MembershipTimer::Cycle => self.shuffle(member, cx),
            MembershipTimer::KeepAlive => self.keep_alive(member, cx),
            MembershipTimer::Timeout(token) => self.timed_out(member, cx, token),
            MembershipTimer::Rejoin => {
                member.rejoining = false;
                if member.active.is_empty() && member.asking.is_empty() {
                    self.enter(member, cx);
                }
            }
        }
    }

    fn check(&self, member: &HyParViewMember) -> Result<(), Violation> {
        check_list("an active view", &member.active, self.active_view)?;
        check_list("a passive view", &member.passive, self.passive_view)?;
        if member.missed.len() != member.active.len() {
            return Err(Violation(format!("{} neighbours with {} counters", member.active.len(), member.missed.len())));
        }
        match member.active.iter().find(|peer| member.passive.contains(peer)) {
            Some(peer) => Err(Violation(format!("{peer:?} is in both views"))),
            None => Ok(()),
        }
    }
}

impl HyParViewConfig {
    /// Somebody joins through this peer, which takes it in, whatever it costs, and tells its neighbours.
    fn take_in<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, newcomer: PeerId, token: Token) {
        self.add_active(member, cx, newcomer);
        cx.send(newcomer, MembershipMessage::NeighbourReply { token, accepted: true }.into());
        for &neighbour in member.active.iter().filter(|&&neighbour| neighbour != newcomer) {
            cx.send(neighbour, MembershipMessage::ForwardJoin { newcomer, ttl: self.arwl }.into());
        }
    }

    /// The news of a newcomer: it ends here with a new link, or goes on.
    fn walk<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, from: PeerId, newcomer: PeerId, ttl: u8) {
        if newcomer == cx.this() {
            return;
        }
        let next = random_of(&member.active, cx.rng(), |peer| peer != from && peer != newcomer);
        match next {
            Some(next) if ttl > 0 && member.active.len() > 1 => {
                if ttl == self.prwl {
                    self.add_passive(member, cx, newcomer, &[]);
                }
                cx.send(next, MembershipMessage::ForwardJoin { newcomer, ttl: ttl - 1 }.into());
            }
            _ if member.active.contains(&newcomer) || member.is_asking(newcomer) => {}
            _ => {
                // The newcomer is to know of the link as well: it is asked, and does not refuse.
                self.add_active(member, cx, newcomer);
                self.ask(member, cx, newcomer, |token| MembershipMessage::Neighbour { token, high_priority: true });
            }
        }
    }

    /// A new neighbour; if there is no room, a random other one has to go.
    fn add_active<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, peer: PeerId) {
        if member.active.contains(&peer) {
            return member.heard_from(peer);
        }
        if member.active.len() >= self.active_view.into() {
            let at = cx.rng().index(member.active.len());
            let dropped = member.active[at];
            member.drop_active(dropped);
            cx.send(dropped, MembershipMessage::Disconnect { leaving: false }.into());
            self.add_passive(member, cx, dropped, &[]);
        }
        if member.active.is_empty() {
            member.active.reserve_exact(self.active_view.into());
            member.missed.reserve_exact(self.active_view.into());
        }
        member.active.push(peer);
        member.missed.push(0);
        member.passive.retain(|&other| other != peer);
        become_member(member, cx);
    }

    /// Keeps an address in the passive view: in the place of one of `first`, else of a random one, if there is no room.
    fn add_passive<O: Carrier>(&self, member: &mut HyParViewMember, cx: &mut Context<'_, O>, peer: PeerId, first: &[PeerId]) {
        if peer == cx.this() || member.active.contains(&peer) || member.passive.contains(&peer) {
            return;
        }
        let size = usize::from(self.passive_view);
        if member.passive.len() < size {
            member.passive.reserve_exact(size - member.passive.len());
            return member.passive.push(peer);
        }
        let given = member.passive.iter().position(|old| first.contains(old));
        let at = given.unwrap_or_else(|| cx.rng().index(size));
        member.passive[at] = peer;
    }
}

fn become_member<O: Carrier>(member: &mut HyParViewMember, cx: &mut Context<'_, O>) {
    if !member.joined {
        member.joined = true;
        cx.joined();
    }
}

//! Cyclon: views that are shuffled with the peer that has not been heard of for longest.
//!
//! Once in a period a peer takes its oldest entry Q out of its view and sends it ℓ entries: its own, of age 0, and ℓ − 1 random ones. Q answers with ℓ
//! random ones of its own. Each puts what it got into its view, first where there is room, then in the places of what it sent. So a link is
//! turned round with each exchange, a peer makes one pointer to itself in a period and loses the oldest one, and a dead peer is found by
//! the first that asks it, which is soon, since nobody renews its entries.
//!
//! # What holds
//! Without failures, and while exchanges do not overlap, the overlay stays connected as an undirected graph: P and Q stay linked, and what moves
//! from P to Q stays linked through them (section 3.2 of the paper). Here exchanges take time and may overlap at a peer. What waits for an
//! answer is therefore not sent to somebody else as well, and the place of the entry that was taken out is kept free for the answer: no entry is
//! dropped for want of room. An entry whose peer is in the view already is dropped (the younger age stays): then the
//! number of pointers shrinks by one and grows again when a later answer brings more than was sent. In views as large as the overlay that happens all the time.
//!
//! # Source
//! Voulgaris, Gavidia, van Steen: CYCLON: Inexpensive membership management for unstructured P2P overlays, Journal of Network and Systems
//! Management 13(2), 2005. `shuffling = "basic"` is section 2's; joins are section 3.3's.
//!
//! # Not here
//! A goodbye: a peer does not know who has it in a view. Who leaves is found like who crashes.

use std::sync::Arc;

use peerlab_model::{Context, PeerId, Requests, Rng, Token, Violation};

use super::config::{CyclonConfig, Shuffling};
use super::message::{MembershipMessage, MembershipTimer};
use super::view::{Entry, View, random_of, random_others};
use super::{Carrier, Protocol, check_list};

/// A peer in Cyclon.
#[derive(Clone, Debug, Default)]
pub struct CyclonMember {
    pub(super) view: View,
    waiting: Requests<Waiting>,
    joined: bool,
}

/// What a peer waits for.
#[derive(Clone, Debug)]
enum Waiting {
    /// An answer to what it has sent of its view; the place of the peer that it asked is kept free.
    Answer(Arc<[Entry]>),
    /// The first word of anybody that its join has reached.
    Place,
}

impl CyclonMember {
    /// Entries that wait for an answer: not to be sent to anybody else.
    fn is_under_way(&self, peer: PeerId) -> bool {
        self.waiting.iter().any(|waiting| matches!(waiting, Waiting::Answer(sent) if sent.iter().any(|entry| entry.peer == peer)))
    }

    /// Places of the view that are kept for answers.
    fn reserved(&self) -> usize {
        self.waiting.iter().filter(|waiting| matches!(waiting, Waiting::Answer(_))).count()
    }

    /// Random entries to send to `to`, who needs none of itself.
    fn sample(&self, most: usize, rng: &mut Rng, to: PeerId) -> Vec<Entry> {
        self.view.sample(most, rng, |peer| peer != to && !self.is_under_way(peer))
    }

    pub(super) fn bytes(&self) -> usize {
        let sent = |waiting: &Waiting| if let Waiting::Answer(sent) = waiting { sent.len() * size_of::<Entry>() } else { 0 };
        self.view.bytes() + self.waiting.iter().map(sent).sum::<usize>()
    }
}

impl Protocol for CyclonConfig {
    type Member = CyclonMember;

    /// Each peer makes one pointer to itself in a cycle, which lives for about as many cycles as a view has entries: so everybody is in `view`
    /// views, once with each age, and each view has one entry of each age. A random ring for each age does that, but for a few repetitions.
    fn converged(&self, members: &[PeerId], rng: &mut Rng, give: &mut dyn FnMut(PeerId, CyclonMember)) {
        let size = usize::from(self.view);
        let mut states = vec![CyclonMember { joined: true, ..CyclonMember::default() }; members.len()];
        let mut ring: Vec<u32> = (0..members.len() as u32).collect();
        for age in 0..u32::from(self.view) {
            rng.shuffle(&mut ring);
            for (at, &node) in ring.iter().enumerate() {
                let next = members[ring[(at + 1) % ring.len()] as usize];
                let (this, view) = (members[node as usize], &mut states[node as usize].view);
                let peer = if next != this && !view.contains(next) {
                    Some(next)
                } else {
                    random_others(members, 1, rng, |peer| peer != this && !view.contains(peer)).pop()
                };
                if let Some(peer) = peer {
                    view.push(Entry { peer, age }, size);
                }
            }
        }
        for (&peer, state) in members.iter().zip(states) {
            give(peer, state);
        }
    }

    fn started<O: Carrier>(&self, _member: &mut CyclonMember, cx: &mut Context<'_, O>) {
        cx.set_timer_within(self.period.span(), MembershipTimer::Cycle.into());
    }

    fn join<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>) {
        cx.set_timer_within(self.period.span(), MembershipTimer::Cycle.into());
        self.enter(member, cx);
    }

    /// Joins through a contact. Nobody else is online: then this peer is the overlay.
    fn enter<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>) {
        match cx.bootstrap() {
            Some(contact) => {
                let token = member.waiting.open(Waiting::Place);
                cx.send(contact, MembershipMessage::Join { token }.into());
                cx.set_timer(self.timeout.span(), MembershipTimer::Timeout(token).into());
            }
            None => become_member(member, cx),
        }
    }

    fn leave<O: Carrier>(&self, _member: &mut CyclonMember, _cx: &mut Context<'_, O>) {}

    fn message<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, from: PeerId, message: MembershipMessage) {
        match message {
            MembershipMessage::Join { .. } => self.introduce(member, cx, from),
            MembershipMessage::ForwardJoin { newcomer, ttl } => self.walk(member, cx, from, newcomer, ttl),
            MembershipMessage::Place { entry } => self.place(member, cx, entry),
            MembershipMessage::Shuffle { token, entries } => self.shuffle(member, cx, from, token, &entries),
            MembershipMessage::ShuffleReply { token, entries } => {
                if let Some(Waiting::Answer(sent)) = member.waiting.close(token) {
                    self.merge(member, cx, &entries, &sent);
                }
            }
            MembershipMessage::Disconnect { .. } => {
                if let Some(at) = member.view.position(from) {
                    member.view.remove(at);
                }
            }
            // What other protocols say.
            _ => {}
        }
    }

    fn timer<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, timer: MembershipTimer) {
        match timer {
            MembershipTimer::Cycle => self.cycle(member, cx),
            MembershipTimer::Timeout(token) => {
                // Who has not answered an exchange was taken out of the view when it was asked.
                if let Some(Waiting::Place) = member.waiting.close(token)
                    && member.view.is_empty()
                {
                    self.enter(member, cx);
                }
            }
            MembershipTimer::KeepAlive | MembershipTimer::Rejoin => {}
        }
    }

    fn check(&self, member: &CyclonMember) -> Result<(), Violation> {
        check_list("a view", member.view.peers(), self.view)
    }
}

impl CyclonConfig {
    /// Somebody is new: as many walks as a view has entries, each of which finds it a place.
    fn introduce<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, newcomer: PeerId) {
        if member.view.is_empty() {
            return self.give_place(member, cx, newcomer);
        }
        for _ in 0..self.view {
            self.step(member, cx, newcomer, newcomer, self.join_ttl);
        }
    }

    fn walk<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, from: PeerId, newcomer: PeerId, ttl: u8) {
        match ttl {
            _ if newcomer == cx.this() => {}
            0 | 1 => self.give_place(member, cx, newcomer),
            _ => self.step(member, cx, newcomer, from, ttl - 1),
        }
    }

    /// The walk goes on, not to the newcomer and not straight back; where there is no other way it ends.
    fn step<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, newcomer: PeerId, from: PeerId, ttl: u8) {
        match random_of(member.view.peers(), cx.rng(), |peer| peer != newcomer && peer != from) {
            Some(next) => cx.send(next, MembershipMessage::ForwardJoin { newcomer, ttl }.into()),
            None => self.give_place(member, cx, newcomer),
        }
    }

    /// The newcomer gets a place in this view, and the entry that had it. If there is room it gets this peer's own.
    fn give_place<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, newcomer: PeerId) {
        if let Some(at) = member.view.position(newcomer) {
            // It has been here before, or another of its walks has.
            member.view.ages_mut()[at] = 0;
            return cx.send(newcomer, MembershipMessage::Place { entry: Entry { peer: cx.this(), age: 0 } }.into());
        }
        let fresh = Entry { peer: newcomer, age: 0 };
        let size = usize::from(self.view);
        let given = if member.view.len() + member.reserved() < size {
            member.view.push(fresh, size);
            Entry { peer: cx.this(), age: 0 }
        } else {
            let free: Vec<usize> = (0..member.view.len()).filter(|&at| !member.is_under_way(member.view.get(at).peer)).collect();
            let Some(&at) = cx.rng().pick(&free) else { return };
            let given = member.view.get(at);
            member.view.set(at, fresh);
            given
        };
        become_member(member, cx);
        cx.send(newcomer, MembershipMessage::Place { entry: given }.into());
    }

    fn place<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, entry: Entry) {
        if let Some((token, _)) = member.waiting.find_mut(|waiting| matches!(waiting, Waiting::Place)) {
            member.waiting.close(token);
        }
        self.merge(member, cx, &[entry], &[]);
    }

    /// Once in a period: an exchange with the oldest entry, or a random one.
    fn cycle<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>) {
        cx.set_timer(self.period.span(), MembershipTimer::Cycle.into());
        member.view.ages_mut().iter_mut().for_each(|age| *age += 1);
        let Some(at) = self.partner(member, cx.rng()) else {
            if member.view.is_empty() && member.waiting.is_empty() {
                self.enter(member, cx);
            }
            return;
        };
        let partner = member.view.remove(at).peer;
        let mut list = member.sample(usize::from(self.shuffle_length) - 1, cx.rng(), partner);
        list.push(Entry { peer: cx.this(), age: 0 });
        let entries: Arc<[Entry]> = list.into();
        let token = member.waiting.open(Waiting::Answer(entries.clone()));
        cx.send(partner, MembershipMessage::Shuffle { token, entries }.into());
        cx.set_timer(self.timeout.span(), MembershipTimer::Timeout(token).into());
    }

    /// Where the partner of the next exchange stands in the view; nobody who is on the way to somebody else.
    fn partner(&self, member: &CyclonMember, rng: &mut Rng) -> Option<usize> {
        let free = || (0..member.view.len()).filter(|&at| !member.is_under_way(member.view.get(at).peer));
        let oldest = free().map(|at| member.view.get(at).age).max()?;
        let is_candidate = |at: &usize| self.shuffling == Shuffling::Basic || member.view.get(*at).age == oldest;
        let candidates = free().filter(is_candidate).count();
        free().filter(is_candidate).nth(rng.index(candidates))
    }

    /// Somebody shuffles with this peer.
    fn shuffle<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, from: PeerId, token: Token, entries: &[Entry]) {
        let sent: Arc<[Entry]> = member.sample(self.shuffle_length.into(), cx.rng(), from).into();
        self.merge(member, cx, entries, &sent);
        cx.send(from, MembershipMessage::ShuffleReply { token, entries: sent }.into());
    }

    /// Puts entries into the view: where there is room, then in the places of those that were sent. The sender's own comes first.
    fn merge<O: Carrier>(&self, member: &mut CyclonMember, cx: &mut Context<'_, O>, entries: &[Entry], sent: &[Entry]) {
        let size = usize::from(self.view) - member.reserved().min(self.view.into());
        let mut places = sent.iter();
        for &entry in entries.iter().rev().filter(|entry| entry.peer != cx.this()) {
            if let Some(at) = member.view.position(entry.peer) {
                let age = &mut member.view.ages_mut()[at];
                *age = entry.age.min(*age);
            } else if member.view.len() < size {
                member.view.push(entry, self.view.into());
            } else if let Some(at) = places.find_map(|old| member.view.position(old.peer)) {
                member.view.set(at, entry);
            }
        }
        if !member.view.is_empty() {
            become_member(member, cx);
        }
    }
}

fn become_member<O: Carrier>(member: &mut CyclonMember, cx: &mut Context<'_, O>) {
    if !member.joined {
        member.joined = true;
        cx.joined();
    }
}

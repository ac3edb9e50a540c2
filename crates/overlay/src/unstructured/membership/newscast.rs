//! Newscast: everybody keeps the newest entries that it has heard of.
//!
//! Once in a period a peer sends its whole view, and its own entry of age 0, to a random peer of its view, which answers with its own; each
//! keeps the newest of both. Dead peers renew nothing and are soon pushed out; views of those who have met are alike, so the overlay is clustered, and
//! a few peers are in very many views for a while.
//!
//! Ages travel, not instants: so nobody's clock needs to agree with another's (the paper has a peer correct for the other's clock instead).
//!
//! # Source
//! Jelasity, Kowalczyk, van Steen: Newscast computing, Vrije Universiteit Amsterdam, IR-CS-006, 2003; without its news.
//!
//! # Not here
//! A goodbye: a peer does not know who has it in a view.

use std::sync::Arc;

use peerlab_model::{Context, PeerId, Requests, Rng, Time, Violation};

use super::config::NewscastConfig;
use super::message::{MembershipMessage, MembershipTimer};
use super::view::{Entry, View, random_others};
use super::{Carrier, Protocol, check_list};

/// A peer in Newscast.
#[derive(Clone, Debug, Default)]
pub struct NewscastMember {
    /// Ages are as of `as_of`, the newest first.
    pub(super) view: View,
    as_of: Option<Time>,
    /// Whom it has asked.
    waiting: Requests<PeerId>,
    joined: bool,
}

impl NewscastMember {
    /// Lets the entries of the view grow old, up to now.
    fn age(&mut self, now: Time, lifetime_ms: u32) {
        // Whole milliseconds: the rest counts the next time.
        let since = self.as_of.unwrap_or(now);
        let elapsed = (now.since(since).nanos() / MILLISECOND) as u32;
        self.as_of = Some(since.saturating_add(peerlab_model::Span::from_millis(u64::from(elapsed))));
        self.view.ages_mut().iter_mut().for_each(|age| *age = age.saturating_add(elapsed));
        for at in (0..self.view.len()).rev().take_while(|_| elapsed > 0) {
            if self.view.get(at).age > lifetime_ms {
                self.view.remove(at);
            }
        }
    }

    fn forget(&mut self, peer: PeerId) {
        if let Some(at) = self.view.position(peer) {
            self.view.remove(at);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.view.bytes() + self.waiting.len() * 8
    }
}

const MILLISECOND: u64 = 1_000_000;

impl Protocol for NewscastConfig {
    type Member = NewscastMember;

    /// Random others, of random ages within a few periods: clustering and in-degrees of its own are there after some ten exchanges.
    fn converged(&self, members: &[PeerId], rng: &mut Rng, give: &mut dyn FnMut(PeerId, NewscastMember)) {
        let span = (self.period.span().nanos() / MILLISECOND).max(1) * 3;
        for &this in members {
            let mut state = NewscastMember { joined: true, ..NewscastMember::default() };
            for peer in random_others(members, self.view.into(), rng, |peer| peer != this) {
                state.view.push(Entry { peer, age: rng.below(span) as u32 }, self.view.into());
            }
            give(this, state);
        }
    }

    fn started<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>) {
        member.as_of = Some(cx.now());
        cx.set_timer_within(self.period.span(), MembershipTimer::Cycle.into());
    }

    fn join<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>) {
        cx.set_timer_within(self.period.span(), MembershipTimer::Cycle.into());
        self.enter(member, cx);
    }

    /// Begins with an exchange with a contact. Nobody else is online: then this peer is the overlay.
    fn enter<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>) {
        match cx.bootstrap() {
            Some(contact) => self.exchange(member, cx, contact),
            None => become_member(member, cx),
        }
    }

    fn leave<O: Carrier>(&self, _member: &mut NewscastMember, _cx: &mut Context<'_, O>) {}

    fn message<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>, from: PeerId, message: MembershipMessage) {
        match message {
            MembershipMessage::Shuffle { token, entries } => {
                let answer = self.news(member, cx);
                cx.send(from, MembershipMessage::ShuffleReply { token, entries: answer }.into());
                self.merge(member, cx, &entries);
            }
            MembershipMessage::ShuffleReply { token, entries } => {
                // An answer that comes late is news all the same.
                if let Some(former) = member.waiting.close(token).filter(|&asked| asked != from) {
                    // Who lives at that address now is somebody else.
                    member.forget(former);
                }
                self.merge(member, cx, &entries);
            }
            MembershipMessage::Disconnect { .. } => member.forget(from),
            // What other protocols say.
            _ => {}
        }
    }

    fn timer<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>, timer: MembershipTimer) {
        match timer {
            MembershipTimer::Cycle => self.cycle(member, cx),
            MembershipTimer::Timeout(token) => {
                let Some(silent) = member.waiting.close(token) else { return };
                member.forget(silent);
                if member.view.is_empty() {
                    self.enter(member, cx);
                }
            }
            MembershipTimer::KeepAlive | MembershipTimer::Rejoin => {}
        }
    }

    fn check(&self, member: &NewscastMember) -> Result<(), Violation> {
        check_list("a view", member.view.peers(), self.view)
    }
}

impl NewscastConfig {
    fn lifetime_ms(&self) -> u32 {
        (self.lifetime.span().nanos() / MILLISECOND) as u32
    }

    fn cycle<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>) {
        cx.set_timer(self.period.span(), MembershipTimer::Cycle.into());
        member.age(cx.now(), self.lifetime_ms());
        match cx.rng().pick(member.view.peers()).copied() {
            Some(partner) => self.exchange(member, cx, partner),
            None if member.waiting.is_empty() => self.enter(member, cx),
            None => {}
        }
    }

    fn exchange<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>, partner: PeerId) {
        let entries = self.news(member, cx);
        let token = member.waiting.open(partner);
        cx.send(partner, MembershipMessage::Shuffle { token, entries }.into());
        cx.set_timer(self.timeout.span(), MembershipTimer::Timeout(token).into());
    }

    /// All that this peer knows, and itself.
    fn news<O: Carrier>(&self, member: &mut NewscastMember, cx: &Context<'_, O>) -> Arc<[Entry]> {
        member.age(cx.now(), self.lifetime_ms());
        std::iter::once(Entry { peer: cx.this(), age: 0 }).chain(member.view.iter()).collect()
    }

    /// Keeps the newest of what is here and what has come.
    fn merge<O: Carrier>(&self, member: &mut NewscastMember, cx: &mut Context<'_, O>, entries: &[Entry]) {
        let (now, this, lifetime) = (cx.now(), cx.this(), self.lifetime_ms());
        member.age(now, lifetime);
        let news = entries.iter().copied().filter(|entry| entry.peer != this && entry.age <= lifetime);
        let mut all: Vec<Entry> = news.chain(member.view.iter()).collect();
        // Stable: of equal ages, what has come is before what was here.
        all.sort_by_key(|entry| entry.age);
        member.view.clear();
        for entry in all {
            if member.view.len() == usize::from(self.view) {
                break;
            }
            if !member.view.contains(entry.peer) {
                member.view.push(entry, self.view.into());
            }
        }
        if !member.view.is_empty() {
            become_member(member, cx);
        }
    }
}

fn become_member<O: Carrier>(member: &mut NewscastMember, cx: &mut Context<'_, O>) {
    if !member.joined {
        member.joined = true;
        cx.joined();
    }
}

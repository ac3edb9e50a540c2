//! Membership by gossip: how a peer finds neighbours and keeps them, whatever it then says to them.
//!
//! Each protocol is a state machine of one peer, [`Member`], with read-only rules, [`Membership`]. It is told of messages and timers, and acts
//! through the context of the model that it serves: a [`Carrier`], whose own messages and timers have room for [`MembershipMessage`] and
//! [`MembershipTimer`]. What it gives is a list, [`Member::neighbours`], which changes as time goes on.
//!
//! # To use it in another model
//! `From<MembershipMessage>` for its messages, `From<MembershipTimer>` for its timers, a [`MembershipConfig`] among its parameters, and a
//! `Box<Member>` in its peers; `join`, `started`, `leave`, `message` and `timer` are handed on, [`Membership::converged`] is called at a
//! converged start. A model that pushes rumours draws its partners from [`Member::neighbours`].
//!
//! # Map
//! `cyclon`, `newscast`: directed views, of entries with ages (`view`) · `hyparview`: few symmetric links and spare addresses.
//!
//! # Cost
//! A peer takes 8 bytes for each entry of a view, 4 of a passive one. A message costs one allocation for the list that it carries, and
//! its receiver a few walks over its own view.
//!
//! # Not here
//! Host caches with pings and pongs: they are Gnutella's own (`flooding::links`).

mod config;
mod cyclon;
mod hyparview;
mod message;
mod newscast;
mod view;

pub use config::{CyclonConfig, HyParViewConfig, MembershipConfig, NewscastConfig, Shuffling};
pub(crate) use message::kinds;
pub use message::{MembershipMessage, MembershipTimer};
pub use view::Entry;

use peerlab_model::{Context, Overlay, PeerId, Rng, Span, Violation};

use cyclon::CyclonMember;
use hyparview::HyParViewMember;
use newscast::NewscastMember;

/// A model whose neighbours are found and kept by one of these protocols.
pub trait Carrier: Overlay<Message: From<MembershipMessage>, Timer: From<MembershipTimer>> {}

impl<O: Overlay<Message: From<MembershipMessage>, Timer: From<MembershipTimer>>> Carrier for O {}

/// A protocol and its parameters: the same for all peers.
#[derive(Clone, Debug)]
pub enum Membership {
    /// Views that are shuffled, the oldest entry first.
    Cyclon(CyclonConfig),
    /// A small active view and a large passive one.
    HyParView(HyParViewConfig),
    /// Views of the newest entries that anybody has.
    Newscast(NewscastConfig),
}

/// What one peer knows of the others.
#[derive(Clone, Debug)]
pub enum Member {
    /// In Cyclon.
    Cyclon(CyclonMember),
    /// In HyParView.
    HyParView(HyParViewMember),
    /// In Newscast.
    Newscast(NewscastMember),
}

/// A protocol, as its rules see one peer. All are told the same things; see [`Overlay`] for what each one means.
trait Protocol {
    type Member: Default;

    /// Gives each of `members` what it knows after a long run without failures.
    fn converged(&self, members: &[PeerId], rng: &mut Rng, give: &mut dyn FnMut(PeerId, Self::Member));
    fn started<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>);
    fn join<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>);
    /// Joins through a first contact: [`join`](Self::join) without its timers.
    fn enter<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>);
    fn leave<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>);
    fn message<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>, from: PeerId, message: MembershipMessage);
    fn timer<O: Carrier>(&self, member: &mut Self::Member, cx: &mut Context<'_, O>, timer: MembershipTimer);
    fn check(&self, member: &Self::Member) -> Result<(), Violation>;
}

/// The same call to whichever protocol it is. A member never meets the rules of another one.
macro_rules! each {
    ($rules:expr, $member:expr, ($protocol:ident, $state:ident) => $call:expr) => {
        match ($rules, $member) {
            (Membership::Cyclon($protocol), Member::Cyclon($state)) => $call,
            (Membership::HyParView($protocol), Member::HyParView($state)) => $call,
            (Membership::Newscast($protocol), Member::Newscast($state)) => $call,
            (rules, member) => unreachable!("{member:?} meets {rules:?}"),
        }
    };
}

impl Membership {
    /// A peer that knows nobody.
    pub fn member(&self) -> Member {
        match self {
            Self::Cyclon(_) => Member::Cyclon(CyclonMember::default()),
            Self::HyParView(_) => Member::HyParView(HyParViewMember::default()),
            Self::Newscast(_) => Member::Newscast(NewscastMember::default()),
        }
    }

    /// Gives each of `members` what it knows after a long run without failures, before time begins.
    pub fn converged(&self, members: &[PeerId], rng: &mut Rng, give: &mut dyn FnMut(PeerId, Member)) {
        match self {
            Self::Cyclon(rules) => rules.converged(members, rng, &mut |peer, state| give(peer, Member::Cyclon(state))),
            Self::HyParView(rules) => rules.converged(members, rng, &mut |peer, state| give(peer, Member::HyParView(state))),
            Self::Newscast(rules) => rules.converged(members, rng, &mut |peer, state| give(peer, Member::Newscast(state))),
        }
    }

    /// A member of the converged start sets its timers.
    pub fn started<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>) {
        each!(self, member, (rules, state) => rules.started(state, cx));
    }

    /// This peer wants to become a member; [`Context::joined`] is called when it has its first neighbour, or is the only peer.
    pub fn join<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>) {
        each!(self, member, (rules, state) => rules.join(state, cx));
    }

    /// A member joins through one more first contact: where many have joined at once, those that met each other may have met nobody else.
    pub fn join_again<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>) {
        each!(self, member, (rules, state) => rules.enter(state, cx));
    }

    /// This peer leaves politely.
    pub fn leave<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>) {
        each!(self, member, (rules, state) => rules.leave(state, cx));
    }

    /// A message of the protocol has arrived.
    pub fn message<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>, from: PeerId, message: MembershipMessage) {
        each!(self, member, (rules, state) => rules.message(state, cx, from, message));
    }

    /// A timer of the protocol has gone off.
    pub fn timer<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>, timer: MembershipTimer) {
        each!(self, member, (rules, state) => rules.timer(state, cx, timer));
    }

    /// The model has heard that `peer` is no longer a member: this one forgets it.
    pub fn gone<O: Carrier>(&self, member: &mut Member, cx: &mut Context<'_, O>, peer: PeerId) {
        self.message(member, cx, peer, MembershipMessage::Disconnect { leaving: true });
    }

    /// True if both ends of a link know of it.
    pub fn is_symmetric(&self) -> bool {
        matches!(self, Self::HyParView(_))
    }

    /// The longest that a timer of a member's may run: after that a peer that has left may join anew, and none of its former timers will find it.
    pub fn longest_timer(&self) -> Span {
        match self {
            Self::Cyclon(rules) => rules.period.span().max(rules.timeout.span()),
            Self::HyParView(rules) => {
                let waits = [rules.period, rules.keep_alive, rules.timeout, rules.rejoin_after];
                waits.map(peerlab_model::units::Duration::span).into_iter().max().unwrap_or_default()
            }
            Self::Newscast(rules) => rules.period.span().max(rules.timeout.span()),
        }
    }

    /// Invariants of one peer.
    ///
    /// # Errors
    /// The one that does not hold.
    pub fn check(&self, member: &Member) -> Result<(), Violation> {
        each!(self, member, (rules, state) => rules.check(state))
    }
}

impl Member {
    /// Whom this peer talks to: its view, or its active view. Never itself, and nobody twice.
    #[inline]
    pub fn neighbours(&self) -> &[PeerId] {
        match self {
            Self::Cyclon(state) => state.view.peers(),
            Self::HyParView(state) => state.active(),
            Self::Newscast(state) => state.view.peers(),
        }
    }

    /// `most` random neighbours in random order, or all of them.
    pub fn some_neighbours(&self, most: usize, rng: &mut Rng) -> Vec<PeerId> {
        let mut some = self.neighbours().to_vec();
        view::keep_some(&mut some, most, rng);
        some
    }

    /// Everybody whose address it has: its neighbours, and those that are kept to replace them. Never itself, and nobody twice.
    pub fn known(&self) -> impl Iterator<Item = PeerId> {
        let spare = if let Self::HyParView(state) = self { state.passive() } else { &[] };
        self.neighbours().iter().chain(spare).copied()
    }

    /// Bytes of what it knows.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Cyclon(state) => state.bytes(),
            Self::HyParView(state) => state.bytes(),
            Self::Newscast(state) => state.bytes(),
        }
    }
}

/// What is wrong with a list of so many addresses, if anything is.
fn check_list(what: &str, list: &[PeerId], most: u16) -> Result<(), Violation> {
    if list.len() > most.into() {
        return Err(Violation(format!("{} entries in {what} for {most}", list.len())));
    }
    match list.iter().enumerate().find(|(at, peer)| list[..*at].contains(peer)) {
        Some((_, peer)) => Err(Violation(format!("{peer:?} is in {what} twice"))),
        None => Ok(()),
    }
}

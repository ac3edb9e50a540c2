//! Tapestry (Zhao, Huang, Stribling, Rhea, Joseph, Kubiatowicz: IEEE JSAC 2004; insertion as in Hildrum, Kubiatowicz, Rao, Zhao: SPAA 2002).
//!
//! Keys are strings of digits. A peer links to others by the prefix that they share with it: level l has, for each digit, the nearest peers
//! that share l digits and have that one next. A question is passed on digit by digit. Where nobody has the digit that the key wants, the
//! next higher one that somebody has is taken instead (*surrogate routing*): so every key has one *root*, which follows from the set of
//! members alone, wherever the question begins.
//!
//! # What is claimed
//! A question reaches the root in about log N hops to the base 2^b. Each slot has a primary neighbour and backups, and a dead one costs
//! about a round trip. A newcomer is a root as soon as it has joined. Object pointers lie at every peer on the way from a holder to
//! the root, and questions for the item end at the first of them.
//!
//! # Cost
//! A hop reads the peer and a few cache lines of its links. 17 bytes a link: 12 for itself, 5 for the backpointer at its other end. Handlers
//! allocate for answers that list contacts, and for pointers that are handed on.
//!
//! # Not here
//! Several roots for a key (salts), locality of the first contact, hotspot caching, mobility; and the pinned pointers and watch lists by which
//! Hildrum et al. make simultaneous insertions safe: two newcomers that miss each other are introduced by the next look around.
//!
//! # Map
//! `table`, `backpointers`: what a peer keeps · `peer`: the decisions · `route`: how a question travels · `question`: how it begins and
//! ends · `join`, `nearest`, `upkeep`: how tables are filled and kept · `content`: object pointers · `values`: values that peers keep · `start`: the converged mesh.

mod backpointers;
mod config;
mod content;
mod join;
mod message;
mod nearest;
mod peer;
mod question;
mod route;
mod start;
mod table;
mod upkeep;
mod values;

pub use config::TapestryConfig;
pub use message::{Goal, Query, Redirect, TapestryMessage};
pub use peer::{Pending, Purpose, TapestryPeer, Want, Why};

use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Roster, Setting, Span, Start, Target,
    Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::records::{Record, Records};
use crate::repair::compared;
use crate::structured::prefix::{digit, digits};

/// The Tapestry lookup model.
#[derive(Debug)]
pub struct Tapestry {
    config: TapestryConfig,
    numbering: Numbering,
    /// Peers keep values, not pointers to holders.
    values: bool,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TapestryTimer {
    /// Time to probe the next link.
    Probe,
    /// Time to refresh a level of the table.
    Table,
    /// Time to publish the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// A question of this peer's own may have got lost.
    Retry(Token),
    /// Time to compare values with those who keep them, too.
    Maintenance,
}

type Cx<'a> = Context<'a, Tapestry>;

impl Tapestry {
    /// The next gap of something periodic: uniform in half to one and a half of its mean.
    fn gap(cx: &mut Cx<'_>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }
}

impl Overlay for Tapestry {
    const NAME: &'static str = "tapestry";
    const SUMMARY: &'static str =
        "prefix routing to a unique surrogate root, with backup links, backpointers and object pointers on the way";
    const SOURCE: &'static str = "Zhao, Huang, Stribling, Rhea, Joseph, Kubiatowicz: Tapestry: a resilient global-scale overlay for service deployment, IEEE JSAC 22(1), 2004";
    const FAMILY: Family = Family::Structured;

    type Config = TapestryConfig;
    type Peer = TapestryPeer;
    type Message = TapestryMessage;
    type Timer = TapestryTimer;
    type Request = Pending;

    fn new(config: &TapestryConfig, setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone(), numbering: setting.numbering, values: setting.keeps_values() })
    }

    fn targets(_config: &TapestryConfig) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: false }
    }

    fn peer(&self, id: PeerId) -> TapestryPeer {
        TapestryPeer::new(id)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<TapestryPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }

    fn join(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, from: PeerId, message: TapestryMessage) {
        use TapestryMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Forward { key, lookup, origin, ask, hop, hops, goal } => {
                self.forwarded(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, goal });
            }
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Refuse { token, lowest, .. } => self.refused(peer, cx, from, token, lowest),
            M::Found { ask, hops, .. } => self.found(peer, cx, from, ask, hops),
            M::Redirect(redirect) => self.redirected(peer, cx, from, &redirect),
            M::Providers { holders, ask, hops, .. } => Self::providers(cx, ask, &holders, hops),
            M::Preliminary { contacts } => self.preliminary(peer, cx, &contacts),
            M::Surrogate { contacts, ask } => self.surrogate_found(peer, cx, from, ask, &contacts),
            M::Insert { token } => self.asked_to_insert(peer, cx, from, token),
            M::Inserted { token } => self.inserted(peer, cx, from, token),
            M::Multicast { newcomer, level, token } => self.told_of_newcomer(peer, cx, from, newcomer, level, token),
            M::MulticastAck { token, done } => self.multicast_acknowledged(peer, cx, from, token, done),
            M::Reached => self.reached(peer, cx, from),
            M::GetPointers { level, back, token } => self.asked_for_pointers(peer, cx, from, token, level, back),
            M::Pointers { contacts, token } => self.learn_pointers(peer, cx, from, token, &contacts),
            M::Probe { token, member, linked } => self.probed(peer, cx, from, token, member, linked),
            M::ProbeAck { token } => self.probe_answered(peer, cx, from, token),
            M::Linked => self.linked_by(peer, cx, from),
            M::Unlinked => peer.back.remove(from),
            M::Leave { replacements } => self.left_by(peer, cx, from, &replacements),
            M::HandOver { records, leaving } => self.take_over(peer, cx, from, &records, leaving),
            M::Store { key, token } => self.store(peer, cx, from, key, token),
            M::Stored { token } => self.stored(peer, cx, from, token),
            M::Repair(comparison) if peer.active => compared(self, peer, cx, from, &comparison),
            M::Repair(_) => {}
        }
    }

    fn timer(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, timer: TapestryTimer) {
        match timer {
            TapestryTimer::Probe => self.tick_probe(peer, cx),
            TapestryTimer::Table => self.tick_table(peer, cx),
            TapestryTimer::Republish => self.tick_republish(peer, cx),
            TapestryTimer::Join => self.attempt_join(peer, cx),
            TapestryTimer::Request(token) => self.request_timed_out(peer, cx, token),
            TapestryTimer::Retry(token) => self.retry(peer, cx, token),
            TapestryTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: TapestryTimer) -> Option<Token> {
        if let TapestryTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.forget(&[cx.setting().numbering.item_key(item)]);
        }
    }

    /// The surrogate root, digit by digit: of the members that are left, those with the key's digit stay, or, if there is none, those with
    /// the next one, cyclically, that somebody has.
    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        let bits = self.config.bits();
        let mut prefix = 0;
        for place in 0..digits(bits) {
            let wanted = digit(key, place, bits) as u64;
            let shift = u64::BITS - bits * (place as u32 + 1);
            let branches = (0..1 << bits).map(|step| prefix | ((wanted + step) % (1 << bits)) << shift);
            let has_member = |&branch: &u64| {
                let first = members.successor(Key(branch));
                first.is_some_and(|(member, _)| member.0 >> shift == branch >> shift)
            };
            prefix = branches.into_iter().find(has_member)?;
        }
        members.successor(Key(prefix)).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &TapestryPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.table.links().iter().for_each(|link| visit(link.peer));
    }

    fn state_bytes(&self, peer: &TapestryPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &TapestryPeer, next: Next<'_, TapestryMessage, TapestryTimer>) {
        if let Next::Message(TapestryMessage::Forward { .. } | TapestryMessage::Probe { .. }) | Next::Timer(TapestryTimer::Probe) = next {
            prefetch::<2, _>(peer.table.links());
        }
    }

    fn records<'p>(&self, peer: &'p TapestryPeer) -> &'p [Record] {
        peer.records().filter(|_| self.values).map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut TapestryPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().records = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &TapestryPeer) -> Result<(), Violation> {
        peer.check(self.numbering, &self.config).map_err(Violation)
    }
}

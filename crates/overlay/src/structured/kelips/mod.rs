//! Kelips (Gupta, Birman, Linga, Demers, van Renesse: Kelips: building an efficient and stable P2P DHT through increased memory and
//! background overhead, IPTPS 2003): √n affinity groups, soft state, gossip.
//!
//! Peers and items hash into k groups. A peer knows all members of its own group, a few *contacts* in each other one, and the *filetuples*
//! (item, holder) of all items that hash into its group. So a question goes to one contact in the right group, which knows the answer. All
//! of it is soft state: rounds of gossip, of a fixed number of messages of a fixed size, carry heartbeats, and what is not heard of for
//! long is dropped.
//!
//! # What is claimed
//! One hop, at a memory of about √n entries and a bandwidth that does not depend on n or on churn. What gossip has not told yet is not
//! known: after a change, answers are wrong or missing for some rounds, and questions try other contacts.
//!
//! # Cost
//! 12 bytes a member of the group and a contact, 24 a filetuple, at each member of its group. A round makes two or three allocations, which
//! its messages share; a question allocates its answer.
//!
//! # Not here
//! Forwarding of questions within a group (the paper's second
//! way to try again).
//!
//! # Map
//! `view`: members and contacts · `peer`: what a peer keeps · `gossip`: rounds · `hearsay`: what is made of the news · `ask`: questions ·
//! `join`: becoming a member, saying goodbye · `content`: filetuples · `values`: values and their homenodes · `start`: the converged network.

mod ask;
mod config;
mod content;
mod gossip;
mod hearsay;
mod join;
mod message;
mod peer;
mod start;
mod values;
mod view;

pub use config::KelipsConfig;
pub use message::{Goal, KelipsMessage, News, Tuple};
pub use peer::{KelipsPeer, Pending, Purpose, Search};

use peerlab_model::{
    BuildError, Context, Family, ItemId, Key, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Roster, Setting, Start, Target,
    Targets, Token, Violation,
};
use peerlab_prefetch::prefetch;

use self::view::{Contacts, Heartbeat, ticks};
use crate::records::{Record, Records};
use crate::repair::compared;
use crate::structured::prefix::closeness;

/// The Kelips lookup model.
#[derive(Debug)]
pub struct Kelips {
    config: KelipsConfig,
    numbering: Numbering,
    groups: u32,
    group_timeout: Heartbeat,
    contact_timeout: Heartbeat,
    /// Peers keep values, not only the names of holders.
    values: bool,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KelipsTimer {
    /// Time for a round of gossip.
    Round,
    /// Time to register the next item again.
    Republish,
    /// Time to try to join again.
    Join,
    /// A request may have timed out.
    Request(Token),
    /// Time to look after values.
    Maintenance,
}

type Cx<'a> = Context<'a, Kelips>;

impl Kelips {
    /// The affinity group that a key hashes into: keys are hashes, cut into equal intervals.
    #[inline]
    fn group_of_key(&self, key: Key) -> u32 {
        ((u128::from(key.0) * u128::from(self.groups)) >> 64) as u32
    }

    #[inline]
    fn group_of(&self, peer: PeerId) -> u32 {
        self.group_of_key(self.numbering.key(peer))
    }

    /// Waits for the answer to a request.
    fn await_answer(&self, cx: &mut Cx<'_>, token: Token) {
        cx.set_timer(self.config.request_timeout.span(), KelipsTimer::Request(token));
    }
}

impl Overlay for Kelips {
    const NAME: &'static str = "kelips";
    const SUMMARY: &'static str = "√n affinity groups that know all of themselves; gossip of bounded bandwidth; one hop";
    const SOURCE: &'static str = "Gupta, Birman, Linga, Demers, van Renesse: Kelips: building an efficient and stable P2P DHT through increased memory and background overhead, IPTPS 2003";
    const FAMILY: Family = Family::Structured;

    type Config = KelipsConfig;
    type Peer = KelipsPeer;
    type Message = KelipsMessage;
    type Timer = KelipsTimer;
    type Request = Pending;

    fn new(config: &KelipsConfig, setting: &Setting) -> Result<Self, BuildError> {
        let online = setting.expected_online;
        Ok(Self {
            groups: config.groups_among(online),
            group_timeout: ticks(config.stretched(config.group_timeout, online)),
            contact_timeout: ticks(config.stretched(config.contact_timeout, online)),
            config: config.clone(),
            numbering: setting.numbering,
            values: setting.keeps_values(),
        })
    }

    fn targets(_config: &KelipsConfig) -> Targets {
        Targets { key: true, peer: true, content: true, value: true, keywords: false }
    }

    fn peer(&self, id: PeerId) -> KelipsPeer {
        let mut peer = KelipsPeer::new(id, self.group_of(id));
        peer.contacts = Contacts::new(self.groups, self.config.contacts);
        peer
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<KelipsPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        self.begin_ticking(peer, cx);
        self.begin_state(peer, cx);
    }

    fn join(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, message: KelipsMessage) {
        use KelipsMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Gossip { news, tuples } => self.gossip_came(peer, cx, from, &news, tuples.as_deref()),
            M::Ask { key, lookup, token, goal } => self.asked(peer, cx, from, key, lookup, token, goal),
            M::Answer { peers, token, .. } => self.answered(peer, cx, from, token, &peers),
            M::Refuse { lowest, token, .. } => self.refused(peer, cx, token, lowest),
            M::Introduce { token } => self.asked_to_introduce(peer, cx, from, token),
            M::Introduction { news, token } => self.introduced(peer, cx, from, token, &news),
            M::GetGroup { token } => self.asked_for_group(peer, cx, from, token),
            M::Group { news, token } => self.group_came(peer, cx, from, token, &news),
            M::Tuples { tuples } => tuples.iter().for_each(|&tuple| self.hear_of_tuple(peer, cx, tuple)),
            M::Ping { token } => self.pinged(peer, cx, from, token),
            M::Pong { token } => self.ponged(peer, cx, from, token),
            M::Insert { key, token } => self.asked_to_insert(peer, cx, from, key, token),
            M::Stored { token } => self.stored(peer, cx, from, token),
            M::Remove { key } => self.asked_to_remove(peer, cx, from, key),
            M::Value { token, .. } => self.value_came(peer, cx, from, token),
            M::Repair(comparison) if peer.active => compared(self, peer, cx, from, &comparison),
            M::Repair(_) => {}
        }
    }

    fn timer(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, timer: KelipsTimer) {
        match timer {
            KelipsTimer::Round => self.tick_round(peer, cx),
            KelipsTimer::Republish => self.tick_republish(peer, cx),
            KelipsTimer::Join => self.attempt_join(peer, cx),
            KelipsTimer::Request(token) => self.request_timed_out(peer, cx, token),
            KelipsTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: KelipsTimer) -> Option<Token> {
        if let KelipsTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, item: ItemId) {
        let key = cx.setting().numbering.item_key(item);
        peer.tuples.forget(&[key]);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.fresh.retain(|(tuple, _)| tuple.record.key != key);
            extra.values.forget(&[key]);
        }
    }

    /// The member of the key's group whose own key is numerically closest to it; nobody, if the group is empty.
    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        let group = self.group_of_key(key);
        let ends = [members.successor(key), members.predecessor(key)].into_iter().flatten();
        let own = ends.filter(|&(member, _)| self.group_of_key(member) == group);
        own.min_by_key(|&(member, _)| closeness(key, member)).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &KelipsPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.view.list().iter().chain(peer.contacts.iter()).for_each(|known| visit(known.peer));
    }

    fn state_bytes(&self, peer: &KelipsPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &KelipsPeer, next: Next<'_, KelipsMessage, KelipsTimer>) {
        if matches!(next, Next::Message(KelipsMessage::Gossip { .. }) | Next::Timer(KelipsTimer::Round)) {
            prefetch::<4, _>(peer.view.list());
        }
    }

    fn records<'p>(&self, peer: &'p KelipsPeer) -> &'p [Record] {
        peer.values().map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut KelipsPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().values = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &KelipsPeer) -> Result<(), Violation> {
        peer.check(|contact| self.group_of(contact)).map_err(Violation)
    }
}

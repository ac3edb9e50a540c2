//! CAN (Ratnasamy, Francis, Handley, Karp, Shenker: SIGCOMM 2001).
//!
//! Keys are points of a torus with d dimensions, which is divided into zones, one a peer. A key belongs to the peer whose zone contains its
//! point. A peer knows the peers of the zones that touch its own, and passes a question to the one closest to the question's point.
//!
//! # What is claimed
//! A question takes about (d/4) N^(1/d) links between equal zones. Zones that nobody holds are taken over by a neighbour; zones that two
//! hold go to one of them; both without a moment at which nobody is responsible but for crashes and goodbyes. Who owns what depends on
//! what has happened, so the judge is told by the peers themselves.
//!
//! # Cost
//! A hop reads the peer and its table of neighbours (48 bytes each). No handler allocates in the steady state but for answers that list
//! holders: an update is one list, shared among all who get it, and written anew only when zones have changed.
//!
//! # Not here
//! Several peers a zone, several hash functions, topologically sensitive construction (sections 3.4 to 3.6), caching.
//!
//! # Map
//! `zone`: the torus · `space`: zones and neighbours · `peer`: what a peer knows · `route`: how a question travels · `question`: how it begins
//! and ends · `join`: zones that change hands · `upkeep`: updates, silence, holes · `takeover`: zones that nobody or two hold, background
//! reassignment · `content`: provider records · `values`: values that peers keep · `start`: the converged network.

mod config;
mod content;
mod join;
mod message;
mod peer;
mod question;
mod route;
mod space;
mod start;
mod takeover;
mod upkeep;
mod values;
mod zone;

pub use config::{CanConfig, Zones};
pub use message::{Bulletin, CanMessage, Goal, Listed, Query};
pub use peer::{CanPeer, Pending, Purpose, Why};
pub use zone::Zone;

use peerlab_model::{
    BuildError, Context, Family, ItemId, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Setting, Span, Start, Target, Targets,
    Token, Violation,
};
use peerlab_prefetch::prefetch;

use crate::records::{Record, Records};
use crate::repair::compared;
use crate::structured::trips::Patience;
use zone::Torus;

/// The CAN lookup model.
#[derive(Debug)]
pub struct Can {
    rules: Rules,
    torus: Torus,
    numbering: Numbering,
    /// Peers keep values, not only the names of holders.
    values: bool,
}

/// The parameters, ready to be used.
#[derive(Clone, Debug)]
struct Rules {
    realities: u8,
    rtt_weighted: bool,
    uniform_partitioning: bool,
    zones: Zones,
    update_interval: Span,
    failure_after: Span,
    takeover_timer: Span,
    reassign_interval: Span,
    request_timeout: Span,
    /// With which a neighbour that is asked the way is waited for.
    patience: Patience,
    retries: u8,
    retry_after: Span,
    replicas: u8,
    names: bool,
    republish_interval: Span,
    record_expiry: Span,
    maintenance_interval: Span,
    holders_per_answer: u8,
}

impl From<&CanConfig> for Rules {
    fn from(c: &CanConfig) -> Self {
        Self {
            realities: c.realities,
            rtt_weighted: c.rtt_weighted,
            uniform_partitioning: c.uniform_partitioning,
            zones: c.zones,
            update_interval: c.update_interval.span(),
            failure_after: c.failure_after.span(),
            takeover_timer: c.takeover_timer.span(),
            reassign_interval: c.reassign_interval.span(),
            request_timeout: c.request_timeout.span(),
            patience: Patience::new(c.request_timeout.span(), c.adaptive_timeouts, c.timeout_margin.span()),
            retries: c.retries,
            retry_after: c.retry_after.span(),
            replicas: c.replicas,
            names: c.names,
            republish_interval: c.republish_interval.span(),
            record_expiry: c.record_expiry.span(),
            maintenance_interval: c.maintenance_interval.span(),
            holders_per_answer: c.holders_per_answer,
        }
    }
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanTimer {
    /// Time to tell the neighbours.
    Update,
    /// Time to get rid of a zone too many.
    Reassign,
    /// Time to register the next item again.
    Republish,
    /// Time to register its name again.
    Name,
    /// Time to try to join again.
    Join,
    /// Time to take over from a neighbour that failed.
    Takeover(PeerId),
    /// A request may have timed out.
    Request(Token),
    /// A question of this peer's own may have got lost.
    Retry(Token),
    /// Time to compare values with those who keep them, too.
    Maintenance,
}

type Cx<'a> = Context<'a, Can>;

impl Can {
    /// The next gap of something periodic: uniform in half to one and a half of its mean.
    fn gap(cx: &mut Cx<'_>, mean: Span) -> Span {
        let half = Span::from_nanos(mean.nanos() / 2);
        half + Span::from_nanos(cx.rng().below(mean.nanos().max(1)))
    }

    /// How long upkeep waits for an answer. It is in no hurry, and a wrong belief in a death costs much.
    fn upkeep_timeout(&self) -> Span {
        self.rules.request_timeout.times(3)
    }

    fn request_timed_out(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, token: Token) {
        match cx.close(token) {
            Some(Pending::Hop { to, query, .. }) => self.hop_timed_out(peer, cx, to, query),
            Some(Pending::Check { to, realm, why, tries, .. }) => self.check_timed_out(peer, cx, to, realm, why, tries),
            Some(Pending::Give { to, realm, zone, tries }) => self.give_timed_out(peer, cx, to, realm, zone, tries),
            Some(Pending::Cede { to, realm, zone }) => self.cede_timed_out(peer, cx, to, realm, zone),
            Some(Pending::Store { name, .. }) => self.store_failed(peer, cx, name),
            Some(Pending::Own { .. }) | None => {}
        }
    }
}

impl Overlay for Can {
    const NAME: &'static str = "can";
    const SUMMARY: &'static str = "a torus divided into zones; a question passes from zone to neighbouring zone, about (d/4) N^(1/d) hops";
    const SOURCE: &'static str = "Ratnasamy, Francis, Handley, Karp, Shenker: A scalable content-addressable network, SIGCOMM 2001";
    const FAMILY: Family = Family::Structured;

    type Config = CanConfig;
    type Peer = CanPeer;
    type Message = CanMessage;
    type Timer = CanTimer;
    type Request = Pending;

    fn new(config: &CanConfig, setting: &Setting) -> Result<Self, BuildError> {
        let values = setting.keeps_values();
        Ok(Self { rules: Rules::from(config), torus: Torus::new(config.dimensions), numbering: setting.numbering, values })
    }

    fn targets(config: &CanConfig) -> Targets {
        Targets { key: true, peer: config.names, content: true, value: true, keywords: false }
    }

    fn peer(&self, id: PeerId) -> CanPeer {
        CanPeer::new(id, self.rules.realities)
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<CanPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        self.begin(peer, cx);
    }

    fn join(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        self.attempt_join(peer, cx);
    }

    fn leave(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        self.say_goodbye(peer, cx);
    }

    fn lookup(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        self.begin_lookup(peer, cx, id, target);
    }

    fn message(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, from: PeerId, message: CanMessage) {
        use CanMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Forward { key, lookup, origin, ask, hop, hops, realm, goal } => {
                self.forwarded(peer, cx, from, hop, Query { key, lookup, origin, ask, hops, realm, goal });
            }
            M::Ack { hop, .. } => self.acknowledged(peer, cx, from, hop),
            M::Refuse { token, lowest, .. } => self.refused(peer, cx, from, token, lowest),
            M::Found { ask, hops, .. } => self.found(peer, cx, from, ask, hops),
            M::Providers { holders, ask, hops, .. } => Self::providers(cx, ask, &holders, hops),
            M::Give { realm, zone, around, token } => self.given(peer, cx, from, (realm, zone), &around, token),
            M::Accept { token, .. } => self.accepted(peer, cx, from, token),
            M::Update { realm, bulletin, asks, answers } => self.updated(peer, cx, from, realm, &bulletin, (asks, answers)),
            M::Takeover { realm, dead, volume } => self.told_of_takeover(peer, cx, from, realm, dead, volume),
            M::Leave { realm } => Self::left_by(peer, cx, from, realm),
            M::Cede { realm, zone, token } => Self::asked_to_confirm(peer, cx, from, realm, zone, token),
            M::Ceded { token, holds } => self.ceded(peer, cx, from, token, holds),
            M::Seek { realm, zone, holder } => Self::sought(peer, cx, realm, zone, holder),
            M::Sought { realm, zone } => self.taker_found(peer, cx, from, realm, zone),
            M::HandOver { records } => Self::receive_records(peer, cx, &records),
            M::Store { key, token } => self.store(peer, cx, from, key, token),
            M::Stored { token } => self.stored(peer, cx, from, token),
            M::Remove { key } => self.remove(peer, cx, from, key),
            M::Put { key, token } => self.put(peer, cx, from, key, token),
            M::Value { ask, hops, .. } => Self::value_found(cx, from, ask, hops),
            M::Repair(comparison) if peer.is_active() => compared(self, peer, cx, from, &comparison),
            M::Repair(_) => {}
            M::Replicate { record } => Self::replicate(peer, cx, record),
            M::Retract { key, holder } => {
                peer.extra().records.remove(key, holder);
            }
        }
    }

    fn timer(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, timer: CanTimer) {
        match timer {
            CanTimer::Update => self.tick_update(peer, cx),
            CanTimer::Reassign => self.tick_reassign(peer, cx),
            CanTimer::Republish => self.tick_republish(peer, cx),
            CanTimer::Name => self.tick_name(peer, cx),
            CanTimer::Join => self.attempt_join(peer, cx),
            CanTimer::Takeover(dead) => self.takeover_due(peer, cx, dead),
            CanTimer::Request(token) => self.request_timed_out(peer, cx, token),
            CanTimer::Retry(token) => self.retry(peer, cx, token),
            CanTimer::Maintenance => self.tick_maintenance(peer, cx),
        }
    }

    #[inline]
    fn timeout_of(timer: CanTimer) -> Option<Token> {
        if let CanTimer::Request(token) = timer { Some(token) } else { None }
    }

    fn publish(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        self.queue_items(peer, cx, items, false);
    }

    fn take_down(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, item: ItemId) {
        if let Some(extra) = peer.extra.as_deref_mut() {
            let key = cx.setting().numbering.item_key(item);
            extra.records.forget(&[key]);
            extra.values.forget(&[key]);
        }
    }

    fn contacts(&self, peer: &CanPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.spaces().flat_map(|(_, space)| space.peers()).for_each(visit);
    }

    fn state_bytes(&self, peer: &CanPeer) -> usize {
        peer.state_bytes()
    }

    fn prefetch(&self, peer: &CanPeer, next: Next<'_, CanMessage, CanTimer>) {
        if let Next::Message(CanMessage::Forward { .. } | CanMessage::Update { .. }) | Next::Timer(CanTimer::Update) = next {
            for (_, space) in peer.spaces() {
                prefetch::<1, _>(space.zones());
                prefetch::<4, _>(space.neighbours());
            }
        }
    }

    fn records<'p>(&self, peer: &'p CanPeer) -> &'p [Record] {
        peer.values().map_or(&[], Records::as_slice)
    }

    fn restore(&self, peer: &mut CanPeer, records: &[Record]) {
        if !records.is_empty() {
            peer.extra().values = Records::from_unsorted(records.to_vec());
        }
    }

    fn check(&self, peer: &CanPeer) -> Result<(), Violation> {
        peer.check(&self.torus).map_err(Violation)
    }
}

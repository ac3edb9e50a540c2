//! Hosts that move content: their agents, and what leads from an agent to the overlay and back.
//!
//! An agent's events are those of its host's first seat. What it asks the overlay for, and what the overlay tells it, waits until the handler
//! that said so has returned, and is done in the same event: so neither ever sees the other at work.

use std::sync::Arc;

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{HostId, ItemId, LookupId, Overlay, PeerId, Target};
use peerlab_transfer::{Agent, Arrivals, Plan, Port, TransferMessage, Wake};
use peerlab_workload::Behaviour;

use crate::asking::Asker;
use crate::deeds::Deeds;
use crate::observer::Observer;
use crate::shard::{Alarm, Phase, Seats};

/// Below the bit that tells an agent's lookups: its download's number, and in these bits how many it has begun before.
const EARLIER_BITS: u32 = 12;

const SEARCH: u32 = Asker::Agent.bit();

/// The number of the download that a lookup is for, at the agent of its origin: that of a search, or the one that the lookup has turned into.
fn download_of(agent: &Agent, lookup: LookupId) -> Option<u32> {
    if Asker::of(lookup) == Asker::Agent { Some((lookup.number & !SEARCH) >> EARLIER_BITS) } else { agent.download_of(lookup) }
}

/// The agents of a shard's hosts.
pub(crate) struct Transfers {
    pub(crate) plan: Arc<Plan>,
    /// By host, those that have had anything to do.
    pub(crate) agents: Vec<Option<Box<Agent>>>,
}

/// What an agent is reminded of, in the four bytes that fit into a model's timer: the number of an item, or one that no item has.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Reminder(u32);

const UPLINK: u32 = u32::MAX;
const ROUND: u32 = u32::MAX - 1;

impl From<Wake> for Reminder {
    #[inline]
    fn from(wake: Wake) -> Self {
        match wake {
            Wake::Uplink => Self(UPLINK),
            Wake::Round => Self(ROUND),
            Wake::Served(item) => Self(item.0),
        }
    }
}

impl From<Reminder> for Wake {
    #[inline]
    fn from(Reminder(number): Reminder) -> Self {
        match number {
            UPLINK => Self::Uplink,
            ROUND => Self::Round,
            item => Self::Served(ItemId(item)),
        }
    }
}

/// Content that has arrived, in the measured time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    pub(crate) from_servers: u64,
    pub(crate) from_peers: u64,
}

/// What overlay and agents have said to each other and not heard yet.
#[derive(Debug, Default)]
pub(crate) struct Mail {
    /// A lookup of this host has led to somebody, or is over.
    pub(crate) found: Vec<(LookupId, Option<PeerId>)>,
    /// Searches that an agent wants.
    searches: Vec<(LookupId, ItemId)>,
}

impl Mail {
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty() && self.searches.is_empty()
    }
}

impl<O: Overlay, V: Observer<O::Message>> Port for Deeds<'_, '_, O, V> {
    fn now(&self) -> Time {
        self.key.time
    }

    fn this(&self) -> PeerId {
        self.this
    }

    fn send(&mut self, to: PeerId, message: TransferMessage, order: &mut Time) {
        let bytes = message.wire_bytes();
        self.stream(to, message, bytes, order);
    }

    fn wake(&mut self, after: Span, wake: Wake) {
        let seq = self.life.next_seq();
        self.out.timer(self.key.time.saturating_add(after.max(Span::from_nanos(1))), seq, Alarm::Transfer(wake.into()));
    }

    fn uplink_free(&self) -> Time {
        let place = self.machines.place(self.machines.common.setting.numbering.host_of(self.seat));
        self.books.limits.get(place).map_or(self.key.time, |limits| limits.link.free(&limits.link_state, self.key.time))
    }

    fn holds(&self, item: ItemId) -> bool {
        let common = &self.machines.common;
        self.machines.shelves.has(&common.holdings, common.setting.numbering.host_of(self.seat), item)
    }

    fn refuses(&self, item: ItemId) -> bool {
        let numbering = &self.machines.common.setting.numbering;
        self.machines.refusals.has(numbering.host_of(self.seat), numbering.item_key(item))
    }

    fn shelve(&mut self, item: ItemId, holds: bool) {
        self.books.shelved.push((item, holds));
    }

    fn search(&mut self, download: u32, earlier: u32, item: ItemId) {
        let origin = self.machines.common.setting.numbering.host_of(self.seat).0;
        let number = SEARCH | (download << EARLIER_BITS) & (SEARCH - 1) | earlier & ((1 << EARLIER_BITS) - 1);
        self.books.mail.searches.push((LookupId { origin, number }, item));
    }

    fn received(&mut self, bytes: u32, from_server: bool) {
        if self.key.time >= Time::ZERO {
            let moved = &mut self.books.moved_content;
            *(if from_server { &mut moved.from_servers } else { &mut moved.from_peers }) += u64::from(bytes);
        }
    }
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// The agent of a seat's host, where that moves content and has begun to.
    #[inline]
    pub(crate) fn agent(&self, seat: u32) -> Option<&Agent> {
        self.transfers.as_ref()?.agents.get(self.local(seat))?.as_deref()
    }

    /// Lets a host's agent act, in an event of its first seat, whose `out` this is; then carries out what it has asked for. Nothing where nobody
    /// moves content.
    pub(crate) fn with_agent(
        &mut self,
        out: &mut Outbox<'_, Self>,
        host: HostId,
        key: EventKey,
        act: impl FnOnce(&mut Agent, &Plan, &mut dyn Port),
    ) {
        self.agent_acts(out, host, key, act);
        if self.books.has_news() {
            self.pass_on(out, self.common.setting.numbering.first_seat(host), key);
        }
    }

    #[inline(never)]
    fn agent_acts(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey, act: impl FnOnce(&mut Agent, &Plan, &mut dyn Port)) {
        let seat = self.common.setting.numbering.first_seat(host);
        let this = self.identity(seat);
        let poisons = self.conduct(host).is_some_and(|conduct| conduct.table.behaviour == Behaviour::Poison);
        let Some(transfers) = &mut self.transfers else { return };
        let plan = &*transfers.plan;
        let agent =
            transfers.agents[self.machines.place(host)].get_or_insert_with(|| Box::new(Agent::new(plan, host.0, plan.is_server(this))));
        if poisons {
            agent.pollute();
        }
        let life = &mut self.places[(seat - self.base) as usize].life;
        let mut deeds = Deeds { machines: &self.machines, books: &mut self.books, life, out, seat, this, key, joined: false };
        act(agent, plan, &mut deeds);
    }

    /// Does what an event has brought up beside what its handler did: disks that change, searches that begin, sources that were found.
    #[cold]
    pub(crate) fn pass_on(&mut self, out: &mut Outbox<'_, Self>, seat: u32, key: EventKey) {
        let host = self.common.setting.numbering.host_of(seat);
        while self.books.has_news() {
            self.shelve(out, seat, key);
            for (lookup, found) in std::mem::take(&mut self.books.mail.found) {
                self.tell(out, host, key, lookup, found);
            }
            for (lookup, item) in std::mem::take(&mut self.books.mail.searches) {
                self.ask(out, key, lookup, Target::Item(item));
            }
        }
    }

    /// Tells a host's agent what a lookup has found (or that it is over), if it is for one of its downloads.
    fn tell(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey, lookup: LookupId, found: Option<PeerId>) {
        self.agent_acts(out, host, key, |agent, plan, port| match (download_of(agent, lookup), found) {
            (Some(download), Some(peer)) => agent.source(plan, port, download, peer),
            (Some(download), None) => agent.searched(plan, port, download),
            (None, _) => {}
        });
    }

    /// The user of a host wants an item, whose lookup is beginning: if that is to be a download, it begins.
    pub(crate) fn begin_download(&mut self, out: &mut Outbox<'_, Self>, key: EventKey, lookup: LookupId, target: Target, at_hand: bool) {
        let (Some(transfers), Target::Item(item)) = (&self.transfers, target) else { return };
        let config = &transfers.plan.config;
        let draws = self.common.streams.keyed("downloads");
        let is_drawn = config.share >= 1.0 || draws.rng(u64::from(lookup.origin), u64::from(lookup.number)).chance(config.share);
        if config.arrivals != Arrivals::Lookups || !is_drawn {
            return;
        }
        self.agent_acts(out, HostId(lookup.origin), key, |agent, plan, port| {
            if agent.wants(item) {
                // It is on its way already.
            } else if at_hand {
                agent.at_hand(plan, port.now(), Some(lookup), item);
            } else {
                agent.begin(plan, port, Some(lookup), item);
            }
        });
    }

    /// Sets the time at which the user of a host wants item 0. `out` is its first seat's.
    pub(crate) fn expect_arrival(&mut self, out: &mut Outbox<'_, Self>, host: HostId, at: Time) {
        let seq = self.own_key(host, at).seq;
        out.timer(at, seq, Alarm::Arrival);
    }

    /// The user of a host wants item 0, whatever anybody looks for.
    pub(crate) fn arrival(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey) {
        let item = ItemId(0);
        let phase = self.host(host)[0].life.phase;
        if phase == Phase::Offline || self.machines.shelves.has(&self.common.holdings, host, item) {
            return;
        }
        self.with_agent(out, host, key, |agent, plan, port| {
            // A trace may say twice that somebody wants it.
            if !agent.wants(item) {
                agent.begin(plan, port, None, item);
            }
        });
    }

    /// What was sent to find sources is charged to the download that they were for.
    pub(crate) fn charge(&mut self, lookup: LookupId, messages: u64, bytes: u64) {
        let at = self.machines.place(HostId(lookup.origin));
        let Some(agent) = self.transfers.as_mut().and_then(|transfers| transfers.agents[at].as_mut()) else { return };
        if let Some(download) = download_of(agent, lookup) {
            agent.charge(download, messages, bytes);
        }
    }
}

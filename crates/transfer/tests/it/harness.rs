//! A small world for agents: links that serialise, a constant delay, sessions that end on demand, and a directory in place of an overlay.
//!
//! Events are handled in the order of time, then of their making. Every search is answered at once with all hosts that have something of the item.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::rc::Rc;

use peerlab_engine::random::Streams;
use peerlab_model::units::{Rate, Size};
use peerlab_model::{ItemId, PeerId, Span, Time};
use peerlab_transfer::{Agent, Download, DownloadConfig, End, Plan, Playback, Port, StreamConfig, TransferMessage, Wake};

/// Each way, beside what links add.
pub(crate) const DELAY: Span = Span::from_millis(20);

enum Event {
    /// At the receiver's downlink.
    Arrives {
        from: usize,
        message: TransferMessage,
    },
    /// Through it.
    Received {
        from: usize,
        message: TransferMessage,
    },
    Wakes {
        session: u32,
        wake: Wake,
    },
}

#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) up: Option<Rate>,
    pub(crate) down: Option<Rate>,
}

struct Host {
    /// Not here while it acts.
    agent: Option<Agent>,
    link: Link,
    up_free: Time,
    down_free: Time,
    online: bool,
    session: u32,
    /// Bytes of blocks that have left and that have come.
    sent: u64,
    received: u64,
}

/// See the module.
pub(crate) struct World {
    plan: Rc<Plan>,
    hosts: Vec<Host>,
    shelves: BTreeSet<(usize, ItemId)>,
    events: BinaryHeap<Reverse<(Time, u64)>>,
    what: BTreeMap<u64, (usize, Event)>,
    made: u64,
    now: Time,
}

struct Hand<'w> {
    world: &'w mut World,
    this: usize,
    searches: Vec<(u32, ItemId)>,
    shelved: Vec<(ItemId, bool)>,
}

impl Port for Hand<'_> {
    fn now(&self) -> Time {
        self.world.now
    }

    fn this(&self) -> PeerId {
        PeerId(self.this as u32)
    }

    fn send(&mut self, to: PeerId, message: TransferMessage, order: &mut Time) {
        let now = self.world.now;
        let bytes = message.wire_bytes();
        let host = &mut self.world.hosts[self.this];
        if let TransferMessage::Block { bytes, .. } | TransferMessage::BadBlock { bytes, .. } = message {
            host.sent += u64::from(bytes.0);
        }
        let leaves = host.link.up.map_or(now, |rate| {
            host.up_free = host.up_free.max(now) + rate.transmission(u64::from(bytes));
            host.up_free
        });
        *order = (leaves + DELAY).max(*order + Span::from_nanos(1));
        self.world.event(*order, to.0 as usize, Event::Arrives { from: self.this, message });
    }

    fn wake(&mut self, after: Span, wake: Wake) {
        let session = self.world.hosts[self.this].session;
        self.world.event(self.world.now + after.max(Span::from_nanos(1)), self.this, Event::Wakes { session, wake });
    }

    fn uplink_free(&self) -> Time {
        self.world.hosts[self.this].up_free.max(self.world.now)
    }

    fn holds(&self, item: ItemId) -> bool {
        self.world.shelves.contains(&(self.this, item))
    }

    fn refuses(&self, _item: ItemId) -> bool {
        false
    }

    fn shelve(&mut self, item: ItemId, holds: bool) {
        self.shelved.push((item, holds));
    }

    fn search(&mut self, download: u32, _: u32, item: ItemId) {
        self.searches.push((download, item));
    }

    fn received(&mut self, bytes: u32, _: bool) {
        self.world.hosts[self.this].received += u64::from(bytes);
    }
}

impl World {
    /// `servers` origin servers (the first hosts), then one host for each link.
    pub(crate) fn new(config: &DownloadConfig, size: Size, links: &[Link]) -> Self {
        Self::watched(config, None, size, links)
    }

    /// The same, where items may be played while they load.
    pub(crate) fn watched(config: &DownloadConfig, stream: Option<StreamConfig>, size: Size, links: &[Link]) -> Self {
        let servers = config.servers as usize;
        let plan = Plan::new(config, size, (0..servers as u32).map(PeerId).collect(), Streams::new(1));
        let plan = Rc::new(plan.with_stream(stream));
        let server = Link { up: Some(config.server_upload), down: None };
        let all = std::iter::repeat_n(server, servers).chain(links.iter().copied());
        let host = |(number, link): (usize, Link)| Host {
            agent: Some(Agent::new(&plan, number as u32, number < servers)),
            link,
            up_free: Time::ZERO,
            down_free: Time::ZERO,
            online: true,
            session: 0,
            sent: 0,
            received: 0,
        };
        let hosts = all.enumerate().map(host).collect();
        let (shelves, events, what) = (BTreeSet::new(), BinaryHeap::new(), BTreeMap::new());
        Self { plan, hosts, shelves, events, what, made: 0, now: Time::ZERO }
    }

    fn event(&mut self, at: Time, host: usize, event: Event) {
        self.events.push(Reverse((at, self.made)));
        self.what.insert(self.made, (host, event));
        self.made += 1;
    }

    /// The host has item 0 from the beginning.
    pub(crate) fn give(&mut self, host: usize) {
        self.shelves.insert((host, ItemId(0)));
    }

    fn act(&mut self, host: usize, act: impl FnOnce(&mut Agent, &Plan, &mut dyn Port)) {
        let plan = Rc::clone(&self.plan);
        let mut agent = self.hosts[host].agent.take().expect("one event at a time");
        let mut hand = Hand { world: self, this: host, searches: Vec::new(), shelved: Vec::new() };
        act(&mut agent, &plan, &mut hand);
        loop {
            for (item, holds) in std::mem::take(&mut hand.shelved) {
                let shelves = &mut hand.world.shelves;
                if holds {
                    shelves.insert((host, item))
                } else {
                    shelves.remove(&(host, item))
                };
            }
            let Some((download, item)) = hand.searches.pop() else { break };
            let world = &hand.world;
            let is_there = |&&(host, held): &&(usize, ItemId)| held == item && world.hosts[host].online;
            let holders: Vec<usize> = world.shelves.iter().filter(is_there).map(|(host, _)| *host).collect();
            for holder in holders {
                agent.source(&plan, &mut hand, download, PeerId(holder as u32));
            }
            agent.searched(&plan, &mut hand, download);
        }
        self.hosts[host].agent = Some(agent);
    }

    /// The user of a host wants item 0.
    pub(crate) fn want(&mut self, host: usize) {
        self.act(host, |agent, plan, port| agent.begin(plan, port, None, ItemId(0)));
    }

    /// A host goes without a word, or politely.
    pub(crate) fn go(&mut self, host: usize, politely: bool) {
        if politely {
            self.act(host, Agent::leave);
        }
        let now = self.now;
        self.agent_mut(host).offline(now);
        self.hosts[host].online = false;
        self.hosts[host].session += 1;
    }

    /// A host comes back.
    pub(crate) fn come(&mut self, host: usize) {
        self.hosts[host].online = true;
        self.act(host, Agent::online);
    }

    /// Handles everything before `until`.
    pub(crate) fn run_until(&mut self, until: Time) {
        while let Some(&Reverse((at, number))) = self.events.peek().filter(|Reverse((at, _))| *at < until) {
            self.events.pop();
            let (host, event) = self.what.remove(&number).expect("every event is something");
            self.now = at;
            self.handle(host, event);
        }
        self.now = until;
    }

    fn handle(&mut self, host: usize, event: Event) {
        let now = self.now;
        let at = &mut self.hosts[host];
        match event {
            _ if !at.online => {}
            Event::Arrives { from, message } => match at.link.down {
                None => self.handle(host, Event::Received { from, message }),
                Some(rate) => {
                    let bytes = message.wire_bytes();
                    at.down_free = at.down_free.max(now) + rate.transmission(u64::from(bytes));
                    let done = at.down_free;
                    self.event(done, host, Event::Received { from, message });
                }
            },
            Event::Received { from, message } => {
                self.act(host, |agent, plan, port| agent.message(plan, port, PeerId(from as u32), &message));
            }
            Event::Wakes { session, wake } if session == at.session => self.act(host, |agent, plan, port| agent.wake(plan, port, wake)),
            Event::Wakes { .. } => {}
        }
    }

    fn agent_mut(&mut self, host: usize) -> &mut Agent {
        self.hosts[host].agent.as_mut().expect("one event at a time")
    }

    /// What has become of a host's download.
    pub(crate) fn download(&self, host: usize) -> &Download {
        self.hosts[host].agent.as_ref().and_then(|agent| agent.downloads().last()).expect("it has wanted something")
    }

    /// The plan of all hosts.
    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Peers that a host has banned.
    pub(crate) fn banned(&self, host: usize) -> &[PeerId] {
        self.hosts[host].agent.as_ref().expect("one event at a time").banned()
    }

    /// What the viewer at a host has seen so far.
    pub(crate) fn playback(&self, host: usize) -> Playback {
        self.download(host).playback(&self.plan, self.now).expect("somebody watches")
    }

    /// When a host had all of it.
    pub(crate) fn done(&self, host: usize) -> Option<f64> {
        match self.download(host).end {
            Some((at, End::Complete)) => Some(at.secs_f64()),
            _ => None,
        }
    }

    /// Bytes of blocks that have been sent, and that have come, at all hosts.
    pub(crate) fn moved(&self) -> (u64, u64) {
        self.hosts.iter().fold((0, 0), |(sent, received), host| (sent + host.sent, received + host.received))
    }
}

/// A rate in Mbit/s.
pub(crate) fn mbit(rate: f64) -> Rate {
    Rate::bits_per_second((rate * 1e6) as u64).expect("above zero")
}

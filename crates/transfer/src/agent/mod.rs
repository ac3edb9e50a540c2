//! One host's side of all its transfers.
//!
//! An agent knows what its messages have told it, and what is on its own disk. It keeps a table of connections, a list of what it wants, and
//! what has become of it; connections end with the host's session, what has been downloaded stays on its disk.
//!
//! - [`dial`]: opening, accepting and closing connections; who else there is;
//! - [`fetch`]: which pieces the other has, what it is asked for, and what has come;
//! - [`watch`]: what is fetched for somebody who watches it meanwhile;
//! - [`offer`]: one piece at a time, of a server that seems to have nothing;
//! - [`verify`]: pieces that are not what they should be, and whose fault that is;
//! - [`serve`]: who is served, and the blocks on their way to the uplink, in [`turns`];
//! - [`round`]: what has to be looked after every ten seconds.
//!
//! # Cost
//! Some 250 bytes and a bit a piece for each connection. A message finds its connection by number.
//!
//! # Not here
//! TCP's congestion control: a connection uses what the two access links leave it at once.

mod candidates;
mod connection;
mod dial;
mod fetch;
mod offer;
mod round;
mod serve;
mod turns;
mod verify;
mod want;
mod watch;

use std::collections::VecDeque;

use peerlab_model::{ItemId, LookupId, PeerId, Rng, Span, Time};
use peerlab_prefetch::prefetch;

use crate::bits::Bits;
use crate::config::SeedFor;
use crate::message::TransferMessage;
use crate::plan::Plan;
use crate::port::{Port, Wake};

use connection::Connection;
use turns::Turns;
use want::Want;
pub use want::{Download, End};

/// No connection.
const NONE: u16 = u16::MAX;

/// What a handler may use beside its agent.
pub(crate) struct Cx<'a> {
    plan: &'a Plan,
    port: &'a mut dyn Port,
}

/// A finished item that is being served.
#[derive(Clone, Copy, Debug)]
struct Seed {
    item: ItemId,
    until: Time,
}

/// See the module. What every message looks at comes first, and after it what those of blocks do.
#[repr(C, align(64))]
pub struct Agent {
    /// By number, side by side, so that all of them can be looked through.
    connections: Vec<Option<Connection>>,
    wants: Vec<Want>,
    is_server: bool,
    is_free_rider: bool,
    is_polluter: bool,
    uplink_waits: bool,
    rounds_go_on: bool,
    /// The peer that is served in the hope of something better.
    optimistic: u16,
    rounds: u32,
    /// Connections with blocks to be sent.
    ring: Turns,
    /// Connections that are served, in no particular order.
    served: Vec<u16>,
    /// Those who wait for a slot, the first one first, where slots go to who comes first.
    waiting: VecDeque<u16>,
    rng: Rng,
    /// Connections that serve this host, in no particular order.
    servants: Vec<u16>,
    downloads: Vec<Download>,
    /// Connections that are there.
    open: usize,
    /// Peers met before this have been named to the others.
    named: Time,
    seeds: Vec<Seed>,
    /// Numbers of connections that are over.
    vacant: Vec<u16>,
    /// Those who have sent what was not what it should be.
    banned: Vec<PeerId>,
    /// Where nobody checks: blocks on this host's disk that are not what they should be.
    bad_blocks: Vec<(ItemId, Bits)>,
    offers: Vec<offer::Offers>,
}

/// The cache lines that messages of connections look at.
const HOT_LINES: usize = 4;

const _: () = assert!(std::mem::offset_of!(Agent, named) < HOT_LINES * 64);

impl Agent {
    /// The agent of a host of the population, or of an origin server.
    pub fn new(plan: &Plan, host: u32, is_server: bool) -> Self {
        Self {
            rng: plan.rng(host),
            is_server,
            is_free_rider: !is_server && plan.is_free_rider(host),
            is_polluter: !is_server && plan.is_polluter(host),
            connections: Vec::new(),
            vacant: Vec::new(),
            open: 0,
            wants: Vec::new(),
            seeds: Vec::new(),
            ring: Turns::none(),
            waiting: VecDeque::new(),
            served: Vec::new(),
            servants: Vec::new(),
            optimistic: NONE,
            uplink_waits: false,
            rounds_go_on: false,
            rounds: 0,
            named: Time::MIN,
            downloads: Vec::new(),
            banned: Vec::new(),
            bad_blocks: Vec::new(),
            offers: Vec::new(),
        }
    }

    /// From now on this host sends something else in place of each block. (The plan has to know that there are such hosts.)
    pub fn pollute(&mut self) {
        self.is_polluter = true;
    }

    /// What has become of the downloads of this host, in the order in which they began.
    pub fn downloads(&self) -> &[Download] {
        &self.downloads
    }

    /// Peers that this one has nothing to do with any longer, since they sent what was not what it should be.
    pub fn banned(&self) -> &[PeerId] {
        &self.banned
    }

    /// Downloads that go on.
    pub fn active(&self) -> usize {
        self.wants.len()
    }

    /// Pieces that are whole, of the downloads that go on.
    pub fn pieces(&self) -> impl Iterator<Item = (ItemId, &Bits)> {
        self.wants.iter().map(|want| (want.item, want.stock.have()))
    }

    /// Roughly the bytes that this agent takes.
    pub fn state_bytes(&self) -> usize {
        let connections = self.connections.iter().flatten().map(Connection::state_bytes).sum::<usize>();
        size_of::<Self>()
            + connections
            + self.connections.capacity() * size_of::<Option<Connection>>()
            + self.wants.iter().map(Want::state_bytes).sum::<usize>()
    }

    /// The download, if any, that a lookup has turned into.
    pub fn download_of(&self, lookup: LookupId) -> Option<u32> {
        self.downloads.iter().rposition(|download| download.lookup == Some(lookup)).map(|at| at as u32)
    }

    /// So much was sent to find sources for a download.
    pub fn charge(&mut self, download: u32, messages: u64, bytes: u64) {
        if let Some(download) = self.downloads.get_mut(download as usize) {
            download.search_messages += messages;
            download.search_bytes += bytes;
        }
    }

    /// The user wants an item that is on the host's disk as a whole.
    pub fn at_hand(&mut self, plan: &Plan, now: Time, lookup: Option<LookupId>, item: ItemId) {
        let mut download =
            Download { from_cache: plan.layout(item).size(), end: Some((now, End::Complete)), ..Download::new(plan, item, lookup, now) };
        download.spoilt_pieces = self.bad_pieces(plan, item);
        if let (Some(player), Some(media)) = (&mut download.player, plan.media(item)) {
            player.has_until(plan.layout(item).pieces(), now, &media);
        }
        self.downloads.push(download);
    }

    /// True if the host is fetching this item.
    pub fn wants(&self, item: ItemId) -> bool {
        self.want(item).is_some()
    }

    /// The user wants an item that is not on the host's disk: with `lookup`, has asked the overlay for it, whose answers will come.
    pub fn begin(&mut self, plan: &Plan, port: &mut dyn Port, lookup: Option<LookupId>, item: ItemId) {
        let now = port.now();
        let download = self.downloads.len() as u32;
        self.bad_blocks.retain(|(bad, _)| *bad != item);
        self.downloads.reserve(if self.downloads.is_empty() { 1 } else { 4 });
        self.downloads.push(Download::new(plan, item, lookup, now));
        let mut want = Want::new(plan, item, download, now);
        if let Some(patience) = plan.config.patience {
            want.deadline = now.saturating_add(Span::from_secs_f64(patience.span().secs_f64() * self.rng.exponential()));
        }
        want.searching = lookup.is_some();
        want.connected = self.about(item).count();
        // One is what nearly everybody has; four are what a vector makes room for.
        self.wants.reserve_exact(1);
        self.wants.push(want);
        self.resume(&mut Cx { plan, port }, item);
    }

    /// The host is a member of the overlay and can ask: what was left unfinished goes on.
    pub fn online(&mut self, plan: &Plan, port: &mut dyn Port) {
        let now = port.now();
        for seed in self.seeds.iter().filter(|seed| seed.until < Time::MAX) {
            port.wake(seed.until.since(now), Wake::Served(seed.item));
        }
        self.players().for_each(|player| player.come_back(now));
        let cx = &mut Cx { plan, port };
        for item in self.wants.iter().map(|want| want.item).collect::<Vec<_>>() {
            self.resume(cx, item);
        }
    }

    /// The host says goodbye.
    pub fn leave(&mut self, plan: &Plan, port: &mut dyn Port) {
        let cx = &mut Cx { plan, port };
        for slot in self.slots() {
            self.close(cx, slot, true);
        }
    }

    /// The host's session is over: of its connections nothing is left.
    pub fn offline(&mut self, now: Time) {
        self.players().for_each(|player| player.leave(now));
        self.connections.clear();
        self.vacant.clear();
        self.ring.clear();
        self.waiting.clear();
        self.served.clear();
        self.servants.clear();
        (self.open, self.optimistic) = (0, NONE);
        (self.uplink_waits, self.rounds_go_on) = (false, false);
        self.named = Time::MIN;
        self.wants.iter_mut().for_each(Want::suspend);
    }

    /// A message has come.
    pub fn message(&mut self, plan: &Plan, port: &mut dyn Port, from: PeerId, message: &TransferMessage) {
        let cx = &mut Cx { plan, port };
        match *message {
            TransferMessage::Hello { item, slot } => self.hello(cx, from, item, slot),
            _ => self.of_connection(cx, from, message),
        }
    }

    /// A message of a connection, if that is still there.
    fn of_connection(&mut self, cx: &mut Cx<'_>, from: PeerId, message: &TransferMessage) {
        let Some(to) = message.to() else { return };
        let now = cx.port.now();
        match self.connections.get_mut(to as usize) {
            Some(Some(connection)) if connection.peer == from => connection.heard = now,
            // The address has another owner than was thought, who answers as who it is.
            Some(Some(connection)) if !connection.is_answered() && matches!(message, TransferMessage::Welcome { .. }) => {
                (connection.peer, connection.heard) = (from, now);
            }
            _ => return,
        }
        match message {
            TransferMessage::Hello { .. } | TransferMessage::Alive { .. } => {}
            &TransferMessage::Welcome { slot, .. } => self.welcome(cx, to, slot),
            TransferMessage::Close { peers, .. } => self.closed(cx, to, peers),
            TransferMessage::Pieces { bits, .. } => self.pieces_told(cx, to, bits),
            &TransferMessage::Have { piece, .. } => self.has(cx, to, piece),
            &TransferMessage::Interest { wants, .. } => self.interest(cx, to, wants),
            &TransferMessage::Choke { serves, .. } => self.choke(cx, to, serves),
            &TransferMessage::Request { block, .. } => self.request(cx, to, block),
            &TransferMessage::Cancel { block, .. } => self.connection_mut(to).queue.retain(|&queued| queued != block),
            &TransferMessage::Block { block, .. } => self.block(cx, to, block, false),
            &TransferMessage::BadBlock { block, .. } => self.block(cx, to, block, true),
            TransferMessage::Others { peers, .. } => self.others(cx, to, peers),
        }
    }

    /// A reminder.
    pub fn wake(&mut self, plan: &Plan, port: &mut dyn Port, wake: Wake) {
        let cx = &mut Cx { plan, port };
        match wake {
            Wake::Uplink => {
                self.uplink_waits = false;
                self.pump(cx);
            }
            Wake::Round => self.round(cx),
            Wake::Served(item) => {
                if self.seeds.iter().any(|seed| seed.item == item && seed.until <= cx.port.now()) {
                    self.stop_serving(cx, item);
                }
            }
        }
    }

    /// A message of a connection will come: brings this agent near. A hint.
    #[inline]
    pub fn prefetch(&self) {
        prefetch::<HOT_LINES, _>(self);
    }

    /// `message` will come soon, and this agent has been brought near: what it points at. A hint.
    #[inline]
    pub fn prefetch_for(&self, message: &TransferMessage) {
        if let Some(connection) = message.to().and_then(|to| self.connections.get(to as usize)) {
            if let TransferMessage::Have { .. } = message {
                prefetch::<2, _>(connection);
            } else {
                prefetch::<3, _>(connection);
            }
        }
        if let Some(want) = self.wants.first() {
            prefetch::<2, _>(want);
        }
    }

    /// `message` will come very soon, and its connection has been brought near: what lies behind that. A hint.
    #[inline]
    pub fn prefetch_behind(&self, message: &TransferMessage) {
        let Some(Some(connection)) = message.to().and_then(|to| self.connections.get(to as usize)) else { return };
        match *message {
            TransferMessage::Have { piece, .. } => {
                connection.have.prefetch(piece);
                if let Some(want) = self.wants.first() {
                    want.prefetch(piece);
                }
            }
            TransferMessage::Block { .. } => {
                connection.have.prefetch(0);
                prefetch::<1, _>(&*connection.asked);
                if let Some(want) = self.wants.first() {
                    want.stock.prefetch();
                }
            }
            TransferMessage::Request { .. } => prefetch::<1, _>(&*connection.queue),
            _ => {}
        }
    }

    /// The uplink will be free soon, for the next in turn. A hint.
    #[inline]
    pub fn prefetch_next(&self) {
        if let Some(connection) = self.next_in_turn() {
            prefetch::<3, _>(connection);
        }
    }

    /// The uplink will be free very soon, and the next in turn has been brought near: what it has asked for. A hint.
    #[inline]
    pub fn prefetch_queue(&self) {
        if let Some(Some(connection)) = self.next_in_turn() {
            prefetch::<1, _>(&*connection.queue);
        }
    }

    fn next_in_turn(&self) -> Option<&Option<Connection>> {
        self.connections.get(self.ring.first()? as usize)
    }

    fn connection_mut(&mut self, slot: u16) -> &mut Connection {
        self.connections[slot as usize].as_mut().expect("the connection is there")
    }

    fn connection(&self, slot: u16) -> &Connection {
        self.connections[slot as usize].as_ref().expect("the connection is there")
    }

    /// The numbers of all connections.
    fn slots(&self) -> Vec<u16> {
        (0..).zip(&self.connections).filter(|(_, connection)| connection.is_some()).map(|(slot, _)| slot).collect()
    }

    /// All connections about an item.
    fn about(&self, item: ItemId) -> impl Iterator<Item = (u16, &Connection)> {
        (0..).zip(&self.connections).filter_map(move |(slot, connection)| Some((slot, connection.as_ref().filter(|it| it.item == item)?)))
    }

    fn want(&self, item: ItemId) -> Option<&Want> {
        self.wants.iter().find(|want| want.item == item)
    }

    /// Says something on a connection that has been answered.
    fn say(&mut self, cx: &mut Cx<'_>, slot: u16, message: impl FnOnce(u16) -> TransferMessage) {
        let now = cx.port.now();
        let connection = self.connection_mut(slot);
        debug_assert!(connection.is_answered());
        connection.said = now;
        cx.port.send(connection.peer, message(connection.theirs), &mut connection.order);
    }

    /// A download is whole.
    fn finish(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        let now = cx.port.now();
        self.end(item, now, End::Complete);
        let serves_forever = cx.plan.config.seed_for == SeedFor::Forever;
        cx.port.shelve(item, true);
        for (slot, keeps) in
            self.about(item).map(|(slot, it)| (slot, cx.plan.serves_parts() && !it.is_complete(cx.plan))).collect::<Vec<_>>()
        {
            if keeps {
                self.show_interest(cx, slot);
            } else {
                self.close(cx, slot, true);
            }
        }
        if serves_forever {
            return;
        }
        let until = match cx.plan.config.seed_for {
            SeedFor::Time(time) => now.saturating_add(time.span()),
            SeedFor::Forever | SeedFor::Ratio(_) => Time::MAX,
        };
        self.seeds.push(Seed { item, until });
        if until < Time::MAX {
            cx.port.wake(until.since(now), Wake::Served(item));
        }
        self.stop_if_enough(cx, item);
    }

    /// The user gets no more of an item.
    fn end(&mut self, item: ItemId, now: Time, end: End) {
        let Some(at) = self.wants.iter().position(|want| want.item == item) else { return };
        let want = self.wants.remove(at);
        self.downloads[want.download as usize].end = Some((now, end));
    }

    /// The user gives up, or there is no way to go on; what has been got can go.
    fn abandon(&mut self, cx: &mut Cx<'_>, item: ItemId, end: End) {
        let now = cx.port.now();
        self.end(item, now, end);
        cx.port.shelve(item, false);
        for slot in self.about(item).map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.close(cx, slot, true);
        }
    }

    /// Stops serving a finished item that has been uploaded often enough.
    fn stop_if_enough(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        let SeedFor::Ratio(ratio) = cx.plan.config.seed_for else { return };
        let is_seed = self.seeds.iter().any(|seed| seed.item == item);
        let uploaded = self.downloads.iter().rfind(|download| download.item == item).map_or(0, |download| download.uploaded);
        if is_seed && uploaded as f64 >= ratio * cx.plan.layout(item).size() as f64 {
            self.stop_serving(cx, item);
        }
    }

    fn stop_serving(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        self.seeds.retain(|seed| seed.item != item);
        cx.port.shelve(item, false);
        for slot in self.about(item).map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.close(cx, slot, true);
        }
    }
}

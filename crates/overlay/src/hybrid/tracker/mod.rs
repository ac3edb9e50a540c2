//! BitTorrent's way to find peers: trackers (Cohen, BEP 3, 2008; BEP 12, 15, 23, 48), peer exchange (BEP 11), and the DHT (BEP 5).
//!
//! Each item is a torrent with a swarm of its own. Its holders tell a tracker that they are there, again and again; who wants the item tells the
//! tracker so and is named some of the others, at random. There may be several trackers, in tiers. Peers that are connected can tell each other of more, and
//! the same peers can form a DHT, which answers when no tracker does.
//!
//! # Cost
//! A question is four messages to a tracker and back, and two for each peer that it connects to. A tracker hears two messages in an interval from each
//! peer for each of its items, and keeps 16 bytes. A message is as large as the DHT's, 8 bytes more at the most, with or without one.
//!
//! # Not here
//! The download itself: who asks stays in the swarm with nothing. Trackers that share their lists (BEP 12 allows it). Magnet links, local peer
//! discovery, choking.
//!
//! # Map
//! `server`: the tracker · `client`: what a peer knows · `announce`: how it speaks to trackers · `tiers`: in which order · `search`: questions ·
//! `swarm`: connections and peer exchange · `dht` · `start`: swarms that have been there for long.

mod announce;
mod client;
mod config;
mod dht;
mod message;
mod search;
mod server;
mod start;
mod swarm;
mod tiers;

pub use client::Client;
pub use config::{Dht, Protocol, TrackerConfig};
pub use message::{Announce, Answer, ConnectionId, Counts, Event, Named, TrackerMessage};
pub use server::Server;

use client::Request;
use peerlab_model::{
    BuildError, Context, Family, ItemId, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Role, Setting, Start, Target, Targets,
    Token, Violation,
};

use crate::structured::kademlia::{Kademlia, KademliaTimer, Pending};

type Cx<'a> = Context<'a, Tracker>;

/// The tracker model.
#[derive(Debug)]
pub struct Tracker {
    config: TrackerConfig,
    numbering: Numbering,
    dht: Option<Kademlia>,
}

/// What one host of the model knows.
#[derive(Clone, Debug)]
pub enum TrackerPeer {
    /// A peer of the population.
    Client(Client),
    /// A tracker.
    Server(Box<Server>),
}

/// What a host's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrackerTimer {
    /// Peer: announce this again.
    Announce(ItemId),
    /// Peer: a tracker, or a peer, has not answered.
    Request(Token),
    /// Peer: the question of this number has waited for long enough.
    GiveUp(u32),
    /// Peer: it has stayed in this swarm for long enough.
    Leave(ItemId),
    /// Peer: look after the connections of this swarm.
    Neighbours(ItemId),
    /// Peer: scrape.
    Scrape,
    /// Tracker: forget the silent.
    Sweep,
    /// Peer: its part of the DHT.
    Dht(KademliaTimer),
}

impl From<KademliaTimer> for TrackerTimer {
    fn from(timer: KademliaTimer) -> Self {
        Self::Dht(timer)
    }
}

const _: () = assert!(size_of::<TrackerTimer>() <= 12);

impl Overlay for Tracker {
    const NAME: &'static str = "tracker";
    const SUMMARY: &'static str = "trackers name random peers of an item's swarm; peer exchange and a DHT beside them (BitTorrent)";
    const SOURCE: &'static str = "Cohen, The BitTorrent Protocol Specification, BEP 3, 2008; BEP 5, 11, 12, 15, 23, 48";
    const FAMILY: Family = Family::Hybrid;

    type Config = TrackerConfig;
    type Peer = TrackerPeer;
    type Message = TrackerMessage;
    type Timer = TrackerTimer;
    /// The DHT's: a peer's own requests are few, and it looks through them.
    type Request = Pending;

    fn new(config: &TrackerConfig, setting: &Setting) -> Result<Self, BuildError> {
        let dht = if config.dht == Dht::Off { None } else { Some(Kademlia::new(&dht::mainline(), setting)?) };
        Ok(Self { config: config.clone(), numbering: setting.numbering, dht })
    }

    fn targets(_config: &TrackerConfig) -> Targets {
        Targets { key: false, peer: false, content: true, value: false, keywords: false }
    }

    fn dedicated(config: &TrackerConfig) -> Vec<Role> {
        let role = Role { name: "tracker", capacity: config.capacity, queue: config.queue, holds_all: false };
        vec![role; config.trackers().into()]
    }

    fn peer(&self, id: PeerId) -> TrackerPeer {
        if self.numbering.is_server(id) {
            return TrackerPeer::Server(Box::default());
        }
        let dht = self.dht.as_ref().map(|dht| Box::new(dht.peer(id)));
        TrackerPeer::Client(Client { dht, ..Client::default() })
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<TrackerPeer>) {
        self.build(start, peers);
    }

    fn started(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>) {
        match peer {
            TrackerPeer::Client(client) => self.begin(client, cx),
            TrackerPeer::Server(server) => self.serve(server, cx),
        }
    }

    /// Everybody knows the trackers' addresses: there is nothing to join but the DHT, for which nobody waits.
    fn join(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>) {
        if let TrackerPeer::Client(client) = peer {
            cx.joined();
            self.begin_scrapes(cx);
            self.in_dht(client, cx, Overlay::join);
        }
    }

    fn leave(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>) {
        if let TrackerPeer::Client(client) = peer {
            for torrent in &client.torrents {
                self.say_goodbye(torrent, cx);
            }
            self.in_dht(client, cx, Overlay::leave);
        }
    }

    fn lookup(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        match peer {
            TrackerPeer::Client(client) => self.ask(client, cx, id, target),
            TrackerPeer::Server(_) => cx.finish(id),
        }
    }

    fn message(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, from: PeerId, message: TrackerMessage) {
        match peer {
            TrackerPeer::Client(client) => self.told(client, cx, from, message),
            TrackerPeer::Server(server) => self.request(server, cx, from, message),
        }
    }

    fn timer(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, timer: TrackerTimer) {
        match (peer, timer) {
            (TrackerPeer::Client(client), TrackerTimer::Announce(item)) => self.announce_again(client, cx, item),
            (TrackerPeer::Client(client), TrackerTimer::Request(token)) => self.timed_out(client, cx, token),
            (TrackerPeer::Client(client), TrackerTimer::GiveUp(number)) => self.give_up(client, cx, number),
            (TrackerPeer::Client(client), TrackerTimer::Leave(item)) => self.stayed(client, cx, item),
            (TrackerPeer::Client(client), TrackerTimer::Neighbours(item)) => self.look_after(client, cx, item),
            (TrackerPeer::Client(client), TrackerTimer::Scrape) => self.scrape(client, cx),
            (TrackerPeer::Client(client), TrackerTimer::Dht(timer)) => self.in_dht(client, cx, |dht, peer, cx| dht.timer(peer, cx, timer)),
            (TrackerPeer::Server(server), TrackerTimer::Sweep) => self.sweep(server, cx),
            (TrackerPeer::Client(_), TrackerTimer::Sweep) | (TrackerPeer::Server(_), _) => {}
        }
    }

    fn publish(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        if let TrackerPeer::Client(client) = peer {
            self.seed(client, cx, items);
            self.in_dht(client, cx, |dht, peer, cx| dht.publish(peer, cx, items));
        }
    }

    fn withdraw(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, items: &[ItemId]) {
        if let TrackerPeer::Client(client) = peer {
            self.withdraw_all(client, cx, items);
            self.in_dht(client, cx, |dht, peer, cx| dht.withdraw(peer, cx, items));
        }
    }

    /// A tracker forgets the swarm; a peer what it keeps in the DHT.
    fn take_down(&self, peer: &mut TrackerPeer, cx: &mut Cx<'_>, item: ItemId) {
        match peer {
            TrackerPeer::Client(client) => self.in_dht(client, cx, |dht, peer, cx| dht.take_down(peer, cx, item)),
            TrackerPeer::Server(server) => server.delist(item),
        }
    }

    /// A peer has its trackers, its neighbours and its contacts in the DHT; a tracker all who are in its swarms.
    fn contacts(&self, peer: &TrackerPeer, visit: &mut dyn FnMut(PeerId)) {
        match peer {
            TrackerPeer::Client(client) => {
                client.trackers().for_each(|tracker| visit(self.numbering.server(tracker.into())));
                client.torrents.iter().flat_map(|torrent| &torrent.neighbours).for_each(|neighbour| visit(neighbour.peer));
                if let (Some(dht), Some(peer)) = (&self.dht, &client.dht) {
                    dht.contacts(peer, visit);
                }
            }
            TrackerPeer::Server(server) => server.peers().for_each(visit),
        }
    }

    fn state_bytes(&self, peer: &TrackerPeer) -> usize {
        match peer {
            TrackerPeer::Client(client) => {
                let dht = self.dht.as_ref().zip(client.dht.as_deref()).map_or(0, |(dht, peer)| dht.state_bytes(peer));
                client.bytes() + dht
            }
            TrackerPeer::Server(server) => server.bytes(),
        }
    }

    fn prefetch(&self, peer: &TrackerPeer, next: Next<'_, TrackerMessage, TrackerTimer>) {
        if let (Some(dht), TrackerPeer::Client(Client { dht: Some(peer), .. }), Next::Message(TrackerMessage::Dht(message))) =
            (&self.dht, peer, next)
        {
            dht.prefetch(peer, Next::Message(message));
        }
    }

    fn check(&self, peer: &TrackerPeer) -> Result<(), Violation> {
        match peer {
            TrackerPeer::Client(client) => {
                client.check(self.config.connections).map_err(Violation)?;
                self.dht.as_ref().zip(client.dht.as_deref()).map_or(Ok(()), |(dht, peer)| dht.check(peer))
            }
            TrackerPeer::Server(server) if server.is_consistent(&self.numbering) => Ok(()),
            TrackerPeer::Server(_) => Err(Violation("a swarm is out of order, or counted wrongly".to_owned())),
        }
    }
}

impl Tracker {
    /// A peer has been told something.
    fn told(&self, client: &mut Client, cx: &mut Cx<'_>, from: PeerId, message: TrackerMessage) {
        use TrackerMessage as M;
        if from == cx.this() {
            // Sent to an identity that this machine had in an earlier life: that one is gone, and its silence says so.
            return;
        }
        match message {
            M::Connected { token, connection, .. } => self.connected(client, cx, from, token, connection),
            M::Peers { token, answer, .. } => self.answered(client, cx, token, &answer),
            M::Error { token, .. } => self.refused(client, cx, from, token),
            M::Scraped { token, counts, .. } => Self::scraped(client, token, &counts),
            M::Handshake { token, lookup, item } => self.handshake(client, cx, from, (token, lookup), item),
            M::Shaken { token, seed, kept, peers, .. } => self.shaken(client, cx, from, token, (seed, kept), &peers),
            M::Reset { token, .. } => {
                if let Some(request) = client.requests.close(token) {
                    self.not_connected(client, cx, request, false);
                }
            }
            M::Exchange { item, added, .. } => self.on_connection(client, cx, from, item, &added),
            M::KeepAlive { item } => self.on_connection(client, cx, from, item, &[]),
            M::Close { item } => Self::closed(client, from, item),
            M::Dht(message) => self.in_dht(client, cx, |dht, peer, cx| dht.message(peer, cx, from, *message)),
            // What peers say to trackers.
            M::Connect { .. } | M::Announce { .. } | M::Stop { .. } | M::Scrape { .. } => {}
        }
    }

    /// A request has not been answered in time.
    fn timed_out(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token) {
        match client.requests.close(token) {
            Some(Request::Announce { item, lookup, .. }) => self.tracker_silent(client, cx, item, lookup),
            Some(request @ Request::Handshake { .. }) => self.connect_again(client, cx, request),
            // The next scrape will tell.
            Some(Request::Scrape { .. }) | None => {}
        }
    }
}

//! Swarms that have been there for long.

use peerlab_model::{Overlay, PeerId, PeerTable, Span, Start, Time};

use super::client::{Client, Torrent};
use super::message::Event;
use super::server::Server;
use super::tiers::Order;
use super::{Cx, Tracker, TrackerPeer, TrackerTimer};
use crate::structured::kademlia::KademliaPeer;

/// The peers' parts of the DHT.
struct DhtTable<'a>(&'a mut dyn PeerTable<TrackerPeer>);

impl PeerTable<KademliaPeer> for DhtTable<'_> {
    fn get(&mut self, peer: PeerId) -> &mut KademliaPeer {
        match self.0.get(peer) {
            TrackerPeer::Client(client) => client.dht.as_deref_mut().expect("where there is a DHT, each peer is in it"),
            TrackerPeer::Server(_) => panic!("{peer:?} is a tracker, and no member of the DHT"),
        }
    }
}

impl Tracker {
    /// Each holder has announced its items at a random time within the last interval, to the tracker that comes first in its order.
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<TrackerPeer>) {
        let mut rng = start.rng.clone();
        let interval = self.config.interval.span();
        let mut servers = vec![Server::default(); self.config.trackers().into()];
        for (_, peer) in start.members.iter() {
            for &item in start.shares.of(self.numbering.seat(peer)) {
                let age = Span::from_nanos(rng.below(interval.nanos().max(1)));
                let mut torrent = Torrent::new(item, true, Order::shuffled(&self.config.tiers, &mut rng));
                let tracker = torrent.order.get(0);
                servers[usize::from(tracker)].enter(&self.numbering, item, peer, true, Time::ZERO - age);
                torrent.event = Event::Regular;
                torrent.answered = Some((tracker, Time::ZERO - age));
                torrent.due = Time::ZERO + interval.saturating_sub(age);
                if let TrackerPeer::Client(client) = peers.get(peer) {
                    client.add(torrent);
                }
            }
        }
        for (number, mut server) in (0..).zip(servers) {
            server.before_time = true;
            *peers.get(self.numbering.server(number)) = TrackerPeer::Server(Box::new(server));
        }
        if let Some(dht) = &self.dht {
            dht.converged(start, &mut DhtTable(peers));
        }
    }

    /// A member of the converged start: times count from now.
    pub(super) fn begin(&self, client: &mut Client, cx: &mut Cx<'_>) {
        let now = cx.now();
        for torrent in &mut client.torrents {
            let wait = torrent.due.since(Time::ZERO);
            torrent.due = now.saturating_add(wait);
            torrent.answered = torrent.answered.map(|(tracker, at)| (tracker, now - Time::ZERO.since(at)));
            cx.set_timer(wait, TrackerTimer::Announce(torrent.item));
        }
        self.begin_scrapes(cx);
        self.in_dht(client, cx, Overlay::started);
    }
}

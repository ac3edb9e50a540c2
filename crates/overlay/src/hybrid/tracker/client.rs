//! What a peer knows, and how it enters a swarm and leaves it.

use peerlab_model::{ItemId, LookupId, PeerId, Requests, Time, Token};

use super::message::{ConnectionId, Counts, Event, TrackerMessage};
use super::search::Search;
use super::swarm::Neighbour;
use super::tiers::Order;
use super::{Cx, Tracker};
use crate::structured::kademlia::KademliaPeer;

/// What a peer of the population knows.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The swarms that it is in, by item.
    pub(super) torrents: Vec<Torrent>,
    /// Its questions.
    pub(super) searches: Vec<Search>,
    pub(super) requests: Requests<Request>,
    /// The trackers' connection ids that are not too old, and when they came.
    pub(super) connections: Vec<(u8, ConnectionId, Time)>,
    /// Its part of the DHT, if there is one.
    pub(super) dht: Option<Box<KademliaPeer>>,
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Request {
    /// A torrent's connection to a tracker, or its announce.
    Announce { item: ItemId, tracker: u8, lookup: Option<LookupId> },
    /// The connection for a scrape, or that one.
    Scrape { tracker: u8 },
    /// A connection to a peer, how often its first packet has been sent again, and when it was sent first.
    Handshake { item: ItemId, candidate: Candidate, lookup: Option<LookupId>, attempt: u8, since: Time },
}

/// Somebody who may have an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) peer: PeerId,
    /// Links that the question crossed to who named it.
    pub(super) hops: u32,
    /// Rounds that it took to hear of it.
    pub(super) rounds: u32,
}

/// A peer's part in one swarm.
#[derive(Clone, Debug)]
pub(super) struct Torrent {
    pub(super) item: ItemId,
    /// It holds the item. Else it asks for it, or has asked and stays for a while.
    pub(super) seed: bool,
    /// What the next announce is for.
    pub(super) event: Event,
    /// Whose turn it is in the order of trackers.
    pub(super) at: u8,
    /// How often all of them have been asked in vain.
    pub(super) rounds: u16,
    pub(super) order: Order,
    /// The request to a tracker that waits.
    pub(super) waiting: Option<Token>,
    /// When it is to announce again, unless that is under way.
    pub(super) due: Time,
    /// The tracker that answered last, and when.
    pub(super) answered: Option<(u8, Time)>,
    /// What a tracker said last.
    pub(super) counts: Counts,
    /// When it leaves the swarm, if it only stays there.
    pub(super) until: Option<Time>,
    /// Whom it is connected to.
    pub(super) neighbours: Vec<Neighbour>,
    /// Whom it has been connected to since it told its neighbours last, and whom no longer.
    pub(super) added: Vec<PeerId>,
    pub(super) dropped: Vec<PeerId>,
    /// Its neighbours are looked after.
    pub(super) ticking: bool,
}

impl Torrent {
    pub(super) fn new(item: ItemId, seed: bool, order: Order) -> Self {
        Self {
            item,
            seed,
            event: Event::Started,
            at: 0,
            rounds: 0,
            order,
            waiting: None,
            due: Time::ZERO,
            answered: None,
            counts: Counts::default(),
            until: None,
            neighbours: Vec::new(),
            added: Vec::new(),
            dropped: Vec::new(),
            ticking: false,
        }
    }
}

impl Client {
    pub(super) fn torrent(&mut self, item: ItemId) -> Option<&mut Torrent> {
        let at = self.torrents.binary_search_by_key(&item, |torrent| torrent.item).ok()?;
        Some(&mut self.torrents[at])
    }

    /// Adds a torrent that is not there yet.
    pub(super) fn add(&mut self, torrent: Torrent) {
        let at = self.torrents.partition_point(|present| present.item < torrent.item);
        self.torrents.insert(at, torrent);
    }

    /// How many peers an item has, as a tracker said last.
    pub fn counts(&self, item: ItemId) -> Option<Counts> {
        let torrent = self.torrents.iter().find(|torrent| torrent.item == item)?;
        Some(torrent.counts)
    }

    /// Whom it is connected to about an item.
    pub fn neighbours(&self, item: ItemId) -> impl Iterator<Item = PeerId> {
        self.torrents.iter().filter(move |torrent| torrent.item == item).flat_map(|torrent| torrent.neighbours.iter().map(|one| one.peer))
    }

    /// The trackers, by their numbers, that have answered it last.
    pub(super) fn trackers(&self) -> impl Iterator<Item = u8> {
        let bits = self.torrents.iter().filter_map(|torrent| torrent.answered).fold(0_u16, |bits, (tracker, _)| bits | 1 << tracker);
        (0..16).filter(move |tracker| bits >> tracker & 1 == 1)
    }

    /// Bytes of its tables: 40 a torrent, 16 a connection, 32 a candidate.
    pub(super) fn bytes(&self) -> usize {
        let torrents: usize = self.torrents.iter().map(|torrent| 40 + 16 * torrent.neighbours.len()).sum();
        let searches: usize = self.searches.iter().map(Search::bytes).sum();
        torrents + searches + 16 * self.connections.len() + 16 * self.requests.len()
    }

    pub(super) fn check(&self, connections: u16) -> Result<(), String> {
        if !self.torrents.windows(2).all(|pair| pair[0].item < pair[1].item) {
            return Err("the torrents are out of order".to_owned());
        }
        for torrent in &self.torrents {
            let mut peers: Vec<PeerId> = torrent.neighbours.iter().map(|neighbour| neighbour.peer).collect();
            peers.sort_unstable();
            peers.dedup();
            if peers.len() < torrent.neighbours.len() || peers.len() > usize::from(connections) {
                return Err(format!("{:?}: connected to {:?}", torrent.item, torrent.neighbours));
            }
            if !torrent.neighbours.is_empty() && !torrent.ticking {
                return Err(format!("{:?}: nobody looks after its connections", torrent.item));
            }
        }
        for search in &self.searches {
            let is_its = |request: &&Request| matches!(request, Request::Handshake { lookup, .. } if *lookup == Some(search.id));
            let under_way = self.requests.iter().filter(is_its).count();
            if under_way != usize::from(search.in_flight) {
                return Err(format!("{:?}: {under_way} connections under way, not {}", search.id, search.in_flight));
            }
        }
        Ok(())
    }
}

impl Tracker {
    /// Begins to hold items: their swarms get one more seed.
    pub(super) fn seed(&self, client: &mut Client, cx: &mut Cx<'_>, items: &[ItemId]) {
        for &item in items {
            match client.torrent(item) {
                Some(torrent) if torrent.seed => continue,
                Some(torrent) => {
                    torrent.seed = true;
                    torrent.until = None;
                    if torrent.event == Event::Regular {
                        torrent.event = Event::Completed;
                    }
                }
                None => client.add(Torrent::new(item, true, Order::shuffled(&self.config.tiers, cx.rng()))),
            }
            self.announce(client, cx, item, None);
        }
    }

    /// No longer holds items.
    pub(super) fn withdraw_all(&self, client: &mut Client, cx: &mut Cx<'_>, items: &[ItemId]) {
        for &item in items {
            // Who asks for it meanwhile is in its swarm for that.
            if client.searches.iter().any(|search| search.item == item) {
                if let Some(torrent) = client.torrent(item) {
                    torrent.seed = false;
                }
            } else {
                self.leave_swarm(client, cx, item);
            }
        }
    }

    /// Tells the tracker and the neighbours of one swarm that it is gone.
    pub(super) fn leave_swarm(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId) {
        let Ok(at) = client.torrents.binary_search_by_key(&item, |torrent| torrent.item) else { return };
        let torrent = client.torrents.remove(at);
        if let Some(waiting) = torrent.waiting {
            client.requests.close(waiting);
        }
        self.say_goodbye(&torrent, cx);
    }

    pub(super) fn say_goodbye(&self, torrent: &Torrent, cx: &mut Cx<'_>) {
        for neighbour in &torrent.neighbours {
            cx.send(neighbour.peer, TrackerMessage::Close { item: torrent.item });
        }
        if let Some((tracker, _)) = torrent.answered {
            let message = TrackerMessage::Stop { item: torrent.item, protocol: self.config.protocol };
            cx.send(self.numbering.server(tracker.into()), message);
        }
    }
}

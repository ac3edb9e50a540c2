//! The tracker: who is in which swarm.
//!
//! # Cost
//! 16 bytes for each peer of a swarm. An announce searches the swarm by bisection and draws as many peers as it is to name; who comes or goes moves
//! what lies behind it in the list. A sweep for the silent goes over all.

use peerlab_model::{Context, ItemId, Numbering, PeerId, Rng, Span, Time, Token};

use super::message::{Announce, Answer, ConnectionId, Counts, Event, TrackerMessage};
use super::{Protocol, Tracker, TrackerTimer};
use crate::tickets::Tickets;

type Cx<'a> = Context<'a, Tracker>;

/// Secrets behind connection ids live for as long as an id has to be accepted at least (BEP 15: two minutes).
const SECRET_LIFE: Span = Span::from_secs(120);

/// What a tracker knows. One that was switched off and on again knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// By item.
    swarms: Vec<Swarm>,
    connections: Tickets,
    /// The records were made before time began: their times are relative to zero.
    pub(super) before_time: bool,
}

/// Those who are in one swarm, as far as a tracker has heard.
#[derive(Clone, Debug, Default)]
struct Swarm {
    /// In the order of their seats: a tracker knows a peer by its address.
    members: Vec<Member>,
    seeders: u32,
    completed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    peer: PeerId,
    seed: bool,
    heard: Time,
}

impl Swarm {
    fn place(&self, numbering: &Numbering, peer: PeerId) -> Result<usize, usize> {
        let seat = numbering.seat(peer);
        self.members.binary_search_by_key(&seat, |member| numbering.seat(member.peer))
    }

    fn put(&mut self, numbering: &Numbering, member: Member) {
        self.seeders += u32::from(member.seed);
        match self.place(numbering, member.peer) {
            Ok(at) => self.seeders -= u32::from(std::mem::replace(&mut self.members[at], member).seed),
            Err(at) => self.members.insert(at, member),
        }
    }

    fn remove(&mut self, numbering: &Numbering, peer: PeerId) {
        if let Ok(at) = self.place(numbering, peer) {
            self.seeders -= u32::from(self.members.remove(at).seed);
        }
    }

    fn counts(&self) -> Counts {
        Counts { seeders: self.seeders, completed: self.completed, leechers: self.members.len() as u32 - self.seeders }
    }

    /// At most `most` members other than `asker`, each set of them equally likely, in a random order.
    fn draw(&self, numbering: &Numbering, asker: PeerId, most: usize, rng: &mut Rng) -> Box<[PeerId]> {
        let asker = self.place(numbering, asker).ok();
        let others = self.members.len() - usize::from(asker.is_some());
        // The places of the others, the asker's left out.
        let member = |place: usize| self.members[place + usize::from(asker.is_some_and(|asker| place >= asker))].peer;
        let mut drawn: Vec<usize> = Vec::with_capacity(most.min(others));
        // Floyd's way: each draw takes a place of a range that grows by one, or the new place itself if that one has been drawn.
        for last in others.saturating_sub(most)..others {
            let place = rng.index(last + 1);
            drawn.push(if drawn.contains(&place) { last } else { place });
        }
        rng.shuffle(&mut drawn);
        drawn.into_iter().map(member).collect()
    }
}

impl Server {
    /// Enters a peer that was heard at this time.
    pub(super) fn enter(&mut self, numbering: &Numbering, item: ItemId, peer: PeerId, seed: bool, heard: Time) {
        let at = item.0 as usize;
        if self.swarms.len() <= at {
            self.swarms.resize(at + 1, Swarm::default());
        }
        self.swarms[at].put(numbering, Member { peer, seed, heard });
    }

    /// Forgets a swarm.
    pub(super) fn delist(&mut self, item: ItemId) {
        if let Some(swarm) = self.swarms.get_mut(item.0 as usize) {
            *swarm = Swarm::default();
        }
    }

    fn swarm(&self, item: ItemId) -> Option<&Swarm> {
        self.swarms.get(item.0 as usize)
    }

    /// How many are known of an item.
    pub fn counts(&self, item: ItemId) -> Counts {
        self.swarm(item).map_or_else(Counts::default, Swarm::counts)
    }

    /// All who are in some swarm, once for each.
    pub fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.swarms.iter().flat_map(|swarm| swarm.members.iter().map(|member| member.peer))
    }

    /// Bytes of records.
    pub(super) fn bytes(&self) -> usize {
        self.swarms.iter().map(|swarm| 16 * swarm.members.len()).sum()
    }

    /// Swarms are in order, and counted right.
    pub(super) fn is_consistent(&self, numbering: &Numbering) -> bool {
        self.swarms.iter().all(|swarm| {
            let in_order = swarm.members.windows(2).all(|pair| numbering.seat(pair[0].peer) < numbering.seat(pair[1].peer));
            in_order && swarm.seeders as usize == swarm.members.iter().filter(|member| member.seed).count()
        })
    }
}

impl Tracker {
    pub(super) fn serve(&self, server: &mut Server, cx: &mut Cx<'_>) {
        if std::mem::take(&mut server.before_time) {
            let members = server.swarms.iter_mut().flat_map(|swarm| &mut swarm.members);
            for member in members {
                member.heard = cx.now() - Time::ZERO.since(member.heard);
            }
        }
        cx.set_timer(self.config.sweep_interval.span(), TrackerTimer::Sweep);
    }

    /// Forgets who has missed its announce.
    pub(super) fn sweep(&self, server: &mut Server, cx: &mut Cx<'_>) {
        let (now, limit) = (cx.now(), self.config.interval.span().scale(self.config.forget_factor));
        for swarm in &mut server.swarms {
            let seeders = &mut swarm.seeders;
            swarm.members.retain(|member| {
                let stays = now.since(member.heard) <= limit;
                *seeders -= u32::from(!stays && member.seed);
                stays
            });
        }
        cx.set_timer(self.config.sweep_interval.span(), TrackerTimer::Sweep);
    }

    pub(super) fn request(&self, server: &mut Server, cx: &mut Cx<'_>, from: PeerId, message: TrackerMessage) {
        use TrackerMessage as M;
        match message {
            M::Connect { token, lookup, protocol } => {
                let (now, key) = (cx.now(), cx.key_of(from));
                let connection = ConnectionId(server.connections.give(SECRET_LIFE, now, cx.rng(), key));
                cx.send(from, M::Connected { token, lookup, protocol, connection });
            }
            M::Stop { item, .. } => {
                if let Some(swarm) = server.swarms.get_mut(item.0 as usize) {
                    swarm.remove(&self.numbering, from);
                }
            }
            M::Announce { token, connection, announce } => {
                if Self::is_connected(server, cx, from, announce.protocol, connection) {
                    // What has been taken down has no swarm here: whoever comes is told of nobody, and comes again when it is time.
                    if !cx.refuses(self.numbering.item_key(announce.item)) {
                        server.enter(&self.numbering, announce.item, from, announce.seed, cx.now());
                        server.swarms[announce.item.0 as usize].completed += u32::from(announce.event == Event::Completed);
                    }
                    self.name_others(server, cx, from, (token, *announce));
                } else {
                    cx.send(from, M::Error { token, lookup: announce.lookup });
                }
            }
            M::Scrape { token, connection, protocol, items } => {
                if Self::is_connected(server, cx, from, protocol, connection) {
                    let counts = items.iter().map(|&item| server.counts(item)).collect();
                    cx.send(from, M::Scraped { token, protocol, counts });
                } else {
                    cx.send(from, M::Error { token, lookup: None });
                }
            }
            // What trackers say to peers, and peers to each other.
            M::Connected { .. }
            | M::Peers { .. }
            | M::Error { .. }
            | M::Scraped { .. }
            | M::Handshake { .. }
            | M::Shaken { .. }
            | M::Reset { .. }
            | M::Exchange { .. }
            | M::KeepAlive { .. }
            | M::Close { .. }
            | M::Dht(_) => {}
        }
    }

    /// Over TCP a peer's address is known to be its own; over UDP its connection id says so.
    fn is_connected(server: &mut Server, cx: &mut Cx<'_>, from: PeerId, protocol: Protocol, connection: ConnectionId) -> bool {
        let (now, key) = (cx.now(), cx.key_of(from));
        protocol == Protocol::Http || server.connections.is_valid(SECRET_LIFE, now, cx.rng(), key, connection.0)
    }

    fn name_others(&self, server: &Server, cx: &mut Cx<'_>, to: PeerId, (token, announce): (Token, Announce)) {
        let Announce { item, numwant, lookup, protocol, .. } = announce;
        let nobody = Swarm::default();
        let swarm = server.swarm(item).unwrap_or(&nobody);
        let most = usize::from(numwant.min(self.config.numwant));
        let peers = swarm.draw(&self.numbering, to, most, cx.rng());
        let (interval, counts) = (self.config.interval.span(), swarm.counts());
        let answer = Box::new(Answer { interval, counts, peers });
        cx.send(to, TrackerMessage::Peers { token, lookup, protocol, answer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    fn swarm(numbering: &Numbering, members: u32) -> Swarm {
        let mut swarm = Swarm::default();
        for seat in (0..members).rev() {
            swarm.put(numbering, Member { peer: numbering.peer(seat, 0), seed: seat % 2 == 0, heard: Time::ZERO });
        }
        swarm
    }

    /// Goal: who is named is a uniformly random subset of the others. Method: each of the 15 pairs out of six others equally often, in either order,
    /// whether the asker is in the swarm or not.
    #[test]
    fn every_subset_is_named_equally_often() {
        let streams = Streams::new(1);
        let numbering = Numbering::new(10, 0, streams);
        let mut rng = streams.rng("test", 0);
        for (members, asker) in [(7, 3), (6, 9)] {
            let swarm = swarm(&numbering, members);
            let mut counts = std::collections::BTreeMap::new();
            for _ in 0..6000 {
                let named = swarm.draw(&numbering, numbering.peer(asker, 0), 2, &mut rng);
                *counts.entry([named[0], named[1]]).or_insert(0_u32) += 1;
            }
            assert_eq!(counts.len(), 30, "no pair is left out, and nobody is named twice or to itself");
            // 200 times each; four standard deviations.
            assert!(counts.values().all(|count| count.abs_diff(200) < 57), "{counts:?}");
            assert_eq!(swarm.draw(&numbering, numbering.peer(asker, 0), 50, &mut rng).len(), 6, "all, if there are no more");
        }
        assert!(Swarm::default().draw(&numbering, numbering.peer(0, 0), 50, &mut rng).is_empty());
    }

    #[test]
    fn a_swarm_knows_addresses_and_counts_them() {
        let numbering = Numbering::new(10, 0, Streams::new(1));
        let mut swarm = swarm(&numbering, 7);
        assert_eq!(swarm.counts(), Counts { seeders: 4, completed: 0, leechers: 3 });
        // The machine at seat 3 has come back as somebody else, who has all of it.
        let returned = Member { peer: numbering.peer(3, 1), seed: true, heard: Time::ZERO };
        swarm.put(&numbering, returned);
        assert_eq!(swarm.counts(), Counts { seeders: 5, completed: 0, leechers: 2 });
        swarm.remove(&numbering, numbering.peer(3, 0));
        assert_eq!(swarm.counts(), Counts { seeders: 4, completed: 0, leechers: 2 });
        assert!(swarm.members.windows(2).all(|pair| pair[0].peer < pair[1].peer));
    }
}

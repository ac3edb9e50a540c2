//! Questions: who has this item?
//!
//! A peer that asks enters the item's swarm as one who has nothing yet, and connects to whom the tracker names, `connect_parallel` at a time, until one
//! says that it has all of it. Those who are gone cost a timeout; those who have nothing, either, may know others (peer exchange). Then it stays in
//! the swarm for a while: asked again, it knows whom to turn to.

use std::collections::VecDeque;

use peerlab_model::{Hit, ItemId, LookupId, PeerId, Target};

use super::client::{Candidate, Client, Torrent};
use super::config::Dht;
use super::tiers::Order;
use super::{Cx, Tracker, TrackerTimer};

/// A question that is under way.
#[derive(Clone, Debug)]
pub(super) struct Search {
    pub(super) id: LookupId,
    pub(super) item: ItemId,
    /// Whom it may connect to.
    queue: VecDeque<Candidate>,
    /// Whom it has connected to, or has in its queue.
    known: Vec<PeerId>,
    /// Connections that wait for an answer.
    pub(super) in_flight: u8,
    /// It has turned to the trackers.
    announced: bool,
    pub(super) dht: Asked,
}

/// How far a question to the DHT is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    NotYet,
    UnderWay,
    Over,
}

impl Search {
    pub(super) fn bytes(&self) -> usize {
        32 + 12 * self.queue.len() + 4 * self.known.len()
    }

    pub(super) fn add(&mut self, candidate: Candidate) {
        if !self.known.contains(&candidate.peer) {
            self.known.push(candidate.peer);
            self.queue.push_back(candidate);
        }
    }
}

impl Client {
    pub(super) fn search(&mut self, id: LookupId) -> Option<&mut Search> {
        self.searches.iter_mut().find(|search| search.id == id)
    }
}

impl Tracker {
    pub(super) fn ask(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        // Trackers know swarms, and nothing else.
        let Target::Item(item) = target else { return cx.finish(id) };
        let mut search = Search { id, item, queue: VecDeque::new(), known: Vec::new(), in_flight: 0, announced: false, dht: Asked::NotYet };
        match client.torrent(item) {
            Some(torrent) => {
                torrent.until = None;
                for seed in torrent.neighbours.iter().filter(|neighbour| neighbour.seed) {
                    search.add(Candidate { peer: seed.peer, hops: 0, rounds: 0 });
                }
            }
            None => client.add(Torrent::new(item, false, Order::shuffled(&self.config.tiers, cx.rng()))),
        }
        client.searches.push(search);
        cx.set_timer(cx.setting().lookup_timeout, TrackerTimer::GiveUp(id.number));
        self.go_on(client, cx, id);
    }

    /// Nobody waits for the answer any more.
    pub(super) fn give_up(&self, client: &mut Client, cx: &mut Cx<'_>, number: u32) {
        if let Some(id) = client.searches.iter().map(|search| search.id).find(|id| id.number == number) {
            self.end(client, cx, id);
        }
    }

    /// Somebody has named peers of an item's swarm.
    pub(super) fn heard_of(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, named: &[Candidate]) {
        let this = cx.this();
        let mut waiting = Vec::new();
        for search in client.searches.iter_mut().filter(|search| search.item == item) {
            for &candidate in named.iter().filter(|candidate| candidate.peer != this) {
                search.add(candidate);
            }
            waiting.push(search.id);
        }
        for &id in &waiting {
            self.go_on(client, cx, id);
        }
    }

    /// Connects to the next ones; when there are none, looks for more, or gives up.
    pub(super) fn go_on(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId) {
        loop {
            let Some(search) = client.search(id) else { return };
            let item = search.item;
            while let Some(search) = client.search(id).filter(|search| search.in_flight < self.config.connect_parallel) {
                let Some(candidate) = search.queue.pop_front() else { break };
                search.in_flight += 1;
                self.connect(client, cx, item, candidate, Some(id));
            }
            let Some(search) = client.search(id) else { return };
            if search.in_flight > 0 {
                return;
            }
            if !search.announced {
                search.announced = true;
                self.seek(client, cx, id, item);
                continue;
            }
            let in_dht = search.dht == Asked::UnderWay;
            if !in_dht && client.torrent(item).is_none_or(|torrent| torrent.waiting.is_none()) {
                self.end(client, cx, id);
            }
            return;
        }
    }

    /// Nobody is known who has it: the tracker may name somebody, unless it has just done so, and the DHT.
    fn seek(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId, item: ItemId) {
        let now = cx.now();
        let is_recent = |torrent: &mut Torrent| torrent.answered.is_some_and(|(_, at)| now.since(at) < self.config.min_interval.span());
        if !client.torrent(item).is_some_and(is_recent) {
            self.announce(client, cx, item, Some(id));
        }
        if self.config.dht == Dht::Always {
            self.ask_dht(client, cx, id, item);
        }
    }

    /// A tracker has not answered; `all` of them have not. Questions need not wait for ever.
    pub(super) fn without_tracker(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, all: bool) {
        let waiting: Vec<LookupId> =
            client.searches.iter().filter(|search| search.item == item && search.announced).map(|search| search.id).collect();
        for id in waiting {
            let not_yet = client.search(id).is_some_and(|search| search.dht == Asked::NotYet);
            if all && not_yet && self.config.dht == Dht::Fallback {
                self.ask_dht(client, cx, id, item);
            }
            self.go_on(client, cx, id);
        }
        // Nobody asks any more, and nobody has heard that this peer is in the swarm: it never was.
        let is_waited_for = client.searches.iter().any(|search| search.item == item);
        let is_in_vain = |torrent: &mut Torrent| !torrent.seed && torrent.answered.is_none() && torrent.neighbours.is_empty();
        if !is_waited_for && client.torrent(item).is_some_and(is_in_vain) {
            self.leave_swarm(client, cx, item);
        }
    }

    /// A peer has said that it has all of it.
    pub(super) fn found(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId, candidate: Candidate) {
        let Candidate { peer, hops, rounds } = candidate;
        cx.hit(id, Hit { peer, hops, rounds: rounds + 1 });
        self.end(client, cx, id);
    }

    /// The question has ended. The peer stays in the swarm for a while.
    fn end(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId) {
        let Some(at) = client.searches.iter().position(|search| search.id == id) else { return };
        let item = client.searches.swap_remove(at).item;
        cx.finish(id);
        let (stay, now) = (self.config.stay.span(), cx.now());
        let is_last = client.searches.iter().all(|search| search.item != item);
        if is_last && let Some(torrent) = client.torrent(item).filter(|torrent| !torrent.seed) {
            torrent.until = Some(now.saturating_add(stay));
            cx.set_timer(stay, TrackerTimer::Leave(item));
        }
    }

    /// It has stayed for long enough, if it still only stays.
    pub(super) fn stayed(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId) {
        let now = cx.now();
        if client.torrent(item).is_some_and(|torrent| torrent.until.is_some_and(|until| until <= now)) {
            self.leave_swarm(client, cx, item);
        }
    }
}

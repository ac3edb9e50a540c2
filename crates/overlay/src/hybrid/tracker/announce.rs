//! How a peer speaks to its trackers.
//!
//! For each torrent it asks one tracker after the other, tier by tier, until one answers; that one is asked first the next time (BEP 12). Over UDP a
//! request needs a connection id, which a tracker gives and which is good for a minute; what is not answered within 15 · 2ⁿ s counts as lost (BEP 15),
//! where n says how often all trackers have been asked in vain. Over HTTP each request has a connection of its own.

use peerlab_model::{ItemId, LookupId, PeerId, Span, Time, Token};

use super::client::{Candidate, Client, Request, Torrent};
use super::message::{Announce, Answer, ConnectionId, Counts, Event, TrackerMessage};
use super::{Cx, Protocol, Tracker, TrackerTimer};
use crate::servers::{doubled, number_of};

/// How long a client may use a connection id (BEP 15: one minute).
const CONNECTION_LIFE: Span = Span::from_secs(60);

/// Torrents in one scrape (BEP 15: up to about 74).
const SCRAPE_MAX: usize = 74;

impl Tracker {
    /// Begins to announce, with the first tracker, unless that is under way.
    pub(super) fn announce(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, lookup: Option<LookupId>) {
        let Some(torrent) = client.torrent(item) else { return };
        if torrent.waiting.is_some() {
            return;
        }
        (torrent.at, torrent.rounds, torrent.due) = (0, 0, Time::MAX);
        self.try_tracker(client, cx, item, lookup);
    }

    /// Its regular time has come.
    pub(super) fn announce_again(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId) {
        if client.torrent(item).is_some_and(|torrent| torrent.due <= cx.now()) {
            self.announce(client, cx, item, None);
        }
    }

    /// Asks the tracker whose turn it is.
    fn try_tracker(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, lookup: Option<LookupId>) {
        let Some(torrent) = client.torrent(item) else { return };
        let (tracker, rounds) = (torrent.order.get(torrent.at), torrent.rounds);
        let token = client.requests.open(Request::Announce { item, tracker, lookup });
        let connection = self.connection(client, cx, tracker);
        let Some(torrent) = client.torrent(item) else { return };
        torrent.waiting = Some(token);
        let protocol = self.config.protocol;
        let message = match connection {
            Some(connection) => {
                let announce = Announce { item, event: torrent.event, seed: torrent.seed, numwant: self.config.numwant, lookup, protocol };
                TrackerMessage::Announce { token, connection, announce: Box::new(announce) }
            }
            None => TrackerMessage::Connect { token, lookup, protocol },
        };
        self.send_request(cx, tracker, token, message, rounds);
    }

    fn send_request(&self, cx: &mut Cx<'_>, tracker: u8, token: Token, message: TrackerMessage, doublings: u16) {
        cx.send(self.numbering.server(tracker.into()), message);
        let first = self.config.request_timeout.span();
        let wait = doubled(first, doublings, first.times(1 << self.config.doublings));
        cx.set_timer(wait, TrackerTimer::Request(token));
    }

    /// The connection to a tracker, if there is one that is not too old. Over HTTP it serves once.
    fn connection(&self, client: &mut Client, cx: &Cx<'_>, tracker: u8) -> Option<ConnectionId> {
        client.connections.retain(|&(_, _, since)| cx.now().since(since) < CONNECTION_LIFE);
        let at = client.connections.iter().position(|&(of, ..)| of == tracker)?;
        match self.config.protocol {
            Protocol::Udp => Some(client.connections[at].1),
            Protocol::Http => Some(client.connections.swap_remove(at).1),
        }
    }

    /// A tracker has given a connection id, or accepted a connection: now the request itself.
    pub(super) fn connected(&self, client: &mut Client, cx: &mut Cx<'_>, from: PeerId, token: Token, connection: ConnectionId) {
        let Some(request) = client.requests.close(token) else { return };
        let tracker = number_of(&self.numbering, from) as u8;
        client.connections.retain(|&(of, ..)| of != tracker);
        client.connections.push((tracker, connection, cx.now()));
        self.request_again(client, cx, request);
    }

    /// A tracker does not know the connection id (any more): it was too old, or the tracker has been switched off and on again.
    pub(super) fn refused(&self, client: &mut Client, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let tracker = number_of(&self.numbering, from) as u8;
        client.connections.retain(|&(of, ..)| of != tracker);
        if let Some(request) = client.requests.close(token) {
            self.request_again(client, cx, request);
        }
    }

    fn request_again(&self, client: &mut Client, cx: &mut Cx<'_>, request: Request) {
        match request {
            Request::Announce { item, lookup, .. } => self.try_tracker(client, cx, item, lookup),
            Request::Scrape { tracker } => self.try_scrape(client, cx, tracker),
            Request::Handshake { .. } => {}
        }
    }

    /// A tracker has answered an announce.
    pub(super) fn answered(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token, answer: &Answer) {
        let Some(Request::Announce { item, tracker, .. }) = client.requests.close(token) else { return };
        let now = cx.now();
        let Some(torrent) = client.torrent(item) else { return };
        torrent.waiting = None;
        torrent.order = torrent.order.promoted(&self.config.tiers, torrent.at);
        torrent.answered = Some((tracker, now));
        torrent.counts = answer.counts;
        torrent.event = Event::Regular;
        torrent.due = now.saturating_add(answer.interval);
        cx.set_timer(answer.interval, TrackerTimer::Announce(item));
        // A round for the connection, and one for the announce.
        let named: Vec<Candidate> = answer.peers.iter().map(|&peer| Candidate { peer, hops: 1, rounds: 2 }).collect();
        self.heard_of(client, cx, item, &named);
    }

    /// A tracker has not answered in time.
    pub(super) fn tracker_silent(&self, client: &mut Client, cx: &mut Cx<'_>, item: ItemId, lookup: Option<LookupId>) {
        let trackers = self.config.trackers() as u8;
        let is_open = lookup.is_some_and(|id| client.searches.iter().any(|search| search.id == id));
        if let Some(id) = lookup.filter(|_| is_open) {
            cx.timed_out(id);
        }
        let Some(torrent) = client.torrent(item) else { return };
        torrent.waiting = None;
        torrent.at += 1;
        let all_silent = torrent.at == trackers;
        if all_silent {
            (torrent.at, torrent.rounds) = (0, torrent.rounds.saturating_add(1));
        }
        // What is sent from now on is for the question as long as that is open.
        self.try_tracker(client, cx, item, lookup.filter(|_| is_open));
        self.without_tracker(client, cx, item, all_silent);
    }

    // Scrapes.

    pub(super) fn begin_scrapes(&self, cx: &mut Cx<'_>) {
        let interval = self.config.scrape_interval.span();
        if interval > Span::ZERO {
            cx.set_timer_within(interval, TrackerTimer::Scrape);
        }
    }

    /// Asks each tracker for the counts of all torrents of which it has heard.
    pub(super) fn scrape(&self, client: &mut Client, cx: &mut Cx<'_>) {
        cx.set_timer(self.config.scrape_interval.span(), TrackerTimer::Scrape);
        let trackers: Vec<u8> = client.trackers().collect();
        for tracker in trackers {
            self.try_scrape(client, cx, tracker);
        }
    }

    fn try_scrape(&self, client: &mut Client, cx: &mut Cx<'_>, tracker: u8) {
        let token = client.requests.open(Request::Scrape { tracker });
        let protocol = self.config.protocol;
        let message = match self.connection(client, cx, tracker) {
            Some(connection) => TrackerMessage::Scrape { token, connection, protocol, items: Self::items_of(client, tracker).collect() },
            None => TrackerMessage::Connect { token, lookup: None, protocol },
        };
        self.send_request(cx, tracker, token, message, 0);
    }

    fn items_of(client: &Client, tracker: u8) -> impl Iterator<Item = ItemId> {
        let its = move |torrent: &&Torrent| torrent.answered.is_some_and(|(by, _)| by == tracker);
        client.torrents.iter().filter(its).map(|torrent| torrent.item).take(SCRAPE_MAX)
    }

    /// A tracker has counted. Nothing tells for which items but their order: they are those of the request, unless some have come or gone since.
    pub(super) fn scraped(client: &mut Client, token: Token, counts: &[Counts]) {
        let Some(Request::Scrape { tracker }) = client.requests.close(token) else { return };
        let items: Vec<ItemId> = Self::items_of(client, tracker).collect();
        if items.len() == counts.len() {
            for (item, &counts) in items.into_iter().zip(counts) {
                if let Some(torrent) = client.torrent(item) {
                    torrent.counts = counts;
                }
            }
        }
    }
}

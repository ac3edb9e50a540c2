//! A peer's part of the protocol: register, stay registered, ask.

use peerlab_model::{Context, Hit, ItemId, LookupId, PeerId, Posting, Requests, Span, Target, Token};

use super::message::{IndexMessage, Session};
use super::{CentralIndex, IndexTimer};

type Cx<'a> = Context<'a, CentralIndex>;

/// What a peer knows.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The number of the server that it is registered with, or turns to.
    pub(super) server: u16,
    /// Its session at the server, while it believes that it has one.
    pub(super) session: Option<Session>,
    /// It waits to log in, or is about to.
    pub(super) logging_in: bool,
    /// Items that it told the server of in this session, in ascending order.
    pub(super) announced: Vec<ItemId>,
    pub(super) requests: Requests<Request>,
    /// Heartbeats in a row that were not acknowledged.
    pub(super) missed: u8,
    /// It has told the world that it is a member.
    pub(super) joined: bool,
    /// At a converged start: the time to its first heartbeat.
    pub(super) first_heartbeat: Option<Span>,
}

/// A request that waits for the server.
#[derive(Clone, Debug)]
pub(super) struct Request {
    what: What,
    /// How often it was sent or tried before.
    attempt: u8,
    /// Sent at the latest attempt; else there was no session to send it in.
    sent: bool,
}

#[derive(Clone, Debug)]
enum What {
    Login,
    Share(Box<[ItemId]>),
    Unshare(Box<[ItemId]>),
    Heartbeat,
    Question { id: LookupId, target: Target },
}

impl Client {
    /// True while it believes to be registered.
    pub fn is_registered(&self) -> bool {
        self.session.is_some()
    }

    pub(super) fn bytes(&self) -> usize {
        8 + 4 * self.announced.len() + 16 * self.requests.len()
    }
}

impl CentralIndex {
    /// Begins to register, now.
    pub(super) fn log_in(&self, client: &mut Client, cx: &mut Cx<'_>) {
        if client.session.is_none() {
            client.logging_in = true;
            if !client.joined && self.config.servers > 1 {
                client.server = cx.rng().index(self.config.servers.into()) as u16;
            }
            self.open(client, cx, What::Login);
        }
    }

    /// The first heartbeat follows the last one of before time began, or the registration, after one interval.
    pub(super) fn begin_heartbeats(&self, client: &mut Client, cx: &mut Cx<'_>) {
        let first = client.first_heartbeat.take().unwrap_or(self.config.heartbeat_interval.span());
        cx.set_timer(first, IndexTimer::Heartbeat);
    }

    pub(super) fn heartbeat(&self, client: &mut Client, cx: &mut Cx<'_>) {
        if client.session.is_some() {
            self.open(client, cx, What::Heartbeat);
        }
        cx.set_timer(self.config.heartbeat_interval.span(), IndexTimer::Heartbeat);
    }

    pub(super) fn ask(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        match target {
            Target::Item(_) | Target::Peer(_) | Target::Keywords(_) => self.open(client, cx, What::Question { id, target }),
            // The server knows no keys.
            _ => cx.finish(id),
        }
    }

    /// New items: the server is told what it was not told when this peer registered.
    pub(super) fn share(&self, client: &mut Client, cx: &mut Cx<'_>, items: &[ItemId]) {
        if client.session.is_none() {
            // The next registration names all that is on the disk.
            return;
        }
        let new: Vec<ItemId> = items.iter().copied().filter(|item| client.announced.binary_search(item).is_err()).collect();
        if !new.is_empty() {
            client.announced.extend(&new);
            client.announced.sort_unstable();
            self.open(client, cx, What::Share(new.into_boxed_slice()));
        }
    }

    pub(super) fn unshare(&self, client: &mut Client, cx: &mut Cx<'_>, items: &[ItemId]) {
        if client.session.is_some() {
            client.announced.retain(|item| !items.contains(item));
            self.open(client, cx, What::Unshare(items.into()));
        }
    }

    pub(super) fn say_goodbye(&self, client: &Client, cx: &mut Cx<'_>) {
        if let Some(session) = client.session {
            cx.send(self.server_of(client), IndexMessage::Goodbye { session });
        }
    }

    pub(super) fn reply(&self, client: &mut Client, cx: &mut Cx<'_>, message: IndexMessage) {
        match message {
            IndexMessage::Welcome { token, session } => self.welcome(client, cx, token, session),
            IndexMessage::Done { token } => self.done(client, cx, token),
            IndexMessage::Answer { token, id, holders } => {
                if client.requests.close(token).is_some() {
                    client.missed = 0;
                    Self::found(cx, id, &holders, 1);
                }
            }
            // Through the peer's own server, and from another one.
            IndexMessage::Relayed { token, id, holders } => {
                if client.requests.close(token).is_some() {
                    client.missed = 0;
                    Self::found(cx, id, &holders, 2);
                }
            }
            IndexMessage::Matches { token, id, postings } => {
                if client.requests.close(token).is_some() {
                    client.missed = 0;
                    for &Posting { item, holder } in &postings {
                        cx.matched(id, Hit { peer: holder, hops: 1, rounds: 0 }, item);
                    }
                    cx.finish(id);
                }
            }
            IndexMessage::Challenge { token, session, items } => self.challenged(client, cx, token, session, &items),
            IndexMessage::Unknown { token, session, .. } => self.unknown(client, cx, token, session),
            // What peers say to servers, and servers to each other.
            IndexMessage::Login { .. }
            | IndexMessage::Share { .. }
            | IndexMessage::Proof { .. }
            | IndexMessage::Unshare { .. }
            | IndexMessage::Heartbeat { .. }
            | IndexMessage::QueryItem { .. }
            | IndexMessage::QueryPeer { .. }
            | IndexMessage::Search { .. }
            | IndexMessage::Relay { .. }
            | IndexMessage::Tell { .. }
            | IndexMessage::Told { .. }
            | IndexMessage::Goodbye { .. } => {}
        }
    }

    fn found(cx: &mut Cx<'_>, id: LookupId, holders: &[PeerId], hops: u32) {
        for &peer in holders {
            cx.hit(id, Hit { peer, hops, rounds: 0 });
        }
        cx.finish(id);
    }

    fn server_of(&self, client: &Client) -> PeerId {
        self.numbering.server(client.server.into())
    }

    /// Logged in: now the server learns what there is.
    fn welcome(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token, session: Session) {
        // A login that was sent twice gets two sessions, of which the later one counts at the server: so it does here.
        client.requests.close(token);
        if client.session == Some(session) {
            return;
        }
        client.session = Some(session);
        client.logging_in = false;
        client.missed = 0;
        client.announced = cx.shares().to_vec();
        if client.announced.is_empty() {
            self.become_member(client, cx);
        } else {
            let items = client.announced.clone().into_boxed_slice();
            self.open(client, cx, What::Share(items));
        }
    }

    /// The server wants to see parts of what this peer says that it has. What it cannot show will not be listed, and nobody says so.
    fn challenged(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token, session: Session, items: &[ItemId]) {
        if client.session == Some(session) && client.requests.get_mut(token).is_some() {
            let items = items.iter().copied().filter(|&item| cx.proves(item)).collect();
            cx.send(self.server_of(client), IndexMessage::Proof { token, session, items });
        }
    }

    fn done(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token) {
        // Late is not never: a server that is slow is no server that is gone.
        client.missed = 0;
        let Some(request) = client.requests.close(token) else { return };
        if matches!(request.what, What::Share(_)) {
            self.become_member(client, cx);
        }
    }

    fn become_member(&self, client: &mut Client, cx: &mut Cx<'_>) {
        if !client.joined {
            client.joined = true;
            cx.joined();
            self.begin_heartbeats(client, cx);
        }
    }

    /// The server does not know this peer: it has restarted, or has forgotten a peer that it did not hear.
    fn unknown(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token, session: Session) {
        // A question stays open: it is asked again, in the new session, when its time is up.
        if let Some(request) = client.requests.get_mut(token) {
            // An answer did come: this attempt is no timeout.
            request.sent = false;
            if !matches!(request.what, What::Question { .. }) {
                client.requests.close(token);
            }
        }
        if client.session == Some(session) {
            self.lose_session(client, cx);
        }
    }

    /// The server has been silent for too long: the next one may be there. Its peers have it in common, but not the instant.
    fn turn_away(&self, client: &mut Client, cx: &mut Cx<'_>) {
        self.turn(client);
        self.lose_session(client, cx);
    }

    fn turn(&self, client: &mut Client) {
        client.server = (client.server + 1) % self.config.servers;
    }

    /// Registers again after a random pause, so that the peers of a restarted server do not all come at once.
    fn lose_session(&self, client: &mut Client, cx: &mut Cx<'_>) {
        client.session = None;
        client.missed = 0;
        if !client.logging_in {
            client.logging_in = true;
            cx.set_timer_within(self.config.rejoin_spread.span(), IndexTimer::LogIn);
        }
    }

    fn open(&self, client: &mut Client, cx: &mut Cx<'_>, what: What) {
        let token = client.requests.open(Request { what, attempt: 0, sent: false });
        self.try_request(client, cx, token);
    }

    /// Sends a request (again) and sets its timer.
    fn try_request(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token) {
        let Some(request) = client.requests.get_mut(token) else { return };
        let message = match (&request.what, client.session) {
            (What::Login, _) => Some(IndexMessage::Login { token }),
            (What::Share(items), Some(session)) => Some(IndexMessage::Share { token, session, items: items.clone() }),
            (What::Unshare(items), Some(session)) => Some(IndexMessage::Unshare { token, session, items: items.clone() }),
            (What::Heartbeat, Some(session)) => Some(IndexMessage::Heartbeat { token, session }),
            (&What::Question { id, target: Target::Item(item) }, Some(session)) => {
                Some(IndexMessage::QueryItem { token, session, id, item })
            }
            (&What::Question { id, target: Target::Peer(named) }, Some(session)) => {
                Some(IndexMessage::QueryPeer { token, session, id, named })
            }
            (&What::Question { id, target: Target::Keywords(keywords) }, Some(session)) => {
                Some(IndexMessage::Search { token, session, id, keywords })
            }
            // Not now, or (a key) never.
            (_, None) | (What::Question { .. }, Some(_)) => None,
        };
        request.sent = message.is_some();
        let wait = self.wait(request);
        if let Some(message) = message {
            cx.send(self.server_of(client), message);
        }
        cx.set_timer(wait, IndexTimer::Request(token));
    }

    /// The wait for an answer: doubled with each attempt. A login goes to each server in turn: there it is doubled with each round.
    fn wait(&self, request: &Request) -> Span {
        let doublings = match request.what {
            What::Login => u16::from(request.attempt) / self.config.servers,
            _ => request.attempt.into(),
        };
        self.backoff(doublings)
    }

    /// The server did not answer in time.
    pub(super) fn timed_out(&self, client: &mut Client, cx: &mut Cx<'_>, token: Token) {
        let Some(request) = client.requests.get_mut(token) else { return };
        request.attempt = request.attempt.saturating_add(1);
        let spent = request.attempt > self.config.retries;
        match request.what {
            What::Question { id, .. } => {
                let was_sent = request.sent;
                if was_sent {
                    cx.timed_out(id);
                }
                // Where there is somebody else to turn to, a question is as good as a heartbeat for finding out that the server is gone.
                if was_sent && self.config.servers > 1 {
                    self.missed(client, cx);
                }
                if spent {
                    client.requests.close(token);
                    cx.finish(id);
                } else {
                    self.try_request(client, cx, token);
                }
            }
            What::Login if client.session.is_some() => {
                client.requests.close(token);
            }
            What::Heartbeat => {
                client.requests.close(token);
                self.missed(client, cx);
            }
            What::Share(_) | What::Unshare(_) if client.session.is_none() => {
                // The next registration tells it all.
                client.requests.close(token);
            }
            What::Share(_) | What::Unshare(_) if spent => {
                client.requests.close(token);
                self.turn_away(client, cx);
            }
            // A login for ever, at longer and longer intervals: without a session there is nothing else to do.
            What::Login => {
                self.turn(client);
                self.try_request(client, cx, token);
            }
            What::Share(_) | What::Unshare(_) => self.try_request(client, cx, token),
        }
    }

    /// The server has not acknowledged something.
    fn missed(&self, client: &mut Client, cx: &mut Cx<'_>) {
        client.missed = client.missed.saturating_add(1);
        if client.session.is_some() && client.missed >= self.config.missed_heartbeats {
            self.turn_away(client, cx);
        }
    }
}

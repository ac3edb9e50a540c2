//! Client and server: the baseline.
//!
//! The content is on the server alone, at a known address. A question is one request and one answer; there is nothing to join, to
//! keep up or to publish. With several servers, each of which holds everything, a balancer stands before them: a reverse proxy that
//! passes each request to one of them and the answer back.
//!
//! # Cost
//! 2 messages and 1 hop with one server, 4 messages and 2 hops behind a balancer. A client keeps nothing but its open questions.
//!
//! # Not here
//! The transfer of the content, caches, several balancers, sticky sessions.
//!
//! # Map
//! `client`: asks, and asks again · `server`: knows what there is · `balancer`: who gets the next request, and what becomes of it.

mod balancer;
mod client;
mod config;
mod message;
mod server;

pub use balancer::Balancer;
pub use config::{Balance, ClientServerConfig};
pub use message::{ServerMessage, Ticket};
pub use server::Server;

use peerlab_model::{
    BuildError, Context, Family, ItemId, LookupId, Numbering, Overlay, PeerId, PeerTable, Role, Setting, Start, Target, Targets, Time,
    Token,
};

use crate::unstructured::flooding::Wanted;

/// The client-server model.
#[derive(Debug)]
pub struct ClientServer {
    config: ClientServerConfig,
    numbering: Numbering,
}

/// What one host of the model knows.
#[derive(Clone, Debug)]
pub enum ServerPeer {
    /// A peer of the population: where the service is, and no more.
    Client,
    /// A server: all of the content.
    Server(Box<Server>),
    /// The balancer.
    Balancer(Box<Balancer>),
}

/// A client's question that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub(super) id: LookupId,
    pub(super) wanted: Wanted,
    /// When it was asked first.
    pub(super) asked: Time,
    /// How often it was asked before.
    pub(super) attempt: u8,
}

/// What a host's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerTimer {
    /// Client: no answer yet.
    Ask(Token),
    /// Balancer: the server has not answered.
    Relay(Ticket),
}

impl ClientServer {
    /// Where clients send their requests: the server, or the balancer.
    fn front(&self) -> PeerId {
        self.numbering.server(0)
    }

    /// The `index`-th server behind the balancer.
    fn behind(&self, index: u16) -> PeerId {
        self.numbering.server(1 + u32::from(index))
    }
}

impl Overlay for ClientServer {
    const NAME: &'static str = "client-server";
    const SUMMARY: &'static str = "the servers alone have the content: one request, one answer";
    const SOURCE: &'static str = "the baseline; balancing after nginx, ngx_http_upstream_module";
    const FAMILY: Family = Family::ClientServer;

    type Config = ClientServerConfig;
    type Peer = ServerPeer;
    type Message = ServerMessage;
    type Timer = ServerTimer;
    type Request = Question;

    fn new(config: &ClientServerConfig, setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone(), numbering: setting.numbering })
    }

    fn targets(_config: &ClientServerConfig) -> Targets {
        Targets { key: false, peer: false, content: true, value: false, keywords: true }
    }

    fn dedicated(config: &ClientServerConfig) -> Vec<Role> {
        let server = Role { name: "server", capacity: config.capacity, queue: config.queue, holds_all: true };
        let balancer = Role { name: "balancer", capacity: config.balancer_capacity, queue: config.queue, holds_all: false };
        let servers = std::iter::repeat_n(server, config.servers.into());
        if config.has_balancer() { std::iter::once(balancer).chain(servers).collect() } else { servers.collect() }
    }

    fn peer(&self, id: PeerId) -> ServerPeer {
        if !self.numbering.is_server(id) {
            ServerPeer::Client
        } else if self.config.has_balancer() && self.numbering.seat(id) == self.numbering.seat(self.front()) {
            ServerPeer::Balancer(Box::new(Balancer::new(self.config.servers)))
        } else {
            ServerPeer::Server(Box::default())
        }
    }

    /// There are no tables: everybody knows the address from the start.
    fn converged(&self, _start: &Start<'_>, _peers: &mut dyn PeerTable<ServerPeer>) {}

    fn started(&self, peer: &mut ServerPeer, cx: &mut Context<'_, Self>) {
        if let ServerPeer::Server(server) = peer {
            server.name_all(cx);
        }
    }

    fn join(&self, _peer: &mut ServerPeer, cx: &mut Context<'_, Self>) {
        cx.joined();
    }

    fn lookup(&self, _peer: &mut ServerPeer, cx: &mut Context<'_, Self>, id: LookupId, target: Target) {
        match target {
            Target::Item(item) => self.ask(cx, id, Wanted::Item(item)),
            Target::Keywords(keywords) => self.ask(cx, id, Wanted::Keywords(keywords)),
            // The servers have content, and know nothing of peers and keys.
            _ => cx.finish(id),
        }
    }

    /// What clients ask is limited, what a balancer passes on is not.
    fn admits(&self, peer: &mut ServerPeer, now: Time, from: PeerId, message: &ServerMessage) -> bool {
        let (Some(limit), ServerMessage::Request { .. } | ServerMessage::Search { .. }) = (self.config.rate_limit, message) else {
            return true;
        };
        let limiter = match peer {
            ServerPeer::Client => return true,
            ServerPeer::Server(server) => &mut server.limiter,
            ServerPeer::Balancer(balancer) => &mut balancer.limiter,
        };
        limiter.admits(limit, self.numbering.host(from), now)
    }

    fn message(&self, peer: &mut ServerPeer, cx: &mut Context<'_, Self>, from: PeerId, message: ServerMessage) {
        use ServerMessage as M;
        match (peer, message) {
            (ServerPeer::Client, M::Answer { token, id, server }) => self.answered(cx, token, id, server),
            (ServerPeer::Client, M::Matches { token, id, server, items }) => self.told_matches(cx, token, id, server, &items),
            (ServerPeer::Client, M::Gone { token, id }) => Self::refused(cx, token, id),
            (ServerPeer::Server(_) | ServerPeer::Balancer(_), M::Request { token, id, item })
                if cx.refuses(self.numbering.item_key(item)) =>
            {
                cx.send(from, M::Gone { token, id });
            }
            (ServerPeer::Server(_), M::Request { token, id, .. }) => cx.send(from, M::Answer { token, id, server: cx.this() }),
            (ServerPeer::Server(_), M::Relay { ticket, id, .. }) => cx.send(from, M::Served { ticket, id }),
            (ServerPeer::Server(server), M::Search { token, id, keywords }) => {
                let items = server.matching(cx, keywords, self.config.matches);
                cx.send(from, M::Matches { token, id, server: cx.this(), items });
            }
            (ServerPeer::Server(server), M::RelaySearch { ticket, id, keywords }) => {
                let items = server.matching(cx, keywords, self.config.matches);
                cx.send(from, M::ServedSearch { ticket, id, items });
            }
            (ServerPeer::Balancer(balancer), M::Request { token, id, item }) => {
                self.pass_on(balancer, cx, from, token, id, Wanted::Item(item));
            }
            (ServerPeer::Balancer(balancer), M::Search { token, id, keywords }) => {
                self.pass_on(balancer, cx, from, token, id, Wanted::Keywords(keywords));
            }
            (ServerPeer::Balancer(balancer), M::Served { ticket, .. }) => self.pass_back(balancer, cx, from, ticket, None),
            (ServerPeer::Balancer(balancer), M::ServedSearch { ticket, items, .. }) => {
                self.pass_back(balancer, cx, from, ticket, Some(items));
            }
            // Nobody sends them there.
            (ServerPeer::Client | ServerPeer::Server(_) | ServerPeer::Balancer(_), _) => {}
        }
    }

    fn timer(&self, peer: &mut ServerPeer, cx: &mut Context<'_, Self>, timer: ServerTimer) {
        match (peer, timer) {
            (_, ServerTimer::Ask(token)) => self.ask_timed_out(cx, token),
            (ServerPeer::Balancer(balancer), ServerTimer::Relay(ticket)) => self.relay_timed_out(balancer, cx, ticket),
            (ServerPeer::Client | ServerPeer::Server(_), ServerTimer::Relay(_)) => {}
        }
    }

    /// The servers say so when they are asked for it: see [`Context::refuses`]. What peers have on their own disks nobody gets.
    fn take_down(&self, _peer: &mut ServerPeer, _cx: &mut Context<'_, Self>, _item: ItemId) {}

    /// A client has the address; a balancer has its servers.
    fn contacts(&self, peer: &ServerPeer, visit: &mut dyn FnMut(PeerId)) {
        match peer {
            ServerPeer::Client => visit(self.front()),
            ServerPeer::Server(_) => {}
            ServerPeer::Balancer(_) => (0..self.config.servers).for_each(|index| visit(self.behind(index))),
        }
    }

    fn state_bytes(&self, peer: &ServerPeer) -> usize {
        match peer {
            ServerPeer::Client => 0,
            ServerPeer::Server(server) => server.bytes(),
            ServerPeer::Balancer(balancer) => balancer.bytes(),
        }
    }
}

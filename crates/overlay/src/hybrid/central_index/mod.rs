//! A central index, as in Napster.
//!
//! A server at a known address knows who is there and who shares what, since everybody registers with it; a question costs one
//! message and one answer. There may be several servers, which tell each other what they know, or do not. What it costs besides: everybody's heartbeats, a server that handles every question, and an
//! overlay that is deaf while the server is away.
//!
//! # Cost
//! A question is 2 messages and 1 hop. The server holds 16 bytes a peer and 8 for each item that a peer shares; a sweep for
//! silent peers is linear in the population.
//!
//! # Not here
//! Chat and hot lists; the download itself.

mod client;
mod colleagues;
mod config;
mod index;
mod message;
mod server;

pub use client::Client;
pub use config::{CentralIndexConfig, Division, Select};
pub use index::Index;
pub use message::{Change, IndexMessage, News, Session};
pub use server::Server;

use colleagues::Colleague;
use peerlab_model::{
    BuildError, Context, Family, ItemId, LookupId, Numbering, Overlay, PeerId, PeerTable, Role, Setting, Span, Start, Target, Targets,
    Time, Token, Violation,
};

use crate::servers::doubled;

/// The central-index model.
#[derive(Debug)]
pub struct CentralIndex {
    config: CentralIndexConfig,
    numbering: Numbering,
}

/// What one host of the model knows.
#[derive(Clone, Debug)]
pub enum IndexPeer {
    /// A peer of the population.
    Client(Client),
    /// The index server.
    Server(Box<Server>),
}

/// What a host's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IndexTimer {
    /// Peer: time for a sign of life.
    Heartbeat,
    /// Peer: register again.
    LogIn,
    /// Peer: the server has not answered.
    Request(Token),
    /// Server: forget the silent.
    Sweep,
    /// Server: tell the others.
    Sync,
}

const _: () = assert!(size_of::<IndexTimer>() <= 8);

impl Overlay for CentralIndex {
    const NAME: &'static str = "central-index";
    const SUMMARY: &'static str = "one server knows who has what; every question goes there (Napster)";
    const SOURCE: &'static str = "drscholl, Napster messages, 2000 (the OpenNap protocol description)";
    const FAMILY: Family = Family::Hybrid;

    type Config = CentralIndexConfig;
    type Peer = IndexPeer;
    type Message = IndexMessage;
    type Timer = IndexTimer;
    type Request = std::convert::Infallible;

    fn new(config: &CentralIndexConfig, setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone(), numbering: setting.numbering })
    }

    /// Where the index is partitioned by item, no server knows all items that a word stands for.
    fn targets(config: &CentralIndexConfig) -> Targets {
        let is_whole = config.servers == 1 || config.index != Division::Partitioned;
        Targets { key: false, peer: true, content: true, value: false, keywords: is_whole }
    }

    fn dedicated(config: &CentralIndexConfig) -> Vec<Role> {
        let role = Role { name: "index", capacity: config.capacity, queue: config.queue, holds_all: false };
        vec![role; config.servers.into()]
    }

    fn peer(&self, id: PeerId) -> IndexPeer {
        if self.numbering.is_server(id) { IndexPeer::Server(Box::default()) } else { IndexPeer::Client(Client::default()) }
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<IndexPeer>) {
        let mut rng = start.rng.clone();
        let interval = self.config.heartbeat_interval.span();
        let mut servers = vec![Server::default(); self.config.servers.into()];
        for (_, peer) in start.members.iter() {
            let session = Session(rng.bits() as u32);
            let seat = self.numbering.seat(peer);
            let announced = start.shares.of(seat);
            let listed = |&item: &ItemId| !self.config.verify || start.shares.proves(seat, item);
            let items: Vec<ItemId> = announced.iter().copied().filter(listed).collect();
            let age = Span::from_nanos(rng.below(interval.nanos().max(1)));
            // They have chosen their servers in turn.
            let with = (self.numbering.host(peer).0 % u32::from(self.config.servers)) as u16;
            for (number, server) in (0..).zip(&mut servers).filter(|&(number, _)| number == with || self.config.index != Division::Separate)
            {
                let here: Vec<ItemId> = items.iter().copied().filter(|&item| self.keeps(number, item)).collect();
                if number == with {
                    server.remember(&self.numbering, peer, session, age);
                    server.index.share_elsewhere(&self.numbering, peer, items.iter().copied().filter(|&item| !self.keeps(number, item)));
                } else {
                    server.index.login_elsewhere(&self.numbering, peer, with, Time::ZERO - age);
                }
                server.index.share(&self.numbering, peer, &here);
                for item in here {
                    server.index.name(item, start.shares.words(item));
                }
            }
            if let IndexPeer::Client(client) = peers.get(peer) {
                client.server = with;
                client.session = Some(session);
                client.announced = announced.to_vec();
                client.first_heartbeat = Some(interval.saturating_sub(age));
                client.joined = true;
            }
        }
        for (number, mut server) in (0..).zip(servers) {
            server.before_time = true;
            if self.have_news() {
                server.colleagues = vec![Colleague::new(true); usize::from(self.config.servers)];
            }
            *peers.get(self.numbering.server(number)) = IndexPeer::Server(Box::new(server));
        }
    }

    fn started(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>) {
        match peer {
            IndexPeer::Client(client) => self.begin_heartbeats(client, cx),
            IndexPeer::Server(server) => self.serve(server, cx),
        }
    }

    fn join(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>) {
        if let IndexPeer::Client(client) = peer {
            self.log_in(client, cx);
        }
    }

    fn leave(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>) {
        if let IndexPeer::Client(client) = peer {
            self.say_goodbye(client, cx);
        }
    }

    fn lookup(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>, id: LookupId, target: Target) {
        match peer {
            IndexPeer::Client(client) => self.ask(client, cx, id, target),
            IndexPeer::Server(_) => cx.finish(id),
        }
    }

    /// Questions are limited, registrations are not.
    fn admits(&self, peer: &mut IndexPeer, now: Time, from: PeerId, message: &IndexMessage) -> bool {
        let (Some(limit), IndexPeer::Server(server)) = (self.config.rate_limit, peer) else { return true };
        let is_question = matches!(message, IndexMessage::QueryItem { .. } | IndexMessage::QueryPeer { .. } | IndexMessage::Search { .. });
        !is_question || server.limiter.admits(limit, self.numbering.host(from), now)
    }

    fn message(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>, from: PeerId, message: IndexMessage) {
        match peer {
            IndexPeer::Client(client) => self.reply(client, cx, message),
            IndexPeer::Server(server) => self.request(server, cx, from, message),
        }
    }

    fn timer(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>, timer: IndexTimer) {
        match (peer, timer) {
            (IndexPeer::Client(client), IndexTimer::Heartbeat) => self.heartbeat(client, cx),
            (IndexPeer::Client(client), IndexTimer::LogIn) => self.log_in(client, cx),
            (IndexPeer::Client(client), IndexTimer::Request(token)) => self.timed_out(client, cx, token),
            (IndexPeer::Server(server), IndexTimer::Sweep) => self.sweep(server, cx),
            (IndexPeer::Server(server), IndexTimer::Sync) => self.sync(server, cx),
            (IndexPeer::Client(_), IndexTimer::Sweep | IndexTimer::Sync) | (IndexPeer::Server(_), _) => {}
        }
    }

    fn publish(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>, items: &[ItemId]) {
        if let IndexPeer::Client(client) = peer {
            self.share(client, cx, items);
        }
    }

    fn withdraw(&self, peer: &mut IndexPeer, cx: &mut Context<'_, Self>, items: &[ItemId]) {
        if let IndexPeer::Client(client) = peer {
            self.unshare(client, cx, items);
        }
    }

    /// The servers delist it; nobody else knows who has what.
    fn take_down(&self, peer: &mut IndexPeer, _cx: &mut Context<'_, Self>, item: ItemId) {
        if let IndexPeer::Server(server) = peer {
            server.index.delist(item);
        }
    }

    /// A peer that is registered has its server; a server has all who are registered.
    fn contacts(&self, peer: &IndexPeer, visit: &mut dyn FnMut(PeerId)) {
        match peer {
            IndexPeer::Client(client) if client.is_registered() => visit(self.numbering.server(client.server.into())),
            IndexPeer::Client(_) => {}
            IndexPeer::Server(server) => server.index.peers().for_each(visit),
        }
    }

    fn state_bytes(&self, peer: &IndexPeer) -> usize {
        match peer {
            IndexPeer::Client(client) => client.bytes(),
            IndexPeer::Server(server) => server.index.bytes() + server.limiter.bytes(),
        }
    }

    fn check(&self, peer: &IndexPeer) -> Result<(), Violation> {
        match peer {
            IndexPeer::Server(server) if !server.index.is_consistent() => {
                Err(Violation("the index's lists by peer and by item disagree".to_owned()))
            }
            IndexPeer::Client(client) if client.session.is_some() && client.logging_in => {
                Err(Violation("a peer logs in while it has a session".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

impl CentralIndex {
    /// How long an answer is waited for after so many doublings, up to the heartbeat interval.
    fn backoff(&self, doublings: u16) -> Span {
        let first = self.config.request_timeout.span();
        doubled(first, doublings, self.config.heartbeat_interval.span().max(first))
    }
}

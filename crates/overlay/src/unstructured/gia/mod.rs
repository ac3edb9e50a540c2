//! Gia: an unstructured overlay that takes heed of what each peer can bear.
//!
//! Four things together: peers look for neighbours until these have enough capacity for them, so the strong get many; each knows what its
//! neighbours hold; a query is sent only to who has given a token for it; and it goes as a single walk, to the strongest neighbour that has
//! one. So queries go where capacity and knowledge are, and wait where there is none, in place of being dropped.
//!
//! # Cost
//! A walk visits one peer a step and sees that peer's neighbours as well: with r copies among N peers of mean degree d, some N/(r·d) steps
//! and fewer, since it goes to those who have many. A strong peer keeps an entry of 8 bytes for each item of its up to 128 neighbours, and 32
//! bytes for each query of the last minute.
//!
//! # Not here
//! Keywords (what matches is one function, `search::matches`), downloads, handovers of a dropped neighbour's queries: see docs/models/gia.md
//! for all differences from the paper.
//!
//! # Map
//! `rules`: who becomes whose neighbour · `links`: handshake, pings, indices · `tokens`: flow control · `search`: walks and answers ·
//! `start`: the network after long adaptation.

mod config;
mod index;
mod links;
mod message;
mod peer;
mod rules;
mod search;
mod start;
mod tokens;

pub use config::GiaConfig;
pub use message::{GiaMessage, Holdings, Hosts, Report, Sought, Told, Walk};
pub use peer::GiaPeer;

use peerlab_model::{
    BuildError, Context, Family, ItemId, LookupId, Next, Numbering, Overlay, PeerId, PeerTable, Setting, Start, Target, Targets, Token,
    Violation,
};

use crate::unstructured::membership::{Membership, MembershipTimer};
use crate::unstructured::seen::Memory;
use peer::Views;
use rules::{Capacity, advertised, most_neighbours};

/// The Gia model.
#[derive(Debug)]
pub struct Gia {
    config: GiaConfig,
    numbering: Numbering,
    memory: Memory,
    /// How others are found, if not by host caches.
    membership: Option<Membership>,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GiaTimer {
    /// Look at the neighbours, unless a later look is set.
    Adapt(u32),
    /// A connection attempt has taken too long.
    Connect(Token),
    /// Ping the neighbours, drop the dead ones.
    Ping,
    /// Give out tokens.
    Tokens,
    /// Queries wait here.
    Waiting,
    /// A question of this peer's own has been open for a while.
    Question(Token),
    /// What finding others by gossip needs.
    Member(MembershipTimer),
}

impl From<MembershipTimer> for GiaTimer {
    fn from(timer: MembershipTimer) -> Self {
        Self::Member(timer)
    }
}

const _: () = assert!(size_of::<GiaTimer>() <= 8);

/// What this peer tells others that it can handle.
fn own_capacity(config: &GiaConfig, cx: &Context<'_, Gia>) -> Capacity {
    advertised(config, cx.capacity())
}

impl Overlay for Gia {
    const NAME: &'static str = "gia";
    const SUMMARY: &'static str = "walks towards peers of high capacity, who know what their many neighbours hold; tokens against overload";
    const SOURCE: &'static str = "Chawathe, Ratnasamy, Breslau, Lanham, Shenker: Making Gnutella-like P2P Systems Scalable, SIGCOMM 2003";
    const FAMILY: Family = Family::Unstructured;

    type Config = GiaConfig;
    type Peer = GiaPeer;
    type Message = GiaMessage;
    type Timer = GiaTimer;
    type Request = ();

    fn new(config: &GiaConfig, setting: &Setting) -> Result<Self, BuildError> {
        let memory = Memory::new(config.remember.span(), config.remember_max);
        Ok(Self { config: config.clone(), numbering: setting.numbering, memory, membership: config.membership.protocol() })
    }

    fn targets(_config: &GiaConfig) -> Targets {
        Targets { key: false, peer: true, content: true, value: false, keywords: false }
    }

    fn peer(&self, _id: PeerId) -> GiaPeer {
        let views = self.membership.as_ref().map(|membership| Box::new(Views::new(membership.member())));
        GiaPeer { views, ..GiaPeer::default() }
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<GiaPeer>) {
        self.converge(start, peers);
    }

    fn started(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>) {
        cx.set_timer_within(self.config.ping_interval.span(), GiaTimer::Ping);
        cx.set_timer_within(self.config.adaptation_interval.span(), GiaTimer::Adapt(peer.round));
        self.gossip(peer, cx, Membership::started);
    }

    fn join(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>) {
        cx.set_timer_within(self.config.ping_interval.span(), GiaTimer::Ping);
        self.enter(peer, cx);
    }

    fn leave(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>) {
        for neighbour in peer.neighbours() {
            cx.send(neighbour, GiaMessage::Bye);
        }
        if let (Some(membership), Some(views)) = (&self.membership, &mut peer.views) {
            membership.leave(&mut views.member, cx);
        }
    }

    fn lookup(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, id: LookupId, target: Target) {
        self.ask(peer, cx, id, target);
    }

    fn message(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, from: PeerId, message: GiaMessage) {
        if let Some(at) = peer.place_of(from) {
            peer.neighbours[at].missed = 0;
        }
        match message {
            GiaMessage::Walk(walk) => self.walked(peer, cx, from, walk),
            GiaMessage::Response { .. } | GiaMessage::KeepAlive { .. } => self.came_back(peer, cx, from, message),
            GiaMessage::Tokens { count } => self.got_tokens(peer, cx, from, count),
            GiaMessage::Connect { token, standing } => self.connect(peer, cx, from, token, standing),
            GiaMessage::Accept { token, standing } => self.accept(peer, cx, from, token, standing),
            GiaMessage::Refuse { token, others } => self.refused(peer, cx, token, others),
            GiaMessage::Confirm { standing, holdings } => self.confirm(peer, cx, from, standing, &holdings),
            GiaMessage::Index(holdings) => self.indexed(peer, cx, from, &holdings),
            GiaMessage::Change { items, added, version } => Self::changed(peer, cx, from, &items, added, version),
            GiaMessage::AskIndex => Self::answer_ask_index(peer, cx, from),
            GiaMessage::Ping(report) => self.answer_ping(peer, cx, from, report),
            GiaMessage::Pong { report, others } => self.pong(peer, cx, from, report, others),
            GiaMessage::Bye => self.bye(peer, cx, from),
            GiaMessage::Member(message) => self.gossip(peer, cx, |membership, member, cx| membership.message(member, cx, from, message)),
        }
    }

    fn timer(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, timer: GiaTimer) {
        match timer {
            GiaTimer::Adapt(round) if round == peer.round => self.adapt(peer, cx),
            GiaTimer::Adapt(_) => {}
            GiaTimer::Connect(token) => self.attempt_failed(peer, cx, token),
            GiaTimer::Ping => self.ping_neighbours(peer, cx),
            GiaTimer::Tokens => self.send_tokens(peer, cx),
            GiaTimer::Waiting => self.hold(peer, cx),
            GiaTimer::Question(token) => self.look_after(peer, cx, token),
            GiaTimer::Member(timer) => self.gossip(peer, cx, |membership, member, cx| membership.timer(member, cx, timer)),
        }
    }

    fn publish(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, items: &[ItemId]) {
        Self::announce(peer, cx, items, true);
    }

    fn withdraw(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, items: &[ItemId]) {
        Self::announce(peer, cx, items, false);
    }

    /// The neighbours: the overlay's graph. The host cache is not part of it.
    fn contacts(&self, peer: &GiaPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.neighbours().for_each(visit);
    }

    fn state_bytes(&self, peer: &GiaPeer) -> usize {
        peer.bytes()
    }

    fn prefetch(&self, peer: &GiaPeer, _: Next<'_, GiaMessage, GiaTimer>) {
        peerlab_prefetch::prefetch::<2, _>(peer.neighbours.as_slice());
    }

    fn check(&self, peer: &GiaPeer) -> Result<(), Violation> {
        let broken = |what: String| Err(Violation(what));
        if let (Some(membership), Some(views)) = (&self.membership, &peer.views) {
            membership.check(&views.member)?;
        }
        for (at, neighbour) in peer.neighbours.iter().enumerate() {
            let before = &peer.neighbours[..at];
            if before.iter().any(|other| other.peer == neighbour.peer || other.slot == neighbour.slot) {
                return broken(format!("{:?} is a neighbour twice, or shares a place with another one", neighbour.peer));
            }
            if peer.hosts.iter().any(|host| host.0 == neighbour.peer) {
                return broken(format!("{:?} is a neighbour and in the host cache", neighbour.peer));
            }
        }
        // What it may have at the most follows from its capacity, which only its machine knows.
        if peer.neighbours.len() > most_neighbours(&self.config, Capacity::MAX) {
            return broken(format!("{} neighbours", peer.neighbours.len()));
        }
        if let Some(stranger) = peer.index.peers().find(|&holder| peer.place_of(holder).is_none()) {
            return broken(format!("{stranger:?} is no neighbour, and its items are in the index"));
        }
        if peer.waiting.len() > usize::from(self.config.backlog_max) {
            return broken(format!("{} queries wait, {} may", peer.waiting.len(), self.config.backlog_max));
        }
        Ok(())
    }
}

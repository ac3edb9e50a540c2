//! An overlay of your own, in one file, with the whole command line of `sim`.
//!
//! The model is the simplest ring there is: every peer knows the next one clockwise, passes questions on to it, and has heard of
//! the one after. Looking up a key takes N/2 hops on average, and two neighbours that crash together break the ring for good:
//! run it beside `chord` to see what fingers and successor lists are for.
//!
//! ```text
//! cargo run --release -p custom-overlay -- run examples/custom-overlay/ring.toml
//! cargo run --release -p custom-overlay -- list topologies simple-ring
//! ```

use std::process::ExitCode;

use peerlab::Registry;
use peerlab_model::units::Duration;
use peerlab_model::{
    BuildError, Cause, Context, Family, Fields, Hit, Issues, Key, LookupId, Message, Overlay, OverlayConfig, PeerId, PeerTable, Roster,
    Setting, Start, Target, Targets, Token,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

fn main() -> ExitCode {
    peerlab::main_with(Registry::builtin().with::<SimpleRing>())
}

/// The model: read-only, shared by all peers.
struct SimpleRing {
    config: RingConfig,
}

/// Parameters of `model = "simple-ring"`; the comments are what `sim list topologies simple-ring` shows.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct RingConfig {
    /// How often a peer checks that its successor is alive.
    check_interval: Duration,
    /// Silence after which the successor counts as dead, and an unanswered question as lost.
    request_timeout: Duration,
}

impl Default for RingConfig {
    fn default() -> Self {
        Self { check_interval: Duration::secs(30), request_timeout: Duration::secs(20) }
    }
}

impl OverlayConfig for RingConfig {
    fn check(&self, _population: u32, issues: &mut Issues) {
        issues.ensure(self.check_interval > Duration::default(), "check_interval", "a period is longer than nothing");
        issues.ensure(self.request_timeout > Duration::default(), "request_timeout", "no reply comes in no time");
    }
}

/// What one peer knows.
#[derive(Default)]
struct RingPeer {
    successor: Option<PeerId>,
    /// The one after it, as far as we have heard.
    second: Option<PeerId>,
}

enum Waiting {
    /// The answer to a question of ours.
    Lookup(LookupId),
    /// The place on the ring that we asked for when we joined.
    Place,
    /// A sign of life from the successor.
    Alive,
}

/// What peers say to each other.
#[derive(Clone, Debug, Hash)]
enum RingMessage {
    /// Who is responsible for `key`? Passed on clockwise until somebody knows.
    Find { key: Key, asker: PeerId, token: Token, hops: u32, lookup: Option<LookupId> },
    /// `owner` is.
    Found { owner: PeerId, token: Token, hops: u32, lookup: Option<LookupId> },
    /// Are you alive?
    Check { token: Token },
    /// I am, and this is my own successor.
    Alive { token: Token, next: Option<PeerId> },
}

impl Message for RingMessage {
    const KINDS: &'static [&'static str] = &["find", "found", "check", "alive"];

    fn kind(&self) -> usize {
        match self {
            Self::Find { .. } => 0,
            Self::Found { .. } => 1,
            Self::Check { .. } => 2,
            Self::Alive { .. } => 3,
        }
    }

    fn fields(&self) -> Fields {
        match self {
            Self::Find { .. } => Fields::bytes(9).keys(1).contacts(1),
            Self::Found { .. } => Fields::bytes(9).contacts(1),
            Self::Check { .. } => Fields::bytes(5),
            Self::Alive { next, .. } => Fields::bytes(5).contacts(u32::from(next.is_some())),
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Find { lookup: Some(lookup), .. } | Self::Found { lookup: Some(lookup), .. } => Cause::Lookup(*lookup),
            _ => Cause::Maintenance,
        }
    }
}

#[derive(Clone, Copy, Debug, Hash)]
enum RingTimer {
    Check,
    Join,
    Timeout(Token),
}

impl SimpleRing {
    /// Waits for a reply, but not for ever.
    fn expect(&self, cx: &mut Context<'_, Self>, what: Waiting) -> Token {
        let token = cx.open(what);
        cx.set_timer(self.config.request_timeout.span(), RingTimer::Timeout(token));
        token
    }

    /// Answers a question, or passes it on.
    fn find(peer: &RingPeer, cx: &mut Context<'_, Self>, find: RingMessage) {
        let (RingMessage::Find { key, asker, token, hops, lookup }, Some(successor)) = (find, peer.successor) else { return };
        if key.in_half_open(cx.key_of(cx.this()), cx.key_of(successor)) {
            if asker != cx.this() {
                cx.send(asker, RingMessage::Found { owner: successor, token, hops, lookup });
            }
        } else {
            cx.send(successor, RingMessage::Find { key, asker, token, hops: hops + 1, lookup });
        }
    }
}

impl Overlay for SimpleRing {
    const NAME: &'static str = "simple-ring";
    const SUMMARY: &'static str = "every peer knows the next one clockwise, and nobody else";
    const SOURCE: &'static str = "an example";
    const FAMILY: Family = Family::Structured;

    type Config = RingConfig;
    type Peer = RingPeer;
    type Message = RingMessage;
    type Timer = RingTimer;
    type Request = Waiting;

    fn new(config: &RingConfig, _setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone() })
    }

    fn targets(_config: &RingConfig) -> Targets {
        Targets { key: true, peer: false, content: false, value: false, keywords: false }
    }

    fn peer(&self, _id: PeerId) -> RingPeer {
        RingPeer::default()
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<RingPeer>) {
        let ring: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        for (peer, successor) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            peers.get(*peer).successor = Some(*successor).filter(|successor| successor != peer);
        }
    }

    fn started(&self, _peer: &mut RingPeer, cx: &mut Context<'_, Self>) {
        cx.set_timer_within(self.config.check_interval.span(), RingTimer::Check);
    }

    fn join(&self, peer: &mut RingPeer, cx: &mut Context<'_, Self>) {
        if let Some(contact) = cx.bootstrap() {
            // Asks for the owner of its own key: its future successor.
            let token = self.expect(cx, Waiting::Place);
            let key = cx.key_of(cx.this());
            cx.send(contact, RingMessage::Find { key, asker: cx.this(), token, hops: 0, lookup: None });
        } else {
            // The first one is a ring of its own.
            cx.joined();
            self.started(peer, cx);
        }
    }

    fn lookup(&self, peer: &mut RingPeer, cx: &mut Context<'_, Self>, id: LookupId, target: Target) {
        let (Target::Key(key), Some(successor)) = (target, peer.successor) else { return cx.finish(id) };
        if key.in_half_open(cx.key_of(cx.this()), cx.key_of(successor)) {
            cx.hit(id, Hit { peer: successor, hops: 0, rounds: 0 });
            cx.finish(id);
        } else {
            let token = self.expect(cx, Waiting::Lookup(id));
            cx.send(successor, RingMessage::Find { key, asker: cx.this(), token, hops: 1, lookup: Some(id) });
        }
    }

    fn message(&self, peer: &mut RingPeer, cx: &mut Context<'_, Self>, from: PeerId, message: RingMessage) {
        match message {
            RingMessage::Find { asker, lookup: None, token, .. } if peer.successor.is_none() => {
                // Two make a ring.
                peer.successor = Some(asker);
                cx.send(asker, RingMessage::Found { owner: cx.this(), token, hops: 0, lookup: None });
            }
            RingMessage::Find { asker, key, lookup: None, .. }
                if peer.successor.is_some_and(|next| key.in_half_open(cx.key_of(cx.this()), cx.key_of(next))) =>
            {
                Self::find(peer, cx, message);
                // The newcomer comes between.
                peer.successor = Some(asker);
            }
            RingMessage::Find { .. } => Self::find(peer, cx, message),
            RingMessage::Found { owner, token, hops, .. } => match cx.close(token) {
                Some(Waiting::Lookup(id)) => {
                    cx.hit(id, Hit { peer: owner, hops, rounds: 0 });
                    cx.finish(id);
                }
                // Who returns under its old id is still its predecessor's successor, until that one notices the silence.
                Some(Waiting::Place) if owner == cx.this() => cx.set_timer(self.config.check_interval.span(), RingTimer::Join),
                Some(Waiting::Place) => {
                    peer.successor = Some(owner);
                    cx.joined();
                    self.started(peer, cx);
                }
                Some(Waiting::Alive) | None => {}
            },
            RingMessage::Check { .. } if peer.successor.is_none() => {}
            RingMessage::Check { token } => cx.send(from, RingMessage::Alive { token, next: peer.successor }),
            RingMessage::Alive { token, next } => {
                if cx.close(token).is_some() {
                    peer.second = next.filter(|next| *next != cx.this());
                }
            }
        }
    }

    fn timer(&self, peer: &mut RingPeer, cx: &mut Context<'_, Self>, timer: RingTimer) {
        match timer {
            RingTimer::Check => {
                if let Some(successor) = peer.successor {
                    let token = self.expect(cx, Waiting::Alive);
                    cx.send(successor, RingMessage::Check { token });
                }
                cx.set_timer(self.config.check_interval.span(), RingTimer::Check);
            }
            RingTimer::Join => self.join(peer, cx),
            RingTimer::Timeout(token) => match cx.close(token) {
                Some(Waiting::Lookup(id)) => {
                    cx.timed_out(id);
                    cx.finish(id);
                }
                // The contact was dead, or the ring is broken: try another one.
                Some(Waiting::Place) => self.join(peer, cx),
                // The successor is dead: the one after it takes its place.
                Some(Waiting::Alive) => peer.successor = peer.second.take(),
                None => {}
            },
        }
    }

    fn owner(&self, members: &Roster, key: Key) -> Option<PeerId> {
        members.successor(key).map(|(_, peer)| peer)
    }

    fn contacts(&self, peer: &RingPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.successor.into_iter().chain(peer.second).for_each(visit);
    }

    fn state_bytes(&self, _peer: &RingPeer) -> usize {
        size_of::<RingPeer>()
    }
}

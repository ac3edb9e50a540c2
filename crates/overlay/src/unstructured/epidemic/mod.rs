//! Epidemics, as in Demers et al. 1987: news that everybody is to hear goes from peer to peer at random.
//!
//! A peer that has heard a rumour is interested in it (*hot*). In each cycle it contacts others and sends it (push), or is contacted and
//! sends it (pull), until it finds that most others know, and loses interest; who has not heard by then is the residue. All that is
//! decided when: by feedback or blindly, with a counter or a coin. Anti-entropy, which compares everything, catches what rumours miss.
//!
//! # Cost
//! A cycle of a peer with rumours is a contact for each of `fanout` partners and a message for each hot rumour and partner; no allocation in
//! the steady state. Without rumours pushing costs nothing; pulling costs a message per peer and cycle, for ever.
//! A peer takes about 130 bytes, a bit for each rumour, and 4 bytes an address of its view.
//!
//! # Not here
//! Lookups: it answers none. Deletions (death certificates), spatial distributions of partners, and a time after which a rumour is forgotten.

mod config;
mod entropy;
mod message;
mod mongering;
mod partners;
mod peer;

pub use config::{EpidemicConfig, Mode, Partners, Phases, Preset, Stop};
pub use message::EpidemicMessage;
pub use peer::EpidemicPeer;

use peerlab_model::{
    BuildError, Context, Family, LookupId, Overlay, PeerId, PeerTable, RumourId, Setting, Span, Start, Target, Targets, Token, Violation,
};

use crate::unstructured::membership::{Member, Membership, MembershipTimer};

/// The model.
#[derive(Debug)]
pub struct Epidemic {
    config: EpidemicConfig,
    /// Where partners come from, if from the views of a membership.
    membership: Option<Membership>,
}

/// What a peer's timer reminds it of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EpidemicTimer {
    /// A cycle begins.
    Cycle,
    /// Compare everything with somebody.
    AntiEntropy,
    /// Whoever was asked for a contact has not answered.
    Silence(Token),
    /// What views need.
    Member(MembershipTimer),
}

impl From<MembershipTimer> for EpidemicTimer {
    fn from(timer: MembershipTimer) -> Self {
        Self::Member(timer)
    }
}

/// A contact that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    partner: PeerId,
    /// How many others may be tried instead.
    hunts: u32,
}

impl Overlay for Epidemic {
    const NAME: &'static str = "epidemic";
    const SUMMARY: &'static str = "rumours go from peer to peer at random, until enough know them (push, pull, feedback, anti-entropy)";
    const SOURCE: &'static str = "Demers et al.: Epidemic algorithms for replicated database maintenance, PODC 1987";
    const FAMILY: Family = Family::Unstructured;
    const SPREADS: bool = true;

    type Config = EpidemicConfig;
    type Peer = EpidemicPeer;
    type Message = EpidemicMessage;
    type Timer = EpidemicTimer;
    type Request = Asked;

    fn new(config: &EpidemicConfig, _setting: &Setting) -> Result<Self, BuildError> {
        Ok(Self { config: config.clone(), membership: config.gossip() })
    }

    fn targets(_config: &EpidemicConfig) -> Targets {
        Targets { key: false, peer: false, content: false, value: false, keywords: false }
    }

    fn peer(&self, _id: PeerId) -> EpidemicPeer {
        EpidemicPeer::new(self.membership.as_ref().map(Membership::member))
    }

    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<EpidemicPeer>) {
        let members: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        let mut rng = start.rng.clone();
        if let Some(membership) = &self.membership {
            membership.converged(&members, &mut rng, &mut |peer, member| peers.get(peer).member = Some(Box::new(member)));
        } else if self.config.partners == Partners::View {
            for &peer in &members {
                self.fill_view(peers.get(peer), peer, || rng.pick(&members).copied());
            }
        }
    }

    fn started(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        self.begin(peer, cx);
        self.gossip(peer, cx, Membership::started);
    }

    /// With an address or without: who is the first has nobody to hear from. A membership says itself when this peer belongs to it.
    fn join(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if self.membership.is_some() {
            self.begin(peer, cx);
            return self.gossip(peer, cx, Membership::join);
        }
        if self.config.partners == Partners::View {
            self.fill_view(peer, cx.this(), || cx.bootstrap());
        }
        self.begin(peer, cx);
        cx.joined();
    }

    fn leave(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        self.gossip(peer, cx, Membership::leave);
    }

    fn lookup(&self, _peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, id: LookupId, _target: Target) {
        cx.finish(id);
    }

    fn rumour(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, rumour: RumourId) {
        self.learn(peer, cx, rumour, None);
    }

    fn message(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, message: EpidemicMessage) {
        match message {
            EpidemicMessage::Knock { token } => self.knocked(peer, cx, from, token),
            EpidemicMessage::Admit { token } => self.admitted(peer, cx, from, token),
            EpidemicMessage::Busy { token } => self.refused(peer, cx, token),
            EpidemicMessage::Update { rumour } => self.update(peer, cx, from, rumour),
            EpidemicMessage::Feedback { rumour, needed } => Self::feedback(peer, rumour, needed),
            EpidemicMessage::Pull => self.pulled(peer, cx, from),
            EpidemicMessage::Checksum { sum } => Self::compare(peer, cx, from, sum),
            EpidemicMessage::Digest { known, asks } => Self::level(peer, cx, from, &known, asks),
            EpidemicMessage::Repair { rumour } => Self::repaired(peer, cx, rumour),
            EpidemicMessage::Member(message) => {
                self.gossip(peer, cx, |membership, member, cx| membership.message(member, cx, from, message));
            }
        }
    }

    fn timer(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, timer: EpidemicTimer) {
        match timer {
            EpidemicTimer::Cycle => self.cycle(peer, cx),
            EpidemicTimer::AntiEntropy => self.anti_entropy(peer, cx),
            EpidemicTimer::Silence(token) => self.silent(peer, cx, token),
            EpidemicTimer::Member(timer) => self.gossip(peer, cx, |membership, member, cx| membership.timer(member, cx, timer)),
        }
    }

    /// The view; nobody where everybody may be contacted.
    fn contacts(&self, peer: &EpidemicPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.view().iter().for_each(|&other| visit(other));
    }

    fn state_bytes(&self, peer: &EpidemicPeer) -> usize {
        peer.bytes()
    }

    fn check(&self, peer: &EpidemicPeer) -> Result<(), Violation> {
        if let (Some(membership), Some(member)) = (&self.membership, &peer.member) {
            membership.check(member)?;
        }
        if peer.view.len() > usize::from(self.config.view) {
            return Err(Violation(format!("{} addresses in a view of {}", peer.view.len(), self.config.view)));
        }
        for (at, hot) in peer.hot.iter().enumerate() {
            if !peer.known.has(hot.rumour) || peer.hot[..at].iter().any(|other| other.rumour == hot.rumour) {
                return Err(Violation(format!("interested in {:?} twice, or without knowing it", hot.rumour)));
            }
        }
        if !peer.hot.is_empty() && !peer.ticking {
            return Err(Violation("interested in something, and no cycle will begin".to_owned()));
        }
        Ok(())
    }
}

impl Epidemic {
    /// Something happens to the views that partners are drawn from, if they are.
    fn gossip(
        &self,
        peer: &mut EpidemicPeer,
        cx: &mut Context<'_, Self>,
        happens: impl FnOnce(&Membership, &mut Member, &mut Context<'_, Self>),
    ) {
        if let (Some(membership), Some(member)) = (&self.membership, &mut peer.member) {
            happens(membership, member, cx);
        }
    }

    /// A member from now on.
    fn begin(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if self.config.phases == Phases::Random {
            peer.phase = Span::from_nanos(cx.rng().below(self.config.period.span().nanos()));
        }
        if self.config.mode.pulls() {
            self.wake(peer, cx);
        }
        let period = self.config.anti_entropy.span();
        if period > Span::ZERO {
            cx.set_timer_within(period, EpidemicTimer::AntiEntropy);
        }
    }
}

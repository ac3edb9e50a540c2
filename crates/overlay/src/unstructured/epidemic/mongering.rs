//! Rumours: how they are passed on, and when a peer loses interest (sections 1.3 and 1.4).

use peerlab_model::{Context, PeerId, Rng, RumourId, Span, Time};

use super::config::{Mode, Phases, Stop};
use super::message::EpidemicMessage;
use super::peer::{EpidemicPeer, Hot};
use super::{Epidemic, EpidemicTimer};

impl Epidemic {
    /// When the cycle of a peer began in which `now` lies.
    pub(super) fn cycle_start(&self, peer: &EpidemicPeer, now: Time) -> Time {
        let into = (now - peer.phase).nanos().rem_euclid(self.config.period.span().nanos() as i64);
        now - Span::from_nanos(into as u64)
    }

    /// Sees to it that a cycle begins when one is due.
    pub(super) fn wake(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if !peer.ticking {
            peer.ticking = true;
            let next = self.cycle_start(peer, cx.now()) + self.config.period.span();
            cx.set_timer(next.since(cx.now()), EpidemicTimer::Cycle);
        }
    }

    /// Where all cycles are one, what was heard in the present one counts from the next.
    fn is_ripe(&self, peer: &EpidemicPeer, hot: &Hot, now: Time) -> bool {
        self.config.phases == Phases::Random || hot.since < self.cycle_start(peer, now)
    }

    /// A cycle begins: the last one is looked back at, then others are contacted.
    pub(super) fn cycle(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        peer.ticking = false;
        peer.hot.retain_mut(|hot| self.stays_hot(hot, cx.rng()));
        if self.config.mode.pulls() || !peer.hot.is_empty() {
            self.contact_partners(peer, cx);
            self.wake(peer, cx);
        }
    }

    /// Several contacts in a cycle count as one, which was necessary if any of them was (the paper, below Table 3).
    fn stays_hot(&self, hot: &mut Hot, rng: &mut Rng) -> bool {
        let (contacted, needed) = (std::mem::take(&mut hot.contacted), std::mem::take(&mut hot.needed));
        if !contacted {
            return true;
        }
        if self.config.feedback && needed {
            hot.spent = 0;
            return true;
        }
        match self.config.stop {
            Stop::Counter(k) => {
                hot.spent += 1;
                hot.spent < k
            }
            Stop::Coin(k) => rng.below(u64::from(k)) != 0,
        }
    }

    /// A contact: what this peer has to say goes to `partner`.
    pub(super) fn talk(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, partner: PeerId) {
        if self.config.mode.pushes() {
            self.tell(peer, cx, partner);
        }
        if self.config.mode.pulls() {
            cx.send(partner, EpidemicMessage::Pull);
        }
    }

    /// Somebody asks for rumours.
    pub(super) fn pulled(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId) {
        self.tell(peer, cx, from);
    }

    /// Sends all hot rumours but those that `to` itself was the last to send.
    fn tell(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, to: PeerId) {
        let now = cx.now();
        for at in 0..peer.hot.len() {
            let hot = peer.hot[at];
            if hot.from == Some(to) && self.config.mode == Mode::PushPull || !self.is_ripe(peer, &hot, now) {
                continue;
            }
            cx.send(to, EpidemicMessage::Update { rumour: hot.rumour });
            if !self.config.feedback {
                peer.hot[at].contacted = true;
            }
        }
    }

    /// A rumour has come.
    pub(super) fn update(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, rumour: RumourId) {
        let now = cx.now();
        let unripe = peer.hot.iter().any(|hot| hot.rumour == rumour && !self.is_ripe(peer, hot, now));
        let needed = !peer.knows(rumour) || unripe;
        if self.config.feedback {
            cx.send(from, EpidemicMessage::Feedback { rumour, needed });
        }
        if !peer.knows(rumour) {
            cx.heard(rumour);
            self.learn(peer, cx, rumour, Some(from));
        } else if let Some(hot) = peer.hot_mut(rumour)
            && self.config.mode == Mode::PushPull
        {
            // Both have it: the contact was unnecessary for both.
            hot.from = Some(from);
            hot.contacted |= self.config.feedback && !needed;
        }
    }

    /// Something new.
    pub(super) fn learn(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, rumour: RumourId, from: Option<PeerId>) {
        if peer.known.insert(rumour) {
            peer.hot.push(Hot::new(rumour, cx.now(), from));
            self.wake(peer, cx);
        }
    }

    /// What a partner says of an update.
    pub(super) fn feedback(peer: &mut EpidemicPeer, rumour: RumourId, needed: bool) {
        if let Some(hot) = peer.hot_mut(rumour) {
            hot.contacted = true;
            hot.needed |= needed;
        }
    }
}

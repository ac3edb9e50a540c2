//! Rounds of gossip: a fixed number of messages of a bounded size, whatever happens (paper, section 2.1).
//!
//! Every `round_interval` a peer tells some members of its own group and some contacts what it knows: that it is alive, a ration of members,
//! contacts and filetuples, half of each for what is new, the rest at random. Targets are drawn with weights that fall with the round trip
//! (spatial gossip). Gossip has no answers, so one peer in each round is pinged: a contact that has not been heard of for long, whoever has
//! not been measured, or somebody new.

use std::sync::Arc;

use peerlab_model::{PeerId, Rng, Token};

use super::config::TARGETS_MAX;
use super::message::{News, Tuple};
use super::peer::{KelipsPeer, Pending};
use super::view::{Heartbeat, Known, heartbeat};
use super::{Cx, Kelips, KelipsMessage, KelipsTimer};

/// Rounds after which a newcomer has been heard of: from one to 64 members, with three targets.
const ANNOUNCE_ROUNDS: u32 = 4;

/// In each so many rounds a member asks for an introduction, too: so two networks that were apart find each other.
const INTRODUCE_ROUNDS: u32 = 64;

/// In each so many rounds filetuples that have expired are thrown away, and registrations that failed are tried again.
const EXPIRE_ROUNDS: u32 = 16;

impl Kelips {
    /// Starts the rounds of this life, at a phase of their own.
    pub(super) fn begin_ticking(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        if !peer.ticking {
            peer.ticking = true;
            cx.set_timer_within(self.config.round_interval.span(), KelipsTimer::Round);
            self.begin_maintenance(cx);
        }
    }

    pub(super) fn tick_round(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        cx.set_timer(self.config.round_interval.span(), KelipsTimer::Round);
        peer.rounds += 1;
        let now = heartbeat(cx.now());
        let members = peer.view.list().len();
        peer.view.purge(now, self.group_timeout);
        peer.contacts.purge(now, self.contact_timeout);
        if peer.view.list().len() < members {
            self.forget_lost_homes(peer);
        }
        if peer.rounds.is_multiple_of(EXPIRE_ROUNDS) {
            peer.tuples.expire(cx.now());
            if let Some(extra) = peer.extra.as_deref_mut() {
                extra.removed.expire(cx.now());
                extra.values.expire(cx.now());
                extra.buried.retain(|&(_, since)| now.saturating_sub(since) <= self.contact_timeout);
            }
        }
        if peer.rounds.is_multiple_of(EXPIRE_ROUNDS) {
            self.place_again(peer, cx);
        }
        self.gossip(peer, cx, now);
        self.ping_somebody(peer, cx, now);
        if peer.rounds.is_multiple_of(INTRODUCE_ROUNDS)
            && let Some(contact) = cx.bootstrap()
        {
            self.ask_for_introduction(cx, contact);
        }
        if peer.rounds >= ANNOUNCE_ROUNDS {
            Self::announce(peer, cx);
        }
    }

    fn gossip(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, now: Heartbeat) {
        let near = self.draw(|| peer.view.list().iter(), self.config.group_targets, cx.rng());
        let far = self.draw(|| peer.contacts.iter(), self.config.contact_targets, cx.rng());
        if near.is_empty() && far.is_empty() {
            return;
        }
        let news = self.news(peer, cx.rng(), now);
        let tuples = if near.is_empty() { None } else { self.tuples_to_tell(peer, cx) };
        for to in near.iter() {
            cx.send(to, KelipsMessage::Gossip { news: Arc::clone(&news), tuples: tuples.clone() });
        }
        for to in far.iter() {
            cx.send(to, KelipsMessage::Gossip { news: Arc::clone(&news), tuples: None });
        }
    }

    /// What a message tells of peers: this one, goodbyes, members, contacts.
    fn news(&self, peer: &mut KelipsPeer, rng: &mut Rng, now: Heartbeat) -> Arc<[News]> {
        let (members, contacts) = (usize::from(self.config.group_ration), usize::from(self.config.contact_ration));
        let mut news = Vec::with_capacity(1 + members + contacts);
        news.push(News::alive(peer.id, now));
        if let Some(extra) = peer.extra.as_deref_mut() {
            // Goodbyes take the place of members.
            let told = extra.goodbyes.len().min(members.div_ceil(2));
            news.extend(extra.goodbyes[..told].iter().map(|&(goodbye, _)| goodbye));
            extra.goodbyes[..told].iter_mut().for_each(|(_, rounds)| *rounds -= 1);
            extra.goodbyes.retain(|&(_, rounds)| rounds > 0);
        }
        let left = (1 + members).saturating_sub(news.len());
        let from = rng.below(u64::from(u32::MAX)) as usize;
        let count = peer.view.list().len();
        select(&mut news, left, count, from, |at| peer.view.list().get(at).copied());
        let slots = peer.contacts.capacity();
        select(&mut news, contacts, slots, from / 2, |slot| peer.contacts.at(slot).copied());
        // What has been told is less new.
        for told in &news[1..] {
            if let Some(known) = peer.view.find(told.peer) {
                known.fresh = known.fresh.saturating_sub(1);
            }
        }
        for slot in 0..slots {
            if let Some(known) = peer.contacts.at_mut(slot).filter(|known| known.fresh > 0 && news.iter().any(|n| n.peer == known.peer)) {
                known.fresh -= 1;
            }
        }
        Arc::from(news)
    }

    /// Draws peers without putting them back, with weights that fall with a power of their round trip.
    fn draw<'a, I: Iterator<Item = &'a Known>>(&self, among: impl Fn() -> I, count: u8, rng: &mut Rng) -> Targets {
        // At most 32,001 to the third power each: the sum of some thousands stays far below 2^64.
        let exponent = u32::from(self.config.spatial_exponent);
        let weight = |known: &Known| (32_000 / u64::from(known.trip()) + 1).pow(exponent);
        let mut targets = Targets::default();
        let mut total: u64 = among().map(weight).sum();
        for _ in 0..count.min(TARGETS_MAX) {
            if total == 0 {
                break;
            }
            let mut at = rng.below(total);
            for known in among().filter(|known| !targets.contains(known.peer)) {
                let weight = weight(known);
                if at < weight {
                    targets.push(known.peer);
                    total -= weight;
                    break;
                }
                at -= weight;
            }
        }
        targets
    }

    /// The members and contacts that hear of this peer's goodbye.
    pub(super) fn targets_of_goodbye(&self, peer: &KelipsPeer, rng: &mut Rng) -> Vec<PeerId> {
        let near = self.draw(|| peer.view.list().iter(), self.config.group_targets, rng);
        let far = self.draw(|| peer.contacts.iter(), self.config.contact_targets, rng);
        near.iter().chain(far.iter()).collect()
    }

    pub(super) fn gossip_came(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, news: &[News], tuples: Option<&[Tuple]>) {
        if !peer.active {
            return;
        }
        let now = cx.now();
        self.hear(peer, now, from);
        for &news in news {
            if news.peer != from || news.gone {
                self.hear_of(peer, now, news);
            }
        }
        for &tuple in tuples.unwrap_or_default() {
            self.hear_of_tuple(peer, cx, tuple);
        }
    }

    // Pings.

    /// One ping a round at most.
    fn ping_somebody(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, now: Heartbeat) {
        let slots = peer.contacts.capacity();
        let due = |known: &Known| !known.is_measured() || known.age(now) > self.contact_timeout / 2;
        let contact = (0..slots).map(|step| (peer.cursor as usize + step) % slots).find(|&slot| peer.contacts.at(slot).is_some_and(due));
        let turn = peer.rounds.is_multiple_of(2);
        let member = || peer.view.list().iter().find(|known| !known.is_measured()).map(|known| known.peer);
        let candidate = peer.candidate.filter(|&candidate| peer.contacts.of(self.group_of(candidate)).all(|known| known.peer != candidate));
        let to = match contact {
            Some(slot) if turn || member().is_none() => {
                peer.cursor = (slot + 1) as u32;
                peer.contacts.at(slot).map(|known| known.peer)
            }
            _ => member().or(candidate),
        };
        peer.candidate = None;
        if let Some(to) = to {
            let token = cx.open(Pending::Ping { to, sent: cx.now() });
            cx.send(to, KelipsMessage::Ping { token });
            self.await_answer(cx, token);
        }
    }

    pub(super) fn pinged(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        if peer.active {
            cx.send(from, KelipsMessage::Pong { token });
            self.hear(peer, cx.now(), from);
        } else {
            Self::refuse(peer, cx, from, token, None);
        }
    }

    pub(super) fn ponged(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        let Some(Pending::Ping { to, sent }) = cx.close(token) else { return };
        if to != from {
            self.lost(peer, cx.now(), to);
        }
        self.measured(peer, cx, from, cx.now().since(sent));
    }
}

/// Adds up to `count` of a list of `length`, begun at `from` and going round: those that are new fill up to half of it, the others the rest.
fn select(news: &mut Vec<News>, count: usize, length: usize, from: usize, at: impl Fn(usize) -> Option<Known>) {
    let end = news.len() + count;
    let round = || (0..length).filter_map(|step| at((from + step) % length));
    let fresh_end = news.len() + count.div_ceil(2);
    for known in round().filter(|known| known.fresh > 0) {
        if news.len() == fresh_end {
            break;
        }
        news.push(News::alive(known.peer, known.heartbeat));
    }
    for known in round() {
        if news.len() == end {
            break;
        }
        if news.iter().all(|told| told.peer != known.peer) {
            news.push(News::alive(known.peer, known.heartbeat));
        }
    }
}

/// The targets of one kind in a round.
#[derive(Clone, Copy, Debug, Default)]
struct Targets {
    list: [Option<PeerId>; TARGETS_MAX as usize],
    count: usize,
}

impl Targets {
    fn push(&mut self, peer: PeerId) {
        self.list[self.count] = Some(peer);
        self.count += 1;
    }

    fn contains(&self, peer: PeerId) -> bool {
        self.list[..self.count].contains(&Some(peer))
    }

    fn iter(&self) -> impl Iterator<Item = PeerId> {
        self.list.iter().flatten().copied()
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }
}

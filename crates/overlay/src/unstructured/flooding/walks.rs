//! Walkers: a question that goes from neighbour to neighbour, one at a time, until it finds or is called off.

use std::collections::VecDeque;

use peerlab_model::{Context, LookupId, PeerId, Rng, Time, Token};

use super::config::Bias;
use super::links::refuse_stranger;
use super::message::{FloodingMessage, Walk, Wanted};
use super::queries::answer;
use super::replication::Strategy;
use super::rules::Walks;
use super::{FloodingLike, FloodingPeer, FloodingTimer, Variant};

type Cx<'a, V> = Context<'a, FloodingLike<V>>;

/// What a peer remembers for walks.
#[derive(Clone, Debug, Default)]
pub(super) struct WalkMemory {
    /// Questions whose walkers it has passed on, the oldest first.
    traces: VecDeque<Trace>,
    /// How many neighbours its neighbours have, as far as they have said.
    degrees: Vec<(PeerId, u16)>,
}

/// A walker that waits for its origin's word, and from where it came.
#[derive(Clone, Copy, Debug)]
pub struct Parked {
    walk: Walk,
    from: PeerId,
}

/// Where a question's walkers have been sent from here.
#[derive(Clone, Debug)]
struct Trace {
    id: LookupId,
    since: Time,
    sent_to: Vec<PeerId>,
}

impl WalkMemory {
    pub(super) fn learn_degree(&mut self, neighbour: PeerId, degree: u16) {
        match self.degrees.iter_mut().find(|(known, _)| *known == neighbour) {
            Some((_, known)) => *known = degree,
            None => self.degrees.push((neighbour, degree)),
        }
    }

    /// Forgets how many neighbours those have who are no neighbours any more.
    pub(super) fn tidy(&mut self, neighbours: &[PeerId]) {
        self.degrees.retain(|(known, _)| neighbours.contains(known));
    }

    /// Where a walker that came `from` there goes next: straight back only if there is no other way, and by preference where no walker of
    /// its question has been sent from here, as far as that is remembered.
    fn next(
        &mut self,
        walks: Walks,
        neighbours: &[PeerId],
        id: LookupId,
        from: Option<PeerId>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<PeerId> {
        let Self { traces, degrees } = self;
        let mut trace = walks.state_keeping.then(|| trace(traces, id, now, walks));
        let rank = |neighbour: &PeerId| {
            let is_back = Some(*neighbour) == from;
            (is_back, trace.as_ref().is_some_and(|sent_to| sent_to.contains(neighbour)))
        };
        let best = neighbours.iter().map(rank).min()?;
        let mut candidates = neighbours.iter().filter(|neighbour| rank(neighbour) == best).copied();
        let degree = |neighbour: &PeerId| degrees.iter().find(|(known, _)| known == neighbour).map_or(0, |&(_, degree)| degree);
        let next = match walks.bias {
            Bias::Uniform => candidates.nth(rng.index(candidates.clone().count())),
            Bias::Degree => candidates.max_by_key(degree),
        }?;
        if let Some(sent_to) = trace.as_mut().filter(|sent_to| !sent_to.contains(&next)) {
            sent_to.push(next);
        }
        Some(next)
    }

    pub(super) fn bytes(&self) -> usize {
        let sent_to: usize = self.traces.iter().map(|trace| 4 * trace.sent_to.len()).sum();
        self.traces.len() * size_of::<Trace>() + sent_to + self.degrees.len() * size_of::<(PeerId, u16)>()
    }
}

/// Where the walkers of `id` have been sent, as far as it is remembered; what is too old, or too much, is forgotten.
fn trace(traces: &mut VecDeque<Trace>, id: LookupId, now: Time, walks: Walks) -> &mut Vec<PeerId> {
    while traces.front().is_some_and(|trace| now.since(trace.since) > walks.remember) {
        traces.pop_front();
    }
    let at = traces.iter().position(|trace| trace.id == id).unwrap_or_else(|| {
        if traces.len() >= walks.remember_max as usize {
            traces.pop_front();
        }
        traces.push_back(Trace { id, since: now, sent_to: Vec::new() });
        traces.len() - 1
    });
    &mut traces[at].sent_to
}

impl<V: Variant> FloodingLike<V> {
    /// All walkers of a question of this peer's own set out.
    pub(super) fn send_walkers(&self, walks: Walks, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token) {
        let Some(question) = peer.questions.get_mut(token) else { return };
        let walk = Walk { id: question.id, wanted: question.wanted, origin: cx.this(), steps: 0 };
        cx.set_timer(self.rules.query_timeout, FloodingTimer::Collect(token));
        for _ in 0..walks.walkers {
            step(walks, peer, cx, walk, None);
        }
    }

    /// A walker has come by.
    pub(super) fn walked(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, walk: Walk) {
        let Some(walks) = self.rules.walks else { return };
        if !peer.deals_with(from) {
            // The walker cannot help it, and goes on.
            refuse_stranger(peer, cx, from);
        }
        if walk.origin != cx.this() {
            self.note_way(peer, cx, walk.id, from);
        }
        // At home there is nothing to find: the origin has looked at its own disk first.
        let found = walk.origin != cx.this() && answer(cx, walk.origin, walk.id, walk.wanted, walk.steps);
        if found && !matches!(walk.wanted, Wanted::Keywords(_)) {
            // The walker has found it, and ends. One that collects what matches goes on until its origin has enough.
        } else if walk.steps >= walks.ttl {
            // So far and no further.
        } else if walks.check_every > 0 && walk.steps.is_multiple_of(walks.check_every) && walk.origin != cx.this() {
            let token = cx.open(Parked { walk, from });
            cx.send(walk.origin, FloodingMessage::Check { id: walk.id, token });
            cx.set_timer(walks.check_timeout, FloodingTimer::Parked(token));
        } else if walk.origin != cx.this() || peer.questions.iter().any(|question| question.id == walk.id) {
            step(walks, peer, cx, walk, Some(from));
        }
    }

    /// Somebody has a walker of this peer's, and asks whether it shall go on.
    pub(super) fn checked(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, from: PeerId, id: LookupId, token: Token) {
        let question = peer.questions.find_mut(|question| question.id == id);
        let goes_on = question.is_some();
        if let Some((_, question)) =
            question.filter(|(_, question)| self.replicates_by(Strategy::Random) && !question.probed.contains(&from))
        {
            question.probed.push(from);
        }
        cx.send(from, FloodingMessage::Verdict { id, token, goes_on });
    }

    /// The origin has answered for a walker that waits here.
    pub(super) fn judged(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, token: Token, goes_on: bool) {
        if let (Some(Parked { walk, from }), Some(walks), true) = (cx.close(token), self.rules.walks, goes_on) {
            step(walks, peer, cx, walk, Some(from));
        }
    }

    /// The origin has not answered for a walker that waits here: it ends.
    pub(super) fn abandoned(cx: &mut Cx<'_, V>, token: Token) {
        if let Some(Parked { walk, .. }) = cx.close(token) {
            cx.timed_out(walk.id);
        }
    }
}

/// The walker goes on to a neighbour, if there is one.
fn step<V: Variant>(walks: Walks, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, walk: Walk, from: Option<PeerId>) {
    let now = cx.now();
    let FloodingPeer { neighbours, member, walks: memory, .. } = peer;
    let neighbours = member.as_ref().map_or(&neighbours[..], |member| member.neighbours());
    if let Some(next) = memory.get_or_insert_default().next(walks, neighbours, walk.id, from, now, cx.rng()) {
        cx.send(next, FloodingMessage::Walk(Walk { steps: walk.steps + 1, ..walk }));
    }
}

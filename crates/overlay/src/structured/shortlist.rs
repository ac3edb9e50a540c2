//! The driver of iterative lookups: whom to ask next, and when it is over. Pure; time is passed in.
//!
//! The list holds the contacts heard of, nearest to the target first. The nearest ones that have not been asked are asked, a few in
//! parallel; it is over when the nearest `width` that did not fail have all answered. When a round of `alpha` answers brings nothing
//! nearer, what is left of those is asked at once (Maymounkov & Mazières 2002, section 2.3).
//!
//! # Cost
//! 15 bytes a contact, in three tables: most of what an answer names is known, and is told from the rest by comparing numbers with numbers,
//! which the compiler does several at a time, without a branch that the processor could guess wrong. What an answer reads of a search fits
//! into a dozen cache lines. One piece of memory for k up to 20, so that an answer waits for it once, and nothing is allocated while it lasts.

use peerlab_model::{Key, Numbering, PeerId, Span, Time};
use peerlab_prefetch::prefetch;

use super::few::Few;
use super::xor::distance;

/// The largest width of a search.
pub(crate) const WIDTH_MAX: usize = 64;

/// Contacts that a search remembers beyond its width, in case that some fail.
const SPARE: usize = 16;

/// Contacts that lie in the list itself: the paper's k = 20, what is spare, and some that fail.
const ENTRIES: usize = 20 + SPARE + 4;

/// Requests in flight that lie in the list itself: in the end, all of the paper's k may be.
const ASKED: usize = 20;

/// A contact in a search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// XOR distance to the target.
    pub(crate) distance: u64,
    /// Who.
    pub(crate) peer: PeerId,
    /// Links from the origin, in the tree of referrals: who is in the origin's own tables is at 1.
    pub(crate) depth: u8,
    /// The request/reply round in which it was asked.
    round: u8,
    state: State,
}

/// What is noted of a contact, beside who and where it is.
#[derive(Clone, Copy, Debug)]
struct Mark {
    depth: u8,
    round: u8,
    state: State,
}

impl Entry {
    #[inline]
    fn mark(self) -> Mark {
        Mark { depth: self.depth, round: self.round, state: self.state }
    }
}

/// What is known of a contact in a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Heard,
    Waiting,
    Answered,
    Failed,
    /// Another path of the same lookup has asked it.
    Elsewhere,
    /// The same, in vain.
    FailedElsewhere,
}

impl State {
    /// True if it is of no use.
    #[inline]
    fn is_out(self) -> bool {
        matches!(self, Self::Failed | Self::FailedElsewhere)
    }
}

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Asked {
    since: Time,
    peer: PeerId,
    /// How long to wait, in microseconds; 0: as long as any request of the search may.
    patience_us: u32,
}

impl Asked {
    #[inline]
    fn deadline(self, longest: Span) -> Time {
        let patience = if self.patience_us == 0 { longest } else { Span::from_micros(self.patience_us.into()) };
        self.since.saturating_add(patience)
    }
}

/// The contacts of one search.
#[derive(Clone, Debug)]
pub(crate) struct Shortlist {
    target: Key,
    /// The numbers of the contacts, the nearest first.
    peers: Few<u32, ENTRIES>,
    /// Their distances, in the same order.
    distances: Few<u64, ENTRIES>,
    /// And their marks.
    marks: Few<Mark, ENTRIES>,
    /// Who is waited for, in the order of asking.
    asked: Few<Asked, ASKED>,
    width: u8,
    alpha: u8,
    /// Entries that have failed, here or elsewhere.
    failed: u8,
    round: u8,
    /// Answers in a row that brought nothing nearer.
    in_vain: u8,
}

/// Peers to be asked now.
#[derive(Debug)]
pub(crate) struct Asks {
    list: [PeerId; WIDTH_MAX],
    length: usize,
}

impl Asks {
    pub(crate) fn as_slice(&self) -> &[PeerId] {
        &self.list[..self.length]
    }
}

impl Shortlist {
    /// A search that asks `alpha` in parallel and ends when the nearest `width` have answered.
    pub(crate) fn new(target: Key, width: u8, alpha: u8, this: PeerId) -> Self {
        let nothing = Mark { depth: 0, round: 0, state: State::Failed };
        Self {
            target,
            // The origin itself is never of interest, so it stands for nobody.
            peers: Few::new(this.0),
            distances: Few::new(0),
            marks: Few::new(nothing),
            asked: Few::new(Asked { since: Time::ZERO, peer: this, patience_us: 0 }),
            width,
            alpha,
            failed: 0,
            round: 0,
            in_vain: 0,
        }
    }

    /// Contacts heard of from a peer at `depth` − 1. True if one of them is nearer than all before.
    #[inline]
    pub(crate) fn add(&mut self, numbering: Numbering, contacts: &[PeerId], depth: u8, this: PeerId) -> bool {
        let before = self.live().next().map_or(u64::MAX, |e| e.distance);
        // Those that failed stay, so that nobody is asked twice.
        let room = usize::from(self.width) + usize::from(self.failed) + SPARE;
        let mut nearest = u64::MAX;
        for &peer in contacts {
            if self.peers.has(peer.0) || peer == this {
                continue;
            }
            let distance = distance(self.target, numbering.key(peer));
            let full = self.distances.len() >= room;
            if full && distance >= self.distances[self.distances.len() - 1] {
                continue;
            }
            nearest = nearest.min(distance);
            let entry = Entry { distance, peer, depth, round: 0, state: State::Heard };
            let at = self.distances.partition_point(|&other| other < distance);
            if full { self.replace(at, entry) } else { self.insert(at, entry) }
        }
        nearest < before
    }

    fn insert(&mut self, at: usize, entry: Entry) {
        self.peers.insert(at, entry.peer.0);
        self.distances.insert(at, entry.distance);
        self.marks.insert(at, entry.mark());
    }

    /// Puts `entry` at `at` of a full list, and drops the farthest of all: never one that is waited for, whose answer or timeout is still to
    /// come, nor one that failed; but of the others, asked or not, whichever it is. To spare those that have answered would drop the nearest,
    /// once enough have.
    fn replace(&mut self, at: usize, entry: Entry) {
        let droppable = |mark: &Mark| matches!(mark.state, State::Heard | State::Answered | State::Elsewhere);
        if let Some(last) = self.marks[at..].iter().rposition(droppable) {
            put(&mut self.peers[at..=at + last], entry.peer.0);
            put(&mut self.distances[at..=at + last], entry.distance);
            put(&mut self.marks[at..=at + last], entry.mark());
        }
    }

    /// Where in the list a peer is.
    fn find(&self, peer: PeerId) -> Option<usize> {
        self.peers.iter().position(|&other| other == peer.0)
    }

    /// Brings near what an answer will read and write. A hint.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch::<3, _>(&self.peers);
        prefetch::<6, _>(&self.distances);
        prefetch::<3, _>(&self.marks);
        prefetch::<2, _>(&self.asked);
    }

    /// Whom to ask now; they count as asked. `claim` is told each of them, and says how many microseconds to wait for its answer (0: as long as
    /// for any), or that another path has asked it: then it is passed over.
    #[inline]
    pub(crate) fn next(&mut self, now: Time, mut claim: impl FnMut(PeerId) -> Result<u32, State>) -> Asks {
        let mut asks = Asks { list: [PeerId(0); WIDTH_MAX], length: 0 };
        let limit = usize::from(if self.in_vain >= self.alpha { self.width.max(self.alpha) } else { self.alpha });
        let mut window = self.width.max(self.alpha);
        let mut room = limit.saturating_sub(self.asked.len()).min(WIDTH_MAX);
        for (mark, &peer) in self.marks.iter_mut().zip(&*self.peers) {
            if room == 0 || window == 0 {
                break;
            }
            if mark.state == State::Heard {
                let peer = PeerId(peer);
                match claim(peer) {
                    Ok(patience_us) => {
                        (mark.state, mark.round) = (State::Waiting, self.round.saturating_add(1));
                        self.asked.push(Asked { since: now, peer, patience_us });
                        asks.list[asks.length] = peer;
                        asks.length += 1;
                        room -= 1;
                    }
                    Err(elsewhere) => {
                        mark.state = elsewhere;
                        self.failed = self.failed.saturating_add(u8::from(elsewhere.is_out()));
                    }
                }
            }
            window -= u8::from(!mark.state.is_out());
        }
        asks
    }

    /// True if the nearest have all answered, or nobody is left to be asked.
    pub(crate) fn is_over(&self) -> bool {
        let live = self.marks.iter().filter(|mark| !mark.state.is_out());
        live.take(usize::from(self.width)).all(|mark| matches!(mark.state, State::Answered | State::Elsewhere))
    }

    /// A contact has answered and named these; its depth, if it is one that was asked.
    pub(crate) fn answered(&mut self, numbering: Numbering, from: PeerId, contacts: &[PeerId], this: PeerId) -> Option<u8> {
        let depth = self.settle(from, State::Answered).or_else(|| self.met_another(numbering, from))?;
        // Who names nobody (but has what is looked for, say) does not say that there is nobody nearer.
        if !contacts.is_empty() {
            let nearer = self.add(numbering, contacts, depth.saturating_add(1), this);
            self.in_vain = if nearer { 0 } else { self.in_vain.saturating_add(1) };
        }
        Some(depth)
    }

    /// The machine that was asked answers under another id: the one that was meant is gone, and who answered takes its place. A first
    /// contact is always such a case where ids change, since only its address was known.
    fn met_another(&mut self, numbering: Numbering, from: PeerId) -> Option<u8> {
        let asked = self.asked_at(numbering, from)?;
        let depth = self.settle(asked, State::Failed)?;
        let distance = distance(self.target, numbering.key(from));
        let entry = Entry { distance, peer: from, depth, round: self.round.saturating_add(1), state: State::Answered };
        match self.distances.binary_search(&distance) {
            Ok(at) if self.marks[at].state == State::Heard => self.marks[at] = entry.mark(),
            Ok(_) => return None,
            Err(at) => self.insert(at, entry),
        }
        self.round = self.round.max(entry.round);
        Some(depth)
    }

    /// Who was asked at this peer's address and has not answered.
    pub(crate) fn asked_at(&self, numbering: Numbering, from: PeerId) -> Option<PeerId> {
        let seat = numbering.seat(from);
        self.asked.iter().map(|asked| asked.peer).find(|&asked| numbering.seat(asked) == seat)
    }

    /// A contact is of no use: it is silent, or no member, whatever its id is by now. Who was meant, if it was asked.
    pub(crate) fn failed(&mut self, numbering: Numbering, peer: PeerId) -> Option<PeerId> {
        if self.settle(peer, State::Failed).is_some() {
            return Some(peer);
        }
        let asked = self.asked_at(numbering, peer)?;
        self.settle(asked, State::Failed).map(|_| asked)
    }

    /// Another path, which has asked `peer`, has heard from it or given it up.
    pub(crate) fn settled_elsewhere(&mut self, peer: PeerId, answered: bool) {
        let Some(at) = self.find(peer) else { return };
        let state = &mut self.marks[at].state;
        match (*state, answered) {
            (State::Elsewhere, false) => {
                *state = State::FailedElsewhere;
                self.failed = self.failed.saturating_add(1);
            }
            (State::FailedElsewhere, true) => {
                *state = State::Elsewhere;
                self.failed -= 1;
            }
            _ => {}
        }
    }

    /// Takes over the answers of another path to the same target, when all are over.
    pub(crate) fn join(&mut self, other: &Self) {
        for entry in other.answers() {
            match self.distances.binary_search(&entry.distance) {
                Ok(at) => self.marks[at] = entry.mark(),
                Err(at) => self.insert(at, entry),
            }
        }
        self.round = self.round.max(other.round);
    }

    fn settle(&mut self, peer: PeerId, state: State) -> Option<u8> {
        let at = self.find(peer)?;
        let mark = &mut self.marks[at];
        match mark.state {
            State::Waiting => {
                if let Some(at) = self.asked.iter().position(|asked| asked.peer == peer) {
                    self.asked.remove(at);
                }
            }
            // Later than its timeout, but there.
            State::Failed if state == State::Answered => self.failed -= 1,
            _ => return None,
        }
        self.failed = self.failed.saturating_add(u8::from(state == State::Failed));
        mark.state = state;
        if state == State::Answered {
            self.round = self.round.max(mark.round);
        }
        Some(mark.depth)
    }

    /// A contact that has been waited for too long: for `longest`, unless less was said when it was asked.
    pub(crate) fn overdue(&self, now: Time, longest: Span) -> Option<PeerId> {
        self.asked.iter().find(|asked| asked.deadline(longest) <= now).map(|asked| asked.peer)
    }

    /// When the request was sent that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Time> {
        self.asked.first().map(|asked| asked.since)
    }

    /// When the request to `peer` was sent, if it waits.
    pub(crate) fn asked_since(&self, peer: PeerId) -> Option<Time> {
        self.asked.iter().find(|asked| asked.peer == peer).map(|asked| asked.since)
    }

    /// Request/reply rounds in sequence so far.
    pub(crate) fn rounds(&self) -> u32 {
        u32::from(self.round)
    }

    /// All of them, nearest first.
    fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let all = self.distances.iter().zip(&*self.peers).zip(&*self.marks);
        all.map(|((&distance, &peer), &Mark { depth, round, state })| Entry { distance, peer: PeerId(peer), depth, round, state })
    }

    /// Those that did not fail, nearest first.
    fn live(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries().filter(|e| !e.state.is_out())
    }

    /// Those that answered, nearest first.
    pub(crate) fn answers(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries().filter(|e| e.state == State::Answered)
    }
}

/// Puts `value` first, and moves the others on by one; the last one goes.
fn put<T: Copy>(list: &mut [T], value: T) {
    list.copy_within(..list.len() - 1, 1);
    list[0] = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: however many have answered, the nearest of those heard of is asked. Method: every answer names somebody nearer than all
    /// before, until many times more have answered than the list remembers; some fail.
    #[test]
    fn the_nearest_is_never_forgotten() {
        for fails in [4, 1000] {
            let numbering = Numbering::new(4096, 0, Streams::new(1));
            let target = Key(5);
            let mut peers: Vec<PeerId> = (0..600).map(PeerId).collect();
            peers.sort_unstable_by_key(|&peer| std::cmp::Reverse(distance(target, numbering.key(peer))));
            let mut list = Shortlist::new(target, 20, 3, PeerId(4095));
            list.add(numbering, &peers[..3], 1, PeerId(4095));
            let mut next = 3;
            let mut turn = 0;
            while !list.is_over() {
                let asks = list.next(Time::ZERO, |_| Ok(0));
                for &peer in asks.as_slice() {
                    turn += 1;
                    if turn % fails == fails - 1 && next < peers.len() && turn > 3 {
                        list.failed(numbering, peer);
                        // Somebody else has to lead on.
                        list.add(numbering, &peers[next..=next], 9, PeerId(4095));
                    } else {
                        list.answered(numbering, peer, &peers[next.min(peers.len())..(next + 1).min(peers.len())], PeerId(4095));
                    }
                    next += 1;
                }
            }
            let nearest = list.answers().next().map(|entry| entry.peer);
            let last = peers.last().copied();
            assert!(turn >= 600 && nearest == last, "{nearest:?} after {turn} requests, not {last:?}");
        }
    }
}

//! The driver of iterative lookups: whom to ask next, and when it is over. Pure; time is passed in.
//!
//! The list holds the contacts heard of, nearest to the target first. The nearest ones that have not been asked are asked, a few in
//! parallel; it is over when the nearest `width` that did not fail have all answered. When a round of `alpha` answers brings nothing
//! nearer, what is left of those is asked at once (Maymounkov & Mazières 2002, section 2.3).
//!
//! # Cost
//! 22 bytes a contact, which keeps its place while the order changes. Most of what an answer names is known: a small table of hints says at what
//! place each would be, so that one comparison shows that it is there. For the rest, the number of nearer ones is their rank; those are counted
//! several at a time, by the first bits of their distances. One piece of memory for k up to 20, so that an answer waits for it once, and
//! nothing is allocated while it lasts.

use std::cmp::Ordering;

use peerlab_model::{Key, Numbering, PeerId, Span, Time};

use super::few::Few;
use super::xor::distance;

/// Contacts that a search remembers beyond its width, in case that some fail.
const SPARE: usize = 16;

/// Contacts that lie in the list itself: the paper's k = 20, what is spare, and some that fail.
const ENTRIES: usize = 20 + SPARE + 4;

/// How many are asked at a time, but for the end of a search.
const ASKS: usize = 8;

/// Hints at where a contact is, several for each.
const HINTS: usize = 128;

/// Contacts of an answer that are looked at together.
const TOGETHER: usize = 32;

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

/// The contacts of one search. What every answer reads comes first.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Shortlist {
    target: Key,
    width: u8,
    alpha: u8,
    /// Entries that have failed, here or elsewhere.
    failed: u8,
    round: u8,
    /// Answers in a row that brought nothing nearer.
    in_vain: u8,
    /// For what a contact's number hashes to, the place of the one that came last: a hint, that another may have taken.
    hints: [u8; HINTS],
    /// The places of the contacts, the nearest first.
    order: Few<u16, ENTRIES>,
    /// The first bits of the distance of each.
    away: Few<i32, ENTRIES>,
    /// The contacts, each at a place of its own.
    entries: Few<Entry, ENTRIES>,
    /// Who is waited for, in the order of asking.
    asked: Few<Asked, ASKED>,
}

/// Peers to be asked now.
#[derive(Debug)]
pub(crate) struct Asks {
    list: [PeerId; ASKS],
    length: usize,
}

impl Asks {
    /// True if there may be more to be asked.
    pub(crate) fn is_full(&self) -> bool {
        self.length == ASKS
    }

    pub(crate) fn as_slice(&self) -> &[PeerId] {
        &self.list[..self.length]
    }
}

impl Shortlist {
    /// The first so many bytes are all that most answers read: with who is waited for, a few.
    pub(crate) const HOT: usize = std::mem::offset_of!(Self, asked) + 96;

    /// A search that asks `alpha` in parallel and ends when the nearest `width` have answered.
    pub(crate) fn new(target: Key, width: u8, alpha: u8, this: PeerId) -> Self {
        // The origin itself is never of interest, so it stands for nobody.
        let nobody = Entry { distance: 0, peer: this, depth: 0, round: 0, state: State::Failed };
        Self {
            target,
            entries: Few::new(nobody),
            // What is free is farther away than anybody.
            away: Few::new(i32::MAX),
            order: Few::new(0),
            hints: [0; HINTS],
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
        for contacts in contacts.chunks(TOGETHER) {
            // Without a branch that the processor could guess wrong: what is known is overwritten.
            let mut news = [this; TOGETHER];
            let mut count = 0;
            let entries = &*self.entries;
            for &peer in contacts {
                news[count % TOGETHER] = peer;
                let known = entries.get(self.hint(peer)).is_some_and(|entry| entry.peer == peer);
                count += usize::from(!known);
            }
            let mut news = news[..count].iter().copied().filter(|&peer| peer != this);
            let entry =
                |target, peer| Entry { distance: distance(target, numbering.key(peer)), peer, depth, round: 0, state: State::Heard };
            while self.order.len() < room
                && let Some(peer) = news.next()
            {
                let entry = entry(self.target, peer);
                if let Err(rank) = self.rank(entry.distance) {
                    nearest = nearest.min(entry.distance);
                    self.insert(rank, entry);
                }
            }
            nearest = news.fold(nearest, |nearest, peer| nearest.min(self.replace(entry(self.target, peer))));
        }
        nearest < before
    }

    /// How many are nearer than this: the rank of the contact at this distance, or the one that it would have.
    #[inline]
    fn rank(&self, distance: u64) -> Result<usize, usize> {
        let first_bits = first_bits(distance);
        let nearer: i32 = self.away.with_free().iter().map(|&away| i32::from(away < first_bits)).sum();
        let mut rank = nearer as usize;
        let (entries, order) = (&*self.entries, &*self.order);
        // Of those that agree in their first bits, hardly ever more than the one itself, some may be nearer, too.
        while let Some(&place) = order.get(rank) {
            match entries[usize::from(place)].distance.cmp(&distance) {
                Ordering::Less => rank += 1,
                Ordering::Equal => return Ok(rank),
                Ordering::Greater => break,
            }
        }
        Err(rank)
    }

    #[inline]
    fn at_rank(&self, rank: usize) -> &Entry {
        &self.entries[usize::from(self.order[rank])]
    }

    fn insert(&mut self, rank: usize, entry: Entry) {
        let place = self.entries.len();
        self.entries.push(entry);
        self.away.push(first_bits(entry.distance));
        self.order.insert(rank, place as u16);
        self.note(entry.peer, place);
    }

    /// Gives `entry`, if it is news and not too far away, its rank in a full list, and drops the farthest of all: never one that is waited for,
    /// whose answer or timeout is still to come, nor one that failed; but of the others, asked or not, whichever it is. To spare those that have
    /// answered would drop the nearest, once enough have. The distance of what is news.
    #[inline]
    fn replace(&mut self, entry: Entry) -> u64 {
        let is_near = self.order.last().is_some_and(|&last| entry.distance < self.entries[usize::from(last)].distance);
        if is_near && let Err(rank) = self.rank(entry.distance) {
            let (entries, order) = (&mut *self.entries, &mut *self.order);
            let droppable = |&place: &u16| matches!(entries[usize::from(place)].state, State::Heard | State::Answered | State::Elsewhere);
            if let Some(last) = order[rank..].iter().rposition(droppable) {
                let farther = &mut order[rank..=rank + last];
                let place = farther[last];
                farther.copy_within(..last, 1);
                farther[0] = place;
                entries[usize::from(place)] = entry;
                self.away[usize::from(place)] = first_bits(entry.distance);
                self.note(entry.peer, place.into());
            }
            return entry.distance;
        }
        u64::MAX
    }

    /// A hint that a contact is at `place`. There is none for places beyond what a byte can name.
    #[inline]
    fn note(&mut self, peer: PeerId, place: usize) {
        if let Ok(hint) = u8::try_from(place) {
            self.hints[hash(peer)] = hint;
        }
    }

    /// Where a contact is, if it is known and the hint has not been overwritten.
    #[inline]
    fn hint(&self, peer: PeerId) -> usize {
        self.hints[hash(peer)].into()
    }

    /// Where a contact is.
    #[inline]
    fn find(&self, peer: PeerId) -> Option<usize> {
        let (entries, hint) = (&*self.entries, self.hint(peer));
        let is_there = entries.get(hint).is_some_and(|entry| entry.peer == peer);
        if is_there { Some(hint) } else { entries.iter().position(|entry| entry.peer == peer) }
    }

    /// Whom to ask now, or the first few of them; they count as asked. `claim` is told each of them, and says how many microseconds to wait for
    /// its answer (0: as long as for any), or that another path has asked it: then it is passed over.
    #[inline]
    pub(crate) fn next(&mut self, now: Time, mut claim: impl FnMut(PeerId) -> Result<u32, State>) -> Asks {
        let mut asks = Asks { list: [PeerId(0); ASKS], length: 0 };
        let limit = usize::from(if self.in_vain >= self.alpha { self.width.max(self.alpha) } else { self.alpha });
        let mut window = self.width.max(self.alpha);
        let mut room = limit.saturating_sub(self.asked.len()).min(ASKS);
        let entries = &mut *self.entries;
        for &place in &*self.order {
            if room == 0 || window == 0 {
                break;
            }
            let entry = &mut entries[usize::from(place)];
            if entry.state == State::Heard {
                let peer = entry.peer;
                match claim(peer) {
                    Ok(patience_us) => {
                        (entry.state, entry.round) = (State::Waiting, self.round.saturating_add(1));
                        self.asked.push(Asked { since: now, peer, patience_us });
                        asks.list[asks.length] = peer;
                        asks.length += 1;
                        room -= 1;
                    }
                    Err(elsewhere) => {
                        entry.state = elsewhere;
                        self.failed = self.failed.saturating_add(u8::from(elsewhere.is_out()));
                    }
                }
            }
            window -= u8::from(!entry.state.is_out());
        }
        asks
    }

    /// True if the nearest have all answered, or nobody is left to be asked.
    pub(crate) fn is_over(&self) -> bool {
        self.live().take(usize::from(self.width)).all(|entry| matches!(entry.state, State::Answered | State::Elsewhere))
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
        match self.rank(distance) {
            Ok(rank) if self.at_rank(rank).state == State::Heard => self.set(rank, entry),
            Ok(_) => return None,
            Err(rank) => self.insert(rank, entry),
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
        let state = &mut self.entries[at].state;
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
            match self.rank(entry.distance) {
                Ok(rank) => self.set(rank, entry),
                Err(rank) => self.insert(rank, entry),
            }
        }
        self.round = self.round.max(other.round);
    }

    /// What is known of the contact of this rank.
    fn set(&mut self, rank: usize, entry: Entry) {
        self.entries[usize::from(self.order[rank])] = entry;
    }

    fn settle(&mut self, peer: PeerId, state: State) -> Option<u8> {
        let at = self.find(peer)?;
        let entry = &mut self.entries[at];
        match entry.state {
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
        entry.state = state;
        if state == State::Answered {
            self.round = self.round.max(entry.round);
        }
        Some(entry.depth)
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
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let entries = &*self.entries;
        self.order.iter().map(|&place| &entries[usize::from(place)])
    }

    /// Those that did not fail, nearest first.
    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.entries().filter(|e| !e.state.is_out())
    }

    /// Those that answered, nearest first.
    pub(crate) fn answers(&self) -> impl Iterator<Item = Entry> + '_ {
        self.entries().filter(|e| e.state == State::Answered).copied()
    }
}

/// The first bits of a distance: numbers that can be compared several at a time. They tell almost all apart that are near to a key, up to a
/// thousand million peers.
#[inline]
fn first_bits(distance: u64) -> i32 {
    (distance >> 33) as i32
}

/// Which hint is for a contact: the upper bits of a product (Knuth's multiplicative hash), since numbers of new identities differ in those.
#[inline]
fn hash(peer: PeerId) -> usize {
    (peer.0.wrapping_mul(0x9e37_79b1) >> (u32::BITS - HINTS.ilog2())) as usize
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

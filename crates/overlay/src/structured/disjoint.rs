//! Iterative lookups over disjoint paths (Baumgart & Mies, *S/Kademlia: A Practicable Approach Towards Secure Key-Based Routing*, 2007,
//! section 4.4): the origin deals its nearest contacts out to d searches, which go on side by side; nobody is asked by more than one of them,
//! and their answers are joined at the end. Who leads one path astray has no part in the others.
//!
//! A path that comes upon somebody whom another one has asked counts him as found: it ends when the nearest that it has heard of have been
//! asked by whichever path, and those that it asked itself have answered. So d paths take few more requests than one.
//!
//! # Cost
//! One path is a [`Shortlist`] and a pointer; each further one a list of its own, and four bytes for everybody who is asked.

use peerlab_model::{Key, Numbering, PeerId, Span, Time};

use super::shortlist::{Asks, Entry, Shortlist, State};
use super::xor::distance;

/// The paths of one lookup.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Paths {
    /// Before the first one, which is large: every answer asks for it.
    others: Option<Box<Others>>,
    first: Shortlist,
}

#[derive(Clone, Debug)]
struct Others {
    lists: Vec<Shortlist>,
    /// Who has been asked, by whichever path, and whether it failed; in the order of their numbers.
    asked: Vec<(PeerId, bool)>,
}

impl Others {
    /// The first time that somebody is asked, or what has come of it so far.
    fn claim(asked: &mut Vec<(PeerId, bool)>, peer: PeerId) -> Result<(), State> {
        match asked.binary_search_by_key(&peer, |&(peer, _)| peer) {
            Ok(at) if asked[at].1 => Err(State::FailedElsewhere),
            Ok(_) => Err(State::Elsewhere),
            Err(at) => {
                asked.insert(at, (peer, false));
                Ok(())
            }
        }
    }

    fn settled(&mut self, first: &mut Shortlist, peer: PeerId, answered: bool) {
        match self.asked.binary_search_by_key(&peer, |&(peer, _)| peer) {
            Ok(at) => self.asked[at].1 = !answered,
            Err(at) => self.asked.insert(at, (peer, !answered)),
        }
        for list in std::iter::once(first).chain(&mut self.lists) {
            list.settled_elsewhere(peer, answered);
        }
    }
}

impl Paths {
    /// The first so many bytes are all that most answers read.
    pub(crate) const HOT: usize = std::mem::offset_of!(Self, first) + Shortlist::HOT;

    /// A lookup over `paths` paths, each of which asks `alpha` in parallel and ends when the nearest `width` have answered.
    pub(crate) fn new(target: Key, (width, alpha, paths): (u8, u8, u8), this: PeerId) -> Self {
        let list = || Shortlist::new(target, width, alpha, this);
        let others = (paths > 1).then(|| Box::new(Others { lists: (1..paths).map(|_| list()).collect(), asked: Vec::new() }));
        Self { first: list(), others }
    }

    /// The origin's own contacts: dealt out, the nearest first, so that each path begins as near as it can.
    pub(crate) fn begin(&mut self, numbering: Numbering, target: Key, contacts: &[PeerId], this: PeerId) {
        let Some(others) = self.others.as_deref_mut() else {
            self.first.add(numbering, contacts, 1, this);
            return;
        };
        let mut sorted = contacts.to_vec();
        sorted.sort_unstable_by_key(|&peer| distance(target, numbering.key(peer)));
        let paths = others.lists.len() + 1;
        for (turn, peer) in sorted.into_iter().enumerate() {
            let list = if turn % paths == 0 { &mut self.first } else { &mut others.lists[turn % paths - 1] };
            list.add(numbering, &[peer], 1, this);
        }
    }

    /// How many paths there are.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        1 + self.others.as_deref().map_or(0, |others| others.lists.len())
    }

    /// Whom a path wants to ask now; they count as asked. `patience` says how many microseconds to wait for each (0: as long as for any).
    #[inline]
    pub(crate) fn next(&mut self, path: usize, now: Time, patience: impl Fn(PeerId) -> u32) -> Asks {
        let Some(others) = self.others.as_deref_mut() else { return self.first.next(now, |peer| Ok(patience(peer))) };
        let list = if path == 0 { &mut self.first } else { &mut others.lists[path - 1] };
        let asked = &mut others.asked;
        list.next(now, |peer| Others::claim(asked, peer).map(|()| patience(peer)))
    }

    /// True if all paths are over.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.first.is_over() && self.others.as_deref().is_none_or(|others| others.lists.iter().all(Shortlist::is_over))
    }

    /// A contact has answered and named these to the path that asked it; its depth, if there is such a path.
    #[inline]
    pub(crate) fn answered(&mut self, numbering: Numbering, from: PeerId, contacts: &[PeerId], this: PeerId) -> Option<u8> {
        let Some(others) = self.others.as_deref_mut() else { return self.first.answered(numbering, from, contacts, this) };
        let mut meant = None;
        let mut lists = std::iter::once(&mut self.first).chain(&mut others.lists);
        let depth = lists.find_map(|list| {
            meant = list.asked_at(numbering, from);
            list.answered(numbering, from, contacts, this)
        })?;
        others.settled(&mut self.first, from, true);
        if let Some(gone) = meant.filter(|&meant| meant != from) {
            // The machine has another identity by now.
            others.settled(&mut self.first, gone, false);
        }
        Some(depth)
    }

    /// A contact is of no use: it is silent, or no member, whatever its id is by now.
    pub(crate) fn failed(&mut self, numbering: Numbering, peer: PeerId) {
        let Some(others) = self.others.as_deref_mut() else {
            self.first.failed(numbering, peer);
            return;
        };
        let mut lists = std::iter::once(&mut self.first).chain(&mut others.lists);
        if let Some(asked) = lists.find_map(|list| list.failed(numbering, peer)) {
            others.settled(&mut self.first, asked, false);
        }
    }

    /// A contact that has been waited for too long: for `longest`, unless less was said when it was asked.
    pub(crate) fn overdue(&self, now: Time, longest: Span) -> Option<PeerId> {
        self.lists().find_map(|list| list.overdue(now, longest))
    }

    /// When the request was sent that has waited longest.
    pub(crate) fn oldest(&self) -> Option<Time> {
        self.lists().filter_map(Shortlist::oldest).min()
    }

    /// When the request to `peer` was sent, if it waits.
    pub(crate) fn asked_since(&self, peer: PeerId) -> Option<Time> {
        self.lists().find_map(|list| list.asked_since(peer))
    }

    /// Joins the answers of all paths, now that nothing more is to come.
    pub(crate) fn join(&mut self) {
        for list in self.others.take().into_iter().flat_map(|others| others.lists) {
            self.first.join(&list);
        }
    }

    /// Request/reply rounds in sequence so far, on the path that has most of them.
    pub(crate) fn rounds(&self) -> u32 {
        self.lists().map(Shortlist::rounds).max().unwrap_or(0)
    }

    /// Those that answered, nearest first; of all paths once they have been joined.
    pub(crate) fn answers(&self) -> impl Iterator<Item = Entry> + '_ {
        self.first.answers()
    }

    fn lists(&self) -> impl Iterator<Item = &Shortlist> {
        std::iter::once(&self.first).chain(self.others.as_deref().into_iter().flat_map(|others| &others.lists))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: nobody is asked twice, whichever paths hear of him, and the nearest living ones all answer. Method: a network in which everybody
    /// names the five nearest out of a random half, seen from many targets; every seventh is silent.
    #[test]
    fn nobody_is_asked_twice() {
        let numbering = Numbering::new(400, 0, Streams::new(1));
        let mut rng = Streams::new(2).rng("test", 0);
        for paths in [1, 2, 4, 8] {
            for _ in 0..60 {
                let target = Key(rng.bits());
                let mut all: Vec<PeerId> = (1..400).map(PeerId).collect();
                all.sort_unstable_by_key(|&peer| distance(target, numbering.key(peer)));
                let silent = |peer: PeerId| peer.0.is_multiple_of(7);
                let mut lookup = Paths::new(target, (8, 2, paths), PeerId(0));
                let start: Vec<PeerId> = (0..8).map(|turn| all[200 + 20 * turn + rng.index(20)]).collect();
                lookup.begin(numbering, target, &start, PeerId(0));
                let mut asked: Vec<PeerId> = Vec::new();
                let mut of_path = vec![0; lookup.count()];
                while !lookup.is_over() {
                    let mut waiting = Vec::new();
                    for (path, of_path) in of_path.iter_mut().enumerate() {
                        let asks = lookup.next(path, Time::ZERO, |_| 0);
                        *of_path += asks.as_slice().len();
                        waiting.extend_from_slice(asks.as_slice());
                    }
                    asked.extend_from_slice(&waiting);
                    rng.shuffle(&mut waiting);
                    for peer in waiting {
                        if silent(peer) {
                            lookup.failed(numbering, peer);
                            continue;
                        }
                        let at = all.iter().position(|&other| other == peer).expect("it is one of all");
                        // Nearer ones, a random half of them, and from near the target everybody.
                        let named: Vec<PeerId> =
                            all.iter().copied().take(at.max(30)).filter(|_| at < 40 || rng.chance(0.02)).take(8).collect();
                        assert!(lookup.answered(numbering, peer, &named, PeerId(0)).is_some());
                    }
                }
                let count = asked.len();
                asked.sort_unstable();
                asked.dedup();
                assert_eq!(asked.len(), count, "{paths} paths");
                assert!(of_path.iter().all(|&asked| asked > 0));
                lookup.join();
                let found: Vec<PeerId> = lookup.answers().map(|entry| entry.peer).take(8).collect();
                assert!(found.len() == 8 && found.iter().all(|&peer| asked.contains(&peer) && !silent(peer)));
                assert!(found.is_sorted_by_key(|&peer| distance(target, numbering.key(peer))));
            }
        }
    }
}

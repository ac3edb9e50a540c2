//! Hash checks: which pieces are not what they should be, and whose fault that is.
//!
//! A block does not show what is wrong with it; a piece does, once it is whole. A piece that fails is thrown away and fetched again, from one peer
//! alone, as libtorrent does ("parole"). So each attempt either fails by one peer's fault, or passes; and when it passes, whoever sent blocks that
//! differ from the good ones is found (libtorrent's `smart_ban` keeps their hashes for that). Nobody is ever suspected who sent what was right.
//!
//! # Cost
//! Twelve bytes for each block of the pieces under way and of those that have failed and not passed yet, where there are polluters; nothing elsewhere.

use peerlab_model::PeerId;

/// A block that has come.
#[derive(Clone, Copy, Debug)]
struct Sent {
    block: u32,
    from: PeerId,
    /// What only the whole piece shows, or a good copy beside it.
    is_bad: bool,
}

/// What is known of the pieces of one download that have not been checked or have failed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checks {
    under_way: Vec<(u32, Vec<Sent>)>,
    failed: Vec<(u32, Vec<Sent>)>,
}

/// What a check has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The blocks that are bad, which is known where nobody checks as well, to those who count.
    pub(crate) bad: Vec<u32>,
    /// Those who have sent bad blocks, beyond doubt.
    pub(crate) culprits: Vec<PeerId>,
}

impl Checks {
    /// A block of `piece` has come.
    pub(crate) fn came(&mut self, piece: u32, block: u32, from: PeerId, is_bad: bool) {
        let sent = Sent { block, from, is_bad };
        match self.under_way.iter_mut().find(|(under_way, _)| *under_way == piece) {
            Some((_, list)) => list.push(sent),
            None => self.under_way.push((piece, vec![sent])),
        }
    }

    /// All blocks of `piece` are there: compares its hash, and its blocks with those of earlier attempts.
    pub(crate) fn whole(&mut self, piece: u32) -> Verdict {
        let Some(at) = self.under_way.iter().position(|(under_way, _)| *under_way == piece) else { return Verdict::default() };
        let (_, sent) = self.under_way.remove(at);
        let bad: Vec<u32> = sent.iter().filter(|sent| sent.is_bad).map(|sent| sent.block).collect();
        let mut culprits: Vec<PeerId> = Vec::new();
        if bad.is_empty() {
            let earlier = self.failed.extract_if(.., |(failed, _)| *failed == piece);
            culprits.extend(earlier.flat_map(|(_, list)| list).filter(|sent| sent.is_bad).map(|sent| sent.from));
        } else if sent.iter().all(|other| other.from == sent[0].from) {
            culprits.push(sent[0].from);
        } else {
            self.failed.push((piece, sent));
        }
        culprits.sort_unstable();
        culprits.dedup();
        Verdict { bad, culprits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_to_blame_is_found_and_nobody_else() {
        let mut checks = Checks::default();
        let mut attempt = |blocks: [(u32, bool); 3]| {
            for (block, (from, is_bad)) in (9..).zip(blocks) {
                checks.came(3, block, PeerId(from), is_bad);
            }
            let verdict = checks.whole(3);
            (verdict.bad, verdict.culprits)
        };
        // Two have a part in it: it may be either.
        assert_eq!(attempt([(1, false), (2, true), (1, false)]), (vec![10], vec![]));
        // One alone.
        assert_eq!(attempt([(5, true), (5, false), (5, true)]), (vec![9, 11], vec![PeerId(5)]));
        // Beside the good one the first attempt shows who it was.
        assert_eq!(attempt([(1, false), (1, false), (1, false)]), (vec![], vec![PeerId(2)]));
        assert_eq!(attempt([(1, false), (1, false), (1, false)]), (vec![], vec![]));
    }
}

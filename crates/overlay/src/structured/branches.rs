//! A sorted ring of keys read as a tree of prefixes: what builds routing tables by prefix for all peers at once.
//!
//! # Cost
//! The borders of a node's branches are found once for all peers below it.

use std::ops::Range;

use peerlab_model::{Key, PeerId};

use super::prefix::{digit, digits};

/// The branches that one peer sees on its way down the tree.
pub(crate) struct Branches<'a> {
    ring: &'a [(Key, PeerId)],
    bits: u32,
    /// For each digit of the present prefix, where the branches of its node begin on the ring, and where the last one ends.
    borders: Vec<usize>,
}

impl<'a> Branches<'a> {
    /// Goes through all peers of a ring in the order of their keys: `each` is told the peer's position, how many rows it shares with somebody
    /// else, and the branches of these rows.
    pub(crate) fn walk(ring: &'a [(Key, PeerId)], bits: u32, each: &mut dyn FnMut(usize, usize, &Self)) {
        let mut branches = Self { ring, bits, borders: Vec::new() };
        branches.visit(0..ring.len(), 0, each);
    }

    /// The positions on the ring of the peers that share `row` digits with the present peer and have `branch` as their next one.
    pub(crate) fn range(&self, row: usize, branch: usize) -> Range<usize> {
        let border = row * ((1 << self.bits) + 1) + branch;
        self.borders[border]..self.borders[border + 1]
    }

    /// Goes through the peers of `range`, who share `depth` digits.
    fn visit(&mut self, range: Range<usize>, depth: usize, each: &mut dyn FnMut(usize, usize, &Self)) {
        if range.len() <= 1 || depth == digits(self.bits) {
            for at in range {
                each(at, depth, self);
            }
            return;
        }
        let first = self.borders.len();
        let branches = 1 << self.bits;
        let mut from = range.start;
        self.borders.push(from);
        for branch in 0..branches {
            from += self.ring[from..range.end].partition_point(|&(key, _)| digit(key, depth, self.bits) <= branch);
            self.borders.push(from);
        }
        for branch in 0..branches {
            let below = self.borders[first + branch]..self.borders[first + branch + 1];
            if !below.is_empty() {
                self.visit(below, depth + 1, each);
            }
        }
        self.borders.truncate(first);
    }
}

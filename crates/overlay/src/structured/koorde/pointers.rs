//! A peer's de Bruijn pointers: some peers in a row on the ring, around the point k·m.

use std::ops::Deref;

use peerlab_model::{Key, Numbering, PeerId};

use crate::structured::ring::LIST_MAX;

/// De Bruijn pointers in the order of the ring. The peer itself is never among them.
#[derive(Clone, Debug, Default)]
pub struct Pointers {
    list: Box<[PeerId]>,
    /// How many of them lie at the point or before it.
    before: u8,
}

impl Deref for Pointers {
    type Target = [PeerId];

    fn deref(&self) -> &[PeerId] {
        &self.list
    }
}

impl Pointers {
    pub(super) fn as_slice(&self) -> &[PeerId] {
        &self.list
    }

    /// The pointer that most closely precedes `node`, a little beyond `point`. `avoid` is dead, and so is what lies between it and the node.
    pub(super) fn before(&self, numbering: Numbering, point: Key, node: Key, avoid: Option<PeerId>) -> Option<PeerId> {
        let first = numbering.key(*self.list.first()?);
        // Counted from the first one if it lies before the point, as it should. If all of those have died, what lies between the point
        // and the node is of use still.
        let base = if self.before > 0 { first } else { point };
        let reach = base.to(node);
        let bound = avoid.filter(|dead| self.list.contains(dead)).map_or(reach, |dead| reach.min(base.to(numbering.key(dead))));
        self.list.iter().rev().copied().find(|&pointer| base.to(numbering.key(pointer)) < bound)
    }

    /// Takes what a peer near the point has told: `around` is a row of peers on the ring. Keeps the last `backups` and one more at or before
    /// the point, and the first of those beyond it, `pointers` − 1.
    ///
    /// If all lie beyond the point, although the first one is there because it precedes the one that was asked (`complete`), the point is
    /// elsewhere: it has to be looked up again.
    pub(super) fn adopt(
        &mut self,
        numbering: Numbering,
        this: PeerId,
        point: Key,
        around: impl Iterator<Item = PeerId>,
        (backups, pointers): (usize, usize),
        complete: bool,
    ) {
        let mut row = [this; LIST_MAX + 3];
        let (mut length, mut before) = (0, None);
        let mut ends: Option<(Key, Key)> = None;
        for peer in around.take(row.len()) {
            let key = numbering.key(peer);
            if let Some((first, last)) = ends {
                if first.to(key) <= first.to(last) {
                    // Once round the ring, or back.
                    break;
                }
                if last.to(point) < last.to(key) {
                    before = Some(length);
                }
            }
            ends = Some((ends.map_or(key, |(first, _)| first), key));
            if peer != this {
                row[length] = peer;
                length += 1;
            }
        }
        let Some((first, last)) = ends else { return };
        // Between no two of them: they all lie on one side of the point, the one that is nearer.
        let before = before.unwrap_or(if last.to(point) < point.to(first) { length } else { 0 });
        if before == 0 && complete {
            *self = Self::default();
            return;
        }
        let from = before.saturating_sub(backups + 1);
        let upto = length.min(before + pointers - usize::from(before > 0));
        self.before = (before - from) as u8;
        if *self.list != row[from..upto] {
            self.list = Box::from(&row[from..upto]);
        }
    }

    /// Drops one that does not answer.
    pub(super) fn forget(&mut self, dead: PeerId) {
        if let Some(at) = self.list.iter().position(|&pointer| pointer == dead) {
            self.before -= u8::from(at < usize::from(self.before));
            self.list = self.list.iter().copied().filter(|&pointer| pointer != dead).collect();
        }
    }

    /// A row on the ring, without the peer itself, within its length.
    pub(super) fn check(&self, numbering: Numbering, this: PeerId, limit: usize) -> Result<(), String> {
        let base = self.list.first().map(|&first| numbering.key(first));
        let mut reached = None;
        for &pointer in &self.list {
            let distance = base.map(|base| base.to(numbering.key(pointer)));
            if pointer == this || (reached.is_some() && distance <= reached) {
                return Err(format!("{this:?}: pointer {pointer:?} is out of place in {:?}", self.list));
            }
            reached = distance;
        }
        if self.list.len() > limit { Err(format!("{this:?} has {} pointers of {limit}", self.list.len())) } else { Ok(()) }
    }
}

//! A peer's de Bruijn pointers: some peers in a row on the ring, around the point k·m.

use std::ops::Deref;

use peerlab_model::{Key, Numbering, PeerId};

use crate::structured::ring::LIST_MAX;

/// De Bruijn pointers in the order of the ring. The peer itself is never among them.
#[derive(Clone, Debug, Default)]
pub struct Pointers(Box<[PeerId]>);

impl Deref for Pointers {
    type Target = [PeerId];

    fn deref(&self) -> &[PeerId] {
        &self.0
    }
}

/// True if a peer at `key` lies at the point or (less than half of the ring) before it.
fn precedes(key: Key, point: Key) -> bool {
    key.to(point) < 1 << 63
}

impl Pointers {
    pub(super) fn new(list: Box<[PeerId]>) -> Self {
        Self(list)
    }

    pub(super) fn as_slice(&self) -> &[PeerId] {
        &self.0
    }

    /// The pointer that most closely precedes `node`, a little beyond `point`. `avoid` is dead, and so is what lies between it and the node.
    pub(super) fn before(&self, numbering: Numbering, point: Key, node: Key, avoid: Option<PeerId>) -> Option<PeerId> {
        let first = numbering.key(*self.0.first()?);
        // Counted from the first one if it lies before the point, as it should. If all of those have died, what lies between the point
        // and the node is of use still.
        let base = if precedes(first, point) { first } else { point };
        let reach = base.to(node);
        let bound = avoid.filter(|dead| self.0.contains(dead)).map_or(reach, |dead| reach.min(base.to(numbering.key(dead))));
        self.0.iter().rev().copied().find(|&pointer| base.to(numbering.key(pointer)) < bound)
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
        let mut row = [this; LIST_MAX + 2];
        let (mut length, mut reached) = (0, 0);
        let mut base = None;
        for peer in around.take(row.len()) {
            let key = numbering.key(peer);
            let distance = base.get_or_insert(key).to(key);
            if length > 0 && distance <= reached {
                // Once round the ring, or back.
                break;
            }
            reached = distance;
            if peer != this {
                row[length] = peer;
                length += 1;
            }
        }
        let row = &row[..length];
        let at_or_before = match row.first() {
            Some(&first) if precedes(numbering.key(first), point) => {
                let first = numbering.key(first);
                row.iter().take_while(|&&peer| first.to(numbering.key(peer)) <= first.to(point)).count()
            }
            _ => 0,
        };
        if at_or_before == 0 && complete {
            self.0 = Box::default();
            return;
        }
        let from = at_or_before.saturating_sub(backups + 1);
        let upto = length.min(at_or_before + pointers - usize::from(at_or_before > 0));
        if *self.0 != row[from..upto] {
            self.0 = Box::from(&row[from..upto]);
        }
    }

    /// Drops one that does not answer.
    pub(super) fn forget(&mut self, dead: PeerId) {
        if self.0.contains(&dead) {
            self.0 = self.0.iter().copied().filter(|&pointer| pointer != dead).collect();
        }
    }

    /// A row on the ring, without the peer itself, within its length.
    pub(super) fn check(&self, numbering: Numbering, this: PeerId, limit: usize) -> Result<(), String> {
        let base = self.0.first().map(|&first| numbering.key(first));
        let mut reached = None;
        for &pointer in &self.0 {
            let distance = base.map(|base| base.to(numbering.key(pointer)));
            if pointer == this || (reached.is_some() && distance <= reached) {
                return Err(format!("{this:?}: pointer {pointer:?} is out of place in {:?}", self.0));
            }
            reached = distance;
        }
        if self.0.len() > limit { Err(format!("{this:?} has {} pointers of {limit}", self.0.len())) } else { Ok(()) }
    }
}

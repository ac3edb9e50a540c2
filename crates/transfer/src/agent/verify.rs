//! Pieces that are not what they should be: thrown away and fetched again, and whoever is to blame for them banned. Where nobody checks
//! (`hash_check = false`), what is bad is kept and passed on.

use peerlab_model::{ItemId, PeerId};

use super::{Agent, Cx};
use crate::bits::Bits;

impl Agent {
    /// All blocks of a piece are there: whether it may be kept.
    pub(super) fn passes(&mut self, cx: &mut Cx<'_>, item: ItemId, piece: u32) -> bool {
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return false };
        let Some(checks) = &mut want.checks else { return true };
        let (verdict, download) = (checks.whole(piece), &mut self.downloads[want.download as usize]);
        let is_bad = !verdict.bad.is_empty();
        if !cx.plan.config.hash_check {
            download.spoilt_pieces += u32::from(is_bad);
            self.keep_bad_blocks(cx, item, &verdict.bad);
            return true;
        }
        if is_bad {
            let layout = cx.plan.layout(item);
            download.wasted += layout.blocks_of(piece).map(|block| u64::from(layout.bytes_of(block))).sum::<u64>();
            download.hash_failures += 1;
            want.stock.throw_away(piece);
        }
        let banned = &self.banned;
        let culprits: Vec<PeerId> = verdict.culprits.into_iter().filter(|culprit| !banned.contains(culprit)).collect();
        download.banned += culprits.len() as u32;
        for culprit in culprits {
            self.ban(cx, culprit);
        }
        !is_bad
    }

    /// Has nothing to do any longer with somebody who has sent what is bad.
    fn ban(&mut self, cx: &mut Cx<'_>, peer: PeerId) {
        self.banned.push(peer);
        for want in &mut self.wants {
            want.candidates.remove(peer);
        }
        for slot in self.slots() {
            if self.connections[slot as usize].as_ref().is_some_and(|connection| connection.peer == peer) {
                self.close(cx, slot, true);
            }
        }
    }

    fn keep_bad_blocks(&mut self, cx: &Cx<'_>, item: ItemId, blocks: &[u32]) {
        if blocks.is_empty() {
            return;
        }
        let at = self.bad_blocks.iter().position(|(bad, _)| *bad == item).unwrap_or_else(|| {
            self.bad_blocks.push((item, Bits::none(cx.plan.layout(item).blocks())));
            self.bad_blocks.len() - 1
        });
        for &block in blocks {
            self.bad_blocks[at].1.add(block);
        }
    }

    /// True if what this host sends as this block is not what it should be.
    pub(super) fn sends_bad(&self, item: ItemId, block: u32) -> bool {
        self.is_polluter || self.bad_blocks.iter().any(|(bad, blocks)| *bad == item && blocks.has(block))
    }

    /// Pieces of an item on this host's disk that are not what they should be.
    pub(super) fn bad_pieces(&self, plan: &crate::Plan, item: ItemId) -> u32 {
        let Some((_, blocks)) = self.bad_blocks.iter().find(|(bad, _)| *bad == item) else { return 0 };
        let mut pieces: Vec<u32> = blocks.iter().map(|block| plan.layout(item).piece_of(block)).collect();
        pieces.dedup();
        pieces.len() as u32
    }
}

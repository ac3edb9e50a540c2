//! Super-seeding: a server that seems to have nothing, and gives each peer one piece that few have (BEP 16).
//!
//! It tells a peer of a single piece, and of another one when it has seen the first at somebody else: so it sends most pieces once, to those who
//! pass them on. Where nobody else is connected there is nobody to see it at, and the next piece follows when the peer has the first.

use peerlab_model::ItemId;

use super::{Agent, Cx};
use crate::message::TransferMessage;

/// What a super-seed has offered of an item.
pub(super) struct Offers {
    item: ItemId,
    /// By piece: how often it has been offered, or been seen at a peer.
    seen: Vec<u16>,
}

impl Agent {
    /// True if this host tells its peers of one piece at a time.
    pub(super) fn offers(&self, cx: &Cx<'_>) -> bool {
        self.is_server && cx.plan.config.super_seeding && cx.plan.serves_parts()
    }

    /// Tells a peer of a piece that it lacks and that fewest have.
    pub(super) fn offer(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let item = self.connection(slot).item;
        let at = self.offers_of(cx, item);
        let connection = self.connection(slot);
        let seen = &self.offers[at].seen;
        let all = cx.plan.all(item);
        let lacking = || all.without([&connection.have]);
        let fewest = lacking().map(|piece| seen[piece as usize]).min();
        let best: Vec<u32> = lacking().filter(|&piece| Some(seen[piece as usize]) == fewest).collect();
        let Some(&piece) = self.rng.pick(&best) else { return };
        self.offers[at].seen[piece as usize] += 1;
        self.connection_mut(slot).offered = Some(piece);
        self.say(cx, slot, |to| TransferMessage::Have { to, piece });
    }

    /// A peer wants nothing more of what it was told of: if nobody else is there to see it at, it is told of another piece.
    pub(super) fn has_what_was_offered(&mut self, cx: &mut Cx<'_>, slot: u16) {
        if self.about(self.connection(slot).item).count() == 1 {
            self.offer(cx, slot);
        }
    }

    /// A peer has a piece: whoever else was told of it can be told of another one.
    pub(super) fn seen(&mut self, cx: &mut Cx<'_>, slot: u16, piece: u32) {
        if !self.offers(cx) {
            return;
        }
        let item = self.connection(slot).item;
        let at = self.offers_of(cx, item);
        let seen = &mut self.offers[at].seen[piece as usize];
        *seen = seen.saturating_add(1);
        let passed_on = |&(other, it): &(u16, &super::Connection)| it.offered == Some(piece) && other != slot;
        for other in self.about(item).filter(passed_on).map(|(other, _)| other).collect::<Vec<_>>() {
            self.offer(cx, other);
        }
    }

    fn offers_of(&mut self, cx: &Cx<'_>, item: ItemId) -> usize {
        self.offers.iter().position(|offers| offers.item == item).unwrap_or_else(|| {
            self.offers.push(Offers { item, seen: vec![0; cx.plan.layout(item).pieces() as usize] });
            self.offers.len() - 1
        })
    }
}

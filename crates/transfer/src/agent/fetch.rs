//! Which pieces the other end has, what it is asked for, and what has come.

use peerlab_model::ItemId;

use super::{Agent, Cx};
use crate::bits::Bits;
use crate::message::TransferMessage;
use crate::stock::{Got, Source};

impl Agent {
    /// The other end has these pieces.
    pub(super) fn pieces_told(&mut self, cx: &mut Cx<'_>, slot: u16, bits: &Bits) {
        let connection = self.connections[slot as usize].as_mut().expect("the connection is there");
        let pieces = cx.plan.layout(connection.item).pieces();
        let mut want = self.wants.iter_mut().find(|want| want.item == connection.item);
        for piece in bits.iter().take_while(|&piece| piece < pieces) {
            if connection.have.add(piece)
                && let Some(want) = &mut want
            {
                want.rarity[piece as usize] += 1;
                connection.useful += u32::from(!want.stock.have().has(piece));
            }
        }
        for piece in bits.iter().take_while(|&piece| piece < pieces) {
            self.seen(cx, slot, piece);
        }
        self.their_pieces_have_changed(cx, slot);
    }

    /// The other end has one piece more.
    pub(super) fn has(&mut self, cx: &mut Cx<'_>, slot: u16, piece: u32) {
        let connection = self.connections[slot as usize].as_mut().expect("the connection is there");
        if piece >= cx.plan.layout(connection.item).pieces() || !connection.have.add(piece) {
            return;
        }
        let Some(want) = self.wants.iter_mut().find(|want| want.item == connection.item) else {
            self.seen(cx, slot, piece);
            return self.their_pieces_have_changed(cx, slot);
        };
        want.rarity[piece as usize] += 1;
        connection.useful += 1 - want.stock.have().bit(piece);
        // Nearly always this is all: it is what is said most, and the more a host has the less it is to it.
        let (interests, serves_us) = ((connection.useful > 0) != connection.interested, connection.serves_us);
        self.seen(cx, slot, piece);
        if interests {
            self.show_interest(cx, slot);
        }
        if serves_us {
            self.ask(cx, slot);
        }
    }

    fn their_pieces_have_changed(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let connection = self.connection(slot);
        let fetches = self.want(connection.item).is_some();
        if connection.is_complete(cx.plan) && !fetches && connection.is_answered() {
            // Two who have all of it have nothing to give to each other.
            return self.close(cx, slot, true);
        }
        self.show_interest(cx, slot);
        if self.connection(slot).serves_us {
            self.ask(cx, slot);
        }
    }

    /// Says whether anything of theirs is wanted, if that has changed.
    pub(super) fn show_interest(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let connection = self.connection(slot);
        let wants = connection.useful > 0 && self.want(connection.item).is_some();
        if connection.is_answered() && wants != connection.interested {
            self.connection_mut(slot).interested = wants;
            self.say(cx, slot, |to| TransferMessage::Interest { to, wants });
        }
    }

    /// The other end serves this host from now on, or no longer does.
    pub(super) fn choke(&mut self, cx: &mut Cx<'_>, slot: u16, serves: bool) {
        if std::mem::replace(&mut self.connection_mut(slot).serves_us, serves) != serves {
            if serves {
                self.servants.push(slot);
            } else {
                self.servants.retain(|&servant| servant != slot);
            }
        }
        if serves {
            self.ask(cx, slot);
        } else {
            self.release(cx, slot);
        }
    }

    /// What they have been asked for will not come.
    pub(super) fn release(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let connection = self.connections[slot as usize].as_mut().expect("the connection is there");
        let item = connection.item;
        let asked = std::mem::take(&mut connection.asked);
        if let Some(want) = self.wants.iter_mut().find(|want| want.item == item) {
            for (block, _) in asked {
                want.stock.release(block, cx.plan.layout(item));
            }
        }
        self.ask_others(cx, item);
    }

    /// Asks all who have room for more.
    pub(super) fn ask_others(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        for slot in self.servants_that(|it| it.item == item && it.useful > 0 && it.has_room()) {
            self.ask(cx, slot);
        }
    }

    /// The connections that serve this host of which something is true, by number. Nobody else has been asked for anything.
    fn servants_that(&self, is_so: impl Fn(&super::Connection) -> bool) -> Vec<u16> {
        let mut slots: Vec<u16> = self.servants.iter().copied().filter(|&slot| is_so(self.connection(slot))).collect();
        slots.sort_unstable();
        slots
    }

    /// Asks for as many blocks as the connection has room for.
    pub(super) fn ask(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let item = self.connection(slot).item;
        let fills_in = cx.plan.servers_fill_in() && cx.plan.is_server(self.connection(slot).peer);
        let is_spare = fills_in && self.about(item).any(|(_, it)| it.serves_us && it.useful > 0 && !cx.plan.is_server(it.peer));
        let Some(order) = self.order(cx, item, is_spare) else { return };
        let (now, layout) = (cx.port.now(), cx.plan.layout(item));
        loop {
            let connection = self.connection(slot);
            if !connection.serves_us || connection.useful == 0 || !connection.has_room() {
                return;
            }
            let overdue = self.overdue(cx, slot);
            let connection = self.connections[slot as usize].as_mut().expect("the connection is there");
            let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return };
            if let Some(block) = overdue {
                want.stock.ask_another(block, layout);
            }
            let source = Source { slot, has: &connection.have, is_idle: connection.asked.is_empty() };
            let next = || want.stock.next(source, layout, order, &want.rarity, &mut self.rng);
            let Some(block) = overdue.or_else(next) else { return };
            connection.asked.push((block, now));
            self.say(cx, slot, |to| TransferMessage::Request { to, block });
        }
    }

    /// A block has come, or (`is_bad`, which it does not show) something else in its place.
    pub(super) fn block(&mut self, cx: &mut Cx<'_>, slot: u16, block: u32, is_bad: bool) {
        let now = cx.port.now();
        let connection = self.connections[slot as usize].as_mut().expect("the connection is there");
        let item = connection.item;
        let layout = cx.plan.layout(item);
        let bytes = layout.bytes_of(block);
        connection.answered(block, now);
        connection.last_block = now;
        connection.got[0] += bytes;
        let from_server = cx.plan.is_server(connection.peer);
        cx.port.received(bytes, from_server);
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else {
            // It was under way when the item became whole.
            if let Some(download) = self.downloads.iter_mut().rfind(|download| download.item == item) {
                (download.bytes, download.wasted) = (download.bytes + u64::from(bytes), download.wasted + u64::from(bytes));
                download.from_server += if from_server { u64::from(bytes) } else { 0 };
            }
            return;
        };
        want.last_source = now;
        let download = &mut self.downloads[want.download as usize];
        download.bytes += u64::from(bytes);
        download.from_server += if from_server { u64::from(bytes) } else { 0 };
        download.sources += u32::from(!std::mem::replace(&mut connection.is_source, true));
        let got = want.stock.got(block, layout);
        match got {
            Got::Again => download.wasted += u64::from(bytes),
            Got::Block { asked } | Got::Piece { asked, .. } => {
                if let Some(checks) = &mut want.checks {
                    checks.came(layout.piece_of(block), block, connection.peer, is_bad);
                }
                if asked > 0 {
                    self.cancel(cx, item, block);
                }
            }
        }
        if let Got::Piece { piece, .. } = got
            && self.passes(cx, item, piece)
        {
            self.piece(cx, item, piece);
        }
        if self.connections[slot as usize].is_some() {
            self.ask(cx, slot);
        }
        self.ask_servers(cx, item);
    }

    /// Nobody else needs to send this block any more.
    fn cancel(&mut self, cx: &mut Cx<'_>, item: ItemId, block: u32) {
        for slot in self.servants_that(|it| it.item == item && it.asked.iter().any(|&(asked, _)| asked == block)) {
            self.connection_mut(slot).asked.retain(|&(asked, _)| asked != block);
            self.say(cx, slot, |to| TransferMessage::Cancel { to, block });
            self.ask(cx, slot);
        }
    }

    /// A piece is whole: whoever lacks it is told, and can be served with it.
    fn piece(&mut self, cx: &mut Cx<'_>, item: ItemId, piece: u32) {
        let Some(want) = self.want(item) else { return };
        let (pieces, all) = (want.stock.have().count(), cx.plan.layout(item).pieces());
        self.show(cx, item);
        self.connections.iter().flatten().for_each(|connection| connection.have.prefetch(piece));
        for slot in 0..self.connections.len() as u16 {
            let Some(connection) = self.connections[slot as usize].as_mut().filter(|it| it.item == item && it.is_answered()) else {
                continue;
            };
            if connection.have.has(piece) {
                connection.useful -= 1;
                if connection.useful == 0 && pieces < all {
                    self.show_interest(cx, slot);
                }
            } else if cx.plan.serves_parts() {
                self.say(cx, slot, |to| TransferMessage::Have { to, piece });
            }
        }
        if pieces == all {
            self.finish(cx, item);
        } else if pieces == 1 && cx.plan.serves_parts() && !self.is_free_rider {
            cx.port.shelve(item, true);
        }
    }
}

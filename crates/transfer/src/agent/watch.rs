//! What is fetched for somebody who watches it meanwhile.
//!
//! Where peers serve what they have not all of, pieces within the sliding window are fetched by their deadline and others the rarest first; elsewhere
//! all of them in their order. Two things are for the moment at which playing is near to a stop:
//! - a block of the first missing piece that somebody owes for more than twice as long as another one has just taken is asked of that one as well;
//! - servers that fill in what peers do not give are asked for what is urgent, while peers serve (Kreitz & Niemelä, "Spotify", 2010, section III-D).

use peerlab_model::{ItemId, Time};

use super::{Agent, Cx};
use crate::player::Player;
use crate::stock::Order;

impl Agent {
    /// The players of the downloads that go on.
    pub(super) fn players(&mut self) -> impl Iterator<Item = &mut Player> {
        let downloads = self.downloads.iter_mut().filter(|download| download.end.is_none());
        downloads.filter_map(|download| download.player.as_mut())
    }

    fn player(&self, item: ItemId) -> Option<&Player> {
        self.downloads[self.want(item)?.download as usize].player.as_ref()
    }

    /// In which order pieces are fetched; nothing at all of somebody who is asked only in need, while there is none.
    pub(super) fn order(&self, cx: &Cx<'_>, item: ItemId, is_spare: bool) -> Option<Order> {
        let (plan, now) = (cx.plan, cx.port.now());
        let Some((player, media)) = self.player(item).zip(plan.media(item)) else {
            let order = if plan.serves_parts() { Order::RarestFirst } else { Order::Sequential };
            return (!is_spare).then_some(order);
        };
        if is_spare {
            let until = player.due_within(media.config.urgent.span(), now, &media);
            return (player.next() < until).then_some(Order::Urgent { until });
        }
        let (until, p) = if plan.serves_parts() {
            (player.due_within(media.config.window.span(), now, &media), media.config.p)
        } else {
            (plan.layout(item).pieces(), 1.0)
        };
        Some(Order::Playing { until, p })
    }

    /// A block of the piece that playing comes to next, if that is urgent, which all who have been asked for it have owed for more than twice as long
    /// as this one has taken for its latest answer.
    pub(super) fn overdue(&self, cx: &Cx<'_>, slot: u16) -> Option<u32> {
        cx.plan.stream?;
        let (now, connection) = (cx.port.now(), self.connection(slot));
        let (media, layout) = (cx.plan.media(connection.item)?, cx.plan.layout(connection.item));
        let player = self.player(connection.item)?;
        let piece = player.next();
        if !connection.have.has(piece) || piece >= player.due_within(media.config.urgent.span(), now, &media) {
            return None;
        }
        let patience = connection.latest.times(2);
        let is_old = |since: Time| now.since(since) > patience;
        let owed = |slot: u16, it: &super::Connection, block: u32| {
            it.asked.iter().find(|(asked, _)| *asked == block).map(|&(_, since)| (slot, since))
        };
        let waits = |block: u32| {
            let mut asked = self.about(connection.item).filter_map(|(slot, it)| owed(slot, it, block));
            asked.all(|(other, since)| other != slot && is_old(since))
        };
        let old = self.about(connection.item).flat_map(|(_, it)| it.asked.iter().take_while(|&&(_, since)| is_old(since)));
        let stock = &self.want(connection.item)?.stock;
        let lacks = |block: u32| layout.piece_of(block) == piece && stock.lacks(block, layout);
        let of_piece = old.map(|&(block, _)| block).filter(|&block| lacks(block));
        of_piece.filter(|&block| waits(block)).min()
    }

    /// Asks the servers for what has become urgent, where they are asked for nothing else.
    pub(super) fn ask_servers(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        if cx.plan.stream.is_none() || !cx.plan.servers_fill_in() {
            return;
        }
        let servers = self.about(item).filter(|(_, it)| cx.plan.is_server(it.peer) && it.serves_us && it.useful > 0 && it.has_room());
        for slot in servers.map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.ask(cx, slot);
        }
    }

    /// One more piece is whole: shows it to whoever watches.
    pub(super) fn show(&mut self, cx: &Cx<'_>, item: ItemId) {
        let (now, pieces) = (cx.port.now(), cx.plan.layout(item).pieces());
        let Some(want) = self.wants.iter().find(|want| want.item == item) else { return };
        let Some((player, media)) = self.downloads[want.download as usize].player.as_mut().zip(cx.plan.media(item)) else { return };
        let have = want.stock.have();
        let next = (player.next()..pieces).find(|&piece| !have.has(piece)).unwrap_or(pieces);
        if next > player.next() {
            player.has_until(next, now, &media);
        }
    }
}

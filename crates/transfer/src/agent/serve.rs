//! Who is served, and the blocks on their way to the uplink.
//!
//! In a swarm, tit for tat: every [`rechoke`](crate::DownloadConfig::rechoke) a peer that fetches serves those who have given it most in the last
//! two rounds, and one more in the hope of something better (Cohen 2003, section 3). Who has it all serves as BitTorrent's own client did from
//! version 4.0 on (Legout, Urvoy-Keller & Michiardi, "Rarest first and choke algorithms are enough", 2006, section 2.2.2): for two rounds those served
//! most recently and one at random, in every third those served most recently alone. Elsewhere slots go to who comes first, until it is done.
//!
//! Blocks leave in turn: one for each of those who wait, as the uplink becomes free. So they share it equally, and what is said between two
//! blocks waits for one of them at the most.

use std::cmp::Reverse;

use super::{Agent, Cx, NONE};
use crate::message::{Length, TransferMessage};

impl Agent {
    /// How many are served at once.
    fn slots_to_give(&self, cx: &Cx<'_>) -> usize {
        if self.is_free_rider { 0 } else { cx.plan.slots(self.is_server) }
    }

    /// The other end wants something from this host, or no longer does.
    pub(super) fn interest(&mut self, cx: &mut Cx<'_>, slot: u16, wants: bool) {
        let connection = self.connection_mut(slot);
        if connection.wants == wants {
            return;
        }
        connection.wants = wants;
        if wants {
            self.waiting.push_back(slot);
            self.serve_next(cx);
            self.take_a_slot(cx, slot);
        } else {
            self.waiting.retain(|&waiting| waiting != slot);
            if self.offers(cx) {
                self.has_what_was_offered(cx, slot);
            } else if self.want(self.connection(slot).item).is_none() {
                // Who wants nothing of what is all there has all of it, too: there is nothing left to give.
                return self.close(cx, slot, true);
            }
            if self.connection(slot).served {
                self.set_served(cx, slot, false);
                self.serve_next(cx);
            }
        }
    }

    /// Gives the slots that are free: to those who have given most, where that counts, else to those who have waited for longest.
    pub(super) fn serve_next(&mut self, cx: &mut Cx<'_>) {
        while self.served.len() < self.slots_to_give(cx) && !self.waiting.is_empty() {
            let rates = self.waiting.iter().map(|&slot| self.connection(slot).rate());
            let best = if self.returns_favours(cx) { rates.enumerate().max_by_key(|&(at, rate)| (rate, Reverse(at))) } else { None };
            let slot = self.waiting.remove(best.map_or(0, |(at, _)| at)).expect("it is there");
            self.set_served(cx, slot, true);
        }
    }

    /// Somebody who waits has given more than one of those who are served for what they have given: they change places at once, since
    /// whoever has just got a piece may for a moment have wanted nothing.
    fn take_a_slot(&mut self, cx: &mut Cx<'_>, slot: u16) {
        if !self.returns_favours(cx) || !self.waiting.contains(&slot) {
            return;
        }
        let regular = self.served.iter().copied().filter(|&slot| slot != self.optimistic);
        let worst = regular.map(|slot| (self.connection(slot).rate(), slot)).min();
        if let Some((_, worst)) = worst.filter(|&(rate, _)| rate < self.connection(slot).rate()) {
            self.waiting.retain(|&waiting| waiting != slot);
            self.set_served(cx, worst, false);
            self.waiting.push_back(worst);
            self.set_served(cx, slot, true);
        }
    }

    /// True if this host serves those who give it something.
    fn returns_favours(&self, cx: &Cx<'_>) -> bool {
        cx.plan.serves_parts() && !self.wants.is_empty()
    }

    fn set_served(&mut self, cx: &mut Cx<'_>, slot: u16, serves: bool) {
        let now = cx.port.now();
        let connection = self.connection_mut(slot);
        if connection.served == serves {
            return;
        }
        connection.served = serves;
        if serves {
            connection.served_since = now;
            self.served.push(slot);
        } else {
            // What they have asked for is forgotten, and so is the room for it; they will know by what they are told.
            connection.queue = Vec::new();
            self.served.retain(|&served| served != slot);
            self.ring.remove(slot);
        }
        self.say(cx, slot, |to| TransferMessage::Choke { to, serves });
    }

    /// Decides anew who is served.
    pub(super) fn rechoke(&mut self, cx: &mut Cx<'_>) {
        if !cx.plan.serves_parts() {
            return;
        }
        let slots = self.slots_to_give(cx);
        let wanting: Vec<u16> =
            (0..).zip(&self.connections).filter(|(_, it)| it.as_ref().is_some_and(|it| it.wants)).map(|(slot, _)| slot).collect();
        let chosen = if wanting.len() <= slots { wanting.clone() } else { self.choose(cx, wanting.clone(), slots) };
        for &slot in wanting.iter().filter(|slot| !chosen.contains(slot)) {
            self.set_served(cx, slot, false);
        }
        for &slot in &chosen {
            self.set_served(cx, slot, true);
        }
        self.waiting.clear();
        self.waiting.extend(wanting.iter().filter(|slot| !chosen.contains(slot)));
    }

    /// So many of those who want something, who are more.
    fn choose(&mut self, cx: &Cx<'_>, mut wanting: Vec<u16>, slots: usize) -> Vec<u16> {
        if slots == 0 {
            return Vec::new();
        }
        let now = cx.port.now();
        let fetches = self.returns_favours(cx);
        let optimistic_rounds = (cx.plan.config.optimistic.span().nanos() / cx.plan.config.rechoke.span().nanos()).max(1) as u32;
        self.rng.shuffle(&mut wanting);
        let regular = if fetches {
            // Who owes something for long gives nothing.
            let patience = cx.plan.config.request_timeout.span();
            let snubs = |slot: u16| self.connection(slot).serves_us && now.since(self.connection(slot).last_block) > patience;
            wanting.sort_by_key(|&slot| (snubs(slot), Reverse(self.connection(slot).rate())));
            slots - 1
        } else {
            wanting.sort_by_key(|&slot| {
                let it = self.connection(slot);
                (!it.served, Reverse(if it.served { it.served_since } else { peerlab_model::Time::MIN }))
            });
            if self.rounds.is_multiple_of(3) { slots } else { slots - 1 }
        };
        let rest = wanting.split_off(regular);
        if regular == slots {
            return wanting;
        }
        let keeps = fetches && !self.rounds.is_multiple_of(optimistic_rounds) && rest.contains(&self.optimistic);
        if !keeps {
            let new: Vec<u16> = rest.iter().copied().filter(|&slot| fetches || !self.connection(slot).served).collect();
            let from = if new.is_empty() { &rest } else { &new };
            self.optimistic = self.rng.pick(from).copied().unwrap_or(NONE);
        }
        wanting.push(self.optimistic);
        wanting
    }

    /// The other end asks for a block.
    pub(super) fn request(&mut self, cx: &mut Cx<'_>, slot: u16, block: u32) {
        let connection = self.connection(slot);
        let layout = cx.plan.layout(connection.item);
        let piece = layout.piece_of(block);
        let has = piece < layout.pieces() && self.want(connection.item).is_none_or(|want| want.stock.have().has(piece));
        if !connection.served || !has {
            return;
        }
        let connection = self.connection_mut(slot);
        // Who has asked for something already has its turn, unless it has taken all of it back.
        let is_first = connection.queue.is_empty();
        connection.queue.push(block);
        if is_first && !self.ring.contains(slot) {
            self.ring.push(slot);
        }
        self.pump(cx);
    }

    /// Sends blocks until the uplink is busy.
    pub(super) fn pump(&mut self, cx: &mut Cx<'_>) {
        while !self.uplink_waits
            && let Some(slot) = self.ring.first()
        {
            let (now, free) = (cx.port.now(), cx.port.uplink_free());
            if free > now {
                self.uplink_waits = true;
                return cx.port.wake(free.since(now), crate::Wake::Uplink);
            }
            self.ring.advance();
            let connection = self.connection_mut(slot);
            if connection.queue.is_empty() {
                continue;
            }
            let block = connection.queue.remove(0);
            let item = connection.item;
            if !connection.queue.is_empty() {
                self.ring.push(slot);
            }
            let is_bad = self.sends_bad(item, block);
            let bytes = cx.plan.layout(item).bytes_of(block);
            let content = |to, bytes| {
                if is_bad { TransferMessage::BadBlock { to, block, bytes } } else { TransferMessage::Block { to, block, bytes } }
            };
            self.say(cx, slot, |to| content(to, Length(bytes)));
            self.count_upload(cx, item, bytes);
        }
    }

    fn count_upload(&mut self, cx: &mut Cx<'_>, item: peerlab_model::ItemId, bytes: u32) {
        if let Some(download) = self.downloads.iter_mut().rfind(|download| download.item == item) {
            download.uploaded += u64::from(bytes);
            if !self.seeds.is_empty() {
                self.stop_if_enough(cx, item);
            }
        }
    }
}

//! What has to be looked after in every round of choking: silent connections, blocks that do not come, who is served, sources.

use peerlab_model::{ItemId, Span};

use super::{Agent, Cx, End};
use crate::agent::dial::ANSWER;
use crate::message::TransferMessage;
use crate::port::Wake;

impl Agent {
    /// Makes sure that there will be a next round.
    pub(super) fn keep_going(&mut self, cx: &mut Cx<'_>) {
        if !self.rounds_go_on {
            self.rounds_go_on = true;
            let period = cx.plan.config.rechoke.span().nanos();
            let after = Span::from_nanos(1 + self.rng.below(period));
            cx.port.wake(after, Wake::Round);
        }
    }

    /// A round is over.
    pub(super) fn round(&mut self, cx: &mut Cx<'_>) {
        self.rounds = self.rounds.wrapping_add(1);
        for slot in self.slots() {
            self.look_after(cx, slot);
        }
        for item in self.wants.iter().map(|want| want.item).collect::<Vec<_>>() {
            self.look_for_sources(cx, item);
        }
        self.rechoke(cx);
        self.name_newcomers(cx);
        for connection in self.connections.iter_mut().flatten() {
            connection.got = [0, connection.got[0]];
        }
        self.rounds_go_on = self.open > 0 || !self.wants.is_empty();
        if self.rounds_go_on {
            cx.port.wake(cx.plan.config.rechoke.span(), Wake::Round);
        }
    }

    fn look_after(&mut self, cx: &mut Cx<'_>, slot: u16) {
        let (now, config) = (cx.port.now(), &cx.plan.config);
        // What has been done for another one may have closed it.
        let Some(connection) = self.connections[slot as usize].as_ref() else { return };
        let silence = now.since(connection.heard);
        let unanswered = !connection.is_answered() && silence >= ANSWER;
        if unanswered || silence >= config.idle_timeout.span() {
            return self.close(cx, slot, true);
        }
        if !connection.is_answered() {
            return;
        }
        let owes = connection
            .asked
            .first()
            .is_some_and(|&(_, since)| now.since(since.max(connection.last_block)) >= config.request_timeout.span());
        let keeps_silent = now.since(connection.said).times(2) >= config.idle_timeout.span();
        if owes {
            self.release(cx, slot);
        }
        if keeps_silent && self.connections[slot as usize].is_some() {
            self.say(cx, slot, |to| TransferMessage::Alive { to });
        }
    }

    fn look_for_sources(&mut self, cx: &mut Cx<'_>, item: ItemId) {
        let now = cx.port.now();
        let is_connected = self.about(item).any(|(_, connection)| connection.is_answered());
        let Some(want) = self.wants.iter_mut().find(|want| want.item == item) else { return };
        if is_connected {
            want.last_source = now;
        }
        if now >= want.deadline {
            self.abandon(cx, item, End::Aborted);
        } else if now.since(want.last_source) >= cx.plan.config.give_up.span() {
            self.abandon(cx, item, End::Failed);
        } else {
            self.seek(cx, item);
            self.ask_others(cx, item);
        }
    }
}

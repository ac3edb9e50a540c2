//! Questions: who asks them, and how they begin.

use peerlab_engine::time::Time;
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{Hit, HostId, LookupId, Overlay, Target};
use peerlab_workload::Question;

use crate::notes::What;
use crate::observer::Observer;
use crate::shard::{Alarm, Phase, Seats};

/// Who asks, which the highest of these bits in a lookup's number tells; below it, each numbers its own. (Some models have a use of their own for
/// the highest five bits of all: 2^24 questions of one host are enough for any run.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The host's user: his so-manieth question.
    User,
    /// An adversary, to keep others busy: nobody's lookup, but it costs what lookups cost.
    Flood,
    /// The host's user, because of the timeline.
    Crowd,
    /// The agent that moves content, to find sources.
    Agent,
}

impl Asker {
    /// The bit that tells it; none for the user.
    pub(crate) const fn bit(self) -> u32 {
        match self {
            Self::User => 0,
            Self::Flood => 1 << 24,
            Self::Crowd => 1 << 25,
            Self::Agent => 1 << 26,
        }
    }

    /// Who asks this.
    pub(crate) fn of(lookup: LookupId) -> Self {
        let has = |asker: &Self| lookup.number & asker.bit() != 0;
        [Self::Agent, Self::Crowd, Self::Flood].into_iter().find(has).unwrap_or(Self::User)
    }

    /// True if its lookups have rows.
    pub(crate) const fn counts(self) -> bool {
        matches!(self, Self::User | Self::Crowd)
    }
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// Sets the time of a host's next question. `out` is its first seat's.
    pub(crate) fn expect_question(&mut self, out: &mut Outbox<'_, Self>, host: HostId, after: Time) {
        let asked = self.calendar(host).questions;
        if let Some(questions) = &self.common.questions {
            let next = questions.next(host, asked, after);
            let seq = self.first_seat(host).life.next_seq();
            out.timer(next, seq, Alarm::Question);
        }
    }

    /// A question of a host's: its first peer asks.
    pub(crate) fn question(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey) {
        let calendar = self.calendar(host);
        let number = calendar.questions;
        calendar.questions += 1;
        self.expect_question(out, host, key.time);
        if !self.is_online(host) || self.is_frozen(host) {
            return;
        }
        let questions = self.common.questions.as_ref().expect("a question is due only where there are some");
        let numbering = self.common.setting.numbering;
        let target = match questions.question(host, number) {
            Question::Item(item) => Target::Item(item),
            Question::Key(key) => Target::Key(numbering.truncated(key)),
            Question::Keywords(keywords) => Target::Keywords(keywords),
            Question::Peer(host) => Target::Peer(numbering.peer(numbering.first_seat(host), 0)),
        };
        self.ask_now(out, key, LookupId { origin: host.0, number }, target);
    }

    /// Sets the time at which the user of a host asks for the item of an event. `out` is its first seat's.
    pub(crate) fn expect_crowd(&mut self, out: &mut Outbox<'_, Self>, host: HostId, at: Time, event: u32) {
        let seq = self.own_key(host, at).seq;
        out.timer(at, seq, Alarm::Crowd(event));
    }

    /// The user of a host asks for what everybody asks for.
    pub(crate) fn joins_crowd(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey, event: u32) {
        if !self.is_online(host) || self.is_frozen(host) {
            return;
        }
        let item = self.common.crowds[event as usize];
        self.ask_prompted(out, key, host, Asker::Crowd, Target::Item(item));
    }

    /// A host that is online asks for something, not because its user has thought of it. `out` is its first seat's.
    pub(crate) fn ask_prompted(&mut self, out: &mut Outbox<'_, Self>, key: EventKey, host: HostId, asker: Asker, target: Target) {
        let prompted = &mut self.calendar(host).prompted;
        let number = asker.bit() | *prompted;
        *prompted = (*prompted + 1) % Asker::Flood.bit();
        self.ask_now(out, key, LookupId { origin: host.0, number }, target);
    }

    /// Asks, in an event of the host's own, and does what that brings up.
    fn ask_now(&mut self, out: &mut Outbox<'_, Self>, key: EventKey, lookup: LookupId, target: Target) {
        self.ask(out, key, lookup, target);
        if self.books.has_news() {
            self.pass_on(out, self.common.setting.numbering.first_seat(HostId(lookup.origin)), key);
        }
    }

    /// A question begins.
    pub(crate) fn ask(&mut self, out: &mut Outbox<'_, Self>, key: EventKey, lookup: LookupId, target: Target) {
        let host = HostId(lookup.origin);
        let seat = self.common.setting.numbering.first_seat(host);
        self.books.notebook.note(key, What::Asked { lookup, target });
        self.books.observer.asked(key.time, lookup, target);
        let shares = |item| !self.common.setting.keeps_values() && self.machines.shelves.has(&self.common.holdings, host, item);
        let asker = Asker::of(lookup);
        let at_hand = asker != Asker::Agent && matches!(target, Target::Item(item) if shares(item));
        if self.transfers.is_some() && asker.counts() {
            self.begin_download(out, key, lookup, target, at_hand);
        }
        if at_hand {
            let peer = self.identity(seat);
            self.books.hit(key, lookup, Hit { peer, hops: 0, rounds: 0 }, None);
            self.books.finish(key, lookup);
            return;
        }
        if let (Target::Keywords(keywords), Some(words)) = (target, &self.common.words) {
            // What the origin has itself it need not ask for; but others may have more.
            let peer = self.identity(seat);
            for &item in self.machines.shelves.items(&self.common.holdings, host).iter().filter(|&&item| keywords.are_in(words.of(item))) {
                self.books.hit(key, lookup, Hit { peer, hops: 0, rounds: 0 }, Some(item));
            }
        }
        if self.seat(seat).life.phase == Phase::Member {
            self.act_for(out, seat, key, |overlay, peer, cx| overlay.lookup(peer, cx, lookup, target));
        } else {
            // Online, but not yet connected: nobody can be asked.
            self.books.finish(key, lookup);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bit_tells_who_asks() {
        for asker in [Asker::User, Asker::Flood, Asker::Crowd, Asker::Agent] {
            for below in [0, 1, asker.bit().saturating_sub(1)] {
                assert_eq!(Asker::of(LookupId { origin: 3, number: asker.bit() | below }), asker);
            }
        }
    }
}

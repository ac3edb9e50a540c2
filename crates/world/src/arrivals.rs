//! A message arrives: at a life that it was sent to, or not; past the model's rate limit, its host's downlink and its turn there; into the books, and into
//! its receiver's hands.

use peerlab_engine::time::Time;
use peerlab_engine::{EventKey, Outbox, Shard};
use peerlab_model::{Cause, Overlay, PeerId};

use crate::books::{Envelope, Load};
use crate::observer::Observer;
use crate::shard::{Life, Phase, Seats};
use crate::tally::Fate;

/// What a message has to wait for before its peer handles it.
enum Wait {
    No,
    /// For its link and its turn, in which nothing else happens here: it is handled now, under this key.
    AsIfAt(EventKey),
    /// For its link and its turn, when it comes again under this key.
    Until(EventKey),
    /// There is no room.
    ForEver,
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// A message from `from` arrives at a seat, or has waited there for its turn.
    #[inline]
    pub(crate) fn message_arrives(
        &mut self,
        out: &mut Outbox<'_, Self>,
        actor: u32,
        mut key: EventKey,
        from: PeerId,
        envelope: &mut Envelope<O::Message>,
    ) {
        let at = &mut self.places[(actor - self.base) as usize];
        if at.life.phase == Phase::Offline || envelope.label.sent < at.life.began() {
            return self.nobody_home(out, actor, key.time, from, envelope.take());
        }
        // Its own key tells a message that has waited here from one that arrives.
        let arrives = key.origin != actor;
        if arrives
            && let (Load::Overlay(message), Some(peer)) = (&envelope.load, &mut at.peer)
            && !self.common.overlay.admits(peer, key.time, from, message)
        {
            return self.turned_away(key.time, from, &envelope.take());
        }
        if arrives && !self.books.limits.is_empty() {
            let numbering = &self.common.setting.numbering;
            let host = numbering.host_of(actor);
            let (by_link, queued) = (numbering.host(from) != host, matches!(envelope.load, Load::Overlay(_)));
            let finish = self.books.admit(self.machines.place(host), key.time, envelope.label.bytes, by_link, queued);
            match wait(finish, &mut at.life, out, actor, key) {
                Wait::No => {}
                Wait::AsIfAt(after) => key = after,
                Wait::Until(after) => return out.postpone(after.time, after.seq, from.0, envelope.take()),
                Wait::ForEver => return self.turned_away(key.time, from, &envelope.take()),
            }
        }
        let label = envelope.label;
        let host = self.common.setting.numbering.host_of(actor);
        let life = &mut at.life;
        life.messages_in += 1;
        life.bytes_in += u64::from(label.bytes);
        if let Cause::Lookup(lookup) = label.cause() {
            life.lookups_served += u32::from(lookup.origin != host.0);
        }
        self.books.handled += 1;
        self.books.ended(key.time, label, Fate::Delivered);
        let Load::Overlay(message) = &envelope.load else { return self.for_agent(out, actor, key, from, envelope.take()) };
        self.books.digest.add(key, actor, message);
        if !self.machines.turned.is_empty() && self.conduct(host).is_some_and(|conduct| conduct.drops(host, label.cause(), key)) {
            return drop(envelope.take());
        }
        self.books.observer.delivered(key.time, from, self.identity(actor), message);
        // Moved only when nothing but the handler is left to run: what is moved before may have to be dropped on the way.
        self.act_for(out, actor, key, |overlay, peer, cx| {
            if let Load::Overlay(message) = std::mem::take(&mut envelope.load) {
                overlay.message(peer, cx, from, message);
            }
        });
        if !matches!(envelope.load, Load::Nothing) {
            // Nobody was there to take it.
            drop(envelope.take());
        }
    }

    /// A message between hosts that move content is handled.
    #[inline(never)]
    fn for_agent(&mut self, out: &mut Outbox<'_, Self>, actor: u32, key: EventKey, from: PeerId, envelope: Envelope<O::Message>) {
        let Load::Transfer(message) = envelope.load else { return };
        self.books.digest.add(key, actor, &message);
        let host = self.common.setting.numbering.host_of(actor);
        self.with_agent(out, host, key, |agent, plan, port| agent.message(plan, port, from, &message));
    }

    /// A message is not let in.
    #[cold]
    fn turned_away(&mut self, now: Time, from: PeerId, envelope: &Envelope<O::Message>) {
        if let Load::Overlay(message) = &envelope.load {
            self.books.observer.dropped(now, from, message);
        }
        self.books.ended(now, envelope.label, Fate::Queue);
    }
}

/// How a message that has just arrived waits until `finish`, if it is let in, where links and capacities are limited.
#[inline(never)]
fn wait<S: Shard>(finish: Option<Time>, life: &mut Life, out: &Outbox<'_, S>, actor: u32, key: EventKey) -> Wait {
    match finish {
        None => Wait::ForEver,
        Some(finish) if finish > key.time => {
            let after = EventKey { time: finish, origin: actor, seq: life.next_seq() };
            if out.comes_next(after) { Wait::AsIfAt(after) } else { Wait::Until(after) }
        }
        Some(_) => Wait::No,
    }
}

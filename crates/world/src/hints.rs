//! What is asked for ahead of an event, before its turn comes: three steps, each of which reads what the one before has brought near.

use peerlab_model::{Next, Overlay};
use peerlab_prefetch::{prefetch, prefetch_at};
use peerlab_transfer::{Agent, Wake};

use crate::books::Load;
use crate::observer::Observer;
use crate::shard::{Alarm, Seats};

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// The events of a seat are near: asks for what every one of them reads.
    #[inline]
    pub(crate) fn prefetch_seat(&self, actor: u32) {
        prefetch_at::<2, _>(&self.places, (actor - self.base) as usize);
        if O::READS_DISK {
            self.common.holdings.prefetch(self.common.setting.numbering.host_of(actor));
        }
        if let Some(agent) = self.agent(actor) {
            agent.prefetch();
            self.books.prefetch_limits(self.local(actor));
        }
    }

    /// Asks for what a message will read first.
    #[inline]
    pub(crate) fn prefetch_for_load(&self, actor: u32, load: &Load<O::Message>) {
        if let Load::Overlay(message) = load {
            let seat = &self.places[(actor - self.base) as usize];
            if let Some(peer) = &seat.peer {
                // Replies and timeouts are most of what happens, and they read nothing but the request that they are about.
                self.requests.prefetch_latest(&seat.requests);
                if O::READS_DISK {
                    prefetch::<1, _>(self.machines.shelves.items(&self.common.holdings, self.common.setting.numbering.host_of(actor)));
                }
                self.common.overlay.prefetch(peer, Next::Message(message));
            }
        } else if let Load::Transfer(message) = load {
            self.agent(actor).into_iter().for_each(|agent| agent.prefetch_for(message));
        }
    }

    /// Asks for what a timer will read first.
    #[inline]
    pub(crate) fn prefetch_for_alarm(&self, actor: u32, timer: Alarm<O::Timer>) {
        let seat = &self.places[(actor - self.base) as usize];
        match (timer, &seat.peer) {
            (Alarm::Model(timer), Some(peer)) => {
                self.requests.prefetch_latest(&seat.requests);
                self.common.overlay.prefetch(peer, Next::Timer(timer));
            }
            (Alarm::Transfer(reminder), _) if Wake::from(reminder) == Wake::Uplink => {
                self.agent(actor).into_iter().for_each(Agent::prefetch_next);
            }
            (Alarm::Question, peer) => {
                prefetch::<1, _>(&self.calendars[self.local(actor)]);
                if let Some(peer) = peer {
                    self.common.overlay.prefetch(peer, Next::Lookup);
                }
            }
            _ => {}
        }
    }

    /// Asks for what lies behind that.
    #[inline]
    pub(crate) fn prefetch_behind_load(&self, actor: u32, load: &Load<O::Message>) {
        if let Load::Transfer(message) = load {
            self.agent(actor).into_iter().for_each(|agent| agent.prefetch_behind(message));
        } else {
            self.prefetch_latest_request(actor);
        }
    }

    /// The same of a timer.
    #[inline]
    pub(crate) fn prefetch_behind_alarm(&self, actor: u32, timer: Alarm<O::Timer>) {
        match timer {
            Alarm::Model(_) => self.prefetch_latest_request(actor),
            Alarm::Transfer(reminder) if Wake::from(reminder) == Wake::Uplink => {
                self.agent(actor).into_iter().for_each(Agent::prefetch_queue);
            }
            _ => {}
        }
    }

    #[inline]
    fn prefetch_latest_request(&self, actor: u32) {
        // Without a way to panic, it all vanishes where a model asks for nothing.
        let seat = self.places.get((actor.wrapping_sub(self.base)) as usize);
        if let Some(request) = seat.and_then(|seat| self.requests.latest(&seat.requests)) {
            self.common.overlay.prefetch_request(request);
        }
    }
}

//! Items that are taken down, and items that are deleted.
//!
//! A takedown is an order to people, not a message of the overlay: whoever obeys is told by the timeline, and keeps to it while it is in force,
//! in later lives too. What obeying means is the model's business ([`Overlay::take_down`]).

use peerlab_engine::time::Time;
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{HostId, ItemId, Key, Overlay};
use peerlab_network::HostSet;

use crate::observer::Observer;
use crate::shard::Seats;

/// A takedown in force.
#[derive(Clone)]
pub(crate) struct Refusal {
    pub(crate) item: ItemId,
    pub(crate) key: Key,
    /// Who obeys.
    pub(crate) hosts: HostSet,
}

/// All takedowns in force, each under the number that ends it; the same in all shards.
#[derive(Clone, Default)]
pub(crate) struct Refusals(Vec<(u64, Refusal)>);

impl Refusals {
    pub(crate) fn add(&mut self, number: u64, refusal: Refusal) {
        self.0.push((number, refusal));
    }

    pub(crate) fn end(&mut self, number: u64) {
        self.0.retain(|(own, _)| *own != number);
    }

    /// True if a host obeys a takedown of the item with this key.
    pub(crate) fn has(&self, host: HostId, key: Key) -> bool {
        self.0.iter().any(|(_, refusal)| refusal.key == key && refusal.hosts.contains(host))
    }
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// The peer at a seat does what the takedowns in force ask for.
    pub(crate) fn obey(&mut self, out: &mut Outbox<'_, Self>, seat: u32, key: EventKey) {
        if self.machines.refusals.0.is_empty() {
            return;
        }
        let host = self.common.setting.numbering.host_of(seat);
        let concerns = self.machines.refusals.0.iter().filter(|(_, refusal)| refusal.hosts.contains(host));
        let items: Vec<ItemId> = concerns.map(|(_, refusal)| refusal.item).collect();
        for item in items {
            self.act_for(out, seat, key, |overlay, peer, cx| overlay.take_down(peer, cx, item));
        }
    }

    /// A takedown has come into force: the peers of a host that is online do what it asks for. `out` is its first seat's.
    pub(crate) fn told_to_obey(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        for seat in self.common.setting.numbering.seats_of(host) {
            let key = self.own_key(host, now);
            self.obey(&mut out.of(seat), seat, key);
        }
    }

    /// The user of a host that is online deletes an item. `out` is its first seat's.
    pub(crate) fn delete(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, item: ItemId) {
        let key = self.own_key(host, now);
        self.books.shelved.push((item, false));
        self.pass_on(out, self.common.setting.numbering.first_seat(host), key);
    }
}

//! Hosts that cheat: where their models meet the world, and nowhere else.
//!
//! # Cost
//! Where a scenario has none, one look at an empty list for each message and each handler.

use std::collections::BTreeMap;

use peerlab_engine::random::{Keyed, Streams, unit_f64};
use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Outbox};
use peerlab_model::{Cause, HostId, ItemId, Message, Overlay, Setting, Target};
use peerlab_workload::{AdversaryConfig, Behaviour, Holdings, adversaries};

use crate::asking::Asker;
use crate::observer::Observer;
use crate::shard::{Alarm, Phase, Seats};

/// The adversaries of a run.
pub(crate) struct Adversaries {
    tables: Box<[AdversaryConfig]>,
    /// By table, in the order in which they begin.
    hosts: Vec<Vec<HostId>>,
    /// Hosts that have never done anything else, with the numbers of their tables.
    pub(crate) initial: BTreeMap<u32, u8>,
    /// Who claims to hold what, of hosts that lie about one item.
    claims: BTreeMap<u32, Box<[ItemId]>>,
    /// What a host claims to hold that lies about all.
    everything: Box<[ItemId]>,
    draws: Keyed,
}

/// What a host's model finds at its own machine instead of the truth.
#[derive(Clone, Copy)]
pub(crate) struct Conduct<'a> {
    pub(crate) table: &'a AdversaryConfig,
    adversaries: &'a Adversaries,
}

impl Adversaries {
    pub(crate) fn new(tables: &[AdversaryConfig], setting: &Setting, holdings: &Holdings, streams: Streams) -> Self {
        let hosts = adversaries(tables, setting.numbering.population(), streams);
        let mut claims = BTreeMap::new();
        for (table, hosts) in tables.iter().zip(&hosts).filter(|(table, _)| table.behaviour == Behaviour::Lie) {
            let Some(item) = table.item() else { continue };
            for &host in hosts {
                let mut items = holdings.items(host).to_vec();
                if let Err(place) = items.binary_search(&item) {
                    items.insert(place, item);
                }
                claims.insert(host.0, items.into());
            }
        }
        let lies_about_all = tables.iter().any(|table| table.behaviour == Behaviour::Lie && table.item().is_none());
        let everything = if lies_about_all { (0..setting.items).map(ItemId).collect() } else { Box::default() };
        let from_the_start = (1..).zip(tables).zip(&hosts).filter(|((_, table), hosts)| table.begins(0, hosts.len()).is_none());
        let initial = from_the_start.flat_map(|((number, _), hosts)| hosts.iter().map(move |host| (host.0, number))).collect();
        Self { tables: tables.into(), initial, hosts, claims, everything, draws: streams.keyed("adversary") }
    }

    /// The tables, by their numbers.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (u8, &AdversaryConfig, &[HostId])> {
        (1..).zip(&self.tables).zip(&self.hosts).map(|((number, table), hosts)| (number, table, &hosts[..]))
    }

    /// What table number `number` makes of a host; nothing for 0.
    pub(crate) fn conduct(&self, number: u8) -> Option<Conduct<'_>> {
        let table = self.tables.get(usize::from(number).checked_sub(1)?)?;
        Some(Conduct { table, adversaries: self })
    }

    /// A uniformly random adversary.
    fn accomplice(&self, bits: u64) -> Option<HostId> {
        let count: usize = self.hosts.iter().map(Vec::len).sum();
        let mut index = (bits % (count.max(1) as u64)) as usize;
        for hosts in &self.hosts {
            match hosts.get(index) {
                Some(host) => return Some(*host),
                None => index -= hosts.len(),
            }
        }
        None
    }
}

impl<'a> Conduct<'a> {
    /// What the host's first peer says is on its disk, where that is not the truth.
    pub(crate) fn claims(&self, host: HostId) -> Option<&'a [ItemId]> {
        match self.table.behaviour {
            Behaviour::FreeRide => Some(&[]),
            Behaviour::Lie if self.table.item().is_none() => Some(&self.adversaries.everything),
            Behaviour::Lie => self.adversaries.claims.get(&host.0).map(|items| &**items),
            _ => None,
        }
    }

    /// What it claims to hold and does not.
    fn lies(&self, host: HostId, holdings: &Holdings) -> Vec<ItemId> {
        let own = holdings.items(host);
        self.claims(host).unwrap_or_default().iter().copied().filter(|item| own.binary_search(item).is_err()).collect()
    }

    /// True if the message that is handled under this key, for `cause`, vanishes at `host`.
    pub(crate) fn drops(&self, host: HostId, cause: Cause, key: EventKey) -> bool {
        let of_others = matches!(cause, Cause::Lookup(lookup) if lookup.origin != host.0);
        self.table.behaviour == Behaviour::Drop && of_others && self.is_drawn(key)
    }

    fn bits(&self, key: EventKey, salt: u64) -> u64 {
        self.adversaries.draws.bits(key.time.nanos() as u64 ^ salt << 56, u64::from(key.origin) << 32 | u64::from(key.seq))
    }

    fn is_drawn(&self, key: EventKey) -> bool {
        self.table.probability >= 1.0 || unit_f64(self.bits(key, 0)) < self.table.probability
    }

    /// Makes a message of `host` for another's lookup name accomplices.
    pub(crate) fn misdirect<M: Message>(&self, host: HostId, message: &mut M, key: EventKey, setting: &Setting) {
        let of_others = matches!(message.cause(), Cause::Lookup(lookup) if lookup.origin != host.0);
        if self.table.behaviour != Behaviour::Misdirect || !of_others || !self.is_drawn(key) {
            return;
        }
        let mut salt = 0;
        message.forge(&mut |named| {
            salt += 1;
            if let Some(accomplice) = self.adversaries.accomplice(self.bits(key, salt)) {
                let seats = setting.numbering.seats_of(accomplice);
                let which = if seats.len() == 1 { 0 } else { self.bits(key, salt | 1 << 7) % seats.len() as u64 };
                *named = setting.numbering.peer(seats.start + which as u32, 0);
            }
        });
    }

    /// The gap to the next question of a flood, and what it asks.
    fn flood(&self, key: EventKey, items: u32) -> (Span, ItemId) {
        let any = ItemId((self.bits(key, 1) % u64::from(items.max(1))) as u32);
        (Span::from_secs_f64(1.0 / self.table.rate), self.table.item().unwrap_or(any))
    }
}

impl<O: Overlay, V: Observer<O::Message>> Seats<O, V> {
    /// How a host cheats, if it does.
    #[inline]
    pub(crate) fn conduct(&self, host: HostId) -> Option<Conduct<'_>> {
        self.machines.conduct(host)
    }

    /// A host begins to cheat by table number `number`, before anything has happened.
    pub(crate) fn turn_silently(&mut self, host: HostId, number: u8) {
        let hosts = self.places.len() >> self.common.setting.numbering.slot_bits();
        if self.machines.turned.is_empty() {
            self.machines.turned = vec![0; hosts];
        }
        let place = self.machines.place(host);
        self.machines.turned[place] = number;
    }

    /// A host begins to cheat, now. `out` is its first seat's.
    pub(crate) fn turn(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time, number: u8) {
        self.turn_silently(host, number);
        let seat = self.common.setting.numbering.first_seat(host);
        let lies = self.conduct(host).map(|conduct| conduct.lies(host, &self.common.holdings)).unwrap_or_default();
        let key = self.own_key(host, now);
        let hides = self.conduct(host).is_some_and(|conduct| conduct.table.behaviour == Behaviour::FreeRide);
        let hidden = if hides { self.machines.shelves.items(&self.common.holdings, host).to_vec() } else { Vec::new() };
        if self.seat(seat).life.phase == Phase::Member {
            if !lies.is_empty() {
                self.act_for(out, seat, key, |overlay, peer, cx| overlay.publish(peer, cx, &lies));
            }
            if !hidden.is_empty() {
                self.act_for(out, seat, key, |overlay, peer, cx| overlay.withdraw(peer, cx, &hidden));
            }
        }
        self.expect_flood(out, host, now);
        self.want_identities(out, host, now);
    }

    /// Sets the time of a host's next question of a flood, if it takes part in one. `out` is its first seat's.
    pub(crate) fn expect_flood(&mut self, out: &mut Outbox<'_, Self>, host: HostId, now: Time) {
        let key = self.own_key(host, now);
        let Some(conduct) = self.conduct(host).filter(|conduct| conduct.table.behaviour == Behaviour::Flood) else { return };
        // So that they do not all ask at once.
        let gap = conduct.flood(key, 0).0.scale(unit_f64(conduct.bits(key, 2)));
        out.timer(now + gap + Span::from_nanos(1), key.seq, Alarm::Flood);
    }

    /// A host asks the next question of a flood.
    pub(crate) fn flood(&mut self, out: &mut Outbox<'_, Self>, host: HostId, key: EventKey) {
        let items = self.common.setting.items;
        let Some((gap, item)) = self.conduct(host).map(|conduct| conduct.flood(key, items)) else { return };
        let victim = self.conduct(host).and_then(|conduct| conduct.table.peer);
        let seq = self.own_key(host, key.time).seq;
        out.timer(key.time + gap, seq, Alarm::Flood);
        if self.is_online(host) && !self.is_frozen(host) {
            let target = victim.map_or(Some(Target::Item(item)), |victim| self.common.named(HostId(victim)));
            if let Some(target) = target {
                self.ask_prompted(out, key, host, Asker::Flood, target);
            }
        }
    }
}

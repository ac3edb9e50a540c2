//! The timeline: faults and loads that the scenario orders, and their healing.
//!
//! Each event becomes one or two *orders* at cuts: it begins, and, if it has a duration, it ends.

use std::collections::BTreeMap;

use peerlab_engine::Shards;
use peerlab_engine::random::Rng;
use peerlab_engine::time::Time;
use peerlab_model::{HostId, Overlay};
use peerlab_network::{HostSet, Rule};
use peerlab_workload::{Action, EventConfig, Select, View};

use crate::director::Director;
use crate::observer::Observer;
use crate::record::EventRow;
use crate::shard::{Seat, Seats};

/// What is to be done at an instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// Event number so-and-so of the scenario begins.
    Begin(usize),
    /// It ends, for these hosts.
    End(usize, Vec<HostId>),
}

/// The orders to come.
pub(crate) struct Timeline {
    orders: BTreeMap<(Time, u32), Order>,
    given: u32,
}

impl Timeline {
    pub(crate) fn new(events: &[EventConfig]) -> Self {
        let mut timeline = Self { orders: BTreeMap::new(), given: 0 };
        for (number, event) in events.iter().enumerate() {
            timeline.order(Time::ZERO + event.at.span(), Order::Begin(number));
        }
        timeline
    }

    /// Orders something for an instant; what is ordered first is done first.
    fn order(&mut self, at: Time, order: Order) {
        self.orders.insert((at, self.given), order);
        self.given += 1;
    }

    /// The instant of the next order.
    pub(crate) fn next(&self) -> Time {
        self.orders.keys().next().map_or(Time::MAX, |(at, _)| *at)
    }

    fn pop(&mut self, now: Time) -> Option<Order> {
        let entry = self.orders.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}

impl<O: Overlay, V: Observer<O::Message>> Director<'_, O, V> {
    /// Does what is ordered for `now`.
    pub(crate) fn follow_timeline(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        while let Some(order) = self.timeline.pop(now) {
            match order {
                Order::Begin(number) => self.begin(now, number, shards),
                Order::End(number, hosts) => self.heal(now, number, &hosts, shards),
            }
            shards.settle();
            self.read_notes(shards);
        }
    }

    fn begin(&mut self, now: Time, number: usize, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let event = self.conditions.events[number].clone();
        let hosts = self.concerned(&event, number, shards);
        let end = event.duration.map(|duration| now + duration.span());
        let back = end.unwrap_or(Time::MAX);
        match event.action {
            Action::Leave => self.send_away(now, &hosts, back, true, shards),
            Action::Crash | Action::ServerOutage => self.send_away(now, &hosts, back, false, shards),
            Action::Join => self.bring_in(now, &hosts, back, shards),
            Action::Restart => {
                self.send_away(now, &hosts, Time::MAX, false, shards);
                for &host in &hosts {
                    let until = self.next_departure(host, now, shards);
                    shards.act(self.seat(host), |seats, out| seats.arrive(out, host, now, until));
                }
            }
            Action::Partition => {
                let groups = event.partition(self.common.setting.numbering.hosts(), &hosts, &mut self.draws("timeline.groups", number));
                rule(number, &Rule::Partition(groups), shards);
            }
            Action::Loss => {
                rule(number, &Rule::Loss { share: event.loss.unwrap_or(0.0), hosts: concerned_or_all(&event, &hosts) }, shards);
            }
            Action::Latency => rule(number, &Rule::Slow { factor: event.factor.unwrap_or(1.0), hosts: None }, shards),
            Action::Slow => rule(number, &Rule::Slow { factor: event.factor.unwrap_or(1.0), hosts: Some(set(&hosts)) }, shards),
            // The scenario's check has refused these.
            Action::Freeze | Action::FlashCrowd | Action::Bandwidth | Action::ServerCapacity | Action::Takedown | Action::Delete => {}
        }
        self.events.push(EventRow { time: now, action: event.action.name().to_owned(), peers: hosts.len() as u64, note: note(&event) });
        if let Some(end) = end {
            self.timeline.order(end, Order::End(number, hosts));
        }
    }

    fn heal(&mut self, now: Time, number: usize, hosts: &[HostId], shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let action = self.conditions.events[number].action;
        // Hosts that were sent away or brought in return by a transition of their own, at this very instant.
        for seats in shards.iter_mut() {
            seats.books.rules.heal(number as u32);
        }
        self.events.push(EventRow {
            time: now,
            action: "heal".to_owned(),
            peers: hosts.len() as u64,
            note: format!("{} is over", action.name()),
        });
    }

    fn bring_in(&mut self, now: Time, hosts: &[HostId], until: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        for &host in hosts {
            if !shards.at(self.seat(host)).is_online(host) {
                let until = if until == Time::MAX { self.next_departure(host, now, shards) } else { until };
                shards.act(self.seat(host), |seats, out| seats.arrive(out, host, now, until));
            }
        }
    }

    /// Takes hosts offline that are not already, until `back`.
    fn send_away(&self, now: Time, hosts: &[HostId], back: Time, politely: bool, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        for &host in hosts {
            if shards.at(self.seat(host)).is_online(host) {
                shards.act(self.seat(host), |seats, out| seats.depart(out, host, now, back, politely));
            }
        }
    }

    /// The seat in whose name a host acts.
    fn seat(&self, host: HostId) -> u32 {
        self.common.setting.numbering.first_seat(host)
    }

    /// When a host that comes online now goes again by its own habits.
    fn next_departure(&self, host: HostId, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) -> Time {
        let transition = shards.at(self.seat(host)).transition_of(host);
        self.common.lifetimes.next(host, transition, now, true)
    }

    /// The randomness of one event.
    fn draws(&self, purpose: &str, number: usize) -> Rng {
        self.common.streams.rng(purpose, number as u64)
    }

    /// The hosts that an event concerns.
    fn concerned(&self, event: &EventConfig, number: usize, shards: &Shards<'_, '_, Seats<O, V>>) -> Vec<HostId> {
        let numbering = &self.common.setting.numbering;
        let population = (0..numbering.population()).map(HostId);
        let offline = |&host: &HostId| !shards.at(self.seat(host)).is_online(host);
        let candidates: Vec<HostId> = match event.action {
            Action::ServerOutage => (numbering.population()..numbering.hosts()).map(HostId).collect(),
            Action::Join => population.filter(offline).collect(),
            _ => population.filter(|host| !offline(host)).collect(),
        };
        let classes: Vec<String> = self.conditions.peers.class.iter().map(|class| class.name.clone()).collect();
        let view = View {
            class_of: &|host| self.classes.of(host),
            classes: &classes,
            region_of: &|host| self.common.network.region_of(host),
            rank: &|select, host| shards.at(self.seat(host)).host(host).iter().map(|seat| self.rank(select, seat)).sum(),
        };
        event.select(&candidates, &view, &mut self.draws("timeline", number))
    }

    /// What `highest-degree` and `highest-load` go by, summed over the peers of a host.
    fn rank(&self, select: Select, seat: &Seat<O::Peer>) -> u64 {
        let mut degree = 0;
        match (select, &seat.peer) {
            (Select::HighestLoad, _) => return u64::from(seat.life.messages_in),
            (Select::HighestDegree, Some(peer)) => self.common.overlay.contacts(peer, &mut |_| degree += 1),
            _ => {}
        }
        degree
    }
}

/// Puts a rule in force everywhere.
fn rule<O: Overlay, V: Observer<O::Message>>(number: usize, rule: &Rule, shards: &mut Shards<'_, '_, Seats<O, V>>) {
    for seats in shards.iter_mut() {
        seats.books.rules.add(number as u32, rule.clone());
    }
}

fn set(hosts: &[HostId]) -> HostSet {
    HostSet::new(hosts.iter().copied())
}

fn concerned_or_all(event: &EventConfig, hosts: &[HostId]) -> Option<HostSet> {
    let named = event.share.is_some() || event.count.is_some() || event.peers.is_some() || event.select != Select::Random;
    named.then(|| set(hosts))
}

/// What an event is about, in words.
fn note(event: &EventConfig) -> String {
    let parts = [
        event.share.map(|share| format!("share {share}")),
        event.loss.map(|loss| format!("loss {loss}")),
        event.factor.map(|factor| format!("factor {factor}")),
        event.groups.map(|groups| format!("{groups} groups")),
        event.duration.map(|duration| format!("for {duration}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

//! The timeline: faults and loads that the scenario orders, and their healing.
//!
//! Each occurrence of an event becomes one or two *orders* at cuts: it begins, and, if it has a duration, it ends.

use std::collections::BTreeMap;

use peerlab_engine::Shards;
use peerlab_engine::random::{Rng, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, ItemId, Overlay};
use peerlab_network::{HostSet, Rule, Whose};
use peerlab_workload::{Action, Behaviour, Direction, EventConfig, Select, View};

use crate::adversaries::Adversaries;
use crate::director::Director;
use crate::observer::Observer;
use crate::record::EventRow;
use crate::shard::{Seat, Seats};
use crate::takedown::Refusal;

/// An event of the scenario that happens (once more).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    /// Its number in the scenario.
    event: u32,
    /// How often it has happened before.
    before: u32,
}

impl Occurrence {
    /// Tells it from all others.
    fn id(self) -> u64 {
        u64::from(self.before) << 32 | u64::from(self.event)
    }
}

/// What is to be done at an instant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Order {
    /// It begins.
    Begin(Occurrence),
    /// It ends, for these hosts.
    End(Occurrence, Vec<HostId>),
    /// A host begins to cheat, by this table of adversaries.
    Turn(HostId, u8),
    /// The hosts of this table of adversaries begin to censor, the servers with them if it says so.
    Censor(u8),
}

/// The orders to come, and what is in force of those that have been.
pub(crate) struct Timeline {
    orders: BTreeMap<(Time, u32), Order>,
    given: u32,
    /// Hosts that are faster or slower than the scenario has them.
    paces: BTreeMap<u64, (HostSet, f64)>,
}

impl Timeline {
    pub(crate) fn new(events: &[EventConfig], adversaries: Option<&Adversaries>, end: Span, streams: Streams) -> Self {
        let mut timeline = Self { orders: BTreeMap::new(), given: 0, paces: BTreeMap::new() };
        for (number, event) in (0..).zip(events) {
            let times = event.times(end, &mut streams.rng("timeline.times", u64::from(number)));
            for (before, at) in (0..).zip(times) {
                timeline.order(at, Order::Begin(Occurrence { event: number, before }));
            }
        }
        for (number, table, hosts) in adversaries.into_iter().flat_map(Adversaries::tables) {
            for (index, &host) in hosts.iter().enumerate() {
                if let Some(begins) = table.begins(index, hosts.len()) {
                    timeline.order(Time::ZERO + begins, Order::Turn(host, number));
                }
            }
            if let Some(begins) = table.begins(0, hosts.len()).filter(|_| table.behaviour == Behaviour::Censor) {
                timeline.order(Time::ZERO + begins, Order::Censor(number));
            }
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

    /// How fast a host is, beside what the scenario says.
    fn pace(&self, host: HostId) -> f64 {
        self.paces.values().filter(|(hosts, _)| hosts.contains(host)).map(|(_, factor)| factor).product()
    }
}

impl<O: Overlay, V: Observer<O::Message>> Director<'_, O, V> {
    /// Does what is ordered for `now`.
    pub(crate) fn follow_timeline(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        while let Some(order) = self.timeline.pop(now) {
            match order {
                Order::Begin(occurrence) => self.begin(now, occurrence, shards),
                Order::End(occurrence, hosts) => self.heal(now, occurrence, &hosts, shards),
                Order::Turn(host, number) => shards.act(self.seat(host), |seats, out| seats.turn(out, host, now, number)),
                Order::Censor(number) => self.censor_by(number, now, shards),
            }
            shards.settle();
            self.read_notes(shards);
        }
    }

    fn begin(&mut self, now: Time, occurrence: Occurrence, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let event = self.conditions.events[occurrence.event as usize].clone();
        let hosts = self.concerned(&event, occurrence, shards);
        let end = event.duration.map(|duration| now + duration.span());
        let back = end.unwrap_or(Time::MAX);
        let factor = event.factor.unwrap_or(1.0);
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
            Action::Freeze => {
                for &host in &hosts {
                    shards.of(self.seat(host)).freeze(host, back);
                }
            }
            Action::FlashCrowd => self.raise_crowd(now, occurrence, &event, &hosts, shards),
            Action::Partition => {
                let groups = event.partition(self.common.setting.numbering.hosts(), &hosts, &mut self.draws("timeline.groups", occurrence));
                rule(occurrence, &Rule::Partition(groups), shards);
            }
            Action::Loss => rule(occurrence, &Rule::Loss { share: event.loss.unwrap_or(0.0), whose: whose(&event, &hosts) }, shards),
            Action::Latency => rule(occurrence, &Rule::Slow { factor, whose: Whose::All }, shards),
            Action::Slow => rule(occurrence, &Rule::Slow { factor, whose: whose(&event, &hosts) }, shards),
            Action::Bandwidth | Action::ServerCapacity => {
                self.timeline.paces.insert(occurrence.id(), (set(&hosts), factor));
                self.set_paces(&hosts, shards);
            }
            Action::Takedown => self.take_down(now, occurrence, &event, &hosts, shards),
            Action::Delete => {
                for &host in &hosts {
                    shards.act(self.seat(host), |seats, out| seats.delete(out, host, now, event.item()));
                }
            }
        }
        if matches!(event.action, Action::Takedown | Action::Delete) {
            self.lookups.watch(event.item(), now);
        }
        self.events.push(EventRow::new(now, event.action.name(), hosts.len() as u64, note(&event)));
        if let Some(end) = end {
            self.timeline.order(end, Order::End(occurrence, hosts));
        }
    }

    fn heal(&mut self, now: Time, occurrence: Occurrence, hosts: &[HostId], shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let action = self.conditions.events[occurrence.event as usize].action;
        // Hosts that were sent away or brought in return by a transition of their own, at this very instant.
        for seats in shards.iter_mut() {
            seats.books.rules.heal(occurrence.id());
            seats.machines.refusals.end(occurrence.id());
        }
        if action == Action::Freeze {
            for &host in hosts {
                shards.of(self.seat(host)).thaw_at(host, now);
            }
        }
        if self.timeline.paces.remove(&occurrence.id()).is_some() {
            self.set_paces(hosts, shards);
        }
        self.events.push(EventRow::new(now, "heal", hosts.len() as u64, format!("{} is over", action.name())));
    }

    /// The users of these hosts ask for one item, at once or at random times while it lasts.
    fn raise_crowd(
        &self,
        now: Time,
        occurrence: Occurrence,
        event: &EventConfig,
        hosts: &[HostId],
        shards: &mut Shards<'_, '_, Seats<O, V>>,
    ) {
        let mut rng = self.draws("timeline.crowd", occurrence);
        for &host in hosts {
            let later = event.duration.map_or(Span::ZERO, |duration| duration.span().scale(rng.unit_f64()));
            shards.act(self.seat(host), |seats, out| seats.expect_crowd(out, host, now + later, occurrence.event));
        }
    }

    /// These hosts obey a takedown from now on, and so does every server.
    fn take_down(
        &self,
        now: Time,
        occurrence: Occurrence,
        event: &EventConfig,
        hosts: &[HostId],
        shards: &mut Shards<'_, '_, Seats<O, V>>,
    ) {
        let all: Vec<HostId> = hosts.iter().copied().chain(self.servers()).collect();
        self.refuse(now, occurrence.id(), event.item(), &all, shards);
    }

    /// The dedicated servers.
    fn servers(&self) -> impl Iterator<Item = HostId> + use<O, V> {
        let numbering = &self.common.setting.numbering;
        (numbering.population()..numbering.hosts()).map(HostId)
    }

    /// These hosts refuse an item from now on, until that is ended under this number.
    fn refuse(&self, now: Time, number: u64, item: ItemId, hosts: &[HostId], shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let refusal = Refusal { item, key: self.common.setting.numbering.item_key(item), hosts: set(hosts) };
        for seats in shards.iter_mut() {
            seats.machines.refusals.add(number, refusal.clone());
        }
        for &host in hosts {
            if shards.at(self.seat(host)).is_online(host) {
                shards.act(self.seat(host), |seats, out| seats.told_to_obey(out, host, now));
            }
        }
    }

    /// Who has always censored does so.
    pub(crate) fn censor(&self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let tables = self.common.adversaries.iter().flat_map(Adversaries::tables);
        for (number, table, hosts) in tables {
            if table.behaviour == Behaviour::Censor && table.begins(0, hosts.len()).is_none() {
                self.censor_by(number, now, shards);
            }
        }
    }

    fn censor_by(&self, number: u8, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let table = self.common.adversaries.iter().flat_map(Adversaries::tables).find(|(own, ..)| *own == number);
        let Some((_, table, hosts)) = table else { return };
        let all: Vec<HostId> = hosts.iter().copied().chain(self.servers().filter(|_| table.servers)).collect();
        // Occurrences of events have smaller numbers.
        self.refuse(now, u64::MAX - u64::from(number), table.item().unwrap_or(ItemId(0)), &all, shards);
    }

    /// Makes hosts as fast as they are now to be.
    fn set_paces(&self, hosts: &[HostId], shards: &mut Shards<'_, '_, Seats<O, V>>) {
        for &host in hosts {
            let seats = shards.of(self.seat(host));
            let at = seats.machines.place(host);
            let books = &mut seats.books;
            if books.unchanged.is_empty() {
                books.unchanged.clone_from(&books.limits);
            }
            if let (Some(limits), Some(original)) = (books.limits.get_mut(at), books.unchanged.get(at)) {
                let is_server = host.0 >= self.common.setting.numbering.population();
                limits.set_pace(original, self.timeline.pace(host), is_server);
            }
        }
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
    fn draws(&self, purpose: &str, occurrence: Occurrence) -> Rng {
        self.common.streams.rng(purpose, occurrence.id())
    }

    /// The hosts that an event concerns.
    fn concerned(&self, event: &EventConfig, occurrence: Occurrence, shards: &Shards<'_, '_, Seats<O, V>>) -> Vec<HostId> {
        let numbering = &self.common.setting.numbering;
        let population = (0..numbering.population()).map(HostId);
        let offline = |&host: &HostId| !shards.at(self.seat(host)).is_online(host);
        let candidates: Vec<HostId> = match event.action {
            _ if event.action.is_about_servers() => self.servers().collect(),
            // Who is offline hears of it later.
            Action::Takedown => population.collect(),
            Action::Join => population.filter(offline).collect(),
            _ => population.filter(|host| !offline(host)).collect(),
        };
        let classes: Vec<String> = self.conditions.peers.class.iter().map(|class| class.name.clone()).collect();
        let view = View {
            class_of: &|host| self.classes.of(host),
            classes: &classes,
            region_of: &|host| self.common.network.region_of(host),
            holds: &|host, item| shards.at(self.seat(host)).machines.shelves.has(&self.common.holdings, host, item),
            key_of: &|host| numbering.key(numbering.peer(self.seat(host), 0)),
            rank: &|select, host| shards.at(self.seat(host)).host(host).iter().map(|seat| self.rank(select, seat)).sum(),
        };
        event.select(&candidates, &view, &mut self.draws("timeline", occurrence))
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
fn rule<O: Overlay, V: Observer<O::Message>>(occurrence: Occurrence, rule: &Rule, shards: &mut Shards<'_, '_, Seats<O, V>>) {
    for seats in shards.iter_mut() {
        seats.books.rules.add(occurrence.id(), rule.clone());
    }
}

fn set(hosts: &[HostId]) -> HostSet {
    HostSet::new(hosts.iter().copied())
}

/// The messages that an event is about.
fn whose(event: &EventConfig, hosts: &[HostId]) -> Whose {
    let named = event.share.is_some() || event.count.is_some() || event.peers.is_some() || event.select != Select::Random;
    match event.direction.unwrap_or(Direction::Both) {
        _ if !named => Whose::All,
        Direction::Both => Whose::Of(set(hosts)),
        Direction::From => Whose::From(set(hosts)),
        Direction::To => Whose::To(set(hosts)),
    }
}

/// What an event is about, in words.
fn note(event: &EventConfig) -> String {
    let parts = [
        event.action.is_about_an_item().then(|| format!("item {}", event.item().0)),
        event.share.map(|share| format!("share {share}")),
        event.loss.map(|loss| format!("loss {loss}")),
        event.factor.map(|factor| format!("factor {factor}")),
        event.groups.map(|groups| format!("{groups} groups")),
        event.duration.map(|duration| format!("for {duration}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

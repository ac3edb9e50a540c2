//! How a run begins: who is there, with what in their tables, and what each expects next.

use std::sync::Arc;

use peerlab_engine::Shards;
use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, ItemId, Numbering, Overlay, PeerId, PeerTable, Roster, Shares, Start, Word};
use peerlab_workload::Shelves;

use crate::common::Common;
use crate::conditions::StartKind;
use crate::director::Director;
use crate::downloads::arrivals;
use crate::observer::Observer;
use crate::shard::Seats;

/// The peers' states by identity, wherever their shards are.
struct Table<'t, 'a, 'lanes, O: Overlay, V: Observer<O::Message>> {
    shards: &'t mut Shards<'a, 'lanes, Seats<O, V>>,
    numbering: Numbering,
}

impl<O: Overlay, V: Observer<O::Message>> PeerTable<O::Peer> for Table<'_, '_, '_, O, V> {
    fn get(&mut self, peer: PeerId) -> &mut O::Peer {
        let seat = self.numbering.seat(peer);
        self.shards.of(seat).seat_mut(seat).peer.as_mut().expect("only members have tables")
    }
}

/// What each seat publishes.
struct Disks<'c, O> {
    common: &'c Common<O>,
    /// Nothing has changed yet.
    shelves: Shelves,
}

impl<O: Overlay> Shares for Disks<'_, O> {
    fn of(&self, seat: u32) -> &[ItemId] {
        self.common.disk(&self.shelves, seat, self.common.initial_conduct(self.common.setting.numbering.host_of(seat)))
    }

    fn proves(&self, seat: u32, item: ItemId) -> bool {
        self.common.disk(&self.shelves, seat, None).binary_search(&item).is_ok()
    }

    fn words(&self, item: ItemId) -> &[Word] {
        self.common.words.as_ref().map_or(&[], |words| words.of(item))
    }
}

impl<O: Overlay, V: Observer<O::Message>> Director<'_, O, V> {
    /// Sets the stage at the first instant of the run.
    pub(crate) fn start(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let common = Arc::clone(&self.common);
        let numbering = common.setting.numbering;
        for server in (numbering.population()..numbering.hosts()).map(HostId) {
            shards.act(numbering.first_seat(server), |seats, out| seats.arrive(out, server, now, Time::MAX));
        }
        for (&host, &number) in common.adversaries.iter().flat_map(|adversaries| &adversaries.initial) {
            shards.of(numbering.first_seat(HostId(host))).turn_silently(HostId(host), number);
        }
        match self.conditions.start {
            StartKind::Converged => self.start_converged(now, shards),
            StartKind::Join => self.start_joining(now, shards),
        }
        if let Some(plan) = &common.plan {
            for (host, at) in arrivals(plan, numbering.population(), common.streams) {
                shards.act(numbering.first_seat(host), |seats, out| seats.expect_arrival(out, host, at));
            }
        }
        if common.questions.is_some() {
            for host in (0..numbering.population()).map(HostId) {
                shards.act(numbering.first_seat(host), |seats, out| seats.expect_question(out, host, now));
            }
        }
        for &host in common.adversaries.iter().flat_map(|adversaries| adversaries.initial.keys()) {
            shards.act(numbering.first_seat(HostId(host)), |seats, out| seats.expect_flood(out, HostId(host), now));
        }
        self.censor(now, shards);
        shards.settle();
        self.read_notes(shards);
    }

    fn start_converged(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let common = Arc::clone(&self.common);
        let numbering = common.setting.numbering;
        let shared = self.truth.clone();
        let mut truth = shared.write();
        let mut members = Roster::new(common.setting.expected_online as usize);
        for host in (0..numbering.population()).map(HostId) {
            let presence = common.lifetimes.initial(host, now);
            let seat = numbering.first_seat(host);
            let transition = shards.act(seat, |seats, out| seats.expect(out, host, presence.until));
            let first = numbering.peer(seat, 0);
            self.reschedule(now, first, presence.online, presence.until, transition);
            let seats = shards.of(seat).pay_all(host);
            if presence.online {
                for seat in seats {
                    let peer = numbering.peer(seat, 0);
                    members.insert(numbering.key(peer), peer);
                    shards.of(seat).seat_mut(seat).peer = Some(common.overlay.peer(peer));
                }
                truth.came(first, now, &common.holdings);
                truth.publishes(first, &common.holdings);
            }
        }
        let round_trip = |from: PeerId, to: PeerId| {
            let (from, to) = (numbering.host(from), numbering.host(to));
            Some(common.network.base_delay(from, to)? + common.network.base_delay(to, from)?)
        };
        let rng = common.streams.rng("converged", 0);
        let disks = Disks { common: &common, shelves: Shelves::default() };
        let start = Start { members: &members, shares: &disks, rng, round_trip: &round_trip, capacity: &|peer| common.capacity(peer) };
        common.overlay.converged(&start, &mut Table { shards, numbering });
        for host in (0..numbering.population()).map(HostId) {
            let seat = numbering.first_seat(host);
            if shards.of(seat).seat(seat).peer.is_some() {
                shards.act(seat, |seats, out| seats.begin_as_member(out, host, now));
            }
        }
        truth.all_joined(members);
    }

    /// Everybody who is to be online at the beginning comes within `join_over`.
    fn start_joining(&mut self, now: Time, shards: &mut Shards<'_, '_, Seats<O, V>>) {
        let numbering = self.common.setting.numbering;
        let draws = self.common.streams.keyed("first joins");
        let over = self.conditions.join_over.span().nanos().max(1);
        for host in (0..numbering.population()).map(HostId) {
            let presence = self.common.lifetimes.initial(host, now);
            let at = if presence.online { now + Span::from_nanos(draws.rng(u64::from(host.0), 0).below(over) + 1) } else { presence.until };
            let seat = numbering.first_seat(host);
            let transition = shards.act(seat, |seats, out| seats.expect(out, host, at));
            self.reschedule(now, numbering.peer(seat, 0), false, at, transition);
        }
    }
}

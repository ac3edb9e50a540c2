//! The zones of a network that has run for long.
//!
//! They follow from who joined when. With `zones = "random"` the members joined in a random order, each at its own point, and nobody ever
//! left; with `zones = "equal"` every zone was halved as long as there was more than one member for it. Neighbours are exact. Churn leaves
//! more uneven zones than either.
//!
//! # Cost
//! Splitting is one pass over the members for each level of the partition tree. Neighbours are found from the smaller side: what lies
//! across a face is one binary search in the zones, which stand in the order of their prefixes.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::config::Zones;
use super::message::{Bulletin, Listed};
use super::peer::CanPeer;
use super::zone::Zone;
use super::{Can, Cx};
use crate::records::Record;

/// The number of the updates that were sent before time began: below all that follow.
const FIRST_VERSION: i64 = i64::MIN;

/// A member and the point at which it joined.
type Member = (Key, PeerId);

impl Can {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<CanPeer>) {
        let members: Vec<PeerId> = start.members.iter().map(|(_, peer)| peer).collect();
        if members.is_empty() {
            return;
        }
        let mut rng = start.rng.clone();
        let mut owners = Vec::new();
        for realm in 0..self.rules.realities.max(1) {
            let mut arrivals: Vec<Member> = members.iter().map(|&peer| (self.own_point(peer, realm), peer)).collect();
            let zones = match self.rules.zones {
                Zones::Random => {
                    rng.shuffle(&mut arrivals);
                    self.random_zones(&mut arrivals)
                }
                Zones::Equal => {
                    arrivals.sort_unstable();
                    self.equal_zones(&arrivals)
                }
            };
            self.fill_tables(realm, &zones, peers);
            owners.push(zones);
        }
        for &peer in &members {
            let state = peers.get(peer);
            state.announced = true;
            // Each peer is at a turn of its own.
            state.ticks = (self.numbering.key(peer).0 % 64) as u8;
        }
        self.fill_records(start, &owners, peers, &mut rng);
    }

    /// Each arrival halves the zone in which its point lies, and gets the half with the point. By prefix in the end.
    fn random_zones(&self, arrivals: &mut [Member]) -> Vec<(Zone, PeerId)> {
        let mut zones = Vec::with_capacity(arrivals.len());
        let mut spare = arrivals.to_vec();
        let Some((&mut (_, first), others)) = arrivals.split_first_mut() else { return zones };
        self.divide(Zone::WHOLE, first, others, &mut spare, &mut zones);
        zones
    }

    /// The zone, held by `holder`, into which these come one after the other. Points that cannot be told apart share what there is.
    fn divide(&self, zone: Zone, holder: PeerId, coming: &mut [Member], spare: &mut [Member], zones: &mut Vec<(Zone, PeerId)>) {
        let Some((&mut (key, first), others)) = coming.split_first_mut().filter(|_| zone.depth < self.torus.depth_max()) else {
            zones.push((zone, holder));
            return;
        };
        let [lower, upper] = zone.halves();
        // Those of the lower half first, each half in the order of arrival.
        let mut low = 0;
        let mut high = 0;
        for at in 0..others.len() {
            let member = others[at];
            if lower.contains(member.0) {
                others[low] = member;
                low += 1;
            } else {
                spare[high] = member;
                high += 1;
            }
        }
        others[low..].copy_from_slice(&spare[..high]);
        let (below, above) = others.split_at_mut(low);
        let (of_lower, of_upper) = if lower.contains(key) { (first, holder) } else { (holder, first) };
        self.divide(lower, of_lower, below, spare, zones);
        self.divide(upper, of_upper, above, spare, zones);
    }

    /// Each zone is halved as long as there is more than one member for it.
    fn equal_zones(&self, members: &[Member]) -> Vec<(Zone, PeerId)> {
        let mut zones = Vec::with_capacity(members.len());
        let mut waiting = vec![(Zone::WHOLE, members)];
        while let Some((zone, members)) = waiting.pop() {
            match members {
                [] => {}
                [(_, one)] => zones.push((zone, *one)),
                [(_, first), ..] if zone.depth >= self.torus.depth_max() => zones.push((zone, *first)),
                more => {
                    let [lower, upper] = zone.halves();
                    let (below, above) = more.split_at(more.len().div_ceil(2));
                    waiting.push((upper, above));
                    waiting.push((lower, below));
                }
            }
        }
        zones
    }

    fn fill_tables(&self, realm: u8, zones: &[(Zone, PeerId)], peers: &mut dyn PeerTable<CanPeer>) {
        // Pairs of neighbours: found from the smaller of the two, or from both if they are equal.
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(zones.len() * 6);
        for (at, &(zone, _)) in zones.iter().enumerate() {
            for face in self.torus.across(zone) {
                let other = at_point(zones, Key(face.zone.code));
                if other != at && zones[other].0.covers(face.zone) {
                    pairs.push((at as u32, other as u32));
                    pairs.push((other as u32, at as u32));
                }
            }
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut starts = Vec::with_capacity(zones.len() + 1);
        let mut next = 0;
        for at in 0..=zones.len() {
            next += pairs[next..].iter().take_while(|&&(from, _)| (from as usize) < at).count();
            starts.push(next);
        }
        let mut of_one: Vec<Listed> = Vec::new();
        let bulletins: Vec<Arc<Bulletin>> = zones
            .iter()
            .enumerate()
            .map(|(at, &(zone, _))| {
                let others = pairs[starts[at]..starts[at + 1]].iter();
                of_one.clear();
                of_one.extend(others.map(|&(_, other)| (zones[other as usize].1, zones[other as usize].0)));
                of_one.sort_unstable();
                Arc::new(Bulletin::new(FIRST_VERSION, &[zone], of_one.iter().copied()))
            })
            .collect();
        for (at, &(_, peer)) in zones.iter().enumerate() {
            let others = pairs[starts[at]..starts[at + 1]].iter();
            let mut neighbours: Vec<(PeerId, u32)> = others.map(|&(_, other)| (zones[other as usize].1, other)).collect();
            neighbours.sort_unstable();
            if let Some(space) = peers.get(peer).space_mut(realm) {
                space.begin(&bulletins[at], neighbours.into_iter().map(|(peer, other)| (peer, Arc::clone(&bulletins[other as usize]))));
            }
        }
    }

    /// Who keeps which record, with random ages. Times count from the beginning; `begin_records` sets them right.
    fn fill_records(&self, start: &Start<'_>, realms: &[Vec<(Zone, PeerId)>], peers: &mut dyn PeerTable<CanPeer>, rng: &mut Rng) {
        let (expiry, interval) = (self.rules.record_expiry.nanos(), self.rules.republish_interval.nanos());
        let mut fresh = |key: Key, holder: PeerId| {
            let age = rng.below(interval.min(expiry).max(1));
            Record { key, holder, expires: Time::from_nanos((expiry - age.min(expiry)) as i64) }
        };
        let mut register = |record: Record, realm: u8, zones: &[(Zone, PeerId)]| {
            let owner = zones[at_point(zones, record.key)].1;
            let keeper = peers.get(owner);
            let mut copies: Vec<_> = keeper
                .space(realm)
                .into_iter()
                .flat_map(|space| space.neighbours().iter().map(|other| (std::cmp::Reverse(other.zone.depth), other.peer)))
                .collect();
            let is_name = record.key == self.numbering.key(record.holder);
            let mut put = |keeper: PeerId| {
                let extra = peers.get(keeper).extra();
                if self.values && !is_name { extra.values.put(record) } else { extra.records.put(record) }
            };
            put(owner);
            copies.sort_unstable();
            copies.into_iter().take(usize::from(self.rules.replicas) - 1).for_each(|(_, replica)| put(replica));
            if is_name && self.rules.names && owner != record.holder {
                peers.get(record.holder).extra().registrar = Some(owner);
            }
        };
        for (_, holder) in start.members.iter() {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let record = fresh(self.numbering.item_key(item), holder);
                for (realm, zones) in (0..).zip(realms) {
                    register(record, realm, zones);
                }
            }
            if let Some(zones) = realms.first().filter(|_| self.rules.names) {
                register(fresh(self.numbering.key(holder), holder), 0, zones);
            }
        }
    }

    /// It has its zones and says so, to the judge.
    pub(super) fn begin(&self, peer: &mut CanPeer, cx: &mut Cx<'_>) {
        let now = cx.now();
        for (realm, space) in peer.spaces_mut() {
            space.zones().iter().for_each(|zone| cx.claim(zone.region(realm)));
            space.neighbours_mut().for_each(|other| other.heard = now);
        }
        self.begin_ticking(peer, cx);
        self.begin_records(peer, cx);
    }
}

/// The position of the zone around a point, among zones in the order of their prefixes that leave nothing out.
fn at_point(zones: &[(Zone, PeerId)], key: Key) -> usize {
    zones.partition_point(|(zone, _)| zone.code <= key.0).saturating_sub(1)
}

//! The state of a network that has run for long: whole views, contacts at random, all filetuples.
//!
//! Round trips are not known before time begins; they, and with them nearer contacts, come by measuring.

use peerlab_model::{Key, PeerId, PeerTable, Rng, Start, Time};

use super::Kelips;
use super::peer::KelipsPeer;
use super::view::{Heartbeat, Known, View};
use crate::records::{Record, Records};

impl Kelips {
    pub(super) fn build(&self, start: &Start<'_>, peers: &mut dyn PeerTable<KelipsPeer>) {
        let mut rng = start.rng.clone();
        let ring: Vec<(Key, PeerId)> = start.members.iter().collect();
        // Groups are intervals of the ring.
        let mut groups: Vec<Vec<PeerId>> = vec![Vec::new(); self.groups as usize];
        for &(key, id) in &ring {
            groups[self.group_of_key(key) as usize].push(id);
        }
        for members in &mut groups {
            members.sort_unstable();
        }
        let mut tuples: Vec<Vec<Record>> = vec![Vec::new(); self.groups as usize];
        self.tuples(&ring, start, &mut rng, &mut tuples);
        if self.values {
            for (group, members) in groups.iter().enumerate() {
                self.settle_all(members, &mut tuples[group], peers, &mut rng);
            }
        }
        for (group, members) in groups.iter().enumerate() {
            let records = Records::from_unsorted(std::mem::take(&mut tuples[group]));
            for &id in members {
                let peer = peers.get(id);
                (peer.active, peer.announced) = (true, true);
                let others = members.iter().filter(|&&other| other != id);
                peer.view = View::from_sorted(others.map(|&other| Known::new(other, Self::age(self.group_timeout, &mut rng), 0)).collect());
                peer.tuples = records.clone();
                // Each peer is at a turn of its own in its pings and introductions.
                peer.rounds = rng.below(64) as u32;
                for (other, among) in groups.iter().enumerate().filter(|&(other, among)| other != group && !among.is_empty()) {
                    for _ in 0..2 * self.config.contacts {
                        let contact = among[rng.index(among.len())];
                        if peer.contacts.of(other as u32).count() < usize::from(self.config.contacts)
                            && peer.contacts.of(other as u32).all(|known| known.peer != contact)
                        {
                            let known = Known::new(contact, Self::age(self.contact_timeout, &mut rng), 0);
                            peer.contacts.offer(other as u32, known, 0);
                        }
                    }
                }
            }
        }
    }

    /// Where peers keep values: draws the homenodes of each, and makes their filetuples of what were the publishers'.
    fn settle_all(&self, members: &[PeerId], tuples: &mut Vec<Record>, peers: &mut dyn PeerTable<KelipsPeer>, rng: &mut Rng) {
        let mut homes = members.to_vec();
        let half = self.tuple_life().nanos() / 2;
        for value in std::mem::take(tuples) {
            rng.shuffle(&mut homes);
            for &home in homes.iter().take(usize::from(self.config.replicas)) {
                peers.get(home).extra().values.put(value);
                // Each is renewed at a time of its own.
                let expires = Time::from_nanos((half + rng.below(half.max(1))) as i64);
                tuples.push(Record { holder: home, expires, ..value });
            }
        }
    }

    /// How long ago the last heartbeat of somebody was, before the beginning: `begin_state` sets it right.
    fn age(timeout: Heartbeat, rng: &mut Rng) -> Heartbeat {
        -(rng.below((timeout / 3).max(1) as u64) as Heartbeat)
    }

    /// All filetuples by groups, of random ages: some have just been registered, others are about to be registered again.
    fn tuples(&self, ring: &[(Key, PeerId)], start: &Start<'_>, rng: &mut Rng, tuples: &mut [Vec<Record>]) {
        let (expiry, interval) = (self.config.record_expiry.span().nanos(), self.config.republish_interval.span().nanos());
        for &(_, holder) in ring {
            for &item in start.shares.of(self.numbering.seat(holder)) {
                let key = self.numbering.item_key(item);
                let age = rng.below(interval.min(expiry).max(1));
                let expires = Time::from_nanos((expiry - age.min(expiry)) as i64);
                tuples[self.group_of_key(key) as usize].push(Record { key, holder, expires });
            }
        }
    }
}

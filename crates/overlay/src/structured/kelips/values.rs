//! Values that the peers keep: at homenodes, which are random members of the key's group.
//!
//! Who wants to insert a value sends it to the nearest contact in its group. That one draws a *homenode* from the group, uniformly at random, and
//! sends the value there; a filetuple (key, homenode) tells the whole group where it is (paper, section 2.2). Here there are `replicas` homenodes.
//! A question gets the value from the contact, if it is a homenode, or else the homenodes that the contact believes to be alive, and asks those.
//!
//! Every member of the group knows all homenodes, by the filetuples, and which of them live, by their heartbeats. So repair needs no comparison:
//! of too few, the one that is closest to the key sends the value to as many others, drawn at random; of too many, those that are
//! farthest from the key forget it. A homenode that leaves sends its values to others of the group. What a machine brings back from
//! another group, in which it was under another identity, it offers to the nearest contact there.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Record, Span};

use super::peer::KelipsPeer;
use super::{Cx, Kelips, KelipsMessage, KelipsTimer};
use crate::records::Records;
use crate::repair::{Comparison, Keeper, has_value, offer_all, send_values};
use crate::structured::prefix::closeness;

/// Age at which the filetuple of a value is forgotten, if the value itself lives longer: what it says of a homenode is soft state.
const TUPLE_LIFE: Span = Span::from_secs(1800);

impl Kelips {
    /// How long a filetuple counts.
    pub(super) fn tuple_life(&self) -> Span {
        let life = self.config.record_expiry.span();
        if self.values { life.min(TUPLE_LIFE) } else { life }
    }

    // Homenodes.

    /// The homenodes of a value that are believed to be alive, the closest to the key first.
    fn homes(&self, peer: &KelipsPeer, cx: &Cx<'_>, key: Key) -> Vec<PeerId> {
        let lives = |home: PeerId| home == peer.id || peer.view.has(home);
        let mut homes: Vec<PeerId> = peer.tuples.holders(key, cx.now()).filter(|&home| lives(home)).collect();
        homes.sort_by_key(|&home| closeness(key, self.numbering.key(home)));
        homes
    }

    /// The same for an answer, in a random order.
    pub(super) fn some_homes(&self, peer: &KelipsPeer, cx: &mut Cx<'_>, key: Key) -> Arc<[PeerId]> {
        let mut homes = self.homes(peer, cx, key);
        cx.rng().shuffle(&mut homes);
        homes.truncate(usize::from(self.config.holders_per_answer));
        Arc::from(homes)
    }

    /// Members of the group that are no homenodes, this peer among them if `itself`: so many of them, drawn at random.
    fn draw_homes(peer: &KelipsPeer, cx: &mut Cx<'_>, homes: &[PeerId], count: usize, itself: bool) -> Vec<PeerId> {
        let members = peer.view.list().iter().map(|known| known.peer).chain(itself.then_some(peer.id));
        let mut others: Vec<PeerId> = members.filter(|member| !homes.contains(member)).collect();
        cx.rng().shuffle(&mut others);
        others.truncate(count);
        others
    }

    /// A publisher, of any group, has sent a value of this group, or takes it back: so do the homenodes, old ones first.
    pub(super) fn settle(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, publisher: PeerId, key: Key, add: bool) {
        let mut homes = self.homes(peer, cx, key);
        if !add {
            for &home in homes.iter().filter(|&&home| home != peer.id) {
                cx.send(home, KelipsMessage::Repair(Comparison::Spare { keys: [key].into() }));
            }
            return self.give_up(peer, cx, publisher, &[key]);
        }
        let count = usize::from(self.config.replicas);
        homes.truncate(count);
        let new = Self::draw_homes(peer, cx, &homes, count - homes.len(), true);
        homes.extend(new);
        let expires = cx.now().saturating_add(self.config.record_expiry.span());
        let record = Record { key, holder: cx.setting().registrant(publisher), expires };
        if homes.contains(&peer.id) {
            self.take(peer, cx, record);
        }
        let this = peer.id;
        send_values::<Self>(cx, homes.into_iter().filter(|&home| home != this).map(|home| (home, record)).collect());
    }

    /// What is known of the homenodes that have gone from the view goes, too: should one come back, it says itself what it still has.
    pub(super) fn forget_lost_homes(&self, peer: &mut KelipsPeer) {
        if self.values {
            let KelipsPeer { tuples, view, id, .. } = peer;
            tuples.retain(|tuple| tuple.holder == *id || view.has(tuple.holder));
        }
    }

    /// True if the group takes this peer for a homenode of a value that it does not have.
    pub(super) fn is_wrong_about_me(&self, peer: &KelipsPeer, cx: &Cx<'_>, key: Key) -> bool {
        self.values && !has_value(peer.values(), cx, key)
    }

    // Repair.

    pub(super) fn begin_maintenance(&self, cx: &mut Cx<'_>) {
        let interval = self.config.maintenance_interval.span();
        if self.values && interval.nanos() > 0 {
            cx.set_timer_within(interval, KelipsTimer::Maintenance);
        }
    }

    pub(super) fn tick_maintenance(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        let interval = self.config.maintenance_interval.span().nanos();
        let gap = Span::from_nanos(interval / 2 + cx.rng().below(interval));
        cx.set_timer(gap, KelipsTimer::Maintenance);
        if !peer.active {
            return;
        }
        let (now, group) = (cx.now(), peer.group);
        let own = |record: &&Record| record.expires > now && self.group_of_key(record.key) == group;
        let kept: Vec<Record> = Self::kept(peer).iter().filter(own).copied().collect();
        let replicas = usize::from(self.config.replicas);
        let (mut copies, mut spare) = (Vec::new(), Vec::new());
        for record in kept {
            self.renew_tuple(peer, cx, record.key);
            let homes = self.homes(peer, cx, record.key);
            match homes.iter().position(|&home| home == peer.id) {
                Some(0) if homes.len() < replicas => {
                    let new = Self::draw_homes(peer, cx, &homes, replicas - homes.len(), false);
                    // Who has sent a value knows where it is; a homenode that it never reached will say so.
                    for &home in &new {
                        self.register(peer, cx, home, record.key, true);
                    }
                    copies.extend(new.into_iter().map(|home| (home, record)));
                }
                Some(place) if place >= replicas => spare.push(record.key),
                _ => {}
            }
        }
        send_values::<Self>(cx, copies);
        let this = peer.id;
        self.give_up(peer, cx, this, &spare);
        // What is not of this group.
        offer_all(self, peer, cx);
    }

    /// A filetuple is soft state: its homenode renews it in time, and tells of what it has brought back from an earlier life.
    fn renew_tuple(&self, peer: &mut KelipsPeer, cx: &Cx<'_>, key: Key) {
        let due = cx.now().saturating_add(self.tuple_life().scale(0.5));
        let is_known = peer.tuples.of(key).any(|tuple| tuple.holder == peer.id && tuple.expires > due);
        if !is_known {
            self.register(peer, cx, peer.id, key, true);
        }
    }

    /// This peer leaves: as many homenodes shall be left of each of its values as there should be.
    pub(super) fn hand_over_values(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>) {
        let now = cx.now();
        let kept: Vec<Record> = peer.values().into_iter().flat_map(Records::iter).filter(|record| record.expires > now).copied().collect();
        let mut copies = Vec::new();
        for record in kept {
            let homes = self.homes(peer, cx, record.key);
            let is_one = homes.contains(&peer.id) && homes.len() <= usize::from(self.config.replicas);
            let new = Self::draw_homes(peer, cx, &homes, usize::from(is_one), false);
            copies.extend(new.into_iter().map(|home| (home, record)));
        }
        send_values::<Self>(cx, copies);
    }
}

impl Keeper for Kelips {
    fn kept(peer: &mut KelipsPeer) -> &mut Records {
        &mut peer.extra().values
    }

    fn wrap(comparison: Comparison) -> KelipsMessage {
        KelipsMessage::Repair(comparison)
    }

    /// Values of its own group are not compared: filetuples say who has them.
    fn partners(&self, peer: &KelipsPeer, key: Key, add: &mut dyn FnMut(PeerId)) -> bool {
        if self.group_of_key(key) != peer.group {
            self.nearest_in_group_of(peer, key).into_iter().for_each(add);
        }
        true
    }

    fn keeps(&self, peer: &KelipsPeer, cx: &Cx<'_>, key: Key, _from: PeerId) -> bool {
        let is_wanted = || self.homes(peer, cx, key).len() < usize::from(self.config.replicas);
        self.group_of_key(key) == peer.group && (has_value(peer.values(), cx, key) || is_wanted())
    }

    fn spares(&self, peer: &KelipsPeer, _cx: &Cx<'_>, key: Key, from: PeerId) -> bool {
        self.group_of_key(key) == peer.group && self.group_of(from) != peer.group
    }

    fn take(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, record: Record) {
        Self::kept(peer).accept(cx, record);
        self.register(peer, cx, peer.id, record.key, true);
    }

    fn give_up(&self, peer: &mut KelipsPeer, cx: &mut Cx<'_>, _from: PeerId, keys: &[Key]) {
        Self::kept(peer).forget(keys);
        let group = peer.group;
        for &key in keys.iter().filter(|&&key| self.group_of_key(key) == group) {
            self.register(peer, cx, peer.id, key, false);
        }
    }
}

//! Soft state: whom a peer knows, how old the last word of them is, and how far away they are.
//!
//! # Cost
//! 12 bytes an entry. The group view is one list in the order of the peers' numbers; contacts lie in a fixed number of slots per group.

use peerlab_model::{PeerId, Span, Time};

/// A heartbeat: the time by its owner's own clock at which it was issued, in tenths of a second. Clocks agree to about a second.
pub(super) type Heartbeat = i32;

/// The heartbeat of this moment.
pub(super) fn heartbeat(now: Time) -> Heartbeat {
    (now.nanos() / 100_000_000) as Heartbeat
}

/// A span in the units of heartbeats.
pub(super) fn ticks(span: Span) -> Heartbeat {
    i32::try_from(span.nanos() / 100_000_000).unwrap_or(i32::MAX / 2).min(i32::MAX / 2)
}

/// Stands for a round trip that has not been measured, in tenths of a millisecond: a guess on the high side, as in p2psim.
const UNKNOWN_TRIP: u16 = 2000;

/// What is known of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) peer: PeerId,
    pub(super) heartbeat: Heartbeat,
    /// The last measured round trip in tenths of a millisecond; 0: never.
    trip: u16,
    /// In so many more rounds it goes first.
    pub(super) fresh: u8,
}

impl Known {
    pub(super) fn new(peer: PeerId, heartbeat: Heartbeat, fresh: u8) -> Self {
        Self { peer, heartbeat, trip: 0, fresh }
    }

    /// The round trip in tenths of a millisecond, or a guess.
    #[inline]
    pub(super) fn trip(&self) -> u16 {
        if self.trip == 0 { UNKNOWN_TRIP } else { self.trip }
    }

    pub(super) fn is_measured(&self) -> bool {
        self.trip > 0
    }

    pub(super) fn measured(&mut self, trip: Span) {
        self.trip = u16::try_from(trip.nanos() / 100_000).unwrap_or(u16::MAX).max(1);
    }

    pub(super) fn age(&self, now: Heartbeat) -> Heartbeat {
        now.saturating_sub(self.heartbeat)
    }

    /// How little it is worth as a contact: round trip in ms, and a 128th of its age in ms, as in p2psim.
    fn score(&self, now: Heartbeat) -> i32 {
        i32::from(self.trip()) / 10 + self.age(now).max(0).saturating_mul(100) / 128
    }
}

/// The members of a peer's own group that it knows, itself left out.
#[derive(Clone, Debug, Default)]
pub(super) struct View {
    list: Vec<Known>,
}

impl View {
    pub(super) fn from_sorted(list: Vec<Known>) -> Self {
        Self { list }
    }

    #[inline]
    pub(super) fn list(&self) -> &[Known] {
        &self.list
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Known> {
        self.list.iter_mut()
    }

    pub(super) fn has(&self, peer: PeerId) -> bool {
        self.list.binary_search_by_key(&peer, |known| known.peer).is_ok()
    }

    #[inline]
    pub(super) fn find(&mut self, peer: PeerId) -> Option<&mut Known> {
        let at = self.list.binary_search_by_key(&peer, |known| known.peer).ok()?;
        Some(&mut self.list[at])
    }

    pub(super) fn insert(&mut self, known: Known) {
        if let Err(at) = self.list.binary_search_by_key(&known.peer, |known| known.peer) {
            if self.list.len() == self.list.capacity() {
                self.list.reserve_exact(self.list.len() / 8 + 4);
            }
            self.list.insert(at, known);
        }
    }

    pub(super) fn remove(&mut self, peer: PeerId) -> bool {
        let at = self.list.binary_search_by_key(&peer, |known| known.peer);
        at.map(|at| self.list.remove(at)).is_ok()
    }

    /// Drops whom nothing has been heard of for long.
    pub(super) fn purge(&mut self, now: Heartbeat, timeout: Heartbeat) {
        self.list.retain(|known| known.age(now) <= timeout);
    }
}

/// A few peers of each foreign group.
#[derive(Clone, Debug, Default)]
pub(super) struct Contacts {
    /// `per_group` slots for each group, those in use first.
    slots: Box<[Option<Known>]>,
    per_group: u8,
}

impl Contacts {
    pub(super) fn new(groups: u32, per_group: u8) -> Self {
        Self { slots: vec![None; groups as usize * usize::from(per_group)].into_boxed_slice(), per_group }
    }

    fn slots_of(&mut self, group: u32) -> &mut [Option<Known>] {
        let per_group = usize::from(self.per_group);
        let from = group as usize * per_group;
        self.slots.get_mut(from..from + per_group).unwrap_or_default()
    }

    /// The contacts in a group.
    #[inline]
    pub(super) fn of(&self, group: u32) -> impl Iterator<Item = &Known> {
        let per_group = usize::from(self.per_group);
        let from = group as usize * per_group;
        self.slots.get(from..from + per_group).unwrap_or_default().iter().flatten()
    }

    /// All contacts, by groups.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Known> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Known> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn find(&mut self, group: u32, peer: PeerId) -> Option<&mut Known> {
        self.slots_of(group).iter_mut().flatten().find(|known| known.peer == peer)
    }

    /// Takes a peer in where there is room, or where it is worth more than the worst one; the caller knows that it is not there.
    pub(super) fn offer(&mut self, group: u32, known: Known, now: Heartbeat) -> bool {
        let slots = self.slots_of(group);
        if let Some(empty) = slots.iter_mut().find(|slot| slot.is_none()) {
            *empty = Some(known);
            return true;
        }
        let worst = slots.iter_mut().flatten().max_by_key(|known| known.score(now));
        match worst {
            Some(worst) if known.score(now) < worst.score(now) => {
                *worst = known;
                true
            }
            _ => false,
        }
    }

    pub(super) fn remove(&mut self, group: u32, peer: PeerId) -> bool {
        let slot = self.slots_of(group).iter_mut().find(|slot| slot.is_some_and(|known| known.peer == peer));
        slot.is_some_and(|slot| slot.take().is_some())
    }

    pub(super) fn purge(&mut self, now: Heartbeat, timeout: Heartbeat) {
        for slot in &mut self.slots {
            if slot.is_some_and(|known| known.age(now) > timeout) {
                *slot = None;
            }
        }
    }

    /// Bytes of the slots.
    pub(super) fn bytes(&self) -> usize {
        size_of_val::<[Option<Known>]>(&self.slots)
    }

    pub(super) fn per_group(&self) -> usize {
        usize::from(self.per_group)
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// The contact in a slot, counted through all groups.
    pub(super) fn at(&self, slot: usize) -> Option<&Known> {
        self.slots.get(slot)?.as_ref()
    }

    pub(super) fn at_mut(&mut self, slot: usize) -> Option<&mut Known> {
        self.slots.get_mut(slot)?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nearer_or_fresher_contact_replaces_the_worst_one() {
        let mut contacts = Contacts::new(3, 2);
        let known = |peer: u32, heartbeat, trip| {
            let mut known = Known::new(PeerId(peer), heartbeat, 0);
            known.measured(Span::from_millis(trip));
            known
        };
        assert!(contacts.offer(1, known(1, 100, 50), 100) && contacts.offer(1, known(2, 100, 90), 100));
        assert!(!contacts.offer(1, known(3, 100, 95), 100));
        assert!(contacts.offer(1, known(4, 100, 60), 100), "it is nearer than 2");
        let of: Vec<u32> = contacts.of(1).map(|known| known.peer.0).collect();
        assert_eq!(of, [1, 4]);
        // 1 has not been heard of for 20 s: worth as much as 156 ms.
        contacts.find(1, PeerId(4)).expect("it is there").heartbeat = 300;
        assert!(contacts.offer(1, known(5, 300, 150), 300));
        assert_eq!(contacts.of(1).map(|known| known.peer.0).collect::<Vec<_>>(), [5, 4]);
        contacts.purge(900, 500);
        assert_eq!(contacts.iter().count(), 0);
    }

    #[test]
    fn entries_are_small() {
        assert_eq!((size_of::<Known>(), size_of::<Option<Known>>()), (12, 16));
    }
}

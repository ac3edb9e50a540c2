//! The contacts that a peer has heard of, and how likely each still lives.
//!
//! # Cost
//! 16 bytes a contact in one vector, ordered by the distance clockwise. Learning one moves what lies behind it.

use peerlab_model::{PeerId, Span, Time};

use crate::structured::ring::View;

/// A contact and what is known of its life.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub(super) id: PeerId,
    /// For how long it had been alive when it was last heard from, in milliseconds (paper: Δt_alive).
    pub(super) alive: u32,
    /// When that was; Δt_since counts from here.
    pub(super) heard: Time,
}

/// A contact in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct News {
    /// Who it is.
    pub id: PeerId,
    /// For how long it had been alive when it was last heard from, in milliseconds.
    pub alive: u32,
    /// How long ago that was, in milliseconds.
    pub since: u32,
}

/// A time span in milliseconds, as messages carry it: up to 49 days.
pub(super) fn millis(span: Span) -> u32 {
    u32::try_from(span.nanos() / 1_000_000).unwrap_or(u32::MAX)
}

impl Contact {
    fn since(&self, now: Time) -> u32 {
        millis(now.since(self.heard.min(now)))
    }

    /// True if it lives with a probability of `thousandths` or more: p = Δt_alive / (Δt_alive + Δt_since), the chance that a life of Pareto's
    /// distribution goes on (paper, section 3.3).
    pub(super) fn is_likely(&self, now: Time, thousandths: u64) -> bool {
        let alive = u64::from(self.alive);
        1000 * alive >= thousandths * (alive + u64::from(self.since(now)))
    }

    pub(super) fn news(&self, now: Time) -> News {
        News { id: self.id, alive: self.alive, since: self.since(now) }
    }
}

/// Contacts in the order of their distance clockwise.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    list: Vec<Contact>,
}

impl Book {
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Contact> {
        self.list.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    fn place(&self, view: View, id: PeerId) -> Result<usize, usize> {
        let distance = view.to(id);
        self.list.binary_search_by_key(&distance, |contact| view.to(contact.id))
    }

    /// Notes what is known of a contact; the latest that was heard counts.
    pub(super) fn learn(&mut self, view: View, new: Contact) {
        if view.to(new.id) == 0 {
            return;
        }
        match self.place(view, new.id) {
            Ok(at) if self.list[at].heard < new.heard => self.list[at] = new,
            Ok(_) => {}
            Err(at) => self.list.insert(at, new),
        }
    }

    /// A contact has been heard from; if it is in the book, it has lived on.
    pub(super) fn heard(&mut self, view: View, id: PeerId, now: Time) {
        if let Ok(at) = self.place(view, id) {
            let contact = &mut self.list[at];
            contact.alive = contact.alive.saturating_add(contact.since(now));
            contact.heard = now;
        }
    }

    pub(super) fn forget(&mut self, dead: PeerId) {
        self.list.retain(|contact| contact.id != dead);
    }

    /// Drops those that are likely to be dead.
    pub(super) fn evict(&mut self, now: Time, thousandths: u64) {
        self.list.retain(|contact| contact.is_likely(now, thousandths));
        if self.list.capacity() > 2 * self.list.len() + 16 {
            self.list.shrink_to(self.list.len() + 8);
        }
    }

    /// Those nearer than `bound`, farthest first.
    pub(super) fn within(&self, view: View, bound: u64) -> impl Iterator<Item = &Contact> {
        let end = self.list.partition_point(|contact| view.to(contact.id) < bound);
        self.list[..end].iter().rev()
    }

    /// The first at a distance of more than `bound` that is likely to live.
    pub(super) fn beyond(&self, view: View, bound: u64, now: Time, thousandths: u64) -> Option<PeerId> {
        let at = self.list.partition_point(|contact| view.to(contact.id) <= bound);
        self.list[at..].iter().find(|contact| contact.is_likely(now, thousandths)).map(|contact| contact.id)
    }

    /// All times move by `shift`: they were counted from the beginning of a converged start.
    pub(super) fn shift(&mut self, shift: i64) {
        for contact in &mut self.list {
            contact.heard = Time::from_nanos(contact.heard.nanos().saturating_add(shift));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.list.capacity() * size_of::<Contact>()
    }

    pub(super) fn check(&self, view: View) -> Result<(), String> {
        let mut reached = 0;
        for contact in &self.list {
            let distance = view.to(contact.id);
            if distance <= reached {
                return Err(format!("contact {:?} is out of order", contact.id));
            }
            reached = distance;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After as long a silence as it was alive, a contact lives with a probability of one half.
    #[test]
    fn liveness_follows_from_age_and_silence() {
        let contact = Contact { id: PeerId(1), alive: 900_000, heard: Time::from_secs(1000) };
        assert!(contact.is_likely(Time::from_secs(1000), 1000));
        assert!(contact.is_likely(Time::from_secs(1100), 900) && !contact.is_likely(Time::from_secs(1101), 900));
        assert!(contact.is_likely(Time::from_secs(1900), 500) && !contact.is_likely(Time::from_secs(1901), 500));
    }
}

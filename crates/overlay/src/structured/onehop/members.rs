//! Who comes into the table and who goes out of it, and what follows from that.
//!
//! A peer is the authority on its successor (paper, section 3.1): when it has another one, it tells its slice leader. What it learns of
//! anybody else it keeps to itself, since that one's predecessor will tell.

use peerlab_model::PeerId;

use super::message::Event;
use super::peer::OneHopPeer;
use super::{Cx, OneHop};

impl OneHop {
    /// A member has been heard from.
    #[inline]
    pub(super) fn met(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, member: PeerId) {
        if peer.active && member != peer.id && self.insert(peer, cx, member) && peer.after(self.numbering, 1) == member {
            self.report(peer, cx, Event { peer: member, joined: true });
        }
    }

    /// A member is gone, as this peer has found out, or heard from itself.
    pub(super) fn lost(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, member: PeerId) {
        let was_successor = peer.active && peer.after(self.numbering, 1) == member;
        if self.remove(peer, cx, member) && was_successor {
            self.report(peer, cx, Event { peer: member, joined: false });
        }
    }

    /// Others say that somebody has come or gone.
    pub(super) fn learn(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, event: Event) {
        let Event { peer: member, joined } = event;
        if member == peer.id {
            if !joined {
                // It is not true: everybody shall know.
                self.report(peer, cx, Event { peer: member, joined: true });
            }
        } else if joined {
            self.insert(peer, cx, member);
        } else if peer.neighbours(self.numbering).is_some_and(|neighbours| neighbours.contains(&member)) {
            // This peer would know; it makes sure.
            self.check_contact(peer, cx, member);
        } else {
            self.remove(peer, cx, member);
        }
    }

    fn insert(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, member: PeerId) -> bool {
        let is_new = peer.table.insert(self.numbering, member);
        if is_new {
            self.share_records_with(peer, cx, member);
        }
        is_new
    }

    fn remove(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, member: PeerId) -> bool {
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.suspects.retain(|&suspect| suspect != member);
            extra.newcomers.forget(member);
        }
        if member == peer.id || !peer.table.contains(self.numbering, member) {
            return false;
        }
        let orphans = self.orphaned_records(peer, cx, member);
        peer.table.remove(self.numbering, member);
        self.replace_replica(peer, cx, &orphans);
        true
    }

    /// Members that another peer knows. A few that this one does not know are pinged first; where most are unknown, it is this peer that
    /// knows nothing, and takes them on trust.
    pub(super) fn learn_members(&self, peer: &mut OneHopPeer, cx: &mut Cx<'_>, members: &[PeerId]) {
        const CHECKED_MAX: usize = 8;
        let is_unknown = |peer: &OneHopPeer, member: PeerId| !peer.table.contains(self.numbering, member);
        let unknown = members.iter().filter(|&&member| is_unknown(peer, member)).count();
        if unknown > CHECKED_MAX && unknown > peer.table.len() / 2 {
            for &member in members {
                self.insert(peer, cx, member);
            }
            return;
        }
        if unknown == 0 {
            return;
        }
        let from = cx.rng().index(members.len());
        let mut checked = 0;
        for &member in members[from..].iter().chain(&members[..from]) {
            if checked < CHECKED_MAX && member != peer.id && is_unknown(peer, member) {
                checked += 1;
                self.check_contact(peer, cx, member);
            }
        }
    }
}

//! How a peer's own questions begin, are asked again, and end.

use peerlab_model::{Hit, Key, LookupId, PeerId, Target, Token};

use super::message::{Goal, Query};
use super::peer::{CanPeer, NO_LOOKUP, Pending, Purpose};
use super::{Can, CanTimer, Cx};

impl Can {
    pub(super) fn begin_lookup(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) if wanted == peer.id => {
                cx.hit(id, Hit { peer: wanted, hops: 0, rounds: 0 });
                return cx.finish(id);
            }
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            _ => return cx.finish(id),
        };
        if peer.is_active() {
            let query = self.open_question(peer, cx, key, id, purpose);
            self.pass_on(peer, cx, query);
        } else {
            // Not a member (yet): nobody to ask.
            cx.finish(id);
        }
    }

    /// Asks who owns a point, for this peer's own upkeep.
    pub(super) fn ask_own(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, key: Key, purpose: Purpose) {
        let query = self.open_question(peer, cx, key, NO_LOOKUP, purpose);
        self.pass_on(peer, cx, query);
    }

    /// The same through a contact.
    pub(super) fn ask_through(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, contact: PeerId, key: Key, purpose: Purpose) {
        let query = self.open_question(peer, cx, key, NO_LOOKUP, purpose);
        self.send_hop(peer, cx, contact, query);
    }

    fn open_question(&self, peer: &CanPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) -> Query {
        // Its own token is in the question, so it is opened first and completed then.
        let ask = cx.open(Pending::Store { to: peer.id, name: false });
        let query = Query { key, lookup, origin: peer.id, ask, hops: 0, realm: purpose.realm(), goal: purpose.goal() };
        if let Some(pending) = cx.request_mut(ask) {
            *pending = Pending::Own { query, purpose, tries: 0 };
        }
        // A newcomer that asked twice would be given two zones: it is more patient.
        let patience = if query.goal.is_join() { 3 } else { 1 };
        cx.set_timer(self.rules.retry_after.times(patience), CanTimer::Retry(ask));
        query
    }

    /// Nothing has come back for long: the question is asked again, by whatever way the tables know now.
    pub(super) fn retry(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, ask: Token) {
        let Some(Pending::Own { query, purpose, tries }) = cx.request_mut(ask) else { return };
        let (query, purpose) = (*query, *purpose);
        // Upkeep is not asked again: its next turn comes anyway.
        let again = *tries < self.rules.retries && matches!(purpose, Purpose::Key | Purpose::Peer(_) | Purpose::Item);
        *tries += 1;
        let age = self.rules.retry_after.times(u64::from(*tries));
        if again && peer.is_active() && !cx.setting().is_overdue(age) {
            cx.set_timer(self.rules.retry_after, CanTimer::Retry(ask));
            self.pass_on(peer, cx, query);
        } else {
            self.ask_failed(peer, cx, ask);
        }
    }

    /// A question of this peer's own cannot be answered.
    pub(super) fn ask_failed(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, ask: Token) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        match purpose {
            Purpose::Key | Purpose::Peer(_) | Purpose::Item => cx.finish(query.lookup),
            Purpose::Join(_) => self.join_failed(peer, cx),
            Purpose::Publish(realm) => self.publish_elsewhere(peer, cx, query.key, realm, true),
            Purpose::Withdraw(realm) => self.publish_elsewhere(peer, cx, query.key, realm, false),
            Purpose::Probe(_) | Purpose::Name | Purpose::Offer => {}
        }
    }

    /// The owner of a point has answered.
    pub(super) fn found(&self, peer: &mut CanPeer, cx: &mut Cx<'_>, owner: PeerId, ask: Token, hops: u16) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        match purpose {
            Purpose::Key | Purpose::Item | Purpose::Peer(_) => {
                cx.hit(query.lookup, Hit { peer: owner, hops: u32::from(hops), rounds: 0 });
                cx.finish(query.lookup);
            }
            Purpose::Probe(realm) if owner != peer.id => self.introduce(peer, cx, realm, owner),
            Purpose::Probe(_) | Purpose::Join(_) => {}
            Purpose::Offer => Self::offer_to_owner(peer, cx, query.key, owner),
            Purpose::Publish(realm) if self.values => self.send_value(peer, cx, query.key, owner, realm),
            Purpose::Publish(realm) => self.send_record(peer, cx, query.key, owner, realm),
            Purpose::Withdraw(realm) => self.send_removal(peer, cx, query.key, owner, realm),
            Purpose::Name => self.register_name(peer, cx, owner),
        }
    }

    /// The owner of a point has named those who are registered there.
    pub(super) fn providers(cx: &mut Cx<'_>, ask: Token, holders: &[PeerId], hops: u16) {
        let asked = |request: &Pending| matches!(request, Pending::Own { purpose, .. } if purpose.goal() == Goal::Providers);
        let Some(Pending::Own { query, purpose, .. }) = cx.close_if(ask, asked) else { return };
        for &holder in holders {
            if !matches!(purpose, Purpose::Peer(wanted) if wanted != holder) {
                cx.hit(query.lookup, Hit { peer: holder, hops: u32::from(hops), rounds: 0 });
            }
        }
        cx.finish(query.lookup);
    }
}

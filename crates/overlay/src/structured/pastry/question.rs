//! How a peer's own questions begin, are asked again, and end.

use peerlab_model::{Hit, Key, LookupId, PeerId, Target, Token};

use super::message::{Goal, Query};
use super::peer::{NO_LOOKUP, PastryPeer, Pending, Purpose, Why};
use super::{Cx, PastryLike, PastryTimer, Variant};

impl<V: Variant> PastryLike<V> {
    pub(super) fn begin_lookup(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            _ => return cx.finish(id),
        };
        if peer.active && purpose == Purpose::Item && Self::has_value(peer, cx, key) {
            cx.hit_by_records(id, peer.id, &[peer.id], 0, 0);
            cx.finish(id);
        } else if peer.active {
            self.ask(peer, cx, key, id, purpose);
        } else {
            // Not a member (yet): nobody to ask.
            cx.finish(id);
        }
    }

    /// Asks for the owner of a key, for this peer's own upkeep.
    pub(super) fn ask_own(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, key: Key, purpose: Purpose) {
        self.ask(peer, cx, key, NO_LOOKUP, purpose);
    }

    /// Asks for the peers around this one, through a contact.
    pub(super) fn ask_through(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, contact: PeerId) {
        let query = self.open_question(peer, cx, cx.key_of(peer.id), NO_LOOKUP, Purpose::Join);
        self.send_hop(peer, cx, contact, query, true);
    }

    fn ask(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, key: Key, lookup: LookupId, purpose: Purpose) {
        let query = self.open_question(peer, cx, key, lookup, purpose);
        self.pass_on(peer, cx, query);
    }

    fn open_question(&self, peer: &PastryPeer, cx: &mut Cx<'_, V>, key: Key, lookup: LookupId, purpose: Purpose) -> Query {
        // Its own token is in the question, so it is opened first and completed then.
        let ask = cx.open(Pending::Row { of: peer.id });
        let query = Query { key, lookup, origin: peer.id, ask, hops: 0, rows: 0, goal: purpose.goal() };
        if let Some(pending) = cx.request_mut(ask) {
            *pending = Pending::Own { query, purpose, tries: 0 };
        }
        cx.set_timer(self.rules.retry_after, PastryTimer::Retry(ask));
        query
    }

    /// Nothing has come back for long: the question is asked again, by whatever way the tables know now.
    pub(super) fn retry(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, ask: Token) {
        let Some(Pending::Own { query, purpose, tries }) = cx.request_mut(ask) else { return };
        let (query, purpose) = (*query, *purpose);
        // Upkeep is not asked again: its next turn comes anyway.
        let again = *tries < self.rules.retries && matches!(purpose, Purpose::Key | Purpose::Peer(_) | Purpose::Item);
        *tries += 1;
        let age = self.rules.retry_after.times(u64::from(*tries));
        if again && peer.active && !cx.setting().is_overdue(age) {
            cx.set_timer(self.rules.retry_after, PastryTimer::Retry(ask));
            self.pass_on(peer, cx, query);
        } else {
            self.ask_failed(peer, cx, ask);
        }
    }

    /// A question of this peer's own cannot be answered.
    pub(super) fn ask_failed(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, ask: Token) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        match purpose {
            Purpose::Key | Purpose::Peer(_) | Purpose::Item => cx.finish(query.lookup),
            Purpose::Join => self.join_failed(peer, cx),
            Purpose::Tune | Purpose::Offer => {}
            Purpose::Publish | Purpose::Withdraw => self.published(peer, cx),
        }
    }

    /// The owner of a key has answered.
    pub(super) fn found(&self, peer: &mut PastryPeer, cx: &mut Cx<'_, V>, owner: PeerId, ask: Token, hops: u8) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        let hit = Hit { peer: owner, hops: u32::from(hops), rounds: 0 };
        match purpose {
            Purpose::Key | Purpose::Item => {
                cx.hit(query.lookup, hit);
                cx.finish(query.lookup);
            }
            Purpose::Peer(wanted) => {
                // A peer that is not at its own place on the ring is not there at all.
                if owner == wanted {
                    cx.hit(query.lookup, hit);
                }
                cx.finish(query.lookup);
            }
            Purpose::Tune if owner != peer.id => self.ping(peer, cx, owner, Why::Candidate),
            Purpose::Tune | Purpose::Join => {}
            Purpose::Publish => self.send_record(peer, cx, query.key, owner),
            Purpose::Withdraw => self.send_removal(peer, cx, query.key, owner),
            Purpose::Offer => self.offer_far(peer, cx, owner),
        }
    }

    /// The owner of an item's key has named the holders that it knows, or a keeper has sent the value.
    pub(super) fn providers(cx: &mut Cx<'_, V>, keeper: PeerId, ask: Token, holders: &[PeerId], hops: u8) {
        let asked = |request: &Pending| matches!(request, Pending::Own { purpose, .. } if purpose.goal() == Goal::Providers);
        let Some(Pending::Own { query, .. }) = cx.close_if(ask, asked) else { return };
        cx.hit_by_records(query.lookup, keeper, holders, u32::from(hops), 0);
        cx.finish(query.lookup);
    }
}

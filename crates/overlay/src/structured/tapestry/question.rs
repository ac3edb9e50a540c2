//! How a peer's own questions begin, are asked again, and end.

use peerlab_model::{Hit, Key, LookupId, PeerId, Target, Token};

use super::message::{Goal, Query};
use super::peer::{NO_LOOKUP, Pending, Purpose, TapestryPeer, Want};
use super::{Cx, Tapestry, TapestryTimer};

impl Tapestry {
    pub(super) fn begin_lookup(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, id: LookupId, target: Target) {
        let (key, purpose) = match target {
            Target::Key(key) => (key, Purpose::Key),
            Target::Peer(wanted) => (cx.key_of(wanted), Purpose::Peer(wanted)),
            Target::Item(item) => (self.numbering.item_key(item), Purpose::Item),
            _ => return cx.finish(id),
        };
        if peer.active {
            self.ask(peer, cx, key, id, purpose);
        } else {
            // Not a member (yet): nobody to ask.
            cx.finish(id);
        }
    }

    /// Asks for the root of a key, for this peer's own upkeep.
    pub(super) fn ask_own(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, key: Key, purpose: Purpose) {
        self.ask(peer, cx, key, NO_LOOKUP, purpose);
    }

    /// Asks for the surrogate of this peer, through a contact.
    pub(super) fn ask_through(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, contact: PeerId, purpose: Purpose) {
        let query = self.open_question(peer, cx, cx.key_of(peer.id), NO_LOOKUP, purpose);
        self.send_hop(peer, cx, contact, query, true);
    }

    fn ask(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) {
        let query = self.open_question(peer, cx, key, lookup, purpose);
        self.pass_on(peer, cx, query);
    }

    fn open_question(&self, peer: &TapestryPeer, cx: &mut Cx<'_>, key: Key, lookup: LookupId, purpose: Purpose) -> Query {
        // Its own token is in the question, so it is opened first and completed then.
        let ask = cx.open(Pending::Pointers { of: peer.id, want: Want::Refresh });
        let query = Query { key, lookup, origin: peer.id, ask, hops: 0, goal: purpose.goal() };
        if let Some(pending) = cx.request_mut(ask) {
            *pending = Pending::Own { query, purpose, tries: 0 };
        }
        cx.set_timer(self.config.retry_after.span(), TapestryTimer::Retry(ask));
        query
    }

    /// Nothing has come back for long: the question is asked again, by whatever way the tables know now.
    pub(super) fn retry(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, ask: Token) {
        let Some(Pending::Own { query, purpose, tries }) = cx.request_mut(ask) else { return };
        let (query, purpose) = (*query, *purpose);
        // Upkeep is not asked again: its next turn comes anyway.
        let again = *tries < self.config.retries && matches!(purpose, Purpose::Key | Purpose::Peer(_) | Purpose::Item);
        *tries += 1;
        let age = self.config.retry_after.span().times(u64::from(*tries));
        if again && peer.active && !cx.setting().is_overdue(age) {
            cx.set_timer(self.config.retry_after.span(), TapestryTimer::Retry(ask));
            self.pass_on(peer, cx, query);
        } else {
            self.ask_failed(peer, cx, ask);
        }
    }

    /// A question of this peer's own cannot be answered.
    pub(super) fn ask_failed(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, ask: Token) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        match purpose {
            Purpose::Key | Purpose::Peer(_) | Purpose::Item => cx.finish(query.lookup),
            Purpose::Join => self.join_failed(peer, cx),
            Purpose::Locate | Purpose::Offer => {}
            Purpose::Publish | Purpose::Withdraw => self.published(peer, cx),
        }
    }

    /// The root of a key has answered.
    pub(super) fn found(&self, peer: &mut TapestryPeer, cx: &mut Cx<'_>, root: PeerId, ask: Token, hops: u8) {
        let Some(Pending::Own { query, purpose, .. }) = cx.close(ask) else { return };
        let hit = Hit { peer: root, hops: u32::from(hops), rounds: 0 };
        match purpose {
            Purpose::Key | Purpose::Item => {
                cx.hit(query.lookup, hit);
                cx.finish(query.lookup);
            }
            Purpose::Peer(wanted) => {
                // A peer that is not the root of its own key is not there at all.
                if root == wanted {
                    cx.hit(query.lookup, hit);
                }
                cx.finish(query.lookup);
            }
            Purpose::Join | Purpose::Locate => {}
            Purpose::Offer => self.offer_far(peer, cx, root),
            Purpose::Publish if cx.setting().keeps_values() => self.send_value(peer, cx, query.key, root),
            Purpose::Publish | Purpose::Withdraw => self.published(peer, cx),
        }
    }

    /// A holder has answered and named others; or the root, which knows of none.
    pub(super) fn providers(cx: &mut Cx<'_>, ask: Token, holders: &[PeerId], hops: u8) {
        let asked = |request: &Pending| matches!(request, Pending::Own { purpose, .. } if purpose.goal() == Goal::Providers);
        let Some(Pending::Own { query, .. }) = cx.close_if(ask, asked) else { return };
        for &holder in holders {
            cx.hit(query.lookup, Hit { peer: holder, hops: u32::from(hops), rounds: 0 });
        }
        cx.finish(query.lookup);
    }
}

//! What a peer makes of the news: who comes into its view and its contacts, and who goes.
//!
//! The newest heartbeat counts. Nobody is pinged before it comes in; whoever has died goes when its last heartbeat is too old, and at once
//! where it did not answer, or has said goodbye. Only a later heartbeat brings it back.

use peerlab_model::{PeerId, Span, Time};

use super::message::News;
use super::peer::KelipsPeer;
use super::view::{Heartbeat, Known, heartbeat};
use super::{Cx, Kelips};

impl Kelips {
    /// A member has been heard from itself.
    pub(super) fn hear(&self, peer: &mut KelipsPeer, now: Time, from: PeerId) {
        self.hear_of(peer, now, News::alive(from, heartbeat(now)));
    }

    pub(super) fn hear_of(&self, peer: &mut KelipsPeer, now: Time, news: News) {
        if news.peer == peer.id {
            // Its own next heartbeat says better.
            return;
        }
        if news.gone {
            self.hear_goodbye(peer, news);
            return;
        }
        let (now, group) = (heartbeat(now), self.group_of(news.peer));
        let is_own = group == peer.group;
        let known = if is_own { peer.view.find(news.peer) } else { peer.contacts.find(group, news.peer) };
        if let Some(known) = known {
            known.heartbeat = known.heartbeat.max(news.heartbeat);
            return;
        }
        let timeout = if is_own { self.group_timeout } else { self.contact_timeout };
        let is_late = now.saturating_sub(news.heartbeat) > timeout;
        if is_late || peer.extra.as_deref().is_some_and(|extra| extra.is_buried(news.peer, news.heartbeat)) {
            return;
        }
        let known = Known::new(news.peer, news.heartbeat, self.config.fresh_rounds);
        if is_own {
            peer.view.insert(known);
        } else if !peer.contacts.offer(group, known, now) {
            peer.candidate = Some(news.peer);
        }
    }

    fn hear_goodbye(&self, peer: &mut KelipsPeer, news: News) {
        if peer.extra.as_deref().is_some_and(|extra| extra.is_buried(news.peer, news.heartbeat)) {
            return;
        }
        let group = self.group_of(news.peer);
        let known = if group == peer.group { peer.view.find(news.peer) } else { peer.contacts.find(group, news.peer) };
        let Some(known) = known.copied().filter(|known| known.heartbeat <= news.heartbeat) else { return };
        self.drop_contact(peer, known.peer, news.heartbeat);
        peer.extra().tell_goodbye(news, self.config.fresh_rounds);
    }

    /// A peer did not answer, is no member, or its machine has another identity by now.
    pub(super) fn lost(&self, peer: &mut KelipsPeer, now: Time, gone: PeerId) {
        self.drop_contact(peer, gone, heartbeat(now));
        peer.extra().newcomers.forget(gone);
    }

    fn drop_contact(&self, peer: &mut KelipsPeer, gone: PeerId, since: Heartbeat) {
        if peer.view.remove(gone) {
            self.forget_lost_homes(peer);
        }
        peer.contacts.remove(self.group_of(gone), gone);
        peer.extra().bury(gone, since);
    }

    /// A round trip has been measured.
    pub(super) fn measured(&self, peer: &mut KelipsPeer, cx: &Cx<'_>, of: PeerId, trip: Span) {
        let (now, group) = (heartbeat(cx.now()), self.group_of(of));
        let known = if group == peer.group { peer.view.find(of) } else { peer.contacts.find(group, of) };
        if let Some(known) = known {
            known.heartbeat = now;
            known.measured(trip);
            return;
        }
        let mut known = Known::new(of, now, self.config.fresh_rounds);
        known.measured(trip);
        if group == peer.group {
            peer.view.insert(known);
        } else {
            peer.contacts.offer(group, known, now);
        }
    }
}

//! How long a peer of the ring waits for the answer to a question, and what silence means.
//!
//! With `adaptive_timeouts` a contact that is asked the way is waited for as long as its round trip lets expect (TCP's rule, as in Bamboo). If
//! it is silent the question takes another way, but the contact is not dropped for that: it is pinged, and has `request_timeout` to answer.
//!
//! A peer that may own the key is always waited for as long as that. To pass over it while it lives would be a wrong answer, not a slow one.

use peerlab_model::{PeerId, Span, Token};

use super::peer::RingPeer;
use super::{ChordLike, Cx, Shortcuts};

impl<V: Shortcuts> ChordLike<V> {
    /// `to` is asked the way, by request `token`: for how long it is waited for.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a look at the rules, at every hop")]
    pub(super) fn patience(&self, peer: &mut RingPeer<V>, cx: &Cx<'_, V>, to: PeerId, token: Token) -> Span {
        if !self.rules.patience.is_adaptive() {
            return self.rules.patience.longest;
        }
        peer.extra().watch.get_or_insert_default().asked(self.rules.patience, to, token, cx.now())
    }

    /// `from` has answered request `token`, whatever it says.
    #[inline]
    pub(super) fn heard(&self, peer: &mut RingPeer<V>, cx: &Cx<'_, V>, from: PeerId, token: Token) {
        if self.rules.patience.is_adaptive()
            && let Some(watch) = peer.extra().watch.as_deref_mut()
        {
            watch.answered(from, token, cx.now());
        }
    }

    /// True if `of`, whose time to answer request `token` is over, was given less than it may take.
    pub(super) fn is_doubtful(&self, peer: &mut RingPeer<V>, cx: &Cx<'_, V>, of: PeerId, token: Token) -> bool {
        self.rules.patience.is_adaptive()
            && peer.extra().watch.as_deref_mut().is_some_and(|watch| watch.silence(self.rules.patience, of, token, cx.now()))
    }

    /// A contact did not answer in time: it is dropped, or pinged if that is doubtful.
    pub(super) fn give_up(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, contact: PeerId, doubtful: bool) {
        if doubtful {
            self.ping(peer, cx, contact);
        } else {
            self.drop_contact(peer, cx, contact);
        }
    }
}

//! The token rule of BEP 5 ("DHT Protocol", BitTorrent Enhancement Proposal 5, 2008): a keeper stores a record only for a token that it
//! gave to this very holder a short while ago, so that nobody can register others.
//!
//! A publisher's search asks for tokens, and each answer carries one. It is made from a secret of the keeper's and who asked for it; the
//! secret changes every five minutes, and the one before is accepted, too: a token is good for five to ten minutes. A keeper that was
//! switched off in between has new secrets. Whose store is refused searches again, once for all refusals that come back together.
//!
//! # Cost
//! Some 64 bytes at a peer that was ever asked for a token; no timer: secrets change when they are needed.
//!
//! # Not here
//! How a token is made: see `tickets`.

use peerlab_model::{Key, PeerId, Rng, Span, Time, Token};

use super::message::WriteToken;
use super::peer::{KademliaPeer, Pending};
use super::{Cx, Kademlia};
use crate::publisher::Registration;
use crate::tickets::Tickets;

/// How often a secret changes (BEP 5, of "the BitTorrent implementation": every five minutes).
const SECRET_LIFE: Span = Span::from_secs(300);

/// What a peer needs for the token rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    tickets: Tickets,
    /// Registrations of this peer's own that a keeper refused, until they have been stored again.
    refused: Vec<Registration>,
}

impl Tokens {
    /// The token for who has this key.
    pub(super) fn give(&mut self, now: Time, rng: &mut Rng, to: Key) -> WriteToken {
        WriteToken(self.tickets.give(SECRET_LIFE, now, rng, to))
    }

    /// True if it was given to who has this key, and the secret that it was made from is the present one or the one before.
    fn is_valid(&mut self, now: Time, rng: &mut Rng, from: Key, write: WriteToken) -> bool {
        self.tickets.is_valid(SECRET_LIFE, now, rng, from, write.0)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Option<Box<Self>>>() + size_of::<Self>() + self.refused.capacity() * size_of::<Registration>()
    }
}

impl Kademlia {
    /// True if this peer gave that token to `holder`, a short while ago.
    pub(super) fn may_store(peer: &mut KademliaPeer, cx: &mut Cx<'_>, holder: PeerId, write: Option<WriteToken>) -> bool {
        let (now, key) = (cx.now(), cx.key_of(holder));
        let (Some(write), Some(tokens)) = (write, peer.extra().tokens.as_deref_mut()) else { return false };
        tokens.is_valid(now, cx.rng(), key, write)
    }

    /// A keeper's answer carries a token.
    pub(super) fn note_write_token(cx: &mut Cx<'_>, from: PeerId, token: Token, write: WriteToken) {
        if let Some(Pending::Search(search)) = cx.request_mut(token) {
            search.write.push((from, write));
        }
    }

    /// A keeper does not take the record: it is looked up again who does, and a token with it.
    pub(super) fn store_refused(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, token: Token) {
        let Some(Pending::Store { of, .. }) = cx.close(token) else { return };
        let extra = peer.extra();
        let refused = &mut extra.tokens.get_or_insert_default().refused;
        if !refused.contains(&of) && cx.shares().contains(&of.item) {
            refused.push(of);
            extra.publisher.queue_again(of);
            self.publish_next(peer, cx);
        }
    }

    /// What was refused is on its way to the keepers again.
    pub(super) fn stored_again(peer: &mut KademliaPeer, of: Registration) {
        if let Some(tokens) = peer.extra.as_deref_mut().and_then(|extra| extra.tokens.as_deref_mut()) {
            tokens.refused.retain(|&refused| refused != of);
        }
    }
}

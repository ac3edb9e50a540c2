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
//! Forgery. A token is a secret and an id, exclusively or-ed: nobody here tries to guess one. (BitTorrent takes a SHA-1 of both.)

use peerlab_model::{ItemId, Key, PeerId, Rng, Span, Time, Token};

use super::message::WriteToken;
use super::peer::{KademliaPeer, Pending};
use super::{Cx, Kademlia};

/// How often a secret changes (BEP 5, of "the BitTorrent implementation": every five minutes).
const SECRET_LIFE: Span = Span::from_secs(300);

/// What a peer needs for the token rule.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    secrets: Option<Secrets>,
    /// Items of this peer's own that a keeper refused, until they have been stored again.
    refused: Vec<ItemId>,
}

#[derive(Clone, Copy, Debug)]
struct Secrets {
    current: u64,
    previous: u64,
    /// When the current one was made.
    since: Time,
}

impl Tokens {
    /// The token for who has this key.
    pub(super) fn give(&mut self, now: Time, rng: &mut Rng, to: Key) -> WriteToken {
        WriteToken(self.secrets(now, rng).current ^ to.0)
    }

    /// True if it was given to who has this key, and the secret that it was made from is the present one or the one before.
    fn is_valid(&mut self, now: Time, rng: &mut Rng, from: Key, write: WriteToken) -> bool {
        let secrets = self.secrets(now, rng);
        [secrets.current, secrets.previous].contains(&(write.0 ^ from.0))
    }

    /// The secrets of this moment. When the first ones were made is as random as any other phase.
    fn secrets(&mut self, now: Time, rng: &mut Rng) -> Secrets {
        let mut secrets = self.secrets.unwrap_or_else(|| {
            let age = Span::from_nanos(rng.below(SECRET_LIFE.nanos()));
            Secrets { current: rng.bits(), previous: rng.bits(), since: now - age }
        });
        let changes = now.since(secrets.since).nanos() / SECRET_LIFE.nanos();
        if changes > 0 {
            secrets.previous = if changes == 1 { secrets.current } else { rng.bits() };
            secrets.current = rng.bits();
            secrets.since = secrets.since.saturating_add(SECRET_LIFE.times(changes));
        }
        self.secrets = Some(secrets);
        secrets
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Option<Box<Self>>>() + size_of::<Self>() + self.refused.capacity() * size_of::<ItemId>()
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
        let Some(Pending::Store { item, .. }) = cx.close(token) else { return };
        let extra = peer.extra();
        let refused = &mut extra.tokens.get_or_insert_default().refused;
        if !refused.contains(&item) && cx.shares().contains(&item) {
            refused.push(item);
            extra.publisher.queue(&[item], true);
            self.publish_next(peer, cx);
        }
    }

    /// What was refused is on its way to the keepers again.
    pub(super) fn stored_again(peer: &mut KademliaPeer, item: ItemId) {
        if let Some(tokens) = peer.extra.as_deref_mut().and_then(|extra| extra.tokens.as_deref_mut()) {
            tokens.refused.retain(|&refused| refused != item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    const MINUTE: Span = Span::from_secs(60);

    /// Goal: a token is good for five to ten minutes, whatever happens in between. Method: a thousand keepers with secrets of any age;
    /// some are asked by others meanwhile.
    #[test]
    fn a_token_is_good_for_five_to_ten_minutes() {
        let mut lives = Vec::new();
        for seed in 0..1000 {
            let mut rng = Streams::new(seed).rng("test", 0);
            let mut tokens = Tokens::default();
            let given = Time::ZERO + MINUTE.times(seed);
            tokens.give(Time::ZERO, &mut rng, Key(1));
            let write = tokens.give(given, &mut rng, Key(7));
            let good = |minutes: u64, mut tokens: Tokens, rng: &mut Rng| {
                if seed % 2 == 0 {
                    tokens.give(given + MINUTE.times(minutes / 2), rng, Key(2));
                }
                tokens.is_valid(given + MINUTE.times(minutes), rng, Key(7), write)
            };
            lives.push((0..30).take_while(|&minutes| good(minutes, tokens.clone(), &mut rng)).count() as u64 - 1);
        }
        assert_eq!((lives.iter().min(), lives.iter().max()), (Some(&5), Some(&9)));
        let mean = lives.iter().sum::<u64>() as f64 / 1000.0;
        // Uniform in whole minutes 5 to 9.
        assert!((mean - 7.0).abs() < 0.15, "{mean}");
    }

    #[test]
    fn a_token_is_good_for_nobody_else_and_nowhere_else() {
        let mut rng = Streams::new(1).rng("test", 0);
        let (mut tokens, mut others) = (Tokens::default(), Tokens::default());
        let write = tokens.give(Time::ZERO, &mut rng, Key(7));
        assert!(tokens.is_valid(Time::ZERO, &mut rng, Key(7), write));
        assert!(!tokens.is_valid(Time::ZERO, &mut rng, Key(8), write));
        assert!(!others.is_valid(Time::ZERO, &mut rng, Key(7), write));
    }
}

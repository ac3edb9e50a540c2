//! Search by keyword: an inverted index that lies on the ring (what a posting is: `crate::postings`).
//!
//! A holder registers each of its items under each word of the item's name, at the owner of the word. A question looks for the owner of its rarest
//! word and asks it for the postings that match, so no list travels between the owners of two words.
//!
//! # Cost
//! A lookup of a key, and 2 messages. A frequent word is a burden to one peer and its replicas: as many records as there are copies of items with
//! that word, and all questions whose rarest word it is.

use std::sync::Arc;

use peerlab_model::{Keywords, LookupId, PeerId, Posting, Token};

use super::message::Goal;
use super::peer::{Pending, Purpose, RingPeer};
use super::{ChordLike, ChordTimer, Cx, RingMessage, Shortcuts};
use crate::postings;

/// A question by keyword whose rarest word's owner is known.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    pub(super) lookup: LookupId,
    pub(super) keywords: Keywords,
    /// How often it has begun anew.
    pub(super) tries: u8,
    /// Links to the owner.
    pub(super) hops: u32,
    /// Rounds until its answer; 0 where peers pass questions on.
    pub(super) rounds: u32,
}

impl<V: Shortcuts> ChordLike<V> {
    /// Looks for the owner of the rarest word.
    pub(super) fn look_for_word(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, lookup: LookupId, keywords: Keywords, tries: u8) {
        let key = self.numbering.word_key(keywords.rarest());
        if peer.owns(self.view(peer), key) {
            let postings = Self::postings_for(peer, cx, keywords);
            let this = Search { lookup, keywords, tries, hops: 0, rounds: 0 };
            return Self::answered_with_postings(cx, this, &postings);
        }
        self.ask(peer, cx, key, lookup, Purpose::Search { keywords, tries });
    }

    /// The owner is known: it is asked for what matches.
    pub(super) fn search_at(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, owner: PeerId, search: Search) {
        let Search { lookup, keywords, .. } = search;
        if owner == peer.id {
            let postings = Self::postings_for(peer, cx, keywords);
            return Self::answered_with_postings(cx, search, &postings);
        }
        let token = cx.open(Pending::Search { to: owner, search });
        Self::send(peer, cx, owner, RingMessage::Search { lookup, token, keywords });
        cx.set_timer(self.rules.request_timeout, ChordTimer::Request(token));
    }

    /// Somebody asks this peer for what matches, since it is the owner of a word.
    pub(super) fn asked_search(
        peer: &mut RingPeer<V>,
        cx: &mut Cx<'_, V>,
        from: PeerId,
        lookup: LookupId,
        token: Token,
        keywords: Keywords,
    ) {
        if peer.active {
            let postings = Self::postings_for(peer, cx, keywords);
            Self::send(peer, cx, from, RingMessage::Postings { postings, lookup, token });
        } else {
            Self::refuse(peer, cx, from, token, lookup, Goal::Owner, false);
        }
    }

    /// The owner has answered.
    pub(super) fn told_postings(cx: &mut Cx<'_, V>, token: Token, postings: &[Posting]) {
        if let Some(Pending::Search { search, .. }) = cx.close(token) {
            Self::answered_with_postings(cx, search, postings);
        }
    }

    /// The owner is of no use (dead, or no member): whoever has taken its place has replicas.
    pub(super) fn search_again(&self, peer: &mut RingPeer<V>, cx: &mut Cx<'_, V>, search: Search) {
        if search.tries < self.rules.retries && peer.active {
            self.look_for_word(peer, cx, search.lookup, search.keywords, search.tries + 1);
        } else {
            cx.finish(search.lookup);
        }
    }

    fn answered_with_postings(cx: &mut Cx<'_, V>, search: Search, found: &[Posting]) {
        postings::answered(cx, search.lookup, found, (search.hops, search.rounds));
    }

    fn postings_for(peer: &RingPeer<V>, cx: &mut Cx<'_, V>, keywords: Keywords) -> Arc<[Posting]> {
        peer.extra.as_deref().map_or_else(Arc::default, |extra| postings::matching(&extra.records, cx, keywords))
    }
}

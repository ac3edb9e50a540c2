//! Views that are exchanged all the time: Cyclon and Newscast.
//!
//! A view is the list of neighbours, each with its age in periods. Nobody is told that it stands in a view, and nobody is pinged: who is gone
//! falls out because its entry grows old.

use peerlab_model::{PeerId, Rng};

use super::super::message::{Entries, FloodingMessage};
use super::super::{FloodingLike, FloodingPeer, Variant};
use super::{Cx, View};

impl<V: Variant> FloodingLike<V> {
    // Cyclon.

    /// Enhanced shuffling (Voulgaris et al. 2005, section 4.1): the oldest in the view is asked, and forgotten until it answers somebody.
    pub(super) fn shuffle_oldest(&self, view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        grow_older(peer);
        let Some(oldest) = (0..peer.neighbours.len()).max_by_key(|&at| peer.missed[at]) else { return self.enter(peer, cx) };
        let partner = peer.neighbours[oldest];
        peer.drop_neighbour(partner);
        let others = some_of(peer, view.shuffle_length.saturating_sub(1), cx.rng());
        peer.sent = others.iter().map(|&(other, _)| other).collect();
        let entries = std::iter::once((cx.this(), 0)).chain(others).collect();
        cx.send(partner, FloodingMessage::Shuffle { origin: cx.this(), ttl: 0, entries });
    }

    /// Somebody's half of an exchange: it gets ours.
    pub(super) fn exchange(&self, view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, origin: PeerId, entries: &[(PeerId, u8)]) {
        let ours = some_of(peer, view.shuffle_length, cx.rng());
        let sent = ours.iter().map(|&(other, _)| other).collect();
        cx.send(origin, FloodingMessage::ShuffleReply { entries: ours.into() });
        merge(view, peer, cx.this(), entries, sent);
    }

    /// A newcomer's first contact sends out as many walks as a view has entries (section 4.2).
    pub(super) fn send_walks(&self, view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, newcomer: PeerId) {
        for _ in 0..view.view {
            self.walk_for(view, peer, cx, newcomer, view.walk);
        }
    }

    /// A walk for a newcomer: where it ends, the newcomer takes the place of an entry, and gets that entry. So nobody's in-degree changes but
    /// the newcomer's.
    pub(super) fn walk_for(&self, view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, newcomer: PeerId, ttl: u8) {
        let next = cx.rng().pick(&peer.neighbours).copied().filter(|&next| ttl > 0 && next != newcomer);
        if let Some(next) = next {
            return cx.send(next, FloodingMessage::ForwardJoin { newcomer, ttl: ttl - 1 });
        }
        if newcomer == cx.this() {
            return;
        }
        let mut given = (cx.this(), 0);
        if !peer.is_neighbour(newcomer) {
            if peer.neighbours.len() >= usize::from(view.view) {
                let at = cx.rng().index(peer.neighbours.len());
                given = (peer.neighbours[at], peer.missed[at]);
                peer.drop_neighbour(given.0);
            }
            peer.add_neighbour(newcomer);
        }
        cx.send(newcomer, FloodingMessage::ShuffleReply { entries: [given].into() });
    }

    // Newscast.

    /// The whole view goes to a random one in it.
    pub(super) fn tell_news(&self, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>) {
        grow_older(peer);
        let Some(&partner) = cx.rng().pick(&peer.neighbours) else { return self.enter(peer, cx) };
        let entries = news(peer, cx.this());
        cx.send(partner, FloodingMessage::Shuffle { origin: cx.this(), ttl: 0, entries });
    }

    /// Somebody's view: it gets ours.
    pub(super) fn exchange_news(&self, view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, origin: PeerId, entries: &[(PeerId, u8)]) {
        cx.send(origin, FloodingMessage::ShuffleReply { entries: news(peer, cx.this()) });
        keep_freshest(view, peer, cx, entries);
    }
}

/// What came is put into free places, and then into those of what was sent; what is known is not needed (Voulgaris et al. 2005).
pub(super) fn merge(view: View, peer: &mut FloodingPeer, this: PeerId, entries: &[(PeerId, u8)], mut sent: Vec<PeerId>) {
    for &(other, age) in entries {
        if other == this || peer.is_neighbour(other) {
            continue;
        }
        if peer.neighbours.len() >= usize::from(view.view) {
            // An entry that was sent may be gone by now.
            let replaced = std::iter::from_fn(|| sent.pop()).any(|old| peer.drop_neighbour(old));
            if !replaced {
                return;
            }
        }
        peer.neighbours.push(other);
        peer.missed.push(age);
    }
}

/// The youngest entries of both views remain, each peer once; of those of one age, random ones.
pub(super) fn keep_freshest<V: Variant>(view: View, peer: &mut FloodingPeer, cx: &mut Cx<'_, V>, entries: &[(PeerId, u8)]) {
    let own = peer.neighbours.iter().copied().zip(peer.missed.iter().copied());
    let mut all: Vec<(PeerId, u8)> = own.chain(entries.iter().copied()).filter(|&(other, _)| other != cx.this()).collect();
    all.sort_unstable();
    all.dedup_by_key(|&mut (other, _)| other);
    cx.rng().shuffle(&mut all);
    all.sort_by_key(|&(_, age)| age);
    all.truncate(view.view.into());
    (peer.neighbours, peer.missed) = all.into_iter().unzip();
}

/// The whole view, and this peer itself as it is now.
fn news(peer: &FloodingPeer, this: PeerId) -> Entries {
    let view = peer.neighbours.iter().copied().zip(peer.missed.iter().copied());
    std::iter::once((this, 0)).chain(view).collect()
}

/// Up to so many random entries.
fn some_of(peer: &FloodingPeer, count: u8, rng: &mut Rng) -> Vec<(PeerId, u8)> {
    let mut all: Vec<(PeerId, u8)> = peer.neighbours.iter().copied().zip(peer.missed.iter().copied()).collect();
    rng.shuffle(&mut all);
    all.truncate(count.into());
    all
}

fn grow_older(peer: &mut FloodingPeer) {
    for age in &mut peer.missed {
        *age = age.saturating_add(1);
    }
}

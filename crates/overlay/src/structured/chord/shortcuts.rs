//! What sets the models of Chord's kind apart: which contacts a peer has beside its neighbours on the ring, and how they lead to a key.
//!
//! The ring itself (join through a contact, stabilize and notify, successor lists, the predecessor's check, goodbyes), the provider records
//! and the two ways in which a question travels are the same for all of them.

use std::fmt::Debug;
use std::ops::Range;

use peerlab_model::{Key, Numbering, OverlayConfig, PeerId, Setting, Span, Start, Time, Token};

use super::config::Rules;
use super::message::{Query, RingMessage, Trail};
use super::peer::{RingPeer, Route};
use super::{ChordLike, Cx};
use crate::structured::ring::View;

/// A kind of shortcut across the ring, and the model that it makes.
pub trait Shortcuts: Clone + Debug + Send + Sync + Sized + 'static {
    /// The name in scenario files.
    const NAME: &'static str;
    /// One line for `sim list topologies`.
    const SUMMARY: &'static str;
    /// The paper that it follows.
    const SOURCE: &'static str;
    /// How often one peer may refer a search to contacts that are known to be dead before the search turns away from it.
    const DETOURS_MAX: u8;
    /// A question may come past its origin on the way.
    const REVISITS: bool;
    /// A peer that is told of a dead contact of its own checks it.
    const ALERTS: bool;
    /// The parameters of a `[[topology]]` table.
    type Config: OverlayConfig;
    /// One peer's shortcuts.
    type Table: Clone + Debug + Default + Send;
    /// What a question carries to find its way.
    type Trail: Trail;
    /// What is worked on while the tables of a converged start are filled.
    type Filling: Default;

    /// The rules and the shortcuts that these parameters describe.
    fn configured(config: &Self::Config) -> (Rules, Self);

    // Routing.

    /// Where a question for `key` goes from here. `avoid` is dead: it, and what lies beyond it in the order of preference, is passed over.
    fn route(&self, peer: &RingPeer<Self>, view: View, key: Key, trail: Self::Trail, avoid: Option<PeerId>) -> Route<Self::Trail>;

    /// True if a referral from the peer at `from` to `next` can be a step on the way to `key`.
    fn leads_on(from: View, key: Key, next: PeerId) -> bool;

    // Upkeep.

    /// The successor list has changed.
    fn reshape(peer: &mut RingPeer<Self>, view: View);

    /// A contact is gone.
    fn forget(peer: &mut RingPeer<Self>, dead: PeerId);

    /// This peer has just become a member, next to `successor`.
    fn become_member(model: &ChordLike<Self>, peer: &mut RingPeer<Self>, cx: &mut Cx<'_, Self>, successor: PeerId);

    /// Time to refresh a shortcut.
    fn refresh(model: &ChordLike<Self>, peer: &mut RingPeer<Self>, cx: &mut Cx<'_, Self>);

    /// The owner of the point that shortcut `index` starts from is known.
    fn found(model: &ChordLike<Self>, peer: &mut RingPeer<Self>, cx: &mut Cx<'_, Self>, index: u8, start: Key, owner: PeerId);

    /// A contact has told its neighbours, for the sake of the shortcuts.
    fn surveyed(model: &ChordLike<Self>, peer: &mut RingPeer<Self>, cx: &mut Cx<'_, Self>, from: PeerId, neighbours: Neighbours<'_>);

    /// The round trip to a contact has been measured, for the sake of the shortcuts.
    fn measured(_model: &ChordLike<Self>, _peer: &mut RingPeer<Self>, _contact: PeerId, _trip: Span) {}

    /// What a newcomer before this peer may take as hints.
    fn hints(peer: &RingPeer<Self>) -> impl Iterator<Item = PeerId>;

    /// Hints of the successor's.
    fn learn(peer: &mut RingPeer<Self>, view: View, hints: &[PeerId]);

    // What a model does beyond that; nothing, unless it says so.

    /// This peer begins a life: to join, or as a member of the converged start.
    fn born(_model: &ChordLike<Self>, _peer: &mut RingPeer<Self>, _now: Time, _converged: bool) {}

    /// It is `now`.
    #[inline]
    fn clock(_peer: &mut RingPeer<Self>, _now: Time) {}

    /// This peer sends a message.
    #[inline]
    fn sent(_peer: &mut RingPeer<Self>, _setting: &Setting, _message: &RingMessage<Self::Trail>) {}

    /// A message has come.
    #[inline]
    fn received(_peer: &mut RingPeer<Self>, _cx: &Cx<'_, Self>, _from: PeerId, _message: &RingMessage<Self::Trail>) {}

    /// A message has come that only this model has.
    fn own(
        model: &ChordLike<Self>,
        peer: &mut RingPeer<Self>,
        cx: &mut Cx<'_, Self>,
        from: PeerId,
        message: &<Self::Trail as super::Trail>::Own,
    );

    /// A question has come from `from`, who waits for an acknowledgement. True if it is to be passed on.
    #[inline]
    fn accepted(
        _model: &ChordLike<Self>,
        peer: &mut RingPeer<Self>,
        cx: &mut Cx<'_, Self>,
        from: PeerId,
        hop: Token,
        query: &Query<Self::Trail>,
    ) -> bool {
        ChordLike::send(peer, cx, from, RingMessage::Ack { hop, lookup: query.lookup, goal: query.goal });
        true
    }

    /// A question has been passed on to `next` with this trail: copies may follow.
    #[inline]
    fn passed_on(
        _model: &ChordLike<Self>,
        _peer: &mut RingPeer<Self>,
        _cx: &mut Cx<'_, Self>,
        _query: &Query<Self::Trail>,
        _next: PeerId,
        _trail: Self::Trail,
    ) {
    }

    /// True for a copy that may get lost.
    #[inline]
    fn is_redundant(_trail: Self::Trail) -> bool {
        false
    }

    // The converged start.

    /// Makes ready to fill the tables of the peers at `block` of the ring.
    fn prepare(&self, filling: &mut Self::Filling, ring: &[(Key, PeerId)], block: Range<usize>);

    /// The shortcuts of the peer at `at`, which lies in the block that was made ready.
    fn filled(&self, filling: &mut Self::Filling, numbering: Numbering, ring: &[(Key, PeerId)], at: usize) -> Self::Table;

    /// What the peer at `at` has measured by then, if it measures. Its other tables are filled.
    fn tuned(&self, _numbering: Numbering, _ring: &[(Key, PeerId)], _at: usize, _start: &Start<'_>, _peer: &mut RingPeer<Self>) {}

    // For measurement and tests.

    /// Visits all shortcuts.
    fn each(peer: &RingPeer<Self>, visit: &mut dyn FnMut(PeerId));

    /// Bytes of the shortcuts outside the peer itself.
    fn bytes(table: &Self::Table) -> usize;

    /// The shortcuts may be read in a moment.
    fn prefetch(table: &Self::Table);

    /// The invariants of the shortcuts.
    ///
    /// # Errors
    /// The one that does not hold.
    fn check(&self, peer: &RingPeer<Self>, numbering: Numbering) -> Result<(), String>;
}

/// A peer's neighbours on the ring, as it tells them.
#[derive(Clone, Copy, Debug)]
pub struct Neighbours<'a> {
    pub(crate) successors: &'a [PeerId],
    pub(crate) predecessor: Option<PeerId>,
}

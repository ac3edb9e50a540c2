//! News that everybody is to hear: a flood without a limit. Each peer that hears it sends it to all of its neighbours but the one from
//! whom it came, once.

use peerlab_model::{Context, PeerId, RumourId};

use super::links::refuse_stranger;
use super::message::FloodingMessage;
use super::peer::FloodingPeer;
use super::{FloodingLike, Variant};

impl<V: Variant> FloodingLike<V> {
    /// A rumour, of this peer's own or `from` a neighbour.
    pub(super) fn pass_on(peer: &mut FloodingPeer, cx: &mut Context<'_, Self>, rumour: RumourId, from: Option<PeerId>) {
        if peer.rumours.as_ref().is_some_and(|rumours| rumours.has(rumour)) {
            return;
        }
        if let Some(from) = from {
            if !peer.deals_with(from) {
                return refuse_stranger(peer, cx, from);
            }
            cx.heard(rumour);
        }
        peer.rumours.get_or_insert_default().insert(rumour);
        for &neighbour in peer.neighbours().iter().filter(|neighbour| Some(**neighbour) != from) {
            cx.send(neighbour, FloodingMessage::Rumour(rumour));
        }
    }
}

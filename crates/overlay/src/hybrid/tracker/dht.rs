//! The DHT that the peers form beside their trackers: Kademlia with the parameters of BitTorrent's Mainline (BEP 5).
//!
//! It is the model `kademlia`, as a part of this one ([`Context::part`]): its messages and timers travel in this one's, and
//! the holders that it finds are candidates for a connection like any others.

use peerlab_model::{Context, Effect, ItemId, LookupId, Overlay, OverlayConfig, Target};

use super::client::{Candidate, Client};
use super::search::Asked;
use super::{Cx, Tracker};
use crate::structured::kademlia::{Kademlia, KademliaConfig, KademliaPeer};

/// The parameters of BitTorrent's DHT.
pub(super) fn mainline() -> KademliaConfig {
    let preset = KademliaConfig::presets().into_iter().find(|(name, _)| *name == "mainline");
    preset.expect("Kademlia has this preset").1
}

impl Tracker {
    /// Lets this peer's part of the DHT do something, and heeds what it says.
    pub(super) fn in_dht(
        &self,
        client: &mut Client,
        cx: &mut Cx<'_>,
        act: impl FnOnce(&Kademlia, &mut KademliaPeer, &mut Context<'_, Kademlia>),
    ) {
        let (Some(dht), Some(peer)) = (&self.dht, client.dht.as_deref_mut()) else { return };
        let mut said = Vec::new();
        cx.part::<Kademlia>(&mut said, |cx| act(dht, peer, cx));
        for said in said {
            match said {
                Effect::Hit(id, hit) => {
                    if let Some(search) = client.search(id) {
                        search.add(Candidate { peer: hit.peer, hops: hit.hops, rounds: hit.rounds });
                    }
                }
                Effect::Finish(id) => {
                    if let Some(search) = client.search(id) {
                        search.dht = Asked::Over;
                        self.go_on(client, cx, id);
                    }
                }
                // Who is in the DHT is a member anyway, nobody asks for keys, and a DHT spreads no rumours.
                Effect::Joined | Effect::Matched(..) | Effect::TimedOut(_) | Effect::Claim(..) | Effect::Heard(_) | Effect::Shelve(..) => {}
            }
        }
    }

    pub(super) fn ask_dht(&self, client: &mut Client, cx: &mut Cx<'_>, id: LookupId, item: ItemId) {
        if let Some(search) = client.search(id) {
            search.dht = Asked::UnderWay;
            self.in_dht(client, cx, |dht, peer, cx| dht.lookup(peer, cx, id, Target::Item(item)));
        }
    }
}

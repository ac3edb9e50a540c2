//! Worlds in which peers share items, and what is found of them: the same for every model that keeps provider records.

use peerlab_model::{ItemId, Overlay, PeerId, Span, Target};

use crate::harness::{Options, World};

impl<O: Overlay> World<O> {
    /// Twenty items, each of which two peers hold: item k the peers k and k + 20.
    pub(crate) fn sharing(config: &O::Config, population: u32, seed: u64) -> Self {
        let mut world = Self::new(config, Options { population, seed, items: 20, ..Options::default() });
        for item in 0..20 {
            world.give(item, &[item]);
            world.give(item + 20, &[item]);
        }
        world
    }

    /// The peers that a lookup of `item` names, in ascending order; it must have ended after `patience`.
    pub(crate) fn holders(&mut self, item: u32, patience: Span) -> Vec<PeerId> {
        let asker = self.online().into_iter().rfind(|&seat| seat != item && seat != item + 20).expect("somebody asks");
        let id = self.lookup(asker, Target::Item(ItemId(item)));
        self.run_for(patience);
        assert!(self.record(id).finished.is_some());
        let mut peers = self.record(id).peers();
        peers.sort_unstable();
        peers
    }
}

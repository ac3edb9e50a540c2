//! An observer that watches whether a model keeps to the rules of the plug-in boundary.

use std::collections::BTreeMap;

use peerlab_engine::time::{Span, Time};
use peerlab_model::{Hit, LookupId, Message, PeerId, Target, Violation, Wire};
use peerlab_world::Observer;

/// Watches one shard.
#[derive(Debug, Default)]
pub struct Protocol {
    /// Questions asked here, and whether they have ended.
    lookups: BTreeMap<LookupId, bool>,
    broken: Option<Violation>,
}

impl Protocol {
    /// The first rule that was broken.
    ///
    /// # Errors
    /// If one was.
    pub fn check(self) -> Result<(), Violation> {
        self.broken.map_or(Ok(()), Err)
    }

    fn ensure(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(Violation(otherwise()));
        }
    }
}

impl<M: Message> Observer<M> for Protocol {
    fn sent(&mut self, now: Time, from: PeerId, _: PeerId, message: &M, _: Option<Span>) {
        let kind = message.kind();
        self.ensure(kind < M::KINDS.len(), || format!("at {now}, {from:?} sends a message of kind {kind}, of {}", M::KINDS.len()));
        for (wire, header) in [(Wire::Udp, 28), (Wire::P2psim, 20)] {
            let bytes = message.wire_bytes(wire);
            self.ensure(bytes >= header, || format!("at {now}, {from:?} sends {bytes} bytes, less than a header"));
        }
    }

    fn asked(&mut self, now: Time, lookup: LookupId, _: Target) {
        let before = self.lookups.insert(lookup, false);
        self.ensure(before.is_none(), || format!("at {now}, {lookup:?} is asked twice"));
    }

    fn hit(&mut self, now: Time, lookup: LookupId, _: Hit) {
        let ended = self.lookups.get(&lookup).copied();
        self.ensure(ended == Some(false), || format!("at {now}, {lookup:?} gets an answer after its end, or at a peer that did not ask"));
    }

    fn finished(&mut self, now: Time, lookup: LookupId) {
        let before = self.lookups.insert(lookup, true);
        self.ensure(before == Some(false), || format!("at {now}, {lookup:?} ends twice, or at a peer that did not ask"));
    }
}

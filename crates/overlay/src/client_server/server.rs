//! A server's part: it has all items, and finds them by the words of their names.

use std::sync::Arc;

use peerlab_model::{Context, ItemId, Keywords};

use super::ClientServer;
use crate::inverted::Inverted;
use crate::rate_limit::Limiter;

type Cx<'a> = Context<'a, ClientServer>;

/// What a server knows beside its content.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// All items by the words of their names, where clients ask by keyword.
    words: Inverted,
    /// How much everybody has asked, where that is limited.
    pub(super) limiter: Limiter,
}

impl Server {
    /// Enters all items under the words of their names.
    pub(super) fn name_all(&mut self, cx: &Cx<'_>) {
        if cx.setting().words_per_item > 0 {
            for item in (0..cx.setting().items).map(ItemId) {
                self.words.add(item, cx.words_of(item));
            }
        }
    }

    /// The items that match and have not been taken down; a random choice if they are more than `most`.
    pub(super) fn matching(&self, cx: &mut Cx<'_>, keywords: Keywords, most: u16) -> Arc<Vec<ItemId>> {
        let numbering = cx.setting().numbering;
        let mut items = self.words.matching(keywords);
        items.retain(|&item| !cx.refuses(numbering.item_key(item)));
        if items.len() > most.into() {
            cx.rng().shuffle(&mut items);
            items.truncate(most.into());
        }
        Arc::new(items)
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.bytes() + self.limiter.bytes()
    }
}

//! What items are called: words of a vocabulary, some of them frequent.
//!
//! The words of an item are a keyed draw of (seed, item), so every topology meets the same names. A question asks for some of the words of the
//! item that is wanted; it may match other items, too.
//!
//! # Cost
//! 2 bytes a word and item for the names, since a flood looks at those of every library that it reaches; 4 more for the lists by word, which
//! the judge goes by.

use peerlab_engine::random::{Keyed, Rng, Streams};
use peerlab_model::{ItemId, Keywords, Word};

use super::config::ContentConfig;
use super::popularity::RankSampler;

/// The names of all items.
#[derive(Clone, Debug)]
pub struct Words {
    per_item: usize,
    per_query: usize,
    /// Item by item, in ascending order each.
    names: Vec<Word>,
    /// Where each word's items begin.
    begin: Vec<u32>,
    /// Word by word, in ascending order each.
    items: Vec<ItemId>,
}

impl Words {
    /// The names of a scenario's items; its configuration must have passed its check.
    pub fn new(content: &ContentConfig, streams: Streams) -> Self {
        let keywords = content.keywords.clone().unwrap_or_default();
        let per_item = usize::from(keywords.per_item);
        let ranks = RankSampler::new(keywords.vocabulary, &keywords.popularity);
        let draws = streams.keyed("content.words");
        let mut names = Vec::with_capacity(content.items as usize * per_item);
        for item in 0..content.items {
            name(per_item, &ranks, &draws, item, &mut names);
        }
        let (begin, items) = by_word(&names, per_item, keywords.vocabulary);
        Self { per_item, per_query: keywords.per_query.into(), names, begin, items }
    }

    /// Words of each name.
    pub fn per_item(&self) -> u8 {
        self.per_item as u8
    }

    /// The words of an item's name, in ascending order.
    #[inline]
    pub fn of(&self, item: ItemId) -> &[Word] {
        let first = item.0 as usize * self.per_item;
        &self.names[first..first + self.per_item]
    }

    /// A question for an item: some of the words of its name, each set of them equally often.
    pub fn question(&self, item: ItemId, rng: &mut Rng) -> Keywords {
        let mut words = self.of(item).to_vec();
        rng.shuffle(&mut words);
        Keywords::new(&words[..self.per_query])
    }

    /// All items that match, in ascending order.
    pub fn matching(&self, keywords: Keywords) -> impl Iterator<Item = ItemId> {
        let list = |word: Word| &self.items[self.begin[usize::from(word.0)] as usize..self.begin[usize::from(word.0) + 1] as usize];
        let shortest = keywords.as_slice().iter().map(|&word| list(word)).min_by_key(|list| list.len()).unwrap_or_default();
        shortest.iter().copied().filter(move |&item| keywords.are_in(self.of(item)))
    }
}

/// Appends the words of an item's name: different ones, as they come.
fn name(per_item: usize, ranks: &RankSampler, draws: &Keyed, item: u32, names: &mut Vec<Word>) {
    let first = names.len();
    let mut rng = draws.rng(u64::from(item), 0);
    while names.len() < first + per_item {
        let word = Word(ranks.sample(&mut rng) as u16);
        if !names[first..].contains(&word) {
            names.push(word);
        }
    }
    names[first..].sort_unstable();
}

/// The items of each word: a counting sort, which keeps them in order.
fn by_word(names: &[Word], per_item: usize, vocabulary: u32) -> (Vec<u32>, Vec<ItemId>) {
    let mut begin = vec![0_u32; vocabulary as usize + 1];
    for word in names {
        begin[usize::from(word.0) + 1] += 1;
    }
    for word in 0..vocabulary as usize {
        begin[word + 1] += begin[word];
    }
    let mut next = begin.clone();
    let mut items = vec![ItemId(0); names.len()];
    for (index, word) in names.iter().enumerate() {
        let slot = &mut next[usize::from(word.0)];
        items[*slot as usize] = ItemId((index / per_item) as u32);
        *slot += 1;
    }
    (begin, items)
}

//! An inverted index: which items have a word in their names. For servers that are asked by keyword.
//!
//! # Cost
//! 4 bytes a word of each item's name. A question walks over the shortest of its words' lists.
//!
//! # Not here
//! Forgetting: who asks says which items are there, and one that has gone may come back.

use std::collections::BTreeMap;

use peerlab_model::{ItemId, Keywords, Word};

/// The items of each word.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inverted {
    /// In ascending order each, none empty.
    lists: BTreeMap<Word, Vec<ItemId>>,
    entries: usize,
}

impl Inverted {
    /// Enters an item under the words of its name; nothing new if it is there.
    pub(crate) fn add(&mut self, item: ItemId, name: &[Word]) {
        for &word in name {
            let list = self.lists.entry(word).or_default();
            if let Err(at) = list.binary_search(&item) {
                list.insert(at, item);
                self.entries += 1;
            }
        }
    }

    /// The items that have all of these words, in ascending order.
    pub(crate) fn matching(&self, keywords: Keywords) -> Vec<ItemId> {
        let lists: Option<Vec<&Vec<ItemId>>> = keywords.as_slice().iter().map(|word| self.lists.get(word)).collect();
        let Some(mut lists) = lists else { return Vec::new() };
        lists.sort_unstable_by_key(|list| list.len());
        let (shortest, others) = lists.split_first().expect("a question has a word");
        shortest.iter().copied().filter(|item| others.iter().all(|list| list.binary_search(item).is_ok())).collect()
    }

    /// Bytes of the lists.
    pub(crate) fn bytes(&self) -> usize {
        self.entries * size_of::<ItemId>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(words: &[u16]) -> Keywords {
        Keywords::new(&words.iter().map(|&word| Word(word)).collect::<Vec<_>>())
    }

    #[test]
    fn a_question_finds_what_has_all_of_its_words() {
        let mut index = Inverted::default();
        index.add(ItemId(7), &[Word(1), Word(2)]);
        index.add(ItemId(3), &[Word(2), Word(9)]);
        index.add(ItemId(3), &[Word(2), Word(9)]);
        assert_eq!(index.matching(keywords(&[2])), [ItemId(3), ItemId(7)]);
        assert_eq!(index.matching(keywords(&[2, 9])), [ItemId(3)]);
        assert_eq!(index.matching(keywords(&[1, 9])), []);
        assert_eq!(index.bytes(), 16);
    }
}

//! Words: what items are called, and what questions by keyword are made of.
//!
//! A word is its rank in the vocabulary, as a list of a language's words by frequency has it: anybody can tell which of two words is the rarer
//! one. Which words an item's name has is a property of the item, as a contact's key is one of the contact: whoever has been told of an item
//! together with its name knows them ([`Context::words_of`](crate::Context::words_of)), and messages that carry names pay for them.

use std::fmt;

use crate::ids::{ItemId, Key, Numbering};

/// Length of an item's name on the wire, terminating NUL included: our choice.
pub const NAME_BYTES: u32 = 20;
/// A word of a question on the wire and the space or NUL behind it: our choice.
const WORD_BYTES: u32 = 7;
/// The low bits of a posting's key, which name the item.
const ITEM_BITS: u32 = u32::BITS;

/// A word, by its rank in the vocabulary: 0 is the most frequent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Word(pub u16);

/// The words of a question by keyword: one to four different ones. An item matches if its name has all of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Keywords([Word; Self::MAX]);

/// "`holder` has `item`", under one of the words of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Posting {
    /// The item.
    pub item: ItemId,
    /// Who has it.
    pub holder: crate::PeerId,
}

impl Word {
    /// Fills the places of [`Keywords`] that are not used: no vocabulary is so large.
    const NONE: Self = Self(u16::MAX);
    /// The most words that a vocabulary can have.
    pub const VOCABULARY_MAX: u32 = u16::MAX as u32;
}

impl Keywords {
    /// The most words of a question.
    pub const MAX: usize = 4;

    /// A question with these words; equal ones count once.
    ///
    /// # Panics
    /// If there is no word, or more than [`Keywords::MAX`].
    pub fn new(words: &[Word]) -> Self {
        assert!(!words.is_empty() && words.len() <= Self::MAX, "a question of {} words", words.len());
        let mut places = [Word::NONE; Self::MAX];
        places[..words.len()].copy_from_slice(words);
        // The rarest first; then what is free.
        places[..words.len()].sort_unstable_by(|a, b| b.cmp(a));
        let mut used = 1;
        for at in 1..words.len() {
            if places[at] != places[used - 1] {
                places[used] = places[at];
                used += 1;
            }
        }
        places[used..].fill(Word::NONE);
        Self(places)
    }

    /// The words, the rarest first.
    #[inline]
    pub fn as_slice(&self) -> &[Word] {
        let used = self.0.iter().take_while(|&&word| word != Word::NONE).count();
        &self.0[..used]
    }

    /// The rarest of the words.
    #[inline]
    pub fn rarest(self) -> Word {
        self.0[0]
    }

    /// True if all of them are among the words of a name.
    #[inline]
    pub fn are_in(self, name: &[Word]) -> bool {
        self.as_slice().iter().all(|word| name.contains(word))
    }

    /// Bytes of the text of the question.
    #[inline]
    pub fn text_bytes(self) -> u32 {
        WORD_BYTES * self.as_slice().len() as u32
    }
}

impl fmt::Debug for Keywords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice().iter().map(|word| word.0)).finish()
    }
}

// Four words fit into the place of a key: messages of a flood stay small.
const _: () = assert!(size_of::<Keywords>() == 8);

impl Numbering {
    /// Where the postings of a word begin in the identifier space.
    pub fn word_key(&self, word: Word) -> Key {
        // Words are numbered from the far end of the items.
        let hash = self.item_key(ItemId(u32::MAX - u32::from(word.0)));
        Key(hash.0 >> ITEM_BITS << ITEM_BITS)
    }

    /// Where the posting of an item under a word lies: the word alone decides who is responsible, since all postings of a word lie within a part of
    /// 2^−32 of the identifier space; the low bits tell its postings apart.
    pub fn posting_key(&self, word: Word, item: ItemId) -> Key {
        Key(self.word_key(word).0 | u64::from(item.0))
    }

    /// Where the record of an item lies; the one under the `which`-th word of its name, if it has one.
    pub fn record_key(&self, item: ItemId, name: &[Word], which: u8) -> Key {
        name.get(usize::from(which)).map_or_else(|| self.item_key(item), |&word| self.posting_key(word, item))
    }
}

impl Key {
    /// The item of a [posting's key](Numbering::posting_key).
    pub const fn posted_item(self) -> ItemId {
        ItemId(self.0 as u32)
    }

    /// True if this is the key of a posting of the word whose postings begin at `word`.
    pub const fn is_posting_of(self, word: Self) -> bool {
        self.0 >> ITEM_BITS == word.0 >> ITEM_BITS
    }
}

//! `[content.keywords]`: what items are called, for questions by keyword.

use peerlab_model::{Issues, Keywords, Word};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::Popularity;

/// The words of items' names, which `target = "keywords"` asks by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeywordsConfig {
    /// Words that exist, numbered from 0, the most frequent one: 1 to 65535. Default: 5000.
    pub vocabulary: u32,
    /// Different words in an item's name: 1 to 32. Default: 4.
    pub per_item: u8,
    /// Words of the wanted item's name that a question asks for: 1 to 4, of which an answer has to have all. Default: 2 (searches of the Web had 2.5
    /// on average: Reynolds and Vahdat 2003, section 2).
    pub per_query: u8,
    /// How often each word stands in a name. Default: Zipf's law with exponent 1, that of natural languages (Zipf 1949).
    pub popularity: Popularity,
}

impl Default for KeywordsConfig {
    fn default() -> Self {
        Self { vocabulary: 5000, per_item: 4, per_query: 2, popularity: Popularity::Zipf { exponent: 1.0 } }
    }
}

/// The most words of a name: a name with more is a text.
const PER_ITEM_MAX: u8 = 32;

impl KeywordsConfig {
    /// Notes every value that cannot work, with paths relative to the table.
    pub(super) fn check(&self, issues: &mut Issues) {
        let (vocabulary, most) = (self.vocabulary, Word::VOCABULARY_MAX);
        issues.ensure((1..=most).contains(&vocabulary), "vocabulary", format!("a vocabulary has 1 to {most} words, not {vocabulary}"));
        let per_item = self.per_item;
        issues.ensure((1..=PER_ITEM_MAX).contains(&per_item), "per_item", format!("a name has 1 to {PER_ITEM_MAX} words, not {per_item}"));
        // Rare words are drawn late: a name that takes most of a small vocabulary would be drawn for ever.
        if (1..=PER_ITEM_MAX).contains(&per_item) && u32::from(per_item) * 4 > vocabulary {
            let message = format!("{per_item} different words for each name out of {vocabulary}: names could hardly be told apart");
            issues.error_with_help("vocabulary", message, "at least four times as many words as a name has");
        }
        let most = usize::from(per_item).min(Keywords::MAX);
        let per_query = usize::from(self.per_query);
        issues.ensure(
            (1..=most).contains(&per_query),
            "per_query",
            format!("a question has 1 to {most} words, those of a name and no more than {}, not {per_query}", Keywords::MAX),
        );
        match self.popularity {
            Popularity::Zipf { exponent } => {
                let message = format!("an exponent of words lies between 0 and 2, not at {exponent}: rarer words would never be drawn");
                issues.ensure((0.0..=2.0).contains(&exponent), "popularity.exponent", message);
            }
            Popularity::Uniform => {}
            Popularity::Constant { .. } => {
                issues.error("popularity", "names have different words: always the same one is no distribution for them");
            }
        }
    }
}

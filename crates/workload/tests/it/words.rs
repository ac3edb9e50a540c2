//! The names of items.

use peerlab_engine::random::Streams;
use peerlab_model::{ItemId, Keywords, Word};
use peerlab_workload::{ContentConfig, KeywordsConfig, Popularity, Words};

fn content(items: u32, keywords: KeywordsConfig) -> ContentConfig {
    ContentConfig { items, keywords: Some(keywords), ..ContentConfig::default() }
}

#[test]
fn the_words_of_a_name_are_different_and_of_the_vocabulary() {
    for (vocabulary, per_item, exponent) in [(5000, 4, 1.0), (16, 4, 2.0), (128, 32, 1.0), (4, 1, 0.0)] {
        let config = KeywordsConfig { vocabulary, per_item, per_query: 1, popularity: Popularity::Zipf { exponent } };
        let words = Words::new(&content(300, config), Streams::new(1));
        assert_eq!(words.per_item(), per_item);
        for item in (0..300).map(ItemId) {
            let name = words.of(item);
            assert_eq!(name.len(), usize::from(per_item));
            assert!(name.windows(2).all(|pair| pair[0] < pair[1]) && u32::from(name[name.len() - 1].0) < vocabulary);
        }
    }
}

#[test]
fn a_name_does_not_depend_on_how_many_items_there_are() {
    let words = |items, seed| Words::new(&content(items, KeywordsConfig::default()), Streams::new(seed));
    let (few, many, others) = (words(10, 1), words(1000, 1), words(10, 2));
    assert!((0..10).map(ItemId).all(|item| few.of(item) == many.of(item)));
    assert!((0..10).map(ItemId).any(|item| few.of(item) != others.of(item)));
}

#[test]
fn the_lists_by_word_agree_with_the_names() {
    let words = Words::new(&content(2000, KeywordsConfig { vocabulary: 100, ..KeywordsConfig::default() }), Streams::new(3));
    let mut rng = Streams::new(3).rng("questions", 0);
    let mut matches = 0;
    for item in (0..200).map(ItemId) {
        let keywords = words.question(item, &mut rng);
        let all: Vec<ItemId> = (0..2000).map(ItemId).filter(|&other| keywords.are_in(words.of(other))).collect();
        assert_eq!(words.matching(keywords).collect::<Vec<_>>(), all);
        assert!(all.contains(&item) && keywords.as_slice().len() == 2, "{keywords:?}");
        matches += all.len();
    }
    assert!(matches > 1000, "questions match {matches} items in all");
    assert_eq!(words.matching(Keywords::new(&[Word(0), Word(1), Word(98), Word(99)])).count(), 0);
}

/// With Zipf's law and exponent 1 the most frequent of n words is drawn first with probability 1 / Hₙ.
#[test]
fn frequent_words_are_frequent() {
    let config = KeywordsConfig { per_item: 1, per_query: 1, ..KeywordsConfig::default() };
    let words = Words::new(&content(20_000, config), Streams::new(4));
    let harmonic: f64 = (1..=5000).map(|rank| 1.0 / f64::from(rank)).sum();
    let (mean, count) = (20_000.0 / harmonic, words.matching(Keywords::new(&[Word(0)])).count() as f64);
    // Four standard deviations of a binomial count.
    assert!((count - mean).abs() < 4.0 * mean.sqrt(), "{count} names with the most frequent word, {mean} expected");
}

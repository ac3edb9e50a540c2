//! Postings: an inverted index that lies at the peers responsible for words (Reynolds and Vahdat, Middleware 2003; Kad's keyword search).
//!
//! A holder registers each of its items under each word of the item's name: a posting is a record whose key lies at the word. Whoever is asked for what
//! matches looks at the postings of the question's rarest word: they carry names, so it drops itself those that lack one of the other words.
//! How a word's keepers are found, and what happens if they do not answer, is the model's.
//!
//! # Not here
//! Bloom filters and caches of intersections (Reynolds and Vahdat, sections 4.1 and 4.2): with names in the postings nothing is left to intersect.

use std::sync::Arc;

use peerlab_model::{Context, Fields, Hit, Key, Keywords, LookupId, NAME_BYTES, Numbering, Overlay, Posting, Record, Time, Wire};

use crate::records::Records;

/// Results of one answer (eMule's Kad takes 300 for a word).
const RESULTS_MAX: usize = 300;

/// The living postings of the word whose postings begin at `word`.
fn living(records: &Records, word: Key, now: Time) -> impl Iterator<Item = &Record> {
    records.from(word).take_while(move |record| record.key.is_posting_of(word)).filter(move |record| record.expires > now)
}

/// True if there is a living posting under the rarest word, whether it matches or not.
pub(crate) fn is_keeper<O: Overlay>(records: &Records, cx: &Context<'_, O>, keywords: Keywords) -> bool {
    living(records, cx.setting().numbering.word_key(keywords.rarest()), cx.now()).next().is_some()
}

/// The living postings under the rarest word that match, in the order of their items. If they are more than an answer takes, a random choice of
/// them, in which as many items as possible have a holder before one has two.
pub(crate) fn matching<O: Overlay>(records: &Records, cx: &mut Context<'_, O>, keywords: Keywords) -> Arc<[Posting]> {
    let word = cx.setting().numbering.word_key(keywords.rarest());
    let matching = living(records, word, cx.now()).filter(|record| keywords.are_in(cx.words_of(record.key.posted_item())));
    let mut postings: Vec<Posting> = matching.map(|record| Posting { item: record.key.posted_item(), holder: record.holder }).collect();
    if postings.len() > RESULTS_MAX {
        cx.rng().shuffle(&mut postings);
        postings.sort_by_key(|posting| posting.item);
        let mut ranked: Vec<(usize, Posting)> =
            postings.chunk_by(|a, b| a.item == b.item).flat_map(|holders| holders.iter().copied().enumerate()).collect();
        cx.rng().shuffle(&mut ranked);
        ranked.sort_by_key(|&(rank, _)| rank);
        ranked.truncate(RESULTS_MAX);
        postings = ranked.into_iter().map(|(_, posting)| posting).collect();
        postings.sort_unstable();
    }
    Arc::from(postings)
}

/// The answer of a word's keeper is in the origin's hands, and ends its question.
pub(crate) fn answered<O: Overlay>(cx: &mut Context<'_, O>, lookup: LookupId, postings: &[Posting], (hops, rounds): (u32, u32)) {
    for &Posting { item, holder } in postings {
        cx.matched(lookup, Hit { peer: holder, hops, rounds }, item);
    }
    cx.finish(lookup);
}

/// An answer to a question by keyword: each item with its identifier and name, and its holders. What does not fit into a datagram of 1500 bytes, with
/// identifiers of the usual length, pays for the headers of several.
pub(crate) fn fields(postings: &[Posting]) -> Fields {
    const DATAGRAM: u32 = 1500;
    const HEADERS: u32 = 28;
    let items = postings.chunk_by(|a, b| a.item == b.item).count() as u32;
    let fields = Fields::bytes(5 + NAME_BYTES * items).keys(items).contacts(postings.len() as u32);
    let more = (Wire::Udp.bytes(fields, Numbering::IDENTIFIER_BITS / 8) - HEADERS) / (DATAGRAM - HEADERS);
    Fields { bytes: fields.bytes + HEADERS * more, ..fields }
}

//! The trace digest: the same for every order of the same events, another one for anything else.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use peerlab_engine::EventKey;
use peerlab_engine::digest::{ContentHasher, Digest};
use peerlab_engine::random::Streams;
use peerlab_engine::time::Time;

fn key(nanos: i64, origin: u32, seq: u32) -> EventKey {
    EventKey { time: Time::from_nanos(nanos), origin, seq }
}

fn digest_of(events: &[(EventKey, u32, u64)]) -> Digest {
    let mut digest = Digest::default();
    for (key, receiver, content) in events {
        digest.add(*key, *receiver, content);
    }
    digest
}

#[test]
fn a_digest_keeps_its_value() {
    let mut digest = Digest::default();
    assert_eq!(digest.to_string(), "00000000000000000000000000000000");
    digest.add(key(-5, 1, 2), 3, &(4_u32, 5_u64));
    assert_eq!(digest.to_string(), "1cde1a904a9b319a1e84fdc0e934e7a3");
    digest.add(key(60_000_000_000, 9, 8), 7, "six");
    assert_eq!(digest.to_string(), "28e9411dcee2c10058d33f04a13971ac");
}

fn hash(content: impl Hash) -> u64 {
    let mut hasher = ContentHasher::default();
    content.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_content_hash_keeps_its_value() {
    assert_eq!(hash(()), 0x952f_14f1_e8dd_c491);
    assert_eq!(hash(1_u8), 0x1f97_d2b1_53c5_06d6);
    assert_eq!(hash(1_u64), 0x1f97_d2b1_53c5_06d6);
    assert_eq!(hash((1_u16, 2_u32, 3_u64, 4_i32, true, 'x')), 0x4023_04de_f260_b84c);
    assert_eq!(hash("peer"), 0x02ac_8f2e_b5cb_df15);
    assert_eq!(hash([1_u8, 2, 3]), 0x138d_2f9a_d499_bc6b);
    assert_eq!(hash(1_u128 << 100), 0xb781_71a0_267b_8665);
    assert_eq!(hash(Some(5_usize)), 0x83d5_1123_0134_52f6);
}

#[test]
fn a_content_hash_knows_the_order_and_the_number_of_its_words() {
    let contents: [&[u64]; 9] = [&[], &[0], &[0, 0], &[0, 0, 0], &[1, 2], &[2, 1], &[1, 2, 0], &[0, 1, 2], &[1, 0, 2]];
    let hashes: BTreeSet<u64> = contents
        .iter()
        .map(|words| {
            let mut hasher = ContentHasher::default();
            words.iter().for_each(|word| hasher.write_u64(*word));
            hasher.finish()
        })
        .collect();
    assert_eq!(hashes.len(), contents.len());
}

#[test]
fn neither_order_nor_sharding_reaches_a_digest() {
    let mut rng = Streams::new(1).rng("events", 0);
    let mut events: Vec<_> =
        (0..500).map(|seq| (key(rng.bits() as i64, rng.below(9) as u32, seq), rng.below(9) as u32, rng.bits())).collect();
    let whole = digest_of(&events);
    for _ in 0..20 {
        rng.shuffle(&mut events);
        let mut parts: Vec<Digest> = events.chunks(1 + rng.index(200)).map(digest_of).collect();
        rng.shuffle(&mut parts);
        let mut merged = Digest::default();
        for part in parts {
            merged.merge(part);
        }
        assert_eq!(merged, whole);
    }
}

#[test]
fn one_changed_bit_anywhere_changes_both_halves_of_a_digest() {
    let (nanos, origin, seq, receiver, content) = (123_456_789_000, 77, 12, 5, 0xfeed_u64);
    let event = (key(nanos, origin, seq), receiver, content);
    let mut changed = vec![event];
    for bit in 0..64 {
        changed.push((key(nanos ^ 1 << bit, origin, seq), receiver, content));
        changed.push((event.0, receiver, content ^ 1 << bit));
    }
    for bit in 0..32 {
        changed.push((key(nanos, origin ^ 1 << bit, seq), receiver, content));
        changed.push((key(nanos, origin, seq ^ 1 << bit), receiver, content));
        changed.push((event.0, receiver ^ 1 << bit, content));
    }
    let others = [(key(1, 2, 3), 4, 5), (key(6, 7, 8), 9, 10)];
    let digests: Vec<String> = changed.iter().map(|event| digest_of(&[others[0], *event, others[1]]).to_string()).collect();
    for half in [0..16, 16..32] {
        let halves: BTreeSet<&str> = digests.iter().map(|digest| &digest[half.clone()]).collect();
        assert_eq!(halves.len(), changed.len());
    }
}

#[test]
fn an_event_that_is_missing_or_doubled_or_given_to_another_receiver_changes_a_digest() {
    let (a, b) = ((key(1, 2, 3), 4, 5), (key(6, 7, 8), 9, 10));
    let digests: BTreeSet<String> = [vec![a, b], vec![a], vec![b], vec![a, a], vec![a, b, b], vec![(a.0, b.1, a.2), (b.0, a.1, b.2)]]
        .iter()
        .map(|events| digest_of(events).to_string())
        .collect();
    assert_eq!(digests.len(), 6);
}

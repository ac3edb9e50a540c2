//! The roster, against a plain sorted list.

use peerlab_model::{Key, PeerId, Roster};
use proptest::prelude::*;

type Entry = (Key, PeerId);

#[derive(Clone, Debug)]
enum Step {
    Insert(Key, PeerId),
    Remove(Key, PeerId),
    Around(Key),
}

/// Keys of three kinds: anywhere, in one bucket, and at the ends of the space; few of them, so that steps meet again.
fn key() -> impl Strategy<Value = Key> {
    prop_oneof![any::<u64>().prop_map(|k| k & (0xff << 56)), 0_u64..12, (0_u64..3).prop_map(|k| u64::MAX - k)].prop_map(Key)
}

fn step() -> impl Strategy<Value = Step> {
    let peer = || (0_u32..4).prop_map(PeerId);
    prop_oneof![
        (key(), peer()).prop_map(|(key, peer)| Step::Insert(key, peer)),
        (key(), peer()).prop_map(|(key, peer)| Step::Remove(key, peer)),
        key().prop_map(Step::Around),
    ]
}

fn successor(list: &[Entry], key: Key) -> Option<Entry> {
    list.iter().find(|(k, _)| *k >= key).or(list.first()).copied()
}

fn predecessor(list: &[Entry], key: Key) -> Option<Entry> {
    list.iter().rev().find(|(k, _)| *k < key).or(list.last()).copied()
}

proptest! {
    #[test]
    fn roster_is_a_sorted_list_of_any_size(expected in 0_usize..3000, steps in prop::collection::vec(step(), 0..200)) {
        let mut roster = Roster::new(expected);
        let mut list: Vec<Entry> = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, peer) => {
                    let place = list.binary_search(&(key, peer));
                    prop_assert_eq!(roster.insert(key, peer), place.is_err());
                    if let Err(at) = place {
                        list.insert(at, (key, peer));
                    }
                }
                Step::Remove(key, peer) => {
                    let place = list.binary_search(&(key, peer));
                    prop_assert_eq!(roster.remove(key, peer), place.is_ok());
                    if let Ok(at) = place {
                        list.remove(at);
                    }
                }
                Step::Around(key) => {
                    prop_assert_eq!(roster.successor(key), successor(&list, key));
                    prop_assert_eq!(roster.predecessor(key), predecessor(&list, key));
                }
            }
            prop_assert_eq!((roster.len(), roster.is_empty()), (list.len(), list.is_empty()));
        }
        prop_assert_eq!(roster.iter().collect::<Vec<_>>(), list);
    }
}

#[test]
fn the_ends_of_the_ring_meet() {
    let mut roster = Roster::new(100);
    assert_eq!((roster.successor(Key(5)), roster.predecessor(Key(5))), (None, None));
    let only = (Key(1 << 40), PeerId(1));
    roster.insert(only.0, only.1);
    for key in [Key(0), only.0, Key(u64::MAX)] {
        assert_eq!(roster.successor(key), Some(only));
        assert_eq!(roster.predecessor(key), Some(only), "its own predecessor, round the whole ring");
    }
    let last = (Key(u64::MAX), PeerId(2));
    roster.insert(last.0, last.1);
    assert_eq!(roster.successor(Key((1 << 40) + 1)), Some(last));
    assert_eq!(roster.predecessor(Key(0)), Some(last));
    assert_eq!(roster.successor(last.0), Some(last), "at or after");
    assert_eq!(roster.predecessor(last.0), Some(only), "strictly before");
}

//! The engine against one sorted queue, in worlds drawn at random.

use peerlab_engine::time::{Span, Time};
use proptest::prelude::*;

use crate::toy::{Cut, World};

prop_compose! {
    /// Worlds of a few thousand events between a millisecond and centuries long.
    fn worlds()(
        seed in any::<u64>(),
        actors in 1_u32..24,
        begin in prop_oneof![Just(0), Just(-600_000_000_000), -1_000_000_000_000_i64..1_000_000_000_000],
        min_delay in prop_oneof![1_u64..100, Just(1_000_000), Just(1 << 20), 1_u64..1_000_000_000],
        length in (20_u32..63, 0.5..1.0).prop_map(|(bits, part)| ((1_u64 << bits) as f64 * part) as u64),
        grid in prop_oneof![Just(1), 1_u64..10_000_000],
        life in 1_u8..6,
        group_bits in prop_oneof![3 => Just(0), 1 => 1_u32..4],
    ) -> World {
        let begin = Time::from_nanos(begin);
        World { seed, actors, begin, end: begin.saturating_add(Span::from_nanos(length)), min_delay: Span::from_nanos(min_delay), grid, life, group_bits }
    }
}

/// A cut: how long after the beginning, as a number of bits and some of them; and what it does.
type Where = (u32, u64, Option<u32>);

fn cuts() -> impl Strategy<Value = Vec<Where>> {
    prop::collection::vec((0_u32..64, any::<u64>(), prop::option::of(any::<u32>())), 0..12)
}

/// Places cuts within a world, as many in its first microseconds as in its last years.
fn place(world: &World, cuts: &[Where]) -> Vec<(Time, Cut)> {
    let bits = world.end.since(world.begin).nanos().ilog2() + 1;
    let place = |&(bit, odd, poke): &Where| {
        let highest = 1_u64 << (bit % bits);
        let at = world.begin.saturating_add(Span::from_nanos(highest | odd & (highest - 1)));
        (at, poke.map_or(Cut::Observe, |actor| Cut::Poke(actor % world.actors)))
    };
    cuts.iter().map(place).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Goal: what each actor saw, in which order, the digest, and the state at every cut are those of one sorted queue.
    /// Method: random worlds with cuts at odd places, some of which act; any number of shards, some of them empty.
    #[test]
    fn any_number_of_shards_does_what_one_sorted_queue_does(world in worlds(), cuts in cuts()) {
        let cuts = place(&world, &cuts);
        let expected = world.naive(&cuts);
        for shards in [1, 2, 3, 8] {
            prop_assert_eq!(&world.run(shards, world.min_delay, &cuts), &expected, "{} shards", shards);
        }
    }

    /// Goal: a window's length is a matter of speed alone.
    #[test]
    fn shorter_windows_change_nothing(world in worlds(), cuts in cuts(), divisor in 2_u64..1000) {
        let cuts = place(&world, &cuts);
        let expected = world.naive(&cuts);
        for divisor in [2, 7, 100, divisor] {
            let lookahead = Span::from_nanos((world.min_delay.nanos() / divisor).max(1));
            prop_assert_eq!(&world.run(1, lookahead, &cuts), &expected, "1/{} of the smallest delay", divisor);
        }
        prop_assert_eq!(&world.run(2, Span::from_nanos(1), &cuts), &expected, "windows of a nanosecond");
    }

    /// Goal: looking changes nothing, however often.
    #[test]
    fn a_cut_that_only_looks_changes_nothing(world in worlds(), period in 1_u64..1_000, odd in 0_u64..1_000_000) {
        let unwatched = world.run(1, world.min_delay, &[]);
        let period = Span::from_nanos(world.end.since(world.begin).nanos() / period + odd + 1);
        let mut at = world.begin.saturating_add(period);
        let mut cuts = Vec::new();
        while at < world.end {
            cuts.push((at, Cut::Observe));
            at = at.saturating_add(period);
        }
        for shards in [1, 2] {
            let watched = world.run(shards, world.min_delay, &cuts);
            prop_assert_eq!(watched.observations.len(), cuts.len());
            prop_assert_eq!((&watched.actors, &watched.digest), (&unwatched.actors, &unwatched.digest), "{} shards", shards);
        }
    }
}

/// Goal: the random worlds are worth something: they are neither empty nor all alike.
#[test]
fn a_toy_world_has_thousands_of_events_that_share_instants() {
    let world = World {
        seed: 7,
        actors: 30,
        begin: Time::ZERO,
        end: Time::from_secs(3_600),
        min_delay: Span::from_millis(1),
        grid: 10_000_000,
        group_bits: 0,
        life: 6,
    };
    let outcome = world.naive(&[]);
    assert!(outcome.handled() > 2_000, "{} events", outcome.handled());
    assert_eq!(world.run(2, world.min_delay, &[]), outcome);
    assert_ne!(World { seed: 8, ..world }.naive(&[]).digest, outcome.digest);
}

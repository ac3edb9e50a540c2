//! Lookups: the right owner; as many hops as the paper's analysis says and as a calculation on the same ring takes.

use peerlab_model::{LookupId, Rng, Span, Target};

use super::*;

/// Asks `count` random keys from random members, without waiting for answers.
fn ask(world: &mut World<Koorde>, count: usize) -> Vec<(LookupId, u32, Key)> {
    let mut rng = world.test_rng();
    let online = world.online();
    (0..count)
        .map(|_| {
            let (seat, key) = (online[rng.index(online.len())], random_key(&mut rng));
            (world.lookup(seat, Target::Key(key)), seat, key)
        })
        .collect()
}

/// The paper's walk, worked out on the list of all members: no messages, no tables, positions on the ring instead of peers. Hops from the
/// peer at `origin` to the predecessor of `key`, which names the owner.
///
/// A peer knows the next `successors` on the ring, and around k·m the last `backups` + 1 at or before it and `pointers` − 1 beyond.
struct Oracle<'a> {
    keys: &'a [u64],
    config: &'a KoordeConfig,
}

impl Oracle<'_> {
    /// Clockwise from `a` to `b`; the whole ring if they are equal.
    fn ahead(a: u64, b: u64) -> u128 {
        let distance = u128::from(b.wrapping_sub(a));
        if distance == 0 { 1 << 64 } else { distance }
    }

    /// The position of the last member strictly before a point.
    fn before(&self, point: u64) -> usize {
        (self.keys.partition_point(|&key| key < point) + self.keys.len() - 1) % self.keys.len()
    }

    fn hops(&self, origin: usize, key: u64) -> u32 {
        let n = self.keys.len();
        let bits = self.config.degree.trailing_zeros();
        let target = self.before(key);
        let steps = |from: usize, to: usize| (to + n - from) % n;
        if (target + 1) % n == origin {
            // The origin knows its own interval.
            return 0;
        }
        let (mut at, mut hops, mut i, mut left) = (origin, 0, None::<u64>, 0_u32);
        while at != target {
            hops += 1;
            assert!(hops < 2000, "the walk has no end");
            if steps(at, target) < usize::from(self.config.successors) {
                return hops;
            }
            let this = self.keys[at];
            let gap = Self::ahead(this, self.keys[(at + 1) % n]);
            let mut node = i.unwrap_or_else(|| {
                // The fewest digits for which some number in the interval ends in what comes before them in the key.
                left = (1..=64).find(|&digits| Self::first(this, gap, key, digits * bits).is_some()).expect("all 64 bits are enough");
                Self::first(this, gap, key, left * bits).expect("just found")
            });
            let mut shifted = false;
            while left > 0 && Self::ahead(this, node) <= gap {
                left -= 1;
                let digit = if left * bits >= 64 { 0 } else { (key >> (left * bits)) & (u64::from(self.config.degree) - 1) };
                node = (node << bits) | digit;
                shifted = true;
            }
            i = Some(node);
            // Where the de Bruijn node is, and how near the tables come to it.
            let goal = self.before(node);
            let point = this << bits;
            let anchor = if self.keys.contains(&point) { self.before(point) + 1 } else { self.before(point) } % n;
            let known = steps(anchor, goal).min(usize::from(self.config.pointers) - 1);
            at = if shifted { (anchor + known) % n } else { (at + steps(at, goal).min(usize::from(self.config.successors))) % n };
        }
        hops
    }

    /// The first number after `this` within `gap` whose low bits are the key's top ones, all but the last `rest`.
    fn first(this: u64, gap: u128, key: u64, rest: u32) -> Option<u64> {
        if rest >= 64 {
            return Some(this.wrapping_add(1));
        }
        let modulus = 1_u128 << (64 - rest);
        let top = u128::from(key >> rest);
        let start = u128::from(this) + 1;
        let candidate = start + (top + modulus - start % modulus) % modulus;
        (candidate - u128::from(this) <= gap).then_some(candidate as u64)
    }
}

/// Mean hops of `count` lookups in a converged ring, and of the same ones by calculation.
fn compare(config: &KoordeConfig, population: u32, count: usize) -> (f64, f64) {
    let mut world = world(config, population, 7);
    world.start_converged(0..population);
    let asked = ask(&mut world, count);
    world.run_for(Span::from_secs(30));
    let ring = ring(&world);
    let keys: Vec<u64> = ring.iter().map(|&(key, _)| key.0).collect();
    let oracle = Oracle { keys: &keys, config };
    let (mut measured, mut expected) = (0, 0);
    for (id, seat, key) in asked {
        let record = world.record(id);
        assert_eq!(record.peers(), [owner(&ring, key)], "{record:?}");
        let origin = keys.binary_search(&world.setting.numbering.key(world.id(seat)).0).expect("it is a member");
        measured += record.hits[0].hit.hops;
        expected += oracle.hops(origin, key.0);
    }
    (f64::from(measured) / count as f64, f64::from(expected) / count as f64)
}

/// Goal: the path lengths of the paper's basic algorithm (Fig. 2 with the choice of the first i of section 4): one successor, one pointer.
/// Theory: log2 N shifts of which about two are saved, each followed by about one step along the ring; O(log N) in all, at most 3 log2 N.
#[test]
fn one_pointer_and_one_successor_take_a_few_log2_n_hops() {
    for (population, bits) in [(1 << 8, 8.0), (1 << 10, 10.0), (1 << 12, 12.0)] {
        let (measured, expected) = compare(&bare(2), population, 3000);
        println!("k = 2, N = {population}: {measured:.3} hops, calculated {expected:.3}, {:.3} of log2 N", measured / bits);
        assert!((measured - expected).abs() < 0.02 * expected, "{measured} and {expected}");
        assert!((1.0..3.0).contains(&(measured / bits)), "{measured} hops for {bits} bits");
    }
}

/// Goal: hops to the base k. A peer's interval holds k peers at the place where its imaginary nodes go, on average and often more: k pointers
/// reach the right one in most cases, the others take a step along the ring; three times as many reach nearly all.
#[test]
fn pointers_to_the_base_k_take_log_k_n_hops() {
    for (degree, digit) in [(4_u16, 2.0), (8, 3.0), (16, 4.0)] {
        for (times, low, high) in [(1, 0.9, 1.7), (3, 0.8, 1.15)] {
            for (population, bits) in [(1 << 10, 10.0), (1 << 12, 12.0)] {
                let pointers = degree as u8 * times;
                let config = KoordeConfig { degree, pointers, backups: 0, successors: pointers, ..config(Routing::SemiRecursive) };
                let (measured, expected) = compare(&config, population, 2000);
                let theory = bits / digit;
                println!(
                    "k = {degree}, {pointers} pointers, N = {population}: {measured:.3} hops, calculated {expected:.3}, log_k N {theory:.2}"
                );
                assert!((measured - expected).abs() < 0.03 * expected, "{measured} and {expected}");
                assert!((low..high).contains(&(measured / theory)), "{measured} and {theory}");
            }
        }
    }
}

#[test]
fn lookups_at_rest_find_the_owner() {
    for routing in ALL {
        for confirm_owner in [false, true] {
            let config = KoordeConfig { confirm_owner, ..config(routing) };
            for population in [2, 5, 30, 200] {
                let mut world = world(&config, population, 9);
                world.start_converged(0..population);
                let asked = ask(&mut world, 200);
                world.run_for(MINUTE);
                let ring = ring(&world);
                for (id, _, key) in asked {
                    assert_eq!(world.record(id).peers(), [owner(&ring, key)]);
                    assert_eq!(world.record(id).timeouts, 0);
                }
            }
        }
    }
}

/// Half of the peers die at once and nothing is mended yet: backups, successor lists and retries find nearly every owner.
#[test]
fn simultaneous_failures_are_routed_around() {
    for routing in ALL {
        for (share, least) in [(0.1, 0.99), (0.3, 0.95)] {
            let never = Duration::secs(1_000_000);
            let config = KoordeConfig {
                stabilize_interval: never,
                fix_debruijn_interval: never,
                check_predecessor_interval: never,
                routing,
                ..KoordeConfig::default()
            };
            let mut world = world(&config, 1000, 3);
            world.start_converged(0..1000);
            let mut seats = world.online();
            world.test_rng().shuffle(&mut seats);
            for &seat in &seats[..(1000.0 * share) as usize] {
                world.crash(seat);
            }
            let asked = ask(&mut world, 900);
            world.run_for(MINUTE);
            let ring = ring(&world);
            let right = asked.iter().filter(|&&(id, _, key)| world.record(id).peers() == [owner(&ring, key)]).count() as f64 / 900.0;
            println!("{routing:?}, {share} failed: {right:.4} found");
            assert!(right >= least, "{routing:?}, {share} failed: {right} found");
        }
    }
}

#[test]
fn lookups_find_the_owner_again_after_churn_has_settled() {
    for routing in ALL {
        let config = config(routing);
        let mut world = world(&config, 120, 11);
        world.start_converged(0..80);
        let mut rng = world.test_rng();
        for _ in 0..150 {
            churn(&mut world, &mut rng);
            world.run_for(Span::from_secs(4));
            world.check();
        }
        world.run_for(MINUTE.times(15));
        assert_pointers_are_exact(&world, &config);
        let asked = ask(&mut world, 300);
        world.run_for(MINUTE);
        let ring = ring(&world);
        for (id, _, key) in asked {
            assert_eq!(world.record(id).peers(), [owner(&ring, key)]);
        }
    }
}

/// One random arrival, departure or crash.
fn churn(world: &mut World<Koorde>, rng: &mut Rng) {
    let seat = rng.below(120) as u32;
    match (world.online().contains(&seat), rng.below(2)) {
        (false, _) => world.join(seat),
        (true, 0) => world.crash(seat),
        (true, _) => world.leave(seat),
    }
}

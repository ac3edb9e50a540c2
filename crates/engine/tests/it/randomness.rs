//! Random streams: values that never change, that are uniform, and that know nothing of each other.

use peerlab_engine::random::{Rng, Streams, mix, unit_f64};
use statrs::distribution::{ChiSquared, ContinuousCDF};

#[test]
fn generators_keep_their_values() {
    let mut rng = Streams::new(42).rng("churn", 7);
    assert_eq!([rng.bits(), rng.bits(), rng.bits()], [0xc30b_7708_6e29_0648, 0x8987_b1d4_c0ed_f26c, 0xc6b8_27c9_c305_fd65]);
    let seeds = [0, 1, u32::MAX].map(|repetition| Streams::repetition_seed(42, repetition));
    assert_eq!(seeds, [0x0ab2_7c40_14a0_f6e4, 0xb140_de5d_cf6f_668d, 0xeb5c_598a_bdbc_5862]);
}

#[test]
fn draws_keep_their_values() {
    let mut rng = Streams::new(42).rng("churn", 7);
    let draws = [1, 2, 6, 10, 1000, 1 << 40, u64::MAX, 3 << 62].map(|n| rng.below(n));
    assert_eq!(draws, [0, 1, 4, 6, 909, 12_339_621_960, 9_845_579_381_214_774_189, 5_183_608_588_097_605_347]);
    let draws: [f64; 3] = std::array::from_fn(|_| rng.unit_f64());
    assert_eq!(draws, [0.506_051_821_665_760_3, 0.566_032_549_272_124_3, 0.417_112_138_966_176_16]);
    let mut items: Vec<u32> = (0..10).collect();
    rng.shuffle(&mut items);
    assert_eq!(items, [4, 2, 9, 3, 7, 8, 5, 1, 0, 6]);
    assert_eq!((rng.pick(&items), rng.index(5), rng.pick::<u32>(&[])), (Some(&1), 1, None));
}

#[test]
fn keyed_draws_keep_their_values() {
    let keyed = Streams::new(42).keyed("jitter");
    let draws = [(0, 0), (0, 1), (1, 0), (u64::MAX, u64::MAX)].map(|(a, b)| keyed.bits(a, b));
    assert_eq!(draws, [0x66d4_5b88_d186_8856, 0x4d3b_2a31_5898_8118, 0x8d37_184b_d5ad_4b94, 0x6139_87aa_2134_ecf0]);
    let mut rng = keyed.rng(3, 4);
    assert_eq!([rng.bits(), rng.bits()], [0xa7e0_6eb6_a422_059f, 0x3da9_cef8_10a5_689a]);
}

/// The first outputs of splitmix64 from seed 0, as published with its reference code.
#[test]
fn mix_is_the_finaliser_of_splitmix64() {
    const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let outputs = [1, 2, 3].map(|n: u64| mix(GAMMA.wrapping_mul(n)));
    assert_eq!(outputs, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
}

#[test]
fn a_unit_float_lies_on_its_grid_below_one() {
    assert_eq!([0, 1 << 11, 1 << 63].map(unit_f64), [0.0, f64::EPSILON / 2.0, 0.5]);
    assert_eq!(unit_f64(u64::MAX), 1.0 - f64::EPSILON / 2.0);
    let mut rng = Streams::new(1).rng("chance", 0);
    assert!((0..1000).all(|_| !rng.chance(0.0) && rng.chance(1.0)));
}

/// Draws `draws` times from `bins` equally likely bins; fails if that looks too uneven, or too even, at one in a million.
fn assert_uniform(name: &str, bins: usize, draws: u32, mut draw: impl FnMut(u32) -> usize) {
    let mut counts = vec![0_u32; bins];
    (0..draws).for_each(|n| counts[draw(n)] += 1);
    let expected = f64::from(draws) / bins as f64;
    let statistic: f64 = counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum();
    let p = ChiSquared::new((bins - 1) as f64).expect("at least two bins").sf(statistic);
    assert!((1e-6..1.0 - 1e-6).contains(&p), "{name}: chi-square {statistic:.1} with {bins} bins, p = {p:e}");
}

#[test]
fn draws_are_uniform() {
    let mut rng = Streams::new(3).rng("uniform", 1);
    for shift in (0..64).step_by(8) {
        assert_uniform("a byte of bits", 256, 100_000, |_| (rng.bits() >> shift) as usize % 256);
    }
    for n in [2, 3, 10, 1_000] {
        assert_uniform("below", n, 200_000, |_| rng.below(n as u64) as usize);
    }
    // Three quarters of the range: without rejection, a third of the values would be twice as likely.
    assert_uniform("below a large n", 12, 200_000, |_| (rng.below(3 << 62) >> 60) as usize);
    assert_uniform("unit", 100, 200_000, |_| (rng.unit_f64() * 100.0) as usize);
    assert_uniform("chance", 2, 200_000, |_| usize::from(rng.chance(0.5)));
    assert_uniform("shuffle", 24, 100_000, |_| {
        let mut items = [0, 1, 2, 3];
        rng.shuffle(&mut items);
        rank(items)
    });
}

/// The number of a permutation of four.
fn rank(items: [usize; 4]) -> usize {
    let smaller_after = |at: usize| items[at + 1..].iter().filter(|&&item| item < items[at]).count();
    smaller_after(0) * 6 + smaller_after(1) * 2 + smaller_after(2)
}

#[test]
fn what_neighbouring_keys_draw_is_uniform() {
    let streams = Streams::new(5);
    let keyed = streams.keyed("loss");
    for shift in [0, 28, 56] {
        assert_uniform("first draws of entities", 256, 50_000, |n| (streams.rng("peer", u64::from(n)).bits() >> shift) as usize % 256);
        assert_uniform("keyed, first key", 256, 100_000, |n| (keyed.bits(u64::from(n), 9) >> shift) as usize % 256);
        assert_uniform("keyed, second key", 256, 100_000, |n| (keyed.bits(9, u64::from(n)) >> shift) as usize % 256);
        assert_uniform("keyed, both", 256, 100_000, |n| (keyed.bits(u64::from(n % 300), u64::from(n / 300)) >> shift) as usize % 256);
        assert_uniform("first draws of keyed generators", 256, 100_000, |n| (keyed.rng(1, u64::from(n)).bits() >> shift) as usize % 256);
        assert_uniform("repetitions", 256, 5_000, |n| (Streams::repetition_seed(1, n) >> shift) as usize % 256);
    }
}

/// Fails if the bits of the pairs agree more or less often than in half of the cases (at five standard errors).
fn assert_unrelated(name: &str, pairs: impl Iterator<Item = (u64, u64)>) {
    let (mut differing, mut count) = (0, 0);
    for (a, b) in pairs {
        differing += (a ^ b).count_ones();
        count += 64;
    }
    let excess = f64::from(differing) - f64::from(count) / 2.0;
    assert!(excess.abs() < 5.0 * f64::from(count).sqrt() / 2.0, "{name}: {differing} of {count} bits differ");
}

#[test]
fn streams_are_independent_of_each_other() {
    let streams = Streams::new(1);
    let draws = |mut rng: Rng| std::iter::repeat_with(move || rng.bits()).take(10_000);
    let base = || draws(streams.rng("churn", 5));
    assert_unrelated("next entity", base().zip(draws(streams.rng("churn", 6))));
    assert_unrelated("far entity", base().zip(draws(streams.rng("churn", 5 | 1 << 40))));
    assert_unrelated("another purpose", base().zip(draws(streams.rng("churm", 5))));
    assert_unrelated("a longer purpose", base().zip(draws(streams.rng("churn2", 5))));
    assert_unrelated("next seed", base().zip(draws(Streams::new(2).rng("churn", 5))));
    assert_unrelated("one draw later", base().zip(base().skip(1)));
}

#[test]
fn each_bit_of_a_key_changes_half_of_the_draw() {
    let keyed = Streams::new(1).keyed("loss");
    for bit in 0..64 {
        let flip = 1_u64 << bit;
        assert_unrelated("first key", (0..2_000).map(|n| (keyed.bits(n, 7 * n), keyed.bits(n ^ flip, 7 * n))));
        assert_unrelated("second key", (0..2_000).map(|n| (keyed.bits(n, 7 * n), keyed.bits(n, (7 * n) ^ flip))));
    }
    assert_unrelated("keys exchanged", (0..2_000).map(|n| (keyed.bits(n, n + 1), keyed.bits(n + 1, n))));
    assert_unrelated("purposes", (0..2_000).map(|n| (keyed.bits(n, n), Streams::new(1).keyed("jitter").bits(n, n))));
}

#[test]
fn how_much_one_stream_is_used_does_not_shift_another() {
    let streams = Streams::new(9);
    let mut churn = streams.rng("churn", 0);
    let undisturbed: Vec<u64> = std::iter::repeat_with(|| churn.bits()).take(10).collect();
    let (mut churn, mut other) = (streams.rng("churn", 0), streams.rng("lookups", 0));
    for (n, expected) in undisturbed.into_iter().enumerate() {
        other.shuffle(&mut vec![0; n]);
        assert_eq!(churn.bits(), expected);
    }
}

#[test]
fn repetitions_of_neighbouring_seeds_share_no_seed() {
    let mut seeds: Vec<u64> =
        (0..100).flat_map(|seed| (0..100).map(move |repetition| Streams::repetition_seed(seed, repetition))).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 10_000);
}

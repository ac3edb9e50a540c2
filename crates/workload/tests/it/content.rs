//! Copies and popularity.

use std::collections::BTreeSet;

use peerlab_engine::random::Streams;
use peerlab_model::units::Size;
use peerlab_model::{HostId, ItemId};
use peerlab_workload::{ContentConfig, Distribution, Holdings, ItemSampler, ItemSize, Popularity, Replication, Shelves};

fn content(items: u32, copies: u32) -> ContentConfig {
    ContentConfig { items, copies, ..ContentConfig::default() }
}

#[test]
fn every_item_has_exactly_its_copies_on_different_hosts() {
    for (items, copies, population) in [(500, 10, 1000), (50, 0, 100), (20, 99, 100), (20, 100, 100), (20, 60, 100), (1, 1, 1)] {
        let holdings = Holdings::new(&content(items, copies), population, Streams::new(1));
        let mut by_host = vec![Vec::new(); population as usize];
        for item in (0..items).map(ItemId) {
            let holders = holdings.holders(item);
            assert_eq!(holders.len(), copies as usize);
            assert!(holders.windows(2).all(|pair| pair[0] < pair[1]) && holders.iter().all(|host| host.0 < population));
            for host in holders {
                by_host[host.0 as usize].push(item);
            }
        }
        for (host, items) in by_host.iter().enumerate() {
            assert_eq!(holdings.items(HostId(host as u32)), items);
        }
        assert!(holdings.items(HostId(population)).is_empty() && holdings.items(HostId(u32::MAX)).is_empty());
    }
}

/// With 20,000 independent copies on 100 hosts, items per host are nearly normal with mean 200 and variance 200·(1 − 1/100).
#[test]
fn holders_are_uniform() {
    for copies in [10, 80] {
        let holdings = Holdings::new(&content(2000, copies), 100, Streams::new(2));
        let share = f64::from(copies) / 100.0;
        let (mean, variance) = (2000.0 * share, 2000.0 * share * (1.0 - share));
        let counts = (0..100).map(|host| holdings.items(HostId(host)).len() as f64);
        let chi2: f64 = counts.map(|count| (count - mean) * (count - mean) / variance).sum();
        // χ² with 99 degrees of freedom (the sum is fixed): 99.9 % lie below 149.
        assert!(chi2 < 149.0, "{copies} copies: {chi2}");
    }
}

#[test]
fn an_items_holders_do_not_depend_on_how_many_items_there_are() {
    let (few, many) = (Holdings::new(&content(5, 10), 1000, Streams::new(1)), Holdings::new(&content(500, 10), 1000, Streams::new(1)));
    assert!((0..5).map(ItemId).all(|item| few.holders(item) == many.holders(item)));
    let other = Holdings::new(&content(5, 10), 1000, Streams::new(2));
    assert!((0..5).map(ItemId).any(|item| few.holders(item) != other.holders(item)));
}

/// The copies of each item, and the mean number of peers that a walk looks at, times the mean number of copies over the population: 1 if all
/// items have the same number.
fn allotted(replication: Replication, exponent: f64, items: u32, copies: u32, population: u32) -> (Vec<u32>, f64) {
    let popularity = Popularity::Zipf { exponent };
    let config = ContentConfig { replication, popularity, ..content(items, copies) };
    let holdings = Holdings::new(&config, population, Streams::new(1));
    let counts: Vec<u32> = (0..items).map(|item| holdings.holders(ItemId(item)).len() as u32).collect();
    let weights: Vec<f64> = (1..=items).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
    let total: f64 = weights.iter().sum();
    let size: f64 = weights.iter().zip(&counts).map(|(weight, &count)| weight / total / f64::from(count)).sum();
    (counts, size * f64::from(copies))
}

/// Goal: Cohen & Shenker's ratios of the search size to that of the uniform allocation, for 1000 items. Method: the closed form, over the whole
/// numbers of copies that are dealt out; rounding costs less than the last digit.
#[test]
fn square_roots_save_what_the_closed_form_says_and_proportions_nothing() {
    for (exponent, ratio) in [(0.5, 0.904), (0.8, 0.700), (1.0, 0.510), (1.2, 0.327)] {
        let (counts, size) = allotted(Replication::SquareRoot, exponent, 1000, 100, 100_000);
        assert!((size - ratio).abs() < 0.001, "exponent {exponent}: {size}");
        assert_eq!(counts.iter().sum::<u32>(), 100_000);
        assert!(counts.windows(2).all(|pair| pair[0] >= pair[1]), "the more popular has at least as many");
    }
    for exponent in [0.5, 0.8] {
        let (_, size) = allotted(Replication::Proportional, exponent, 1000, 100, 100_000);
        assert!((size - 1.0).abs() < 0.01, "exponent {exponent}: {size}");
    }
}

#[test]
fn every_allotment_adds_up_within_its_bounds() {
    for replication in [Replication::Proportional, Replication::SquareRoot] {
        for (exponent, items, copies, population) in
            [(0.0, 10, 3, 50), (1.2, 1000, 2, 500), (10.0, 300, 4, 40), (0.8, 50, 20, 20), (2.0, 1, 7, 9)]
        {
            let (counts, _) = allotted(replication, exponent, items, copies, population);
            assert_eq!(counts.iter().sum::<u32>(), items * copies, "{replication:?}, exponent {exponent}, {items} items");
            assert!(counts.iter().all(|count| (1..=population).contains(count)));
        }
        // Only one item is asked for: it is everywhere, and what is left over is dealt to nobody.
        let config = ContentConfig { replication, popularity: Popularity::Constant { item: 3 }, ..content(10, 40) };
        let holdings = Holdings::new(&config, 100, Streams::new(1));
        let counts: Vec<usize> = (0..10).map(|item| holdings.holders(ItemId(item)).len()).collect();
        assert_eq!(counts, [1, 1, 1, 100, 1, 1, 1, 1, 1, 1]);
    }
}

fn counts(popularity: Popularity, items: u32, draws: u32) -> Vec<f64> {
    let sampler = ItemSampler::new(&ContentConfig { items, popularity, ..ContentConfig::default() });
    let mut rng = Streams::new(1).rng("test", 0);
    let mut counts = vec![0.0; items as usize];
    for _ in 0..draws {
        counts[sampler.sample(&mut rng).0 as usize] += 1.0;
    }
    counts
}

#[test]
fn zipf_frequencies_follow_zipfs_law() {
    for exponent in [0.0, 0.8, 1.0, 2.0] {
        let counts = counts(Popularity::Zipf { exponent }, 50, 200_000);
        let weights: Vec<f64> = (1..=50).map(|rank| libm::pow(f64::from(rank), -exponent)).collect();
        let total: f64 = weights.iter().sum();
        let chi2: f64 = counts
            .iter()
            .zip(&weights)
            .map(|(count, weight)| {
                let expected = 200_000.0 * weight / total;
                (count - expected) * (count - expected) / expected
            })
            .sum();
        // χ² with 49 degrees of freedom: 99.9 % lie below 85.4.
        assert!(chi2 < 85.4, "exponent {exponent}: {chi2}");
    }
}

#[test]
fn uniform_and_constant_popularity() {
    let uniform = counts(Popularity::Uniform, 10, 100_000);
    let chi2: f64 = uniform.iter().map(|count| (count - 10_000.0) * (count - 10_000.0) / 10_000.0).sum();
    assert!(chi2 < 27.9, "{chi2}");
    assert_eq!(counts(Popularity::Constant { item: 3 }, 5, 100), [0.0, 0.0, 0.0, 100.0, 0.0]);
}

/// Disks that change, against a plain set.
#[test]
fn shelves_are_those_of_the_start_until_they_change() {
    let holdings = Holdings::new(&content(40, 5), 20, Streams::new(3));
    let mut shelves = Shelves::new(HostId(10));
    let mut expected: Vec<BTreeSet<ItemId>> = (10..20).map(|host| holdings.items(HostId(host)).iter().copied().collect()).collect();
    let mut rng = Streams::new(4).rng("changes", 0);
    for _ in 0..500 {
        let (host, item, holds) = (rng.index(10), ItemId(rng.index(40) as u32), rng.below(2) == 1);
        let changes = if holds { expected[host].insert(item) } else { expected[host].remove(&item) };
        assert_eq!(shelves.set(&holdings, HostId(host as u32 + 10), item, holds), changes);
        for (items, host) in expected.iter().zip((10..).map(HostId)) {
            assert!(shelves.items(&holdings, host).iter().eq(items));
            assert_eq!(shelves.has(&holdings, host, item), items.contains(&item));
        }
    }
}

/// Drawn sizes have the medians and means of their distributions; an item's does not depend on how many there are.
#[test]
fn items_are_as_large_as_their_distribution_has_it() {
    let mib = Size(1 << 20);
    let lognormal = Distribution::Lognormal { mean: None, median: Some(mib), sigma: 1.2 };
    let pareto = Distribution::Pareto { mean: Some(mib), minimum: None, shape: 3.0 };
    // Median and mean, in MiB: 1 and exp(σ²/2); minimum · 2^(1/3), where the minimum is two thirds of the mean.
    let cases = [(lognormal, 1.0, libm::exp(0.72)), (pareto, libm::pow(2.0, 1.0 / 3.0) * 2.0 / 3.0, 1.0)];
    for (distribution, median, mean) in cases {
        let size = ItemSize::Drawn(distribution);
        let draw = |items: u32| size.draw(items, Streams::new(5)).expect("they differ");
        let mut drawn = draw(100_000);
        assert_eq!(draw(300), drawn[..300]);
        let in_mib = |size: Size| size.0 as f64 / mib.0 as f64;
        let found = drawn.iter().copied().map(in_mib).sum::<f64>() / drawn.len() as f64;
        assert!((found / mean - 1.0).abs() < 0.03 && (in_mib(size.mean()) / mean - 1.0).abs() < 1e-5, "{size:?}: mean {found}");
        drawn.sort_unstable();
        let middle = in_mib(drawn[drawn.len() / 2]);
        assert!((middle / median - 1.0).abs() < 0.02, "{size:?}: median {middle}");
    }
    assert_eq!(ItemSize::Same(mib).draw(10, Streams::new(5)), None);
    let tiny = ItemSize::Drawn(Distribution::Exponential { mean: Size(1) });
    assert_eq!(tiny.draw(1000, Streams::new(5)).expect("they differ").into_iter().min(), Some(Size(1)), "no item is empty");
}

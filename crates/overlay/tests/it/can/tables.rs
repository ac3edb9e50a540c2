//! Zones and neighbours: as built, and as grown by joins.

use peerlab_model::{Issues, OverlayConfig};
use peerlab_overlay::structured::can::{CanMessage, Zones};

use super::*;

#[test]
fn messages_are_small() {
    assert!(size_of::<CanMessage>() <= 40, "a message takes {} bytes", size_of::<CanMessage>());
}

#[test]
fn converged_tables_are_exact() {
    for d in [1, 2, 3, 5, 10] {
        for population in [1, 2, 3, 7, 16, 100, 256] {
            for zones in [Zones::Random, Zones::Equal] {
                let mut world = world(&CanConfig { zones, ..config(d) }, population, u64::from(population));
                world.start_converged(0..population);
                assert_eq!(is_exact(&world, d, 1), Ok(()), "{d} dimensions, {population} peers, {zones:?}");
            }
        }
    }
}

#[test]
fn equal_zones_are_equal() {
    let mut world = world(&CanConfig { zones: Zones::Equal, ..config(3) }, 128, 4);
    world.start_converged(0..128);
    assert!(all_zones(&world, 0).iter().all(|(zone, _)| zone.depth == 7));
}

/// Goal: both starts lead to the same network. Method: with one join at a time and each at its own point, the zones follow from the order
/// alone; tables grown by messages are exact, as the built ones are, and the zones are as uneven.
#[test]
fn joins_lead_to_exact_tables() {
    for (d, population) in [(1, 20), (2, 100), (3, 60), (5, 60)] {
        let grown = grown(&config(d), population, 3);
        assert_eq!(is_exact(&grown, d, 1), Ok(()), "{d} dimensions");
        assert!(grown.online().iter().all(|&seat| grown.joined(seat)));
    }
}

/// The sizes of zones after joins in a random order, over several networks: the share of each depth.
#[test]
fn built_zones_are_as_uneven_as_grown_ones() {
    let mut depths = [[0_u32; 24]; 2];
    for seed in 0..8 {
        let grown = grown(&config(2), 64, seed);
        let built = {
            let mut world = world(&config(2), 64, seed + 100);
            world.start_converged(0..64);
            world
        };
        for (count, world) in depths.iter_mut().zip([&grown, &built]) {
            for (zone, _) in all_zones(world, 0) {
                count[usize::from(zone.depth)] += 1;
            }
        }
    }
    for (depth, (grown, built)) in depths[0].iter().zip(depths[1]).enumerate() {
        assert!(grown.abs_diff(built) <= 30, "depth {depth}: {grown} grown, {built} built, of 512");
    }
}

#[test]
fn every_reality_is_a_division_of_its_own() {
    let config = CanConfig { realities: 3, ..config(2) };
    let mut built = world(&config, 60, 3);
    built.start_converged(0..60);
    assert_eq!(is_exact(&built, 2, 3), Ok(()));
    let grown = grown(&config, 40, 3);
    assert_eq!(is_exact(&grown, 2, 3), Ok(()));
    let peer = grown.peer(7).expect("online");
    assert!(peer.zones(0) != peer.zones(1) || peer.zones(1) != peer.zones(2));
}

#[test]
fn uniform_partitioning_makes_zones_more_even() {
    let spread = |uniform_partitioning| {
        let world = grown(&CanConfig { uniform_partitioning, ..config(2) }, 100, 3);
        assert_eq!(is_exact(&world, 2, 1), Ok(()));
        let depths: Vec<u8> = all_zones(&world, 0).iter().map(|(zone, _)| zone.depth).collect();
        depths.iter().max().expect("zones") - depths.iter().min().expect("zones")
    };
    let (random, uniform) = (spread(false), spread(true));
    assert!(uniform < random && uniform <= 4, "depths differ by {uniform}, and by {random} without");
}

#[test]
fn bad_values_are_named_with_a_way_out() {
    let bad = CanConfig {
        preset: Some("full".to_owned()),
        dimensions: 0,
        realities: 9,
        replicas: 0,
        holders_per_answer: 0,
        failure_after: Duration::secs(1),
        request_timeout: Duration::millis(0),
        ..CanConfig::default()
    };
    let mut issues = Issues::new();
    bad.check(100, &mut issues);
    let paths: Vec<&str> = issues.list().iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["preset", "dimensions", "realities", "request_timeout", "replicas", "holders_per_answer", "failure_after"]);
    for (name, preset) in CanConfig::presets() {
        let mut issues = Issues::new();
        preset.check(100, &mut issues);
        assert!(issues.list().is_empty(), "{name}: {:?}", issues.list());
    }
}

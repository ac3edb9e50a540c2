//! Lookups: the right owner, few hops, copies that save timeouts.

use super::*;

#[test]
fn lookups_at_rest_find_the_owner() {
    for confirm_owner in [false, true] {
        for population in [1, 2, 5, 30, 200] {
            let config = AccordionConfig { confirm_owner, ..config() };
            let mut world = world(&config, population, 9);
            world.start_converged(0..population);
            let asked = ask(&mut world, 150, Span::from_millis(20));
            world.run_for(MINUTE);
            let ring = ring(&world);
            for (id, key) in asked {
                assert_eq!(world.record(id).peers(), [owner(&ring, key)], "{population} peers");
                assert_eq!(world.record(id).timeouts, 0);
            }
        }
    }
}

/// Each lookup ends once, although copies of it arrive several times.
#[test]
fn copies_do_not_answer_twice() {
    let config = AccordionConfig { r_avg: 1000, b_burst: 20_000, ..config() };
    let mut world = world(&config, 100, 3);
    world.start_converged(0..100);
    world.run_for(MINUTE.times(3));
    let asked = ask(&mut world, 200, Span::from_millis(500));
    world.run_for(MINUTE);
    assert!(asked.iter().all(|&(id, _)| world.record(id).hits.len() == 1 && world.record(id).finished.is_some()));
}

/// Paper, section 3: O(log N) hops with a table of any size, fewer with larger ones, one or two when the whole network fits.
#[test]
fn hops_fall_with_the_budget() {
    let mut means = Vec::new();
    for r_avg in [20, 100, 500] {
        let config = AccordionConfig { r_avg, b_burst: 100 * r_avg, ..config() };
        let mut world = world(&config, 1000, 8);
        world.start_converged(0..1000);
        let asked = ask(&mut world, 1500, Span::from_millis(10));
        world.run_for(Span::from_secs(20));
        let hops = mean(asked.iter().map(|&(id, _)| f64::from(world.record(id).hits[0].hit.hops)));
        println!("r_avg = {r_avg}: {:.1} contacts, {hops:.3} hops", mean_contacts(&world));
        means.push(hops);
    }
    assert!(means[0] > means[1] && means[1] > means[2] && means[0] < 10.0, "{means:?}");
}

#[test]
fn lookups_find_the_owner_again_after_churn_has_settled() {
    let mut world = world(&config(), 120, 11);
    world.start_converged(0..80);
    let mut rng = world.test_rng();
    for _ in 0..150 {
        let seat = rng.below(120) as u32;
        match (world.online().contains(&seat), rng.below(2)) {
            (false, _) => world.join(seat),
            (true, 0) => world.crash(seat),
            (true, _) => world.leave(seat),
        }
        world.run_for(Span::from_secs(4));
        world.check();
    }
    world.run_for(MINUTE.times(15));
    assert_eq!(ring_is_whole(&world), Ok(()));
    let asked = ask(&mut world, 300, Span::from_millis(20));
    world.run_for(MINUTE);
    let ring = ring(&world);
    for (id, key) in asked {
        assert_eq!(world.record(id).peers(), [owner(&ring, key)]);
    }
}

/// Goal: parallel copies pass over the dead. Method: a third of the peers die at once; with six copies a lookup meets its owner
/// sooner than with one.
#[test]
fn copies_hide_the_timeouts_of_the_dead() {
    let latency = |w_max: u8| {
        let never = Duration::secs(1_000_000);
        let config = AccordionConfig {
            w_max,
            r_avg: 300,
            b_burst: 30_000,
            stabilize_interval: never,
            check_predecessor_interval: never,
            start_age: Duration::secs(36_000),
            ..config()
        };
        let mut world = world(&config, 300, 3);
        world.start_converged(0..300);
        world.run_for(MINUTE.times(5));
        for seat in 0..100 {
            world.crash(seat);
        }
        let asked = ask(&mut world, 300, Span::from_millis(1));
        world.run_for(MINUTE);
        let ring = ring(&world);
        let right = asked.iter().filter(|&&(id, key)| world.record(id).peers() == [owner(&ring, key)]);
        let took: Vec<f64> =
            right.map(|&(id, _)| world.record(id)).map(|record| record.hits[0].at.since(record.asked).secs_f64()).collect();
        assert!(took.len() > 285, "{} of 300 found", took.len());
        mean(took.into_iter())
    };
    let (one, six) = (latency(1), latency(6));
    println!("seconds a lookup: {one:.3} with one copy, {six:.3} with up to six");
    assert!(six < one, "{six} and {one}");
}

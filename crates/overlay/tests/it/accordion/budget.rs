//! The budget binds: what peers send in a long time is what they may, whatever it is spent on.

use peerlab_model::{Message, Wire};
use peerlab_overlay::structured::accordion::AccordionMessage;

use super::*;

/// Bytes that each peer sent per second, headers included, with one lookup every `gap` in the whole network: after the same load has gone on
/// for long enough to use up what was saved before.
fn spent(config: &AccordionConfig, population: u32, gap: Option<Span>) -> f64 {
    let mut world = world(config, population, 4);
    world.start_converged(0..population);
    let load = |world: &mut World<Accordion>, seconds: u64| match gap {
        Some(gap) => drop(ask(world, (Span::from_secs(seconds).nanos() / gap.nanos()) as usize, gap)),
        None => world.run_for(Span::from_secs(seconds)),
    };
    load(&mut world, 400);
    let before = world.bytes_sent();
    load(&mut world, 600);
    (world.bytes_sent() - before) as f64 / 600.0 / f64::from(population)
}

/// Goal: upkeep and lookups together keep to the budget. Method: budgets of different size, without lookups and with one a peer every 30 s;
/// bytes of all messages that were sent.
#[test]
fn upkeep_and_lookups_together_keep_to_the_budget() {
    for r_avg in [60, 120, 240] {
        let config = AccordionConfig { r_avg, b_burst: 50 * r_avg, ..config() };
        for gap in [None, Some(Span::from_millis(300))] {
            let bytes = spent(&config, 100, gap);
            println!("r_avg = {r_avg}, lookups every {gap:?}: {bytes:.1} bytes per peer and second");
            assert!(bytes <= 1.03 * f64::from(r_avg), "{bytes} bytes per second of {r_avg}");
            assert!(bytes >= 0.9 * f64::from(r_avg), "{bytes} bytes per second of {r_avg}: the rest is not used");
        }
    }
}

/// What has to be sent is sent, budget or not; but then nothing else is.
#[test]
fn a_budget_below_the_ring_s_own_cost_explores_nothing() {
    let config = AccordionConfig { r_avg: 1, b_burst: 300, ..config() };
    let mut world = world(&config, 60, 2);
    world.start_converged(0..60);
    world.run_for(MINUTE.times(10));
    let before = world.sent("explore");
    let asked = ask(&mut world, 60, Span::from_secs(10));
    assert_eq!(world.sent("explore") - before, 0);
    world.run_for(MINUTE);
    let ring = ring(&world);
    for (id, key) in asked {
        assert_eq!(world.record(id).peers(), [owner(&ring, key)]);
    }
    assert!((0..60).all(|seat| world.peer(seat).expect("online").window() == 1));
}

/// A rich peer opens its window: more copies of each lookup. Many lookups close it again.
#[test]
fn the_window_follows_what_the_budget_has_left() {
    let config = AccordionConfig { r_avg: 1000, b_burst: 20_000, ..config() };
    let mut world = world(&config, 60, 3);
    world.start_converged(0..60);
    world.run_for(MINUTE.times(3));
    assert!((0..60).all(|seat| world.peer(seat).expect("online").window() == 6));
    let asked = ask(&mut world, 20, Span::from_secs(1));
    let copies = mean(asked.iter().map(|&(id, _)| world.record(id).sent.get("forward").copied().unwrap_or(0) as f64));
    println!("{copies:.2} copies of a lookup");
    assert!(copies > 3.0, "{copies}");
    ask(&mut world, 40_000, Span::from_millis(2));
    let window = mean((0..60).map(|seat| f64::from(world.peer(seat).expect("online").window())));
    assert!(window < 3.0, "{window}");
}

#[test]
fn messages_are_as_large_as_the_page_says() {
    use peerlab_overlay::structured::accordion::AccordionMessage as M;
    assert!(size_of::<M>() <= 56, "{}", size_of::<M>());
    assert_eq!(AccordionMessage::KINDS.len(), 35);
    assert_eq!(AccordionMessage::KINDS[34], "explored");
    assert_eq!(M::Notify.wire_bytes(Wire::Udp), 29);
}

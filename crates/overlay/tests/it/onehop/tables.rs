//! Tables: those of a converged start, those that joins grow, sizes, parameters.

use std::mem::size_of;
use std::sync::Arc;

use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Wire};
use peerlab_overlay::Comparison;
use peerlab_overlay::structured::onehop::{Event, OneHopMessage, OneHopTimer, Pending};

use super::*;

#[test]
fn converged_tables_are_exact() {
    for population in [1, 2, 3, 9, 300] {
        let mut world = world(&config(), population, u64::from(population));
        world.start_converged(0..population);
        assert_eq!(tables_are_exact(&world), Ok(()), "{population} peers");
    }
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second.
#[test]
fn joins_lead_to_the_converged_tables() {
    let mut world = world(&config(), 100, 3);
    world.start_empty();
    for seat in 0..100 {
        world.join(seat);
        world.run_for(Span::from_secs(1));
    }
    world.run_for(MINUTE.times(3));
    assert!((0..100).all(|seat| world.joined(seat)));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

#[test]
fn a_crowd_that_joins_at_once_settles() {
    let mut world = world(&config(), 80, 4);
    world.start_empty();
    (0..80).for_each(|seat| world.join(seat));
    world.run_for(MINUTE.times(5));
    assert!((0..80).all(|seat| world.joined(seat)));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

#[test]
fn a_quiet_ring_has_one_table_in_memory() {
    let mut world = world(&config(), 60, 4);
    world.start_converged(0..60);
    world.run_for(MINUTE.times(5));
    let lists: Vec<*const PeerId> = (0..60).map(|seat| world.peer(seat).expect("online").members().as_ptr()).collect();
    assert!(lists.iter().all(|&list| list == lists[0]));
    // Two keep-alives and their answers a second, and a comparison every five seconds.
    assert!((2 * 60 * 299..=2 * 60 * 301).contains(&world.sent("keep-alive")), "{}", world.sent("keep-alive"));
    assert!(world.sent("keep-alive").abs_diff(world.sent("alive")) < 20, "all are answered but for those on their way");
    assert_eq!(world.sent("members") + world.sent("report") + world.sent("ping") + world.sent("refuse"), 0);
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<OneHopMessage>() <= 48, "{}", size_of::<OneHopMessage>());
    assert!(size_of::<OneHopTimer>() <= 8, "{}", size_of::<OneHopTimer>());
    assert!(size_of::<OneHopPeer>() <= 96, "{}", size_of::<OneHopPeer>());
    assert!(size_of::<Pending>() <= 72, "{}", size_of::<Pending>());
    let mut world = world(&OneHopConfig::default(), 1 << 10, 5);
    world.start_converged(0..1 << 10);
    let bytes = world.model.state_bytes(world.peer(0).expect("online"));
    println!("{bytes} bytes a peer");
    assert!((4 << 10..(4 << 10) + 400).contains(&bytes));
    let expected = OneHopConfig::default().expected_bytes(1 << 10);
    assert!(expected >= bytes as u64 && OneHopConfig::default().expected_bytes(100_000) >= 400_000);
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let mut world = world(&config(), 2, 5);
    world.start_converged(0..2);
    let token = {
        let mut found = None;
        world.handle(0, |_, _, cx| found = Some(cx.open(Pending::Ping { to: PeerId(1), sent: 1 })));
        found.expect("a token")
    };
    let quiet = OneHopMessage::KeepAlive { events: None, token, up: true };
    assert_eq!((quiet.wire_bytes(Wire::Udp), quiet.wire_bytes(Wire::P2psim)), (28 + 6, 20));
    let events: Arc<[Event]> = Arc::from([Event { peer: PeerId(1), joined: true }, Event { peer: PeerId(2), joined: false }]);
    let busy = OneHopMessage::KeepAlive { events: Some(events), token, up: true };
    assert_eq!((busy.wire_bytes(Wire::Udp), busy.wire_bytes(Wire::P2psim)), (28 + 6 + 2 * 27, 20 + 2 * 4));
    let table = OneHopMessage::Table { members: Arc::new(vec![PeerId(0); 1024]), token };
    assert_eq!((table.wire_bytes(Wire::Udp), table.wire_bytes(Wire::P2psim)), (28 + 5 + 1024 * 26, 20 + 1024 * 4));
    let last = OneHopMessage::Repair(Comparison::Spare { keys: std::sync::Arc::default() });
    assert!(OneHopMessage::KINDS.len() == 25 && last.kind() == 24);
}

fn issues(config: &OneHopConfig) -> Vec<String> {
    let mut issues = Issues::new();
    config.check(100, &mut issues);
    issues.into_list().into_iter().map(|issue| format!("{}: {}", issue.path, issue.message)).collect()
}

#[test]
fn parameters_have_the_literature_s_names_and_impossible_ones_are_refused() {
    let config: OneHopConfig = toml::from_str("slices = 7\nt_big = \"30 s\"\nt_wait = \"2 s\"").expect("it can be read");
    assert!(config.slices == 7 && config.t_big == Duration::secs(30));
    assert!(toml::from_str::<OneHopConfig>("slice = 4").is_err());
    assert!(issues(&OneHopConfig::default()).is_empty());
    let wrong = issues(&OneHopConfig { units: 0, probes: 0, replicas: 17, t_big: Duration::millis(0), ..OneHopConfig::default() });
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[0].contains("units: a slice has 1 to 200 units, not 0"), "{wrong:?}");
    assert!(issues(&OneHopConfig { slices: 50, ..OneHopConfig::default() })[0].contains("more than 100 peers can fill"));
}

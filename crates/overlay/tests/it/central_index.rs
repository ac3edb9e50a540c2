//! What the central index promises, in the reference world.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, Key, Message, Overlay, OverlayConfig, Span, Target, Time, Wire};
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig, Index, IndexMessage, IndexPeer, Select};

use crate::harness::{Options, World, constant};

type IndexWorld = World<CentralIndex>;

const PEERS: u32 = 40;
/// The server's seat.
const SERVER: u32 = PEERS;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn item(number: u32) -> Target {
    Target::Item(ItemId(number))
}

fn world_with(config: &CentralIndexConfig, options: Options) -> IndexWorld {
    World::new(config, Options { population: PEERS, items: 100, ..options })
}

fn world() -> IndexWorld {
    world_with(&CentralIndexConfig::default(), Options::default())
}

/// All are members; peer k holds item k, peers 10 … 39 hold item 99.
fn converged(config: &CentralIndexConfig, options: Options) -> IndexWorld {
    let mut world = world_with(config, options);
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        if seat >= 10 {
            world.give(seat, &[99]);
        }
    }
    world.start_converged(0..PEERS);
    world
}

fn index(world: &IndexWorld) -> &Index {
    match world.peer(SERVER) {
        Some(IndexPeer::Server(server)) => server.index(),
        _ => panic!("the server is off"),
    }
}

fn registered(world: &IndexWorld, seat: u32) -> bool {
    matches!(world.peer(seat), Some(IndexPeer::Client(client)) if client.is_registered())
}

/// Asks, waits, and gives back the seats that were named.
fn ask(world: &mut IndexWorld, origin: u32, target: Target) -> Vec<u32> {
    let id = world.lookup(origin, target);
    world.run_for(seconds(60));
    assert!(world.record(id).finished.is_some());
    let mut seats: Vec<u32> = world.record(id).peers().iter().map(|&peer| world.setting.numbering.seat(peer)).collect();
    seats.sort_unstable();
    seats
}

#[test]
fn a_question_is_one_hop_two_messages_and_one_round_trip() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    let id = world.lookup(3, item(7));
    world.run_for(seconds(1));
    let record = world.record(id);
    assert_eq!(record.peers(), [world.id(7)]);
    assert_eq!((record.hits[0].hit.hops, record.hits[0].hit.rounds), (1, 0));
    assert_eq!((record.sent["query"], record.sent["answer"], record.messages()), (1, 1, 2));
    assert_eq!(record.finished, Some(Time::ZERO + Span::from_millis(100)));
    assert_eq!((record.timeouts, ask(&mut world, 3, item(98))), (0, vec![]));
}

#[test]
fn peers_are_found_by_name_and_keys_are_not_known() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    let named = world.id(5);
    assert_eq!(ask(&mut world, 3, Target::Peer(named)), [5]);
    world.leave(5);
    world.run_for(seconds(1));
    assert_eq!(ask(&mut world, 3, Target::Peer(named)), [0; 0]);
    assert_eq!(ask(&mut world, 3, Target::Key(Key(5))), [0; 0]);
}

#[test]
fn random_results_are_spread_and_recent_ones_are_the_latest() {
    let config = CentralIndexConfig { results: 5, ..CentralIndexConfig::default() };
    let mut random = converged(&config, Options::default());
    let mut counts = [0_u32; PEERS as usize];
    for _ in 0..600 {
        let named = ask(&mut random, 3, item(99));
        assert_eq!(named.len(), 5);
        for seat in named {
            counts[seat as usize] += 1;
        }
    }
    // 30 holders, 100 times each on average; four standard deviations.
    assert!(counts[10..].iter().all(|count| count.abs_diff(100) < 40), "{counts:?}");
    let mut recent = converged(&CentralIndexConfig { select: Select::Recent, ..config }, Options::default());
    for seat in [1, 2, 4, 5, 6] {
        recent.publish(seat, &[99]);
        recent.run_for(seconds(1));
    }
    assert_eq!(ask(&mut recent, 20, item(99)), [1, 2, 4, 5, 6]);
}

#[test]
fn the_asker_is_not_named_to_itself() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    assert_eq!(ask(&mut world, 7, item(7)), [0; 0]);
}

#[test]
fn joining_registers_everything_and_what_comes_later() {
    let mut world = world();
    world.start_empty();
    world.give(1, &[11, 12]);
    for seat in 0..3 {
        world.join(seat);
    }
    world.run_for(Span::from_millis(110));
    assert!(world.joined(0) && !world.joined(1), "who shares something is a member when that is acknowledged");
    world.run_for(Span::from_millis(100));
    assert!(world.joined(1));
    assert_eq!(world.sent("share"), 1, "one message for all items, and none again for what it said already");
    assert_eq!(ask(&mut world, 0, item(12)), [1]);
    world.publish(2, &[12, 13]);
    world.run_for(seconds(1));
    assert_eq!((ask(&mut world, 0, item(12)), ask(&mut world, 0, item(13))), (vec![1, 2], vec![2]));
    world.withdraw(1, &[12]);
    world.run_for(seconds(1));
    assert_eq!((ask(&mut world, 0, item(12)), ask(&mut world, 0, item(11))), (vec![2], vec![1]));
    world.check();
}

#[test]
fn the_dead_are_named_until_the_timeout_and_then_forgotten() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    world.run_for(seconds(200));
    world.crash(7);
    world.run_for(seconds(55));
    // Last heard at most 60 s before the crash: it cannot be forgotten yet.
    assert_eq!(ask(&mut world, 3, item(7)), [7]);
    // 180 s of silence and a sweep every 30 s.
    world.run_for(seconds(180 + 30 - 115));
    assert_eq!(ask(&mut world, 3, item(7)), [0; 0]);
    assert_eq!(index(&world).len(), PEERS as usize - 1);
    world.check();
}

#[test]
fn who_says_goodbye_is_forgotten_at_once() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    world.leave(7);
    world.run_for(Span::from_millis(60));
    assert_eq!(ask(&mut world, 3, item(7)), [0; 0]);
    world.check();
}

/// Ages of the converged start fit to the heartbeats, wherever time begins.
#[test]
fn a_long_running_index_goes_on_without_a_break() {
    for begin in [Time::ZERO, Time::from_secs(-600), Time::from_secs(50)] {
        let mut world = converged(&CentralIndexConfig::default(), Options { begin, ..Options::default() });
        world.run_for(seconds(1800));
        assert_eq!((world.sent("login"), world.sent("unknown"), index(&world).len()), (0, 0, PEERS as usize));
        let beats = 30 * u64::from(PEERS);
        assert!(world.sent("heartbeat").abs_diff(beats) <= u64::from(PEERS), "{} heartbeats", world.sent("heartbeat"));
        world.check();
    }
}

#[test]
fn an_outage_ends_questions_with_timeouts_and_is_healed_by_registering_again() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    world.run_for(seconds(100));
    world.crash(SERVER);
    let id = world.lookup(3, item(7));
    // 2 + 4 + 8 + 16 s.
    world.run_for(seconds(31));
    let record = world.record(id);
    assert_eq!((record.hits.len(), record.timeouts, record.sent["query"]), (0, 4, 4));
    assert_eq!(record.finished, Some(record.asked + seconds(30)));
    world.run_for(seconds(300));
    assert!((0..PEERS).all(|seat| !registered(&world, seat)), "two heartbeats were missed");
    world.start_server(SERVER);
    let mut sizes = Vec::new();
    for _ in 0..100 {
        sizes.push(index(&world).len());
        world.run_for(seconds(1));
    }
    assert_eq!(index(&world).len(), PEERS as usize, "all are back within a heartbeat interval and a pause");
    let burst = sizes.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(burst < Some(PEERS as usize / 4), "they come one by one: {sizes:?}");
    assert_eq!(ask(&mut world, 3, item(7)), [7]);
    assert_eq!(ask(&mut world, 3, item(99)).len(), 20);
    world.check();
}

#[test]
fn a_server_that_restarts_between_two_heartbeats_tells_that_it_knows_nobody() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    world.run_for(seconds(100));
    world.crash(SERVER);
    world.start_server(SERVER);
    assert!(index(&world).is_empty());
    let id = world.lookup(3, item(3 + 1));
    world.run_for(seconds(1));
    assert_eq!(world.record(id).sent["unknown"], 1, "nothing is refused silently");
    assert!(!registered(&world, 3) && world.record(id).finished.is_none(), "the question waits for the new session");
    world.run_for(seconds(99));
    let record = world.record(id);
    assert!(record.finished.is_some() && record.timeouts == 0, "an answer did come: {record:?}");
    assert_eq!(index(&world).len(), PEERS as usize);
    assert_eq!(world.sent("login"), u64::from(PEERS), "each registers once");
    assert_eq!(ask(&mut world, 3, item(99)).len(), 20);
    world.check();
}

#[test]
fn lost_messages_are_asked_again() {
    let mut world = converged(&CentralIndexConfig::default(), Options { loss: 0.2, ..Options::default() });
    let mut found = 0;
    for round in 0..200 {
        found += usize::from(ask(&mut world, 3, item(5 + round % 30)).len() == 1);
    }
    // Each attempt gets through with 0.64: four fail with 0.36^4 = 1.7 %, and a session is sometimes lost.
    assert!(found >= 190, "{found} of 200");
    assert!(world.records().map(|record| record.timeouts).sum::<u32>() > 50);
    world.check();
}

/// A login whose answer comes later than the retry gets two sessions; the peer must end up with the server's.
#[test]
fn a_slow_server_leaves_nobody_with_a_dead_session() {
    let mut world =
        world_with(&CentralIndexConfig::default(), Options { latency: constant(Span::from_millis(1500)), ..Options::default() });
    world.start_empty();
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        world.join(seat);
    }
    world.run_for(seconds(120));
    assert!((0..PEERS).all(|seat| world.joined(seat) && registered(&world, seat)));
    let logins = world.sent("login");
    world.run_for(seconds(600));
    assert_eq!((world.sent("login"), index(&world).len()), (logins, PEERS as usize), "no storm of logins");
    assert_eq!(ask(&mut world, 3, item(7)), [7]);
    world.check();
}

#[test]
fn joins_and_departures_leave_no_trace_in_the_index() {
    let mut world = converged(&CentralIndexConfig::default(), Options::default());
    let mut rng = world.test_rng();
    for _ in 0..2000 {
        world.toggle_one(PEERS, &mut rng);
        world.run_for(seconds(1));
    }
    world.check();
    world.run_for(seconds(300));
    let online = (0..PEERS).filter(|&seat| world.peer(seat).is_some()).collect::<Vec<_>>();
    assert!(online.iter().all(|&seat| registered(&world, seat)));
    assert_eq!(index(&world).len(), online.len());
    world.check();
}

#[test]
fn the_server_is_a_role_with_the_configured_capacity() {
    let config = CentralIndexConfig { capacity: Some(500.0), queue: 50, ..CentralIndexConfig::default() };
    let roles = CentralIndex::dedicated(&config);
    assert_eq!(roles.len(), 1);
    assert_eq!((roles[0].name, roles[0].capacity, roles[0].queue), ("index", Some(500.0), 50));
}

#[test]
fn sizes_grow_with_what_is_told() {
    let token = peerlab_model::Requests::default().open(());
    let session = peerlab_overlay::hybrid::central_index::Session(0);
    let share = |items: u32| IndexMessage::Share { token, session, items: (0..items).map(ItemId).collect() };
    let bytes = |message: IndexMessage| message.wire_bytes(Wire::Udp);
    assert_eq!(bytes(share(0)), 28 + 12);
    assert_eq!(bytes(share(10)) - bytes(share(0)), 10 * (20 + 36));
    assert_eq!(bytes(IndexMessage::Heartbeat { token, session }), 28 + 12);
}

#[test]
fn impossible_parameters_are_named() {
    let parse = |text: &str| toml::from_str::<CentralIndexConfig>(text);
    assert_eq!(parse(""), Ok(CentralIndexConfig::default()));
    assert!(parse("result = 3").is_err());
    let config = CentralIndexConfig {
        results: 0,
        peer_timeout: Duration::secs(60),
        request_timeout: Duration::secs(0),
        capacity: Some(0.0),
        ..CentralIndexConfig::default()
    };
    let mut issues = Issues::new();
    config.check(8, &mut issues);
    let paths: Vec<&str> = issues.list().iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["results", "request_timeout", "peer_timeout", "capacity"]);
}

//! What client and server promise, in the reference world.

use std::collections::BTreeSet;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, Keywords, Overlay, OverlayConfig, Span, Target, Time, Word};
use peerlab_overlay::client_server::{Balance, ClientServer, ClientServerConfig, ServerPeer};

use crate::harness::{Options, World};

type ServerWorld = World<ClientServer>;

const PEERS: u32 = 20;
/// The balancer's seat, where there is one; the servers follow. Else the server's.
const FRONT: u32 = PEERS;

fn farm(servers: u16, balance: Balance) -> ClientServerConfig {
    ClientServerConfig { servers, balance, ..ClientServerConfig::default() }
}

fn world_with(config: &ClientServerConfig) -> ServerWorld {
    let mut world = World::new(config, Options { population: PEERS, items: 100, ..Options::default() });
    world.start_converged(0..PEERS);
    world
}

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// Asks, waits for the end, and gives back the seat that was named.
fn ask(world: &mut ServerWorld, origin: u32) -> Option<u32> {
    let id = world.lookup(origin, Target::Item(ItemId(7)));
    world.run_for(seconds(40));
    let record = world.record(id);
    assert!(record.finished.is_some() && record.hits.len() <= 1);
    record.peers().first().map(|&peer| world.setting.numbering.seat(peer))
}

/// Goal: a server that has everything finds all that matches, whoever holds it besides. Method: names of one or two words; a server alone, and two behind a balancer.
#[test]
fn all_that_matches_is_found_by_the_words_of_names() {
    for servers in [1, 2] {
        let words = (0..100).map(|item| vec![Word(item % 5), Word(10 + item % 4)]).collect();
        let config = ClientServerConfig { matches: 8, ..farm(servers, Balance::RoundRobin) };
        let mut world = ServerWorld::new(&config, Options { population: PEERS, items: 100, words, ..Options::default() });
        world.start_converged(0..PEERS);
        for (asked, expected) in [(vec![Word(3), Word(11)], 5), (vec![Word(2)], 8), (vec![Word(3), Word(4)], 0)] {
            let keywords = Keywords::new(&asked);
            let id = world.lookup(4, Target::Keywords(keywords));
            world.run_for(seconds(5));
            let record = world.record(id);
            let found: BTreeSet<ItemId> = record.hits.iter().filter_map(|answer| answer.item).collect();
            assert!(record.finished.is_some() && found.len() == expected, "{asked:?}: {found:?}");
            assert!(found.iter().all(|item| keywords.are_in(&world.words[item.0 as usize])), "{found:?}");
            assert!(
                record
                    .hits
                    .iter()
                    .all(|answer| answer.hit.hops == u32::from(servers) && world.setting.numbering.seat(answer.hit.peer) >= FRONT)
            );
        }
    }
}

/// How often each server is named when `count` questions come one after the other.
fn served(world: &mut ServerWorld, servers: u32, count: u32) -> Vec<u32> {
    let mut counts = vec![0; servers as usize];
    for origin in (0..PEERS).cycle().take(count as usize) {
        let server = ask(world, origin).expect("a server answers");
        counts[(server - FRONT - 1) as usize] += 1;
    }
    counts
}

#[test]
fn one_server_is_one_hop_two_messages_and_one_round_trip() {
    let mut world = world_with(&ClientServerConfig::default());
    let id = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(1));
    let record = world.record(id);
    assert_eq!(record.peers(), [world.id(FRONT)]);
    assert_eq!((record.hits[0].hit.hops, record.messages(), record.timeouts), (1, 2, 0));
    assert_eq!(record.finished, Some(Time::ZERO + Span::from_millis(100)));
}

#[test]
fn a_balancer_adds_a_hop_and_two_messages() {
    let mut world = world_with(&farm(3, Balance::RoundRobin));
    let id = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(1));
    let record = world.record(id);
    assert_eq!((record.hits[0].hit.hops, record.messages()), (2, 4));
    assert_eq!([record.sent["request"], record.sent["relay"], record.sent["served"], record.sent["answer"]], [1; 4]);
    assert_eq!(record.finished, Some(Time::ZERO + Span::from_millis(200)));
    world.check();
}

#[test]
fn nobody_says_anything_unless_somebody_asks() {
    let mut world = world_with(&farm(3, Balance::RoundRobin));
    world.run_for(seconds(3600));
    assert_eq!(world.bytes_sent(), 0);
}

#[test]
fn joining_takes_no_message_and_what_is_not_content_is_not_answered() {
    let mut world: ServerWorld = World::new(&ClientServerConfig::default(), Options { population: PEERS, ..Options::default() });
    world.start_empty();
    world.join(4);
    assert!(world.joined(4));
    let named = world.id(5);
    let id = world.lookup(4, Target::Peer(named));
    assert_eq!((world.record(id).finished, world.bytes_sent()), (Some(world.now()), 0));
}

#[test]
fn a_silent_server_is_asked_again_at_doubled_intervals_and_then_given_up() {
    let mut world = world_with(&ClientServerConfig::default());
    world.crash(FRONT);
    let id = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(40));
    let record = world.record(id);
    assert_eq!((record.sent["request"], record.timeouts, record.hits.len()), (4, 4, 0));
    assert_eq!(record.finished, Some(Time::ZERO + seconds(2 + 4 + 8 + 16)));
}

#[test]
fn a_question_outlives_a_server_that_is_back_before_the_next_attempt() {
    let mut world = world_with(&ClientServerConfig::default());
    world.crash(FRONT);
    let id = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(5));
    world.start_server(FRONT);
    world.run_for(seconds(10));
    let record = world.record(id);
    assert_eq!((record.sent["request"], record.timeouts, record.hits.len()), (3, 2, 1));
}

#[test]
fn nobody_asks_for_longer_than_a_lookup_may_take() {
    let options = Options { population: PEERS, items: 100, lookup_timeout: seconds(5), ..Options::default() };
    let mut world: ServerWorld = World::new(&ClientServerConfig::default(), options);
    world.start_converged(0..PEERS);
    world.crash(FRONT);
    let id = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(60));
    assert_eq!(world.record(id).finished, Some(Time::ZERO + seconds(2 + 4)));
}

#[test]
fn servers_take_turns() {
    let mut world = world_with(&farm(4, Balance::RoundRobin));
    assert_eq!(served(&mut world, 4, 40), [10; 4]);
}

#[test]
fn random_choices_are_spread() {
    for balance in [Balance::Random, Balance::TwoChoices] {
        let mut world = world_with(&farm(4, balance));
        let counts = served(&mut world, 4, 400);
        // 100 each on average; four standard deviations.
        assert!(counts.iter().all(|count| count.abs_diff(100) < 36), "{balance:?}: {counts:?}");
    }
}

/// The requests in progress at each server, after `requests` of them came at once while the first server's answers get nowhere.
fn in_progress(balance: Balance, requests: u32) -> Vec<u32> {
    // A server that says nothing for a minute, and a balancer that waits for longer.
    let config = ClientServerConfig { relay_timeout: Duration::secs(100), request_timeout: Duration::secs(200), ..farm(3, balance) };
    let mut world = world_with(&config);
    world.crash(FRONT + 1);
    for origin in (0..PEERS).cycle().take(requests as usize) {
        world.lookup(origin, Target::Item(ItemId(7)));
        world.run_for(seconds(1));
    }
    match world.peer(FRONT) {
        Some(ServerPeer::Balancer(balancer)) => balancer.open().collect(),
        _ => panic!("there is a balancer"),
    }
}

#[test]
fn counting_requests_in_progress_keeps_away_from_a_slow_server() {
    assert_eq!(in_progress(Balance::RoundRobin, 30), [10, 0, 0]);
    assert_eq!(in_progress(Balance::LeastConnections, 30), [1, 0, 0], "it has one already when the others have none");
    let of_two = in_progress(Balance::TwoChoices, 30)[0];
    // Both draws must fall on it: one in nine; blind choice would give it ten.
    assert!((1..10).contains(&of_two), "{of_two}");
}

#[test]
fn a_dead_server_costs_one_wait_and_then_nothing_while_it_counts_as_down() {
    let mut world = world_with(&ClientServerConfig { fail_timeout: Duration::secs(600), ..farm(2, Balance::RoundRobin) });
    world.crash(FRONT + 1);
    let first = world.lookup(3, Target::Item(ItemId(7)));
    world.run_for(seconds(2));
    let record = world.record(first);
    assert_eq!((record.timeouts, record.finished), (1, Some(Time::ZERO + seconds(1) + Span::from_millis(200))));
    for _ in 0..10 {
        assert_eq!(ask(&mut world, 5), Some(FRONT + 2));
    }
    assert_eq!(world.sent("relay"), 12, "the first question twice, the others once");
}

#[test]
fn a_server_that_is_back_gets_requests_again() {
    let mut world = world_with(&farm(2, Balance::RoundRobin));
    world.crash(FRONT + 1);
    assert_eq!(ask(&mut world, 5), Some(FRONT + 2));
    world.start_server(FRONT + 1);
    assert_eq!(served(&mut world, 2, 20), [10, 10], "40 s later it no longer counts as down");
}

#[test]
fn where_all_count_as_down_all_are_tried() {
    let mut world = world_with(&ClientServerConfig { fail_timeout: Duration::secs(3600), ..farm(2, Balance::RoundRobin) });
    world.crash(FRONT + 1);
    world.crash(FRONT + 2);
    assert_eq!(ask(&mut world, 5), None);
    world.start_server(FRONT + 1);
    assert_eq!(ask(&mut world, 5), Some(FRONT + 1));
}

#[test]
fn without_the_balancer_the_servers_are_out_of_reach() {
    let mut world = world_with(&farm(3, Balance::RoundRobin));
    world.crash(FRONT);
    assert_eq!(ask(&mut world, 5), None);
    world.start_server(FRONT);
    assert!(ask(&mut world, 5).is_some());
}

#[test]
fn servers_have_the_capacity_and_the_balancer_its_own() {
    let config = ClientServerConfig { capacity: Some(50.0), balancer_capacity: Some(900.0), queue: 7, ..farm(3, Balance::Random) };
    let roles = ClientServer::dedicated(&config);
    let facts: Vec<_> = roles.iter().map(|role| (role.name, role.capacity, role.queue, role.holds_all)).collect();
    let server = ("server", Some(50.0), 7, true);
    assert_eq!(facts, [("balancer", Some(900.0), 7, false), server, server, server]);
    assert_eq!(ClientServer::dedicated(&ClientServerConfig::default()).len(), 1);
}

#[test]
fn impossible_values_are_named() {
    let wrong = |config: ClientServerConfig| {
        let mut issues = Issues::new();
        config.check(10, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    let good = ClientServerConfig::default;
    assert_eq!(wrong(good()), [""; 0]);
    assert_eq!(wrong(ClientServerConfig { servers: 0, ..good() }), ["servers"]);
    assert_eq!(wrong(ClientServerConfig { servers: 1001, ..good() }), ["servers"]);
    assert_eq!(wrong(ClientServerConfig { capacity: Some(0.0), ..good() }), ["capacity"]);
    assert_eq!(wrong(ClientServerConfig { servers: 2, balancer_capacity: Some(f64::NAN), ..good() }), ["balancer_capacity"]);
    assert_eq!(wrong(ClientServerConfig { balancer_capacity: Some(10.0), ..good() }), ["balancer_capacity"]);
    assert_eq!(wrong(ClientServerConfig { relay_timeout: Duration::secs(0), ..good() }), ["relay_timeout"]);
    assert_eq!(wrong(ClientServerConfig { max_fails: 0, ..good() }), ["max_fails"]);
    assert_eq!(wrong(ClientServerConfig { retries: 17, ..good() }), ["retries"]);
}

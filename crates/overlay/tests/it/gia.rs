//! What Gia promises, in the reference world (which has capacities, but no queues).

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, LookupId, Overlay, OverlayConfig, PeerId, Span, Target};
use peerlab_overlay::graph::Graph;
use peerlab_overlay::unstructured::gia::{Gia, GiaConfig, GiaMessage, Report, Told, Walk};

use crate::harness::{Capacities, Options, World};
use crate::histories::histories;

type GiaWorld = World<Gia>;

/// Capacity of each of the paper's levels, times ten, and the share of peers below it.
const LEVELS: [(f64, f64); 5] = [(10.0, 0.2), (100.0, 0.65), (1000.0, 0.95), (10_000.0, 0.999), (100_000.0, 1.0)];

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// Levels in the paper's shares, spread evenly over the seats.
fn unequal(population: u32) -> Capacities {
    Box::new(move |seat| {
        // A step that has no divisor in common with the population visits each place once.
        let place = (f64::from(seat * 7919 % population) + 0.5) / f64::from(population);
        LEVELS.iter().find(|(_, upto)| place < *upto).map(|(capacity, _)| *capacity)
    })
}

fn world(population: u32, seed: u64) -> GiaWorld {
    world_of(&GiaConfig::default(), population, seed)
}

fn world_of(config: &GiaConfig, population: u32, seed: u64) -> GiaWorld {
    World::new(config, Options { population, seed, items: population, capacity: unequal(population), ..Options::default() })
}

fn neighbours(world: &GiaWorld, seat: u32) -> Vec<PeerId> {
    world.peer(seat).map_or_else(Vec::new, |peer| peer.neighbours().collect())
}

/// All links are known at both ends, and the overlay is one.
fn assert_sound(world: &GiaWorld) {
    world.check();
    let online = world.online();
    let mut edges = Vec::new();
    for &seat in &online {
        for other in neighbours(world, seat) {
            let other = world.setting.numbering.seat(other);
            assert!(neighbours(world, other).contains(&world.id(seat)), "{other} is a neighbour of {seat}, and does not know it");
            edges.push((seat.min(other), seat.max(other)));
        }
    }
    let graph = Graph::from_edges(online.iter().max().map_or(0, |most| most + 1), &edges);
    let reached: u32 = graph.nodes_by_distance(online[0]).iter().sum();
    assert_eq!(reached as usize, online.len(), "the overlay has fallen apart");
}

/// Mean number of neighbours of each level.
fn degrees(world: &GiaWorld, population: u32) -> [f64; 5] {
    let capacity = unequal(population);
    LEVELS.map(|(level, _)| {
        let of_level: Vec<usize> =
            (0..population).filter(|&seat| capacity(seat) == Some(level)).map(|seat| neighbours(world, seat).len()).collect();
        of_level.iter().sum::<usize>() as f64 / of_level.len().max(1) as f64
    })
}

fn find(world: &mut GiaWorld, asker: u32, item: u32) -> LookupId {
    let id = world.lookup(asker, Target::Item(ItemId(item)));
    world.run_for(seconds(70));
    id
}

#[test]
fn the_strong_have_many_neighbours_and_the_weak_few() {
    let mut world = world(1000, 3);
    world.start_converged(0..1000);
    assert_sound(&world);
    let before = degrees(&world, 1000);
    world.run_for(seconds(120));
    assert_sound(&world);
    let after = degrees(&world, 1000);
    println!("{before:.1?} at the start, {after:.1?} after two minutes");
    for degrees in [before, after] {
        // A peer of level 10x may have 25, and is content with fewer of the strong.
        assert!((3.0..8.0).contains(&degrees[0]) && degrees[1] < 16.0, "{degrees:.1?}");
        assert!(degrees[2] > 1.5 * degrees[1] && degrees[3] > 40.0 && degrees[4] > 100.0, "{degrees:.1?}");
    }
    let moved = before.iter().zip(after).map(|(before, after)| (after / before - 1.0).abs());
    assert!(moved.fold(0.0, f64::max) < 0.15, "a converged start stays about as it is: {before:.1?} → {after:.1?}");
}

/// Goal: a converged start is what joins lead to. Method: 400 peers that join within a minute, and five minutes of adaptation.
#[test]
fn joins_lead_to_what_a_converged_start_begins_with() {
    let mut joined = world(400, 5);
    joined.start_empty();
    for seat in 0..400 {
        joined.join(seat);
        joined.run_for(Span::from_millis(150));
    }
    joined.run_for(seconds(300));
    assert_sound(&joined);
    assert!((0..400).all(|seat| joined.joined(seat)));
    let mut converged = world(400, 5);
    converged.start_converged(0..400);
    converged.run_for(seconds(60));
    let (joined, converged) = (degrees(&joined, 400), degrees(&converged, 400));
    println!("joined {joined:.1?}, converged {converged:.1?}");
    for level in 0..4 {
        assert!((joined[level] / converged[level] - 1.0).abs() < 0.35, "joined {joined:.1?}, converged {converged:.1?}");
    }
}

#[test]
fn a_peer_knows_what_its_neighbours_hold_and_hears_of_changes() {
    let mut world = world(50, 1);
    (0..50).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..50);
    world.run_for(seconds(60));
    let knows = |world: &GiaWorld, seat: u32, item: u32| world.peer(seat).is_some_and(|peer| peer.known_holders(ItemId(item)).count() == 1);
    let friends = |world: &GiaWorld, seat: u32| -> Vec<u32> {
        neighbours(world, seat).iter().map(|&peer| world.setting.numbering.seat(peer)).collect()
    };
    for seat in 0..50 {
        assert!(friends(&world, seat).iter().all(|&friend| knows(&world, seat, friend)), "{seat} has not heard of all");
    }
    world.publish(7, &[49]);
    world.withdraw(7, &[7]);
    world.run_for(seconds(1));
    for friend in friends(&world, 7) {
        let peer = world.peer(friend).unwrap();
        assert!(peer.known_holders(ItemId(49)).any(|holder| holder == world.id(7)), "{friend} has not heard what has come");
        assert!(!peer.known_holders(ItemId(7)).any(|holder| holder == world.id(7)), "{friend} has not heard what has gone");
    }
    let friend = friends(&world, 7)[0];
    world.leave(7);
    world.run_for(seconds(1));
    assert!(!world.peer(friend).unwrap().known_holders(ItemId(49)).any(|holder| holder == world.id(7)), "who leaves is forgotten");
}

#[test]
fn a_change_that_got_lost_is_asked_for() {
    let mut world = world(30, 2);
    world.start_converged(0..30);
    world.run_for(seconds(30));
    world.set_loss(1.0);
    world.publish(4, &[9]);
    world.set_loss(0.0);
    world.run_for(seconds(60));
    for friend in neighbours(&world, 4) {
        let peer = world.peer(world.setting.numbering.seat(friend)).unwrap();
        assert!(peer.known_holders(ItemId(9)).any(|holder| holder == world.id(4)), "{friend:?} never heard of it");
    }
    assert!(world.sent("ask-index") > 0);
}

#[test]
fn a_walk_finds_and_the_answer_names_the_holder() {
    let mut world = world(300, 4);
    (0..300).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..300);
    let asked: Vec<(LookupId, u32)> = (0..60).map(|seat| (world.lookup(seat, Target::Item(ItemId(299 - seat))), 299 - seat)).collect();
    world.run_for(seconds(70));
    for (id, holder) in asked {
        let record = world.record(id);
        assert_eq!(record.peers(), [world.id(holder)], "{id:?} of {holder}");
        assert!(record.finished.is_some());
        let hops = u64::from(record.hits[0].hit.hops);
        assert!(hops == 0 || record.sent["walk"] == hops, "one walk, and it ends where it finds");
        // Each step of the way back is one of the way there, or a shortcut.
        assert!(hops == 0 || record.sent.get("response").copied().unwrap_or(0) <= hops, "{record:?}");
    }
}

#[test]
fn as_many_answers_as_are_wanted_each_of_another_holder() {
    let config = GiaConfig { max_responses: 5, ..GiaConfig::default() };
    let mut world = world_of(&config, 200, 6);
    (0..200).step_by(10).for_each(|seat| world.give(seat, &[1]));
    world.start_converged(0..200);
    let id = find(&mut world, 33, 1);
    let mut named = world.record(id).peers();
    named.sort_unstable();
    named.dedup();
    assert_eq!((named.len(), world.record(id).hits.len()), (5, 5));
}

#[test]
fn what_nobody_has_costs_the_whole_walk_and_no_more() {
    let config = GiaConfig { ttl: 40, keep_alive_hops: 10, ..GiaConfig::default() };
    let mut world = world_of(&config, 200, 6);
    world.start_converged(0..200);
    let id = find(&mut world, 33, 1);
    let record = world.record(id);
    assert_eq!(record.sent["walk"], 40);
    assert!(record.hits.is_empty() && record.timeouts == 0);
    // The last one says that the walk is over: nobody waits for the end of time.
    assert!(record.finished.unwrap().since(record.asked) < seconds(10), "{record:?}");
    assert!(record.sent["keep-alive"] >= 4, "one at each ten links at least");
}

#[test]
fn a_walk_prefers_the_strong_and_does_not_take_the_same_way_twice() {
    let mut world = world(100, 8);
    world.start_converged(0..100);
    let walk = |id| {
        GiaMessage::Walk(Walk {
            id,
            wanted: peerlab_overlay::unstructured::gia::Sought::Item(ItemId(9)),
            hops: 3,
            left: 1,
            tokens: 0,
            named: None,
        })
    };
    let seat = (0..100).find(|&seat| neighbours(&world, seat).len() >= 4).unwrap();
    let friends = neighbours(&world, seat);
    let capacity = unequal(100);
    let numbering = world.setting.numbering;
    let of = |peer: &PeerId| capacity(numbering.seat(*peer)).unwrap();
    let mut expected: Vec<f64> = friends[1..].iter().map(of).collect();
    expected.sort_by(|a, b| b.total_cmp(a));
    // A question of somebody's own gives the walk a name that the world knows.
    let id = world.lookup((seat + 1) % 100, Target::Item(ItemId(9)));
    let mut went = Vec::new();
    for _ in 0..friends.len() - 1 {
        let before: Vec<(PeerId, u16)> = friends.iter().map(|&peer| (peer, world.peer(seat).unwrap().tokens_of(peer).unwrap())).collect();
        world.handle(seat, |model, peer, cx| model.message(peer, cx, friends[0], walk(LookupId { number: id.number | 3 << 27, ..id })));
        let peer = world.peer(seat).unwrap();
        went.extend(before.iter().filter(|(other, tokens)| peer.tokens_of(*other).unwrap() < *tokens).map(|(other, _)| of(other)));
    }
    assert_eq!(went, expected, "the strongest first, each once, and not back to where it came from");
}

#[test]
fn without_a_token_a_query_waits_until_one_comes() {
    let mut world = world(100, 8);
    world.start_converged(0..100);
    let seat = 11;
    let friends = neighbours(&world, seat);
    let tokens = |world: &GiaWorld| -> u32 { friends.iter().filter_map(|&peer| world.peer(seat)?.tokens_of(peer)).map(u32::from).sum() };
    let all = tokens(&world);
    assert_eq!(all, 3 * friends.len() as u32);
    let asked: Vec<LookupId> = (0..all + 5).map(|item| world.lookup(seat, Target::Item(ItemId(item % 100)))).collect();
    assert_eq!((tokens(&world), world.peer(seat).unwrap().backlog()), (0, 5), "five more than it has tokens");
    world.run_for(seconds(5));
    assert_eq!(world.peer(seat).unwrap().backlog(), 0, "its neighbours have given more");
    assert!(asked.iter().all(|&id| world.record(id).sent["walk"] > 0));
    world.run_for(seconds(60));
    assert!(tokens(&world) >= all, "what was used has been given again");
}

#[test]
fn a_peer_takes_no_more_queries_than_its_tokens_allow() {
    // Twelve peers of ten messages a second each, which all ask for ten times what they can bear together.
    let config = GiaConfig { ttl: 20, ..GiaConfig::default() };
    let weak = 10.0;
    let options = Options { population: 12, items: 50, capacity: Box::new(move |_| Some(weak)), ..Options::default() };
    let mut world: GiaWorld = World::new(&config, options);
    world.start_converged(0..12);
    world.run_for(seconds(10));
    let span = 60;
    let before = world.sent("walk");
    for _ in 0..span * 10 {
        for seat in 0..12 {
            world.lookup(seat, Target::Item(ItemId(40)));
        }
        world.run_for(Span::from_millis(100));
    }
    let walks = (world.sent("walk") - before) as f64;
    // Twelve peers mint five tokens a second each, and begin with three for each of some three neighbours.
    let minted = 12.0 * (weak * config.token_share * f64::from(span as u32) + 3.0 * 4.0 + 12.0);
    println!("{walks} walks of {minted} that tokens allow");
    assert!(walks < minted && walks > 0.1 * minted, "{walks} walks of {minted} that tokens allow");
    world.check();
}

#[test]
fn a_query_that_is_lost_is_sent_out_again() {
    let mut world = world(200, 9);
    world.give(150, &[1]);
    world.start_converged(0..200);
    let asker = (0..200).find(|&seat| seat != 150 && world.peer(seat).unwrap().known_holders(ItemId(1)).count() == 0).unwrap();
    world.set_loss(1.0);
    let id = world.lookup(asker, Target::Item(ItemId(1)));
    world.run_for(seconds(1));
    world.set_loss(0.0);
    world.run_for(seconds(60));
    let record = world.record(id);
    assert_eq!((record.timeouts, record.peers()), (1, vec![world.id(150)]));
    assert!(record.hits[0].at.since(record.asked) > seconds(15), "it was silent for so long");
}

#[test]
fn after_many_crashes_the_rest_finds_together_again() {
    let mut world = world(300, 12);
    (0..300).for_each(|seat| world.give(seat, &[seat % 100]));
    world.start_converged(0..300);
    world.run_for(seconds(20));
    (0..300).filter(|seat| seat % 2 == 1).for_each(|seat| world.crash(seat));
    world.run_for(seconds(240));
    assert_sound(&world);
    let asked: Vec<LookupId> = (0..50).map(|at| world.lookup(2 * at, Target::Item(ItemId(98 - 2 * at % 98)))).collect();
    world.run_for(seconds(70));
    let found = asked.iter().filter(|&&id| !world.record(id).hits.is_empty()).count();
    assert!(found >= 48, "{found} of 50 found what living peers hold");
}

#[test]
fn in_every_small_history_the_survivors_are_neighbours() {
    for history in histories(4) {
        for pause in [Span::from_millis(120), seconds(40)] {
            let mut world: GiaWorld = World::new(&GiaConfig::default(), Options { population: 4, ..Options::default() });
            world.live_through(&history, pause);
            world.run_for(seconds(200));
            world.check();
            let online = world.online();
            for &seat in &online {
                assert!(world.joined(seat), "{history:?}: {seat} is no member");
                let alive = neighbours(&world, seat).iter().all(|&peer| online.contains(&world.setting.numbering.seat(peer)));
                assert!(alive && (online.len() == 1 || !neighbours(&world, seat).is_empty()), "{history:?}, pause {pause:?}: {seat}");
            }
        }
    }
}

#[test]
fn machines_return_as_somebody_else() {
    let options = Options { population: 12, new_identity: true, ..Options::default() };
    let mut world: GiaWorld = World::new(&GiaConfig::default(), options);
    world.everybody_returns(12, seconds(2), seconds(15));
    world.run_for(seconds(120));
    assert_sound(&world);
}

#[test]
fn a_peer_can_be_looked_for_by_name() {
    let mut world = world(100, 1);
    world.start_converged(0..100);
    let id = world.lookup(3, Target::Peer(world.id(77)));
    world.run_for(seconds(70));
    assert_eq!(world.record(id).peers(), [world.id(77)]);
}

#[test]
fn messages_are_as_large_as_the_page_says() {
    use peerlab_model::{Message, Wire};
    let told = Told { capacity: 1000, degree: 3 };
    let mut requests = peerlab_model::Requests::default();
    let token = requests.open(());
    let size = |message: &GiaMessage| message.wire_bytes(Wire::Udp) - 28;
    assert_eq!(size(&GiaMessage::Connect { token, standing: told }), 29);
    assert_eq!(size(&GiaMessage::Ping(Report { degree: 3, tokens: 1, version: 0 })), 31);
    assert_eq!(size(&GiaMessage::Tokens { count: 3 }), 25);
    assert_eq!(size(&GiaMessage::Change { items: [ItemId(1), ItemId(2)].into(), added: true, version: 1 }), 23 + 5 + 2 * 28);
    let id = LookupId { origin: 1, number: 2 };
    assert_eq!(size(&GiaMessage::Response { id, holder: PeerId(1), hops: 1, tokens: 0 }), 61);
    assert_eq!(GiaMessage::KeepAlive { id, over: false, tokens: 0 }.wire_bytes(Wire::P2psim), 20);
}

#[test]
fn impossible_parameters_are_named() {
    let paths = |config: GiaConfig| {
        let mut issues = Issues::new();
        config.check(100, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    let good = GiaConfig::default;
    assert_eq!(paths(good()), [""; 0]);
    assert_eq!(paths(GiaConfig { min_nbrs: 0, ..good() }), ["min_nbrs"]);
    assert_eq!(paths(GiaConfig { max_nbrs: 129, ..good() }), ["max_nbrs"]);
    assert_eq!(paths(GiaConfig { min_nbrs: 10, max_nbrs: 9, ..good() }), ["max_nbrs"]);
    assert_eq!(paths(GiaConfig { min_alloc: 0.0, unlimited_capacity: f64::NAN, ..good() }), ["min_alloc", "unlimited_capacity"]);
    assert_eq!(paths(GiaConfig { aggressiveness: 0.5, ..good() }), ["aggressiveness"]);
    assert_eq!(paths(GiaConfig { token_share: 1.5, tokens_initial: 0, ..good() }), ["token_share", "tokens_initial"]);
    assert_eq!(paths(GiaConfig { ttl: 0, max_responses: 0, keep_alive_hops: 0, ..good() }), ["ttl", "max_responses", "keep_alive_hops"]);
    assert_eq!(paths(GiaConfig { attempts: 33, backlog_max: 0, ..good() }), ["backlog_max", "attempts"]);
    assert_eq!(paths(GiaConfig { remember: Duration::secs(30), ..good() }), ["remember"], "a warning");
    assert_eq!(paths(GiaConfig { token_interval: Duration::millis(0), ..good() }), ["token_interval"]);
}

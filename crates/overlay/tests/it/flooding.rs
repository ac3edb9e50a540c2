//! What flooding promises, in the reference world.

use std::path::PathBuf;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, LookupId, Message, Overlay, OverlayConfig, PeerId, Span, Target, Time, Token, Wire};
use peerlab_model::{Numbering, Requests, Setting};
use peerlab_overlay::graph::{Graph, GraphConfig};
use peerlab_overlay::unstructured::flooding::{Flooding, FloodingConfig, FloodingMessage, HitPath, Hosts, Query, Wanted};

use crate::harness::{Options, World, constant};

type FloodingWorld = World<Flooding>;

/// Nobody has this item.
const NOWHERE: Target = Target::Item(ItemId(1_000_000));

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn with(graph: GraphConfig) -> FloodingConfig {
    FloodingConfig { graph, ..FloodingConfig::default() }
}

fn world(config: &FloodingConfig, population: u32) -> FloodingWorld {
    World::new(config, Options { population, ..Options::default() })
}

fn converged(config: &FloodingConfig, population: u32) -> FloodingWorld {
    let mut world = world(config, population);
    world.start_converged(0..population);
    world
}

/// An edge list in a file of the test's own.
pub(crate) fn edge_list(name: &str, edges: &[(u32, u32)]) -> GraphConfig {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.txt"));
    let lines: Vec<String> = edges.iter().map(|(a, b)| format!("{a}\t{b}")).collect();
    std::fs::write(&path, lines.join("\n")).expect("the test's own directory can be written to");
    GraphConfig::File { file: path.to_string_lossy().into_owned() }
}

/// Peers in a row: 0 – 1 – 2 – … .
pub(crate) fn line(name: &str, peers: u32) -> GraphConfig {
    edge_list(name, &(1..peers).map(|peer| (peer - 1, peer)).collect::<Vec<_>>())
}

/// The graph of the peers' own neighbour lists, which must agree with each other.
fn graph_of(world: &FloodingWorld, population: u32) -> Graph {
    let links = |seat| world.contacts(seat).into_iter().map(move |other| (seat, world.setting.numbering.seat(other)));
    let edges: Vec<(u32, u32)> = (0..population).flat_map(links).collect();
    let graph = Graph::from_edges(population, &edges);
    assert_eq!(graph.edges() as usize * 2, edges.len(), "every link is known at both ends");
    graph
}

fn reached(world: &FloodingWorld, id: LookupId) -> usize {
    world.online().into_iter().filter_map(|seat| world.peer(seat)).filter(|peer| world.model.has_seen(peer, id, world.now())).count()
}

/// Floods from `origin` and gives back (peers reached, queries sent), the origin counted.
fn flood(world: &mut FloodingWorld, origin: u32) -> (usize, u64) {
    let id = world.lookup(origin, NOWHERE);
    world.run_for(seconds(9));
    assert!(world.record(id).sent.keys().all(|&kind| kind == "query"));
    (reached(world, id), world.record(id).messages())
}

/// The real Gnutella overlays of August 2002 (SNAP), flooded from node 0: exact counts of an independent program.
fn assert_snapshot(file: &str, population: u32, expected_reached: [usize; 7], expected_messages: [u64; 7], whole: u64) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/data").join(file);
    if !path.exists() {
        println!("SKIPPED: the reference data file {file} is not here, so the flood over it was not compared");
        return;
    }
    let graph = GraphConfig::File { file: path.to_string_lossy().into_owned() };
    for ttl in 1..=7 {
        let at = usize::from(ttl) - 1;
        let mut world = converged(&FloodingConfig { ttl, ..with(graph.clone()) }, population);
        assert_eq!(flood(&mut world, 0), (expected_reached[at], expected_messages[at]), "{file}, TTL {ttl}");
    }
    let mut world = converged(&FloodingConfig { ttl: 255, ..with(graph) }, population);
    assert_eq!(flood(&mut world, 0).1, whole, "{file}: 2E − (N − 1) over the component of node 0");
}

#[test]
fn flood_of_gnutella_08_is_the_reference_s() {
    let reached = [11, 328, 1595, 4962, 6219, 6299, 6299];
    let messages = [10, 457, 6259, 20171, 34286, 35252, 35254];
    // 6301 nodes and 20,777 edges, of which one edge and its two nodes lie apart.
    assert_snapshot("p2p-Gnutella08.txt", 6301, reached, messages, 2 * 20776 - (6299 - 1));
}

#[test]
fn flood_of_gnutella_04_is_the_reference_s() {
    let reached = [18, 201, 2276, 7898, 10717, 10862, 10876];
    let messages = [17, 215, 2871, 26355, 66138, 69092, 69113];
    assert_snapshot("p2p-Gnutella04.txt", 10_879, reached, messages, 2 * 39994 - (10876 - 1));
}

/// Goal: reach and messages by TTL. Method: breadth-first search; each peer nearer than the TTL forwards to all but one.
#[test]
fn flood_reaches_what_a_breadth_first_search_does() {
    let graphs = [
        GraphConfig::RandomRegular { degree: 4 },
        GraphConfig::ErdosRenyi { mean_degree: Some(3.0), probability: None },
        GraphConfig::WattsStrogatz { degree: 4, rewire: 0.1 },
        GraphConfig::BarabasiAlbert { links: 2 },
    ];
    for config in graphs {
        for ttl in [1, 2, 3, 5, 8] {
            let mut world = converged(&FloodingConfig { ttl, ..with(config.clone()) }, 300);
            let graph = graph_of(&world, 300);
            for origin in [0, 17] {
                let within = |links: u8| graph.nodes_by_distance(origin).iter().take(usize::from(links) + 1).sum::<u32>() as usize;
                let forwards = messages_by_search(&graph, origin, ttl);
                assert_eq!(flood(&mut world, origin), (within(ttl), forwards), "{config:?}, TTL {ttl}, from {origin}");
            }
        }
    }
}

fn messages_by_search(graph: &Graph, origin: u32, ttl: u8) -> u64 {
    let mut distance = vec![u32::MAX; graph.nodes() as usize];
    distance[origin as usize] = 0;
    let mut queue = std::collections::VecDeque::from([origin]);
    let mut messages = 0;
    while let Some(node) = queue.pop_front() {
        let at = distance[node as usize];
        if at >= u32::from(ttl) {
            continue;
        }
        messages += u64::from(graph.degree(node)) - u64::from(at > 0);
        for &next in graph.neighbours(node) {
            if distance[next as usize] == u32::MAX {
                distance[next as usize] = at + 1;
                queue.push_back(next);
            }
        }
    }
    messages
}

/// Whatever the delays, each peer forwards once: 2E − (N − 1).
#[test]
fn whole_flood_costs_two_e_minus_n_plus_one_with_any_delays() {
    let config = FloodingConfig { ttl: 255, ..FloodingConfig::default() };
    let delay = |a: PeerId, b: PeerId| Span::from_micros(1000 + u64::from(a.0 * 7919 + b.0 * 104_729) % 90_000);
    let mut world = World::<Flooding>::new(&config, Options { population: 400, latency: Box::new(delay), ..Options::default() });
    world.start_converged(0..400);
    assert_eq!(flood(&mut world, 3), (400, 2 * 800 - 399));
}

#[test]
fn a_rumour_goes_to_everybody_whatever_the_ttl() {
    let mut world =
        World::<Flooding>::new(&FloodingConfig { ttl: 1, ..FloodingConfig::default() }, Options { population: 400, ..Options::default() });
    world.start_converged(0..400);
    world.rumour(3, 0);
    world.run_for(seconds(10));
    assert_eq!((world.heard(0).len(), world.sent("rumour")), (399, 2 * 800 - 399));
    assert_eq!(world.bytes("rumour"), world.sent("rumour") * u64::from(28 + 23 + crate::harness::RUMOUR_BYTES));
}

#[test]
fn duplicates_are_not_forwarded() {
    // A complete graph: the three neighbours forward to each other, and nobody any further.
    let mut world = converged(&with(GraphConfig::RandomRegular { degree: 3 }), 4);
    assert_eq!(flood(&mut world, 0), (4, 3 + 3 * 2));
}

#[test]
fn ttl_one_asks_the_neighbours_only() {
    let mut world = converged(&FloodingConfig { ttl: 1, ..with(line("ttl-one", 4)) }, 4);
    assert_eq!(flood(&mut world, 1), (3, 2));
    world.give(3, &[5]);
    let id = world.lookup(1, Target::Item(ItemId(5)));
    world.run_for(seconds(11));
    assert!(world.record(id).hits.is_empty() && world.record(id).finished.is_some());
}

#[test]
fn hits_come_back_along_the_path_or_directly() {
    for (hits, messages, after_ms) in [(HitPath::ReversePath, 4, 400), (HitPath::Direct, 1, 250)] {
        let mut world = converged(&FloodingConfig { hits, ..with(line("hits", 5)) }, 5);
        world.give(4, &[7]);
        let id = world.lookup(0, Target::Item(ItemId(7)));
        world.run_for(seconds(11));
        let record = world.record(id);
        assert_eq!(record.peers(), [world.id(4)]);
        assert_eq!((record.hits[0].hit.hops, record.hits[0].hit.rounds), (4, 0));
        assert_eq!(record.hits[0].at, Time::ZERO + Span::from_millis(after_ms));
        assert_eq!((record.sent["query"], record.sent["hit"]), (4, messages), "{hits:?}");
        assert_eq!(record.finished, Some(Time::ZERO + seconds(10)), "hits are collected for query_timeout");
    }
}

#[test]
fn every_holder_answers_and_the_query_goes_on_behind_it() {
    let mut world = converged(&with(line("holders", 5)), 5);
    for seat in [2, 4] {
        world.give(seat, &[7]);
    }
    let id = world.lookup(0, Target::Item(ItemId(7)));
    world.run_for(seconds(11));
    let hops: Vec<u32> = world.record(id).hits.iter().map(|answer| answer.hit.hops).collect();
    assert_eq!((world.record(id).peers(), hops), (vec![world.id(2), world.id(4)], vec![2, 4]));
}

#[test]
fn a_hit_is_lost_where_its_way_back_is_broken() {
    for (hits, found) in [(HitPath::ReversePath, 0), (HitPath::Direct, 1)] {
        for politely in [false, true] {
            let mut world = converged(&FloodingConfig { hits, ..with(line("broken", 5)) }, 5);
            world.give(4, &[7]);
            let id = world.lookup(0, Target::Item(ItemId(7)));
            // Peer 2 has passed the query on by now; the hit is not there yet.
            world.run_for(Span::from_millis(120));
            if politely {
                world.leave(2);
            } else {
                world.crash(2);
            }
            world.run_for(seconds(11));
            assert_eq!(world.record(id).hits.len(), found, "{hits:?}");
            assert!(world.record(id).finished.is_some());
        }
    }
}

#[test]
fn the_named_peer_answers() {
    let mut world = converged(&FloodingConfig::default(), 100);
    let named = world.id(60);
    let graph = graph_of(&world, 100);
    let id = world.lookup(3, Target::Peer(named));
    world.run_for(seconds(11));
    let record = world.record(id);
    assert_eq!(record.peers(), [named]);
    let distances = petgraph::algo::dijkstra(&graph.to_petgraph(), 3.into(), None, |_| 1);
    assert_eq!(record.hits[0].hit.hops, distances[&petgraph::graph::NodeIndex::new(60)]);
}

#[test]
fn a_question_that_nobody_can_answer_ends() {
    let mut world = world(&FloodingConfig::default(), 4);
    world.start_empty();
    world.join(0);
    assert!(world.joined(0), "the first peer is the overlay");
    let alone = world.lookup(0, NOWHERE);
    assert_eq!(world.record(alone).finished, Some(world.now()), "nobody to ask");
    world.join(1);
    world.run_for(seconds(1));
    let vain = world.lookup(0, NOWHERE);
    let asked = world.now();
    world.run_for(seconds(60));
    assert_eq!(world.record(vain).finished, Some(asked + seconds(10)));
    let key = world.lookup(0, Target::Key(peerlab_model::Key(1)));
    assert!(world.record(key).finished.is_some(), "nobody owns a key here");
}

#[test]
fn a_dead_neighbour_is_dropped_after_its_missed_pings() {
    let mut world = converged(&FloodingConfig::default(), 50);
    world.run_for(seconds(30));
    let (dead, neighbours) = (world.id(7), world.contacts(7));
    let knows = |world: &FloodingWorld| neighbours.iter().filter(|peer| world.contacts(peer.0).contains(&dead)).count();
    world.crash(7);
    // Two pings are missed, the third finds it out: not before two intervals have passed, not after three.
    world.run_for(Span::from_millis(29_900));
    assert_eq!(knows(&world), neighbours.len());
    world.run_for(Span::from_millis(15_300));
    assert_eq!(knows(&world), 0);
    world.run_for(seconds(60));
    assert!(neighbours.iter().all(|peer| world.contacts(peer.0).len() >= 4), "other neighbours have taken its place");
    world.check();
}

#[test]
fn who_says_goodbye_is_dropped_at_once() {
    let mut world = converged(&FloodingConfig::default(), 50);
    let (gone, neighbours) = (world.id(7), world.contacts(7));
    world.leave(7);
    world.run_for(Span::from_millis(60));
    assert!(neighbours.iter().all(|peer| !world.contacts(peer.0).contains(&gone)));
}

#[test]
fn a_peer_that_restarts_closes_the_links_of_its_former_life() {
    for new_identity in [false, true] {
        let mut world = World::<Flooding>::new(&FloodingConfig::default(), Options { population: 50, new_identity, ..Options::default() });
        world.start_converged(0..50);
        world.run_for(seconds(20));
        world.crash(7);
        world.run_for(seconds(1));
        world.join(7);
        // After everybody's next ping no link stands on one side only; a former identity takes the missed pings to go.
        world.run_for(seconds(if new_identity { 50 } else { 20 }));
        graph_of_online(&world);
        world.check();
    }
}

/// Links among those online, which must be known at both ends.
fn graph_of_online(world: &FloodingWorld) -> Graph {
    let online = world.online();
    for &seat in &online {
        for other in world.contacts(seat) {
            let other = world.setting.numbering.seat(other);
            assert!(world.contacts(other).contains(&world.id(seat)), "{seat} has {other}, but not the other way round");
        }
    }
    graph_among(world, &online)
}

fn graph_among(world: &FloodingWorld, online: &[u32]) -> Graph {
    let index = |peer: PeerId| online.binary_search(&world.setting.numbering.seat(peer)).ok();
    let links = |at: usize| world.contacts(online[at]).into_iter().filter_map(index).map(move |other| (at as u32, other as u32));
    let edges: Vec<_> = (0..online.len()).flat_map(links).collect();
    Graph::from_edges(online.len() as u32, &edges)
}

#[test]
fn joins_alone_build_a_connected_overlay_of_the_wanted_degree() {
    let mut world = world(&FloodingConfig::default(), 200);
    world.start_empty();
    for seat in 0..200 {
        world.join(seat);
        world.run_for(Span::from_millis(200));
    }
    world.run_for(seconds(120));
    world.check();
    assert!((0..200).all(|seat| world.joined(seat)));
    let analysis = graph_of_online(&world).analysis();
    assert_eq!(analysis.components, 1);
    assert!((4.0..=5.0).contains(&analysis.mean_degree), "{analysis:?}");
    assert!(analysis.max_degree <= 5);
}

#[test]
fn all_at_once_join_as_well() {
    let mut world = world(&FloodingConfig::default(), 100);
    world.start_empty();
    (0..100).for_each(|seat| world.join(seat));
    world.run_for(seconds(120));
    assert!((0..100).all(|seat| world.joined(seat)));
    assert_eq!(graph_of_online(&world).analysis().components, 1);
}

/// Sessions and absences of ten minutes on average, half of the departures crashes: 200 of 400 peers online.
#[test]
fn the_degree_is_kept_under_churn() {
    let mut world = world(&FloodingConfig::default(), 400);
    world.start_converged(0..200);
    let mut rng = world.test_rng();
    let mut degrees = Vec::new();
    for second in 0..3600 {
        for _ in 0..2 {
            if rng.chance(1.0 / 3.0) {
                world.toggle_one(400, &mut rng);
            }
        }
        world.run_for(seconds(1));
        if second % 60 == 59 && second > 600 {
            world.check();
            let graph = graph_among(&world, &world.online());
            let analysis = graph.analysis();
            degrees.push(analysis.mean_degree);
            let share = f64::from(analysis.largest_component) / f64::from(graph.nodes());
            assert!(share > 0.97, "second {second}: {analysis:?} of {} online", graph.nodes());
        }
    }
    let mean = degrees.iter().sum::<f64>() / degrees.len() as f64;
    println!("mean degree among the living under churn: {mean:.2}");
    assert!((3.8..=4.6).contains(&mean), "mean degree {mean}");
}

#[test]
fn lost_messages_cut_no_overlay() {
    let mut world = World::<Flooding>::new(&FloodingConfig::default(), Options { population: 100, loss: 0.05, ..Options::default() });
    world.start_converged(0..100);
    world.run_for(seconds(1800));
    world.check();
    let analysis = graph_among(&world, &world.online()).analysis();
    assert_eq!(analysis.components, 1);
    assert!(analysis.mean_degree > 3.8, "{analysis:?}");
}

#[test]
fn what_is_remembered_is_bounded_and_forgotten() {
    let config = FloodingConfig { remember_max: 64, ..FloodingConfig::default() };
    let mut world = converged(&config, 40);
    for round in 0..50 {
        for seat in 0..40 {
            world.lookup(seat, NOWHERE);
        }
        world.run_for(Span::from_millis(500));
        if round % 10 == 0 {
            world.check();
        }
    }
    let most = (0..40).filter_map(|seat| world.peer(seat)).map(|peer| peer.seen().bytes()).max();
    assert_eq!(most, Some(64 * 16));
    world.run_for(seconds(60));
    assert!((0..40).filter_map(|seat| world.peer(seat)).all(|peer| peer.seen().bytes() == 0), "nothing at rest");
    assert!(world.records().all(|record| record.finished.is_some()));
}

#[test]
fn a_scale_free_overlay_keeps_its_hubs() {
    let mut world = converged(&with(GraphConfig::BarabasiAlbert { links: 2 }), 500);
    let before = graph_of(&world, 500);
    world.run_for(seconds(300));
    assert_eq!(graph_of(&world, 500), before, "without churn nothing changes");
    assert!(before.analysis().max_degree > 30);
}

#[test]
fn a_full_peer_refuses_with_alternatives() {
    let config = FloodingConfig { max_neighbours: 1, graph: line("refuse", 3), ..FloodingConfig::default() };
    let mut world = world(&config, 3);
    world.start_converged(0..2);
    world.join(2);
    world.run_for(seconds(60));
    assert!(world.sent("refuse") > 0 && !world.joined(2), "both others have their one neighbour");
    assert!(world.sent("connect") < 60, "who is refused waits longer and longer: {}", world.sent("connect"));
    world.leave(0);
    world.run_for(seconds(60));
    assert!(world.joined(2), "now there is room");
}

#[test]
fn sizes_on_the_wire_are_gnutella_s() {
    let token: Token = Requests::default().open(());
    let udp = |message: FloodingMessage| message.wire_bytes(Wire::Udp) - 28;
    let id = LookupId { origin: 0, number: 0 };
    let query = Query { id, wanted: Wanted::Item(ItemId(0)), ttl: 7, hops: 1 };
    assert_eq!(udp(FloodingMessage::Ping), 23);
    assert_eq!(udp(FloodingMessage::Pong { others: Hosts::default() }), 23 + 14);
    assert_eq!(udp(FloodingMessage::Query(query)), 23 + 2 + 20);
    assert_eq!(udp(FloodingMessage::DirectQuery { query, origin: PeerId(0) }), 23 + 2 + 20 + 6);
    assert_eq!(udp(FloodingMessage::Hit { id, holder: PeerId(0), hops: 1 }), 23 + 11 + 8 + 21 + 16);
    assert_eq!(udp(FloodingMessage::Connect { token, needy: false }), 22 + 1);
    assert_eq!(udp(FloodingMessage::Accept { token }), 13);
    assert_eq!(FloodingMessage::Query(query).wire_bytes(Wire::P2psim), 24, "one identifier");
}

#[test]
fn impossible_parameters_are_named() {
    let parse = |text: &str| toml::from_str::<FloodingConfig>(text);
    assert_eq!(parse(""), Ok(FloodingConfig::default()));
    assert!(parse("tll = 3").is_err() && parse("graph = { model = \"random-regular\", ttl = 3 }").is_err());
    let config =
        parse("ttl = 0\ngraph = { model = \"random-regular\", degree = 9 }\nmissed_pings = 0\nping_interval = \"0 s\"").expect("it reads");
    let mut issues = Issues::new();
    config.check(8, &mut issues);
    let paths: Vec<&str> = issues.list().iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["graph.degree", "ping_interval", "missed_pings", "ttl"]);
    let mut issues = Issues::new();
    FloodingConfig { remember: Duration::secs(5), ..FloodingConfig::default() }.check(100, &mut issues);
    assert!(issues.list().len() == 1 && issues.list()[0].warning);
}

#[test]
fn a_bad_edge_list_is_a_build_error_that_names_the_key() {
    let numbering = Numbering::new(3, 0, peerlab_engine::random::Streams::new(1));
    let setting = Setting {
        numbering,
        expected_online: 3,
        items: 0,
        value_bytes: 0,
        rumour_bytes: 0,
        words_per_item: 0,
        wire: Wire::Udp,
        lookup_timeout: seconds(60),
    };
    let error = Flooding::new(&with(line("too-long", 5)), &setting).expect_err("peers 3 and 4 do not exist");
    assert_eq!(error.path, "graph.file");
    assert!(error.message.contains("too-long.txt:3: there is no peer 3: peers.count is 3"), "{}", error.message);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let options = Options { population: 60, seed, latency: constant(Span::from_millis(20)), ..Options::default() };
        let mut world = World::<Flooding>::new(&FloodingConfig::default(), options);
        world.start_converged(0..50);
        (50..60).for_each(|seat| world.join(seat));
        world.crash(3);
        world.run_for(seconds(200));
        (world.handled(), (0..60).map(|seat| world.contacts(seat)).collect::<Vec<_>>())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

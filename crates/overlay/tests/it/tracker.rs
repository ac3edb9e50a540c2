//! What trackers, peer exchange and the DHT beside them promise, in the reference world.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, ItemId, Message, OverlayConfig, Span, Target, Time, Wire};
use peerlab_overlay::hybrid::tracker::{Answer, Counts, Dht, Protocol, Tracker, TrackerConfig, TrackerMessage, TrackerPeer};

use crate::harness::{Options, World};
use crate::histories::{Step, histories};

type TrackerWorld = World<Tracker>;

const PEERS: u32 = 40;
/// The first tracker's seat.
const SERVER: u32 = PEERS;
/// Held by peers 10 … 39; any other item by the peer of its number.
const POPULAR: u32 = 99;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn item(number: u32) -> Target {
    Target::Item(ItemId(number))
}

fn converged(config: &TrackerConfig, options: Options) -> TrackerWorld {
    let mut world = World::new(config, Options { population: PEERS, items: 100, ..options });
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
        if seat >= 10 {
            world.give(seat, &[POPULAR]);
        }
    }
    world.start_converged(0..PEERS);
    world
}

fn with(change: impl FnOnce(&mut TrackerConfig)) -> TrackerConfig {
    let mut config = TrackerConfig::default();
    change(&mut config);
    config
}

/// What a tracker knows of an item.
fn counts(world: &TrackerWorld, tracker: u32, item: u32) -> (u32, u32) {
    match world.peer(SERVER + tracker) {
        Some(TrackerPeer::Server(server)) => {
            let Counts { seeders, leechers, .. } = server.counts(ItemId(item));
            (seeders, leechers)
        }
        _ => panic!("tracker {tracker} is off"),
    }
}

fn neighbours(world: &TrackerWorld, seat: u32, item: u32) -> usize {
    match world.peer(seat) {
        Some(TrackerPeer::Client(client)) => client.neighbours(ItemId(item)).count(),
        _ => panic!("seat {seat} is off"),
    }
}

/// Asks, waits for two minutes, and gives back the seat that was named.
fn ask(world: &mut TrackerWorld, origin: u32, number: u32) -> Option<u32> {
    let id = world.lookup(origin, item(number));
    world.run_for(seconds(120));
    let record = world.record(id);
    assert!(record.finished.is_some(), "{record:?}");
    world.check();
    record.hits.first().map(|answer| world.setting.numbering.seat(answer.hit.peer))
}

#[test]
fn a_question_is_two_rounds_with_the_tracker_and_one_with_a_holder() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    let id = world.lookup(3, item(7));
    world.run_for(seconds(1));
    let record = world.record(id);
    assert_eq!(record.peers(), [world.id(7)]);
    assert_eq!((record.hits[0].hit.hops, record.hits[0].hit.rounds), (1, 3));
    for kind in ["connect", "connected", "announce", "peers", "handshake", "shaken"] {
        assert_eq!(record.sent[kind], 1, "{kind}");
    }
    assert_eq!((record.messages(), record.timeouts), (6, 0));
    assert_eq!(record.finished, Some(Time::ZERO + Span::from_millis(300)));
    assert_eq!(counts(&world, 0, 7), (1, 1), "who asks is in the swarm");
    // It stays for half an hour, and says so when it goes.
    world.run_for(seconds(1790));
    assert_eq!((counts(&world, 0, 7), neighbours(&world, 7, 7)), ((1, 1), 1));
    world.run_for(seconds(20));
    assert_eq!((counts(&world, 0, 7), neighbours(&world, 7, 7)), ((1, 0), 0));
    assert_eq!(ask(&mut world, 3, 98), None, "nobody has it, and that is no timeout");
    assert_eq!(world.records().map(|record| record.timeouts).sum::<u32>(), 0);
}

#[test]
fn who_asks_again_knows_whom_to_turn_to() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    assert_eq!(ask(&mut world, 3, 7), Some(7));
    let id = world.lookup(3, item(7));
    world.run_for(seconds(1));
    let record = world.record(id);
    assert_eq!((record.hits[0].hit.hops, record.hits[0].hit.rounds, record.messages()), (0, 1, 2));
    // Within the least interval nobody else is sought: the tracker has just named all that it knew.
    world.crash(7);
    let mut again = || {
        let id = world.lookup(3, item(7));
        world.run_for(seconds(120));
        assert!(world.record(id).finished.is_some() && world.record(id).hits.is_empty());
        world.record(id).sent.get("announce").copied()
    };
    assert_eq!([again(), again(), again()], [None, None, Some(1)]);
}

#[test]
fn holders_announce_once_in_an_interval_and_load_is_what_it_must_be() {
    for begin in [Time::ZERO, Time::from_secs(-600), Time::from_secs(50)] {
        let mut world = converged(&TrackerConfig::default(), Options { begin, ..Options::default() });
        world.run_for(seconds(3600));
        // 70 holdings, two intervals; a connection id may serve for two of them.
        assert!(world.sent("announce").abs_diff(140) <= 2, "{}", world.sent("announce"));
        assert!((120..=142).contains(&world.sent("connect")), "{}", world.sent("connect"));
        assert_eq!((world.sent("error"), counts(&world, 0, POPULAR)), (0, (30, 0)));
        world.check();
    }
}

#[test]
fn a_connection_id_serves_for_a_minute_and_a_tcp_connection_once() {
    for (protocol, connects) in [(Protocol::Udp, 2), (Protocol::Http, 3)] {
        let mut world =
            World::<Tracker>::new(&with(|config| config.protocol = protocol), Options { population: 4, items: 9, ..Options::default() });
        world.start_empty();
        world.join(0);
        world.publish(0, &[1]);
        world.run_for(seconds(30));
        world.publish(0, &[2]);
        world.run_for(seconds(31));
        world.publish(0, &[3]);
        world.run_for(seconds(1));
        assert_eq!((world.sent("connect"), world.sent("announce")), (connects, 3), "{protocol:?}");
    }
}

#[test]
fn the_dead_are_named_until_they_have_missed_an_announce_and_a_half() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    world.run_for(seconds(3000));
    world.crash(7);
    // Last heard at most 1800 s before: it is known for 900 s at least, and for 2700 s and a sweep at most.
    world.run_for(seconds(899));
    assert_eq!(counts(&world, 0, 7), (1, 0));
    let id = world.lookup(3, item(7));
    world.run_for(seconds(20));
    assert_eq!((world.record(id).timeouts, world.record(id).hits.len()), (1, 0), "a stale entry costs a timeout");
    world.run_for(seconds(2700 + 60 - 919));
    assert_eq!(counts(&world, 0, 7).0, 0);
    // Who says goodbye is forgotten at once.
    world.leave(8);
    world.run_for(seconds(1));
    assert_eq!(counts(&world, 0, 8), (0, 0));
    world.withdraw(9, &[9]);
    world.run_for(seconds(1));
    assert_eq!(counts(&world, 0, 9), (0, 0));
    world.check();
}

/// BEP 15: what is not answered is asked again after 15, 30, 60 … s, as long as it takes.
#[test]
fn a_silent_tracker_is_asked_at_doubling_intervals() {
    let mut world = World::<Tracker>::new(&TrackerConfig::default(), Options { population: 4, items: 9, ..Options::default() });
    world.join(0);
    world.publish(0, &[1]);
    let mut asked = Vec::new();
    for second in 0..20_000_u64 {
        world.run_for(seconds(1));
        if world.sent("connect") > asked.len() as u64 {
            asked.push(second);
        }
    }
    // 15 s · (2ⁿ − 1), and after eight doublings 3840 s more each time.
    assert_eq!(asked, [0, 15, 45, 105, 225, 465, 945, 1905, 3825, 7665, 11505, 15345, 19185]);
    world.start_server(4);
    world.run_for(seconds(3840));
    assert_eq!(world.sent("announce"), 1);
}

#[test]
fn tiers_are_asked_in_order_and_who_answers_comes_first() {
    let config = with(|config| config.tiers = vec![2, 1]);
    let mut world = converged(&config, Options::default());
    assert_eq!(counts(&world, 0, POPULAR).0 + counts(&world, 1, POPULAR).0, 30, "each holder announces to one of the first tier");
    assert!((5..25).contains(&counts(&world, 0, POPULAR).0), "and to either");
    assert_eq!(counts(&world, 2, POPULAR), (0, 0));
    // The first tier is gone: within an interval and two waits all are with the second.
    world.crash(SERVER);
    world.crash(SERVER + 1);
    world.run_for(seconds(1830));
    assert_eq!(counts(&world, 2, POPULAR), (30, 0));
    let id = world.lookup(3, item(POPULAR));
    world.run_for(seconds(40));
    let record = world.record(id);
    assert_eq!((record.timeouts, record.hits.len()), (2, 1), "one silence for each tracker of the first tier");
    // One of the first tier is back: whoever announces again finds it, and from then on asks it first.
    world.start_server(SERVER);
    world.run_for(seconds(1830));
    assert_eq!(counts(&world, 0, POPULAR).0, 30);
    let connects = world.sent("connect");
    world.run_for(seconds(1800));
    assert!(world.sent("connect") - connects <= 72, "nobody asks the dead one first any more: {}", world.sent("connect") - connects);
    world.check();
}

#[test]
fn a_tracker_that_restarts_knows_nobody_and_no_connection() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    assert_eq!(ask(&mut world, 3, 7), Some(7));
    world.publish(3, &[50]);
    world.run_for(seconds(1));
    world.crash(SERVER);
    world.start_server(SERVER);
    world.publish(3, &[51]);
    world.run_for(seconds(1));
    assert_eq!((world.sent("error"), counts(&world, 0, 51)), (1, (1, 0)), "an id of its former life is refused, and a new one fetched");
    assert_eq!(ask(&mut world, 5, 8), None, "holders come back when they announce again, not before");
    world.run_for(seconds(1800));
    assert_eq!((counts(&world, 0, POPULAR), ask(&mut world, 4, 8)), ((30, 0), Some(8)));
}

#[test]
fn an_outage_ends_questions_in_vain_unless_there_is_a_dht() {
    for (dht, wait) in [(Dht::Off, None), (Dht::Fallback, Some(15)), (Dht::Always, Some(0))] {
        let mut world = converged(&with(|config| config.dht = dht), Options::default());
        assert_eq!(ask(&mut world, 3, 7), Some(7));
        world.run_for(seconds(100));
        world.crash(SERVER);
        let id = world.lookup(4, item(8));
        world.run_for(seconds(200));
        let record = world.record(id);
        assert!(record.finished.is_some());
        let waited = record.hits.first().map(|answer| answer.at.since(record.asked).nanos() / 1_000_000_000);
        assert_eq!(waited, wait, "{dht:?}: {record:?}");
        // Who begins to hold something now has no tracker to tell, but a DHT.
        world.publish(6, &[60]);
        world.run_for(seconds(60));
        assert_eq!(ask(&mut world, 4, 60), wait.map(|_| 6), "{dht:?}");
        world.check();
    }
}

/// Without a question the fallback costs its upkeep; with one that the tracker answers, nothing more.
#[test]
fn the_fallback_is_not_asked_while_a_tracker_answers() {
    for (dht, is_asked) in [(Dht::Fallback, false), (Dht::Always, true)] {
        let mut world = converged(&with(|config| config.dht = dht), Options::default());
        let id = world.lookup(3, item(7));
        world.run_for(seconds(5));
        let record = world.record(id);
        assert_eq!((record.hits.len(), record.sent.contains_key("find-value")), (1, is_asked), "{dht:?}");
        assert_eq!(ask(&mut world, 3, 98), None);
    }
}

/// Goal: with peer exchange a swarm holds together without its tracker. Method: ten peers ask, each connects to two or three of thirty holders; the tracker and
/// whoever was found are gone; all ask again.
#[test]
fn exchange_keeps_a_swarm_findable_without_its_tracker() {
    let mut found = Vec::new();
    for pex in [false, true] {
        let config = TrackerConfig { pex, connect_parallel: 2, connect_timeout: Duration::secs(4), ..TrackerConfig::default() };
        let mut world = converged(&config, Options::default());
        for round in 0..3 {
            for origin in 0..10 {
                let id = world.lookup(origin, item(POPULAR));
                world.run_for(seconds(70 + round));
                assert_eq!(world.record(id).hits.len(), 1);
            }
        }
        let known: usize = (0..10).map(|origin| neighbours(&world, origin, POPULAR)).sum();
        assert!(if pex { known > 100 } else { known < 50 }, "pex = {pex}: {known} connections");
        world.crash(SERVER);
        let named: Vec<u32> = {
            let seat = |peer| world.setting.numbering.seat(peer);
            let mut seats: Vec<u32> = world.records().filter_map(|record| record.peers().first().copied()).map(seat).collect();
            seats.sort_unstable();
            seats.dedup();
            seats
        };
        for &seat in &named {
            world.crash(seat);
        }
        found.push((0..10).filter(|&origin| ask(&mut world, origin, POPULAR).is_some()).count());
    }
    assert!(found[0] <= 8 && found[1] == 10, "found without and with peer exchange: {found:?}");
}

#[test]
fn a_connection_ends_when_one_of_the_two_is_silent_or_says_so() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    for origin in 0..3 {
        assert_eq!(ask(&mut world, origin, 20), Some(20));
    }
    assert_eq!(neighbours(&world, 20, 20), 3);
    world.leave(0);
    world.run_for(seconds(1));
    assert_eq!(neighbours(&world, 20, 20), 2);
    world.crash(1);
    world.run_for(seconds(400));
    assert_eq!((neighbours(&world, 20, 20), neighbours(&world, 2, 20)), (1, 1), "keep-alives hold the others");
    // Who has restarted does not know the connection, and says so.
    world.crash(20);
    world.join(20);
    world.run_for(seconds(200));
    assert_eq!(neighbours(&world, 2, 20), 0);
    world.check();
}

#[test]
fn who_has_no_room_still_says_what_it_has() {
    let config = with(|config| config.connections = 2);
    let mut world = converged(&config, Options::default());
    for origin in 0..5 {
        assert_eq!(ask(&mut world, origin, 20), Some(20));
    }
    assert_eq!(neighbours(&world, 20, 20), 2);
    let is_neighbour = |origin: &u32| world.contacts(*origin).contains(&world.id(20));
    assert_eq!((0..5).filter(is_neighbour).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn who_asked_and_gets_the_item_becomes_a_seed() {
    let mut world = converged(&TrackerConfig::default(), Options::default());
    assert_eq!(ask(&mut world, 3, 7), Some(7));
    world.publish(3, &[7]);
    world.run_for(seconds(1));
    let Some(TrackerPeer::Server(server)) = world.peer(SERVER) else { panic!("the tracker is off") };
    assert_eq!(server.counts(ItemId(7)), Counts { seeders: 2, completed: 1, leechers: 0 });
    world.crash(7);
    world.run_for(seconds(1900));
    assert_eq!(ask(&mut world, 5, 7), Some(3), "it has not left when its stay was over");
}

#[test]
fn a_scrape_tells_how_many_there_are() {
    let config = with(|config| config.scrape_interval = Duration::secs(600));
    let mut world = converged(&config, Options::default());
    assert_eq!(ask(&mut world, 3, POPULAR).map(|seat| seat >= 10), Some(true));
    world.run_for(seconds(600));
    assert!(world.sent("scrape").abs_diff(u64::from(PEERS)) <= 8 && world.sent("scraped") == world.sent("scrape"));
    let told = |seat| match world.peer(seat) {
        Some(TrackerPeer::Client(client)) => client.counts(ItemId(POPULAR)),
        _ => None,
    };
    assert!((10..PEERS).all(|seat| told(seat) == Some(Counts { seeders: 30, completed: 0, leechers: 1 })));
}

#[test]
fn lost_messages_cost_time_and_little_else() {
    let mut world = converged(&with(|config| config.dht = Dht::Fallback), Options { loss: 0.1, ..Options::default() });
    let found = (0..100).filter(|round| ask(&mut world, 3 + round % 5, 10 + round % 30) == Some(10 + round % 30)).count();
    assert!(found >= 95, "{found} of 100");
    assert!(world.records().map(|record| record.timeouts).sum::<u32>() > 15);
}

/// Goal: whatever happens, a tracker ends up knowing the holders that are online, and they can be found. Method: every history of four steps among four
/// peers, each with an item of its own and one that all have.
#[test]
fn every_short_history_ends_with_swarms_that_are_right() {
    let config = with(|config| (config.pex, config.dht, config.interval) = (true, Dht::Fallback, Duration::secs(300)));
    for history in histories(4) {
        let mut world = World::<Tracker>::new(&config, Options { population: 4, items: 8, ..Options::default() });
        (0..4).for_each(|seat| world.give(seat, &[seat, 7]));
        world.live_through(&history, seconds(7));
        world.run_for(seconds(600));
        let online: Vec<u32> = world.online().into_iter().filter(|&seat| seat < 4).collect();
        let known = match world.peer(4) {
            Some(TrackerPeer::Server(server)) => server.counts(ItemId(7)).seeders,
            _ => panic!("the tracker is off"),
        };
        assert_eq!(known as usize, online.len(), "{history:?}");
        for &holder in &online {
            for &origin in online.iter().filter(|&&origin| origin != holder) {
                assert_eq!(ask(&mut world, origin, holder), Some(holder), "{history:?}: seat {origin} asks");
            }
        }
        assert!(history.iter().all(|step| !matches!(step, Step::Join(seat) if !world.online().contains(seat) && online.contains(seat))));
    }
}

#[test]
fn machines_that_return_as_somebody_else_are_found() {
    let config = with(|config| (config.pex, config.dht) = (true, Dht::Always));
    let mut world = World::<Tracker>::new(&config, Options { population: 12, items: 12, new_identity: true, ..Options::default() });
    (0..12).for_each(|seat| world.give(seat, &[seat]));
    world.everybody_returns(12, seconds(30), seconds(60));
    for origin in 0..12 {
        let wanted = (origin + 5) % 12;
        assert_eq!(ask(&mut world, origin, wanted), Some(wanted));
    }
}

#[test]
fn messages_have_the_sizes_of_the_specifications() {
    let token = peerlab_model::Requests::default().open(());
    let (lookup, peers) = (None, vec![peerlab_model::PeerId(1); 50]);
    let (counts, interval) = (Counts::default(), seconds(1800));
    let udp = |message: &TrackerMessage| (message.wire_bytes(Wire::Udp), message.wire_bytes(Wire::P2psim));
    let protocol = Protocol::Udp;
    assert_eq!(udp(&TrackerMessage::Connect { token, lookup, protocol }), (28 + 16, 20));
    let named =
        TrackerMessage::Peers { token, lookup, protocol, answer: Box::new(Answer { interval, counts, peers: peers.clone().into() }) };
    assert_eq!(udp(&named), (28 + 20 + 6 * 50, 20 + 4 * 50));
    assert_eq!(udp(&TrackerMessage::Stop { item: ItemId(1), protocol }), (28 + 16 + 28 + 98, 28));
    assert_eq!(udp(&TrackerMessage::Handshake { token, lookup, item: ItemId(1) }), (40 + 68, 28));
    let exchange = TrackerMessage::Exchange { item: ItemId(1), added: peers.into(), dropped: Vec::new().into() };
    assert_eq!(udp(&exchange), (40 + 6 + 40 + 7 * 50, 20 + 4 * 50));
    assert_eq!(udp(&TrackerMessage::KeepAlive { item: ItemId(1) }), (44, 20));
    let kinds: std::collections::BTreeSet<&str> = TrackerMessage::KINDS.iter().copied().collect();
    assert_eq!(kinds.len(), TrackerMessage::KINDS.len(), "no two kinds have one name");
}

#[test]
fn values_that_cannot_work_are_told_with_their_keys() {
    let keys = |change: fn(&mut TrackerConfig)| {
        let mut issues = Issues::new();
        with(change).check(100, &mut issues);
        issues.list().iter().map(|issue| issue.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(|_| {}), [""; 0]);
    assert_eq!(keys(|config| config.tiers = vec![]), ["tiers"]);
    assert_eq!(keys(|config| config.tiers = vec![2, 0]), ["tiers"]);
    assert_eq!(keys(|config| config.tiers = vec![u16::MAX, 17]), ["tiers"]);
    assert_eq!(keys(|config| config.numwant = 0), ["numwant"]);
    assert_eq!(keys(|config| config.forget_factor = 1.0), ["forget_factor"]);
    assert_eq!(keys(|config| config.min_interval = Duration::secs(3600)), ["min_interval"]);
    assert_eq!(keys(|config| config.connection_timeout = Duration::secs(100)), ["connection_timeout"]);
    assert_eq!(keys(|config| (config.connections, config.connect_parallel) = (0, 0)), ["connections", "connect_parallel"]);
    assert_eq!(keys(|config| config.capacity = Some(0.0)), ["capacity"]);
    assert_eq!(keys(|config| (config.pex, config.pex_interval) = (true, Duration::secs(10))), ["pex_interval"]);
}

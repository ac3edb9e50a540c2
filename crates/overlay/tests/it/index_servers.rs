//! What several index servers promise, in the reference world.

use peerlab_model::{Issues, ItemId, OverlayConfig, Span, Target};
use peerlab_overlay::hybrid::central_index::{CentralIndex, CentralIndexConfig, Division, Index, IndexPeer};

use crate::harness::{Options, World};

const PEERS: u32 = 40;
const SERVERS: u16 = 4;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn config(index: Division) -> CentralIndexConfig {
    CentralIndexConfig { servers: SERVERS, index, ..CentralIndexConfig::default() }
}

/// All are members; peer k holds item k.
fn converged(index: Division, loss: f64) -> World<CentralIndex> {
    let mut world = World::new(&config(index), Options { population: PEERS, items: 100, loss, ..Options::default() });
    for seat in 0..PEERS {
        world.give(seat, &[seat]);
    }
    world.start_converged(0..PEERS);
    world
}

fn index(world: &World<CentralIndex>, server: u32) -> &Index {
    match world.peer(PEERS + server) {
        Some(IndexPeer::Server(server)) => server.index(),
        _ => panic!("server {server} is off"),
    }
}

/// Asks, waits, and gives back the seats that were named and the hops to them.
fn ask(world: &mut World<CentralIndex>, origin: u32, number: u32) -> Vec<(u32, u32)> {
    let id = world.lookup(origin, Target::Item(ItemId(number)));
    world.run_for(seconds(2));
    let record = world.record(id);
    record.hits.iter().map(|hit| (world.setting.numbering.seat(hit.hit.peer), hit.hit.hops)).collect()
}

/// Every online peer asks for an item of every other one: those that were found, and in how many hops at the most.
fn asked_by_all(world: &mut World<CentralIndex>) -> (usize, u32) {
    let online: Vec<u32> = world.online().into_iter().filter(|&seat| seat < PEERS).collect();
    let (mut found, mut hops) = (0, 0);
    for &origin in &online {
        for &wanted in online.iter().filter(|&&wanted| wanted != origin) {
            let named = ask(world, origin, wanted);
            assert!(named.iter().all(|&(seat, _)| seat == wanted), "{wanted} is item {wanted}'s only holder: {named:?}");
            found += named.len();
            hops = hops.max(named.iter().map(|&(_, hops)| hops).max().unwrap_or(0));
        }
    }
    (found, hops)
}

#[test]
fn who_knows_what_follows_from_the_division() {
    let all = (PEERS * (PEERS - 1)) as usize;
    assert_eq!(asked_by_all(&mut converged(Division::Replicated, 0.0)), (all, 1));
    assert_eq!(asked_by_all(&mut converged(Division::Partitioned, 0.0)), (all, 2));
    // Ten peers at each server find the other nine.
    assert_eq!(asked_by_all(&mut converged(Division::Separate, 0.0)), ((PEERS * 9) as usize, 1));
}

#[test]
fn questions_for_other_servers_take_one_message_more() {
    let mut world = converged(Division::Partitioned, 0.0);
    let (mut own, mut others) = (0, 0);
    for wanted in 1..PEERS {
        let id = world.lookup(0, Target::Item(ItemId(wanted)));
        world.run_for(seconds(1));
        let record = world.record(id);
        match record.hits[0].hit.hops {
            1 => own += 1,
            _ => others += 1,
        }
        assert_eq!(record.messages(), u64::from(record.hits[0].hit.hops) + 1);
        assert_eq!(record.finished, Some(record.asked + Span::from_millis(50).times(u64::from(record.hits[0].hit.hops) + 1)));
    }
    assert!(own >= 3 && others > own, "{own} items fall to its server, {others} to the three others");
    // No server keeps what falls to others, and all know who is there.
    assert!((0..4).all(|server| index(&world, server).len() == PEERS as usize));
}

#[test]
fn what_happens_at_one_server_is_soon_known_at_all() {
    for (division, loss) in
        [(Division::Replicated, 0.0), (Division::Partitioned, 0.0), (Division::Replicated, 0.2), (Division::Partitioned, 0.2)]
    {
        let mut world = converged(division, loss);
        let mut rng = world.test_rng();
        for _ in 0..60 {
            let seat = rng.index(PEERS as usize) as u32;
            match rng.index(4) {
                0 if world.online().contains(&seat) => world.leave(seat),
                1 if world.online().contains(&seat) => world.crash(seat),
                2 if world.online().contains(&seat) => world.publish(seat, &[60 + seat]),
                _ if !world.online().contains(&seat) => world.join(seat),
                _ => world.withdraw(seat, &[60 + seat]),
            }
            world.run_for(seconds(5));
        }
        world.set_loss(0.0);
        // The dead are forgotten, and the last news has been repeated.
        world.run_for(seconds(420));
        let online: Vec<u32> = world.online().into_iter().filter(|&seat| seat < PEERS).collect();
        assert!(online.len() > 10, "{division:?}: {online:?}");
        for server in 0..4 {
            let mut known: Vec<u32> = index(&world, server).peers().map(|peer| world.setting.numbering.seat(peer)).collect();
            known.sort_unstable();
            assert_eq!(known, online, "{division:?} at server {server}");
        }
        let all = online.len() * (online.len() - 1);
        assert_eq!(asked_by_all(&mut world).0, all, "{division:?}");
        for &holder in &online {
            let asker = if holder == online[0] { online[1] } else { online[0] };
            let has = world.disk(holder).contains(&ItemId(60 + holder));
            assert_eq!(ask(&mut world, asker, 60 + holder).len(), usize::from(has), "{division:?}: item {} of {holder}", 60 + holder);
        }
        world.check();
    }
}

#[test]
fn peers_of_a_server_that_is_gone_turn_to_the_others() {
    let mut world = converged(Division::Replicated, 0.0);
    world.run_for(seconds(100));
    world.crash(PEERS);
    // Two heartbeats missed, a pause, a login; and the other servers have forgotten the dead one's peers in the meantime, or have them from elsewhere.
    world.run_for(seconds(260));
    let all = (PEERS * (PEERS - 1)) as usize;
    assert_eq!(asked_by_all(&mut world), (all, 1));
    assert!((1..4).all(|server| index(&world, server).len() == PEERS as usize));
    // It comes back with an empty mind, and is told all of it; nobody has to log in again for that.
    let logins = world.sent("login");
    world.start_server(PEERS);
    world.run_for(seconds(70));
    assert_eq!((index(&world, 0).len(), world.sent("login")), (PEERS as usize, logins));
    world.check();
}

#[test]
fn a_login_goes_round_until_somebody_answers() {
    let mut world = converged(Division::Replicated, 0.0);
    for server in 0..3 {
        world.crash(PEERS + server);
    }
    world.crash(5);
    world.run_for(seconds(10));
    world.join(5);
    // At most three servers that are silent for 2 s each, in the first round.
    world.run_for(seconds(7));
    assert!(world.joined(5));
    // In the second round the wait is doubled, and so on.
    world.crash(PEERS + 3);
    world.crash(6);
    world.run_for(seconds(300));
    let before = world.sent("login");
    world.join(6);
    world.run_for(Span::from_millis(4 * 2000 + 4 * 4000 + 4 * 8000 - 100));
    let logins = world.sent("login") - before;
    assert!((12..12 + 3 * u64::from(PEERS)).contains(&logins), "{logins}: twelve of its own, and those of the others");
}

#[test]
fn servers_apart_say_nothing_to_each_other() {
    let mut world = converged(Division::Separate, 0.0);
    world.run_for(seconds(600));
    assert_eq!((world.sent("tell"), world.sent("told")), (0, 0));
    let mut world = converged(Division::Replicated, 0.0);
    world.run_for(seconds(600));
    // Nothing is new: twelve pairs, a sign of life a minute.
    assert!((108..=132).contains(&world.sent("tell")) && world.sent("tell") == world.sent("told"), "{}", world.sent("tell"));
}

#[test]
fn impossible_numbers_of_servers_are_refused() {
    for (servers, complaints) in [(0, 1), (1, 0), (256, 0), (257, 1)] {
        let mut issues = Issues::new();
        CentralIndexConfig { servers, ..CentralIndexConfig::default() }.check(100, &mut issues);
        assert_eq!(issues.list().len(), complaints, "{servers}");
    }
}

//! Swarms and their rivals, held against what cannot be beaten and what ought to be reached.

use peerlab_model::Time;
use peerlab_model::units::{Duration, Size};
use peerlab_transfer::{DownloadConfig, End, Method, SeedFor, ServerSlots};

use crate::harness::{Link, World, mbit};

const MIB: u64 = 1 << 20;

pub(crate) fn links(peers: usize, up: f64, down: f64) -> Vec<Link> {
    vec![Link { up: Some(mbit(up)), down: Some(mbit(down)) }; peers]
}

/// Everybody (hosts 1 to `peers`; host 0 is the server) wants item 0 at once: runs until all have it, and gives the times in ascending order.
pub(crate) fn crowd(config: &DownloadConfig, size: Size, links: &[Link]) -> (World, Vec<f64>) {
    let mut world = World::new(config, size, links);
    let hosts = 1..=links.len();
    hosts.clone().for_each(|host| world.want(host));
    for at in (10..20_000).step_by(10) {
        world.run_until(Time::from_secs(at));
        if hosts.clone().all(|host| world.done(host).is_some()) {
            break;
        }
    }
    let mut times: Vec<f64> = hosts.map(|host| world.done(host).expect("everybody gets it")).collect();
    times.sort_by(f64::total_cmp);
    (world, times)
}

/// The least time in which `peers` peers can get `size` from a server: Kurose & Ross, "Computer Networking", section 2.5.
fn least(config: &DownloadConfig, size: Size, peers: usize, up: f64, down: f64) -> f64 {
    let (megabits, server) = (size.0 as f64 * 8e-6, config.server_upload.bits() as f64 * 1e-6);
    let peers = peers as f64;
    (megabits / server).max(megabits / down).max(peers * megabits / (server + peers * up))
}

/// The textbook's setting (u = 1, server 10, pieces as small as blocks, nobody choked) and BitTorrent's own: both above the bound, the first by
/// 15 % at the most, 3.4 % of which are headers, the second, whose pieces are as large as they are, by 30 %.
#[test]
fn swarms_come_near_the_fluid_bound_and_never_below_it() {
    let protocol = DownloadConfig { server_upload: mbit(10.0), ..DownloadConfig::default() };
    let textbook = DownloadConfig { slots: 40, piece: Size(16 << 10), server_slots: ServerSlots::Number(40), ..protocol.clone() };
    for (config, size, most) in [(textbook, Size(20 * MIB), 1.15), (protocol, Size(40 * MIB), 1.3)] {
        for peers in [5, 10, 30] {
            let (_, times) = crowd(&config, size, &links(peers, 1.0, 10.0));
            let (bound, longest) = (least(&config, size, peers, 1.0, 10.0), times[peers - 1]);
            assert!(longest > bound && longest < most * bound, "{peers} peers: {longest:.1} s, where {bound:.1} s are the least");
        }
    }
}

/// One server, one uplink: N times as many take N times as long.
#[test]
fn a_server_alone_takes_as_long_as_its_uplink() {
    let config = DownloadConfig { model: Method::ClientServer, server_upload: mbit(10.0), ..DownloadConfig::default() };
    for peers in [5, 20] {
        let (world, times) = crowd(&config, Size(10 * MIB), &links(peers, 1.0, 20.0));
        let bound = peers as f64 * 10.0 * MIB as f64 * 8e-6 / 10.0;
        assert!((bound..1.05 * bound).contains(&times[peers - 1]), "{:.1} s, where {bound:.1} s are the least", times[peers - 1]);
        assert!((1..=peers).all(|host| world.download(host).from_server == 10 * MIB && world.download(host).uploaded == 0));
    }
}

/// Whom a server sends away, since too many wait, comes again after a while.
#[test]
fn a_server_sends_away_those_who_find_its_queue_full() {
    let slots = ServerSlots::Number(2);
    let config = DownloadConfig {
        model: Method::ClientServer,
        server_upload: mbit(10.0),
        server_slots: slots,
        server_queue: Some(1),
        ..DownloadConfig::default()
    };
    let (_, times) = crowd(&config, Size(10 * MIB), &links(5, 1.0, 20.0));
    let (three, again) = (3.0 * 10.0 * MIB as f64 * 8e-6 / 10.0, 120.0);
    assert!(times[2] < 1.1 * three, "two are served and one waits: {:.1} s", times[2]);
    assert!(times[3] > again && times[4] < again + three, "the others come again after two minutes: {:.1} s, {:.1} s", times[3], times[4]);
}

/// Whole parts, equal links, a server as fast as a peer: no schedule is faster than 1 + ⌊log₂ N⌋ / M file times (Mundinger, Weber & Weiss 2008).
#[test]
fn no_swarm_beats_the_whole_part_bound() {
    let config = DownloadConfig { server_upload: mbit(2.0), piece: Size(MIB), ..DownloadConfig::default() };
    for peers in [8, 31] {
        let (_, times) = crowd(&config, Size(16 * MIB), &links(peers, 2.0, 2.0));
        let file = 16.0 * MIB as f64 * 8e-6 / 2.0;
        let bound = file * (1.0 + f64::from(peers.ilog2()) / 16.0);
        assert!(times[peers - 1] > bound, "{:.1} s, where {bound:.1} s are the least", times[peers - 1]);
    }
}

/// A connection fills the narrower of its two links, and sources that serve one peer alone add up, however long the way.
#[test]
fn requests_fill_the_links() {
    for (up, down, sources) in [(8.0, 100.0, 1), (100.0, 8.0, 1), (5.0, 100.0, 4), (10.0, 25.0, 4)] {
        let config = DownloadConfig { model: Method::MultiSource, servers: 0, ..DownloadConfig::default() };
        let mut hosts = links(sources, up, 100.0);
        hosts.push(Link { up: Some(mbit(1.0)), down: Some(mbit(down)) });
        let mut world = World::new(&config, Size(16 * MIB), &hosts);
        (0..sources).for_each(|host| world.give(host));
        world.want(sources);
        world.run_until(Time::from_secs(120));
        let fair = 16.0 * MIB as f64 * 8e-6 / (up * sources as f64).min(down);
        let took = world.done(sources).expect("it has it");
        assert!(
            (fair..1.2 * fair + 0.5).contains(&took),
            "{sources} × {up} Mbit/s into {down}: {took:.2} s, where {fair:.2} s are the least"
        );
    }
}

/// Those who are served share the uplink equally, whatever their downlinks could bear: max-min fairness, here by water-filling over one link.
#[test]
fn an_uplink_is_shared_as_max_min_fairness_has_it() {
    let config = DownloadConfig { model: Method::MultiSource, servers: 0, slots: 8, ..DownloadConfig::default() };
    let downs = [1.0, 2.0, 20.0, 20.0];
    let mut hosts = links(1, 9.0, 100.0);
    hosts.extend(downs.map(|down| Link { up: Some(mbit(1.0)), down: Some(mbit(down)) }));
    let mut world = World::new(&config, Size(64 * MIB), &hosts);
    world.give(0);
    (1..5).for_each(|host| world.want(host));
    world.run_until(Time::from_secs(20));
    let before: Vec<u64> = (1..5).map(|host| world.download(host).bytes).collect();
    world.run_until(Time::from_secs(80));
    // 1 and 2 Mbit/s fill the slow ones; the others share what is left.
    for (host, fair) in [(1, 1.0), (2, 2.0), (3, 3.0), (4, 3.0)] {
        let rate = (world.download(host).bytes - before[host - 1]) as f64 * 8e-6 / 60.0;
        assert!((0.92 * fair..fair).contains(&rate), "host {host} gets {rate:.2} Mbit/s of {fair}, headers apart");
    }
}

/// Who gives gets: free riders wait for longer (Cohen 2003, section 3).
#[test]
fn free_riders_are_slower() {
    let config =
        DownloadConfig { free_riders: 0.3, server_upload: mbit(10.0), server_slots: ServerSlots::Number(4), ..DownloadConfig::default() };
    let config = DownloadConfig { seed_for: SeedFor::Time(Duration::secs(0)), ..config };
    let mut world = World::new(&config, Size(40 * MIB), &links(60, 2.0, 20.0));
    (1..=60).for_each(|host| world.want(host));
    world.run_until(Time::from_secs(3000));
    let (riders, givers): (Vec<usize>, Vec<usize>) = (1..=60).partition(|&host| world.download(host).uploaded == 0);
    let mean = |hosts: &[usize]| hosts.iter().map(|&host| world.done(host).expect("everybody gets it")).sum::<f64>() / hosts.len() as f64;
    println!("{:.0} {:.0}", mean(&riders), mean(&givers));
    assert!((10..28).contains(&riders.len()), "{} free riders of 60", riders.len());
    assert!(mean(&riders) > 1.15 * mean(&givers), "{:.0} s for those who only take, {:.0} s for the others", mean(&riders), mean(&givers));
}

/// BEP 16: a slow server sends less until all have it, and they have it sooner, since more of what it sends is new to the swarm.
#[test]
fn a_super_seed_sends_most_pieces_once() {
    let run = |super_seeding: bool| {
        let config = DownloadConfig { super_seeding, server_upload: mbit(2.0), ..DownloadConfig::default() };
        let (world, times) = crowd(&config, Size(10 * MIB), &links(20, 2.0, 20.0));
        let sent = (1..=20).map(|host| world.download(host).from_server).sum::<u64>();
        (sent as f64 / (10.0 * MIB as f64), times[19])
    };
    let ((plain, took), (offered, took_offered)) = (run(false), run(true));
    assert!(offered >= 1.0 && offered < 0.8 * plain && took_offered < took, "{plain} files in {took} s, {offered} in {took_offered} s");
}

/// Whoever is alone gets it, too.
#[test]
fn a_super_seed_serves_a_single_peer() {
    let config = DownloadConfig { super_seeding: true, server_upload: mbit(10.0), ..DownloadConfig::default() };
    let (world, times) = crowd(&config, Size(10 * MIB), &links(1, 2.0, 20.0));
    let download = world.download(1);
    assert!(download.from_server - download.wasted == 10 * MIB && times[0] < 30.0, "{} s: {download:?}", times[0]);
}

/// Napster's way: when the source goes, the next one goes on where it stopped.
#[test]
fn a_single_source_is_replaced_when_it_goes() {
    for politely in [true, false] {
        let config =
            DownloadConfig { model: Method::SingleSource, servers: 0, request_timeout: Duration::secs(20), ..DownloadConfig::default() };
        let config = DownloadConfig { idle_timeout: Duration::secs(30), ..config };
        let mut world = World::new(&config, Size(8 * MIB), &links(3, 2.0, 20.0));
        (0..2).for_each(|host| world.give(host));
        world.want(2);
        world.run_until(Time::from_secs(15));
        let half = world.download(2).bytes;
        assert!(half > 2 * MIB && world.download(2).sources == 1);
        // The first that it was told of.
        world.go(0, politely);
        world.run_until(Time::from_secs(200));
        let download = world.download(2);
        assert_eq!((download.sources, download.bytes - download.wasted), (2, 8 * MIB), "politely: {politely}");
        let took = world.done(2).expect("it has it");
        assert!(if politely { took < 36.0 } else { (55.0..100.0).contains(&took) }, "politely: {politely}: {took:.1} s");
    }
}

/// What has come stays: a peer that restarts fetches the rest.
#[test]
fn downloads_survive_restarts_and_bytes_are_conserved() {
    let config = DownloadConfig { server_upload: mbit(4.0), ..DownloadConfig::default() };
    let mut world = World::new(&config, Size(4 * MIB), &links(12, 2.0, 20.0));
    (1..=12).for_each(|host| world.want(host));
    for round in 0..6_usize {
        world.run_until(Time::from_secs(3 + 4 * round as i64));
        let host = 1 + (5 * round) % 12;
        world.go(host, round % 2 == 0);
        world.run_until(Time::from_secs(5 + 4 * round as i64));
        world.come(host);
    }
    world.run_until(Time::from_secs(400));
    let (sent, received) = world.moved();
    for host in 1..=12 {
        let download = world.download(host);
        assert!(world.done(host).is_some(), "host {host}: {download:?}");
        assert_eq!(download.bytes - download.wasted, 4 * MIB);
    }
    assert_eq!((1..=12).map(|host| world.download(host).bytes).sum::<u64>(), received);
    assert!(sent >= received && sent < received + 12 * 2 * MIB, "{sent} bytes were sent and {received} came");
}

/// Finished peers serve as long as they are told to.
#[test]
fn seeds_stop_when_they_have_done_enough() {
    let run = |seed_for: SeedFor| {
        let config = DownloadConfig { servers: 0, seed_for, give_up: Duration::secs(120), ..DownloadConfig::default() };
        let mut world = World::new(&config, Size(2 * MIB), &links(3, 4.0, 20.0));
        world.give(0);
        world.want(1);
        world.run_until(Time::from_secs(60));
        assert!(world.done(1).is_some());
        world.go(0, true);
        world.run_until(Time::from_secs(90));
        world.want(2);
        world.run_until(Time::from_secs(400));
        world.download(2).end.map(|(_, end)| end)
    };
    assert_eq!(run(SeedFor::Forever), Some(End::Complete));
    assert_eq!(run(SeedFor::Time(Duration::secs(600))), Some(End::Complete));
    assert_eq!(run(SeedFor::Time(Duration::secs(20))), Some(End::Failed));
    assert_eq!(run(SeedFor::Ratio(0.0)), Some(End::Failed));
    assert_eq!(run(SeedFor::Ratio(1.0)), Some(End::Complete));
}

/// Nobody has patience for ever, where the scenario says so.
#[test]
fn the_impatient_give_up() {
    let config = DownloadConfig { patience: Some(Duration::secs(30)), server_upload: mbit(1.0), ..DownloadConfig::default() };
    let mut world = World::new(&config, Size(20 * MIB), &links(20, 1.0, 20.0));
    (1..=20).for_each(|host| world.want(host));
    world.run_until(Time::from_secs(600));
    let ends: Vec<Option<End>> = (1..=20).map(|host| world.download(host).end.map(|(_, end)| end)).collect();
    assert!(ends.iter().filter(|end| **end == Some(End::Aborted)).count() > 15, "{ends:?}");
}

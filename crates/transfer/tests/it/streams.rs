//! Downloads that are watched while they load: no viewer sees more than has come, and what is needed next comes first.

use peerlab_model::units::{Duration, Size};
use peerlab_model::{Span, Time};
use peerlab_transfer::{DownloadConfig, Method, Playback, ServerSlots, StreamConfig};

use crate::harness::{Link, World, mbit};
use crate::swarm::links;

const MIB: u64 = 1 << 20;

const METHODS: [Method; 5] = [Method::Swarm, Method::MultiSource, Method::SingleSource, Method::ClientServer, Method::PeerAssisted];

fn at_rate(megabits: f64) -> StreamConfig {
    StreamConfig::new(mbit(megabits))
}

/// Hosts 1 to `links.len()` want item 0, one every `gap` seconds; what each has seen when all have had time to see it.
fn viewers(config: &DownloadConfig, stream: StreamConfig, size: Size, links: &[Link], gap: i64) -> (World, Vec<Playback>) {
    let mut world = World::watched(config, Some(stream), size, links);
    for host in 1..=links.len() {
        world.run_until(Time::from_secs(gap * (host as i64 - 1)));
        world.want(host);
    }
    world.run_until(Time::from_secs(4000));
    let seen = (1..=links.len()).map(|host| world.playback(host)).collect();
    (world, seen)
}

fn startup(playback: &Playback) -> f64 {
    playback.startup.expect("it has started").secs_f64()
}

#[test]
fn with_links_to_spare_whatever_the_method_nothing_stalls() {
    for model in METHODS {
        let servers = DownloadConfig { server_upload: mbit(100.0), server_slots: ServerSlots::Number(20), ..DownloadConfig::default() };
        let config = DownloadConfig { model, slots: 10, ..servers };
        let (world, seen) = viewers(&config, at_rate(1.0), Size(10 * MIB), &links(10, 10.0, 20.0), 5);
        for (host, playback) in (1..).zip(&seen) {
            assert!(world.done(host).is_some() && playback.stalls == 0, "{model:?}, host {host}: {playback:?}");
            assert_eq!((playback.played, playback.pieces), (mbit(1.0).transmission(10 * MIB), 40));
            // Two pieces of 256 KiB are the first that play for 2.5 s; through 20 Mbit/s they cannot come sooner.
            assert!((0.21..5.0).contains(&startup(playback)), "{model:?}, host {host}: {playback:?}");
        }
    }
}

/// The last piece cannot be played before it has come, and each moment from the wish to the end of playing is start-up, stall or playing.
#[test]
fn a_narrow_link_stands_still_for_the_time_that_it_lacks() {
    for model in METHODS {
        let config = DownloadConfig { model, server_upload: mbit(100.0), ..DownloadConfig::default() };
        let (world, seen) = viewers(&config, at_rate(2.0), Size(20 * MIB), &links(1, 1.0, 1.0), 0);
        let (took, playback) = (world.done(1).expect("it has all of it"), &seen[0]);
        let lacks = took - mbit(2.0).transmission(20 * MIB).secs_f64();
        let waited = startup(playback) + playback.stalled.secs_f64();
        assert!(playback.stalls > 5 && waited >= lacks && waited < lacks + 8.0, "{model:?}: {waited:.1} s of {lacks:.1} s: {playback:?}");
    }
}

#[test]
fn the_window_is_what_lets_playing_start() {
    let config = DownloadConfig { server_upload: mbit(20.0), ..DownloadConfig::default() };
    let median = |p: f64| {
        let (_, seen) = viewers(&config, StreamConfig { p, ..at_rate(1.0) }, Size(20 * MIB), &links(30, 2.0, 20.0), 4);
        let mut startups: Vec<f64> = seen.iter().map(startup).collect();
        startups.sort_by(f64::total_cmp);
        startups[15]
    };
    let (in_order, rarest) = (median(0.8), median(0.0));
    assert!(rarest > 5.0 * in_order, "{in_order:.1} s by deadline, {rarest:.1} s the rarest first");
}

/// Kreitz & Niemelä 2010: what peers do not give in time comes from the server, and little else does.
#[test]
fn the_server_fills_in_what_peers_do_not_give() {
    let config = DownloadConfig { model: Method::PeerAssisted, ..DownloadConfig::default() };
    let stream = at_rate(1.0);
    let mut world = World::watched(&config, Some(stream), Size(20 * MIB), &links(3, 1.5, 20.0));
    world.give(1);
    world.give(2);
    world.want(3);
    world.run_until(Time::from_secs(40));
    let early = world.download(3).from_server;
    assert!((MIB..4 * MIB).contains(&early), "{early} bytes from the server while peers have spare links: the beginning");
    // Both go without a word; nobody else is left.
    (1..=2).for_each(|host| world.go(host, false));
    for t in 40..140 {
        world.run_until(Time::from_secs(t));
        println!("{t} {:?} {}", world.playback(3), world.download(3).from_server);
    }
    world.run_until(Time::from_secs(400));
    let playback = world.playback(3);
    // That they are gone it learns by what does not come, and looks after that every ten seconds.
    assert!(world.done(3).is_some() && playback.stalls <= 1 && playback.stalled < Span::from_secs(5), "{playback:?}");
    assert!(startup(&playback) < 1.0, "{playback:?}");
    assert!(world.download(3).from_server > early);
}

/// What one source owes for long another one is asked for, when playing is about to need it.
#[test]
fn a_slow_source_does_not_hold_up_playing() {
    let config = DownloadConfig { model: Method::MultiSource, servers: 0, ..DownloadConfig::default() };
    let mut hosts = links(1, 0.05, 20.0);
    hosts.extend(links(2, 4.0, 20.0));
    let mut world = World::watched(&config, Some(at_rate(2.0)), Size(10 * MIB), &hosts);
    world.give(0);
    world.give(1);
    world.want(2);
    world.run_until(Time::from_secs(300));
    let playback = world.playback(2);
    assert!(world.done(2).is_some());
    // The slow one takes 13 s for the five blocks that it is asked for at first.
    assert!(startup(&playback) < 4.0 && playback.stalled < Span::from_secs(2), "{playback:?}");
}

#[test]
fn a_stall_lasts_until_there_is_enough_to_go_on() {
    let config = DownloadConfig { model: Method::ClientServer, server_upload: mbit(0.5), ..DownloadConfig::default() };
    let stalls = |rebuffer: u64| {
        let stream = StreamConfig { rebuffer: Duration::secs(rebuffer), ..at_rate(1.0) };
        let (_, seen) = viewers(&config, stream, Size(20 * MIB), &links(1, 1.0, 10.0), 0);
        (seen[0].stalls, seen[0].stalled.secs_f64())
    };
    let ((many, for_many), (few, for_few)) = (stalls(2), stalls(20));
    assert!(many > 3 * few && few > 2 && (for_many - for_few).abs() < 25.0, "{many} stalls of {for_many} s, {few} of {for_few} s");
}

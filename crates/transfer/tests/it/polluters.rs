//! Peers that send something else: with hash checks it costs time, without them it spreads.

use peerlab_model::units::Size;
use peerlab_transfer::{DownloadConfig, Method};

use crate::harness::mbit;
use crate::swarm::{crowd, links};

const MIB: u64 = 1 << 20;

fn polluted(share: f64, hash_check: bool) -> DownloadConfig {
    DownloadConfig { polluters: share, hash_check, server_upload: mbit(10.0), ..DownloadConfig::default() }
}

#[test]
fn hash_failures_never_enter_a_finished_file_and_nobody_is_banned_without_cause() {
    for model in [Method::Swarm, Method::PeerAssisted, Method::MultiSource] {
        let config = DownloadConfig { model, ..polluted(0.5, true) };
        let (world, _) = crowd(&config, Size(10 * MIB), &links(30, 4.0, 20.0));
        let is_polluter = |host: usize| world.plan().is_polluter(host as u32);
        let polluters = (1..=30).filter(|&host| is_polluter(host)).count();
        assert!((5..25).contains(&polluters), "{polluters} polluters of 30");
        let (mut failures, mut bans) = (0, 0);
        for host in 1..=30 {
            let download = world.download(host);
            assert_eq!((download.bytes - download.wasted, download.spoilt_pieces), (10 * MIB, 0), "{model:?}, host {host}: {download:?}");
            assert!(world.banned(host).iter().all(|peer| is_polluter(peer.0 as usize)), "{model:?}, host {host}: {:?}", world.banned(host));
            (failures, bans) = (failures + download.hash_failures, bans + world.banned(host).len());
        }
        // Of multi-source's peers nobody serves before the end.
        assert!(model == Method::MultiSource || failures > 20 && bans > 20, "{model:?}: {failures} failures, {bans} bans");
    }
}

#[test]
fn without_hash_checks_what_is_bad_spreads() {
    let spoilt = |share: f64, hash_check: bool| {
        let (world, _) = crowd(&polluted(share, hash_check), Size(10 * MIB), &links(30, 4.0, 20.0));
        assert!((1..=30).all(|host| world.download(host).hash_failures == 0 || hash_check));
        let polluters = (1..=30).filter(|&host| world.plan().is_polluter(host)).count() as u32;
        (polluters, (1..=30).map(|host| world.download(host as usize).spoilt_pieces).sum::<u32>())
    };
    assert_eq!((spoilt(0.4, true).1, spoilt(0.0, false)), (0, (0, 0)));
    // A piece comes from many, each of whom may have it from many: more is bad than polluters are among the peers.
    let (polluters, pieces) = spoilt(0.4, false);
    assert!(polluters > 2 && pieces * 30 > 3 * polluters * 1200 / 2, "{pieces} bad pieces of 1200 with {polluters} polluters of 30");
}

#[test]
fn polluters_cost_time_and_no_more() {
    let longest = |share: f64| *crowd(&polluted(share, true), Size(10 * MIB), &links(30, 4.0, 20.0)).1.last().expect("there are some");
    let (none, some, half) = (longest(0.0), longest(0.1), longest(0.5));
    assert!(some < 2.5 * none && half > none && half < 12.0 * none, "{none} s without, {some} s with a tenth, {half} s with half");
}

//! Downloads in whole runs: what becomes of them over different overlays, that bytes are conserved, and that nothing of it depends on shards or
//! windows.

use std::collections::BTreeMap;

use peerlab_engine::time::{Span, Time};
use peerlab_model::Overlay;
use peerlab_model::units::{Duration, Rate, Size};
use peerlab_overlay::client_server::ClientServer;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::unstructured::flooding::Flooding;
use peerlab_transfer::{Arrivals, DownloadConfig, Method, ServerSlots, StreamConfig};
use peerlab_workload::{ClassConfig, Distribution, ItemSize, TargetKind};
use peerlab_world::{Conditions, DownloadOutcome, DownloadRow, LookupRow, RunOptions, RunRecord};

use crate::determinism::eventful;
use crate::support::{metric, quiet, run_with};

pub(crate) fn mbit(rate: u64) -> Rate {
    Rate::bits_per_second(rate * 1_000_000).expect("above zero")
}

/// 4 Mbit/s up and 20 down.
fn class() -> ClassConfig {
    ClassConfig {
        name: "home".to_owned(),
        share: 1.0,
        link: None,
        upload: Some(mbit(4)),
        download: Some(mbit(20)),
        capacity: None,
        queue: 100,
        session: None,
        offline: None,
        lookup_interval: None,
    }
}

const SIZE: Size = Size(1 << 20);

/// The same with links of 4 Mbit/s up and 20 down, items of 1 MiB, and downloads.
pub(crate) fn with_downloads(mut conditions: Conditions, model: Method) -> Conditions {
    conditions.peers.class = vec![class()];
    conditions.content.size = ItemSize::Same(SIZE);
    if let Some(lookups) = &mut conditions.lookups {
        lookups.interval = Duration::secs(40);
    }
    let piece = Size(64 << 10);
    conditions.download = Some(DownloadConfig { model, piece, servers: 1, server_upload: mbit(20), ..DownloadConfig::default() });
    conditions
}

fn run<O: Overlay>(conditions: &Conditions, shards: usize) -> (RunRecord, Vec<LookupRow>) {
    run_with::<O>(&O::Config::default(), conditions, 1, &RunOptions { shards, ..RunOptions::default() })
}

fn rows(record: &RunRecord) -> &[DownloadRow] {
    record.downloads.as_deref().expect("content is moved")
}

fn complete(record: &RunRecord) -> impl Iterator<Item = &DownloadRow> {
    rows(record).iter().filter(|row| row.outcome == DownloadOutcome::Complete && row.from_cache == 0)
}

fn does_not_depend_on_shards<O: Overlay>(model: Method, shards: &[usize]) {
    let mut conditions = with_downloads(eventful(TargetKind::Content), model);
    conditions.download.as_mut().expect("it was set").polluters = if model == Method::Swarm { 0.1 } else { 0.0 };
    conditions.stream = (model == Method::PeerAssisted).then(|| StreamConfig::new(mbit(2)));
    let one = format!("{:?}", run::<O>(&conditions, 1));
    for &shards in shards {
        // Shorter windows, too, which must not show either.
        let options = RunOptions { longest_window: Some(Span::from_micros(9_000)), shards, ..RunOptions::default() };
        let other = format!("{:?}", run_with::<O>(&O::Config::default(), &conditions, 1, &options));
        assert!(one == other, "{}: {shards} shards give another result than one", O::NAME);
    }
}

#[test]
fn downloads_do_not_depend_on_shards_or_windows() {
    does_not_depend_on_shards::<Chord>(Method::Swarm, &[2, 3]);
    does_not_depend_on_shards::<CentralIndex>(Method::PeerAssisted, &[3]);
    does_not_depend_on_shards::<Flooding>(Method::SingleSource, &[2]);
}

/// What has come, less what came twice, is the item, whoever it came from.
#[test]
fn a_complete_download_has_every_byte_once() {
    for model in [Method::Swarm, Method::MultiSource, Method::SingleSource, Method::ClientServer, Method::PeerAssisted] {
        let (record, lookups) = run::<CentralIndex>(&with_downloads(quiet(100, TargetKind::Content), model), 1);
        assert!(complete(&record).count() > 200, "{model:?}: {} downloads", complete(&record).count());
        for row in complete(&record) {
            assert_eq!(row.bytes - row.wasted, SIZE.0, "{model:?}: {row:?}");
            assert!(row.sources > 0 && row.from_server <= row.bytes, "{row:?}");
        }
        let from_server = metric(&record, "server_bytes_share");
        match model {
            Method::ClientServer => assert!((from_server - 1.0).abs() < 1e-9),
            _ => assert!((0.0..1.0).contains(&from_server), "{model:?}: {from_server}"),
        }
        // Whoever asks again for what it has got has it; the lookup is found at once.
        let cached: Vec<u64> = rows(&record).iter().filter(|row| row.from_cache > 0).map(|row| row.download).collect();
        assert!(!cached.is_empty());
        assert!(lookups.iter().filter(|row| cached.contains(&row.lookup)).all(|row| row.hops == Some(0)));
    }
}

/// Each item has a size of its own, the same by whatever method and over whatever overlay it comes; most are less than a piece here, some are many.
#[test]
fn a_complete_download_is_as_large_as_its_item() {
    let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
    let mut took_note = |record: &RunRecord| {
        for row in complete(record) {
            let size = row.bytes - row.wasted;
            assert_eq!(*sizes.entry(row.item).or_insert(size), size, "{row:?}");
        }
        complete(record).count()
    };
    let drawn = ItemSize::Drawn(Distribution::Lognormal { mean: None, median: Some(Size(50_000)), sigma: 1.5 });
    let with_sizes = |model: Method| {
        let mut conditions = with_downloads(quiet(100, TargetKind::Content), model);
        conditions.content.size = drawn.clone();
        conditions.stream = (model == Method::PeerAssisted).then(|| StreamConfig::new(mbit(1)));
        conditions
    };
    for model in [Method::Swarm, Method::SingleSource, Method::ClientServer, Method::PeerAssisted] {
        let (record, _) = run::<CentralIndex>(&with_sizes(model), 1);
        let downloads = took_note(&record);
        assert!(downloads > 200, "{model:?}: {downloads} downloads");
        let watched = complete(&record).filter_map(|row| Some((row.playback?.played, mbit(1).transmission(row.bytes - row.wasted))));
        let whole = watched.filter(|(played, length)| played == length).count();
        assert!(whole > 200 || model != Method::PeerAssisted, "{whole} items were played to their own ends");
    }
    let (record, _) = run::<Chord>(&with_sizes(Method::Swarm), 2);
    assert!(took_note(&record) > 200);
    assert!(sizes.len() == 50 && sizes.values().max() > Some(&(256 << 10)) && sizes.values().min() < Some(&16_384), "{sizes:?}");
}

/// Bad pieces come again, from others; polluters are banned, and the same hosts whatever finds the sources.
#[test]
fn polluters_spoil_nothing_where_hashes_are_checked() {
    let mut conditions = with_downloads(quiet(100, TargetKind::Content), Method::Swarm);
    let download = conditions.download.as_mut().expect("it was set");
    download.polluters = 0.2;
    let (checked, _) = run::<CentralIndex>(&conditions, 2);
    for row in complete(&checked) {
        assert_eq!((row.bytes - row.wasted, row.spoilt_pieces), (SIZE.0, 0), "{row:?}");
    }
    assert!(metric(&checked, "hash_failures") > 50.0 && metric(&checked, "polluters_banned") > 50.0);
    assert_eq!(metric(&checked, "download_spoilt_ratio").to_bits(), 0_f64.to_bits());
    conditions.download.as_mut().expect("it was set").hash_check = false;
    let (unchecked, _) = run::<CentralIndex>(&conditions, 2);
    assert!(metric(&unchecked, "download_spoilt_ratio") > 0.5 && metric(&unchecked, "hash_failures") < 0.5);
}

/// Who begins to poison spoils what is fetched from then on, and no more than that; hash checks keep it out of what is finished.
#[test]
fn poisoners_spoil_from_when_they_begin() {
    let mut conditions = with_downloads(quiet(100, TargetKind::Content), Method::Swarm);
    let poison = serde_json::json!({ "behaviour": "poison", "share": 0.2, "from": "100 s" });
    conditions.adversaries = vec![serde_json::from_value(poison).expect("the keys are those of an adversary")];
    let (checked, _) = run::<CentralIndex>(&conditions, 2);
    assert!(complete(&checked).all(|row| row.spoilt_pieces == 0));
    assert!(metric(&checked, "hash_failures") > 20.0 && metric(&checked, "polluters_banned") > 10.0);
    conditions.download.as_mut().expect("it was set").hash_check = false;
    let (unchecked, _) = run::<CentralIndex>(&conditions, 2);
    let early = |row: &&DownloadRow| row.end.is_some_and(|end| end < Time::from_secs(100));
    assert!(complete(&unchecked).any(|row| early(&row)));
    assert!(complete(&unchecked).filter(early).all(|row| row.spoilt_pieces == 0), "they were honest until then");
    assert!(complete(&unchecked).map(|row| row.spoilt_pieces).sum::<u32>() > 20);
}

/// Those who want something want it when the trace says so, and once.
#[test]
fn arrivals_come_from_a_trace() {
    let mut conditions = with_downloads(quiet(20, TargetKind::Content), Method::Swarm);
    conditions.content.copies = 0;
    let file = std::env::temp_dir().join(format!("peerlab-arrivals-{}.txt", std::process::id()));
    std::fs::write(&file, "1.5 7\n30 3\n1.6 7\n").expect("a file can be written");
    let download = conditions.download.as_mut().expect("it was set");
    (download.arrivals, download.trace) = (Arrivals::Trace, Some(file.to_string_lossy().into_owned()));
    let (record, _) = run::<CentralIndex>(&conditions, 2);
    std::fs::remove_file(&file).expect("it is there");
    let arrivals: Vec<_> = rows(&record).iter().map(|row| (row.peer, row.start.nanos())).collect();
    assert_eq!(arrivals, [(7, 1_500_000_000), (3, 30_000_000_000)]);
    assert_eq!(complete(&record).count(), 2);
}

/// With and without a viewer the same comes; who watches starts before it is all there.
#[test]
fn what_comes_can_be_watched() {
    for model in [Method::Swarm, Method::SingleSource, Method::PeerAssisted] {
        let mut conditions = with_downloads(quiet(100, TargetKind::Content), model);
        // Eight seconds of media.
        conditions.stream = Some(StreamConfig::new(mbit(1)));
        let (record, _) = run::<CentralIndex>(&conditions, 2);
        for row in complete(&record) {
            let playback = row.playback.expect("somebody watches");
            let (startup, took) = (playback.startup.expect("it is all there"), row.end.expect("it is complete").since(row.start));
            assert!(startup <= took && playback.played == mbit(1).transmission(SIZE.0), "{model:?}: {row:?}");
            assert_eq!(row.bytes - row.wasted, SIZE.0, "{model:?}: {row:?}");
        }
        let cached = || rows(&record).iter().filter(|row| row.from_cache > 0);
        assert!(cached().all(|row| row.playback.is_some_and(|playback| playback.startup == Some(Span::ZERO))));
        assert!(metric(&record, "startup_p50_ms") < 1e3 * metric(&record, "download_p50_s"), "{model:?}");
        assert!(metric(&record, "continuity") > 0.95 && metric(&record, "stall_ratio") < 0.05, "{model:?}");
    }
}

#[test]
fn messages_of_transfers_have_a_cause_of_their_own() {
    let (record, _) = run::<Flooding>(&with_downloads(quiet(100, TargetKind::Content), Method::Swarm), 1);
    let of = |cause: &str| record.messages.iter().filter(|row| row.cause == cause).map(|row| row.bytes).sum::<u64>();
    let content: u64 = rows(&record).iter().map(|row| row.bytes).sum();
    assert!(of("transfer") > content && of("transfer") < content * 2, "{} bytes for {content} of content", of("transfer"));
    let (without, _) = run::<Flooding>(&Conditions { download: None, ..with_downloads(quiet(100, TargetKind::Content), Method::Swarm) }, 1);
    assert!((metric(&without, "maintenance_bytes_per_peer_s") - metric(&record, "maintenance_bytes_per_peer_s")).abs() < 5.0);
}

/// A new holder is found by others: what is asked for often gets more copies, and is found sooner.
#[test]
fn whoever_has_downloaded_an_item_is_a_holder() {
    let mut conditions = with_downloads(quiet(200, TargetKind::Content), Method::MultiSource);
    conditions.content.copies = 1;
    let (record, lookups) = run::<Chord>(&conditions, 2);
    let rights = |from: i64, to: i64| {
        let asked = lookups.iter().filter(|row| (from..to).contains(&(row.time.nanos() / 1_000_000_000)) && row.results > 0);
        let (sum, count) = asked.fold((0, 0), |(sum, count), row| (sum + row.results, count + 1));
        f64::from(sum) / f64::from(count)
    };
    assert!(rights(120, 180) > 1.5 * rights(0, 30), "{} holders found at first, {} later", rights(0, 30), rights(120, 180));
    assert!(metric(&record, "download_success_ratio") > 0.99);
}

#[test]
fn a_crowd_is_served_by_itself() {
    let mut conditions = with_downloads(quiet(60, TargetKind::Content), Method::Swarm);
    conditions.lookups = None;
    conditions.content.items = 1;
    conditions.content.copies = 0;
    conditions.content.size = ItemSize::Same(Size(8 << 20));
    let download = conditions.download.as_mut().expect("it was set");
    (download.arrivals, download.server_upload, download.server_slots) = (Arrivals::FlashCrowd, mbit(8), ServerSlots::Number(4));
    let (swarm, _) = run::<CentralIndex>(&conditions, 1);
    assert_eq!(complete(&swarm).count(), 60);
    // Kurose & Ross: N F / (u + Σ uᵢ), which no schedule can beat.
    let megabits = f64::from(60 * 8 * 8) * 1.048_576;
    let bound = megabits / (8.0 + 60.0 * 4.0);
    let longest = metric(&swarm, "download_max_s");
    assert!(longest > bound && longest < 1.6 * bound, "{longest} s where {bound} s are the least");
    let (server, _) = run::<ClientServer>(&conditions, 1);
    let alone = metric(&server, "download_max_s");
    let bound = megabits / 8.0;
    // The run is too short for all of them.
    assert!(complete(&server).count() < 60 && alone < 180.0 && bound > 180.0, "{alone} s, {bound} s");
    assert_eq!(metric(&server, "server_bytes_share").to_bits(), 1_f64.to_bits());
}

/// Sessions end and go on: what has been downloaded stays on the disk.
#[test]
fn downloads_go_on_in_the_next_session() {
    let mut conditions = with_downloads(crate::support::stormy(100, TargetKind::Content), Method::Swarm);
    conditions.content.size = ItemSize::Same(Size(16 << 20));
    conditions.time.duration = Duration::secs(900);
    conditions.lookups.as_mut().expect("it was set").interval = Duration::secs(600);
    let (record, _) = run::<CentralIndex>(&conditions, 2);
    // At 20 Mbit/s 16 MiB take 7 s; what has taken more than two minutes has waited for its peer to come back.
    let long = complete(&record).filter(|row| row.end.is_some_and(|end| end.since(row.start) > Span::from_secs(120))).count();
    assert!(long > 5, "{long} of {} downloads have outlived sessions", complete(&record).count());
    assert!(complete(&record).all(|row| row.bytes - row.wasted == 16 << 20));
}

//! A run's record becomes its part of the files, row for row.

use crate::synthetic::{Recipe, performance};
use peerlab_engine::time::{Span, Time};
use peerlab_model::{ItemId, Key, PeerId, Target};
use peerlab_report::directory::{Manifest, Performance, RunTime, Session, Start};
use peerlab_world::{
    DownloadOutcome, DownloadRow, EventRow, LookupRow, MessageRow, Metric, Outcome, PeerRow, Playback, RumourRow, RunRecord, SampleRow,
    Sink as _,
};
use std::fs;

fn lookup(number: u64, target: Target, outcome: Outcome) -> LookupRow {
    let found = outcome == Outcome::Found;
    LookupRow {
        lookup: number,
        time: Time::from_nanos(number as i64 * 1_500_000_000),
        origin: 9,
        target,
        outcome,
        hops: found.then_some(2),
        rounds: None,
        messages: 4,
        bytes: 240,
        timeouts: 1,
        latency: found.then(|| Span::from_micros(81_250)),
        results: u32::from(found),
        recall: found.then_some(0.5),
    }
}

fn peer(number: u32, role: &'static str, class: Option<&str>) -> PeerRow {
    PeerRow {
        peer: number,
        class: class.map(ToOwned::to_owned),
        role,
        online: Span::from_millis(1500),
        messages_in: 1,
        messages_out: 2,
        bytes_in: 3,
        bytes_out: 4,
        lookups_served: 5,
        items: 6,
        state_bytes: 7,
        records: 8,
    }
}

fn rumour() -> RumourRow {
    RumourRow {
        rumour: 3,
        time: Time::from_secs(20),
        origin: 7,
        online: 5,
        stayed: 4,
        heard: 3,
        updates: 6,
        messages: 9,
        bytes: 900,
        delay_mean: Some(Span::from_millis(1500)),
        delay_last: None,
    }
}

fn download(number: u64, end: Option<i64>) -> DownloadRow {
    DownloadRow {
        download: number,
        peer: 4,
        class: Some("cable".to_owned()),
        item: 2,
        start: Time::from_secs(10),
        end: end.map(Time::from_secs),
        outcome: if end.is_some() { DownloadOutcome::Complete } else { DownloadOutcome::Open },
        bytes: 900,
        sources: 3,
        from_server: 100,
        from_cache: 0,
        wasted: 20,
        uploaded: 500,
        search_messages: 7,
        search_bytes: 350,
        hash_failures: 4,
        banned: 2,
        spoilt_pieces: 1,
        playback: end.map(|_| Playback {
            startup: Some(Span::from_millis(1250)),
            stalls: 2,
            stalled: Span::from_millis(7500),
            played: Span::from_secs(60),
            pieces: 12,
        }),
    }
}

fn record() -> RunRecord {
    RunRecord {
        digest: peerlab_engine::digest::Digest::default(),
        metrics: vec![Metric { name: "hops_mean", unit: "hops", value: 2.0 }],
        hops: vec![0, 1, 3],
        messages: vec![MessageRow {
            kind: "ping",
            cause: "maintenance",
            sent: 5,
            delivered: 4,
            dropped_offline: 1,
            dropped_loss: 0,
            dropped_queue: 0,
            dropped_partition: 0,
            in_flight: 0,
            bytes: 300,
        }],
        samples: vec![SampleRow { time: Time::from_secs(-10), metric: "peers_online", unit: "peers", value: 2.0 }],
        population: 2,
        events: vec![EventRow {
            recovery: Some(Span::from_secs(90)),
            dip: Some(0.25),
            repair_bytes: Some(1024.0),
            ..EventRow::new(Time::from_secs(30), "crash", 1, "one, or so".into())
        }],
        rumours: vec![rumour()],
        downloads: Some(vec![download(0, Some(25)), download(1, None)]),
        handled: 40,
        sent: 5,
    }
}

#[test]
fn record_of_a_run_becomes_rows_of_every_file() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("results");
    let plan = Recipe { topologies: vec!["chord"], repetitions: 1, ..Recipe::default() }.plan();
    let session = Session::open(&out, plan, Start::Fresh).unwrap();
    let mut part = session.part(0).unwrap();
    part.lookup(&lookup(0, Target::Item(ItemId(12)), Outcome::Found)).unwrap();
    part.lookup(&lookup(1, Target::Key(Key(0xc0ffee)), Outcome::NotFound)).unwrap();
    part.lookup(&lookup(2, Target::Peer(PeerId(3)), Outcome::Open)).unwrap();
    for row in [peer(0, "peer", Some("cable")), peer(1, "peer", None), peer(2, "index", None)] {
        part.peer(&row).unwrap();
    }
    part.record(&record(), RunTime { setup_s: 1.0, wall_s: 5.0 }).unwrap();
    session.assemble(performance()).unwrap().publish().unwrap();
    for (file, rows) in [
        ("summary.csv", "chord/1,chord,1,hops_mean,hops,2\n"),
        ("aggregate.csv", "chord,hops_mean,hops,2,,,,2,2,2,1\n"),
        (
            "lookups.csv",
            "chord/1,chord,1,0,0,9,item:12,found,2,,4,240,1,81.25,1,0.5\n\
             chord/1,chord,1,1,1.5,9,key:0000000000c0ffee,not-found,,,4,240,1,,0,\n\
             chord/1,chord,1,2,3,9,peer:3,open,,,4,240,1,,0,\n",
        ),
        ("hops.csv", "chord/1,chord,1,1,1,0.25,0.25\nchord/1,chord,1,2,3,0.75,1\n"),
        ("messages.csv", "chord/1,chord,1,ping,maintenance,5,4,1,0,0,0,0,300\n"),
        ("timeseries.csv", "chord/1,chord,1,-10,peers_online,peers,2\n"),
        (
            "peers.csv",
            "chord/1,chord,1,0,cable,peer,1.5,1,2,3,4,5,6,7,8\nchord/1,chord,1,1,,peer,1.5,1,2,3,4,5,6,7,8\n\
             chord/1,chord,1,2,,index,1.5,1,2,3,4,5,6,7,8\n",
        ),
        ("events.csv", "chord/1,chord,1,30,crash,1,\"one, or so\",90,0.25,1024\n"),
        ("rumours.csv", "chord/1,chord,1,3,20,7,5,4,3,0.25,6,1.2,9,900,1500,\n"),
        (
            "downloads.csv",
            "chord/1,chord,1,0,4,2,10,25,complete,900,3,100,500,1250,2,7500,0,20,7,350,4,1,cable\n\
             chord/1,chord,1,1,4,2,10,,open,900,3,100,500,,,,0,20,7,350,4,1,cable\n",
        ),
    ] {
        let text = fs::read_to_string(out.join(file)).unwrap();
        assert_eq!(text.split_once('\n').unwrap().1, rows, "{file}");
    }
    assert_eq!(Manifest::read(&out).unwrap().runs[0].trace_digest, "0".repeat(32));
    let run = &Performance::read(&out).unwrap().runs[0];
    assert_eq!((run.peers, run.events, run.messages, run.events_per_s), (2, 40, 5, 10.0));
}

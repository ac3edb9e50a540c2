//! Every scenario that we ship is run, small.

use std::path::Path;

use crate::{Place, names};

/// What makes any scenario short.
const SHORT: [&str; 8] =
    ["--no-charts", "--quiet", "--set", "time.warm_up=\"10 s\"", "--set", "time.duration=\"40 s\"", "--repetitions", "1"];

fn run_small(file: &str, more: &[&str]) {
    let (place, table) = run_in_a_place(file, more);
    assert!(table.contains("success"), "{file}: {table}");
    let rows = std::fs::read_to_string(place.path("out/lookups.csv")).expect("there are lookups");
    assert!(rows.lines().count() > 1, "{file}: nobody asked anything");
}

/// The table that it prints, and where the results are.
fn run_in_a_place(file: &str, more: &[&str]) -> (Place, String) {
    let place = Place::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(file);
    let path = path.to_string_lossy().into_owned();
    std::fs::write(place.path("edges.txt"), "# four peers in a ring\n0\t1\n1\t2\n2\t3\n3\t0\n").expect("a file can be written");
    std::fs::write(place.path("rtt.txt"), "0 40 80\n40 0 60\n80 60 0\n").expect("a file can be written");
    let arguments: Vec<&str> = ["run", &path, "--out", "out"].into_iter().chain(SHORT).chain(more.iter().copied()).collect();
    let table = place.sim(&arguments).good();
    (place, table)
}

/// Content is moved: every topology has downloads, some of them complete.
fn downloads_run(file: &str, topologies: &[&str], more: &[&str]) {
    let (place, table) = run_in_a_place(file, &[&["--set", "content.size=\"1 MiB\"", "--set", "download.piece=\"64 KiB\""], more].concat());
    assert!(table.contains("download"), "{table}");
    let rows = std::fs::read_to_string(place.path("out/downloads.csv")).expect("there are downloads");
    for topology in topologies {
        let complete = |line: &&str| line.contains(&format!(",{topology},")) && line.contains(",complete,");
        assert!(rows.lines().any(|line| complete(&line)), "{file}: {topology} completes no download\n{rows}");
    }
}

#[test]
fn flash_crowd_runs() {
    downloads_run("flash-crowd.toml", &["client-server", "swarm"], &["--set", "sweep={\"peers.count\"=[5,10]}"]);
}

#[test]
fn free_riders_runs() {
    let few = ["--set", "peers.count=12", "--set", "sweep={\"download.free_riders\"=[0.0,0.5]}"];
    downloads_run("free-riders.toml", &["tracker"], &few);
}

#[test]
fn diurnal_runs() {
    let few = ["--set", "peers.count=60", "--set", "lookups.interval=\"20 s\"", "--set", "churn.diurnal.period=\"1 min\""];
    downloads_run("diurnal.toml", &["central-index", "kademlia"], &few);
}

#[test]
fn partition_runs() {
    let short = ["--set", "event.0.at=\"10 s\"", "--set", "event.0.duration=\"10 s\"", "--set", "time.sample_every=\"2 s\""];
    run_small("partition.toml", &[&short[..], &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]].concat());
}

#[test]
fn sybil_runs() {
    let short = ["--set", "adversary.0.from=\"5 s\"", "--set", "peers.identity_cost=\"1 s\"", "--set", "time.sample_every=\"5 s\""];
    run_small("sybil.toml", &[&short[..], &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]].concat());
}

#[test]
fn multi_source_runs() {
    let few = ["--set", "peers.count=60", "--set", "lookups.interval=\"20 s\""];
    downloads_run("multi-source.toml", &["chord", "flooding", "central-index"], &few);
}

#[test]
fn peer_assisted_runs() {
    let few = ["--set", "peers.count=40", "--set", "lookups.interval=\"20 s\"", "--set", "content.items=20"];
    downloads_run("peer-assisted.toml", &["peer-assisted", "client-server"], &few);
}

#[test]
fn streaming_runs() {
    let few = ["--set", "peers.count=20", "--set", "sweep={\"download.model\"=[\"swarm\",\"peer-assisted\"]}"];
    downloads_run("streaming.toml", &["client-server", "peers", "peers-by-dht"], &few);
}

/// Nobody asks anything; news spreads.
#[test]
fn rumours_runs() {
    let (place, table) = run_in_a_place("rumours.toml", &["--set", "peers.count=60", "--set", "rumours={count=2,every=\"10 s\"}"]);
    assert!(table.contains("residue"), "{table}");
    let rows = std::fs::read_to_string(place.path("out/rumours.csv")).expect("there are rumours");
    assert_eq!(rows.lines().count(), 1 + 6 * 2, "{rows}");
}

#[test]
fn churn_runs() {
    run_small("churn.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn client_server_runs() {
    run_small(
        "client-server.toml",
        &["--set", "sweep={\"peers.count\"=[20,40]}", "--set", "lookups.interval=\"2 s\"", "--set", "output.lookups=\"all\""],
    );
}

#[test]
fn collapse_runs() {
    run_small(
        "collapse.toml",
        &["--set", "peers.count=60", "--set", "sweep={\"lookups.interval\"=[\"5 s\"]}", "--set", "output.lookups=\"all\""],
    );
}

#[test]
fn expanding_ring_runs() {
    let few = ["--set", "peers.count=60", "--set", "sweep={\"content.copies\"=[1,10]}", "--set", "lookups.interval=\"5 s\""];
    run_small("expanding-ring.toml", &[&few[..], &["--set", "output.lookups=\"all\""]].concat());
}

#[test]
fn random_walk_runs() {
    let few = ["--set", "peers.count=60", "--set", "sweep={\"content.copies\"=[1,10]}", "--set", "lookups.interval=\"5 s\""];
    run_small("random-walk.toml", &[&few[..], &["--set", "output.lookups=\"all\""]].concat());
}

#[test]
fn replication_runs() {
    let few =
        ["--set", "peers.count=60", "--set", "content.items=20", "--set", "lookups.interval=\"5 s\"", "--set", "time.warm_up=\"60 s\""];
    run_small("replication.toml", &[&few[..], &["--set", "output.lookups=\"all\""]].concat());
}

#[test]
fn gia_runs() {
    run_small("gia.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"5 s\"", "--set", "output.lookups=\"all\""]);
}

#[test]
fn hop_counts_runs() {
    run_small("hop-counts.toml", &["--set", "sweep={\"peers.count\"=[16,32]}", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn index_servers_runs() {
    run_small(
        "index-servers.toml",
        &[
            "--set",
            "peers.count=40",
            "--set",
            "event.0.at=\"10 s\"",
            "--set",
            "event.0.duration=\"10 s\"",
            "--set",
            "lookups.interval=\"5 s\"",
        ],
    );
}

#[test]
fn blackout_runs() {
    run_small("blackout.toml", &["--set", "peers.count=60", "--set", "event.0.at=\"10 s\"", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn server_outage_runs() {
    let short = ["--set", "event.0.at=\"10 s\"", "--set", "event.0.duration=\"10 s\""];
    run_small("server-outage.toml", &[&short[..], &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]].concat());
}

#[test]
fn real_gnutella_runs_on_files_of_ones_own() {
    let files = ["--set", "network.latency.file=rtt.txt", "--set", "topology.flooding.graph.file=edges.txt"];
    let small = ["--set", "peers.count=4", "--set", "content.copies=1", "--set", "lookups.interval=\"5 s\""];
    run_small("real-gnutella.toml", &[&files[..], &small].concat());
}

#[test]
fn memberships_runs() {
    run_small("memberships.toml", &["--set", "peers.count=60", "--set", "event.0.at=\"10 s\"", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn workload_q_runs() {
    run_small("workload-q.toml", &["--set", "peers.count=100"]);
}

#[test]
fn accordion_runs() {
    run_small("accordion.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn kademlia_runs() {
    run_small("kademlia.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn koorde_runs() {
    run_small("koorde.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn kelips_runs() {
    run_small("kelips.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn keywords_runs() {
    run_small("keywords.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn onehop_runs() {
    run_small("onehop.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn pastry_runs() {
    run_small("pastry.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn storage_runs() {
    run_small("storage.toml", &["--set", "peers.count=60", "--set", "storage.items=60", "--set", "lookups.interval=\"30 s\""]);
}

#[test]
fn super_peer_runs() {
    run_small("super-peer.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn can_runs() {
    run_small("can.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn tapestry_runs() {
    run_small("tapestry.toml", &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn dhts_under_churn_runs() {
    run_small("dhts-under-churn.toml", &["--set", "peers.count=40", "--set", "lookups.interval=\"10 s\""]);
}

#[test]
fn tracker_runs() {
    let short = ["--set", "event.0.at=\"10 s\"", "--set", "event.0.duration=\"10 s\""];
    run_small("tracker.toml", &[&short[..], &["--set", "peers.count=60", "--set", "lookups.interval=\"10 s\""]].concat());
}

#[test]
fn every_shipped_scenario_is_run_here() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let files: Vec<String> =
        names(&directory).into_iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "toml")).collect();
    let here = [
        "accordion.toml",
        "blackout.toml",
        "can.toml",
        "churn.toml",
        "client-server.toml",
        "collapse.toml",
        "dhts-under-churn.toml",
        "diurnal.toml",
        "expanding-ring.toml",
        "flash-crowd.toml",
        "free-riders.toml",
        "gia.toml",
        "hop-counts.toml",
        "index-servers.toml",
        "kademlia.toml",
        "kelips.toml",
        "keywords.toml",
        "koorde.toml",
        "memberships.toml",
        "multi-source.toml",
        "onehop.toml",
        "partition.toml",
        "pastry.toml",
        "peer-assisted.toml",
        "random-walk.toml",
        "real-gnutella.toml",
        "replication.toml",
        "rumours.toml",
        "server-outage.toml",
        "storage.toml",
        "streaming.toml",
        "super-peer.toml",
        "sybil.toml",
        "tapestry.toml",
        "tracker.toml",
        "workload-q.toml",
    ];
    assert_eq!(files, here, "a scenario is run by no test");
}

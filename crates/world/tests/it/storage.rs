//! Values that the overlay keeps: the same run on any number of shards, nothing lost on the way, and what the metrics say.

use peerlab_model::Overlay;
use peerlab_model::units::{Duration, Size};
use peerlab_overlay::structured::can::{Can, CanConfig};
use peerlab_overlay::structured::chord::{Chord, ChordConfig};
use peerlab_overlay::structured::kademlia::{Kademlia, KademliaConfig};
use peerlab_overlay::structured::kelips::{Kelips, KelipsConfig};
use peerlab_overlay::structured::onehop::{OneHop, OneHopConfig};
use peerlab_overlay::structured::pastry::{Pastry, PastryConfig};
use peerlab_overlay::structured::tapestry::{Tapestry, TapestryConfig};
use peerlab_workload::{Disk, StorageConfig, TargetKind};
use peerlab_world::{Conditions, RunOptions, RunRecord};

use crate::determinism::eventful;
use crate::support::{metric, quiet, run_with};

const DAY: Duration = Duration::secs(24 * 3600);

fn chord() -> ChordConfig {
    ChordConfig { republish_interval: DAY, record_expiry: Duration::secs(7 * 24 * 3600), ..ChordConfig::default() }
}

fn kademlia() -> KademliaConfig {
    KademliaConfig { k: 8, replicas: Some(3), replicate_interval: Duration::secs(60), ..KademliaConfig::default() }
}

fn stored(mut conditions: Conditions, disk: Disk, refresh: bool) -> Conditions {
    conditions.storage = Some(StorageConfig { items: 100, size: Size(4096), disk, refresh, ..StorageConfig::default() });
    conditions
}

/// Each message has one fate, and a run of several shards is the run of one.
fn holds_for<O: Overlay>(config: &O::Config) {
    for (disk, refresh) in [(Disk::Kept, true), (Disk::Lost, false)] {
        let conditions = stored(eventful(TargetKind::Value), disk, refresh);
        let run = |shards| run_with::<O>(config, &conditions, 1, &RunOptions { shards, ..RunOptions::default() });
        let ((one, rows), (other, others)) = (run(1), run(3));
        assert!(format!("{one:?}") == format!("{other:?}") && rows == others, "{}: three shards", O::NAME);
        for row in &one.messages {
            let lost = row.dropped_offline + row.dropped_loss + row.dropped_queue + row.dropped_partition;
            assert_eq!(row.sent, row.delivered + lost + row.in_flight, "{}: {row:?}", O::NAME);
        }
        let [available, durable] = ["value_availability", "value_durability"].map(|name| metric(&one, name));
        assert!(available > 0.3 && available <= durable && durable <= 1.0, "{}: {available}, {durable}", O::NAME);
        if disk == Disk::Lost {
            assert!((available - durable).abs() < 1e-12, "{}: what is offline is lost: {available}, {durable}", O::NAME);
        }
    }
}

#[test]
fn storage_does_not_depend_on_shards_and_conserves_messages() {
    holds_for::<Chord>(&chord());
    holds_for::<Kademlia>(&kademlia());
    holds_for::<Pastry>(&PastryConfig::default());
    holds_for::<Can>(&CanConfig::default());
    holds_for::<OneHop>(&OneHopConfig::default());
    holds_for::<Kelips>(&KelipsConfig::default());
    holds_for::<Tapestry>(&TapestryConfig::default());
}

fn calm<O: Overlay>(config: &O::Config) -> RunRecord {
    run_with::<O>(config, &stored(quiet(100, TargetKind::Value), Disk::Lost, false), 2, &RunOptions::default()).0
}

/// Without churn nothing is missing, nothing is in excess, and every `get` succeeds.
#[test]
fn all_is_there_where_nobody_goes() {
    let records = [
        calm::<Chord>(&chord()),
        calm::<Pastry>(&PastryConfig { record_expiry: DAY, ..PastryConfig::default() }),
        calm::<Can>(&CanConfig { record_expiry: DAY, ..CanConfig::default() }),
        calm::<OneHop>(&OneHopConfig { record_expiry: DAY, ..OneHopConfig::default() }),
        calm::<Kelips>(&KelipsConfig { record_expiry: DAY, ..KelipsConfig::default() }),
        calm::<Tapestry>(&TapestryConfig { record_expiry: DAY, ..TapestryConfig::default() }),
    ];
    for record in &records {
        let names = ["value_availability", "value_durability", "lookup_success_ratio", "value_copies_mean"];
        assert_eq!(names.map(|name| metric(record, name)), [1.0, 1.0, 1.0, 3.0]);
        assert!(metric(record, "value_upkeep_bytes_per_peer_s").abs() < 1e-12, "there was nothing to repair");
    }
}

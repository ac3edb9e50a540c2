//! From a run's record to its part: the one place where the world's rows meet the files.
//!
//! # Not here
//! Running: the caller hands [`PartWriter`] to the world as its sink, then the record to [`PartWriter::record`].

use super::{DirectoryError, PartWriter, RunMeasure};
use crate::tables::{Cells, Download, Event, Hops, Message, Peer, Rumour, Sample, Summary};
use peerlab_model::{Keywords, Span, Target, Time};
use peerlab_world::{DownloadRow, EventRow, LookupRow, MessageRow, Metric, PeerRow, RumourRow, RunRecord, SampleRow, Sink};
use std::io;

/// Wall-clock time that a run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunTime {
    /// Before the first event.
    pub setup_s: f64,
    /// In all.
    pub wall_s: f64,
}

impl PartWriter {
    /// Writes everything but the lookups and the peers, which came before, and closes the part: from now on the run is done.
    pub fn record(mut self, record: &RunRecord, time: RunTime) -> Result<(), DirectoryError> {
        self.table(record.metrics.iter().map(summary))?;
        self.table(Hops::of_histogram((0..).zip(record.hops.iter().copied())))?;
        self.table(record.messages.iter().map(message))?;
        self.table(record.samples.iter().map(sample))?;
        self.table(record.events.iter().map(event))?;
        if !record.rumours.is_empty() {
            self.table(record.rumours.iter().map(rumour))?;
        }
        if let Some(downloads) = &record.downloads {
            self.table(downloads.iter().map(download))?;
        }
        self.finish(RunMeasure {
            trace_digest: record.digest.to_string(),
            peers: u64::from(record.population),
            events: record.handled,
            messages: record.sent,
            setup_s: time.setup_s,
            wall_s: time.wall_s,
        })
    }
}

impl Sink for PartWriter {
    fn lookup(&mut self, row: &LookupRow) -> io::Result<()> {
        self.lookup_cells(|cells| lookup(row, cells))
    }

    fn peer(&mut self, row: &PeerRow) -> io::Result<()> {
        self.peer_row(&peer(row))
    }
}

/// The cells of `tables::Lookup`, without making one: there may be a hundred million.
fn lookup(row: &LookupRow, cells: &mut Cells) {
    cells.count(row.lookup);
    cells.seconds(row.time.nanos());
    cells.count(u64::from(row.origin));
    match row.target {
        Target::Item(item) => cells.named("item:", u64::from(item.0)),
        Target::Peer(peer) => cells.named("peer:", u64::from(peer.0)),
        Target::Keywords(keywords) => cells.text(&words(keywords)),
        Target::Key(key) => cells.named_key("key:", key.0),
        // A kind of question that came after this match: readable, if not pretty.
        other => cells.text(&format!("{other:?}")),
    }
    cells.name(row.outcome.name());
    cells.count_or_empty(row.hops.map(u64::from));
    cells.count_or_empty(row.rounds.map(u64::from));
    cells.count(row.messages);
    cells.count(row.bytes);
    cells.count(u64::from(row.timeouts));
    cells.milliseconds_or_empty(row.latency.map(Span::nanos));
    cells.count(u64::from(row.results));
    cells.number_or_empty(row.recall);
}

/// `words:17+4`, the rarest first.
fn words(keywords: Keywords) -> String {
    let words: Vec<String> = keywords.as_slice().iter().map(|word| word.0.to_string()).collect();
    format!("words:{}", words.join("+"))
}

fn summary(row: &Metric) -> Summary {
    Summary { metric: row.name.to_owned(), unit: row.unit.to_owned(), value: Some(row.value) }
}

fn message(row: &MessageRow) -> Message {
    Message {
        kind: row.kind.to_owned(),
        cause: row.cause.to_owned(),
        sent: row.sent,
        delivered: row.delivered,
        dropped_offline: row.dropped_offline,
        dropped_loss: row.dropped_loss,
        dropped_queue: row.dropped_queue,
        dropped_partition: row.dropped_partition,
        in_flight: row.in_flight,
        bytes: row.bytes,
    }
}

fn sample(row: &SampleRow) -> Sample {
    let (metric, unit) = (row.metric.to_owned(), row.unit.to_owned());
    Sample { time_ns: row.time.nanos(), metric, unit, value: Some(row.value) }
}

fn peer(row: &PeerRow) -> Peer {
    Peer {
        peer: u64::from(row.peer),
        class: row.class.clone().unwrap_or_default(),
        role: row.role.into(),
        online_ns: row.online.nanos().min(i64::MAX as u64) as i64,
        messages_in: row.messages_in,
        messages_out: row.messages_out,
        bytes_in: row.bytes_in,
        bytes_out: row.bytes_out,
        lookups_served: row.lookups_served,
        items: row.items,
        state_bytes: row.state_bytes,
        records: row.records,
    }
}

fn event(row: &EventRow) -> Event {
    let (action, note) = (row.action.clone(), row.note.clone());
    Event {
        time_ns: row.time.nanos(),
        action,
        peers: Some(row.peers),
        note,
        recovery_ns: row.recovery.map(|recovery| recovery.nanos().min(i64::MAX as u64) as i64),
        dip: row.dip,
        repair_bytes: row.repair_bytes,
    }
}

fn download(row: &DownloadRow) -> Download {
    Download {
        download: row.download,
        peer: u64::from(row.peer),
        item: u64::from(row.item),
        start_ns: row.start.nanos(),
        end_ns: row.end.map(Time::nanos),
        outcome: row.outcome.name().to_owned(),
        bytes: row.bytes,
        sources: u64::from(row.sources),
        from_server_bytes: row.from_server,
        upload_bytes: row.uploaded,
        startup_ns: row.playback.and_then(|playback| playback.startup).map(Span::nanos),
        stalls: row.playback.map(|playback| u64::from(playback.stalls)),
        stall_ns: row.playback.map(|playback| playback.stalled.nanos()),
        from_cache_bytes: row.from_cache,
        wasted_bytes: row.wasted,
        search_messages: row.search_messages,
        search_bytes: row.search_bytes,
        hash_failures: u64::from(row.hash_failures),
        spoilt_pieces: u64::from(row.spoilt_pieces),
        class: row.class.clone().unwrap_or_default(),
    }
}

fn rumour(row: &RumourRow) -> Rumour {
    Rumour {
        rumour: u64::from(row.rumour),
        time_ns: row.time.nanos(),
        origin: u64::from(row.origin),
        online: u64::from(row.online),
        stayed: u64::from(row.stayed),
        heard: u64::from(row.heard),
        residue: row.residue(),
        updates: row.updates,
        traffic: row.traffic(),
        messages: row.messages,
        bytes: row.bytes,
        delay_mean_ns: row.delay_mean.map(Span::nanos),
        delay_last_ns: row.delay_last.map(Span::nanos),
    }
}

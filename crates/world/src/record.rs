//! What a run leaves behind: plain rows, in the terms of the result files.
//!
//! Lookups are handed to a [`Sink`] one by one, in the order of the file, while the run goes on, and peers when it is over: there
//! may be a million of them. Everything else is small enough to be kept until the end.

use std::io;

use peerlab_engine::digest::Digest;
use peerlab_engine::time::{Span, Time};
use peerlab_model::Target;
use peerlab_transfer::Playback;

/// Everything that a run leaves behind but the rows of its lookups and peers.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// The trace digest: equal for equal runs.
    pub digest: Digest,
    /// The metrics of the whole run, in the order of `sim list metrics`; a metric that has no value (a mean over nothing) is left out.
    pub metrics: Vec<Metric>,
    /// `hops[h]`: found lookups that took `h` hops.
    pub hops: Vec<u64>,
    /// Messages by kind and cause.
    pub messages: Vec<MessageRow>,
    /// The time series.
    pub samples: Vec<SampleRow>,
    /// Hosts of the population.
    pub population: u32,
    /// What the timeline did.
    pub events: Vec<EventRow>,
    /// The rumours that started.
    pub rumours: Vec<RumourRow>,
    /// The downloads that began in the measured time; nothing where no content is moved.
    pub downloads: Option<Vec<DownloadRow>>,
    /// Events handled: messages delivered to and timers fired at live peers.
    pub handled: u64,
    /// Messages sent.
    pub sent: u64,
}

/// A metric of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The metric's name, as `sim list metrics` has it.
    pub name: &'static str,
    /// Its unit; `1` for ratios.
    pub unit: &'static str,
    /// Its value.
    pub value: f64,
}

/// A row of `lookups.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupRow {
    /// Unique in the run, and the same in every topology.
    pub lookup: u64,
    /// When it was asked.
    pub time: Time,
    /// The peer that asked: its host's number.
    pub origin: u32,
    /// What it asked for.
    pub target: Target,
    /// How it ended.
    pub outcome: Outcome,
    /// Overlay links to the peer that named the first right answer; only of `found` lookups.
    pub hops: Option<u32>,
    /// Rounds of the first right answer; only of `found` lookups in models that count them.
    pub rounds: Option<u32>,
    /// Messages sent for it.
    pub messages: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Contacts that did not answer in time.
    pub timeouts: u32,
    /// From the question to the first right answer; only of `found` lookups.
    pub latency: Option<Span>,
    /// Right answers: different holders of the item; by keyword, different items that match, each with a right holder.
    pub results: u32,
    /// Right answers over those that existed when it was asked (of which a holder was online); only for content and keywords.
    pub recall: Option<f64>,
}

/// How a lookup ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// At least one returned peer was right when the answer arrived.
    Found,
    /// Answers came, none right.
    Incorrect,
    /// The model gave up.
    NotFound,
    /// No end within `lookups.timeout`.
    Timeout,
    /// No holder was online from the question to the end: no model could have found one.
    Absent,
    /// The origin went offline.
    Abandoned,
    /// Still running at the end of the run.
    Open,
}

impl Outcome {
    /// The word in the result files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Incorrect => "incorrect",
            Self::NotFound => "not-found",
            Self::Timeout => "timeout",
            Self::Absent => "absent",
            Self::Abandoned => "abandoned",
            Self::Open => "open",
        }
    }
}

/// A row of `messages.csv`: `sent` is the sum of `delivered`, the drops and `in_flight`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRow {
    /// The message kind, or `late`.
    pub kind: &'static str,
    /// `lookup` or `maintenance`.
    pub cause: &'static str,
    /// Messages sent.
    pub sent: u64,
    /// Handled by a live receiver.
    pub delivered: u64,
    /// The receiver was offline, or in another life than the message was sent to.
    pub dropped_offline: u64,
    /// Lost on the way.
    pub dropped_loss: u64,
    /// The receiver's queue was full.
    pub dropped_queue: u64,
    /// Sent across a partition.
    pub dropped_partition: u64,
    /// Still on the way at the end.
    pub in_flight: u64,
    /// Bytes on the wire of those sent.
    pub bytes: u64,
}

/// A row of `timeseries.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRow {
    /// The end of the interval that the value describes.
    pub time: Time,
    /// The metric's name.
    pub metric: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its value.
    pub value: f64,
}

impl SampleRow {
    /// Puts rows in the order of time; those of one time stay as they are.
    pub(crate) fn sort(rows: &mut [Self]) {
        rows.sort_by_key(|row| row.time);
    }
}

/// A row of `peers.csv`. Counters cover the measured time, and are sums over a host's peers where it has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRow {
    /// The number of the peer's host; dedicated servers follow the population.
    pub peer: u32,
    /// The name of its class, if the scenario has classes.
    pub class: Option<String>,
    /// `peer`, or what kind of server it is.
    pub role: &'static str,
    /// Time online.
    pub online: Span,
    /// Messages handled.
    pub messages_in: u64,
    /// Messages sent.
    pub messages_out: u64,
    /// Bytes of the messages handled.
    pub bytes_in: u64,
    /// Bytes of the messages sent.
    pub bytes_out: u64,
    /// Messages handled that belonged to other peers' lookups.
    pub lookups_served: u64,
    /// Items on its disk at the end.
    pub items: u64,
    /// Bytes of protocol state at the end; 0 if it is offline then.
    pub state_bytes: u64,
    /// Records that it keeps for the overlay at the end, expired ones that are still there included; 0 if it is offline then.
    pub records: u64,
}

/// A row of `rumours.csv`. Hosts are counted that were online when the rumour started, its origin included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RumourRow {
    /// Its number.
    pub rumour: u32,
    /// When it started.
    pub time: Time,
    /// The host at which it started.
    pub origin: u32,
    /// Hosts that were online then.
    pub online: u32,
    /// Of them, those that were online all the time until it was judged.
    pub stayed: u32,
    /// Of these, those that had heard it by then, the origin among them.
    pub heard: u32,
    /// Messages that carried it.
    pub updates: u64,
    /// Messages sent for it, those that carried it included.
    pub messages: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// From its start until a host heard it, in the mean over all that did before they went, the origin apart.
    pub delay_mean: Option<Span>,
    /// The longest of these.
    pub delay_last: Option<Span>,
}

impl RumourRow {
    /// Share of those who stayed that never heard it; nothing if nobody stayed.
    pub fn residue(&self) -> Option<f64> {
        (self.stayed > 0).then(|| f64::from(self.stayed - self.heard) / f64::from(self.stayed))
    }

    /// Messages that carried it, per peer that was online at its start.
    pub fn traffic(&self) -> f64 {
        self.updates as f64 / f64::from(self.online.max(1))
    }
}

/// A row of `downloads.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct DownloadRow {
    /// Its number, unique in the run; that of its lookup, if it has one.
    pub download: u64,
    /// The host that wanted the item.
    pub peer: u32,
    /// The name of its class, if the scenario has classes.
    pub class: Option<String>,
    /// The item.
    pub item: u32,
    /// When it was wanted.
    pub start: Time,
    /// When it ended, if it has.
    pub end: Option<Time>,
    /// How it ended.
    pub outcome: DownloadOutcome,
    /// Bytes of content that have come, blocks that came twice included.
    pub bytes: u64,
    /// Connections that have brought something.
    pub sources: u32,
    /// Of the bytes, those from servers.
    pub from_server: u64,
    /// Bytes that were on the peer's disk when it wanted the item.
    pub from_cache: u64,
    /// Bytes that had come before when they came again.
    pub wasted: u64,
    /// Bytes of the item that the peer has sent to others since, until the end of the run.
    pub uploaded: u64,
    /// Messages sent, by anybody, to find sources, those of its lookup included.
    pub search_messages: u64,
    /// Their bytes.
    pub search_bytes: u64,
    /// Pieces that failed their hash check and were thrown away.
    pub hash_failures: u32,
    /// Peers that it found to have sent what was bad.
    pub banned: u32,
    /// Pieces that are not what they should be, where nobody checks.
    pub spoilt_pieces: u32,
    /// What its viewer has seen of it; nothing where nobody watches.
    pub playback: Option<Playback>,
}

impl DownloadRow {
    /// Puts rows in the order of their start, then of the host, then of the number.
    pub(crate) fn sort(rows: &mut [Self]) {
        rows.sort_by_key(|row| (row.start, row.peer, row.download));
    }
}

/// How a download ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DownloadOutcome {
    /// All of it is there.
    Complete,
    /// No source was left.
    Failed,
    /// The peer gave up.
    Aborted,
    /// Still going on at the end of the run.
    Open,
}

impl DownloadOutcome {
    /// The word in the result files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Open => "open",
        }
    }
}

/// A row of `events.csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// When it happened.
    pub time: Time,
    /// The action, or its end (`heal`).
    pub action: String,
    /// How many peers it touched.
    pub peers: u64,
    /// Details, in words.
    pub note: String,
    /// How long after it success, connectivity and upkeep were back; nothing if they were not before the end, or if there is nothing to compare.
    pub recovery: Option<Span>,
    /// How far the success ratio fell below what it was before.
    pub dip: Option<f64>,
    /// Bytes of upkeep beyond what it was before, until then.
    pub repair_bytes: Option<f64>,
}

impl EventRow {
    /// What has happened; how it ends is judged later.
    pub fn new(time: Time, action: &str, peers: u64, note: String) -> Self {
        Self { time, action: action.to_owned(), peers, note, recovery: None, dip: None, repair_bytes: None }
    }
}

/// Takes the rows of lookups as they close, ordered by time, then origin, then number; and those of peers at the end, by number.
pub trait Sink: Send {
    /// Takes the row of a lookup.
    ///
    /// # Errors
    /// If the row cannot be written; the run then ends.
    fn lookup(&mut self, row: &LookupRow) -> io::Result<()>;

    /// Takes the row of a peer or of a dedicated server. The default is to ignore it.
    ///
    /// # Errors
    /// If the row cannot be written.
    fn peer(&mut self, _row: &PeerRow) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps nothing.
impl Sink for () {
    fn lookup(&mut self, _: &LookupRow) -> io::Result<()> {
        Ok(())
    }
}

/// Keeps every row: for tests.
impl Sink for Vec<LookupRow> {
    fn lookup(&mut self, row: &LookupRow) -> io::Result<()> {
        self.push(row.clone());
        Ok(())
    }
}

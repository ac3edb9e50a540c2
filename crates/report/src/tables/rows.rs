//! The rows of the files, typed: what the contract's table of files says, in Rust.
//!
//! Times are integer nanoseconds here and seconds or milliseconds in the file.
//!
//! # Not here
//! What a value means: the contract and `sim list metrics` say that.

use super::{Cells, Common, Row, parse_nanos};
use serde::{Deserialize, Deserializer, de};
use std::borrow::Cow;

/// `summary.csv`: a metric of a run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Summary {
    /// Name of the metric.
    pub metric: String,
    /// Its unit; `1` for a ratio.
    pub unit: String,
    /// Its value; none where the run has no such thing, such as the hops of no lookup.
    pub value: Option<f64>,
}

impl Row for Summary {
    const FILE: &'static str = "summary.csv";
    const COLUMNS: &'static [&'static str] = &["metric", "unit", "value"];

    fn cells(&self, cells: &mut Cells) {
        cells.text(&self.metric);
        cells.text(&self.unit);
        cells.number_or_empty(self.value);
    }
}

/// `aggregate.csv`: a metric of a topology (and sweep point) over its repetitions.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Aggregate {
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Mean over the repetitions that have a value; none if none has.
    pub mean: Option<f64>,
    /// Lower end of the mean's 95 % interval; none for fewer than two values.
    pub ci95_low: Option<f64>,
    /// Upper end of the mean's 95 % interval.
    pub ci95_high: Option<f64>,
    /// Standard deviation of the sample.
    pub sd: Option<f64>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Middle value.
    pub median: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Repetitions that have a value.
    pub n: u64,
}

impl Row for Aggregate {
    const FILE: &'static str = "aggregate.csv";
    const COMMON: Common = Common::Topology;
    const COLUMNS: &'static [&'static str] = &["metric", "unit", "mean", "ci95_low", "ci95_high", "sd", "min", "median", "max", "n"];

    fn cells(&self, cells: &mut Cells) {
        cells.text(&self.metric);
        cells.text(&self.unit);
        for value in [self.mean, self.ci95_low, self.ci95_high, self.sd, self.min, self.median, self.max] {
            cells.number_or_empty(value);
        }
        cells.count(self.n);
    }
}

/// `lookups.csv`: a lookup.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Lookup {
    /// Its number in the run.
    pub lookup: u64,
    /// When it was asked.
    #[serde(rename = "time_s", deserialize_with = "seconds")]
    pub time_ns: i64,
    /// The peer that asked.
    pub origin: u64,
    /// What it asked for.
    pub target: String,
    /// How it ended.
    pub outcome: String,
    /// Overlay links that the question crossed.
    pub hops: Option<u64>,
    /// Request/reply rounds in sequence, of iterative models.
    pub rounds: Option<u64>,
    /// Messages sent for it.
    pub messages: u64,
    /// Bytes sent for it.
    pub bytes: u64,
    /// Requests that nobody answered.
    pub timeouts: u64,
    /// From the question to the first right answer.
    #[serde(rename = "latency_ms", deserialize_with = "milliseconds")]
    pub latency_ns: Option<u64>,
    /// Peers that were returned.
    pub results: Option<u64>,
    /// Share of the online holders that were returned.
    pub recall: Option<f64>,
}

impl Row for Lookup {
    const FILE: &'static str = "lookups.csv";
    const COLUMNS: &'static [&'static str] = &[
        "lookup",
        "time_s",
        "origin",
        "target",
        "outcome",
        "hops",
        "rounds",
        "messages",
        "bytes",
        "timeouts",
        "latency_ms",
        "results",
        "recall",
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.count(self.lookup);
        cells.seconds(self.time_ns);
        cells.count(self.origin);
        cells.text(&self.target);
        cells.text(&self.outcome);
        cells.count_or_empty(self.hops);
        cells.count_or_empty(self.rounds);
        cells.count(self.messages);
        cells.count(self.bytes);
        cells.count(self.timeouts);
        cells.milliseconds_or_empty(self.latency_ns);
        cells.count_or_empty(self.results);
        cells.number_or_empty(self.recall);
    }
}

/// `hops.csv`: a hop count of the `found` lookups.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Hops {
    /// The hop count.
    pub hops: u64,
    /// Found lookups that took as many.
    pub lookups: u64,
    /// Their share of the run's found lookups.
    pub share: f64,
    /// Share of those that took as many or fewer.
    pub cumulative: f64,
}

impl Hops {
    /// The rows of a histogram of (hop count, lookups), ascending; counts without a lookup give no row.
    pub fn of_histogram(histogram: impl IntoIterator<Item = (u64, u64)> + Clone) -> Vec<Self> {
        let total: u64 = histogram.clone().into_iter().map(|(_, lookups)| lookups).sum();
        let mut below = 0;
        histogram
            .into_iter()
            .filter(|&(_, lookups)| lookups > 0)
            .map(|(hops, lookups)| {
                below += lookups;
                Self { hops, lookups, share: ratio(lookups, total), cumulative: ratio(below, total) }
            })
            .collect()
    }
}

/// A share of a total that is not zero.
fn ratio(part: u64, total: u64) -> f64 {
    part as f64 / total as f64
}

impl Row for Hops {
    const FILE: &'static str = "hops.csv";
    const COLUMNS: &'static [&'static str] = &["hops", "lookups", "share", "cumulative"];

    fn cells(&self, cells: &mut Cells) {
        cells.count(self.hops);
        cells.count(self.lookups);
        cells.number(self.share);
        cells.number(self.cumulative);
    }
}

/// `messages.csv`: a message kind.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Message {
    /// The model's name for it.
    pub kind: String,
    /// What it was sent for: a lookup, maintenance, a transfer.
    pub cause: String,
    /// Messages sent.
    pub sent: u64,
    /// Messages that a live peer handled.
    pub delivered: u64,
    /// Lost because the receiver was offline, or in another life.
    pub dropped_offline: u64,
    /// Lost at random.
    pub dropped_loss: u64,
    /// Lost at a full queue.
    pub dropped_queue: u64,
    /// Lost at a partition.
    pub dropped_partition: u64,
    /// On their way at the end.
    pub in_flight: u64,
    /// Bytes sent.
    pub bytes: u64,
}

impl Row for Message {
    const FILE: &'static str = "messages.csv";
    const COLUMNS: &'static [&'static str] = &[
        "kind",
        "cause",
        "sent",
        "delivered",
        "dropped_offline",
        "dropped_loss",
        "dropped_queue",
        "dropped_partition",
        "in_flight",
        "bytes",
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.text(&self.kind);
        cells.text(&self.cause);
        for value in [
            self.sent,
            self.delivered,
            self.dropped_offline,
            self.dropped_loss,
            self.dropped_queue,
            self.dropped_partition,
            self.in_flight,
            self.bytes,
        ] {
            cells.count(value);
        }
    }
}

/// `timeseries.csv`: a sample.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Sample {
    /// End of the interval that was sampled.
    #[serde(rename = "time_s", deserialize_with = "seconds")]
    pub time_ns: i64,
    /// Name of the metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Its value; none where the interval has no such thing.
    pub value: Option<f64>,
}

impl Row for Sample {
    const FILE: &'static str = "timeseries.csv";
    const COLUMNS: &'static [&'static str] = &["time_s", "metric", "unit", "value"];

    fn cells(&self, cells: &mut Cells) {
        cells.seconds(self.time_ns);
        cells.text(&self.metric);
        cells.text(&self.unit);
        cells.number_or_empty(self.value);
    }
}

/// `peers.csv`: a peer or server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Peer {
    /// Its number.
    pub peer: u64,
    /// Its class; empty without classes.
    pub class: String,
    /// `peer`, or what kind of server it is.
    pub role: Cow<'static, str>,
    /// How long it was online.
    #[serde(rename = "online_s", deserialize_with = "seconds")]
    pub online_ns: i64,
    /// Messages that it handled.
    pub messages_in: u64,
    /// Messages that it sent.
    pub messages_out: u64,
    /// Bytes that it received.
    pub bytes_in: u64,
    /// Bytes that it sent.
    pub bytes_out: u64,
    /// Lookups that it had a part in.
    pub lookups_served: u64,
    /// Items that it holds at the end.
    pub items: u64,
    /// Memory that its overlay state takes.
    pub state_bytes: u64,
    /// Records that it keeps for the overlay at the end.
    pub records: u64,
}

impl Row for Peer {
    const FILE: &'static str = "peers.csv";
    const COLUMNS: &'static [&'static str] = &[
        "peer",
        "class",
        "role",
        "online_s",
        "messages_in",
        "messages_out",
        "bytes_in",
        "bytes_out",
        "lookups_served",
        "items",
        "state_bytes",
        "records",
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.count(self.peer);
        cells.text(&self.class);
        cells.text(&self.role);
        cells.seconds(self.online_ns);
        let counters = [self.messages_in, self.messages_out, self.bytes_in, self.bytes_out, self.lookups_served];
        for value in counters.into_iter().chain([self.items, self.state_bytes, self.records]) {
            cells.count(value);
        }
    }
}

/// `events.csv`: a thing of the timeline that happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Event {
    /// When.
    #[serde(rename = "time_s", deserialize_with = "seconds")]
    pub time_ns: i64,
    /// The scenario's word for it.
    pub action: String,
    /// How many peers it concerned; none where it concerned the network as a whole.
    pub peers: Option<u64>,
    /// What else there is to say.
    pub note: String,
    /// How long after it success, connectivity and upkeep were back; none if they were not, or if there was nothing to compare.
    #[serde(rename = "recovery_time_s", deserialize_with = "seconds_or_none")]
    pub recovery_ns: Option<i64>,
    /// How far the success ratio fell below what it was before.
    pub dip: Option<f64>,
    /// Bytes of upkeep beyond what it was before, until then.
    pub repair_bytes: Option<f64>,
}

impl Row for Event {
    const FILE: &'static str = "events.csv";
    const COLUMNS: &'static [&'static str] = &["time_s", "action", "peers", "note", "recovery_time_s", "dip", "repair_bytes"];

    fn cells(&self, cells: &mut Cells) {
        cells.seconds(self.time_ns);
        cells.text(&self.action);
        cells.count_or_empty(self.peers);
        cells.text(&self.note);
        cells.seconds_or_empty(self.recovery_ns);
        cells.number_or_empty(self.dip);
        cells.number_or_empty(self.repair_bytes);
    }
}

/// `rumours.csv`: a rumour. Peers are those that were online when it started, its origin included.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Rumour {
    /// Its number in the run.
    pub rumour: u64,
    /// When it started.
    #[serde(rename = "time_s", deserialize_with = "seconds")]
    pub time_ns: i64,
    /// The peer that knew it first.
    pub origin: u64,
    /// Peers that were online then.
    pub online: u64,
    /// Of these, those that stayed online until it was judged.
    pub stayed: u64,
    /// Of those, the ones that had heard it.
    pub heard: u64,
    /// Share of those who stayed that had not; none if nobody stayed.
    pub residue: Option<f64>,
    /// Messages that carried it.
    pub updates: u64,
    /// The same per peer.
    pub traffic: f64,
    /// Messages sent for it, feedback included.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From its start until a peer heard it, in the mean.
    #[serde(rename = "delay_mean_ms", deserialize_with = "milliseconds")]
    pub delay_mean_ns: Option<u64>,
    /// The longest of these.
    #[serde(rename = "delay_last_ms", deserialize_with = "milliseconds")]
    pub delay_last_ns: Option<u64>,
}

impl Row for Rumour {
    const FILE: &'static str = "rumours.csv";
    const COLUMNS: &'static [&'static str] = &[
        "rumour",
        "time_s",
        "origin",
        "online",
        "stayed",
        "heard",
        "residue",
        "updates",
        "traffic",
        "messages",
        "bytes",
        "delay_mean_ms",
        "delay_last_ms",
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.count(self.rumour);
        cells.seconds(self.time_ns);
        for value in [self.origin, self.online, self.stayed, self.heard] {
            cells.count(value);
        }
        cells.number_or_empty(self.residue);
        cells.count(self.updates);
        cells.number(self.traffic);
        cells.count(self.messages);
        cells.count(self.bytes);
        cells.milliseconds_or_empty(self.delay_mean_ns);
        cells.milliseconds_or_empty(self.delay_last_ns);
    }
}

/// `downloads.csv`: a download that began in the measured time.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Download {
    /// Its number, unique in the run; that of its lookup, if it has one.
    pub download: u64,
    /// The peer that wanted the item.
    pub peer: u64,
    /// The item.
    pub item: u64,
    /// When it was wanted.
    #[serde(rename = "start_s", deserialize_with = "seconds")]
    pub start_ns: i64,
    /// When it ended, if it has.
    #[serde(rename = "end_s", deserialize_with = "seconds_or_none")]
    pub end_ns: Option<i64>,
    /// `complete`, `failed`, `aborted` or `open`.
    pub outcome: String,
    /// Bytes of content that have come, blocks that came twice included.
    pub bytes: u64,
    /// Connections that have brought something.
    pub sources: u64,
    /// Of the bytes, those from servers.
    pub from_server_bytes: u64,
    /// Bytes of the item that the peer has sent to others since, until the end of the run.
    pub upload_bytes: u64,
    /// From the wish to the start of playing; none where nothing is played.
    #[serde(rename = "startup_ms", deserialize_with = "milliseconds")]
    pub startup_ns: Option<u64>,
    /// Interruptions of playing.
    pub stalls: Option<u64>,
    /// Their length in all.
    #[serde(rename = "stall_ms", deserialize_with = "milliseconds")]
    pub stall_ns: Option<u64>,
    /// Bytes that were on the peer's disk when it wanted the item.
    pub from_cache_bytes: u64,
    /// Bytes that had come before when they came again.
    pub wasted_bytes: u64,
    /// Messages sent, by anybody, to find sources, those of its lookup included.
    pub search_messages: u64,
    /// Their bytes.
    pub search_bytes: u64,
    /// Pieces that failed their hash check and were thrown away.
    pub hash_failures: u64,
    /// Pieces that are not what they should be, where nobody checks.
    pub spoilt_pieces: u64,
    /// The peer's class; empty without classes.
    pub class: String,
}

impl Row for Download {
    const FILE: &'static str = "downloads.csv";
    const COLUMNS: &'static [&'static str] = &[
        "download",
        "peer",
        "item",
        "start_s",
        "end_s",
        "outcome",
        "bytes",
        "sources",
        "from_server_bytes",
        "upload_bytes",
        "startup_ms",
        "stalls",
        "stall_ms",
        "from_cache_bytes",
        "wasted_bytes",
        "search_messages",
        "search_bytes",
        "hash_failures",
        "spoilt_pieces",
        "class",
    ];

    fn cells(&self, cells: &mut Cells) {
        for value in [self.download, self.peer, self.item] {
            cells.count(value);
        }
        cells.seconds(self.start_ns);
        cells.seconds_or_empty(self.end_ns);
        cells.text(&self.outcome);
        for value in [self.bytes, self.sources, self.from_server_bytes, self.upload_bytes] {
            cells.count(value);
        }
        cells.milliseconds_or_empty(self.startup_ns);
        cells.count_or_empty(self.stalls);
        cells.milliseconds_or_empty(self.stall_ns);
        for value in [self.from_cache_bytes, self.wasted_bytes, self.search_messages, self.search_bytes] {
            cells.count(value);
        }
        cells.count(self.hash_failures);
        cells.count(self.spoilt_pieces);
        cells.text(&self.class);
    }
}

fn seconds_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let nanos = parse_nanos(text.as_bytes(), 9);
    nanos.map(Some).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a time in seconds, or nothing"))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_nanos(text.as_bytes(), 9).ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a time in seconds"))
}

fn milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    parse_nanos(text.as_bytes(), 6)
        .and_then(|nanos| u64::try_from(nanos).ok())
        .map(Some)
        .ok_or_else(|| de::Error::invalid_value(de::Unexpected::Str(&text), &"a duration in milliseconds"))
}

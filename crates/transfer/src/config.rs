//! `[download]`: lookups turn into downloads.

use std::borrow::Cow;

use peerlab_model::Issues;
use peerlab_model::units::{Duration, Rate, Size};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How content moves once it has been found: from which sources, in which pieces, and who serves whom.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DownloadConfig {
    /// Where the parts come from. Default: `swarm`.
    pub model: Method,
    /// Bytes of a piece, which is verified and then served as a whole. Default: 256 KiB (Cohen 2003).
    pub piece: Size,
    /// Bytes of a block, which is asked for and sent as a whole. Default: 16 KiB (Cohen 2003).
    pub block: Size,
    /// The share of the lookups that turn into downloads, with `arrivals = "lookups"`. Default: 1.
    pub share: f64,
    /// When peers want something. Default: `lookups`.
    pub arrivals: Arrivals,
    /// With `arrivals = "poisson"`: the mean gap between two of the population's arrivals. Default: 10 s.
    pub interval: Duration,
    /// With `arrivals = "decay"`: the mean time after which a peer wants the item; arrivals decay exponentially with it. Default: 10 min.
    pub decay: Duration,
    /// With `arrivals = "trace"`: the file, an arrival a line, `<seconds> <peer>`. No default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Origin servers, which hold every item; 0: peers only. Default: 1.
    pub servers: u32,
    /// The uplink of each. Default: 100 Mbit/s.
    pub server_upload: Rate,
    /// Peers that a server serves at once; `auto`: with K the uplink's rate in kB/s, √(0.6 K), at least 4, as BitTorrent's own client chose them
    /// for a fast uplink (with `peer-assisted` and `[stream]` all who come: they ask for little, and at once). Default: `auto`.
    pub server_slots: ServerSlots,
    /// Peers that may wait for a slot at each server; whoever comes when so many do is sent away, and comes again after `idle_timeout`. Default: all who
    /// come, where servers are asked for whole items; in a swarm as many as are served, or as fill twice `connections`, if that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_queue: Option<u32>,
    /// Whether the servers of a swarm tell each peer of one piece at a time, and of the next when they have seen it elsewhere (BEP 16). Default: false.
    pub super_seeding: bool,
    /// How long a finished peer goes on serving: `forever`, a time (`0 s`: it stops at once), or a ratio of what it has uploaded to the item's
    /// size. Peers that held the item at the start serve forever. Default: `forever`.
    pub seed_for: SeedFor,
    /// Peers that a peer serves at once, the optimistic one included. Default: 4 (Cohen 2003).
    pub slots: u32,
    /// How often it is decided who is served, by what each has given in the last two such intervals. Default: 10 s (Cohen 2003).
    pub rechoke: Duration,
    /// How often another peer is served in the hope of something better, in whole rounds of choking. Default: 30 s (Cohen 2003).
    pub optimistic: Duration,
    /// Connections that a peer wants for a download; it opens none beyond, and accepts up to twice as many. Default: 40 (Legout et al. 2006).
    pub connections: u32,
    /// The longest time between two searches for sources while a download has less than half of its connections, and peer exchange's
    /// interval; searches begin at an eighth of it. Default: 60 s.
    pub search_every: Duration,
    /// A block that was asked for and has not come after this time is asked for elsewhere (the other peer counts as snubbing). Default: 60 s.
    pub request_timeout: Duration,
    /// A connection on which nothing has been heard for so long is given up; half as long after the last word something is said. Default: 2 min.
    pub idle_timeout: Duration,
    /// A download that has had no source for so long has failed. Default: 10 min.
    pub give_up: Duration,
    /// The mean time, exponentially distributed, after which somebody who has not got it all no longer wants it. Default: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<Duration>,
    /// The share of the peers that take and never give. Default: 0.
    pub free_riders: f64,
    /// The share of the peers that send something else in place of each block. Default: 0.
    pub polluters: f64,
    /// Whether a piece is compared with its hash when it is whole: one that fails is thrown away and fetched again from one peer alone, and who is to
    /// blame is banned (as libtorrent does). If not, what is bad is kept and passed on. Default: true.
    pub hash_check: bool,
}

impl Default for DownloadConfig {
    fn default() -> Self {
        Self {
            model: Method::Swarm,
            piece: Size(256 << 10),
            block: Size(16 << 10),
            share: 1.0,
            arrivals: Arrivals::Lookups,
            interval: Duration::secs(10),
            decay: Duration::secs(600),
            trace: None,
            servers: 1,
            server_upload: Rate::bits_per_second(100_000_000).expect("above zero"),
            server_slots: ServerSlots::Auto,
            server_queue: None,
            super_seeding: false,
            seed_for: SeedFor::Forever,
            slots: 4,
            rechoke: Duration::secs(10),
            optimistic: Duration::secs(30),
            connections: 40,
            search_every: Duration::secs(60),
            request_timeout: Duration::secs(60),
            idle_timeout: Duration::secs(120),
            give_up: Duration::secs(600),
            patience: None,
            free_riders: 0.0,
            polluters: 0.0,
            hash_check: true,
        }
    }
}

/// Where the parts of a download come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// From many, who serve what they have while they download; tit for tat, the rarest piece first (BitTorrent).
    #[default]
    Swarm,
    /// From many who have all of it; a peer serves when it has finished.
    MultiSource,
    /// From one who has all of it, and from the next one when that one goes (Napster).
    SingleSource,
    /// From the servers alone.
    ClientServer,
    /// As a swarm; the servers fill in what peers cannot give (Kreitz & Niemelä, "Spotify", 2010).
    PeerAssisted,
}

/// When peers want something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// When they look for it: `[lookups]`.
    #[default]
    Lookups,
    /// Every peer wants item 0 at t = 0.
    FlashCrowd,
    /// One peer after the other, in random order, wants item 0, from t = 0 on: a Poisson process.
    Poisson,
    /// Every peer wants item 0 once, ever fewer as time goes on.
    Decay,
    /// Those who want item 0 want it when a file says so.
    Trace,
}

/// How many peers a server serves at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerSlots {
    /// As many as its uplink calls for.
    Auto,
    /// So many.
    Number(u32),
}

/// How long a finished peer goes on serving.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SeedFor {
    /// As long as it is online.
    Forever,
    /// For a time.
    Time(Duration),
    /// Until it has uploaded so many times the item's size.
    Ratio(f64),
}

/// A word, or a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Raw {
    Number(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for ServerSlots {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Text(text) if text == "auto" => Ok(Self::Auto),
            Raw::Number(number) if number >= 1.0 && number <= f64::from(u16::MAX) && number.fract() == 0.0 => {
                Ok(Self::Number(number as u32))
            }
            _ => Err(de::Error::custom("server slots are \"auto\" or a whole number from 1 to 65535")),
        }
    }
}

impl Serialize for ServerSlots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Number(number) => serializer.serialize_u32(*number),
        }
    }
}

impl JsonSchema for ServerSlots {
    fn schema_name() -> Cow<'static, str> {
        "ServerSlots".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string", "enum": ["auto"] }, { "type": "integer", "minimum": 1, "maximum": 65535 }] })
    }
}

impl<'de> Deserialize<'de> for SeedFor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Raw::deserialize(deserializer)? {
            Raw::Number(ratio) if ratio >= 0.0 && ratio.is_finite() => Ok(Self::Ratio(ratio)),
            Raw::Number(ratio) => Err(de::Error::custom(format!("a ratio of {ratio} cannot be reached"))),
            Raw::Text(text) if text == "forever" => Ok(Self::Forever),
            Raw::Text(text) => {
                text.parse().map(Self::Time).map_err(|error| de::Error::custom(format!("{error}; or \"forever\", or a ratio such as 1.5")))
            }
        }
    }
}

impl Serialize for SeedFor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Forever => serializer.serialize_str("forever"),
            Self::Time(time) => time.serialize(serializer),
            Self::Ratio(ratio) => serializer.serialize_f64(*ratio),
        }
    }
}

impl JsonSchema for SeedFor {
    fn schema_name() -> Cow<'static, str> {
        "SeedFor".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string" }, { "type": "number", "minimum": 0 }] })
    }
}

/// More connections than a host can number.
const CONNECTIONS_MAX: u32 = 20_000;

impl DownloadConfig {
    /// Notes every value that cannot work with items of `size` (nothing where each has its own), of which the population holds `copies` each, with paths relative to the
    /// `[download]` table; `poisoned`: some hosts send what is bad, beside the `polluters`.
    pub fn check(&self, size: Option<Size>, copies: u32, poisoned: bool, issues: &mut Issues) {
        issues.share("share", self.share);
        issues.share("free_riders", self.free_riders);
        issues.share("polluters", self.polluters);
        if !self.hash_check && self.polluters == 0.0 && !poisoned {
            issues.warn("hash_check", "without polluters no block is bad: nothing changes whether hashes are checked or not");
        }
        issues.ensure(
            self.block.0 > 0 && self.block.0 <= 1 << 24,
            "block",
            format!("a block has between 1 byte and 16 MiB, not {}", self.block),
        );
        let is_whole = self.block.0 > 0 && self.piece.0 > 0 && self.piece.0.is_multiple_of(self.block.0);
        issues.ensure(is_whole, "piece", format!("a piece of {} is no whole number of blocks of {}", self.piece, self.block));
        let many = is_whole && self.piece.0 / self.block.0 > u64::from(u16::MAX);
        issues.ensure(!many, "piece", format!("a piece of {} has more than 65535 blocks of {}", self.piece, self.block));
        if let Some(size) = size.filter(|&size| self.piece > size) {
            let help = "an item that is one piece can be served only when it is whole";
            issues.error_with_help("piece", format!("a piece of {} is larger than an item of {size}", self.piece), help);
        }
        let too_many = |size: &Size| self.block.0 > 0 && size.0.div_ceil(self.block.0) >= 1 << 32;
        if let Some(size) = size.filter(too_many) {
            issues.error("block", format!("an item of {size} has more than 2^32 blocks of {}", self.block));
        }
        for (key, duration) in [
            ("rechoke", self.rechoke),
            ("optimistic", self.optimistic),
            ("search_every", self.search_every),
            ("request_timeout", self.request_timeout),
            ("idle_timeout", self.idle_timeout),
            ("give_up", self.give_up),
            ("interval", self.interval),
            ("decay", self.decay),
        ] {
            issues.ensure(duration.span().nanos() > 0, key, "it lasts longer than nothing");
        }
        if let Some(patience) = self.patience {
            issues.ensure(patience.span().nanos() > 0, "patience", "nobody can have no patience at all; leave it out for endless patience");
        }
        match (self.arrivals == Arrivals::Trace, self.trace.as_deref()) {
            (true, None | Some("")) => {
                issues.error_with_help("trace", "there is no file that says who wants something when", "name it: trace = \"FILE\"");
            }
            (false, Some(_)) => {
                issues.error_with_help("trace", "nobody asks the trace when to want something", "set `arrivals = \"trace\"`");
            }
            _ => {}
        }
        issues.ensure(
            self.optimistic >= self.rechoke,
            "optimistic",
            "the optimistic choice lasts at least one round of choking (`rechoke`)",
        );
        issues.ensure(
            (1..=CONNECTIONS_MAX).contains(&self.connections),
            "connections",
            format!("1 to {CONNECTIONS_MAX} connections are possible"),
        );
        issues.ensure(self.slots > 0, "slots", "a peer that serves nobody is a free rider: `free_riders = 1` says so");
        let message = format!("{} slots are more than {} connections can fill", self.slots, self.connections);
        issues.ensure(self.slots <= self.connections, "slots", message);
        if self.servers == 0 && copies == 0 {
            issues.error_with_help(
                "servers",
                "nobody holds anything: there is no server, and `content.copies` is 0",
                "add a server, or copies",
            );
        }
        if self.servers == 0 && self.model == Method::ClientServer {
            issues.error_with_help("servers", "a download from servers alone needs one", "set `servers = 1`, or choose another model");
        }
        if self.super_seeding && (self.servers == 0 || self.model != Method::Swarm) {
            issues.error_with_help(
                "super_seeding",
                "only the servers of a swarm give one piece at a time",
                "set `model = \"swarm\"` and `servers`, or leave it out",
            );
        }
        if self.servers == 0 && self.model == Method::PeerAssisted {
            issues.warn("servers", "without a server, `peer-assisted` is a swarm");
        }
    }
}

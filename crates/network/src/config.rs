//! `[network]`: what a scenario says about the underlay.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, Wire};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::transit_stub::{ROUTERS_MAX, Shape};

/// The network below the overlay: how long messages take, which get lost, and how their size is counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// How long a message takes from one host to another, one way. Default: points in a square, 80 ms apart on average.
    pub latency: Latency,
    /// The floor of every delay, applied last; the share of messages that it raised is reported. Default: 1 ms.
    pub min_one_way: Duration,
    /// Each delay is multiplied by a factor that is uniform in [1 − jitter, 1 + jitter]; in [0, 1). Default: 0.
    pub jitter: f64,
    /// The share of messages that get lost, each independently of the others; in [0, 1]. Default: 0.
    pub loss: f64,
    /// How many regions the hosts are divided into, for regional faults: clusters of the coordinates or of the matrix's rows;
    /// equal random shares where the latency model knows no places. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regions: Option<u32>,
    /// How the size of messages is counted. Default: `udp`.
    pub wire: Wire,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self { latency: Latency::default(), min_one_way: Duration::millis(1), jitter: 0.0, loss: 0.0, regions: None, wire: Wire::default() }
    }
}

/// How long a message takes, one way, before jitter and rules.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "model", rename_all = "lowercase", deny_unknown_fields)]
pub enum Latency {
    /// The same for all messages.
    Constant {
        /// The delay one way.
        one_way: Duration,
    },
    /// Drawn anew for each message, uniformly.
    Uniform {
        /// The shortest delay one way.
        min: Duration,
        /// The longest delay one way.
        max: Duration,
    },
    /// Proportional to the distance of two points that are spread uniformly over a square or a cube.
    Euclidean {
        /// The mean delay one way over all pairs of hosts.
        mean: Duration,
        /// 2 for a square, 3 for a cube. Default: 2.
        #[serde(default = "two")]
        dimensions: u32,
        /// The part of the mean that one end's access link adds, whatever the distance: drawn for each host, exponential with this mean, as
        /// the height of Vivaldi's coordinates (Dabek et al. 2004). It gives delays the long tail of measured ones. Default: 0.
        #[serde(default, skip_serializing_if = "is_zero")]
        height: Duration,
    },
    /// The distance of points that a file gives, in milliseconds one way.
    Coordinates {
        /// A text file: a host a line (host 0 first), two or three numbers each, in milliseconds; `#` begins a comment.
        file: String,
    },
    /// Measured round trips; a message takes half of one. Hosts are spread over the rows at random, each row being used
    /// about equally often; two hosts on one row are `min_one_way` apart.
    Matrix {
        /// A text file: a square matrix of round-trip times, a row a line, separated by tabs, spaces or commas.
        file: String,
        /// The unit of the file's numbers. Default: `ms`.
        #[serde(default)]
        unit: MatrixUnit,
        /// What to do about missing entries (zero or negative, off the diagonal). Default: `error`.
        #[serde(default)]
        missing: Missing,
    },
    /// An internet of two levels (Zegura, Calvert and Bhattacharjee 1996): transit domains that carry traffic, and at each of their routers stub
    /// domains with the hosts. The shape is that of GT-ITM's example `ts100` unless it is given; the delays of links are ours, for some 30 ms from host to host
    /// (CAN's simulations, Ratnasamy et al. 2001, had 100, 10 and 1 ms, which many a timeout is too short for). Hosts are spread over the routers of stubs at random, each router being used about equally often; two at one router are `min_one_way` apart.
    #[serde(rename = "transit-stub")]
    TransitStub {
        /// Transit domains; at least 1. Default: 1.
        #[serde(default = "one")]
        transit_domains: u32,
        /// Routers in each of them; at least 1. Default: 4.
        #[serde(default = "four")]
        transit_nodes: u32,
        /// Stub domains at each of these; at least 1. Default: 3.
        #[serde(default = "three")]
        stubs: u32,
        /// Routers in each stub domain; at least 1. Default: 8.
        #[serde(default = "eight")]
        stub_nodes: u32,
        /// What a link between two transit routers takes, one way. Default: 20 ms.
        #[serde(default = "transit_delay")]
        transit_delay: Duration,
        /// What the link of a stub to its transit router takes, one way. Default: 5 ms.
        #[serde(default = "access_delay")]
        access_delay: Duration,
        /// What a link within a stub takes, one way. Default: 2 ms.
        #[serde(default = "stub_delay")]
        stub_delay: Duration,
    },
}

impl Default for Latency {
    fn default() -> Self {
        Self::Euclidean { mean: Duration::millis(80), dimensions: two(), height: Duration::default() }
    }
}

/// The unit of the numbers in a matrix of round-trip times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MatrixUnit {
    /// Milliseconds.
    #[default]
    Ms,
    /// Seconds.
    S,
}

/// What to do about entries that a matrix of round-trip times lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Refuse the file, naming the first one.
    #[default]
    Error,
    /// Fill them with the median of those that are present.
    Median,
}

const fn one() -> u32 {
    1
}

const fn two() -> u32 {
    2
}

const fn three() -> u32 {
    3
}

const fn four() -> u32 {
    4
}

const fn eight() -> u32 {
    8
}

fn transit_delay() -> Duration {
    Duration::millis(20)
}

fn access_delay() -> Duration {
    Duration::millis(5)
}

fn stub_delay() -> Duration {
    Duration::millis(2)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(height: &Duration) -> bool {
    height.span().nanos() == 0
}

/// All keys of all models at once. A derived `tag` would buffer the table and lose the positions of what is wrong in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLatency {
    model: LatencyModel,
    one_way: Option<Duration>,
    min: Option<Duration>,
    max: Option<Duration>,
    mean: Option<Duration>,
    dimensions: Option<u32>,
    height: Option<Duration>,
    file: Option<String>,
    unit: Option<MatrixUnit>,
    missing: Option<Missing>,
    transit_domains: Option<u32>,
    transit_nodes: Option<u32>,
    stubs: Option<u32>,
    stub_nodes: Option<u32>,
    transit_delay: Option<Duration>,
    access_delay: Option<Duration>,
    stub_delay: Option<Duration>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LatencyModel {
    Constant,
    Uniform,
    Euclidean,
    Coordinates,
    Matrix,
    TransitStub,
}

impl RawLatency {
    /// The first key that is present and is not in `known`.
    fn stray(&self, known: &[&str]) -> Option<&'static str> {
        let present = [
            ("one_way", self.one_way.is_some()),
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("mean", self.mean.is_some()),
            ("dimensions", self.dimensions.is_some()),
            ("height", self.height.is_some()),
            ("file", self.file.is_some()),
            ("unit", self.unit.is_some()),
            ("missing", self.missing.is_some()),
            ("transit_domains", self.transit_domains.is_some()),
            ("transit_nodes", self.transit_nodes.is_some()),
            ("stubs", self.stubs.is_some()),
            ("stub_nodes", self.stub_nodes.is_some()),
            ("transit_delay", self.transit_delay.is_some()),
            ("access_delay", self.access_delay.is_some()),
            ("stub_delay", self.stub_delay.is_some()),
        ];
        present.iter().find(|(key, is_present)| *is_present && !known.contains(key)).map(|(key, _)| *key)
    }

    fn known<E: de::Error>(&self, model: &str, known: &[&str]) -> Result<(), E> {
        match self.stray(known) {
            None => Ok(()),
            Some(key) => Err(E::custom(format!("the latency model `{model}` has no key `{key}`; it takes `{}`", known.join("`, `")))),
        }
    }
}

fn needed<T, E: de::Error>(value: Option<T>, model: &str, key: &str, example: &str) -> Result<T, E> {
    value.ok_or_else(|| E::custom(format!("the latency model `{model}` needs `{key}`, such as `{key} = {example}`")))
}

impl<'de> Deserialize<'de> for Latency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawLatency::deserialize(deserializer)?;
        match raw.model {
            LatencyModel::Constant => {
                raw.known::<D::Error>("constant", &["one_way"])?;
                Ok(Self::Constant { one_way: needed(raw.one_way, "constant", "one_way", "\"50 ms\"")? })
            }
            LatencyModel::Uniform => {
                raw.known::<D::Error>("uniform", &["min", "max"])?;
                let min = needed(raw.min, "uniform", "min", "\"20 ms\"")?;
                Ok(Self::Uniform { min, max: needed(raw.max, "uniform", "max", "\"80 ms\"")? })
            }
            LatencyModel::Euclidean => {
                raw.known::<D::Error>("euclidean", &["mean", "dimensions", "height"])?;
                let mean = needed(raw.mean, "euclidean", "mean", "\"80 ms\"")?;
                Ok(Self::Euclidean { mean, dimensions: raw.dimensions.unwrap_or(two()), height: raw.height.unwrap_or_default() })
            }
            LatencyModel::Coordinates => {
                raw.known::<D::Error>("coordinates", &["file"])?;
                Ok(Self::Coordinates { file: needed(raw.file, "coordinates", "file", "\"coordinates.txt\"")? })
            }
            LatencyModel::Matrix => {
                raw.known::<D::Error>("matrix", &["file", "unit", "missing"])?;
                let file = needed(raw.file, "matrix", "file", "\"rtt.txt\"")?;
                Ok(Self::Matrix { file, unit: raw.unit.unwrap_or_default(), missing: raw.missing.unwrap_or_default() })
            }
            LatencyModel::TransitStub => {
                let keys = ["transit_domains", "transit_nodes", "stubs", "stub_nodes", "transit_delay", "access_delay", "stub_delay"];
                raw.known::<D::Error>("transit-stub", &keys)?;
                Ok(Self::TransitStub {
                    transit_domains: raw.transit_domains.unwrap_or(one()),
                    transit_nodes: raw.transit_nodes.unwrap_or(four()),
                    stubs: raw.stubs.unwrap_or(three()),
                    stub_nodes: raw.stub_nodes.unwrap_or(eight()),
                    transit_delay: raw.transit_delay.unwrap_or_else(transit_delay),
                    access_delay: raw.access_delay.unwrap_or_else(access_delay),
                    stub_delay: raw.stub_delay.unwrap_or_else(stub_delay),
                })
            }
        }
    }
}

impl NetworkConfig {
    /// Notes every value that cannot work, with paths relative to the `[network]` table.
    pub fn check(&self, population: u32, issues: &mut Issues) {
        issues.within("latency", |issues| self.check_latency(issues));
        issues.ensure(
            self.min_one_way.span().nanos() > 0,
            "min_one_way",
            "no message arrives at the instant when it is sent: the floor must be above zero",
        );
        let jitter = self.jitter;
        issues.ensure((0.0..1.0).contains(&jitter), "jitter", format!("jitter lies in [0, 1), not at {jitter}"));
        issues.share("loss", self.loss);
        if let Some(regions) = self.regions {
            issues.ensure(regions > 0, "regions", "there is at least one region; leave the key out for none");
            let message = format!("{regions} regions are more than the {population} peers");
            issues.ensure(regions <= population.max(1), "regions", message);
        }
    }

    fn check_latency(&self, issues: &mut Issues) {
        let floor = self.min_one_way;
        match &self.latency {
            Latency::Constant { one_way } => {
                if *one_way < floor {
                    issues.warn("one_way", format!("{one_way} is below network.min_one_way, which raises every delay to {floor}"));
                }
            }
            Latency::Uniform { min, max } => {
                issues.ensure(min <= max, "min", format!("the shortest delay, {min}, is above the longest, {max}"));
                if *max < floor {
                    issues.warn("max", format!("{max} is below network.min_one_way, which raises every delay to {floor}"));
                }
            }
            Latency::Euclidean { mean, dimensions, height } => {
                issues.ensure(mean.span().nanos() > 0, "mean", "the mean delay must be above zero");
                let message = format!("two ends with {height} each leave nothing of the mean delay of {mean} to the distance");
                issues.ensure(mean.span() > height.span() + height.span() || height.span().nanos() == 0, "height", message);
                issues.ensure(
                    (2..=3).contains(dimensions),
                    "dimensions",
                    format!("a square has 2 dimensions, a cube 3; {dimensions} is neither"),
                );
            }
            Latency::TransitStub { transit_domains, transit_nodes, stubs, stub_nodes, .. } => {
                let counts =
                    [("transit_domains", transit_domains), ("transit_nodes", transit_nodes), ("stubs", stubs), ("stub_nodes", stub_nodes)];
                for (key, &count) in counts {
                    issues.ensure(count > 0, key, "at least 1: hosts live at the routers of stub domains, and these at transit routers");
                }
                if let Some(shape) = Shape::of(&self.latency)
                    && shape.rows().is_none_or(|rows| rows > ROUTERS_MAX)
                {
                    issues.error(
                        "stub_nodes",
                        format!("more than {ROUTERS_MAX} routers of stubs, of each of which the delay to each other one is kept"),
                    );
                }
            }
            Latency::Coordinates { file } | Latency::Matrix { file, .. } => {
                issues.ensure(!file.is_empty(), "file", "the path of the file is empty");
            }
        }
    }

    /// Files that a run reads: their contents belong to what makes a result.
    pub fn files(&self) -> Vec<&str> {
        match &self.latency {
            Latency::Coordinates { file } | Latency::Matrix { file, .. } => vec![file],
            Latency::Constant { .. } | Latency::Uniform { .. } | Latency::Euclidean { .. } | Latency::TransitStub { .. } => Vec::new(),
        }
    }
}

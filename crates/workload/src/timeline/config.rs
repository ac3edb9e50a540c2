//! `[[event]]`: the timeline of faults and loads.

use peerlab_model::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happens to some of the peers at a certain time.
///
/// Which of the peers it concerns is said by one of `share`, `count` and `peers`, from among those that `select` leaves. For
/// `server-outage`, `share` and `count` are of the dedicated servers; without them it concerns all servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventConfig {
    /// When it happens, from the start of measurement. Required.
    pub at: Duration,
    /// What happens. Required.
    pub action: Action,
    /// The share of the peers that it concerns, of those online at that time (for `join`: of those offline) that `select`
    /// leaves; the nearest whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How many peers it concerns; all that there are if there are fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Which peers it concerns, by number; those that are not online then (for `join`: not offline) are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<u32>>,
    /// Whom `share` and `count` take. Default: `random`.
    #[serde(default)]
    pub select: Select,
    /// The region that `select = "region"` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<u32>,
    /// The class that `select = "class"` means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// For `loss`: the share of messages that get lost, of those from or to the peers concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// For `latency` and `slow`: the delay is multiplied by this, at least 1; `latency` concerns all messages, `slow` those
    /// from or to the peers concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// For `partition`: into how many groups of equal size all hosts fall at random. Without it, the peers concerned are cut
    /// off from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<u32>,
    /// After this time it heals. Default: it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

/// What happens in an event of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Peers go offline without a word, and stay so while it lasts.
    Crash,
    /// Peers say goodbye, go offline, and stay so while it lasts.
    Leave,
    /// Peers that are offline come online, and stay so while it lasts.
    Join,
    /// Peers crash and come back at once, with an empty mind.
    Restart,
    /// Peers stop handling messages, and go on later as if nothing had happened: not available yet.
    Freeze,
    /// Peers ask for one item all at once: not available yet.
    FlashCrowd,
    /// Messages between different groups of hosts vanish.
    Partition,
    /// More messages than usual get lost.
    Loss,
    /// All messages take longer.
    Latency,
    /// Messages from and to some peers take longer.
    Slow,
    /// Access links get narrower: not available yet.
    Bandwidth,
    /// Dedicated servers go offline without a word.
    ServerOutage,
    /// Dedicated servers get slower: not available yet.
    ServerCapacity,
    /// An item is removed wherever it can be reached: not available yet.
    Takedown,
    /// An item is deleted: not available yet.
    Delete,
}

/// Whom an event takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Select {
    /// Any, at random.
    #[default]
    Random,
    /// Those with the most contacts.
    HighestDegree,
    /// Those that have handled the most messages.
    HighestLoad,
    /// Those that hold the item.
    Holders,
    /// A stretch of the identifier space.
    IdRange,
    /// Those in one region (`region`), at random.
    Region,
    /// Those of one class (`class`), at random.
    Class,
}

impl Action {
    /// All actions, in the order of the contract.
    pub const ALL: [Self; 15] = [
        Self::Crash,
        Self::Leave,
        Self::Join,
        Self::Restart,
        Self::Freeze,
        Self::FlashCrowd,
        Self::Partition,
        Self::Loss,
        Self::Latency,
        Self::Slow,
        Self::Bandwidth,
        Self::ServerOutage,
        Self::ServerCapacity,
        Self::Takedown,
        Self::Delete,
    ];

    /// The name in scenario files and in `events.csv`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Leave => "leave",
            Self::Join => "join",
            Self::Restart => "restart",
            Self::Freeze => "freeze",
            Self::FlashCrowd => "flash-crowd",
            Self::Partition => "partition",
            Self::Loss => "loss",
            Self::Latency => "latency",
            Self::Slow => "slow",
            Self::Bandwidth => "bandwidth",
            Self::ServerOutage => "server-outage",
            Self::ServerCapacity => "server-capacity",
            Self::Takedown => "takedown",
            Self::Delete => "delete",
        }
    }

    /// One line for `sim list actions`.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Crash => "peers go offline without a word",
            Self::Leave => "peers say goodbye and go offline",
            Self::Join => "peers that are offline come online",
            Self::Restart => "peers crash and come back at once with an empty mind",
            Self::Freeze => "peers stop handling messages for a while (not available yet)",
            Self::FlashCrowd => "peers ask for one item all at once (not available yet)",
            Self::Partition => "messages between different groups of hosts vanish",
            Self::Loss => "more messages get lost: `loss`",
            Self::Latency => "all messages take longer: `factor`",
            Self::Slow => "messages from and to some peers take longer: `factor`",
            Self::Bandwidth => "access links get narrower (not available yet)",
            Self::ServerOutage => "dedicated servers go offline without a word",
            Self::ServerCapacity => "dedicated servers get slower (not available yet)",
            Self::Takedown => "an item is removed wherever it can be reached (not available yet)",
            Self::Delete => "an item is deleted (not available yet)",
        }
    }

    /// False for those that later versions will have.
    pub const fn is_available(self) -> bool {
        use Action::{Crash, Join, Latency, Leave, Loss, Partition, Restart, ServerOutage, Slow};
        matches!(self, Crash | Leave | Join | Restart | Partition | Loss | Latency | Slow | ServerOutage)
    }
}

impl Select {
    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::HighestDegree => "highest-degree",
            Self::HighestLoad => "highest-load",
            Self::Holders => "holders",
            Self::IdRange => "id-range",
            Self::Region => "region",
            Self::Class => "class",
        }
    }
}

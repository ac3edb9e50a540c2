//! `[[event]]`: the timeline of faults and loads.

use peerlab_engine::random::Rng;
use peerlab_engine::time::{Span, Time};
use peerlab_model::ItemId;
use peerlab_model::units::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that happens to some of the peers at a certain time.
///
/// Which of the peers it concerns is said by one of `share`, `count` and `peers`, from among those that `select` leaves. For
/// `server-outage` and `server-capacity`, `share` and `count` are of the dedicated servers; without them they concern all servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventConfig {
    /// When it happens, from the start of measurement. Required, unless there is a `rate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Duration>,
    /// It happens again and again, this often per hour on average, at random times (a Poisson process) from `at` on (default: from the
    /// start).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// It happens again and again, with this between two times, from `at` on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
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
    /// from or to the peers concerned. For `bandwidth` and `server-capacity`: rates are multiplied by this, above 0; the first concerns
    /// the access links of peers, the second what servers handle and upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// For `loss` and `slow` with peers that they concern: which of their messages. Default: `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// For `flash-crowd`, `takedown`, `delete`, and `select = "holders"`: the item, `0 … items − 1`, the most popular first. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
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
    /// Peers handle nothing while it lasts; what reaches them waits, and then they go on as if nothing had happened.
    Freeze,
    /// Peers ask for one item all at once, or over the `duration`.
    FlashCrowd,
    /// Messages between different groups of hosts vanish.
    Partition,
    /// More messages than usual get lost.
    Loss,
    /// All messages take longer.
    Latency,
    /// Messages from and to some peers take longer.
    Slow,
    /// Access links get narrower, or wider.
    Bandwidth,
    /// Dedicated servers go offline without a word.
    ServerOutage,
    /// Dedicated servers get slower, or faster.
    ServerCapacity,
    /// An item is taken down, as far as peers obey: who keeps an index or records removes it there, and neither names it nor takes it in
    /// again while it lasts; where nobody keeps any, each holder deletes its copy.
    Takedown,
    /// Holders delete their copies of an item.
    Delete,
}

/// Which messages of a peer something happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Those from it and those to it.
    Both,
    /// Those from it.
    From,
    /// Those to it.
    To,
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
    /// Those that hold the `item`, at random.
    Holders,
    /// Neighbours in the identifier space, from a random place on.
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
            Self::Freeze => "peers handle nothing for a while, and go on as if nothing had happened",
            Self::FlashCrowd => "peers ask for one item all at once, or over the duration: `item`",
            Self::Partition => "messages between different groups of hosts vanish",
            Self::Loss => "more messages get lost: `loss`",
            Self::Latency => "all messages take longer: `factor`",
            Self::Slow => "messages from and to some peers take longer: `factor`",
            Self::Bandwidth => "access links get narrower or wider: `factor`",
            Self::ServerOutage => "dedicated servers go offline without a word",
            Self::ServerCapacity => "dedicated servers get slower or faster: `factor`",
            Self::Takedown => "an item is delisted, or deleted where nobody keeps a list, by those who obey: `item`",
            Self::Delete => "holders delete their copies of an item: `item`",
        }
    }

    /// True if it is about dedicated servers, not about peers.
    pub const fn is_about_servers(self) -> bool {
        matches!(self, Self::ServerOutage | Self::ServerCapacity)
    }

    /// True if it is about one item.
    pub const fn is_about_an_item(self) -> bool {
        matches!(self, Self::FlashCrowd | Self::Takedown | Self::Delete)
    }
}

impl EventConfig {
    /// The item that it is about.
    pub fn item(&self) -> ItemId {
        ItemId(self.item.unwrap_or(0))
    }

    /// Whom `share` and `count` take: of what is deleted, those who have it.
    pub fn whom(&self) -> Select {
        if self.action == Action::Delete && self.select == Select::Random { Select::Holders } else { self.select }
    }

    /// When it happens, in order, before `end`: what is random of it is drawn from `rng`.
    pub fn times(&self, end: Span, rng: &mut Rng) -> Vec<Time> {
        let first = self.at.map_or(Span::ZERO, Duration::span);
        let mut times = Vec::new();
        let mut at = first;
        match (self.rate, self.every) {
            (Some(rate), _) => loop {
                at = at.saturating_add(Span::from_secs_f64(3600.0 / rate * rng.exponential()));
                if at >= end {
                    return times;
                }
                times.push(Time::ZERO + at);
            },
            (None, Some(every)) => {
                while at < end {
                    times.push(Time::ZERO + at);
                    at = at.saturating_add(every.span());
                }
                times
            }
            (None, None) => vec![Time::ZERO + first],
        }
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

//! The shipped scenarios, carried in the program, and a blank one.

/// A scenario to start from.
pub(crate) struct Starter {
    /// Its name.
    pub(crate) name: &'static str,
    /// The whole file.
    pub(crate) text: &'static str,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(Starter { name: $name, text: include_str!(concat!("../../../scenarios/", $name, ".toml")) }),*]
    };
}

/// The shipped scenarios.
pub(crate) const SHIPPED: &[Starter] = shipped![
    "accordion",
    "blackout",
    "can",
    "churn",
    "client-server",
    "collapse",
    "dhts-under-churn",
    "diurnal",
    "expanding-ring",
    "flash-crowd",
    "free-riders",
    "gia",
    "hop-counts",
    "index-servers",
    "kademlia",
    "kelips",
    "keywords",
    "koorde",
    "memberships",
    "multi-source",
    "onehop",
    "partition",
    "pastry",
    "peer-assisted",
    "random-walk",
    "real-gnutella",
    "replication",
    "rumours",
    "server-outage",
    "storage",
    "streaming",
    "super-peer",
    "sybil",
    "tapestry",
    "tracker",
    "workload-q"
];

/// What `sim new` writes without `--from`.
pub(crate) const BLANK: &str = include_str!("starter.toml");

impl Starter {
    /// The question that it asks.
    pub(crate) fn description(&self) -> &'static str {
        let line = self.text.lines().find_map(|line| line.strip_prefix("description = "));
        line.map(|quoted| quoted.trim().trim_matches('"')).unwrap_or_default()
    }
}

//! `[peers]`: how many there are, and of what classes.

use peerlab_model::Issues;
use peerlab_model::units::{Duration, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::distribution::Distribution;

/// How far the shares of all classes may be from 1 together.
const SHARES_TOLERANCE: f64 = 1e-6;

/// The population.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PeersConfig {
    /// Peers that exist, numbered 0 … count − 1; how many are online at a time follows from `[churn]`. Required.
    pub count: u32,
    /// The price of an identity: how long a machine computes before a new one counts, one after the other, whatever its class (S/Kademlia's crypto
    /// puzzle: Baumgart & Mies 2007, section 4.1). Until then it cannot join under it; a session that ends before has computed for nothing. An
    /// overlay that has run for long has paid. Default: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_cost: Option<Duration>,
    /// Classes of peers with links, capacities and habits of their own; their shares add up to 1. Default: one class, without limits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub class: Vec<ClassConfig>,
    /// Classes of the literature, in the place of `class`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<KnownClasses>,
}

/// Classes that a publication has measured or made up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "model", rename_all = "kebab-case", deny_unknown_fields)]
pub enum KnownClasses {
    /// Five levels of capacity, 1x to 10000x (Chawathe et al. 2003, Table 1, after measurements of Gnutella's hosts by Saroiu et al. 2002).
    Gia {
        /// Messages that a peer of level 1x can handle per second.
        #[serde(default = "default_unit")]
        unit: f64,
        /// Messages that may wait for a peer, whatever its level; the next one is dropped.
        #[serde(default = "default_queue")]
        queue: u32,
    },
    /// Four kinds of access links, 784/128 kbit/s to 10/5 Mbit/s down and up: the mix of Bharambe, Herley & Padmanabhan, "Analyzing and improving a BitTorrent
    /// network's performance mechanisms", 2006, made after measurements of Gnutella's hosts by Saroiu et al. 2002.
    Bittorrent {},
}

/// Name, rates down and up in kbit/s, and share of each kind of link in the mix of Bharambe et al.
const BITTORRENT: [(&str, u64, u64, f64); 4] = [
    ("784/128 kbit/s", 784, 128, 0.2),
    ("1500/384 kbit/s", 1500, 384, 0.4),
    ("3000/1000 kbit/s", 3000, 1000, 0.25),
    ("10000/5000 kbit/s", 10_000, 5000, 0.15),
];

/// Name, capacity in units and share of each of Gia's levels.
const GIA: [(&str, f64, f64); 5] =
    [("1x", 1.0, 0.2), ("10x", 10.0, 0.45), ("100x", 100.0, 0.3), ("1000x", 1000.0, 0.049), ("10000x", 10_000.0, 0.001)];

impl KnownClasses {
    /// What it stands for.
    pub fn expand(&self) -> Vec<ClassConfig> {
        let named = |name: &str, share: f64| ClassConfig {
            name: name.to_owned(),
            share,
            link: None,
            upload: None,
            download: None,
            capacity: None,
            queue: default_queue(),
            session: None,
            offline: None,
            lookup_interval: None,
        };
        let rate = |kilobits: u64| Rate::bits_per_second(kilobits * 1000);
        match *self {
            Self::Gia { unit, queue } => {
                GIA.map(|(name, level, share)| ClassConfig { capacity: Some(level * unit), queue, ..named(name, share) }).into()
            }
            Self::Bittorrent {} => BITTORRENT
                .map(|(name, down, up, share)| ClassConfig { download: rate(down), upload: rate(up), ..named(name, share) })
                .into(),
        }
    }

    fn check(&self, issues: &mut Issues) {
        match *self {
            Self::Gia { unit, .. } => {
                let message = format!("level 1x lies above 0 and at most at 10^5 messages per second, not at {unit}");
                issues.ensure(unit > 0.0 && unit <= 1e5, "unit", message);
            }
            Self::Bittorrent {} => {}
        }
    }
}

const fn default_unit() -> f64 {
    1.0
}

/// A class of peers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassConfig {
    /// Its name, as in `peers.csv`. Required.
    pub name: String,
    /// The share of the population that belongs to it; the nearest whole number of peers does. Required.
    pub share: f64,
    /// What its access link is: rates of a technology, in the place of `upload` and `download` where these are not given. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<AccessLink>,
    /// Rate of the uplink: messages queue for it. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Rate>,
    /// Rate of the downlink: messages queue for it. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download: Option<Rate>,
    /// Messages that a peer can handle per second. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<f64>,
    /// Messages that may wait for a peer with a capacity; the next one is dropped. Default: 100.
    #[serde(default = "default_queue")]
    pub queue: u32,
    /// How long its peers stay online at a time. Default: as in `[churn]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Distribution>,
    /// How long its peers stay away at a time. Default: as in `[churn]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<Distribution>,
    /// Mean gap between one online peer's lookups. Default: as in `[lookups]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup_interval: Option<Duration>,
}

const fn default_queue() -> u32 {
    100
}

/// Rates of an access technology: what its standard says one customer can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLink {
    /// 1.4 Mbit/s up, 24 Mbit/s down: the most of ADSL2+ (ITU-T G.992.5, Annex A).
    Adsl,
    /// 20 Mbit/s up, 100 Mbit/s down: what the FCC calls broadband since 2024, and what cable networks sell.
    Cable,
    /// 38.9 Mbit/s up, 77.8 Mbit/s down: one of 32 homes' share of a GPON (1.244 and 2.488 Gbit/s: ITU-T G.984).
    Fibre,
    /// 50 Mbit/s up, 100 Mbit/s down: what a user of IMT-2020 ("5G") is to have in a town (ITU-R M.2410).
    Mobile,
    /// 10 Gbit/s both ways (IEEE 802.3ae).
    DataCentre,
}

impl AccessLink {
    /// Up and down.
    pub fn rates(self) -> (Rate, Rate) {
        let (up, down) = match self {
            Self::Adsl => (1_400_000, 24_000_000),
            Self::Cable => (20_000_000, 100_000_000),
            Self::Fibre => (38_900_000, 77_800_000),
            Self::Mobile => (50_000_000, 100_000_000),
            Self::DataCentre => (10_000_000_000, 10_000_000_000),
        };
        let rate = |bits| Rate::bits_per_second(bits).expect("above zero");
        (rate(up), rate(down))
    }
}

impl PeersConfig {
    /// So many peers, all alike and without limits.
    pub fn new(count: u32) -> Self {
        Self { count, identity_cost: None, class: Vec::new(), classes: None }
    }

    /// The same with the classes of the literature and the rates of access links written out.
    pub fn expanded(&self) -> Self {
        let mut class = self.classes.as_ref().map_or_else(|| self.class.clone(), KnownClasses::expand);
        for class in &mut class {
            if let Some((up, down)) = class.link.take().map(AccessLink::rates) {
                class.upload.get_or_insert(up);
                class.download.get_or_insert(down);
            }
        }
        Self { class, classes: None, ..*self }
    }

    /// Notes every value that cannot work, with paths relative to the `[peers]` table.
    pub fn check(&self, issues: &mut Issues) {
        issues.ensure(self.count > 0, "count", "there is at least one peer");
        // Seats and generations share 32 bits, and the largest number marks nobody in compact tables.
        issues.ensure(self.count <= 1 << 30, "count", format!("{} peers are more than 2^30, which is the most there can be", self.count));
        for (index, class) in self.class.iter().enumerate() {
            issues.within(format_args!("class.{index}"), |issues| class.check(issues));
            if self.class[..index].iter().any(|earlier| earlier.name == class.name) {
                issues.error(format_args!("class.{index}.name"), format!("there are two classes named `{}`", class.name));
            }
        }
        if let Some(known) = &self.classes {
            issues.within("classes", |issues| known.check(issues));
            if !self.class.is_empty() {
                let help = "write one of the two: `classes` stands for a whole list";
                issues.error_with_help("classes", "the peers have classes of their own as well", help);
            }
        }
        let sum: f64 = self.class.iter().map(|class| class.share).sum();
        if !self.class.is_empty() && (sum - 1.0).abs() > SHARES_TOLERANCE {
            issues.error("class", format!("the shares of the classes add up to {sum}, not to 1"));
        }
    }
}

impl ClassConfig {
    fn check(&self, issues: &mut Issues) {
        issues.ensure(!self.name.is_empty(), "name", "a class has a name");
        issues.share("share", self.share);
        if let Some(capacity) = self.capacity {
            let message = format!("a capacity lies above 0 and at most at 10^9 messages per second, not at {capacity}");
            issues.ensure(capacity > 0.0 && capacity <= 1e9, "capacity", message);
        }
        if let Some(session) = &self.session {
            issues.within("session", |issues| session.check(issues));
        }
        if let Some(offline) = &self.offline {
            issues.within("offline", |issues| offline.check(issues));
        }
        if let Some(interval) = self.lookup_interval {
            issues.ensure(interval.span().nanos() > 0, "lookup_interval", "the mean gap between lookups is above zero");
        }
    }
}

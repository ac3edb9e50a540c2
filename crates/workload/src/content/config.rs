//! `[content]`: what there is to find.

use peerlab_model::Issues;
use peerlab_model::units::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::keywords::KeywordsConfig;
use super::size::ItemSize;

/// What there is to find, who holds it at the start, and what is asked for how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContentConfig {
    /// Items that exist, numbered 0 … items − 1; 0 is the most popular. Default: 1000.
    pub items: u32,
    /// How often each item is asked for. Default: Zipf's law with exponent 0.8.
    pub popularity: Popularity,
    /// Peers of the population that hold each item at the start: exactly, or on average over the items, as `replication` says. 0 is allowed:
    /// then the cost of vain searches is measured. Default: 10.
    pub copies: u32,
    /// How items × copies copies are allotted to the items at the start: "uniform" (the same number each), or by popularity, "proportional" or
    /// "square-root" (Cohen & Shenker 2002); each item has 1 copy at least, and one on every peer at the most. Default: "uniform".
    pub replication: Replication,
    /// The size of an item: one for all, or a distribution from which each item's is drawn, at least a byte. Default: 100 MiB.
    pub size: ItemSize,
    /// The words of items' names, for `target = "keywords"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keywords: Option<KeywordsConfig>,
}

impl Default for ContentConfig {
    fn default() -> Self {
        Self {
            items: 1000,
            popularity: Popularity::default(),
            copies: 10,
            replication: Replication::Uniform,
            size: ItemSize::Same(Size(100 << 20)),
            keywords: None,
        }
    }
}

/// How many of all copies are of which item (Cohen & Shenker, SIGCOMM 2002, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Replication {
    /// The same number of each.
    #[default]
    Uniform,
    /// In proportion to the popularity q: as if each peer that has asked kept a copy.
    Proportional,
    /// In proportion to √q: walks then look at the fewest peers, on average over the questions.
    SquareRoot,
}

/// How often each item is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "distribution", rename_all = "lowercase", deny_unknown_fields)]
pub enum Popularity {
    /// Item i is asked for in proportion to (i + 1)^−exponent.
    Zipf {
        /// 0 is uniform; measured file-sharing networks lie between 0.5 and 1.2.
        exponent: f64,
    },
    /// All items equally often.
    Uniform,
    /// Always the same item.
    Constant {
        /// Which one. Default: 0.
        #[serde(default)]
        item: u32,
    },
}

impl Default for Popularity {
    fn default() -> Self {
        Self::Zipf { exponent: 0.8 }
    }
}

/// All keys of all kinds at once. A derived `tag` would buffer the table and lose the positions of what is wrong in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPopularity {
    distribution: Kind,
    exponent: Option<f64>,
    item: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Zipf,
    Uniform,
    Constant,
}

impl<'de> Deserialize<'de> for Popularity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawPopularity::deserialize(deserializer)?;
        if raw.exponent.is_some() && raw.distribution != Kind::Zipf {
            return Err(de::Error::custom("`exponent` belongs to the distribution `zipf`"));
        }
        if raw.item.is_some() && raw.distribution != Kind::Constant {
            return Err(de::Error::custom("`item` belongs to the distribution `constant`"));
        }
        match (raw.distribution, raw.exponent) {
            (Kind::Zipf, Some(exponent)) => Ok(Self::Zipf { exponent }),
            (Kind::Zipf, None) => Err(de::Error::custom("the distribution `zipf` needs `exponent`, such as `exponent = 0.8`")),
            (Kind::Uniform, _) => Ok(Self::Uniform),
            (Kind::Constant, _) => Ok(Self::Constant { item: raw.item.unwrap_or(0) }),
        }
    }
}

impl ContentConfig {
    /// Notes every value that cannot work, with paths relative to the `[content]` table.
    pub fn check(&self, population: u32, issues: &mut Issues) {
        issues.ensure(self.items > 0, "items", "there is at least one item; leave `[content]` out where nobody asks for content");
        let copies = self.copies;
        issues.ensure(
            copies <= population,
            "copies",
            format!("{copies} copies of each item are more than the {population} peers: each holds one at the most"),
        );
        // Flat tables count the copies in 32 bits.
        let all = u64::from(self.items) * u64::from(copies);
        issues.ensure(
            u32::try_from(all).is_ok(),
            "copies",
            format!("{} items with {copies} copies are {all} copies; 2^32 − 1 is the most there can be", self.items),
        );
        self.size.check(issues);
        if let Some(keywords) = &self.keywords {
            issues.within("keywords", |issues| keywords.check(issues));
        }
        match &self.popularity {
            Popularity::Zipf { exponent } => {
                let message = format!("an exponent lies between 0 and 10, not at {exponent}");
                issues.ensure((0.0..=10.0).contains(exponent), "popularity.exponent", message);
            }
            Popularity::Uniform => {}
            Popularity::Constant { item } => {
                let message = format!("there is no item {item}: they are numbered from 0 to {}", self.items.saturating_sub(1));
                issues.ensure(*item < self.items, "popularity.item", message);
            }
        }
    }
}

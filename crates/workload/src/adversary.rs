//! `[[adversary]]`: hosts that do not play by the rules.
//!
//! An adversary runs the model's own code and cheats where that meets the world: it lets messages vanish, changes what it sends, or tells its model
//! something else about its disk than is there. So every behaviour works in every model that it means something to, and through messages only: no
//! adversary knows more than it is told, but for who its accomplices are.

use peerlab_engine::random::Streams;
use peerlab_engine::time::Span;
use peerlab_model::units::Duration;
use peerlab_model::{HostId, Issues, ItemId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::peers::PeersConfig;

/// A share of the hosts, and how they cheat. Of several tables each takes hosts that no earlier one has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdversaryConfig {
    /// How they cheat. Required.
    pub behaviour: Behaviour,
    /// The share of the population that does; the nearest whole number of hosts, drawn at random. Required, unless `count` or `peers` says who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// How many hosts do, drawn at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Which hosts do, by number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<u32>>,
    /// When they begin to cheat. Default: they never did anything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Duration>,
    /// The time over which they begin, one after the other. Default: all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Duration>,
    /// For `drop` and `misdirect`: the share of the messages that they do it to. Default: 1.
    #[serde(default = "always")]
    pub probability: f64,
    /// For `lie`, `censor` and `flood`: the item. Default: for `lie` every item, for `flood` any of them, for `censor` the most popular one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// For `flood`: the peer that all questions are for, by number, in the place of an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<u32>,
    /// For `flood`: questions per second that each of them asks. Default: 10.
    #[serde(default = "ten")]
    pub rate: f64,
    /// Peers that each of them runs: a Sybil attack, with the hosts that have the highest numbers. They share their machine's link, capacity and
    /// sessions, and all behave alike; the first one asks and publishes. Where `from` says when they begin, a machine has as many peers as everybody
    /// until then, and the others join one after the other as fast as `peers.identity_cost` allows. Default: as many as everybody.
    #[serde(default = "one")]
    pub identities: u32,
    /// Where their identifiers lie. Default: `random`.
    #[serde(default)]
    pub placed: Placement,
    /// For `censor`: the dedicated servers do so as well. Default: false.
    #[serde(default)]
    pub servers: bool,
}

/// Where an adversary's identifier lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Anywhere, as everybody's.
    #[default]
    Random,
    /// Around the key of the `item` (by default the most popular one), nearer than anybody else's: an eclipse (where a machine has many, all but its
    /// first one). It takes the hosts with the highest numbers, and so does a table with `identities`: of these two kinds there may be one table, with
    /// `share` or `count`.
    AroundItem,
}

/// How a host cheats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Behaviour {
    /// Messages of other hosts' lookups that reach it vanish: it neither answers nor passes them on.
    Drop,
    /// It claims to hold items that it does not hold, and registers them where others register theirs: index pollution.
    Lie,
    /// It uses what others share and says nothing of what it has itself.
    FreeRide,
    /// Where its answers to others' lookups name peers, they name accomplices instead (in the models that say which messages do).
    Misdirect,
    /// It keeps no record of the item for others, and does not name who holds it, without a word.
    Censor,
    /// It asks questions all the time, whose answers it does not want: denial of service.
    Flood,
    /// It sends something else in place of each block that others download from it: bad content under a good name.
    Poison,
}

impl Behaviour {
    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Lie => "lie",
            Self::FreeRide => "free-ride",
            Self::Misdirect => "misdirect",
            Self::Censor => "censor",
            Self::Flood => "flood",
            Self::Poison => "poison",
        }
    }
}

const fn always() -> f64 {
    1.0
}

const fn ten() -> f64 {
    10.0
}

const fn one() -> u32 {
    1
}

/// The most peers that one host of an adversary runs.
const IDENTITIES_MAX: u32 = 1024;

/// The most questions per second that one host asks.
const RATE_MAX: f64 = 1e4;

impl AdversaryConfig {
    /// The item that it is about, if it is about one.
    pub fn item(&self) -> Option<ItemId> {
        match self.behaviour {
            Behaviour::Censor => Some(ItemId(self.item.unwrap_or(0))),
            _ => self.item.map(ItemId),
        }
    }

    /// When the `index`-th of `count` hosts begins to cheat, from the start of measurement; nothing if it always has.
    pub fn begins(&self, index: usize, count: usize) -> Option<Span> {
        let ramp = self.ramp.map_or(Span::ZERO, |ramp| ramp.span().scale(index as f64 / count.max(1) as f64));
        match (self.from, self.ramp) {
            (None, None) => None,
            (from, _) => Some(from.map_or(Span::ZERO, Duration::span).saturating_add(ramp)),
        }
    }

    /// How many of the last hosts of the population it takes, if it takes those.
    pub fn takes_last(&self, population: u32) -> Option<u32> {
        let is_special = self.placed == Placement::AroundItem || self.identities > 1;
        is_special.then(|| (self.wanted(population) as u32).min(population))
    }

    /// The item around whose key their identifiers lie.
    pub fn eclipses(&self) -> Option<ItemId> {
        (self.placed == Placement::AroundItem).then(|| ItemId(self.item.unwrap_or(0)))
    }

    fn wanted(&self, population: u32) -> usize {
        match (&self.peers, self.count, self.share) {
            (Some(peers), ..) => peers.len(),
            (None, Some(count), _) => count as usize,
            (None, None, share) => (share.unwrap_or(0.0) * f64::from(population) + 0.5) as usize,
        }
    }

    /// Notes every value that cannot work, with paths relative to the table; `items` is how many there are to ask for, 0 where nobody asks for any.
    pub fn check(&self, run: Span, peers: &PeersConfig, items: u32, issues: &mut Issues) {
        let given = [("share", self.share.is_some()), ("count", self.count.is_some()), ("peers", self.peers.is_some())];
        let given: Vec<&str> = given.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| *key).collect();
        if given.is_empty() {
            issues.error_with_help("behaviour", "who does that?", "write for example `share = 0.1`, `count = 12` or `peers = [3, 5]`");
        }
        if let [_, second, ..] = given[..] {
            issues.error(second, format!("`{}` say the same in different words: keep one of them", given.join("` and `")));
        }
        if let Some(share) = self.share {
            issues.share("share", share);
        }
        issues.share("probability", self.probability);
        for (index, &peer) in self.peers.iter().flatten().enumerate() {
            let message = format!("there is no peer {peer}: they are numbered from 0 to {}", peers.count.saturating_sub(1));
            issues.ensure(peer < peers.count, format_args!("peers.{index}"), message);
        }
        if self.takes_last(peers.count).is_some() && self.peers.is_some() {
            let message =
                "those who lie around an item or have many identities are the last of the population: say how many, by `share` or `count`";
            issues.error("peers", message);
        }
        let message = format!("a machine has 1 to {IDENTITIES_MAX} identities, not {}", self.identities);
        issues.ensure((1..=IDENTITIES_MAX).contains(&self.identities), "identities", message);
        let needs_items = !matches!(self.behaviour, Behaviour::Drop | Behaviour::Misdirect | Behaviour::Poison) && self.peer.is_none();
        let about_items = needs_items || self.placed == Placement::AroundItem;
        if about_items && items == 0 {
            let message = format!("`{}` is about what peers hold, and nobody asks for that here", self.behaviour.name());
            issues.error_with_help("behaviour", message, "add `[lookups]` with target = \"content\"");
        }
        if let Some(item) = self.item.filter(|_| items > 0) {
            let message = format!("there is no item {item}: they are numbered from 0 to {}", items.saturating_sub(1));
            issues.ensure(item < items, "item", message);
            let means =
                matches!(self.behaviour, Behaviour::Lie | Behaviour::Censor | Behaviour::Flood) || self.placed == Placement::AroundItem;
            issues.ensure(means, "item", format!("`item` means nothing to `{}`", self.behaviour.name()));
        }
        self.check_peer(peers.count, issues);
        issues.ensure(self.rate > 0.0 && self.rate <= RATE_MAX, "rate", format!("a rate lies above 0 and up to {RATE_MAX} per second"));
        if let Some(from) = self.from {
            issues.ensure(from.span() < run, "from", format!("{from} lies outside the run, which ends after {}", Duration(run)));
        }
        issues.ensure(!self.servers || self.behaviour == Behaviour::Censor, "servers", "servers can only `censor`");
    }
}

impl AdversaryConfig {
    /// Notes if the peer that is asked for does not exist, or nobody asks.
    fn check_peer(&self, population: u32, issues: &mut Issues) {
        let Some(peer) = self.peer else { return };
        issues.ensure(self.behaviour == Behaviour::Flood, "peer", format!("`peer` means nothing to `{}`", self.behaviour.name()));
        let message = format!("there is no peer {peer}: they are numbered from 0 to {}", population.saturating_sub(1));
        issues.ensure(peer < population, "peer", message);
        issues.ensure(self.item.is_none(), "peer", "questions are for a peer or for an `item`: keep one of them");
        let attacks_itself = self.peers.iter().flatten().any(|own| *own == peer);
        issues.ensure(!attacks_itself, "peer", format!("peer {peer} would attack itself"));
    }
}

/// Who is an adversary, and by which of the tables: hosts by table, in the order in which they begin.
///
/// Draws of their own decide, so that every topology meets the same ones. Explicit `peers` are taken first.
pub fn adversaries(tables: &[AdversaryConfig], population: u32, streams: Streams) -> Vec<Vec<HostId>> {
    let mut taken = vec![false; population as usize];
    for count in tables.iter().filter_map(|table| table.takes_last(population)) {
        taken[(population - count) as usize..].fill(true);
    }
    for &peer in tables.iter().flat_map(|table| table.peers.iter().flatten()) {
        taken[peer as usize] = true;
    }
    // Nobody attacks itself.
    for peer in tables.iter().filter_map(|table| table.peer) {
        taken[peer as usize] = true;
    }
    let mut order: Vec<HostId> = (0..population).map(HostId).filter(|host| !taken[host.0 as usize]).collect();
    streams.rng("adversaries", 0).shuffle(&mut order);
    let mut free = order.into_iter();
    let of_table = |table: &AdversaryConfig| match (&table.peers, table.takes_last(population)) {
        (Some(peers), _) => peers.iter().copied().map(HostId).collect(),
        (None, Some(count)) => (population - count..population).map(HostId).collect(),
        (None, None) => free.by_ref().take(table.wanted(population)).collect(),
    };
    tables.iter().map(of_table).collect()
}

/// Notes if there are more adversaries than peers.
pub fn check_adversaries(tables: &[AdversaryConfig], population: u32, issues: &mut Issues) {
    let wanted: usize = tables.iter().map(|table| table.wanted(population)).sum();
    if wanted > population as usize {
        let message = format!("there are {wanted} adversaries among {population} peers: the shares add up to more than 1");
        issues.error(format_args!("adversary.{}", tables.len() - 1), message);
    }
    if let Some((index, table)) = tables.iter().enumerate().filter(|(_, table)| table.takes_last(population).is_some()).nth(1) {
        let key = if table.identities > 1 { "identities" } else { "placed" };
        let message = "one table of adversaries may lie around an item or have many identities, and there is another one";
        issues.error(format_args!("adversary.{index}.{key}"), message);
    }
}

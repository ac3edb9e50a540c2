//! What the timeline does to the network: partitions, loss, slowness.
//!
//! A message meets the rules of the time when it is sent. Rules are changed at cuts only, never while shards run, and can
//! only drop messages or slow them down, so the smallest delay stays what it is.

use peerlab_model::HostId;

/// The hosts that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSet(Vec<u64>);

impl HostSet {
    /// The set of these hosts.
    pub fn new(hosts: impl IntoIterator<Item = HostId>) -> Self {
        let mut words = Vec::new();
        for HostId(host) in hosts {
            let word = host as usize / 64;
            if word >= words.len() {
                words.resize(word + 1, 0);
            }
            words[word] |= 1 << (host % 64);
        }
        Self(words)
    }

    /// True if `host` belongs to it.
    #[inline]
    pub fn contains(&self, host: HostId) -> bool {
        self.0.get(host.0 as usize / 64).is_some_and(|word| word >> (host.0 % 64) & 1 == 1)
    }
}

/// What a rule does to the messages that it concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// Hosts of different groups cannot reach each other: the group of each host by its number; hosts beyond the end belong to group 0.
    Partition(Vec<u8>),
    /// Messages get lost with probability `share`, beside the network's own loss.
    Loss {
        /// The probability, in [0, 1].
        share: f64,
        /// Which messages.
        whose: Whose,
    },
    /// Delays are multiplied by `factor`.
    Slow {
        /// At least 1: smaller values count as 1.
        factor: f64,
        /// Which messages.
        whose: Whose,
    },
}

/// The messages that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// All.
    All,
    /// Those from or to these hosts.
    Of(HostSet),
    /// Those from these hosts.
    From(HostSet),
    /// Those to these hosts.
    To(HostSet),
}

impl Whose {
    fn includes(&self, from: HostId, to: HostId) -> bool {
        match self {
            Self::All => true,
            Self::Of(set) => set.contains(from) || set.contains(to),
            Self::From(set) => set.contains(from),
            Self::To(set) => set.contains(to),
        }
    }
}

/// The rules in force, each under the number that turns it off again.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    list: Vec<(u64, Rule)>,
}

/// What the rules say about one message.
pub(crate) struct Effect {
    pub(crate) partitioned: bool,
    pub(crate) factor: f64,
    /// The probability that it passes all losses.
    pub(crate) passes: f64,
}

impl Rules {
    /// Turns a rule on. Several may share a number.
    pub fn add(&mut self, id: u64, rule: Rule) {
        self.list.push((id, rule));
    }

    /// Turns off every rule with this number; none is no error.
    pub fn heal(&mut self, id: u64) {
        self.list.retain(|(own, _)| *own != id);
    }

    /// True if none is in force.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// True if a partition keeps the two hosts apart.
    pub fn separated(&self, from: HostId, to: HostId) -> bool {
        self.effect(from, to).partitioned
    }

    pub(crate) fn effect(&self, from: HostId, to: HostId) -> Effect {
        let mut effect = Effect { partitioned: false, factor: 1.0, passes: 1.0 };
        for (_, rule) in &self.list {
            match rule {
                Rule::Partition(groups) => {
                    let group = |host: HostId| groups.get(host.0 as usize).copied().unwrap_or(0);
                    effect.partitioned |= group(from) != group(to);
                }
                Rule::Loss { share, whose } if whose.includes(from, to) => effect.passes *= 1.0 - share.clamp(0.0, 1.0),
                Rule::Slow { factor, whose } if whose.includes(from, to) => effect.factor *= factor.max(1.0),
                Rule::Loss { .. } | Rule::Slow { .. } => {}
            }
        }
        effect
    }
}

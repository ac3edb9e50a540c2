//! Who asks what when: drawn for the whole population, whatever the overlay does and whoever is online.

use std::sync::Arc;

use peerlab_engine::random::{Keyed, Rng, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, ItemId, Key, Keywords};

use crate::classes::Classes;
use crate::content::{ContentConfig, ItemSampler, Words};
use crate::lookups::{LookupsConfig, TargetKind};
use crate::peers::PeersConfig;

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who holds this item?
    Item(ItemId),
    /// Who is responsible for this key?
    Key(Key),
    /// Who holds which items with these words in their names?
    Keywords(Keywords),
    /// Where is this peer? Who it is now is not known beforehand: it is named by its host.
    Peer(HostId),
}

/// The questions of all hosts, without memory: the n-th question of a host is a function of the host and n.
///
/// Each host's questions are a Poisson process. Those that fall into its absences are drawn, numbered and dropped, so that
/// number, time and target of a question are the same in every topology.
#[derive(Clone, Debug)]
pub struct Questions {
    /// The mean gap in seconds, class by class.
    gaps: Vec<f64>,
    classes: Arc<Classes>,
    target: Kind,
    population: u32,
    times: Keyed,
    targets: Keyed,
}

#[derive(Clone, Debug)]
enum Kind {
    Item(ItemSampler),
    /// Some words of an item's name.
    Keywords(ItemSampler, Arc<Words>),
    Key,
    Peer,
}

impl Questions {
    /// The questions that a scenario asks for; its configuration must have passed its check.
    ///
    /// # Panics
    /// If they are for keywords, and items have no `words`.
    pub fn new(
        lookups: &LookupsConfig,
        content: &ContentConfig,
        words: Option<&Arc<Words>>,
        peers: &PeersConfig,
        classes: Arc<Classes>,
        streams: Streams,
    ) -> Self {
        let common = lookups.interval;
        let gaps = if peers.class.is_empty() {
            vec![common.span().secs_f64()]
        } else {
            peers.class.iter().map(|class| class.lookup_interval.unwrap_or(common).span().secs_f64()).collect()
        };
        let target = match lookups.target {
            TargetKind::Content | TargetKind::Value => Kind::Item(ItemSampler::new(content)),
            TargetKind::Keywords => {
                let words = words.expect("items that are asked for by keyword have names");
                Kind::Keywords(ItemSampler::new(content), Arc::clone(words))
            }
            TargetKind::Key => Kind::Key,
            TargetKind::Peer => Kind::Peer,
        };
        let (times, targets) = (streams.keyed("lookups.times"), streams.keyed("lookups.targets"));
        Self { gaps, classes, target, population: peers.count, times, targets }
    }

    /// When a host asks question `number` (0, 1, …), the one before it having been asked at `before` (for question 0: the
    /// instant from which questions are asked).
    #[inline]
    pub fn next(&self, host: HostId, number: u32, before: Time) -> Time {
        let mut rng = self.times.rng(u64::from(host.0), u64::from(number));
        let gap = self.gaps[self.classes.of(host)] * rng.exponential();
        before.saturating_add(Span::from_secs_f64(gap).max(Span::from_nanos(1)))
    }

    /// What a host's question `number` is about.
    #[inline]
    pub fn question(&self, host: HostId, number: u32) -> Question {
        let mut rng = self.targets.rng(u64::from(host.0), u64::from(number));
        match &self.target {
            Kind::Item(popularity) => Question::Item(popularity.sample(&mut rng)),
            Kind::Keywords(popularity, words) => Question::Keywords(words.question(popularity.sample(&mut rng), &mut rng)),
            Kind::Key => Question::Key(Key(rng.bits())),
            Kind::Peer => Question::Peer(self.other(host, &mut rng)),
        }
    }

    /// A uniformly random host of the population other than this one.
    fn other(&self, host: HostId, rng: &mut Rng) -> HostId {
        let draw = rng.below(u64::from(self.population.saturating_sub(1)).max(1)) as u32;
        HostId(if draw >= host.0 && self.population > 1 { draw + 1 } else { draw })
    }
}

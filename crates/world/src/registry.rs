//! Which models there are, and the one dynamic dispatch of a run.
//!
//! A [`Registry`] knows models by name. A configured model is a [`Topology`], whose type is erased; running it goes
//! through one virtual call, behind which everything is one static type, `World<O>`.

use std::collections::BTreeMap;
use std::fmt;

use peerlab_model::{Family, Issues, Numbering, Overlay, OverlayConfig, Targets};
use peerlab_overlay::client_server::ClientServer;
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::hybrid::super_peer::SuperPeers;
use peerlab_overlay::hybrid::tracker::Tracker;
use peerlab_overlay::structured::accordion::Accordion;
use peerlab_overlay::structured::can::Can;
use peerlab_overlay::structured::chord::Chord;
use peerlab_overlay::structured::kademlia::Kademlia;
use peerlab_overlay::structured::kelips::Kelips;
use peerlab_overlay::structured::koorde::Koorde;
use peerlab_overlay::structured::onehop::OneHop;
use peerlab_overlay::structured::pastry::{Bamboo, Pastry};
use peerlab_overlay::structured::tapestry::Tapestry;
use peerlab_overlay::unstructured::epidemic::Epidemic;
use peerlab_overlay::unstructured::flooding::{ExpandingRing, Flooding, RandomWalk};
use peerlab_overlay::unstructured::gia::Gia;
use schemars::{Schema, schema_for};

use crate::conditions::Conditions;
use crate::record::{RunRecord, Sink};
use crate::run::{RunError, RunOptions, run};

/// The most peers that a host runs.
const VIRTUAL_NODES_MAX: u32 = 256;

/// The models that a program knows.
pub struct Registry {
    models: BTreeMap<&'static str, Model>,
}

/// A model: what can be said of it, and how it is configured.
pub struct Model {
    /// The name in scenario files.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// The paper that it follows.
    pub source: &'static str,
    /// How it finds things.
    pub family: Family,
    /// Whether it passes rumours on.
    pub spreads: bool,
    /// The JSON Schema of its parameters.
    pub schema: Schema,
    /// All parameters that each of its presets stands for.
    pub presets: Vec<(&'static str, serde_json::Value)>,
    configure: fn(serde_json::Value) -> Result<Box<dyn Topology>, serde_json::Error>,
}

impl Model {
    /// A topology of this model with these parameters (an object without `model` and `name`).
    ///
    /// # Errors
    /// If a parameter is unknown or has the wrong type.
    pub fn configure(&self, parameters: serde_json::Value) -> Result<Box<dyn Topology>, serde_json::Error> {
        (self.configure)(parameters)
    }
}

impl Registry {
    /// No models.
    pub fn empty() -> Self {
        Self { models: BTreeMap::new() }
    }

    /// The models that Peerlab ships.
    pub fn builtin() -> Self {
        let structured = [
            Self::with::<Accordion>,
            Self::with::<Bamboo>,
            Self::with::<Can>,
            Self::with::<Chord>,
            Self::with::<Kademlia>,
            Self::with::<Kelips>,
            Self::with::<Koorde>,
            Self::with::<OneHop>,
            Self::with::<Pastry>,
            Self::with::<Tapestry>,
        ];
        let others = [
            Self::with::<Flooding>,
            Self::with::<ExpandingRing>,
            Self::with::<RandomWalk>,
            Self::with::<Gia>,
            Self::with::<Epidemic>,
            Self::with::<CentralIndex>,
            Self::with::<SuperPeers>,
            Self::with::<Tracker>,
            Self::with::<ClientServer>,
        ];
        structured.into_iter().chain(others).fold(Self::empty(), |registry, with| with(registry))
    }

    /// The same and one more; a model of the same name is replaced.
    pub fn with<O: Overlay>(mut self) -> Self {
        let model = Model {
            name: O::NAME,
            summary: O::SUMMARY,
            source: O::SOURCE,
            family: O::FAMILY,
            spreads: O::SPREADS,
            schema: schema_for!(O::Config),
            presets: O::Config::presets().into_iter().map(|(name, config)| (name, to_json(&config))).collect(),
            configure: |parameters| Ok(Box::new(Configured::<O> { config: read(parameters)? })),
        };
        self.models.insert(O::NAME, model);
        self
    }

    /// The model of this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// All models, by name.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }
}

/// Parameters as written; what is left out is the preset's, if there is one, and the default otherwise.
fn read<C: OverlayConfig>(written: serde_json::Value) -> Result<C, serde_json::Error> {
    let wanted = written.get("preset").and_then(serde_json::Value::as_str);
    let preset = C::presets().into_iter().find(|(name, _)| Some(*name) == wanted);
    let Some((_, preset)) = preset else { return serde_json::from_value(written) };
    let mut all = to_json(&preset);
    if let (serde_json::Value::Object(all), serde_json::Value::Object(written)) = (&mut all, written) {
        all.extend(written);
    }
    serde_json::from_value(all)
}

fn to_json<C: OverlayConfig>(config: &C) -> serde_json::Value {
    serde_json::to_value(config).expect("a configuration has string keys")
}

/// A model with its parameters, ready to run.
pub trait Topology: Send + Sync + fmt::Debug {
    /// The model's name.
    fn model(&self) -> &'static str;
    /// All parameters, defaults filled in.
    fn parameters(&self) -> serde_json::Value;
    /// Notes every value that cannot work among so many hosts, of which some run at least `identities` peers, the others what the model says.
    fn check(&self, hosts: u32, identities: u32, issues: &mut Issues);
    /// Which questions it can answer.
    fn targets(&self) -> Targets;
    /// How many servers it needs.
    fn dedicated(&self) -> usize;
    /// Peers that each host runs.
    fn peers_per_host(&self) -> u32;
    /// Bytes of tables that one peer will keep among so many members, roughly.
    fn expected_bytes(&self, members: u32) -> u64;
    /// Files that it reads.
    fn files(&self) -> Vec<String>;
    /// Runs it once.
    ///
    /// # Errors
    /// See [`RunError`].
    fn run(&self, conditions: &Conditions, seed: u64, options: &RunOptions<'_>, sink: &mut dyn Sink) -> Result<RunRecord, RunError>;
}

struct Configured<O: Overlay> {
    config: O::Config,
}

impl<O: Overlay> Configured<O> {
    /// Identifiers tell all seats apart.
    fn check_identifiers(&self, seats: Option<u32>, issues: &mut Issues) {
        let (bits, most) = (self.config.identifier_bits(), Numbering::IDENTIFIER_BITS_MAX);
        let least = Numbering::identifier_bits_for(seats.unwrap_or(0));
        if bits < least {
            issues.error_with_help(
                "identifier_bits",
                format!("identifiers of {bits} bits cannot tell {} peers and servers apart", seats.unwrap_or(0)),
                format!("at least {least} bits; {} are usual", Numbering::IDENTIFIER_BITS),
            );
        }
        issues.ensure(bits <= most, "identifier_bits", format!("identifiers have at most {most} bits, not {bits}"));
    }
}

impl<O: Overlay> fmt::Debug for Configured<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", O::NAME, self.config)
    }
}

impl<O: Overlay> Topology for Configured<O> {
    fn model(&self) -> &'static str {
        O::NAME
    }

    fn parameters(&self) -> serde_json::Value {
        to_json(&self.config)
    }

    fn check(&self, hosts: u32, identities: u32, issues: &mut Issues) {
        let each = self.peers_per_host();
        let all = hosts.saturating_add(self.dedicated() as u32);
        if !(1..=VIRTUAL_NODES_MAX).contains(&each) {
            issues.error("virtual_nodes", format!("a host runs 1 to {VIRTUAL_NODES_MAX} peers, not {each}"));
        } else if Numbering::seats_for(all, each).is_none() {
            let possible = (1..each).rev().find(|&fewer| Numbering::seats_for(all, fewer).is_some()).unwrap_or(1);
            issues.error_with_help(
                "virtual_nodes",
                format!(
                    "{hosts} hosts with {each} peers each are more than can be told apart ({each} take {} seats, and there are 2^31)",
                    each.next_power_of_two()
                ),
                format!("at most {possible} with so many hosts"),
            );
        }
        let seats = Numbering::seats_for(all, each.max(identities));
        if seats.is_none() && Numbering::seats_for(all, each).is_some() {
            let message = format!("{hosts} hosts with room for {identities} identities each are more than can be told apart");
            issues.error_with_help("model", message, "fewer `identities` of an adversary, or fewer peers");
        }
        self.check_identifiers(seats, issues);
        self.config.check(hosts.saturating_mul(each), issues);
    }

    fn targets(&self) -> Targets {
        O::targets(&self.config)
    }

    fn dedicated(&self) -> usize {
        O::dedicated(&self.config).len()
    }

    fn peers_per_host(&self) -> u32 {
        self.config.peers_per_host()
    }

    fn expected_bytes(&self, members: u32) -> u64 {
        self.config.expected_bytes(members)
    }

    fn files(&self) -> Vec<String> {
        self.config.files().into_iter().map(str::to_owned).collect()
    }

    fn run(&self, conditions: &Conditions, seed: u64, options: &RunOptions<'_>, sink: &mut dyn Sink) -> Result<RunRecord, RunError> {
        run::<O>(&self.config, conditions, seed, options, sink)
    }
}

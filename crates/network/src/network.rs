//! One run's network: what becomes of a message.

use std::hint::cold_path;

use peerlab_engine::EventKey;
use peerlab_engine::random::{Keyed, Streams, mix};
use peerlab_engine::time::Span;
use peerlab_model::HostId;

use crate::config::{Latency, NetworkConfig};
use crate::error::NetworkError;
use crate::matrix::Matrix;
use crate::points::{self, Coordinates, Points};
use crate::regions::Regions;
use crate::rules::Rules;
use crate::transit_stub::Shape;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrives.
    Deliver {
        /// This long after it has left the sender's link; at least [`Network::min_delay`].
        after: Span,
        /// True if `min_one_way` made it longer than it would have been.
        raised: bool,
    },
    /// It gets lost.
    Lost,
    /// A partition keeps it from its receiver.
    Partitioned,
}

/// The base delays of one run: see [`Latency`].
#[derive(Clone, Debug)]
enum Delays {
    /// The shortest, and the width of the range that each message's is drawn from: none where all are the same.
    Drawn(u64, u64),
    Plane(Points<2>),
    Space(Points<3>),
    Matrix(Matrix),
}

/// One run's network. Cheap to ask, once a message; nothing is allocated, and nothing ever changes: what the timeline turns on
/// and off are the [`Rules`], which belong to whoever sends.
#[derive(Clone, Debug)]
pub struct Network {
    delays: Delays,
    jitter: Option<Jitter>,
    /// A message is lost if its draw is below this; 2^64 times the probability, rounded.
    loss: u64,
    /// The network's own probability of passing, where rules add to the loss.
    passes: f64,
    floor: u64,
    min_delay: Span,
    keyed: Keyed,
    regions: Regions,
}

/// A factor that is uniform in [1 − jitter, 1 + jitter], as fixed point with 32 bits after the point.
#[derive(Clone, Copy, Debug)]
struct Jitter {
    low: u64,
    width: u64,
}

impl Jitter {
    fn new(jitter: f64) -> Option<Self> {
        let one = (1_u64 << 32) as f64;
        (jitter > 0.0).then_some(Self { low: ((1.0 - jitter) * one) as u64, width: (2.0 * jitter * one) as u64 })
    }

    /// `delay` with the jitter that belongs to 32 random bits; the smaller the bits, the smaller the delay.
    #[inline]
    fn apply(self, delay: u64, bits: u32) -> u64 {
        let factor = self.low + ((u128::from(self.width) * u128::from(bits)) >> 32) as u64;
        ((u128::from(delay) * u128::from(factor)) >> 32) as u64
    }
}

impl Network {
    /// Builds the network of one run for `population` hosts and `dedicated` servers beside them; reads the files that `config` names.
    ///
    /// # Errors
    /// If a file cannot be read or used.
    pub fn new(config: &NetworkConfig, population: u32, dedicated: u32, streams: Streams) -> Result<Self, NetworkError> {
        let hosts = population + dedicated;
        let delays = match &config.latency {
            Latency::Constant { one_way } => Delays::Drawn(one_way.span().nanos(), 0),
            Latency::Uniform { min, max } => {
                let min = min.span().nanos();
                Delays::Drawn(min, max.span().nanos().saturating_sub(min))
            }
            Latency::Euclidean { mean, dimensions: 3, height } => Delays::Space(Points::random(hosts, mean.span(), height.span(), streams)),
            Latency::Euclidean { mean, height, .. } => Delays::Plane(Points::random(hosts, mean.span(), height.span(), streams)),
            Latency::Coordinates { file } => match points::load(file, population, dedicated, streams)? {
                Coordinates::Plane(points) => Delays::Plane(points),
                Coordinates::Space(points) => Delays::Space(points),
            },
            Latency::TransitStub { .. } => {
                let shape = Shape::of(&config.latency).expect("it is a latency model of routers");
                Delays::Matrix(Matrix::of_routers(shape, hosts, streams))
            }
            Latency::Matrix { file, unit, missing } => Delays::Matrix(Matrix::load(file, *unit, *missing, hosts, streams)?),
        };
        let regions = match (config.regions, &delays) {
            (None, _) => Regions::none(),
            (Some(count), Delays::Drawn(..)) => Regions::shares(count, hosts, streams),
            (Some(count), Delays::Plane(points)) => Regions::clusters(count, &points.at, streams),
            (Some(count), Delays::Space(points)) => Regions::clusters(count, &points.at, streams),
            (Some(count), Delays::Matrix(matrix)) => Regions::rows(count, matrix, hosts, streams),
        };
        let jitter = Jitter::new(config.jitter);
        let floor = config.min_one_way.span().nanos().max(1);
        let shortest = delays.shortest();
        let shortest = jitter.map_or(shortest, |jitter| jitter.apply(shortest, 0));
        Ok(Self {
            delays,
            jitter,
            loss: threshold(config.loss),
            passes: 1.0 - config.loss,
            floor,
            min_delay: Span::from_nanos(shortest.max(floor)),
            keyed: streams.keyed("network.messages"),
            regions,
        })
    }

    /// No message is ever faster than this, whatever the rules: the lookahead of the run. Never zero.
    #[inline]
    pub fn min_delay(&self) -> Span {
        self.min_delay
    }

    /// The delay below which no message falls, and that of a message between two peers of one host.
    #[inline]
    pub fn min_one_way(&self) -> Span {
        Span::from_nanos(self.floor)
    }

    /// What becomes of a message from one host to another: base latency × rules × jitter, then the floor. `rules` are those
    /// in force when it is sent.
    ///
    /// `key` is the message's own: the instant when it is sent, its sender, and the sender's counter. Equal keys get equal
    /// draws, whoever asks and in whatever order.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "every message comes through here; as a call, its verdict goes through memory")]
    pub fn carry(&self, rules: &Rules, from: HostId, to: HostId, key: EventKey) -> Verdict {
        let bits = self.keyed.bits(key.time.nanos() as u64, u64::from(key.origin) << 32 | u64::from(key.seq));
        if !rules.is_empty() {
            return match self.meets(rules, from, to, bits) {
                (Met::Nothing, delay) => self.deliver(delay, bits),
                (Met::Loss, _) => Verdict::Lost,
                (Met::Partition, _) => Verdict::Partitioned,
            };
        }
        // A share of 1 is a share of all: no draw is above it.
        if self.loss > 0 && (loss_draw(bits) < self.loss || self.loss == u64::MAX) {
            cold_path();
            return Verdict::Lost;
        }
        self.deliver(self.delays.base(from.0, to.0, bits), bits)
    }

    /// What a message meets under rules, and its delay where it passes: a pair, which comes back in registers.
    #[cold]
    fn meets(&self, rules: &Rules, from: HostId, to: HostId, bits: u64) -> (Met, u64) {
        let effect = rules.effect(from, to);
        if effect.partitioned {
            return (Met::Partition, 0);
        }
        let loss = threshold(1.0 - self.passes * effect.passes);
        if loss > 0 && (loss_draw(bits) < loss || loss == u64::MAX) {
            return (Met::Loss, 0);
        }
        let base = Span::from_nanos(self.delays.base(from.0, to.0, bits));
        let slowed = if effect.factor > 1.0 { base.scale(effect.factor).max(base) } else { base };
        (Met::Nothing, slowed.nanos())
    }

    #[inline]
    fn deliver(&self, delay: u64, bits: u64) -> Verdict {
        let delay = match self.jitter {
            None => delay,
            Some(jitter) => jitter.apply(delay, bits as u32),
        };
        Verdict::Deliver { after: Span::from_nanos(delay.max(self.floor)), raised: delay < self.floor }
    }

    /// The delay from one host to another before jitter, rules and floor; nothing where it is drawn for each message.
    pub fn base_delay(&self, from: HostId, to: HostId) -> Option<Span> {
        match &self.delays {
            Delays::Drawn(_, width) if *width > 0 => None,
            delays => Some(Span::from_nanos(delays.base(from.0, to.0, 0))),
        }
    }

    /// The region that a host belongs to, in `0 .. regions`; 0 where the scenario asks for none.
    pub fn region_of(&self, host: HostId) -> u32 {
        self.regions.of(host)
    }
}

/// What ends a message under rules.
#[derive(Clone, Copy)]
enum Met {
    Nothing,
    Loss,
    Partition,
}

impl Delays {
    /// The delay in nanoseconds. The upper half of the bits serves the uniform draw, the lower half the jitter.
    #[inline]
    fn base(&self, from: u32, to: u32, bits: u64) -> u64 {
        match self {
            Self::Drawn(min, width) => min + ((u128::from(*width) * u128::from(bits >> 32)) >> 32) as u64,
            placed => placed.between(from, to),
        }
    }

    /// The delay where it depends on who is who.
    #[inline(never)]
    fn between(&self, from: u32, to: u32) -> u64 {
        match self {
            Self::Drawn(min, _) => *min,
            Self::Plane(points) => points.delay(from, to),
            Self::Space(points) => points.delay(from, to),
            Self::Matrix(matrix) => matrix.delay(from, to),
        }
    }

    /// A lower bound of all delays, in nanoseconds.
    fn shortest(&self) -> u64 {
        match self {
            Self::Drawn(min, _) => *min,
            // Two points may coincide.
            Self::Plane(_) | Self::Space(_) => 0,
            Self::Matrix(matrix) => matrix.min_delay(),
        }
    }
}

/// A probability as a threshold for 64 random bits; [`u64::MAX`] is certainty.
fn threshold(probability: f64) -> u64 {
    (probability * 18_446_744_073_709_551_616.0) as u64
}

/// The draw of a message's loss: other bits than those of its delay, so that the lost are not the slow ones.
#[inline]
fn loss_draw(bits: u64) -> u64 {
    mix(bits ^ 0x9e37_79b9_7f4a_7c15)
}

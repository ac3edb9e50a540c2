//! Which class each host belongs to.

use peerlab_engine::random::Streams;
use peerlab_model::HostId;

use crate::peers::PeersConfig;

/// The class of each host: exactly as many of each as the shares say (largest remainders), in random order.
///
/// # Cost
/// A byte or two a host; nothing with fewer than two classes.
#[derive(Clone, Debug)]
pub struct Classes {
    counts: Vec<u32>,
    of: Table,
}

#[derive(Clone, Debug)]
enum Table {
    /// All hosts are of one class.
    One,
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

impl Classes {
    /// Deals the population out to the classes of a configuration that has passed its check.
    pub fn new(peers: &PeersConfig, streams: Streams) -> Self {
        if peers.class.len() < 2 {
            return Self { counts: vec![peers.count], of: Table::One };
        }
        let shares: Vec<f64> = peers.class.iter().map(|class| class.share).collect();
        let counts = apportion(peers.count, &shares);
        let mut of: Vec<u16> = Vec::with_capacity(peers.count as usize);
        for (class, &count) in counts.iter().enumerate() {
            of.extend(std::iter::repeat_n(class as u16, count as usize));
        }
        streams.rng("peers.class", 0).shuffle(&mut of);
        let narrow = counts.len() <= 256;
        let of = if narrow { Table::Narrow(of.into_iter().map(|class| class as u8).collect()) } else { Table::Wide(of) };
        Self { counts, of }
    }

    /// The class of a host, as an index into `peers.class`; 0 where there are no classes, and for dedicated servers.
    #[inline]
    pub fn of(&self, host: HostId) -> usize {
        let index = host.0 as usize;
        match &self.of {
            Table::One => 0,
            Table::Narrow(of) => of.get(index).map_or(0, |&class| usize::from(class)),
            Table::Wide(of) => of.get(index).map_or(0, |&class| usize::from(class)),
        }
    }

    /// How many hosts each class has.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
}

/// Whole numbers that add up to `total`, in proportion to `shares`: the floors, and one more for the largest remainders.
fn apportion(total: u32, shares: &[f64]) -> Vec<u32> {
    let sum: f64 = shares.iter().sum();
    let exact: Vec<f64> = shares.iter().map(|share| f64::from(total) * share / sum).collect();
    let mut counts: Vec<u32> = exact.iter().map(|exact| *exact as u32).collect();
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    let remainder = |class: usize| exact[class] - exact[class].floor();
    by_remainder.sort_by(|&a, &b| remainder(b).total_cmp(&remainder(a)).then(a.cmp(&b)));
    let missing = total.saturating_sub(counts.iter().sum());
    for &class in by_remainder.iter().cycle().take(missing as usize) {
        counts[class] += 1;
    }
    counts
}

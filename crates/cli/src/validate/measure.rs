//! Quantities, read from the CSV files of a results directory: one value a repetition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use peerlab_report::tables::{Hops, Label, Peer, Reader, Summary, TableError};
use peerlab_scenario::HOP_SHARE;

use super::{LOOKUP_FAILURE_RATIO, PEERS_TOUCHED};
use crate::metrics::METRICS;

/// A topology at a point of the sweep.
type Spot = (String, Vec<String>);

/// What figures can be made of.
#[derive(Default)]
pub(super) struct Results {
    /// The repetitions that were run.
    repetitions: BTreeMap<Spot, BTreeSet<u32>>,
    /// The value of a metric in each repetition that has one.
    metrics: BTreeMap<(Spot, String), Vec<f64>>,
    /// The share of a hop count in each repetition in which it occurs.
    hops: BTreeMap<(Spot, u64), Vec<f64>>,
    /// Peers of the population that sent or handled a message, in each repetition.
    touched: BTreeMap<Spot, BTreeMap<u32, u64>>,
}

impl Results {
    /// Reads what is needed: the peers' file, which may be long, only where a figure is made of it.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(directory: &Path, with_peers: bool) -> Result<Self, TableError> {
        let mut results = Self::default();
        let mut summary = Reader::<Summary>::open(directory)?;
        while let Some((label, row)) = summary.next_row()? {
            results.repetitions.entry(spot(label)).or_default().insert(label.repetition);
            if let Some(value) = row.value {
                results.metrics.entry((spot(label), row.metric)).or_default().push(value);
            }
        }
        let mut hops = Reader::<Hops>::open(directory)?;
        while let Some((label, row)) = hops.next_row()? {
            results.hops.entry((spot(label), row.hops)).or_default().push(row.share);
        }
        if with_peers {
            let mut peers = Reader::<Peer>::open(directory)?;
            while let Some((label, row)) = peers.next_row()? {
                let is_touched = row.role == "peer" && row.messages_in + row.messages_out > 0;
                *results.touched.entry(spot(label)).or_default().entry(label.repetition).or_default() += u64::from(is_touched);
            }
        }
        Ok(results)
    }

    /// The values of a quantity, one a repetition; none for a repetition in which it has no value.
    pub(super) fn values(&self, quantity: &str, hops: Option<u32>, topology: &str, swept: &[String]) -> Vec<f64> {
        let spot: Spot = (topology.to_owned(), swept.to_vec());
        let metric = |name: &str| self.metrics.get(&(spot.clone(), name.to_owned())).cloned().unwrap_or_default();
        match quantity {
            HOP_SHARE => {
                let mut shares = self.hops.get(&(spot.clone(), u64::from(hops.unwrap_or_default()))).cloned().unwrap_or_default();
                // A count that does not occur has no row.
                shares.resize(self.repetitions.get(&spot).map_or(0, BTreeSet::len), 0.0);
                shares
            }
            LOOKUP_FAILURE_RATIO => metric("lookup_success_ratio").into_iter().map(|success| 1.0 - success).collect(),
            PEERS_TOUCHED => self.touched.get(&spot).into_iter().flat_map(BTreeMap::values).map(|&peers| peers as f64).collect(),
            name => metric(name),
        }
    }
}

fn spot(label: &Label) -> Spot {
    (label.topology.clone(), label.sweep.clone())
}

/// The unit of a quantity; `1` for ratios.
pub(super) fn unit(quantity: &str) -> &'static str {
    if quantity == PEERS_TOUCHED {
        return "peers";
    }
    METRICS.iter().find(|metric| metric.name == quantity).map_or("1", |metric| metric.unit)
}

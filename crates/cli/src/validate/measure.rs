//! Quantities, read from the CSV files of a results directory: one value a repetition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use peerlab_report::tables::{Hops, Label, Peer, Reader, Summary, TableError};
use peerlab_scenario::HOP_SHARE;

use super::{LOOKUP_FAILURE_RATIO, PEERS_TOUCHED, RECORDS_MAX_RATIO, RECORDS_NONE_SHARE, RECORDS_P1_RATIO, RECORDS_P99_RATIO};
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
    /// Records that each peer of the population keeps, in each repetition.
    records: BTreeMap<Spot, BTreeMap<u32, Vec<u64>>>,
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
                if row.role == "peer" {
                    results.records.entry(spot(label)).or_default().entry(label.repetition).or_default().push(row.records);
                }
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
            RECORDS_MAX_RATIO | RECORDS_P1_RATIO | RECORDS_P99_RATIO | RECORDS_NONE_SHARE => {
                self.records.get(&spot).into_iter().flat_map(BTreeMap::values).filter_map(|records| of_records(quantity, records)).collect()
            }
            name => metric(name),
        }
    }
}

/// A quantity of how many records the peers of one run keep; none if there are none.
fn of_records(quantity: &str, records: &[u64]) -> Option<f64> {
    let (peers, sum) = (records.len() as f64, records.iter().sum::<u64>() as f64);
    if sum == 0.0 {
        return None;
    }
    let mut sorted = records.to_vec();
    sorted.sort_unstable();
    // The nearest rank: so many in a hundred peers keep as many or fewer.
    let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1] as f64;
    Some(match quantity {
        RECORDS_NONE_SHARE => sorted.partition_point(|&records| records == 0) as f64 / peers,
        RECORDS_P1_RATIO => at(1) * peers / sum,
        RECORDS_P99_RATIO => at(99) * peers / sum,
        _ => sorted[sorted.len() - 1] as f64 * peers / sum,
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_measured_against_the_mean() {
        // 198 peers with one record, one with none and one with 402: three a peer.
        let records: Vec<u64> = std::iter::repeat_n(1, 198).chain([402, 0]).collect();
        assert_eq!(of_records(RECORDS_MAX_RATIO, &records), Some(134.0));
        assert_eq!(of_records(RECORDS_P99_RATIO, &records), Some(1.0 / 3.0));
        assert_eq!(of_records(RECORDS_P1_RATIO, &records), Some(1.0 / 3.0));
        assert_eq!(of_records(RECORDS_NONE_SHARE, &records), Some(0.005));
        assert_eq!(of_records(RECORDS_MAX_RATIO, &[0, 0]), None);
    }
}

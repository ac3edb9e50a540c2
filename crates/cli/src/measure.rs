//! Quantities, read from the CSV files of a results directory: one value a repetition.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use peerlab_report::tables::{Hops, Label, Peer, Reader, Summary, TableError};
use peerlab_scenario::{HOP_SHARE, did_you_mean, list};

use crate::metrics::METRICS;

/// Quantities beside the metrics: what is made of the other files.
const DERIVED: [&str; 8] = [
    HOP_SHARE,
    LOOKUP_FAILURE_RATIO,
    LOOKUP_FOUND_RATIO,
    PEERS_TOUCHED,
    RECORDS_MAX_RATIO,
    RECORDS_P1_RATIO,
    RECORDS_P99_RATIO,
    RECORDS_NONE_SHARE,
];

/// 1 − `lookup_success_ratio`.
const LOOKUP_FAILURE_RATIO: &str = "lookup_failure_ratio";

/// `lookup_success_ratio` × `content_availability`: found, of all lookups that ended, those for what nobody online had included.
const LOOKUP_FOUND_RATIO: &str = "lookup_found_ratio";

/// Peers of the population that sent or handled a message in the measured time.
const PEERS_TOUCHED: &str = "peers_touched";

/// Records at the peer that keeps the most, over the mean.
const RECORDS_MAX_RATIO: &str = "records_max_ratio";

/// The 99th percentile of the records that peers keep, over the mean.
const RECORDS_P99_RATIO: &str = "records_p99_ratio";

/// The same of the 1st percentile.
const RECORDS_P1_RATIO: &str = "records_p1_ratio";

/// The share of the peers that keep no record.
const RECORDS_NONE_SHARE: &str = "records_none_share";

/// The quantities that are made of the peers' file.
const OF_PEERS: [&str; 5] = [PEERS_TOUCHED, RECORDS_MAX_RATIO, RECORDS_P1_RATIO, RECORDS_P99_RATIO, RECORDS_NONE_SHARE];

/// What is wrong with the name of a quantity, if there is none of that name.
pub(crate) fn unknown(quantity: &str) -> Option<String> {
    let known = || METRICS.iter().map(|metric| metric.name).chain(DERIVED);
    if known().any(|name| name == quantity) {
        return None;
    }
    let hint = did_you_mean(quantity, known());
    Some(format!("there is no quantity `{quantity}`{hint} It is a metric (`sim list metrics`) or one of {}", list(DERIVED)))
}

/// True for quantities that are made of the peers' file.
pub(crate) fn is_of_peers(quantity: &str) -> bool {
    OF_PEERS.contains(&quantity)
}

/// A topology at a point of the sweep.
type Spot = (String, Vec<String>);

/// What figures can be made of.
#[derive(Default)]
pub(crate) struct Results {
    /// The repetitions that were run.
    repetitions: BTreeMap<Spot, BTreeSet<u32>>,
    /// The value of a metric in each repetition that has one.
    metrics: BTreeMap<(Spot, String), BTreeMap<u32, f64>>,
    /// The share of a hop count in each repetition in which it occurs.
    hops: BTreeMap<(Spot, u64), BTreeMap<u32, f64>>,
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
    pub(crate) fn read(directory: &Path, with_peers: bool) -> Result<Self, TableError> {
        let mut results = Self::default();
        let mut summary = Reader::<Summary>::open(directory)?;
        while let Some((label, row)) = summary.next_row()? {
            results.repetitions.entry(spot(label)).or_default().insert(label.repetition);
            if let Some(value) = row.value {
                results.metrics.entry((spot(label), row.metric)).or_default().insert(label.repetition, value);
            }
        }
        let mut hops = Reader::<Hops>::open(directory)?;
        while let Some((label, row)) = hops.next_row()? {
            results.hops.entry((spot(label), row.hops)).or_default().insert(label.repetition, row.share);
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
    pub(crate) fn values(&self, quantity: &str, hops: Option<u32>, topology: &str, swept: &[String]) -> Vec<f64> {
        self.by_repetition(quantity, hops, topology, swept).into_values().collect()
    }

    /// The same by repetition.
    pub(crate) fn by_repetition(&self, quantity: &str, hops: Option<u32>, topology: &str, swept: &[String]) -> BTreeMap<u32, f64> {
        let spot: Spot = (topology.to_owned(), swept.to_vec());
        let metric = |name: &str| self.metrics.get(&(spot.clone(), name.to_owned())).cloned().unwrap_or_default();
        match quantity {
            HOP_SHARE => {
                let shares = self.hops.get(&(spot.clone(), u64::from(hops.unwrap_or_default())));
                // A count that does not occur has no row.
                let share = |&repetition: &u32| shares.and_then(|shares| shares.get(&repetition).copied()).unwrap_or(0.0);
                self.repetitions.get(&spot).into_iter().flatten().map(|repetition| (*repetition, share(repetition))).collect()
            }
            LOOKUP_FAILURE_RATIO => {
                metric("lookup_success_ratio").into_iter().map(|(repetition, success)| (repetition, 1.0 - success)).collect()
            }
            LOOKUP_FOUND_RATIO => {
                let success = metric("lookup_success_ratio");
                // Where nothing was there at any time, nothing could succeed.
                let found = |(repetition, there)| (repetition, there * success.get(&repetition).copied().unwrap_or(0.0));
                metric("content_availability").into_iter().map(found).collect()
            }
            PEERS_TOUCHED => {
                self.touched.get(&spot).into_iter().flatten().map(|(&repetition, &peers)| (repetition, peers as f64)).collect()
            }
            RECORDS_MAX_RATIO | RECORDS_P1_RATIO | RECORDS_P99_RATIO | RECORDS_NONE_SHARE => {
                let records = self.records.get(&spot).into_iter().flatten();
                records.filter_map(|(&repetition, records)| Some((repetition, of_records(quantity, records)?))).collect()
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
pub(crate) fn unit(quantity: &str) -> &'static str {
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

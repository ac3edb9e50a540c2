//! What a sweep buys: each point of it as cost against latency, and of each topology the best that any of its settings gives for the
//! cost, which is the convex hull below its points. So protocols are compared, and not what somebody set them to (Li, Stribling, Morris,
//! Kaashoek, Gil: A performance vs. cost framework for evaluating DHT design tradeoffs under churn, INFOCOM 2005).

use super::{
    ChartError,
    figure::{Figure, Mark, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::Aggregate;
use std::{collections::BTreeMap, path::Path};

const COST: &str = "maintenance_bytes_per_peer_s";
const GAIN: &str = "lookup_latency_mean";
const SUCCESS: &str = "lookup_success_ratio";
/// A setting under which fewer lookups than this succeed is shown, but is no bargain: the lookups that fail are the slow ones.
const SUCCESS_MIN: f64 = 0.9;
/// Settings of a topology from which on a hull says something.
const SETTINGS_MIN: usize = 3;

/// One setting of one topology: its cost, its latency, and whether it counts for the hull.
#[derive(Clone, Copy)]
struct Setting {
    cost: f64,
    latency: f64,
    counts: bool,
}

/// `latency-vs-maintenance`, if some topology has been run under several settings.
pub(super) fn figure(directory: &Path, slice: &Slice) -> Result<Option<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Aggregate>(directory)? else { return Ok(None) };
    let mut means: BTreeMap<(usize, Vec<String>), [Option<f64>; 3]> = BTreeMap::new();
    while let Some((label, row)) = reader.next_row()? {
        let Some(topology) = slice.topologies.iter().position(|topology| *topology == label.topology) else { continue };
        if let Some(which) = [COST, GAIN, SUCCESS].iter().position(|metric| *metric == row.metric) {
            means.entry((topology, label.sweep.clone())).or_default()[which] = row.mean;
        }
    }
    let mut settings = vec![Vec::new(); slice.topologies.len()];
    for ((topology, _), values) in means {
        if let [Some(cost), Some(latency), Some(success)] = values {
            settings[topology].push(Setting { cost, latency, counts: success >= SUCCESS_MIN });
        }
    }
    let most = settings.iter().map(Vec::len).max().unwrap_or(0);
    Ok((most >= SETTINGS_MIN).then(|| draw(slice, &settings)))
}

fn draw(slice: &Slice, settings: &[Vec<Setting>]) -> Figure {
    let all = || settings.iter().flatten();
    let (least, most) = all().fold((f64::INFINITY, 0.0_f64), |(least, most), s| (least.min(s.cost), most.max(s.cost)));
    let name = "maintenance traffic (bytes per online peer and second";
    let x = if least > 0.0 && most / least > 20.0 {
        Axis::log10(format!("{name}, log scale)"), least, most)
    } else {
        Axis::linear(format!("{name})"), 0.0, most)
    };
    let y = Axis::linear("mean latency of found lookups (ms)", 0.0, all().map(|s| s.latency).fold(0.0, f64::max));
    let subtitle = format!("a point a setting, a line the convex hull of those with at least {:.0} % success", 100.0 * SUCCESS_MIN);
    let mut figure = Figure::new("latency-vs-maintenance", "Lookup latency against maintenance", subtitle, x, y);
    for (pen, settings) in settings.iter().enumerate().filter(|(_, settings)| !settings.is_empty()) {
        figure.entry(pen, &slice.topologies[pen]);
        figure.marks.push(Mark::Points { pen, points: settings.iter().map(|s| (s.cost, s.latency)).collect() });
        figure.line(pen, hull(settings), Markers::All);
    }
    figure
}

/// The lower left part of the convex hull, by rising cost and falling latency.
fn hull(settings: &[Setting]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = settings.iter().filter(|s| s.counts).map(|s| (s.cost, s.latency)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if hull.last().is_some_and(|last| point.1 >= last.1) {
            continue;
        }
        while let [.., a, b] = hull[..] {
            let turns_left = (b.0 - a.0) * (point.1 - a.1) > (b.1 - a.1) * (point.0 - a.0);
            if turns_left {
                break;
            }
            hull.pop();
        }
        hull.push(point);
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::{Setting, hull};

    #[test]
    fn the_hull_is_the_best_latency_for_each_cost() {
        let at = |cost: f64, latency: f64| Setting { cost, latency, counts: true };
        let settings = [at(4.0, 100.0), at(1.0, 400.0), at(2.0, 350.0), at(2.5, 180.0), at(8.0, 120.0), at(3.0, 500.0)];
        assert_eq!(hull(&settings), [(1.0, 400.0), (2.5, 180.0), (4.0, 100.0)]);
        let unreliable = Setting { counts: false, ..at(0.5, 10.0) };
        assert_eq!(hull(&[unreliable, at(2.0, 50.0)]), [(2.0, 50.0)]);
        assert!(hull(&[]).is_empty());
    }
}

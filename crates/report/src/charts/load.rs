//! How unevenly the load lies on the peers: the Lorenz curve of messages handled, servers apart.
//!
//! Lorenz (1905); the Gini coefficient is twice the area between the curve and the diagonal. One curve per run, averaged over the
//! repetitions at equal shares of the peers.
//!
//! # Cost
//! The counts of one run are held at a time, 8 bytes a peer, and sorted.

use super::{
    ChartError,
    figure::{Figure, Mark, Markers},
    scale::Axis,
    slice::{Slice, open_if_present},
};
use crate::tables::Peer;
use std::path::Path;

/// Points of a curve, but for its beginning.
const POINTS: usize = 200;

/// The sum over the repetitions of one topology's curves.
#[derive(Clone, Default)]
struct Curves {
    sum: Vec<f64>,
    gini_sum: f64,
    runs: usize,
}

/// `load-lorenz`.
pub(super) fn figure(directory: &Path, slice: &Slice) -> Result<Option<Figure>, ChartError> {
    let Some(mut reader) = open_if_present::<Peer>(directory)? else { return Ok(None) };
    let [role, messages] = [reader.position("role")?, reader.position("messages_in")?];
    let mut curves = vec![Curves::default(); slice.topologies.len()];
    let (mut run, mut topology, mut counts) = (String::new(), None, Vec::new());
    let mut any = false;
    while let Some((label, record)) = reader.next_record()? {
        any = true;
        if label.run != run {
            close(&mut curves, topology, &mut counts);
            run.clone_from(&label.run);
            topology = slice.topology(label);
        }
        if topology.is_some() && record.get(role) == Some(b"peer") {
            counts.push(reader.count(messages)?.unwrap_or(0));
        }
    }
    close(&mut curves, topology, &mut counts);
    if !any {
        return Ok(None);
    }
    Ok(Some(draw(&curves, slice)))
}

fn draw(curves: &[Curves], slice: &Slice) -> Figure {
    let (name, title) = ("load-lorenz", "How the load lies on the peers");
    if curves.iter().all(|curves| curves.runs == 0) {
        return Figure::without_data(name, title, slice.subtitle(&[]), "no peer handled a message");
    }
    let subtitle = slice.subtitle(&["Lorenz curve of messages handled per peer, servers apart", "diagonal: all alike"]);
    let x = Axis::per_cent("share of the peers, the least loaded first (%)");
    let y = Axis::per_cent("share of the messages handled (%)");
    let mut figure = Figure::new(name, title, subtitle, x, y);
    figure.marks.push(Mark::Reference { points: vec![(0.0, 0.0), (100.0, 100.0)] });
    for (pen, curves) in curves.iter().enumerate().filter(|(_, curves)| curves.runs > 0) {
        let runs = curves.runs as f64;
        let points = curves.sum.iter().enumerate().map(|(at, sum)| (at as f64 * 100.0 / POINTS as f64, sum * 100.0 / runs));
        figure.line(pen, points.collect(), Markers::Some);
        figure.entry(pen, format!("{} (Gini {:.2})", slice.topologies[pen], curves.gini_sum / runs));
    }
    figure
}

/// Adds a run's curve and forgets its counts. A run without any message has no curve.
fn close(curves: &mut [Curves], topology: Option<usize>, counts: &mut Vec<u64>) {
    counts.sort_unstable();
    let total: u128 = counts.iter().map(|&count| u128::from(count)).sum();
    if let (Some(topology), true) = (topology, total > 0) {
        let (curve, gini) = lorenz(counts, total);
        let curves = &mut curves[topology];
        curves.sum.resize(POINTS + 1, 0.0);
        curves.sum.iter_mut().zip(curve).for_each(|(sum, value)| *sum += value);
        curves.gini_sum += gini;
        curves.runs += 1;
    }
    counts.clear();
}

/// The curve at `POINTS + 1` equal shares of the peers, and the Gini coefficient, of ascending counts.
fn lorenz(ascending: &[u64], total: u128) -> (Vec<f64>, f64) {
    let n = ascending.len();
    let mut curve = Vec::with_capacity(POINTS + 1);
    let (mut below, mut weighted, mut index) = (0_u128, 0_u128, 0);
    for point in 0..=POINTS {
        let peers = point as f64 / POINTS as f64 * n as f64;
        while index < n && (index as f64) < peers.floor() {
            below += u128::from(ascending[index]);
            weighted += (index as u128 + 1) * u128::from(ascending[index]);
            index += 1;
        }
        let part = ascending.get(index).map_or(0.0, |&count| (peers - peers.floor()) * count as f64);
        curve.push((below as f64 + part) / total as f64);
    }
    // Gini = 2 Σ i·x_i / (n Σ x) − (n + 1)/n, with i from 1 over ascending x.
    let gini = 2.0 * weighted as f64 / (n as f64 * total as f64) - (n as f64 + 1.0) / n as f64;
    (curve, gini)
}

//! Regions: hosts that are near each other, for faults that strike one place.
//!
//! Points are clustered by k-means (Lloyd 1982), rows of a matrix around medoids, both from starting places that are drawn far
//! apart (k-means++, Arthur & Vassilvitskii 2007); where there are no places, regions are equal random shares.
//!
//! # Cost
//! Clusters are found on at most [`SAMPLE`] points; assigning a million hosts to five of them takes about 10 ms.

use peerlab_engine::random::{Rng, Streams};
use peerlab_model::HostId;

use crate::matrix::{self, Matrix};
use crate::points::distance;

/// Points that the centres are fitted to, at the most.
const SAMPLE: usize = 10_000;
/// Rounds of refinement, at the most.
const ROUNDS: usize = 30;

/// The region of each host.
#[derive(Clone, Debug)]
pub(crate) struct Regions(Vec<u32>);

impl Regions {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    #[inline]
    pub(crate) fn of(&self, host: HostId) -> u32 {
        self.0.get(host.0 as usize).copied().unwrap_or(0)
    }

    /// Equal shares: each stretch of `count` hosts has one in every region, in random order.
    pub(crate) fn shares(count: u32, hosts: u32, streams: Streams) -> Self {
        let streams = Streams::new(streams.keyed("network.regions").bits(0, 0));
        if count <= 1 << 16 {
            return Self(matrix::spread(hosts, count.max(1) as usize, streams).into_iter().map(u32::from).collect());
        }
        // More regions than anybody means: each host at random.
        let keyed = streams.keyed("network.regions");
        Self((0..hosts).map(|host| keyed.rng(u64::from(host), 0).below(u64::from(count)) as u32).collect())
    }

    /// Clusters of points.
    pub(crate) fn clusters<const D: usize>(count: u32, points: &[[f32; D]], streams: Streams) -> Self {
        let step = points.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<[f32; D]> = points.iter().step_by(step).copied().collect();
        let mut rng = streams.rng("network.regions", 0);
        let apart = |a: usize, b: usize| distance(&sample[a], &sample[b]);
        let mut centres: Vec<[f32; D]> = far_apart(count, sample.len(), apart, &mut rng).into_iter().map(|at| sample[at]).collect();
        for _ in 0..ROUNDS {
            let mut sums = vec![([0.0_f64; D], 0_u32); centres.len()];
            for point in &sample {
                let (sum, members) = &mut sums[nearest(point, &centres)];
                for axis in 0..D {
                    sum[axis] += f64::from(point[axis]);
                }
                *members += 1;
            }
            let before = centres.clone();
            for (centre, (sum, members)) in centres.iter_mut().zip(sums) {
                if members > 0 {
                    *centre = sum.map(|axis| (axis / f64::from(members)) as f32);
                }
            }
            if centres == before {
                break;
            }
        }
        Self(points.iter().map(|point| nearest(point, &centres) as u32).collect())
    }

    /// Clusters of a matrix's rows, each around the row that is nearest to all of its own.
    pub(crate) fn rows(count: u32, matrix: &Matrix, hosts: u32, streams: Streams) -> Self {
        let rows = matrix.rows();
        let apart = |a: usize, b: usize| f64::from(matrix.between(a, b)) + f64::from(matrix.between(b, a));
        let mut rng = streams.rng("network.regions", 0);
        let mut medoids = far_apart(count, rows, apart, &mut rng);
        let assign =
            |medoids: &[usize]| -> Vec<usize> { (0..rows).map(|row| smallest(medoids.iter().map(|&medoid| apart(row, medoid)))).collect() };
        let mut region = assign(&medoids);
        for _ in 0..ROUNDS {
            let refined: Vec<usize> = (0..medoids.len())
                .map(|own| {
                    let members: Vec<usize> = (0..rows).filter(|&row| region[row] == own).collect();
                    let sum = |&row: &usize| members.iter().map(|&other| apart(row, other)).sum::<f64>();
                    if members.is_empty() { medoids[own] } else { members[smallest(members.iter().map(sum))] }
                })
                .collect();
            if refined == medoids {
                break;
            }
            medoids = refined;
            region = assign(&medoids);
        }
        Self((0..hosts).map(|host| region[matrix.row(host)] as u32).collect())
    }
}

/// Starting places: the first one at random, each next one with a probability that grows with the square of its distance from
/// the nearest of those before it.
fn far_apart(count: u32, len: usize, apart: impl Fn(usize, usize) -> f64, rng: &mut Rng) -> Vec<usize> {
    let mut chosen = vec![rng.index(len)];
    let mut weight: Vec<f64> = (0..len).map(|at| squared(apart(at, chosen[0]))).collect();
    while chosen.len() < (count as usize).min(len) {
        let total: f64 = weight.iter().sum();
        let mut draw = rng.unit_f64() * total;
        // All places coincide with chosen ones: the rest of the regions stay empty.
        let Some(last) = weight.iter().rposition(|&weight| weight > 0.0) else { break };
        let passed = |&weight: &f64| {
            draw -= weight;
            draw < 0.0
        };
        let next = weight.iter().position(passed).unwrap_or(last);
        chosen.push(next);
        for (at, weight) in weight.iter_mut().enumerate() {
            *weight = weight.min(squared(apart(at, next)));
        }
    }
    chosen
}

fn nearest<const D: usize>(point: &[f32; D], centres: &[[f32; D]]) -> usize {
    smallest(centres.iter().map(|centre| distance(point, centre)))
}

/// The index of the smallest value; of the first one if there are several.
fn smallest(values: impl Iterator<Item = f64>) -> usize {
    let mut best = (0, f64::INFINITY);
    for (index, value) in values.enumerate() {
        if value < best.1 {
            best = (index, value);
        }
    }
    best.0
}

const fn squared(value: f64) -> f64 {
    value * value
}

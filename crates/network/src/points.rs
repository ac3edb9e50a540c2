//! Hosts as points, whose distance is the delay: random ones in a square or a cube, or a file's.

use peerlab_engine::random::Streams;
use peerlab_engine::time::Span;

use crate::error::{NetworkError, Source, entries};

/// The mean distance of two random points of the unit square: (2 + √2 + 5 asinh 1) / 15.
const SQUARE_MEAN_DISTANCE: f64 = 0.521_405_433_164_720_7;
/// The mean distance of two random points of the unit cube (Robbins 1978).
const CUBE_MEAN_DISTANCE: f64 = 0.661_707_182_267_176_3;

/// The largest coordinate that is believed, in milliseconds.
const COORDINATE_MAX_MS: f64 = 600_000.0;

/// The points of all hosts, in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Points<const D: usize> {
    pub(crate) at: Vec<[f32; D]>,
    /// What each host's access link adds; empty if nothing.
    heights: Vec<f32>,
}

impl<const D: usize> Points<D> {
    /// Points without heights.
    fn flat(at: Vec<[f32; D]>) -> Self {
        Self { at, heights: Vec::new() }
    }

    /// Uniform in a square or cube of such a size that the delay between two hosts is `mean` on average, of which two `height`s are their
    /// access links'.
    pub(crate) fn random(hosts: u32, mean: Span, height: Span, streams: Streams) -> Self {
        let height = height.nanos() as f64;
        let side = (mean.nanos() as f64 - 2.0 * height) / if D == 2 { SQUARE_MEAN_DISTANCE } else { CUBE_MEAN_DISTANCE };
        let keyed = streams.keyed("network.points");
        let point = |host: u32| {
            let mut rng = keyed.rng(u64::from(host), 0);
            std::array::from_fn(|_| (rng.unit_f64() * side) as f32)
        };
        let keyed = streams.keyed("network.heights");
        let heights = if height > 0.0 { hosts } else { 0 };
        let exponential = |host: u32| (-libm::log1p(-keyed.rng(u64::from(host), 0).unit_f64()) * height) as f32;
        Self { at: (0..hosts).map(point).collect(), heights: (0..heights).map(exponential).collect() }
    }

    /// The delay in nanoseconds before the floor.
    #[inline]
    pub(crate) fn delay(&self, from: u32, to: u32) -> u64 {
        let apart = distance(&self.at[from as usize], &self.at[to as usize]) as u64;
        if self.heights.is_empty() {
            return apart;
        }
        apart + (f64::from(self.heights[from as usize]) + f64::from(self.heights[to as usize])) as u64
    }
}

/// Euclid's; the root is exact by IEEE 754, hence the same everywhere.
#[inline]
pub(crate) fn distance<const D: usize>(a: &[f32; D], b: &[f32; D]) -> f64 {
    let mut sum = 0.0;
    for axis in 0..D {
        let difference = f64::from(a[axis]) - f64::from(b[axis]);
        sum += difference * difference;
    }
    sum.sqrt()
}

/// A file of points: two or three dimensions.
pub(crate) enum Coordinates {
    Plane(Points<2>),
    Space(Points<3>),
}

/// Reads a host a line. Dedicated servers take the lines after the population's, or, where there are none, random ones.
pub(crate) fn load(file: &str, population: u32, dedicated: u32, streams: Streams) -> Result<Coordinates, NetworkError> {
    let source = Source::read(file)?;
    let mut points: Vec<[f32; 3]> = Vec::new();
    let mut dimensions = 0;
    for (line, text) in source.lines() {
        let mut point = [0.0; 3];
        let mut width = 0;
        for (column, word) in entries(text).enumerate() {
            let value: f64 = word.parse().map_err(|_| source.entry(line, column + 1, format!("`{word}` is not a number")))?;
            if !value.is_finite() || value.abs() > COORDINATE_MAX_MS {
                return Err(source.entry(line, column + 1, format!("`{word}` is no coordinate in milliseconds")));
            }
            if column < 3 {
                point[column] = (value * 1e6) as f32;
            }
            width = column + 1;
        }
        if points.is_empty() {
            dimensions = width;
        }
        if !(2..=3).contains(&width) {
            return Err(source.line(line, format!("{width} numbers where a point has two or three, in milliseconds")));
        }
        if width != dimensions {
            return Err(source.line(line, format!("{width} numbers where the first point has {dimensions}")));
        }
        points.push(point);
    }
    if points.len() < population as usize {
        let have = points.len();
        return Err(source.whole(format!("{have} points for {population} peers: a host a line; lower peers.count or add points")));
    }
    let seats = population as usize + dedicated as usize;
    let lines = points.len();
    let keyed = streams.keyed("network.servers");
    for seat in lines..seats {
        let line = keyed.rng(seat as u64, 0).index(lines);
        points.push(points[line]);
    }
    points.truncate(seats);
    Ok(if dimensions == 2 {
        Coordinates::Plane(Points::flat(points.iter().map(|&[x, y, _]| [x, y]).collect()))
    } else {
        Coordinates::Space(Points::flat(points))
    })
}

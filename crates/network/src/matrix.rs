//! Measured round-trip times, or those between routers: a square matrix, and the mapping of hosts onto its rows.

use peerlab_engine::random::Streams;

use crate::config::{MatrixUnit, Missing};
use crate::error::{NetworkError, Source, entries};
use crate::transit_stub::Shape;

/// The most rows a matrix may have: 4 bytes an entry make this one gigabyte.
const ROWS_MAX: usize = 16_384;
/// The longest round trip that is believed, in seconds: a larger number is probably in another unit.
const ROUND_TRIP_MAX_S: f64 = 600.0;

/// One-way delays between the rows of a matrix, and the row of each host.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    rows: usize,
    /// Half the round trip from row to column, in nanoseconds.
    one_way: Vec<f32>,
    row_of: Vec<u16>,
}

impl Matrix {
    pub(crate) fn load(file: &str, unit: MatrixUnit, missing: Missing, hosts: u32, streams: Streams) -> Result<Self, NetworkError> {
        let source = Source::read(file)?;
        let (rows, mut one_way) = parse(&source, unit)?;
        fill_in(&source, rows, &mut one_way, missing)?;
        Ok(Self { rows, one_way, row_of: spread(hosts, rows, streams) })
    }

    /// The hosts at the routers of an internet's stubs.
    pub(crate) fn of_routers(shape: Shape, hosts: u32, streams: Streams) -> Self {
        let rows = shape.rows().expect("a scenario's check has counted the routers") as usize;
        Self { rows, one_way: shape.delays(streams), row_of: spread(hosts, rows, streams) }
    }

    /// The delay in nanoseconds before the floor: nothing between two hosts on one row.
    #[inline]
    pub(crate) fn delay(&self, from: u32, to: u32) -> u64 {
        self.between(self.row(from), self.row(to)) as u64
    }

    pub(crate) fn row(&self, host: u32) -> usize {
        usize::from(self.row_of[host as usize])
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The delay in nanoseconds between two rows; 0 on the diagonal.
    #[inline]
    pub(crate) fn between(&self, from: usize, to: usize) -> f32 {
        self.one_way[from * self.rows + to]
    }

    /// A lower bound of all delays, in nanoseconds: 0 if two hosts share a row.
    pub(crate) fn min_delay(&self) -> u64 {
        if self.row_of.len() > self.rows {
            return 0;
        }
        let off_diagonal = self.one_way.iter().enumerate().filter(|(index, _)| index / self.rows != index % self.rows);
        off_diagonal.map(|(_, &delay)| delay as u64).min().unwrap_or(0)
    }
}

/// Reads a square matrix: half of each entry, in nanoseconds; missing entries (zero or negative) as 0, the diagonal too.
fn parse(source: &Source<'_>, unit: MatrixUnit) -> Result<(usize, Vec<f32>), NetworkError> {
    let to_seconds = match unit {
        MatrixUnit::Ms => 1e-3,
        MatrixUnit::S => 1.0,
    };
    let mut rows = 0;
    let mut columns = 0;
    let mut one_way = Vec::new();
    for (line, text) in source.lines() {
        let before = one_way.len();
        for (column, word) in entries(text).enumerate() {
            let blame = |message: String| source.entry(line, column + 1, message);
            let value: f64 = word.parse().map_err(|_| blame(format!("`{word}` is not a number")))?;
            if !value.is_finite() {
                return Err(blame(format!("`{word}` is no round-trip time")));
            }
            let seconds = value * to_seconds;
            if seconds > ROUND_TRIP_MAX_S && column != rows {
                return Err(blame(format!("a round trip of {seconds} s is more than {ROUND_TRIP_MAX_S} s: is the file in another unit?")));
            }
            let present = value > 0.0 && column != rows;
            one_way.push(if present { (seconds * 1e9 / 2.0) as f32 } else { 0.0 });
        }
        let width = one_way.len() - before;
        if rows == 0 {
            columns = width;
        }
        if width != columns {
            return Err(source.line(line, format!("{width} entries where the first row has {columns}: the matrix must be square")));
        }
        rows += 1;
        if rows > columns {
            return Err(source.line(line, format!("this is row {rows} of a matrix with {columns} columns: it must be square")));
        }
    }
    if rows != columns {
        return Err(source.whole(format!("{rows} rows with {columns} entries each: the matrix must be square")));
    }
    if rows < 2 {
        return Err(source.whole("a matrix of round-trip times has at least two rows"));
    }
    if rows > ROWS_MAX {
        return Err(source.whole(format!("{rows} rows are more than {ROWS_MAX}, which is the most there can be")));
    }
    Ok((rows, one_way))
}

/// Refuses missing entries, or fills them with the median of the others.
fn fill_in(source: &Source<'_>, rows: usize, one_way: &mut [f32], missing: Missing) -> Result<(), NetworkError> {
    let is_missing = |index: usize, value: f32| value <= 0.0 && index / rows != index % rows;
    let holes: Vec<usize> =
        one_way.iter().enumerate().filter(|&(index, &value)| is_missing(index, value)).map(|(index, _)| index).collect();
    let Some(&first) = holes.first() else { return Ok(()) };
    if missing == Missing::Error {
        let line = source.lines().nth(first / rows).map_or(0, |(line, _)| line);
        let message = format!(
            "this entry is zero or negative, which means that it is missing ({} entries are); write `missing = \"median\"` to fill them with the median of the others",
            holes.len()
        );
        return Err(source.entry(line, first % rows + 1, message));
    }
    let mut present: Vec<f32> = one_way.iter().copied().filter(|&value| value > 0.0).collect();
    if present.is_empty() {
        return Err(source.whole("every entry is missing"));
    }
    let median = median(&mut present);
    for hole in holes {
        one_way[hole] = median;
    }
    Ok(())
}

/// The median: the mean of the middle two where their number is even.
fn median(values: &mut [f32]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f32::midpoint(values[middle - 1], values[middle]) }
}

/// Deals hosts onto rows: each stretch of `rows` hosts gets every row once, in random order. So a host's row does not depend
/// on how many hosts there are, and with at most as many hosts as rows no two share one.
pub(crate) fn spread(hosts: u32, rows: usize, streams: Streams) -> Vec<u16> {
    let mut row_of = Vec::with_capacity(hosts as usize);
    let mut order: Vec<u16> = (0..rows).map(|row| row as u16).collect();
    for stretch in 0.. {
        order.sort_unstable();
        streams.rng("network.rows", stretch).shuffle(&mut order);
        let wanted = hosts as usize - row_of.len();
        row_of.extend(order.iter().take(wanted));
        if row_of.len() == hosts as usize {
            break;
        }
    }
    row_of
}

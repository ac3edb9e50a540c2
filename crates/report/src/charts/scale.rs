//! Axes: from values to positions, and ticks that a reader would have chosen.
//!
//! Logarithms come from `libm`, so that a chart is the same bytes on every machine.
//!
//! # Not here
//! Pixels: a position is a share of the axis, from 0 to 1.

/// A tick that is labelled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Value on the axis.
    pub(super) at: f64,
    /// Its label.
    pub(super) label: String,
}

/// How values become positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

/// One axis: its range, its ticks, its name.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// What it shows, with the unit.
    pub(super) name: String,
    /// Labelled ticks, ascending.
    pub(super) ticks: Vec<Tick>,
    /// Values with a short tick and no label.
    pub(super) minor: Vec<f64>,
    /// Whether ticks have grid lines.
    pub(super) grid: bool,
    kind: Kind,
    low: f64,
    high: f64,
}

impl Axis {
    /// A linear axis that covers `low` to `high`, widened to whole steps.
    pub(super) fn linear(name: impl Into<String>, low: f64, high: f64) -> Self {
        let (low, high) = opened(low, high);
        let step = nice_step(high - low, 6.0);
        let (first, last) = ((low / step).floor() as i64, (high / step - 1e-9).ceil() as i64);
        Self::steps(name, step, first, last, 1.0)
    }

    /// A linear axis of whole numbers, such as hops.
    pub(super) fn integers(name: impl Into<String>, low: u64, high: u64) -> Self {
        let high = high.max(low + 1);
        let step = nice_step((high - low) as f64, 12.0).max(1.0);
        let mut axis = Self::steps(name, step, (low as f64 / step) as i64, (high as f64 / step).ceil() as i64, 1.0);
        (axis.low, axis.high) = (low as f64 - 0.5, high as f64 + 0.5);
        axis.ticks.retain(|tick| tick.at >= axis.low && tick.at <= axis.high);
        axis
    }

    /// A linear axis that ends exactly at `low` and `high`, with a tick each `step`, labelled in units of `unit`.
    pub(super) fn exact(name: impl Into<String>, low: f64, high: f64, step: f64, unit: f64) -> Self {
        let (low, high) = opened(low, high);
        let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
        let mut axis = Self::steps(name, step, first, last, unit);
        (axis.low, axis.high) = (low, high);
        axis
    }

    /// Shares in per cent from 0 to 100.
    pub(super) fn per_cent(name: impl Into<String>) -> Self {
        Self::steps(name, 20.0, 0, 5, 1.0)
    }

    /// A logarithmic axis that covers `low` to `high`, both above 0, with ticks at powers of ten and, in a short range, between.
    pub(super) fn log10(name: impl Into<String>, low: f64, high: f64) -> Self {
        let decades = libm::log10(high / low);
        let multiples: &[f64] = match decades {
            d if d < 1.5 => &[1.0, 2.0, 3.0, 5.0, 7.0],
            d if d < 3.5 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let (first, last) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
        let stride = ((last - first) / 8 + 1) as usize;
        let at = |exponent: i32, multiple: f64| multiple * power_of_ten(exponent);
        let all: Vec<f64> = (first..=last).step_by(stride).flat_map(|e| multiples.iter().map(move |&m| at(e, m))).collect();
        // Whole steps of the labelled grid, so that both ends are labelled.
        let low = all.iter().copied().filter(|&tick| tick <= low * (1.0 + 1e-9)).fold(all[0], f64::max);
        let top = all[all.len() - 1];
        let high = all.iter().copied().filter(|&tick| tick >= high * (1.0 - 1e-9)).fold(top.max(high), f64::min);
        let inside = |value: &f64| *value >= low * (1.0 - 1e-9) && *value <= high * (1.0 + 1e-9);
        let ticks = all.iter().copied().filter(inside).map(|at| Tick { at, label: number(at) }).collect();
        let minor = (first..=last).flat_map(|e| (1..10).map(move |m| at(e, f64::from(m)))).filter(inside).collect();
        Self { name: name.into(), ticks, minor, grid: true, kind: Kind::Log, low, high }
    }

    /// A logarithmic axis with a tick at each of the given ascending values, all above 0, and a little room at both ends.
    pub(super) fn log_at(name: impl Into<String>, values: &[f64]) -> Self {
        let (low, high) = (values[0], values[values.len() - 1]);
        let room = libm::pow(high / low, 0.04).max(1.01);
        let ticks = thinned(values).map(|&at| Tick { at, label: number(at) }).collect();
        let (low, high) = (low / room, high * room);
        Self { name: name.into(), ticks, minor: values.to_vec(), grid: true, kind: Kind::Log, low, high }
    }

    /// A linear axis with a tick at each of the given ascending values, and a little room at both ends.
    pub(super) fn linear_at(name: impl Into<String>, values: &[f64]) -> Self {
        let (low, high) = opened(values[0], values[values.len() - 1]);
        let room = (high - low) * 0.04;
        let ticks = thinned(values).map(|&at| Tick { at, label: number(at) }).collect();
        let (low, high) = (low - room, high + room);
        Self { name: name.into(), ticks, minor: values.to_vec(), grid: true, kind: Kind::Linear, low, high }
    }

    /// Names in a row, at 0, 1, 2, …
    pub(super) fn categories(name: impl Into<String>, names: &[String]) -> Self {
        let ticks = names.iter().enumerate().map(|(at, label)| Tick { at: at as f64, label: label.clone() }).collect();
        let (low, high) = (-0.6, names.len().max(1) as f64 - 0.4);
        Self { name: name.into(), ticks, minor: Vec::new(), grid: false, kind: Kind::Linear, low, high }
    }

    /// Relabels a tick: for a value that stands for something else, such as 0 on a logarithmic axis.
    pub(super) fn relabel(&mut self, at: f64, label: &str) {
        self.ticks.retain(|tick| tick.at > at);
        self.minor.retain(|&value| value > at);
        self.ticks.insert(0, Tick { at, label: label.to_owned() });
    }

    /// Position of a value, from 0 to 1; values outside the range lie on its ends.
    pub(super) fn position(&self, value: f64) -> f64 {
        let position = match self.kind {
            Kind::Linear => (value - self.low) / (self.high - self.low),
            Kind::Log => libm::log(value.max(f64::MIN_POSITIVE) / self.low) / libm::log(self.high / self.low),
        };
        position.clamp(0.0, 1.0)
    }

    /// The smallest and the largest value.
    pub(super) fn range(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    fn steps(name: impl Into<String>, step: f64, first: i64, last: i64, unit: f64) -> Self {
        let last = last.max(first + 1);
        let decimals = decimals_of(step / unit);
        let label = |at: f64| plain(at / unit, decimals);
        let ticks = (first..=last).map(|index| index as f64 * step).map(|at| Tick { at, label: label(at) }).collect();
        let (low, high) = (first as f64 * step, last as f64 * step);
        Self { name: name.into(), ticks, minor: Vec::new(), grid: true, kind: Kind::Linear, low, high }
    }
}

/// A range that has a length.
fn opened(low: f64, high: f64) -> (f64, f64) {
    if high > low { (low, high) } else { (low, low + low.abs().max(1.0)) }
}

/// 1, 2 or 5 times a power of ten, so that `range` has at most about `ticks` steps.
pub(super) fn nice_step(range: f64, ticks: f64) -> f64 {
    let raw = range / ticks;
    let power = power_of_ten(libm::floor(libm::log10(raw)) as i32);
    let multiple = [1.0, 2.0, 5.0].into_iter().find(|multiple| multiple * power >= raw * (1.0 - 1e-9));
    multiple.unwrap_or(10.0) * power
}

/// Exact where a float can be: 10^-3 is 0.001, not 0.0010000000000000002.
fn power_of_ten(exponent: i32) -> f64 {
    let power = (0..exponent.unsigned_abs()).fold(1.0, |power, _| power * 10.0);
    if exponent < 0 { 1.0 / power } else { power }
}

/// Decimals that a multiple of `step` needs.
fn decimals_of(step: f64) -> usize {
    (0..9)
        .find(|&decimals| {
            let scaled = step * power_of_ten(decimals);
            (scaled - scaled.round()).abs() < 1e-6
        })
        .unwrap_or(9) as usize
}

/// At most twelve of the values, the last among them.
fn thinned(values: &[f64]) -> impl Iterator<Item = &f64> {
    let stride = values.len().div_ceil(12);
    let offset = (values.len() - 1) % stride;
    values.iter().skip(offset).step_by(stride)
}

/// A number with a fixed number of decimals, with a true minus and thin spaces between thousands from 10 000 on.
fn plain(value: f64, decimals: usize) -> String {
    let value = if value == 0.0 { 0.0 } else { value };
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && whole.len() > 4 && (whole.len() - index).is_multiple_of(3) {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}{rest}", if value < 0.0 { "\u{2212}" } else { "" })
}

/// A number on its own: as short as it can be, powers of ten from 10⁵ on as such, and three digits of one that does not end soon.
pub(super) fn number(value: f64) -> String {
    if value >= 1e5 {
        let exponent = libm::floor(libm::log10(value) + 1e-9) as i32;
        let multiple = value / power_of_ten(exponent);
        if (multiple - multiple.round()).abs() < 1e-9 && exponent % 3 != 0 || multiple == 1.0 {
            let power: String = exponent.to_string().chars().map(superscript).collect();
            return if multiple.round() == 1.0 { format!("10{power}") } else { format!("{}·10{power}", multiple.round()) };
        }
    }
    let decimals = decimals_of(value);
    if decimals > ENDLESS {
        let before_point = libm::floor(libm::log10(value.abs())) as i32 + 1;
        return plain(value, (3 - before_point).clamp(0, decimals as i32) as usize);
    }
    plain(value, decimals)
}

/// A number with more decimals than these is the like of a third.
const ENDLESS: usize = 5;

fn superscript(digit: char) -> char {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    digit.to_digit(10).map_or('⁻', |digit| DIGITS[digit as usize])
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let texts = [0.0, 0.5, 0.0125, 12.5, 1234.0, 1e5, 3e8].map(number);
        assert_eq!(texts, ["0", "0.5", "0.0125", "12.5", "1234", "10⁵", "3·10⁸"]);
        assert_eq!([1.0 / 600.0, 5.0 / 3.0, 100.0 / 3.0, 1000.0 / 3.0].map(number), ["0.00167", "1.67", "33.3", "333"]);
    }
}

//! A chart as a description: axes and what stands between them, in the units of the data.
//!
//! # Not here
//! Pixels and colours: `render` and `style`.

use super::scale::Axis;

/// One chart.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// File name without its extension.
    pub(super) name: String,
    /// What it shows, in a few words.
    pub(super) title: String,
    /// Of what exactly: sweep point, repetitions, what bands mean.
    pub(super) subtitle: String,
    /// Horizontal axis.
    pub(super) x: Axis,
    /// Vertical axis.
    pub(super) y: Axis,
    /// What is drawn, in this order.
    pub(super) marks: Vec<Mark>,
    /// What the pens mean.
    pub(super) legend: Vec<Entry>,
    /// Things of the timeline, by time.
    pub(super) events: Vec<EventMark>,
    /// Said in the middle of the plot instead of data.
    pub(super) no_data: Option<String>,
}

/// A thing of the timeline: a vertical line with a letter, explained below.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EventMark {
    /// Where on the horizontal axis.
    pub(super) x: f64,
    /// What happened.
    pub(super) text: String,
}

/// A line of the legend.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Index of the pen.
    pub(super) pen: usize,
    /// What it means.
    pub(super) label: String,
}

/// Something drawn between the axes.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Points joined by a line.
    Line {
        /// Index of the pen.
        pen: usize,
        /// The points, by x.
        points: Vec<(f64, f64)>,
        /// Which points have a marker.
        markers: Markers,
    },
    /// Points by themselves.
    Points {
        /// Index of the pen.
        pen: usize,
        /// The points.
        points: Vec<(f64, f64)>,
    },
    /// The area between two lines.
    Band {
        /// Index of the pen.
        pen: usize,
        /// (x, lower, upper), by x.
        points: Vec<(f64, f64, f64)>,
    },
    /// A whisker from `low` to `high` at `x`.
    Interval {
        /// Index of the pen.
        pen: usize,
        /// Where.
        x: f64,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// A lying box with whiskers: five quantiles and the mean, at the height `y`.
    Box {
        /// Index of the pen.
        pen: usize,
        /// Where.
        y: f64,
        /// Lower whisker, lower quartile, median, upper quartile, upper whisker.
        quantiles: [f64; 5],
        /// The mean.
        mean: f64,
    },
    /// A thin grey line, for reference.
    Reference {
        /// Its points.
        points: Vec<(f64, f64)>,
    },
}

/// Which points of a line have a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Markers {
    /// All.
    All,
    /// Some, spread evenly over the width.
    Some,
}

impl Figure {
    /// A figure with axes and nothing else.
    pub(super) fn new(name: impl Into<String>, title: impl Into<String>, subtitle: String, x: Axis, y: Axis) -> Self {
        Self {
            name: name.into(),
            title: title.into(),
            subtitle,
            x,
            y,
            marks: Vec::new(),
            legend: Vec::new(),
            events: Vec::new(),
            no_data: None,
        }
    }

    /// A figure that says why it is empty.
    pub(super) fn without_data(name: impl Into<String>, title: impl Into<String>, subtitle: String, why: &str) -> Self {
        let nothing = || {
            let mut axis = Axis::per_cent("");
            axis.ticks.clear();
            axis
        };
        let mut figure = Self::new(name, title, subtitle, nothing(), nothing());
        figure.no_data = Some(format!("no data: {why}"));
        figure
    }

    /// Adds a line of the legend.
    pub(super) fn entry(&mut self, pen: usize, label: impl Into<String>) {
        self.legend.push(Entry { pen, label: label.into() });
    }

    /// Adds a line.
    pub(super) fn line(&mut self, pen: usize, points: Vec<(f64, f64)>, markers: Markers) {
        self.marks.push(Mark::Line { pen, points, markers });
    }
}

//! From a figure to SVG: title above, axes around, legend and notes below. The height follows from what there is to say.
//!
//! # Not here
//! Data: a figure arrives complete.

use super::{
    ChartError,
    canvas::{Anchor, Canvas, Point, draw, text_width},
    figure::{EventMark, Figure, Mark, Markers},
    scale::Axis,
    style::{FAINT_INK, GRID, INK, Pen},
};

const WIDTH: f64 = 800.0;
const PLOT_HEIGHT: f64 = 370.0;
const MARGIN: f64 = 22.0;
const TITLE: f64 = 18.0;
const TEXT: f64 = 12.5;
const SMALL: f64 = 12.0;
const LINE_HEIGHT: f64 = 19.0;
const LINE: f64 = 1.9;
const MARKER: f64 = 8.0;
/// Of points that no line joins.
const SMALL_MARKER: f64 = 4.5;
/// Room for the names at the vertical axis, at most.
const NAMES: f64 = 330.0;
/// Length of a line in the legend.
const SAMPLE: f64 = 46.0;
/// Room between two columns of the legend.
const GAP: f64 = 18.0;
/// Distance in pixels between markers of a line that has some.
const MARKER_GAP: f64 = 90.0;

/// The plot's frame and everything's place around it.
struct Layout {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    subtitle: Vec<String>,
    events_y: f64,
    x_name_y: f64,
    legend_y: f64,
    legend_columns: usize,
    legend_column: f64,
    notes_y: f64,
    notes: Vec<String>,
    height: f64,
}

/// The figure as an SVG document.
pub(super) fn svg(figure: &Figure) -> Result<String, ChartError> {
    let layout = Layout::of(figure);
    draw(&figure.name, (WIDTH as u32, layout.height.ceil() as u32), |canvas| {
        let painter = Painter { figure, layout: &layout, canvas };
        painter.title()?;
        painter.axes()?;
        painter.events()?;
        figure.marks.iter().try_for_each(|mark| painter.mark(mark))?;
        painter.frame()?;
        painter.legend()?;
        painter.notes()
    })
}

impl Layout {
    fn of(figure: &Figure) -> Self {
        let widest = figure.y.ticks.iter().map(|tick| text_width(&tick.label, SMALL)).fold(0.0, f64::max);
        let name = if figure.y.name.is_empty() { 0.0 } else { 24.0 };
        let left = MARGIN + name + widest.min(NAMES) + 12.0;
        let right = WIDTH - MARGIN - 10.0;
        let subtitle = wrap(&figure.subtitle, WIDTH - 2.0 * MARGIN, SMALL);
        let mut top = 36.0 + subtitle.len() as f64 * 17.0 + 14.0;
        let events_y = top + 4.0;
        if !figure.events.is_empty() {
            top += 18.0;
        }
        let bottom = top + if figure.no_data.is_some() { 160.0 } else { PLOT_HEIGHT };
        let x_name_y = bottom + 40.0;
        let legend_y = if figure.no_data.is_some() { bottom } else { x_name_y + 28.0 };
        let entry = figure.legend.iter().map(|entry| text_width(&entry.label, TEXT)).fold(0.0, f64::max);
        let legend_column = SAMPLE + 10.0 + entry + GAP;
        let legend_columns = (((WIDTH - 2.0 * MARGIN + GAP) / legend_column) as usize).clamp(1, figure.legend.len().max(1));
        let legend_rows = figure.legend.len().div_ceil(legend_columns);
        // Full rows of equal length rather than one long row and one short one.
        let legend_columns = figure.legend.len().div_ceil(legend_rows.max(1)).max(1);
        let notes_y = legend_y + legend_rows as f64 * LINE_HEIGHT + if legend_rows > 0 { 6.0 } else { 0.0 };
        let notes: Vec<String> = letters(&figure.events)
            .flat_map(|(letter, event)| wrap(&format!("{letter}: {}", event.text), WIDTH - 2.0 * MARGIN, SMALL))
            .collect();
        let height = notes_y + notes.len() as f64 * 17.0 + 8.0;
        Self { left, right, top, bottom, subtitle, events_y, x_name_y, legend_y, legend_columns, legend_column, notes_y, notes, height }
    }
}

/// Events with the letters that stand for them: A to Z, then a to z, then a dot.
fn letters(events: &[EventMark]) -> impl Iterator<Item = (char, &EventMark)> {
    ('A'..='Z').chain('a'..='z').chain(std::iter::repeat('·')).zip(events)
}

struct Painter<'a, 'c> {
    figure: &'a Figure,
    layout: &'a Layout,
    canvas: &'a Canvas<'c>,
}

type Painted = Result<(), ChartError>;

impl Painter<'_, '_> {
    fn title(&self) -> Painted {
        self.canvas.text(&self.figure.title, (MARGIN, 24.0), Anchor::Left, TITLE, INK)?;
        for (index, line) in self.layout.subtitle.iter().enumerate() {
            self.canvas.text(line, (MARGIN, 46.0 + index as f64 * 17.0), Anchor::Left, SMALL, FAINT_INK)?;
        }
        Ok(())
    }

    fn axes(&self) -> Painted {
        let Layout { left, right, top, bottom, x_name_y, .. } = *self.layout;
        if let Some(why) = &self.figure.no_data {
            return self.canvas.text(why, (f64::midpoint(left, right), f64::midpoint(top, bottom)), Anchor::Middle, 15.0, FAINT_INK);
        }
        let (x_axis, y_axis) = (&self.figure.x, &self.figure.y);
        for tick in &y_axis.ticks {
            let y = self.y(tick.at);
            if y_axis.grid {
                self.canvas.line(&[(left, y), (right, y)], GRID, 1.0)?;
            }
            self.canvas.line(&[(left - 5.0, y), (left, y)], INK, 1.0)?;
            self.canvas.text(&fitted(&tick.label, NAMES, SMALL), (left - 9.0, y), Anchor::Right, SMALL, INK)?;
        }
        for tick in &x_axis.ticks {
            let x = self.x(tick.at);
            if x_axis.grid {
                self.canvas.line(&[(x, top), (x, bottom)], GRID, 1.0)?;
            }
            self.canvas.line(&[(x, bottom), (x, bottom + 5.0)], INK, 1.0)?;
        }
        for &value in &x_axis.minor {
            self.canvas.line(&[(self.x(value), bottom), (self.x(value), bottom + 3.0)], INK, 0.7)?;
        }
        for &value in &y_axis.minor {
            self.canvas.line(&[(left - 3.0, self.y(value)), (left, self.y(value))], INK, 0.7)?;
        }
        self.x_labels()?;
        self.canvas.text(&x_axis.name, (f64::midpoint(left, right), x_name_y), Anchor::Middle, TEXT, INK)?;
        self.canvas.text(&y_axis.name, (MARGIN, f64::midpoint(top, bottom)), Anchor::Upwards, TEXT, INK)
    }

    /// Labels that would touch the one before are left out; the tick stays.
    fn x_labels(&self) -> Painted {
        let mut free_from = f64::NEG_INFINITY;
        for tick in &self.figure.x.ticks {
            let (x, half) = (self.x(tick.at), text_width(&tick.label, SMALL) / 2.0);
            if x - half < free_from {
                continue;
            }
            free_from = x + half + 6.0;
            self.canvas.text(&tick.label, (x, self.layout.bottom + 10.0), Anchor::Top, SMALL, INK)?;
        }
        Ok(())
    }

    /// Vertical lines with letters above the frame; letters that would touch move aside along the row.
    fn events(&self) -> Painted {
        let Layout { top, bottom, events_y, right, .. } = *self.layout;
        let mut free_from = f64::NEG_INFINITY;
        for (letter, event) in letters(&self.figure.events) {
            let x = self.x(event.x);
            self.canvas.dashed(&[(x, top), (x, bottom)], &[3.0, 3.0], FAINT_INK, 1.0)?;
            let place = x.max(free_from).min(right + 16.0);
            free_from = place + 12.0;
            self.canvas.text(&letter.to_string(), (place, events_y + 4.0), Anchor::Middle, SMALL, INK)?;
        }
        Ok(())
    }

    fn mark(&self, mark: &Mark) -> Painted {
        match mark {
            Mark::Line { pen, points, markers } => self.curve(*pen, points, *markers),
            Mark::Points { pen, points } => {
                points.iter().try_for_each(|&(x, y)| self.canvas.marker(&Pen::of(*pen), self.at(x, y), SMALL_MARKER))
            }
            Mark::Band { pen, points } => {
                let upper = points.iter().map(|&(x, _, high)| self.at(x, high));
                let lower = points.iter().rev().map(|&(x, low, _)| self.at(x, low));
                self.canvas.area(&upper.chain(lower).collect::<Vec<_>>(), Pen::of(*pen).colour, 0.16)
            }
            Mark::Interval { pen, x, low, high } => self.whisker(*pen, *x, *low, *high),
            Mark::Box { pen, y, quantiles, mean } => self.lying_box(*pen, *y, quantiles, *mean),
            Mark::Reference { points } => {
                let points: Vec<Point> = points.iter().map(|&(x, y)| self.at(x, y)).collect();
                self.canvas.dashed(&points, &[4.0, 4.0], FAINT_INK, 1.0)
            }
        }
    }

    fn curve(&self, pen: usize, points: &[(f64, f64)], markers: Markers) -> Painted {
        let style = Pen::of(pen);
        let places: Vec<Point> = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.canvas.dashed(&places, style.dash, style.colour, LINE)?;
        match markers {
            Markers::All => places.iter().try_for_each(|&place| self.canvas.marker(&style, place, MARKER)),
            Markers::Some => {
                // Each pen begins elsewhere, so that the markers of lines that coincide are all seen.
                let offset = (pen % 8) as f64 / 8.0 * MARKER_GAP;
                let first = self.layout.left + 12.0 + offset;
                let stops = (0..).map(|index| first + f64::from(index) * MARKER_GAP).take_while(|&x| x < self.layout.right);
                stops.filter_map(|x| along(&places, x)).try_for_each(|place| self.canvas.marker(&style, place, MARKER))
            }
        }
    }

    fn whisker(&self, pen: usize, x: f64, low: f64, high: f64) -> Painted {
        let colour = Pen::of(pen).colour;
        let ((x, low), (_, high)) = (self.at(x, low), self.at(x, high));
        for (from, to) in [((x, low), (x, high)), ((x - 4.0, low), (x + 4.0, low)), ((x - 4.0, high), (x + 4.0, high))] {
            self.canvas.line(&[from, to], colour, 1.2)?;
        }
        Ok(())
    }

    fn lying_box(&self, pen: usize, y: f64, quantiles: &[f64; 5], mean: f64) -> Painted {
        let style = Pen::of(pen);
        let [low, q1, median, q3, high] = quantiles.map(|value| self.x(value));
        let y = self.y(y);
        let lane = (self.layout.bottom - self.layout.top) / self.figure.y.ticks.len().max(1) as f64;
        let half = (lane * 0.28).min(20.0);
        let outline = [(q1, y - half), (q3, y - half), (q3, y + half), (q1, y + half), (q1, y - half)];
        self.canvas.area(&outline, style.colour, 0.22)?;
        self.canvas.line(&outline, style.colour, 1.4)?;
        for (from, to) in [(low, q1), (q3, high)] {
            self.canvas.line(&[(from, y), (to, y)], style.colour, 1.4)?;
        }
        for end in [low, high] {
            self.canvas.line(&[(end, y - half * 0.5), (end, y + half * 0.5)], style.colour, 1.4)?;
        }
        self.canvas.line(&[(median, y - half), (median, y + half)], style.colour, 3.0)?;
        self.canvas.circle((self.x(mean), y), 4.6, plotters::style::WHITE)?;
        self.canvas.circle((self.x(mean), y), 3.4, INK)
    }

    fn frame(&self) -> Painted {
        let Layout { left, right, top, bottom, .. } = *self.layout;
        let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        if self.figure.no_data.is_some() {
            return self.canvas.line(&frame, GRID, 1.0);
        }
        self.canvas.line(&frame, INK, 1.0)
    }

    fn legend(&self) -> Painted {
        let Layout { legend_y, legend_columns, legend_column, .. } = *self.layout;
        let width = legend_columns as f64 * legend_column - GAP;
        let start = ((WIDTH - width) / 2.0).max(MARGIN);
        for (index, entry) in self.figure.legend.iter().enumerate() {
            let x = start + (index % legend_columns) as f64 * legend_column;
            let y = legend_y + (index / legend_columns) as f64 * LINE_HEIGHT;
            let pen = Pen::of(entry.pen);
            self.canvas.dashed(&[(x, y), (x + SAMPLE, y)], pen.dash, pen.colour, LINE)?;
            self.canvas.marker(&pen, (x + SAMPLE / 2.0, y), MARKER)?;
            let room = WIDTH - MARGIN - x - SAMPLE - 10.0;
            self.canvas.text(&fitted(&entry.label, room, TEXT), (x + SAMPLE + 10.0, y), Anchor::Left, TEXT, INK)?;
        }
        Ok(())
    }

    fn notes(&self) -> Painted {
        for (index, note) in self.layout.notes.iter().enumerate() {
            let y = self.layout.notes_y + index as f64 * 17.0;
            self.canvas.text(note, (MARGIN, y), Anchor::Left, SMALL, FAINT_INK)?;
        }
        Ok(())
    }

    fn x(&self, value: f64) -> f64 {
        place(&self.figure.x, value, self.layout.left, self.layout.right)
    }

    fn y(&self, value: f64) -> f64 {
        place(&self.figure.y, value, self.layout.bottom, self.layout.top)
    }

    fn at(&self, x: f64, y: f64) -> Point {
        (self.x(x), self.y(y))
    }
}

fn place(axis: &Axis, value: f64, from: f64, to: f64) -> f64 {
    from + axis.position(value) * (to - from)
}

/// The point of a line at the horizontal place `x`, if the line reaches there.
fn along(line: &[Point], x: f64) -> Option<Point> {
    let pair = line.windows(2).find(|pair| pair[0].0 <= x && x <= pair[1].0)?;
    let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
    let part = if x1 > x0 { (x - x0) / (x1 - x0) } else { 0.0 };
    Some((x, y0 + (y1 - y0) * part))
}

/// A text cut to a width, with an ellipsis.
fn fitted(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if text_width(&short, size) + text_width("m…", size) > width {
            break;
        }
        short.push(letter);
    }
    short + "…"
}

/// Breaks a text into lines at its spaces. Empty text: no line.
fn wrap(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + size <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

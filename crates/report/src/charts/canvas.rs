//! Strokes, areas and text on an SVG drawing, in pixels with fractions.
//!
//! plotters counts in whole pixels, which makes curves ragged. So the drawing is made `FINE` times as large, and its `viewBox`
//! brings it back to size.
//!
//! # Not here
//! What is drawn where: `render`.

use super::{
    ChartError,
    style::{Marker, Pen},
};
use plotters::{
    coord::Shift,
    prelude::*,
    style::{
        FontTransform,
        text_anchor::{HPos, Pos, VPos},
    },
};

/// Steps in a pixel.
const FINE: f64 = 8.0;

/// The fonts that readers may have; the first is the one in this crate.
const FONT_FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// plotters writes a font size divided by this.
const FONT_SIZE_DIVISOR: f64 = 1.24;

/// A place on the canvas, in pixels from the upper left corner.
pub(super) type Point = (f64, f64);

/// Where a text stands relative to its place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// Begins there, centred vertically.
    Left,
    /// Ends there, centred vertically.
    Right,
    /// Centred both ways.
    Middle,
    /// Centred, with its top there.
    Top,
    /// Centred both ways, reading upwards.
    Upwards,
}

/// An SVG drawing under way.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    chart: &'a str,
}

/// Draws an SVG of the given size in pixels.
pub(super) fn draw(
    chart: &str,
    (width, height): (u32, u32),
    paint: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    let fine = FINE as u32;
    {
        let area = SVGBackend::with_string(&mut svg, (width * fine, height * fine)).into_drawing_area();
        let canvas = Canvas { area, chart };
        canvas.done(canvas.area.fill(&WHITE))?;
        paint(&canvas)?;
        canvas.done(canvas.area.present())?;
    }
    let large = format!("width=\"{}\" height=\"{}\" viewBox", width * fine, height * fine);
    Ok(svg.replacen(&large, &format!("width=\"{width}\" height=\"{height}\" viewBox"), 1))
}

impl Canvas<'_> {
    /// A line through the points, `width` pixels wide.
    pub(super) fn line(&self, points: &[Point], colour: RGBColor, width: f64) -> Result<(), ChartError> {
        let points: Vec<_> = points.iter().map(fine).collect();
        self.done(self.area.draw(&PathElement::new(points, colour.stroke_width((width * FINE) as u32))))
    }

    /// A line through the points with dashes and gaps of the given lengths.
    pub(super) fn dashed(&self, points: &[Point], dash: &[f64], colour: RGBColor, width: f64) -> Result<(), ChartError> {
        if dash.is_empty() {
            return self.line(points, colour, width);
        }
        dashes(points, dash).iter().try_for_each(|piece| self.line(piece, colour, width))
    }

    /// A filled area.
    pub(super) fn area(&self, outline: &[Point], colour: RGBColor, opacity: f64) -> Result<(), ChartError> {
        let points: Vec<_> = outline.iter().map(fine).collect();
        self.done(self.area.draw(&Polygon::new(points, colour.mix(opacity).filled())))
    }

    /// A pen's marker, about `size` pixels across.
    pub(super) fn marker(&self, pen: &Pen, at: Point, size: f64) -> Result<(), ChartError> {
        let (x, y) = at;
        let r = size / 2.0;
        let colour = pen.colour;
        let polygon = |corners: &[Point]| {
            let corners: Vec<Point> = corners.iter().map(|(dx, dy)| (x + dx * r, y + dy * r)).collect();
            self.area(&corners, colour, 1.0)
        };
        let stroke = |dx: f64, dy: f64| self.line(&[(x - dx * r, y - dy * r), (x + dx * r, y + dy * r)], colour, 1.6);
        match pen.marker {
            Marker::Circle => self.circle(at, r, colour),
            Marker::Square => polygon(&[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)]),
            Marker::Triangle => polygon(&[(0.0, -1.1), (1.05, 0.85), (-1.05, 0.85)]),
            Marker::TriangleDown => polygon(&[(0.0, 1.1), (1.05, -0.85), (-1.05, -0.85)]),
            Marker::Diamond => polygon(&[(0.0, -1.25), (1.05, 0.0), (0.0, 1.25), (-1.05, 0.0)]),
            Marker::Cross => stroke(0.9, 0.9).and_then(|()| stroke(0.9, -0.9)),
            Marker::Plus => stroke(1.15, 0.0).and_then(|()| stroke(0.0, 1.15)),
            Marker::Ring => self.circle(at, r, colour).and_then(|()| self.circle(at, r * 0.55, WHITE)),
        }
    }

    /// A filled circle.
    pub(super) fn circle(&self, at: Point, radius: f64, colour: RGBColor) -> Result<(), ChartError> {
        self.done(self.area.draw(&Circle::new(fine(&at), (radius * FINE) as i32, colour.filled())))
    }

    /// A text of `size` pixels.
    pub(super) fn text(&self, text: &str, at: Point, anchor: Anchor, size: f64, colour: RGBColor) -> Result<(), ChartError> {
        let (horizontal, vertical) = match anchor {
            Anchor::Left => (HPos::Left, VPos::Center),
            Anchor::Right => (HPos::Right, VPos::Center),
            Anchor::Middle | Anchor::Upwards => (HPos::Center, VPos::Center),
            Anchor::Top => (HPos::Center, VPos::Top),
        };
        let turn = if matches!(anchor, Anchor::Upwards) { FontTransform::Rotate270 } else { FontTransform::None };
        let font = (FONT_FAMILY, size * FONT_SIZE_DIVISOR * FINE).into_font().transform(turn);
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, vertical));
        self.done(self.area.draw(&Text::new(text.to_owned(), fine(&at), style)))
    }

    fn done<E: std::fmt::Display>(&self, result: Result<(), E>) -> Result<(), ChartError> {
        result.map_err(|error| ChartError::Draw { chart: self.chart.to_owned(), reason: error.to_string() })
    }
}

fn fine(point: &Point) -> (i32, i32) {
    ((point.0 * FINE).round() as i32, (point.1 * FINE).round() as i32)
}

/// Cuts a line into dashes: lengths of dash and gap in turn, measured along the line.
fn dashes(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    let mut pieces = Vec::new();
    let (mut index, mut left) = (0, pattern[0]);
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        let mut rest = libm::hypot(to_x - x, to_y - y);
        while rest > left {
            let part = left / rest;
            (x, y) = (x + (to_x - x) * part, y + (to_y - y) * part);
            rest -= left;
            if index % 2 == 0 {
                piece.push((x, y));
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![(x, y)];
            }
            index = (index + 1) % pattern.len();
            left = pattern[index];
        }
        left -= rest;
        if index % 2 == 0 {
            piece.push((to_x, to_y));
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

/// Width of a text of `size` pixels in DejaVu Sans, the widest of the fonts: its own widths, rounded up, by kinds of letters.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let ems = |letter: char| match letter {
        '\u{2009}' => 0.2,
        'i' | 'j' | 'l' | '\'' | '|' | 'I' => 0.30,
        ' ' | '.' | ',' | ':' | ';' | 'f' | '-' | '/' => 0.36,
        't' | 'r' | '(' | ')' => 0.42,
        'c' | 's' | 'z' | 'k' | 'v' | 'x' | 'y' => 0.60,
        'A'..='L' | 'N'..='V' | 'X'..='Z' => 0.75,
        'w' | '=' | '−' | '±' | '~' | '+' => 0.84,
        'm' | 'M' | 'W' | '%' | '@' | '…' => 1.0,
        _ => 0.64,
    };
    text.chars().map(ems).sum::<f64>() * size
}

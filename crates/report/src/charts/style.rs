//! Colours, dashes and markers: what tells one line from another, on a screen, in grey, and to colour-blind eyes.
//!
//! Colours: Okabe and Ito, *Color Universal Design* (2008), ordered so that neighbours differ in lightness as well.
//!
//! # Not here
//! Sizes and places: `render` has them.

use plotters::style::RGBColor;

/// Text, frame and ticks.
pub(super) const INK: RGBColor = RGBColor(34, 34, 34);
/// Subtitles and notes.
pub(super) const FAINT_INK: RGBColor = RGBColor(85, 85, 85);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(226, 226, 226);

const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 114, 178),   // blue
    RGBColor(213, 94, 0),    // vermilion
    RGBColor(0, 158, 115),   // bluish green
    RGBColor(204, 121, 167), // reddish purple
    RGBColor(0, 0, 0),       // black
    RGBColor(86, 180, 233),  // sky blue
    RGBColor(230, 159, 0),   // orange
    // The palette's yellow (240, 228, 66) cannot be seen as a thin line on white: darkened.
    RGBColor(178, 163, 0),
];

/// Lengths of dash and gap in turn, in pixels; empty: solid.
const DASHES: [&[f64]; 8] =
    [&[], &[9.0, 4.0], &[2.5, 3.0], &[9.0, 3.0, 2.5, 3.0], &[16.0, 4.0], &[5.0, 3.0], &[14.0, 3.0, 2.5, 3.0, 2.5, 3.0], &[2.5, 6.0]];

/// The shape that marks points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// Filled circle.
    Circle,
    /// Filled square.
    Square,
    /// Filled triangle, tip up.
    Triangle,
    /// Filled diamond.
    Diamond,
    /// Filled triangle, tip down.
    TriangleDown,
    /// Two crossed strokes.
    Cross,
    /// A ring.
    Ring,
    /// Upright cross.
    Plus,
}

const MARKERS: [Marker; 8] =
    [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond, Marker::TriangleDown, Marker::Cross, Marker::Ring, Marker::Plus];

/// How the lines of one topology look, in every chart alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen {
    /// Colour of line, markers and band.
    pub(super) colour: RGBColor,
    /// Lengths of dash and gap in turn, in pixels; empty: solid.
    pub(super) dash: &'static [f64],
    /// Marker on the line.
    pub(super) marker: Marker,
}

impl Pen {
    /// The pen of the topology with this index; beyond eight, colours come again with other dashes and markers.
    pub(super) fn of(index: usize) -> Self {
        let round = index / COLOURS.len();
        Self {
            colour: COLOURS[index % COLOURS.len()],
            dash: DASHES[(index + 3 * round) % DASHES.len()],
            marker: MARKERS[(index + 3 * round) % MARKERS.len()],
        }
    }
}

//! SVG to PNG, with the font that this crate brings: the same bytes on a machine without any fonts.
//!
//! # Not here
//! Fonts of the machine: they are never looked at.

use super::ChartError;
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Pixels of the PNG per pixel of the SVG.
const ZOOM: f32 = 2.0;

/// DejaVu Sans; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../fonts/DejaVuSans.ttf");

/// Renders charts as PNG.
pub(super) struct Rasteriser {
    options: usvg::Options<'static>,
}

impl Rasteriser {
    pub(super) fn new() -> Self {
        let mut fonts = usvg::fontdb::Database::new();
        fonts.load_font_data(FONT.to_vec());
        fonts.set_sans_serif_family("DejaVu Sans");
        Self { options: usvg::Options { fontdb: Arc::new(fonts), ..usvg::Options::default() } }
    }

    /// The picture of an SVG, at twice its size.
    pub(super) fn png(&self, chart: &str, svg: &str) -> Result<Vec<u8>, ChartError> {
        let failed = |reason: String| ChartError::Draw { chart: chart.to_owned(), reason };
        let tree = usvg::Tree::from_str(svg, &self.options).map_err(|error| failed(error.to_string()))?;
        let size = tree.size();
        let (width, height) = ((size.width() * ZOOM).ceil() as u32, (size.height() * ZOOM).ceil() as u32);
        let mut pixels = tiny_skia::Pixmap::new(width, height).ok_or_else(|| failed("the chart has no size".into()))?;
        resvg::render(&tree, tiny_skia::Transform::from_scale(ZOOM, ZOOM), &mut pixels.as_mut());
        pixels.encode_png().map_err(|error| failed(error.to_string()))
    }
}

//! Charts for a paper or a slide, from the CSV files of a results directory alone.
//!
//! Claimed: the same CSV gives the same bytes; every chart says in its subtitle what is shown; legends lie below the plot and hide
//! nothing; colours are Okabe and Ito's (2008), and dashes and markers tell the lines apart in grey print. A chart without data says
//! so, or is left out where its table is empty: it never fails.
//!
//! Where parameters are swept, the charts that are not about the sweep show its last point.
//!
//! Each chart is a function from rows to a `figure::Figure`; `render` makes SVG of it with plotters, `raster` PNG with resvg.
//!
//! # Cost
//! One pass over each file. Of lookups only histograms are kept; of peers one run's counts. The rest is small.
//!
//! # Not here
//! Tables of numbers (`human`) and the page around the charts.

mod canvas;
mod downloads;
mod figure;
mod hops;
mod load;
mod lookups;
mod raster;
mod render;
mod scale;
mod slice;
mod style;
mod sweep;
mod time;
mod trade;

use crate::tables::TableError;
use figure::Figure;
use slice::Slice;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Why charts could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// A table could not be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A chart could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The chart's file, or the directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A chart could not be turned into a picture.
    #[error("cannot draw the chart `{chart}`: {reason}")]
    Draw {
        /// The chart's name.
        chart: String,
        /// What the drawing library said.
        reason: String,
    },
}

/// Draws every chart that the results in `directory` have data for, as `charts/<name>.svg` and `.png` there.
///
/// Returns the files written, in the order in which a reader would look at them.
pub fn draw_all(directory: &Path) -> Result<Vec<PathBuf>, ChartError> {
    let figures = figures(directory)?;
    let charts = directory.join("charts");
    let written = |path: &Path| {
        let path = path.to_owned();
        move |source| ChartError::Write { path, source }
    };
    fs::create_dir_all(&charts).map_err(written(&charts))?;
    let rasteriser = raster::Rasteriser::new();
    let mut paths = Vec::new();
    for figure in &figures {
        let svg = render::svg(figure)?;
        let png = rasteriser.png(&figure.name, &svg)?;
        for (extension, bytes) in [("svg", svg.as_bytes()), ("png", &png)] {
            let path = charts.join(format!("{}.{extension}", figure.name));
            fs::write(&path, bytes).map_err(written(&path))?;
            paths.push(path);
        }
    }
    Ok(paths)
}

/// All figures, in a reader's order: what the sweep shows first, since it is what was asked.
fn figures(directory: &Path) -> Result<Vec<Figure>, ChartError> {
    let slice = Slice::of(directory)?;
    let mut figures = sweep::figures(directory, &slice)?;
    figures.extend(trade::figure(directory, &slice)?);
    figures.extend(hops::figures(directory, &slice)?);
    figures.extend(lookups::figures(directory, &slice)?);
    figures.extend(downloads::figures(directory, &slice)?);
    figures.extend(time::figures(directory, &slice)?);
    figures.extend(load::figure(directory, &slice)?);
    Ok(figures)
}

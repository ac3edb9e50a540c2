//! `sim plot`: the charts again, from the CSV files alone.

use peerlab_report::charts;
use peerlab_report::directory::{Standing, standing};

use crate::args::PlotArgs;
use crate::failure::Failure;
use crate::output::print;

pub(crate) fn plot(arguments: &PlotArgs) -> Result<(), Failure> {
    // All are looked at before the first is drawn.
    for directory in &arguments.results {
        match standing(directory)? {
            Standing::Ours => {}
            Standing::Absent => return Err(Failure::input(format_args!("there is no directory {}", directory.display()))),
            Standing::Empty | Standing::Foreign => {
                return Err(Failure::input(format_args!("{} is not a results directory that sim wrote", directory.display())));
            }
        }
    }
    for directory in &arguments.results {
        for path in charts::draw_all(directory)? {
            print(&format!("{}\n", path.display()))?;
        }
    }
    Ok(())
}

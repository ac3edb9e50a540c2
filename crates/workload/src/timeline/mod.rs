//! The timeline of faults and loads.

mod check;
mod config;
mod select;

pub use config::{Action, Direction, EventConfig, Select};
pub use select::View;

//! What becomes of runs: the results directory, its tables, their statistics, and the charts.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`tables`] | what a row of each CSV file is, written and read |
//! | [`directory`] | how results get to their place without ever destroying anything |
//! | [`statistics`] | what a few repetitions allow one to say |
//! | [`aggregate`] | metrics over repetitions |
//! | [`charts`] | what the results look like |
//! | [`human`] | what a person reads on the terminal |
//!
//! # Not here
//! Simulating. Everything after the tables is made from the CSV files alone: results can be redrawn without the run.

pub mod aggregate;
pub mod charts;
pub mod directory;
pub mod human;
pub mod statistics;
pub mod tables;

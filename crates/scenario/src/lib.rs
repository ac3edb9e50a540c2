//! From the text of a scenario to the list of its runs.
//!
//! | module | question it answers |
//! | --- | --- |
//! | [`document`] | what stands where in the TOML text, and what `--set` makes of it |
//! | [`schema`] | which keys there are, and which of the document's are wrong |
//! | [`diagnostic`] | how a problem is shown |
//! | [`file`](ScenarioFile) | which Rust types the keys become |
//! | [`Loader`] | the way through: text → overrides → grid of variants → checked [`Scenario`] |
//! | [`Validation`] | which published figures the results are compared with |
//! | [`RunPlan`], [`Estimate`] | what is to be run, and what it will take |
//!
//! Claimed: all problems of a file are reported at once, each with its place; the resolved text loads to the same scenario.
//!
//! # Not here
//! Running anything, and reading the data files that a scenario names (their presence is checked, and their bytes are hashed).

mod claim;
pub mod diagnostic;
pub mod document;
mod estimate;
mod file;
mod load;
mod nearest;
mod plan;
mod point;
mod resolved;
mod scenario;
pub mod schema;
mod spots;
mod sweep;
mod validation;

pub use claim::{Best, Claim, ClaimFigure, Contrast, Phrase};
pub use estimate::{Estimate, available_memory};
pub use file::{LookupRows, OutputConfig, ScenarioFile};
pub use load::{Loader, ScenarioError};
pub use nearest::{did_you_mean, list, nearest};
pub use plan::RunPlan;
pub use scenario::{Axis, Point, Scenario, TopologyEntry};
pub use spots::Spot;
pub use validation::{Figure, HOP_SHARE, Mark, Validation, data_files};

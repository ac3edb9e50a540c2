//! Whole runs: determinism, conservation, the judge, and what the models must agree with.

mod determinism;
mod support;
mod agreement;
mod golden;
mod judge;

//! Whole runs: determinism, conservation, the judge, and what the models must agree with.

mod agreement;
mod allocation;
mod determinism;
mod golden;
mod graph;
mod judge;
mod storage;
mod support;
mod virtual_nodes;

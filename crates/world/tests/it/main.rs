//! Whole runs: determinism, conservation, the judge, and what the models must agree with.

mod adversaries;
mod agreement;
mod allocation;
mod determinism;
mod downloads;
mod golden;
mod graph;
mod identifiers;
mod judge;
mod rumours;
mod storage;
mod support;
mod sybils;
mod timeline;
mod timeouts;
mod virtual_nodes;

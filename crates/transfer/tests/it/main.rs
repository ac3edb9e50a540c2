//! Agents among each other: over links of their own, without an overlay.

mod harness;
mod polluters;
mod streams;
mod swarm;

//! What the engine promises, held against a naive queue, one rule at a time, and against fixed values.

mod allocation;
mod fingerprint;
mod oracle;
mod panics;
mod parcels;
mod randomness;
mod stage;
mod toy;
mod windows;

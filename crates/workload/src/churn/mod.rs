//! Churn: when hosts are online.

mod config;
mod lifetimes;
mod trace;

pub use config::{ChurnConfig, Diurnal, Identity};
pub use lifetimes::{Lifetimes, Phase};
pub use trace::{Trace, TraceError};

//! The workload against closed forms and brute force.

mod churn;
mod config;
mod content;
mod questions;
mod sampler;
mod support;
mod timeline;
mod traces;
mod words;

//! The network against closed forms, measured data and bad files.

mod config;
mod files;
mod latency;
mod links;
mod regions;
mod rules;
mod support;

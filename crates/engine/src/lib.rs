//! The engine of Peerlab: virtual time, the order of events, the queue, shards, random streams, the digest.
//!
//! It knows no peer-to-peer, no file and no clock. What it drives are *actors*, numbered from 0, that exchange messages and
//! set timers; which actor does what is the [`Shard`]'s business.
//!
//! # What is claimed
//! A run's result depends on its events and their keys ([`EventKey`]) alone: not on how many shards (threads) share the
//! actors, nor on where a window begins.
//!
//! # Why it is fast
//! Delay is never zero. Within one window of the smallest delay, no actor can reach another one, so most of a window's events may come in any
//! order: like after like, which a processor guesses well, with the next actors' state already on its way from memory; and several threads may take
//! their own actors.
//!
//! # Not here
//! Global state. A [`Controller`] sees all shards, but only between windows.

pub mod digest;
pub mod key;
mod lane;
mod opened;
pub mod random;
mod run;
pub mod time;
mod wheel;

pub use key::EventKey;
pub use lane::{Carried, Outbox, Shard};
pub use run::{Controller, Progress, Schedule, Shards, run};
pub use wheel::put;

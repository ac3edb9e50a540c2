//! The underlay: how long a message takes, whether it arrives, and what the access links and peers on its way make of it.
//!
//! - [`NetworkConfig`]: the `[network]` table;
//! - [`Network::carry`]: what becomes of one message, a pure function of the configuration, the [`Rules`] in force and the
//!   message's own key, so that the order in which anybody asks cannot matter;
//! - [`Link`] and [`Capacity`]: small queues at the hosts, whose states belong to whoever owns the hosts.
//!
//! # Claims
//! Every delay is at least [`Network::min_delay`], which is above zero: time can be cut into windows of that length. Rules only
//! drop messages or slow them down. The mean over all pairs of a `euclidean` network is the `mean` that was asked for, in
//! expectation; a `matrix` comes out with its own quantiles, exactly where there are as many hosts as rows.
//!
//! # Cost
//! `carry`: one keyed draw (three multiplications), two more if there is loss, and the host data: nothing for `constant` and
//! `uniform`, 8 or 12 bytes a host for points, 2 bytes a host and 4 an entry for a matrix, also for that of the
//! routers of `transit-stub`. No allocation.
//!
//! # Not here
//! Routers, cross traffic, congestion inside the network: hosts' own links are the bottleneck, as measurements of file sharing found.

mod config;
mod error;
mod link;
mod matrix;
mod network;
mod points;
mod regions;
mod rules;
mod transit_stub;

pub use config::{Latency, MatrixUnit, Missing, NetworkConfig};
pub use error::NetworkError;
pub use link::{Capacity, CapacityState, Link, LinkState};
pub use network::{Network, Verdict};
pub use rules::{HostSet, Rule, Rules, Whose};

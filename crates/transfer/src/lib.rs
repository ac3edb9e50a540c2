//! Moving the content itself: downloads from one source or many, over access links that have limits.
//!
//! - [`DownloadConfig`]: the `[download]` table;
//! - [`StreamConfig`]: the `[stream]` table, [`Playback`]: what a viewer saw of a download;
//! - [`Plan`]: what all hosts of a run know of it; [`Layout`]: an item as pieces and blocks;
//! - [`Agent`]: one host's side of all its transfers, a state machine that sees [`TransferMessage`]s and a [`Port`], nothing else;
//! - [`Download`]: what became of one download.
//!
//! All methods (`swarm`, `multi-source`, `single-source`, `client-server`, `peer-assisted`) are one protocol, BitTorrent's peer protocol
//! (Cohen, "Incentives build robustness in BitTorrent", 2003; BEP 3), with different answers to four questions: where sources come from,
//! how many are used at once, whether a peer serves what it has not all of, and who is served next.
//!
//! # Not here
//! Finding sources is the overlay's business, carrying messages the network's; the [`Port`] leads to both.

mod agent;
mod bits;
mod checks;
mod config;
mod layout;
mod message;
mod plan;
mod player;
mod port;
mod stock;
mod stream;

pub use agent::{Agent, Download, End};
pub use bits::Bits;
pub use config::{Arrivals, DownloadConfig, Method, SeedFor, ServerSlots};
pub use layout::Layout;
pub use message::{Bitfield, Length, Peers, TransferMessage};
pub use plan::Plan;
pub use player::Playback;
pub use port::{Port, Wake};
pub use stream::StreamConfig;

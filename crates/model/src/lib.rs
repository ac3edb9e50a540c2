//! The boundary of Peerlab: all that an overlay of your own needs.
//!
//! A lookup model implements [`Overlay`]: one peer's state machine, whose handlers see that peer and a [`Context`], nothing
//! else. Its parameters are an [`OverlayConfig`], its messages a [`Message`]; requests that may never be answered go through
//! [`Requests`]. `examples/custom-overlay` is a whole crate that does this and gets the complete command line.
//!
//! # Architecture invariant
//! Nothing here can reach another peer's state, the membership list, or who is alive, except [`Start`], which exists only before
//! time begins.

mod context;
mod ids;
mod issues;
mod keywords;
mod message;
mod overlay;
mod requests;
mod roster;
pub mod units;

pub use context::{Actions, Context, Effect, Hit, Host, Said};
pub use ids::{HostId, ItemId, Key, LookupId, Numbering, PeerId, Record, Region, RumourId};
pub use issues::{Issue, Issues};
pub use keywords::{Keywords, NAME_BYTES, Posting, Word};
pub use message::{Cause, Fields, Message, Wire};
pub use overlay::{BuildError, Family, Next, Overlay, OverlayConfig, PeerTable, Role, Setting, Shares, Start, Target, Targets, Violation};
pub use peerlab_engine::random::Rng;
pub use peerlab_engine::time::{Span, Time};
pub use requests::{OpenRequests, Pool, Requests, Token};
pub use roster::Roster;

//! Content: what there is to find, and who holds it.

mod config;
mod holdings;
mod popularity;

pub use config::{ContentConfig, Popularity};
pub use holdings::Holdings;
pub use popularity::ItemSampler;

//! Content: what there is to find, and who holds it.

mod allotment;
mod config;
mod holdings;
mod keywords;
mod popularity;
mod shelves;
mod size;
mod words;

pub use config::{ContentConfig, Popularity, Replication};
pub use holdings::Holdings;
pub use keywords::KeywordsConfig;
pub use popularity::ItemSampler;
pub use shelves::Shelves;
pub use size::ItemSize;
pub use words::Words;

//! How large items are.

use peerlab_engine::random::Streams;
use peerlab_model::Issues;
use peerlab_model::units::Size;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::borrow::Cow;
use std::fmt;

use crate::distribution::Distribution;

/// The size of items.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ItemSize {
    /// All are as large.
    Same(Size),
    /// Each has its own, drawn from its own stream: item 7 is as large whoever asks for it, whatever the topology and however many items there are.
    Drawn(Distribution<Size>),
}

impl ItemSize {
    /// The size that all have, if they have one.
    pub fn same(&self) -> Option<Size> {
        if let Self::Same(size) = self { Some(*size) } else { None }
    }

    /// The mean in bytes.
    pub fn mean(&self) -> Size {
        match self {
            Self::Same(size) => *size,
            Self::Drawn(distribution) => whole(distribution.mean()),
        }
    }

    /// The sizes of items 0 … `items` − 1, if they differ.
    pub fn draw(&self, items: u32, streams: Streams) -> Option<Vec<Size>> {
        let Self::Drawn(distribution) = self else { return None };
        let (sampler, draws) = (distribution.sampler(), streams.keyed("content.sizes"));
        Some((0..items).map(|item| whole(sampler.draw(&mut draws.rng(u64::from(item), 0)))).collect())
    }

    /// Notes every value that cannot work, with paths relative to the `[content]` table.
    pub(super) fn check(&self, issues: &mut Issues) {
        match self {
            Self::Same(size) => issues.ensure(size.0 > 0, "size", "an item has a byte at least"),
            Self::Drawn(distribution) => issues.within("size", |issues| distribution.check(issues)),
        }
    }
}

/// In whole bytes, of which there is one at least; the largest number there is where a draw is beyond it.
fn whole(bytes: f64) -> Size {
    Size((bytes as u64).max(1))
}

impl<'de> Deserialize<'de> for ItemSize {
    /// By what is there: a derived `untagged` would lose the positions of what is wrong.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = ItemSize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a size such as \"100 MiB\", or a distribution such as { distribution = \"lognormal\", median = \"4 MiB\", sigma = 1.2 }",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ItemSize, E> {
        Size::deserialize(de::value::StrDeserializer::new(text)).map(ItemSize::Same)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ItemSize, A::Error> {
        Distribution::deserialize(MapAccessDeserializer::new(map)).map(ItemSize::Drawn)
    }
}

impl JsonSchema for ItemSize {
    fn schema_name() -> Cow<'static, str> {
        "ItemSize".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (size, distribution) = (generator.subschema_for::<Size>(), generator.subschema_for::<Distribution<Size>>());
        json_schema!({ "description": "One size for all items, or a distribution of sizes.", "anyOf": [size, distribution] })
    }
}

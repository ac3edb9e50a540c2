//! What has become of the values that an overlay's peers keep: counted by looking at all of them, at a cut or at the end.

use peerlab_engine::time::Time;
use peerlab_model::{Key, Overlay, Record};

use crate::common::Common;
use crate::observer::Observer;
use crate::shard::Seats;
use crate::truth::Truth;

/// The values that have been published, counted.
pub(crate) struct Kept {
    published: u64,
    /// Those of which some peer that is online has a copy.
    available: u64,
    /// Those of which some machine has a copy, online or not.
    durable: u64,
    /// Copies at peers that are online.
    copies: u64,
}

impl Kept {
    /// Counts what there is at `now`; nothing where no values are kept, or none has been published.
    pub(crate) fn count<'s, O: Overlay, V: Observer<O::Message> + 's>(
        common: &Common<O>,
        truth: &Truth,
        shards: impl Iterator<Item = &'s Seats<O, V>>,
        now: Time,
    ) -> Option<Self> {
        let numbering = &common.setting.numbering;
        let mut values: Vec<Value> =
            truth.values().map(|item| Value { key: numbering.item_key(item), copies: 0, on_disk: false }).collect();
        if values.is_empty() {
            return None;
        }
        values.sort_unstable_by_key(|value| value.key);
        for seats in shards {
            for peer in seats.seats().filter_map(|seat| seat.peer.as_ref()) {
                each_key(common.overlay.records(peer), now, |key| find(&mut values, key, |value| value.copies += 1));
            }
            for records in seats.disks.values() {
                each_key(records, now, |key| find(&mut values, key, |value| value.on_disk = true));
            }
        }
        let number = |which: fn(&Value) -> bool| values.iter().filter(|value| which(value)).count() as u64;
        Some(Self {
            published: values.len() as u64,
            available: number(|value| value.copies > 0),
            durable: number(|value| value.copies > 0 || value.on_disk),
            copies: values.iter().map(|value| u64::from(value.copies)).sum(),
        })
    }

    /// Name, unit and value of each metric.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> {
        let share = |part: u64| part as f64 / self.published as f64;
        [
            ("value_availability", "1", share(self.available)),
            ("value_durability", "1", share(self.durable)),
            ("value_copies_mean", "copies", share(self.copies)),
        ]
        .into_iter()
    }
}

struct Value {
    key: Key,
    copies: u32,
    on_disk: bool,
}

/// Visits the keys of one machine's living records, each once.
fn each_key(records: &[Record], now: Time, mut visit: impl FnMut(Key)) {
    let living = records.iter().filter(|record| record.expires > now);
    let mut last = None;
    for record in living {
        if last.replace(record.key) != Some(record.key) {
            visit(record.key);
        }
    }
}

fn find(values: &mut [Value], key: Key, change: impl FnOnce(&mut Value)) {
    if let Ok(at) = values.binary_search_by_key(&key, |value| value.key) {
        change(&mut values[at]);
    }
}

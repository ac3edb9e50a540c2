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
        let mut values = Values::published(truth.values().map(|item| numbering.item_key(item)).collect())?;
        for seats in shards {
            for peer in seats.seats().filter_map(|seat| seat.peer.as_ref()) {
                values.held(common.overlay.records(peer), now);
            }
            seats.disks.values().for_each(|records| values.stored(records, now));
        }
        Some(values.counted())
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

/// What has been seen so far of each published value, by key.
struct Values(Vec<Value>);

struct Value {
    key: Key,
    copies: u32,
    on_disk: bool,
}

impl Values {
    /// None of which a copy has been seen; nothing if there are none.
    fn published(keys: Vec<Key>) -> Option<Self> {
        let mut values: Vec<Value> = keys.into_iter().map(|key| Value { key, copies: 0, on_disk: false }).collect();
        values.sort_unstable_by_key(|value| value.key);
        (!values.is_empty()).then_some(Self(values))
    }

    /// A peer that is online keeps these records.
    fn held(&mut self, records: &[Record], now: Time) {
        self.each_of(records, now, |value| value.copies += 1);
    }

    /// A machine has these records on its disk.
    fn stored(&mut self, records: &[Record], now: Time) {
        self.each_of(records, now, |value| value.on_disk = true);
    }

    /// Changes the values of one machine's living records, each once.
    fn each_of(&mut self, records: &[Record], now: Time, change: impl Fn(&mut Value)) {
        let mut last = None;
        for record in records.iter().filter(|record| record.expires > now) {
            if last.replace(record.key) == Some(record.key) {
                continue;
            }
            if let Ok(at) = self.0.binary_search_by_key(&record.key, |value| value.key) {
                change(&mut self.0[at]);
            }
        }
    }

    fn counted(&self) -> Kept {
        let number = |which: fn(&Value) -> bool| self.0.iter().filter(|value| which(value)).count() as u64;
        Kept {
            published: self.0.len() as u64,
            available: number(|value| value.copies > 0),
            durable: number(|value| value.copies > 0 || value.on_disk),
            copies: self.0.iter().map(|value| u64::from(value.copies)).sum(),
        }
    }
}

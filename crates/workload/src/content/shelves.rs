//! What is on the disks of hosts, as it changes.

use peerlab_model::{HostId, ItemId};

use super::holdings::Holdings;

/// The items of some hosts: those of the start ([`Holdings`]), until a host gets or loses one.
///
/// # Cost
/// Nothing until a disk changes; then a pointer a host, and 4 bytes an item of those that have changed.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    first: u32,
    /// By host from `first` on, those whose items are no longer those of the start.
    #[expect(clippy::box_collection, reason = "most hosts never change, and an empty vector takes three words")]
    changed: Vec<Option<Box<Vec<ItemId>>>>,
}

impl Shelves {
    /// The disks of the hosts from `first` on, as they are at the start.
    pub fn new(first: HostId) -> Self {
        Self { first: first.0, changed: Vec::new() }
    }

    /// The items that a host holds now, in ascending order.
    #[inline]
    pub fn items<'s>(&'s self, holdings: &'s Holdings, host: HostId) -> &'s [ItemId] {
        match self.changed.get((host.0 - self.first) as usize) {
            Some(Some(items)) => items,
            _ => holdings.items(host),
        }
    }

    /// True if any host has got or lost an item.
    pub fn have_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    /// True if a host holds this item now.
    #[inline]
    pub fn has(&self, holdings: &Holdings, host: HostId, item: ItemId) -> bool {
        self.items(holdings, host).binary_search(&item).is_ok()
    }

    /// A host holds `item` from now on, or no longer does. False if nothing has changed by that.
    pub fn set(&mut self, holdings: &Holdings, host: HostId, item: ItemId, holds: bool) -> bool {
        let at = (host.0 - self.first) as usize;
        if at >= self.changed.len() {
            self.changed.resize_with(at + 1, || None);
        }
        let items = self.changed[at].get_or_insert_with(|| Box::new(holdings.items(host).to_vec()));
        match (items.binary_search(&item), holds) {
            (Err(place), true) => items.insert(place, item),
            (Ok(place), false) => {
                items.remove(place);
            }
            (Ok(_), true) | (Err(_), false) => return false,
        }
        true
    }
}

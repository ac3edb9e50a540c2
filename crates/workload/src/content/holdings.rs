//! Who holds what at the start.

use peerlab_engine::random::{Rng, Streams};
use peerlab_model::{HostId, ItemId};
use peerlab_prefetch::prefetch;

use super::allotment;
use super::config::ContentConfig;

/// The holders of each item and the items of each host, when the run begins.
///
/// Each item is on the disks of as many different hosts as its allotment says, drawn uniformly and independently of the other items.
///
/// # Cost
/// 8 bytes a copy, 4 a host and 4 an item; nothing at all without copies.
#[derive(Clone, Debug)]
pub struct Holdings {
    /// The holders of item 0 in ascending order, those of item 1, ….
    holders: Vec<HostId>,
    /// Where each item's holders end; nothing without copies.
    ends: Vec<u32>,
    /// Where each host's items begin; one more at the end.
    begin: Vec<u32>,
    items: Vec<ItemId>,
}

impl Holdings {
    /// Deals the copies out to a population; the configuration must have passed its check.
    pub fn new(content: &ContentConfig, population: u32, streams: Streams) -> Self {
        let copies = allotment::copies(content, population);
        let mut holders = Vec::with_capacity(copies.iter().map(|&copies| copies as usize).sum());
        let mut ends = Vec::with_capacity(copies.len());
        let keyed = streams.keyed("content.holders");
        let mut chooser = Chooser::new(population);
        for (item, copies) in (0_u64..).zip(copies) {
            chooser.choose(copies, &mut keyed.rng(item, 0), &mut holders);
            ends.push(holders.len() as u32);
        }
        let (begin, items) = by_host(&holders, &ends, population);
        Self { holders, ends, begin, items }
    }

    /// The hosts that hold an item, in ascending order.
    pub fn holders(&self, item: ItemId) -> &[HostId] {
        let item = item.0 as usize;
        let Some(&end) = self.ends.get(item) else { return &[] };
        let first = if item == 0 { 0 } else { self.ends[item - 1] };
        &self.holders[first as usize..end as usize]
    }

    /// A host's items will be looked at soon: brings near what says where they lie. A hint.
    #[inline]
    pub fn prefetch(&self, host: HostId) {
        if let Some(begin) = self.begin.get(host.0 as usize) {
            prefetch::<1, _>(begin);
        }
    }

    /// The items that a host holds, in ascending order; none for dedicated servers.
    #[inline]
    pub fn items(&self, host: HostId) -> &[ItemId] {
        let host = host.0 as usize;
        match self.begin.get(host..host + 2) {
            Some(bounds) => &self.items[bounds[0] as usize..bounds[1] as usize],
            None => &[],
        }
    }
}

/// Draws sets of different hosts.
struct Chooser {
    population: u32,
    marks: Vec<u64>,
}

impl Chooser {
    fn new(population: u32) -> Self {
        Self { population, marks: vec![0; (population as usize).div_ceil(64)] }
    }

    /// Appends `count` different hosts in ascending order.
    fn choose(&mut self, count: u32, rng: &mut Rng, chosen: &mut Vec<HostId>) {
        let first = chosen.len();
        // Of a large part it is quicker to draw who is left out.
        let outsiders = count > self.population / 2;
        let draws = if outsiders { self.population - count } else { count };
        for _ in 0..draws {
            let host = loop {
                let host = rng.below(u64::from(self.population)) as u32;
                if !self.is_marked(host) {
                    break host;
                }
            };
            self.marks[host as usize / 64] |= 1 << (host % 64);
            if !outsiders {
                chosen.push(HostId(host));
            }
        }
        if outsiders {
            chosen.extend((0..self.population).filter(|&host| !self.is_marked(host)).map(HostId));
            self.marks.fill(0);
        } else {
            chosen[first..].sort_unstable();
            for HostId(host) in &chosen[first..] {
                self.marks[*host as usize / 64] = 0;
            }
        }
    }

    fn is_marked(&self, host: u32) -> bool {
        self.marks[host as usize / 64] >> (host % 64) & 1 == 1
    }
}

/// The same holdings by host: a counting sort, which keeps the items in order.
fn by_host(holders: &[HostId], ends: &[u32], population: u32) -> (Vec<u32>, Vec<ItemId>) {
    if holders.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut begin = vec![0_u32; population as usize + 1];
    for host in holders {
        begin[host.0 as usize + 1] += 1;
    }
    for host in 0..population as usize {
        begin[host + 1] += begin[host];
    }
    let mut next = begin.clone();
    let mut items = vec![ItemId(0); holders.len()];
    let mut first = 0;
    for (item, &end) in (0..).zip(ends) {
        for host in &holders[first as usize..end as usize] {
            let slot = &mut next[host.0 as usize];
            items[*slot as usize] = ItemId(item);
            *slot += 1;
        }
        first = end;
    }
    (begin, items)
}

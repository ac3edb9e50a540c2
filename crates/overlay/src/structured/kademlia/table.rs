//! A routing table: buckets of contacts by their distance.
//!
//! Distances are read from the front: *group* z holds the contacts whose first difference from this peer lies at bit z. A group is one
//! bucket, or, with relaxed splitting (`b` > 1, paper section 4.2), one for each pattern of the bits up to the next multiple of `b`.
//! Nearer than the last group lies the *home* bucket: the smallest subtree around this peer in which k contacts are known, with all valid
//! contacts of it (paper, section 2.4), so that the k nearest to any key of the subtree are known.
//!
//! # Cost
//! One allocation of four bytes a contact, and four more for each at home: most questions are for somebody near, and want the nearest of those
//! at home, which the first bits of their keys that they do not share tell apart. The place of a contact in its bucket is its age: the least
//! recently seen comes first.

use peerlab_model::{Key, Numbering, PeerId};
use peerlab_prefetch::prefetch;

use super::nearest::{Bucket, Nearest, lead};
use crate::structured::xor::distance;

/// Contacts that a home bucket takes at most. A subtree of k contacts rarely holds three times as many.
pub(super) const HOME_MAX: usize = 1024;

/// The proportions of all tables of a model.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) k: usize,
    /// Contacts in a replacement cache.
    cache: usize,
    /// Bits after the first difference that each group's buckets tell apart.
    bits: [u8; 64],
    /// The bucket with which each group begins.
    base: [u16; 65],
}

/// Where a contact belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Bucket(usize),
    Home,
}

/// What it meant to a table that a contact was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was in the table, and is the most recently seen of its bucket now.
    Known,
    /// It has been added.
    Added(Place),
    /// Its bucket is full; this one has been seen least recently.
    Full { bucket: Place, oldest: PeerId },
}

/// One peer's contacts.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The blocks of the buckets: a word of state, k contacts, the replacement cache. Then the home bucket: a word of state, its contacts, and
    /// for each of them the bits that its key goes on with.
    words: Vec<u32>,
    /// How many groups there are; nearer contacts are at home.
    groups: u8,
}

/// A lookup has gone into this bucket since its last turn.
const TOUCHED: u32 = 1 << 16;
/// Its least recently seen contact is being pinged.
const PINGING: u32 = 1 << 17;

impl Shape {
    pub(super) fn new(k: u8, cache: u8, b: u8) -> Self {
        let b = u32::from(b);
        let bits = std::array::from_fn(|group| {
            let first = group as u32 + 1;
            ((first.div_ceil(b) * b).min(64) - first) as u8
        });
        let mut base = [0_u16; 65];
        for group in 0..64 {
            base[group + 1] = base[group].saturating_add(1 << bits[group]);
        }
        Self { k: usize::from(k), cache: usize::from(cache), bits, base }
    }

    #[inline]
    fn bits(&self, group: u32) -> u32 {
        self.bits[group as usize].into()
    }

    #[inline]
    fn stride(&self) -> usize {
        1 + self.k + self.cache
    }

    /// The bucket of a distance whose first difference lies at `group`.
    #[inline]
    fn bucket(&self, group: u32, distance: u64) -> usize {
        usize::from(self.base[group as usize]) + self.pattern(group, distance)
    }

    /// The bits of a distance that choose among a group's buckets.
    #[inline]
    pub(super) fn pattern(&self, group: u32, distance: u64) -> usize {
        let bits = self.bits(group);
        if bits == 0 { 0 } else { ((distance << (group + 1)) >> (64 - bits)) as usize }
    }

    /// The buckets of a group.
    pub(super) fn buckets(&self, group: usize) -> std::ops::Range<usize> {
        usize::from(self.base[group])..usize::from(self.base[group + 1])
    }

    /// Where a distance lies in bucket `bucket` of group `group`: the bits that all of the bucket share, and how many they are.
    pub(super) fn prefix(&self, group: usize, bucket: usize) -> (u64, u32) {
        let bits = self.bits(group as u32);
        let pattern = (bucket - usize::from(self.base[group])) as u64;
        let length = group as u32 + 1 + bits;
        let shared = (1 << bits | pattern) << (64 - length);
        (shared, length)
    }
}

impl Table {
    pub(super) fn new() -> Self {
        Self { words: vec![0], groups: 0 }
    }

    /// A table of a long-running network: the contacts of each bucket in turn, then those at home.
    pub(super) fn filled(
        shape: &Shape,
        numbering: Numbering,
        groups: usize,
        home: &[u32],
        mut fill: impl FnMut(usize, &mut Vec<u32>),
    ) -> Self {
        let buckets = usize::from(shape.base[groups]);
        let length = buckets * shape.stride();
        let mut words = Vec::with_capacity(length + 1 + 2 * home.len() + 4);
        for bucket in 0..buckets {
            let start = bucket * shape.stride();
            words.push(0);
            fill(bucket, &mut words);
            let count = words.len() - start - 1;
            debug_assert!(count <= shape.k);
            words[start] = count as u32;
            words.resize(start + shape.stride(), 0);
        }
        let mut table = Self { words, groups: groups as u8 };
        table.set_home(numbering, home);
        table
    }

    /// Puts the home bucket behind the blocks of the others.
    fn set_home(&mut self, numbering: Numbering, contacts: &[u32]) {
        let shared = u32::from(self.groups);
        self.words.reserve_exact(1 + 2 * contacts.len());
        self.words.push(0);
        self.words.extend_from_slice(contacts);
        self.words.extend(contacts.iter().map(|&word| lead(numbering.key(PeerId(word)), shared)));
    }

    pub(super) fn groups(&self) -> usize {
        usize::from(self.groups)
    }

    #[inline]
    fn home_start(&self, shape: &Shape) -> usize {
        usize::from(shape.base[usize::from(self.groups)]) * shape.stride()
    }

    /// Where contacts at this distance belong.
    #[inline]
    pub(super) fn place(&self, shape: &Shape, distance: u64) -> Place {
        let group = distance.leading_zeros();
        if group >= u32::from(self.groups) { Place::Home } else { Place::Bucket(shape.bucket(group, distance)) }
    }

    #[inline]
    fn span(&self, shape: &Shape, place: Place) -> (usize, usize) {
        match place {
            Place::Home => (self.home_start(shape), (self.words.len() - self.home_start(shape) - 1) / 2),
            Place::Bucket(bucket) => {
                let start = bucket * shape.stride();
                (start, (self.words[start] & 0xff) as usize)
            }
        }
    }

    #[inline]
    fn list(&self, shape: &Shape, place: Place) -> &[u32] {
        let (start, count) = self.span(shape, place);
        &self.words[start + 1..start + 1 + count]
    }

    /// The contacts of a bucket, the least recently seen first.
    #[inline]
    pub(super) fn contacts(&self, shape: &Shape, place: Place) -> impl DoubleEndedIterator<Item = PeerId> + '_ {
        self.list(shape, place).iter().map(|&word| PeerId(word))
    }

    /// Brings near what is known at `place`, for k = 20. A hint.
    #[inline]
    pub(super) fn prefetch(&self, shape: &Shape, place: Place) {
        match place {
            Place::Home => self.words.get(self.home_start(shape)).into_iter().for_each(prefetch::<5, _>),
            Place::Bucket(bucket) => self.words.get(bucket * shape.stride()).into_iter().for_each(prefetch::<3, _>),
        }
    }

    fn cached(&self, shape: &Shape, bucket: usize) -> std::ops::Range<usize> {
        let start = bucket * shape.stride();
        let count = (self.words[start] >> 8 & 0xff) as usize;
        start + 1 + shape.k..start + 1 + shape.k + count
    }

    /// A message has come from a contact at `distance`. Its bucket may take it in; a full one keeps it in its replacement cache.
    #[inline]
    pub(super) fn seen(&mut self, shape: &Shape, numbering: Numbering, this: Key, peer: PeerId) -> Seen {
        let place = self.place(shape, distance(this, numbering.key(peer)));
        let (start, count) = self.span(shape, place);
        let list = &mut self.words[start + 1..start + 1 + count];
        // Most senders are strangers to a full bucket, which is seen faster than where one is: several contacts are compared at a time.
        if list.contains(&peer.0)
            && let Some(at) = list.iter().rposition(|&word| word == peer.0)
        {
            make_last(&mut list[at..]);
            if place == Place::Home {
                make_last(&mut self.words[start + 1 + count + at..]);
            }
            return Seen::Known;
        }
        match place {
            Place::Home if count < HOME_MAX => {
                if self.words.capacity() - self.words.len() < 2 {
                    self.words.reserve_exact(8);
                }
                self.words.insert(start + 1 + count, peer.0);
                self.words.push(lead(numbering.key(peer), u32::from(self.groups)));
                self.split(shape, numbering, this);
                Seen::Added(place)
            }
            Place::Bucket(_) if count < shape.k => {
                self.words[start + 1 + count] = peer.0;
                self.words[start] += 1;
                Seen::Added(place)
            }
            _ => Seen::Full { bucket: place, oldest: PeerId(self.words[start + 1]) },
        }
    }

    /// Keeps a contact that found no room as a candidate; the one that was seen most recently comes last, and first in use.
    pub(super) fn cache(&mut self, shape: &Shape, bucket: usize, peer: PeerId) {
        let range = self.cached(shape, bucket);
        if let Some(at) = self.words[range.clone()].iter().position(|&word| word == peer.0) {
            make_last(&mut self.words[range][at..]);
        } else if range.len() < shape.cache {
            self.words[range.end] = peer.0;
            self.words[bucket * shape.stride()] += 1 << 8;
        } else if shape.cache > 0 {
            let list = &mut self.words[range];
            make_last(list);
            list[shape.cache - 1] = peer.0;
        }
    }

    /// Removes a contact; its bucket takes the latest candidate instead. False if it was not there.
    pub(super) fn remove(&mut self, shape: &Shape, numbering: Numbering, this: Key, peer: PeerId) -> bool {
        let place = self.place(shape, distance(this, numbering.key(peer)));
        let (start, count) = self.span(shape, place);
        let Some(at) = self.words[start + 1..start + 1 + count].iter().position(|&word| word == peer.0) else { return false };
        match place {
            Place::Home => {
                self.words.remove(start + 1 + count + at);
                self.words.remove(start + 1 + at);
                self.merge(shape, numbering);
            }
            Place::Bucket(bucket) => {
                make_last(&mut self.words[start + 1 + at..start + 1 + count]);
                if let Some(latest) = self.uncache(shape, bucket) {
                    self.words[start + count] = latest.0;
                } else {
                    self.words[start] -= 1;
                }
            }
        }
        true
    }

    fn uncache(&mut self, shape: &Shape, bucket: usize) -> Option<PeerId> {
        let latest = self.cached(shape, bucket).next_back()?;
        self.words[bucket * shape.stride()] -= 1 << 8;
        Some(PeerId(self.words[latest]))
    }

    /// True if a candidate waits for a place in the bucket of this contact.
    pub(super) fn has_candidate(&self, shape: &Shape, bucket: usize) -> bool {
        !self.cached(shape, bucket).is_empty()
    }

    /// The candidates of a bucket, the latest last.
    pub(super) fn candidates(&self, shape: &Shape, bucket: usize) -> impl Iterator<Item = PeerId> + '_ {
        self.words[self.cached(shape, bucket)].iter().map(|&word| PeerId(word))
    }

    /// Another contact takes the place of one in its bucket, which becomes a candidate.
    pub(super) fn replace(&mut self, shape: &Shape, bucket: usize, old: PeerId, new: PeerId) {
        self.forget_candidate(shape, bucket, new);
        let (start, count) = self.span(shape, Place::Bucket(bucket));
        let list = &mut self.words[start + 1..start + 1 + count];
        if let Some(at) = list.iter().position(|&word| word == old.0) {
            make_last(&mut list[at..]);
            list[count - 1] = new.0;
            self.cache(shape, bucket, old);
        }
    }

    /// Drops a candidate that says goodbye.
    pub(super) fn forget_candidate(&mut self, shape: &Shape, bucket: usize, peer: PeerId) {
        let range = self.cached(shape, bucket);
        if let Some(at) = self.words[range.clone()].iter().position(|&word| word == peer.0) {
            make_last(&mut self.words[range][at..]);
            self.words[bucket * shape.stride()] -= 1 << 8;
        }
    }

    /// Splits the home bucket as long as k contacts remain on this peer's own side.
    fn split(&mut self, shape: &Shape, numbering: Numbering, this: Key) {
        while self.groups < 63 {
            let group = u32::from(self.groups);
            let start = self.home_start(shape);
            let far = |word: u32| distance(this, numbering.key(PeerId(word))).leading_zeros() == group;
            let home = self.list(shape, Place::Home);
            if home.len() <= shape.k || home.iter().filter(|&&word| !far(word)).count() < shape.k {
                return;
            }
            let (away, near): (Vec<u32>, Vec<u32>) = home.iter().partition(|&&word| far(word));
            self.groups += 1;
            self.words.truncate(start);
            self.words.resize(self.home_start(shape), 0);
            for word in away {
                let distance = distance(this, numbering.key(PeerId(word)));
                self.refill(shape, shape.bucket(group, distance), PeerId(word));
            }
            self.set_home(numbering, &near);
        }
    }

    /// Puts a contact at the end of a bucket; what finds no room is the least recently seen, and becomes a candidate.
    fn refill(&mut self, shape: &Shape, bucket: usize, peer: PeerId) {
        let (start, count) = self.span(shape, Place::Bucket(bucket));
        if count < shape.k {
            self.words[start + 1 + count] = peer.0;
            self.words[start] += 1;
        } else {
            let oldest = self.words[start + 1];
            make_last(&mut self.words[start + 1..start + 1 + count]);
            self.words[start + count] = peer.0;
            self.cache(shape, bucket, PeerId(oldest));
        }
    }

    /// Takes the nearest group back into the home bucket as long as that one knows fewer than k.
    fn merge(&mut self, shape: &Shape, numbering: Numbering) {
        while self.groups > 0 && self.span(shape, Place::Home).1 < shape.k {
            let count = self.span(shape, Place::Home).1;
            let mut contacts = Vec::with_capacity(count + 2 * shape.k);
            for bucket in shape.buckets(usize::from(self.groups) - 1) {
                contacts.extend(self.contacts(shape, Place::Bucket(bucket)).map(|peer| peer.0));
                contacts.extend(self.words[self.cached(shape, bucket)].iter());
            }
            contacts.extend_from_slice(self.list(shape, Place::Home));
            // Candidates of the merged group come last but for the old home; only a bucket of thousands is cut.
            contacts.truncate(HOME_MAX);
            self.groups -= 1;
            self.words.truncate(self.home_start(shape));
            self.set_home(numbering, &contacts);
        }
    }

    /// Collects the `limit` contacts nearest to `target` for which `wanted` holds, in any order.
    ///
    /// Groups at whose bit the target differs from this peer come first, from the farthest on; then home; then the others, from the
    /// nearest on. That is the order of their distances from the target.
    #[inline]
    pub(super) fn nearest(
        &self,
        shape: &Shape,
        numbering: Numbering,
        (this, target): (Key, Key),
        limit: usize,
        wanted: impl Fn(PeerId) -> bool + Copy,
        out: &mut Nearest,
    ) {
        let toward = distance(this, target);
        // A bit for each group, the farthest first.
        let groups = !u64::MAX.unbounded_shr(u32::from(self.groups));
        let mut differing = toward & groups;
        while differing != 0 {
            let group = differing.leading_zeros();
            differing ^= 1 << (63 - group);
            self.take_group(shape, numbering, (toward, target, group), limit, wanted, out);
            if out.len() >= limit {
                return;
            }
        }
        let (start, count) = self.span(shape, Place::Home);
        let (contacts, leads) = self.words[start + 1..].split_at(count);
        out.take(numbering, target, limit, Bucket { contacts, leads, shared: u32::from(self.groups) }, wanted);
        let mut others = groups & !toward;
        while others != 0 && out.len() < limit {
            let group = 63 - others.trailing_zeros();
            others &= others - 1;
            self.take_group(shape, numbering, (toward, target, group), limit, wanted, out);
        }
    }

    #[inline]
    fn take_group(
        &self,
        shape: &Shape,
        numbering: Numbering,
        (toward, target, group): (u64, Key, u32),
        limit: usize,
        wanted: impl Fn(PeerId) -> bool + Copy,
        out: &mut Nearest,
    ) {
        let base = usize::from(shape.base[group as usize]);
        let pattern = shape.pattern(group, toward);
        let shared = group + 1 + shape.bits(group);
        for other in 0..1 << shape.bits(group) {
            if out.len() >= limit {
                return;
            }
            let contacts = self.list(shape, Place::Bucket(base + (pattern ^ other)));
            out.take(numbering, target, limit, Bucket { contacts, leads: &[], shared }, wanted);
        }
    }

    /// Every contact, the candidates apart.
    pub(super) fn all<'a>(&'a self, shape: &'a Shape) -> impl Iterator<Item = PeerId> + 'a {
        let buckets = (0..usize::from(shape.base[self.groups()])).map(Place::Bucket);
        buckets.chain([Place::Home]).flat_map(|place| self.contacts(shape, place))
    }

    fn flag(&mut self, shape: &Shape, place: Place, flag: u32, value: bool) -> bool {
        let start = self.span(shape, place).0;
        let before = self.words[start] & flag != 0;
        self.words[start] = if value { self.words[start] | flag } else { self.words[start] & !flag };
        before
    }

    /// Notes that a lookup goes into the bucket of `distance`.
    pub(super) fn touch(&mut self, shape: &Shape, distance: u64) {
        let place = self.place(shape, distance);
        self.flag(shape, place, TOUCHED, true);
    }

    /// True if a lookup has gone into this bucket since the last call.
    pub(super) fn untouch(&mut self, shape: &Shape, place: Place) -> bool {
        self.flag(shape, place, TOUCHED, false)
    }

    /// Notes whether the oldest contact of a bucket is being pinged, and tells whether it was.
    pub(super) fn pinging(&mut self, shape: &Shape, place: Place, value: bool) -> bool {
        self.flag(shape, place, PINGING, value)
    }

    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
    }

    /// Every contact lies in its place and nowhere twice, no bucket is too long, and home is as small as it may be and no smaller.
    pub(super) fn check(&self, shape: &Shape, numbering: Numbering, this: PeerId) -> Result<(), String> {
        let key = numbering.key(this);
        let away = |peer: PeerId| distance(key, numbering.key(peer));
        for place in (0..usize::from(shape.base[self.groups()])).map(Place::Bucket).chain([Place::Home]) {
            let (_, count) = self.span(shape, place);
            if count > shape.k && place != Place::Home {
                return Err(format!("{this:?}: {count} contacts in {place:?}"));
            }
            if let Some(wrong) = self.contacts(shape, place).find(|&peer| peer == this || self.place(shape, away(peer)) != place) {
                return Err(format!("{this:?}: {wrong:?} does not belong into {place:?}"));
            }
        }
        let mut all: Vec<PeerId> = self.all(shape).collect();
        all.sort_unstable();
        if let Some(at) = (1..all.len()).find(|&at| all[at - 1] == all[at]) {
            return Err(format!("{this:?} knows {:?} twice", all[at]));
        }
        let (start, home) = self.span(shape, Place::Home);
        let leads = self.words[start + 1 + home..].iter().copied();
        if !leads.eq(self.contacts(shape, Place::Home).map(|peer| lead(numbering.key(peer), u32::from(self.groups)))) {
            return Err(format!("{this:?}: the bits of the keys at home are not those of its contacts"));
        }
        if self.groups > 0 && home < shape.k {
            return Err(format!("{this:?}: only {home} contacts at home beside {} groups", self.groups));
        }
        Ok(())
    }
}

/// Moves the first of these to the end.
#[inline]
fn make_last(words: &mut [u32]) {
    let first = words[0];
    let last = words.len() - 1;
    words.copy_within(1.., 0);
    words[last] = first;
}

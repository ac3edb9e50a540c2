//! Zones of the torus, as prefixes of keys.
//!
//! A key's bits are dealt out to the dimensions in turn: bit i from the top belongs to dimension i mod d. So halving a zone in the fixed order
//! of the dimensions (Ratnasamy et al. 2001, section 2.1: "first along the X dimension, then along the Y dimension and so on") appends one bit
//! to its prefix, the two halves of a zone are siblings in the tree of prefixes, and a zone contains another one if its prefix begins the other's.
//!
//! # Cost
//! A corner is found with eight table lookups; distances and adjacency take a few operations a dimension.

use peerlab_model::{Key, Region};

/// The most dimensions that are supported: each has at least four bits then.
pub(super) const DIMENSIONS_MAX: u8 = 16;

/// A box of the torus: all points whose keys begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone {
    /// The first `depth` bits of its keys, then zeros.
    pub code: u64,
    /// How often the torus was halved to get it.
    pub depth: u8,
}

impl Zone {
    /// The whole torus.
    pub const WHOLE: Self = Self { code: 0, depth: 0 };

    /// The zone of this depth around a point.
    #[inline]
    pub const fn around(key: Key, depth: u8) -> Self {
        Self { code: key.0 & !Self::free(depth), depth }
    }

    #[inline]
    const fn free(depth: u8) -> u64 {
        if depth >= 64 { 0 } else { u64::MAX >> depth }
    }

    /// True if the point lies in it.
    #[inline]
    pub const fn contains(self, key: Key) -> bool {
        (key.0 ^ self.code) & !Self::free(self.depth) == 0
    }

    /// True if the other zone lies in it, or is the same.
    #[inline]
    pub const fn covers(self, other: Self) -> bool {
        self.depth <= other.depth && self.contains(Key(other.code))
    }

    /// True if the two have points in common: then one covers the other.
    #[inline]
    pub const fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Its lower and its upper half.
    pub const fn halves(self) -> [Self; 2] {
        let depth = self.depth + 1;
        [Self { code: self.code, depth }, Self { code: self.code | 1 << (64 - depth), depth }]
    }

    /// The zone that this one was split from; nothing for the whole torus.
    pub const fn parent(self) -> Option<Self> {
        if self.depth == 0 { None } else { Some(Self::around(Key(self.code), self.depth - 1)) }
    }

    /// The other half of the zone that this one was split from.
    pub const fn sibling(self) -> Option<Self> {
        if self.depth == 0 { None } else { Some(Self { code: self.code ^ 1 << (64 - self.depth), depth: self.depth }) }
    }

    /// Its share of the torus, in units of 2^−64; the whole torus counts as one less than all.
    pub const fn volume(self) -> u64 {
        if self.depth == 0 { u64::MAX } else { 1 << (64 - self.depth) }
    }

    /// What is left of it without `hole`, which it covers.
    pub fn without(self, hole: Self) -> impl Iterator<Item = Self> {
        (self.depth + 1..=hole.depth).filter_map(move |depth| Self::around(Key(hole.code), depth).sibling())
    }

    /// The same, as the judge counts it.
    pub const fn region(self, layer: u8) -> Region {
        Region { layer, depth: self.depth, prefix: Key(self.code) }
    }
}

/// The torus: how many dimensions it has, and how keys are dealt out to them.
pub(super) struct Torus {
    d: u32,
    /// Bits of a coordinate.
    width: u32,
    /// For each byte of a key and each value of it, where its bits lie among the coordinates.
    spread: Box<[[u64; 256]; 8]>,
}

impl std::fmt::Debug for Torus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-torus", self.d)
    }
}

impl Torus {
    pub(super) fn new(d: u8) -> Self {
        let d = u32::from(d.clamp(1, DIMENSIONS_MAX));
        let width = 64 / d;
        let mut spread = Box::new([[0; 256]; 8]);
        for (byte, table) in spread.iter_mut().enumerate() {
            for (value, packed) in table.iter_mut().enumerate() {
                for bit in 0..8 {
                    let at = 8 * byte as u32 + bit;
                    if value >> (7 - bit) & 1 == 1 && at < width * d {
                        *packed |= 1 << ((at % d) * width + width - 1 - at / d);
                    }
                }
            }
        }
        Self { d, width, spread }
    }

    pub(super) fn dimensions(&self) -> u32 {
        self.d
    }

    /// The deepest zones: a point of the grid.
    pub(super) fn depth_max(&self) -> u8 {
        (self.width * self.d) as u8
    }

    /// The coordinates of a point, side by side in one word.
    #[inline]
    pub(super) fn pack(&self, key: Key) -> Point {
        let bytes = key.0.to_be_bytes();
        Point(self.spread.iter().zip(bytes).fold(0, |packed, (table, byte)| packed | table[usize::from(byte)]))
    }

    /// The key of a point; bits that belong to no dimension are 0.
    pub(super) fn unpack(&self, point: Point) -> Key {
        let mut key = 0;
        for at in 0..self.width * self.d {
            let bit = point.0 >> ((at % self.d) * self.width + self.width - 1 - at / self.d) & 1;
            key |= bit << (63 - at);
        }
        Key(key)
    }

    fn mask(&self) -> u64 {
        u64::MAX >> (64 - self.width)
    }

    #[inline]
    fn coordinate(&self, point: Point, dimension: u32) -> u64 {
        point.0 >> (dimension * self.width) & self.mask()
    }

    fn with_coordinate(&self, point: Point, dimension: u32, value: u64) -> Point {
        let at = dimension * self.width;
        Point(point.0 & !(self.mask() << at) | (value & self.mask()) << at)
    }

    /// How often a zone of this depth was halved in a dimension.
    #[inline]
    fn splits(&self, depth: u8, dimension: u32) -> u32 {
        (u32::from(depth) + self.d - 1 - dimension) / self.d
    }

    /// The last step of a zone's extent in a dimension, counted from its corner.
    #[inline]
    fn extent(&self, depth: u8, dimension: u32) -> u64 {
        let free = self.width - self.splits(depth, dimension);
        if free == 0 { 0 } else { u64::MAX >> (64 - free) }
    }

    /// The distance from a point to the nearest point of a zone: the square of the Euclidean one (in one dimension the distance itself), 0
    /// within the zone. What a word cannot hold counts as its largest value.
    #[inline]
    pub(super) fn distance(&self, zone: Zone, to: Point) -> u64 {
        let corner = self.pack(Key(zone.code));
        let mut sum = 0_u64;
        for dimension in 0..self.d {
            let ahead = self.coordinate(to, dimension).wrapping_sub(self.coordinate(corner, dimension)) & self.mask();
            let extent = self.extent(zone.depth, dimension);
            if ahead > extent {
                let gap = (ahead - extent).min(self.mask() - ahead + 1);
                sum = sum.saturating_add(if self.d == 1 { gap } else { gap.saturating_mul(gap) });
            }
        }
        sum
    }

    /// The distance as a length, for ratios of progress.
    pub(super) fn length(&self, distance: u64) -> f64 {
        if self.d == 1 { distance as f64 } else { (distance as f64).sqrt() }
    }

    /// True if two zones are neighbours: "their coordinate spans overlap along d−1 dimensions and abut along one dimension" (section 2).
    pub(super) fn abut(&self, a: Zone, b: Zone) -> bool {
        let (at_a, at_b) = (self.pack(Key(a.code)), self.pack(Key(b.code)));
        let mut abutting = 0;
        for dimension in 0..self.d {
            let ahead = self.coordinate(at_b, dimension).wrapping_sub(self.coordinate(at_a, dimension)) & self.mask();
            let (extent_a, extent_b) = (self.extent(a.depth, dimension), self.extent(b.depth, dimension));
            let behind = ahead.wrapping_neg() & self.mask();
            // One of two intervals of the tree contains the other, or they have nothing in common.
            if ahead <= extent_a || behind <= extent_b {
                continue;
            }
            if ahead != extent_a + 1 && behind != extent_b + 1 {
                return false;
            }
            abutting += 1;
        }
        abutting == 1
    }

    /// The zones of the same size on the other side of a zone's faces, each with its dimension and whether it lies above.
    pub(super) fn across(&self, zone: Zone) -> impl Iterator<Item = Face> {
        let corner = self.pack(Key(zone.code));
        (0..self.d).filter(move |&dimension| self.splits(zone.depth, dimension) > 0).flat_map(move |dimension| {
            [true, false].map(|above| {
                let side = self.extent(zone.depth, dimension) + 1;
                let here = self.coordinate(corner, dimension);
                let there = if above { here.wrapping_add(side) } else { here.wrapping_sub(side) };
                let code = self.unpack(self.with_coordinate(corner, dimension, there)).0;
                Face { zone: Zone { code, depth: zone.depth }, dimension, above }
            })
        })
    }

    /// The halves of what lies across a face that still touch it.
    pub(super) fn touching(&self, face: Face) -> impl Iterator<Item = Face> {
        let split = u32::from(face.zone.depth) % self.d;
        let [lower, upper] = face.zone.halves().map(|zone| Face { zone, ..face });
        let halves = match (split == face.dimension, face.above) {
            (false, _) => [Some(lower), Some(upper)],
            (true, true) => [Some(lower), None],
            (true, false) => [None, Some(upper)],
        };
        halves.into_iter().flatten()
    }

    /// The point of what lies across a face that is next to it.
    pub(super) fn nearest_point(&self, face: Face) -> Key {
        let corner = self.pack(Key(face.zone.code));
        let here = self.coordinate(corner, face.dimension);
        let at = if face.above { here } else { here + self.extent(face.zone.depth, face.dimension) };
        self.unpack(self.with_coordinate(corner, face.dimension, at))
    }
}

/// A point's coordinates, side by side in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point(u64);

/// A box on the other side of one of a zone's faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Face {
    pub(super) zone: Zone,
    dimension: u32,
    above: bool,
}

#[cfg(test)]
mod tests {
    use peerlab_engine::random::Streams;

    use super::*;

    /// A zone's lower and upper end in a dimension, found bit by bit.
    fn span(zone: Zone, d: u32, width: u32, dimension: u32) -> (u64, u64) {
        let (mut low, mut side) = (0, 1_u64 << (width - 1) << 1);
        for at in (0..u32::from(zone.depth)).filter(|at| at % d == dimension) {
            side /= 2;
            low += (zone.code >> (63 - at) & 1) * side;
        }
        (low, low + side)
    }

    fn random_zone(rng: &mut peerlab_model::Rng, depth_max: u64) -> Zone {
        Zone::around(Key(rng.bits()), rng.below(depth_max + 1) as u8)
    }

    #[test]
    fn neighbours_and_distances_are_those_of_boxes() {
        let mut rng = Streams::new(5).rng("zones", 0);
        let mut found = 0;
        for d in [2_u8, 3, 4, 5, 10] {
            let torus = Torus::new(d);
            let (d, width) = (u32::from(d), 64 / u32::from(d));
            let ring = 1_u64 << width;
            for _ in 0..4000 {
                let (a, b) = (random_zone(&mut rng, 8), random_zone(&mut rng, 8));
                let key = Key(rng.bits());
                assert_eq!(torus.unpack(torus.pack(key)).0, key.0 & !Zone::free((width * d) as u8));
                let (mut apart, mut touch, mut distance) = (0, 0, 0);
                for dimension in 0..d {
                    let (la, ua) = span(a, d, width, dimension);
                    let (lb, ub) = span(b, d, width, dimension);
                    if la >= ub || lb >= ua {
                        apart += 1;
                        touch += u32::from(ua % ring == lb || ub % ring == la);
                    }
                    let at = span(Zone::around(key, (width * d) as u8), d, width, dimension).0;
                    if at < la || at >= ua {
                        let gap = ((la + ring - at) % ring).min((at + ring - (ua - 1)) % ring);
                        distance += gap * gap;
                    }
                }
                assert_eq!(torus.abut(a, b), apart == 1 && touch == 1, "{d}: {a:?} {b:?}");
                assert_eq!(torus.abut(b, a), torus.abut(a, b));
                assert_eq!(a.overlaps(b), apart == 0);
                assert_eq!(torus.distance(a, torus.pack(key)), distance, "{d}: {a:?} {key:?}");
                assert_eq!(a.contains(key), distance == 0);
                for face in torus.across(a) {
                    assert!(torus.abut(a, face.zone));
                    let near = Zone::around(torus.nearest_point(face), torus.depth_max());
                    assert!(face.zone.covers(near) && torus.abut(a, near));
                    for half in torus.touching(face) {
                        assert!(torus.abut(a, half.zone));
                    }
                }
                found += u32::from(torus.abut(a, b));
            }
        }
        assert!(found > 1000, "{found} neighbours were tried");
    }

    #[test]
    fn a_zone_without_a_part_of_it_is_the_rest() {
        let hole = Zone::around(Key(0b1011 << 60), 4);
        let rest: Vec<Zone> = Zone::WHOLE.without(hole).collect();
        assert_eq!(rest.iter().map(|zone| u128::from(zone.volume())).sum::<u128>() + u128::from(hole.volume()), 1 << 64);
        assert!(rest.iter().all(|zone| !zone.overlaps(hole)));
        assert_eq!(hole.without(hole).count(), 0);
        assert!(hole.halves().iter().all(|half| half.parent() == Some(hole) && hole.covers(half.sibling().expect("it has one"))));
    }
}

//! Who and what: the identifiers that messages carry.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use peerlab_engine::random::{Streams, mix};
use peerlab_engine::time::Time;

/// A machine: a link, a capacity, sessions of being online, and a disk that survives absences.
///
/// Hosts of the population are `0 … peers.count − 1`; dedicated hosts (servers) follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u32);

/// An identity in an overlay: what a contact is, an address together with the overlay id that its owner has there.
///
/// The low bits name the seat (one of its host's, see [`Numbering`]) and the high bits the identity's generation: with `identity = "kept"` it
/// stays 0, with `"new"` each life counts it up. So a message to an old identity still reaches the machine, and the machine
/// answers as who it is now, as in life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// A point of the identifier space: 64 bits, read as a fraction of the whole ring, tree or torus.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u64);

/// An item of content: `0 … content.items − 1`, 0 being the most popular.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub u32);

/// A question: the host at which it was asked, and its how-manieth question this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LookupId {
    /// The number of the host. Its first peer asks.
    pub origin: u32,
    /// How many questions that host had drawn before; those drawn while it was offline count, so that numbers do not depend on the overlay.
    pub number: u32,
}

/// A piece of news that everybody is to hear: `0 … rumours.count − 1`, in the order in which they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RumourId(pub u32);

/// As one word: nearly every message of a lookup goes into the trace digest with it.
impl Hash for LookupId {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.origin) << 32 | u64::from(self.number));
    }
}

impl LookupId {
    /// The lookup's number in result files, among `population` hosts: unique in a run and the same in every topology.
    pub fn global(self, population: u32) -> u64 {
        u64::from(self.number) * u64::from(population) + u64::from(self.origin)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Key {
    /// The distance clockwise from `self` to `other` on the ring.
    #[inline]
    pub const fn to(self, other: Self) -> u64 {
        other.0.wrapping_sub(self.0)
    }

    /// True if `self` lies in the half-open ring interval (`after`, `upto`]; the whole ring if the two are equal.
    #[inline]
    pub const fn in_half_open(self, after: Self, upto: Self) -> bool {
        self.0.wrapping_sub(after.0).wrapping_sub(1) <= upto.0.wrapping_sub(after.0).wrapping_sub(1)
    }

    /// True if `self` lies strictly between `after` and `before` on the ring; everything but `after` if the two are equal.
    #[inline]
    pub const fn in_open(self, after: Self, before: Self) -> bool {
        self.0 != after.0 && (after.0 == before.0 || self.0.wrapping_sub(after.0) < before.0.wrapping_sub(after.0))
    }
}

/// "`holder` has the item at `key`", until it expires; or, where peers keep values, the value at `key` that `holder` has published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// Where the item lies in the identifier space.
    pub key: Key,
    /// Who has registered as a holder, or published the value.
    pub holder: PeerId,
    /// From when on it no longer counts.
    pub expires: Time,
}

/// The keys that begin with the same bits: a part of the identifier space that one peer answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// Which of the overlay's identifier spaces it is a part of, where there are several beside each other; else 0.
    pub layer: u8,
    /// How many bits its keys have in common, 0 to 64.
    pub depth: u8,
    /// Those bits, followed by zeros.
    pub prefix: Key,
}

impl Region {
    /// The region of `layer` in which `key` lies, with `depth` bits in common.
    pub const fn around(layer: u8, depth: u8, key: Key) -> Self {
        let free = if depth == 0 { u64::MAX } else { (u64::MAX >> (depth - 1)) >> 1 };
        Self { layer, depth, prefix: Key(key.0 & !free) }
    }
}

/// How peers and items are numbered and where they lie in the identifier space.
///
/// A peer's place is a *seat*. A host of the population has one peer or several (virtual nodes), a dedicated host has one, and the last hosts of
/// the population may have more than the others (Sybils); where there are several, each host has a power of two of seats, of which those beyond
/// its peers stay vacant: host h has the seats h · 2^k … h · 2^k + v − 1. So a seat's host is a shift away, and where each host has one peer,
/// seat and host are the same number.
///
/// Keys are a keyed bijection of the numbers, so that a table of contacts holds four bytes each and a key is computed, not
/// loaded; no two peers share one.
#[derive(Clone, Copy, Debug)]
pub struct Numbering {
    hosts: u32,
    population: u32,
    peers_per_host: u32,
    sybils: Sybils,
    /// Bits of a seat's number that tell apart the seats of one host.
    slot_bits: u32,
    seat_bits: u32,
    /// The low `seat_bits` bits.
    seat_mask: u32,
    /// Each key is the whole hash of a peer's number: no identifier is short, and nobody has chosen one.
    plain: bool,
    /// As on the wire.
    identifier_bytes: u32,
    /// Of those, as many as a [`Key`] holds.
    key_bits: u32,
    peer_secret: u64,
    item_secret: u64,
    placed: Placed,
}

/// Hosts of the population with more peers than the others have: from this one on, so many each.
#[derive(Clone, Copy, Debug)]
struct Sybils {
    first: u32,
    peers: u32,
}

/// Seats whose identifiers somebody has chosen: those that lie around a point.
#[derive(Clone, Copy, Debug)]
struct Placed {
    first_seat: u32,
    count: u32,
    /// Of each host's, so many lie where they lie.
    but_first: u32,
    around: Key,
    /// Between two of them on one side.
    gap: u64,
}

impl Placed {
    /// The key of the `nth` one: to the right and to the left of the point in turn.
    fn key(self, nth: u32) -> Key {
        let away = (u64::from(nth / 2) + 1).wrapping_mul(self.gap);
        Key(if nth.is_multiple_of(2) { self.around.0.wrapping_add(away) } else { self.around.0.wrapping_sub(away) })
    }
}

impl Numbering {
    /// The most seats that there can be.
    pub const SEATS_MAX: u32 = 1 << 31;

    /// The usual length of identifiers: that of a SHA-1 hash.
    pub const IDENTIFIER_BITS: u32 = 160;

    /// The longest identifiers: those of a SHA-512 hash.
    pub const IDENTIFIER_BITS_MAX: u32 = 512;

    /// The numbering of a population with `dedicated` servers beside it, one peer a host.
    pub fn new(population: u32, dedicated: u32, streams: Streams) -> Self {
        let keyed = streams.keyed("identifiers");
        let hosts = population + dedicated;
        Self {
            hosts,
            population,
            peers_per_host: 1,
            sybils: Sybils { first: population, peers: 1 },
            slot_bits: 0,
            seat_bits: bits_for(hosts),
            seat_mask: mask_of(bits_for(hosts)),
            plain: true,
            identifier_bytes: Self::IDENTIFIER_BITS.div_ceil(8),
            key_bits: u64::BITS,
            peer_secret: keyed.bits(0, 0),
            item_secret: keyed.bits(1, 0),
            placed: Placed { first_seat: 0, count: 0, but_first: 0, around: Key(0), gap: 0 },
        }
    }

    /// The same, with the identifiers of the last `count` hosts of the population around an item's key, nearer to it than any other is likely to
    /// be: what an attacker does who can choose. Where these hosts have more identities than others, those that everybody has lie where they lie. To
    /// be called last; not with shorter identifiers than a [`Key`] holds.
    ///
    /// # Panics
    /// If identifiers are shorter, or there are not so many hosts.
    #[must_use]
    pub fn with_last_around(self, count: u32, item: ItemId) -> Self {
        assert!(self.key_bits == u64::BITS && count <= self.population, "{count} of {} hosts cannot be placed", self.population);
        let first_seat = self.first_seat(HostId(self.population - count));
        let count = count << self.slot_bits;
        let but_first = if self.sybils().1 > 0 { self.peers_per_host } else { 0 };
        // The others are 2^64 / seats apart on average: all of these lie within a thousandth of that.
        let gap = (u64::MAX / u64::from(self.seats().max(1)) / 1000 / u64::from(count.max(1))).max(1);
        Self { placed: Placed { first_seat, count, but_first, around: self.item_key(item), gap }, plain: false, ..self }
    }

    /// The same with `peers` peers on each host of the population.
    ///
    /// # Panics
    /// If there are no peers, or more seats than [`Numbering::SEATS_MAX`]: see [`Numbering::seats_for`].
    #[must_use]
    pub fn with_peers_per_host(self, peers: u32) -> Self {
        Self { peers_per_host: peers, ..self.with_seats_for(peers) }
    }

    /// The same with at least `peers` peers on each of the last `count` hosts of the population: what an attacker does for whom identities are
    /// cheap (Douceur 2002). To be called when the others have theirs.
    ///
    /// # Panics
    /// If there are not so many hosts, or more seats than [`Numbering::SEATS_MAX`]: see [`Numbering::seats_for`].
    #[must_use]
    pub fn with_sybils(self, count: u32, peers: u32) -> Self {
        assert!(count <= self.population, "{count} of {} hosts cannot have {peers} peers each", self.population);
        let peers = peers.max(self.peers_per_host);
        Self { sybils: Sybils { first: self.population - count, peers }, ..self.with_seats_for(peers) }
    }

    /// The same with seats for so many peers on any host.
    fn with_seats_for(self, peers: u32) -> Self {
        let seats = Self::seats_for(self.hosts, peers).expect("a scenario's check has counted the seats");
        let seat_bits = bits_for(seats);
        Self { slot_bits: peers.next_power_of_two().trailing_zeros(), seat_bits, seat_mask: mask_of(seat_bits), ..self }
    }

    /// The same with identifiers of `bits` bits. Those beyond 64 only count on the wire: no population comes near to using them up.
    ///
    /// No two identities share one. Where they are short, a machine that takes a new identity in each life is sooner or later who it was before;
    /// and two items may have the same key, as with any hash.
    ///
    /// # Panics
    /// If there are too few for the seats, or too many: see [`Numbering::identifier_bits_for`]. To be called when the seats are known.
    #[must_use]
    pub fn with_identifier_bits(self, bits: u32) -> Self {
        assert!((self.seat_bits..=Self::IDENTIFIER_BITS_MAX).contains(&bits), "identifiers of {bits} bits for {} seats", self.seats());
        let key_bits = bits.min(u64::BITS);
        Self { identifier_bytes: bits.div_ceil(8), key_bits, plain: self.plain && key_bits == u64::BITS, ..self }
    }

    /// The shortest identifiers that tell so many seats apart.
    pub fn identifier_bits_for(seats: u32) -> u32 {
        bits_for(seats)
    }

    /// The bytes that an identifier takes on the wire.
    #[inline]
    pub fn identifier_bytes(&self) -> u32 {
        self.identifier_bytes
    }

    /// The key that a point of the identifier space has, with the bits that identifiers here do not have at zero.
    #[inline]
    pub fn truncated(&self, point: Key) -> Key {
        Key(point.0 & (u64::MAX << (u64::BITS - self.key_bits)))
    }

    /// The seats, vacant ones included, that so many hosts take with so many peers each; nothing if there cannot be so many.
    pub fn seats_for(hosts: u32, peers_per_host: u32) -> Option<u32> {
        let each = peers_per_host.checked_next_power_of_two().filter(|_| peers_per_host > 0)?;
        hosts.checked_mul(each).filter(|&seats| seats <= Self::SEATS_MAX)
    }

    /// Hosts in all: the population and the dedicated ones.
    pub fn hosts(&self) -> u32 {
        self.hosts
    }

    /// Hosts of the population, servers apart.
    pub fn population(&self) -> u32 {
        self.population
    }

    /// Peers on each host of the population, on its last ones at least so many.
    pub fn peers_per_host(&self) -> u32 {
        self.peers_per_host
    }

    /// Peers on a host.
    #[inline]
    pub fn peers_of(&self, host: HostId) -> u32 {
        match host.0 {
            server if server >= self.population => 1,
            sybil if sybil >= self.sybils.first => self.sybils.peers,
            _ => self.peers_per_host,
        }
    }

    /// Hosts of the population that have more peers than the others, and how many more each of them has.
    pub fn sybils(&self) -> (u32, u32) {
        (self.population - self.sybils.first, self.sybils.peers.saturating_sub(self.peers_per_host))
    }

    /// Bits of a seat's number that tell apart the seats of one host.
    #[inline]
    pub fn slot_bits(&self) -> u32 {
        self.slot_bits
    }

    /// Seats in all, vacant ones included: their numbers lie below this.
    pub fn seats(&self) -> u32 {
        self.hosts << self.slot_bits
    }

    /// The seat of a host's first peer: the one that asks its questions and publishes what is on its disk.
    #[inline]
    pub fn first_seat(&self, host: HostId) -> u32 {
        host.0 << self.slot_bits
    }

    /// The seats of a host's peers.
    pub fn seats_of(&self, host: HostId) -> Range<u32> {
        let first = self.first_seat(host);
        first..first + self.peers_of(host)
    }

    /// The machine that a seat belongs to.
    #[inline]
    pub fn host_of(&self, seat: u32) -> HostId {
        HostId(seat >> self.slot_bits)
    }

    /// All identities that live on `peer`'s host in the same life, itself included.
    pub fn household(&self, peer: PeerId) -> impl Iterator<Item = PeerId> {
        let generation = peer.0 & !self.seat_mask;
        self.seats_of(self.host(peer)).map(move |seat| PeerId(seat | generation))
    }

    /// The identity of generation `generation` at a seat. Generations wrap around when the 32 bits are used up, or those of an identifier.
    #[inline]
    pub fn peer(&self, seat: u32, generation: u32) -> PeerId {
        PeerId(seat | generation.wrapping_shl(self.seat_bits) & (u32::MAX >> (u32::BITS - self.key_bits.min(u32::BITS))))
    }

    /// The seat that an identity belongs to.
    #[inline]
    pub fn seat(&self, peer: PeerId) -> u32 {
        peer.0 & self.seat_mask
    }

    /// The machine that an identity lives on.
    #[inline]
    pub fn host(&self, peer: PeerId) -> HostId {
        self.host_of(self.seat(peer))
    }

    /// The `index`-th dedicated server.
    pub fn server(&self, index: u32) -> PeerId {
        PeerId(self.first_seat(HostId(self.population + index)))
    }

    /// True for a dedicated server.
    #[inline]
    pub fn is_server(&self, peer: PeerId) -> bool {
        self.host(peer).0 >= self.population
    }

    /// Where a peer lies in the identifier space.
    #[inline]
    pub fn key(&self, peer: PeerId) -> Key {
        if self.plain { Key(mix(u64::from(peer.0) ^ self.peer_secret)) } else { self.special_key(peer) }
    }

    fn special_key(&self, peer: PeerId) -> Key {
        let nth = self.seat(peer).wrapping_sub(self.placed.first_seat);
        if nth < self.placed.count && nth & ((1 << self.slot_bits) - 1) >= self.placed.but_first {
            return self.placed.key(nth - self.placed.but_first);
        }
        if self.key_bits < u64::BITS {
            return Key(mix_within(self.key_bits, u64::from(peer.0), self.peer_secret) << (u64::BITS - self.key_bits));
        }
        Key(mix(u64::from(peer.0) ^ self.peer_secret))
    }

    /// Where an item lies in the identifier space.
    #[inline]
    pub fn item_key(&self, item: ItemId) -> Key {
        self.truncated(Key(mix(u64::from(item.0) ^ self.item_secret)))
    }
}

/// A keyed bijection of the numbers of `bits` bits; higher bits of `word` do not count.
fn mix_within(bits: u32, word: u64, secret: u64) -> u64 {
    const ODD: [u64; 3] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0x9e37_79b9_7f4a_7c15];
    let (mask, half) = (u64::MAX >> (u64::BITS - bits), bits.div_ceil(2));
    let round = |word: u64, (turn, odd): (u32, u64)| {
        let word = (word ^ secret.rotate_left(21 * turn)) & mask;
        (word ^ word >> half).wrapping_mul(odd) & mask
    };
    let word = (0..).zip(ODD).fold(word, round);
    word ^ word >> half
}

/// That many low bits.
fn mask_of(bits: u32) -> u32 {
    (1 << bits) - 1
}

/// The bits that tell so many seats apart; at least one.
fn bits_for(seats: u32) -> u32 {
    u32::BITS - seats.max(2).saturating_sub(1).leading_zeros()
}

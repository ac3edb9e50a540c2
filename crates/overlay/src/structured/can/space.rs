//! One reality, as one peer sees it: its own zones and its neighbours.

use std::sync::Arc;

use peerlab_model::{Key, PeerId, Span, Time};

use super::message::{Bulletin, Listed};
use super::zone::{Face, Point, Torus, Zone};
use crate::structured::trips::Trip;

/// A neighbour's zone. Somebody who has several that touch this peer's is there several times.
#[derive(Clone, Debug)]
pub(super) struct Neighbour {
    pub(super) zone: Zone,
    /// What it told last; nothing if others have told of it.
    pub(super) bulletin: Option<Arc<Bulletin>>,
    /// When it was last heard from.
    pub(super) heard: Time,
    pub(super) peer: PeerId,
    /// The round trip, if it has been measured.
    pub(super) trip: Option<Trip>,
    /// It did not answer: questions go round it until it is known why.
    pub(super) suspect: bool,
}

/// One peer's part of one reality.
#[derive(Clone, Debug)]
pub(super) struct Space {
    /// Its zones: one, or several for a while; none before it has joined.
    zones: Vec<Zone>,
    /// By peer, then by zone.
    neighbours: Vec<Neighbour>,
    /// What it tells its neighbours, unless something has changed since.
    bulletin: Option<Arc<Bulletin>>,
    version: i64,
    /// It is giving away a zone, and waits for the answer.
    pub(super) giving: bool,
}

impl Space {
    pub(super) fn new() -> Self {
        Self { zones: Vec::new(), neighbours: Vec::new(), bulletin: None, version: i64::MIN, giving: false }
    }

    pub(super) fn zones(&self) -> &[Zone] {
        &self.zones
    }

    pub(super) fn neighbours(&self) -> &[Neighbour] {
        &self.neighbours
    }

    pub(super) fn neighbours_mut(&mut self) -> impl Iterator<Item = &mut Neighbour> {
        self.neighbours.iter_mut()
    }

    pub(super) fn is_ready(&self) -> bool {
        !self.zones.is_empty()
    }

    #[inline]
    pub(super) fn owns(&self, key: Key) -> bool {
        self.zones.iter().any(|zone| zone.contains(key))
    }

    pub(super) fn volume(&self) -> u64 {
        self.zones.iter().fold(0, |sum, zone| sum.saturating_add(zone.volume()))
    }

    /// The distance from its zones to a point.
    #[inline]
    pub(super) fn distance(&self, torus: &Torus, to: Point) -> u64 {
        self.zones.iter().map(|&zone| torus.distance(zone, to)).min().unwrap_or(u64::MAX)
    }

    /// True if a zone touches one of this peer's, or lies over it.
    pub(super) fn is_near(&self, torus: &Torus, zone: Zone) -> bool {
        self.zones.iter().any(|&own| own.overlaps(zone) || torus.abut(own, zone))
    }

    pub(super) fn knows(&self, peer: PeerId) -> bool {
        self.neighbours.iter().any(|neighbour| neighbour.peer == peer)
    }

    pub(super) fn neighbour(&self, peer: PeerId) -> Option<&Neighbour> {
        self.neighbours.iter().find(|neighbour| neighbour.peer == peer)
    }

    /// Who is in the table, once each, in the order of their numbers.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.neighbours.chunk_by(|a, b| a.peer == b.peer).map(|zones| zones[0].peer)
    }

    /// The neighbour, if there is one, that has exactly this zone.
    pub(super) fn holder(&self, zone: Zone) -> Option<PeerId> {
        self.neighbours.iter().find(|neighbour| neighbour.zone == zone && !neighbour.suspect).map(|neighbour| neighbour.peer)
    }

    /// The neighbour with the deepest zone inside `of`.
    pub(super) fn deepest_within(&self, of: Zone, but: PeerId) -> Option<PeerId> {
        let inside = self.neighbours.iter().filter(|other| of.covers(other.zone) && other.peer != but && !other.suspect);
        inside.max_by_key(|other| (other.zone.depth, std::cmp::Reverse(other.peer))).map(|other| other.peer)
    }

    // Changes. Each of them makes the bulletin void.

    fn changed(&mut self) {
        self.bulletin = None;
    }

    /// Takes a zone as its own and merges siblings. Gives what it held before of it, and what it has now instead: nothing if it has it already.
    pub(super) fn add_zone(&mut self, zone: Zone) -> Option<(Vec<Zone>, Zone)> {
        if self.zones.iter().any(|own| own.covers(zone)) {
            return None;
        }
        self.changed();
        let mut merged = zone;
        let mut gone = Vec::new();
        self.zones.retain(|&own| {
            let inside = zone.covers(own);
            if inside {
                gone.push(own);
            }
            !inside
        });
        while let Some(at) = merged.sibling().and_then(|sibling| self.zones.iter().position(|&own| own == sibling)) {
            gone.push(self.zones.remove(at));
            merged = merged.parent().unwrap_or(merged);
        }
        self.zones.push(merged);
        self.zones.sort_unstable();
        Some((gone, merged))
    }

    /// Gives up all that lies in a zone. Gives what it held of it, and what is left of that.
    pub(super) fn remove_zone(&mut self, zone: Zone) -> (Vec<Zone>, Vec<Zone>) {
        let (gone, kept): (Vec<Zone>, Vec<Zone>) = self.zones.iter().partition(|own| own.overlaps(zone));
        let rest: Vec<Zone> = gone.iter().filter(|own| own.depth < zone.depth).flat_map(|own| own.without(zone)).collect();
        if !gone.is_empty() {
            self.changed();
            self.zones = kept;
            self.zones.extend(&rest);
            self.zones.sort_unstable();
        }
        (gone, rest)
    }

    /// What a peer has told of itself, or others of it: its zones near this peer's are in the table from now on, and no other ones of it.
    pub(super) fn learn(&mut self, torus: &Torus, peer: PeerId, zones: &[Zone], bulletin: Option<&Arc<Bulletin>>, now: Time) {
        let before: Vec<Zone> = self.of(peer).map(|neighbour| neighbour.zone).collect();
        let trip = self.neighbour(peer).and_then(|neighbour| neighbour.trip);
        let near: Vec<Zone> = zones.iter().copied().filter(|&zone| self.is_near(torus, zone)).collect();
        if before != near {
            self.changed();
        }
        self.neighbours.retain(|neighbour| neighbour.peer != peer);
        let at = self.neighbours.partition_point(|neighbour| neighbour.peer < peer);
        let known = near.iter().map(|&zone| Neighbour { zone, bulletin: bulletin.cloned(), heard: now, peer, trip, suspect: false });
        self.neighbours.splice(at..at, known);
        // Room for what is there: a million peers have one of these each.
        if self.neighbours.capacity() > self.neighbours.len() + 4 {
            self.neighbours.shrink_to_fit();
        }
    }

    pub(super) fn of(&self, peer: PeerId) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.iter().filter(move |neighbour| neighbour.peer == peer)
    }

    pub(super) fn forget(&mut self, peer: PeerId) {
        if self.knows(peer) {
            self.changed();
            self.neighbours.retain(|neighbour| neighbour.peer != peer);
        }
    }

    /// Drops neighbours that are none any more; and takes in the zones of the others that have become near.
    pub(super) fn review(&mut self, torus: &Torus, now: Time) {
        let peers: Vec<PeerId> = self.peers().collect();
        for peer in peers {
            let Some(known) = self.neighbour(peer) else { continue };
            let (heard, suspect) = (known.heard, known.suspect);
            let bulletin = known.bulletin.clone();
            let zones: Vec<Zone> = match &bulletin {
                Some(bulletin) => bulletin.zones.to_vec(),
                None => self.of(peer).map(|neighbour| neighbour.zone).collect(),
            };
            self.learn(torus, peer, &zones, bulletin.as_ref(), now);
            for neighbour in self.neighbours.iter_mut().filter(|neighbour| neighbour.peer == peer) {
                (neighbour.heard, neighbour.suspect) = (heard, suspect);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self { version: self.version, ..Self::new() };
    }

    /// A round trip has been measured.
    pub(super) fn measured(&mut self, peer: PeerId, trip: Span) {
        for neighbour in self.neighbours.iter_mut().filter(|neighbour| neighbour.peer == peer) {
            Trip::note(&mut neighbour.trip, trip);
        }
    }

    /// What was measured of a peer is not true any more.
    pub(super) fn forget_trip(&mut self, peer: PeerId) {
        for neighbour in self.neighbours.iter_mut().filter(|neighbour| neighbour.peer == peer) {
            neighbour.trip = None;
        }
    }

    pub(super) fn suspect(&mut self, peer: PeerId, suspect: bool) {
        for neighbour in self.neighbours.iter_mut().filter(|neighbour| neighbour.peer == peer) {
            neighbour.suspect = suspect;
        }
    }

    /// What it tells its neighbours.
    pub(super) fn bulletin(&mut self, now: Time) -> Arc<Bulletin> {
        if let Some(bulletin) = &self.bulletin {
            return Arc::clone(bulletin);
        }
        self.version = now.nanos().max(self.version + 1);
        let around = self.neighbours.iter().map(|neighbour| (neighbour.peer, neighbour.zone));
        let bulletin = Arc::new(Bulletin::new(self.version, &self.zones, around));
        self.bulletin = Some(Arc::clone(&bulletin));
        bulletin
    }

    /// Those who are near a zone, and this peer with what it keeps: for whoever gets the zone.
    pub(super) fn around(&self, torus: &Torus, zone: Zone, this: PeerId) -> Arc<[Listed]> {
        let near = |other: Zone| torus.abut(zone, other);
        let others = self.neighbours.iter().filter(|other| near(other.zone)).map(|other| (other.peer, other.zone));
        let kept = self.zones.iter().flat_map(|&own| {
            let whole = (!own.overlaps(zone)).then_some(own);
            let rest: Vec<Zone> = if own.depth < zone.depth && own.covers(zone) { own.without(zone).collect() } else { Vec::new() };
            whole.into_iter().chain(rest)
        });
        others.chain(kept.filter(|&own| near(own)).map(|own| (this, own))).collect()
    }

    /// Places next to its zones of which it does not know whose they are, apart from `excused` ones.
    pub(super) fn holes(&self, torus: &Torus, excused: &[Zone]) -> Vec<Face> {
        let known: Vec<Zone> =
            self.zones.iter().copied().chain(self.neighbours.iter().map(|other| other.zone)).chain(excused.iter().copied()).collect();
        let mut holes = Vec::new();
        for &zone in &self.zones {
            for face in torus.across(zone) {
                look(torus, face, &known, &mut holes);
            }
        }
        holes
    }

    pub(super) fn state_bytes(&self) -> usize {
        let shared = self.bulletin.as_ref().map_or(0, |bulletin| bulletin.bytes() + 2 * size_of::<usize>());
        self.zones.len() * size_of::<Zone>() + self.neighbours.len() * size_of::<Neighbour>() + shared
    }

    /// Its zones do not overlap, and all that is in the table is near one of them.
    pub(super) fn check(&self, torus: &Torus, this: PeerId) -> Result<(), String> {
        for (at, zone) in self.zones.iter().enumerate() {
            if self.zones[at + 1..].iter().any(|other| other.overlaps(*zone)) {
                return Err(format!("{this:?} has zones that overlap: {:?}", self.zones));
            }
        }
        match self.neighbours.iter().find(|other| other.peer == this || !self.is_near(torus, other.zone)) {
            Some(other) => Err(format!("{this:?} with {:?} has {:?} at {:?} in its table", self.zones, other.peer, other.zone)),
            None => Ok(()),
        }
    }

    /// A table as a long-running network has it: who is there, with what they told last, and what it told itself.
    pub(super) fn begin(&mut self, bulletin: &Arc<Bulletin>, neighbours: impl Iterator<Item = (PeerId, Arc<Bulletin>)>) {
        self.zones = bulletin.zones.to_vec();
        self.version = bulletin.version;
        self.bulletin = Some(Arc::clone(bulletin));
        let known = |(peer, bulletin): (PeerId, Arc<Bulletin>)| {
            let zone = bulletin.zones[0];
            Neighbour { zone, bulletin: Some(bulletin), heard: Time::ZERO, peer, trip: None, suspect: false }
        };
        self.neighbours = neighbours.map(known).collect();
    }
}

/// Looks for what is not covered by known zones, half by half.
fn look(torus: &Torus, face: Face, known: &[Zone], holes: &mut Vec<Face>) {
    if known.iter().any(|zone| zone.covers(face.zone)) {
        return;
    }
    if known.iter().any(|&zone| face.zone.covers(zone)) {
        torus.touching(face).for_each(|half| look(torus, half, known, holes));
    } else if !holes.iter().any(|hole: &Face| hole.zone == face.zone) {
        holes.push(face);
    }
}

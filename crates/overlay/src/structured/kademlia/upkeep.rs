//! How tables are kept: by the traffic itself, by pings, and by refreshing what no traffic has touched.

use peerlab_model::{Key, PeerId, Span, Token};

use super::config::Eviction;
use super::peer::{KademliaPeer, Pending, Purpose};
use super::table::{Place, Seen};
use super::{Cx, Kademlia, KademliaMessage, KademliaTimer};
use crate::structured::xor::distance;

/// Mean pause between two looks for a larger network, of a peer that knows all of its own.
const LOOK_AROUND: Span = Span::from_secs(30);

impl Kademlia {
    /// Starts the periodic timers of this life, each at a phase of its own.
    pub(super) fn begin_ticking(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if !peer.ticking {
            peer.ticking = true;
            let turns = self.turns(peer);
            peer.turn = cx.rng().below(turns) as u16;
            cx.set_timer_within(self.turn_gap(turns), KademliaTimer::Refresh);
            cx.set_timer_within(LOOK_AROUND, KademliaTimer::LookAround);
            self.begin_replication(peer, cx);
        }
    }

    /// Buckets that take turns, home included.
    fn turns(&self, peer: &KademliaPeer) -> u64 {
        self.shape.buckets(peer.table.groups()).start as u64 + 1
    }

    /// Each bucket has its turn once in a refresh interval.
    fn turn_gap(&self, turns: u64) -> Span {
        Span::from_nanos(self.config.refresh_interval.span().nanos() / turns)
    }

    /// It is one bucket's turn: if no lookup has gone into it since the last one, one goes there now (paper, section 2.3).
    pub(super) fn tick_refresh(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        let turns = self.turns(peer);
        let gap = Self::gap(cx, self.turn_gap(turns));
        cx.set_timer(gap, KademliaTimer::Refresh);
        if let Some(extra) = peer.extra.as_deref_mut() {
            extra.records.expire(cx.now());
        }
        if !peer.active {
            return;
        }
        let turn = u64::from(peer.turn) % turns;
        peer.turn = (turn + 1) as u16;
        let place = if turn + 1 == turns { Place::Home } else { Place::Bucket(turn as usize) };
        self.ping_stale(peer, cx, place);
        if !peer.table.untouch(&self.shape, place) {
            // At home, its own key every other time: so its nearest hear of it, and it of them.
            let own = place == Place::Home && cx.rng().chance(0.5);
            let key = if own { cx.key_of(peer.id) } else { self.random_key(peer, cx, place) };
            self.search_own(peer, cx, key, Purpose::Refresh, None);
            // Its own refresh is no reason to leave out the next one.
            peer.table.untouch(&self.shape, place);
        }
    }

    /// A random key of a bucket's range.
    fn random_key(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, place: Place) -> Key {
        let groups = peer.table.groups();
        let (shared, length) = match place {
            Place::Home => (0, groups as u32),
            Place::Bucket(bucket) => {
                let group = (0..groups).find(|&group| self.shape.buckets(group).contains(&bucket)).unwrap_or(0);
                self.shape.prefix(group, bucket)
            }
        };
        let free = u64::MAX.checked_shr(length).unwrap_or(0);
        let random = Key(cx.key_of(peer.id).0 ^ (shared | cx.rng().bits() & free));
        cx.setting().numbering.truncated(random)
    }

    /// After a join: a lookup into each group, from the nearest to the farthest (paper, section 2.3).
    pub(super) fn fill_next(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        let group = usize::from(peer.to_fill).min(peer.table.groups());
        if let Some(group) = group.checked_sub(1) {
            peer.to_fill = group as u8;
            let buckets = self.shape.buckets(group);
            let bucket = buckets.start + cx.rng().index(buckets.len());
            let key = self.random_key(peer, cx, Place::Bucket(bucket));
            self.search_own(peer, cx, key, Purpose::Fill, None);
        }
    }

    /// A message has come from `from` (paper, section 2.2): it is the most recently seen contact of its bucket, or finds it full.
    #[inline]
    pub(super) fn heard_from(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId) {
        peer.trust(from);
        let this = cx.key_of(peer.id);
        match peer.table.seen(&self.shape, self.numbering, this, from) {
            Seen::Known | Seen::Full { bucket: Place::Home, .. } => {}
            Seen::Added(place) => {
                if place == Place::Home && peer.active {
                    self.hand_over(peer, cx, from);
                }
            }
            Seen::Full { bucket: place @ Place::Bucket(bucket), oldest } => {
                if let Some(stale) = self.stale_of(peer, place) {
                    peer.trust(stale);
                    self.remove_contact(peer, this, stale);
                    // A candidate may have taken the place; then this one is a candidate itself.
                    if let Seen::Full { .. } = peer.table.seen(&self.shape, self.numbering, this, from) {
                        peer.table.cache(&self.shape, bucket, from);
                    }
                    return;
                }
                self.consider_near(peer, cx, bucket, from);
                peer.table.cache(&self.shape, bucket, from);
                if self.config.eviction == Eviction::Ping && !peer.table.pinging(&self.shape, place, true) {
                    self.ping(cx, oldest, Some(from));
                }
            }
        }
    }

    fn ping(&self, cx: &mut Cx<'_>, to: PeerId, instead: Option<PeerId>) {
        let token = cx.open(Pending::Ping { to, instead });
        cx.send(to, KademliaMessage::Ping { token });
        cx.set_timer(self.config.request_timeout.span(), KademliaTimer::Request(token));
    }

    /// Stale contacts that nobody could replace may have come back: after a partition, all those on the other side have.
    fn ping_stale(&self, peer: &KademliaPeer, cx: &mut Cx<'_>, place: Place) {
        if let Some(stale) = self.stale_of(peer, place) {
            self.ping(cx, stale, None);
        }
    }

    /// The stale contact of a bucket that was seen least recently.
    #[inline]
    fn stale_of(&self, peer: &KademliaPeer, place: Place) -> Option<PeerId> {
        if !peer.suspicious {
            return None;
        }
        peer.table.contacts(&self.shape, place).find(|&contact| peer.failures(contact) >= self.config.stale_after)
    }

    /// The reply to a ping or a store has come (who sent it has been noted already).
    pub(super) fn replied(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, from: PeerId, token: Token) {
        match cx.close(token) {
            Some(Pending::Ping { to, .. }) => {
                self.ping_over(peer, cx, to);
                if from != to {
                    // The machine has another identity now.
                    self.contact_gone(peer, cx, to);
                }
            }
            Some(Pending::Measure { to, sent }) => {
                self.ping_over(peer, cx, to);
                if from == to {
                    self.measured(peer, cx, to, cx.now().since(sent));
                }
            }
            Some(Pending::Store { .. } | Pending::Search(_) | Pending::Question(_) | Pending::Hop(_)) | None => {}
        }
    }

    pub(super) fn request_timed_out(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, token: Token) {
        match cx.request_mut(token) {
            Some(Pending::Question(_)) => return self.ask_again(peer, cx, token),
            Some(Pending::Hop(_)) => return self.hop_timed_out(peer, cx, token),
            _ => {}
        }
        match cx.close(token) {
            Some(Pending::Ping { to, instead }) => {
                self.ping_over(peer, cx, to);
                match instead {
                    // Paper, section 2.2: it is evicted, and the new one is inserted, which is the latest candidate.
                    Some(newcomer) => {
                        self.contact_gone(peer, cx, to);
                        let this = cx.key_of(peer.id);
                        peer.table.seen(&self.shape, self.numbering, this, newcomer);
                    }
                    None => self.contact_failed(peer, cx, to),
                }
            }
            Some(Pending::Measure { to, .. }) => {
                self.ping_over(peer, cx, to);
                self.contact_gone(peer, cx, to);
            }
            Some(Pending::Store { to, .. }) => self.contact_failed(peer, cx, to),
            Some(Pending::Search(_) | Pending::Question(_) | Pending::Hop(_)) | None => {}
        }
    }

    fn ping_over(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, to: PeerId) {
        let place = peer.table.place(&self.shape, distance(cx.key_of(peer.id), cx.key_of(to)));
        peer.table.pinging(&self.shape, place, false);
    }

    /// A contact has left a request unanswered. Once it is stale (paper, section 4.1), it gives way to a candidate; as long as there is
    /// none it stays, and is not named to others.
    pub(super) fn contact_failed(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>, contact: PeerId) {
        let place = peer.table.place(&self.shape, distance(cx.key_of(peer.id), cx.key_of(contact)));
        if !peer.table.contacts(&self.shape, place).any(|known| known == contact) || peer.suspect(contact) < self.config.stale_after {
            return;
        }
        match place {
            Place::Bucket(bucket) if !peer.table.has_candidate(&self.shape, bucket) => {}
            _ => self.contact_gone(peer, cx, contact),
        }
    }

    /// A contact is dropped at once.
    pub(super) fn contact_gone(&self, peer: &mut KademliaPeer, cx: &Cx<'_>, contact: PeerId) {
        let this = cx.key_of(peer.id);
        if let Place::Bucket(bucket) = peer.table.place(&self.shape, distance(this, cx.key_of(contact))) {
            peer.table.forget_candidate(&self.shape, bucket, contact);
        }
        peer.trust(contact);
        peer.forget_trip(contact);
        self.remove_contact(peer, this, contact);
    }

    pub(super) fn tick_look_around(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        let gap = Self::gap(cx, LOOK_AROUND);
        cx.set_timer(gap, KademliaTimer::LookAround);
        if peer.active && peer.table.groups() == 0 {
            self.look_around(peer, cx);
        }
    }

    /// Looks for this peer's own place through somebody from outside its tables: of two small networks that began side by side, each
    /// finds the other one; and who has lost everybody finds back.
    pub(super) fn look_around(&self, peer: &mut KademliaPeer, cx: &mut Cx<'_>) {
        if let Some(contact) = cx.bootstrap() {
            self.search_own(peer, cx, cx.key_of(peer.id), Purpose::LookAround, Some(contact));
        }
    }
}

//! Accordion (Li, Stribling, Morris, Kaashoek: NSDI 2005): a bandwidth budget instead of a table size.
//!
//! Peers and keys lie on Chord's ring, and a key belongs to its successor. A peer keeps all contacts that it has heard of and that probably
//! still live. It hears of them in acknowledgements of lookups, which name peers on the way to the key, and by exploration, which takes what
//! the budget has left. Short lives make contacts doubtful soon and the table small; a large budget makes it large.
//!
//! # What is claimed
//! A peer spends `r_avg` bytes per second in the mean, as long as what it *must* send (the ring, the records, first copies of lookups and
//! their acknowledgements) costs less. Contacts lie at a density of 1/x at distance x, so that O(log N) hops are enough with small tables and
//! one or two with large ones. What the budget allows, lookups use for more copies in parallel.
//!
//! # Cost
//! 16 bytes a contact. A hop reads the book by binary search; an acknowledgement allocates the list that it carries.
//!
//! # Not here
//! What it shares with Chord: the ring, its upkeep, joining and leaving, the records, how a question travels (`structured::chord`). Iterative
//! lookups; network coordinates.
//!
//! # Map
//! `book`: the contacts · `budget`: the account and the window · `message` · `mod`: how they make lookups and exploration.

mod book;
mod budget;
mod config;
mod message;

use std::ops::Range;
use std::sync::Arc;

pub use book::{Contact, News};
pub use config::AccordionConfig;
pub use message::{AccordionOwn, Copy};

use book::{Book, millis};
use budget::{Budget, Limits};
use peerlab_engine::random::{mix, unit_f64};
use peerlab_model::{Key, Numbering, PeerId, Setting, Span, Time, Token};

use crate::structured::chord::{ChordLike, Cx, Goal, Neighbours, Pending, Query, RingMessage, RingPeer, Route, Rules, Shortcuts};
use crate::structured::ring::View;

/// The Accordion lookup model.
pub type Accordion = ChordLike<Explored>;

/// One peer of an Accordion ring.
pub type AccordionPeer = RingPeer<Explored>;

/// Accordion's messages: Chord's, and three of its own.
pub type AccordionMessage = RingMessage<Copy>;

/// Contacts that are learned within a budget.
#[derive(Clone, Debug)]
pub struct Explored {
    limits: Limits,
    /// The least probability, in thousandths, with which a contact is used for one of w + 1 copies.
    thresholds: [u64; 8],
    learn_num: usize,
    start_age: Span,
    config: AccordionConfig,
}

/// One peer's contacts and account.
#[derive(Clone, Debug, Default)]
pub struct Table {
    book: Book,
    budget: Budget,
    /// When this life began.
    born: Time,
    /// The instant of the event that is being handled.
    now: Time,
    /// The questions that came last, each by its origin and its number there.
    seen: Vec<(PeerId, Token)>,
    oldest: usize,
}

/// Questions that a peer remembers, so that it passes on only one copy.
const SEEN: usize = 32;

impl Table {
    fn age(&self) -> u32 {
        millis(self.now.since(self.born))
    }

    /// Notes a question; true if it has been seen.
    fn is_seen(&mut self, question: (PeerId, Token)) -> bool {
        if self.seen.contains(&question) {
            return true;
        }
        if self.seen.len() < SEEN {
            self.seen.push(question);
        } else {
            self.seen[self.oldest] = question;
            self.oldest = (self.oldest + 1) % SEEN;
        }
        false
    }
}

/// True for a message that answers another one: its receiver pays for it, as it does for its own (paper, section 4.1).
fn is_reply(message: &AccordionMessage) -> bool {
    use RingMessage as M;
    matches!(
        message,
        M::Ack { .. }
            | M::Refuse { .. }
            | M::Found { .. }
            | M::Providers { .. }
            | M::Neighbours { .. }
            | M::Pong { .. }
            | M::Stored { .. }
            | M::Own(AccordionOwn::Learned { .. } | AccordionOwn::Explored { .. })
    )
}

impl Explored {
    fn threshold(&self, width: u8) -> u64 {
        self.thresholds[usize::from(width.clamp(1, 8)) - 1]
    }

    /// The contact nearest to what lies at `bound`, short of it: of the book, if it is likely to live, or of the successors.
    fn nearest(&self, peer: &AccordionPeer, view: View, bound: u64, width: u8) -> Option<PeerId> {
        let table = &peer.table;
        let threshold = self.threshold(width);
        let known = table.book.within(view, bound).find(|contact| contact.is_likely(table.now, threshold)).map(|contact| contact.id);
        let successor = view.last_within(peer.successors(), bound);
        match (known, successor) {
            (Some(known), Some((_, distance))) if view.to(known) > distance => Some(known),
            (known, None) => known,
            (_, Some((successor, _))) => Some(successor),
        }
    }

    /// What this peer knows strictly between itself and a distance: likely contacts, a random choice if they are more than an answer takes.
    fn news(&self, peer: &AccordionPeer, cx: &mut Cx<'_, Self>, view: View, bound: u64) -> Arc<[News]> {
        let table = &peer.table;
        let limit = if table.budget.is_spent() { 1 } else { self.learn_num };
        let threshold = self.threshold(1);
        let mut news: Vec<News> = Vec::new();
        let mut met = 0;
        for contact in table.book.within(view, bound).filter(|contact| contact.is_likely(table.now, threshold)) {
            met += 1;
            if news.len() < limit {
                news.push(contact.news(table.now));
            } else if let Some(place) = news.get_mut(cx.rng().below(met) as usize) {
                *place = contact.news(table.now);
            }
        }
        Arc::from(news)
    }

    fn learn(peer: &mut AccordionPeer, view: View, news: &[News]) {
        let now = peer.table.now;
        for &News { id, alive, since } in news {
            let heard = Time::from_nanos(now.nanos().saturating_sub(i64::from(since) * 1_000_000));
            peer.table.book.learn(view, Contact { id, alive, heard });
        }
    }

    /// A contact speaks for itself.
    fn meet(peer: &mut AccordionPeer, view: View, id: PeerId, age: u32) {
        let heard = peer.table.now;
        peer.table.book.learn(view, Contact { id, alive: age, heard });
    }

    /// Asks a contact for those that it knows up to the next one: the contact before a random distance, drawn with the density 1/x between the
    /// last successor and the whole ring (paper, section 4.2; the way of drawing is p2psim's).
    fn explore(&self, model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>) -> bool {
        let view = model.view(peer);
        let Some(&last) = peer.successors().last() else { return false };
        let least = libm::log2(view.to(last).max(1) as f64);
        let distance = libm::exp2(least + cx.rng().unit_f64() * (64.0 - least));
        // Saturates at the whole ring.
        let distance = distance as u64;
        let Some(asked) = self.nearest(peer, view, distance.saturating_add(1), 1) else { return false };
        let before = peer.table.book.beyond(view, view.to(asked), cx.now(), self.threshold(1)).unwrap_or(peer.id());
        Self::ask(model, peer, cx, asked, before);
        peer.table.budget.explored();
        true
    }

    fn ask(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>, asked: PeerId, before: PeerId) {
        let token = model.open_survey(cx, asked);
        let age = peer.table.age();
        ChordLike::send(peer, cx, asked, RingMessage::Own(AccordionOwn::Explore { token, before, age }));
    }
}

impl Shortcuts for Explored {
    const NAME: &'static str = "accordion";
    const SUMMARY: &'static str = "ring with contacts at a density of 1/x, as many as a bandwidth budget keeps alive; parallel lookups";
    const SOURCE: &'static str = "Li, Stribling, Morris, Kaashoek: Bandwidth-efficient management of DHT routing tables, NSDI 2005";
    const DETOURS_MAX: u8 = 8;
    const REVISITS: bool = false;
    const ALERTS: bool = false;
    type Config = AccordionConfig;
    type Table = Table;
    type Trail = Copy;
    type Filling = ();

    fn configured(config: &AccordionConfig) -> (Rules, Self) {
        let limits = Limits { r_avg: config.r_avg, b_burst: config.b_burst, w_max: config.w_max, exchange: config.exchange() };
        let mut thresholds = [0; 8];
        for (at, threshold) in thresholds.iter_mut().enumerate() {
            // Of w copies, one at least is to reach a living contact with p_thresh.
            let one = 1.0 - libm::pow(1.0 - config.p_thresh, 1.0 / (at + 1) as f64);
            *threshold = (one * 1000.0 + 0.5) as u64;
        }
        let (learn_num, start_age) = (usize::from(config.learn_num), config.start_age.span());
        (Rules::from(config), Self { limits, thresholds, learn_num, start_age, config: config.clone() })
    }

    fn route(&self, peer: &AccordionPeer, view: View, key: Key, trail: Copy, avoid: Option<PeerId>) -> Route<Copy> {
        let distance = view.to_key(key);
        let Some(&first) = peer.successors().first() else { return Route::Owner(peer.id()) };
        if distance == 0 {
            return Route::Owner(peer.id());
        }
        if distance <= view.to(first) {
            return Route::Owner(first);
        }
        let wanted = if trail.redundant {
            1
        } else if trail.width == 0 {
            u8::MAX
        } else {
            trail.width
        };
        let width = peer.table.budget.width(&self.limits, wanted);
        let bound = avoid.map_or(distance, |dead| distance.min(view.to(dead)));
        match self.nearest(peer, view, bound, width) {
            Some(next) => Route::Next(next, Copy { age: peer.table.age(), before: None, width, redundant: trail.redundant }),
            None => view.first_from(peer.successors(), distance).map_or(Route::Lost, Route::Owner),
        }
    }

    fn leads_on(from: View, key: Key, next: PeerId) -> bool {
        let ahead = from.to(next);
        ahead != 0 && ahead < from.to_key(key)
    }

    fn reshape(_peer: &mut AccordionPeer, _view: View) {}

    fn forget(peer: &mut AccordionPeer, dead: PeerId) {
        peer.table.book.forget(dead);
    }

    /// A newcomer begins with what its successor knows.
    fn become_member(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>, successor: PeerId) {
        let this = peer.id();
        Self::ask(model, peer, cx, successor, this);
    }

    /// Every `t_inc`: the budget is credited, doubtful contacts go, and what is left over is spent on exploration.
    fn refresh(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>) {
        let this = &model.shortcuts;
        let explorations = peer.table.budget.credit(&this.limits, cx.now());
        let threshold = this.threshold(peer.table.budget.window());
        peer.table.book.evict(cx.now(), threshold);
        if peer.is_member() {
            let explored = (0..explorations).take_while(|_| this.explore(model, peer, cx)).count();
            if explored > 0 {
                return;
            }
        }
        peer.table.budget.cap(&this.limits);
    }

    fn found(_: &Accordion, _: &mut AccordionPeer, _: &mut Cx<'_, Self>, _: u8, _: Key, _: PeerId) {}

    fn surveyed(_: &Accordion, _: &mut AccordionPeer, _: &mut Cx<'_, Self>, _: PeerId, _: Neighbours<'_>) {}

    fn own(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>, from: PeerId, message: &AccordionOwn) {
        let view = model.view(peer);
        match *message {
            AccordionOwn::Learned { ref news, hop, age, .. } => {
                Self::meet(peer, view, from, age);
                Self::learn(peer, view, news);
                model.acknowledged(peer, cx, from, hop);
            }
            AccordionOwn::Explore { token, before, age } => {
                if !peer.is_member() {
                    ChordLike::refuse_upkeep(peer, cx, from, token);
                    return;
                }
                let bound = if before == peer.id() { u64::MAX } else { view.to(before) };
                let news = model.shortcuts.news(peer, cx, view, bound);
                Self::meet(peer, view, from, age);
                let age = peer.table.age();
                ChordLike::send(peer, cx, from, RingMessage::Own(AccordionOwn::Explored { news, token, age }));
            }
            AccordionOwn::Explored { ref news, token, age } => match cx.close(token) {
                Some(Pending::Survey { of }) if of != from => model.drop_contact(peer, cx, of),
                Some(Pending::Survey { .. }) => {
                    Self::meet(peer, view, from, age);
                    Self::learn(peer, view, news);
                }
                _ => {}
            },
        }
    }

    fn hints(_peer: &AccordionPeer) -> impl Iterator<Item = PeerId> {
        std::iter::empty()
    }

    fn learn(_peer: &mut AccordionPeer, _view: View, _hints: &[PeerId]) {}

    fn born(model: &Accordion, peer: &mut AccordionPeer, now: Time, converged: bool) {
        let table = &mut peer.table;
        table.budget = Budget::new(&model.shortcuts.limits, now);
        table.now = now;
        table.born = now;
        if converged {
            table.born = Time::from_nanos(now.nanos().saturating_sub(model.shortcuts.start_age.nanos() as i64));
            table.book.shift(now.nanos());
        }
    }

    fn clock(peer: &mut AccordionPeer, now: Time) {
        peer.table.now = now;
    }

    fn sent(peer: &mut AccordionPeer, setting: &Setting, message: &AccordionMessage) {
        if !is_reply(message) {
            peer.table.budget.pay(setting.wire_bytes(message));
        }
    }

    fn received(peer: &mut AccordionPeer, cx: &Cx<'_, Self>, from: PeerId, message: &AccordionMessage) {
        let now = cx.now();
        peer.table.now = now;
        if is_reply(message) {
            peer.table.budget.pay(cx.setting().wire_bytes(message));
        }
        let view = View::new(&cx.setting().numbering, peer.id());
        peer.table.book.heard(view, from, now);
    }

    /// The acknowledgement teaches its receiver whom this peer knows on the way to the key, or to the copy that is ahead.
    fn accepted(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>, from: PeerId, hop: Token, query: &Query<Copy>) -> bool {
        let view = model.view(peer);
        let bound = query.trail.before.map_or_else(|| view.to_key(query.key), |before| view.to(before));
        let news = model.shortcuts.news(peer, cx, view, bound);
        Self::meet(peer, view, from, query.trail.age);
        let age = peer.table.age();
        let own = AccordionOwn::Learned { news, hop, age, lookup: query.lookup, goal: query.goal };
        ChordLike::send(peer, cx, from, RingMessage::Own(own));
        if query.goal != Goal::Contact {
            peer.table.budget.looked_up();
        }
        let seen = peer.table.is_seen((query.origin, query.ask));
        !query.trail.redundant || !(seen || peer.table.budget.is_spent())
    }

    /// The first copy of a lookup is followed by others, to the next best contacts.
    fn passed_on(model: &Accordion, peer: &mut AccordionPeer, cx: &mut Cx<'_, Self>, query: &Query<Copy>, next: PeerId, trail: Copy) {
        if query.trail.redundant || !matches!(query.goal, Goal::Owner | Goal::Providers) {
            return;
        }
        let view = model.view(peer);
        let mut ahead = next;
        for _ in 1..trail.width {
            let Some(other) = model.shortcuts.nearest(peer, view, view.to(ahead), trail.width) else { break };
            let copy = Copy { before: Some(ahead), redundant: true, ..trail };
            let remembered = Query { hops: query.hops + 1, trail: copy, ..*query };
            model.send_hop(peer, cx, other, remembered, copy, false);
            ahead = other;
        }
    }

    fn is_redundant(trail: Copy) -> bool {
        trail.redundant
    }

    fn prepare(&self, (): &mut (), _ring: &[(Key, PeerId)], _block: Range<usize>) {}

    /// As many contacts as the budget is likely to keep, at the density 1/x, heard from within the time for which they are believed.
    fn filled(&self, (): &mut (), numbering: Numbering, ring: &[(Key, PeerId)], at: usize) -> Table {
        let (key, id) = ring[at];
        let view = View::new(&numbering, id);
        let count = ring.len();
        let mut table = Table::default();
        if count < 2 {
            return table;
        }
        let least = libm::log2(view.to(ring[(at + 1) % count].1).max(1) as f64);
        let believed = self.start_age.nanos() / 1000 * (1000 - self.threshold(1)) / self.threshold(1) * 1000;
        for draw in 0..u64::from(self.config.expected_contacts(count as u32)) {
            let bits = mix(key.0 ^ mix(draw));
            let distance = libm::exp2(least + unit_f64(bits) * (64.0 - least)) as u64;
            let point = Key(key.0.wrapping_add(distance));
            let other = ring[ring.partition_point(|&(other, _)| other < point) % count].1;
            let since = mix(bits) % believed.max(1);
            let alive = millis(self.start_age.saturating_sub(Span::from_nanos(since)));
            table.book.learn(view, Contact { id: other, alive, heard: Time::from_nanos(-(since as i64)) });
        }
        table
    }

    fn each(peer: &AccordionPeer, visit: &mut dyn FnMut(PeerId)) {
        peer.table.book.iter().for_each(|contact| visit(contact.id));
    }

    fn bytes(table: &Table) -> usize {
        table.book.bytes() + table.seen.capacity() * size_of::<(PeerId, Token)>()
    }

    fn prefetch(_table: &Table) {}

    fn check(&self, peer: &AccordionPeer, numbering: Numbering) -> Result<(), String> {
        let problem = |problem| format!("{:?}: {problem}", peer.id());
        peer.table.book.check(View::new(&numbering, peer.id())).map_err(problem)
    }
}

impl AccordionPeer {
    /// The contacts of the book, nearest first, apart from the neighbours on the ring.
    pub fn contacts(&self) -> impl Iterator<Item = PeerId> {
        self.table.book.iter().map(|contact| contact.id)
    }

    /// How many they are.
    pub fn contact_count(&self) -> usize {
        self.table.book.len()
    }

    /// How many copies of a lookup it sends, if the budget allows (paper: w_p).
    pub fn window(&self) -> u8 {
        self.table.budget.window()
    }
}

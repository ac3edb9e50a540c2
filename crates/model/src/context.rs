//! What a handler can see and do: the other half of the plug-in boundary.
//!
//! A handler's actions go to an [`Actions`], in the order in which it asks for them. A world carries them out at once; a list of
//! [`Effect`]s writes them down, so that a handler can be run without a network and a test can read what it did.
//!
//! An overlay may have another one as a part of itself ([`Context::part`]): a tracker's peers that form a DHT as well, say.

use std::convert::Infallible;

use peerlab_engine::random::Rng;
use peerlab_engine::time::{Span, Time};

use crate::ids::{ItemId, Key, LookupId, PeerId, Region, RumourId};
use crate::keywords::{Keywords, Word};
use crate::overlay::{Overlay, Setting};
use crate::requests::{OpenRequests, Pool, Token};

/// One peer's view of the world while it handles an event.
pub struct Context<'a, O: Overlay> {
    now: Time,
    this: PeerId,
    setting: &'a Setting,
    rng: &'a mut Rng,
    pool: &'a mut Pool<O::Request>,
    requests: &'a mut OpenRequests,
    host: &'a dyn Host,
    actions: &'a mut dyn Actions<O::Message, O::Timer>,
}

/// What carries out, or writes down, what a handler asks for.
pub trait Actions<M, T> {
    /// A message leaves this peer.
    fn send(&mut self, to: PeerId, message: M);
    /// A timer goes off `after` from now (at least a nanosecond).
    fn timer(&mut self, after: Span, timer: T);
    /// This peer is a member now.
    fn joined(&mut self);
    /// An answer is in the origin's hands.
    fn hit(&mut self, lookup: LookupId, hit: Hit);
    /// An answer to a question by keyword is in the origin's hands: the peer that it names has this item, which matches.
    fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId);
    /// The lookup has ended.
    fn finish(&mut self, lookup: LookupId);
    /// A contact that was tried for this lookup did not answer in time.
    fn timed_out(&mut self, lookup: LookupId);
    /// This peer answers for a region from now on (`true`), or no longer does.
    fn claim(&mut self, region: Region, holds: bool);
    /// This peer has heard a rumour.
    fn heard(&mut self, rumour: RumourId);
    /// An item is on this peer's disk from now on (`true`), or no longer is.
    fn shelve(&mut self, item: ItemId, holds: bool);
}

impl<M, T> Actions<M, T> for Vec<Effect<M, T>> {
    fn send(&mut self, to: PeerId, message: M) {
        self.push(Effect::Send { to, message });
    }

    fn timer(&mut self, after: Span, timer: T) {
        self.push(Effect::Timer { after, timer });
    }

    fn joined(&mut self) {
        self.push(Effect::Joined);
    }

    fn hit(&mut self, lookup: LookupId, hit: Hit) {
        self.push(Effect::Hit(lookup, hit));
    }

    fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId) {
        self.push(Effect::Matched(lookup, hit, item));
    }

    fn finish(&mut self, lookup: LookupId) {
        self.push(Effect::Finish(lookup));
    }

    fn timed_out(&mut self, lookup: LookupId) {
        self.push(Effect::TimedOut(lookup));
    }

    fn claim(&mut self, region: Region, holds: bool) {
        self.push(Effect::Claim(region, holds));
    }

    fn heard(&mut self, rumour: RumourId) {
        self.push(Effect::Heard(rumour));
    }

    fn shelve(&mut self, item: ItemId, holds: bool) {
        self.push(Effect::Shelve(item, holds));
    }
}

/// Something that a handler asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<M, T> {
    /// A message leaves this peer.
    Send {
        /// Whom it is for.
        to: PeerId,
        /// What it says.
        message: M,
    },
    /// A timer goes off `after` from now.
    Timer {
        /// How long from now; at least a nanosecond.
        after: Span,
        /// What it reminds of.
        timer: T,
    },
    /// This peer is a member now.
    Joined,
    /// An answer is in the origin's hands.
    Hit(LookupId, Hit),
    /// An answer to a question by keyword is in the origin's hands: the peer that it names has this item.
    Matched(LookupId, Hit, ItemId),
    /// The lookup has ended.
    Finish(LookupId),
    /// A contact that was tried for this lookup did not answer in time.
    TimedOut(LookupId),
    /// This peer answers for a region from now on (`true`), or no longer does.
    Claim(Region, bool),
    /// This peer has heard a rumour.
    Heard(RumourId),
    /// An item is on this peer's disk from now on (`true`), or no longer is.
    Shelve(ItemId, bool),
}

/// What an overlay that is a part of another one would have told the world: [`Context::part`] tells it to that other one. It has no
/// messages and no timers.
pub type Said = Effect<Infallible, Infallible>;

/// Carries out what a part asks for: messages and timers as those of the whole.
struct Part<'a, M, T> {
    whole: &'a mut dyn Actions<M, T>,
    said: &'a mut Vec<Said>,
}

impl<M: From<N>, T: From<U>, N, U> Actions<N, U> for Part<'_, M, T> {
    fn send(&mut self, to: PeerId, message: N) {
        self.whole.send(to, message.into());
    }

    fn timer(&mut self, after: Span, timer: U) {
        self.whole.timer(after, timer.into());
    }

    fn joined(&mut self) {
        self.said.push(Said::Joined);
    }

    fn hit(&mut self, lookup: LookupId, hit: Hit) {
        self.said.push(Said::Hit(lookup, hit));
    }

    fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId) {
        self.said.push(Said::Matched(lookup, hit, item));
    }

    fn finish(&mut self, lookup: LookupId) {
        self.said.push(Said::Finish(lookup));
    }

    fn timed_out(&mut self, lookup: LookupId) {
        self.whole.timed_out(lookup);
    }

    fn claim(&mut self, region: Region, holds: bool) {
        self.said.push(Said::Claim(region, holds));
    }

    fn heard(&mut self, rumour: RumourId) {
        self.said.push(Said::Heard(rumour));
    }

    fn shelve(&mut self, item: ItemId, holds: bool) {
        self.whole.shelve(item, holds);
    }
}

/// An answer to a question: the peer that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The owner, the holder, or the peer that was looked for.
    pub peer: PeerId,
    /// Overlay links that the question crossed to the peer that named it.
    pub hops: u32,
    /// Request/reply rounds in sequence, in iterative models; else 0.
    pub rounds: u32,
}

/// What a peer finds on its own machine, before it has heard from anybody.
pub trait Host {
    /// The items on the disk of the machine that `peer` runs on, in ascending order; nothing for a peer that is not its machine's first.
    fn shares(&self, peer: PeerId) -> &[ItemId];

    /// The items that were on that disk at the start, in ascending order: those that are there now, unless disks change.
    fn originals(&self, peer: PeerId) -> &[ItemId] {
        self.shares(peer)
    }

    /// True if the machine that `peer` runs on can show what `item` contains, whatever it says that it has.
    fn proves(&self, peer: PeerId, item: ItemId) -> bool {
        self.shares(peer).binary_search(&item).is_ok()
    }

    /// The words of an item's name; none where nobody asks by keyword.
    fn words(&self, _item: ItemId) -> &[Word] {
        &[]
    }

    /// A first contact from a host cache or a list of well-known peers: a uniformly random peer on another host than `asker`'s that is
    /// online at `now`, if one is found; else, for a peer that is not its host's first, that first one.
    fn bootstrap(&self, asker: PeerId, now: Time, rng: &mut Rng) -> Option<PeerId>;

    /// Messages per second that the machine which `peer` runs on can handle; nothing if it has no limit.
    fn capacity(&self, peer: PeerId) -> Option<f64>;

    /// True if whoever runs the machine of `peer` obeys a takedown of the item with this key.
    fn refuses(&self, _peer: PeerId, _key: Key) -> bool {
        false
    }
}

impl<'a, O: Overlay> Context<'a, O> {
    /// A context for one event: for worlds and tests.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "each belongs to somebody else, and lives no longer than the event")]
    pub fn new(
        now: Time,
        this: PeerId,
        setting: &'a Setting,
        rng: &'a mut Rng,
        pool: &'a mut Pool<O::Request>,
        requests: &'a mut OpenRequests,
        host: &'a dyn Host,
        actions: &'a mut dyn Actions<O::Message, O::Timer>,
    ) -> Self {
        Self { now, this, setting, rng, pool, requests, host, actions }
    }

    /// Lets an overlay that is a part of this one handle something in this peer's name: with its identity, its randomness, and its requests in
    /// flight, whose kind is the part's.
    ///
    /// The part's messages and timers go out as this overlay's, and its timeouts count. Whatever else it would have told the world (that it has
    /// joined, hits, ends of lookups, claims) is added to `said`: what becomes of it is up to this overlay. Without such news, nothing is allocated.
    pub fn part<I>(&mut self, said: &mut Vec<Said>, act: impl FnOnce(&mut Context<'_, I>))
    where
        I: Overlay<Request = O::Request>,
        O::Message: From<I::Message>,
        O::Timer: From<I::Timer>,
    {
        let mut actions = Part { whole: &mut *self.actions, said };
        act(&mut Context::new(self.now, self.this, self.setting, self.rng, self.pool, self.requests, self.host, &mut actions));
    }

    /// The present instant.
    #[inline]
    pub fn now(&self) -> Time {
        self.now
    }

    /// This peer's own identity.
    #[inline]
    pub fn this(&self) -> PeerId {
        self.this
    }

    /// The setting that the model was built in.
    pub fn setting(&self) -> &'a Setting {
        self.setting
    }

    /// The key of a contact: part of what a contact is.
    #[inline]
    pub fn key_of(&self, peer: PeerId) -> Key {
        self.setting.numbering.key(peer)
    }

    /// The items on this peer's own disk, in ascending order. Where a host has several peers, its disk is the first one's.
    pub fn shares(&self) -> &'a [ItemId] {
        self.host.shares(self.this)
    }

    /// The items that were on this peer's own disk at the start, in ascending order: what it published, and did not get from others.
    pub fn originals(&self) -> &'a [ItemId] {
        self.host.originals(self.this)
    }

    /// True if this peer itself holds `item`.
    pub fn holds(&self, item: ItemId) -> bool {
        self.shares().binary_search(&item).is_ok()
    }

    /// True if this peer can show what `item` contains, as it is when asked for a part of it that nobody could guess. What an adversary claims to
    /// hold and does not hold it cannot show.
    pub fn proves(&self, item: ItemId) -> bool {
        self.host.proves(self.this, item)
    }

    /// Messages per second that this peer's machine can handle, whatever they are for; nothing if it has no limit. A machine knows its own,
    /// and its peers share it.
    pub fn capacity(&self) -> Option<f64> {
        self.host.capacity(self.this)
    }

    /// True if this peer obeys a takedown of the item with this key: it neither keeps records of it for others nor names who has it.
    pub fn refuses(&self, key: Key) -> bool {
        self.host.refuses(self.this, key)
    }

    /// The words of the name of an item that this peer has, or has been told of together with its name; none where nobody asks by keyword.
    #[inline]
    pub fn words_of(&self, item: ItemId) -> &'a [Word] {
        self.host.words(item)
    }

    /// The items on this peer's own disk whose names have all of these words, in ascending order.
    #[inline]
    pub fn matching(&self, keywords: Keywords) -> impl Iterator<Item = ItemId> + use<'a, O> {
        let host = self.host;
        self.shares().iter().copied().filter(move |&item| keywords.are_in(host.words(item)))
    }

    /// This peer's own randomness.
    #[inline]
    pub fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// Sends a message. Nobody is told if it gets lost.
    ///
    /// # Panics
    /// If it is for this peer itself: that is a timer, or no message at all.
    #[inline]
    pub fn send(&mut self, to: PeerId, message: O::Message) {
        assert!(to != self.this, "{to:?} sends itself a message");
        self.actions.send(to, message);
    }

    /// Sets a timer, `after` from now (at least a nanosecond). It goes off unless this life ends before.
    #[inline]
    pub fn set_timer(&mut self, after: Span, timer: O::Timer) {
        self.actions.timer(after.max(Span::from_nanos(1)), timer);
    }

    /// Sets a timer at a uniformly random time within `period` from now: the phase of something periodic.
    pub fn set_timer_within(&mut self, period: Span, timer: O::Timer) {
        let after = Span::from_nanos(self.rng.below(period.nanos().max(1)));
        self.set_timer(after, timer);
    }

    /// Remembers a request in flight until [`Context::close`] takes it, or this life ends. The token goes into the message and into the
    /// timer of its timeout.
    #[inline]
    pub fn open(&mut self, what: O::Request) -> Token {
        self.pool.open(self.requests, what)
    }

    /// The same of a request that wants to know its own token.
    #[inline]
    pub fn open_with(&mut self, what: impl FnOnce(Token) -> O::Request) -> Token {
        self.pool.open_with(self.requests, what)
    }

    /// Takes out the request that `token` names: when its reply comes, and when its timer goes off. Nothing if the other one
    /// came first.
    #[inline]
    pub fn close(&mut self, token: Token) -> Option<O::Request> {
        self.pool.close(self.requests, token)
    }

    /// The same, if the request is one that this answer is `meant` for: an answer to a question of this machine's last life may be so late that
    /// the present life has a request of the same number.
    #[inline]
    pub fn close_if(&mut self, token: Token, meant: impl FnOnce(&O::Request) -> bool) -> Option<O::Request> {
        if self.request_mut(token).is_some_and(|request| meant(request)) { self.close(token) } else { None }
    }

    /// The request that `token` names, if it still waits.
    #[inline]
    pub fn request_mut(&mut self, token: Token) -> Option<&mut O::Request> {
        self.pool.get_mut(self.requests, token)
    }

    /// A contact to join through, as a host cache or a list of well-known peers gives one: online, but perhaps not a
    /// member yet, and gone a moment later. Nothing if nobody else is online: then this peer is the first.
    pub fn bootstrap(&mut self) -> Option<PeerId> {
        self.host.bootstrap(self.this, self.now, self.rng)
    }

    /// This peer has become a member.
    pub fn joined(&mut self) {
        self.actions.joined();
    }

    /// An answer to one of this peer's own questions has come.
    pub fn hit(&mut self, lookup: LookupId, hit: Hit) {
        self.actions.hit(lookup, hit);
    }

    /// An answer to one of this peer's own questions by keyword has come: `hit.peer` has this item, which matches.
    pub fn matched(&mut self, lookup: LookupId, hit: Hit, item: ItemId) {
        self.actions.matched(lookup, hit, item);
    }

    /// `keeper` has answered a question for an item with its records: hits for the holders that they name, or, where peers keep values,
    /// for the keeper itself, who has sent the value. None if there are no records.
    pub fn hit_by_records(&mut self, lookup: LookupId, keeper: PeerId, holders: &[PeerId], hops: u32, rounds: u32) {
        if !self.setting.keeps_values() {
            for &peer in holders {
                self.hit(lookup, Hit { peer, hops, rounds });
            }
        } else if !holders.is_empty() {
            self.hit(lookup, Hit { peer: keeper, hops, rounds });
        }
    }

    /// One of this peer's own questions has ended: no further hit will come.
    pub fn finish(&mut self, lookup: LookupId) {
        self.actions.finish(lookup);
    }

    /// A contact that was asked for `lookup` (anybody's) did not answer in time.
    pub fn timed_out(&mut self, lookup: LookupId) {
        self.actions.timed_out(lookup);
    }

    /// This peer answers for the keys of `region` from now on: for the judge, in models whose owners depend on what has happened and not
    /// only on who is a member; see [`Overlay::owner`]. Nobody is told, and the end of this life ends all that it claims.
    pub fn claim(&mut self, region: Region) {
        self.actions.claim(region, true);
    }

    /// This peer no longer answers for `region`, which it has claimed in exactly this form.
    pub fn release(&mut self, region: Region) {
        self.actions.claim(region, false);
    }

    /// This peer has heard `rumour` from another one: for the judge, who counts the first time of a peer's present life.
    pub fn heard(&mut self, rumour: RumourId) {
        self.actions.heard(rumour);
    }

    /// `item` is on this peer's disk from now on: it has got a copy. When this event has been handled, [`Context::shares`] has it, and
    /// [`Overlay::publish`] is called with it if it is new. For the first peer of a host, which is the one with a disk.
    pub fn acquire(&mut self, item: ItemId) {
        self.actions.shelve(item, true);
    }

    /// `item` is deleted from this peer's disk, when this event has been handled; [`Overlay::withdraw`] is called with it if it was there.
    pub fn discard(&mut self, item: ItemId) {
        self.actions.shelve(item, false);
    }
}

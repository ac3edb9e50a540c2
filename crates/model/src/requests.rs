//! Requests that may never be answered: the one piece of code for timeouts and retries.
//!
//! Opening a request gives a [`Token`]; the model puts it into the message and into a timer. Whichever comes first, the reply or
//! the timer, takes the request out; the other one then finds nothing and is ignored.
//!
//! There are two places to keep them. A peer's [`OpenRequests`] lie in a [`Pool`] that the world shares among its peers, and are
//! reached by [`Context::open`](crate::Context::open) and [`Context::close`](crate::Context::close): for what each of a million peers
//! has now and then. A [`Requests`] is a table of the peer's own, which can be looked at while the peer acts.
//!
//! # Cost
//! A pooled request takes a slot only while it waits, and the slot that was freed last is used next, while it is still in the
//! cache; a peer without requests keeps 8 bytes. A table of the peer's own is a short vector, searched linearly; it grows to the
//! most that were ever in flight together and by no more.

use peerlab_prefetch::prefetch_at;

/// The number of a request at the peer that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u32);

/// No slot.
const NONE: u32 = u32::MAX;
/// How many requests before it is used a free slot is asked for.
const AHEAD: usize = 8;

/// One peer's requests in a [`Pool`].
#[derive(Clone, Copy, Debug)]
pub struct OpenRequests {
    /// The slot of the one that was opened last.
    latest: u32,
    next: u32,
}

impl Default for OpenRequests {
    fn default() -> Self {
        Self { latest: NONE, next: 0 }
    }
}

/// The requests in flight of many peers; `W` is what is remembered of each.
#[derive(Clone, Debug)]
pub struct Pool<W> {
    slots: Vec<Slot<W>>,
    /// The one that was freed last is the last.
    free: Vec<u32>,
}

/// Of whole cache lines: most requests fill one.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Slot<W> {
    token: Token,
    /// The same peer's slot before this one.
    before: u32,
    what: Option<W>,
}

impl<W> Default for Pool<W> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<W> Pool<W> {
    /// Remembers `what` until the reply or the timeout takes it.
    #[inline]
    pub fn open(&mut self, peer: &mut OpenRequests, what: W) -> Token {
        self.open_with(peer, |_| what)
    }

    /// The same of a request that wants to know its own token.
    #[inline]
    pub fn open_with(&mut self, peer: &mut OpenRequests, what: impl FnOnce(Token) -> W) -> Token {
        let token = Token(peer.next);
        peer.next = peer.next.wrapping_add(1);
        let at = self.free.pop().unwrap_or_else(|| self.grow());
        let slot = &mut self.slots[at as usize];
        slot.token = token;
        slot.before = std::mem::replace(&mut peer.latest, at);
        // There is nothing to drop; to look would be to write the request twice, once while the slot is looked at.
        std::mem::forget(slot.what.replace(what(token)));
        // The slot may have been freed long ago.
        if let Some(soon) = self.free.iter().nth_back(AHEAD) {
            prefetch_at::<1, _>(&self.slots, *soon as usize);
        }
        token
    }

    /// A slot more.
    #[cold]
    fn grow(&mut self) -> u32 {
        let at = self.slots.len() as u32;
        assert!(at < NONE, "more than 2^32 requests in flight");
        self.slots.push(Slot { token: Token(0), before: NONE, what: None });
        at
    }

    /// Takes out the request that `token` names: when its reply comes, and when its timer goes off.
    /// Nothing if the other one came first.
    #[inline]
    pub fn close(&mut self, peer: &mut OpenRequests, token: Token) -> Option<W> {
        let (mut at, mut after) = (peer.latest, NONE);
        while at != NONE {
            let slot = &mut self.slots[at as usize];
            if slot.token == token {
                let before = slot.before;
                let what = slot.what.take();
                self.free.push(at);
                match self.slots.get_mut(after as usize) {
                    Some(after) => after.before = before,
                    None => peer.latest = before,
                }
                return what;
            }
            (after, at) = (at, slot.before);
        }
        None
    }

    /// The request that `token` names, if it still waits.
    pub fn get_mut(&mut self, peer: &OpenRequests, token: Token) -> Option<&mut W> {
        let at = self.find(*peer, token)?;
        self.slots[at].what.as_mut()
    }

    /// True if the request that `token` names still waits.
    #[inline]
    pub fn waits(&self, peer: &OpenRequests, token: Token) -> bool {
        self.find(*peer, token).is_some()
    }

    /// The slot of the request that `token` names.
    #[inline]
    fn find(&self, peer: OpenRequests, token: Token) -> Option<usize> {
        let mut at = peer.latest;
        loop {
            let slot = self.slots.get(at as usize)?;
            if slot.token == token {
                return Some(at as usize);
            }
            at = slot.before;
        }
    }

    /// Forgets all requests of a peer whose life is over, and begins to number them anew.
    pub fn forget(&mut self, peer: &mut OpenRequests) {
        while let Some(slot) = self.slots.get_mut(peer.latest as usize) {
            slot.what = None;
            self.free.push(std::mem::replace(&mut peer.latest, slot.before));
        }
        peer.next = 0;
    }

    /// The request that a peer opened last will be looked at soon. A hint.
    #[inline]
    pub fn prefetch_latest(&self, peer: &OpenRequests) {
        prefetch_at::<1, _>(&self.slots, peer.latest as usize);
    }

    /// The request that a peer opened last, of those that wait.
    #[inline]
    pub fn latest(&self, peer: &OpenRequests) -> Option<&W> {
        self.slots.get(peer.latest as usize)?.what.as_ref()
    }
}

/// A table of one peer's requests that wait for their reply; `W` is what the peer needs to remember of each.
#[derive(Clone, Debug)]
pub struct Requests<W> {
    waiting: Vec<(Token, W)>,
    next: u32,
}

impl<W> Default for Requests<W> {
    fn default() -> Self {
        Self { waiting: Vec::new(), next: 0 }
    }
}

impl<W> Requests<W> {
    /// Remembers `what` until the reply or the timeout takes it.
    #[inline]
    pub fn open(&mut self, what: W) -> Token {
        let token = Token(self.next);
        self.next = self.next.wrapping_add(1);
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.reserve_exact(1);
        }
        self.waiting.push((token, what));
        token
    }

    /// Takes out the request that `token` names: when its reply comes, and when its timer goes off.
    /// Nothing if the other one came first.
    #[inline]
    pub fn close(&mut self, token: Token) -> Option<W> {
        let at = self.waiting.iter().position(|(t, _)| *t == token)?;
        Some(self.waiting.swap_remove(at).1)
    }

    /// The request that `token` names, if it still waits.
    pub fn get_mut(&mut self, token: Token) -> Option<&mut W> {
        self.waiting.iter_mut().find(|(t, _)| *t == token).map(|(_, what)| what)
    }

    /// The first request that `is_it` picks, with its number.
    pub fn find_mut(&mut self, is_it: impl Fn(&W) -> bool) -> Option<(Token, &mut W)> {
        self.waiting.iter_mut().find(|(_, what)| is_it(what)).map(|(token, what)| (*token, what))
    }

    /// What waits, in no particular order that a result may depend on… but the same in every run.
    pub fn iter(&self) -> impl Iterator<Item = &W> {
        self.waiting.iter().map(|(_, what)| what)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

//! Requests that may never be answered: the one piece of code for timeouts and retries.
//!
//! A model keeps a [`Requests`] in its peer. Opening a request gives a [`Token`]; the model puts it into the message and into a
//! timer. Whichever comes first, the reply or the timer, takes the request out; the other one then finds nothing and is ignored.
//!
//! # Cost
//! A request in flight is one entry of a short vector, searched linearly; the vector grows to the most that were ever in
//! flight together and by no more, since a million peers each have one.

/// The number of a request at the peer that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(u32);

/// The requests of one peer that wait for their reply; `W` is what the peer needs to remember of each.
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

    /// What waits, in no particular order that a result may depend on… but the same in every run.
    pub fn iter(&self) -> impl Iterator<Item = &W> {
        self.waiting.iter().map(|(_, what)| what)
    }

    /// Where they lie in memory: for a prefetch.
    pub fn memory(&self) -> &[(Token, W)] {
        &self.waiting
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

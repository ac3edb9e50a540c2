//! A short list that lies where its owner lies: no allocation, and no second wait for memory, until it grows beyond `N`.

use std::ops::{Deref, DerefMut};

/// A list with room for `N` in itself. In the order in which it is read, which a prefetch follows.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Few<T, const N: usize> {
    length: usize,
    /// All of them, once there are more than `N`.
    beyond: Vec<T>,
    here: [T; N],
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// An empty list; `blank` lies in the places that are free.
    pub(crate) fn new(blank: T) -> Self {
        Self { length: 0, here: [blank; N], beyond: Vec::new() }
    }

    /// All of them, and perhaps some places that are free: as many as the compiler knows, so that it goes through several at a time.
    #[inline]
    pub(crate) fn with_free(&self) -> &[T] {
        if self.beyond.is_empty() { &self.here } else { &self.beyond }
    }

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        self.insert(self.len(), value);
    }

    /// Puts `value` at `at` and moves the rest up.
    #[inline]
    pub(crate) fn insert(&mut self, at: usize, value: T) {
        if self.beyond.is_empty() && self.length < N {
            self.length += 1;
            let list = &mut self.here[..self.length];
            list.copy_within(at..list.len() - 1, at + 1);
            list[at] = value;
        } else {
            self.insert_beyond(at, value);
        }
    }

    #[cold]
    fn insert_beyond(&mut self, at: usize, value: T) {
        if self.beyond.is_empty() {
            self.beyond.extend_from_slice(&self.here[..self.length]);
        }
        self.beyond.insert(at, value);
    }

    /// Takes out what lies at `at`.
    #[inline]
    pub(crate) fn remove(&mut self, at: usize) -> T {
        let value = self[at];
        let length = self.len();
        self.copy_within(at + 1..length, at);
        if self.beyond.is_empty() {
            self.length -= 1;
        } else {
            self.beyond.pop();
            // An empty one would mean that all lie here.
            self.length = if self.beyond.is_empty() { 0 } else { self.length };
        }
        value
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        if self.beyond.is_empty() { &self.here[..self.length] } else { &self.beyond }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        if self.beyond.is_empty() { &mut self.here[..self.length] } else { &mut self.beyond }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: it is a `Vec`. Method: random insertions and removals in both, across the border and back to nothing.
    #[test]
    fn a_short_list_is_a_vec() {
        let mut rng = Streams::new(1).rng("test", 0);
        let mut few = Few::<u64, 4>::new(0);
        let mut vec = Vec::new();
        for turn in 0..5000 {
            let grows = rng.below(16) < if turn / 100 % 2 == 0 { 10 } else { 5 };
            if grows && vec.len() < 12 {
                let (at, value) = (rng.index(vec.len() + 1), rng.bits());
                few.insert(at, value);
                vec.insert(at, value);
            } else if !vec.is_empty() {
                let at = rng.index(vec.len());
                assert_eq!(few.remove(at), vec.remove(at));
            }
            assert_eq!(*few, *vec);
        }
    }
}

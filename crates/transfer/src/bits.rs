//! Which pieces somebody has.

/// A set of pieces, a bit each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bits {
    words: Box<[u64]>,
    count: u32,
}

impl Bits {
    /// None of `pieces` pieces.
    pub fn none(pieces: u32) -> Self {
        Self { words: vec![0; pieces.div_ceil(64) as usize].into(), count: 0 }
    }

    /// All of `pieces` pieces.
    pub fn all(pieces: u32) -> Self {
        let mut words = vec![u64::MAX; pieces.div_ceil(64) as usize];
        if let (Some(last), rest @ 1..) = (words.last_mut(), pieces % 64) {
            *last = (1 << rest) - 1;
        }
        Self { words: words.into(), count: pieces }
    }

    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.words)
    }

    /// How many pieces are in the set.
    #[inline]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// True if `piece` is in the set.
    #[inline]
    pub fn has(&self, piece: u32) -> bool {
        self.bit(piece) == 1
    }

    /// 1 if `piece` is in the set, else 0.
    #[inline]
    pub(crate) fn bit(&self, piece: u32) -> u32 {
        (self.words[piece as usize / 64] >> (piece % 64) & 1) as u32
    }

    /// `piece` will be looked at soon. A hint.
    #[inline]
    pub(crate) fn prefetch(&self, piece: u32) {
        if let Some(word) = self.words.get(piece as usize / 64) {
            peerlab_prefetch::prefetch::<1, _>(word);
        }
    }

    /// Adds `piece`; false if it was there.
    ///
    /// What is counted is the bit, never a comparison: where a truth value was both counted and branched upon, rustc 1.95 lost the count in
    /// optimised builds (rust-lang/rust#158206, mended in later versions; benches/records/2026-11-30-swarm.md).
    #[inline]
    pub fn add(&mut self, piece: u32) -> bool {
        let word = &mut self.words[piece as usize / 64];
        let before = (*word >> (piece % 64) & 1) as u32;
        *word |= 1 << (piece % 64);
        self.count += 1 - before;
        before == 0
    }

    /// Takes `piece` out; false if it was not there.
    #[inline]
    pub fn remove(&mut self, piece: u32) -> bool {
        let word = &mut self.words[piece as usize / 64];
        let before = (*word >> (piece % 64) & 1) as u32;
        *word &= !(1 << (piece % 64));
        self.count -= before;
        before == 1
    }

    /// The pieces of this set, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.without([])
    }

    /// The pieces of this set that are not in `others`, each of which has as many words or none, in ascending order.
    pub fn without<'b, const N: usize>(&'b self, others: [&'b Self; N]) -> impl Iterator<Item = u32> + use<'b, N> {
        self.words.iter().enumerate().flat_map(move |(index, &word)| {
            let mut rest = others.iter().fold(word, |rest, other| rest & !other.words[index]);
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(index as u32 * 64 + bit)
            })
        })
    }
}

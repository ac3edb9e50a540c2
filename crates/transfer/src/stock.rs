//! What a download has got so far, and what it has asked for: pieces, and the blocks of the pieces that have been begun.

use peerlab_model::Rng;
use peerlab_prefetch::prefetch;

use crate::bits::Bits;
use crate::layout::Layout;

/// Got: not to be asked for again.
const GOT: u8 = u8::MAX;

/// The pieces and blocks of one download.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Stock {
    have: Bits,
    /// Pieces of which something has been asked for or got, the oldest first.
    begun: Vec<Begun>,
    /// By block of these pieces, each of which has room for a whole one: how many have been asked for it, or [`GOT`].
    blocks: Vec<u8>,
    /// The same as a set.
    under_way: Bits,
    /// Pieces that have failed their check, and are fetched from one alone.
    failed: Vec<u32>,
}

/// Whom to ask for something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    /// The number of the connection.
    pub(crate) slot: u16,
    /// What it has.
    pub(crate) has: &'a Bits,
    /// There is nothing that it has been asked for.
    pub(crate) is_idle: bool,
}

/// A piece that is on its way.
#[derive(Clone, Debug)]
struct Begun {
    piece: u32,
    /// Blocks that have been neither asked for nor got.
    open: u16,
    /// Blocks that have not been got.
    missing: u16,
    /// It has failed its check before.
    is_alone: bool,
    /// The connection of which a block was asked for last.
    from: u16,
}

/// In which order pieces are begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Order {
    /// From the first to the last.
    Sequential,
    /// One at random, while nothing is there to give; then the one that fewest have, by `rarity` (Cohen 2003, section 2.4).
    RarestFirst,
    /// Those before `until` by their number; beyond it, and in any case with the chance `1 - p`, the rarest (Vlavianos et al., "BiToS", 2006).
    Playing { until: u32, p: f64 },
    /// Those before `until` by their number, and no others.
    Urgent { until: u32 },
}

impl Order {
    /// The pieces before this one are fetched by their number.
    fn until(self) -> u32 {
        match self {
            Self::Sequential | Self::RarestFirst => 0,
            Self::Playing { until, .. } | Self::Urgent { until } => until,
        }
    }
}

/// What a block's arrival has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// It was there already.
    Again,
    /// It is new. So many others have been asked for it, too.
    Block { asked: u8 },
    /// It has made its piece whole. So many others have been asked for it, too.
    Piece { piece: u32, asked: u8 },
}

impl Stock {
    /// Nothing of `pieces` pieces.
    pub(crate) fn empty(pieces: u32) -> Self {
        Self { have: Bits::none(pieces), begun: Vec::new(), blocks: Vec::new(), under_way: Bits::none(pieces), failed: Vec::new() }
    }

    /// The pieces that are whole.
    #[inline]
    pub(crate) fn have(&self) -> &Bits {
        &self.have
    }

    /// A block will come soon. A hint.
    #[inline]
    pub(crate) fn prefetch(&self) {
        prefetch::<2, _>(&*self.begun);
        prefetch::<2, _>(&*self.blocks);
    }

    /// The next block to ask somebody for.
    ///
    /// Blocks of pieces that have been begun come first (strict priority), those of the next piece to be played or else of the rarest one before the
    /// others. When every block that is missing has been asked for, it is asked for once more, of those who have nothing else to send (endgame). A piece
    /// that has failed its check comes from one source alone.
    pub(crate) fn next(&mut self, source: Source<'_>, layout: &Layout, order: Order, rarity: &[u16], rng: &mut Rng) -> Option<u32> {
        let until = order.until();
        let is_for_now = |piece: u32| piece < until || !matches!(order, Order::Urgent { .. });
        let is_usable = |begun: &Begun| begun.open > 0 && begun.may_come_from(source) && is_for_now(begun.piece);
        let usable = self.begun.iter().enumerate().filter(|(_, begun)| is_usable(begun));
        let rank = |begun: &Begun| if begun.piece < until { (false, begun.piece) } else { (true, rarity[begun.piece as usize].into()) };
        if let Some((at, _)) = usable.min_by_key(|(_, begun)| rank(begun)) {
            return self.take(at, source, layout);
        }
        if let Some(piece) = self.choose(source.has, order, rarity, rng) {
            let blocks = layout.blocks_of(piece).len();
            self.under_way.add(piece);
            let is_alone = self.failed.contains(&piece);
            self.begun.push(Begun { piece, open: blocks as u16, missing: blocks as u16, is_alone, from: source.slot });
            self.blocks.resize(self.begun.len() * layout.blocks_each(), 0);
            return self.take(self.begun.len() - 1, source, layout);
        }
        let is_endgame =
            self.have.count() as usize + self.begun.len() == layout.pieces() as usize && self.begun.iter().all(|begun| begun.open == 0);
        if is_endgame && source.is_idle && !matches!(order, Order::Urgent { .. }) { self.ask_again(source, layout) } else { None }
    }

    /// A piece to begin.
    fn choose(&self, theirs: &Bits, order: Order, rarity: &[u16], rng: &mut Rng) -> Option<u32> {
        let mut candidates = theirs.without([&self.have, &self.under_way]);
        let (until, p) = match order {
            Order::Sequential => return candidates.next(),
            Order::Urgent { until } => return candidates.next().filter(|&piece| piece < until),
            Order::RarestFirst => (0, 0.0),
            Order::Playing { until, p } => (until, p),
        };
        let mut candidates = candidates.peekable();
        let next = candidates.next_if(|&piece| piece < until);
        if next.is_some() && rng.chance(p) {
            return next;
        }
        self.rarest(candidates.skip_while(|&piece| piece < until), rarity, rng).or(next)
    }

    /// One of these that fewest have; any of them, while nothing is there to give.
    fn rarest(&self, candidates: impl Iterator<Item = u32>, rarity: &[u16], rng: &mut Rng) -> Option<u32> {
        let at_random = self.have.count() == 0;
        let (mut chosen, mut fewest, mut ties) = (None, u16::MAX, 0);
        for piece in candidates {
            let copies = if at_random { 0 } else { rarity[piece as usize] };
            if copies < fewest {
                (chosen, fewest, ties) = (Some(piece), copies, 1);
            } else if copies == fewest {
                ties += 1;
                if rng.below(ties) == 0 {
                    chosen = Some(piece);
                }
            }
        }
        chosen
    }

    /// True if a block of a piece that has been begun has not come, and may come from anybody.
    pub(crate) fn lacks(&self, block: u32, layout: &Layout) -> bool {
        self.place(block, layout).is_some_and(|(at, block)| !self.begun[at].is_alone && self.blocks[block] != GOT)
    }

    /// Where its piece stands among those that have been begun, and where the block does among theirs; nothing if it has not been begun.
    fn place(&self, block: u32, layout: &Layout) -> Option<(usize, usize)> {
        let piece = layout.piece_of(block);
        let at = self.begun.iter().position(|begun| begun.piece == piece)?;
        Some((at, at * layout.blocks_each() + (block - layout.blocks_of(piece).start) as usize))
    }

    /// Where the blocks of the `at`-th piece stand that has been begun.
    fn blocks_of(&self, at: usize, layout: &Layout) -> std::ops::Range<usize> {
        let first = at * layout.blocks_each();
        first..first + layout.blocks_of(self.begun[at].piece).len()
    }

    /// The first block that nobody has been asked for, of the `at`-th piece that has been begun.
    fn take(&mut self, at: usize, source: Source<'_>, layout: &Layout) -> Option<u32> {
        self.begun[at].from = source.slot;
        let places = self.blocks_of(at, layout);
        let index = self.blocks[places.clone()].iter().position(|&state| state == 0)?;
        self.blocks[places.start + index] = 1;
        self.begun[at].open -= 1;
        Some(layout.blocks_of(self.begun[at].piece).start + index as u32)
    }

    /// Another one is asked for a block that others owe.
    pub(crate) fn ask_another(&mut self, block: u32, layout: &Layout) {
        let Some((at, block)) = self.place(block, layout) else { return };
        let state = &mut self.blocks[block];
        self.begun[at].open -= u16::from(*state == 0);
        *state = (*state + 1).min(GOT - 1);
    }

    /// A block that fewest have been asked for.
    fn ask_again(&mut self, source: Source<'_>, layout: &Layout) -> Option<u32> {
        let mut best: Option<(u8, usize, usize)> = None;
        for at in (0..self.begun.len()).filter(|&at| self.begun[at].may_come_from(source)) {
            for (index, &count) in self.blocks[self.blocks_of(at, layout)].iter().enumerate().filter(|(_, count)| **count < GOT - 1) {
                if best.is_none_or(|(fewest, ..)| count < fewest) {
                    best = Some((count, at, index));
                }
            }
        }
        let (_, at, index) = best?;
        self.blocks[at * layout.blocks_each() + index] += 1;
        Some(layout.blocks_of(self.begun[at].piece).start + index as u32)
    }

    /// A block has come.
    pub(crate) fn got(&mut self, block: u32, layout: &Layout) -> Got {
        let Some((at, block)) = self.place(block, layout) else { return Got::Again };
        let before = std::mem::replace(&mut self.blocks[block], GOT);
        if before == GOT {
            return Got::Again;
        }
        let begun = &mut self.begun[at];
        let piece = begun.piece;
        begun.open -= u16::from(before == 0);
        begun.missing -= 1;
        let asked = before.saturating_sub(1);
        if begun.missing > 0 {
            return Got::Block { asked };
        }
        self.begun.remove(at);
        self.blocks.drain(at * layout.blocks_each()..(at + 1) * layout.blocks_each());
        self.under_way.remove(piece);
        self.have.add(piece);
        Got::Piece { piece, asked }
    }

    /// Somebody who was asked for a block will not send it.
    pub(crate) fn release(&mut self, block: u32, layout: &Layout) {
        let Some((at, block)) = self.place(block, layout) else { return };
        let state = &mut self.blocks[block];
        if *state != GOT && *state > 0 {
            *state -= 1;
            self.begun[at].open += u16::from(*state == 0);
        }
    }

    /// A piece is not what it should be: it has to come again, from one alone.
    pub(crate) fn throw_away(&mut self, piece: u32) {
        self.have.remove(piece);
        if !self.failed.contains(&piece) {
            self.failed.push(piece);
        }
    }

    /// Nobody is asked for anything any longer; what has come stays.
    pub(crate) fn release_all(&mut self) {
        self.blocks.iter_mut().filter(|state| **state != GOT).for_each(|state| *state = 0);
        self.begun.iter_mut().for_each(|begun| begun.open = begun.missing);
    }
}

impl Begun {
    /// True if somebody has it, and it may come from there: what is to come from one alone comes from another one only if that one owes nothing of it.
    fn may_come_from(&self, source: Source<'_>) -> bool {
        let is_free = !self.is_alone || self.from == source.slot || self.open == self.missing;
        source.has.has(self.piece) && is_free
    }
}

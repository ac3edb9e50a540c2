//! An item as pieces and blocks.

use peerlab_model::units::Size;

/// How an item of a certain size is cut: into *pieces*, each of which is verified by its hash and can be served once it is whole, and these
/// into *blocks*, each of which is asked for and sent by itself. Blocks are numbered through; the last piece and the last block may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    size: u64,
    block: u32,
    /// Of a piece that is not the last.
    blocks_each: u32,
    blocks: u32,
}

impl Layout {
    /// An item of `size` bytes in pieces of `piece` bytes and blocks of `block` bytes; all above zero, a piece a whole number of blocks.
    ///
    /// # Panics
    /// If that is not so, or if there are 2^32 blocks or more.
    pub fn new(size: Size, piece: Size, block: Size) -> Self {
        assert!(
            size.0 > 0 && block.0 > 0 && piece.0 > 0 && piece.0.is_multiple_of(block.0),
            "{size} in pieces of {piece}, blocks of {block}"
        );
        let blocks = u32::try_from(size.0.div_ceil(block.0)).expect("an item has less than 2^32 blocks");
        Self { size: size.0, block: block.0 as u32, blocks_each: (piece.0 / block.0) as u32, blocks }
    }

    /// The item's size in bytes.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many blocks there are.
    pub const fn blocks(&self) -> u32 {
        self.blocks
    }

    /// How many pieces there are.
    pub const fn pieces(&self) -> u32 {
        self.blocks.div_ceil(self.blocks_each)
    }

    /// Where a piece begins; of the piece after the last, the item's size.
    pub const fn offset_of(&self, piece: u32) -> u64 {
        let offset = piece as u64 * self.blocks_each as u64 * self.block as u64;
        if offset < self.size { offset } else { self.size }
    }

    /// How many blocks a piece has that is not the last.
    #[inline]
    pub const fn blocks_each(&self) -> usize {
        self.blocks_each as usize
    }

    /// The blocks of a piece.
    #[inline]
    pub fn blocks_of(&self, piece: u32) -> std::ops::Range<u32> {
        let first = piece * self.blocks_each;
        first..(first + self.blocks_each).min(self.blocks)
    }

    /// The piece that a block is a part of.
    #[inline]
    pub const fn piece_of(&self, block: u32) -> u32 {
        block / self.blocks_each
    }

    /// The bytes of a block.
    #[inline]
    pub const fn bytes_of(&self, block: u32) -> u32 {
        if block + 1 == self.blocks { (self.size - self.block as u64 * (self.blocks as u64 - 1)) as u32 } else { self.block }
    }
}

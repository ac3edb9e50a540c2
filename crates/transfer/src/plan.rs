//! What all hosts of a run know of its downloads.

use peerlab_engine::random::Streams;
use peerlab_model::units::Size;
use peerlab_model::{HostId, ItemId, PeerId, Rng, Time};

use crate::bits::Bits;
use crate::config::{DownloadConfig, Method, ServerSlots};
use crate::layout::Layout;
use crate::message::Bitfield;
use crate::stream::{Media, StreamConfig};

/// Connections that a host can number.
const ACCEPTED_MAX: usize = 60_000;

/// The `[download]` table as the hosts of one run see it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The parameters.
    pub config: DownloadConfig,
    /// How items are cut: all in one way, or each in its own.
    layouts: Box<[Layout]>,
    /// The origin servers.
    pub servers: Vec<PeerId>,
    /// Which hosts want item 0, and when, if a trace says so.
    pub traced: Vec<(HostId, Time)>,
    /// There may be hosts that send something else in place of blocks.
    pub(crate) polluted: bool,
    /// How items are played, if they are.
    pub(crate) stream: Option<StreamConfig>,
    /// All pieces, of items that are cut in one way.
    all: Bitfield,
    streams: Streams,
}

impl Plan {
    /// For items of `size`, with these origin servers; the configuration has passed its check.
    pub fn new(config: &DownloadConfig, size: Size, servers: Vec<PeerId>, streams: Streams) -> Self {
        let layout = Layout::new(size, config.piece, config.block);
        Self {
            config: config.clone(),
            layouts: Box::new([layout]),
            servers,
            traced: Vec::new(),
            polluted: config.polluters > 0.0,
            stream: None,
            all: Bitfield::new(Bits::all(layout.pieces())),
            streams,
        }
    }

    /// The same, with items that are played while they load.
    #[must_use]
    pub fn with_stream(self, stream: Option<StreamConfig>) -> Self {
        Self { stream, ..self }
    }

    /// The same, with items of these sizes, by number, in place of one size for all. (None has more than 2^32 − 1 blocks.)
    #[must_use]
    pub fn with_sizes(self, sizes: Option<Vec<Size>>) -> Self {
        let Some(sizes) = sizes else { return self };
        let (piece, block) = (self.config.piece, self.config.block);
        let most = Size(block.0.saturating_mul(u64::from(u32::MAX)));
        Self { layouts: sizes.into_iter().map(|size| Layout::new(size.min(most), piece, block)).collect(), ..self }
    }

    /// How an item is cut.
    ///
    /// # Panics
    /// If each item has its own size and there is no such item.
    #[inline]
    pub fn layout(&self, item: ItemId) -> &Layout {
        match &*self.layouts {
            [layout] => layout,
            layouts => &layouts[item.0 as usize],
        }
    }

    /// All pieces of an item.
    pub(crate) fn all(&self, item: ItemId) -> Bitfield {
        let pieces = self.layout(item).pieces();
        if self.all.count() == pieces { Bitfield::clone(&self.all) } else { Bitfield::new(Bits::all(pieces)) }
    }

    /// An item as media, if items are played.
    #[inline]
    pub(crate) fn media(&self, item: ItemId) -> Option<Media> {
        Some(Media::new(self.stream?, *self.layout(item)))
    }

    /// The same, where a trace says which hosts want item 0, and when.
    #[must_use]
    pub fn with_arrivals(self, traced: Vec<(HostId, Time)>) -> Self {
        Self { traced, ..self }
    }

    /// The same, with polluters besides those that the configuration has, if `poisoned`: see [`Agent::pollute`](crate::Agent::pollute).
    #[must_use]
    pub fn with_poison(self, poisoned: bool) -> Self {
        Self { polluted: self.polluted || poisoned, ..self }
    }

    /// True if somebody may send something else in place of blocks.
    pub fn is_polluted(&self) -> bool {
        self.polluted
    }

    /// True if this peer is an origin server.
    #[inline]
    pub fn is_server(&self, peer: PeerId) -> bool {
        self.servers.contains(&peer)
    }

    /// A host's own randomness.
    pub(crate) fn rng(&self, host: u32) -> Rng {
        self.streams.rng("transfer", u64::from(host))
    }

    /// True if a host of the population takes and never gives: the same hosts in every topology.
    pub(crate) fn is_free_rider(&self, host: u32) -> bool {
        self.config.free_riders > 0.0 && self.streams.keyed("transfer.free riders").rng(u64::from(host), 0).chance(self.config.free_riders)
    }

    /// True if a host of the population sends something else in place of each block: the same hosts in every topology.
    pub fn is_polluter(&self, host: u32) -> bool {
        self.config.polluters > 0.0 && self.streams.keyed("transfer.polluters").rng(u64::from(host), 0).chance(self.config.polluters)
    }

    /// True if peers serve what they have not all of: each fetches the rarest pieces first, and serves those who give.
    #[inline]
    pub fn serves_parts(&self) -> bool {
        matches!(self.config.model, Method::Swarm | Method::PeerAssisted)
    }

    /// Connections that a download has at once.
    pub(crate) fn wanted(&self) -> usize {
        if self.config.model == Method::SingleSource { 1 } else { self.config.connections as usize }
    }

    /// Connections that a host has at the most.
    pub(crate) fn accepted(&self, is_server: bool) -> usize {
        let peers = self.config.connections as usize * 2;
        match (self.config.server_queue, self.serves_parts()) {
            _ if !is_server => peers,
            (Some(waiting), _) => self.slots(true).saturating_add(waiting as usize).min(ACCEPTED_MAX),
            (None, true) => peers.max(self.slots(true) * 2).min(ACCEPTED_MAX),
            // Whoever comes waits for a slot.
            (None, false) => ACCEPTED_MAX,
        }
    }

    /// True if servers are asked only for what peers do not give.
    pub(crate) fn servers_fill_in(&self) -> bool {
        self.config.model == Method::PeerAssisted
    }

    /// How many are served at once.
    pub(crate) fn slots(&self, is_server: bool) -> usize {
        match self.config.server_slots {
            _ if !is_server => self.config.slots as usize,
            ServerSlots::Number(slots) => slots as usize,
            // Viewers ask for little, and need it at once.
            ServerSlots::Auto if self.stream.is_some() && self.servers_fill_in() => ACCEPTED_MAX / 2,
            ServerSlots::Auto => {
                let kilobytes = self.config.server_upload.bits() as f64 / 8000.0;
                (libm::sqrt(0.6 * kilobytes) as usize).clamp(4, 10_000)
            }
        }
    }
}

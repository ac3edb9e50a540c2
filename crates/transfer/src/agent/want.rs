//! What a host wants, and what has become of it.

use peerlab_model::{ItemId, LookupId, Span, Time};
use peerlab_prefetch::prefetch;

use super::candidates::Candidates;
use crate::checks::Checks;
use crate::plan::Plan;
use crate::player::{Playback, Player};
use crate::stock::Stock;

/// An item that is being downloaded. What a word about a piece looks at fills the first cache line.
#[repr(C, align(64))]
pub(super) struct Want {
    pub(super) item: ItemId,
    /// Its number among the host's downloads.
    pub(super) download: u32,
    /// By piece: how many of those connected have it.
    pub(super) rarity: Vec<u16>,
    /// There was a source last.
    pub(super) last_source: Time,
    pub(super) stock: Stock,
    /// Where there are polluters.
    pub(super) checks: Option<Box<Checks>>,
    pub(super) candidates: Candidates,
    /// Connections about it.
    pub(super) connected: usize,
    /// A search is under way.
    pub(super) searching: bool,
    pub(super) next_search: Time,
    pub(super) search_gap: Span,
    /// The user gives up then.
    pub(super) deadline: Time,
}

/// How a download ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// All of it is there.
    Complete,
    /// No source was left.
    Failed,
    /// The user gave up.
    Aborted,
}

/// What has become of a download.
#[derive(Clone, Debug, PartialEq)]
pub struct Download {
    /// What was wanted.
    pub item: ItemId,
    /// The lookup that turned into it, if one did.
    pub lookup: Option<LookupId>,
    /// When it was wanted.
    pub start: Time,
    /// When and how it ended; nothing while it goes on.
    pub end: Option<(Time, End)>,
    /// Bytes of content that have come, blocks that came twice included.
    pub bytes: u64,
    /// Of these, from servers.
    pub from_server: u64,
    /// Bytes that were on the disk when it was wanted.
    pub from_cache: u64,
    /// Bytes that had come already when they came again.
    pub wasted: u64,
    /// Connections that have brought something.
    pub sources: u32,
    /// Searches for sources that it has begun, that of its lookup apart.
    pub searches: u32,
    /// Bytes of the item that this host has sent to others since.
    pub uploaded: u64,
    /// Messages sent, by anybody, to find sources.
    pub search_messages: u64,
    /// Their bytes.
    pub search_bytes: u64,
    /// Pieces that failed their hash check and were thrown away.
    pub hash_failures: u32,
    /// Peers that were found to have sent what was bad.
    pub banned: u32,
    /// Pieces that are not what they should be, where nobody checks.
    pub spoilt_pieces: u32,
    /// Who watches it, if anybody does.
    pub(super) player: Option<Player>,
}

impl Download {
    pub(super) fn new(plan: &Plan, item: ItemId, lookup: Option<LookupId>, now: Time) -> Self {
        Self {
            item,
            lookup,
            start: now,
            end: None,
            bytes: 0,
            from_server: 0,
            from_cache: 0,
            wasted: 0,
            sources: 0,
            searches: 0,
            uploaded: 0,
            search_messages: 0,
            search_bytes: 0,
            hash_failures: 0,
            banned: 0,
            spoilt_pieces: 0,
            player: plan.stream.map(|_| Player::new(now)),
        }
    }

    /// What somebody who watches it has seen of it by `now`, or until it ended; nothing where nobody watches.
    pub fn playback(&self, plan: &Plan, now: Time) -> Option<Playback> {
        let until = self.end.map_or(now, |(at, _)| at.min(now));
        Some(self.player?.playback(until, &plan.media(self.item)?))
    }
}

impl Want {
    pub(super) fn new(plan: &Plan, item: ItemId, download: u32, now: Time) -> Self {
        let pieces = plan.layout(item).pieces();
        Self {
            item,
            download,
            stock: Stock::empty(pieces),
            checks: plan.polluted.then(Box::default),
            rarity: vec![0; pieces as usize],
            candidates: Candidates::default(),
            connected: 0,
            searching: false,
            next_search: now,
            search_gap: Span::from_nanos(plan.config.search_every.span().nanos() / 8),
            last_source: now,
            deadline: Time::MAX,
        }
    }

    /// The host goes offline.
    pub(super) fn suspend(&mut self) {
        self.stock.release_all();
        self.rarity.fill(0);
        self.candidates.clear();
        self.connected = 0;
        self.searching = false;
        self.next_search = Time::MIN;
    }

    /// Somebody will say soon that he has `piece`. A hint.
    #[inline]
    pub(super) fn prefetch(&self, piece: u32) {
        self.stock.have().prefetch(piece);
        if let Some(copies) = self.rarity.get(piece as usize) {
            prefetch::<1, _>(copies);
        }
    }

    pub(super) fn state_bytes(&self) -> usize {
        size_of::<Self>() + self.rarity.len() * 2 + self.candidates.state_bytes() + self.stock.have().bytes()
    }
}

//! `[stream]`: downloads are played while they load.

use peerlab_model::units::{Duration, Rate, Size};
use peerlab_model::{Issues, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::layout::Layout;

/// How items are played while they load: when playing starts and goes on, and which pieces are fetched for it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamConfig {
    /// The media's rate: an item of so many bits plays for so many seconds.
    pub bitrate: Rate,
    /// Media that must lie ready before playing starts. Default: 2.5 s (ExoPlayer's `bufferForPlaybackMs`).
    #[serde(default = "buffer")]
    pub buffer: Duration,
    /// Media that must lie ready before playing goes on after a stall. Default: 5 s (ExoPlayer's `bufferForPlaybackAfterRebufferMs`).
    #[serde(default = "rebuffer")]
    pub rebuffer: Duration,
    /// The sliding window: media ahead of the position of playing that is fetched by its deadline; beyond it the rarest piece comes first.
    /// Default: 50 s (ExoPlayer's `maxBufferMs`).
    #[serde(default = "window")]
    pub window: Duration,
    /// The chance that the next piece to be begun is chosen in the window, while there is one on both sides of its end (Vlavianos et al., "BiToS",
    /// 2006: p, with the window as their high priority set). 1: whatever is in the window comes first; 0: always the rarest. Default: 0.8.
    #[serde(default = "p")]
    pub p: f64,
    /// With less media than this ahead, what comes next is urgent: with `peer-assisted` the servers are asked for it beside the peers.
    /// Default: 15 s (what a client of Kreitz & Niemelä, "Spotify", 2010, asks its server for at first).
    #[serde(default = "urgent")]
    pub urgent: Duration,
}

const fn buffer() -> Duration {
    Duration::millis(2500)
}

const fn rebuffer() -> Duration {
    Duration::secs(5)
}

const fn window() -> Duration {
    Duration::secs(50)
}

const fn p() -> f64 {
    0.8
}

const fn urgent() -> Duration {
    Duration::secs(15)
}

impl StreamConfig {
    /// Media of this rate, and the defaults.
    pub const fn new(bitrate: Rate) -> Self {
        Self { bitrate, buffer: buffer(), rebuffer: rebuffer(), window: window(), p: p(), urgent: urgent() }
    }

    /// How long an item of this size plays.
    pub fn plays_for(&self, size: Size) -> Span {
        self.bitrate.transmission(size.0)
    }

    /// Notes every value that cannot work with items of `size`, with paths relative to the `[stream]` table.
    pub fn check(&self, size: Size, issues: &mut Issues) {
        issues.share("p", self.p);
        let length = self.plays_for(size);
        for (key, duration) in [("buffer", self.buffer), ("rebuffer", self.rebuffer), ("window", self.window)] {
            issues.ensure(duration.span().nanos() > 0, key, "it lasts longer than nothing");
        }
        for (key, duration, what) in [("buffer", self.buffer, "starts"), ("rebuffer", self.rebuffer, "goes on")] {
            if duration.span() >= length {
                let plays = format!("an item of {size} plays for {} s", length.secs_f64());
                issues.warn(key, format!("{plays}: playing {what} only when all of it is there"));
            }
        }
        if self.window < self.buffer.max(self.rebuffer) {
            issues.warn("window", "playing waits for pieces beyond the window, which come in any order: make it longer than the buffers");
        }
    }
}

/// Items of one layout as media.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media {
    pub(crate) config: StreamConfig,
    layout: Layout,
}

impl Media {
    pub(crate) const fn new(config: StreamConfig, layout: Layout) -> Self {
        Self { config, layout }
    }

    /// The moment of the media at which a piece begins; of the piece after the last, the end.
    pub(crate) fn moment_of(&self, piece: u32) -> Span {
        self.config.bitrate.transmission(self.layout.offset_of(piece))
    }

    /// How long the media is.
    pub(crate) fn length(&self) -> Span {
        self.moment_of(self.layout.pieces())
    }

    /// How many pieces begin before this moment.
    pub(crate) fn pieces_before(&self, moment: Span) -> u32 {
        let (mut below, mut above) = (0, self.layout.pieces());
        while below < above {
            let middle = below.midpoint(above);
            if self.moment_of(middle) < moment {
                below = middle + 1;
            } else {
                above = middle;
            }
        }
        below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_where_the_ones_before_end() {
        let bitrate = Rate::bits_per_second(1_300_000).expect("above zero");
        let (size, piece, block) = (Size(10_000_000), Size(256 << 10), Size(16 << 10));
        let media = Media::new(StreamConfig::new(bitrate), Layout::new(size, piece, block));
        assert_eq!(media.moment_of(0), Span::ZERO);
        assert_eq!(media.length(), bitrate.transmission(10_000_000));
        for piece in 0..39 {
            let moment = media.moment_of(piece);
            assert_eq!((media.pieces_before(moment), media.pieces_before(moment + Span::from_nanos(1))), (piece, piece + 1));
        }
        assert_eq!(media.pieces_before(Span::MAX), 39);
    }
}

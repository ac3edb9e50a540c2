//! What a viewer sees of a download: playing that starts, stalls, goes on and ends.
//!
//! A player starts when [`buffer`](crate::StreamConfig::buffer) of media lies ready from its beginning without a gap. It stalls when it comes to a piece
//! that is not whole; it goes on when [`rebuffer`](crate::StreamConfig::rebuffer) of media lies ready beyond that point. Where the item's end
//! lies ready, that is always enough. Nothing is skipped.
//!
//! Between two pieces nothing can happen that does not follow from what lies ready, so a player looks back when the next one is there: it needs no timer.
//!
//! # Not here
//! Viewers who pause, seek or lose patience with stalls; several bitrates to choose from. While its host is offline, nobody watches.

use peerlab_model::{Span, Time};

use crate::stream::Media;

/// What became of playing one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playback {
    /// From the wish to the start of playing, while the host was online; nothing if it has not started.
    pub startup: Option<Span>,
    /// Interruptions.
    pub stalls: u32,
    /// Their length in all.
    pub stalled: Span,
    /// Media that has been played.
    pub played: Span,
    /// Pieces that playing came to, whether they were there or not.
    pub pieces: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Playing,
    Stalled,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Player {
    state: State,
    is_watched: bool,
    /// Until when the rest is up to date.
    now: Time,
    /// Media played.
    position: Span,
    /// Media that lies ready from the beginning without a gap.
    ready: Span,
    /// The first piece that does not.
    next: u32,
    waited: Span,
    stalls: u32,
    stalled: Span,
}

impl Player {
    /// Of an item that is wanted from now on.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            state: State::Starting,
            is_watched: true,
            now,
            position: Span::ZERO,
            ready: Span::ZERO,
            next: 0,
            waited: Span::ZERO,
            stalls: 0,
            stalled: Span::ZERO,
        }
    }

    /// The first piece that is missing.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Time has passed, and no piece has come that playing could have gone on with.
    fn advance(&mut self, now: Time) {
        let passed = if self.is_watched { now.since(self.now) } else { Span::ZERO };
        self.now = now;
        match self.state {
            State::Starting => self.waited += passed,
            State::Stalled => self.stalled += passed,
            State::Playing => {
                let left = self.ready.saturating_sub(self.position);
                self.position += passed.min(left);
                if passed > left {
                    self.state = State::Stalled;
                    self.stalls += 1;
                    self.stalled += passed.saturating_sub(left);
                }
            }
        }
    }

    /// All pieces before `next` are whole.
    pub(crate) fn has_until(&mut self, next: u32, now: Time, media: &Media) {
        self.advance(now);
        (self.next, self.ready) = (next, media.moment_of(next));
        let enough = match self.state {
            State::Starting => media.config.buffer,
            State::Stalled => media.config.rebuffer,
            State::Playing => return,
        };
        if self.ready >= media.length() || self.ready.saturating_sub(self.position) >= enough.span() {
            self.state = State::Playing;
        }
    }

    /// The host goes offline.
    pub(crate) fn leave(&mut self, now: Time) {
        self.advance(now);
        self.is_watched = false;
    }

    /// The host is back.
    pub(crate) fn come_back(&mut self, now: Time) {
        self.advance(now);
        self.is_watched = true;
    }

    /// Pieces before this one are due within the next `span` of playing, or at once if it stands still.
    pub(crate) fn due_within(&self, span: Span, now: Time, media: &Media) -> u32 {
        let mut player = *self;
        player.advance(now);
        media.pieces_before(player.position.saturating_add(span))
    }

    /// What has become of it; an item of which everything lies ready is played to its end, whatever happens.
    pub(crate) fn playback(&self, now: Time, media: &Media) -> Playback {
        let mut player = *self;
        player.advance_unless_whole(now, media);
        let has_started = player.state != State::Starting;
        Playback {
            startup: has_started.then_some(player.waited),
            stalls: player.stalls,
            stalled: player.stalled,
            played: player.position,
            pieces: if has_started { media.pieces_before(player.position + Span::from_nanos(1)) } else { 0 },
        }
    }

    fn advance_unless_whole(&mut self, now: Time, media: &Media) {
        if self.ready >= media.length() {
            self.position = self.ready;
        } else {
            self.advance(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use peerlab_model::units::{Duration, Rate, Size};

    use super::*;
    use crate::layout::Layout;
    use crate::stream::StreamConfig;

    /// Twelve pieces of a second each.
    fn media() -> Media {
        let config = StreamConfig { buffer: Duration::secs(2), rebuffer: Duration::secs(3), ..StreamConfig::new(rate()) };
        Media::new(config, Layout::new(Size(12_000), Size(1000), Size(500)))
    }

    fn rate() -> Rate {
        Rate::bits_per_second(8000).expect("above zero")
    }

    fn secs(seconds: f64) -> Time {
        Time::from_nanos((seconds * 1e9) as i64)
    }

    fn played(pieces: &[(u32, f64)], now: f64) -> Playback {
        let mut player = Player::new(Time::ZERO);
        for &(next, at) in pieces {
            player.has_until(next, secs(at), &media());
        }
        player.playback(secs(now), &media())
    }

    #[test]
    fn playing_starts_with_its_buffer_and_stops_where_a_piece_is_missing() {
        assert_eq!(played(&[(1, 4.0)], 9.0), Playback { startup: None, stalls: 0, stalled: Span::ZERO, played: Span::ZERO, pieces: 0 });
        let startup = Some(Span::from_secs(5));
        // From 5 s to 7 s, then it waits for piece 2.
        let stalled = Playback { startup, stalls: 1, stalled: Span::from_secs(2), played: Span::from_secs(2), pieces: 3 };
        assert_eq!(played(&[(1, 4.0), (2, 5.0)], 9.0), stalled);
        // At the very moment at which it is due is in time.
        let smooth = Playback { startup, stalls: 0, stalled: Span::ZERO, played: Span::from_secs(3), pieces: 4 };
        assert_eq!(played(&[(2, 5.0), (3, 7.0)], 8.0), smooth);
    }

    #[test]
    fn playing_goes_on_with_its_second_buffer_or_with_the_end() {
        let pieces = [(2, 5.0), (4, 8.0), (5, 9.0)];
        // Three seconds lie ready only at 9 s; they last until 12 s.
        let again =
            Playback { startup: Some(Span::from_secs(5)), stalls: 2, stalled: Span::from_secs(3), played: Span::from_secs(5), pieces: 6 };
        assert_eq!(played(&pieces, 13.0), again);
        let whole = [&pieces[..], &[(11, 10.0), (12, 10.0)]].concat();
        let to_the_end = Playback { stalls: 1, stalled: Span::from_secs(2), played: Span::from_secs(12), pieces: 12, ..again };
        assert_eq!(played(&whole, 11.0), to_the_end);
        // The last second is enough, if nothing comes after it.
        assert_eq!(played(&[(11, 1.0), (12, 14.0)], 14.0).stalled, Span::from_secs(2));
    }

    #[test]
    fn nobody_watches_while_the_host_is_offline() {
        let mut player = Player::new(Time::ZERO);
        player.leave(secs(1.0));
        player.come_back(secs(100.0));
        player.has_until(2, secs(101.0), &media());
        player.leave(secs(102.0));
        player.come_back(secs(200.0));
        let playback = player.playback(secs(202.0), &media());
        assert_eq!((playback.startup, playback.stalled), (Some(Span::from_secs(2)), Span::from_secs(1)));
        assert_eq!(player.due_within(Span::from_secs(3), secs(200.5), &media()), 5);
    }
}

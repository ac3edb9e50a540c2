//! Flow control: who may send how many queries to whom.
//!
//! A token is good for one query. A peer mints them at the pace at which it can take queries, fewer while queries wait at it, and gives them
//! to those neighbours that use theirs, in proportion to capacity: start-time fair queueing (Goyal, Vin, Chen 1996) with the capacities as
//! weights, in which a neighbour that has all the tokens that it may hold is idle, and what it leaves is the others'.
//!
//! Tokens ride on queries and answers that go to a neighbour anyway; a message of their own takes what has gathered in a `token_interval`.
//!
//! # Source
//! Section 3.2.

use peerlab_model::{Context, PeerId, Span, Time};

use super::message::GiaMessage;
use super::peer::{GiaPeer, Neighbour};
use super::{Gia, GiaTimer, own_capacity};

/// Parts of a token that are counted.
const TOKEN: u64 = 1_000_000;

/// While everybody waits for everybody, tokens go on at this part of their pace, so that it ends.
const LEAST_PACE: u64 = 8;

/// What a peer has to give.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mint {
    /// Until when `credit` is counted.
    since: Time,
    /// Millionths of tokens.
    credit: u64,
    /// The fair queue's virtual time.
    virtual_time: u64,
    /// The timer for tokens runs.
    ticking: bool,
}

impl Default for Mint {
    fn default() -> Self {
        Self { since: Time::MIN, credit: 0, virtual_time: 0, ticking: false }
    }
}

/// Neighbours in the order of the fair queue: the start tag of its next token, if it may have one.
fn start_tag(neighbour: &Neighbour, most: u32, virtual_time: u64) -> Option<u64> {
    (neighbour.held() < most).then(|| neighbour.finish.max(virtual_time))
}

impl Mint {
    /// Gives out what there is, one token after the other. `most` is what a neighbour may hold.
    fn give(&mut self, neighbours: &mut [Neighbour], most: u32) {
        while self.credit >= TOKEN {
            let next = neighbours.iter_mut().filter_map(|other| Some((start_tag(other, most, self.virtual_time)?, other)));
            let Some((start, neighbour)) = next.min_by_key(|(start, _)| *start) else { return };
            self.credit -= TOKEN;
            self.virtual_time = start;
            // A thousandth of a message per second is the least capacity, so a token's worth is 2^40 at the most.
            neighbour.finish = start + (1 << 40) / u64::from(neighbour.capacity.max(1));
            neighbour.owed += 1;
        }
    }
}

impl Gia {
    /// Thousandths of tokens that a peer mints in a second.
    fn pace(&self, peer: &GiaPeer, cx: &Context<'_, Self>) -> u64 {
        let full = (f64::from(own_capacity(&self.config, cx)) * self.config.token_share) as u64;
        let (waiting, most) = (peer.waiting.len() as u64, u64::from(self.config.backlog_max));
        (full * most.saturating_sub(waiting) / most).max(full / LEAST_PACE).max(1)
    }

    /// The tokens that a neighbour may hold: those it begins with, and its part of two intervals' worth.
    fn tokens_max(&self, peer: &GiaPeer, cx: &Context<'_, Self>) -> u32 {
        let full = f64::from(own_capacity(&self.config, cx)) / 1000.0 * self.config.token_share;
        let each = 2.0 * full * self.config.token_interval.span().secs_f64() / peer.neighbours.len().max(1) as f64;
        u32::from(self.config.tokens_initial) + (each as u32).min(10_000)
    }

    /// Mints what is due and sets it aside for the neighbours.
    fn mint(&self, peer: &mut GiaPeer, cx: &Context<'_, Self>) {
        let (now, pace, most) = (cx.now(), self.pace(peer, cx), self.tokens_max(peer, cx));
        // What nobody wants for two intervals is not saved up.
        let minted_in = |span: Span| u128::from(pace) * u128::from(span.nanos()) / 1_000_000;
        let purse = (2 * minted_in(self.config.token_interval.span())).max(u128::from(TOKEN));
        let credit = u128::from(peer.mint.credit) + minted_in(now.since(peer.mint.since));
        peer.mint.credit = credit.min(purse) as u64;
        peer.mint.since = now;
        peer.mint.give(&mut peer.neighbours, most);
    }

    /// A neighbour has used one of its tokens: it may have another one, now or at the end of the interval.
    pub(super) fn token_used(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, by: usize) {
        let neighbour = &mut peer.neighbours[by];
        neighbour.given = neighbour.given.saturating_sub(1);
        self.mint(peer, cx);
        self.expect_tokens(peer, cx);
    }

    /// Sets the timer for tokens, if a neighbour may have some and it does not run.
    pub(super) fn expect_tokens(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>) {
        let most = self.tokens_max(peer, cx);
        let is_wanted = |other: &Neighbour| other.owed > 0 || other.held() < most;
        if peer.mint.ticking || !peer.neighbours.iter().any(is_wanted) {
            return;
        }
        peer.mint.ticking = true;
        // The weak mint a token in several intervals.
        let one = Span::from_nanos(TOKEN.saturating_sub(peer.mint.credit) * 1_000_000 / self.pace(peer, cx));
        let pause = if peer.neighbours.iter().any(|other| other.owed > 0) { Span::ZERO } else { one };
        cx.set_timer(self.config.token_interval.span().max(pause), GiaTimer::Tokens);
    }

    /// An interval is over: what has gathered goes out.
    pub(super) fn send_tokens(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>) {
        peer.mint.ticking = false;
        self.mint(peer, cx);
        for neighbour in peer.neighbours.iter_mut().filter(|other| other.owed > 0) {
            let count = neighbour.hand_over();
            cx.send(neighbour.peer, GiaMessage::Tokens { count });
        }
        self.expect_tokens(peer, cx);
    }

    /// Tokens from a neighbour: queries that waited for them go.
    pub(super) fn got_tokens(&self, peer: &mut GiaPeer, cx: &mut Context<'_, Self>, from: PeerId, count: u16) {
        let Some(at) = peer.place_of(from).filter(|_| count > 0) else { return };
        let neighbour = &mut peer.neighbours[at];
        neighbour.tokens = neighbour.tokens.saturating_add(count);
        self.try_waiting(peer, cx);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unstructured::gia::message::Told;

    fn neighbours(capacities: &[u32]) -> Vec<Neighbour> {
        let each = |(at, &capacity): (usize, &u32)| Neighbour::new(PeerId(at as u32), Told { capacity, degree: 3 }, at as u8, 0);
        capacities.iter().enumerate().map(each).collect()
    }

    fn shares(list: &[Neighbour]) -> Vec<u16> {
        list.iter().map(|other| other.owed).collect()
    }

    #[test]
    fn tokens_are_in_proportion_to_capacity() {
        let mut list = neighbours(&[1000, 10_000, 100_000]);
        let mut mint = Mint { credit: 1110 * TOKEN, ..Mint::default() };
        mint.give(&mut list, 5000);
        let got = shares(&list);
        // Each to within a token of its 10, 100 and 1000.
        assert!(got.iter().zip([10_u16, 100, 1000]).all(|(got, due)| got.abs_diff(due) <= 1), "{got:?}");
        assert_eq!(mint.credit, 0);
    }

    #[test]
    fn what_the_idle_leave_is_the_others() {
        let mut list = neighbours(&[1000, 100_000]);
        let mut mint = Mint { credit: 30 * TOKEN, ..Mint::default() };
        mint.give(&mut list, 20);
        assert_eq!(shares(&list), [10, 20], "the strong one has all that it may hold");
        // It has used five of them, and its long rest gives it no claim on what went to the other.
        list[1].owed = 15;
        mint.credit = 100 * TOKEN;
        mint.give(&mut list, 20);
        assert_eq!(shares(&list), [20, 20]);
        assert_eq!(mint.credit, 85 * TOKEN, "nobody may have more");
    }
}

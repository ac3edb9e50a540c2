//! Who becomes whose neighbour: the paper's two algorithms, and how soon to look again. Pure functions.
//!
//! # Source
//! Section 3.1: Algorithm 1 (`pick_neighbor_to_drop`), Algorithm 2 (`satisfaction_level`), and the adaptation interval.

use peerlab_model::Span;

use super::GiaConfig;

/// Messages per second that a machine can handle, in thousandths: whole, so that a message can carry it.
pub(super) type Capacity = u32;

/// What one peer knows of another when it decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    pub(super) capacity: Capacity,
    /// How many neighbours it has.
    pub(super) degree: u16,
}

/// What becomes of a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Accept,
    /// In the place of this neighbour, by its number in the list.
    Replace(usize),
    Reject,
}

/// A machine's capacity as others are told; `None` has no limit.
pub(super) fn advertised(config: &GiaConfig, capacity: Option<f64>) -> Capacity {
    let per_second = capacity.unwrap_or(config.unlimited_capacity);
    // As a conversion saturates, 4 million messages per second are as good as any number.
    ((per_second * 1000.0) as Capacity).max(1)
}

/// The most neighbours of a peer of this capacity.
pub(super) fn most_neighbours(config: &GiaConfig, capacity: Capacity) -> usize {
    let affordable = (f64::from(capacity) / 1000.0 / config.min_alloc) as usize;
    affordable.clamp(config.min_nbrs.into(), config.max_nbrs.into())
}

/// S: how well a peer's neighbours match its own capacity, 0 to 1.
pub(super) fn satisfaction(config: &GiaConfig, own: Capacity, neighbours: impl Iterator<Item = Standing>) -> f64 {
    let (mut count, mut total) = (0, 0.0);
    for neighbour in neighbours {
        count += 1;
        total += f64::from(neighbour.capacity) / f64::from(neighbour.degree.max(1));
    }
    if count < usize::from(config.min_nbrs) {
        0.0
    } else if count >= most_neighbours(config, own) {
        1.0
    } else {
        (total / f64::from(own)).min(1.0)
    }
}

/// Whether a peer takes a newcomer, and whom it gives up for it.
pub(super) fn decide(
    config: &GiaConfig,
    own: Capacity,
    neighbours: impl ExactSizeIterator<Item = Standing> + Clone,
    newcomer: Standing,
) -> Decision {
    if neighbours.len() < most_neighbours(config, own) {
        return Decision::Accept;
    }
    let no_better = neighbours.clone().enumerate().filter(|(_, other)| other.capacity <= newcomer.capacity);
    let Some((at, dearest)) = no_better.max_by_key(|&(at, other)| (other.degree, std::cmp::Reverse(at))) else {
        return Decision::Reject;
    };
    let is_best = neighbours.map(|other| other.capacity).max().is_none_or(|most| newcomer.capacity > most);
    if is_best || dearest.degree > newcomer.degree.saturating_add(config.hysteresis) { Decision::Replace(at) } else { Decision::Reject }
}

/// How long a peer that is satisfied so far waits before it looks again.
pub(super) fn pause(config: &GiaConfig, satisfaction: f64) -> Span {
    config.adaptation_interval.span().scale(libm::pow(config.aggressiveness, satisfaction - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: fn() -> GiaConfig = GiaConfig::default;

    fn at(capacity: Capacity, degree: u16) -> Standing {
        Standing { capacity: capacity * 1000, degree }
    }

    #[test]
    fn a_weak_peer_has_few_neighbours_and_nobody_has_more_than_the_limit() {
        let most = |per_second: u32| most_neighbours(&CONFIG(), per_second * 1000);
        assert_eq!([1, 10, 100, 1000, 10_000].map(most), [3, 3, 25, 128, 128]);
    }

    #[test]
    fn satisfaction_is_what_the_neighbours_have_for_us_over_what_we_have() {
        let of = |own: Capacity, list: &[Standing]| satisfaction(&CONFIG(), own * 1000, list.iter().copied());
        assert_eq!(of(1, &[at(1000, 1), at(1000, 1)]), 0.0, "fewer than three neighbours: not at all");
        // 100/10 + 10/5 + 10/2 = 17 of 100.
        assert_eq!(of(100, &[at(100, 10), at(10, 5), at(10, 2)]), 0.17);
        assert_eq!(of(10, &[at(1, 3), at(1, 3), at(1, 3)]), 1.0, "it may have no more than three");
        assert_eq!(of(100, &[at(1000, 2), at(10, 5), at(10, 2)]), 1.0);
    }

    #[test]
    fn the_interval_shrinks_to_a_256th() {
        assert_eq!(pause(&CONFIG(), 1.0), Span::from_secs(10));
        assert_eq!(pause(&CONFIG(), 0.5), Span::from_millis(625));
        assert_eq!(pause(&CONFIG(), 0.0).nanos(), 39_062_500);
    }

    #[test]
    fn a_full_peer_gives_up_a_neighbour_that_is_no_better_and_has_many() {
        let of = |list: &[Standing], newcomer| decide(&CONFIG(), 10_000, list.iter().copied(), newcomer);
        assert_eq!(of(&[at(10, 3), at(10, 3)], at(1, 0)), Decision::Accept, "there is room");
        let full = [at(100, 20), at(10, 9), at(1000, 90)];
        assert_eq!(of(&full, at(1, 0)), Decision::Reject, "all are better");
        assert_eq!(of(&full, at(10, 3)), Decision::Replace(1), "the other has 9 > 3 + 5 neighbours");
        assert_eq!(of(&full, at(10, 4)), Decision::Reject, "not more than five more");
        assert_eq!(of(&full, at(100, 14)), Decision::Replace(0), "of those that are no better the one with most neighbours");
        assert_eq!(of(&full, at(10_000, 100)), Decision::Replace(2), "the best of all is always taken");
    }
}

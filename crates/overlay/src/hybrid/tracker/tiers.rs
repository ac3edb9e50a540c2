//! In which order a torrent's trackers are asked (BEP 12).

use peerlab_model::Rng;

/// The most trackers that an order has room for.
pub(super) const TRACKERS_MAX: u16 = 16;

/// Bits of a tracker's number.
const BITS: u32 = 4;

/// Trackers, by their numbers, in the order in which a torrent turns to them: tier by tier, each tier in an order of its own.
///
/// Sixteen numbers of four bits, the first one lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order(u64);

impl Order {
    /// The tiers one after the other, each shuffled: what a client does when it reads the torrent.
    pub(super) fn shuffled(tiers: &[u16], rng: &mut Rng) -> Self {
        let mut order: Vec<u8> = (0..tiers.iter().sum::<u16>() as u8).collect();
        let mut rest = &mut order[..];
        for &tier in tiers {
            let (these, others) = rest.split_at_mut(tier.into());
            rng.shuffle(these);
            rest = others;
        }
        Self::of(&order)
    }

    fn of(order: &[u8]) -> Self {
        Self((0..).zip(order).fold(0, |packed, (at, &tracker)| packed | u64::from(tracker) << (BITS * at)))
    }

    /// The tracker at a place.
    pub(super) fn get(self, at: u8) -> u8 {
        (self.0 >> (BITS * u32::from(at)) & 0xf) as u8
    }

    /// The tracker at a place has answered: it goes to the front of its tier.
    #[must_use]
    pub(super) fn promoted(self, tiers: &[u16], at: u8) -> Self {
        let mut front = 0;
        for tier in tiers.iter().map(|&tier| tier as u8) {
            if at < front + tier {
                break;
            }
            front += tier;
        }
        let mut order: Vec<u8> = (0..TRACKERS_MAX as u8).map(|at| self.get(at)).collect();
        order[front.into()..=at.into()].rotate_right(1);
        Self::of(&order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    /// Goal: BEP 12's example. Tiers in order; within a tier all orders are equally frequent.
    #[test]
    fn tiers_come_in_order_and_each_is_shuffled() {
        let tiers = [3, 1, 2];
        let mut rng = Streams::new(1).rng("test", 0);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..1200 {
            let order = Order::shuffled(&tiers, &mut rng);
            let mut trackers: Vec<u8> = (0..6).map(|at| order.get(at)).collect();
            *counts.entry(trackers.clone()).or_insert(0_u32) += 1;
            trackers[..3].sort_unstable();
            trackers[4..].sort_unstable();
            assert_eq!(trackers, [0, 1, 2, 3, 4, 5]);
        }
        assert_eq!(counts.len(), 12);
        // 100 times each; four standard deviations.
        assert!(counts.values().all(|count| count.abs_diff(100) < 40), "{counts:?}");
    }

    #[test]
    fn who_answers_moves_to_the_front_of_its_own_tier() {
        let order = Order::of(&[2, 0, 1, 3, 5, 4]);
        let after = |at| (0..6).map(|place| order.promoted(&[3, 1, 2], at).get(place)).collect::<Vec<u8>>();
        assert_eq!(after(0), [2, 0, 1, 3, 5, 4]);
        assert_eq!(after(2), [1, 2, 0, 3, 5, 4]);
        assert_eq!(after(3), [2, 0, 1, 3, 5, 4]);
        assert_eq!(after(5), [2, 0, 1, 3, 4, 5]);
        assert_eq!((0..16).map(|at| Order::of(&[15; 16]).get(at)).collect::<Vec<_>>(), [15; 16]);
    }
}

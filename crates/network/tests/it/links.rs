//! Queues at the hosts against queueing theory.

use peerlab_engine::random::{Rng, Streams};
use peerlab_engine::time::{Span, Time};
use peerlab_model::units::Rate;
use peerlab_network::{Capacity, CapacityState, Link, LinkState};

use crate::support::mean_and_error;

fn exponential(mean_s: f64, rng: &mut Rng) -> Span {
    Span::from_secs_f64(-mean_s * libm::log(1.0 - rng.unit_f64()))
}

#[test]
fn an_unlimited_link_takes_no_time() {
    let (link, mut state) = (Link::default(), LinkState::default());
    assert!(link.is_unlimited());
    assert_eq!(link.depart(&mut state, Time::ZERO, 1_000_000), Time::ZERO);
    assert_eq!(link.arrive(&mut state, Time::from_secs(-5), 1), Time::from_secs(-5));
    assert_eq!(state, LinkState::default());
}

#[test]
fn messages_leave_one_after_the_other_at_the_links_rate() {
    let link = Link { upload: Rate::bits_per_second(8_000), download: Rate::bits_per_second(16_000) };
    let mut state = LinkState::default();
    // 1000 bytes take a second up and half a second down; the directions do not disturb each other.
    assert_eq!(link.depart(&mut state, Time::from_secs(-10), 1000), Time::from_secs(-9));
    assert_eq!(link.depart(&mut state, Time::from_secs(-10), 1000), Time::from_secs(-8));
    assert_eq!(link.arrive(&mut state, Time::from_secs(-10), 2000), Time::from_secs(-9));
    assert_eq!(link.depart(&mut state, Time::from_secs(0), 500), Time::ZERO + Span::from_millis(500));
}

#[test]
fn a_full_queue_refuses_and_an_empty_one_never_does() {
    let capacity = Capacity::new(10.0, 2);
    let mut state = CapacityState::default();
    let at = |millis: u64| Time::ZERO + Span::from_millis(millis);
    assert_eq!(capacity.admit(&mut state, at(0)), Some(at(100)));
    assert_eq!(capacity.admit(&mut state, at(0)), Some(at(200)));
    assert_eq!(capacity.admit(&mut state, at(0)), Some(at(300)));
    assert_eq!(capacity.admit(&mut state, at(99)), None);
    // The first has just gone: one in service, one waiting, room for one.
    assert_eq!(capacity.admit(&mut state, at(100)), Some(at(400)));
    assert_eq!(capacity.admit(&mut state, at(100)), None);
    assert_eq!(capacity.admit(&mut state, at(1000)), Some(at(1100)));
    let (pure_loss, mut state) = (Capacity::new(10.0, 0), CapacityState::default());
    assert_eq!(pure_loss.admit(&mut state, at(0)), Some(at(100)));
    assert_eq!(pure_loss.admit(&mut state, at(50)), None);
    assert_eq!(pure_loss.admit(&mut state, at(100)), Some(at(200)));
}

/// Goal: Poisson arrivals wait ρ / (2μ(1 − ρ)) on average (Pollaczek–Khinchine for M/D/1). Method: independent batches, each
/// long after its warm-up, so that the standard error of their means is honest.
#[test]
fn poisson_arrivals_wait_as_in_m_d_1() {
    let mu = 100.0;
    for rho in [0.5, 0.8] {
        let capacity = Capacity::new(mu, 1_000_000);
        let batch = |index: u64| {
            let mut rng = Streams::new(1).rng("test", index);
            let (mut now, mut state) = (Time::ZERO, CapacityState::default());
            let mut waits = 0.0;
            for arrival in 0..25_000 {
                now = now + exponential(1.0 / (rho * mu), &mut rng);
                let done = capacity.admit(&mut state, now).unwrap();
                if arrival >= 5_000 {
                    waits += done.since(now).secs_f64() - 1.0 / mu;
                }
            }
            waits / 20_000.0
        };
        let (mean, error) = mean_and_error(&(0..50).map(batch).collect::<Vec<_>>());
        let expected = rho / (2.0 * mu * (1.0 - rho));
        assert!((mean - expected).abs() < 3.0 * error, "ρ = {rho}: {mean} ± {error}, expected {expected}");
        assert!(error < 0.05 * expected, "the interval means something: ±{error} of {expected}");
    }
}

/// Goal: without a waiting room, the share refused is ρ / (1 + ρ) (Erlang's loss formula, insensitive to the service's distribution).
#[test]
fn a_host_without_a_queue_refuses_erlangs_share() {
    let (mu, rho) = (100.0, 0.7);
    let capacity = Capacity::new(mu, 0);
    let batch = |index: u64| {
        let mut rng = Streams::new(2).rng("test", index);
        let (mut now, mut state) = (Time::ZERO, CapacityState::default());
        let refused = (0..10_000).filter(|_| {
            now = now + exponential(1.0 / (rho * mu), &mut rng);
            capacity.admit(&mut state, now).is_none()
        });
        refused.count() as f64 / 10_000.0
    };
    let (mean, error) = mean_and_error(&(0..50).map(batch).collect::<Vec<_>>());
    assert!((mean - rho / (1.0 + rho)).abs() < 3.0 * error, "{mean} ± {error}");
}

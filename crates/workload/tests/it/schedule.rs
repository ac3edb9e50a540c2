//! The table that first contacts are drawn from, against a walk from the very beginning.

use peerlab_engine::random::Streams;
use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;
use peerlab_workload::{ChurnConfig, Lifetimes, Schedule};

use crate::support::{lifetimes, peers, read};

const CHURN: &str =
    "session = { distribution = 'weibull', mean = '2 min', shape = 0.6 }\noffline = { distribution = 'exponential', mean = '3 min' }";
const START: Time = Time::from_secs(-600);

fn schedule(churn: &str, population: u32, join_over: Option<Span>) -> Schedule {
    let lifetimes = lifetimes(&read::<ChurnConfig>(churn), &peers(population), 1);
    Schedule::new(lifetimes, population, START, join_over, Streams::new(1))
}

/// Whether a host is online, by going through all its phases.
fn brute_force(lifetimes: &Lifetimes, host: HostId, now: Time) -> bool {
    let mut phase = lifetimes.initial(host, START);
    let mut number = 0;
    while phase.until <= now {
        number += 1;
        phase.online = !phase.online;
        phase.until = lifetimes.next(host, number, phase.until, phase.online);
    }
    phase.online
}

#[test]
fn the_table_agrees_with_brute_force_however_far_it_has_been_moved() {
    let mut schedule = schedule(CHURN, 200, None);
    let lifetimes = schedule.lifetimes().clone();
    let mut rng = Streams::new(9).rng("test", 0);
    for minute in -10..60 {
        let cut = Time::from_secs(minute * 60);
        // Some hosts are moved on to the cut, others lag behind as in a long window.
        for host in (0..200).map(HostId) {
            while rng.chance(0.7) && schedule.phase(host).1.until <= cut {
                schedule.advance(host);
            }
        }
        for _ in 0..200 {
            let host = HostId(rng.below(200) as u32);
            let now = cut + Span::from_nanos(rng.below(600_000_000_000));
            assert_eq!(schedule.online_at(host, now), brute_force(&lifetimes, host, now), "{host:?} at {now}");
        }
    }
}

#[test]
fn a_phase_that_begins_now_has_begun() {
    let schedule = schedule(CHURN, 50, None);
    for host in (0..50).map(HostId) {
        let (number, phase) = schedule.phase(host);
        assert_eq!(number, 0);
        assert_eq!(schedule.online_at(host, phase.until), !phase.online);
        assert_eq!(schedule.online_at(host, phase.until - Span::from_nanos(1)), phase.online);
    }
}

#[test]
fn the_timeline_has_the_last_word_until_its_order_ends() {
    for churn in [CHURN, ""] {
        let mut schedule = schedule(churn, 50, None);
        let lifetimes = schedule.lifetimes().clone();
        let (cut, end) = (Time::from_secs(60), Time::from_secs(120));
        let just_before = end - Span::from_nanos(1);
        for host in (0..50).map(HostId) {
            schedule.force(host, host.0 % 2 == 0, end);
        }
        for host in (0..50).map(HostId) {
            assert_eq!(schedule.online_at(host, cut), host.0 % 2 == 0);
            assert_eq!(schedule.online_at(host, just_before), host.0 % 2 == 0);
            assert_eq!(schedule.online_at(host, end), brute_force(&lifetimes, host, end));
        }
        schedule.force(HostId(2), false, Time::MAX);
        assert!(!schedule.online_at(HostId(2), Time::from_secs(1_000_000)));
        schedule.release(HostId(2));
        assert_eq!(schedule.online_at(HostId(2), cut), brute_force(&lifetimes, HostId(2), cut));
    }
}

#[test]
fn servers_are_online_unless_the_timeline_says_otherwise() {
    let mut schedule = schedule(CHURN, 50, Some(Span::from_secs(60)));
    assert!(schedule.online_at(HostId(50), START));
    schedule.force(HostId(50), false, Time::from_secs(10));
    assert!(!schedule.online_at(HostId(50), Time::ZERO) && schedule.online_at(HostId(50), Time::from_secs(10)));
}

#[test]
fn hosts_of_a_network_that_is_built_by_joins_come_up_one_after_the_other() {
    let schedule = schedule("", 10_000, Some(Span::from_secs(100)));
    let entries: Vec<f64> = (0..10_000).map(|host| schedule.entry(HostId(host)).since(START).secs_f64()).collect();
    let statistic = crate::support::kolmogorov(entries, |x| x / 100.0);
    assert!(statistic < 1.95, "{statistic}");
    for host in (0..100).map(HostId) {
        let entry = schedule.entry(host);
        assert!(schedule.online_at(host, entry) && !schedule.online_at(host, entry - Span::from_nanos(1)));
    }
}

#[test]
fn contacts_are_uniform_among_the_others_that_are_online() {
    let schedule = schedule(CHURN, 40, None);
    let (now, asker) = (Time::from_secs(100), HostId(7));
    let online: Vec<HostId> = (0..40).map(HostId).filter(|&host| host != asker && schedule.online_at(host, now)).collect();
    let mut rng = Streams::new(1).rng("test", 0);
    let mut counts = [0_u32; 40];
    for _ in 0..40_000 {
        counts[schedule.random_online(asker, now, &mut rng).unwrap().0 as usize] += 1;
    }
    let expected = 40_000.0 / online.len() as f64;
    for host in (0..40).map(HostId) {
        let count = f64::from(counts[host.0 as usize]);
        let right = if online.contains(&host) { (count - expected).abs() < 4.0 * expected.sqrt() } else { count == 0.0 };
        assert!(right, "{host:?}: {count}, expected {expected}");
    }
}

#[test]
fn a_lonely_host_is_found_and_nobody_is_nobody() {
    let mut schedule = schedule("", 20_000, None);
    for host in (0..20_000).filter(|&host| host != 777 && host != 5) {
        schedule.force(HostId(host), false, Time::MAX);
    }
    let mut rng = Streams::new(1).rng("test", 0);
    let mut draw = |schedule: &Schedule, asker: u32| schedule.random_online(HostId(asker), Time::ZERO, &mut rng);
    assert!((0..20).all(|_| draw(&schedule, 5) == Some(HostId(777))));
    let both: Vec<_> = (0..200).map(|_| draw(&schedule, 0).unwrap().0).collect();
    let fives = both.iter().filter(|&&host| host == 5).count();
    assert!(both.iter().all(|host| [5, 777].contains(host)) && (60..140).contains(&fives), "{fives}");
    schedule.force(HostId(777), false, Time::MAX);
    assert_eq!(draw(&schedule, 5), None);
    assert_eq!(draw(&schedule, 0), Some(HostId(5)));
}

//! Sessions and absences in equilibrium.

use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;
use peerlab_workload::{ChurnConfig, Lifetimes, Phase};

use crate::support::{kolmogorov, lifetimes, mean_and_error, peers, read};

const HOUR: i64 = 3600;

/// The phases of a host up to `end`, from the beginning.
fn phases(lifetimes: &Lifetimes, host: HostId, start: Time, end: Time) -> Vec<(Time, Phase)> {
    let mut all = vec![(start, lifetimes.initial(host, start))];
    let mut number = 0;
    while let Some(&(_, Phase { online, until })) = all.last()
        && until < end
    {
        number += 1;
        all.push((until, Phase { online: !online, until: lifetimes.next(host, number, until, !online) }));
    }
    all
}

/// The share of [start, end) that a host is online.
fn share_online(lifetimes: &Lifetimes, host: HostId, start: Time, end: Time) -> f64 {
    let online = phases(lifetimes, host, start, end).into_iter().filter(|(_, phase)| phase.online);
    online.map(|(from, phase)| phase.until.min(end).since(from).secs_f64()).sum::<f64>() / end.since(start).secs_f64()
}

const PAIRS: [(&str, f64); 7] = [
    ("session = { distribution = 'exponential', mean = '30 min' }\noffline = { distribution = 'exponential', mean = '30 min' }", 0.5),
    (
        "session = { distribution = 'weibull', mean = '30 min', shape = 0.6 }\noffline = { distribution = 'exponential', mean = '30 min' }",
        0.5,
    ),
    (
        "session = { distribution = 'weibull', scale = '10 min', shape = 0.5 }\noffline = { distribution = 'weibull', mean = '1 h', shape = 0.4 }",
        0.25,
    ),
    (
        "session = { distribution = 'pareto', mean = '20 min', shape = 1.5 }\noffline = { distribution = 'constant', value = '10 min' }",
        2.0 / 3.0,
    ),
    (
        "session = { distribution = 'lognormal', mean = '15 min', sigma = 1.5 }\noffline = { distribution = 'lognormal', mean = '45 min', sigma = 0.5 }",
        0.25,
    ),
    ("session = { distribution = 'constant', value = '40 min' }\noffline = { distribution = 'constant', value = '20 min' }", 2.0 / 3.0),
    (
        "session = { distribution = 'exponential', mean = '20 s' }\noffline = { distribution = 'pareto', minimum = '30 s', shape = 3.0 }",
        20.0 / 65.0,
    ),
];

/// Goal: session / (session + offline) of the population is online over an hour, for each distribution. Hosts are independent, so
/// the standard error of their mean is honest.
#[test]
fn the_share_online_over_an_hour_is_that_of_the_renewal_process() {
    for (text, expected) in PAIRS {
        let lifetimes = lifetimes(&read::<ChurnConfig>(text), &peers(20_000), 1);
        let shares: Vec<f64> = (0..20_000).map(|host| share_online(&lifetimes, HostId(host), Time::ZERO, Time::from_secs(HOUR))).collect();
        let (mean, error) = mean_and_error(&shares);
        // Constants that add up to the hour have no error at all but a rounded nanosecond's.
        assert!((mean - expected).abs() < 3.0 * error + 1e-9, "{text}: {mean} ± {error}, expected {expected}");
        assert!((lifetimes.expected_online_share() - expected).abs() < 1e-12);
    }
}

/// From the first moment, and at every other one: no transient.
#[test]
fn the_share_online_is_the_same_at_every_moment() {
    for (text, expected) in PAIRS {
        let lifetimes = lifetimes(&read::<ChurnConfig>(text), &peers(20_000), 2);
        for minutes in [0, 7, 59, 240] {
            let at = Time::from_secs(minutes * 60);
            let online = |host: u32| phases(&lifetimes, HostId(host), Time::ZERO, at + Span::from_nanos(1)).last().unwrap().1.online;
            let share = (0..20_000).filter(|&host| online(host)).count() as f64 / 20_000.0;
            let error = (expected * (1.0 - expected) / 20_000.0).sqrt();
            assert!((share - expected).abs() < 3.2 * error, "{text} at {minutes} min: {share}, expected {expected}");
        }
    }
}

/// What is left of sessions an hour later is distributed as at the start.
#[test]
fn residual_lifetimes_stay_residual_lifetimes() {
    for (text, _) in PAIRS {
        let lifetimes = lifetimes(&read::<ChurnConfig>(text), &peers(20_000), 3);
        let left = |at: Time| -> Vec<f64> {
            let last = (0..20_000).map(|host| phases(&lifetimes, HostId(host), Time::ZERO, at + Span::from_nanos(1)).last().unwrap().1);
            last.filter(|phase| phase.online).map(|phase| phase.until.since(at).secs_f64()).collect()
        };
        let mut early = left(Time::ZERO);
        early.sort_by(f64::total_cmp);
        let empirical = |x: f64| early.partition_point(|&value| value <= x) as f64 / early.len() as f64;
        let late = left(Time::from_secs(HOUR));
        // Two samples of about equal size: their distance is √2 that of one from the truth.
        let statistic = kolmogorov(late, empirical) / std::f64::consts::SQRT_2;
        assert!(statistic < 1.95, "{text}: {statistic}");
    }
}

#[test]
fn phases_do_not_depend_on_the_order_of_asking_or_on_the_other_hosts() {
    let churn = read::<ChurnConfig>(PAIRS[1].0);
    let (few, many) = (lifetimes(&churn, &peers(10), 4), lifetimes(&churn, &peers(1000), 4));
    for host in (0..10).rev().map(HostId) {
        assert_eq!(phases(&few, host, Time::ZERO, Time::from_secs(HOUR)), phases(&many, host, Time::ZERO, Time::from_secs(HOUR)));
    }
    let at = Time::from_secs(5);
    let late = many.next(HostId(3), 9, at, true);
    let _ = many.next(HostId(3), 8, at, true);
    assert_eq!(late, many.next(HostId(3), 9, at, true));
    assert_ne!(late, many.next(HostId(3), 8, at, true));
    assert_ne!(late, lifetimes(&churn, &peers(1000), 5).next(HostId(3), 9, at, true));
}

#[test]
fn a_share_of_the_sessions_ends_in_a_crash() {
    for share in [0.0, 0.3, 1.0] {
        let churn = ChurnConfig { crash_share: share, ..read(PAIRS[0].0) };
        let lifetimes = lifetimes(&churn, &peers(1000), 1);
        let crashes = (0..1000).flat_map(|host| (0..50).map(move |number| (host, number)));
        let measured = crashes.filter(|&(host, number)| lifetimes.crashes(HostId(host), number)).count() as f64 / 50_000.0;
        let error = (share * (1.0 - share) / 50_000.0).sqrt();
        assert!((measured - share).abs() <= 3.0 * error, "{measured} for {share}");
    }
}

#[test]
fn classes_have_habits_of_their_own() {
    let peers = read(
        "count = 4000\n[[class]]\nname = 'server-like'\nshare = 0.25\n\
         session = { distribution = 'exponential', mean = '9 h' }\noffline = { distribution = 'exponential', mean = '1 h' }\n\
         [[class]]\nname = 'rest'\nshare = 0.75\n",
    );
    let churn = read(PAIRS[0].0);
    let mixed = lifetimes(&churn, &peers, 1);
    assert!((mixed.expected_online_share() - (0.25 * 0.9 + 0.75 * 0.5)).abs() < 1e-12);
    let online = (0..4000).filter(|&host| mixed.initial(HostId(host), Time::ZERO).online).count() as f64 / 4000.0;
    assert!((online - 0.6).abs() < 0.025, "{online}");
    // Without [churn] only the class with sessions of its own comes and goes.
    let alone = lifetimes(&ChurnConfig::default(), &peers, 1);
    let constant = (0..4000).filter(|&host| alone.initial(HostId(host), Time::ZERO).until == Time::MAX).count();
    assert_eq!(constant, 3000);
}

#[test]
fn without_churn_nobody_ever_goes() {
    let lifetimes = lifetimes(&ChurnConfig::default(), &peers(10), 1);
    assert!(lifetimes.is_constant());
    assert_eq!(lifetimes.initial(HostId(3), Time::ZERO), Phase { online: true, until: Time::MAX });
    assert_eq!(lifetimes.expected_online_share(), 1.0);
}

/// Goal: absences end at the rate that the time of day gives: (1 + A cos(2π (t − peak) / period)) / mean, for exponential ones. Method: returns in each
/// sixth of a day over the time that hosts were away in it; 50,000 returns a sixth, so the ratio is good to a half per cent.
#[test]
fn absences_end_at_the_rate_of_the_time_of_day() {
    let text = "session = { distribution = 'exponential', mean = '1 h' }\noffline = { distribution = 'exponential', mean = '2 h' }\n\
                diurnal = { amplitude = 0.5, peak = '20 h' }";
    let lifetimes = lifetimes(&read::<ChurnConfig>(text), &peers(20_000), 1);
    let (start, end) = (Time::from_secs(-24 * HOUR), Time::from_secs(48 * HOUR));
    let (mut returns, mut away) = ([0_f64; 6], [0_f64; 6]);
    for host in (0..20_000).map(HostId) {
        for (from, phase) in phases(&lifetimes, host, start, end).into_iter().filter(|(_, phase)| !phase.online) {
            let (from, until) = (from.nanos() as f64 / 3.6e12, phase.until.min(end).nanos() as f64 / 3.6e12);
            if phase.until < end {
                returns[(until.rem_euclid(24.0) / 4.0) as usize] += 1.0;
            }
            // In steps of a minute: a bin is 240 of them.
            let mut at = from;
            while at < until {
                let step = (until - at).min(1.0 / 60.0);
                away[(at.rem_euclid(24.0) / 4.0) as usize] += step;
                at += step;
            }
        }
    }
    for bin in 0..6 {
        let (low, high) = (4.0 * bin as f64 - 20.0, 4.0 * (bin + 1) as f64 - 20.0);
        let omega = std::f64::consts::TAU / 24.0;
        let mean = 1.0 + 0.5 * ((omega * high).sin() - (omega * low).sin()) / (omega * 4.0);
        let rate = returns[bin] / away[bin] * 2.0;
        // Who is away is not spread evenly over four hours.
        assert!((rate / mean - 1.0).abs() < 0.03, "from {} h: {rate} instead of {mean}", 4 * bin);
    }
}

//! Delays, jitter and loss against what they are said to be.

use peerlab_engine::time::Span;
use peerlab_model::HostId;
use peerlab_model::units::Duration;
use peerlab_network::{Latency, Network, Rules, Verdict};

use crate::support::{delay, key, mean_and_error, network, reference, with_latency};

const CONSTANT: &str = "latency = { model = 'constant', one_way = '50 ms' }";
const UNIFORM: &str = "latency = { model = 'uniform', min = '20 ms', max = '80 ms' }";

#[test]
fn constant_is_constant() {
    let network = network(CONSTANT, 10, 1);
    assert_eq!(network.min_delay(), Span::from_millis(50));
    for seq in 0..100 {
        assert_eq!(delay(&network, 3, 7, seq), Some(Span::from_millis(50)));
    }
}

#[test]
fn uniform_has_its_mean_and_range_and_a_window_of_its_minimum() {
    let network = network(UNIFORM, 10, 1);
    assert_eq!(network.min_delay(), Span::from_millis(20));
    let delays: Vec<f64> = (0..100_000).map(|seq| delay(&network, seq % 10, (seq + 1) % 10, seq).unwrap().millis_f64()).collect();
    let (mean, error) = mean_and_error(&delays);
    assert!((mean - 50.0).abs() < 3.0 * error, "{mean} ± {error}");
    assert!(delays.iter().all(|delay| (20.0..80.0).contains(delay)));
    assert!(delays.iter().any(|&delay| delay < 20.1) && delays.iter().any(|&delay| delay > 79.9));
}

#[test]
fn euclidean_delays_have_the_mean_that_was_asked_for() {
    for dimensions in [2, 3] {
        let config = with_latency(Latency::Euclidean { mean: Duration::millis(80), dimensions, height: Duration::default() });
        // Disjoint pairs are independent, so the standard error is honest.
        let network = Network::new(&config, 200_000, 0, peerlab_engine::random::Streams::new(7)).unwrap();
        let base = |pair: u32| network.base_delay(HostId(2 * pair), HostId(2 * pair + 1)).unwrap().millis_f64();
        let (mean, error) = mean_and_error(&(0..100_000).map(base).collect::<Vec<_>>());
        assert!((mean - 80.0).abs() < 3.0 * error, "{dimensions}-D: {mean} ± {error}");
        assert_eq!(network.base_delay(HostId(5), HostId(9)), network.base_delay(HostId(9), HostId(5)));
        assert_eq!(network.min_delay(), Span::from_millis(1));
    }
}

/// The setting of Li et al. 2005, section 4: round trips between the King servers have the mean 178 ms and the median 156 ms.
#[test]
fn heights_give_delays_the_long_tail_of_measured_ones() {
    let config = with_latency(Latency::Euclidean { mean: Duration::millis(89), dimensions: 2, height: Duration::millis(35) });
    let network = Network::new(&config, 200_000, 0, peerlab_engine::random::Streams::new(7)).unwrap();
    let mut delays: Vec<f64> =
        (0..100_000).map(|pair| network.base_delay(HostId(2 * pair), HostId(2 * pair + 1)).unwrap().millis_f64()).collect();
    let (mean, error) = mean_and_error(&delays);
    assert!((mean - 89.0).abs() < 3.0 * error, "{mean} ± {error}");
    delays.sort_by(f64::total_cmp);
    assert!((delays[50_000] - 78.0).abs() < 1.0, "the median is {} ms", delays[50_000]);
}

/// Goal: each link takes what it is said to. Method: one router a stub, so that the path between two of them is known.
#[test]
fn transit_stub_paths_take_what_their_links_take() {
    let two = network("latency = { model = 'transit-stub', transit_nodes = 2, stubs = 1, stub_nodes = 1 }", 2, 1);
    assert_eq!(two.base_delay(HostId(0), HostId(1)), Some(Span::from_millis(30)), "up, across, and down");
    let neighbours =
        network("latency = { model = 'transit-stub', transit_nodes = 1, stubs = 2, stub_nodes = 1, access_delay = '7 ms' }", 2, 1);
    assert_eq!(neighbours.base_delay(HostId(0), HostId(1)), Some(Span::from_millis(14)), "up and down");
    assert_eq!(neighbours.min_delay(), Span::from_millis(14));
    let crowd = network("latency = { model = 'transit-stub', transit_nodes = 1, stubs = 1, stub_nodes = 1 }", 3, 1);
    assert_eq!(delay(&crowd, 0, 2, 0), Some(Span::from_millis(1)), "at one router: the floor");
}

/// Goal: hosts are near those of their stub, and far from all others. Method: GT-ITM's example with one host a router.
#[test]
fn transit_stub_delays_have_two_levels() {
    let delays = "transit_delay = '100 ms', access_delay = '10 ms', stub_delay = '1 ms'";
    let network = network(&format!("latency = {{ model = 'transit-stub', {delays} }}"), 96, 1);
    let mut within = 0;
    for from in 0..96 {
        for to in (0..96).filter(|&to| to != from) {
            let delay = network.base_delay(HostId(from), HostId(to)).unwrap();
            assert_eq!(network.base_delay(HostId(to), HostId(from)), Some(delay));
            let millis = delay.millis_f64();
            within += u32::from(millis < 10.0);
            // In a stub of eight; or over two access links, at most three links between four transit routers, and two stubs.
            assert!((1.0..=7.0).contains(&millis) || (20.0..=334.0).contains(&millis), "{from} to {to}: {millis} ms");
        }
    }
    assert_eq!(within, 96 * 7, "each host has seven others in its stub");
}

#[test]
fn a_hosts_place_does_not_depend_on_how_many_hosts_there_are() {
    let (few, many) = (network("", 10, 3), network("", 1000, 3));
    assert_eq!(few.base_delay(HostId(2), HostId(8)), many.base_delay(HostId(2), HostId(8)));
    assert_ne!(few.base_delay(HostId(2), HostId(8)), network("", 10, 4).base_delay(HostId(2), HostId(8)));
}

#[test]
fn jitter_is_uniform_around_the_delay() {
    let network = network(&format!("{CONSTANT}\njitter = 0.2"), 10, 1);
    assert!((network.min_delay().millis_f64() - 40.0).abs() < 1e-5, "{:?}", network.min_delay());
    let delays: Vec<f64> = (0..100_000).map(|seq| delay(&network, 0, 1, seq).unwrap().millis_f64()).collect();
    let (mean, error) = mean_and_error(&delays);
    assert!((mean - 50.0).abs() < 3.0 * error, "{mean} ± {error}");
    // A uniform variable's standard deviation is its width over √12.
    let deviation = error * (delays.len() as f64).sqrt();
    assert!((deviation - 20.0 / 12_f64.sqrt()).abs() < 0.05, "{deviation}");
    assert!(delays.iter().all(|delay| (39.999..60.0).contains(delay)));
    assert!(delays.iter().any(|&delay| delay < 40.01) && delays.iter().any(|&delay| delay > 59.99));
}

#[test]
fn jitter_and_the_uniform_draw_are_unrelated() {
    let bare = network(UNIFORM, 2, 1);
    let jittered = network(&format!("{UNIFORM}\njitter = 0.5"), 2, 1);
    let pairs: Vec<(f64, f64)> = (0..50_000)
        .map(|seq| {
            let base = delay(&bare, 0, 1, seq).unwrap().millis_f64();
            (base - 50.0, delay(&jittered, 0, 1, seq).unwrap().millis_f64() / base - 1.0)
        })
        .collect();
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let correlation = sum(&|p| p.0 * p.1) / (sum(&|p| p.0 * p.0) * sum(&|p| p.1 * p.1)).sqrt();
    assert!(correlation.abs() < 3.0 / (pairs.len() as f64).sqrt(), "{correlation}");
}

#[test]
fn loss_has_its_share_and_does_not_pick_the_slow() {
    for share in [0.001, 0.2] {
        let network = network(&format!("{UNIFORM}\nloss = {share}"), 2, 1);
        let n = 200_000;
        let kept: Vec<f64> = (0..n).filter_map(|seq| delay(&network, 0, 1, seq)).map(Span::millis_f64).collect();
        let lost = 1.0 - kept.len() as f64 / f64::from(n);
        let error = (share * (1.0 - share) / f64::from(n)).sqrt();
        assert!((lost - share).abs() < 3.0 * error, "{lost} for {share}");
        let (mean, error) = mean_and_error(&kept);
        assert!((mean - 50.0).abs() < 3.0 * error, "{mean}");
    }
    let (all, none) = (network(&format!("{UNIFORM}\nloss = 1.0"), 2, 1), network(UNIFORM, 2, 1));
    assert!((0..1000).all(|seq| delay(&all, 0, 1, seq).is_none() && delay(&none, 0, 1, seq).is_some()));
}

#[test]
fn the_floor_is_applied_last_and_reported() {
    let raised = |text: &str| {
        let network = network(text, 2, 1);
        match network.carry(&Rules::default(), HostId(0), HostId(1), key(0, 1)) {
            Verdict::Deliver { after, raised } => (after, raised, network.min_delay()),
            verdict => panic!("{verdict:?}"),
        }
    };
    let millis = Span::from_millis;
    assert_eq!(raised("latency = { model = 'constant', one_way = '0 ms' }\njitter = 0.5"), (millis(1), true, millis(1)));
    assert_eq!(raised("latency = { model = 'constant', one_way = '1 ms' }"), (millis(1), false, millis(1)));
    assert_eq!(raised("latency = { model = 'constant', one_way = '4 ms' }\nmin_one_way = '5 ms'"), (millis(5), true, millis(5)));
}

#[test]
fn no_delay_is_below_the_window() {
    let tables = [UNIFORM, CONSTANT, "", "latency = { model = 'uniform', min = '1100 us', max = '3 ms' }"];
    for table in tables {
        for jitter in ["0.0", "0.1", "0.9"] {
            let network = network(&format!("jitter = {jitter}\n{table}"), 50, 9);
            let shortest = (0..20_000).filter_map(|seq| delay(&network, seq % 50, (seq * 7 + 1) % 50, seq)).min().unwrap();
            assert!(shortest >= network.min_delay(), "{shortest:?} below {:?}", network.min_delay());
        }
    }
}

#[test]
fn verdicts_depend_on_the_message_alone() {
    let (a, b) = (network("jitter = 0.3\nloss = 0.2", 100, 5), network("jitter = 0.3\nloss = 0.2", 100, 5));
    let ask =
        |network: &Network, seq: u32| network.carry(&Rules::default(), HostId(seq % 100), HostId((seq + 1) % 100), key(seq % 100, seq));
    let forwards: Vec<Verdict> = (0..1000).map(|seq| ask(&a, seq)).collect();
    let mut backwards: Vec<Verdict> = (0..1000).rev().map(|seq| ask(&b, seq)).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    let other = network("jitter = 0.3\nloss = 0.2", 100, 6);
    assert_ne!(forwards, (0..1000).map(|seq| ask(&other, seq)).collect::<Vec<_>>());
}

/// Golden values: a change here changes every result that was ever published.
#[test]
fn draws_are_what_they_were() {
    let uniform = network(&format!("{UNIFORM}\njitter = 0.1"), 10, 42);
    let delays: Vec<u64> = (0..4).map(|seq| delay(&uniform, 1, 2, seq).unwrap().nanos()).collect();
    let square = network("", 10, 42);
    let bases: Vec<u64> = (1..4).map(|to| square.base_delay(HostId(0), HostId(to)).unwrap().nanos()).collect();
    assert_eq!(delays, [29_877_944, 27_835_974, 84_464_564, 67_390_545]);
    assert_eq!(bases, [57_192_393, 85_944_732, 71_610_685]);
}

/// Goal: the measured matrix comes out of the network as it went in. Method: as many hosts as rows, all ordered pairs.
#[test]
fn planetlab_comes_out_with_its_own_mean_and_quantiles() {
    let Some(path) = reference("planetlab-490-rtt-ms.txt") else { return };
    let table = format!("min_one_way = '1 us'\nlatency = {{ model = 'matrix', file = '{}' }}", path.display());
    let network = network(&table, 490, 11);
    let mut round_trips = Vec::new();
    for from in 0..490 {
        for to in (0..490).filter(|&to| to != from) {
            round_trips.push(2.0 * delay(&network, from, to, to).unwrap().millis_f64());
        }
    }
    round_trips.sort_by(f64::total_cmp);
    let quantile = |q: f64| round_trips[(q * (round_trips.len() - 1) as f64).round() as usize];
    let mean = round_trips.iter().sum::<f64>() / round_trips.len() as f64;
    assert!((mean - 146.84).abs() < 0.005, "{mean}");
    assert!((quantile(0.5) - 135.01).abs() < 0.005, "{}", quantile(0.5));
    assert!((quantile(0.9) - 290.72).abs() < 0.02, "{}", quantile(0.9));
    assert!((round_trips[0] - 0.086).abs() < 1e-4, "{}", round_trips[0]);
    // The window follows the smallest entry: 0.043 ms one way.
    assert!((network.min_delay().millis_f64() - 0.043).abs() < 1e-4, "{:?}", network.min_delay());
}

/// With more hosts than rows the mean is that of random pairs of hosts, those on one row (1 in 490) being at the floor.
#[test]
fn planetlab_keeps_its_mean_with_more_hosts_than_rows() {
    let Some(path) = reference("planetlab-490-rtt-ms.txt") else { return };
    let network = network(&format!("latency = {{ model = 'matrix', file = '{}' }}", path.display()), 4900, 11);
    assert_eq!(network.min_delay(), Span::from_millis(1));
    let (mut sum, mut count) = (0.0, 0);
    for from in 0..4900 {
        for to in (0..4900).filter(|&to| to != from) {
            let base = network.base_delay(HostId(from), HostId(to)).unwrap().millis_f64();
            if base > 0.0 {
                sum += 2.0 * base;
                count += 1;
            }
        }
    }
    // Each row has exactly ten hosts, so this is the matrix's mean again, exactly.
    assert!((sum / f64::from(count) - 146.84).abs() < 0.005, "{}", sum / f64::from(count));
    assert_eq!(count, 490 * 489 * 100);
}

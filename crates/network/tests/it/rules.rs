//! Rules that the timeline turns on and off.

use peerlab_engine::time::Span;
use peerlab_model::HostId;
use peerlab_network::{HostSet, Network, Rule, Verdict};

use crate::support::{delay, key, network};

const CONSTANT: &str = "latency = { model = 'constant', one_way = '50 ms' }";

fn hosts(hosts: impl IntoIterator<Item = u32>) -> HostSet {
    HostSet::new(hosts.into_iter().map(HostId))
}

#[test]
fn a_partition_separates_groups_until_it_heals() {
    let mut network = network(CONSTANT, 6, 1);
    network.rules_mut().add(7, Rule::Partition(vec![0, 0, 1, 1]));
    let carry = |network: &Network, a: u32, b: u32| network.carry(HostId(a), HostId(b), key(a, 0));
    assert_eq!(carry(&network, 0, 2), Verdict::Partitioned);
    assert_eq!(carry(&network, 2, 0), Verdict::Partitioned);
    assert!(matches!(carry(&network, 0, 1), Verdict::Deliver { .. }));
    assert!(matches!(carry(&network, 2, 3), Verdict::Deliver { .. }));
    // Hosts beyond the list belong to group 0.
    assert!(matches!(carry(&network, 0, 5), Verdict::Deliver { .. }));
    assert_eq!(carry(&network, 5, 2), Verdict::Partitioned);
    assert!(network.rules().separated(HostId(5), HostId(2)));
    network.rules_mut().heal(6);
    assert_eq!(carry(&network, 0, 2), Verdict::Partitioned);
    network.rules_mut().heal(7);
    assert!(network.rules().is_empty());
    assert!(matches!(carry(&network, 0, 2), Verdict::Deliver { .. }));
}

#[test]
fn losses_are_independent_of_each_other() {
    let mut network = network(&format!("{CONSTANT}\nloss = 0.1"), 4, 1);
    network.rules_mut().add(1, Rule::Loss { share: 0.2, hosts: None });
    network.rules_mut().add(2, Rule::Loss { share: 0.5, hosts: Some(hosts([3])) });
    let lost =
        |network: &Network, from: u32, to: u32| (0..100_000).filter(|&seq| delay(network, from, to, seq).is_none()).count() as f64 / 1e5;
    let expected = [(0, 1, 1.0 - 0.9 * 0.8), (0, 3, 1.0 - 0.9 * 0.8 * 0.5), (3, 0, 1.0 - 0.9 * 0.8 * 0.5)];
    for (from, to, share) in expected {
        let error = f64::sqrt(share * (1.0 - share) / 1e5);
        let lost = lost(&network, from, to);
        assert!((lost - share).abs() < 3.0 * error, "{lost} for {share}");
    }
    network.rules_mut().add(3, Rule::Loss { share: 1.0, hosts: Some(hosts([2])) });
    assert_eq!(lost(&network, 0, 2), 1.0);
}

#[test]
fn rules_slow_down_but_never_speed_up() {
    let mut network = network(&format!("{CONSTANT}\njitter = 0.1"), 4, 1);
    let before: Vec<Option<Span>> = (0..100).map(|seq| delay(&network, 0, 1, seq)).collect();
    network.rules_mut().add(1, Rule::Slow { factor: 0.01, hosts: None });
    assert_eq!(before, (0..100).map(|seq| delay(&network, 0, 1, seq)).collect::<Vec<_>>());
    network.rules_mut().add(2, Rule::Slow { factor: 4.0, hosts: Some(hosts([1])) });
    for (seq, before) in before.iter().enumerate() {
        for (from, to) in [(0, 1), (1, 0)] {
            let slowed = delay(&network, from, to, seq as u32).unwrap();
            assert!(slowed.millis_f64() >= 4.0 * 45.0 - 0.001, "{slowed:?} from {from} to {to}");
        }
        let slowed = delay(&network, 0, 1, seq as u32).unwrap().millis_f64();
        assert!((slowed - 4.0 * before.unwrap().millis_f64()).abs() < 1e-3, "{slowed}");
        assert!(delay(&network, 2, 3, seq as u32).unwrap().millis_f64() <= 55.0, "others are not concerned");
    }
}

#[test]
fn a_rule_leaves_the_draws_of_others_alone() {
    let mut network = network("jitter = 0.3\nloss = 0.1", 10, 1);
    let before: Vec<Option<Span>> = (0..1000).map(|seq| delay(&network, 0, 1, seq)).collect();
    network.rules_mut().add(1, Rule::Slow { factor: 3.0, hosts: Some(hosts([5, 130])) });
    assert_eq!(before, (0..1000).map(|seq| delay(&network, 0, 1, seq)).collect::<Vec<_>>());
}

//! Rules that the timeline turns on and off.

use peerlab_engine::time::Span;
use peerlab_model::HostId;
use peerlab_network::{HostSet, Rule, Rules, Verdict, Whose};

use crate::support::{delay_under, key, network};

const CONSTANT: &str = "latency = { model = 'constant', one_way = '50 ms' }";

fn hosts(hosts: impl IntoIterator<Item = u32>) -> HostSet {
    HostSet::new(hosts.into_iter().map(HostId))
}

#[test]
fn a_partition_separates_groups_until_it_heals() {
    let (network, mut rules) = (network(CONSTANT, 6, 1), Rules::default());
    rules.add(7, Rule::Partition(vec![0, 0, 1, 1]));
    let carry = |rules: &Rules, a: u32, b: u32| network.carry(rules, HostId(a), HostId(b), key(a, 0));
    assert_eq!(carry(&rules, 0, 2), Verdict::Partitioned);
    assert_eq!(carry(&rules, 2, 0), Verdict::Partitioned);
    assert!(matches!(carry(&rules, 0, 1), Verdict::Deliver { .. }));
    assert!(matches!(carry(&rules, 2, 3), Verdict::Deliver { .. }));
    // Hosts beyond the list belong to group 0.
    assert!(matches!(carry(&rules, 0, 5), Verdict::Deliver { .. }));
    assert_eq!(carry(&rules, 5, 2), Verdict::Partitioned);
    assert!(rules.separated(HostId(5), HostId(2)));
    rules.heal(6);
    assert_eq!(carry(&rules, 0, 2), Verdict::Partitioned);
    rules.heal(7);
    assert!(rules.is_empty());
    assert!(matches!(carry(&rules, 0, 2), Verdict::Deliver { .. }));
}

#[test]
fn losses_are_independent_of_each_other() {
    let (network, mut rules) = (network(&format!("{CONSTANT}\nloss = 0.1"), 4, 1), Rules::default());
    rules.add(1, Rule::Loss { share: 0.2, whose: Whose::All });
    rules.add(2, Rule::Loss { share: 0.5, whose: Whose::Of(hosts([3])) });
    let lost = |rules: &Rules, from: u32, to: u32| {
        (0..100_000).filter(|&seq| delay_under(rules, &network, from, to, seq).is_none()).count() as f64 / 1e5
    };
    let expected = [(0, 1, 1.0 - 0.9 * 0.8), (0, 3, 1.0 - 0.9 * 0.8 * 0.5), (3, 0, 1.0 - 0.9 * 0.8 * 0.5)];
    for (from, to, share) in expected {
        let error = f64::sqrt(share * (1.0 - share) / 1e5);
        let lost = lost(&rules, from, to);
        assert!((lost - share).abs() < 3.0 * error, "{lost} for {share}");
    }
    rules.add(3, Rule::Loss { share: 1.0, whose: Whose::Of(hosts([2])) });
    assert_eq!(lost(&rules, 0, 2), 1.0);
}

#[test]
fn rules_slow_down_but_never_speed_up() {
    let (network, mut rules) = (network(&format!("{CONSTANT}\njitter = 0.1"), 4, 1), Rules::default());
    let before: Vec<Option<Span>> = (0..100).map(|seq| delay_under(&rules, &network, 0, 1, seq)).collect();
    rules.add(1, Rule::Slow { factor: 0.01, whose: Whose::All });
    assert_eq!(before, (0..100).map(|seq| delay_under(&rules, &network, 0, 1, seq)).collect::<Vec<_>>());
    rules.add(2, Rule::Slow { factor: 4.0, whose: Whose::Of(hosts([1])) });
    for (seq, before) in before.iter().enumerate() {
        for (from, to) in [(0, 1), (1, 0)] {
            let slowed = delay_under(&rules, &network, from, to, seq as u32).unwrap();
            assert!(slowed.millis_f64() >= 4.0 * 45.0 - 0.001, "{slowed:?} from {from} to {to}");
        }
        let slowed = delay_under(&rules, &network, 0, 1, seq as u32).unwrap().millis_f64();
        assert!((slowed - 4.0 * before.unwrap().millis_f64()).abs() < 1e-3, "{slowed}");
        assert!(delay_under(&rules, &network, 2, 3, seq as u32).unwrap().millis_f64() <= 55.0, "others are not concerned");
    }
}

#[test]
fn a_rule_leaves_the_draws_of_others_alone() {
    let (network, mut rules) = (network("jitter = 0.3\nloss = 0.1", 10, 1), Rules::default());
    let before: Vec<Option<Span>> = (0..1000).map(|seq| delay_under(&rules, &network, 0, 1, seq)).collect();
    rules.add(1, Rule::Slow { factor: 3.0, whose: Whose::Of(hosts([5, 130])) });
    assert_eq!(before, (0..1000).map(|seq| delay_under(&rules, &network, 0, 1, seq)).collect::<Vec<_>>());
}

//! State: that of a converged start, that which joins lead to, sizes, parameters.

use std::mem::size_of;
use std::sync::Arc;

use peerlab_model::units::Duration;
use peerlab_model::{Issues, Message, Overlay, OverlayConfig, Time, Wire};
use peerlab_overlay::Comparison;
use peerlab_overlay::records::Record;
use peerlab_overlay::structured::kelips::{KelipsMessage, KelipsTimer, News, Pending, Tuple};

use super::*;

#[test]
fn converged_state_is_exact_and_stays_so() {
    for (population, groups) in [(1, 1), (2, 2), (3, 1), (9, 3), (300, 17)] {
        let mut world = world(&config(groups), population, u64::from(population));
        world.start_converged(0..population);
        assert_eq!(state_is_exact(&world, groups), Ok(()), "{population} peers in {groups} groups");
        world.run_for(MINUTE.times(5));
        let (known, all) = members_known(&world);
        assert!(known * 1000 >= all * 995, "{known} of {all} members are known among {population} peers in {groups} groups");
    }
}

/// How many members of their own group the peers know together, and how many there are to know. Now and then chance keeps somebody's heartbeat
/// from one of them for the whole timeout.
fn members_known(world: &World<Kelips>) -> (usize, usize) {
    let groups: Vec<u32> = world.online().into_iter().map(|seat| world.peer(seat).expect("online").group()).collect();
    let all = groups.iter().map(|group| groups.iter().filter(|other| *other == group).count() - 1).sum();
    let known = world.online().into_iter().map(|seat| world.peer(seat).expect("online").members().count()).sum();
    (known, all)
}

/// Goal: the converged start is what joins lead to. Method: one hundred peers join through random contacts, one every second.
#[test]
fn joins_lead_to_the_converged_state() {
    let mut world = world(&config(7), 100, 3);
    world.start_empty();
    for seat in 0..100 {
        world.join(seat);
        world.run_for(Span::from_secs(1));
    }
    world.run_for(MINUTE.times(2));
    assert!((0..100).all(|seat| world.joined(seat)));
    assert_eq!(state_is_exact(&world, 7), Ok(()));
}

#[test]
fn a_crowd_that_joins_at_once_settles() {
    let mut world = world(&config(6), 80, 4);
    world.start_empty();
    (0..80).for_each(|seat| world.join(seat));
    world.run_for(MINUTE.times(5));
    assert!((0..80).all(|seat| world.joined(seat)));
    assert_eq!(state_is_exact(&world, 6), Ok(()));
}

/// Timeouts grow with a group that bounded gossip cannot tell of in time: of 300 members in one group nobody alive is dropped.
#[test]
fn large_groups_have_patience() {
    let mut world = world(&config(2), 600, 4);
    world.start_converged(0..600);
    world.run_for(MINUTE.times(10));
    let (known, all) = members_known(&world);
    println!("{known} of {all} members are known");
    assert!(known * 1000 >= all * 995);
}

#[test]
fn states_and_messages_are_small() {
    assert!(size_of::<KelipsMessage>() <= 48, "{}", size_of::<KelipsMessage>());
    assert!(size_of::<KelipsTimer>() <= 8, "{}", size_of::<KelipsTimer>());
    assert!(size_of::<KelipsPeer>() <= 128, "{}", size_of::<KelipsPeer>());
    assert!(size_of::<Pending>() <= 104, "{}", size_of::<Pending>());
    let mut world = world(&KelipsConfig::default(), 1 << 10, 5);
    world.start_converged(0..1 << 10);
    let bytes: usize = (0..1 << 10).map(|seat| world.model.state_bytes(world.peer(seat).expect("online"))).sum();
    println!("{} bytes a peer", bytes >> 10);
    let expected = KelipsConfig::default().expected_bytes(1 << 10) as usize;
    assert!(bytes >> 10 <= expected && expected < 2000, "{} {expected}", bytes >> 10);
}

#[test]
fn sizes_on_the_wire_are_those_of_the_page() {
    let news: Arc<[News]> = Arc::from([News { peer: PeerId(1), heartbeat: 5, gone: false }; 7]);
    let record = Record { key: Key(1), holder: PeerId(2), expires: Time::ZERO };
    let tuples: Arc<[Tuple]> = Arc::from([Tuple { record, removed: false }; 2]);
    let gossip = KelipsMessage::Gossip { news: Arc::clone(&news), tuples: None };
    assert_eq!((gossip.wire_bytes(Wire::Udp), gossip.wire_bytes(Wire::P2psim)), (28 + 1 + 7 * 30, 20 + 7 * 4));
    let both = KelipsMessage::Gossip { news, tuples: Some(tuples) };
    assert_eq!((both.wire_bytes(Wire::Udp), both.wire_bytes(Wire::P2psim)), (28 + 1 + 7 * 30 + 2 * 50, 20 + 7 * 4 + 2 * 8));
    let last = KelipsMessage::Repair(Comparison::Spare { keys: std::sync::Arc::default() });
    assert!(KelipsMessage::KINDS.len() == 19 && last.kind() == 18);
}

fn issues(config: &KelipsConfig) -> Vec<String> {
    let mut issues = Issues::new();
    config.check(100, &mut issues);
    issues.into_list().into_iter().map(|issue| format!("{}: {}", issue.path, issue.message)).collect()
}

#[test]
fn parameters_have_the_literature_s_names_and_impossible_ones_are_refused() {
    let config: KelipsConfig = toml::from_str("groups = 7\ncontacts = 3\nround_interval = \"1 s\"").expect("it can be read");
    assert!(config.groups == 7 && config.contacts == 3 && config.round_interval == Duration::secs(1));
    assert!(toml::from_str::<KelipsConfig>("group = 4").is_err());
    assert!(issues(&KelipsConfig::default()).is_empty());
    let wrong =
        issues(&KelipsConfig { contacts: 0, tries: 9, group_ration: 41, round_interval: Duration::millis(0), ..KelipsConfig::default() });
    assert_eq!(wrong.len(), 4, "{wrong:?}");
    assert!(wrong[0].contains("contacts: between 1 and 8, not 0"), "{wrong:?}");
    assert!(issues(&KelipsConfig { groups: 60, ..KelipsConfig::default() })[0].contains("will be empty"));
    assert!(issues(&KelipsConfig { group_timeout: Duration::secs(5), ..KelipsConfig::default() })[0].contains("the living"));
}

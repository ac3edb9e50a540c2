//! Questions: who is named, and over how many links.

use peerlab_model::Target;

use super::*;

/// Goal: at rest every question takes one hop, or none within the own group. Method: random keys and peers, against brute force.
#[test]
fn one_hop_to_any_group() {
    for (population, groups) in [(1, 1), (2, 1), (30, 3), (200, 14)] {
        let mut world = world(&config(groups), population, u64::from(population));
        world.start_converged(0..population);
        let all = everybody(&world);
        let mut rng = world.test_rng();
        for _ in 0..100 {
            let (seat, key) = (rng.below(u64::from(population)) as u32, Key(rng.bits()));
            let of_key = world.lookup(seat, Target::Key(key));
            let (wanted_key, wanted) = all[rng.index(all.len())];
            let of_peer = world.lookup(seat, Target::Peer(wanted));
            world.run_for(Span::from_millis(200));
            let own = world.peer(seat).expect("online").group();
            let expected = owner(&world, groups, key).expect("no group is empty");
            assert_eq!(world.model_owner(key), Some(expected), "the judge's owner");
            for (question, key, expected) in [(of_key, key, expected), (of_peer, wanted_key, wanted)] {
                let record = world.record(question);
                assert_eq!(record.peers(), [expected]);
                // A peer that is a contact is known, too.
                let hops = record.hits[0].hit.hops;
                assert!(hops == u32::from(group_of(key, groups) != own) || (hops == 0 && question == of_peer));
                assert_eq!((record.messages(), record.timeouts), (2 * u64::from(hops), 0));
            }
        }
    }
}

/// A contact that is dead costs a timeout, and another one answers; when both are, a member of the own group knows others.
#[test]
fn questions_try_other_contacts() {
    let mut world = world(&config(5), 100, 4);
    world.start_converged(0..100);
    world.run_for(Span::from_secs(10));
    let asker = world.id(0);
    let group = (0..5).find(|&group| group != peer_of(&world, asker).group()).expect("there are five");
    let contacts: Vec<PeerId> = peer_of(&world, asker).contacts_in(group).collect();
    assert_eq!(contacts.len(), 2);
    // A key in the middle of that group, and its owner.
    let key = Key((u64::MAX / 10) * (2 * u64::from(group) + 1));
    for &contact in &contacts {
        world.crash(world.setting.numbering.seat(contact));
    }
    let question = world.lookup(0, Target::Key(key));
    world.run_for(Span::from_secs(4));
    let record = world.record(question);
    assert_eq!((record.hits.len(), record.timeouts), (1, 2), "{record:?}");
    assert_eq!((record.hits[0].hit.hops, record.hits[0].hit.rounds), (2, 4));
    let expected = owner(&world, 5, key).expect("somebody is left");
    assert!(record.peers() == [expected] || contacts.contains(&record.peers()[0]), "the owner, or who was it a moment ago");
}

#[test]
fn owners_are_right_after_churn_has_settled() {
    let mut world = World::<Kelips>::new(&config(4), Options { population: 80, seed: 12, new_identity: true, ..Options::default() });
    world.start_converged(0..60);
    let mut rng = world.test_rng();
    for _ in 0..200 {
        world.run_for(Span::from_secs(2));
        let seat = rng.below(80) as u32;
        match world.peer(seat).is_some() {
            true if rng.chance(0.5) => world.crash(seat),
            true => world.leave(seat),
            false => world.join(seat),
        }
    }
    world.run_for(MINUTE.times(3));
    assert_eq!(state_is_exact(&world, 4), Ok(()));
    let all = everybody(&world);
    for _ in 0..200 {
        let (asker, key) = (all[rng.index(all.len())].1, Key(rng.bits()));
        let question = world.lookup(world.setting.numbering.seat(asker), Target::Key(key));
        world.run_for(Span::from_millis(200));
        assert_eq!(world.record(question).peers(), [owner(&world, 4, key).expect("no group is empty")]);
    }
}

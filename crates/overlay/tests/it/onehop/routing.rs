//! Questions: who is named, and over how many links.

use peerlab_model::Target;

use super::*;

/// Goal: with correct tables every question takes one hop, or none to the owner itself. Method: random keys and peers, against brute force.
#[test]
fn one_hop_to_the_successor_of_any_key() {
    for population in [1, 2, 3, 10, 200] {
        let mut world = world(&config(), population, u64::from(population));
        world.start_converged(0..population);
        let ring = ring(&world);
        let mut rng = world.test_rng();
        for _ in 0..200 {
            let (seat, key) = (rng.below(u64::from(population)) as u32, Key(rng.bits()));
            let of_key = world.lookup(seat, Target::Key(key));
            let wanted = ring[rng.index(ring.len())].1;
            let of_peer = world.lookup(seat, Target::Peer(wanted));
            world.run_for(Span::from_millis(200));
            for (question, expected) in [(of_key, owner(&ring, key)), (of_peer, wanted)] {
                let record = world.record(question);
                assert_eq!(record.peers(), [expected]);
                let hops = u32::from(expected != record.origin);
                assert_eq!((record.hits[0].hit.hops, record.messages()), (hops, 2 * u64::from(hops)));
                assert_eq!((record.hits[0].hit.rounds, record.timeouts), (hops, 0));
            }
        }
    }
}

/// A dead owner costs a timeout, and the next one answers in its place, before anybody has noticed the death.
#[test]
fn the_successor_of_a_dead_owner_answers_after_a_timeout() {
    let mut world = world(&config(), 100, 4);
    world.start_converged(0..100);
    let ring = ring(&world);
    // Three in a row.
    for &(_, id) in &ring[20..23] {
        world.crash(world.setting.numbering.seat(id));
    }
    let key = Key(ring[20].0.0 - 1);
    let asker = world.setting.numbering.seat(ring[70].1);
    let question = world.lookup(asker, Target::Key(key));
    let gone = world.lookup(asker, Target::Peer(ring[21].1));
    world.run_for(Span::from_secs(4));
    assert_eq!((world.record(question).peers(), world.record(question).timeouts), (vec![ring[23].1], 3));
    assert_eq!(world.record(question).hits[0].hit.hops, 1);
    assert!(world.record(gone).peers().is_empty() && world.record(gone).finished.is_some());
    // The next question pays nothing.
    let again = world.lookup(asker, Target::Key(key));
    world.run_for(Span::from_secs(1));
    assert_eq!((world.record(again).peers(), world.record(again).timeouts), (vec![ring[23].1], 0));
}

#[test]
fn owners_are_right_after_churn_has_settled() {
    let mut world = World::<OneHop>::new(&config(), Options { population: 80, seed: 12, new_identity: true, ..Options::default() });
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
    world.run_for(MINUTE.times(5));
    assert_eq!(tables_are_exact(&world), Ok(()));
    let ring = ring(&world);
    for _ in 0..200 {
        let (asker, key) = (ring[rng.index(ring.len())].1, Key(rng.bits()));
        let question = world.lookup(world.setting.numbering.seat(asker), Target::Key(key));
        world.run_for(Span::from_millis(200));
        assert_eq!(world.record(question).peers(), [owner(&ring, key)]);
    }
}

/// Where messages get lost, `attempts` asks the same peer again before it passes for dead.
#[test]
fn attempts_save_questions_from_loss() {
    let wrong_with = |attempts: u8| {
        let config = OneHopConfig { attempts, ..config() };
        let mut world = World::<OneHop>::new(&config, Options { population: 50, seed: 2, loss: 0.05, ..Options::default() });
        world.start_converged(0..50);
        let ring = ring(&world);
        let mut rng = world.test_rng();
        let mut wrong = 0;
        for _ in 0..1000 {
            let key = Key(rng.bits());
            let question = world.lookup(rng.below(50) as u32, Target::Key(key));
            world.run_for(Span::from_secs(4));
            wrong += usize::from(world.record(question).peers() != [owner(&ring, key)]);
        }
        wrong
    };
    let (one, three) = (wrong_with(1), wrong_with(3));
    println!("of 1000 questions with 5 % loss: {one} wrong with one attempt, {three} with three");
    assert!(one > 50 && three < 10);
}

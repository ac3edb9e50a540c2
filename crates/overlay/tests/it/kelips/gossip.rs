//! Rounds: bounded bandwidth, near targets, news that reaches everybody.

use peerlab_model::{ItemId, PeerId};

use super::*;

/// Goal: bandwidth does not depend on what happens. Method: messages of gossip in a quiet network and in one where every second something does.
#[test]
fn bandwidth_is_the_same_in_quiet_and_in_churn() {
    let sent_with = |churn: bool| {
        let mut world = world(&config(8), 160, 3);
        world.start_converged(0..120);
        world.run_for(Span::from_secs(20));
        let before = world.sent("gossip");
        let mut online = 0;
        for second in 0..100 {
            if churn {
                world.crash(second % 120);
                world.join(if second < 40 { 120 + second } else { second - 40 });
            }
            world.run_for(Span::from_secs(1));
            online += world.online().len();
        }
        // Six messages a peer in two seconds.
        (world.sent("gossip") - before) as f64 / (3.0 * online as f64)
    };
    let (quiet, busy) = (sent_with(false), sent_with(true));
    println!("of the bandwidth that the parameters allow: {quiet:.3} when quiet, {busy:.3} in churn");
    assert!((quiet - 1.0).abs() < 0.02 && busy > 0.9 && busy <= 1.02);
}

/// Peers on a line: the one-way delay is 5 ms and a millisecond for each seat between them.
fn line(population: u32, seed: u64) -> Options {
    let latency = move |a: PeerId, b: PeerId| Span::from_millis(5 + u64::from(a.0.abs_diff(b.0)));
    Options { population, seed, latency: Box::new(latency), ..Options::default() }
}

/// Goal: contacts become near ones. Method: 150 peers on a line in six groups; contacts at random are 50 places away in the mean.
#[test]
fn contacts_are_replaced_by_nearer_ones() {
    let mean_distance = |world: &World<Kelips>| {
        let all: Vec<u32> = (0..150_u32)
            .flat_map(|seat| {
                let peer = world.peer(seat).expect("online");
                (0..6).filter(|&group| group != peer.group()).flat_map(|group| peer.contacts_in(group)).map(move |c| c.0.abs_diff(seat))
            })
            .collect();
        f64::from(all.iter().sum::<u32>()) / all.len() as f64
    };
    let mut world = World::<Kelips>::new(&config(6), line(150, 5));
    world.start_converged(0..150);
    let before = mean_distance(&world);
    world.run_for(MINUTE.times(15));
    let after = mean_distance(&world);
    println!("mean distance of contacts {before:.1} before, {after:.1} after");
    assert!(before > 40.0 && after < 0.7 * before);
}

/// A filetuple that one member has been told of reaches its whole group.
#[test]
fn a_filetuple_reaches_the_whole_group() {
    let mut world = World::<Kelips>::new(&config(4), Options { population: 100, seed: 8, items: 10, ..Options::default() });
    world.start_converged(0..100);
    world.publish(3, &[7]);
    let key = world.setting.numbering.item_key(ItemId(7));
    let know = |world: &World<Kelips>| {
        let group = everybody(world).into_iter().filter(|&(k, _)| group_of(k, 4) == group_of(key, 4));
        let known: Vec<bool> = group.map(|(_, id)| peer_of(world, id).filetuples().holders(key, world.now()).eq([world.id(3)])).collect();
        (known.iter().filter(|&&known| known).count(), known.len())
    };
    world.run_for(Span::from_secs(12));
    let (early, size) = know(&world);
    assert!(early * 10 >= size * 8, "{early} of {size} after six rounds");
    world.run_for(MINUTE.times(3));
    assert_eq!(know(&world), (size, size));
}

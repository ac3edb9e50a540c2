//! Memberships by gossip where no flood goes over them: as Gia's candidates, as the layer of super-peers, as an epidemic's partners.

use peerlab_model::{Issues, ItemId, LookupId, Overlay, OverlayConfig, Span, Target};
use peerlab_overlay::graph::Graph;
use peerlab_overlay::hybrid::super_peer::{SuperPeer, SuperPeerConfig, SuperPeers};
use peerlab_overlay::unstructured::epidemic::{Epidemic, EpidemicConfig, Partners};
use peerlab_overlay::unstructured::gia::{Gia, GiaConfig};
use peerlab_overlay::unstructured::membership::{CyclonConfig, HyParViewConfig, MembershipConfig, Shuffling};

use crate::harness::{Options, World};
use crate::histories::histories;
use crate::memberships::all;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

fn paths(config: &impl OverlayConfig) -> Vec<String> {
    let mut issues = Issues::new();
    config.check(100, &mut issues);
    issues.list().iter().map(|issue| issue.path.clone()).collect()
}

/// Parts of the overlay among those of whom `is_in` is true, whatever the directions of links.
fn components<O: Overlay>(world: &World<O>, is_in: impl Fn(u32) -> bool) -> usize {
    let nodes: Vec<u32> = world.online().into_iter().filter(|&seat| is_in(seat)).collect();
    let place = |seat: u32| nodes.binary_search(&seat).ok().map(|at| at as u32);
    let seats = |seat: u32| world.contacts(seat).into_iter().map(|peer| world.setting.numbering.seat(peer));
    let edges: Vec<(u32, u32)> =
        nodes.iter().flat_map(|&seat| seats(seat).filter_map(move |other| Some((place(seat)?, place(other)?)))).collect();
    Graph::from_edges(nodes.len() as u32, &edges).analysis().components
}

// Gia.

fn gia(membership: MembershipConfig, population: u32) -> World<Gia> {
    let config = GiaConfig { membership, ..GiaConfig::default() };
    // One in ten is a hundred times as strong as the others.
    let capacity = |seat: u32| Some(if seat.is_multiple_of(10) { 1000.0 } else { 10.0 });
    World::new(&config, Options { population, items: population, capacity: Box::new(capacity), ..Options::default() })
}

fn mean_degree(world: &World<Gia>, seats: impl Fn(u32) -> bool) -> f64 {
    let degrees: Vec<usize> = world.online().into_iter().filter(|&seat| seats(seat)).map(|seat| world.contacts(seat).len()).collect();
    degrees.iter().sum::<usize>() as f64 / degrees.len() as f64
}

/// Goal: views are as good a source of candidates as a host cache. Method: joins alone, and what adaptation has made of them after five minutes.
#[test]
fn gia_adapts_to_capacity_with_whom_views_bring() {
    for membership in all().into_iter().chain([MembershipConfig::HostCache]) {
        let mut world = gia(membership.clone(), 200);
        world.start_empty();
        for seat in 0..200 {
            world.give(seat, &[seat]);
            world.join(seat);
            world.run_for(Span::from_millis(150));
        }
        world.run_for(seconds(300));
        world.check();
        assert!((0..200).all(|seat| world.joined(seat)) && components(&world, |_| true) == 1, "{membership:?}");
        let (strong, weak) = (mean_degree(&world, |seat| seat % 10 == 0), mean_degree(&world, |seat| seat % 10 != 0));
        println!("{membership:?}: {strong:.1} neighbours of the strong, {weak:.1} of the weak");
        assert!(strong > 15.0 && (3.0..4.0).contains(&weak), "{membership:?}: {strong} and {weak}");
        let asked: Vec<LookupId> = (0..50).map(|at| world.lookup(3 * at, Target::Item(ItemId(199 - at)))).collect();
        world.run_for(seconds(70));
        assert!(asked.iter().all(|&id| !world.record(id).hits.is_empty()), "{membership:?}");
    }
}

/// Goal: who is cut off by crashes finds others in its views. Method: half of the peers crash, and the addresses that the other half has learnt with them.
#[test]
fn gia_finds_the_living_in_its_views() {
    for membership in all() {
        let mut world = gia(membership.clone(), 300);
        world.start_converged(0..300);
        world.run_for(seconds(30));
        (0..300).filter(|seat| seat % 2 == 1).for_each(|seat| world.crash(seat));
        world.run_for(seconds(300));
        world.check();
        assert_eq!(components(&world, |_| true), 1, "{membership:?}");
        let lonely = world.online().into_iter().filter(|&seat| world.contacts(seat).len() < 3).count();
        assert!(lonely <= 3, "{membership:?}: {lonely} have less than three neighbours");
    }
}

#[test]
fn gia_s_survivors_of_every_small_history_are_neighbours() {
    for membership in all() {
        for history in histories(3) {
            let mut world = gia(membership.clone(), 4);
            world.live_through(&history, seconds(1));
            world.run_for(seconds(400));
            world.check();
            let online = world.online();
            assert!(online.iter().all(|&seat| world.joined(seat)), "{membership:?}: {history:?}");
            assert!(online.len() < 2 || components(&world, |_| true) == 1, "{membership:?}: {history:?}");
        }
    }
}

// Super-peers.

fn super_peers(membership: MembershipConfig) -> SuperPeerConfig {
    let min_uptime = peerlab_model::units::Duration::secs(30);
    SuperPeerConfig { membership, leaves: 6, ttl: 9, min_uptime, ..SuperPeerConfig::default() }
}

/// A minute after a converged start of 120 peers, each of which has an item of its own.
fn converged_super_peers(membership: &MembershipConfig) -> World<SuperPeers> {
    let options = Options { population: 120, items: 120, ..Options::default() };
    let mut world = World::new(&super_peers(membership.clone()), options);
    (0..120).for_each(|seat| world.give(seat, &[seat]));
    world.start_converged(0..120);
    world.run_for(seconds(60));
    world
}

fn servants(world: &World<SuperPeers>) -> Vec<u32> {
    world.online().into_iter().filter(|&seat| world.peer(seat).is_some_and(SuperPeer::is_super_peer)).collect()
}

fn serves(world: &World<SuperPeers>, seat: u32) -> bool {
    servants(world).contains(&seat)
}

/// How many of so many questions for what one peer has are answered.
fn found(world: &mut World<SuperPeers>, questions: u32) -> usize {
    let online = world.online();
    let others = |at: u32| (online[at as usize % online.len()], online[(7 * at as usize + 3) % online.len()]);
    let asked: Vec<LookupId> =
        (0..questions).map(others).map(|(origin, holder)| world.lookup(origin, Target::Item(ItemId(holder)))).collect();
    world.run_for(seconds(40));
    asked.iter().filter(|&&id| !world.record(id).hits.is_empty()).count()
}

#[test]
fn super_peers_begin_as_neighbours_of_their_views_and_find_everything() {
    for membership in all() {
        let mut world = converged_super_peers(&membership);
        world.check();
        assert_eq!(found(&mut world, 60), 60, "{membership:?}");
    }
}

/// Goal: the layer grows with the network, though first contacts are leaves mostly. Method: joins alone.
#[test]
fn a_layer_of_super_peers_grows_from_nothing() {
    for membership in all() {
        let mut world: World<SuperPeers> =
            World::new(&super_peers(membership.clone()), Options { population: 120, items: 120, ..Options::default() });
        world.start_empty();
        for seat in 0..120 {
            world.give(seat, &[seat]);
            world.join(seat);
            world.run_for(seconds(2));
        }
        world.run_for(seconds(600));
        world.check();
        assert!((0..120).all(|seat| world.joined(seat)), "{membership:?}");
        let count = servants(&world).len();
        println!("{membership:?}: {count} super-peers, {} relayed", world.sent("relayed"));
        assert!((120 / 7..=60).contains(&count), "{membership:?}: {count} super-peers");
        assert!(world.sent("relayed") > 0, "{membership:?}: no leaf has been asked");
        assert_eq!(components(&world, |seat| serves(&world, seat)), 1, "{membership:?}");
        assert!(found(&mut world, 60) >= 57, "{membership:?}");
    }
}

/// Goal: the layer outlives most of its members, and forgets those that no longer serve. Method: two thirds of the super-peers crash; then most leaves go.
#[test]
fn a_layer_of_super_peers_survives_and_shrinks() {
    for membership in all() {
        let mut world = converged_super_peers(&membership);
        servants(&world).iter().filter(|&&seat| seat % 3 != 0).for_each(|&seat| world.crash(seat));
        world.run_for(seconds(600));
        world.check();
        assert_eq!(components(&world, |seat| serves(&world, seat)), 1, "{membership:?}");
        assert!(found(&mut world, 40) >= 38, "{membership:?}");
        let before = servants(&world).len();
        let leaves: Vec<u32> = world.online().into_iter().filter(|&seat| !serves(&world, seat)).collect();
        leaves.iter().skip(4).for_each(|&seat| world.leave(seat));
        world.run_for(seconds(900));
        let left = servants(&world);
        assert!(left.len() < before, "{membership:?}: {before} super-peers before, {} after", left.len());
        if matches!(&membership, MembershipConfig::Cyclon(config) if config.shuffling == Shuffling::Basic) {
            // Nothing tells an old entry from a new one: it goes round among so few for long.
            continue;
        }
        // Who resigns while an entry of its own is under way may turn up once more.
        let strangers = |&seat: &u32| {
            let others = world.contacts(seat).into_iter().filter(|&peer| !serves(&world, world.setting.numbering.seat(peer)));
            others.count() - world.peer(seat).map_or(0, |peer| peer.leaves().count())
        };
        let stale: usize = left.iter().map(strangers).sum();
        assert!(stale <= left.len(), "{membership:?}: {stale} entries of others among {} super-peers", left.len());
    }
}

#[test]
fn small_histories_of_super_peers_end_with_a_layer_in_one_piece() {
    for membership in all() {
        for history in histories(3) {
            let mut world: World<SuperPeers> =
                World::new(&super_peers(membership.clone()), Options { population: 4, ..Options::default() });
            world.live_through(&history, seconds(1));
            world.run_for(seconds(600));
            world.check();
            assert!(world.online().into_iter().all(|seat| world.joined(seat)), "{membership:?}: {history:?}");
            assert_eq!(components(&world, |seat| serves(&world, seat)).max(1), 1, "{membership:?}: {history:?}");
        }
    }
}

#[test]
fn partners_do_without_views() {
    let cyclon = || MembershipConfig::Cyclon(CyclonConfig::default());
    assert_eq!(paths(&super_peers(cyclon())), [""; 0]);
    assert_eq!(paths(&SuperPeerConfig { redundancy: 2, ..super_peers(cyclon()) }), ["membership"]);
    assert_eq!(
        paths(&super_peers(MembershipConfig::Cyclon(CyclonConfig { view: 0, ..CyclonConfig::default() }))).first().map(String::as_str),
        Some("membership.view")
    );
    let bad = MembershipConfig::HyParView(HyParViewConfig { prwl: 9, ..HyParViewConfig::default() });
    assert_eq!(paths(&GiaConfig { membership: bad, ..GiaConfig::default() }), ["membership.prwl"]);
}

// Epidemics.

fn infect_and_die(membership: Option<MembershipConfig>, fanout: u32) -> EpidemicConfig {
    let (_, preset) = EpidemicConfig::presets().remove(0);
    EpidemicConfig { membership, fanout, ..preset }
}

/// The share of the peers that hear, in the mean over ten rumours a minute apart.
fn reach(config: &EpidemicConfig, population: u32) -> f64 {
    let mut world: World<Epidemic> = World::new(config, Options { population, ..Options::default() });
    world.start_converged(0..population);
    world.run_for(seconds(120));
    for rumour in 0..10 {
        world.rumour(rumour * 17, rumour);
        world.run_for(seconds(60));
    }
    world.check();
    (0..10).map(|rumour| (1 + world.heard(rumour).len()) as f64 / f64::from(population)).sum::<f64>() / 10.0
}

/// Goal: partners come from the views, f different ones of c. Method: one round of pushes by each that hears. Of a peer that is in c views of c entries, all
/// those that hear miss it with probability (1 − f/c)^(c r), which tends to the mean field's e^(−f r) for large views.
#[test]
fn an_epidemic_over_views_reaches_what_it_should() {
    let solve = |miss: f64| (0..200).fold(1.0, |r: f64, _| 1.0 - libm::exp(-miss * r));
    for (view, fanout) in [(20, 2), (20, 3), (60, 2)] {
        let cyclon = MembershipConfig::Cyclon(CyclonConfig { view, ..CyclonConfig::default() });
        let (c, f) = (f64::from(view), f64::from(fanout));
        let (regular, mean_field) = (solve(-c * libm::log(1.0 - f / c)), solve(f));
        let measured = reach(&infect_and_die(Some(cyclon), fanout), 1000);
        println!("view of {view}, fan-out {fanout}: reach {measured:.4}; views {regular:.4}, mean field {mean_field:.4}");
        assert!((measured - regular).abs() < 0.015, "{measured} for {regular}");
    }
}

#[test]
fn symmetric_views_leave_fewer_out_than_one_sided_ones_and_those_fewer_than_uneven_ones() {
    let [cyclon, _, hyparview, newscast] = all().map(|membership| reach(&infect_and_die(Some(membership), 3), 1000));
    let uniform = reach(&infect_and_die(None, 3), 1000);
    println!("reach with a fan-out of 3: HyParView {hyparview:.4}, Cyclon {cyclon:.4}, uniform {uniform:.4}, Newscast {newscast:.4}");
    assert!(hyparview > cyclon && cyclon > newscast && uniform > newscast);
}

/// Goal: newcomers and the living are in the views, the dead are not for long. Method: a third is replaced by others, then a rumour with feedback.
#[test]
fn an_epidemic_over_views_reaches_newcomers() {
    for membership in all() {
        let config = EpidemicConfig { membership: Some(membership.clone()), ..EpidemicConfig::default() };
        let mut world: World<Epidemic> = World::new(&config, Options { population: 400, ..Options::default() });
        world.start_converged(0..300);
        for seat in 0..100 {
            world.crash(seat);
            world.join(300 + seat);
            world.run_for(seconds(1));
        }
        world.run_for(seconds(300));
        world.check();
        assert!((300..400).all(|seat| world.joined(seat)), "{membership:?}");
        world.rumour(100, 0);
        world.run_for(seconds(60));
        let heard = world.heard(0).len();
        // Newscast's views are uneven: some are in few of them.
        let least = if matches!(membership, MembershipConfig::Newscast(_)) { 270 } else { 288 };
        assert!(heard >= least, "{membership:?}: {heard} of 299");
    }
}

#[test]
fn an_epidemic_has_partners_of_one_kind() {
    let with = |membership, partners| EpidemicConfig { membership: Some(membership), partners, ..EpidemicConfig::default() };
    let hyparview = || MembershipConfig::HyParView(HyParViewConfig::default());
    assert_eq!(paths(&with(hyparview(), Partners::Uniform)), [""; 0]);
    assert_eq!(paths(&with(hyparview(), Partners::View)), ["partners"]);
    assert_eq!(paths(&with(MembershipConfig::HostCache, Partners::Uniform)), ["membership"]);
    assert_eq!(paths(&EpidemicConfig { fanout: 6, ..with(hyparview(), Partners::Uniform) }), ["fanout"], "a warning");
}

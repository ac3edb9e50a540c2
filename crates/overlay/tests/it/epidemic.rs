//! What epidemics promise, in the reference world.

use peerlab_model::units::Duration;
use peerlab_model::{Issues, LookupId, Message, Overlay, OverlayConfig, RumourId, Span, Target, Time, Wire};
use peerlab_overlay::unstructured::epidemic::{Epidemic, EpidemicConfig, EpidemicMessage, Mode, Partners, Phases, Stop};

use crate::harness::{Options, RUMOUR_BYTES, World};

type EpidemicWorld = World<Epidemic>;

fn seconds(seconds: u64) -> Span {
    Span::from_secs(seconds)
}

/// Cycles of a second, all at the same time.
fn synchronous(mode: Mode, feedback: bool, stop: Stop) -> EpidemicConfig {
    EpidemicConfig { mode, feedback, stop, phases: Phases::Synchronous, ..EpidemicConfig::default() }
}

fn converged(config: &EpidemicConfig, population: u32, seed: u64) -> EpidemicWorld {
    let mut world: EpidemicWorld = World::new(config, Options { population, seed, ..Options::default() });
    world.start_converged(0..population);
    world
}

/// Peer 0 starts rumour 0, half a second into the first cycle, and a minute passes.
fn spread(world: &mut EpidemicWorld) {
    world.run_for(Span::from_millis(500));
    world.rumour(0, 0);
    world.run_for(seconds(60));
    world.check();
}

#[test]
fn a_rumour_waits_for_the_next_cycle_and_so_does_who_hears_it() {
    let mut world = converged(&synchronous(Mode::Push, true, Stop::Counter(3)), 100, 1);
    spread(&mut world);
    let mut times: Vec<Time> = world.heard(0).into_values().collect();
    times.sort_unstable();
    // 50 ms after the beginning of a cycle: at the most one hearer for each who knew before.
    assert!(times.iter().all(|time| time.nanos() % 1_000_000_000 == 50_000_000));
    assert_eq!(times[0], Time::ZERO + Span::from_millis(1050));
    for cycle in 1..10 {
        let by = |cycle: u64| 1 + times.iter().filter(|&&time| time < Time::ZERO + seconds(cycle)).count();
        assert!(by(cycle + 1) <= 2 * by(cycle), "cycle {cycle}: {} after {}", by(cycle + 1), by(cycle));
    }
}

/// Goal: interest ends exactly when it should. Method: two peers, of which the other one can never need it a second time.
#[test]
fn a_counter_counts_unnecessary_contacts_and_a_necessary_one_sets_it_back() {
    let mut world = converged(&synchronous(Mode::Push, true, Stop::Counter(3)), 2, 1);
    spread(&mut world);
    // Peer 0: one necessary contact and three others; peer 1: three that were not.
    assert_eq!((world.heard(0).len(), world.sent("update"), world.sent("feedback")), (1, 7, 7));
    assert!((0..2).all(|seat| world.peer(seat).is_some_and(|peer| peer.knows(RumourId(0)) && !peer.spreads(RumourId(0)))));
    // Blind: three each, necessary or not, and no word back.
    let mut world = converged(&synchronous(Mode::Push, false, Stop::Counter(3)), 2, 1);
    spread(&mut world);
    assert_eq!((world.heard(0).len(), world.sent("update"), world.sent("feedback")), (1, 6, 0));
}

#[test]
fn of_several_in_one_cycle_each_counts_as_necessary() {
    // Four peers that know push to the fifth in one and the same cycle: each is told that it was needed.
    let mut world = converged(&synchronous(Mode::Push, true, Stop::Counter(1)), 5, 1);
    for seat in 0..4 {
        world.handle(4, |model, peer, cx| model.message(peer, cx, cx_peer(cx, seat), EpidemicMessage::Update { rumour: RumourId(0) }));
    }
    assert_eq!(world.sent("feedback"), 4);
    assert_eq!(world.bytes("feedback"), 4 * (28 + 10), "each a header, a name and a byte");
    assert_eq!(world.heard(0).len(), 1, "heard once");
}

/// The identity of a seat's first life.
fn cx_peer(cx: &peerlab_model::Context<'_, Epidemic>, seat: u32) -> peerlab_model::PeerId {
    cx.setting().numbering.peer(seat, 0)
}

#[test]
fn pulling_reaches_everybody_and_never_rests() {
    let mut world = converged(&synchronous(Mode::Pull, true, Stop::Counter(4)), 200, 3);
    spread(&mut world);
    assert!(world.heard(0).len() >= 198, "{} of 199 heard", world.heard(0).len());
    let before = (world.sent("pull"), world.sent("update"));
    world.run_for(seconds(10));
    assert_eq!((world.sent("pull"), world.sent("update")), (before.0 + 2000, before.1), "all ask, and nobody has anything to say");
    // Who pushes rests when there is nothing new.
    let mut world = converged(&synchronous(Mode::Push, true, Stop::Counter(4)), 200, 3);
    world.run_for(seconds(100));
    assert_eq!(world.handled(), 0);
}

#[test]
fn pushing_and_pulling_is_faster_than_either() {
    let all = |mode| {
        let mut world = converged(&synchronous(mode, true, Stop::Counter(6)), 500, 5);
        spread(&mut world);
        assert!(world.heard(0).len() >= 495, "{mode:?}: {}", world.heard(0).len());
        world.heard(0).into_values().max().expect("some have heard")
    };
    let both = all(Mode::PushPull);
    assert!(both < all(Mode::Push) && both < all(Mode::Pull));
}

#[test]
fn anti_entropy_brings_what_rumours_have_missed() {
    let config = EpidemicConfig { stop: Stop::Counter(1), feedback: false, ..EpidemicConfig::default() };
    let mut world = converged(&config, 100, 2);
    spread(&mut world);
    assert!(world.heard(0).len() < 60, "blind and with one contact each, most do not hear: {}", world.heard(0).len());
    let mut world = converged(&EpidemicConfig { anti_entropy: Duration::secs(5), ..config }, 100, 2);
    world.run_for(Span::from_millis(500));
    (0..70).for_each(|rumour| world.rumour(rumour, rumour));
    world.run_for(seconds(100));
    world.check();
    assert!((0..70).all(|rumour| world.heard(rumour).len() == 99), "all know all");
    let quiet = (world.sent("digest"), world.sent("repair"));
    world.run_for(seconds(50));
    assert_eq!((world.sent("digest"), world.sent("repair")), quiet, "equal checksums are the end of it");
    assert!(world.sent("checksum") >= 2900);
    // Who joins later hears all the same.
    world.crash(7);
    world.run_for(seconds(1));
    assert_eq!(world.online().len(), 99);
}

#[test]
fn a_newcomer_learns_everything_by_anti_entropy() {
    let config = EpidemicConfig { anti_entropy: Duration::secs(5), ..EpidemicConfig::default() };
    let mut world: EpidemicWorld = World::new(&config, Options { population: 30, ..Options::default() });
    world.start_converged(0..29);
    world.rumour(3, 0);
    world.rumour(4, 1);
    world.run_for(seconds(60));
    world.join(29);
    assert!(world.joined(29));
    world.run_for(seconds(11));
    assert!(world.peer(29).is_some_and(|peer| peer.knows(RumourId(0)) && peer.knows(RumourId(1)) && !peer.spreads(RumourId(0))));
}

#[test]
fn a_full_partner_refuses_and_another_one_is_hunted() {
    let limited = |hunt_limit| {
        let config = EpidemicConfig { connection_limit: 1, hunt_limit, ..synchronous(Mode::Push, true, Stop::Counter(2)) };
        let mut world = converged(&config, 300, 4);
        spread(&mut world);
        (
            world.sent("busy") as f64 / world.sent("knock") as f64,
            world.sent("knock") - world.sent("busy"),
            world.sent("admit"),
            world.sent("update"),
        )
    };
    let (refused, answered, admitted, updates) = limited(0);
    assert!((0.15..0.5).contains(&refused), "{refused} of the contacts were refused");
    assert_eq!((answered, admitted), (admitted, updates), "no update goes to who has no room, one to each who has");
    let (_, _, with_hunting, _) = limited(20);
    assert!(with_hunting > admitted, "{with_hunting} contacts with hunting, {admitted} without");
}

/// Goal: a view holds the living. Method: most others crash; whoever is tried and silent gives way, and a rumour reaches all that are left.
#[test]
fn the_dead_leave_a_view_when_they_are_tried() {
    let config = EpidemicConfig { partners: Partners::View, view: 8, hunt_limit: 3, ..synchronous(Mode::PushPull, true, Stop::Counter(5)) };
    let mut world = converged(&config, 60, 6);
    assert!((0..60).all(|seat| world.contacts(seat).len() == 8 && !world.contacts(seat).contains(&world.id(seat))));
    (20..60).for_each(|seat| world.crash(seat));
    world.run_for(seconds(60));
    world.check();
    let dead: Vec<_> = (20..60).map(|seat| world.id(seat)).collect();
    let stale = (0..20).flat_map(|seat| world.contacts(seat)).filter(|contact| dead.contains(contact)).count();
    assert_eq!(stale, 0, "a minute of contacts with eight others has found them all");
    world.rumour(0, 0);
    world.run_for(seconds(30));
    assert_eq!(world.heard(0).len(), 19);
}

#[test]
fn a_peer_without_anybody_waits_until_somebody_comes() {
    for partners in [Partners::Uniform, Partners::View] {
        let config = EpidemicConfig { partners, ..EpidemicConfig::default() };
        let mut world: EpidemicWorld = World::new(&config, Options { population: 2, ..Options::default() });
        world.start_empty();
        world.join(0);
        world.rumour(0, 0);
        world.run_for(seconds(20));
        assert!(world.peer(0).is_some_and(|peer| peer.spreads(RumourId(0))), "who tells nobody does not lose interest");
        world.join(1);
        world.run_for(seconds(20));
        assert_eq!(world.heard(0).len(), 1, "{partners:?}");
    }
}

#[test]
fn loss_costs_time_and_not_the_rumour() {
    let mut world: EpidemicWorld = World::new(&EpidemicConfig::default(), Options { population: 200, loss: 0.3, ..Options::default() });
    world.start_converged(0..200);
    spread(&mut world);
    assert!(world.heard(0).len() > 180, "{}: what is not answered does not count as unnecessary", world.heard(0).len());
}

#[test]
fn it_answers_no_lookup_and_says_so() {
    let mut world = converged(&EpidemicConfig::default(), 4, 1);
    let id: LookupId = world.lookup(0, Target::Peer(world.id(2)));
    assert!(world.record(id).finished.is_some() && world.record(id).hits.is_empty());
    let targets = Epidemic::targets(&EpidemicConfig::default());
    assert!(!(targets.key || targets.peer || targets.content || targets.value || targets.keywords));
}

#[test]
fn messages_have_the_sizes_of_the_page() {
    let rumour = RumourId(5);
    let size = |message: &EpidemicMessage| (message.wire_bytes(Wire::Udp), message.wire_bytes(Wire::P2psim));
    assert_eq!(size(&EpidemicMessage::Update { rumour }), (37, 20));
    assert_eq!(size(&EpidemicMessage::Feedback { rumour, needed: true }), (38, 20));
    assert_eq!(size(&EpidemicMessage::Pull), (29, 20));
    assert_eq!(size(&EpidemicMessage::Checksum { sum: 1 }), (37, 20));
    assert_eq!(size(&EpidemicMessage::Digest { known: [0b101, 1].into(), asks: true }), (30 + 3 * 8, 20));
    let world = converged(&EpidemicConfig::default(), 2, 1);
    assert_eq!(world.setting.wire_bytes(&EpidemicMessage::Repair { rumour }), 37 + RUMOUR_BYTES, "who carries it pays for it");
}

#[test]
fn bad_parameters_are_found() {
    let mut issues = Issues::new();
    let (zero, view) = (Duration::default(), 40);
    let config = EpidemicConfig {
        fanout: 33,
        stop: Stop::Coin(0),
        period: zero,
        anti_entropy: Duration(Span::from_nanos(5)),
        partners: Partners::View,
        view,
        ..EpidemicConfig::default()
    };
    config.check(10, &mut issues);
    let paths: Vec<&str> = issues.list().iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(paths, ["fanout", "stop", "period", "anti_entropy", "view", "timeout"]);
    let mut issues = Issues::new();
    EpidemicConfig { hunt_limit: 2, ..EpidemicConfig::default() }.check(10, &mut issues);
    assert!(issues.list().len() == 1 && issues.list()[0].warning);
    for (_, preset) in EpidemicConfig::presets() {
        let mut issues = Issues::new();
        preset.check(10, &mut issues);
        assert!(issues.list().is_empty());
    }
}

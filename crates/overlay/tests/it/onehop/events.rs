//! The way of an event: slices, units, directions.

use super::*;

/// Goal: within a slice and a unit nobody is told twice, and a quiet ring tells nobody anything. Method: messages of one join are counted.
#[test]
fn an_event_takes_the_way_of_the_paper() {
    let mut world = world(&OneHopConfig { slices: 4, units: 3, ..events_alone() }, 401, 4);
    world.start_converged(0..400);
    world.run_for(MINUTE);
    assert_eq!(world.sent("report") + world.sent("exchange") + world.sent("dispatch"), 0, "nothing has happened");
    world.join(400);
    world.run_for(MINUTE);
    assert_eq!(tables_are_exact(&world), Ok(()));
    // The predecessor reports (unless it leads its slice itself), its leader tells three others, each of the four tells its unit leaders.
    assert!(world.sent("report") <= 1, "{}", world.sent("report"));
    assert_eq!(world.sent("exchange"), 3);
    assert!((8..=12).contains(&world.sent("dispatch")), "{}", world.sent("dispatch"));
}

/// Goal: an event is everywhere after the time that the parameters add up to. Method: 20 crashes; the last peer to know is timed.
#[test]
fn a_crash_is_known_everywhere_in_time() {
    // A keep-alive is due, three are not answered; t_big; t_wait; 17 places at most in a unit of about 17 with a keep-alive each.
    let config = OneHopConfig { slices: 4, units: 5, t_big: Duration::secs(20), ..events_alone() };
    let limit = 1.0 + 1.5 + 20.0 + 1.0 + 17.0 + 1.0;
    let mut world = world(&config, 340, 8);
    world.start_converged(0..340);
    let mut slowest = 0.0_f64;
    for seat in 0..20 {
        let gone = world.id(seat);
        let begin = world.now();
        world.crash(seat);
        while world.online().iter().any(|&other| world.peer(other).expect("online").members().contains(&gone)) {
            world.run_for(Span::from_millis(250));
            let took = world.now().since(begin).secs_f64();
            assert!(took < limit, "the crash of seat {seat} is not known everywhere after {took} s");
            slowest = slowest.max(took);
        }
    }
    println!("known everywhere after {slowest:.1} s at most");
    assert!(slowest > 15.0, "the other slices are told in t_big, not at once: {slowest}");
}

/// Many events at once are cut into messages of a datagram's size and still arrive.
#[test]
fn a_mass_failure_is_told_in_datagrams() {
    let mut world = world(&events_alone(), 300, 9);
    world.start_converged(0..300);
    (0..150).for_each(|seat| world.crash(seat));
    world.run_for(MINUTE.times(8));
    assert_eq!(tables_are_exact(&world), Ok(()));
}

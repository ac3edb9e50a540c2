//! The rules that keep windows invisible, one by one.

use peerlab_engine::time::{Span, Time};
use peerlab_engine::{EventKey, Progress, Shards};

use crate::stage::{Do, Part, Stage, Step, WINDOW, at};
use crate::toy::{Cut, World};

const NANO: Span = Span::from_nanos(1);
const ANY_SHARDS: [u32; 4] = [1, 2, 3, 8];

/// A busy world with many events in a window and many in an instant.
fn busy() -> World {
    World {
        seed: 11,
        actors: 16,
        begin: Time::from_secs(-1),
        end: Time::from_secs(20),
        min_delay: Span::from_millis(3),
        grid: 500_000,
        group_bits: 2,
        life: 6,
    }
}

fn times(log: &[(u32, EventKey)]) -> Vec<Time> {
    log.iter().map(|(_, key)| key.time).collect()
}

#[test]
fn a_window_that_is_shortened_by_force_changes_no_result() {
    let world = busy();
    let expected = world.naive(&[]);
    for divisor in [1, 2, 7, 100, 3_000_000] {
        let lookahead = Span::from_nanos(world.min_delay.nanos() / divisor);
        for shards in [1, 2] {
            assert_eq!(world.run(shards, lookahead, &[]), expected, "windows of 1/{divisor} on {shards} shards");
        }
    }
}

#[test]
fn watching_at_any_period_changes_no_result() {
    let world = busy();
    let unwatched = world.naive(&[]);
    for period in [1, 999_999, 1_000_000, 1 << 21, (1 << 21) + 1, 700_000_001, 40_000_000_000] {
        let period = Span::from_nanos(period * 1_000);
        let instants = std::iter::successors(Some(world.begin), |at| Some(*at + period));
        let cuts: Vec<_> = instants.take_while(|at| *at < world.end).take(3_000).map(|at| (at, Cut::Observe)).collect();
        let expected = world.naive(&cuts);
        for shards in [1, 2] {
            let watched = world.run(shards, world.min_delay, &cuts);
            assert_eq!((&watched.actors, &watched.digest), (&unwatched.actors, &unwatched.digest), "every {period:?}");
            assert_eq!(watched.observations, expected.observations, "what is seen every {period:?}");
        }
    }
}

#[test]
fn a_cut_goes_before_the_events_of_its_instant_anywhere_in_a_window() {
    // On a boundary, just after one, in the middle, at the last nanosecond; each with events just before, at, and just after it.
    for offset in [0, 1, 12_345, (1 << 19) + 1, (1 << 20) - 1] {
        let cut = at(5, offset);
        let around = [Time::from_nanos(cut.nanos() - 1), cut, cut + NANO];
        for shards in ANY_SHARDS {
            let mut seen = None;
            let log = Stage::new(9, at(20, 0)).play(shards, &[cut], |step, stage| {
                if step == Step::Cut(Time::ZERO) {
                    for instant in around {
                        stage.act(1, |part, out| part.remind(out, 1, instant, Do::Nothing));
                        stage.act(8, |part, out| part.send(out, 8, 2, instant, Do::Nothing));
                    }
                } else if step == Step::Cut(cut) {
                    seen = Some(handled(stage));
                    assert_eq!(stage.pending(), 4);
                }
                Progress::Continue
            });
            assert_eq!(seen, Some(2), "at the cut, {offset} ns into a window, only what comes before it has happened");
            assert_eq!(times(&log), [around[0], around[0], cut, cut, around[2], around[2]]);
        }
    }
}

#[test]
fn several_cuts_may_share_an_instant_and_act_in_turn() {
    let cut = at(3, 77);
    let mut order = Vec::new();
    let log = Stage::new(4, at(9, 0)).play(2, &[cut, cut, cut], |step, stage| {
        if step == Step::Cut(cut) {
            // The first one sets a timer for the instant itself: it comes after all cuts.
            stage.act(3, |part, out| part.remind(out, 3, cut, Do::Nothing));
            order.push(handled(stage));
        }
        Progress::Continue
    });
    assert_eq!(order, [0, 0, 0]);
    assert_eq!(times(&log), [cut; 3]);
}

#[test]
fn a_window_is_half_open() {
    for shards in ANY_SHARDS {
        let mut before = Vec::new();
        let log = Stage::new(8, at(9, 0)).play(shards, &[], |step, stage| {
            match step {
                Step::Cut(_) => {
                    for instant in [at(3, 0), at(4, 0), Time::from_nanos(at(4, 0).nanos() - 1)] {
                        stage.act(0, |part, out| part.send(out, 0, 7, instant, Do::Nothing));
                        stage.act(5, |part, out| part.remind(out, 5, instant, Do::Nothing));
                    }
                }
                Step::Done(until) => before.push((until, handled(stage))),
            }
            Progress::Continue
        });
        // What happens exactly on a boundary belongs to the window that begins there.
        assert_eq!(before, [(at(4, 0), 4), (at(5, 0), 6)], "{shards} shards");
        assert_eq!(log.len(), 6);
    }
}

#[test]
fn the_end_is_exclusive() {
    for end in [at(4, 0), at(4, 1), at(4, 4_711), at(5, 0)] {
        let last = Time::from_nanos(end.nanos() - 1);
        for shards in ANY_SHARDS {
            let mut left = 0;
            let log = Stage::new(8, end).play(shards, &[last, end, end + NANO], |step, stage| {
                assert!(step != Step::Cut(end), "a cut at the end does not happen either");
                if step == Step::Cut(Time::ZERO) {
                    for instant in [last, end] {
                        stage.act(6, |part, out| part.send(out, 6, 0, instant, Do::Remind(NANO)));
                        stage.act(6, |part, out| part.remind(out, 6, instant, Do::Nothing));
                    }
                }
                left = stage.pending();
                Progress::Continue
            });
            assert_eq!(times(&log), [last, last], "end at {end:?}, {shards} shards");
            assert_eq!(left, 3, "two events at the end, and a timer that was set for it");
        }
    }
}

#[test]
fn a_timer_a_nanosecond_ahead_takes_its_place_among_the_mail_of_its_instant() {
    for shards in ANY_SHARDS {
        for offset in [0, 500, (1 << 20) - 2, (1 << 20) - 1] {
            let (now, next) = (at(6, offset), at(6, offset + 1));
            let log = Stage::new(10, at(9, 0)).play(shards, &[], |step, stage| {
                if step == Step::Cut(Time::ZERO) {
                    // Mail to actor 5 for the next instant from 3, 5 itself, and 9; its own timers for now set another one each for then.
                    stage.act(9, |part, out| part.send(out, 9, 5, next, Do::Nothing));
                    stage.act(3, |part, out| part.send(out, 3, 5, next, Do::Nothing));
                    stage.act(5, |part, out| part.send(out, 5, 5, next, Do::Nothing));
                    stage.act(5, |part, out| part.remind(out, 5, now, Do::Remind(NANO)));
                    stage.act(5, |part, out| part.remind(out, 5, now, Do::Remind(NANO)));
                }
                Progress::Continue
            });
            let order: Vec<_> = log.iter().map(|(_, key)| (key.time, key.origin, key.seq)).collect();
            let expected = [(now, 5, 2), (now, 5, 3), (next, 3, 1), (next, 5, 1), (next, 5, 4), (next, 5, 5), (next, 9, 1)];
            assert_eq!(order, expected, "{shards} shards, {offset} ns into the window");
        }
    }
}

#[test]
fn an_empty_stretch_of_centuries_costs_nothing() {
    const YEAR: Span = Span::from_secs(365 * 24 * 3_600);
    for shards in ANY_SHARDS {
        let mut stage = Stage::new(8, Time::ZERO + YEAR.times(250));
        // Windows of a nanosecond: there would be eight billion billion of them.
        stage.schedule.min_delay = NANO;
        let mut turns = 0;
        let log = stage.play(shards, &[Time::ZERO + YEAR.times(100)], |step, stage| {
            match step {
                Step::Cut(Time::ZERO) => {
                    for (actor, years) in [(0, 1), (3, 7), (7, 120), (7, 249)] {
                        stage.act(actor, |part, out| part.remind(out, actor, Time::ZERO + YEAR.times(years), Do::Send(0, YEAR)));
                    }
                }
                Step::Cut(_) => {}
                Step::Done(_) => turns += 1,
            }
            Progress::Continue
        });
        assert_eq!(times(&log), [1, 2, 7, 8, 120, 121, 249].map(|years| Time::ZERO + YEAR.times(years)));
        assert!(turns <= 8 * log.len(), "{turns} turns for {} events", log.len());
    }
}

#[test]
fn each_message_that_is_on_its_way_at_the_end_is_handed_back_once() {
    let end = at(6, 1_000);
    for shards in ANY_SHARDS {
        for (stop_after, expected) in [(1, (0, 337)), (usize::MAX, (100, 238))] {
            let mut turns = 0;
            let (log, undelivered) = Stage::new(8, end).play_and_count(shards, &[at(5, 1)], |step, stage| {
                match step {
                    Step::Cut(Time::ZERO) => {
                        // For the last window before and after its end, the next ones, and each of the coarser rings; 300 to fill chunks.
                        for number in 0..300 {
                            let instant = at(6, number * 10);
                            stage.act(3, |part, out| part.send(out, 3, (number % 8) as u32, instant, Do::Nothing));
                        }
                        for bit in 3..40 {
                            stage.act(3, |part, out| part.send(out, 3, bit % 8, at(1 << bit, 0), Do::Nothing));
                            stage.act(3, |part, out| part.remind(out, 3, at(1 << bit, 0), Do::Nothing));
                        }
                        stage.act(3, |part, out| part.remind(out, 3, at(2, 0), Do::Nothing));
                    }
                    Step::Cut(now) => stage.act(1, |part, out| part.send(out, 1, 6, now + WINDOW.times(9), Do::Nothing)),
                    Step::Done(_) => turns += 1,
                }
                if turns == stop_after { Progress::Stop } else { Progress::Continue }
            });
            assert_eq!((log.len() - 1, undelivered), expected, "{shards} shards, {turns} turns");
        }
    }
}

#[test]
fn a_controller_that_says_stop_stops_the_run_there() {
    for shards in ANY_SHARDS {
        let mut turns = 0;
        let log = Stage::new(8, at(1_000, 0)).play(shards, &[], |step, stage| {
            match step {
                Step::Cut(_) => {
                    for actor in 0..8 {
                        let circulate = Do::Circulate((actor + 3) % 8, WINDOW);
                        stage.act(actor, |part, out| part.remind(out, actor, at(1, u64::from(actor)), circulate));
                    }
                }
                Step::Done(_) => turns += 1,
            }
            if turns == 5 { Progress::Stop } else { Progress::Continue }
        });
        assert_eq!(turns, 5);
        assert_eq!(log.len(), 5 * 8, "{shards} shards");
        assert!(log.iter().all(|(_, key)| key.time < at(6, 0)));
    }
}

#[test]
fn what_a_controller_sends_arrives_on_any_shard() {
    let cut = at(4, 99);
    let logs = ANY_SHARDS.map(|shards| {
        let mut sent_late = false;
        Stage::new(9, at(100, 0)).play(shards, &[cut], |step, stage| {
            match step {
                Step::Cut(now) => {
                    for (from, to) in [(0, 8), (8, 0), (4, 4), (3, 7)] {
                        stage.act(from, |part, out| part.send(out, from, to, now + WINDOW, Do::Send(from, WINDOW)));
                    }
                }
                // Nothing waits any more: the run goes on only if this mail is seen.
                Step::Done(until) if until > cut && stage.pending() == 0 && !sent_late => {
                    sent_late = true;
                    stage.act(2, |part, out| part.send(out, 2, 6, at(30, 0), Do::Nothing));
                }
                Step::Done(_) => {}
            }
            Progress::Continue
        })
    });
    assert!(logs.iter().all(|log| *log == logs[0]));
    assert_eq!(logs[0].len(), 2 * 8 + 1);
    assert_eq!(logs[0][16].1, EventKey { time: at(30, 0), origin: 2, seq: 1 });
}

fn handled(stage: &Shards<'_, '_, Part>) -> usize {
    stage.iter().map(Part::handled).sum()
}

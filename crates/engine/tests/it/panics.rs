//! What only a bug can cause is a panic that reaches the caller, with the text of its cause, and leaves no thread waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use peerlab_engine::Progress;
use peerlab_engine::time::{Span, Time};

use crate::stage::{Do, Stage, Step, WINDOW, at};

/// What `play` panics with. A play that hangs is a failure, not a test that never ends.
fn panic_of(play: impl FnOnce() + Send + 'static) -> String {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(catch_unwind(AssertUnwindSafe(play))));
    let panic = receiver.recv_timeout(Duration::from_mins(2)).expect("the run ends").expect_err("the run panics");
    panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).expect("a text")
}

/// Runs a stage of nine actors of which `actor` is told to do something in window 3, while the others chat.
fn disturbed(shards: u32, actor: u32, what: Do) {
    Stage::new(9, at(1_000, 0)).play(shards, &[], |step, stage| {
        if matches!(step, Step::Cut(_)) {
            for other in 0..9 {
                stage.act(other, |part, out| part.remind(out, other, at(1, 0), Do::Circulate((other + 4) % 9, WINDOW)));
            }
            stage.act(actor, |part, out| part.remind(out, actor, at(3, 5), what));
        }
        Progress::Continue
    });
}

#[test]
fn a_panic_on_any_shard_reaches_the_caller_with_its_own_text() {
    for shards in [1, 2, 3, 8] {
        for actor in [0, 4, 8] {
            assert_eq!(panic_of(move || disturbed(shards, actor, Do::Panic)), format!("actor {actor} cannot go on"), "{shards} shards");
        }
    }
}

#[test]
fn a_panic_of_the_controller_reaches_the_caller() {
    for shards in [1, 3] {
        let panic = panic_of(move || {
            Stage::new(9, at(1_000, 0)).play(shards, &[], |step, stage| {
                if matches!(step, Step::Cut(_)) {
                    stage.act(2, |part, out| part.remind(out, 2, at(1, 0), Do::Circulate(7, WINDOW)));
                }
                assert!(step != Step::Done(at(5, 0)), "enough seen");
                Progress::Continue
            });
        });
        assert_eq!(panic, "enough seen");
    }
}

#[test]
fn a_message_that_is_faster_than_the_lookahead_panics_and_names_its_sender() {
    for shards in [1, 2, 8] {
        for to in [1, 8] {
            let panic = panic_of(move || disturbed(shards, 8, Do::Send(to, Span::from_nanos(100))));
            assert_eq!(panic, "a message of 8 arrives within the window of its sending", "{shards} shards, to {to}");
        }
    }
}

#[test]
fn a_timer_that_the_controller_sets_in_the_past_panics() {
    let panic = panic_of(|| {
        Stage::new(9, at(1_000, 0)).play(2, &[at(3, 7)], |step, stage| {
            if step == Step::Cut(at(3, 7)) {
                stage.act(6, |part, out| part.remind(out, 6, at(3, 6), Do::Nothing));
            }
            Progress::Continue
        });
    });
    assert_eq!(panic, "between two windows, actor 6 queued something for itself in the past");
}

#[test]
fn a_cut_in_the_past_panics() {
    let panic = panic_of(|| {
        Stage::new(9, at(10, 0)).play(1, &[at(5, 0), Time::ZERO], |_, _| Progress::Continue);
    });
    assert_eq!(panic, format!("a cut at {} is asked for when it is {} already", Time::ZERO, at(5, 0)));
}

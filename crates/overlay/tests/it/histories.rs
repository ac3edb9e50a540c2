//! Small worlds gone through exhaustively, and machines that return as somebody else: what every model has to bear.

use peerlab_model::{Overlay, Span};

use crate::harness::World;

/// What can happen to a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Join(u32),
    Leave(u32),
    Crash(u32),
}

/// Every history of so many steps among four peers: each step is a join of somebody offline, a leave or a crash of somebody online.
pub(crate) fn histories(steps: usize) -> Vec<Vec<Step>> {
    let mut histories: Vec<Vec<Step>> = vec![Vec::new()];
    for _ in 0..steps {
        let longer = |history: &Vec<Step>| next_steps(history).into_iter().map(|step| [&history[..], &[step]].concat()).collect::<Vec<_>>();
        histories = histories.iter().flat_map(longer).collect();
    }
    // Counted by other means: none may get lost.
    assert_eq!(histories.len(), [1, 3, 9, 37, 164, 832][steps], "histories of {steps} steps");
    histories
}

/// All that may happen next; peer 0 begins. Those that never came yet come in order, which loses no case but for names.
fn next_steps(history: &[Step]) -> Vec<Step> {
    let (mut online, mut seen) = ([true, false, false, false], 1);
    for &step in history {
        match step {
            Step::Join(seat) => (online[seat as usize], seen) = (true, seen.max(seat + 1)),
            Step::Leave(seat) | Step::Crash(seat) => online[seat as usize] = false,
        }
    }
    let at = |seat: u32| online[seat as usize];
    let joins = (0..4).filter(|&seat| !at(seat) && seat <= seen).map(Step::Join);
    joins.chain((0..4).filter(|&seat| at(seat)).flat_map(|seat| [Step::Leave(seat), Step::Crash(seat)])).collect()
}

impl<O: Overlay> World<O> {
    /// Peer 0 begins; then a history, with a pause before each step that lets upkeep fall in between, or not.
    pub(crate) fn live_through(&mut self, history: &[Step], pause: Span) {
        self.start_empty();
        self.join(0);
        for &step in history {
            self.run_for(pause);
            match step {
                Step::Join(seat) => self.join(seat),
                Step::Leave(seat) => self.leave(seat),
                Step::Crash(seat) => self.crash(seat),
            }
        }
    }

    /// From a converged start each of `peers` peers crashes, is away for a while and joins again, one after the other and three times. Where
    /// each life has an id of its own, whoever joins meets machines whose first identities are long gone.
    pub(crate) fn everybody_returns(&mut self, peers: u32, away: Span, patience: Span) {
        self.start_converged(0..peers);
        for seat in (0..peers).cycle().take(3 * peers as usize) {
            self.crash(seat);
            self.run_for(away);
            self.join(seat);
            self.run_for(patience);
            assert!(self.joined(seat), "{}: seat {seat} has not joined within {patience:?}", O::NAME);
        }
    }
}

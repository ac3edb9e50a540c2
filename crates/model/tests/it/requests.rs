//! Requests, against a plain list of what waits.

use peerlab_model::{OpenRequests, Pool, Requests, Token};
use proptest::prelude::*;

proptest! {
    /// Steps: an even number opens a request, an odd one closes (or looks at) an arbitrary earlier one, open or not.
    #[test]
    fn each_request_is_taken_exactly_once(steps in prop::collection::vec(any::<u16>(), 0..300)) {
        let mut requests = Requests::default();
        let mut tokens: Vec<Token> = Vec::new();
        let mut waiting: Vec<(Token, usize)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            if step % 2 == 0 || tokens.is_empty() {
                let token = requests.open(number);
                prop_assert!(!tokens.contains(&token), "a token is never given twice");
                tokens.push(token);
                waiting.push((token, number));
            } else {
                let token = tokens[usize::from(step / 2) % tokens.len()];
                let at = waiting.iter().position(|(t, _)| *t == token);
                prop_assert_eq!(requests.get_mut(token).copied(), at.map(|at| waiting[at].1));
                prop_assert_eq!(requests.close(token), at.map(|at| waiting.remove(at).1));
                prop_assert_eq!(requests.close(token), None, "whoever comes second finds nothing");
            }
            prop_assert_eq!((requests.len(), requests.is_empty()), (waiting.len(), waiting.is_empty()));
        }
        let mut left: Vec<usize> = requests.iter().copied().collect();
        left.sort_unstable();
        prop_assert_eq!(left, waiting.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_remembered_can_be_changed_while_it_waits() {
    let mut requests = Requests::default();
    let token = requests.open(1);
    if let Some(attempts) = requests.get_mut(token) {
        *attempts += 1;
    }
    assert_eq!(requests.close(token), Some(2));
    assert_eq!(requests.get_mut(token), None);
}

#[test]
fn a_request_may_know_its_own_token() {
    let (mut pool, mut peer) = (Pool::default(), OpenRequests::default());
    for _ in 0..3 {
        let token = pool.open_with(&mut peer, Some);
        assert_eq!(pool.close(&mut peer, token), Some(Some(token)));
    }
}

proptest! {
    /// Three peers share a pool. Steps: which peer, and whether it opens a request, closes an arbitrary earlier one, or dies.
    #[test]
    fn peers_that_share_a_pool_never_see_each_others_requests(steps in prop::collection::vec((0..3_usize, 0..8_u8, any::<u16>()), 0..400)) {
        let mut pool = Pool::default();
        let mut peers = [OpenRequests::default(); 3];
        let mut tokens: [Vec<Token>; 3] = Default::default();
        let mut waiting: [Vec<(Token, usize)>; 3] = Default::default();
        for (number, (who, what, pick)) in steps.into_iter().enumerate() {
            let (peer, tokens, waiting) = (&mut peers[who], &mut tokens[who], &mut waiting[who]);
            match what {
                0 => {
                    pool.forget(peer);
                    tokens.clear();
                    waiting.clear();
                }
                1..4 if !tokens.is_empty() => {
                    let token = tokens[usize::from(pick) % tokens.len()];
                    let at = waiting.iter().position(|(t, _)| *t == token);
                    prop_assert_eq!(pool.waits(peer, token), at.is_some());
                    prop_assert_eq!(pool.get_mut(peer, token).copied(), at.map(|at| waiting[at].1));
                    prop_assert_eq!(pool.close(peer, token), at.map(|at| waiting.remove(at).1));
                    prop_assert_eq!(pool.close(peer, token), None, "whoever comes second finds nothing");
                }
                _ => {
                    let token = pool.open(peer, number);
                    prop_assert!(!tokens.contains(&token), "a token is never given twice in one life");
                    tokens.push(token);
                    waiting.push((token, number));
                }
            }
            pool.prefetch_latest(peer);
            prop_assert_eq!(pool.latest(peer).is_some(), !waiting.is_empty());
        }
        for (who, waiting) in waiting.into_iter().enumerate() {
            for (token, number) in waiting {
                prop_assert_eq!(pool.close(&mut peers[who], token), Some(number));
            }
        }
    }
}

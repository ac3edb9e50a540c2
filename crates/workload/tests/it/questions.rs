//! Questions: Poisson, stateless, and the same whoever asks in what order.

use std::sync::Arc;

use peerlab_engine::random::Streams;
use peerlab_engine::time::Time;
use peerlab_model::HostId;
use peerlab_workload::{Classes, ContentConfig, LookupsConfig, PeersConfig, Question, Questions};

use crate::support::{kolmogorov, peers, read};

fn questions(lookups: &str, peers: &PeersConfig, seed: u64) -> Questions {
    let streams = Streams::new(seed);
    let classes = Arc::new(Classes::new(peers, streams));
    Questions::new(&read::<LookupsConfig>(lookups), &ContentConfig::default(), None, peers, classes, streams)
}

/// The times of a host's questions in the first hour.
fn times(questions: &Questions, host: u32) -> Vec<Time> {
    let mut times = Vec::new();
    let mut at = Time::ZERO;
    for number in 0.. {
        at = questions.next(HostId(host), number, at);
        if at >= Time::from_secs(3600) {
            break;
        }
        times.push(at);
    }
    times
}

#[test]
fn questions_are_a_poisson_process() {
    let questions = questions("interval = '10 s'", &peers(100), 1);
    let mut gaps = Vec::new();
    let mut counts = Vec::new();
    for host in 0..100 {
        let times = times(&questions, host);
        counts.push(times.len() as f64);
        gaps.extend(times.windows(2).map(|pair| pair[1].since(pair[0]).secs_f64()));
    }
    let statistic = kolmogorov(gaps, |gap| 1.0 - libm::exp(-gap / 10.0));
    assert!(statistic < 1.95, "{statistic}");
    // Counts have mean 360 and variance 360: χ² with 100 degrees of freedom lies within 61.9 … 149.4 in 99.9 %.
    let chi2: f64 = counts.iter().map(|count| (count - 360.0) * (count - 360.0) / 360.0).sum();
    assert!((61.9..149.4).contains(&chi2), "{chi2}");
}

#[test]
fn a_class_may_ask_more_often() {
    let peers =
        read("count = 100\n[[class]]\nname = 'keen'\nshare = 0.5\nlookup_interval = '1 s'\n[[class]]\nname = 'idle'\nshare = 0.5\n");
    let questions = questions("interval = '100 s'", &peers, 1);
    let counts: Vec<usize> = (0..100).map(|host| times(&questions, host).len()).collect();
    assert_eq!(counts.iter().filter(|&&count| count > 3000).count(), 50);
    assert_eq!(counts.iter().filter(|&&count| count < 100).count(), 50);
}

#[test]
fn what_is_asked_depends_on_host_and_number_alone() {
    let (few, many) = (questions("", &peers(10), 1), questions("", &peers(1000), 1));
    let ask = |questions: &Questions, number: u32| questions.question(HostId(number % 10), number);
    let forwards: Vec<Question> = (0..1000).map(|number| ask(&few, number)).collect();
    let mut backwards: Vec<Question> = (0..1000).rev().map(|number| ask(&many, number)).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards);
    assert_ne!(forwards, (0..1000).map(|number| ask(&questions("", &peers(10), 2), number)).collect::<Vec<_>>());
}

#[test]
fn each_target_asks_for_its_kind() {
    let items = questions("", &peers(10), 1);
    assert!((0..100).all(|number| matches!(items.question(HostId(1), number), Question::Item(item) if item.0 < 1000)));
    let keys = questions("target = 'key'", &peers(10), 1);
    let upper = (0..1000).filter(|&number| matches!(keys.question(HostId(1), number), Question::Key(key) if key.0 >> 63 == 1)).count();
    assert!((450..550).contains(&upper), "{upper}");
    let others = questions("target = 'peer'", &peers(10), 1);
    let mut counts = [0; 10];
    for number in 0..9000 {
        let Question::Peer(peer) = others.question(HostId(4), number) else { panic!("not a peer") };
        counts[peer.0 as usize] += 1;
    }
    assert_eq!(counts[4], 0);
    assert!(counts.iter().enumerate().all(|(host, count)| host == 4 || (880..1120).contains(count)), "{counts:?}");
}

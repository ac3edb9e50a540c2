//! Whom an event takes.

use peerlab_engine::random::Streams;
use peerlab_engine::time::Span;
use peerlab_model::{HostId, Key};
use peerlab_workload::{EventConfig, Select, View};

use crate::support::read;

fn event(text: &str) -> EventConfig {
    read(&format!("at = '1 min'\naction = 'crash'\n{text}"))
}

/// Hosts by tens: class and region are the tens of the number, the rank its units.
fn select(text: &str, candidates: &[u32], seed: u64) -> Vec<u32> {
    let classes: Vec<String> = ["low", "middle", "high"].map(str::to_owned).to_vec();
    let view = View {
        class_of: &|host| host.0 as usize / 10,
        classes: &classes,
        region_of: &|host| host.0 / 10,
        holds: &|host, item| host.0 % 10 == item.0,
        // The identifiers of the second half come before those of the first.
        key_of: &|host| Key(u64::from((host.0 + 15) % 30)),
        rank: &|select, host| if select == Select::HighestDegree { u64::from(host.0 % 10) } else { u64::from(host.0) },
    };
    let candidates: Vec<HostId> = candidates.iter().copied().map(HostId).collect();
    let chosen = event(text).select(&candidates, &view, &mut Streams::new(seed).rng("test", 0));
    chosen.into_iter().map(|host| host.0).collect()
}

fn all() -> Vec<u32> {
    (0..30).collect()
}

#[test]
fn shares_and_counts_are_of_those_that_are_there() {
    assert_eq!(select("share = 0.3", &all(), 1).len(), 9);
    assert_eq!(select("share = 0.5", &[3, 4, 5], 1).len(), 2);
    assert_eq!(select("share = 1.0", &all(), 1), all());
    assert_eq!(select("share = 0.0", &all(), 1), [] as [u32; 0]);
    assert_eq!(select("count = 12", &all(), 1).len(), 12);
    assert_eq!(select("count = 12", &[7, 9], 1), [7, 9]);
    assert_eq!(select("peers = [3, 5, 29]", &[1, 3, 29], 1), [3, 29]);
    let chosen = select("count = 12", &all(), 1);
    assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
    assert_ne!(chosen, select("count = 12", &all(), 2));
}

#[test]
fn random_choice_is_uniform() {
    let mut counts = [0; 30];
    for seed in 0..3000 {
        for host in select("count = 10", &all(), seed) {
            counts[host as usize] += 1;
        }
    }
    assert!(counts.iter().all(|count| (890..1110).contains(count)), "{counts:?}");
}

#[test]
fn neighbours_in_the_identifier_space_are_taken_together() {
    for seed in 0..20 {
        let chosen = select("select = 'id-range'\ncount = 6", &all(), seed);
        let mut places: Vec<u32> = chosen.iter().map(|host| (host + 15) % 30).collect();
        places.sort_unstable();
        let gaps = places.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        assert!(chosen.len() == 6 && gaps <= 1, "a stretch, perhaps around the end: {places:?}");
    }
    assert_ne!(select("select = 'id-range'\ncount = 6", &all(), 1), select("select = 'id-range'\ncount = 6", &all(), 2));
}

#[test]
fn an_event_happens_once_regularly_or_at_random() {
    let times = |text: &str| {
        let event: EventConfig = read(&format!("action = 'crash'\ncount = 1\n{text}"));
        event.times(Span::from_secs(3600), &mut Streams::new(1).rng("test", 0))
    };
    let seconds = |text: &str| -> Vec<i64> { times(text).into_iter().map(|time| time.nanos() / 1_000_000_000).collect() };
    assert_eq!(seconds("at = '5 min'"), [300]);
    assert_eq!(seconds("at = '5 min'\nevery = '15 min'"), [300, 1200, 2100, 3000]);
    let random = seconds("rate = 600.0\nat = '30 min'");
    // 300 on average, with a standard deviation of 17.
    assert!((230..370).contains(&random.len()), "{}", random.len());
    assert!(random[0] >= 1800 && random.is_sorted());
}

#[test]
fn selection_narrows_before_it_counts() {
    assert_eq!(select("select = 'holders'\nitem = 4", &all(), 1), [4, 14, 24]);
    assert_eq!(select("select = 'region'\nregion = 1", &all(), 1), (10..20).collect::<Vec<_>>());
    assert_eq!(select("select = 'class'\nclass = 'high'\nshare = 1.0", &all(), 1), (20..30).collect::<Vec<_>>());
    let some = select("select = 'class'\nclass = 'middle'\nshare = 0.3", &all(), 1);
    assert!(some.len() == 3 && some.iter().all(|host| (10..20).contains(host)));
    assert_eq!(select("select = 'highest-load'\ncount = 3", &all(), 1), [27, 28, 29]);
    assert_eq!(select("select = 'highest-degree'\ncount = 6", &all(), 1), [8, 9, 18, 19, 28, 29]);
}

#[test]
fn equals_in_rank_are_chosen_at_random() {
    let chosen: Vec<Vec<u32>> = (0..20).map(|seed| select("select = 'highest-degree'\ncount = 1", &all(), seed)).collect();
    assert!(chosen.iter().all(|one| one[0] % 10 == 9));
    assert!([9, 19, 29].iter().all(|host| chosen.iter().any(|one| one[0] == *host)));
}

#[test]
fn partitions_cut_off_the_chosen_or_divide_all() {
    let cut: EventConfig = read("at = '0 s'\naction = 'partition'\npeers = [1]");
    let mut rng = Streams::new(1).rng("test", 0);
    assert_eq!(cut.partition(4, &[HostId(1), HostId(3)], &mut rng), [0, 1, 0, 1]);
    let divided: EventConfig = read("at = '0 s'\naction = 'partition'\ngroups = 3");
    let groups = divided.partition(300, &[], &mut rng);
    let mut sizes = [0; 3];
    for &group in &groups {
        sizes[usize::from(group)] += 1;
    }
    assert_eq!(sizes, [100; 3]);
    assert_ne!(groups, (0..300).map(|host| (host % 3) as u8).collect::<Vec<_>>());
}

//! Many identities of one machine, and what they cost.

use peerlab_engine::random::Streams;
use peerlab_model::units::Duration;
use peerlab_model::{HostId, ItemId, Key, Numbering, Overlay, Target};
use peerlab_overlay::hybrid::central_index::CentralIndex;
use peerlab_overlay::structured::chord::{Chord, ChordConfig};
use peerlab_overlay::structured::kademlia::Kademlia;
use peerlab_workload::{AdversaryConfig, Behaviour, ChurnConfig, Distribution, Identity, Placement, TargetKind};
use peerlab_world::{Conditions, LookupRow, Outcome, RunOptions, RunRecord, StartKind};

use crate::support::{metric, quiet, run_with};

/// So many machines with so many identities each.
fn sybils(behaviour: Behaviour, count: u32, identities: u32) -> AdversaryConfig {
    let json = serde_json::json!({ "behaviour": behaviour, "count": count, "identities": identities });
    serde_json::from_value(json).expect("the keys are those of an adversary")
}

fn ran<O: Overlay>(config: &O::Config, conditions: &Conditions) -> (RunRecord, Vec<LookupRow>) {
    run_with::<O>(config, conditions, 1, &RunOptions::default())
}

fn chord(routing: &str) -> ChordConfig {
    serde_json::from_value(serde_json::json!({ "routing": routing })).expect("parameters of Chord")
}

/// The share of the lookups asked from `from` to `to` seconds for which `which` holds that have found something.
fn found(rows: &[LookupRow], from: f64, to: f64, which: impl Fn(&LookupRow) -> bool) -> f64 {
    let asked = |row: &&LookupRow| (from..to).contains(&(row.time.nanos() as f64 / 1e9)) && row.outcome != Outcome::Open && which(row);
    let count = rows.iter().filter(asked).count();
    assert!(count >= 40, "{count} lookups");
    rows.iter().filter(asked).filter(|row| row.outcome == Outcome::Found).count() as f64 / count as f64
}

/// The samples of a metric: seconds and value.
fn samples(record: &RunRecord, name: &str) -> Vec<(f64, f64)> {
    let of = record.samples.iter().filter(|sample| sample.metric == name);
    of.map(|sample| (sample.time.nanos() as f64 / 1e9, sample.value)).collect()
}

#[test]
fn the_last_hosts_have_more_peers_than_the_others() {
    let numbering = Numbering::new(100, 2, Streams::new(1)).with_peers_per_host(2).with_sybils(3, 5);
    assert_eq!((numbering.seats(), numbering.peers_per_host(), numbering.sybils()), (816, 2, (3, 3)));
    let peers: Vec<u32> = [0, 96, 97, 99, 100, 101].map(|host| numbering.peers_of(HostId(host))).into();
    assert_eq!(peers, [2, 2, 5, 5, 1, 1]);
    for host in [96, 97, 99, 101].map(HostId) {
        assert_eq!(numbering.seats_of(host).len() as u32, numbering.peers_of(host));
        assert!(numbering.seats_of(host).all(|seat| numbering.host_of(seat) == host));
        assert_eq!(numbering.household(numbering.peer(numbering.first_seat(host), 3)).count() as u32, numbering.peers_of(host));
    }
    assert_eq!(
        Numbering::new(100, 2, Streams::new(1)).with_peers_per_host(8).with_sybils(3, 5).peers_of(HostId(99)),
        8,
        "at least so many"
    );
}

/// Goal: who has a share s of the identities answers for a share s of the keys, however few machines it has; what others answer for is found.
/// Method: the owner of each key that was asked for, by looking at all identities.
#[test]
fn silent_sybils_lose_the_keys_that_they_answer_for() {
    let mut conditions = quiet(200, TargetKind::Key);
    for (machines, identities) in [(8, 25), (2, 100)] {
        conditions.adversaries = vec![sybils(Behaviour::Drop, machines, identities)];
        let (record, rows) = ran::<Chord>(&chord("iterative"), &conditions);
        let (sybils, all) = (f64::from(machines * identities), f64::from(200 + machines * (identities - 1)));
        assert_eq!(metric(&record, "identities"), all);
        let s = metric(&record, "hostile_identity_share");
        assert!((s - sybils / all).abs() < 1e-12, "{s}");
        let numbering = Numbering::new(200, 0, Streams::new(1)).with_sybils(machines, identities);
        let peers: Vec<_> = (0..200).flat_map(|host| numbering.seats_of(HostId(host))).map(|seat| numbering.peer(seat, 0)).collect();
        let others = |row: &LookupRow, distance: &dyn Fn(Key, Key) -> u64| {
            let Target::Key(key) = row.target else { panic!("{:?} is no key", row.target) };
            let owner = *peers.iter().min_by_key(|&&peer| distance(key, numbering.key(peer))).expect("there are some");
            (numbering.host(owner).0 != row.origin).then(|| numbering.host(owner).0 >= 200 - machines)
        };
        let around = |key: Key, peer: Key| key.to(peer);
        let share = |hostile| rows.iter().filter(|row| others(row, &around) == Some(hostile)).count() as f64 / rows.len() as f64;
        assert!((share(true) - s).abs() < 0.12, "{} of the keys", share(true));
        let of = |rows: &[LookupRow], distance: &dyn Fn(Key, Key) -> u64| {
            [false, true].map(|hostile| found(rows, 0.0, 120.0, |row| others(row, distance) == Some(hostile)))
        };
        let [honest, hostile] = of(&rows, &around);
        assert!(honest > 0.9 && hostile == 0.0, "chord, {machines} machines: {honest} and {hostile}");
        let rows = ran::<Kademlia>(&Default::default(), &conditions).1;
        let [honest, hostile] = of(&rows, &|key, peer| key.0 ^ peer.0);
        assert!(honest > 0.9 && hostile == 0.0, "kademlia, {machines} machines: {honest} and {hostile}");
    }
}

/// As of as many machines: 1 − (1 − f)^(h + 1) of the lookups over h hops are lost, f being the share of the identities.
#[test]
fn misdirecting_sybils_lose_what_as_many_machines_would() {
    let mut conditions = quiet(400, TargetKind::Key);
    let honest = AdversaryConfig { probability: 0.0, ..sybils(Behaviour::Misdirect, 5, 20) };
    conditions.adversaries = vec![honest];
    let hops = ran::<Chord>(&chord("recursive"), &conditions).0.hops;
    conditions.adversaries[0].probability = 1.0;
    let (record, rows) = ran::<Chord>(&chord("recursive"), &conditions);
    let f = metric(&record, "hostile_identity_share");
    assert!((f - 100.0 / 495.0).abs() < 1e-12, "{f}");
    let through = |(hops, &count): (i32, &u64)| libm::pow(1.0 - f, f64::from(hops + 1)) * count as f64;
    let expected = (0..).zip(&hops).map(through).sum::<f64>() / hops.iter().sum::<u64>() as f64;
    let found = found(&rows, 0.0, 180.0, |_| true);
    assert!((found - expected).abs() < 0.06, "{found} instead of {expected}");
}

/// Goal: a key is captured when the price for it has been paid, and not before. Method: one machine whose identities lie around item 0 begins at
/// 30 s. In Chord, where one peer answers for a key, the first one that comes is enough.
#[test]
fn an_eclipse_begins_when_its_identities_are_paid_for() {
    // Who has it at hand need not ask.
    let about = |item| move |row: &LookupRow| row.target == Target::Item(ItemId(item)) && row.hops != Some(0);
    let mut conditions = quiet(100, TargetKind::Content);
    conditions.content.items = 2;
    let machine = sybils(Behaviour::Censor, 1, 16);
    conditions.adversaries = vec![AdversaryConfig { placed: Placement::AroundItem, from: Some(Duration::secs(30)), ..machine }];
    for cost in [10.0, 40.0] {
        conditions.peers.identity_cost = Some(Duration::millis(1000 * cost as u64));
        let (record, rows) = ran::<Chord>(&ChordConfig::default(), &conditions);
        // The machine has had its first identity all the time; joining a ring takes some rounds of stabilization.
        let paid = |time: f64| ((time - 30.0) / cost).floor().clamp(0.0, 15.0);
        for (time, identities) in samples(&record, "identities") {
            assert!((100.0 + paid(time - 40.0)..=100.0 + paid(time)).contains(&identities), "cost {cost}, at {time}: {identities}");
        }
        let (before, after) = (found(&rows, 0.0, 30.0 + cost, about(0)), found(&rows, 70.0 + cost, 180.0, about(0)));
        assert!(before > 0.97 && after < 0.05, "cost {cost}: {before} found before the first is paid, {after} afterwards");
        assert!(found(&rows, 0.0, 180.0, about(1)) > 0.97, "cost {cost}: another item is found as ever");
    }
}

/// A newcomer computes first, in each life that has an identity of its own: of exponential sessions of mean S that leaves e^(−c/S) of the time.
#[test]
fn honest_newcomers_pay_as_well() {
    let mut conditions = quiet(300, TargetKind::Content);
    conditions.time.warm_up = Duration::secs(300);
    conditions.time.duration = Duration::secs(600);
    let session = Some(Distribution::Exponential { mean: Duration::secs(60) });
    conditions.churn = Some(ChurnConfig { session: session.clone(), offline: session, identity: Identity::New, ..ChurnConfig::default() });
    for cost in [0, 20, 60] {
        conditions.peers.identity_cost = Some(Duration::secs(cost));
        let record = ran::<CentralIndex>(&Default::default(), &conditions).0;
        let online = metric(&record, "peers_online_mean");
        let members = samples(&record, "identities");
        if cost == 0 {
            assert!(members.is_empty(), "identities are free, and nobody has several");
            continue;
        }
        let members = members.iter().map(|(_, value)| value).sum::<f64>() / members.len() as f64 / online;
        let expected = libm::exp(-(cost as f64) / 60.0);
        assert!((members - expected).abs() < 0.04, "{cost} s: {members} of those online instead of {expected}");
    }
    // Kept identities are paid for once, and an overlay that has run for long has paid.
    conditions.churn.as_mut().expect("there is some").identity = Identity::Kept;
    let record = ran::<CentralIndex>(&Default::default(), &conditions).0;
    let members = samples(&record, "identities").iter().map(|(_, value)| value).sum::<f64>() / 60.0;
    assert!(members > 0.95 * metric(&record, "peers_online_mean"), "{members}");
}

#[test]
fn an_overlay_that_is_being_built_begins_when_its_first_peers_have_paid() {
    let mut conditions = quiet(50, TargetKind::Key);
    (conditions.start, conditions.join_over) = (StartKind::Join, Duration::secs(10));
    conditions.peers.identity_cost = Some(Duration::secs(60));
    let (record, rows) = ran::<Kademlia>(&Default::default(), &conditions);
    let identities = samples(&record, "identities");
    let at = |time: f64| identities.iter().find(|(at, _)| *at == time).expect("a sample").1;
    // They came from 20 to 10 s before the beginning.
    assert_eq!((at(30.0), at(100.0)), (0.0, 50.0));
    assert!(found(&rows, 0.0, 38.0, |_| true) == 0.0 && found(&rows, 120.0, 170.0, |_| true) > 0.95);
}

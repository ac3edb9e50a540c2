//! The tables of a scenario: what they accept, refuse, and write back.

use std::fmt::Debug;

use peerlab_engine::random::Streams;
use peerlab_engine::time::Span;
use peerlab_model::{HostId, Issues};
use peerlab_workload::{Action, ChurnConfig, Classes, ContentConfig, Distribution, EventConfig, LookupsConfig, PeersConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support::{distribution, peers, read};

fn paths(check: impl FnOnce(&mut Issues)) -> Vec<String> {
    let mut issues = Issues::new();
    check(&mut issues);
    issues.into_list().into_iter().map(|issue| issue.path).collect()
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(text: &str) {
    let value: T = read(text);
    let written = toml::to_string(&value).unwrap();
    assert_eq!(read::<T>(&written), value, "{written}");
}

/// What is refused, and the part of the text that is blamed.
fn refused<T: DeserializeOwned + Debug>(text: &str, says: &str) -> String {
    let error = toml::from_str::<T>(text).unwrap_err();
    assert!(error.message().contains(says), "{text}: {error}");
    error.span().map(|span| text[span].to_owned()).unwrap_or_default()
}

const CLASSES: &str = "count = 10\n[[class]]\nname = 'cable'\nshare = 0.7\nupload = '10 Mbit/s'\ndownload = '100 Mbit/s'\ncapacity = 1000.0\n\
     [[class]]\nname = 'phone'\nshare = 0.3\nlookup_interval = '1 h'\nsession = { distribution = 'constant', value = '1 min' }\n";

#[test]
fn the_contracts_tables_are_read_and_written_back() {
    survives::<PeersConfig>(CLASSES);
    survives::<ChurnConfig>(
        "session = { distribution = 'weibull', mean = '30 min', shape = 0.6 }\noffline = { distribution = 'exponential', mean = '30 min' }\ncrash_share = 0.5\nidentity = 'new'",
    );
    survives::<ChurnConfig>("trace = 'FILE'");
    survives::<ContentConfig>("items = 10000\npopularity = { distribution = 'zipf', exponent = 0.8 }\ncopies = 0\nsize = '100 MiB'");
    survives::<ContentConfig>("popularity = { distribution = 'constant' }");
    survives::<ContentConfig>("popularity = { distribution = 'uniform' }");
    survives::<LookupsConfig>("interval = '10 min'\ntarget = 'peer'\ntimeout = '60 s'");
    survives::<EventConfig>("at = '30 min'\naction = 'crash'\nshare = 0.3\nselect = 'random'\nduration = '10 min'");
    survives::<EventConfig>("at = '30 min'\naction = 'slow'\npeers = [3, 5]\nfactor = 2.0");
    assert_eq!(read::<ChurnConfig>(""), ChurnConfig::default());
    assert_eq!(read::<ContentConfig>(""), ContentConfig::default());
    assert_eq!(read::<LookupsConfig>(""), LookupsConfig::default());
    assert_eq!(read::<PeersConfig>("count = 1\n[[class]]\nname = 'a'\nshare = 1.0").class[0].queue, 100);
    for action in Action::ALL {
        survives::<EventConfig>(&format!("at = '1 s'\naction = '{}'", action.name()));
        assert!(!action.summary().is_empty());
    }
}

#[test]
fn every_distribution_survives_a_round_trip() {
    for text in [
        "{ distribution = 'exponential', mean = '30 min' }",
        "{ distribution = 'weibull', mean = '30 min', shape = 0.6 }",
        "{ distribution = 'weibull', scale = '30 min', shape = 0.6 }",
        "{ distribution = 'pareto', mean = '30 min', shape = 1.5 }",
        "{ distribution = 'pareto', minimum = '30 min', shape = 1.5 }",
        "{ distribution = 'lognormal', mean = '30 min', sigma = 1.0 }",
        "{ distribution = 'lognormal', median = '30 min', sigma = 1.0 }",
        "{ distribution = 'constant', value = '30 min' }",
    ] {
        let before = distribution(text);
        assert_eq!(read::<Distribution>(&toml::to_string(&before).unwrap()), before, "{text}");
        assert_eq!(paths(|issues| before.check(issues)), [] as [&str; 0]);
    }
}

#[test]
fn mistakes_are_refused_where_they_are() {
    assert_eq!(refused::<ChurnConfig>("session = { distribution = 'weibul', mean = '1 s' }", "unknown variant"), "'weibul'");
    assert_eq!(refused::<ChurnConfig>("session = { distribution = 'weibull', meen = '1 s' }", "unknown field"), "meen");
    assert_eq!(refused::<ChurnConfig>("session = { distribution = 'constant', value = '1 x' }", "1 x"), "'1 x'");
    refused::<ChurnConfig>("session = { distribution = 'weibull', mean = '1 s', scale = '1 s', shape = 1.0 }", "not both");
    refused::<ChurnConfig>("session = { distribution = 'weibull', shape = 1.0 }", "`mean` or `scale`");
    refused::<ChurnConfig>("session = { distribution = 'weibull', mean = '1 s' }", "needs `shape`");
    refused::<ChurnConfig>("session = { distribution = 'pareto', mean = '1 s', sigma = 1.0 }", "no key `sigma`");
    refused::<ContentConfig>("popularity = { distribution = 'zipf' }", "needs `exponent`");
    refused::<ContentConfig>("popularity = { distribution = 'uniform', exponent = 1.0 }", "belongs to");
    refused::<PeersConfig>("", "missing field `count`");
    assert_eq!(refused::<PeersConfig>("count = 1\nclas = 2", "unknown field"), "clas");
    assert_eq!(refused::<EventConfig>("at = '1 s'\naction = 'crsh'", "unknown variant"), "'crsh'");
    refused::<LookupsConfig>("target = 'anything'", "unknown variant");
}

#[test]
fn impossible_distributions_are_noted() {
    let check = |text: &str| paths(|issues| distribution(text).check(issues));
    assert_eq!(check("{ distribution = 'exponential', mean = '0 s' }"), ["mean"]);
    assert_eq!(check("{ distribution = 'weibull', scale = '0 s', shape = 0.0 }"), ["scale", "shape"]);
    assert_eq!(check("{ distribution = 'weibull', scale = '1 s', shape = nan }"), ["shape"]);
    assert_eq!(check("{ distribution = 'pareto', mean = '0 s', shape = 1.0 }"), ["mean", "shape"]);
    assert_eq!(check("{ distribution = 'lognormal', median = '0 s', sigma = -1.0 }"), ["median", "sigma"]);
    assert_eq!(check("{ distribution = 'constant', value = '0 s' }"), ["value"]);
}

#[test]
fn impossible_populations_are_noted() {
    let check = |text: &str| paths(|issues| read::<PeersConfig>(text).check(issues));
    assert_eq!(check(CLASSES), [] as [&str; 0]);
    assert_eq!(check("count = 0"), ["count"]);
    assert_eq!(check("count = 4000000000"), ["count"]);
    assert_eq!(check(&CLASSES.replace("0.7", "0.6")), ["class"]);
    assert_eq!(check(&CLASSES.replace("0.7", "1.7")), ["class.0.share", "class"]);
    assert_eq!(check(&CLASSES.replace("phone", "cable")), ["class.1.name"]);
    assert_eq!(check(&CLASSES.replace("1000.0", "0.0")), ["class.0.capacity"]);
    assert_eq!(check(&CLASSES.replace("1 h", "0 h")), ["class.1.lookup_interval"]);
    assert_eq!(check(&CLASSES.replace("1 min", "0 min")), ["class.1.session.value"]);
}

#[test]
fn impossible_churn_is_noted() {
    let check = |text: &str, peers: &str| paths(|issues| read::<ChurnConfig>(text).check(&read(peers), issues));
    let session = "session = { distribution = 'constant', value = '1 s' }\n";
    assert_eq!(check("", "count = 1"), [] as [&str; 0]);
    assert_eq!(check(session, "count = 1"), ["offline"]);
    assert_eq!(check(&session.replace("session", "offline"), "count = 1"), ["session"]);
    assert_eq!(check("crash_share = 1.5", "count = 1"), ["crash_share"]);
    assert_eq!(check(&format!("{session}trace = 'x'"), "count = 1"), ["session"]);
    assert_eq!(check("trace = ''", "count = 1"), ["trace"]);
    assert_eq!(check("trace = 'x'", CLASSES), ["trace"]);
    assert_eq!(check("", CLASSES), ["offline"], "a class with sessions needs absences");
    assert_eq!(check(&session.replace("session", "offline"), CLASSES), ["session"], "the class without sessions would be away for ever");
}

#[test]
fn impossible_content_and_lookups_are_noted() {
    let content = |text: &str| paths(|issues| read::<ContentConfig>(text).check(100, issues));
    assert_eq!(content("copies = 0"), [] as [&str; 0]);
    assert_eq!(content("items = 0"), ["items"]);
    assert_eq!(content("copies = 101"), ["copies"]);
    assert_eq!(content("items = 4000000000\ncopies = 100"), ["copies"]);
    assert_eq!(content("popularity = { distribution = 'zipf', exponent = -1.0 }"), ["popularity.exponent"]);
    assert_eq!(content("popularity = { distribution = 'constant', item = 1000 }"), ["popularity.item"]);
    let lookups = |text: &str, population: u32| paths(|issues| read::<LookupsConfig>(text).check(population, issues));
    assert_eq!(lookups("", 1), [] as [&str; 0]);
    assert_eq!(lookups("interval = '0 s'\ntimeout = '0 s'", 1), ["interval", "timeout"]);
    assert_eq!(lookups("target = 'peer'", 1), ["target"]);
    assert_eq!(lookups("target = 'keywords'", 9), [] as [&str; 0]);
    assert_eq!(
        content("keywords = { vocabulary = 0, per_query = 5 }"),
        ["keywords.vocabulary", "keywords.vocabulary", "keywords.per_query"]
    );
    assert_eq!(content("keywords = { vocabulary = 70000, per_item = 33 }"), ["keywords.vocabulary", "keywords.per_item"]);
    assert_eq!(content("keywords = { per_item = 2, per_query = 3 }"), ["keywords.per_query"]);
    assert_eq!(content("keywords = { popularity = { distribution = 'constant' } }"), ["keywords.popularity"]);
    assert_eq!(content("keywords = { popularity = { distribution = 'zipf', exponent = 3.0 } }"), ["keywords.popularity.exponent"]);
}

#[test]
fn impossible_events_are_noted() {
    let check_with = |text: &str, regions: Option<u32>| {
        let peers = read::<PeersConfig>(CLASSES);
        paths(|issues| read::<EventConfig>(text).check(Span::from_secs(3600), &peers, regions, issues))
    };
    let check = |action: &str, rest: &str| check_with(&format!("at = '30 min'\naction = '{action}'\n{rest}"), Some(3));
    let fine = [
        ("crash", "share = 0.3"),
        ("leave", "count = 10"),
        ("join", "share = 1.0\nduration = '1 s'"),
        ("restart", "peers = [0, 9]"),
        ("crash", "select = 'region'\nregion = 2"),
        ("crash", "select = 'class'\nclass = 'phone'\nshare = 0.5"),
        ("crash", "select = 'highest-degree'\nshare = 0.1"),
        ("partition", "groups = 2\nduration = '1 min'"),
        ("partition", "share = 0.3"),
        ("partition", "select = 'region'\nregion = 0"),
        ("loss", "loss = 0.2"),
        ("loss", "loss = 0.2\ncount = 3"),
        ("latency", "factor = 3.0"),
        ("slow", "factor = 3.0\nshare = 0.1"),
        ("server-outage", "duration = '10 min'"),
        ("server-outage", "count = 1"),
    ];
    for (action, rest) in fine {
        assert_eq!(check(action, rest), [] as [&str; 0], "{action} {rest}");
    }
    assert_eq!(check_with("at = '1 h'\naction = 'crash'\nshare = 0.1", None), ["at"]);
    assert_eq!(check_with("at = '1 s'\naction = 'crash'\nselect = 'region'\nregion = 0", None), ["select"]);
    let wrong: [(&str, &str, &[&str]); 36] = [
        ("crash", "share = 1.5", &["share"]),
        ("crash", "share = nan", &["share"]),
        ("crash", "count = 11", &["count"]),
        ("crash", "count = 0", &["count"]),
        ("crash", "peers = []", &["peers"]),
        ("crash", "peers = [3, 10, 3]", &["peers.1", "peers.2"]),
        ("crash", "share = 0.1\ncount = 1", &["count"]),
        ("crash", "count = 1\npeers = [1]", &["peers"]),
        ("crash", "", &["action"]),
        ("slow", "factor = 2.0", &["action"]),
        ("slow", "count = 1", &["action"]),
        ("slow", "count = 1\nfactor = 0.5", &["factor"]),
        ("latency", "factor = 2.0\ncount = 1", &["action"]),
        ("latency", "", &["action"]),
        ("loss", "", &["action"]),
        ("loss", "loss = 1.1", &["loss"]),
        ("crash", "count = 1\nloss = 0.1\nfactor = 2.0\ngroups = 2", &["loss", "factor", "groups"]),
        ("partition", "", &["action"]),
        ("partition", "groups = 1", &["groups"]),
        ("partition", "groups = 2\ncount = 1", &["groups"]),
        ("server-outage", "peers = [1]", &["peers"]),
        ("crash", "select = 'region'", &["region"]),
        ("crash", "select = 'region'\nregion = 3", &["region"]),
        ("crash", "select = 'class'\nclass = 'fax'", &["class"]),
        ("crash", "count = 1\nitem = 3", &["item"]),
        ("crash", "count = 1\ndirection = 'to'", &["direction"]),
        ("crash", "count = 1\nrate = 0.0", &["rate"]),
        ("crash", "count = 1\nevery = '10 ms'", &["every"]),
        ("crash", "count = 1\nrate = 2.0\nevery = '1 min'", &["every"]),
        ("freeze", "", &["action"]),
        ("bandwidth", "count = 1", &["action"]),
        ("bandwidth", "factor = 0.0", &["factor"]),
        ("server-capacity", "factor = 0.5\npeers = [1]", &["peers"]),
        ("delete", "duration = '1 min'", &["duration"]),
        ("crash", "count = 1\nregion = 1", &["region"]),
        ("restart", "count = 1\nduration = '1 s'", &["duration"]),
    ];
    for (action, rest, expected) in wrong {
        assert_eq!(check(action, rest), expected, "{action} {rest}");
    }
    for (action, rest) in [
        ("freeze", "share = 0.1\nduration = '1 min'"),
        ("flash-crowd", "item = 3"),
        ("bandwidth", "factor = 0.1"),
        ("server-capacity", "factor = 0.1"),
        ("takedown", "share = 0.5\nitem = 2\nevery = '1 min'"),
        ("delete", "count = 1"),
        ("crash", "select = 'holders'\nitem = 2"),
        ("loss", "loss = 0.5\nshare = 0.1\ndirection = 'from'"),
    ] {
        assert_eq!(check(action, rest), [] as [&str; 0], "{action} {rest}");
    }
}

#[test]
fn classes_get_exactly_their_shares_in_random_order() {
    let mut peers = read::<PeersConfig>(CLASSES);
    for (count, expected) in [(10, [7, 3]), (2000, [1400, 600]), (3, [2, 1]), (1, [1, 0])] {
        peers.count = count;
        let classes = Classes::new(&peers, Streams::new(1));
        assert_eq!(classes.counts(), expected);
        for (class, &expected) in expected.iter().enumerate() {
            assert_eq!((0..count).filter(|&host| classes.of(HostId(host)) == class).count() as u32, expected);
        }
    }
    peers.count = 2000;
    let classes = Classes::new(&peers, Streams::new(1));
    let early = (0..1000).filter(|&host| classes.of(HostId(host)) == 0).count();
    assert!((650..750).contains(&early), "{early}");
    assert_eq!(classes.of(HostId(5000)), 0, "servers");
}

#[test]
fn one_class_takes_no_memory() {
    let classes = Classes::new(&peers(5), Streams::new(1));
    assert_eq!((classes.counts(), classes.of(HostId(4))), (&[5][..], 0));
}

#[test]
fn schemas_name_every_key() {
    let schemas = [
        (serde_json::to_string(&schemars::schema_for!(PeersConfig)).unwrap(), "count class name share upload queue lookup_interval"),
        (serde_json::to_string(&schemars::schema_for!(ChurnConfig)).unwrap(), "session offline crash_share identity trace weibull sigma"),
        (
            serde_json::to_string(&schemars::schema_for!(ContentConfig)).unwrap(),
            "items popularity copies size zipf exponent keywords vocabulary per_item per_query",
        ),
        (serde_json::to_string(&schemars::schema_for!(LookupsConfig)).unwrap(), "interval target timeout keywords"),
        (
            serde_json::to_string(&schemars::schema_for!(EventConfig)).unwrap(),
            "at action share count peers select flash-crowd id-range rate every direction item",
        ),
    ];
    for (schema, keys) in schemas {
        for key in keys.split(' ') {
            assert!(schema.contains(&format!("\"{key}\"")), "{key} in {schema}");
        }
    }
}

#[test]
fn an_access_link_gives_the_rates_that_are_not_given() {
    use peerlab_model::units::Rate;
    let text = "count = 10\n[[class]]\nname = \"a\"\nshare = 0.5\nlink = \"adsl\"\n\n[[class]]\nname = \"b\"\nshare = 0.5\nlink = \"data-centre\"\nupload = \"1 Gbit/s\"\n";
    let peers: peerlab_workload::PeersConfig = toml::from_str(text).expect("it is sound");
    let rates: Vec<_> = peers.expanded().class.iter().map(|class| (class.upload, class.download)).collect();
    let megabits = |rate: f64| Rate::bits_per_second((rate * 1e6) as u64);
    assert_eq!(rates, [(megabits(1.4), megabits(24.0)), (megabits(1000.0), megabits(10_000.0))]);
}

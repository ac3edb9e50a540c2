//! Availability traces, good and bad.

use peerlab_engine::time::Time;
use peerlab_model::HostId;
use peerlab_workload::{ChurnConfig, Phase, Trace};

use crate::support::{file, lifetimes, peers};

fn load(suffix: &str, content: &[u8], population: u32) -> Result<Trace, String> {
    let file = file(suffix, content);
    let path = file.path().display().to_string();
    let told = |error: peerlab_workload::TraceError| error.to_string().strip_prefix(&path).map(str::to_owned).unwrap();
    Trace::load(&path, population).map_err(told)
}

fn secs(times: &[Time]) -> Vec<f64> {
    times.iter().map(|time| time.secs_f64()).collect()
}

#[test]
fn p2psim_traces_toggle_at_their_times_in_milliseconds() {
    let trace = load(".txt", b"# a trace\n2 dead 1500 3000\n\n0 alive 2000 # leaves\n3 alive\n4 dead 0 7000", 6).unwrap();
    assert_eq!((0..6).map(|host| trace.online_at_zero(host)).collect::<Vec<_>>(), [true, false, false, true, true, false]);
    assert_eq!(secs(trace.times(0)), [2.0]);
    assert_eq!(secs(trace.times(2)), [1.5, 3.0]);
    assert_eq!(secs(trace.times(4)), [7.0]);
    assert!(trace.times(1).is_empty() && trace.times(3).is_empty() && trace.times(5).is_empty());
}

#[test]
fn avt_traces_list_stretches_of_being_up_in_seconds() {
    let trace = load(".avt", b"a.example 2 0 10 20 30\nb.example 1 5 6.5\nc.example 0\nd.example 4 1 2 2 3 4 4 5 6\n", 5).unwrap();
    assert_eq!((0..5).map(|host| trace.online_at_zero(host)).collect::<Vec<_>>(), [true, false, false, false, false]);
    assert_eq!(secs(trace.times(0)), [10.0, 20.0, 30.0]);
    assert_eq!(secs(trace.times(1)), [5.0, 6.5]);
    assert!(trace.times(2).is_empty());
    assert_eq!(secs(trace.times(3)), [1.0, 3.0, 5.0, 6.0], "stretches that touch are one, those of no length are none");
}

#[test]
fn bad_traces_are_refused_with_their_line() {
    let cases: [(&str, &[u8], &str); 15] = [
        (".txt", b"0 alive 5\nx alive 5\n", ":2: `x` is not the number of a node"),
        (".txt", b"0 undead 5\n", ":1: `undead` is neither `alive` nor `dead`"),
        (".txt", b"0\n", ":1: the state is missing"),
        (".txt", b"0 alive 5 five\n", ":1: `five` is not a time"),
        (".txt", b"0 alive 5 4\n", ":1: the time `4` is not above the one before it"),
        (".txt", b"0 alive -5\n", ":1: the time `-5` lies outside"),
        (".txt", b"0 alive 5\n0 dead\n", ":2: node 0 has had a line already"),
        (".txt", b"\n3 alive\n", ":2: node 3 is beyond the 3 peers"),
        (".txt", b"# nothing\n", ": the trace is empty"),
        (".txt", b"\xff\xff", ": this is not a text file"),
        (".avt", b"a 1 5\n", ":1: 1 stretches have a start and an end each, but 1 times follow"),
        (".avt", b"a\n", ":1: the number of stretches is missing"),
        (".avt", b"a one 5 6\n", ":1: `one` is not a number of stretches"),
        (".avt", b"a 2 5 6 3 4\n", ":1: the stretch from 3.000 s to 4.000 s is not in order"),
        (".AVT", b"a 1 6 5\n", ":1: the stretch from 6.000 s to 5.000 s is not in order"),
    ];
    for (suffix, content, says) in cases {
        let told = load(suffix, content, 3).unwrap_err();
        assert!(told.starts_with(says), "{told}");
    }
    let missing = Trace::load("no/such.avt", 3).unwrap_err().to_string();
    assert!(missing.starts_with("cannot read no/such.avt: "), "{missing}");
}

#[test]
fn a_trace_takes_the_place_of_the_distributions() {
    let file = file(".txt", b"0 alive 2000 5000\n1 dead 1000\n");
    let churn = ChurnConfig { trace: Some(file.path().display().to_string()), ..ChurnConfig::default() };
    assert_eq!(churn.files().len(), 1);
    let lifetimes = lifetimes(&churn, &peers(3), 1);
    let (start, at) = (Time::from_secs(-600), Time::from_secs);
    assert_eq!(lifetimes.initial(HostId(0), start), Phase { online: true, until: at(2) });
    assert_eq!(lifetimes.next(HostId(0), 1, at(2), false), at(5));
    assert_eq!(lifetimes.next(HostId(0), 2, at(5), true), Time::MAX);
    assert_eq!(lifetimes.initial(HostId(1), start), Phase { online: false, until: at(1) });
    // Hosts that the timeline holds against their trace fall in with it at its next change to the other state.
    assert_eq!(lifetimes.next(HostId(0), 1, at(1), false), at(5));
    assert_eq!(lifetimes.next(HostId(0), 2, at(3), true), Time::MAX);
    assert_eq!(lifetimes.initial(HostId(2), start), Phase { online: false, until: Time::MAX });
    // A run that begins within the trace finds the state of that moment.
    assert_eq!(lifetimes.initial(HostId(0), at(3)), Phase { online: false, until: at(5) });
    // Online: host 0 for the first 2 of the trace's 5 seconds, host 1 for the last 4, host 2 never.
    assert!((lifetimes.expected_online_share() - 6.0 / 15.0).abs() < 1e-12);
}

#[test]
fn arrivals_are_read_in_the_order_of_time_and_what_is_wrong_has_a_line() {
    let place = tempfile::tempdir().expect("a directory can be made");
    let load = |text: &str| {
        let file = place.path().join("arrivals.txt");
        std::fs::write(&file, text).expect("a file can be written");
        let arrivals = peerlab_workload::load_arrivals(&file.to_string_lossy(), 5).map_err(|error| error.to_string())?;
        Ok::<_, String>(arrivals.iter().map(|&(host, at)| (host.0, at.nanos())).collect::<Vec<_>>())
    };
    assert_eq!(load("# who wants it\n2.5 4\n\n0 1 # at once\n2.5 0\n"), Ok(vec![(1, 0), (0, 2_500_000_000), (4, 2_500_000_000)]));
    for (text, complaint) in [
        ("1 2\n3\n", "arrivals.txt:2: `3` is no arrival"),
        ("soon 2\n", "arrivals.txt:1: `soon` is no time in seconds"),
        ("1 x\n", "arrivals.txt:1: `x` is no peer's number"),
        ("-1 2\n", "arrivals.txt:1: an arrival lies at 0 s or later"),
        ("1 5\n", "arrivals.txt:1: peer 5 is beyond the 5 peers"),
        ("# nothing\n", "arrivals.txt: nobody wants anything"),
    ] {
        assert!(load(text).is_err_and(|said| said.contains(complaint)), "{text}: {complaint}");
    }
}

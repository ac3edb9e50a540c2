//! Rows survive writing and reading; times are exact decimals; broken files are named with line and column.

use peerlab_report::tables::{
    Aggregate, Event, Hops, Label, Line, Lookup, Message, Peer, Reader, Row, Sample, Summary, TableError, Writer, parse_nanos,
};
use std::{fs, path::Path};

fn label(run: &str, topology: &str, repetition: u32, sweep: &[&str]) -> Label {
    Label { run: run.into(), topology: topology.into(), repetition, sweep: sweep.iter().map(ToString::to_string).collect() }
}

/// Writes rows of two runs and reads them back.
fn round_trip<R: Row + PartialEq + std::fmt::Debug>(rows: &[R]) -> String {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join(R::FILE);
    let swept = ["peers.count".to_owned(), "network.loss".to_owned()];
    let labels = [label("a/1", "a, \"quoted\"", 1, &["1000", "0.001"]), label("b/2", "b", 2, &["2000", "0.001"])];
    let mut writer = Writer::<R, _>::with_header(Vec::new(), &path, &swept).unwrap();
    for label in &labels {
        writer.label(label);
        for row in rows {
            writer.row(row).unwrap();
        }
    }
    let (bytes, count) = writer.finish().unwrap();
    assert_eq!(count, 2 * rows.len() as u64);
    fs::write(&path, &bytes).unwrap();
    let mut reader = Reader::<R>::open(place.path()).unwrap();
    assert_eq!(reader.header().swept, swept);
    for label in &labels {
        for row in rows {
            let (read_label, read_row) = reader.next_row().unwrap().unwrap();
            assert_eq!((&read_label.topology, &read_label.sweep), (&label.topology, &label.sweep));
            if R::COLUMNS.len() > 3 && read_label.repetition > 0 {
                assert_eq!(read_label, label);
            }
            assert_eq!(&read_row, row);
        }
    }
    assert!(reader.next_row().unwrap().is_none());
    String::from_utf8(bytes).unwrap()
}

fn found() -> Lookup {
    Lookup {
        lookup: 7,
        time_ns: -12_345_678_901,
        origin: 1999,
        target: "item:12".into(),
        outcome: "found".into(),
        hops: Some(4),
        rounds: None,
        messages: 9,
        bytes: 540,
        timeouts: 0,
        latency_ns: Some(123_456_789),
        results: Some(1),
        recall: Some(0.1),
    }
}

#[test]
fn rows_of_every_file_are_read_as_they_were_written() {
    let lost = Lookup { outcome: "timeout".into(), hops: None, latency_ns: None, recall: None, ..found() };
    let text = round_trip(&[found(), lost]);
    let expected = "run,topology,repetition,peers.count,network.loss,lookup,time_s,origin,target,outcome,hops,rounds,messages,bytes,timeouts,latency_ms,results,recall\n\
        a/1,\"a, \"\"quoted\"\"\",1,1000,0.001,7,-12.345678901,1999,item:12,found,4,,9,540,0,123.456789,1,0.1\n";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains(",timeout,,,9,540,0,,1,\n"), "{text}");

    round_trip(&[
        Summary { metric: "hops_mean".into(), unit: "hops".into(), value: Some(1.0 / 3.0) },
        Summary { metric: "hops_p50".into(), unit: "hops".into(), value: None },
    ]);
    let one = Aggregate {
        metric: "hops_mean".into(),
        unit: "hops".into(),
        mean: Some(4.5),
        ci95_low: None,
        ci95_high: None,
        sd: None,
        min: Some(4.5),
        median: Some(4.5),
        max: Some(4.5),
        n: 1,
    };
    let text = round_trip(&[one]);
    assert!(text.contains("\nb,2000,0.001,hops_mean,hops,4.5,,,,4.5,4.5,4.5,1\n"), "{text}");
    round_trip(&Hops::of_histogram([(0, 1), (1, 0), (4, 3)]));
    round_trip(&[Message {
        kind: "Ping".into(),
        cause: "maintenance".into(),
        sent: 6,
        delivered: 1,
        dropped_offline: 1,
        dropped_loss: 1,
        dropped_queue: 1,
        dropped_partition: 1,
        in_flight: 1,
        bytes: u64::MAX,
    }]);
    round_trip(&[Sample { time_ns: 10_000_000_000, metric: "peers_online".into(), unit: "peers".into(), value: Some(1e-9) }]);
    round_trip(&[Event {
        time_ns: 0,
        action: "crash".into(),
        peers: None,
        note: "a, b\nc".into(),
        recovery_ns: Some(1_500_000_000),
        dip: Some(0.25),
        repair_bytes: None,
    }]);
    round_trip(&[Peer {
        peer: 3,
        class: String::new(),
        role: "peer".into(),
        online_ns: 1,
        messages_in: 2,
        messages_out: 3,
        bytes_in: 4,
        bytes_out: 5,
        lookups_served: 6,
        items: 7,
        state_bytes: 8,
        records: 9,
    }]);
}

#[test]
fn hop_counts_without_a_lookup_have_no_row_and_shares_add_up() {
    let rows = Hops::of_histogram([(0, 1), (1, 0), (4, 3)]);
    let expected = [(0, 1, 0.25, 0.25), (4, 3, 0.75, 1.0)];
    let rows: Vec<_> = rows.iter().map(|row| (row.hops, row.lookups, row.share, row.cumulative)).collect();
    assert_eq!(rows, expected);
    assert!(Hops::of_histogram([(0, 0)]).is_empty());
}

/// What `write` makes of a line that has held other things before.
fn text(write: impl Fn(&mut Line)) -> String {
    let mut line = Line::default();
    line.push(&[b'#'; 300]);
    line.truncate(1);
    write(&mut line);
    String::from_utf8(line.as_bytes()[1..].to_vec()).unwrap()
}

#[test]
fn integers_are_written_digit_by_digit() {
    let powers = (0..20).map(|power| 10_u64.pow(power));
    let around = powers.flat_map(|power| [power - 1, power, power + 1, power.saturating_mul(7), power / 10 * 9]);
    // Digits are divided four at a time, in both halves of a word: all of them.
    let fours = (0..10_000).map(|four| four * 10_000 + (9_999 - four));
    for value in
        (0..10_000).chain(fours).chain(around).chain([u64::MAX, u64::MAX - 1, 1234, 12_345_678, 10_200_300, 87_654_321_012_345_678])
    {
        assert_eq!(text(|line| line.push_integer(value)), value.to_string());
        assert_eq!(text(|line| line.push_hexadecimal(value)), format!("{value:016x}"));
        assert_eq!(text(|line| line.push_hexadecimal(!value)), format!("{:016x}", !value));
    }
}

#[test]
fn a_line_grows_with_what_it_holds() {
    let mut line = Line::default();
    for value in 0..1000_u64 {
        line.push_integer(value);
    }
    assert_eq!(line.len(), 10 + 90 * 2 + 900 * 3);
    assert!(line.as_bytes().ends_with(b"998999"));
}

#[test]
fn times_are_exact_decimals_without_zeros_at_the_end() {
    let seconds = |nanos| text(|line| line.push_seconds(nanos));
    for (nanos, text) in [
        (0, "0"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (-12_345_678_901, "-12.345678901"),
        (3_500_000_000, "3.5"),
        (100_000_000_000, "100"),
        (1_010_000_000, "1.01"),
        (i64::MAX, "9223372036.854775807"),
        (i64::MIN, "-9223372036.854775808"),
    ] {
        assert_eq!(seconds(nanos), text);
        if nanos > i64::MIN {
            assert_eq!(parse_nanos(text.as_bytes(), 9), Some(nanos));
        }
    }
    assert_eq!(text(|line| line.push_milliseconds(1_000_001)), "1.000001");
    assert_eq!(text(|line| line.push_milliseconds(u64::MAX)), "18446744073709.551615");
    for wrong in ["", "-", ".5", "1.", "1e3", "1.0000000001", "1,5", "99999999999999999999", "+1"] {
        assert_eq!(parse_nanos(wrong.as_bytes(), 9), None, "{wrong}");
    }
}

#[test]
fn floats_are_never_scientific_and_never_minus_zero() {
    let place = Path::new("x.csv");
    let mut writer = Writer::<Summary, _>::headless(Vec::new(), place);
    writer.label(&label("r", "t", 1, &[]));
    for value in [1e21, 1e-7, -0.0, 5.0, f64::NAN] {
        writer.row(&Summary { metric: "m".into(), unit: "1".into(), value: Some(value) }).unwrap();
    }
    let text = String::from_utf8(writer.finish().unwrap().0).unwrap();
    let values: Vec<&str> = text.lines().map(|line| line.rsplit(',').next().unwrap()).collect();
    assert_eq!(values, ["1000000000000000000000", "0.0000001", "0", "5", ""]);
}

#[test]
fn missing_column_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("hops.csv"), "run,topology,repetition,hops,lookups,share\n").unwrap();
    let error = Reader::<Hops>::open(place.path()).err().unwrap();
    assert!(matches!(&error, TableError::MissingColumn { column, .. } if column == "cumulative"), "{error}");
    fs::write(place.path().join("hops.csv"), "topology,run,repetition,hops,lookups,share,cumulative\n").unwrap();
    assert!(Reader::<Hops>::open(place.path()).is_err());
}

#[test]
fn nonsense_in_a_cell_is_an_error_that_names_file_and_place() {
    let place = tempfile::tempdir().unwrap();
    let header = "run,topology,repetition,time_s,metric,unit,value\n";
    for (row, says) in
        [("r,t,1,1e3,m,1,2\n", "1e3"), ("r,t,1,1,m,1,two\n", "field 6"), ("r,t,one,1,m,1,2\n", "one"), ("r,t,1,1\n", "4 fields")]
    {
        fs::write(place.path().join("timeseries.csv"), header.to_owned() + row).unwrap();
        let mut reader = Reader::<Sample>::open(place.path()).unwrap();
        let said = reader.next_row().unwrap_err().to_string();
        assert!(said.contains("timeseries.csv") && said.contains("line") && said.contains(says), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn full_disk_is_an_error_of_the_system_that_names_the_file() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut writer = Writer::<Lookup, _>::headless(full, Path::new("results/lookups.csv"));
    writer.label(&label("r", "t", 1, &[]));
    writer.row(&found()).unwrap();
    let error = writer.finish().err().unwrap();
    assert!(matches!(&error, TableError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull), "{error:?}");
    assert!(error.to_string().starts_with("results/lookups.csv: "), "{error}");
}

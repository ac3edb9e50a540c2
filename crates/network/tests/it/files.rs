//! Files: good ones, and every kind of bad one.

use std::io::Write;

use peerlab_engine::time::Span;
use peerlab_model::HostId;
use peerlab_network::Network;
use tempfile::NamedTempFile;

use crate::support::{network, reference, try_network};

fn file(content: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    file
}

fn matrix_table(file: &NamedTempFile, rest: &str) -> String {
    format!("min_one_way = '1 us'\nlatency = {{ model = 'matrix', file = '{}'{rest} }}", file.path().display())
}

fn points_table(file: &NamedTempFile) -> String {
    format!("latency = {{ model = 'coordinates', file = '{}' }}", file.path().display())
}

/// What the user is told about a file, after the path.
fn complaint(table: &str, file: &NamedTempFile, population: u32) -> String {
    let error = try_network(table, population, 0, 1).unwrap_err().to_string();
    let path = file.path().display().to_string();
    error.strip_prefix(&path).unwrap_or_else(|| panic!("{error} does not name {path}")).to_owned()
}

#[test]
fn matrix_entries_are_halved_and_may_differ_by_direction() {
    let file = file(b"# measured\n0 10 20\n\n30\t0\t40\n50, 60, 7\n");
    let network = network(&matrix_table(&file, ""), 3, 1);
    let mut delays = Vec::new();
    for from in 0..3 {
        for to in (0..3).filter(|&to| to != from) {
            delays.push(network.base_delay(HostId(from), HostId(to)).unwrap().nanos() / 1_000_000);
        }
    }
    delays.sort_unstable();
    assert_eq!(delays, [5, 10, 15, 20, 25, 30]);
    assert_eq!(network.min_delay(), Span::from_millis(5));
}

#[test]
fn two_hosts_on_one_row_get_the_floor() {
    let file = file(b"0 10\n10 0");
    let network = network(&matrix_table(&file, ", unit = 's'"), 4, 1);
    assert_eq!(network.min_delay(), Span::from_micros(1));
    let at_floor = |a: u32| (0..4).filter(|&b| b != a && network.base_delay(HostId(a), HostId(b)) == Some(Span::ZERO)).count();
    assert!((0..4).all(|host| at_floor(host) == 1));
}

#[test]
fn seattle_names_its_first_missing_entry_and_takes_the_median_when_told() {
    let Some(path) = reference("seattle-99-rtt-s.txt") else { return };
    let table = |missing: &str| format!("latency = {{ model = 'matrix', file = '{}', unit = 's'{missing} }}", path.display());
    let error = try_network(&table(""), 99, 0, 1).unwrap_err().to_string();
    // Found independently: the first off-diagonal zero of the file.
    let text = std::fs::read_to_string(&path).unwrap();
    let is_hole = |line: usize, column: usize, word: &str| line != column && word.parse::<f64>().unwrap() <= 0.0;
    let holes: Vec<(usize, usize)> = text
        .lines()
        .enumerate()
        .flat_map(|(line, row)| row.split_whitespace().enumerate().map(move |(column, word)| (line, column, word)))
        .filter(|&(line, column, word)| is_hole(line, column, word))
        .map(|(line, column, _)| (line + 1, column + 1))
        .collect();
    assert_eq!(holes.len(), 65);
    assert!(error.contains(&format!(":{}:{}: ", holes[0].0, holes[0].1)), "{error}");
    assert!(error.contains("65 entries") && error.contains("median"), "{error}");

    let network = network(&table(", missing = 'median'"), 99, 1);
    let all = (0..99).flat_map(|a| (0..99).filter(move |&b| b != a).map(move |b| (a, b)));
    let round_trips: Vec<f64> = all.map(|(a, b)| 2.0 * network.base_delay(HostId(a), HostId(b)).unwrap().secs_f64()).collect();
    assert!(round_trips.iter().all(|&rtt| rtt > 0.0));
    let mean = round_trips.iter().sum::<f64>() / round_trips.len() as f64;
    // 0.283 without the zeros; 65 of 9702 entries are the median instead.
    assert!((mean - 0.283).abs() < 0.002, "{mean}");
}

#[test]
fn bad_matrices_are_refused_with_their_position() {
    let cases: [(&[u8], &str); 12] = [
        (b"0 1\n1 0 2\n", ":2: 3 entries where the first row has 2"),
        (b"0 1 2\n1 0 2\n", ": 2 rows with 3 entries each: the matrix must be square"),
        (b"0 1\n1 0\n1 1\n", ":3: this is row 3 of a matrix with 2 columns"),
        (b"0 1\n\n# three\nx 0\n", ":4:1: `x` is not a number"),
        (b"0 nan\n1 0\n", ":1:2: `nan` is no round-trip time"),
        (b"0 1\n-1 0\n", ":2:1: this entry is zero or negative"),
        (
            b"0 0\n1 0\n",
            ":1:2: this entry is zero or negative, which means that it is missing (1 entries are); write `missing = \"median\"`",
        ),
        (b"0 700000\n1 0\n", ":1:2: a round trip of 700 s"),
        (b"", ": a matrix of round-trip times has at least two rows"),
        (b"# nothing\n", ": a matrix of round-trip times has at least two rows"),
        (b"0\n", ": a matrix of round-trip times has at least two rows"),
        (b"\xff\xfe\x00", ": this is not a text file"),
    ];
    for (content, says) in cases {
        let file = file(content);
        let complaint = complaint(&matrix_table(&file, ""), &file, 2);
        assert!(complaint.starts_with(says), "{complaint}");
    }
    let file = file(b"0 0\n0 0\n");
    assert_eq!(complaint(&matrix_table(&file, ", missing = 'median'"), &file, 2), ": every entry is missing");
}

#[test]
fn a_missing_file_is_named() {
    for model in ["matrix", "coordinates"] {
        let error = try_network(&format!("latency = {{ model = '{model}', file = 'no/such.txt' }}"), 2, 0, 1).unwrap_err();
        assert!(error.to_string().starts_with("cannot read no/such.txt: "), "{error}");
    }
}

#[test]
fn coordinates_are_milliseconds_one_way() {
    let plane = file(b"# x y\n0 0\n30 40\n0 40\n");
    let network = network(&points_table(&plane), 3, 1);
    assert_eq!(network.base_delay(HostId(0), HostId(1)), Some(Span::from_millis(50)));
    assert_eq!(network.base_delay(HostId(1), HostId(2)), Some(Span::from_millis(30)));
    let space = file(b"0,0,0\n2,3,6\n");
    let network = crate::support::network(&points_table(&space), 2, 1);
    assert_eq!(network.base_delay(HostId(0), HostId(1)), Some(Span::from_millis(7)));
}

#[test]
fn servers_take_the_lines_after_the_population_or_random_ones() {
    let file = file(b"0 0\n30 40\n0 10\n");
    let three: Network = try_network(&points_table(&file), 2, 1, 1).unwrap();
    assert_eq!(three.base_delay(HostId(0), HostId(2)), Some(Span::from_millis(10)));
    let many = try_network(&points_table(&file), 3, 4, 1).unwrap();
    for server in 3..7 {
        let delay = many.base_delay(HostId(0), HostId(server)).unwrap().nanos() / 1_000_000;
        assert!([0, 10, 50].contains(&delay), "{delay}");
    }
}

#[test]
fn bad_coordinates_are_refused_with_their_position() {
    let cases: [(&[u8], &str); 6] = [
        (b"0 0\n1\n", ":2: 1 numbers where a point has two or three"),
        (b"0 0\n1 2 3\n", ":2: 3 numbers where the first point has 2"),
        (b"0 0 0 0\n", ":1: 4 numbers where a point has two or three"),
        (b"0 0\n1 east\n", ":2:2: `east` is not a number"),
        (b"0 0\n1 inf\n", ":2:2: `inf` is no coordinate"),
        (b"0 0\n", ": 1 points for 2 peers"),
    ];
    for (content, says) in cases {
        let file = file(content);
        let complaint = complaint(&points_table(&file), &file, 2);
        assert!(complaint.starts_with(says), "{complaint}");
    }
}

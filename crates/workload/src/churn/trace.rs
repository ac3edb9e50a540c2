//! Availability traces: when real machines were up.
//!
//! Two formats, told apart by the file's name:
//!
//! - **`.avt`** (Godfrey's repository of availability traces): a node a line, `<name> <n> <start> <end> <start> <end> …`, with n
//!   stretches of being up, in seconds. The k-th line is host k; the name is not used. A stretch holds [start, end); stretches
//!   that touch are one, and those of no length, which single probes leave, are skipped.
//! - **p2psim's** (any other name): `<node> alive|dead <t1> <t2> …`: the state at time 0 and the times at which it changes, in
//!   milliseconds, p2psim's unit of time. Node k is host k, in any order of the lines.
//!
//! In both, `#` begins a comment, time 0 is the start of measurement, and the state there holds before it too, for the warm-up.
//! Hosts that the trace does not name are never online; a node beyond `peers.count` is an error, since leaving out a part of
//! the nodes would change what the trace says.

use std::fmt::Display;

use peerlab_engine::time::Time;

/// The longest time that a trace may speak of, in seconds: 70 years.
const TIME_MAX_S: f64 = 70.0 * 365.25 * 86_400.0;

/// A trace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The path as the scenario gives it.
        file: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of the file is wrong.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The path as the scenario gives it.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, and the way out.
        message: String,
    },
    /// The file as a whole is wrong.
    #[error("{file}: {message}")]
    File {
        /// The path as the scenario gives it.
        file: String,
        /// What is wrong.
        message: String,
    },
}

/// What a trace says: for each host whether it is online at time 0, and the times at which that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    online_at_zero: Vec<bool>,
    /// Where each host's times begin; one more at the end.
    begin: Vec<u32>,
    times: Vec<Time>,
}

/// What one line says.
struct Line {
    node: usize,
    online_at_zero: bool,
    times: Vec<Time>,
}

impl Trace {
    /// Reads a trace for a population of `population` hosts.
    ///
    /// # Errors
    /// If the file cannot be read or is not what its name promises, naming the line.
    pub fn load(file: &str, population: u32) -> Result<Self, TraceError> {
        let bytes = std::fs::read(file).map_err(|source| TraceError::Read { file: file.to_owned(), source })?;
        let text = String::from_utf8(bytes).map_err(|_| whole(file, "this is not a text file"))?;
        let is_avt = file.len() >= 4 && file.as_bytes()[file.len() - 4..].eq_ignore_ascii_case(b".avt");
        let bare = text.lines().enumerate().map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default()));
        let mut hosts: Vec<Option<Line>> = (0..population).map(|_| None).collect();
        let mut lines = 0;
        for (number, line) in bare.filter(|(_, line)| !line.trim().is_empty()) {
            let blame = |message: String| TraceError::Line { file: file.to_owned(), line: number, message };
            let parsed = if is_avt { avt(line, lines) } else { p2psim(line) };
            let parsed = parsed.map_err(blame)?;
            let node = parsed.node;
            let Some(host) = hosts.get_mut(node) else {
                let message =
                    format!("node {node} is beyond the {population} peers, numbered from 0: set peers.count to more than the largest node");
                return Err(blame(message));
            };
            if host.replace(parsed).is_some() {
                return Err(blame(format!("node {node} has had a line already")));
            }
            lines += 1;
        }
        if lines == 0 {
            return Err(whole(file, "the trace is empty"));
        }
        Ok(Self::pack(hosts))
    }

    fn pack(hosts: Vec<Option<Line>>) -> Self {
        let mut trace = Self { online_at_zero: Vec::new(), begin: vec![0], times: Vec::new() };
        for host in hosts {
            trace.online_at_zero.push(host.as_ref().is_some_and(|line| line.online_at_zero));
            trace.times.extend(host.into_iter().flat_map(|line| line.times));
            trace.begin.push(trace.times.len() as u32);
        }
        trace
    }

    /// Whether a host is online at time 0, and before.
    pub fn online_at_zero(&self, host: u32) -> bool {
        self.online_at_zero[host as usize]
    }

    /// When a host's state changes, in ascending order; all are above time 0.
    pub fn times(&self, host: u32) -> &[Time] {
        let host = host as usize;
        &self.times[self.begin[host] as usize..self.begin[host + 1] as usize]
    }

    /// The share of all hosts that is online, averaged from time 0 to the last change; that at time 0 if nothing ever changes.
    pub fn share_online(&self) -> f64 {
        let hosts = self.online_at_zero.len() as u32;
        let end = self.times.iter().copied().max().unwrap_or(Time::from_nanos(1));
        let mut online_s = 0.0;
        for host in 0..hosts {
            let mut online = self.online_at_zero(host);
            let mut since = Time::ZERO;
            for &at in self.times(host).iter().chain([&end]) {
                online_s += if online { at.since(since).secs_f64() } else { 0.0 };
                (online, since) = (!online, at);
            }
        }
        online_s / (f64::from(hosts) * end.secs_f64())
    }
}

fn whole(file: &str, message: impl Display) -> TraceError {
    TraceError::File { file: file.to_owned(), message: message.to_string() }
}

fn time(word: &str, unit_s: f64) -> Result<Time, String> {
    let value: f64 = word.parse().map_err(|_| format!("`{word}` is not a time"))?;
    let seconds = value * unit_s;
    if !(0.0..=TIME_MAX_S).contains(&seconds) {
        return Err(format!("the time `{word}` lies outside the 70 years after time 0"));
    }
    Ok(Time::from_nanos((seconds * 1e9 + 0.5) as i64))
}

fn p2psim(line: &str) -> Result<Line, String> {
    let mut words = line.split_whitespace();
    let node = words.next().unwrap_or_default();
    let node: usize =
        node.parse().map_err(|_| format!("`{node}` is not the number of a node: a line is `<node> alive|dead <t1> <t2> …`"))?;
    let mut online_at_zero = match words.next() {
        Some("alive") => true,
        Some("dead") => false,
        Some(other) => return Err(format!("`{other}` is neither `alive` nor `dead`: a line is `<node> alive|dead <t1> <t2> …`")),
        None => return Err("the state is missing: a line is `<node> alive|dead <t1> <t2> …`".to_owned()),
    };
    let mut times = Vec::new();
    for word in words {
        let at = time(word, 1e-3)?;
        let last = times.last().copied();
        if last.is_some_and(|last| at <= last) {
            return Err(format!("the time `{word}` is not above the one before it"));
        }
        if at == Time::ZERO {
            online_at_zero = !online_at_zero;
        } else {
            times.push(at);
        }
    }
    Ok(Line { node, online_at_zero, times })
}

fn avt(line: &str, node: usize) -> Result<Line, String> {
    let mut words = line.split_whitespace().skip(1);
    let count = words.next().ok_or("the number of stretches is missing: a line is `<name> <n> <start> <end> …`")?;
    let count: usize =
        count.parse().map_err(|_| format!("`{count}` is not a number of stretches: a line is `<name> <n> <start> <end> …`"))?;
    let bounds = words.map(|word| time(word, 1.0)).collect::<Result<Vec<Time>, String>>()?;
    if bounds.len() != count.saturating_mul(2) {
        return Err(format!("{count} stretches have a start and an end each, but {} times follow", bounds.len()));
    }
    let mut times: Vec<Time> = Vec::new();
    let mut before = Time::ZERO;
    for stretch in bounds.chunks(2) {
        let (start, end) = (stretch[0], stretch[1]);
        if end < start || start < before {
            return Err(format!("the stretch from {start} to {end} is not in order of time"));
        }
        before = end;
        if start == end {
            continue;
        }
        if times.last() == Some(&start) {
            times.pop();
        } else {
            times.push(start);
        }
        times.push(end);
    }
    let online_at_zero = times.first() == Some(&Time::ZERO);
    if online_at_zero {
        times.remove(0);
    }
    Ok(Line { node, online_at_zero, times })
}

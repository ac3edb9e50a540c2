//! Arrival traces: who wanted something when.
//!
//! A line an arrival, `<seconds> <peer>`, in any order; `#` begins a comment, and time 0 is the start of measurement.

use peerlab_engine::time::{Span, Time};
use peerlab_model::HostId;

use crate::churn::TraceError;

/// Reads the arrivals of a population of `population` hosts, by time, then host.
///
/// # Errors
/// If the file cannot be read, or a line is not what it should be, naming it.
pub fn load_arrivals(file: &str, population: u32) -> Result<Vec<(HostId, Time)>, TraceError> {
    let text = std::fs::read_to_string(file).map_err(|source| TraceError::Read { file: file.to_owned(), source })?;
    let mut arrivals = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            let blame = |message: String| TraceError::Line { file: file.to_owned(), line: index + 1, message };
            arrivals.push(arrival(line, population).map_err(blame)?);
        }
    }
    if arrivals.is_empty() {
        return Err(TraceError::File { file: file.to_owned(), message: "nobody wants anything".to_owned() });
    }
    arrivals.sort_unstable_by_key(|&(host, at)| (at, host));
    Ok(arrivals)
}

fn arrival(line: &str, population: u32) -> Result<(HostId, Time), String> {
    let mut words = line.split_whitespace();
    let (Some(time), Some(peer), None) = (words.next(), words.next(), words.next()) else {
        return Err(format!("`{line}` is no arrival: write a time in seconds and a peer, `12.5 3`"));
    };
    let seconds: f64 = time.parse().map_err(|_| format!("`{time}` is no time in seconds"))?;
    let peer: u32 = peer.parse().map_err(|_| format!("`{peer}` is no peer's number"))?;
    if !(0.0..=1e9).contains(&seconds) {
        return Err(format!("an arrival lies at 0 s or later, and within 30 years, not at {seconds} s"));
    }
    if peer >= population {
        return Err(format!(
            "peer {peer} is beyond the {population} peers, numbered from 0: set peers.count to more than the largest number"
        ));
    }
    Ok((HostId(peer), Time::ZERO + Span::from_secs_f64(seconds)))
}

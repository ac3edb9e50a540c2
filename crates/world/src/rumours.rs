//! The judge of rumours: who was there all the time, and who has heard what.
//!
//! A rumour is open from its start to its deadline. In between, two bits a host: whether it has been online since the start, and whether
//! it has heard. What is sent for a rumour is counted by the shards ([`Spread`]) and comes to this at the end of the run.
//!
//! # Cost
//! A quarter of a byte a host for each rumour that is open; a departure looks at all of these. Closed, a rumour is one row.
//!
//! # Not here
//! Who passes what on to whom: that is the models' business.

use std::collections::VecDeque;

use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, RumourId};
use peerlab_workload::RumoursConfig;

use crate::measure::Metrics;
use crate::record::{RumourRow, SampleRow};

/// What was sent for each rumour by the peers of a shard, before its deadline.
#[derive(Debug, Default)]
pub(crate) struct Spread(Vec<Sent>);

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    updates: u64,
    messages: u64,
    bytes: u64,
}

impl Spread {
    /// A message for `rumour`, with so many copies of it inside.
    pub(crate) fn count(&mut self, rumour: RumourId, copies: u32, bytes: u32) {
        let at = rumour.0 as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, Sent::default());
        }
        let sent = &mut self.0[at];
        sent.updates += u64::from(copies > 0);
        sent.messages += 1;
        sent.bytes += u64::from(bytes);
    }
}

/// A bit for each host.
struct Hosts(Box<[u64]>);

impl Hosts {
    fn none(hosts: usize) -> Self {
        Self(vec![0; hosts.div_ceil(64)].into())
    }

    fn has(&self, host: HostId) -> bool {
        self.0[host.0 as usize / 64] >> (host.0 % 64) & 1 == 1
    }

    fn set(&mut self, host: HostId, to: bool) {
        let bit = 1 << (host.0 % 64);
        let word = &mut self.0[host.0 as usize / 64];
        *word = if to { *word | bit } else { *word & !bit };
    }
}

/// A rumour that is still to be judged.
struct Open {
    deadline: Time,
    /// Online since its start.
    stayed: Hosts,
    heard: Hosts,
    /// Of the delays of those that heard it before they went.
    delays: u128,
    delayed: u64,
    /// `stayed` and `heard` are as of now.
    row: RumourRow,
}

impl Open {
    fn judged(mut self) -> RumourRow {
        let mean = (self.delayed > 0).then(|| Span::from_nanos((self.delays / u128::from(self.delayed)) as u64));
        self.row.delay_mean = mean;
        self.row
    }
}

/// All rumours of a run.
#[derive(Default)]
pub(crate) struct Rumours {
    config: Option<RumoursConfig>,
    /// The next to start.
    upcoming: u32,
    /// In the order of their starts, and so of their deadlines.
    open: VecDeque<Open>,
    closed: Vec<RumourRow>,
}

impl Rumours {
    pub(crate) fn new(config: Option<RumoursConfig>) -> Self {
        Self { config, ..Self::default() }
    }

    /// When the next one starts.
    pub(crate) fn next(&self) -> Time {
        let config = self.config.as_ref().filter(|config| self.upcoming < config.count);
        config.map_or(Time::MAX, |config| config.start(RumourId(self.upcoming)))
    }

    /// Takes a rumour that is to start by now.
    pub(crate) fn due(&mut self, now: Time) -> Option<RumourId> {
        let rumour = RumourId(self.upcoming);
        (self.next() <= now).then(|| {
            self.upcoming += 1;
            rumour
        })
    }

    /// A rumour starts at `origin`, while these are online.
    pub(crate) fn start(&mut self, rumour: RumourId, origin: HostId, now: Time, online: &[bool]) {
        let (mut stayed, mut heard) = (Hosts::none(online.len()), Hosts::none(online.len()));
        let there = (0..).zip(online).filter(|(_, online)| **online).map(|(host, _)| HostId(host));
        let mut count = 0;
        for host in there {
            stayed.set(host, true);
            count += 1;
        }
        heard.set(origin, true);
        let row = RumourRow {
            rumour: rumour.0,
            time: now,
            origin: origin.0,
            online: count,
            stayed: count,
            heard: 1,
            updates: 0,
            messages: 0,
            bytes: 0,
            delay_mean: None,
            delay_last: None,
        };
        let deadline = self.config.as_ref().map_or(now, |config| config.deadline(rumour));
        self.open.push_back(Open { deadline, stayed, heard, delays: 0, delayed: 0, row });
    }

    /// A host has heard a rumour, perhaps not for the first time.
    pub(crate) fn heard(&mut self, rumour: RumourId, host: HostId, at: Time) {
        let Some(open) = self.open.iter_mut().find(|open| open.row.rumour == rumour.0) else { return };
        if !open.stayed.has(host) || open.heard.has(host) {
            return;
        }
        open.heard.set(host, true);
        open.row.heard += 1;
        let delay = at.since(open.row.time);
        open.delays += u128::from(delay.nanos());
        open.delayed += 1;
        open.row.delay_last = open.row.delay_last.max(Some(delay));
    }

    /// A host has gone offline.
    pub(crate) fn went(&mut self, host: HostId) {
        for open in self.open.iter_mut().filter(|open| open.stayed.has(host)) {
            open.stayed.set(host, false);
            open.row.stayed -= 1;
            open.row.heard -= u32::from(open.heard.has(host));
        }
    }

    /// Judges the rumours whose deadline has come.
    pub(crate) fn close_until(&mut self, now: Time) {
        while let Some(open) = self.open.pop_front_if(|open| open.deadline <= now) {
            self.closed.push(open.judged());
        }
    }

    /// The run is over.
    pub(crate) fn close_all(&mut self, end: Time) {
        self.close_until(end);
        self.closed.extend(self.open.drain(..).map(Open::judged));
    }

    /// The mean share of those who have been there since its start that have heard a rumour, over the rumours that are open.
    pub(crate) fn heard_share(&self) -> Option<f64> {
        let shares = self.open.iter().filter(|open| open.row.stayed > 0);
        let shares = shares.map(|open| f64::from(open.row.heard) / f64::from(open.row.stayed));
        let (sum, count) = shares.fold((0.0, 0_u32), |(sum, count), share| (sum + share, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// All rumours, with what the shards have counted.
    pub(crate) fn rows<'s>(self, shards: impl Iterator<Item = &'s Spread>) -> Vec<RumourRow> {
        let mut rows = self.closed;
        for spread in shards {
            for row in &mut rows {
                let Some(sent) = spread.0.get(row.rumour as usize) else { continue };
                row.updates += sent.updates;
                row.messages += sent.messages;
                row.bytes += sent.bytes;
            }
        }
        rows
    }
}

/// Of the rumours that `rows` are about: name, unit, and the mean over those that have a value.
fn means(rows: &[RumourRow]) -> [(&'static str, &'static str, Option<f64>); 5] {
    let mean = |of: &dyn Fn(&RumourRow) -> Option<f64>| {
        let (sum, count) = rows.iter().filter_map(of).fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
        (count > 0).then(|| sum / f64::from(count))
    };
    [
        ("rumour_residue", "1", mean(&RumourRow::residue)),
        ("rumour_traffic", "messages", mean(&|row| Some(row.traffic()))),
        ("rumour_bytes_per_peer", "B", mean(&|row| Some(row.bytes as f64 / f64::from(row.online.max(1))))),
        ("rumour_delay_mean", "ms", mean(&|row| Some(row.delay_mean?.millis_f64()))),
        ("rumour_delay_last", "ms", mean(&|row| Some(row.delay_last?.millis_f64()))),
    ]
}

/// The metrics of the whole run.
pub(crate) fn metrics(rows: &[RumourRow], metrics: &mut Metrics) {
    for (name, unit, value) in means(rows) {
        metrics.maybe(name, unit, value);
    }
}

/// The time series: of the rumours that started in each interval.
pub(crate) fn samples(rows: &[RumourRow], interval: Span, duration: Span, into: &mut Vec<SampleRow>) {
    let interval_of = |row: &RumourRow| row.time.since(Time::ZERO).nanos() / interval.nanos();
    for group in rows.chunk_by(|one, other| interval_of(one) == interval_of(other)) {
        let time = Time::ZERO + interval.times(interval_of(&group[0]) + 1).min(duration);
        for (metric, unit, value) in means(group) {
            into.extend(value.map(|value| SampleRow { time, metric, unit, value }));
        }
    }
}

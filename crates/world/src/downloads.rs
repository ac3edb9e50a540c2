//! Downloads, from outside: when peers want something, what has become of it, and what that says of the whole.

use hdrhistogram::Histogram;
use peerlab_engine::Shards;
use peerlab_engine::random::Streams;
use peerlab_engine::time::{Span, Time};
use peerlab_model::{HostId, ItemId, LookupId, Overlay};
use peerlab_transfer::{Agent, Arrivals, Bits, Download, End, Plan};
use peerlab_workload::Classes;

use crate::common::Common;
use crate::conditions::Conditions;
use crate::director::Director;
use crate::measure::Metrics;
use crate::observer::Observer;
use crate::record::{DownloadOutcome, DownloadRow, SampleRow};
use crate::shard::Seats;
use crate::transfers::Moved;

/// Which hosts want item 0, and when, where that does not follow from lookups.
pub(crate) fn arrivals(plan: &Plan, population: u32, streams: Streams) -> Vec<(HostId, Time)> {
    let mut rng = streams.rng("downloads.arrivals", 0);
    let mut exponential = |mean: Span| Span::from_secs_f64(mean.secs_f64() * rng.exponential());
    let hosts = (0..population).map(HostId);
    match plan.config.arrivals {
        Arrivals::Lookups => Vec::new(),
        Arrivals::Trace => plan.traced.clone(),
        Arrivals::FlashCrowd => hosts.map(|host| (host, Time::ZERO)).collect(),
        Arrivals::Decay => hosts.map(|host| (host, Time::ZERO + exponential(plan.config.decay.span()))).collect(),
        Arrivals::Poisson => {
            let mut order: Vec<HostId> = hosts.collect();
            streams.rng("downloads.order", 0).shuffle(&mut order);
            let mut at = Time::ZERO;
            let mut next = || {
                at = at.saturating_add(exponential(plan.config.interval.span()));
                at
            };
            order.into_iter().map(|host| (host, next())).collect()
        }
    }
}

/// The agents of all hosts that have had anything to do, by host.
fn agents<'s, O: Overlay, V: 's>(shards: impl Iterator<Item = &'s Seats<O, V>>) -> impl Iterator<Item = (u32, &'s Agent)> {
    let of_shard = |seats: &'s Seats<O, V>| {
        let agents = seats.transfers.iter().flat_map(|transfers| &transfers.agents);
        (seats.machines.first..).zip(agents).filter_map(|(host, agent)| Some((host, agent.as_deref()?)))
    };
    shards.flat_map(of_shard)
}

/// The downloads that began in the measured time, by time, then host, then number; nothing where no content is moved.
pub(crate) fn rows<O: Overlay, V>(common: &Common<O>, conditions: &Conditions, shards: &[Seats<O, V>]) -> Option<Vec<DownloadRow>> {
    let plan = common.plan.as_ref()?;
    let population = common.setting.numbering.population();
    let end = Time::ZERO + conditions.time.duration.span();
    let class = |host: u32| conditions.peers.class.get(common.classes.of(HostId(host))).map(|class| class.name.clone());
    let mut rows: Vec<DownloadRow> = Vec::new();
    for (host, agent) in agents(shards.iter()) {
        let measured = (0..).zip(agent.downloads()).filter(|(_, download)| download.start >= Time::ZERO);
        rows.extend(measured.map(|(number, download)| {
            let playback = download.playback(plan, end);
            DownloadRow { class: class(host), playback, ..row(host, number, download, population) }
        }));
    }
    DownloadRow::sort(&mut rows);
    Some(rows)
}

fn row(host: u32, number: u32, download: &Download, population: u32) -> DownloadRow {
    let outcome = match download.end {
        Some((_, End::Complete)) => DownloadOutcome::Complete,
        Some((_, End::Failed)) => DownloadOutcome::Failed,
        Some((_, End::Aborted)) => DownloadOutcome::Aborted,
        None => DownloadOutcome::Open,
    };
    DownloadRow {
        download: download.lookup.unwrap_or(LookupId { origin: host, number }).global(population),
        peer: host,
        class: None,
        item: download.item.0,
        start: download.start,
        end: download.end.map(|(at, _)| at),
        outcome,
        bytes: download.bytes,
        sources: download.sources,
        from_server: download.from_server,
        from_cache: download.from_cache,
        wasted: download.wasted,
        uploaded: download.uploaded,
        search_messages: download.search_messages,
        search_bytes: download.search_bytes,
        hash_failures: download.hash_failures,
        banned: download.banned,
        spoilt_pieces: download.spoilt_pieces,
        playback: None,
    }
}

/// The metrics of the whole run.
pub(crate) fn metrics<O: Overlay, V: Observer<O::Message>>(
    rows: Option<&[DownloadRow]>,
    common: &Common<O>,
    classes: &Classes,
    conditions: &Conditions,
    shards: &[Seats<O, V>],
    metrics: &mut Metrics,
) {
    let Some(rows) = rows else { return };
    times(rows, metrics);
    streams(rows, metrics);
    let ended = rows.iter().filter(|row| row.end.is_some()).count() as u64;
    let complete = rows.iter().filter(|row| row.outcome == DownloadOutcome::Complete).count() as u64;
    metrics.ratio("download_success_ratio", complete, ended);
    let end = Time::ZERO + conditions.time.duration.span();
    metrics.maybe("downloads_active_mean", "downloads", Some(active_seconds(shards, end) / end.secs_f64()));
    let moved = Moved::of(shards.iter());
    let (content, wasted) = (moved.from_servers + moved.from_peers, rows.iter().map(|row| row.wasted).sum::<u64>());
    let busy = rows.iter().map(|row| row.end.unwrap_or(end)).max().zip(rows.iter().map(|row| row.start).min());
    let busy = busy.map(|(last, first)| last.since(first).secs_f64()).filter(|&busy| busy > 0.0);
    metrics.maybe("goodput_bit_s", "bit/s", busy.map(|busy| content.saturating_sub(wasted) as f64 * 8.0 / busy));
    metrics.maybe("uplink_utilisation", "1", utilisation(common, classes, conditions, shards, end));
    metrics.ratio("server_bytes_share", moved.from_servers, content);
    let cached = rows.iter().map(|row| row.from_cache).sum::<u64>();
    metrics.ratio("cache_bytes_share", cached, cached + content);
    metrics.ratio("download_wasted_ratio", wasted, content);
    if common.plan.as_ref().is_some_and(|plan| plan.is_polluted()) {
        pollution(rows, metrics);
    }
    let fetched = || rows.iter().filter(|row| row.bytes > 0);
    let ratios = || fetched().map(|row| row.uploaded as f64 / row.bytes as f64);
    let (sum, squares) = ratios().fold((0.0, 0.0), |(sum, squares), ratio| (sum + ratio, squares + ratio * ratio));
    let count = fetched().count() as u64;
    metrics.maybe("share_ratio_jain", "1", (squares > 0.0).then(|| sum * sum / (count as f64 * squares)));
    metrics.mean("download_sources_mean", "peers", fetched().map(|row| f64::from(row.sources)).sum(), count);
    metrics.mean("download_search_bytes_mean", "B", fetched().map(|row| row.search_bytes as f64).sum(), count);
    let states: Vec<usize> = agents(shards.iter()).map(|(_, agent)| agent.state_bytes()).collect();
    metrics.mean("transfer_state_bytes_mean", "B", states.iter().sum::<usize>() as f64, states.len() as u64);
}

/// How long downloads took that have fetched anything and are complete.
fn times(rows: &[DownloadRow], metrics: &mut Metrics) {
    let complete = rows.iter().filter(|row| row.outcome == DownloadOutcome::Complete && row.bytes > 0);
    let nanos: Vec<u64> = complete.filter_map(|row| Some(row.end?.since(row.start).nanos())).collect();
    // Three digits, from a millisecond up to a year.
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 31_536_000_000, 3).expect("the bounds are in order");
    for nanos in &nanos {
        histogram.saturating_record((nanos / 1_000_000).max(1));
    }
    let sum: u128 = nanos.iter().copied().map(u128::from).sum();
    metrics.mean("download_mean_s", "s", sum as f64 / 1e9, nanos.len() as u64);
    let quantile = |share| (!nanos.is_empty()).then(|| histogram.value_at_quantile(share) as f64 / 1e3);
    metrics.maybe("download_p50_s", "s", quantile(0.5));
    metrics.maybe("download_p95_s", "s", quantile(0.95));
    metrics.maybe("download_max_s", "s", nanos.iter().max().map(|&longest| longest as f64 / 1e9));
}

/// Seconds for which downloads went on between time 0 and `end`, all together; those that began before it count for what is left of them.
fn active_seconds<O: Overlay, V: Observer<O::Message>>(shards: &[Seats<O, V>], end: Time) -> f64 {
    let until = |download: &Download| download.end.map_or(end, |(at, _)| at.min(end));
    let downloads = agents(shards.iter()).flat_map(|(_, agent)| agent.downloads());
    let nanos: u128 = downloads.map(|download| u128::from(until(download).since(download.start.max(Time::ZERO)).nanos())).sum();
    nanos as f64 / 1e9
}

/// What polluters have done, and what was done about them.
fn pollution(rows: &[DownloadRow], metrics: &mut Metrics) {
    let complete = || rows.iter().filter(|row| row.outcome == DownloadOutcome::Complete);
    let spoilt = complete().filter(|row| row.spoilt_pieces > 0).count() as u64;
    metrics.ratio("download_spoilt_ratio", spoilt, complete().count() as u64);
    let count = |of: fn(&DownloadRow) -> u32| Some(rows.iter().map(|row| f64::from(of(row))).sum::<f64>());
    metrics.maybe("hash_failures", "pieces", count(|row| row.hash_failures));
    metrics.maybe("polluters_banned", "bans", count(|row| row.banned));
}

/// How items were played that were watched.
fn streams(rows: &[DownloadRow], metrics: &mut Metrics) {
    let watched = || rows.iter().filter_map(|row| row.playback);
    let mut startups = Histogram::<u64>::new_with_bounds(1, 86_400_000_000, 3).expect("the bounds are in order");
    watched().filter_map(|playback| playback.startup).for_each(|startup| startups.saturating_record(startup.nanos() / 1000));
    let quantile = |share| (!startups.is_empty()).then(|| startups.value_at_quantile(share) as f64 / 1e3);
    metrics.maybe("startup_p50_ms", "ms", quantile(0.5));
    metrics.maybe("startup_p95_ms", "ms", quantile(0.95));
    let (mut stalled, mut played, mut stalls, mut pieces) = (0_u64, 0_u64, 0_u64, 0_u64);
    for playback in watched() {
        stalled = stalled.saturating_add(playback.stalled.nanos() / 1000);
        played = played.saturating_add(playback.played.nanos() / 1000);
        (stalls, pieces) = (stalls + u64::from(playback.stalls), pieces + u64::from(playback.pieces));
    }
    metrics.ratio("stall_ratio", stalled, stalled + played);
    metrics.ratio("continuity", pieces - stalls, pieces);
}

/// What peers whose uplinks have a limit have sent, over what they could have sent while they were online.
fn utilisation<O: Overlay, V: Observer<O::Message>>(
    common: &Common<O>,
    classes: &Classes,
    conditions: &Conditions,
    shards: &[Seats<O, V>],
    end: Time,
) -> Option<f64> {
    let population = common.setting.numbering.population();
    let (mut sent, mut possible) = (0.0, 0.0);
    for (seats, host) in
        shards.iter().flat_map(|seats| seats.hosts().map(move |(host, _)| (seats, host))).filter(|(_, host)| host.0 < population)
    {
        let Some(rate) = conditions.peers.class.get(classes.of(host)).and_then(|class| class.upload) else { continue };
        possible += rate.bits() as f64 / 8.0 * seats.online_until(host, end).secs_f64();
        sent += seats.host(host).iter().map(|seat| seat.life.bytes_out as f64).sum::<f64>();
    }
    (possible > 0.0).then(|| sent / possible)
}

/// The entropy of how copies are spread over pieces, over that of equally many of each: 1 if all are equally many, 0 if there are copies of one
/// alone; nothing where there are none, or one piece.
fn entropy(copies: impl ExactSizeIterator<Item = u64> + Clone) -> Option<f64> {
    let (pieces, sum) = (copies.len(), copies.clone().sum::<u64>() as f64);
    let term = |copies: u64| {
        let share = copies as f64 / sum;
        -share * libm::log(share)
    };
    (pieces > 1 && sum > 0.0).then(|| copies.filter(|&copies| copies > 0).map(term).sum::<f64>() / libm::log(pieces as f64))
}

impl Moved {
    /// Of all shards.
    fn of<'s, O: Overlay, V: 's>(shards: impl Iterator<Item = &'s Seats<O, V>>) -> Self {
        let parts = shards.map(|seats| seats.books.moved_content);
        parts.fold(Self::default(), |sum, part| Self {
            from_servers: sum.from_servers + part.from_servers,
            from_peers: sum.from_peers + part.from_peers,
        })
    }
}

impl<O: Overlay, V: Observer<O::Message>> Director<'_, O, V> {
    /// Looks at the downloads at the end of a sample interval.
    pub(crate) fn sample_downloads(&mut self, time: Time, shards: &Shards<'_, '_, Seats<O, V>>) {
        let Some(plan) = self.common.plan.clone() else { return };
        let mut samples = Vec::new();
        let mut push = |metric, unit, value| samples.push(SampleRow { time, metric, unit, value });
        let seconds = self.conditions.time.sample_every.span().secs_f64();
        let moved = Moved::of(shards.iter());
        let before = std::mem::replace(&mut self.last_moved, moved);
        let (servers, peers) = (moved.from_servers - before.from_servers, moved.from_peers - before.from_peers);
        push("goodput_bit_s", "bit/s", (servers + peers) as f64 * 8.0 / seconds);
        if servers + peers > 0 {
            push("server_bytes_share", "1", servers as f64 / (servers + peers) as f64);
        }
        let (mut active, mut complete) = (0_u64, 0_u64);
        let mut copies = vec![0_u32; plan.layout(ItemId(0)).pieces() as usize];
        let truth = self.truth.read();
        let mut holders = plan.servers.iter().filter(|&&server| truth.is_online(server)).count() as u32;
        for (host, agent) in agents(shards.iter()) {
            active += agent.active() as u64;
            let is_complete = |download: &&Download| matches!(download.end, Some((_, End::Complete))) && download.from_cache == 0;
            complete += agent.downloads().iter().filter(is_complete).count() as u64;
            if truth.population().get(host as usize) == Some(&true) && plan.serves_parts() {
                let of_first = agent.pieces().filter(|(item, _)| *item == ItemId(0));
                of_first.flat_map(|(_, have): (_, &Bits)| have.iter()).for_each(|piece| copies[piece as usize] += 1);
            }
        }
        push("downloads_active", "downloads", active as f64);
        push("downloads_complete", "downloads", complete as f64);
        if plan.config.arrivals != Arrivals::Lookups {
            holders += self.complete_holders(&plan, shards);
            let (fewest, sum) =
                copies.iter().fold((u32::MAX, 0_u64), |(fewest, sum), &copies| (fewest.min(copies), sum + u64::from(copies)));
            push("piece_copies_min", "copies", f64::from(fewest + holders));
            push("piece_copies_mean", "copies", sum as f64 / copies.len() as f64 + f64::from(holders));
            if let Some(entropy) = entropy(copies.iter().map(|copies| u64::from(copies + holders))) {
                push("piece_entropy", "1", entropy);
            }
        }
        self.samples.append(&mut samples);
    }

    /// Peers that are online and have all of item 0.
    fn complete_holders(&self, plan: &Plan, shards: &Shards<'_, '_, Seats<O, V>>) -> u32 {
        let item = ItemId(0);
        let fetches = |seats: &Seats<O, V>, host: HostId| {
            let agent = seats.transfers.as_ref().and_then(|transfers| transfers.agents[seats.machines.place(host)].as_ref());
            agent.is_some_and(|agent| agent.wants(item))
        };
        let population = self.common.setting.numbering.population();
        let holds = |seats: &Seats<O, V>, host: HostId| {
            host.0 < population
                && seats.is_online(host)
                && seats.machines.shelves.has(&self.common.holdings, host, item)
                && !(plan.serves_parts() && fetches(seats, host))
        };
        let hosts = |seats: &Seats<O, V>| seats.hosts().filter(|(host, _)| holds(seats, *host)).count() as u32;
        shards.iter().map(hosts).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::entropy;

    #[test]
    fn entropy_is_highest_where_copies_are_equally_many() {
        let of = |copies: &[u64]| entropy(copies.iter().copied());
        assert_eq!(of(&[3, 3, 3, 3]), Some(1.0));
        assert_eq!((of(&[0, 5, 0]), of(&[0, 0]), of(&[7])), (Some(0.0), None, None));
        // Half of the pieces, equally often.
        assert!(of(&[2, 0, 2, 0]).is_some_and(|half| (half - 0.5).abs() < 1e-12));
    }
}

//! One run: a population, an overlay, a network and a workload, put together on the engine.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, RwLock};

use peerlab_engine::Schedule as EngineSchedule;
use peerlab_engine::digest::Digest;
use peerlab_engine::random::Streams;
use peerlab_engine::time::{Span, Time};
use peerlab_model::units::Duration;
use peerlab_model::{BuildError, HostId, Numbering, Overlay, OverlayConfig as _, Role, Setting};
use peerlab_network::{Capacity, Link, Network, NetworkError};
use peerlab_transfer::{DownloadConfig, Method, Plan};
use peerlab_workload::{
    Behaviour, ClassConfig, Classes, Disk, EventConfig, Holdings, Identity, Lifetimes, Questions, Replication, TargetKind, TraceError,
    Words, load_arrivals,
};

use crate::adversaries::Adversaries;
use crate::books::{LinkAndQueue, Load};
use crate::common::Common;
use crate::conditions::Conditions;
use crate::copies;
use crate::director::{Director, stale_share};
use crate::downloads;
use crate::graph::{GraphMetrics, OverlayGraph, Snapshot};
use crate::identities;
use crate::kept::Kept;
use crate::measure::{Metrics, gini};
use crate::observer::Observer;
use crate::record::{MessageRow, PeerRow, RumourRow, RunRecord, SampleRow, Sink};
use crate::recovery;
use crate::rumours;
use crate::schedule::{Entry, Schedule};
use crate::shard::{Life, Phase, Seat, Seats};
use crate::tally::Tally;
use crate::truth::{SharedTruth, Truth};

/// How a run is carried out; nothing here changes its result.
#[derive(Clone, Copy, Default)]
pub struct RunOptions<'a> {
    /// Into how many shards, each on a thread of its own, the population is divided; 0 counts as 1.
    pub shards: usize,
    /// Windows no longer than this: for tests.
    pub longest_window: Option<Span>,
    /// Ends the run early when it becomes true.
    pub stop: Option<&'a AtomicBool>,
    /// Told, now and then, which share of the simulated time has passed.
    pub progress: Option<&'a (dyn Fn(f64) + Sync)>,
    /// What of the overlay's graph is measured: more rows and metrics, the same run.
    pub graph: GraphMetrics,
    /// Ends the run early with a look at the overlay's graph.
    pub snapshot: Option<Snapshot<'a>>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The model cannot be built; nothing was simulated.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// The network cannot be built; nothing was simulated.
    #[error("{0}")]
    Network(#[from] NetworkError),
    /// A trace, of sessions or of arrivals, cannot be used; nothing was simulated.
    #[error("{0}")]
    Trace(#[from] TraceError),
    /// The rows of lookups or peers could not be kept.
    #[error("a row could not be written: {0}")]
    Sink(#[source] io::Error),
    /// The run was told to stop.
    #[error("the run was stopped before its end")]
    Stopped,
    /// Messages were lost track of: a bug, and no result is given.
    #[error("messages are not conserved: {} of kind `{}` were sent, but the parts do not add up: {row:?}", row.sent, row.kind)]
    Messages {
        /// The kind for which the books do not balance.
        row: MessageRow,
    },
    /// Lookups were lost track of: a bug, and no result is given.
    #[error("lookups are not conserved: {issued} were asked, {left} have a row")]
    Lookups {
        /// Lookups that were asked.
        issued: u64,
        /// Lookups that left the ledger.
        left: u64,
    },
}

/// Runs one topology once.
///
/// # Errors
/// See [`RunError`].
pub fn run<O: Overlay>(
    config: &O::Config,
    conditions: &Conditions,
    seed: u64,
    options: &RunOptions<'_>,
    sink: &mut dyn Sink,
) -> Result<RunRecord, RunError> {
    run_observed::<O, ()>(config, conditions, seed, options, sink, || ()).map(|(record, _)| record)
}

/// Runs one topology once, with an observer in each shard.
///
/// # Errors
/// See [`RunError`].
pub fn run_observed<O: Overlay, V: Observer<O::Message>>(
    config: &O::Config,
    conditions: &Conditions,
    seed: u64,
    options: &RunOptions<'_>,
    sink: &mut dyn Sink,
    observer: impl Fn() -> V,
) -> Result<(RunRecord, Vec<V>), RunError> {
    World::<O>::new(config, conditions, seed)?.run(options, sink, observer)
}

/// Origin servers that the downloads need beside the topology's own: none where a server of the topology holds all.
fn origins(download: &DownloadConfig, roles: &[Role]) -> u32 {
    if roles.iter().any(|role| role.holds_all) { 0 } else { download.servers }
}

/// A world that is ready to run.
struct World<'a, O: Overlay> {
    conditions: &'a Conditions,
    common: Arc<Common<O>>,
    roles: Vec<Role>,
    classes: Arc<Classes>,
}

impl<'a, O: Overlay> World<'a, O> {
    fn new(config: &O::Config, conditions: &'a Conditions, seed: u64) -> Result<Self, RunError> {
        let streams = Streams::new(seed);
        let population = conditions.peers.count;
        let mut roles = O::dedicated(config);
        let of_overlay = roles.len();
        let origins = conditions.download.as_ref().map_or(0, |download| origins(download, &roles));
        roles.extend((0..origins).map(|_| Role { name: "origin", capacity: None, queue: 0, holds_all: false }));
        let classes = Arc::new(Classes::new(&conditions.peers, streams));
        let content = conditions.items();
        let lifetimes = Lifetimes::new(conditions.churn.as_ref(), &conditions.peers, Arc::clone(&classes), streams)?;
        let numbering = Numbering::new(population, roles.len() as u32, streams).with_peers_per_host(config.peers_per_host());
        let last = conditions.adversaries.iter().find_map(|table| Some((table.takes_last(population)?, table)));
        let numbering = last.map_or(numbering, |(count, table)| numbering.with_sybils(count, table.identities));
        let numbering = numbering.with_identifier_bits(config.identifier_bits());
        let numbering = match last.and_then(|(count, table)| Some((count, table.eclipses()?))) {
            Some((count, item)) if config.identifier_bits() >= u64::BITS => numbering.with_last_around(count, item),
            _ => numbering,
        };
        let asks = conditions.lookups.as_ref().map(|lookups| lookups.target);
        let words = (asks == Some(TargetKind::Keywords)).then(|| Arc::new(Words::new(&content, streams)));
        // Who passes no rumours on is told of none.
        let rumours = conditions.rumours.clone().filter(|_| O::SPREADS);
        let setting = Setting {
            numbering,
            expected_online: {
                let (sybils, more) = numbering.sybils();
                let online = |hosts: u32| (lifetimes.expected_online_share() * f64::from(hosts)) as u32;
                online(population) * numbering.peers_per_host() + online(sybils) * more
            },
            items: content.items,
            value_bytes: conditions.storage.as_ref().map_or(0, |storage| storage.size.0 as u32),
            rumour_bytes: rumours.as_ref().map_or(0, |rumours| rumours.size.0 as u32),
            words_per_item: words.as_ref().map_or(0, |words| words.per_item()),
            wire: conditions.network.wire,
            lookup_timeout: conditions.lookups.as_ref().map_or(Span::MAX, |lookups| lookups.timeout.span()),
        };
        let network = Network::new(&conditions.network, population, roles.len() as u32, streams)?;
        let questions = conditions
            .lookups
            .as_ref()
            .map(|lookups| Questions::new(lookups, &content, words.as_ref(), &conditions.peers, Arc::clone(&classes), streams));
        let holdings = Holdings::new(&content, population, streams);
        let adversaries =
            (!conditions.adversaries.is_empty()).then(|| Adversaries::new(&conditions.adversaries, &setting, &holdings, streams));
        let trace = conditions.download.as_ref().and_then(|download| download.trace.as_deref());
        let traced = trace.map_or_else(|| Ok(Vec::new()), |file| load_arrivals(file, population))?;
        let common = Common {
            adversaries,
            overlay: O::new(config, &setting)?,
            setting,
            network,
            questions,
            holdings,
            rumours,
            words,
            streams,
            classes: Arc::clone(&classes),
            capacities: conditions.peers.class.iter().map(|class| class.capacity).collect(),
            servers: roles[..of_overlay].iter().map(|role| role.capacity).collect(),
            plan: conditions.download.as_ref().map(|download| {
                let holds = |&index: &usize| index >= of_overlay || roles[index].holds_all;
                let place = |index: usize| numbering.peer(numbering.first_seat(HostId(population + index as u32)), 0);
                let servers = (0..roles.len()).filter(holds).map(place).collect();
                // Where servers have it all, and peers nothing that anybody could find, it comes from these.
                let model = if roles.iter().any(|role| role.holds_all) { Method::ClientServer } else { download.model };
                let plan = Plan::new(&DownloadConfig { model, ..download.clone() }, content.size.mean(), servers, streams)
                    .with_sizes(content.size.draw(content.items, streams));
                let poisoned = conditions.adversaries.iter().any(|table| table.behaviour == Behaviour::Poison);
                Arc::new(plan.with_stream(conditions.stream).with_arrivals(traced).with_poison(poisoned))
            }),
            crowds: conditions.events.iter().map(EventConfig::item).collect(),
            schedule: RwLock::new(Schedule::new(population, Entry::new(conditions))),
            lifetimes,
            disks_are_kept: conditions.storage.as_ref().is_some_and(|storage| storage.disk == Disk::Kept),
            publishes_once: conditions.storage.as_ref().is_some_and(|storage| !storage.refresh),
            new_identities: conditions.churn.as_ref().is_some_and(|churn| churn.identity == Identity::New),
            identity_cost: conditions.peers.identity_cost.map_or(Span::ZERO, Duration::span),
            asks_for_owners: asks == Some(TargetKind::Key),
            targets: O::targets(config),
        };
        Ok(Self { conditions, common: Arc::new(common), roles, classes })
    }

    fn run<V: Observer<O::Message>>(
        self,
        options: &RunOptions<'_>,
        sink: &mut dyn Sink,
        observer: impl Fn() -> V,
    ) -> Result<(RunRecord, Vec<V>), RunError> {
        let numbering = self.common.setting.numbering;
        let hosts = numbering.hosts();
        let per_shard = hosts.div_ceil(options.shards.clamp(1, hosts as usize) as u32);
        let begin = Time::ZERO - self.conditions.time.warm_up.span();
        let asks = self.conditions.lookups.as_ref().map(|lookups| lookups.target);
        let truth = SharedTruth::new(Truth::new(&self.common.setting, &self.roles, asks, self.common.words.clone(), begin));
        let shards: Vec<Seats<O, V>> = (0..hosts)
            .step_by(per_shard as usize)
            .map(|base| {
                let here = base..(base + per_shard).min(hosts);
                Seats::new(Arc::clone(&self.common), truth.clone(), here.clone(), per_shard, self.limits(here), observer())
            })
            .collect();
        let mut director = Director::new(self.conditions, Arc::clone(&self.common), truth, Arc::clone(&self.classes), sink, options);
        let network = &self.common.network;
        // Peers of one host are nearer to each other than any two hosts may be.
        let min_delay = if numbering.slot_bits() > 0 { network.min_one_way() } else { network.min_delay() };
        let min_delay = min_delay.min(options.longest_window.unwrap_or(Span::MAX));
        let schedule = EngineSchedule { begin, end: Time::ZERO + self.conditions.time.duration.span(), min_delay };
        let shards = peerlab_engine::run(shards, numbering.seats(), per_shard << numbering.slot_bits(), schedule, &mut director);
        self.record(director, shards)
    }

    /// The links and capacities of some hosts; empty if none of them is limited.
    fn limits(&self, hosts: std::ops::Range<u32>) -> Vec<LinkAndQueue> {
        let population = self.common.setting.numbering.population();
        let limits = hosts.map(|host| {
            if host >= population {
                let role = &self.roles[(host - population) as usize];
                let capacity = role.capacity.map(|per_second| Capacity::new(per_second, role.queue));
                let moves_content = |plan: &&Arc<Plan>| plan.is_server(self.common.setting.numbering.peer(self.first_seat(host), 0));
                let upload = self.common.plan.as_ref().filter(moves_content).map(|plan| plan.config.server_upload);
                return LinkAndQueue::new(Link { upload, download: None }, capacity);
            }
            match self.class(HostId(host)) {
                None => LinkAndQueue::default(),
                Some(class) => {
                    let link = Link { upload: class.upload, download: class.download };
                    LinkAndQueue::new(link, class.capacity.map(|per_second| Capacity::new(per_second, class.queue)))
                }
            }
        });
        let limits: Vec<LinkAndQueue> = limits.collect();
        if limits.iter().all(LinkAndQueue::is_unlimited) { Vec::new() } else { limits }
    }

    fn first_seat(&self, host: u32) -> u32 {
        self.common.setting.numbering.first_seat(HostId(host))
    }

    /// A host's class, if the scenario has any.
    fn class(&self, host: HostId) -> Option<&ClassConfig> {
        self.conditions.peers.class.get(self.classes.of(host))
    }

    /// Balances the books and draws up the record.
    fn record<V: Observer<O::Message>>(
        self,
        mut director: Director<'_, O, V>,
        mut shards: Vec<Seats<O, V>>,
    ) -> Result<(RunRecord, Vec<V>), RunError> {
        if let Some(error) = director.error.take() {
            return Err(RunError::Sink(error));
        }
        // The end of the run is no cut.
        if let Some(snapshot) = director.snapshot.take().filter(|_| !director.stopped) {
            (snapshot.take)(OverlayGraph::of(&self.common, &director.truth.read(), shards.iter()));
            director.stopped = true;
        }
        if director.stopped {
            return Err(RunError::Stopped);
        }
        let mut tally = Tally::new(Load::<O::Message>::kinds(self.common.plan.is_some()));
        let mut digest = Digest::default();
        let (mut handled, mut raised) = (0, 0);
        for seats in &shards {
            tally.merge(&seats.books.tally);
            tally.merge(&seats.books.late);
            digest.merge(seats.books.digest);
            handled += seats.books.handled;
            raised += seats.books.raised;
        }
        director.finish(&mut shards);
        if let Some(row) = tally.broken() {
            return Err(RunError::Messages { row });
        }
        let ledgers = || shards.iter().map(|seats| &seats.books.ledger);
        let (issued, left) = (ledgers().map(|ledger| ledger.issued).sum(), ledgers().map(|ledger| ledger.left).sum());
        if issued != left {
            return Err(RunError::Lookups { issued, left });
        }
        if let Some(error) = director.error.take() {
            return Err(RunError::Sink(error));
        }
        let rows = std::mem::take(&mut director.rumours).rows(shards.iter().map(|seats| &seats.books.spread));
        let downloads = downloads::rows(&self.common, self.conditions, &shards);
        let mut metrics = self.metrics(&director, &shards, &tally, raised, &rows);
        metrics.maybe("item_fetched_ratio", "1", downloads.as_deref().and_then(|rows| director.lookups.fetched(rows)));
        downloads::metrics(downloads.as_deref(), &self.common, &self.classes, self.conditions, &shards, &mut metrics);
        self.peer_rows(&shards).try_for_each(|row| director.sink.peer(&row)).map_err(RunError::Sink)?;
        let mut samples = std::mem::take(&mut director.samples);
        director.lookups.samples(self.conditions.time.duration.span(), &mut samples);
        rumours::samples(&rows, self.conditions.time.sample_every.span(), self.conditions.time.duration.span(), &mut samples);
        SampleRow::sort(&mut samples);
        recovery::judge(&mut director.events, &samples, self.conditions.time.sample_every.span(), &mut metrics);
        let record = RunRecord {
            digest,
            metrics: metrics.0,
            hops: std::mem::take(&mut director.lookups.hops),
            messages: tally.rows(),
            samples,
            population: self.conditions.peers.count,
            events: std::mem::take(&mut director.events),
            rumours: rows,
            downloads,
            handled,
            sent: tally.sent(),
        };
        Ok((record, shards.into_iter().map(|seats| seats.books.observer).collect()))
    }

    fn metrics<V: Observer<O::Message>>(
        &self,
        director: &Director<'_, O, V>,
        shards: &[Seats<O, V>],
        tally: &Tally,
        raised: u64,
        rumours: &[RumourRow],
    ) -> Metrics {
        let mut metrics = Metrics::default();
        director.lookups.metrics(&mut metrics);
        rumours::metrics(rumours, &mut metrics);
        let truth = &*director.truth.read();
        let duration = self.conditions.time.duration.span().secs_f64();
        let online = truth.online_seconds();
        metrics.maybe("maintenance_bytes_per_peer_s", "B/s", (online > 0.0).then(|| tally.maintenance_bytes() as f64 / online));
        metrics.value("peers_online_mean", "peers", online / duration);
        let population = self.common.setting.numbering.population() as usize;
        let hosts = || shards.iter().flat_map(Seats::hosts).map(|(_, seats)| seats);
        let mut loads: Vec<u64> = hosts().map(|seats| seats.iter().map(|seat| u64::from(seat.life.messages_in)).sum()).collect();
        let (all, busiest) = (loads.iter().sum::<u64>(), loads.iter().copied().max().unwrap_or(0));
        loads.truncate(population);
        let by_peers = loads.iter().sum::<u64>();
        for (name, unit, value) in identities::metrics(&self.common, shards.iter()) {
            metrics.value(name, unit, value);
        }
        metrics.maybe("load_gini", "1", gini(loads));
        metrics.ratio("load_max_share", busiest, all);
        metrics.ratio("server_messages_share", all - by_peers, all);
        let is_member = |seat: &&Seat<O::Peer>| seat.life.phase == Phase::Member;
        let members = || hosts().take(population).map(|seats| seats.iter().filter(is_member));
        let bytes: usize =
            members().flatten().filter_map(|seat| seat.peer.as_ref()).map(|peer| self.common.overlay.state_bytes(peer)).sum();
        let of_hosts = members().filter(|seats| seats.clone().next().is_some()).count();
        metrics.mean("state_bytes_per_peer_mean", "B", bytes as f64, of_hosts as u64);
        metrics.maybe("stale_contact_ratio", "1", stale_share(&self.common.overlay, truth, shards.iter()));
        let end = Time::ZERO + self.conditions.time.duration.span();
        if director.graph != GraphMetrics::Off {
            let graph = OverlayGraph::of(&self.common, truth, shards.iter());
            for (name, unit, value) in graph.metrics(director.graph, self.common.streams, end) {
                metrics.value(name, unit, value);
            }
        }
        for (name, unit, value) in Kept::count(&self.common, truth, shards.iter(), end).iter().flat_map(Kept::metrics) {
            metrics.value(name, unit, value);
        }
        if self.common.setting.keeps_values() && online > 0.0 {
            let moved: u64 = shards.iter().map(|seats| seats.books.moved).sum();
            metrics.value("value_upkeep_bytes_per_peer_s", "B/s", moved as f64 / online);
        }
        let content = &self.conditions.content;
        if !truth.copies().is_empty() && (content.replication != Replication::Uniform || truth.disks_have_changed()) {
            copies::metrics(&truth.copies(), &content.weights(), &mut metrics);
        }
        metrics.mean("session_mean_s", "s", online, truth.departures);
        metrics.ratio("delay_raised_ratio", raised, tally.sent());
        metrics
    }

    /// Each host of the population with the sums over its peers, then each dedicated server.
    fn peer_rows<V: Observer<O::Message>>(&self, shards: &[Seats<O, V>]) -> impl Iterator<Item = PeerRow> {
        let population = self.common.setting.numbering.population();
        let end = Time::ZERO + self.conditions.time.duration.span();
        let of_hosts = shards.iter().flat_map(|shard| shard.hosts().map(move |(host, seats)| (shard, host, seats)));
        of_hosts.map(move |(shard, host, seats)| {
            let is_peer = host.0 < population;
            let sum = |of: fn(&Life) -> u64| seats.iter().map(|seat| of(&seat.life)).sum();
            let states = seats.iter().filter_map(|seat| seat.peer.as_ref()).map(|peer| self.common.overlay.state_bytes(peer) as u64);
            let records = seats.iter().filter_map(|seat| seat.peer.as_ref()).map(|peer| self.common.overlay.records(peer).len() as u64);
            PeerRow {
                peer: host.0,
                class: self.class(host).filter(|_| is_peer).map(|class| class.name.clone()),
                role: if is_peer { "peer" } else { self.roles[(host.0 - population) as usize].name },
                online: shard.online_until(host, end),
                messages_in: sum(|life| u64::from(life.messages_in)),
                messages_out: sum(|life| u64::from(life.messages_out)),
                bytes_in: sum(|life| life.bytes_in),
                bytes_out: sum(|life| life.bytes_out),
                lookups_served: sum(|life| u64::from(life.lookups_served)),
                items: if is_peer { shard.machines.shelves.items(&self.common.holdings, host).len() as u64 } else { 0 },
                state_bytes: states.sum(),
                records: records.sum(),
            }
        })
    }
}

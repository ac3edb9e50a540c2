//! Whole worlds drawn from a seed, with features switched off at random.

use peerlab_engine::random::{Rng, Streams};
use peerlab_model::Wire;
use peerlab_model::units::{Duration, Rate, Size};
use peerlab_network::{Latency, NetworkConfig};
use peerlab_transfer::{Arrivals, DownloadConfig, Method, SeedFor, StreamConfig};
use peerlab_workload::{
    Action, AdversaryConfig, Behaviour, ChurnConfig, ClassConfig, ContentConfig, Direction, Distribution, Diurnal, EventConfig, Identity,
    ItemSize, LookupsConfig, PeersConfig, Placement, Popularity, RumoursConfig, Select, TargetKind,
};
use peerlab_world::{Conditions, StartKind, TimeConfig};

/// The world of `seed`: small and short, so that many of them can be run; with or without churn, loss, jitter, links, capacities,
/// joins and faults.
pub fn random_conditions(seed: u64, target: TargetKind) -> Conditions {
    let mut rng = Streams::new(seed).rng("random conditions", 0);
    let rng = &mut rng;
    let count = 2 + rng.below(60) as u32;
    let some = |rng: &mut Rng| rng.chance(0.5);
    let duration = 60 + rng.below(60);
    let mut conditions = Conditions {
        start: if some(rng) { StartKind::Converged } else { StartKind::Join },
        join_over: Duration::secs(1 + rng.below(20)),
        time: TimeConfig {
            warm_up: Duration::secs(rng.below(40)),
            duration: Duration::secs(duration),
            sample_every: Duration::millis(1 + rng.below(20_000)),
        },
        peers: PeersConfig { class: if some(rng) { vec![class(rng)] } else { Vec::new() }, ..PeersConfig::new(count) },
        network: network(rng),
        churn: some(rng).then(|| churn(rng, target)),
        content: ContentConfig {
            items: 1 + rng.below(20) as u32,
            copies: rng.below(4).min(u64::from(count)) as u32,
            popularity: Popularity::Uniform,
            ..ContentConfig::default()
        },
        storage: None,
        lookups: Some(LookupsConfig { interval: Duration::secs(1 + rng.below(20)), target, timeout: Duration::secs(1 + rng.below(30)) }),
        rumours: None,
        download: None,
        stream: None,
        events: (0..rng.below(4)).map(|_| event(rng, duration, target)).collect(),
        adversaries: Vec::new(),
    };
    conditions.rumours = some(rng).then(|| rumours(rng));
    if target == TargetKind::Content && rng.chance(0.3) {
        let size = Size(1 + rng.below(200_000));
        let drawn = Distribution::Lognormal { mean: Some(size), median: None, sigma: 1.0 };
        conditions.content.size = if size.0.is_multiple_of(2) { ItemSize::Same(size) } else { ItemSize::Drawn(drawn) };
        conditions.download = Some(download(rng));
        conditions.stream = rng.chance(0.4).then(|| stream(rng));
    }
    if some(rng) {
        conditions.adversaries = (0..=rng.below(2)).map(|_| adversary(rng, duration, target)).collect();
    }
    // Draws of their own: what is added here leaves the worlds that were drawn before as they are.
    let more = &mut Streams::new(seed).rng("random conditions", 1);
    if let Some(churn) = &mut conditions.churn {
        let (period, peak) = (Duration::secs(60), Duration::secs(20));
        churn.diurnal = more.chance(0.3).then(|| Diurnal { amplitude: 0.9 * more.unit_f64(), period, peak });
    }
    if let Some(table) = conditions.adversaries.first_mut().filter(|_| target == TargetKind::Content && more.chance(0.2)) {
        table.placed = Placement::AroundItem;
    }
    let more = &mut Streams::new(seed).rng("random conditions", 2);
    conditions.peers.identity_cost = more.chance(0.3).then(|| Duration::millis(more.below(3000)));
    // One table may take the last hosts, and those around an item are last as well.
    let table = conditions.adversaries.iter_mut().min_by_key(|table| table.placed != Placement::AroundItem);
    if let Some(table) = table.filter(|_| more.chance(0.4)) {
        table.identities = 1 + more.below(8) as u32;
    }
    for table in conditions.adversaries.iter_mut().filter(|table| table.behaviour == Behaviour::Flood && table.placed == Placement::Random)
    {
        table.peer = more.chance(0.5).then(|| more.below(u64::from(count)) as u32);
        table.item = table.item.filter(|_| table.peer.is_none());
    }
    if conditions.download.is_some()
        && let Some(table) = conditions.adversaries.last_mut().filter(|table| table.placed == Placement::Random && more.chance(0.3))
    {
        (table.behaviour, table.item, table.peer, table.servers) = (Behaviour::Poison, None, None, false);
    }
    conditions
}

fn adversary(rng: &mut Rng, duration: u64, target: TargetKind) -> AdversaryConfig {
    // All but the first two are about what peers hold.
    let behaviours = [Behaviour::Drop, Behaviour::Misdirect, Behaviour::Lie, Behaviour::FreeRide, Behaviour::Censor, Behaviour::Flood];
    let possible = if target == TargetKind::Content { behaviours.len() } else { 2 };
    let behaviour = behaviours[rng.index(possible)];
    AdversaryConfig {
        behaviour,
        share: Some(0.5 * rng.unit_f64()),
        count: None,
        peers: None,
        from: rng.chance(0.5).then(|| Duration::millis(rng.below(duration * 1000))),
        ramp: rng.chance(0.3).then(|| Duration::millis(1 + rng.below(20_000))),
        probability: if rng.chance(0.5) { 1.0 } else { rng.unit_f64() },
        item: rng.chance(0.5).then_some(0),
        peer: None,
        rate: 0.1 + 2.0 * rng.unit_f64(),
        identities: 1,
        placed: Placement::Random,
        servers: behaviour == Behaviour::Censor && rng.chance(0.5),
    }
}

/// Of items of up to 200 kB.
fn download(rng: &mut Rng) -> DownloadConfig {
    let models = [Method::Swarm, Method::MultiSource, Method::SingleSource, Method::ClientServer, Method::PeerAssisted];
    let block = 1 << (13 + rng.below(3));
    DownloadConfig {
        model: models[rng.index(5)],
        piece: Size(block << rng.below(3)),
        block: Size(block),
        share: rng.unit_f64(),
        arrivals: [Arrivals::Lookups, Arrivals::FlashCrowd, Arrivals::Poisson, Arrivals::Decay][rng.index(4)],
        interval: Duration::millis(1 + rng.below(5000)),
        decay: Duration::secs(1 + rng.below(60)),
        servers: 1 + rng.below(2) as u32,
        seed_for: [SeedFor::Forever, SeedFor::Time(Duration::secs(rng.below(20))), SeedFor::Ratio(rng.unit_f64())][rng.index(3)],
        connections: 4 + rng.below(8) as u32,
        search_every: Duration::secs(20 + rng.below(40)),
        request_timeout: Duration::secs(5 + rng.below(30)),
        idle_timeout: Duration::secs(10 + rng.below(60)),
        give_up: Duration::secs(5 + rng.below(60)),
        patience: rng.chance(0.3).then(|| Duration::secs(10 + rng.below(60))),
        free_riders: if rng.chance(0.3) { rng.unit_f64() } else { 0.0 },
        polluters: if rng.chance(0.3) { rng.unit_f64() } else { 0.0 },
        hash_check: rng.chance(0.7),
        ..DownloadConfig::default()
    }
}

/// Items of up to 200 kB play for up to half a minute.
fn stream(rng: &mut Rng) -> StreamConfig {
    StreamConfig {
        buffer: Duration::millis(1 + rng.below(5000)),
        rebuffer: Duration::millis(1 + rng.below(5000)),
        window: Duration::millis(1 + rng.below(20_000)),
        p: rng.unit_f64(),
        urgent: Duration::millis(rng.below(10_000)),
        ..StreamConfig::new(Rate::bits_per_second(50_000 + rng.below(1_000_000)).expect("above zero"))
    }
}

/// Up to five within the shortest run.
fn rumours(rng: &mut Rng) -> RumoursConfig {
    RumoursConfig {
        count: 1 + rng.below(5) as u32,
        first: Duration::millis(rng.below(10_000)),
        every: Duration::millis(1 + rng.below(10_000)),
        size: Size(1 + rng.below(2000)),
        timeout: Duration::secs(1 + rng.below(60)),
    }
}

fn network(rng: &mut Rng) -> NetworkConfig {
    let mean = Duration::millis(20 + rng.below(200));
    let latency = match rng.below(3) {
        0 => Latency::Constant { one_way: mean },
        1 => Latency::Uniform { min: Duration::millis(10), max: mean.max(Duration::millis(10)) },
        _ => Latency::Euclidean { mean, dimensions: 2 + rng.below(2) as u32, height: Duration::default() },
    };
    NetworkConfig {
        latency,
        // Not too short: a window is no longer than this.
        min_one_way: Duration::millis(5),
        jitter: if rng.chance(0.5) { 0.3 } else { 0.0 },
        loss: if rng.chance(0.5) { 0.05 } else { 0.0 },
        regions: None,
        wire: if rng.chance(0.5) { Wire::Udp } else { Wire::P2psim },
    }
}

fn class(rng: &mut Rng) -> ClassConfig {
    let rate = |rng: &mut Rng| if rng.chance(0.5) { Rate::bits_per_second(20_000 + rng.below(1_000_000)) } else { None };
    ClassConfig {
        name: "all".to_owned(),
        share: 1.0,
        link: None,
        upload: rate(rng),
        download: rate(rng),
        capacity: rng.chance(0.5).then(|| 5.0 + rng.below(100) as f64),
        queue: rng.below(20) as u32,
        session: None,
        offline: None,
        lookup_interval: None,
    }
}

fn churn(rng: &mut Rng, target: TargetKind) -> ChurnConfig {
    let mean = |rng: &mut Rng| Duration::secs(5 + rng.below(100));
    let session = match rng.below(3) {
        0 => Distribution::Exponential { mean: mean(rng) },
        1 => Distribution::Weibull { mean: Some(mean(rng)), scale: None, shape: 0.6 },
        _ => Distribution::Constant { value: mean(rng) },
    };
    ChurnConfig {
        session: Some(session),
        offline: Some(Distribution::Exponential { mean: mean(rng) }),
        crash_share: rng.unit_f64(),
        // A peer cannot be looked up by a name that it gives up.
        identity: if target == TargetKind::Peer || rng.chance(0.5) { Identity::Kept } else { Identity::New },
        diurnal: None,
        trace: None,
    }
}

fn event(rng: &mut Rng, duration: u64, target: TargetKind) -> EventConfig {
    let is_possible = |action: &Action| target == TargetKind::Content || !action.is_about_an_item();
    let possible: Vec<Action> = Action::ALL.into_iter().filter(is_possible).collect();
    let action = possible[rng.index(possible.len())];
    let selects = [Select::Random, Select::HighestDegree, Select::HighestLoad, Select::Holders, Select::IdRange][rng.index(5)];
    let faster = matches!(action, Action::Bandwidth | Action::ServerCapacity) && rng.chance(0.8);
    let factor = 1.0 + rng.unit_f64() * 10.0;
    EventConfig {
        at: Some(Duration::millis(rng.below(duration * 1000))),
        rate: None,
        every: rng.chance(0.2).then(|| Duration::millis(1000 + rng.below(60_000))),
        action,
        share: (action != Action::Latency).then(|| rng.unit_f64()),
        count: None,
        peers: None,
        select: selects,
        region: None,
        class: None,
        loss: Some(rng.unit_f64()),
        factor: Some(if faster { 1.0 / factor } else { factor }),
        direction: [None, Some(Direction::From), Some(Direction::To)][rng.index(3)],
        item: None,
        groups: (action == Action::Partition && rng.chance(0.5)).then_some(2),
        duration: rng.chance(0.5).then(|| Duration::millis(1 + rng.below(40_000))),
    }
}

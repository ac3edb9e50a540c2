//! One document, without a sweep, turned into what runs happen under; everything that is wrong with it on the way.
//!
//! The document's form is checked first. Sections of the right form then become typed values and are checked further, even if
//! other sections are wrong: a user hears of everything at once.

use std::path::Path;
use std::sync::Arc;

use peerlab_model::units::{Duration, Rate};
use peerlab_model::{Issue, Issues};
use peerlab_transfer::{Arrivals, DownloadConfig, Method, StreamConfig};
use peerlab_workload::{Action, Behaviour, ContentConfig, EventConfig, TargetKind, check_adversaries};
use peerlab_world::{Conditions, Model, Registry, Topology};
use serde_json::Value as Json;

use crate::diagnostic::Problem;
use crate::document::{Node, Value};
use crate::file::{LookupRows, ScenarioFile};
use crate::load::{as_option, locate};
use crate::nearest::list;
use crate::scenario::{Point, TopologyEntry};
use crate::schema::{Departure, walk};

/// What became of a document.
pub(crate) struct Evaluated {
    /// Its typed form, defaults filled in; nothing if its form is wrong.
    pub(crate) file: Option<ScenarioFile>,
    /// What its runs happen under; nothing if anything is wrong.
    pub(crate) point: Option<Point>,
    /// What is wrong or odd.
    pub(crate) problems: Vec<Problem>,
}

/// Checks a document and builds what it describes.
pub(crate) fn evaluate(document: &Node, registry: &Registry, schema: &Json, stem: &str) -> Evaluated {
    let departures = walk(schema, document);
    let sound = Sound::of(document, &departures);
    let mut problems: Vec<Problem> = departures.into_iter().map(|departure| departure.problem).collect();
    let is_formed = problems.is_empty();
    let mut file: ScenarioFile = match serde_path_to_error::deserialize(sound.document.to_json()) {
        Ok(file) => file,
        Err(error) => {
            let (node, exists) = locate(&sound.document, &error.path().to_string().replace('[', ".").replace(']', ""));
            // Of a document that lacks whole sections the first error is an echo, unless it is about something that is there.
            if is_formed || exists && node.place != document.place {
                problems.push(Problem::new(node.place, error.inner().to_string()));
            }
            return Evaluated { file: None, point: None, problems };
        }
    };
    fill_in(&mut file, stem);
    let mut issues = Issues::new();
    check_sections(&file, &sound.events, &mut issues);
    let topologies = topologies(&file, &sound, document, registry, &mut issues, &mut problems);
    let conditions = conditions(&file);
    check_files(&conditions, &topologies, document, &mut problems);
    problems.extend(issues.into_list().into_iter().map(|issue| problem_of(issue, document)));
    let is_sound = problems.iter().all(|problem| problem.warning);
    let point = is_sound.then(|| Point { swept: Vec::new(), conditions: Arc::new(conditions), topologies });
    Evaluated { file: is_formed.then_some(file), point, problems }
}

/// The part of a document whose form is right, and which elements of its lists those are.
struct Sound {
    document: Node,
    topologies: Vec<usize>,
    events: Vec<usize>,
}

impl Sound {
    fn of(document: &Node, departures: &[Departure]) -> Self {
        let mut sound = document.clone();
        let mut lists = [("topology", Vec::new()), ("event", Vec::new())];
        if let Value::Table(root) = &mut sound.value {
            let is_wrong = |key: &str| departures.iter().any(|departure| departure.path.first().is_some_and(|first| first == key));
            for (key, kept) in &mut lists {
                let Some(Value::Array(nodes)) = root.get_mut(key).map(|entry| &mut entry.node.value) else { continue };
                let is_wrong = |index: usize| {
                    departures
                        .iter()
                        .any(|departure| departure.path.len() > 1 && departure.path[0] == *key && departure.path[1] == index.to_string())
                };
                *kept = (0..nodes.len()).filter(|&index| !is_wrong(index)).collect();
                let mut index = 0..;
                nodes.retain(|_| index.next().is_some_and(|index| kept.contains(&index)));
            }
            let unknown = |place| departures.iter().any(|departure| departure.path.is_empty() && departure.problem.place == place);
            let names: Vec<String> =
                root.entries().iter().filter(|entry| unknown(entry.key) || is_wrong(&entry.name)).map(|entry| entry.name.clone()).collect();
            for name in names.iter().filter(|name| !matches!(name.as_str(), "topology" | "event")) {
                root.remove(name);
            }
            // Whether an event lies within the run cannot be judged by a default that was never meant.
            if is_wrong("time") {
                root.remove("event");
            }
        }
        let [(_, topologies), (_, events)] = lists;
        Self { document: sound, topologies, events }
    }
}

/// Fills in the defaults that depend on other values.
fn fill_in(file: &mut ScenarioFile, stem: &str) {
    file.name.get_or_insert_with(|| if stem.is_empty() { "scenario".to_owned() } else { stem.to_owned() });
    file.join_over.get_or_insert(Duration(file.time.warm_up.span().scale(0.5)));
    let fallback = ContentConfig::default();
    let copies = fallback.copies.min(file.peers.count);
    let content = file.content.get_or_insert(ContentConfig { copies, ..fallback });
    if file.lookups.as_ref().is_some_and(|lookups| lookups.target == TargetKind::Keywords) {
        content.keywords.get_or_insert_default();
    }
}

fn conditions(file: &ScenarioFile) -> Conditions {
    Conditions {
        start: file.start,
        join_over: file.join_over.unwrap_or_default(),
        time: file.time,
        peers: file.peers.expanded(),
        network: file.network.clone(),
        churn: file.churn.clone(),
        content: file.content.clone().unwrap_or_default(),
        storage: file.storage.clone(),
        lookups: file.lookups.clone(),
        rumours: file.rumours.clone(),
        download: file.download.clone(),
        stream: file.stream,
        events: file.event.clone(),
        adversaries: file.adversary.clone(),
    }
}

fn check_sections(file: &ScenarioFile, events: &[usize], issues: &mut Issues) {
    let (population, peers) = (file.peers.count, file.peers.expanded());
    check_name(file.name.as_deref().unwrap_or_default(), issues);
    issues.within("time", |issues| file.time.check(issues));
    if let Some(join_over) = file.join_over.filter(|&join_over| join_over > file.time.warm_up) {
        issues.error_with_help(
            "join_over",
            format!("the joins take {join_over}, longer than the warm-up of {}", file.time.warm_up),
            "make `time.warm_up` longer: joins belong to it",
        );
    }
    issues.within("peers", |issues| file.peers.check(issues));
    issues.within("network", |issues| file.network.check(population, issues));
    if let Some(churn) = &file.churn {
        issues.within("churn", |issues| churn.check(&peers, issues));
    }
    if let Some(content) = &file.content {
        issues.within("content", |issues| content.check(population, issues));
    }
    if let Some(storage) = &file.storage {
        issues.within("storage", |issues| storage.check(population, issues));
    }
    if let Some(lookups) = &file.lookups {
        issues.within("lookups", |issues| lookups.check(population, issues));
    }
    if let Some(rumours) = &file.rumours {
        issues.within("rumours", |issues| rumours.check(file.time.duration.span(), issues));
    }
    let target = file.lookups.as_ref().map(|lookups| lookups.target);
    if let Some(download) = &file.download {
        check_download(file, download, target, issues);
    }
    if let Some(stream) = &file.stream {
        issues.within("stream", |issues| check_stream(file, stream, issues));
    }
    if target == Some(TargetKind::Value) && file.storage.is_none() {
        let help = "add a table `[storage]`: it says how many values there are, and how large they are";
        issues.error_with_help("lookups.target", "there are no values to ask for", help);
    }
    if matches!(target, Some(TargetKind::Content | TargetKind::Keywords)) && file.storage.is_some() {
        let help = "ask for target = \"value\", or leave `[storage]` out";
        issues.error_with_help("lookups.target", "peers that keep values themselves do not keep the names of holders", help);
    }
    for (event, index) in file.event.iter().zip(events) {
        issues.within(format_args!("event.{index}"), |issues| {
            event.check(file.time.duration.span(), &peers, file.network.regions, issues);
            check_item(file, event, target, issues);
        });
    }
    let items = items_asked_for(file, target);
    for (adversary, index) in file.adversary.iter().zip(0..) {
        issues.within(format_args!("adversary.{index}"), |issues| adversary.check(file.time.duration.span(), &peers, items, issues));
        if adversary.behaviour == Behaviour::Poison && file.download.is_none() {
            let message = "`poison` is about what is downloaded, and nobody downloads anything here";
            issues.error_with_help(format_args!("adversary.{index}.behaviour"), message, "add `[download]`");
        }
    }
    check_adversaries(&file.adversary, population, issues);
    if let LookupRows::Share(share) = file.output.lookups {
        issues.share("output.lookups", share);
    }
}

/// How many items there are that somebody may ask for; 0 where nobody asks for any.
fn items_asked_for(file: &ScenarioFile, target: Option<TargetKind>) -> u32 {
    let asks = matches!(target, Some(TargetKind::Content | TargetKind::Keywords)) || file.download.is_some();
    if asks { file.content.clone().unwrap_or_default().items } else { 0 }
}

/// An event about an item needs one that exists, and a crowd somebody who asks.
fn check_item(file: &ScenarioFile, event: &EventConfig, target: Option<TargetKind>, issues: &mut Issues) {
    let items = items_asked_for(file, target);
    let message = format!("there is no item {}: they are numbered from 0 to {}", event.item().0, items.saturating_sub(1));
    issues.ensure(items == 0 || event.item().0 < items, "item", message);
    if matches!(event.action, Action::Takedown | Action::Delete) && items == 0 && file.storage.is_none() {
        let help = "add `[lookups]` with target = \"content\", or `[download]`";
        issues.error_with_help(
            "action",
            format!("`{}` is about what peers hold, and nobody asks for that here", event.action.name()),
            help,
        );
    }
    let classes = file.peers.expanded().class;
    if event.action == Action::Bandwidth && classes.iter().all(|class| class.upload.is_none() && class.download.is_none()) {
        issues.warn("action", "no peer's link has a limit: there is nothing to change");
    }
    if event.action == Action::FlashCrowd && target != Some(TargetKind::Content) {
        let help = "add `[lookups]` with target = \"content\"; with a long `interval` nobody asks besides";
        issues.error_with_help("action", "a crowd asks for an item, and nobody asks for any here", help);
    }
    if event.action.is_about_an_item() && file.storage.is_some() {
        issues.error("action", format!("`{}` is about what peers hold, and here they keep values for each other", event.action.name()));
    }
}

/// Downloads need items, somebody who wants them, and links that limit them.
fn check_download(file: &ScenarioFile, download: &DownloadConfig, target: Option<TargetKind>, issues: &mut Issues) {
    let content = file.content.clone().unwrap_or_default();
    let poisoned = file.adversary.iter().any(|table| table.behaviour == Behaviour::Poison);
    issues.within("download", |issues| download.check(content.size.same(), content.copies, poisoned, issues));
    if file.storage.is_some() {
        let help = "leave `[download]` or `[storage]` out";
        issues.error_with_help(
            "download",
            "peers that keep values themselves have them when they are found: there is nothing to download",
            help,
        );
    }
    if download.arrivals == Arrivals::Lookups && target != Some(TargetKind::Content) {
        let help =
            "add `[lookups]` with target = \"content\", or set `download.arrivals` to \"flash-crowd\", \"poisson\", \"decay\" or \"trace\"";
        issues.error_with_help("download.arrivals", "no lookup for content turns into a download", help);
    }
    let classes = file.peers.expanded().class;
    if classes.iter().all(|class| class.upload.is_none() && class.download.is_none()) {
        let message = "no peer's link has a limit: downloads take no longer than the servers and the messages' delays make them";
        issues.warn("download", format!("{message} (add `[[peers.class]]` with `upload` and `download`)"));
    }
}

/// What is watched has to come, and fast enough.
fn check_stream(file: &ScenarioFile, stream: &StreamConfig, issues: &mut Issues) {
    let content = file.content.clone().unwrap_or_default();
    let size = content.size.mean();
    stream.check(size, issues);
    let Some(download) = &file.download else {
        return issues.error_with_help("", "nothing is downloaded, so there is nothing to watch", "add a table `[download]`");
    };
    let (needs, plays) = (stream.bitrate, stream.plays_for(size));
    let stands_still = |rate: Rate| {
        let takes = rate.transmission(size.0);
        let share = 100.0 * (1.0 - rate.bits() as f64 / needs.bits() as f64);
        format!(
            "what plays for {:.0} s takes {:.0} s to arrive, and playing stands still for {share:.0} % of them",
            plays.secs_f64(),
            takes.secs_f64()
        )
    };
    for class in file.peers.expanded().class.iter().filter(|class| class.download.is_some_and(|rate| rate < needs)) {
        let Some(rate) = class.download else { continue };
        let message = format!("a downlink of {rate} (class `{}`) does not carry {needs}: {}", class.name, stands_still(rate));
        issues.warn("bitrate", message);
    }
    if download.model == Method::ClientServer && download.server_upload < needs {
        let rate = download.server_upload;
        issues.warn(
            "bitrate",
            format!("a server's uplink of {rate} does not carry {needs}: even for one viewer alone {}", stands_still(rate)),
        );
    }
}

/// A scenario's name becomes a directory's.
fn check_name(name: &str, issues: &mut Issues) {
    let is_safe = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']) && !name.chars().any(char::is_control);
    issues.ensure(is_safe, "name", format!("`{name}` cannot be the name of a results directory"));
}

/// Configures and checks the designs.
fn topologies(
    file: &ScenarioFile,
    sound: &Sound,
    document: &Node,
    registry: &Registry,
    issues: &mut Issues,
    problems: &mut Vec<Problem>,
) -> Vec<TopologyEntry> {
    let mut entries: Vec<TopologyEntry> = Vec::new();
    let identities = file.adversary.iter().map(|table| table.identities).max().unwrap_or(1);
    for (table, index) in file.topology.iter().zip(&sound.topologies) {
        let text = |key: &str| table.get(key).and_then(Json::as_str).map(str::to_owned);
        let Some(model) = text("model").and_then(|name| registry.get(&name)) else { continue };
        let label = text("name").unwrap_or_else(|| model.name.to_owned());
        let mut parameters = table.clone();
        if let Some(map) = parameters.as_object_mut() {
            map.shift_remove("model");
            map.shift_remove("name");
        }
        let topology: Arc<dyn Topology> = match model.configure(parameters) {
            Ok(topology) => Arc::from(topology),
            Err(error) => {
                problems.push(Problem::new(locate(document, &format!("topology.{index}")).0.place, format!("{}: {error}", model.name)));
                continue;
            }
        };
        issues.within(format_args!("topology.{index}"), |issues| {
            check_label(&label, &entries, text("name").is_some(), issues);
            check_targets(file, topology.as_ref(), &label, issues);
            check_spreads(file, model, &label, registry, issues);
            topology.check(file.peers.count, identities, issues);
        });
        entries.push(TopologyEntry { label, topology });
    }
    let about_servers = |(event, _): &(&EventConfig, &usize)| event.action.is_about_servers();
    let serverless: Vec<&str> = entries.iter().filter(|entry| entry.topology.dedicated() == 0).map(|entry| entry.label.as_str()).collect();
    for (event, index) in file.event.iter().zip(&sound.events).filter(about_servers) {
        let origins = file.download.as_ref().map_or(0, |download| download.servers);
        let message = match &serverless[..] {
            [] => continue,
            _ if origins > 0 => continue,
            all if all.len() == entries.len() => "no topology of this scenario has a server that could fail".to_owned(),
            some => format!(
                "{} {} no server: `{}` does not touch it",
                list(some.iter().copied()),
                if some.len() == 1 { "has" } else { "have" },
                event.action.name()
            ),
        };
        issues.warn(format_args!("event.{index}.action"), message);
    }
    check_sybils(file, &entries, issues);
    check_victims(file, &entries, issues);
    entries
}

/// A flood of questions for one peer needs a model in which that peer can be asked for.
fn check_victims(file: &ScenarioFile, entries: &[TopologyEntry], issues: &mut Issues) {
    let is_asked_for = |topology: &dyn Topology| topology.targets().peer || topology.targets().key;
    let spared: Vec<&str> = entries.iter().filter(|entry| !is_asked_for(&*entry.topology)).map(|entry| entry.label.as_str()).collect();
    for (index, _) in file.adversary.iter().enumerate().filter(|(_, table)| table.peer.is_some() && !spared.is_empty()) {
        let message = format!("in {} nobody can be asked for: `flood` with a `peer` does not touch it", list(spared.iter().copied()));
        issues.warn(format_args!("adversary.{index}.peer"), message);
    }
}

/// Where servers know everything, a machine gains nothing by having several names.
fn check_sybils(file: &ScenarioFile, entries: &[TopologyEntry], issues: &mut Issues) {
    let served: Vec<&str> = entries.iter().filter(|entry| entry.topology.dedicated() > 0).map(|entry| entry.label.as_str()).collect();
    for (index, _) in file.adversary.iter().enumerate().filter(|(_, table)| table.identities > 1 && !served.is_empty()) {
        let who = list(served.iter().copied());
        let message = format!("in {who} a server answers, whoever else is there: many identities of one machine change nothing");
        issues.warn(format_args!("adversary.{index}.identities"), message);
    }
}

fn check_label(label: &str, earlier: &[TopologyEntry], is_named: bool, issues: &mut Issues) {
    let key = if is_named { "name" } else { "model" };
    if earlier.iter().any(|entry| entry.label == label) {
        issues.error_with_help(key, format!("there are two topologies labelled `{label}`"), "give each a `name` of its own");
    }
    let is_plain = !label.is_empty() && !label.contains(['/', '\\']) && !label.chars().any(char::is_control);
    issues.ensure(is_plain, key, format!("`{label}` cannot be a label: labels are parts of the names of runs"));
}

fn check_targets(file: &ScenarioFile, topology: &dyn Topology, label: &str, issues: &mut Issues) {
    let targets = topology.targets();
    if file.storage.is_some() && !targets.value {
        let help = "its peers name holders, or none; leave this topology or `[storage]` out";
        return issues.error_with_help("model", format!("`{label}` keeps no values"), help);
    }
    if file.download.is_some() && !targets.content {
        let help = "it names no holders of an item: leave this topology or `[download]` out";
        return issues.error_with_help("model", format!("`{label}` finds no sources for downloads"), help);
    }
    let Some(lookups) = &file.lookups else { return };
    if lookups.target.is_in(targets) {
        return;
    }
    let all = [
        ("content", targets.content),
        ("keywords", targets.keywords),
        ("value", targets.value),
        ("key", targets.key),
        ("peer", targets.peer),
    ];
    let possible: Vec<&str> = all.into_iter().filter(|(_, is_possible)| *is_possible).map(|(name, _)| name).collect();
    if possible.is_empty() {
        let help = "it only passes rumours on: leave `[lookups]` or this topology out";
        return issues.error_with_help("model", format!("`{label}` answers no lookups"), help);
    }
    let message = format!("`{label}` cannot answer lookups with target = \"{}\"", lookups.target.name());
    issues.error_with_help("model", message, format!("it can with {}; set `lookups.target`, or leave this topology out", list(possible)));
}

/// Where there are rumours, every design passes them on.
fn check_spreads(file: &ScenarioFile, model: &Model, label: &str, registry: &Registry, issues: &mut Issues) {
    if file.rumours.is_none() || model.spreads {
        return;
    }
    let able: Vec<&str> = registry.models().filter(|model| model.spreads).map(|model| model.name).collect();
    let choice = match nearest_of_family(model, registry) {
        Some(near) => format!("`{near}` would be the nearest that does; of all models {} do", list(able)),
        None => format!("models that do: {}", list(able)),
    };
    issues.error_with_help("model", format!("`{label}` does not pass rumours on"), format!("{choice}; or leave `[rumours]` out"));
}

/// The first model of the same family that passes rumours on.
fn nearest_of_family(model: &Model, registry: &Registry) -> Option<&'static str> {
    registry.models().find(|other| other.spreads && other.family == model.family).map(|other| other.name)
}

/// Sees whether the files are there; what is in them is read when the run is built.
fn check_files(conditions: &Conditions, topologies: &[TopologyEntry], document: &Node, problems: &mut Vec<Problem>) {
    let mut files: Vec<String> = conditions.network.files().into_iter().map(str::to_owned).collect();
    files.extend(conditions.churn.iter().flat_map(|churn| churn.files()).map(str::to_owned));
    files.extend(conditions.download.iter().filter_map(|download| download.trace.clone()));
    files.extend(topologies.iter().flat_map(|entry| entry.topology.files()));
    for file in files.iter().filter(|file| !file.is_empty()) {
        let reason = match std::fs::metadata(Path::new(file)) {
            Ok(found) if found.is_dir() => "it is a directory".to_owned(),
            Ok(_) => continue,
            Err(error) => error.to_string(),
        };
        let place = find_text(document, file).map_or(document.place, |node| node.place);
        let problem = Problem::new(place, format!("cannot read the file `{file}`")).label(reason);
        problems.push(problem.help("paths are relative to the directory in which `sim` runs"));
    }
}

/// The first value that is this text.
fn find_text<'d>(node: &'d Node, text: &str) -> Option<&'d Node> {
    match &node.value {
        Value::String(found) if found == text => Some(node),
        Value::Array(nodes) => nodes.iter().find_map(|node| find_text(node, text)),
        Value::Table(table) => table.entries().iter().find_map(|entry| find_text(&entry.node, text)),
        _ => None,
    }
}

/// An issue with its place.
pub(crate) fn problem_of(issue: Issue, document: &Node) -> Problem {
    let (node, exists) = locate(document, &issue.path);
    let option = as_option(document, &issue.path);
    // A value that the file does not state is named, since the place shows only the table that it belongs to.
    let message = if exists || issue.path.is_empty() { issue.message } else { format!("`{option}`: {}", issue.message) };
    let is_empty_text = exists && node.as_str() == Some("");
    let help = issue.help.or_else(|| is_empty_text.then(|| format!("give it on the command line: --set {option}=PATH")));
    Problem { place: node.place, message, label: None, help, warning: issue.warning }
}

//! Which cases there are, and what each needs before it can be run.

use std::path::{Path, PathBuf};

use peerlab_scenario::{Loader, Scenario, Validation, data_files, did_you_mean, list};
use peerlab_world::Registry;

use crate::failure::Failure;
use crate::loading::checked;

/// A published experiment: a scenario with a `[validation]` table.
pub(super) struct Case {
    pub(super) name: String,
    /// What its text is called in messages.
    source: String,
    text: String,
}

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../scenarios/validation/", $name, ".toml")))),*]
    };
}

/// The cases in scenarios/validation/, carried in the program: a line each, in the order in which they are run.
pub(super) const SHIPPED: &[(&str, &str)] = shipped![
    "accordion-budget",
    "can-path-length",
    "can-random-zones",
    "central-index-md1",
    "chord-droppers",
    "chord-load",
    "chord-path-length",
    "chord-successor-routing",
    "chord-table-2",
    "chord-table-3",
    "chord-virtual-nodes",
    "client-server-md1",
    "cyclon-failures",
    "cyclon-in-degree",
    "epidemic-fan-out",
    "epidemic-over-views",
    "epidemic-table-1",
    "epidemic-table-2",
    "flood-gnutella-04",
    "flood-gnutella-08",
    "flood-random-regular",
    "flood-whole",
    "hyparview-failures",
    "kademlia-path-length",
    "kelips-one-hop",
    "koorde-path-length",
    "onehop-one-hop",
    "pastry-failures",
    "pastry-path-length",
    "pastry-repair",
    "path-replication",
    "percolation-3-regular",
    "percolation-4-regular",
    "planetlab-latency",
    "qiu-srikant",
    "random-walk-search-size",
    "replication-ratios",
    "share-online",
    "skademlia-figure-4",
    "static-resilience",
    "swarm-bittorrent-bound",
    "swarm-fluid-bound",
    "tapestry-path-length",
    "tracker-load",
    "whole-part-bound",
];

/// Where data files are looked for unless `--data` says it.
const DATA: &str = "data";

/// The directory of the data files.
///
/// # Errors
/// If the one that the user names is none.
pub(super) fn data_directory(option: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(directory) = option {
        let is_there = directory.is_dir();
        return if is_there {
            Ok(directory.to_owned())
        } else {
            Err(Failure::input(format_args!("--data: there is no directory {}", directory.display())))
        };
    }
    Ok(PathBuf::from(DATA))
}

/// The cases that are meant, each with what it is compared with.
///
/// # Errors
/// If a name is unknown, or a file cannot be read or is no case.
pub(super) fn chosen(registry: &Registry, wanted: &[String], only_small: bool) -> Result<Vec<(Case, Validation)>, Failure> {
    let cases: Vec<Case> = match wanted {
        [] => SHIPPED.iter().map(shipped).collect(),
        wanted => wanted.iter().map(|name| find(name)).collect::<Result<_, _>>()?,
    };
    let mut chosen = Vec::new();
    for case in cases {
        let validation = validation_of(registry, &case)?;
        if validation.small || !only_small {
            chosen.push((case, validation));
        }
    }
    Ok(chosen)
}

fn shipped(&(name, text): &(&str, &str)) -> Case {
    Case { name: name.to_owned(), source: format!("scenarios/validation/{name}.toml"), text: text.to_owned() }
}

/// A case by its name, or in a file of the user's own.
fn find(wanted: &str) -> Result<Case, Failure> {
    if let Some(found) = SHIPPED.iter().find(|(name, _)| *name == wanted) {
        return Ok(shipped(found));
    }
    let path = Path::new(wanted);
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::input(format_args!("cannot read {wanted}: {error}")))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok(Case { name, source: wanted.to_owned(), text });
    }
    let names = || SHIPPED.iter().map(|(name, _)| *name);
    let hint = did_you_mean(wanted, names());
    Err(Failure::input(format_args!(
        "there is no case `{wanted}`{hint}\nthere are {}; a case of your own is given as a file, mine.toml",
        list(names())
    )))
}

/// What a case is compared with: read without its data files, which may be absent.
fn validation_of(registry: &Registry, case: &Case) -> Result<Validation, Failure> {
    let mut loader = Loader::new(registry);
    for (key, _) in data_files(&case.text) {
        // Any file will do here: the contents are read when a run is built.
        loader = loader.set(&format!("{key}={}", quoted(&std::env::current_exe().unwrap_or_default())));
    }
    let scenario = loader.load_text(&case.source, &case.name, &case.text).map_err(|error| Failure::Input(format!("{error}\n")))?;
    scenario.validation.ok_or_else(|| {
        Failure::input(format_args!("{}: there is no `[validation]` table: nothing to compare with; `sim run` runs it", case.source))
    })
}

/// Loads a case with its data files; where one is absent, the inner result says so.
///
/// # Errors
/// If the case is not sound, or a data file not what it should be.
pub(super) fn prepare(registry: &Registry, case: &Case, data: &Path) -> Result<Result<Scenario, String>, Failure> {
    let mut loader = Loader::new(registry);
    for (key, file) in data_files(&case.text) {
        let path = data.join(&file);
        if !path.is_file() {
            return Ok(Err(format!("{file} is not in {}; --data DIR says where it is", data.display())));
        }
        loader = loader.set(&format!("{key}={}", quoted(&path)));
    }
    checked(loader.load_text(&case.source, &case.name, &case.text)).map(Ok).map_err(Failure::Input)
}

/// A path as a TOML string.
fn quoted(path: &Path) -> String {
    // JSON's escapes are TOML's, too.
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

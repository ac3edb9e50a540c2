//! The scenarios that are shipped.

use std::path::{Path, PathBuf};

use peerlab_scenario::Loader;
use peerlab_world::Registry;

fn shipped() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let entries = std::fs::read_dir(directory).expect("scenarios/ is there");
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    paths.sort();
    paths
}

#[test]
fn every_shipped_scenario_is_sound() {
    let registry = Registry::builtin();
    assert!(shipped().len() >= 6);
    for path in shipped() {
        let loader = Loader::new(&registry);
        let result = if path.ends_with("real-gnutella.toml") {
            // Any file will do for this check: contents are read when a run is built.
            let file = path.display();
            loader.set(&format!("network.latency.file='{file}'")).set(&format!("topology.flooding.graph.file='{file}'")).load(&path)
        } else {
            loader.load(&path)
        };
        match result {
            Ok(scenario) => {
                // Designs with servers and without are compared on purpose.
                let warnings = scenario.warnings.to_string();
                let about_servers = warnings.matches("does not touch").count();
                assert_eq!(warnings.matches("warning:").count(), about_servers, "{warnings}");
                assert!(!scenario.description.is_empty(), "{} asks no question", path.display());
                assert_eq!(Some(scenario.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn real_gnutella_says_how_to_give_its_files() {
    let registry = Registry::builtin();
    let path = shipped().into_iter().find(|path| path.ends_with("real-gnutella.toml")).expect("it is shipped");
    let complaint = Loader::new(&registry).load(&path).expect_err("files are missing").to_string();
    assert!(complaint.contains("--set topology.flooding.graph.file=PATH"), "{complaint}");
    assert!(complaint.contains("--set network.latency.file=PATH"), "{complaint}");
}

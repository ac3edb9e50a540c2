//! `sim new`: a commented scenario to start from.

use std::path::PathBuf;

use peerlab_scenario::{did_you_mean, list};

use crate::args::NewArgs;
use crate::failure::Failure;
use crate::output::{note, print, write_new};
use crate::starters::{BLANK, SHIPPED};

pub(crate) fn new(arguments: &NewArgs) -> Result<(), Failure> {
    let path = if arguments.name.extension().is_some_and(|extension| extension == "toml") {
        arguments.name.clone()
    } else {
        let mut name = arguments.name.clone().into_os_string();
        name.push(".toml");
        PathBuf::from(name)
    };
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if name.is_empty() || name.starts_with('.') || name.contains(['"', '\\']) || name.chars().any(char::is_control) {
        return Err(Failure::input(format_args!("`{}` cannot be the name of a scenario", arguments.name.display())));
    }
    let text = renamed(template(arguments.from.as_deref())?, &name);
    write_new(&path, text.as_bytes())?;
    print(&format!("{}\n", path.display()))?;
    note(&format!("written; `sim run {}` runs it", path.display()));
    Ok(())
}

fn template(from: Option<&str>) -> Result<&'static str, Failure> {
    let Some(wanted) = from else { return Ok(BLANK) };
    let wanted = wanted.trim_end_matches(".toml");
    if let Some(starter) = SHIPPED.iter().find(|starter| starter.name == wanted) {
        return Ok(starter.text);
    }
    let names = || SHIPPED.iter().map(|starter| starter.name);
    let hint = did_you_mean(wanted, names());
    Err(Failure::input(format_args!("there is no shipped scenario `{wanted}`{hint}\nthere are {}", list(names()))))
}

/// The text with another name in it: topologies and classes have names, too, but the first one is the scenario's.
fn renamed(text: &str, name: &str) -> String {
    let old = text.lines().find(|line| line.starts_with("name = "));
    match old {
        Some(old) => text.replacen(old, &format!("name = \"{name}\""), 1),
        None => text.to_owned(),
    }
}

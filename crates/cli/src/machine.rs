//! What this machine is, for `performance.json`.

use std::num::NonZero;

/// How many threads the machine runs at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

/// The machine in one line: system, processor, cores.
pub(crate) fn description() -> String {
    let processor = processor().map(|name| format!(", {name}")).unwrap_or_default();
    format!("{} {}{processor}, {} cores", std::env::consts::OS, std::env::consts::ARCH, cores())
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The most memory that this process has had resident so far, in bytes, where the system tells.
pub(crate) fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

//! Huge pages for large runs.
//!
//! What a large population knows lies all over the heap and is read at random, so that with pages of 4 KiB the processor looks up where a page lies for
//! almost every event. The GNU C library asks the system for huge pages if it is told to, but only before a program starts, and only for the heap that all
//! threads share: so a large run begins by starting this program once more, with `GLIBC_TUNABLES`. Who has set that variable keeps what it says.
//!
//! # Cost
//! A few milliseconds. Measured on one thread with 10^5 peers: workload Q is 14 % faster, Kademlia 12 %, flooding 25 % (medians of
//! benches/records/2026-11-23-models.md).
//!
//! # Not here
//! Small runs, which fit into the caches and are slower with one heap for all threads; other C libraries and systems.

use std::process::Command;

/// What the C library is told: huge pages, and one heap.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1");

/// A run that takes less than this is a small one.
const LARGE: u64 = 48 << 20;

/// Starts this program anew if its largest run takes so many bytes that huge pages are worth it. Returns if there is no need, or if that fails: then
/// everything is as it was, and only slower. Nothing must have been read from the standard input or written by then.
pub(crate) fn for_run_of(bytes: u64) {
    if bytes >= LARGE && cfg!(all(target_os = "linux", target_env = "gnu")) && std::env::var_os(TUNABLES.0).is_none() {
        start_anew();
    }
}

#[cfg(unix)]
fn start_anew() {
    use std::os::unix::process::CommandExt;

    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    // It comes back only if it has failed.
    let _ = command.args(arguments).env(TUNABLES.0, TUNABLES.1).exec();
}

#[cfg(not(unix))]
fn start_anew() {}

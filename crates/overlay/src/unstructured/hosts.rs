//! Host caches: addresses of others that a peer keeps, to connect to them when it needs somebody.

use peerlab_model::{PeerId, Rng};

/// Keeps an address, in the place of a random other one if there is no room.
pub(crate) fn keep<H>(hosts: &mut Vec<H>, host: H, room: usize, rng: &mut Rng) {
    if hosts.len() < room {
        // A million peers each have one: it never takes more than it may.
        hosts.reserve_exact(room - hosts.len());
        hosts.push(host);
    } else {
        let at = rng.index(hosts.len());
        hosts[at] = host;
    }
}

/// Takes a random address out that is `fit` to be tried; those that are not are forgotten.
pub(crate) fn take(hosts: &mut Vec<PeerId>, rng: &mut Rng, fit: impl Fn(PeerId) -> bool) -> Option<PeerId> {
    while !hosts.is_empty() {
        let at = rng.index(hosts.len());
        let host = hosts.swap_remove(at);
        if fit(host) {
            return Some(host);
        }
    }
    None
}

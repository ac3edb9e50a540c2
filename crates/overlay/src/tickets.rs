//! Tickets: what a host gives to somebody who asks, and wants to be shown when the same one comes back for more. So nobody can act under an address
//! at which it does not get its mail: the tokens of BEP 5, the connection ids of BEP 15.
//!
//! A ticket is made from a secret of the giver's and who it is for. The secret changes once in its `life`, and the one before is accepted, too: a
//! ticket is good for one to two lives. A host that was switched off in between has new secrets.
//!
//! # Cost
//! 32 bytes, and no timer: secrets change when they are needed.
//!
//! # Not here
//! Forgery. A ticket is a secret and a key, exclusively or-ed: nobody here tries to guess one. (BitTorrent's programs take a hash of both.)

use peerlab_model::{Key, Rng, Span, Time};

/// What a host needs to give tickets and to check them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets(Option<Secrets>);

#[derive(Clone, Copy, Debug)]
struct Secrets {
    current: u64,
    previous: u64,
    /// When the current one was made.
    since: Time,
}

impl Tickets {
    /// The ticket for who has this key, made from a secret that changes once in `life`.
    pub(crate) fn give(&mut self, life: Span, now: Time, rng: &mut Rng, to: Key) -> u64 {
        self.secrets(life, now, rng).current ^ to.0
    }

    /// True if it was given to who has this key, and the secret that it was made from is the present one or the one before.
    pub(crate) fn is_valid(&mut self, life: Span, now: Time, rng: &mut Rng, from: Key, ticket: u64) -> bool {
        let secrets = self.secrets(life, now, rng);
        [secrets.current, secrets.previous].contains(&(ticket ^ from.0))
    }

    /// The secrets of this moment. When the first ones were made is as random as any other phase.
    fn secrets(&mut self, life: Span, now: Time, rng: &mut Rng) -> Secrets {
        let mut secrets = self.0.unwrap_or_else(|| {
            let age = Span::from_nanos(rng.below(life.nanos()));
            Secrets { current: rng.bits(), previous: rng.bits(), since: now - age }
        });
        let changes = now.since(secrets.since).nanos() / life.nanos();
        if changes > 0 {
            secrets.previous = if changes == 1 { secrets.current } else { rng.bits() };
            secrets.current = rng.bits();
            secrets.since = secrets.since.saturating_add(life.times(changes));
        }
        self.0 = Some(secrets);
        secrets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peerlab_engine::random::Streams;

    const MINUTE: Span = Span::from_secs(60);
    const LIFE: Span = Span::from_secs(300);

    /// Goal: with secrets of five minutes, a ticket is good for five to ten, whatever happens in between. Method: a thousand keepers with secrets of any age;
    /// some are asked by others meanwhile.
    #[test]
    fn a_ticket_is_good_for_one_to_two_lives_of_a_secret() {
        let mut lives = Vec::new();
        for seed in 0..1000 {
            let mut rng = Streams::new(seed).rng("test", 0);
            let mut tickets = Tickets::default();
            let given = Time::ZERO + MINUTE.times(seed);
            tickets.give(LIFE, Time::ZERO, &mut rng, Key(1));
            let ticket = tickets.give(LIFE, given, &mut rng, Key(7));
            let good = |minutes: u64, mut tickets: Tickets, rng: &mut Rng| {
                if seed % 2 == 0 {
                    tickets.give(LIFE, given + MINUTE.times(minutes / 2), rng, Key(2));
                }
                tickets.is_valid(LIFE, given + MINUTE.times(minutes), rng, Key(7), ticket)
            };
            lives.push((0..30).take_while(|&minutes| good(minutes, tickets.clone(), &mut rng)).count() as u64 - 1);
        }
        assert_eq!((lives.iter().min(), lives.iter().max()), (Some(&5), Some(&9)));
        let mean = lives.iter().sum::<u64>() as f64 / 1000.0;
        // Uniform in whole minutes 5 to 9.
        assert!((mean - 7.0).abs() < 0.15, "{mean}");
    }

    #[test]
    fn a_ticket_is_good_for_nobody_else_and_nowhere_else() {
        let mut rng = Streams::new(1).rng("test", 0);
        let (mut tickets, mut others) = (Tickets::default(), Tickets::default());
        let ticket = tickets.give(LIFE, Time::ZERO, &mut rng, Key(7));
        assert!(tickets.is_valid(LIFE, Time::ZERO, &mut rng, Key(7), ticket));
        assert!(!tickets.is_valid(LIFE, Time::ZERO, &mut rng, Key(8), ticket));
        assert!(!others.is_valid(LIFE, Time::ZERO, &mut rng, Key(7), ticket));
    }
}

//! The balancer's part: a reverse proxy before servers that hold the same.
//!
//! It learns of a server's failure from its silence alone, as nginx does (passive health checks).

use std::collections::BTreeMap;
use std::sync::Arc;

use peerlab_model::{Context, ItemId, LookupId, PeerId, Rng, Span, Time, Token};

use super::config::Balance;
use super::message::{ServerMessage, Ticket};
use super::{ClientServer, ServerTimer};
use crate::rate_limit::Limiter;
use crate::unstructured::flooding::Wanted;

type Cx<'a> = Context<'a, ClientServer>;

/// What the balancer knows of one server.
#[derive(Clone, Copy, Debug)]
struct Upstream {
    /// Requests that it has not answered yet, and that have not timed out.
    open: u32,
    /// Failures since `failing_since`.
    fails: u16,
    /// When the first of those failures was noticed.
    failing_since: Time,
    /// It counts as down before this.
    down_until: Time,
}

/// A client's request that a server has.
#[derive(Clone, Copy, Debug)]
struct Relayed {
    id: LookupId,
    wanted: Wanted,
    client: PeerId,
    /// Its number at the client.
    token: Token,
    server: u16,
    /// How often it was passed on before.
    attempt: u16,
}

/// What the balancer knows. One that was switched off and on again knows nothing.
#[derive(Clone, Debug)]
pub struct Balancer {
    upstreams: Box<[Upstream]>,
    /// The server after the one that got the last request.
    turn: u16,
    /// Requests that wait for a server, by the number that they got here.
    relayed: BTreeMap<Ticket, Relayed>,
    next_ticket: u32,
    /// How much everybody has asked, where that is limited.
    pub(super) limiter: Limiter,
}

impl Balancer {
    pub(super) fn new(servers: u16) -> Self {
        let upstream = Upstream { open: 0, fails: 0, failing_since: Time::MIN, down_until: Time::MIN };
        Self {
            upstreams: vec![upstream; servers.into()].into(),
            turn: 0,
            relayed: BTreeMap::new(),
            next_ticket: 0,
            limiter: Limiter::default(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.upstreams.len() * size_of::<Upstream>() + self.relayed.len() * size_of::<(Ticket, Relayed)>() + self.limiter.bytes()
    }

    /// Requests in progress at each server.
    pub fn open(&self) -> impl Iterator<Item = u32> {
        self.upstreams.iter().map(|upstream| upstream.open)
    }

    /// Who gets the next request: one of the servers that are not down, and if all are down, one of all, in the hope that it is back.
    fn choose(&mut self, balance: Balance, now: Time, rng: &mut Rng) -> u16 {
        let count = self.upstreams.len();
        let all_down = self.upstreams.iter().all(|upstream| upstream.down_until > now);
        let is_up = |index: &usize| all_down || self.upstreams[*index].down_until <= now;
        let open = |index: &usize| self.upstreams[*index].open;
        let mut in_turn = (0..count).map(|step| (usize::from(self.turn) + step) % count).filter(is_up);
        let chosen = match balance {
            Balance::RoundRobin => in_turn.next(),
            Balance::LeastConnections => in_turn.min_by_key(open),
            Balance::Random => in_turn.nth(rng.index(in_turn.clone().count())),
            Balance::TwoChoices => {
                let up = in_turn.clone().count();
                let (one, other) = (rng.index(up), rng.index(up));
                let draw = |at: usize| in_turn.clone().nth(at);
                draw(one).into_iter().chain(draw(other)).min_by_key(open)
            }
        };
        let chosen = chosen.expect("there is at least one server that is up, or all count as up") as u16;
        self.turn = (chosen + 1) % count as u16;
        chosen
    }

    /// `index` has left a request unanswered.
    fn failed(&mut self, index: u16, now: Time, max_fails: u16, fail_timeout: Span) {
        let upstream = &mut self.upstreams[usize::from(index)];
        upstream.open -= 1;
        if upstream.fails == 0 || now.since(upstream.failing_since) > fail_timeout {
            upstream.fails = 0;
            upstream.failing_since = now;
        }
        upstream.fails = upstream.fails.saturating_add(1);
        if upstream.fails >= max_fails {
            upstream.down_until = now + fail_timeout;
            upstream.fails = 0;
        }
    }
}

impl ClientServer {
    /// A client's request goes to a server.
    pub(super) fn pass_on(&self, balancer: &mut Balancer, cx: &mut Cx<'_>, client: PeerId, token: Token, id: LookupId, wanted: Wanted) {
        let server = balancer.choose(self.config.balance, cx.now(), cx.rng());
        let ticket = Ticket(balancer.next_ticket);
        balancer.next_ticket = balancer.next_ticket.wrapping_add(1);
        self.relay(balancer, cx, ticket, Relayed { id, wanted, client, token, server, attempt: 0 });
    }

    fn relay(&self, balancer: &mut Balancer, cx: &mut Cx<'_>, ticket: Ticket, request: Relayed) {
        balancer.upstreams[usize::from(request.server)].open += 1;
        if let Some(message) = ServerMessage::relay(ticket, request.id, request.wanted) {
            cx.send(self.behind(request.server), message);
        }
        cx.set_timer(self.config.relay_timeout.span(), ServerTimer::Relay(ticket));
        balancer.relayed.insert(ticket, request);
    }

    /// A server's answer goes to the client. One that comes after its time finds nobody who waits for it.
    pub(super) fn pass_back(
        &self,
        balancer: &mut Balancer,
        cx: &mut Cx<'_>,
        from: PeerId,
        ticket: Ticket,
        items: Option<Arc<Vec<ItemId>>>,
    ) {
        let Some(&Relayed { id, client, token, server, .. }) = balancer.relayed.get(&ticket) else { return };
        if self.behind(server) != from {
            // It was given up, and another one has the request now.
            return;
        }
        balancer.relayed.remove(&ticket);
        let upstream = &mut balancer.upstreams[usize::from(server)];
        upstream.open -= 1;
        upstream.fails = 0;
        let answer = match items {
            None => ServerMessage::Answer { token, id, server: from },
            Some(items) => ServerMessage::Matches { token, id, server: from, items },
        };
        cx.send(client, answer);
    }

    /// A server has not answered: another one gets the request, as often as there are servers.
    pub(super) fn relay_timed_out(&self, balancer: &mut Balancer, cx: &mut Cx<'_>, ticket: Ticket) {
        let Some(request) = balancer.relayed.remove(&ticket) else { return };
        let now = cx.now();
        balancer.failed(request.server, now, self.config.max_fails, self.config.fail_timeout.span());
        cx.timed_out(request.id);
        let attempt = request.attempt + 1;
        if attempt < self.config.servers {
            let server = balancer.choose(self.config.balance, now, cx.rng());
            self.relay(balancer, cx, ticket, Relayed { server, attempt, ..request });
        }
    }
}

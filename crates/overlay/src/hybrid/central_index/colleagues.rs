//! What several index servers tell each other.
//!
//! Each server has peers of its own, who have registered with it, and tells the others of them: all of it where the index is replicated; where
//! it is partitioned, who is there, and the items that fall to the other. News goes out once in `sync_interval`, in numbered messages, the next
//! one when the last one was acknowledged; an empty one now and then is a sign of life. Who has missed something, or has been switched off and
//! on again, asks for the whole list, and whoever has been deaf for long is told it anyway.
//!
//! A server that was silent for `peer_timeout` is forgotten with its peers. They come back as those of another server, once they have noticed.
//!
//! # Cost
//! n² messages in `sync_interval` where there is news, else in `heartbeat_interval`. Each is one message for a server's capacity, however long.
//!
//! # Not here
//! An order among writes beyond the time at which a peer registered: the servers' clocks agree.

use std::sync::Arc;

use peerlab_model::{Context, ItemId, LookupId, PeerId, Time, Token};

use super::config::Division;
use super::message::{Change, IndexMessage, News};
use super::server::Server;
use super::{CentralIndex, IndexTimer};
use crate::servers::number_of;

type Cx<'a> = Context<'a, CentralIndex>;

/// What a server knows of another one, and has yet to tell it.
#[derive(Clone, Debug)]
pub(super) struct Colleague {
    outbox: Vec<News>,
    /// It has to be told everything; the outbox is empty.
    wants_all: bool,
    /// The message that was sent last.
    number: u32,
    sent: Time,
    batch: Arc<[News]>,
    whole: bool,
    /// How often it has been sent in vain, if it is not acknowledged.
    waiting: Option<u8>,
    /// The other's life that messages have come from, and the last one's number.
    life: Option<u32>,
    last: u32,
    heard: Time,
}

impl Colleague {
    /// Of a network that has run for long (nothing is new), or unknown.
    pub(super) fn new(known: bool) -> Self {
        Self {
            outbox: Vec::new(),
            wants_all: !known,
            number: 0,
            sent: Time::ZERO,
            batch: Arc::default(),
            whole: false,
            waiting: None,
            life: known.then_some(0),
            last: 0,
            heard: Time::ZERO,
        }
    }
}

impl CentralIndex {
    /// Which server an item falls to.
    pub(super) fn responsible(&self, item: ItemId) -> u16 {
        let key = self.numbering.item_key(item).0;
        ((u128::from(key) * u128::from(self.config.servers)) >> u64::BITS) as u16
    }

    /// True if this server keeps the holders of an item.
    pub(super) fn keeps(&self, this: u16, item: ItemId) -> bool {
        self.config.index != Division::Partitioned || self.responsible(item) == this
    }

    /// True if there are several servers that tell each other what they know.
    pub(super) fn have_news(&self) -> bool {
        self.config.servers > 1 && self.config.index != Division::Separate
    }

    /// A server begins to talk to the others.
    pub(super) fn meet_colleagues(&self, server: &mut Server, cx: &mut Cx<'_>) {
        if !self.have_news() {
            return;
        }
        if server.colleagues.is_empty() {
            server.life = cx.rng().bits() as u32 | 1;
            server.colleagues = vec![Colleague::new(false); usize::from(self.config.servers)];
        }
        for colleague in &mut server.colleagues {
            (colleague.sent, colleague.heard) = (cx.now(), cx.now());
        }
        cx.set_timer_within(self.config.sync_interval.span(), IndexTimer::Sync);
    }

    /// Something has happened to a peer that is, or was, registered here.
    pub(super) fn note(&self, server: &mut Server, this: u16, peer: PeerId, change: Change) {
        for (number, colleague) in (0..).zip(&mut server.colleagues) {
            let concerns = match change {
                Change::Arrived(_) | Change::Gone => true,
                Change::Shares(item) | Change::NoLonger(item) => self.keeps(number, item),
            };
            if number != this && concerns && !colleague.wants_all {
                colleague.outbox.push(News { peer, change });
            }
        }
    }

    /// Time to tell the others.
    pub(super) fn sync(&self, server: &mut Server, cx: &mut Cx<'_>) {
        let (now, this) = (cx.now(), number_of(&self.numbering, cx.this()));
        for number in (0..self.config.servers).filter(|&number| number != this) {
            let colleague = &mut server.colleagues[usize::from(number)];
            if now.since(colleague.heard) > self.config.peer_timeout.span() {
                server.index.forget_server(number);
            }
            let is_due = if let Some(attempt) = colleague.waiting {
                now.since(colleague.sent) >= self.backoff(attempt.into())
            } else {
                let is_long_ago = now.since(colleague.sent) >= self.config.heartbeat_interval.span();
                colleague.wants_all || !colleague.outbox.is_empty() || is_long_ago
            };
            if is_due {
                self.tell(server, cx, number);
            }
        }
        cx.set_timer(self.config.sync_interval.span(), IndexTimer::Sync);
    }

    fn tell(&self, server: &mut Server, cx: &mut Cx<'_>, number: u16) {
        let colleague = &mut server.colleagues[usize::from(number)];
        match &mut colleague.waiting {
            // It is deaf: what happens meanwhile need not be kept for it.
            Some(attempt) if *attempt >= self.config.retries => {
                colleague.outbox.clear();
                colleague.wants_all = true;
            }
            Some(attempt) => *attempt += 1,
            None => colleague.waiting = Some(0),
        }
        let again = colleague.waiting.is_some_and(|attempt| attempt > 0) && !colleague.wants_all;
        if !again {
            colleague.number = colleague.number.wrapping_add(1);
            let (whole, outbox) = (std::mem::take(&mut colleague.wants_all), std::mem::take(&mut colleague.outbox));
            let batch = if whole { self.everything(server, number) } else { outbox.into() };
            let colleague = &mut server.colleagues[usize::from(number)];
            (colleague.whole, colleague.batch) = (whole, batch);
        }
        let colleague = &mut server.colleagues[usize::from(number)];
        colleague.sent = cx.now();
        let (news, whole) = (Arc::clone(&colleague.batch), colleague.whole);
        cx.send(self.numbering.server(number.into()), IndexMessage::Tell { life: server.life, number: colleague.number, whole, news });
    }

    /// All that another server should know of this one's peers.
    fn everything(&self, server: &Server, number: u16) -> Arc<[News]> {
        let peers = server.index.own().flat_map(|(peer, since, items)| {
            let shares = items.filter(move |&item| self.keeps(number, item)).map(Change::Shares);
            std::iter::once(Change::Arrived(since)).chain(shares).map(move |change| News { peer, change })
        });
        peers.collect()
    }

    /// Another server has news.
    pub(super) fn told_by(&self, server: &mut Server, cx: &mut Cx<'_>, from: PeerId, tell: (u32, u32, bool), news: &[News]) {
        let (life, number, whole) = tell;
        let with = number_of(&self.numbering, from);
        let Some(colleague) = server.colleagues.get_mut(usize::from(with)) else { return };
        colleague.heard = cx.now();
        let is_same = colleague.life == Some(life);
        let is_next = is_same && number == colleague.last.wrapping_add(1);
        let is_repeated = is_same && number == colleague.last;
        let is_anew = whole && !is_repeated;
        if is_anew {
            server.index.forget_server(with);
        }
        if is_next || is_anew {
            (colleague.life, colleague.last) = (Some(life), number);
            for &news in news {
                self.learn(server, cx, with, news);
            }
        }
        let missing = !(is_next || is_repeated || whole);
        cx.send(from, IndexMessage::Told { number, missing });
    }

    fn learn(&self, server: &mut Server, cx: &Cx<'_>, with: u16, News { peer, change }: News) {
        let index = &mut server.index;
        if let Change::Arrived(since) = change {
            index.login_elsewhere(&self.numbering, peer, with, since);
        } else if index.is_with(&self.numbering, peer, with) {
            match change {
                Change::Shares(item) => {
                    index.share(&self.numbering, peer, &[item]);
                    index.name(item, cx.words_of(item));
                }
                Change::NoLonger(item) => index.unshare(&self.numbering, peer, &[item]),
                Change::Gone | Change::Arrived(_) => index.remove(&self.numbering, peer),
            }
        }
    }

    /// Another server has got what it was told.
    pub(super) fn acknowledged_by(&self, server: &mut Server, cx: &Cx<'_>, from: PeerId, number: u32, missing: bool) {
        let with = number_of(&self.numbering, from);
        let Some(colleague) = server.colleagues.get_mut(usize::from(with)) else { return };
        colleague.heard = cx.now();
        if number == colleague.number && colleague.waiting.take().is_some() && missing {
            colleague.outbox.clear();
            colleague.wants_all = true;
        }
    }

    /// A question for an item that falls to another server: it is passed on, unless that one is known to be away.
    pub(super) fn relay(&self, server: &Server, cx: &mut Cx<'_>, from: PeerId, (token, id, item): (Token, LookupId, ItemId)) {
        let number = self.responsible(item);
        let is_there =
            server.colleagues.get(usize::from(number)).is_some_and(|other| cx.now().since(other.heard) <= self.config.peer_timeout.span());
        if is_there {
            cx.send(self.numbering.server(number.into()), IndexMessage::Relay { token, id, item, origin: from });
        } else {
            cx.send(from, IndexMessage::Answer { token, id, holders: Box::default() });
        }
    }
}

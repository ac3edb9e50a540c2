//! A server's part of the protocol.
//!
//! It answers every request, those that it cannot serve with [`IndexMessage::Unknown`]: nobody waits for nothing while it runs.

use peerlab_model::{Context, ItemId, LookupId, PeerId, Time, Token};

use super::colleagues::Colleague;
use super::index::Index;
use super::message::{Change, IndexMessage, Session};
use super::{CentralIndex, IndexTimer};
use crate::rate_limit::Limiter;
use crate::servers::number_of;

type Cx<'a> = Context<'a, CentralIndex>;

/// What a server knows. A server that was switched off and on again knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub(super) index: Index,
    /// The records were made before time began: their times are relative to zero.
    pub(super) before_time: bool,
    /// The other servers, by their numbers (its own place among them means nothing), where they talk to each other.
    pub(super) colleagues: Vec<Colleague>,
    /// Which life of its own this is: 0 if it began before time did.
    pub(super) life: u32,
    /// How much everybody has asked, where that is limited.
    pub(super) limiter: Limiter,
}

impl CentralIndex {
    pub(super) fn serve(&self, server: &mut Server, cx: &mut Cx<'_>) {
        if std::mem::take(&mut server.before_time) {
            server.index.rebase(cx.now());
        }
        cx.set_timer(self.config.sweep_interval.span(), IndexTimer::Sweep);
        self.meet_colleagues(server, cx);
    }

    pub(super) fn sweep(&self, server: &mut Server, cx: &mut Cx<'_>) {
        let this = number_of(&self.numbering, cx.this());
        for gone in server.index.sweep(cx.now(), self.config.peer_timeout.span()) {
            self.note(server, this, gone, Change::Gone);
        }
        cx.set_timer(self.config.sweep_interval.span(), IndexTimer::Sweep);
    }

    pub(super) fn request(&self, server: &mut Server, cx: &mut Cx<'_>, from: PeerId, message: IndexMessage) {
        let (now, this) = (cx.now(), number_of(&self.numbering, cx.this()));
        let index = &mut server.index;
        match message {
            IndexMessage::Login { token } => {
                let session = Session(cx.rng().bits() as u32);
                index.login(&self.numbering, from, session, now);
                cx.send(from, IndexMessage::Welcome { token, session });
                self.note(server, this, from, Change::Arrived(now));
            }
            IndexMessage::Share { token, session, items } => {
                if self.known(index, cx, from, token, session, None) {
                    if self.config.verify {
                        // Which parts follows from a secret, the session and the item: there is nothing to remember.
                        cx.send(from, IndexMessage::Challenge { token, session, items });
                    } else {
                        self.list(server, cx, from, token, &items);
                    }
                }
            }
            IndexMessage::Proof { token, session, items } => {
                if self.known(index, cx, from, token, session, None) {
                    self.list(server, cx, from, token, &items);
                }
            }
            IndexMessage::Unshare { token, session, items } => {
                if self.known(index, cx, from, token, session, None) {
                    index.unshare(&self.numbering, from, &items);
                    cx.send(from, IndexMessage::Done { token });
                    for &item in &items {
                        self.note(server, this, from, Change::NoLonger(item));
                    }
                }
            }
            IndexMessage::Heartbeat { token, session } => {
                if self.known(index, cx, from, token, session, None) {
                    cx.send(from, IndexMessage::Done { token });
                }
            }
            IndexMessage::QueryItem { token, session, id, item } => {
                if self.known(index, cx, from, token, session, Some(id)) {
                    if self.keeps(this, item) {
                        let holders = index.holders(item, from, self.config.results.into(), self.config.select, cx.rng());
                        cx.send(from, IndexMessage::Answer { token, id, holders });
                    } else {
                        self.relay(server, cx, from, (token, id, item));
                    }
                }
            }
            IndexMessage::Relay { token, id, item, origin } => {
                let holders = index.holders(item, origin, self.config.results.into(), self.config.select, cx.rng());
                cx.send(origin, IndexMessage::Relayed { token, id, holders });
            }
            IndexMessage::Tell { life, number, whole, news } => self.told_by(server, cx, from, (life, number, whole), &news),
            IndexMessage::Told { number, missing } => self.acknowledged_by(server, cx, from, number, missing),
            IndexMessage::Search { token, session, id, keywords } => {
                if self.known(index, cx, from, token, session, Some(id)) {
                    let most = (self.config.matches.into(), self.config.results.into());
                    let postings = index.matching(keywords, from, most, self.config.select, cx.rng());
                    cx.send(from, IndexMessage::Matches { token, id, postings });
                }
            }
            IndexMessage::QueryPeer { token, session, id, named } => {
                if self.known(index, cx, from, token, session, Some(id)) {
                    let holders = if index.knows(&self.numbering, named) { Box::from([named]) } else { Box::default() };
                    cx.send(from, IndexMessage::Answer { token, id, holders });
                }
            }
            IndexMessage::Goodbye { session } => {
                if index.logout(&self.numbering, from, session) {
                    self.note(server, this, from, Change::Gone);
                }
            }
            // What servers say to peers.
            IndexMessage::Welcome { .. }
            | IndexMessage::Done { .. }
            | IndexMessage::Challenge { .. }
            | IndexMessage::Unknown { .. }
            | IndexMessage::Matches { .. }
            | IndexMessage::Relayed { .. }
            | IndexMessage::Answer { .. } => {}
        }
    }

    /// Lists items of a peer of this server's own, and says so. What has been taken down is passed over without a word.
    fn list(&self, server: &mut Server, cx: &mut Cx<'_>, from: PeerId, token: Token, items: &[ItemId]) {
        let this = number_of(&self.numbering, cx.this());
        let items: Vec<ItemId> = items.iter().copied().filter(|&item| !cx.refuses(self.numbering.item_key(item))).collect();
        self.enter(&mut server.index, cx, this, from, &items);
        cx.send(from, IndexMessage::Done { token });
        for item in items {
            self.note(server, this, from, Change::Shares(item));
        }
    }

    /// Enters items of a peer of this server's own, with the words of their names, which have come along.
    fn enter(&self, index: &mut Index, cx: &Cx<'_>, this: u16, from: PeerId, items: &[ItemId]) {
        let here: Vec<ItemId> = items.iter().copied().filter(|&item| self.keeps(this, item)).collect();
        if here.len() < items.len() {
            index.share_elsewhere(&self.numbering, from, items.iter().copied().filter(|&item| !self.keeps(this, item)));
        }
        index.share(&self.numbering, from, &here);
        for item in here {
            index.name(item, cx.words_of(item));
        }
    }

    /// Notes the sign of life; one who is not registered is told so.
    fn known(&self, index: &mut Index, cx: &mut Cx<'_>, from: PeerId, token: Token, session: Session, question: Option<LookupId>) -> bool {
        let known = index.heard(&self.numbering, from, session, cx.now());
        if !known {
            cx.send(from, IndexMessage::Unknown { token, session, question });
        }
        known
    }
}

impl Server {
    /// The records.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// A record of before time began, for a peer that was last heard `age` before.
    pub(super) fn remember(&mut self, numbering: &peerlab_model::Numbering, peer: PeerId, session: Session, age: peerlab_model::Span) {
        self.index.login(numbering, peer, session, Time::ZERO - age);
    }
}

//! The server's part of the protocol.
//!
//! It answers every request, those that it cannot serve with [`IndexMessage::Unknown`]: nobody waits for nothing while it runs.

use peerlab_model::{Context, LookupId, PeerId, Time, Token};

use super::index::Index;
use super::message::{IndexMessage, Session};
use super::{CentralIndex, IndexTimer};

type Cx<'a> = Context<'a, CentralIndex>;

/// What the server knows. A server that was switched off and on again knows nothing.
#[derive(Clone, Debug, Default)]
pub struct Server {
    pub(super) index: Index,
    /// The records were made before time began: their times are relative to zero.
    pub(super) before_time: bool,
}

impl CentralIndex {
    pub(super) fn serve(&self, server: &mut Server, cx: &mut Cx<'_>) {
        if std::mem::take(&mut server.before_time) {
            server.index.rebase(cx.now());
        }
        cx.set_timer(self.config.sweep_interval.span(), IndexTimer::Sweep);
    }

    pub(super) fn sweep(&self, server: &mut Server, cx: &mut Cx<'_>) {
        server.index.sweep(cx.now(), self.config.peer_timeout.span());
        cx.set_timer(self.config.sweep_interval.span(), IndexTimer::Sweep);
    }

    pub(super) fn request(&self, server: &mut Server, cx: &mut Cx<'_>, from: PeerId, message: IndexMessage) {
        let now = cx.now();
        let index = &mut server.index;
        match message {
            IndexMessage::Login { token } => {
                let session = Session(cx.rng().bits() as u32);
                index.login(&self.numbering, from, session, now);
                cx.send(from, IndexMessage::Welcome { token, session });
            }
            IndexMessage::Share { token, session, items } => {
                if self.known(index, cx, from, token, session, None) {
                    index.share(&self.numbering, from, &items);
                    for &item in &items {
                        index.name(item, cx.words_of(item));
                    }
                    cx.send(from, IndexMessage::Done { token });
                }
            }
            IndexMessage::Unshare { token, session, items } => {
                if self.known(index, cx, from, token, session, None) {
                    index.unshare(&self.numbering, from, &items);
                    cx.send(from, IndexMessage::Done { token });
                }
            }
            IndexMessage::Heartbeat { token, session } => {
                if self.known(index, cx, from, token, session, None) {
                    cx.send(from, IndexMessage::Done { token });
                }
            }
            IndexMessage::QueryItem { token, session, id, item } => {
                if self.known(index, cx, from, token, session, Some(id)) {
                    let holders = index.holders(item, from, self.config.results.into(), self.config.select, cx.rng());
                    cx.send(from, IndexMessage::Answer { token, id, holders });
                }
            }
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
            IndexMessage::Goodbye { session } => index.logout(&self.numbering, from, session),
            // The server's own kinds: nobody sends them to it.
            IndexMessage::Welcome { .. }
            | IndexMessage::Done { .. }
            | IndexMessage::Unknown { .. }
            | IndexMessage::Matches { .. }
            | IndexMessage::Answer { .. } => {}
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
        self.before_time = true;
        self.index.login(numbering, peer, session, Time::ZERO - age);
    }
}

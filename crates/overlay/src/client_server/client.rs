//! A client's part: it asks, waits, and asks again.

use peerlab_model::{Context, Hit, ItemId, LookupId, PeerId, Token};

use super::message::ServerMessage;
use super::{ClientServer, Question, ServerTimer};
use crate::unstructured::flooding::Wanted;

type Cx<'a> = Context<'a, ClientServer>;

impl ClientServer {
    pub(super) fn ask(&self, cx: &mut Cx<'_>, id: LookupId, wanted: Wanted) {
        let token = cx.open(Question { id, wanted, asked: cx.now(), attempt: 0 });
        self.send_request(cx, token, id, wanted, 0);
    }

    fn send_request(&self, cx: &mut Cx<'_>, token: Token, id: LookupId, wanted: Wanted, attempt: u8) {
        if let Some(request) = ServerMessage::request(token, id, wanted) {
            cx.send(self.front(), request);
        }
        cx.set_timer(self.config.request_timeout.span().times(1 << attempt), ServerTimer::Ask(token));
    }

    /// What a server names.
    fn hit(&self, server: PeerId) -> Hit {
        Hit { peer: server, hops: if self.config.has_balancer() { 2 } else { 1 }, rounds: 0 }
    }

    pub(super) fn answered(&self, cx: &mut Cx<'_>, token: Token, id: LookupId, server: PeerId) {
        // The answer to an earlier attempt will do; the second one finds nothing any more.
        if cx.close(token).is_some() {
            cx.hit(id, self.hit(server));
            cx.finish(id);
        }
    }

    pub(super) fn told_matches(&self, cx: &mut Cx<'_>, token: Token, id: LookupId, server: PeerId, items: &[ItemId]) {
        if cx.close(token).is_some() {
            for &item in items {
                cx.matched(id, self.hit(server), item);
            }
            cx.finish(id);
        }
    }

    pub(super) fn refused(cx: &mut Cx<'_>, token: Token, id: LookupId) {
        if cx.close(token).is_some() {
            cx.finish(id);
        }
    }

    pub(super) fn ask_timed_out(&self, cx: &mut Cx<'_>, token: Token) {
        let (now, setting) = (cx.now(), cx.setting());
        let Some(Question { id, wanted, asked, attempt }) = cx.request_mut(token) else { return };
        let (id, wanted) = (*id, *wanted);
        let spent = *attempt >= self.config.retries || setting.is_overdue(now.since(*asked));
        *attempt += 1;
        let attempt = *attempt;
        cx.timed_out(id);
        if spent {
            cx.close(token);
            cx.finish(id);
        } else {
            self.send_request(cx, token, id, wanted, attempt);
        }
    }
}

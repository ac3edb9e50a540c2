//! A client's part: it asks, waits, and asks again.

use peerlab_model::{Context, Hit, ItemId, LookupId, PeerId, Token};

use super::message::ServerMessage;
use super::{ClientServer, Question, ServerTimer};

type Cx<'a> = Context<'a, ClientServer>;

impl ClientServer {
    pub(super) fn ask(&self, cx: &mut Cx<'_>, id: LookupId, item: ItemId) {
        let token = cx.open(Question { id, item, asked: cx.now(), attempt: 0 });
        self.send_request(cx, token, id, item, 0);
    }

    fn send_request(&self, cx: &mut Cx<'_>, token: Token, id: LookupId, item: ItemId, attempt: u8) {
        cx.send(self.front(), ServerMessage::Request { token, id, item });
        cx.set_timer(self.config.request_timeout.span().times(1 << attempt), ServerTimer::Ask(token));
    }

    pub(super) fn answered(&self, cx: &mut Cx<'_>, token: Token, id: LookupId, server: PeerId) {
        // The answer to an earlier attempt will do; the second one finds nothing any more.
        if cx.close(token).is_some() {
            let hops = if self.config.has_balancer() { 2 } else { 1 };
            cx.hit(id, Hit { peer: server, hops, rounds: 0 });
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
        let Some(Question { id, item, asked, attempt }) = cx.request_mut(token) else { return };
        let (id, item) = (*id, *item);
        let spent = *attempt >= self.config.retries || setting.is_overdue(now.since(*asked));
        *attempt += 1;
        let attempt = *attempt;
        cx.timed_out(id);
        if spent {
            cx.close(token);
            cx.finish(id);
        } else {
            self.send_request(cx, token, id, item, attempt);
        }
    }
}

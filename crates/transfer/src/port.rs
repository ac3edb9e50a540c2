//! What an agent can do: its only way to the world.

use peerlab_model::{ItemId, PeerId, Span, Time};

use crate::message::TransferMessage;

/// What an agent is reminded of. Reminders end with the host's session in which they were set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wake {
    /// The uplink is free for the next block.
    Uplink,
    /// The round of choking, of looking after connections and of seeking sources.
    Round,
    /// This long a finished item has been served.
    Served(ItemId),
}

/// The machine that an agent runs on, and the network beyond.
pub trait Port {
    /// The present instant.
    fn now(&self) -> Time;

    /// This peer's own identity.
    fn this(&self) -> PeerId;

    /// Sends a message of a connection. What gets lost is sent again, as TCP does; nobody is told if the other one is gone. `order` is the
    /// connection's: when its latest message arrives, which no later one does before.
    fn send(&mut self, to: PeerId, message: TransferMessage, order: &mut Time);

    /// Sets a reminder.
    fn wake(&mut self, after: Span, wake: Wake);

    /// When all that has been sent so far will have left this host's uplink; the present instant if it has.
    fn uplink_free(&self) -> Time;

    /// True if the item, or at least a piece of it that can be served, is on this host's disk.
    fn holds(&self, item: ItemId) -> bool;

    /// True if whoever runs this host obeys a takedown of the item.
    fn refuses(&self, item: ItemId) -> bool;

    /// The item is on the disk from now on, and the overlay is told; or it no longer is.
    fn shelve(&mut self, item: ItemId, holds: bool);

    /// Asks the overlay for holders of an item, for download number `download` of this host, which has begun `earlier` searches before. They are
    /// told to the agent, one by one; then that the search is over.
    fn search(&mut self, download: u32, earlier: u32, item: ItemId);

    /// So many bytes of content have arrived, from a server or from a peer.
    fn received(&mut self, bytes: u32, from_server: bool);
}

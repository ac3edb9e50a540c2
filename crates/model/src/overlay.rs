//! The plug-in boundary: what a lookup model is.

use std::fmt::Debug;
use std::hash::Hash;

use peerlab_engine::random::Rng;
use peerlab_engine::time::{Span, Time};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::Context;
use crate::ids::{ItemId, Key, LookupId, Numbering, PeerId, Record, RumourId};
use crate::issues::Issues;
use crate::keywords::{Keywords, NAME_BYTES, Word};
use crate::message::{Fields, Message, Wire};
use crate::requests::Token;
use crate::roster::Roster;

/// A lookup model, written as one peer's state machine.
///
/// `&self` is the read-only configuration; `peer` is all that one peer knows; [`Context`] gives the time, this peer's own
/// randomness, and the means to act. No handler can name another peer's state, the list of members, or who is alive.
///
/// The required methods are `new`, `peer`, `join`, `lookup`, `message` and `timer`; a model that supports `start = "converged"`
/// (the default of scenarios) also has `converged` and `started`.
pub trait Overlay: Sized + Send + Sync + 'static {
    /// The name in scenario files, such as `chord`.
    const NAME: &'static str;
    /// One line for `sim list topologies`.
    const SUMMARY: &'static str;
    /// The paper that it follows.
    const SOURCE: &'static str;
    /// How it finds things.
    const FAMILY: Family;

    /// True if its peers pass rumours on (`[rumours]`): see [`Overlay::rumour`].
    const SPREADS: bool = false;

    /// True if most messages make a peer look at what is on its disk, which is then brought near. A hint, nothing else.
    const READS_DISK: bool = false;

    /// The model's own parameters in a `[[topology]]` table.
    type Config: OverlayConfig;
    /// What one peer knows (or what a dedicated server knows).
    type Peer: Send;
    /// What peers say to each other.
    type Message: Message;
    /// What a peer's timer reminds it of; the peer itself remembers whether it still matters.
    type Timer: Copy + Debug + Hash + Send + 'static;
    /// What a peer remembers of a request in flight: see [`Context::open`]. Keep it small, and box what is not.
    type Request: Send + 'static;

    /// Builds the model; reads files that the configuration names.
    ///
    /// # Errors
    /// If the configuration cannot work in this setting (a file, say); see [`OverlayConfig::check`] for what is checked before.
    fn new(config: &Self::Config, setting: &Setting) -> Result<Self, BuildError>;

    /// Which kinds of question it can answer.
    fn targets(config: &Self::Config) -> Targets;

    /// The servers that it needs beside the population.
    fn dedicated(_config: &Self::Config) -> Vec<Role> {
        Vec::new()
    }

    /// A peer that has just been switched on and knows nothing (or, by its id, a dedicated server).
    fn peer(&self, id: PeerId) -> Self::Peer;

    /// Gives the members of an overlay that has run for long their tables. Called once, before time begins.
    fn converged(&self, start: &Start<'_>, peers: &mut dyn PeerTable<Self::Peer>);

    /// This peer is a running member from now on, without having joined: a member of the converged start, or a server
    /// that was switched on. It sets its periodic timers here.
    fn started(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>);

    /// This peer wants to become a member. [`Context::bootstrap`] gives a contact, again if it is dead; the model calls
    /// [`Context::joined`] when it has succeeded.
    fn join(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>);

    /// This peer leaves politely and may say goodbye. A crash calls nothing.
    fn leave(&self, _peer: &mut Self::Peer, _cx: &mut Context<'_, Self>) {}

    /// This peer asks a question: any number of [`Context::hit`]s, then exactly one [`Context::finish`].
    fn lookup(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>, id: LookupId, target: Target);

    /// True if this peer's machine takes in a message that has arrived, before it waits for its turn there; false turns it away unread, which counts as
    /// if the queue were full. For limits to what others may ask.
    #[inline]
    fn admits(&self, _peer: &mut Self::Peer, _now: Time, _from: PeerId, _message: &Self::Message) -> bool {
        true
    }

    /// A message has arrived.
    fn message(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>, from: PeerId, message: Self::Message);

    /// A timer that this peer set in its present life has gone off.
    fn timer(&self, peer: &mut Self::Peer, cx: &mut Context<'_, Self>, timer: Self::Timer);

    /// The request (see [`Context::open`]) whose timeout this timer is, if it is nothing else: where the request no longer waits,
    /// [`Overlay::timer`] would do nothing, and is not called. Most timeouts find that their request has been answered.
    #[inline]
    fn timeout_of(_timer: Self::Timer) -> Option<Token> {
        None
    }

    /// This member holds `items` from now on and may tell others: called with all that is on its disk once it is a member
    /// (not at a converged start, where [`Start::shares`] says who holds what), and with what comes later.
    fn publish(&self, _peer: &mut Self::Peer, _cx: &mut Context<'_, Self>, _items: &[ItemId]) {}

    /// This member no longer holds `items`.
    fn withdraw(&self, _peer: &mut Self::Peer, _cx: &mut Context<'_, Self>, _items: &[ItemId]) {}

    /// This peer obeys a takedown of `item`: told when the notice comes, and again at the start of each later life while it is in force.
    ///
    /// A peer that keeps records for others, or an index, forgets what it knows of the item, and takes in and says nothing of it while
    /// [`Context::refuses`] says so. Where nobody knows what others have, it is up to each holder: the default deletes this peer's own copy.
    fn take_down(&self, _peer: &mut Self::Peer, cx: &mut Context<'_, Self>, item: ItemId) {
        if cx.holds(item) {
            cx.discard(item);
        }
    }

    /// This member knows something new, which everybody is to hear. Whoever hears of it from another says so with [`Context::heard`].
    /// Only models that say so ([`Overlay::SPREADS`]) are given rumours.
    fn rumour(&self, _peer: &mut Self::Peer, _cx: &mut Context<'_, Self>, _rumour: RumourId) {}

    // For measurement, outside the run.

    /// The peer that is responsible for `key` among `members`, in models that have one and in which it follows from who is a member.
    ///
    /// Where it depends on what has happened, a model leaves this out. Its peers say what they answer for as it changes, with
    /// [`Context::claim`] and [`Context::release`], and the owner of a key is, at every instant and among those who are online, the one
    /// who has claimed it for longest: whoever believes that it has taken over what a living peer still holds is not right.
    fn owner(&self, _members: &Roster, _key: Key) -> Option<PeerId> {
        None
    }

    /// Visits every peer that this one has in its tables.
    fn contacts(&self, peer: &Self::Peer, visit: &mut dyn FnMut(PeerId));

    /// Bytes of protocol state at this peer: tables and records, not the simulator's bookkeeping.
    fn state_bytes(&self, peer: &Self::Peer) -> usize;

    /// The peer will be handed `next` in a moment: what of it lies behind a pointer and will be read then may be fetched with
    /// `peerlab_prefetch`. A hint, nothing else: it is called, or not, whatever a run's result.
    fn prefetch(&self, _peer: &Self::Peer, _next: Next<'_, Self::Message, Self::Timer>) {}

    /// The same for what lies behind the request that the peer has opened last, which most replies and timeouts are about.
    fn prefetch_request(&self, _request: &Self::Request) {}

    /// The records that this peer keeps for others, expired ones included, in models that keep some.
    fn records<'p>(&self, _peer: &'p Self::Peer) -> &'p [Record] {
        &[]
    }

    /// The machine of this peer, which is about to join, still has these values of its last life on its disk. They have not expired.
    fn restore(&self, _peer: &mut Self::Peer, _records: &[Record]) {}

    /// Invariants of one peer, for tests.
    ///
    /// # Errors
    /// The invariant that does not hold.
    fn check(&self, _peer: &Self::Peer) -> Result<(), Violation> {
        Ok(())
    }
}

/// Parameters of a model: read from TOML, written into the resolved scenario, described by `sim list`.
///
/// Derive `Deserialize` (with `deny_unknown_fields, default`), `Serialize`, `JsonSchema` and `Default`; doc comments of
/// the fields become the help text.
pub trait OverlayConfig: DeserializeOwned + Serialize + JsonSchema + Default + Clone + Debug + Send + Sync + 'static {
    /// Notes every value that cannot work among `population` peers, all those of a host counted, with the key's path relative to the
    /// `[[topology]]` table.
    fn check(&self, population: u32, issues: &mut Issues);

    /// Bytes of tables that one peer will keep among so many members, roughly: for the estimate of a plan's memory.
    fn expected_bytes(&self, _members: u32) -> u64 {
        256
    }

    /// Peers that each host of the population runs (virtual nodes), 1 to 256. A model that allows several has a parameter
    /// `virtual_nodes`, which this returns; its range is checked by the world.
    ///
    /// They share their host's comings and goings, its link, its capacity and its queue; between two of them a message takes the smallest
    /// delay of the network. The host's first peer asks its questions and publishes what is on its disk.
    fn peers_per_host(&self) -> u32 {
        1
    }

    /// Bits of an identifier: of a peer's overlay id and of a key. A model that lets the user choose has a parameter `identifier_bits`, which
    /// this returns; its range is checked by the world, and [`Numbering`] gives keys of no more bits.
    fn identifier_bits(&self) -> u32 {
        Numbering::IDENTIFIER_BITS
    }

    /// Files that a run reads: their contents belong to what makes a result.
    fn files(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Named sets of parameters, such as those of a network that is in use. A model that has some has a parameter `preset`, too, an
    /// optional word, one of these names; each set here carries its own name in it.
    ///
    /// `preset = "name"` replaces the defaults: what the `[[topology]]` table says as well wins, key by key (a table as a whole). The
    /// resolved scenario has the name and all values.
    fn presets() -> Vec<(&'static str, Self)> {
        Vec::new()
    }
}

/// An event that is about to be handled.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a, M, T> {
    /// A message.
    Message(&'a M),
    /// A timer.
    Timer(T),
    /// A question of the peer's own: its tables will be gone through.
    Lookup,
}

/// How a model finds things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Keys have owners, and routing tables lead to them: DHTs.
    Structured,
    /// Nobody knows where anything is: floods and walks.
    Unstructured,
    /// Some peers or servers know who has what.
    Hybrid,
    /// The server has it all.
    ClientServer,
}

impl Family {
    /// The family's name as `sim list` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Structured => "structured",
            Self::Unstructured => "unstructured",
            Self::Hybrid => "hybrid",
            Self::ClientServer => "client-server",
        }
    }
}

/// What a question asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Target {
    /// The peer that is responsible for a key.
    Key(Key),
    /// A peer by its name.
    Peer(PeerId),
    /// A peer that holds an item.
    Item(ItemId),
    /// Items whose names have all of these words, and who holds them.
    Keywords(Keywords),
}

/// The kinds of question that a model can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each kind of question, none of which follows from another")]
pub struct Targets {
    /// `target = "key"`.
    pub key: bool,
    /// `target = "peer"`.
    pub peer: bool,
    /// `target = "content"`.
    pub content: bool,
    /// `target = "value"`: its peers keep values, not only the names of holders; see [`Setting::value_bytes`].
    pub value: bool,
    /// `target = "keywords"`: items by words of their names.
    pub keywords: bool,
}

/// A dedicated server: a known address, no churn, a link and a capacity of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// What it is, as in `peers.csv`: `index`, `tracker`, …
    pub name: &'static str,
    /// Messages that it can handle per second; unlimited if absent.
    pub capacity: Option<f64>,
    /// Messages that may wait; the next one is dropped. Means nothing without a capacity.
    pub queue: u32,
    /// It has all of the content: an answer that names it is right while it runs.
    pub holds_all: bool,
}

/// What a model knows of its surroundings when it is built.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// How peers and items are numbered, and their keys.
    pub numbering: Numbering,
    /// How many peers are online on average, all those of a host counted.
    pub expected_online: u32,
    /// How many items there are; 0 if nobody asks for content.
    pub items: u32,
    /// Where the overlay's peers keep values: the size of one. Its records are then of values, each published by the peer whose share the
    /// item is, and a question for an item wants the value, from whoever keeps it. Otherwise 0: records name the holders of an item.
    pub value_bytes: u32,
    /// The size of a rumour; 0 where there are none.
    pub rumour_bytes: u32,
    /// Where peers ask by keyword: words of an item's name, under each of which it is registered. Otherwise 0.
    pub words_per_item: u8,
    /// How the size of messages is counted.
    pub wire: Wire,
    /// After this time the origin no longer waits for an answer.
    pub lookup_timeout: Span,
}

impl Setting {
    /// True if peers keep values, not only the names of holders.
    #[inline]
    pub fn keeps_values(&self) -> bool {
        self.value_bytes > 0
    }

    /// How many records a holder of an item keeps alive: one for each word of its name where peers ask by keyword, else one.
    #[inline]
    pub fn records_per_item(&self) -> u8 {
        self.words_per_item.max(1)
    }

    /// Under whose name a record is kept. A value has one publisher, who is known by its machine: what it publishes again in another life
    /// is the same value. Elsewhere a record names the holder itself, in its present life.
    #[inline]
    pub fn registrant(&self, holder: PeerId) -> PeerId {
        if self.keeps_values() { self.numbering.peer(self.numbering.seat(holder), 0) } else { holder }
    }

    /// True if the origin of a question that was asked so long ago no longer waits for an answer: it need not be asked again.
    #[inline]
    pub fn is_overdue(&self, age: Span) -> bool {
        age >= self.lookup_timeout
    }

    /// A message's size on the wire in bytes, headers, values and rumours included.
    #[inline]
    pub fn wire_bytes<M: Message>(&self, message: &M) -> u32 {
        self.bytes_of(message.fields())
    }

    /// The same of a message with these fields.
    #[inline]
    pub fn bytes_of(&self, mut fields: Fields) -> u32 {
        let mut apart = 0;
        if fields.records > 0 || fields.rumours > 0 {
            apart = self.value_bytes * fields.records + self.rumour_bytes * fields.rumours;
            if self.words_per_item > 0 {
                // A posting is a record under a word that carries its item: the identifier and the name.
                fields = Fields { keys: fields.keys + fields.records, bytes: fields.bytes + NAME_BYTES * fields.records, ..fields };
            }
        }
        self.wire.bytes(fields, self.numbering.identifier_bytes()) + apart
    }
}

/// A network that has run for long, as [`Overlay::converged`] sees it.
pub struct Start<'a> {
    /// The peers that are members, in the order of their keys.
    pub members: &'a Roster,
    /// What each seat holds: a host's first one what is on its disk, the others nothing.
    pub shares: &'a dyn Shares,
    /// Randomness for tables that a long history would have made random.
    pub rng: Rng,
    /// The round trip between two members, as they would have measured it by now, without jitter; nothing where it is another one each time.
    pub round_trip: &'a dyn Fn(PeerId, PeerId) -> Option<Span>,
    /// Messages per second that a member's machine can handle, as [`Context::capacity`] tells the member itself.
    pub capacity: &'a dyn Fn(PeerId) -> Option<f64>,
}

/// Who holds what.
pub trait Shares: Sync {
    /// The items on a seat's disk, in ascending order.
    fn of(&self, seat: u32) -> &[ItemId];

    /// True if a seat's machine could show what an item of these contains; see [`Context::proves`].
    fn proves(&self, seat: u32, item: ItemId) -> bool {
        self.of(seat).binary_search(&item).is_ok()
    }

    /// The words of an item's name; none where nobody asks by keyword.
    fn words(&self, _item: ItemId) -> &[Word] {
        &[]
    }
}

/// Access to the states of peers by their identity, before time begins.
pub trait PeerTable<P> {
    /// The state of this peer.
    fn get(&mut self, peer: PeerId) -> &mut P;
}

/// An invariant of a model that does not hold: always a bug.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(pub String);

/// A model cannot be built from this configuration.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct BuildError {
    /// The key of the `[[topology]]` table that is to blame, such as `graph.file`.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

//! What one peer knows of rumours and of others.

use peerlab_model::{PeerId, RumourId, Span, Time};

use crate::unstructured::known::Known;
use crate::unstructured::membership::Member;

/// One peer of an epidemic.
#[derive(Clone, Debug)]
pub struct EpidemicPeer {
    /// All that it has heard.
    pub(super) known: Known,
    /// What it passes on.
    pub(super) hot: Vec<Hot>,
    /// Others' addresses, with `partners = "view"`.
    pub(super) view: Vec<PeerId>,
    /// What it knows of others where a membership gives the partners.
    pub(super) member: Option<Box<Member>>,
    /// From a multiple of the period to the beginning of its cycles.
    pub(super) phase: Span,
    /// Contacts that it has accepted in the cycle that began at `counted`.
    pub(super) accepted: u32,
    pub(super) counted: Time,
    /// The timer of its next cycle runs.
    pub(super) ticking: bool,
}

/// A rumour that a peer is interested in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hot {
    pub(super) rumour: RumourId,
    /// When it was heard.
    pub(super) since: Time,
    /// Who sent it last: they know it.
    pub(super) from: Option<PeerId>,
    /// Unnecessary cycles in a row.
    pub(super) spent: u32,
    /// There was a contact in this cycle (with feedback: one that was answered).
    pub(super) contacted: bool,
    /// One of them was necessary.
    pub(super) needed: bool,
}

impl Hot {
    pub(super) fn new(rumour: RumourId, since: Time, from: Option<PeerId>) -> Self {
        Self { rumour, since, from, spent: 0, contacted: false, needed: false }
    }
}

impl EpidemicPeer {
    pub(super) fn new(member: Option<Member>) -> Self {
        Self {
            known: Known::default(),
            hot: Vec::new(),
            view: Vec::new(),
            member: member.map(Box::new),
            phase: Span::ZERO,
            accepted: 0,
            counted: Time::MIN,
            ticking: false,
        }
    }

    /// True if it has heard this rumour.
    pub fn knows(&self, rumour: RumourId) -> bool {
        self.known.has(rumour)
    }

    /// True if it is interested in this rumour: it passes it on.
    pub fn spreads(&self, rumour: RumourId) -> bool {
        self.hot.iter().any(|hot| hot.rumour == rumour)
    }

    /// The others that it may contact, where it may not contact everybody.
    pub fn view(&self) -> &[PeerId] {
        self.member.as_ref().map_or(&self.view, |member| member.neighbours())
    }

    pub(super) fn hot_mut(&mut self, rumour: RumourId) -> Option<&mut Hot> {
        self.hot.iter_mut().find(|hot| hot.rumour == rumour)
    }

    pub(super) fn bytes(&self) -> usize {
        self.known.bytes()
            + self.hot.len() * size_of::<Hot>()
            + self.view.len() * 4
            + self.member.as_ref().map_or(0, |member| member.bytes())
    }
}

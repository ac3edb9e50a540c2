//! Anti-entropy: two peers compare all that they know (sections 1.3 and 1.5). A checksum first, which mostly is the end of it; then
//! names, then what is missing.

use peerlab_model::{Context, PeerId, RumourId};

use super::message::EpidemicMessage;
use super::peer::EpidemicPeer;
use super::{Epidemic, EpidemicTimer};

impl Epidemic {
    /// Compares with a random partner. Whoever is not there does not answer, and nothing is lost: another one comes next time.
    pub(super) fn anti_entropy(&self, peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>) {
        if let Some(partner) = self.partner(peer, cx) {
            cx.send(partner, EpidemicMessage::Checksum { sum: peer.known.checksum() });
        }
        cx.set_timer(self.config.anti_entropy.span(), EpidemicTimer::AntiEntropy);
    }

    /// A checksum: if it is not this peer's own, names tell where they differ.
    pub(super) fn compare(peer: &EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, sum: u64) {
        if sum != peer.known.checksum() {
            cx.send(from, EpidemicMessage::Digest { known: peer.known.words().into(), asks: true });
        }
    }

    /// Sends what the other one lacks, and asks for what this one lacks.
    pub(super) fn level(peer: &EpidemicPeer, cx: &mut Context<'_, Self>, from: PeerId, theirs: &[u64], asks: bool) {
        for rumour in peer.known.but_for(theirs) {
            cx.send(from, EpidemicMessage::Repair { rumour });
        }
        let mine = peer.known.words();
        let lacks = theirs.iter().enumerate().any(|(word, bits)| bits & !mine.get(word).copied().unwrap_or(0) != 0);
        if asks && lacks {
            cx.send(from, EpidemicMessage::Digest { known: mine.into(), asks: false });
        }
    }

    /// Something that this peer lacked. By now it is no news: it is not passed on.
    pub(super) fn repaired(peer: &mut EpidemicPeer, cx: &mut Context<'_, Self>, rumour: RumourId) {
        if peer.known.insert(rumour) {
            cx.heard(rumour);
        }
    }
}

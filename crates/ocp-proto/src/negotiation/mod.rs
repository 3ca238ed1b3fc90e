//! Offers, answers and the phases they form (RFC 4037 sections 6, 11.18 and 11.19).

use crate::message::{Feature, GroupId};

/// The negotiation state of a connection.
#[derive(Debug, Default)]
pub(crate) struct Negotiation {
    /// Our offer that waits for its answer.
    offer: Option<Offer>,
    /// The peer has said that further offers follow, and by what.
    peer_pending: Option<Pending>,
    /// An offer of the peer waits for the agent above to answer.
    question: Option<Offer>,
}

/// The message that has kept a phase open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pending {
    Offer,
    Answer,
}

/// An offer and its scope.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) features: Vec<Feature>,
    pub(crate) group: Option<GroupId>,
}

impl Negotiation {
    /// Whether an answer to our own offer is due.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.offer.is_some()
    }

    /// Whether the peer keeps the phase open, so that only phase messages may pass (section 6.1).
    pub(crate) fn phase_open(&self) -> bool {
        self.peer_pending.is_some()
    }

    /// Whether the peer keeps the phase open by its answer: then it knows of the phase, and nothing of it crosses.
    pub(crate) fn open_by_answer(&self) -> bool {
        self.peer_pending == Some(Pending::Answer)
    }

    /// Notes an offer of ours.
    ///
    /// # Errors
    /// An earlier one was not answered yet (section 11.18).
    pub(crate) fn offered(&mut self, offer: Offer) -> Result<(), &'static str> {
        if self.offer.is_some() {
            return Err("an offer is still without answer");
        }
        self.offer = Some(offer);
        Ok(())
    }

    /// Whether an offer of the peer is to be treated as if it had not come: the processor's own has priority.
    pub(crate) fn disregards_offers(&self, processor: bool) -> bool {
        processor && self.offer.is_some()
    }

    /// Takes an offer of the peer. A concurrent one of ours, the server, is void.
    pub(crate) fn offer_received(&mut self, offer: Offer, pending: bool) {
        self.offer = None;
        self.peer_pending = pending.then_some(Pending::Offer);
        self.question = Some(offer);
    }

    /// The peer's offer that is to be answered now.
    pub(crate) fn take_question(&mut self) -> Option<Offer> {
        self.question.take()
    }

    /// Takes the peer's answer; gives the selected feature and the scope of our offer.
    ///
    /// # Errors
    /// No offer was open, the scope is not echoed, or the selection was not offered (section 11.19).
    pub(crate) fn answer_received(
        &mut self,
        selected: Option<&Feature>,
        group: Option<GroupId>,
        pending: bool,
    ) -> Result<Offer, &'static str> {
        let offer = self.offer.take().ok_or("NR without an offer")?;
        if group != offer.group {
            return Err("NR does not repeat the scope of the offer");
        }
        if selected
            .is_some_and(|selected| offer.features.iter().all(|feature| feature.uri() != selected.uri()))
        {
            return Err("NR selects a feature that was not offered");
        }
        self.peer_pending = pending.then_some(Pending::Answer);
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(uri: &'static str) -> Offer {
        Offer { features: vec![Feature::new(uri)], group: None }
    }

    // req: OCP-6-09, OCP-11.18-07, OCP-11.18-09
    #[test]
    fn the_processors_offer_wins_over_a_concurrent_one() {
        let mut processor = Negotiation::default();
        processor.offered(offer("ocp://p")).unwrap();
        assert!(processor.disregards_offers(true));
        assert!(processor.answer_received(Some(&Feature::new("ocp://p")), None, false).is_ok());
        assert!(!processor.disregards_offers(true));

        let mut server = Negotiation::default();
        server.offered(offer("ocp://s")).unwrap();
        assert!(!server.disregards_offers(false));
        server.offer_received(offer("ocp://p"), false);
        assert!(!server.awaits_answer());
    }

    // req: OCP-11.18-06
    #[test]
    fn one_offer_at_a_time() {
        let mut negotiation = Negotiation::default();
        negotiation.offered(offer("ocp://a")).unwrap();
        assert!(negotiation.offered(offer("ocp://b")).is_err());
    }

    // req: OCP-11.19-03, OCP-11.19-12
    #[test]
    fn an_answer_fits_its_offer() {
        for (selected, group) in
            [(Some("ocp://b"), None), (Some("ocp://a"), Some(GroupId(1))), (None, Some(GroupId(0)))]
        {
            let mut negotiation = Negotiation::default();
            negotiation.offered(offer("ocp://a")).unwrap();
            let selected = selected.map(Feature::new);
            assert!(negotiation.answer_received(selected.as_ref(), group, false).is_err());
        }
        assert!(Negotiation::default().answer_received(None, None, false).is_err());
    }
}

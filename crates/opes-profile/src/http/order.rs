//! The order in which the parts of a message come (RFC 4236 section 3.2.1), checked by whoever receives them.

use super::{AuxParts, Part, Profile, Side};

/// Checks the parts of one dataflow, one DUM (or used original piece) at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartOrder {
    profile: Profile,
    flow: Flow,
    current: Option<Part>,
}

/// What a part that was accepted does to the flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transition {
    /// It begins this part; the part before it, if any, is complete.
    Begins,
    /// It continues the current part.
    Continues,
}

/// Why a part is refused; each ends the transaction with an error (RFC 4236 section 3.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// The part is not in the profile's list for this dataflow.
    #[error("the profile does not list part {0} for this dataflow")]
    NotListed(Part),
    /// The part comes after one that follows it in the profile's list.
    #[error("part {0} is out of order")]
    OutOfOrder(Part),
    /// The part is auxiliary and was not negotiated.
    #[error("auxiliary part {0} was not negotiated")]
    AuxNotNegotiated(Part),
    /// The adapted flow of the request profile has parts from both its lists.
    #[error("part {0} mixes request and response parts in one adapted message")]
    MixedSides(Part),
    /// A body or trailer comes before the header part of its message.
    #[error("part {0} comes before the header part of its message")]
    BodyBeforeHeader(Part),
    /// The dataflow ended before the message's header part.
    #[error("the message has no header part")]
    HeaderMissing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Original(AuxParts),
    Adapted,
}

impl PartOrder {
    /// For an original dataflow of this profile with these negotiated auxiliary parts.
    pub fn new_original(profile: Profile, aux: AuxParts) -> Self {
        Self { profile, flow: Flow::Original(aux), current: None }
    }

    /// For an adapted dataflow of this profile.
    pub fn new_adapted(profile: Profile) -> Self {
        Self { profile, flow: Flow::Adapted, current: None }
    }

    /// Takes the part of the next piece of data.
    ///
    /// # Errors
    ///
    /// A [`PartError`] when the part may not come here; the state is then as before.
    pub fn accept(&mut self, part: Part) -> Result<Transition, PartError> {
        if self.current == Some(part) {
            return Ok(Transition::Continues);
        }
        self.check_listed(part)?;
        self.check_order(part)?;
        self.current = Some(part);
        Ok(Transition::Begins)
    }

    /// The part that the last accepted piece belongs to.
    pub fn current(&self) -> Option<Part> {
        self.current
    }

    /// Checks that the dataflow may end here as a whole message.
    ///
    /// # Errors
    ///
    /// [`PartError::HeaderMissing`] when the message itself has not begun: every HTTP message has a header
    /// part, and a present part must be sent (RFC 4236 section 3.2.1).
    pub fn finish(&self) -> Result<(), PartError> {
        let begun = self.current.is_some_and(|part| !self.is_auxiliary(part));
        if begun { Ok(()) } else { Err(PartError::HeaderMissing) }
    }

    // RFC 4236 section 3.2.1: a part that is not listed ends the transaction.
    fn check_listed(&self, part: Part) -> Result<(), PartError> {
        match self.flow {
            Flow::Adapted if self.profile.adapted_part_allowed(part) => Ok(()),
            Flow::Original(aux) if self.profile.original_part_allowed(part, aux) => Ok(()),
            Flow::Original(_) if self.is_auxiliary(part) => Err(PartError::AuxNotNegotiated(part)),
            Flow::Adapted | Flow::Original(_) => Err(PartError::NotListed(part)),
        }
    }

    fn check_order(&self, part: Part) -> Result<(), PartError> {
        let same_side = self.current.is_some_and(|current| current.side() == part.side());
        if self.flow == Flow::Adapted && self.current.is_some() && !same_side {
            // RFC 4236 section 3.2.1: either adapted request parts or adapted response parts.
            return Err(PartError::MixedSides(part));
        }
        if self.current.is_some_and(|current| part < current) {
            return Err(PartError::OutOfOrder(part));
        }
        if !same_side && !part.is_header() && self.has_header(part.side()) {
            return Err(PartError::BodyBeforeHeader(part));
        }
        Ok(())
    }

    /// Whether the flow carries a header part for this side: only an auxiliary one can be left out.
    fn has_header(&self, side: Side) -> bool {
        match self.flow {
            Flow::Original(aux) if self.profile == Profile::Response && side == Side::Request => {
                aux.contains(Part::RequestHeader)
            }
            Flow::Original(_) | Flow::Adapted => true,
        }
    }

    /// Whether the part is marked `(aux)` in the profile's list of original parts (RFC 4236 section 3.2).
    fn is_auxiliary(&self, part: Part) -> bool {
        self.profile == Profile::Response && part.side() == Side::Request
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Part::{RequestBody, RequestHeader, RequestTrailer, ResponseBody, ResponseHeader, ResponseTrailer};

    fn run(mut order: PartOrder, parts: &[Part]) -> Result<PartOrder, PartError> {
        for part in parts {
            order.accept(*part)?;
        }
        Ok(order)
    }

    fn aux(parts: &[Part]) -> AuxParts {
        parts.iter().copied().collect()
    }

    // RFC 4236 section 3.2.1: the order implied by the lists; absent parts are skipped; parts come in pieces.
    #[test]
    fn parts_come_in_the_order_of_the_profile() {
        let mut order = PartOrder::new_original(Profile::Response, aux(&[RequestHeader]));
        assert_eq!(order.current(), None);
        for part in [RequestHeader, ResponseHeader, ResponseBody] {
            assert_eq!(order.accept(part), Ok(Transition::Begins));
            assert_eq!(order.accept(part), Ok(Transition::Continues));
            assert_eq!(order.current(), Some(part));
        }
        assert_eq!(order.accept(ResponseTrailer), Ok(Transition::Begins));
        assert_eq!(order.finish(), Ok(()));
        let skipping = run(PartOrder::new_adapted(Profile::Request), &[RequestHeader, RequestTrailer]);
        assert!(skipping.is_ok());
    }

    // RFC 4236 section 3.2.1: an out-of-order part may end the transaction.
    #[test]
    fn out_of_order_parts_are_refused() {
        let original = PartOrder::new_original(Profile::Request, AuxParts::NONE);
        let back = run(original, &[RequestHeader, RequestBody, RequestHeader]);
        assert_eq!(back, Err(PartError::OutOfOrder(RequestHeader)));
        let late_aux = PartOrder::new_original(Profile::Response, AuxParts::ALL);
        assert_eq!(
            run(late_aux, &[ResponseHeader, RequestHeader]),
            Err(PartError::OutOfOrder(RequestHeader))
        );
        let adapted = PartOrder::new_adapted(Profile::Response);
        let trailer_first = run(adapted, &[ResponseHeader, ResponseTrailer, ResponseBody]);
        assert_eq!(trailer_first, Err(PartError::OutOfOrder(ResponseBody)));
    }

    // RFC 4236 section 3.2.1: a part that is not listed must end the transaction.
    #[test]
    fn parts_that_are_not_listed_are_refused() {
        let original = PartOrder::new_original(Profile::Request, AuxParts::ALL);
        assert_eq!(run(original, &[ResponseHeader]), Err(PartError::NotListed(ResponseHeader)));
        let adapted = PartOrder::new_adapted(Profile::Response);
        assert_eq!(run(adapted.clone(), &[RequestHeader]), Err(PartError::NotListed(RequestHeader)));
        assert_eq!(run(adapted, &[ResponseHeader, RequestBody]), Err(PartError::NotListed(RequestBody)));
    }

    // RFC 4236 section 3.2.1: auxiliary parts only as negotiated.
    // req: HTTP-3.2.1-10
    #[test]
    fn auxiliary_parts_need_negotiation() {
        let order = PartOrder::new_original(Profile::Response, aux(&[RequestHeader]));
        let refused = run(order, &[RequestHeader, RequestBody]);
        assert_eq!(refused, Err(PartError::AuxNotNegotiated(RequestBody)));
    }

    // RFC 4236 section 3.2.1: parts from both adapted lists must end the transaction.
    // req: HTTP-3.2.1-13
    #[test]
    fn an_adapted_request_flow_has_parts_of_one_side() {
        let short_circuit = [ResponseHeader, ResponseBody, ResponseTrailer];
        assert!(run(PartOrder::new_adapted(Profile::Request), &short_circuit).is_ok());
        let cases =
            [[RequestHeader, ResponseHeader], [RequestHeader, ResponseBody], [ResponseHeader, RequestBody]];
        for parts in cases {
            let mixed = run(PartOrder::new_adapted(Profile::Request), &parts);
            assert_eq!(mixed, Err(PartError::MixedSides(parts[1])));
        }
    }

    #[test]
    fn a_message_starts_with_its_header() {
        let adapted = PartOrder::new_adapted(Profile::Response);
        assert_eq!(run(adapted, &[ResponseBody]), Err(PartError::BodyBeforeHeader(ResponseBody)));
        let adapted = PartOrder::new_adapted(Profile::Request);
        assert_eq!(run(adapted, &[RequestTrailer]), Err(PartError::BodyBeforeHeader(RequestTrailer)));
        let original = PartOrder::new_original(Profile::Response, AuxParts::ALL);
        let without = run(original, &[RequestHeader, ResponseBody]);
        assert_eq!(without, Err(PartError::BodyBeforeHeader(ResponseBody)));
        let original = PartOrder::new_original(Profile::Response, AuxParts::ALL);
        assert_eq!(run(original, &[RequestBody]), Err(PartError::BodyBeforeHeader(RequestBody)));
    }

    // RFC 4236 section 3.2.3: the header of an auxiliary request can be left out of the negotiation.
    #[test]
    fn an_auxiliary_body_may_come_without_its_header() {
        let order = PartOrder::new_original(Profile::Response, aux(&[RequestBody]));
        assert!(run(order, &[RequestBody, ResponseHeader, ResponseBody]).is_ok());
    }

    // RFC 4236 section 3.2.1: present parts must be sent, and every message has a header.
    #[test]
    fn a_whole_message_has_its_header() {
        let original = PartOrder::new_original(Profile::Response, AuxParts::ALL);
        assert_eq!(original.finish(), Err(PartError::HeaderMissing));
        let only_aux = run(original, &[RequestHeader, RequestBody]).unwrap();
        assert_eq!(only_aux.finish(), Err(PartError::HeaderMissing));
        assert_eq!(run(only_aux, &[ResponseHeader]).unwrap().finish(), Ok(()));
        let short_circuit = run(PartOrder::new_adapted(Profile::Request), &[ResponseHeader]).unwrap();
        assert_eq!(short_circuit.finish(), Ok(()));
    }

    #[test]
    fn a_refused_part_changes_nothing() {
        let mut order = run(PartOrder::new_adapted(Profile::Response), &[ResponseHeader]).unwrap();
        assert!(order.accept(RequestHeader).is_err());
        assert_eq!(order.current(), Some(ResponseHeader));
        assert_eq!(order.accept(ResponseBody), Ok(Transition::Begins));
    }

    proptest! {
        #[test]
        fn accepted_parts_never_go_back(
            parts in proptest::collection::vec(0..6_usize, 0..12),
            adapted: bool, request: bool,
        ) {
            let profile = if request { Profile::Request } else { Profile::Response };
            let mut order = if adapted {
                PartOrder::new_adapted(profile)
            } else {
                PartOrder::new_original(profile, AuxParts::ALL)
            };
            let mut last = None;
            for part in parts.into_iter().map(|at| Part::ALL[at]) {
                if order.accept(part).is_ok() {
                    prop_assert!(last <= Some(part));
                    last = Some(part);
                }
            }
        }
    }
}

//! What a callout server asks of processors for a service group: its services' needs, in terms of the HTTP profile
//! (RFC 4236 sections 3.2.3 to 3.2.7).

use std::sync::Arc;

use opes_profile::http::{Part, Wanted};
use opes_sdk::{Attributes, Body, Needs, ServiceFactory};

/// The content coding that is none (RFC 2616 section 3.5).
const IDENTITY: &str = "identity";

/// What to select for a group of these services; `base` is what the server selects for any.
pub(super) fn wanted(base: &Wanted, services: &[Arc<dyn ServiceFactory>]) -> Wanted {
    let needs: Vec<_> =
        services.iter().map(|service| service.build(&Attributes::default()).needs()).collect();
    let refuses = needs.iter().any(|needs| needs.refuses);
    let mut wanted = base.clone();
    if services.iter().any(|service| service.takes_request().is_some()) {
        wanted.aux.insert(Part::RequestBody);
    }
    if refuses {
        // RFC 4236 sections 3.2.5 and 3.2.6: nothing of the body will go into any adapted message. Only then: who
        // passes on what he does not look at needs the original flow, which cannot end first (RFC 4037 section 8.3).
        wanted.stop_receiving_body = Some(0);
        wanted.preservation_interest_body = Some(0);
    } else if let Some(prefix) = prefix(&needs) {
        // RFC 4236 section 3.2.4: services that decide on a prefix have the rest held back from the start.
        wanted.pause_at_body = Some(prefix);
    }
    if wanted.content_encodings.is_empty() && !refuses && needs.iter().any(|needs| needs.decoded) {
        // RFC 4236 section 3.2.7: a preference, which no processor need follow; who does not is decoded here.
        wanted.content_encodings = vec![IDENTITY.to_owned()];
    }
    wanted
}

/// How much of the body the services want to see before they decide whether they need more, when all of them say so.
fn prefix(needs: &[Needs]) -> Option<u64> {
    let wants = needs.iter().map(|needs| match needs.body {
        Body::Nothing => Some(0),
        Body::First(octets) => Some(octets),
        Body::Streamed | Body::Whole { .. } => None,
    });
    wants.collect::<Option<Vec<u64>>>()?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use opes_sdk::{Context, Segment, Service, Step, factory};
    use opes_services::{Block, Digest, Peek};

    use super::*;

    /// Does nothing, and has these needs.
    struct Idle(Needs);

    impl Service for Idle {
        fn needs(&self) -> Needs {
            self.0
        }

        fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
            Step::Continue
        }
    }

    fn idle(needs: Needs) -> Arc<dyn ServiceFactory> {
        Arc::new(factory("urn:idle", move |_: &Attributes| Idle(needs)))
    }

    fn peek(octets: u64) -> Arc<dyn ServiceFactory> {
        Arc::new(Peek::new("urn:peek", octets, "evil", "no"))
    }

    /// What is selected for those that look at what the payload means.
    fn decoded() -> Wanted {
        Wanted { content_encodings: vec!["identity".to_owned()], ..Wanted::default() }
    }

    fn of(services: &[Arc<dyn ServiceFactory>]) -> Wanted {
        wanted(&Wanted::default(), services)
    }

    #[test]
    fn services_that_decide_on_prefixes_pause_at_the_longest() {
        let nothing = idle(Needs { body: Body::Nothing, ..Needs::look() });
        assert_eq!(of(&[]), Wanted::default());
        assert_eq!(of(&[Arc::clone(&nothing)]), Wanted { pause_at_body: Some(0), ..Wanted::default() });
        let prefixes = of(&[peek(30), peek(300), nothing]);
        assert_eq!(prefixes, Wanted { pause_at_body: Some(300), ..decoded() });
    }

    #[test]
    fn one_service_that_takes_all_of_the_body_is_enough_for_no_pause() {
        for body in [Body::Streamed, Body::Whole { limit: 9 }] {
            assert_eq!(of(&[peek(30), idle(Needs { body, ..Needs::default() })]), decoded());
        }
    }

    // req: HTTP-3.2.5-02, HTTP-3.2.6-01
    #[test]
    fn where_nothing_can_pass_no_body_is_wanted() {
        let block: Arc<dyn ServiceFactory> = Arc::new(Block::new("urn:block", "no"));
        let digest: Arc<dyn ServiceFactory> = Arc::new(Digest::new("urn:digest"));
        let zero = Some(0);
        let expected =
            Wanted { stop_receiving_body: zero, preservation_interest_body: zero, ..Wanted::default() };
        for chain in [vec![Arc::clone(&block)], vec![digest, Arc::clone(&block)], vec![block, peek(30)]] {
            assert_eq!(of(&chain), expected);
        }
    }

    // req: HTTP-3.2.7-01
    #[test]
    fn services_that_want_the_payload_decoded_prefer_identity() {
        let decoded = idle(Needs { decoded: true, ..Needs::default() });
        assert_eq!(of(&[Arc::clone(&decoded)]).content_encodings, ["identity"]);
        let base = Wanted { content_encodings: vec!["gzip".to_owned()], ..Wanted::default() };
        assert_eq!(wanted(&base, &[decoded]).content_encodings, ["gzip"], "what is configured comes first");
    }
}

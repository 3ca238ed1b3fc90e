//! The premature end of the adapted flow at a host (RFC 4037 sections 8.2 and 11.14).

use std::sync::Arc;

use opes_sdk::{Attributes, Body, Context, Needs, Segment, Service, ServiceFactory, Step, factory};
use opes_services::Digest;

use super::alone::{data, dum, host_with_group, is_failure_of};

/// Puts a text behind the first piece, then leaves.
struct Once;

impl Service for Once {
    fn push(&mut self, cx: &mut Context<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        cx.emit(Segment::new("<new>"));
        Step::Leave
    }
}

/// Looks at the payload in this manner; once it sees any it waits for ever.
struct Watch(Body);

impl Service for Watch {
    fn needs(&self) -> Needs {
        Needs { body: self.0, ..Needs::look() }
    }

    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        Step::Wait
    }

    fn resume(&mut self, _: &mut Context<'_>) -> Step {
        Step::Wait
    }
}

/// Chains that ask to stop once they have seen `begin`, and what they make of it.
fn chains() -> Vec<(Vec<Arc<dyn ServiceFactory>>, &'static str)> {
    let watch = |body| {
        let service: Arc<dyn ServiceFactory> =
            Arc::new(factory("urn:watch", move |_: &Attributes| Watch(body)));
        service
    };
    let once = || {
        let service: Arc<dyn ServiceFactory> = Arc::new(factory("urn:once", |_: &Attributes| Once));
        service
    };
    let digest: Arc<dyn ServiceFactory> = Arc::new(Digest::new("urn:digest"));
    vec![
        (vec![digest], "begin"),
        (vec![watch(Body::Streamed)], "begin"),
        (vec![watch(Body::First(1_000_000))], "begin"),
        (vec![watch(Body::Whole { limit: 1_000_000 })], "begin"),
        (vec![once()], "begin<new>"),
        (vec![once(), watch(Body::Streamed)], "begin<new>"),
    ]
}

// req: OCP-8.2-06, OCP-11.14-07
#[test]
fn dss_ends_the_adapted_flow_without_any_further_data() {
    for (services, adapted) in chains() {
        let host = host_with_group(services);
        host.hear(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), dum(0, 0, "begin")]);
        let said = host.said();
        assert!(said.contains(&"DWSS 0;".to_owned()), "{said:?}");
        assert_eq!(data(&said, 0), adapted);
        assert!(!said.iter().any(|message| message.starts_with("AME")), "not before DSS: {said:?}");
        assert_eq!(host.reply(&["DSS 0;"]), ["AME 0 {206};"]);
        let said = host.reply(&[dum(0, 5, "later")]);
        assert_eq!(data(&said, 0), "", "nothing follows");
    }
}

// req: OCP-8.2-07
#[test]
fn all_that_came_before_dss_is_sent_before_the_end() {
    let large = "0123456789".repeat(30_000);
    for (services, adapted) in chains() {
        let host = host_with_group(services);
        host.hear(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), dum(0, 0, "begin")]);
        let mut said = host.said();
        host.hear(&[dum(0, 5, &large), dum(0, 300_005, "last"), "DSS 0;".to_owned()]);
        said.extend(host.said());
        let end = said.iter().position(|message| message == "AME 0 {206};").expect("the flow ends");
        assert!(data(&said[..end], 0) == [adapted, &large, "last"].concat());
        assert_eq!(data(&said[end..], 0), "");
    }
}

// req: OCP-8.2-07
#[test]
fn what_a_pause_holds_back_still_comes_before_the_end() {
    let host = host_with_group(chains().remove(0).0);
    host.hear(&["TS 0 1;", "AMS 0;"]);
    host.hear(&["DWP 0 0;".to_owned(), dum(0, 0, "begin"), "DSS 0;".to_owned()]);
    let said = host.said();
    assert!(!said.iter().any(|message| message.starts_with("AME")), "{said:?}");
    let said = host.reply(&["DWM 0;"]);
    assert_eq!(data(&said, 0), "begin");
    assert_eq!(said.last().map(String::as_str), Some("AME 0 {206};"));
}

#[test]
fn services_that_may_still_change_something_do_not_stop() {
    let change = opes_services::Substitute::new("urn:change", "a", "b").expect("a pattern");
    let host = host_with_group(vec![Arc::new(change)]);
    let said =
        host.reply(&["TS 0 1;".to_owned(), "AMS 0;".to_owned(), dum(0, 0, "begin"), "DSS 0;".to_owned()]);
    assert!(said.iter().any(|message| is_failure_of(message, 0)), "{said:?}");
}

//! The services of a group, and their order (RFC 4037 sections 10.14 and 11.5).

use std::sync::{Arc, Mutex};

use opes_profile::http::Profile;
use opes_sdk::{Attributes, Context, Needs, Segment, Service, ServiceFactory, Step};
use opes_services::Substitute;

use super::alone::{create, data, dum, feature, host, offer, part, wire};

/// Each changes what the other one makes.
fn substitutes() -> Vec<Arc<dyn ServiceFactory>> {
    let service = |uri, from, to| Substitute::new(uri, from, to).expect("a pattern");
    vec![Arc::new(service("urn:dog", "cat", "dog")), Arc::new(service("urn:bird", "dog", "bird"))]
}

// req: OCP-10.14-03, OCP-11.5-05, OCP-11.5-06
#[test]
fn the_services_of_the_group_are_applied_in_its_order() {
    let host = host(substitutes());
    host.hear(&["CS;", "NO ();"]);
    let groups: [(&[&str], &str); 5] = [
        (&["urn:dog", "urn:bird"], "bird bird"),
        (&["urn:bird", "urn:dog"], "dog bird"),
        (&["urn:dog"], "dog dog"),
        (&["urn:bird"], "cat bird"),
        (&[], "cat dog"),
    ];
    for (number, (uris, _)) in (1..).zip(groups) {
        host.hear(&[create(number, uris)]);
    }
    host.said();
    // All at a time, so that the services of one transaction could reach another.
    for (number, _) in (1..).zip(groups) {
        host.hear(&[format!("TS {number} {number};"), format!("AMS {number};"), dum(number, 0, "cat ")]);
    }
    for (number, _) in (1..).zip(groups) {
        host.hear(&[dum(number, 4, "dog"), format!("AME {number};")]);
    }
    let said = host.said();
    for (number, (uris, adapted)) in (1..).zip(groups) {
        assert_eq!(data(&said, number), adapted, "{uris:?}");
        assert!(said.contains(&format!("AME {number};")) && said.contains(&format!("TE {number};")));
    }
}

/// Keeps what its services are told.
struct Listener {
    wants: bool,
    told: Mutex<Vec<Attributes>>,
}

impl ServiceFactory for Listener {
    fn uri(&self) -> &str {
        if self.wants { "urn:wants" } else { "urn:wants-not" }
    }

    fn build(&self, attributes: &Attributes) -> Box<dyn Service> {
        self.told.lock().unwrap().push(attributes.clone());
        Box::new(Silent)
    }

    fn wants_attributes(&self) -> bool {
        self.wants
    }
}

struct Silent;

impl Service for Silent {
    fn needs(&self) -> Needs {
        Needs::look()
    }

    fn push(&mut self, _: &mut Context<'_>, _: Segment) -> Step {
        Step::Continue
    }
}

#[test]
fn the_head_is_read_where_a_service_of_the_chain_wants_that() {
    for (uris, wanted) in [(&["urn:wants-not", "urn:wants"][..], true), (&["urn:wants-not"], false)] {
        let listener = |wants| Arc::new(Listener { wants, told: Mutex::default() });
        let (wants, wants_not) = (listener(true), listener(false));
        let host = host(vec![Arc::clone(&wants) as _, Arc::clone(&wants_not) as _]);
        let features = feature(Profile::Response);
        host.hear(&["CS;".to_owned(), "NO ();".to_owned(), create(1, uris), offer(&[&features], Some(1))]);
        let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n";
        host.hear(&["TS 7 1;", "AMS 7|AM-EL: 5|;"]);
        host.hear_octets(&wire(&part(7, 0, "response-header", head)));
        host.hear(&[part(7, head.len(), "response-body", "hello"), "AME 7;".to_owned()]);
        let told = wants_not.told.lock().unwrap().pop().expect("a service");
        assert_eq!((told.transaction, told.length), (Some(7), Some(5)));
        assert_eq!(told.status, wanted.then_some(404));
        assert_eq!(told.media_type.as_deref(), wanted.then_some("text/plain"));
    }
}

// RFC 3897 section 4.4: bypass requests are the processor's task.
// req: EEPC-4.4-01
#[test]
fn a_request_for_bypass_changes_nothing_at_the_server() {
    let host = host(substitutes());
    let features = feature(Profile::Request);
    let groups = [create(1, &["urn:dog"]), offer(&[&features], Some(1))];
    host.hear(&["CS;", "NO ();"]);
    host.hear(&groups);
    let head = "POST / HTTP/1.1\r\nHost: o.example\r\nOPES-Bypass: *, urn:dog\r\n\r\n";
    host.hear(&["TS 7 1;", "AMS 7;"]);
    host.hear_octets(&wire(&part(7, 0, "request-header", head)));
    host.hear(&[part(7, head.len(), "request-body", "cat"), "AME 7;".to_owned()]);
    let said = String::from_utf8(host.octets()).expect("text");
    assert!(said.contains(head) && said.contains("3:dog"), "{said}");
}

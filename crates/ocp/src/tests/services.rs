//! The services of a group, and their order (RFC 4037 sections 10.14 and 11.5).

use std::sync::Arc;

use opes_sdk::ServiceFactory;
use opes_services::Substitute;

use super::alone::{create, data, dum, host};

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

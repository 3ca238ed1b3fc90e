//! The page of the system.

use std::time::Duration;

use http::Request;
use opes_profile::trace::{Granularity, Rendering};
use opes_record::{ClientDetail, Counts, Discard, Dropped, Outcome, UriDetail};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::answer::TARGET_OCTETS;
use crate::testing::{Memory, check_fields, hostile, read_page, text, texts, value};

const SYSTEM: &str = "http://opes.example.com/system";

fn agent(uri: &str) -> AgentId {
    AgentId::new(uri).unwrap()
}

fn bare() -> SystemPage {
    SystemPage::new(agent(SYSTEM))
}

fn full() -> SystemPage {
    SystemPage {
        processors: vec![agent("http://opes.example.com/processor")],
        disclosures: Disclosures {
            references: Some("Relative links stay valid.".into()),
            privacy: Some("https://example.com/privacy".into()),
            responsible: Some("Example Ltd, Data Protection".into()),
            contact: Some("mailto:opes@example.com".into()),
        },
        tracing: Tracing {
            manner: Manner { rendering: Rendering::Both, ..Manner::default() },
            kept: Some(Kept {
                age: Some(Duration::from_hours(48)),
                uri: UriDetail::WithoutQuery,
                client: ClientDetail::Truncated,
                headers: vec!["user-agent".into()],
            }),
        },
        services: vec![
            OfferedService { uri: agent("http://services.example.com/words"), bypassable: Bypassable::Yes },
            OfferedService {
                uri: agent("http://services.example.com/scan"),
                bypassable: Bypassable::No("the operator requires it".into()),
            },
        ],
        ..bare()
    }
}

fn ask(page: &SystemPage, store: &dyn Store, method: &str, target: &str, accept: &str) -> Response<Bytes> {
    let request = Request::builder().method(method).uri(target).header("accept", accept).body(()).unwrap();
    let response = page.answer(&request.into_parts().0, store);
    check_fields(&response);
    response
}

fn html(page: &SystemPage, store: &dyn Store, target: &str) -> String {
    read_page(&text(&ask(page, store, "GET", target, "text/html")))
}

fn json(page: &SystemPage, store: &dyn Store, target: &str) -> Value {
    value(&ask(page, store, "GET", target, "application/json"))
}

// RFC 3897 section 3.2.
// req: EEPC-3.2-02, EEPC-3.2-03, EEPC-3.2-04, EEPC-3.2-05
#[test]
fn one_resource_has_every_item_that_a_system_has_to_tell() {
    let page = full();
    let store = Memory {
        counts: Counts { dropped: Dropped { full: 3, failed: 1, expired: 0 }, ..Counts::default() },
        ..Memory::default()
    };
    let shown = html(&page, &store, "/system");
    for told in [
        SYSTEM,
        "http://opes.example.com/processor",
        "Relative links stay valid.",
        "https://example.com/privacy",
        "Example Ltd, Data Protection",
        "mailto:opes@example.com",
        "OPES-System, OPES-Via, OPES-Processor, OPES-Service",
        "the URI without its query; the network of the client's address; the values of the header fields user-agent",
        "2 days",
        "4 have not been kept since the start",
        "http://services.example.com/words",
        "the operator requires it",
        "OPES-Bypass: *",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let raw = text(&ask(&page, &store, "GET", "/system", "text/html"));
    assert!(
        raw.contains("href=\"https://example.com/privacy\"")
            && raw.contains("href=\"mailto:opes@example.com\"")
    );
}

// req: EEPC-3.2-02, EEPC-3.2-03
#[test]
fn what_the_operator_did_not_say_is_said_to_be_missing() {
    let shown = html(&bare(), &Discard, "/system");
    for told in [
        Disclosures::REFERENCES,
        Disclosures::PRIVACY,
        Disclosures::RESPONSIBLE,
        Disclosures::CONTACT,
        "does not name its processors",
        "Nothing.",
        "No services are configured.",
        "Nothing is kept of messages, though",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let told = json(&bare(), &Discard, "/system");
    for name in ["references", "privacy_policy", "responsible", "contact"] {
        assert_eq!(told[name]["configured"], false, "{name}");
        assert!(told[name]["text"].as_str().is_some_and(|text| text.contains("has not")), "{name}");
    }
    assert_eq!(told["tracing"]["kept"], Value::Null);
}

// RFC 4236 section 5; RFC 3897 sections 4 and 4.3.
#[test]
fn the_page_tells_what_an_entry_of_a_bypass_may_be() {
    let shown = html(&bare(), &Discard, "/system");
    for told in [
        "OPES-Bypass: URI",
        "Several URIs may stand in it, with commas between them.",
        "The URI of this system or of a processor of it stands for all its services",
        "a URI that nobody here knows: it counts as *",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert_eq!(json(&bare(), &Discard, "/system")["bypass"]["all"], json!([SYSTEM]));
}

// req: EEPC-3.2-02, EEPC-3.2-03
#[test]
fn programs_read_the_same_in_a_shape_that_stays() {
    let told = json(&full(), &Discard, "/system?x=y");
    let expected = json!({
        "system": SYSTEM,
        "processors": ["http://opes.example.com/processor"],
        "references": { "configured": true, "text": "Relative links stay valid." },
        "privacy_policy": { "configured": true, "text": "https://example.com/privacy" },
        "responsible": { "configured": true, "text": "Example Ltd, Data Protection" },
        "contact": { "configured": true, "text": "mailto:opes@example.com" },
        "tracing": {
            "granularity": "full",
            "fields": ["OPES-System", "OPES-Via", "OPES-Processor", "OPES-Service"],
            "kept": {
                "seconds": 172_800,
                "uri": "the URI without its query",
                "client": "the network of the client's address",
                "headers": ["user-agent"],
            },
            "dropped": 0,
        },
        "bypass": {
            "field": "OPES-Bypass",
            "wildcard": "*",
            "separator": ",",
            "all": [SYSTEM, "http://opes.example.com/processor"],
            "unknown": "wildcard",
            "services": [
                { "uri": "http://services.example.com/words", "bypassable": true, "why": null },
                {
                    "uri": "http://services.example.com/scan",
                    "bypassable": false,
                    "why": "the operator requires it",
                },
            ],
        },
        "summary": "outcome",
    });
    assert_eq!(told, expected);
}

#[test]
fn the_page_tells_the_granularity_that_is_configured() {
    for (granularity, fields) in [(Granularity::Off, 1), (Granularity::Summary, 2), (Granularity::Full, 2)] {
        let mut page = bare();
        page.tracing.manner.granularity = granularity;
        let told = json(&page, &Discard, "/");
        assert_eq!(told["tracing"]["fields"].as_array().unwrap().len(), fields);
        assert!(html(&page, &Discard, "/").contains(page.tracing.told()));
    }
}

#[test]
fn an_outsider_learns_of_a_message_what_the_policy_says_and_no_more() {
    let id = TraceId::first_of(1_000);
    let mut record = hostile(id, "SECRET");
    record.services =
        [opes_record::ServiceUse::new("http://s.example/a", opes_record::Place::Here)].into_iter().collect();
    let store = Memory { records: vec![record], ..Memory::default() };
    let target = format!("/system?id={id}");
    let outcome = json!({
        "system": SYSTEM,
        "id": id.to_string(),
        "time": "1970-01-01T00:00:01.000Z",
        "direction": "response",
        "outcome": "failed",
    });
    let mut services = outcome.clone();
    services["services"] = json!(["http://s.example/a"]);
    for (summary, expected) in [(Summary::Outcome, outcome), (Summary::Services, services)] {
        let page = SystemPage { summary, ..full() };
        let response = ask(&page, &store, "GET", &target, "application/json");
        assert_eq!(
            (value(&response), response.headers()["cache-control"].to_str().unwrap()),
            (expected, "no-store")
        );
        let shown = html(&page, &store, &target);
        assert!(!shown.contains("SECRET") && !shown.contains("192.0.2"), "{shown}");
        assert_eq!(shown.contains("http://s.example/a"), summary == Summary::Services);
        assert!(shown.contains("failed"));
    }
}

#[test]
fn a_policy_that_tells_nothing_does_not_tell_whether_there_is_a_record() {
    let (known, unknown) = (TraceId::first_of(1), TraceId::first_of(2));
    let store = Memory { records: vec![hostile(known, "x")], ..Memory::default() };
    let page = SystemPage { summary: Summary::Off, ..bare() };
    let answers = [known, unknown].map(|id| ask(&page, &store, "GET", &format!("/?id={id}"), "text/html"));
    assert_eq!(answers[0].status(), 403);
    assert_eq!((answers[0].status(), answers[0].body()), (answers[1].status(), answers[1].body()));
    let broken = Memory { broken: true, ..Memory::default() };
    assert_eq!(
        ask(&page, &broken, "GET", &format!("/?id={known}"), "text/html").status(),
        403,
        "nothing is read"
    );
}

#[test]
fn an_identifier_that_is_none_and_one_without_record_are_told_apart() {
    let id = TraceId::first_of(1);
    for (query, status) in [
        (format!("id={id}"), 404),
        ("id=".into(), 400),
        ("id".into(), 400),
        ("id=%3Cscript%3E".into(), 400),
        (format!("id={id}&id={id}"), 400),
        ("id=0123456789ABCDEFGHJKMNPQ".into(), 400),
        (format!("x={}", "y".repeat(TARGET_OCTETS)), 414),
    ] {
        for accept in ["text/html", "application/json"] {
            let response = ask(&bare(), &Discard, "GET", &format!("/system?{query}"), accept);
            assert_eq!(response.status(), status, "{query}");
            assert!(!text(&response).contains("<script"));
        }
    }
    let broken = Memory { broken: true, ..Memory::default() };
    let response = ask(&bare(), &broken, "GET", &format!("/?id={id}"), "text/html");
    assert_eq!(response.status(), 503);
    assert!(!text(&response).contains("file"), "an outsider does not learn where records are");
}

#[test]
fn only_get_and_head_are_answered() {
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let response = ask(&bare(), &Discard, method, "/system", "text/html");
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (405, "GET, HEAD")
        );
    }
    let get = ask(&bare(), &Discard, "GET", "/system", "text/html");
    let head = ask(&bare(), &Discard, "HEAD", "/system", "text/html");
    assert_eq!((head.status(), head.headers()), (get.status(), get.headers()));
    assert!(head.body().is_empty() && get.headers()["content-length"] == get.body().len().to_string());
}

proptest! {
    #[test]
    fn what_the_operator_says_and_what_is_asked_is_only_ever_text(said in texts(), asked in texts()) {
        let mut page = full();
        page.disclosures = Disclosures {
            references: Some(said.clone()),
            privacy: Some(said.clone()),
            responsible: Some(said.clone()),
            contact: Some(format!("https://{said}")),
        };
        page.services[1].bypassable = Bypassable::No(said.clone());
        html(&page, &Discard, "/system");
        json(&page, &Discard, "/system");
        let query: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        html(&page, &Discard, &format!("/system?id={query}"));
    }

    #[test]
    fn the_services_of_a_record_are_only_ever_text(written in texts()) {
        let id = TraceId::first_of(1);
        let store = Memory { records: vec![hostile(id, &written)], ..Memory::default() };
        let page = SystemPage { summary: Summary::Services, ..bare() };
        html(&page, &store, &format!("/?id={id}"));
    }

    #[test]
    fn every_outcome_is_explained(at in 0..Outcome::ALL.len()) {
        let id = TraceId::first_of(1);
        let mut record = hostile(id, "x");
        record.outcome = Outcome::ALL[at];
        let store = Memory { records: vec![record], ..Memory::default() };
        let shown = html(&bare(), &store, &format!("/?id={id}"));
        prop_assert!(shown.contains(Outcome::ALL[at].name()));
    }
}

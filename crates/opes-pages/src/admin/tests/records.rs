//! What is shown.

use opes_record::{Counts, Direction, Dropped, Outcome, Place, ServiceUse, TraceId};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::testing::{hostile, read_page, text, texts, value};

fn id(millis: u64) -> TraceId {
    TraceId::first_of(millis)
}

/// Three messages, a second apart.
fn three() -> Vec<Record> {
    let made = [
        ("http://a.example/x", Outcome::Adapted),
        ("http://a.example/y", Outcome::Failed),
        ("http://b.example/", Outcome::Adapted),
    ];
    let records = made.into_iter().zip(1..).map(|((uri, outcome), second)| {
        let mut record = Record::new(id(second * 1000), second * 1000, Direction::Response, "GET");
        (record.uri, record.outcome) = (Some(uri.into()), outcome);
        record.services.push(ServiceUse::new(format!("http://s.example/{second}"), Place::Here));
        record
    });
    records.collect()
}

/// The identifiers in a list, and the address of older ones.
fn list(admin: &Admin, target: &str) -> (Vec<TraceId>, serde_json::Value) {
    let list = value(&get(target).program().of(admin));
    let ids = list["messages"].as_array().unwrap().iter();
    (ids.map(|message| message["id"].as_str().unwrap().parse().unwrap()).collect(), list["older"].clone())
}

#[test]
fn the_newest_come_first_and_older_ones_page_by_page() {
    let admin = admin(three());
    let (first, older) = list(&admin, "/?limit=2");
    assert_eq!(first, [id(3000), id(2000)]);
    let (second, end) = list(&admin, &format!("/?limit=2&before={}", older.as_str().unwrap()));
    assert_eq!((second, end), (vec![id(1000)], serde_json::Value::Null));
    let page =
        text(&get("/?limit=2&uri=http").with("authorization", "Bearer correct-horse-battery").of(&admin));
    assert!(page.contains(&format!("href=\"/?uri=http&amp;limit=2&amp;before={}\"", id(2000))), "{page}");
}

#[test]
fn filters_choose() {
    let admin = admin(three());
    for (query, expected) in [
        ("uri=a.example", vec![id(2000), id(1000)]),
        ("service=http%3A%2F%2Fs.example%2F3", vec![id(3000)]),
        ("service=HTTP%3A%2F%2FS.Example%2F3", vec![id(3000)]),
        ("service=http%3A%2F%2Fs.example%2F", vec![]),
        ("outcome=adapted", vec![id(3000), id(1000)]),
        ("since=1970-01-01T00:00:02", vec![id(3000), id(2000)]),
        ("until=2000", vec![id(1000)]),
        ("uri=b&outcome=failed", vec![]),
    ] {
        assert_eq!(list(&admin, &format!("/messages?{query}")).0, expected, "{query}");
    }
    let page =
        read_page(&text(&get("/?uri=none").with("authorization", "Bearer correct-horse-battery").of(&admin)));
    assert!(page.contains("No message is like that."), "{page}");
    assert_eq!(get("/?since=x").program().of(&admin).status(), 400);
}

#[test]
fn the_list_has_a_shape_that_stays() {
    let dropped = Dropped { full: 1, failed: 2, expired: 3 };
    let counts = Counts { kept: 9, dropped, octets: 77, oldest: Some(5) };
    let records = three().into_iter().take(1).collect();
    let admin = admin_of(Memory { records, counts, ..Memory::default() });
    let expected = json!({
        "messages": [{
            "id": id(1000).to_string(),
            "time": "1970-01-01T00:00:01.000Z",
            "begun": 1000,
            "direction": "response",
            "method": "GET",
            "uri": "http://a.example/x",
            "status": null,
            "outcome": "adapted",
            "services": ["http://s.example/1"],
            "octets_in": 0,
            "octets_out": 0,
            "micros": 0,
        }],
        "older": null,
        "stopped": false,
        "counts": {
            "kept": 9,
            "dropped": { "full": 1, "failed": 2, "expired": 3 },
            "octets": 77,
            "oldest": 5,
        },
    });
    assert_eq!(value(&get("/api/messages").program().of(&admin)), expected);
    let page = read_page(&text(&get("/").with("authorization", "Bearer correct-horse-battery").of(&admin)));
    assert!(page.contains("9 kept since the start; 6 dropped (1 came too fast"), "{page}");
}

#[test]
fn a_message_has_a_shape_that_stays() {
    let admin = admin(vec![hostile(id(1), "T")]);
    let message = value(&get(&format!("/api/messages/{}", id(1))).program().of(&admin));
    let mut service = json!({
        "uri": "T",
        "callout_server": null,
        "run": 0,
        "result": null,
        "octets_in": 0,
        "octets_out": 0,
        "start": 0,
        "end": 1,
        "pauses": 0,
        "paused": [],
        "verdict": "T",
        "parameters": [{ "name": "T", "value": "T" }],
        "left_out": { "pauses": 0, "parameters": 0 },
    });
    let here = service.clone();
    service["callout_server"] = json!({ "name": "T", "address": "T" });
    let mut expected = json!({
        "id": id(1).to_string(),
        "time": "1970-01-01T00:00:00.001Z",
        "begun": 1,
        "direction": "response",
        "method": "T",
        "uri": "T",
        "status": null,
        "outcome": "failed",
        "services": [here, service],
        "octets_in": 0,
        "octets_out": 0,
        "micros": 0,
        "client": "192.0.2.7",
        "failure": "T",
        "rules": [{ "rule": "T", "point": "request-in" }],
        "bypasses": [{ "entry": "T", "honoured": false, "why": "T" }],
        "trace": ["T", "http://a.example/;note=\"T\""],
        "headers": [{ "name": "T", "value": "T" }],
        "strangers": 0,
        "left_out": { "services": 0, "rules": 0, "bypasses": 0, "trace": 0, "headers": 0 },
    });
    expected["explained"] = message["explained"].clone();
    assert_eq!(message, expected);
    let entries = message["explained"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[1]["parameters"], json!([{ "name": "note", "value": "T" }]));
}

// RFC 3897 section 3.2: what an entry tells the technical contact identifies the processors and what they did.
// req: EEPC-3.2-04
#[test]
fn a_message_is_shown_with_everything_that_is_kept() {
    let admin = admin(vec![hostile(id(1), "http://t.example/")]);
    let target = format!("/messages/{}", id(1));
    let page = text(&get(&target).with("authorization", "Bearer correct-horse-battery").of(&admin));
    let shown = read_page(&page);
    for told in [
        "Timeline",
        "Services",
        "Rules",
        "Bypass",
        "Trace",
        "Header fields",
        "192.0.2.7",
        "request-in",
        "ignored",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(page.contains("<svg "));
    assert_eq!(get(&format!("/messages/{}", id(2))).program().of(&admin).status(), 404);
    assert_eq!(get("/messages/..").program().of(&admin).status(), 400);
    assert_eq!(get("/messages/").program().of(&admin).status(), 400);
}

fn explain(admin: &Admin, body: &str) -> serde_json::Value {
    value(&post("/api/explain", body).program().with("content-type", "text/plain").of(admin))
}

#[test]
fn a_pasted_trace_is_explained_with_our_records() {
    let admin = admin(three());
    let pasted = format!(
        "OPES-System: {SYSTEM};id={}, {SYSTEM};id={}, http://f.example/;id=7, {SYSTEM};id=none\r\nOPES-Via: <b>",
        id(1000),
        id(9),
    );
    let explained = explain(&admin, &pasted);
    let entries = explained["entries"].as_array().unwrap();
    let told: Vec<_> =
        entries.iter().map(|entry| (entry["whose"].as_str().unwrap(), &entry["kept"])).collect();
    let none = serde_json::Value::Null;
    assert_eq!(
        told,
        [
            ("ours", &json!(true)),
            ("ours", &json!(false)),
            ("foreign", &none),
            ("ours", &none),
            ("unknown", &none)
        ]
    );
    assert_eq!((&entries[2]["system"], &entries[4]["agent"]), (&json!("http://f.example/"), &none));
    assert!(entries[4]["problem"].is_string());

    let body: String = form_urlencoded::Serializer::new(String::new()).append_pair("text", &pasted).finish();
    let page = text(&post("/explain", body).with("authorization", "Bearer correct-horse-battery").of(&admin));
    let shown = read_page(&page);
    assert!(page.contains(&format!("href=\"/messages/{}\"", id(1000))), "{page}");
    assert!(!page.contains(&format!("href=\"/messages/{}\"", id(9))), "{page}");
    assert!(shown.contains("none, or not any more") && shown.contains("malformed"), "{shown}");
}

#[test]
fn an_entry_that_only_claims_to_be_ours_leads_to_no_record() {
    let admin = admin(three());
    for (last, expected) in [
        (format!("{SYSTEM};id={}", id(3000)), ["ours", "ours", "ours"]),
        (format!("{SYSTEM};id={};claimed=1", id(3000)), ["ours", "claimed", "ours"]),
        (format!("{SYSTEM};id={};claimed=2", id(3000)), ["claimed", "claimed", "ours"]),
        ("http://f.example/;claimed=2".to_owned(), ["ours", "ours", "foreign"]),
    ] {
        let pasted = format!("OPES-System: {SYSTEM};id={}, {SYSTEM};id={}, {last}", id(1000), id(2000));
        let explained = explain(&admin, &pasted);
        let entries = explained["entries"].as_array().unwrap();
        let body: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("text", &pasted).finish();
        let page =
            text(&post("/explain", body).with("authorization", "Bearer correct-horse-battery").of(&admin));
        for (at, (entry, whose)) in entries.iter().zip(expected).enumerate() {
            let known = id((at as u64 + 1) * 1000);
            let own = whose == "ours";
            assert_eq!(entry["whose"], whose, "{pasted}");
            assert_eq!((&entry["kept"] == true, entry["id"].is_string()), (own, own), "{entry}");
            assert_eq!(page.contains(&format!("href=\"/messages/{known}\"")), own, "{page}");
        }
        let claims = expected.iter().filter(|whose| **whose == "claimed").count();
        assert_eq!(read_page(&page).matches("claims to be ours").count(), claims, "{page}");
    }
}

#[test]
fn a_form_without_text_and_a_text_without_trace_are_no_failures() {
    let admin = admin(Vec::new());
    assert_eq!(explain(&admin, "")["entries"], json!([]));
    let page = text(&post("/explain", "").with("authorization", "Bearer correct-horse-battery").of(&admin));
    assert!(read_page(&page).contains("There is no trace entry in this text."));
    assert!(value(&get("/api/explain").program().of(&admin))["usage"].is_string());
}

#[test]
fn a_small_trace_makes_no_huge_page() {
    let admin = admin(Vec::new());
    let pasted =
        format!("OPES-System: http://{}/\r\nOPES-Service: {}", "f".repeat(30_000), "a:b,".repeat(8_000));
    let explained = explain(&admin, &pasted);
    assert_eq!((explained["entries"].as_array().unwrap().len(), &explained["cut"]), (500, &json!(true)));
    assert!(explained.to_string().len() < 1 << 20, "{}", explained.to_string().len());
}

#[test]
fn a_store_that_cannot_be_read_is_told() {
    let admin = admin_of(Memory { broken: true, ..Memory::default() });
    for target in ["/", &format!("/messages/{}", id(1))] {
        let response = get(target).with("authorization", "Bearer correct-horse-battery").of(&admin);
        assert_eq!(response.status(), 503);
        assert!(read_page(&text(&response)).contains("<b>no</b>"), "as text");
    }
}

proptest! {
    #[test]
    fn nothing_of_a_record_ever_becomes_more_than_text(written in texts(), asked in texts()) {
        let admin = admin(vec![hostile(id(1), &written)]);
        let query: String = form_urlencoded::byte_serialize(asked.as_bytes()).collect();
        for target in ["/", &format!("/messages/{}", id(1)), &format!("/?uri={query}&service={query}"), &format!("/?outcome={query}")] {
            if target.len() > crate::TARGET_OCTETS {
                continue;
            }
            read_page(&text(&get(target).with("authorization", "Bearer correct-horse-battery").of(&admin)));
            value(&get(target).program().of(&admin));
        }
    }

    #[test]
    fn nothing_that_is_pasted_ever_becomes_more_than_text(pasted in texts()) {
        let admin = admin(Vec::new());
        let cookie = enter(&admin);
        let page = text(&get("/explain").with("cookie", &cookie).of(&admin));
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("secret", secret(&page))
            .append_pair("text", &pasted)
            .finish();
        let page = post("/explain", body).with("cookie", &cookie).with("origin", "http://127.0.0.1:8081").of(&admin);
        prop_assert_eq!(page.status(), 200);
        read_page(&text(&page));
        explain(&admin, &pasted);
    }

    #[test]
    fn strange_requests_are_answered(path in "/[a-z/?&=%.0-9]{0,40}", method in "[A-Z]{1,7}", body: String) {
        let response = Ask { method: &method, body, ..get(&path) }.program().of(&admin(three()));
        prop_assert!((200..500).contains(&response.status().as_u16()));
    }
}

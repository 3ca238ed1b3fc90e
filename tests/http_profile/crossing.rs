//! What crosses to the callout server (RFC 4236 sections 3.1, 3.2.1, 3.3 to 3.5 and 3.7).

use http::{Method, StatusCode};
use opes_tests::body::{empty, fed, full};
use opes_tests::client::{request, with_body, with_field};
use opes_tests::config::{Config, DIGEST, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::ocp::Peer;
use opes_tests::origin::{Canned, Origin, Page};

use crate::messages::{Message, parts};
use crate::wired::Wired;

const BOTH: &[Rule<'_>] = &[Rule::request(&[IDENTITY]), Rule::response(&[SUBSTITUTE])];

/// The parts of all transactions with a part of this name, in order.
fn flows_with(said: &[Message], name: &str) -> Vec<Vec<(String, Vec<u8>)>> {
    let xids = said.iter().filter(|message| message.name() == "TS").filter_map(Message::xid);
    let flows = xids.map(|xid| parts(said, xid));
    flows.filter(|parts| parts.iter().any(|(part, _)| part == name)).collect()
}

fn names(parts: &[(String, Vec<u8>)]) -> Vec<&str> {
    parts.iter().map(|(name, _)| name.as_str()).collect()
}

// req: HTTP-3.5-01, HTTP-3.5-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_method_and_status_are_adapted() {
    let wired = Wired::start(BOTH).await;
    let methods =
        [b"GET".as_slice(), b"HEAD", b"POST", b"DELETE", b"OPTIONS", b"TRACE", b"PROPFIND", b"X-NEW"];
    for method in methods {
        wired.fetch(with_body(Method::from_bytes(method).unwrap(), "/tally", empty())).await;
    }
    let codes = [200, 204, 206, 301, 404, 418, 500, 599];
    for code in codes {
        assert_eq!(wired.get(&format!("/status/{code}")).await.status.as_u16(), code);
    }
    let all = methods.len() + codes.len();
    let said = wired.original(2 * all);
    let asked: Vec<_> = flows_with(&said, "request-header")
        .into_iter()
        .filter(|parts| parts.len() == 1 && parts[0].0 == "request-header")
        .collect();
    assert_eq!(asked.len(), all, "a transaction for every request");
    for method in methods {
        assert!(asked.iter().any(|parts| parts[0].1.starts_with(&[method, b" "].concat())));
    }
    let answered = flows_with(&said, "response-header");
    assert_eq!(answered.len(), all, "and for every response");
    for code in codes {
        let line = format!("HTTP/1.1 {code}");
        assert!(answered.iter().flatten().any(|(_, octets)| octets.starts_with(line.as_bytes())), "{code}");
    }
}

// req: HTTP-3.1-02, HTTP-3.1-03, HTTP-3.2.1-01, HTTP-3.2.1-06, HTTP-3.2.1-07, HTTP-3.4-01, HTTP-3.4-03, HTTP-3.4-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_that_a_message_has_cross_in_their_order() {
    let wired = Wired::start(BOTH).await;
    wired.origin.page("/cat", Page::text("A cat."));
    wired.get("/cat").await;
    wired.fetch(with_body(Method::POST, "/echo", full("x".repeat(300_000)))).await;
    wired.fetch(request(Method::HEAD, "/cat")).await;
    let said = wired.original(6);

    let requests: Vec<_> = (0..20).map(|xid| parts(&said, xid)).filter(|parts| !parts.is_empty()).collect();
    let shapes: Vec<_> = requests.iter().map(|parts| names(parts)).collect();
    let plain = vec!["request-header"];
    let posted = vec!["request-header", "request-body"];
    let answer = vec!["request-header", "response-header", "response-body"];
    let bodiless = vec!["request-header", "response-header"];
    for (shape, count) in [(plain, 2), (posted, 1), (answer, 2), (bodiless, 1)] {
        assert_eq!(shapes.iter().filter(|found| **found == shape).count(), count, "{shape:?} in {shapes:?}");
    }
    for (name, octets) in requests.iter().flatten() {
        let text = String::from_utf8_lossy(octets);
        match name.as_str() {
            "request-header" => assert!(["GET /", "POST ", "HEAD "].contains(&&text[..5]), "{text}"),
            "response-header" => assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}"),
            _ => continue,
        }
        assert_eq!(text.find("\r\n\r\n"), Some(text.len() - 4), "up to the empty line: {text}");
    }
    let large = |message: &&Message| message.part() == Some("request-body");
    assert!(said.iter().filter(large).count() > 1, "in several pieces");
    let posted = requests.iter().find(|parts| names(parts) == ["request-header", "request-body"]);
    assert!(posted.expect("the posted body")[1].1 == "x".repeat(300_000).into_bytes());
}

// req: HTTP-3.1-03, HTTP-3.1-04, HTTP-3.2.1-07, HTTP-3.3-03, HTTP-3.7-01, HTTP-3.7-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transfer_codings_stay_behind_and_trailers_are_parts() {
    let origin = Canned::start(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
         6\r\nA cat.\r\n0\r\nX-Sum: a sum\r\n\r\n",
    )
    .await;
    let wired = Wired::before(origin.address(), BOTH, Origin::start().await).await;
    let (feed, body) = fed(None);
    let asked = with_field(with_body(Method::POST, "/", body), "te", "trailers");
    let (answer, ()) = tokio::join!(wired.fetch(asked), async move {
        feed.send("first").await;
        feed.send("second").await;
        drop(feed);
    });
    assert_eq!(answer.text(), "A tiger.");
    let said = wired.original(2);
    let request = &flows_with(&said, "request-body")[0];
    assert_eq!(
        (names(request), &request[1].1[..]),
        (vec!["request-header", "request-body"], &b"firstsecond"[..])
    );
    let response = &flows_with(&said, "response-header")[0];
    assert_eq!(names(response)[1..], ["response-header", "response-body", "response-trailer"]);
    assert_eq!(response[2].1, b"A cat.");
    let trailer = String::from_utf8_lossy(&response[3].1).to_lowercase();
    assert_eq!(trailer, "x-sum: a sum\r\n");
    for (name, octets) in [request.clone(), response.clone()].concat() {
        let head = String::from_utf8_lossy(&octets).to_lowercase();
        assert!(!name.ends_with("header") || !head.contains("\r\ntransfer-encoding:"), "{head}");
    }
    assert!(said.iter().all(|message| message.named("AM-EL").is_none()), "no length is known");
}

// req: HTTP-3.3-01, HTTP-3.3-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_length_is_announced_by_both_agents() {
    let wired = Wired::start(&[Rule::request(&[DIGEST]), Rule::response(&[DIGEST])]).await;
    wired.fetch(with_body(Method::POST, "/echo", full("a cat"))).await;
    let said = wired.original(2);
    let announced = |said: &[Message]| -> Vec<Option<String>> {
        let ams = said.iter().filter(|message| message.name() == "AMS");
        ams.map(|message| message.named("AM-EL").map(str::to_owned)).collect()
    };
    assert_eq!(announced(&said)[0].as_deref(), Some("5"));
    assert_eq!(announced(&wired.said()[1])[0].as_deref(), Some("5"), "digest changes nothing");
}

// req: HTTP-3.7-02
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_with_a_coding_that_cannot_be_removed_does_not_cross() {
    let coded = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n6\r\nA cat.\r\n0\r\n\r\n";
    let origin = Canned::start(coded).await;
    let wired = Wired::before(origin.address(), BOTH, Origin::start().await).await;
    let answer = opes_tests::client::fetch(wired.proxy.address, request(Method::GET, "/")).await;
    assert!(answer.is_ok_and(|answer| answer.status == StatusCode::BAD_GATEWAY));

    let mut client = Peer::connect(wired.proxy.address);
    client
        .send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n4\r\nA ca\r\n0\r\n\r\n");
    client.expect("\r\n\r\n");
    let status = client.text();
    assert!(status.starts_with("HTTP/1.1 4") || status.starts_with("HTTP/1.1 5"), "{status}");

    let [said, _] = wired.said();
    assert!(!said.iter().any(|message| message.text().contains("A ca")), "{said:?}");
}

#[test]
fn the_services_of_these_tests_are_hosted() {
    let config = Config::server().to_string();
    assert!([IDENTITY, SUBSTITUTE, DIGEST].iter().all(|service| config.contains(service)));
}

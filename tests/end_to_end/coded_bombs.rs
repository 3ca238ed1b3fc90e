//! Coded bodies that mean harm, come as they are made, or have no body: what the tables of `codings` leave out.

use http::{Method, StatusCode, header};
use opes_tests::body::full;
use opes_tests::client::{self, Connection, request, with_body, with_field};
use opes_tests::coding::{encode, gunzip_beginning, gzip_lines, written_by};
use opes_tests::config::{Config, Rule, SUBSTITUTE};
use opes_tests::memory::Watch;
use opes_tests::opes::Opes;
use opes_tests::origin::{Canned, Page};
use opes_tests::stack::Stack;

use crate::codings::Coded;

/// Name, coding, and the command that makes it.
const BOMBS: &[(&str, &str, &str)] = &[
    ("a gzip of zeros", "gzip", "head -c 134217728 /dev/zero | gzip -n"),
    ("a gzip of a gzip of zeros", "gzip, gzip", "head -c 134217728 /dev/zero | gzip -n | gzip -n"),
    ("a brotli of zeros", "br", "head -c 134217728 /dev/zero | brotli -q 5 -c"),
    ("a zstd of zeros", "zstd", "head -c 134217728 /dev/zero | zstd -q -c"),
    ("a zstd with a long window", "zstd", "head -c 300000 /dev/urandom | zstd -q --ultra --long=27 -c"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_is_refused_within_bounds_and_harms_nobody_else() {
    // The second hold is the usual one.
    for (policy, hold) in [("fail", 16_384), ("pass", 16_384), ("fail", 262_144)] {
        let coded = Coded::holding(policy, hold).await;
        coded.origin.page("/cat", Page::text(encode("gzip", b"A cat.")).field("content-encoding", "gzip"));
        let watches = [
            Watch::begin("server", coded.server.process.id()),
            Watch::begin("proxy", coded.proxy.process.id()),
        ];
        for (what, coding, command) in BOMBS {
            let bomb = written_by(command);
            coded.origin.page("/bomb", Page::text(bomb.clone()).field("content-encoding", coding));
            for place in ["here", "there", "unsaid"] {
                println!(
                    "{what} of {} octets, {place}, on_failure = {policy:?}, {hold} octets held",
                    bomb.len()
                );
                // One that may change all of it, one that leaves early, one that only looks.
                for service in ["change", "inject", "deny"] {
                    let tried = format!("response {place} {service}");
                    let asked = with_field(request(Method::GET, "/bomb"), "x-try", &tried);
                    let answer = client::fetch(coded.proxy.address, asked).await;
                    let answer = answer.unwrap_or_else(|broken| {
                        panic!("{what}, {tried}: broken off although nothing had gone on: {broken}")
                    });
                    assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{what}, {tried}");
                }
                let tried = format!("response {place} change");
                let before = coded.origin.seen().len();
                let asked = with_body(Method::POST, "/echo", full(bomb.clone()));
                let asked = with_field(
                    with_field(asked, "content-encoding", coding),
                    "x-try",
                    &format!("request {place} change"),
                );
                let answer = client::fetch(coded.proxy.address, asked).await.expect("a whole response");
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{what} {place}: {}", answer.text());
                if coded.origin.seen().len() > before {
                    let seen = coded.origin.request(Method::POST, "/echo");
                    assert!(!seen.body.expect("it has ended").whole, "{what} {place}");
                }
                let asked = with_field(request(Method::GET, "/cat"), "x-try", &tried);
                let other = client::fetch(coded.proxy.address, asked).await.expect("a whole response");
                assert_eq!(gunzip_beginning(&other.body), "A tiger.", "{what} {place}");
            }
        }
        // The window of a brotli alone may have 16 MiB (RFC 7932 section 9.1).
        watches.iter().for_each(|watch| watch.assert_below(64 << 20));
    }
}

/// What has gone on cannot be taken back: the client sees that the message is not whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bomb_behind_harmless_content_breaks_off() {
    let coded = Coded::start("pass").await;
    let watch = Watch::begin("proxy", coded.proxy.process.id());
    for (coding, program) in [("gzip", "gzip -n"), ("br", "brotli -q 5 -c"), ("zstd", "zstd -q -c")] {
        let command =
            format!("(head -c 60000 /dev/urandom | od -An -tx1; head -c 134217728 /dev/zero) | {program}");
        coded.origin.page("/bomb", Page::text(written_by(&command)).field("content-encoding", coding));
        for place in ["here", "there", "unsaid"] {
            for service in ["change", "inject", "deny"] {
                let tried = format!("response {place} {service}");
                let asked = with_field(request(Method::GET, "/bomb"), "x-try", &tried);
                // Its head may not have left yet: who writes it has got it, and does not get it back.
                let broken = client::fetch(coded.proxy.address, asked).await.expect_err("it is not whole");
                assert!(broken.status.is_none_or(|status| status == StatusCode::OK), "{coding}, {tried}");
                println!("{coding}, {tried}: {broken}");
            }
        }
    }
    watch.assert_below(64 << 20);
}

/// RFC 9110 sections 9.3.2 and 15.4.5: these say of a representation what they would with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_without_a_body_keep_their_coding() {
    let coded = Coded::start("fail").await;
    let page =
        Page::text(encode("gzip", b"A cat.")).field("content-encoding", "gzip").field("etag", "\"one\"");
    coded.origin.page("/page", page);
    let mut connection = Connection::open(coded.proxy.address).await;
    for place in ["here", "there"] {
        for service in ["change", "look"] {
            let tried = format!("response {place} {service}");
            let head = with_field(request(Method::HEAD, "/page"), "x-try", &tried);
            let known = with_field(request(Method::GET, "/page"), "if-none-match", "\"one\"");
            let known = with_field(known, "x-try", &tried);
            for (asked, status) in [(head, 200), (known, 304)] {
                let answer = connection.fetch(asked).await.expect("a whole response");
                assert_eq!(answer.status, status, "{tried}");
                assert_eq!(answer.headers[header::CONTENT_ENCODING], "gzip", "{tried} {status}");
                assert_eq!(answer.body.len(), 0, "{tried} {status}");
            }
        }
    }
}

/// RFC 9110 section 15.3.7: octets out of the middle of coded content mean nothing alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_coded_content_is_not_changed() {
    const ANSWER: &str = "HTTP/1.1 206 Partial Content\r\nContent-Encoding: gzip\r\nContent-Range: bytes 5-7/99\r\n\
        Content-Length: 3\r\n\r\ncat";
    let (origin, server) = (Canned::start(ANSWER).await, Opes::server(&Config::server()));
    let places = [
        ("kind = \"substitute\"\nfrom = \"cat\"\nto = \"tiger\"", "here"),
        ("callout_server = \"adapt\"", "there"),
    ];
    for (keys, place) in places {
        for policy in ["fail", "pass"] {
            let config = Config::reverse(origin.address(), server.address);
            let proxy = Opes::proxy(&config.table(&format!(
                "[[services]]\nuri = {SUBSTITUTE:?}\n{keys}\n[[rules]]\nservices = [{SUBSTITUTE:?}]\non_failure = {policy:?}"
            )));
            let answer = client::get(proxy.address, "/part").await;
            let expected = if policy == "fail" { (502, false) } else { (206, true) };
            assert_eq!(
                (answer.status.as_u16(), answer.body == "cat"),
                expected,
                "{place} {policy}: {}",
                answer.text()
            );
        }
    }
}

/// A body that is read while it is made is not held, and does not stay in an encoder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coded_event_stream_arrives_piece_by_piece() {
    let coded = Coded::start("fail").await;
    let lines = gzip_lines("data: a dog\ndata: a cat\ndata: a catcat\n");
    for place in ["here", "there"] {
        for service in ["change", "inject", "look"] {
            let fields = [("content-type", "text/event-stream"), ("content-encoding", "gzip")];
            let feed = coded.origin.stage_with("/events", None, &fields);
            let asked =
                with_field(request(Method::GET, "/events"), "x-try", &format!("response {place} {service}"));
            let mut connection = Connection::open(coded.proxy.address).await;
            let mut octets = Vec::new();
            assert!(feed.send(lines[0].clone()).await);
            let mut response = connection.send(asked).await.expect("a head before the end");
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            let expected = match service {
                "change" => ["a dog\n", "a tiger\n", "a tigertiger\n"],
                "inject" => ["a dog\n", "a cat and mouse\n", "a catcat\n"],
                _ => ["a dog\n", "a cat\n", "a catcat\n"],
            };
            for (number, event) in expected.iter().enumerate() {
                if number > 0 {
                    assert!(feed.send(lines[number].clone()).await);
                }
                while !gunzip_beginning(&octets).ends_with(event) {
                    let piece = client::piece(&mut response).await.expect("the stream goes on");
                    octets.extend_from_slice(&piece.expect("the stream goes on"));
                }
            }
            feed.send(lines[3].clone()).await;
            drop(feed);
            while let Some(piece) = client::piece(&mut response).await.expect("a whole response") {
                octets.extend_from_slice(&piece);
            }
            let whole = opes_tests::coding::decode("gzip", &octets);
            assert!(whole.ends_with(expected[2].as_bytes()), "{place} {service}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_callout_server_the_coded_original_passes() {
    let mut stack =
        Stack::start(&[Rule::response(&[SUBSTITUTE]).or_pass(), Rule::request(&[SUBSTITUTE]).or_pass()])
            .await;
    stack.server.process.kill();
    let octets = encode("zstd", b"A cat and another cat.");
    let page = Page::text(octets.clone()).field("content-encoding", "zstd").field("etag", "\"one\"");
    stack.origin.page("/page", page);
    let answer = stack.get("/page").await;
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &octets[..]));
    assert_eq!(
        (&answer.headers[header::ETAG], &answer.headers[header::CONTENT_ENCODING]),
        (&"\"one\"".parse().unwrap(), &"zstd".parse().unwrap())
    );
    assert_eq!(answer.headers[header::CONTENT_LENGTH], octets.len().to_string());
    let asked =
        with_field(with_body(Method::POST, "/echo", full(octets.clone())), "content-encoding", "zstd");
    let answer = stack.fetch(asked).await.expect("a whole response");
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &octets[..]));
    assert_eq!(stack.origin.request(Method::POST, "/echo").headers[header::CONTENT_ENCODING], "zstd");
}

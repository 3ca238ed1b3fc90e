//! The client of the crate icap-rs 0.3.0, which somebody else wrote.
//!
//! What it cannot do is left to Squid, c-icap-client and the raw client:
//!
//! * It writes all of a message before it reads (`Client::send_inner`, `send_streaming_reader_inner`), so an answer that
//!   comes back while more than sockets hold is still to be written never ends: each side waits for the other. Large
//!   bodies are therefore sent to services that send nothing back here.
//! * What it has read together with 100 Continue it throws away (`hdr_buf` where `code == 100`). The gateway waits with
//!   its answer until the client goes on, so nothing is lost.
//! * `Request::with_http_response_and_request_context` takes the head of the request, but `serialize_embedded_http` leaves
//!   it out: no `req-hdr` in RESPMOD, so no bypass and no conditions about requests there.
//! * It sends no trailers, and one request at a time.

use http::{Request as HttpRequest, Response as HttpResponse, Uri, Version};
use icap_rs::{Client, OptionsCacheConfig, ParsedResponse, Request};
use opes_tests::config::{DIGEST, IDENTITY, SUBSTITUTE, SYSTEM};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::patience::within;

use crate::{Gateway, rules};

fn client(gateway: &Opes) -> Client {
    let address = gateway.address;
    Client::builder().host(&address.ip().to_string()).port(address.port()).keep_alive(true).build()
}

async fn sent(client: &Client, request: &Request) -> ParsedResponse {
    within("an answer", client.send(request)).await.expect("an answer that it understands")
}

fn page(body: &[u8]) -> HttpResponse<Vec<u8>> {
    let head = HttpResponse::builder().version(Version::HTTP_11).header("Content-Type", "text/html");
    head.header("Content-Length", body.len()).body(body.to_vec()).unwrap()
}

/// The head of a page with so many octets.
fn head(length: usize) -> HttpResponse<()> {
    let mut head = page(&[]).map(|_| ());
    head.headers_mut().insert("content-length", length.into());
    head
}

fn post(body: &[u8]) -> HttpRequest<Vec<u8>> {
    let uri = Uri::from_static("http://origin.example.com/form");
    let head = HttpRequest::post(uri).version(Version::HTTP_11).header("Host", "origin.example.com");
    head.header("Content-Length", body.len()).body(body.to_vec()).unwrap()
}

/// The encapsulated head of an answer, and its body.
fn parts(answer: &ParsedResponse) -> (String, &[u8]) {
    let all = answer.body();
    let end = all.windows(4).position(|octets| octets == b"\r\n\r\n").expect("the end of a head") + 4;
    (String::from_utf8(all[..end].to_vec()).unwrap(), &all[end..])
}

/// What a request allows to be answered.
#[derive(Debug, Clone, Copy)]
struct Terms {
    preview: Option<usize>,
    unchanged: bool,
    partial: bool,
}

impl Terms {
    fn all() -> Vec<Self> {
        let previews = [None, Some(0), Some(16), Some(4096)];
        let allowed = [(false, false), (true, false), (true, true)];
        let of = |preview| allowed.map(|(unchanged, partial)| Self { preview, unchanged, partial });
        previews.into_iter().flat_map(of).collect()
    }

    fn put(self, mut request: Request) -> Request {
        if let Some(preview) = self.preview {
            request = request.preview(preview);
        }
        if self.unchanged {
            request = request.allow_204();
        }
        if self.partial {
            request = request.allow_206();
        }
        request
    }

    /// The body that the answer stands for, to a message with this one.
    fn meant(self, answer: &ParsedResponse, body: &[u8]) -> Vec<u8> {
        match answer.status_code().as_u16() {
            204 => {
                assert!(self.unchanged || self.preview.is_some(), "{self:?}: 204 was not allowed");
                body.to_vec()
            }
            206 => {
                assert!(self.partial, "{self:?}: 206 was not allowed");
                let from = answer.use_original_body_offset().expect("use-original-body");
                [parts(answer).1, &body[from..]].concat()
            }
            200 => parts(answer).1.to_vec(),
            other => panic!("{self:?}: {other}"),
        }
    }
}

// RFC 3507 section 4.10.2.
#[tokio::test]
async fn options_are_understood() {
    let gateway = Gateway::here(&["substitute"]);
    let client = client(&gateway.opes);
    let answer = sent(&client, &Request::options("scan")).await;
    let field = |name| answer.get_header(name).map(|value| value.to_str().unwrap());
    assert_eq!(answer.status_code().as_u16(), 200);
    assert_eq!(field("methods"), Some("REQMOD, RESPMOD"));
    assert_eq!(field("preview"), Some("4096"));
    assert!(field("istag").is_some_and(|tag| tag.len() > 2));
}

/// All of them on one connection: the gateway takes no second one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_every_size_are_adapted_on_one_connection() {
    let one = "[limits]\nconnections = 1\n";
    let here = Gateway::with(&format!("{}\n{one}", rules("services = [\"substitute\"]")));
    let elsewhere = |service| Gateway::elsewhere_with(&[service], one);
    for (gateway, changes) in [(here, true), (elsewhere(SUBSTITUTE), true), (elsewhere(IDENTITY), false)] {
        let client = client(&gateway.opes);
        for size in [0u64, 1, 15, 16, 17, 4096, 4097, 200_000] {
            let body = Pattern::new(3).slice(0, size);
            let expected = if changes { substitute(&body, b"cat", b"tiger") } else { body.to_vec() };
            for terms in Terms::all() {
                let request = terms.put(Request::respmod("scan").with_http_response(page(&body)).unwrap());
                let answer = sent(&client, &request).await;
                assert!(terms.meant(&answer, &body) == expected, "RESPMOD {size} {terms:?}: {answer}");
                if answer.status_code().as_u16() == 200 {
                    let (head, _) = parts(&answer);
                    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                    assert!(head.contains(&format!("\r\nOPES-System: {SYSTEM}\r\n")), "{head}");
                }
                let request = terms.put(Request::reqmod("scan").with_http_request(post(&body)).unwrap());
                let answer = sent(&client, &request).await;
                assert!(terms.meant(&answer, &body) == expected, "REQMOD {size} {terms:?}: {answer}");
            }
        }
    }
}

/// Nothing comes back that the client would have to read while it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_are_looked_at_and_stay_with_the_client() {
    const SIZE: usize = 30_000_000;
    for gateway in [Gateway::here(&["digest"]), Gateway::elsewhere(&[DIGEST])] {
        let client = client(&gateway.opes);
        for request in [Request::respmod("scan"), Request::respmod("scan").preview(1024)] {
            let request = request.allow_204().with_http_response_head(head(SIZE)).unwrap();
            let octets = Pattern::new(5).slice(0, SIZE as u64);
            let answer =
                within("an answer", client.send_streaming_reader(&request, &octets[..])).await.unwrap();
            assert_eq!(answer.status_code().as_u16(), 204, "{answer}");
        }
        let octets = Pattern::new(5).slice(0, SIZE as u64);
        let request = Request::reqmod("scan").allow_204().with_http_request(post(&octets)).unwrap();
        assert_eq!(sent(&client, &request).await.status_code().as_u16(), 204);
    }
}

/// What follows the preview of a large body is never sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_beginning_of_a_large_body_is_changed_by_a_reference_to_the_rest() {
    let gateway = Gateway::here(&["inject"]);
    let client = client(&gateway.opes);
    let body = [b"<html><body>", &Pattern::new(6).slice(0, 30_000_000)[..]].concat();
    let terms = Terms { preview: Some(1024), unchanged: true, partial: true };
    for _ in 0..3 {
        let request = Request::respmod("scan").with_http_response_head(head(body.len())).unwrap();
        let request = terms.put(request).icap_header("X-Client-IP", "192.0.2.7");
        let mut left = &body[..];
        let answer = within("an answer", client.send_streaming_reader(&request, &mut left)).await.unwrap();
        assert_eq!(answer.status_code().as_u16(), 206, "{answer}");
        assert_eq!(body.len() - left.len(), 1024, "only the preview was sent");
        let meant = terms.meant(&answer, &body);
        assert!(meant.starts_with(b"<html><body><p>hello</p>"));
        assert!(meant.ends_with(&body[12..]) && meant.len() == body.len() + 12);
    }
}

// RFC 3507 section 4.8.2: a request that is answered.
#[tokio::test]
async fn a_request_is_answered_by_a_service() {
    let gateway = Gateway::here(&["block"]);
    let client = client(&gateway.opes);
    let get = HttpRequest::get("http://origin.example.com/").version(Version::HTTP_11);
    let get = get.header("Host", "origin.example.com").body(Vec::new()).unwrap();
    for _ in 0..2 {
        let request = Request::reqmod("scan").allow_204().with_http_request(get.clone()).unwrap();
        let answer = sent(&client, &request).await;
        let (head, body) = parts(&answer);
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        assert!(String::from_utf8_lossy(body).contains("not here"), "{answer}");
    }
}

// RFC 3507 section 4.10.2: previews are what OPTIONS asks for, without a word of the test.
#[tokio::test]
async fn what_options_ask_for_is_followed() {
    let gateway = Gateway::here(&["peek"]);
    let address = gateway.opes.address;
    let client = Client::builder().host(&address.ip().to_string()).port(address.port());
    let client = client.with_options_cache(OptionsCacheConfig::new()).build();
    let body = Pattern::new(7).slice(0, 100_000);
    for _ in 0..2 {
        let request = Request::respmod("scan").with_http_response(page(&body)).unwrap();
        let answer = sent(&client, &request).await;
        // Nothing but a preview allows it, and each connection ends as the client says.
        assert_eq!(answer.status_code().as_u16(), 204, "{answer}");
        assert_eq!(answer.get_header("connection").map(|value| value.as_bytes()), Some(&b"close"[..]));
    }
}

#[tokio::test]
async fn refusals_are_understood_and_the_next_request_too() {
    let gateway =
        Gateway::with("[[icap.paths]]\npath = \"/scan\"\n\n[[rules]]\nservices = [\"substitute\"]\n");
    let client = client(&gateway.opes);
    for _ in 0..2 {
        let request = |path: &str| Request::respmod(path).with_http_response(page(b"a cat")).unwrap();
        assert_eq!(sent(&client, &request("other")).await.status_code().as_u16(), 404);
        assert_eq!(parts(&sent(&client, &request("scan")).await).1, b"a tiger");
    }
}

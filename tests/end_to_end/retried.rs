//! A callout server that is lost with a coded message in its hands: what a further attempt gives describes itself as the
//! first did, and what comes out is right (RFC 4236 sections 3.2.7 and 3.3).

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, header};
use opes_tests::body::full;
use opes_tests::client::{Answer, fetch, request, with_body, with_field};
use opes_tests::coding::{decode, encode};
use opes_tests::config::{Config, DIGEST, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::origin::{Cut, Origin, Page};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::codings::text;

/// What a processor has said by the time at which it loses its server.
const BEGUN: &[u8] = b"AMS ";
const COMPLETE: &[u8] = b"AME ";

#[derive(Default)]
struct State {
    /// So many transactions do not get through.
    lose: usize,
    /// The connection is cut once this was said in them.
    until: &'static [u8],
    /// What the processor has said in each transaction, from its TS on.
    said: Vec<Vec<u8>>,
}

/// Stands before a callout server, and loses transactions with their connections.
struct Loser {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    listening: AbortHandle,
}

impl Loser {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let state = Arc::<Mutex<State>>::default();
        let own = Arc::clone(&state);
        let accepting = async move {
            while let Ok((processor, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.expect("the callout server");
                tokio::spawn(pass(processor, server, Arc::clone(&own)));
            }
        };
        Self { address, state, listening: tokio::spawn(accepting).abort_handle() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with it")
    }

    fn lose(&self, transactions: usize, until: &'static [u8]) {
        *self.state() = State { lose: transactions, until, said: Vec::new() };
    }
}

impl Drop for Loser {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn pass(mut processor: TcpStream, mut server: TcpStream, state: Arc<Mutex<State>>) {
    let (from_processor, mut to_processor) = processor.split();
    let (mut from_server, to_server) = server.split();
    tokio::select! {
        () = listen(from_processor, to_server, &state) => {}
        _ = copy(&mut from_server, &mut to_processor) => {}
    }
}

/// Where a transaction starts in what is said: at the beginning of a message, which is one of a line.
fn start_of(said: &[u8]) -> Option<usize> {
    if said.starts_with(b"TS ") {
        return Some(0);
    }
    said.windows(4).position(|window| window == b"\nTS ").map(|before| before + 1)
}

fn holds(said: &[u8], what: &[u8]) -> bool {
    said.windows(what.len()).any(|window| window == what)
}

/// Passes on what the processor says, up to a transaction that is to be lost.
async fn listen(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, state: &Mutex<State>) {
    let (mut octets, mut current) = (vec![0; 65_536], None);
    while let Ok(read) = from.read(&mut octets).await
        && read > 0
    {
        let piece = &octets[..read];
        let lost = {
            let mut state = state.lock().expect("nobody panics with it");
            let start = start_of(piece);
            match (start, current) {
                (Some(start), _) => {
                    current = Some(state.said.len());
                    state.said.push(piece[start..].to_vec());
                }
                (None, Some(number)) => {
                    state.said.get_mut(number).into_iter().for_each(|said| said.extend_from_slice(piece));
                }
                (None, None) => {}
            }
            let lost = start.filter(|_| state.lose > 0).map(|_| state.until);
            state.lose -= usize::from(lost.is_some());
            lost
        };
        let Some(until) = lost else {
            if to.write_all(piece).await.is_err() {
                return;
            }
            continue;
        };
        let mut said = piece.to_vec();
        while !holds(&said, until)
            && let Ok(read) = from.read(&mut octets).await
            && read > 0
        {
            said.extend_from_slice(&octets[..read]);
            let mut state = state.lock().expect("nobody panics with it");
            let last = state.said.last_mut().expect("the lost one is the last");
            last.extend_from_slice(&octets[..read]);
        }
        return;
    }
}

/// Origin, callout server, and a proxy that reaches it where transactions are lost.
struct Ground {
    origin: Origin,
    loser: Loser,
    proxy: Opes,
    _server: Opes,
}

impl Ground {
    async fn start(service: &str, policy: &str, replay: u64) -> Self {
        let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
        let loser = Loser::before(server.address).await;
        let config = Config::reverse(origin.address(), loser.address).table("breaker_failures = 0");
        let config = ["request", "response"].iter().fold(config, |config, direction| {
            config.table(&format!(
                "[[rules]]\ncallout_server = \"adapt\"\ndirection = {direction:?}\nservices = [{service:?}]\n\
                 on_failure = {policy:?}\nreplay_bytes = {replay}\n\
                 when = \"request.headers['x-way'] == ['{direction}']\""
            ))
        });
        Self { origin, loser, proxy: Opes::proxy(&config), _server: server }
    }

    /// A message with this body through the service: what came of it, and its fields behind the service.
    async fn adapt(&self, way: &str, coding: &str, body: &Bytes, cut: Cut) -> (Answer, HeaderMap) {
        let asked = if way == "request" {
            let asked = with_body(Method::POST, "/echo", full(body.clone()));
            with_field(asked, "content-encoding", coding)
        } else {
            let page = Page::text(body.clone()).field("content-encoding", coding).field("etag", "\"one\"");
            self.origin.page("/page", page.cut(cut));
            request(Method::GET, "/page")
        };
        let answer = fetch(self.proxy.address, with_field(asked, "x-way", way)).await;
        let answer = answer.unwrap_or_else(|broken| panic!("{way} {coding}: {broken}"));
        let headers = match way {
            "request" if answer.status == StatusCode::OK => {
                self.origin.request(Method::POST, "/echo").headers
            }
            _ => answer.headers.clone(),
        };
        (answer, headers)
    }
}

/// What the processor says of the length of a body that it gives.
fn announced(said: &[u8]) -> Option<usize> {
    let said = String::from_utf8_lossy(said);
    let (_, rest) = said.split_once("AM-EL: ")?;
    rest.split(['\r', ',', ';']).next()?.trim().parse().ok()
}

/// Whether what it gives is said to be coded.
fn is_coded(said: &[u8]) -> bool {
    holds(&said.to_ascii_lowercase(), b"\r\ncontent-encoding: ")
}

const CODINGS: [&str; 3] = ["gzip", "br", "gzip, zstd"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_decoded_is_given_decoded_again() {
    let ground = Ground::start(SUBSTITUTE, "fail", 1 << 20).await;
    for coding in CODINGS {
        for (size, word) in [(3, false), (5000, true), (5000, false), (100_000, true), (100_000, false)] {
            let plain = text(size, word);
            let coded = Bytes::from(encode(coding, &plain));
            for (until, cut) in
                [(BEGUN, Cut::Whole), (COMPLETE, Cut::Whole), (BEGUN, Cut::Growing), (COMPLETE, Cut::Growing)]
            {
                for way in ["response", "request"] {
                    let what = format!("{way}, {coding}, {size} octets, {word}, {cut:?}");
                    ground.loser.lose(1, until);
                    let (answer, headers) = ground.adapt(way, coding, &coded, cut).await;
                    assert_eq!(answer.status, StatusCode::OK, "{what}: {}", answer.text());
                    assert_eq!(headers[header::CONTENT_ENCODING], coding, "{what}");
                    if word {
                        assert!(
                            decode(coding, &answer.body) == substitute(&plain, b"cat", b"tiger"),
                            "{what}"
                        );
                        assert_ne!(
                            headers.get(header::ETAG).map(|tag| tag.as_bytes()),
                            Some(&b"\"one\""[..])
                        );
                    } else {
                        assert_eq!(answer.body, coded, "{what}");
                        let etag = headers.get(header::ETAG).map(|tag| tag.as_bytes());
                        assert_eq!(etag, (way == "response").then_some(&b"\"one\""[..]), "{what}");
                    }
                    let state = ground.loser.state();
                    assert_eq!((state.said.len(), state.lose), (2, 0), "{what}: one attempt more");
                    for said in &state.said {
                        // RFC 4236 section 3.3: nobody knows the length of what is decoded.
                        assert_eq!((announced(said), is_coded(said)), (None, false), "{what}");
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_as_it_is_has_no_other_length_in_a_further_attempt() {
    let ground = Ground::start(DIGEST, "fail", 1 << 20).await;
    let coded = Bytes::from(encode("gzip", &text(50_000, true)));
    // What the server wants is known from then on.
    for way in ["response", "request"] {
        ground.adapt(way, "gzip", &coded, Cut::Whole).await;
    }
    for until in [BEGUN, COMPLETE] {
        for way in ["response", "request"] {
            ground.loser.lose(1, until);
            let (answer, headers) = ground.adapt(way, "gzip", &coded, Cut::Whole).await;
            assert_eq!((answer.status, &answer.body), (StatusCode::OK, &coded), "{way}");
            assert_eq!(headers[header::CONTENT_ENCODING], "gzip", "{way}");
            let state = ground.loser.state();
            assert_eq!(state.said.len(), 2, "{way}: one attempt more");
            for said in &state.said {
                assert_eq!((announced(said), is_coded(said)), (Some(coded.len()), true), "{way}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_attempt_gets_through_fails_or_passes_as_it_came() {
    let (plain, replay) = (text(100_000, true), 90_000);
    for policy in ["fail", "pass"] {
        // Where more was decoded than is kept, there is no further attempt; what came coded is there nevertheless.
        for (attempts, replay) in [(2, 1 << 20), (1, replay)] {
            let ground = Ground::start(SUBSTITUTE, policy, replay).await;
            for coding in CODINGS {
                let coded = Bytes::from(encode(coding, &plain));
                assert!((coded.len() as u64) < replay, "{coding}: {}", coded.len());
                for way in ["response", "request"] {
                    for cut in [Cut::Whole, Cut::Growing] {
                        let what = format!("{way}, {coding}, {policy}, {attempts} attempts, {cut:?}");
                        ground.loser.lose(usize::MAX, COMPLETE);
                        let (answer, headers) = ground.adapt(way, coding, &coded, cut).await;
                        assert_eq!(ground.loser.state().said.len(), attempts, "{what}");
                        if policy == "fail" {
                            assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{what}");
                            continue;
                        }
                        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &coded), "{what}");
                        assert_eq!(headers[header::CONTENT_ENCODING], coding, "{what}");
                        if way == "response" {
                            assert_eq!(headers[header::ETAG], "\"one\"", "{what}");
                        }
                    }
                }
            }
        }
    }
}

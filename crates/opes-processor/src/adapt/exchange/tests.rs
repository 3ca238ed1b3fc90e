//! Coded messages through services of this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ocp::client::GroupSpec;
use opes_coding::{Bounds, Codings, Decoder, Encoder};
use opes_profile::http::Profile;
use opes_sdk::{Context as ServiceContext, Needs, Segment, Service, ServiceFactory, Step, factory};
use opes_services::{Peek, Substitute};
use tokio::time::timeout;

use super::*;
use crate::adapt::original::OriginalPiece;
use crate::adapt::{Known, Recoding};
use crate::rules::Place;

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n";

/// Longer than any wait of the code.
const PATIENCE: Duration = Duration::from_secs(60);

/// A body in pieces.
#[derive(Default)]
struct Pieces {
    pieces: VecDeque<Bytes>,
    /// There is a pause before each of them.
    pauses: bool,
    paused: bool,
    /// Nothing more is heard of it after the last one.
    falls_silent: bool,
}

impl OriginalBody for Pieces {
    fn poll_piece(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OriginalPiece, crate::adapt::OriginalError>>> {
        if self.pauses && !std::mem::replace(&mut self.paused, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.paused = false;
        match self.pieces.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(OriginalPiece::Body(piece)))),
            None if self.falls_silent => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

fn pieces(coded: &Bytes, size: usize) -> Pieces {
    Pieces { pieces: coded.chunks(size).map(|piece| coded.slice_ref(piece)).collect(), ..Pieces::default() }
}

fn gzip() -> Codings {
    Codings::parse(["gzip"]).unwrap()
}

fn encoded(plain: &[u8]) -> Bytes {
    let mut encoder = Encoder::new(&gzip()).unwrap();
    encoder.push(Bytes::copy_from_slice(plain)).unwrap();
    encoder.finish().unwrap();
    std::iter::from_fn(|| encoder.pull()).collect::<Vec<_>>().concat().into()
}

/// What these octets mean, as far as they go.
fn decoded(coded: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(&gzip(), Bounds::default());
    decoder.push(Bytes::copy_from_slice(coded));
    std::iter::from_fn(|| decoder.pull().unwrap()).collect::<Vec<_>>().concat()
}

/// Lines of words, which compress about as text does.
fn text(len: usize) -> Vec<u8> {
    let (mut text, mut state) = (Vec::new(), 1_u32);
    while text.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let word = ["the ", "cat ", "sat ", "on ", "a ", "mat, ", "and\n"][(state >> 16) as usize % 7];
        text.extend_from_slice(word.as_bytes());
        text.push(b'a' + (state >> 24) as u8 % 26);
    }
    text.truncate(len);
    text
}

fn substitute() -> Arc<dyn ServiceFactory> {
    Arc::new(Substitute::new("urn:substitute", "cat", "tiger").unwrap())
}

fn peek(first: u64) -> Arc<dyn ServiceFactory> {
    Arc::new(Peek::new("urn:peek", first, "evil", "no"))
}

fn selected(service: Arc<dyn ServiceFactory>, hold_octets: u64) -> Selected {
    Selected {
        group: GroupSpec::new(Profile::Response, [service.uri()]),
        changes: !service.build(&opes_sdk::Attributes::default()).needs().look_only,
        place: Place::Here(vec![service].into()),
        server: None,
        on_failure: OnFailure::Pass,
        parameters: Arc::default(),
        replay_octets: 1 << 20,
        request_octets: 0,
        tells_client: false,
        recoding: Recoding { hold_octets, ..Recoding::default() },
    }
}

fn original(head: &str, body: Pieces) -> Original {
    Original {
        request_head: None,
        request_rest: None,
        head: Arc::new(LazyHead::new(Bytes::copy_from_slice(head.as_bytes()))),
        length: None,
        codings: vec!["gzip".to_owned()],
        known: Known::default(),
        body: Box::pin(body),
    }
}

/// A front end that takes any head.
fn any(_: Part, head: Bytes) -> Result<Bytes, String> {
    Ok(head)
}

async fn start(head: &str, body: Pieces, selected: Selected) -> Result<Box<Exchange>, AdaptError> {
    Exchange::start(original(head, body), Arc::new(selected), any).await.map(|(exchange, _)| exchange)
}

/// The next octets of the body that goes on.
async fn next(exchange: &mut Exchange) -> Option<Bytes> {
    let piece = timeout(PATIENCE, poll_fn(|cx| exchange.poll_piece(cx))).await.expect("something comes");
    match piece?.unwrap() {
        Piece::Body(octets) => Some(octets),
        Piece::Trailer(_) => panic!("there is none"),
    }
}

async fn rest(exchange: &mut Exchange) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(octets) = next(exchange).await {
        body.extend_from_slice(&octets);
    }
    body
}

/// Waits with everything until it may go on.
struct Slow {
    free: Arc<AtomicBool>,
    kept: Option<Segment>,
}

impl Service for Slow {
    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn push(&mut self, cx: &mut ServiceContext<'_>, segment: Segment) -> Step {
        self.kept = Some(segment);
        self.resume(cx)
    }

    fn resume(&mut self, cx: &mut ServiceContext<'_>) -> Step {
        if !self.free.load(Ordering::Relaxed) {
            return Step::Wait;
        }
        self.kept.take().into_iter().for_each(|segment| cx.emit(segment));
        Step::Continue
    }
}

#[tokio::test]
async fn a_pause_is_counted_and_timed_where_the_original_waits_and_only_there() {
    for slow in [true, false] {
        let free = Arc::new(AtomicBool::new(!slow));
        let own = Arc::clone(&free);
        let service =
            factory("urn:slow", move |_: &opes_sdk::Attributes| Slow { free: Arc::clone(&own), kept: None });
        let body = Bytes::from(vec![0; 1 << 20]);
        let original =
            Original { codings: Vec::new(), ..original("HTTP/1.1 200 OK\r\n\r\n", pieces(&body, 1000)) };
        let begun = Instant::now();
        let selected = Arc::new(selected(Arc::new(service), 1 << 10));
        let (mut exchange, _) = Exchange::start(original, selected, any).await.unwrap();
        if slow {
            let first = poll_fn(|cx| Poll::Ready(exchange.poll_piece(cx))).await;
            assert!(first.is_pending(), "nothing comes of a service that waits: {first:?}");
            free.store(true, Ordering::Relaxed);
        }
        let freed = Instant::now();
        assert_eq!(rest(&mut exchange).await, body);
        assert_eq!(exchange.traffic().pauses, u32::from(slow));
        let pauses = exchange.take_pauses();
        assert_eq!((pauses.over().len(), pauses.left_out()), (usize::from(slow), 0));
        for pause in pauses.over() {
            assert!(begun <= pause.start && pause.start <= freed && freed <= pause.end, "{pause:?}");
        }
    }
}

#[tokio::test]
async fn a_bomb_is_told_instead_of_a_head_that_nothing_has_followed() {
    let bomb = encoded(&vec![0; 16 << 20]);
    for hold in [0, 16 * 1024, 256 * 1024, 1 << 20] {
        for service in [substitute(), peek(4096)] {
            for (size, pauses) in [(1000, false), (bomb.len(), false), (1000, true)] {
                let uri = service.uri().to_owned();
                let body = Pieces { pauses, ..pieces(&bomb, size) };
                let started = start(HEAD, body, selected(Arc::clone(&service), hold)).await;
                let Err(AdaptError::Coding(error)) = started else { panic!("{uri} {hold}: it goes on") };
                assert!(is_bomb(&error), "{error}");
            }
        }
    }
}

/// So many octets as come out for this text, which comes in small pieces with pauses between.
async fn recoded(plain: &[u8], head: &str) -> usize {
    let body = Pieces { pauses: true, ..pieces(&encoded(plain), 1448) };
    let mut exchange = start(head, body, selected(substitute(), 0)).await.unwrap();
    let body = rest(&mut exchange).await;
    let expected = String::from_utf8(plain.to_vec()).unwrap().replace("cat", "tiger");
    assert!(decoded(&body) == expected.as_bytes());
    body.len()
}

#[tokio::test]
async fn pauses_of_a_body_do_not_cost_its_compression() {
    let plain = text(1 << 20);
    let whole = encoded(String::from_utf8(plain.clone()).unwrap().replace("cat", "tiger").as_bytes()).len();
    let stream = HEAD.replace("text/plain", "text/event-stream");
    let (kept, flushed) = (recoded(&plain, HEAD).await, recoded(&plain, &stream).await);
    println!("{whole} octets at once, {kept} in pieces, {flushed} where each goes on at once");
    assert!(kept < whole + whole / 100, "{kept} octets, {whole} at once");
    assert!(flushed > kept);
}

#[tokio::test]
async fn what_has_come_goes_on_when_nothing_more_comes() {
    for (head, hold) in [(HEAD, 0), (HEAD, 1 << 20), (&HEAD.replace("plain", "event-stream"), 0)] {
        let mut encoder = Encoder::new(&gzip()).unwrap();
        encoder.push("a cat, and then ".into()).unwrap();
        encoder.flush().unwrap();
        let coded = Bytes::from(std::iter::from_fn(|| encoder.pull()).collect::<Vec<_>>().concat());
        let body = Pieces { falls_silent: true, ..pieces(&coded, 5) };
        let started = timeout(PATIENCE, start(head, body, selected(substitute(), hold))).await;
        let mut exchange = started.expect("its head goes on").unwrap();
        let mut came = Vec::new();
        while decoded(&came) != b"a tiger, and then " {
            came.extend_from_slice(&next(&mut exchange).await.expect("it has not ended"));
        }
    }
}

#[tokio::test]
async fn where_octets_were_taken_of_the_original_its_rest_does_not_go_on_alone() {
    let coded = encoded(&text(100_000));
    let original = original(HEAD, pieces(&coded, 1000));
    let started = Exchange::start(original, Arc::new(selected(substitute(), 0)), |_, _| {
        Err::<(), _>("no head".to_owned())
    })
    .await;
    assert!(matches!(started, Err(AdaptError::Transaction(TransactionError::Broken(_)))));
}

#[tokio::test]
async fn no_more_is_held_for_services_than_the_bound() {
    let coded = encoded(&vec![0; HELD as usize + (1 << 20)]);
    let mut selected = selected(peek(u64::MAX), 0);
    selected.recoding.bounds.ratio = u32::MAX;
    selected.on_failure = OnFailure::Fail;
    let started = start(HEAD, pieces(&coded, 1000), selected).await;
    let error = started.err().expect("it is too much");
    assert!(error.to_string().contains("hold too much of the coded message"), "{error}");
}

fn exchange() -> Box<Exchange> {
    Exchange::new(original(HEAD, Pieces::default()), Arc::new(selected(substitute(), 0)))
}

#[test]
fn another_reason_phrase_makes_no_other_message() {
    for (head, replaced) in [
        (HEAD, false),
        ("HTTP/1.1 200 Fine\r\n\r\n", false),
        ("HTTP/1.1 403 OK\r\n\r\n", true),
        ("HTTP/1.1 403\r\n\r\n", true),
    ] {
        assert_eq!(exchange().is_replaced(Part::ResponseHeader, head.as_bytes()), replaced, "{head}");
    }
}

#[tokio::test]
async fn what_stands_in_the_place_of_the_original_is_not_the_original() {
    let mut exchange = exchange();
    exchange.coded = Coded::new(&["gzip".to_owned()], Recoding::default(), true, 0).map(Box::new);
    exchange.unmodified = true;
    let refusal = Bytes::from_static(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    let head = exchange.coded_again(Part::ResponseHeader, refusal.clone()).await.unwrap();
    assert_eq!((head, exchange.unmodified), (Some(refusal), false));
}

// proto-spec/extensions/trace-records.md: only of the services of the transaction's group.
#[test]
fn records_of_agents_that_were_not_asked_are_dropped_and_counted() {
    let mut exchange = exchange();
    let records = |agents: &[&str]| agents.iter().map(|agent| TraceRecord::new(*agent)).collect();
    for agents in [&["urn:substitute", "urn:other", "URN:substitute"][..], &["http://helper.example/ok"]] {
        exchange.note(Some(Box::new(Notes { records: records(agents), ..Notes::default() })));
    }
    assert_eq!(exchange.strangers(), 2);
    let accepted: Vec<_> = exchange.take_records().into_iter().map(|record| record.agent).collect();
    assert_eq!(accepted, ["urn:substitute", "URN:substitute"]);
}

//! Each answer that a scanner may give, and none.

use super::{
    super::{Address, Options, PastMax},
    OK,
    host::{Outcome, once},
    options, patient,
    scripted::{Act, Scripted},
};

fn recorded(name: &str, value: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.to_owned())]
}

/// Fails, and lets nothing pass.
fn assert_failed(outcome: &Outcome, reason: &str) {
    let failed = outcome.failed.as_deref().unwrap_or_default();
    assert!(failed.contains(reason), "{outcome:?}");
    assert!(outcome.body.is_empty() && outcome.refused.is_none() && !outcome.finished, "{outcome:?}");
    assert!(outcome.variables.is_empty() && outcome.recorded.is_empty(), "{outcome:?}");
}

#[tokio::test]
async fn what_is_clean_passes_as_it_was() {
    let scripted = Scripted::new(|_| Act::Say(OK)).await;
    let outcome = once(patient(&scripted), &[b"abc", b"de"]).await;
    assert_eq!((&outcome.body[..], outcome.early, outcome.finished), (&b"abcde"[..], 0, true));
    assert_eq!(outcome.variables["clamav"], "clean");
    assert!(outcome.recorded.is_empty());
    assert_eq!(scripted.came.lock().unwrap()[0].octets, b"abcde");
}

#[tokio::test]
async fn what_is_infected_is_refused_and_the_signature_named_to_the_host_only() {
    let scripted = Scripted::new(|_| Act::Say("{}: stream: Win.Test-1 FOUND")).await;
    let outcome = once(patient(&scripted), &[b"abc"]).await;
    assert_eq!(outcome.refused.as_deref(), Some("This content is infected."));
    assert!(outcome.body.is_empty() && !outcome.finished);
    assert_eq!(outcome.variables["clamav"], "infected");
    assert_eq!(outcome.variables["clamav_signature"], "Win.Test-1");
    assert_eq!(outcome.recorded, recorded("infected", "Win.Test-1"));
}

#[tokio::test]
async fn an_error_of_the_scanner_is_a_failure() {
    let scripted = Scripted::new(|_| Act::Say("{}: stream: Can't allocate memory ERROR")).await;
    assert_failed(&once(patient(&scripted), &[b"abc"]).await, "Can't allocate memory");
}

#[tokio::test]
async fn the_scanners_own_limit_is_a_limit() {
    for text in ["{}: INSTREAM size limit exceeded. ERROR", "INSTREAM size limit exceeded. ERROR"] {
        let scripted = Scripted::new(move |_| Act::SayAndClose(text)).await;
        let refused = once(patient(&scripted), &[b"abc"]).await;
        assert_eq!(refused.refused.as_deref(), Some("This content is too long to be scanned."));
        let lax = Options { past_max: PastMax::Pass, ..patient(&scripted) };
        let passed = once(lax, &[b"abc"]).await;
        assert_eq!((&passed.body[..], passed.finished), (&b"abc"[..], true));
        assert_eq!(passed.variables["clamav"], "unscanned");
        assert_eq!(passed.recorded, recorded("unscanned", "0"));
    }
}

#[tokio::test]
async fn a_scanner_that_hangs_up_at_its_limit_is_heard_all_the_same() {
    let limit = "{}: INSTREAM size limit exceeded. ERROR";
    let scripted = Scripted::that_takes(200_000, move |_| Act::SayAndClose(limit)).await;
    let outcome = once(patient(&scripted), &[&[b'x'; 200_001]]).await;
    assert_eq!(outcome.refused.as_deref(), Some("This content is too long to be scanned."));
}

#[tokio::test]
async fn a_verdict_before_the_end_of_the_stream_is_never_clean() {
    let early = Scripted::that_takes(10, |_| Act::SayAndStay(OK)).await;
    // More than what sockets hold.
    let outcome = once(patient(&early), &[&[b'x'; 20_000_000]]).await;
    assert_failed(&outcome, "before it had everything");
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_is_a_failure() {
    for octets in [&b""[..], b"1: stream: O", b"1: stream: OK"] {
        let scripted = Scripted::new(move |_| Act::Close(octets)).await;
        assert_failed(&once(patient(&scripted), &[b"abc"]).await, "without a verdict");
    }
}

#[tokio::test]
async fn silence_is_a_failure() {
    let scripted = Scripted::new(|_| Act::Nothing).await;
    assert_failed(&once(options(&scripted), &[b"abc"]).await, "the scanner's verdict took longer than 300ms");
}

#[tokio::test]
async fn a_scanner_that_is_down_is_a_failure() {
    let scripted = Scripted::new(|_| Act::Nothing).await;
    // Nothing listens on port 1 of this address, and there is no such file.
    for address in [Address::Tcp("127.0.0.1:1".to_owned()), Address::Unix("/nowhere/clamd.sock".into())] {
        let down = Options { address, ..patient(&scripted) };
        assert_failed(&once(down, &[b"abc"]).await, "no connection to the scanner");
    }
}

#[tokio::test]
async fn the_answer_to_another_stream_is_a_failure() {
    for text in ["2: stream: OK", "stream: OK", "0: stream: OK"] {
        let scripted = Scripted::new(move |_| Act::Say(text)).await;
        assert_failed(&once(patient(&scripted), &[b"abc"]).await, "answered");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_a_failure() {
    static ENDLESS: [u8; 100_000] = [b'x'; 100_000];
    let scripted = Scripted::new(|_| Act::Close(&ENDLESS)).await;
    assert_failed(&once(patient(&scripted), &[b"abc"]).await, "too long");
}

#[tokio::test]
async fn without_a_body_nobody_is_asked() {
    let scripted = Scripted::new(|_| Act::Nothing).await;
    let outcome = once(options(&scripted), &[]).await;
    assert!(outcome.finished && scripted.numbers().is_empty());
}

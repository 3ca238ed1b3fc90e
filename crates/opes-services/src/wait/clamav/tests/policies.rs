//! What is released, and when.

use super::{
    super::{Options, PastMax, Policy, policy::WINDOW},
    OK,
    host::once,
    patient,
    scripted::{Act, Came, Scripted},
};

const FOUND: &str = "{}: stream: X FOUND";

/// Calls infected what has an `!`.
async fn scanner() -> Scripted {
    Scripted::new(|came: &Came| if came.octets.contains(&b'!') { Act::Say(FOUND) } else { Act::Say(OK) })
        .await
}

fn prefix(scripted: &Scripted, octets: u64) -> Options {
    Options { policy: Policy::Prefix { octets }, ..patient(scripted) }
}

fn streams(scripted: &Scripted) -> Vec<String> {
    let came = scripted.came.lock().unwrap();
    came.iter().map(|came| String::from_utf8_lossy(&came.octets).into_owned()).collect()
}

#[tokio::test]
async fn hold_releases_nothing_before_the_verdict() {
    let scripted = scanner().await;
    let outcome = once(patient(&scripted), &[b"ab", b"c", b"d!"]).await;
    assert!(outcome.body.is_empty() && outcome.refused.is_some());
    assert_eq!(streams(&scripted), ["abcd!"]);
}

#[tokio::test]
async fn hold_refuses_what_is_longer_than_the_limit_and_scans_nothing_of_it() {
    let scripted = scanner().await;
    let options = || Options { max_bytes: 4, ..patient(&scripted) };
    assert!(once(options(), &[b"abcd"]).await.finished);
    let outcome = once(options(), &[b"abc", b"de"]).await;
    assert_eq!(outcome.refused.as_deref(), Some("This content is too long to be scanned."));
    assert!(outcome.body.is_empty() && outcome.variables.is_empty());
    assert_eq!(streams(&scripted), ["abcd"]);
}

#[tokio::test]
async fn hold_passes_what_is_longer_as_unscanned_where_its_beginning_is_clean() {
    let scripted = scanner().await;
    let options = || Options { max_bytes: 4, past_max: PastMax::Pass, ..patient(&scripted) };
    let outcome = once(options(), &[b"abc", b"de", b"f!"]).await;
    assert_eq!((&outcome.body[..], outcome.finished), (&b"abcdef!"[..], true));
    assert_eq!(outcome.variables["clamav"], "unscanned");
    assert_eq!(outcome.recorded, [("unscanned".to_owned(), "4".to_owned())]);
    assert!(once(options(), &[b"ab!", b"defg"]).await.refused.is_some());
    assert_eq!(streams(&scripted), ["abcd", "ab!d"]);
}

#[tokio::test]
async fn a_clean_prefix_goes_while_the_whole_is_scanned() {
    let scripted = scanner().await;
    let outcome = once(prefix(&scripted, 4), &[b"abc", b"def", b"gh"]).await;
    assert_eq!((outcome.early, &outcome.body[..], outcome.finished), (4, &b"abcdefgh"[..], true));
    assert_eq!(outcome.variables["clamav"], "clean");
    assert_eq!(streams(&scripted), ["abcd", "abcdefgh"], "the whole is scanned once more, across the border");
    assert_eq!(scripted.numbers(), [(1, 1), (1, 2)], "in one session");
}

#[tokio::test]
async fn an_infected_prefix_is_refused() {
    let scripted = scanner().await;
    let outcome = once(prefix(&scripted, 4), &[b"ab!", b"def", b"gh"]).await;
    assert!(outcome.refused.is_some() && outcome.body.is_empty());
    assert_eq!(streams(&scripted), ["ab!d"]);
}

#[tokio::test]
async fn what_is_no_longer_than_the_prefix_is_held_whole() {
    let scripted = scanner().await;
    assert!(once(prefix(&scripted, 4), &[b"ab", b"c!"]).await.refused.is_some());
    assert!(once(prefix(&scripted, 4), &[b"ab", b"cd"]).await.finished);
    assert_eq!(streams(&scripted), ["abc!", "abcd"]);
}

#[tokio::test]
async fn an_infection_behind_the_prefix_aborts_the_message_short_of_its_end() {
    let scripted = scanner().await;
    let body = [&[b'x'; 300_000][..], b"!"].concat();
    let pieces: Vec<&[u8]> = body.chunks(10_000).collect();
    let outcome = once(prefix(&scripted, 50_000), &pieces).await;
    assert!(
        outcome.failed.as_deref().is_some_and(|reason| reason.contains("infected with X")),
        "{outcome:?}"
    );
    assert!(outcome.refused.is_none() && !outcome.finished);
    assert!(outcome.body.len() >= 50_000 && outcome.body.len() as u64 <= body.len() as u64 - WINDOW);
    assert_eq!(outcome.variables["clamav_signature"], "X");
    assert_eq!(outcome.recorded, [("infected".to_owned(), "X".to_owned())]);
}

#[tokio::test]
async fn a_message_past_the_limit_is_aborted_or_passes_from_there() {
    let scripted = scanner().await;
    let body = [&[b'x'; 200_000][..], b"!"].concat();
    let pieces: Vec<&[u8]> = body.chunks(10_000).collect();
    let strict = Options { max_bytes: 150_000, ..prefix(&scripted, 50_000) };
    let outcome = once(strict.clone(), &pieces).await;
    assert!(outcome.failed.is_some() && outcome.body.len() < 150_000, "{:?}", outcome.failed);
    let lax = Options { past_max: PastMax::Pass, ..strict };
    let outcome = once(lax, &pieces).await;
    assert!(outcome.finished && outcome.body == body);
    assert_eq!(outcome.recorded, [("unscanned".to_owned(), "150000".to_owned())]);
}

#[tokio::test]
async fn a_scanner_that_fails_behind_the_prefix_aborts_the_message() {
    let scripted = Scripted::new(|came| if came.number == 1 { Act::Say(OK) } else { Act::Close(b"") }).await;
    let outcome = once(prefix(&scripted, 4), &[b"abc", b"def"]).await;
    assert!(outcome.failed.is_some() && outcome.body == b"abcd" && !outcome.finished, "{outcome:?}");
}

#[tokio::test]
async fn a_limit_of_the_scanner_behind_the_prefix_is_a_limit() {
    let limit = "{}: INSTREAM size limit exceeded. ERROR";
    let made = || {
        Scripted::that_takes(100_000, move |came| {
            if came.octets.len() > 100_000 { Act::SayAndClose(limit) } else { Act::Say(OK) }
        })
    };
    let body = [b'x'; 300_000];
    let pieces: Vec<&[u8]> = body.chunks(10_000).collect();
    let scripted = made().await;
    let outcome = once(prefix(&scripted, 50_000), &pieces).await;
    assert!(
        outcome.failed.as_deref().is_some_and(|reason| reason.contains("longer")),
        "{:?}",
        outcome.failed
    );
    let scripted = made().await;
    let lax = Options { past_max: PastMax::Pass, ..prefix(&scripted, 50_000) };
    let outcome = once(lax, &pieces).await;
    assert!(outcome.finished && outcome.body == body, "{:?}", outcome.failed);
    assert_eq!(outcome.recorded, [("unscanned".to_owned(), "50000".to_owned())]);
}

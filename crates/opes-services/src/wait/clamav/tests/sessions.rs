//! Sessions are used again, and never more of them than allowed.

use super::{
    super::{ClamAv, Options, scanner::Scanner},
    OK,
    host::{URI, through},
    patient,
    scripted::{Act, Scripted},
};

#[tokio::test]
async fn one_message_after_the_other_shares_a_session() {
    let scripted = Scripted::new(|_| Act::Say(OK)).await;
    let service = ClamAv::new(URI, patient(&scripted));
    for _ in 0..3 {
        assert!(through(&service, &[b"abc"]).await.finished);
    }
    assert_eq!(scripted.numbers(), [(1, 1), (1, 2), (1, 3)]);
}

#[tokio::test]
async fn an_infection_does_not_end_the_session() {
    let scripted = Scripted::new(|came| match came.number {
        1 => Act::Say("{}: stream: X FOUND"),
        _ => Act::Say(OK),
    })
    .await;
    let service = ClamAv::new(URI, patient(&scripted));
    assert!(through(&service, &[b"abc"]).await.refused.is_some());
    assert!(through(&service, &[b"abc"]).await.finished);
    assert_eq!(scripted.numbers(), [(1, 1), (1, 2)]);
}

#[tokio::test]
async fn a_session_that_the_scanner_ended_meanwhile_is_replaced() {
    let scripted = Scripted::new(|came| match (came.connection, came.number) {
        (1, 2) => Act::Close(b""), // as it would be met in the middle of the next stream
        (2, _) => Act::SayAndClose(OK), // and between two
        _ => Act::Say(OK),
    })
    .await;
    let service = ClamAv::new(URI, patient(&scripted));
    for _ in 0..3 {
        let outcome = through(&service, &[b"abc"]).await;
        assert!(outcome.finished, "{outcome:?}");
    }
    assert_eq!(scripted.numbers(), [(1, 1), (1, 2), (2, 1), (3, 1)]);
}

#[tokio::test]
async fn a_fresh_session_that_breaks_is_not_tried_again() {
    let scripted = Scripted::new(|_| Act::Close(b"")).await;
    let service = ClamAv::new(URI, patient(&scripted));
    assert!(through(&service, &[b"abc"]).await.failed.is_some());
    assert_eq!(scripted.numbers(), [(1, 1)]);
}

#[tokio::test]
async fn a_session_that_failed_is_not_used_again() {
    let scripted = Scripted::new(|came| match came.connection {
        1 => Act::Say("9: stream: OK"),
        _ => Act::Say(OK),
    })
    .await;
    let service = ClamAv::new(URI, patient(&scripted));
    assert!(through(&service, &[b"abc"]).await.failed.is_some());
    assert!(through(&service, &[b"abc"]).await.finished);
    assert_eq!(scripted.numbers(), [(1, 1), (2, 1)]);
}

#[tokio::test]
async fn there_are_never_more_sessions_than_the_pool_allows() {
    let scripted = Scripted::new(|_| Act::Say(OK)).await;
    let service = ClamAv::new(URI, Options { pool: 2, ..patient(&scripted) });
    let messages = (0..20).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { through(&service, &[&[b'x'; 100_000]]).await })
    });
    for message in messages.collect::<Vec<_>>() {
        assert!(message.await.unwrap().finished);
    }
    assert_eq!(scripted.open.lock().unwrap().1, 2, "as many as allowed, and no more");
    assert_eq!(scripted.numbers().len(), 20);
}

#[tokio::test]
async fn who_finds_no_free_session_in_time_fails() {
    let scripted = Scripted::new(|_| Act::Nothing).await;
    let Options { address, timeout, .. } = super::options(&scripted);
    let scanner = Scanner::new(address, timeout, 1);
    let stream = scanner.stream().await.unwrap();
    let error = scanner.scan(&["abc".into()]).await.unwrap_err();
    assert_eq!(error.to_string(), "waiting for a free session took longer than 300ms");
    drop(stream);
    let error = scanner.scan(&["abc".into()]).await.unwrap_err();
    assert_eq!(error.to_string(), "the scanner's verdict took longer than 300ms", "there is a free one");
}

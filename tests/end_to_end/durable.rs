//! Records outlive the process: what was sent out longer ago than a journal promises is found after a kill.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use opes_tests::client::{Connection, request, with_field};
use opes_tests::config::{Config, Rule, SECOND, SUBSTITUTE};
use opes_tests::opes::Opes;
use opes_tests::origin::{Origin, Page};
use opes_tests::patience::within;
use opes_tests::records::{Keeper, TOKEN};
use opes_tests::trace::id;
use serde_json::Value;

/// What README promises (`opes_record::DURABLE_AFTER`).
const DURABLE_AFTER: Duration = Duration::from_millis(500);

/// For a disk that others use, too.
const MARGIN: Duration = Duration::from_secs(2);

/// Asks for the page over and over until the proxy is gone; gives each id with the time at which all of it had come.
async fn ask(proxy: SocketAddr, stop: Arc<AtomicBool>) -> Vec<(String, Instant)> {
    let mut connection = Connection::open(proxy).await;
    let mut ids = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let Ok(answer) = connection.fetch(request(Method::GET, "/zoo")).await else { break };
        assert_eq!(answer.text(), "a lion");
        ids.push((id(&answer.headers).expect("an id in the trace"), Instant::now()));
    }
    ids
}

/// Whether there is a record of this id, which is whole then.
async fn is_kept(connection: &mut Connection, id: &str) -> bool {
    let path = format!("/api/messages/{id}");
    let asked = with_field(request(Method::GET, &path), "authorization", &format!("Bearer {TOKEN}"));
    let answer = connection.fetch(asked).await.unwrap_or_else(|broken| panic!("{path}: {broken}"));
    if answer.status == StatusCode::NOT_FOUND {
        return false;
    }
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let record: Value = serde_json::from_str(&answer.text()).expect("JSON");
    assert_eq!((&record["id"], &record["outcome"]), (&id.into(), &"adapted".into()), "{record}");
    assert_eq!(record["services"].as_array().map(Vec::len), Some(2), "{record}");
    true
}

// req: EEPC-3.2-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_out_is_found_after_a_kill_under_load() {
    let (origin, server) = (Origin::start().await, Opes::server(&Config::server()));
    origin.page("/zoo", Page::text("a cat"));
    let config = Config::reverse(origin.address(), server.address);
    let mut keeper = Keeper::start(config.rule(&Rule::response(&[SUBSTITUTE, SECOND])));
    // Twice: the second time on files that a crash has left behind.
    for round in 1..=2 {
        let stop = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> =
            (0..8).map(|_| tokio::spawn(ask(keeper.proxy.address, Arc::clone(&stop)))).collect();
        tokio::time::sleep(DURABLE_AFTER + 2 * MARGIN).await;
        let (_, list) = keeper.json("/api/messages?limit=1").await;
        let dropped = &list["counts"]["dropped"];
        assert_eq!((&dropped["full"], &dropped["failed"]), (&0.into(), &0.into()), "nothing may be missing");
        let killed = Instant::now();
        keeper.proxy.process.kill();
        let mut ids = Vec::new();
        for client in clients {
            ids.extend(within("a client to see it", client).await.expect("a client"));
        }
        stop.store(true, Ordering::Relaxed);

        keeper.restart();
        let (mut old, mut missing, mut young) = (0, Vec::new(), 0);
        // A connection to the pages has its end.
        for some in ids.chunks(500) {
            let mut connection = Connection::open(keeper.admin).await;
            for (id, came) in some {
                let is_old = killed.saturating_duration_since(*came) > DURABLE_AFTER + MARGIN;
                old += u32::from(is_old);
                if !is_kept(&mut connection, id).await {
                    match is_old {
                        true => missing.push(id.clone()),
                        false => young += 1,
                    }
                }
            }
        }
        println!("round {round}: {} ids, {old} under the promise, {young} of the others lost", ids.len());
        assert!(old > 100, "the load is one: {old} of {}", ids.len());
        assert!(missing.is_empty(), "round {round}: {} of {old} are lost: {missing:?}", missing.len());
    }
}

//! SIGTERM and SIGINT: stop accepting, finish what is in flight, say goodbye, exit 0.

use std::net::{SocketAddr, TcpStream};

use http::{Method, StatusCode};
use opes_tests::client::{collect, piece, request};
use opes_tests::config::{Config, IDENTITY, Rule, SUBSTITUTE};
use opes_tests::ocp::{HEAD, OPENING, Peer, data, group};
use opes_tests::octets::Pattern;
use opes_tests::opes::Opes;
use opes_tests::oracle::substitute;
use opes_tests::origin::Origin;
use opes_tests::patience::eventually;
use opes_tests::stack::Stack;

/// New connections are no longer taken: refused, or closed without a word.
fn await_deaf(address: SocketAddr) {
    eventually("the end of accepting", || match TcpStream::connect(address) {
        Err(_) => Some(()),
        Ok(stream) => {
            stream.set_read_timeout(Some(std::time::Duration::from_millis(100))).expect("a TCP option");
            matches!(std::io::Read::read(&mut &stream, &mut [0; 1]), Ok(0)).then_some(())
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_proxy_and_an_idle_server_end_at_once() {
    for signal in ["TERM", "INT"] {
        let mut stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
        stack.get("/bytes/1000").await;
        // An idle connection of a client does not hold the proxy up.
        let mut connection = stack.connect().await;
        connection.get("/bytes/1000").await;
        for process in [&mut stack.proxy.process, &mut stack.server.process] {
            process.signal(signal);
            assert_eq!(process.exit().code(), Some(0), "after SIG{signal}: {}", process.stderr());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_finishes_what_is_in_flight() {
    let mut stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    let (half, pattern) = (300_000, Pattern::new(51));
    let feed = stack.origin.stage("/long", Some(2 * half));
    let mut connection = stack.connect().await;
    assert!(feed.send(pattern.slice(0, half)).await);
    let mut response = connection.send(request(Method::GET, "/long")).await.expect("a head");
    let mut came =
        piece(&mut response).await.expect("the response has begun").expect("it has not ended").to_vec();

    stack.proxy.process.signal("TERM");
    await_deaf(stack.proxy.address);
    assert!(stack.proxy.process.alive(), "it waits for the transaction in flight");
    assert!(feed.send(pattern.slice(half, 2 * half)).await, "the origin is still heard");
    drop(feed);
    came.extend_from_slice(&collect(response).await.expect("a whole response").body);
    let expected = substitute(&pattern.slice(0, 2 * half), b"cat", b"tiger");
    assert!(came == expected, "{} octets came, {} expected", came.len(), expected.len());
    assert_eq!(stack.proxy.process.exit().code(), Some(0), "{}", stack.proxy.process.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_finishes_what_is_in_flight() {
    let mut stack = Stack::start(&[Rule::response(&[SUBSTITUTE])]).await;
    let (half, pattern) = (300_000, Pattern::new(52));
    let feed = stack.origin.stage("/long", None);
    let mut connection = stack.connect().await;
    assert!(feed.send(pattern.slice(0, half)).await);
    let mut response = connection.send(request(Method::GET, "/long")).await.expect("a head");
    let mut came =
        piece(&mut response).await.expect("the response has begun").expect("it has not ended").to_vec();

    stack.server.process.signal("TERM");
    await_deaf(stack.server.address);
    assert!(feed.send(pattern.slice(half, 2 * half)).await, "the origin is still heard");
    drop(feed);
    came.extend_from_slice(&collect(response).await.expect("a whole response").body);
    let expected = substitute(&pattern.slice(0, 2 * half), b"cat", b"tiger");
    assert!(came == expected, "{} octets came, {} expected", came.len(), expected.len());
    assert_eq!(stack.server.process.exit().code(), Some(0), "{}", stack.server.process.stderr());
    assert_eq!(stack.get("/bytes/1000").await.status, StatusCode::BAD_GATEWAY, "and now it is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_unfinished_after_the_drain_time_fails_visibly() {
    let origin = Origin::start().await;
    let server = Opes::server(&Config::server());
    let config = Config::reverse(origin.address(), server.address).top("drain_seconds = 1");
    let mut proxy = Opes::proxy(&config.rule(&Rule::response(&[SUBSTITUTE])));
    let feed = origin.stage("/endless", Some(1 << 30));
    let mut connection = opes_tests::client::Connection::open(proxy.address).await;
    assert!(feed.send(Pattern::new(53).slice(0, 100_000)).await);
    let response = connection.send(request(Method::GET, "/endless")).await.expect("a head");
    proxy.process.signal("TERM");
    collect(response).await.expect_err("a part that looks whole");
    assert_eq!(proxy.process.exit().code(), Some(0), "{}", proxy.process.stderr());
}

#[test]
fn a_server_says_goodbye_on_each_connection() {
    let mut server = Opes::server(&Config::server().top("drain_seconds = 1"));
    let mut idle = Peer::connect(server.address);
    assert!(idle.send(OPENING));
    idle.expect("NR");
    let mut busy = Peer::connect(server.address);
    let open = data(1, 0, "response-header", HEAD);
    assert!(busy.send(format!("{OPENING}{}TS 1 1;\r\nAMS 1;\r\n{open}", group(1, IDENTITY))));
    busy.expect("AMS 1");

    server.process.signal("TERM");
    idle.expect("CE");
    idle.expect_end();
    assert!(!idle.text().contains("400"), "it ends well: {}", idle.text());
    busy.expect_end();
    let failed = busy.text().lines().any(|line| line.starts_with("TE 1 {") || line.starts_with("CE {"));
    assert!(failed, "the unfinished transaction ends with a failure: {}", busy.text());
    assert_eq!(server.process.exit().code(), Some(0), "{}", server.process.stderr());
}

//! What is no message any more: tunnels by CONNECT (RFC 9110 section 9.3.6) and changed protocols (section 7.8).

use std::net::TcpListener;

use opes_tests::config::{BLOCK, Config, IDENTITY, REASON, Rule, SYSTEM};
use opes_tests::ocp::Peer;
use opes_tests::opes::Opes;

const HANDSHAKE: &str = "GET /socket HTTP/1.1\r\nHost: www.example.com\r\nConnection: keep-alive, Upgrade\r\n\
     Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nOPES-Test: 1\r\n\r\n";

/// Someone who listens, a callout server, and a proxy that is made from where they are.
fn arranged(config: impl Fn(&TcpListener, &Opes) -> Config) -> (TcpListener, Opes, Opes) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let server = Opes::server(&Config::server());
    let proxy = Opes::proxy(&config(&listener, &server));
    (listener, server, proxy)
}

fn forward(rules: &[Rule<'_>]) -> (TcpListener, Opes, Opes) {
    arranged(|_, server| rules.iter().fold(Config::forward(server.address), Config::rule))
}

fn reverse(rules: &[Rule<'_>]) -> (TcpListener, Opes, Opes) {
    arranged(|listener, server| {
        let origin = listener.local_addr().expect("bound");
        rules.iter().fold(Config::reverse(origin, server.address), Config::rule)
    })
}

fn connect_to(authority: &str) -> String {
    format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n")
}

/// Octets go both ways, and the end of each way arrives.
fn assert_carries(client: &mut Peer, other: &mut Peer) {
    client.send("from \0 the client");
    other.expect("from \0 the client");
    other.send("from the other \u{1} side");
    client.expect("from the other \u{1} side");
    client.finish();
    other.expect_end();
    other.send("the last words");
    other.finish();
    client.expect("the last words");
    client.expect_end();
}

#[test]
fn a_tunnel_carries_whatever_it_is_given() {
    let (listener, _server, proxy) = forward(&[Rule::request(&[IDENTITY])]);
    let mut client = Peer::connect(proxy.address);
    client.send(connect_to(&listener.local_addr().expect("bound").to_string()));
    let mut other = Peer::accept(&listener);
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 200 "), "{}", client.text());
    assert!(client.text().to_lowercase().contains(&format!("opes-system: {SYSTEM}")), "{}", client.text());
    for field in ["content-length", "transfer-encoding"] {
        assert!(!client.text().to_lowercase().contains(field), "{}", client.text());
    }
    assert_carries(&mut client, &mut other);
}

// req: HTTP-3.5-02, HTTP-7-01
#[test]
fn a_connect_is_adapted_like_any_request() {
    let (listener, _server, proxy) = forward(&[Rule::request(&[BLOCK])]);
    let mut client = Peer::connect(proxy.address);
    client.send(connect_to(&listener.local_addr().expect("bound").to_string()));
    client.expect(REASON);
    assert!(client.text().starts_with("HTTP/1.1 403 "), "{}", client.text());
    listener.set_nonblocking(true).expect("a TCP option");
    assert!(listener.accept().is_err(), "nobody connected");
}

#[test]
fn tunnels_that_there_are_not() {
    let (listener, _server, proxy) = forward(&[]);
    let closed = {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
        closed.local_addr().expect("bound").to_string()
    };
    for (authority, status) in [("127.0.0.1:25", 403), ("127.0.0.1:22", 403), (closed.as_str(), 502)] {
        let mut client = Peer::connect(proxy.address);
        client.send(connect_to(authority));
        client.expect("\r\n\r\n");
        assert!(client.text().starts_with(&format!("HTTP/1.1 {status} ")), "{authority}: {}", client.text());
    }
    drop(listener);
    let (listener, _server, proxy) = reverse(&[]);
    let mut client = Peer::connect(proxy.address);
    client.send(connect_to(&listener.local_addr().expect("bound").to_string()));
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 405 "), "{}", client.text());
}

#[test]
fn the_ports_of_tunnels_are_configured() {
    let (listener, _server, proxy) =
        arranged(|_, server| Config::forward(server.address).top("tunnel_ports = [443]"));
    let mut client = Peer::connect(proxy.address);
    client.send(connect_to(&listener.local_addr().expect("bound").to_string()));
    client.expect("tunnel_ports");
    assert!(client.text().starts_with("HTTP/1.1 403 "), "{}", client.text());
}

// req: HTTP-3.5-02, HTTP-7-01
#[test]
fn a_connection_changes_its_protocol_after_the_handshake_was_adapted() {
    let rules = [Rule::request(&[IDENTITY]), Rule::response(&[IDENTITY])];
    let (listener, _server, proxy) = reverse(&rules);
    let mut client = Peer::connect(proxy.address);
    client.send(HANDSHAKE);
    let mut origin = Peer::accept(&listener);
    origin.expect("\r\n\r\n");
    let asked = origin.text().to_lowercase();
    for field in
        ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-key: x\r\n", "opes-via: "]
    {
        assert!(asked.contains(field), "{field} in {asked}");
    }
    origin.send(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: y\r\n\r\n",
    );
    client.expect("\r\n\r\n");
    let answered = client.text().to_lowercase();
    assert!(answered.starts_with("http/1.1 101 "), "{answered}");
    for field in
        ["connection: upgrade\r\n", "upgrade: websocket\r\n", "sec-websocket-accept: y\r\n", "opes-via: "]
    {
        assert!(answered.contains(field), "{field} in {answered}");
    }
    assert_carries(&mut client, &mut origin);
}

#[test]
fn a_handshake_that_a_service_refuses_changes_nothing() {
    let (listener, _server, proxy) = reverse(&[Rule::response(&[BLOCK])]);
    let mut client = Peer::connect(proxy.address);
    client.send(HANDSHAKE);
    let mut origin = Peer::accept(&listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    client.expect("\r\n\r\n");
    assert!(client.text().starts_with("HTTP/1.1 403 "), "{}", client.text());
    origin.expect_end();
}

#[test]
fn an_origin_need_not_change_the_protocol() {
    let (listener, _server, proxy) = reverse(&[]);
    let mut client = Peer::connect(proxy.address);
    client.send(HANDSHAKE);
    let mut origin = Peer::accept(&listener);
    origin.expect("\r\n\r\n");
    origin.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain");
    client.expect("plain");
    assert!(client.text().starts_with("HTTP/1.1 200 "), "{}", client.text());
}

#[test]
fn a_change_that_nobody_asked_for_is_an_origins_failure() {
    let (listener, _server, proxy) = reverse(&[]);
    for upgrade in ["", "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n"] {
        let mut client = Peer::connect(proxy.address);
        client.send(format!("GET / HTTP/1.1\r\nHost: www.example.com\r\n{upgrade}\r\n"));
        let mut origin = Peer::accept(&listener);
        origin.expect("\r\n\r\n");
        assert!(!origin.text().to_lowercase().contains("upgrade"), "{}", origin.text());
        origin.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
        client.expect("\r\n\r\n");
        assert!(client.text().starts_with("HTTP/1.1 502 "), "{}", client.text());
    }
}

#[test]
fn a_tunnel_does_not_outlive_the_drain_time() {
    let (listener, _server, mut proxy) =
        arranged(|_, server| Config::forward(server.address).top("drain_seconds = 1"));
    let mut client = Peer::connect(proxy.address);
    client.send(connect_to(&listener.local_addr().expect("bound").to_string()));
    let mut other = Peer::accept(&listener);
    client.expect("\r\n\r\n");
    client.send("still open");
    other.expect("still open");
    proxy.process.signal("TERM");
    other.expect_end();
    client.expect_end();
    assert!(proxy.process.exit().success());
}

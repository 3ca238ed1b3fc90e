//! What only a transport can show (RFC 4037 sections 2.8, 11.1 and 11.2).

use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opes_services::Identity;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::alone::{create, data, dum, host_with_group, messages, wire};
use crate::driver::{Driver, lock};
use crate::server::{Server, ServerConfig, Services};
use crate::transport::Transport;

/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(30);

async fn patiently<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("nothing happens")
}

/// Both ends of a TCP connection.
async fn connected() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (one, other) = tokio::join!(TcpStream::connect(address), listener.accept());
    (one.expect("a connection"), other.expect("a connection").0)
}

// req: OCP-2.8-01
#[tokio::test]
async fn a_transport_loses_nothing_and_keeps_the_order() {
    let (one, other) = connected().await;
    let mut writer = Transport::tcp(one).expect("a transport");
    let mut reader = Transport::tcp(other).expect("a transport");
    // Far more than the operating system holds, in writes of every size.
    let sent: Vec<u8> = (0_u32..1_000_000).flat_map(u32::to_le_bytes).collect();
    let expected = sent.clone();
    let write = async move {
        let mut rest = &sent[..];
        for size in (1..).map(|turn: usize| turn * 7919 % 65_536 + 1) {
            let slices: Vec<_> = rest.chunks(size).take(3).map(IoSlice::new).collect();
            let written = writer.write_vectored(&slices).await.expect("it is taken");
            rest = &rest[written..];
            if rest.is_empty() {
                return writer.shutdown().await.expect("an end");
            }
        }
    };
    let mut received = Vec::new();
    let read = reader.read_to_end(&mut received);
    let ((), read) = patiently(async { tokio::join!(write, read) }).await;
    read.expect("all of it");
    assert!(received == expected);
}

/// A server of one service that runs until the sender is dropped.
async fn serving() -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let mut services = Services::new();
    services.add(Arc::new(Identity::new("urn:identity")));
    let address = "127.0.0.1:0".parse().expect("an address");
    let server = Server::bind(address, ServerConfig::new(services)).await.expect("a server");
    let address = server.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    (address, stop, running)
}

/// The processor's end of a connection.
struct Peer {
    stream: TcpStream,
    heard: Vec<u8>,
}

impl Peer {
    async fn connect(address: SocketAddr) -> Self {
        Self {
            stream: patiently(TcpStream::connect(address)).await.expect("a connection"),
            heard: Vec::new(),
        }
    }

    async fn say(&mut self, said: &[String]) {
        let octets: Vec<u8> = said.iter().flat_map(|message| wire(message)).collect();
        patiently(self.stream.write_all(&octets)).await.expect("it is taken");
    }

    /// Reads until this has come as the end of a message, or everything has; all that has come.
    async fn hear(&mut self, end: &str) -> Vec<String> {
        while !self.heard.ends_with(end.as_bytes()) {
            let read = patiently(self.stream.read_buf(&mut self.heard)).await.expect("octets");
            assert!(read > 0 || end.is_empty(), "{:?} has not come", end);
        }
        messages(&std::mem::take(&mut self.heard))
    }
}

// req: OCP-11.1-08
#[tokio::test]
async fn each_tcp_connection_is_an_ocp_connection() {
    let (address, stop, running) = serving().await;
    let mut peers = [Peer::connect(address).await, Peer::connect(address).await];
    // The same identifiers on both, each with its own CS.
    for (peer, text) in peers.iter_mut().zip(["one", "two"]) {
        let start = ["CS;", "NO ();", &create(1, &["urn:identity"]), "TS 0 1;", "AMS 0;", &dum(0, 0, text)];
        peer.say(&start.map(str::to_owned)).await;
    }
    let [one, two] = &mut peers;
    one.say(&["AME 0;".to_owned()]).await;
    let said = one.hear("TE 0;\r\n").await;
    assert_eq!(
        (said[..2].to_vec(), data(&said, 0)),
        (vec!["CS;".to_owned(), "NR;".to_owned()], "one".to_owned())
    );

    // The end of the one is nothing to the other.
    one.say(&["CE;".to_owned()]).await;
    let read = patiently(one.stream.read_buf(&mut one.heard)).await.expect("an end");
    assert_eq!(read, 0);
    two.say(&[dum(0, 3, " more"), "AME 0;".to_owned()]).await;
    let said = two.hear("TE 0;\r\n").await;
    assert_eq!(said[..2], ["CS;", "NR;"]);
    assert_eq!(data(&said, 0), "two more");

    // And a message of an OCP connection is nothing to another TCP connection.
    let mut three = Peer::connect(address).await;
    three.say(&["TS 1 1;".to_owned()]).await;
    let said = three.hear(";\r\n").await;
    assert!(said.last().is_some_and(|message| message.starts_with("CE {400 ")), "{said:?}");
    drop((stop, two));
    drop(peers);
    patiently(running).await.expect("the server stops");
}

// req: OCP-11.2-04
#[tokio::test]
async fn ce_frees_the_transport_and_all_state() {
    for end in ["CE;", "CE {400};"] {
        let host = host_with_group(vec![]).agent;
        let (mut peer, served) = connected().await;
        let transport = Transport::tcp(served).expect("a transport");
        let driver = tokio::spawn(Driver::new(Arc::clone(&host), transport));
        let said = ["TS 0 1;", "AMS 0;", &dum(0, 0, "data"), end].map(wire).concat();
        patiently(peer.write_all(&said)).await.expect("it is taken");
        let mut heard = Vec::new();
        patiently(peer.read_to_end(&mut heard)).await.expect("an end");
        drop(peer);
        patiently(driver).await.expect("the driver comes to its end");
        assert_eq!(Arc::strong_count(&host), 1, "nobody holds the connection any more");
        assert!(lock(&host).census().is_empty());
    }
}

// req: OCP-11.2-04
#[tokio::test]
async fn a_transport_is_freed_though_its_peer_does_not_close() {
    let host: Arc<Mutex<_>> = host_with_group(vec![]).agent;
    let (mut peer, served) = connected().await;
    let driver = tokio::spawn(Driver::new(Arc::clone(&host), Transport::tcp(served).expect("a transport")));
    patiently(peer.write_all(b"CE;\r\n")).await.expect("it is taken");
    patiently(driver).await.expect("the driver comes to its end");
    // Nothing holds the other end: what is sent to it is refused before long.
    let refused = async {
        while peer.write_all(b"PQ;\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    patiently(refused).await;
}

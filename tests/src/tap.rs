//! A tap between a processor and a callout server: passes everything on and keeps both directions.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::patience::eventually;

/// Both directions of one connection: the processor's octets, then the server's.
pub type Captured = [Vec<u8>; 2];

#[derive(Debug, Default)]
struct Connection {
    octets: Captured,
    /// How many directions have ended.
    ended: u8,
}

/// A running tap.
#[derive(Debug)]
pub struct Tap {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
    listening: AbortHandle,
}

impl Tap {
    /// Listens, and connects to `server` for each connection that comes.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let connections = Arc::new(Mutex::new(Vec::new()));
        let accepting = accept(listener, server, Arc::clone(&connections));
        Self { address, connections, listening: tokio::spawn(accepting).abort_handle() }
    }

    /// Everything that was said, once all connections have ended.
    #[must_use]
    pub fn captured(&self) -> Vec<Captured> {
        eventually("the end of all tapped connections", || {
            let connections = self.connections.lock().expect("no pump panicked");
            let over = connections.iter().all(|connection| connection.ended == 2);
            over.then(|| connections.iter().map(|connection| connection.octets.clone()).collect())
        })
    }

    /// What was said so far on each connection.
    #[must_use]
    pub fn so_far(&self) -> Vec<Captured> {
        let connections = self.connections.lock().expect("no pump panicked");
        connections.iter().map(|connection| connection.octets.clone()).collect()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, connections: Arc<Mutex<Vec<Connection>>>) {
    while let Ok((processor, _)) = listener.accept().await {
        let server = TcpStream::connect(server).await.expect("the callout server");
        let index = {
            let mut connections = connections.lock().expect("no pump panicked");
            connections.push(Connection::default());
            connections.len() - 1
        };
        let (from_processor, to_processor) = processor.into_split();
        let (from_server, to_server) = server.into_split();
        for (direction, from, to) in [(0, from_processor, to_server), (1, from_server, to_processor)] {
            tokio::spawn(pump(Arc::clone(&connections), index, direction, from, to));
        }
    }
}

async fn pump(
    connections: Arc<Mutex<Vec<Connection>>>,
    index: usize,
    direction: usize,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) {
    let mut octets = vec![0; 65_536];
    while let Ok(read) = from.read(&mut octets).await
        && read > 0
    {
        connections.lock().expect("no pump panicked")[index].octets[direction]
            .extend_from_slice(&octets[..read]);
        if to.write_all(&octets[..read]).await.is_err() {
            break;
        }
    }
    connections.lock().expect("no pump panicked")[index].ended += 1;
    // The other side may have gone first.
    let _ = to.shutdown().await;
}

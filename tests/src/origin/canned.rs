//! An origin that answers with octets the test wrote, whether they are good HTTP or not.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Answers every request head with the same octets, then closes the connection.
#[derive(Debug)]
pub struct Canned {
    address: SocketAddr,
    listening: AbortHandle,
}

impl Canned {
    /// Listens.
    pub async fn start(answer: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let answer = answer.into();
        let accept = async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection to the origin");
                tokio::spawn(serve(stream, answer.clone()));
            }
        };
        Self { address, listening: tokio::spawn(accept).abort_handle() }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn serve(mut stream: TcpStream, answer: Vec<u8>) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => head.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
    // A client that went away needs no answer.
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
}

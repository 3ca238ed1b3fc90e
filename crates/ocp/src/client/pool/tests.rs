//! A pool whose server is no good.

use std::sync::atomic::AtomicUsize;

use opes_profile::http::Profile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::client::Briefing;

/// Reads until `text` has come.
async fn read_until(stream: &mut TcpStream, text: &str) {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        assert!(stream.read_buf(&mut read).await.unwrap() > 0, "no {text} has come");
    }
}

/// Negotiates, and closes the connection once a group is wanted.
async fn close_on_groups(mut stream: TcpStream) {
    read_until(&mut stream, "NO ();").await;
    stream.write_all(b"CS;\r\nNR;\r\n").await.unwrap();
    read_until(&mut stream, "SGC 1").await;
}

#[tokio::test]
async fn a_server_that_closes_every_connection_is_given_up_and_its_groups_are_not_barred() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&accepted);
    let server = tokio::spawn(async move {
        while count.load(Ordering::Relaxed) < 10 * ATTEMPTS {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::Relaxed);
            close_on_groups(stream).await;
        }
    });
    let pool = Arc::new(Pool::new(ClientConfig::new(address), Clock::Real, Budget::default()));
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    let failed = pool
        .start(Wish { spec: &spec, length: None, briefing: &Briefing::default() }, None)
        .await
        .unwrap_err();
    assert!(matches!(failed, ClientError::Connect { .. }), "{failed}");
    assert!(accepted.load(Ordering::Relaxed) <= ATTEMPTS);
    assert!(!pool.failures.contains(&spec));
    server.abort();
}

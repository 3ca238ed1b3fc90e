//! A pool whose server is no good.

use std::sync::atomic::AtomicUsize;

use opes_profile::http::Profile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::client::{Briefing, Client};

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

#[tokio::test]
async fn what_is_left_of_a_client_says_goodbye() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(ClientConfig::new(listener.local_addr().unwrap().to_string()));
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "NO ();").await;
        stream.write_all(b"CS;\r\nNR;\r\n").await.unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await.unwrap();
        heard
    });
    let spec = GroupSpec::new(Profile::Request, ["http://s.example/"]);
    let briefing = Briefing::default();
    let negotiated = async {
        while client.pool().usable(None).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        started = client.start(&spec, None, None, &briefing) => panic!("nobody creates the group: {started:?}"),
        () = negotiated => {}
    }
    let remnant = client.remnant();
    assert!(!client.pool().closed.load(Ordering::Relaxed), "it keeps no client from being used");
    drop(client);
    assert!(!remnant.is_over());
    remnant.close(Duration::from_secs(10)).await;
    assert!(heard.await.unwrap().ends_with("CE;\r\n"));
}

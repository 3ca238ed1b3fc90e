//! ICAP over TLS (icaps).

use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use opes_tests::certificates::Certificates;
use opes_tests::config::Config;
use opes_tests::icap::{END, Icap, chunk, respmod};
use opes_tests::opes::Opes;
use opes_tests::patience::PATIENCE;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::SERVICES;

fn config(certificates: &Certificates) -> Config {
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let tls = certificates.tls_table().replace("[tls]", "[icap.tls]");
    Config::gateway(nobody).table(&tls).table(SERVICES).table("[[rules]]\nservices = [\"substitute\"]\n")
}

/// A client that trusts this authority.
fn client(gateway: &Opes, authority: &Path) -> Icap<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(client), name).unwrap();
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    Icap::over(StreamOwned::new(session, stream))
}

fn page(text: &str) -> Vec<u8> {
    [respmod("", "HTTP/1.1 200 OK\r\n"), chunk(text), END.into()].concat()
}

#[test]
fn messages_are_adapted_over_tls() {
    let certificates = Certificates::new();
    let gateway = Opes::gateway(&config(&certificates));
    let mut client = client(&gateway, &certificates.authority);
    for _ in 0..2 {
        let answer = client.ask(page(&"a cat".repeat(50_000)));
        assert_eq!(answer.status, 200);
        assert!(answer.body == "a tiger".repeat(50_000).as_bytes());
    }

    // One that speaks in clear is not understood, and nobody else notices.
    let mut plain = TcpStream::connect(gateway.address).unwrap();
    std::io::Write::write_all(&mut plain, b"OPTIONS icap://a/scan ICAP/1.0\r\n\r\n").unwrap();
    assert_eq!(client.ask(page("x")).status, 200);
}

#[test]
fn a_signal_has_other_certificates_shown_and_bad_ones_are_not() {
    let (shown, next) = (Certificates::new(), Certificates::new());
    let config = config(&shown);
    let gateway = Opes::gateway(&config);
    let trusts = |certificates: &Certificates| {
        let mut client = client(&gateway, &certificates.authority);
        let trusted = client.stream.conn.complete_io(&mut client.stream.sock).is_ok();
        assert!(!trusted || client.ask(page("a cat")).body == b"a tiger");
        trusted
    };
    let mut before = client(&gateway, &shown.authority);
    assert_eq!(before.ask(page("a cat")).body, b"a tiger");
    assert!(trusts(&shown) && !trusts(&next));
    for (new, old) in [(&next.certificate, &shown.certificate), (&next.key, &shown.key)] {
        std::fs::copy(new, old).unwrap();
    }
    assert!(trusts(&shown), "nobody has asked for it yet");
    gateway.reload(&config);
    assert!(trusts(&next) && !trusts(&shown));
    assert_eq!(before.ask(page("a cat")).body, b"a tiger", "who is connected notices nothing");

    // A certificate of another key.
    std::fs::copy(&Certificates::new().certificate, &shown.certificate).unwrap();
    gateway.process.signal("HUP");
    opes_tests::patience::eventually("an error", || {
        let log = gateway.process.stderr();
        log.contains("ERROR").then(|| assert!(log.contains("tls.certificate"), "{log}"))
    });
    assert!(trusts(&next), "it stays in force");

    // Other files.
    let last = Certificates::new();
    gateway.reload(self::config(&last));
    assert!(trusts(&last) && !trusts(&next));
    let log = gateway.process.stderr();
    assert_eq!((log.matches("ERROR").count(), log.matches("WARN").count()), (1, 0), "{log}");

    // In clear only after a restart.
    let clear = Config::gateway(([127, 0, 0, 1], 9).into()).table(SERVICES);
    gateway.reload(clear.table("[[rules]]\nservices = [\"substitute\"]\n"));
    assert!(trusts(&last));
    let log = gateway.process.stderr();
    assert!(log.contains("WARN") && log.contains("icap.tls"), "{log}");
}

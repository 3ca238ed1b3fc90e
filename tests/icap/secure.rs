//! ICAP over TLS (icaps).

use std::net::TcpStream;
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

#[test]
fn messages_are_adapted_over_tls() {
    let certificates = Certificates::new();
    let nobody = std::net::SocketAddr::from(([127, 0, 0, 1], 9));
    let tls = certificates.tls_table().replace("[tls]", "[icap.tls]");
    let config =
        Config::gateway(nobody).table(&tls).table(SERVICES).table("[[rules]]\nservices = [\"substitute\"]\n");
    let gateway = Opes::gateway(&config);

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&certificates.authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(client), name).unwrap();
    let stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = Icap::over(StreamOwned::new(session, stream));
    for _ in 0..2 {
        let sent = [respmod("", "HTTP/1.1 200 OK\r\n"), chunk("a cat".repeat(50_000)), END.into()].concat();
        let answer = client.ask(sent);
        assert_eq!(answer.status, 200);
        assert!(answer.body == "a tiger".repeat(50_000).as_bytes());
    }

    // One that speaks in clear is not understood, and nobody else notices.
    let mut plain = TcpStream::connect(gateway.address).unwrap();
    std::io::Write::write_all(&mut plain, b"OPTIONS icap://a/scan ICAP/1.0\r\n\r\n").unwrap();
    assert_eq!(client.ask([respmod("", "HTTP/1.1 200 OK\r\n"), chunk("x"), END.into()].concat()).status, 200);
}

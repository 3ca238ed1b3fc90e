//! Certificates for loopback, signed by an authority that was made for the test.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, crypto};

use crate::place::Place;

/// Files in PEM.
#[derive(Debug)]
pub struct Certificates {
    /// The authority's certificate.
    pub authority: PathBuf,
    /// A certificate for `localhost`, `www.example.com` and 127.0.0.1.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    _place: Place,
}

impl Certificates {
    /// Makes all of them.
    #[must_use]
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(DnType::CommonName, "authority of a test");
        let authority_key = KeyPair::generate().expect("a key");
        let authority_pem = authority.self_signed(&authority_key).expect("a certificate").pem();
        let issuer = Issuer::new(authority, authority_key);
        let names = ["localhost", "www.example.com", "127.0.0.1"].map(str::to_owned);
        let key = KeyPair::generate().expect("a key");
        let signed =
            CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
        let place = Place::new();
        Self {
            authority: place.write("authority.pem", authority_pem),
            certificate: place.write("certificate.pem", signed.pem()),
            key: place.write("key.pem", key.serialize_pem()),
            _place: place,
        }
    }

    /// How a server of the harness shows them, with these protocols for ALPN.
    #[must_use]
    pub fn server(&self, protocols: &[&str]) -> Arc<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(&self.certificate).expect("a file");
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_file(&self.key).expect("a key");
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.expect("versions").with_no_client_auth();
        let mut config = builder.with_single_cert(chain, key).expect("a fitting pair");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// The table that makes a proxy show them.
    #[must_use]
    pub fn tls_table(&self) -> String {
        format!("[tls]\ncertificate = {:?}\nkey = {:?}", self.certificate, self.key)
    }

    /// The table that makes a proxy trust the authority.
    #[must_use]
    pub fn origin_table(&self) -> String {
        format!("[origin_tls]\nauthorities = {:?}", self.authority)
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

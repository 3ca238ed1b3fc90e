//! TLS on both sides (rustls): who we are to clients, and whom we take for an origin.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ConfigBuilder, ConfigSide, RootCertStore, ServerConfig, WantsVerifier};
use thiserror::Error;

/// Why TLS cannot be used as configured.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or has nothing of what is looked for in it.
    #[error("{file}: expected PEM with {wanted}: {reason}")]
    File {
        /// The file.
        file: PathBuf,
        /// What was looked for.
        wanted: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A certificate and its key do not fit, or are of a kind that cannot be used.
    #[error(transparent)]
    Unusable(#[from] rustls::Error),
}

/// What clients are shown. Its clones show the same, also once that is [renewed](Self::renew).
#[derive(Debug, Clone)]
pub struct ServerTls {
    pub(super) config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

/// The certificate in force, with its key.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ServerTls {
    /// The certificate chain, our own first, and its key, both as PEM. HTTP/2 and HTTP/1.1 are offered by ALPN.
    ///
    /// # Errors
    /// A file cannot be used, or the two do not fit.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| file(key, "a private key", error))?;
        let certified = CertifiedKey::from_der(chain, key, &rustls::crypto::ring::default_provider())?;
        let shown = Arc::new(Shown(RwLock::new(Arc::new(certified))));
        let mut config = with_ring(ServerConfig::builder_with_provider)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), shown })
    }

    /// Shows to clients that connect from now on what `other` shows. Who is connected notices nothing.
    pub fn renew(&self, other: &Self) {
        let other = other.shown.current();
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    /// The same for a front end that speaks no HTTP: nothing is offered by ALPN.
    pub fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = Vec::new();
        Arc::new(config).into()
    }
}

/// Which certificates an origin may show.
#[derive(Debug, Clone)]
pub struct OriginTls(pub(super) ClientConfig);

impl OriginTls {
    /// Those that the operating system trusts. Without any, every TLS connection to an origin fails.
    ///
    /// # Errors
    /// The cryptography cannot be used.
    pub fn from_system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(found.certs);
        if usable == 0 {
            tracing::warn!(errors = ?found.errors, "the system trusts no certificate authority: https origins will fail");
        }
        Self::trusting(roots)
    }

    /// None: for a proxy whose origin speaks no TLS.
    ///
    /// # Errors
    /// The cryptography cannot be used.
    pub fn without_authorities() -> Result<Self, TlsError> {
        Self::trusting(RootCertStore::empty())
    }

    /// Those that an authority in this PEM file has signed, and no others.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn from_file(authorities: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            roots.add(certificate)?;
        }
        Self::trusting(roots)
    }

    fn trusting(roots: RootCertStore) -> Result<Self, TlsError> {
        let builder = with_ring(ClientConfig::builder_with_provider)?;
        Ok(Self(builder.with_root_certificates(roots).with_no_client_auth()))
    }
}

/// A provider of our own choice: which one is the process's default depends on what else is linked.
fn with_ring<S: ConfigSide>(
    builder: impl FnOnce(Arc<rustls::crypto::CryptoProvider>) -> ConfigBuilder<S, rustls::WantsVersions>,
) -> Result<ConfigBuilder<S, WantsVerifier>, rustls::Error> {
    builder(Arc::new(rustls::crypto::ring::default_provider())).with_safe_default_protocol_versions()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |error| file(path, "certificates", error);
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(file(path, "certificates", rustls::pki_types::pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn file(path: &Path, wanted: &'static str, error: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::File { file: path.to_owned(), wanted, reason: error.to_string() }
}

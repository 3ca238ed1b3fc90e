//! The services that a callout server hosts, by their identifier.

use std::collections::HashMap;
use std::sync::Arc;

use opes_sdk::ServiceFactory;

/// Hosted services; clones share them. Identifiers are compared octet for octet (RFC 4037 section 3.1: case sensitive).
#[derive(Clone, Default)]
pub struct Services(Arc<HashMap<Vec<u8>, Arc<dyn ServiceFactory>>>);

impl Services {
    /// No services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service under its own identifier; one of the same identifier is replaced.
    pub fn add(&mut self, service: Arc<dyn ServiceFactory>) {
        Arc::make_mut(&mut self.0).insert(service.uri().as_bytes().to_vec(), service);
    }

    /// The service of this identifier.
    pub fn get(&self, uri: &[u8]) -> Option<&Arc<dyn ServiceFactory>> {
        self.0.get(uri)
    }

    /// What is hosted under the identifier of this service: perhaps itself.
    pub(super) fn successor(&self, service: &Arc<dyn ServiceFactory>) -> Option<&Arc<dyn ServiceFactory>> {
        self.get(service.uri().as_bytes())
    }

    /// Whether there is no service.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uris = self.0.keys().map(|uri| String::from_utf8_lossy(uri).into_owned());
        f.debug_set().entries(uris).finish()
    }
}

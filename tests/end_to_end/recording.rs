//! A callout server in this process, with services that record what a test wants.

use std::net::SocketAddr;
use std::sync::Arc;

use ocp::server::{Server, ServerConfig, Services};
use opes_sdk::{Adapted, Failure, Message, Outcome, ServiceFactory, TraceRecord, async_service};
use tokio::task::AbortHandle;

/// A running callout server.
pub(crate) struct Recording {
    pub(crate) address: SocketAddr,
    running: AbortHandle,
}

impl Recording {
    /// Services at these URIs, each with what it records of every message. They change nothing.
    pub(crate) async fn start(services: &[(&str, &[TraceRecord])]) -> Self {
        let mut hosted = Services::new();
        for (uri, records) in services {
            hosted.add(service(uri, records));
        }
        let bound = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), ServerConfig::new(hosted)).await;
        let server = bound.expect("a free loopback port");
        let address = server.local_addr().expect("a bound address");
        Self { address, running: tokio::spawn(server.run(std::future::pending())).abort_handle() }
    }
}

fn service(uri: &str, records: &[TraceRecord]) -> Arc<dyn ServiceFactory> {
    let records = records.to_vec();
    // It answers once it has seen all, so that what it records comes with the head.
    Arc::new(async_service(uri, 1 << 20, move |_: Message| {
        let records = records.clone();
        async move { Ok::<_, Failure>(Outcome { records, ..Adapted::Unchanged.into() }) }
    }))
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.running.abort();
    }
}

//! A real HTTP origin: documents, generated bodies, echoes, and what can go wrong; it records what it was asked.

mod canned;
mod page;
mod record;
mod routes;
mod shaped;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, Method, Request, Response};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::body::{Body, Feed, fed};
use crate::patience::eventually;

pub use canned::Canned;
pub use page::{Cut, Page};
pub use record::Seen;
pub use routes::Incoming;
pub use shaped::{Asked, Shaped};

/// What the origin serves beside its fixed routes, and what it has seen.
#[derive(Debug, Default)]
struct Content {
    pages: Mutex<HashMap<String, Page>>,
    staged: Mutex<HashMap<String, (HeaderMap, Body)>>,
    tree: Mutex<Option<std::path::PathBuf>>,
    seen: Mutex<Vec<Seen>>,
}

/// A running origin on a free loopback port. Routes (see [`routes`]):
///
/// * pages that the test put there, `/tree/…` a directory, staged bodies;
/// * `/bytes/N?seed=S&framing=chunked&piece=K&pause_ms=M&cut=N` a generated body;
/// * `/status/N` an empty answer; `/echo` the request's body, sent back as it comes; `/tally` its length and digest.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    content: Arc<Content>,
    listening: AbortHandle,
}

impl Origin {
    /// Listens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("a bound address");
        let content = Arc::new(Content::default());
        let listening = tokio::spawn(accept(listener, Arc::clone(&content))).abort_handle();
        Self { address, content, listening }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its routes and its records, to be served elsewhere.
    #[must_use]
    pub fn routes(&self) -> Routes {
        Routes(Arc::clone(&self.content))
    }

    /// Serves a page at a path.
    pub fn page(&self, path: &str, page: Page) {
        self.content.pages.lock().expect("no handler panicked").insert(path.to_owned(), page);
    }

    /// Serves the files of a directory under `/tree/`.
    pub fn tree(&self, directory: &Path) {
        *self.content.tree.lock().expect("no handler panicked") = Some(directory.to_owned());
    }

    /// Serves at a path, once, a body that the test feeds while it is being sent.
    pub fn stage(&self, path: &str, length: Option<u64>) -> Feed {
        self.stage_with(path, length, &[("content-type", "application/octet-stream")])
    }

    /// The same with these header fields.
    pub fn stage_with(&self, path: &str, length: Option<u64>, fields: &[(&'static str, &str)]) -> Feed {
        let (feed, body) = fed(length);
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().expect("a field value"))
        };
        let headers = fields.iter().map(field).collect();
        self.content.staged.lock().expect("no handler panicked").insert(path.to_owned(), (headers, body));
        feed
    }

    /// Every request so far, in the order of their heads.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.content.seen.lock().expect("no handler panicked").clone()
    }

    /// The latest request for a path (its target without the query), once its body has ended one way or another.
    #[must_use]
    pub fn request(&self, method: Method, path: &str) -> Seen {
        eventually(&format!("{method} {path} at the origin"), || {
            let of_path = |seen: &Seen| seen.method == method && seen.target.split('?').next() == Some(path);
            self.seen().into_iter().rev().find(of_path).filter(Seen::ended)
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// The routes of an origin without its listener, for whoever else serves them.
#[derive(Clone, Debug)]
pub struct Routes(Arc<Content>);

impl Routes {
    /// Answers a request and records it.
    pub fn answer<B: Incoming>(&self, request: Request<B>) -> Response<Body> {
        routes::answer(&self.0, request)
    }
}

async fn accept(listener: TcpListener, content: Arc<Content>) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection to the origin");
        stream.set_nodelay(true).expect("a TCP option");
        let content = Arc::clone(&content);
        let service = service_fn(move |request| {
            let content = Arc::clone(&content);
            async move { Ok::<_, Infallible>(routes::answer(&content, request)) }
        });
        // A client that goes away, or a body that a test cuts, ends the connection: that is the point.
        tokio::spawn(async move {
            drop(
                hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

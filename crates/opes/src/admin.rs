//! The listener of the administrator's pages.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use opes_pages::{Admin, BODY_OCTETS};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// How many connections there may be.
const CONNECTIONS: usize = 64;

/// How long one may last: a page is read at once.
const LASTS: Duration = Duration::from_secs(60);

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(10);

/// How long nothing is accepted after that has failed: no file may be left to open.
const PAUSE: Duration = Duration::from_millis(100);

/// The administrator's pages on a listener of their own.
pub(crate) struct AdminListener {
    listener: TcpListener,
    admin: Arc<Admin>,
}

impl AdminListener {
    /// Listens on `address`.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn bind(address: SocketAddr, admin: Admin) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, admin: Arc::new(admin) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The operating system does not say.
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub(crate) async fn run(self) -> Infallible {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let permit = Arc::clone(&room).acquire_owned().await;
            let Ok((stream, _)) = self.listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            let admin = Arc::clone(&self.admin);
            tokio::spawn(async move {
                let _permit = permit;
                let respond = service_fn(move |request| respond(Arc::clone(&admin), request));
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD)
                    .serve_connection(TokioIo::new(stream), respond);
                // Whoever asks may go away at any time.
                let _ = timeout(LASTS, connection).await;
            });
        }
    }
}

async fn respond(admin: Arc<Admin>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // One octet more than is allowed tells that it is too long.
    let Ok(body) = Limited::new(body, BODY_OCTETS + 1).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let request = Request::from_parts(head, body.to_bytes());
    // Records may have to be read from a disk.
    let answered = tokio::task::spawn_blocking(move || admin.answer(request)).await;
    Ok(answered.map_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR), |response| response.map(Full::new)))
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{status}\n"))));
    *response.status_mut() = status;
    response
}

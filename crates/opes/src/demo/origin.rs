//! The demo's data provider: a few pages, an image and something large.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

type OriginBody = UnsyncBoxBody<Bytes, Infallible>;

/// The octets of `/large`.
const LARGE: u64 = 32 * 1024 * 1024;

/// One line of `/large`.
const LINE: &[u8] = b"Line after line about the cat, who is patient and waits until all of it has come.\n";

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener) -> Infallible {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(respond));
            tokio::spawn(connection);
        }
    }
}

/// The URLs that the demo shows, with what each is for.
pub(super) fn tour(proxy: SocketAddr) -> [(String, &'static str); 5] {
    [
        (format!("curl -i http://{proxy}/cat.txt"), "every cat becomes a tiger; see the trace in OPES-Via"),
        (format!("curl -i -H 'OPES-Bypass: *' http://{proxy}/cat.txt"), "bypassed: as the origin wrote it"),
        (
            format!("curl -sS http://{proxy}/large | tail -n 1"),
            "32 MiB stream through; nothing is held whole",
        ),
        (format!("curl -i -d 'my cat' http://{proxy}/echo"), "the request is adapted, too"),
        (
            format!("curl -i -H 'Host: opes.example.com' http://{proxy}/system"),
            "the page behind OPES-System: who adapts here, what is kept of it, and what can be bypassed",
        ),
    ]
}

async fn respond(request: Request<Incoming>) -> Result<Response<OriginBody>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    Ok(match (method, path.as_str()) {
        (Method::POST, "/echo") => match request.into_body().collect().await {
            Ok(body) => page("text/plain; charset=utf-8", body.to_bytes()),
            Err(_) => status(StatusCode::BAD_REQUEST),
        },
        (Method::GET | Method::HEAD, "/") => {
            page("text/html; charset=utf-8", include_bytes!("pages/index.html")[..].into())
        }
        (Method::GET | Method::HEAD, "/cat.txt") => {
            page("text/plain; charset=utf-8", include_bytes!("pages/cat.txt")[..].into())
        }
        (Method::GET | Method::HEAD, "/cat.png") => {
            page("image/png", include_bytes!("pages/cat.png")[..].into())
        }
        (Method::GET, "/large") => typed("text/plain; charset=utf-8", Lines(LARGE).boxed_unsync()),
        _ => status(StatusCode::NOT_FOUND),
    })
}

fn page(media_type: &'static str, octets: Bytes) -> Response<OriginBody> {
    typed(media_type, Full::new(octets).boxed_unsync())
}

fn typed(media_type: &'static str, body: OriginBody) -> Response<OriginBody> {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

fn status(status: StatusCode) -> Response<OriginBody> {
    let mut response = page("text/plain", Bytes::from(format!("{status}\n")));
    *response.status_mut() = status;
    response
}

/// So many octets of lines, made as they are needed.
struct Lines(u64);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        let block = LINE.repeat(200);
        let size = usize::try_from(self.0).map_or(block.len(), |left| left.min(block.len()));
        self.0 -= size as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(block).slice(..size)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

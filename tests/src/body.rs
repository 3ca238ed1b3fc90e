//! HTTP bodies whose octets come from a task or from the test itself.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
use tokio::sync::mpsc;

use crate::octets::Pattern;
use crate::patience::within;

/// Any body, as client and origin send it.
pub type Body = BoxBody<Bytes, io::Error>;

/// No octets.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// These octets, with a known length.
#[must_use]
pub fn full(octets: impl Into<Bytes>) -> Body {
    Full::new(octets.into()).map_err(|never| match never {}).boxed()
}

/// A body that is fed while it is being sent; chunked unless a length is given.
#[must_use]
pub fn fed(length: Option<u64>) -> (Feed, Body) {
    let (sender, receiver) = mpsc::channel(4);
    (Feed { sender }, Fed { receiver, left: length }.boxed())
}

/// The feeding end of a body. Dropping it ends the body.
#[derive(Clone, Debug)]
pub struct Feed {
    sender: mpsc::Sender<io::Result<Frame<Bytes>>>,
}

impl Feed {
    /// Sends a piece; `false` when nobody reads the body any more. A reader that is there and does not read ends
    /// the test.
    pub async fn send(&self, piece: impl Into<Bytes>) -> bool {
        within("the next piece to be taken", self.send_slowly(piece)).await
    }

    /// The same for readers that may take all the time they want.
    pub async fn send_slowly(&self, piece: impl Into<Bytes>) -> bool {
        self.sender.send(Ok(Frame::data(piece.into()))).await.is_ok()
    }

    /// Sends the trailer.
    pub async fn trailers(&self, fields: HeaderMap) -> bool {
        self.sender.send(Ok(Frame::trailers(fields))).await.is_ok()
    }

    /// Ends the body in the middle: the connection breaks.
    pub async fn cut(&self) {
        // Where nobody reads any more there is nothing left to break.
        let _ = self.sender.send(Err(io::Error::other("cut by the test"))).await;
    }
}

/// How a generated body is sent.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Chunked, or with a Content-Length.
    pub chunked: bool,
    /// Octets in each piece.
    pub piece: u64,
    /// Pause after each piece.
    pub pause: Duration,
    /// Break the connection after so many octets.
    pub cut: Option<u64>,
}

impl Default for Shape {
    fn default() -> Self {
        Self { chunked: false, piece: 65_536, pause: Duration::ZERO, cut: None }
    }
}

/// The first `length` octets of a pattern.
#[must_use]
pub fn generated(pattern: Pattern, length: u64, shape: Shape) -> Body {
    let (feed, body) = fed((!shape.chunked).then_some(length));
    tokio::spawn(async move {
        for piece in pattern.pieces(shape.cut.unwrap_or(length).min(length), shape.piece) {
            if !feed.send_slowly(piece).await {
                return;
            }
            if !shape.pause.is_zero() {
                tokio::time::sleep(shape.pause).await;
            }
        }
        if shape.cut.is_some() {
            feed.cut().await;
        }
    });
    body
}

#[derive(Debug)]
struct Fed {
    receiver: mpsc::Receiver<io::Result<Frame<Bytes>>>,
    left: Option<u64>,
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = self.receiver.poll_recv(context);
        if let (Poll::Ready(Some(Ok(frame))), Some(left)) = (&frame, &mut self.left) {
            let sent = frame.data_ref().map_or(0, Bytes::len) as u64;
            *left = left.checked_sub(sent).expect("the test feeds no more than it announced");
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

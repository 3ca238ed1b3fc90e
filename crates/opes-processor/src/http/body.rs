//! Bodies that the proxy sends: of its own, as they came, or what the core yields.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use opes_profile::http::parse_trailer;

use super::followed::Run;
use super::told::{Told, Whom};
use crate::adapt::{Exchange, Piece};
use crate::report::End;

/// Any error of a body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of every message that the proxy sends.
pub type ProxyBody = UnsyncBoxBody<Bytes, BodyError>;

/// A body of these octets.
pub(super) fn full(octets: impl Into<Bytes>) -> ProxyBody {
    Full::new(octets.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub(super) fn empty() -> ProxyBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that goes on as it came.
pub(super) fn untouched<B>(body: B) -> ProxyBody
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
{
    body.map_err(Into::into).boxed_unsync()
}

/// An adapted body for hyper. Dropping it ends the adaptation.
pub(super) struct AdaptedBody {
    exchange: Box<Exchange>,
    /// What the callout server has announced and not sent yet.
    left: Option<u64>,
    trailer: BytesMut,
    over: bool,
    told: Option<(Told, Whom)>,
    /// Is told what the rest of the body is.
    run: Option<Run>,
}

impl AdaptedBody {
    /// The rest of `exchange`. `length` is the body's size in octets where it is known: a body of another size is an
    /// error. `told` is told once the message is complete, failed or dropped.
    pub(super) fn new(
        exchange: Box<Exchange>,
        length: Option<u64>,
        run: Option<Run>,
        told: (Told, Whom),
    ) -> Self {
        Self { exchange, left: length, trailer: BytesMut::new(), over: false, told: Some(told), run }
    }

    fn finish(&mut self, end: &End) {
        self.over = true;
        if let Some((told, whom)) = self.told.take() {
            told.end(&whom, &mut self.exchange, end);
        }
    }

    /// Takes octets of the body against the announced size.
    fn count(&mut self, octets: &Bytes) -> Result<(), BodyError> {
        let Some(left) = &mut self.left else { return Ok(()) };
        match left.checked_sub(octets.len() as u64) {
            Some(rest) => {
                *left = rest;
                Ok(())
            }
            None => Err("the callout server sends more than it has announced".into()),
        }
    }

    fn end(&mut self) -> Option<Result<Frame<Bytes>, BodyError>> {
        if self.left.is_some_and(|left| left > 0) {
            let reason = "the callout server has sent less than it has announced";
            self.finish(&End::Failed(reason.to_owned()));
            return Some(Err(reason.into()));
        }
        self.finish(&End::Complete);
        if self.trailer.is_empty() {
            return None;
        }
        Some(parse_trailer(&self.trailer.split()).map(Frame::trailers).map_err(Into::into))
    }
}

impl Body for AdaptedBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        loop {
            let piece = this.exchange.poll_piece(cx);
            if let Some(run) = &this.run {
                run.note(this.exchange.rest());
            }
            match ready!(piece) {
                None => return Poll::Ready(this.end()),
                Some(Err(error)) => {
                    this.finish(&End::Failed(error.to_string()));
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some(Ok(Piece::Trailer(octets))) => this.trailer.extend_from_slice(&octets),
                Some(Ok(Piece::Body(octets))) => {
                    let counted = this.count(&octets);
                    if let Err(error) = &counted {
                        this.finish(&End::Failed(error.to_string()));
                    }
                    return Poll::Ready(Some(counted.map(|()| Frame::data(octets))));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for AdaptedBody {
    fn drop(&mut self) {
        // Once a body of known length is out, hyper need not ask for more.
        let referred = self.run.as_ref().is_some_and(Run::is_referred);
        let complete = self.left == Some(0) || referred;
        self.finish(if complete { &End::Complete } else { &End::Gone });
    }
}

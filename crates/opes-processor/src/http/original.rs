//! HTTP bodies as the core takes them.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use opes_profile::http::encode_trailer;

use super::body::BodyError;
use crate::adapt::{OriginalBody, OriginalError, OriginalPiece};

impl<B> OriginalBody for B
where
    B: Body<Data = Bytes, Error: Into<BodyError>> + Send,
{
    fn poll_piece(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OriginalPiece, OriginalError>>> {
        let frame = match ready!(self.poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(OriginalError(error.into().to_string())))),
            Some(Ok(frame)) => frame,
        };
        let piece = match frame.into_data() {
            Ok(octets) => OriginalPiece::Body(octets),
            Err(frame) => match frame.into_trailers() {
                Ok(trailer) => OriginalPiece::Trailer(encode_trailer(&trailer)),
                Err(_) => OriginalPiece::Body(Bytes::new()),
            },
        };
        Poll::Ready(Some(Ok(piece)))
    }
}

//! A request's body that is kept while it goes to the origin, for services of the response that want to see it
//! (RFC 4236 section 3.2.3).

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use opes_profile::http::encode_trailer;

use super::body::{BodyError, ProxyBody};
use crate::adapt::{KeptRequest, OriginalPiece, RequestKeeper, RequestMissing};

/// What has been kept so far; `None` once it was taken.
#[derive(Debug, Clone)]
pub(super) struct Kept(Arc<Mutex<Option<RequestKeeper>>>);

impl Kept {
    /// Keeps up to `limit` octets of this body, which goes on unchanged.
    pub(super) fn new(body: ProxyBody, limit: u64) -> (ProxyBody, Self) {
        let kept = Self(Arc::new(Mutex::new(Some(RequestKeeper::new(limit)))));
        let keeping = Keeping { left: body.size_hint().exact(), body, kept: kept.clone() };
        keeping.note_whole();
        (keeping.boxed_unsync(), kept)
    }

    /// What there is now that the response has begun.
    pub(super) fn take(&self) -> Result<KeptRequest, RequestMissing> {
        let keeper = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        keeper.map_or(Err(RequestMissing::NotKept), RequestKeeper::finish)
    }

    fn note(&self, act: impl FnOnce(&mut RequestKeeper)) {
        if let Some(keeper) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            act(keeper);
        }
    }
}

struct Keeping {
    body: ProxyBody,
    /// What is to come of a body of known length. Whoever sends it does not ask whether more follows.
    left: Option<u64>,
    kept: Kept,
}

impl Keeping {
    fn note_whole(&self) {
        if self.left == Some(0) || self.body.is_end_stream() {
            self.kept.note(RequestKeeper::complete);
        }
    }
}

impl Body for Keeping {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &frame {
            None => this.kept.note(RequestKeeper::complete),
            Some(Err(_)) => {}
            Some(Ok(frame)) => {
                if let Some(octets) = frame.data_ref() {
                    this.left = this.left.map(|left| left.saturating_sub(octets.len() as u64));
                    this.kept.note(|keeper| keeper.keep(&OriginalPiece::Body(octets.clone())));
                }
                if let Some(trailer) = frame.trailers_ref() {
                    this.kept.note(|keeper| keeper.keep(&OriginalPiece::Trailer(encode_trailer(trailer))));
                }
                this.note_whole();
            }
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

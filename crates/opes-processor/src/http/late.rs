//! Trace entries that are known only at the end of a message: they go into its trailer, where the head has promised one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRAILER};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use opes_profile::trace::{OPES_VIA, Trace, trace_octets};
use opes_record::Text;
use opes_sdk::TraceRecord;

use super::body::{BodyError, ProxyBody};
use crate::record::Recording;
use crate::system::{Account, System};

/// What services record after the head: put in by the runs of a message, taken out at its end.
#[derive(Clone, Default)]
pub(super) struct Late(Option<Arc<Mutex<Vec<TraceRecord>>>>);

impl Late {
    /// For a recipient that takes trailers, where late records are told.
    pub(super) fn wanted() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn put(&self, records: &[TraceRecord]) {
        if let Some(kept) = &self.0 {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(records);
        }
    }

    fn take(&self) -> Vec<TraceRecord> {
        let taken =
            |kept: &Arc<Mutex<_>>| std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.as_ref().map(taken).unwrap_or_default()
    }

    /// Promises a trailer in the head of a message, and keeps the promise at the end of its body. What is required stands
    /// in the head already.
    pub(super) fn promise(
        self,
        system: &System,
        account: &Account<'_>,
        recording: Recording,
        headers: &mut HeaderMap,
        body: ProxyBody,
    ) -> ProxyBody {
        // RFC 9112 section 7.1.2: trailers need the chunked coding, RFC 9110 section 6.6.2: and should be announced.
        headers.remove(CONTENT_LENGTH);
        headers.append(TRAILER, HeaderValue::from_static("OPES-Via"));
        let trace = system.alone(account);
        let octets = system.most_octets().saturating_sub(trace_octets(headers));
        Trailing { body, late: self, trace, octets, recording, over: false }.boxed_unsync()
    }
}

/// A body with the late entries in its trailer.
struct Trailing {
    body: ProxyBody,
    late: Late,
    /// The system's entry, which opens the group.
    trace: Trace,
    /// So many octets of trace are left for it.
    octets: usize,
    recording: Recording,
    over: bool,
}

impl Trailing {
    /// Adds what was recorded to the trailer.
    fn write(&mut self, trailer: &mut HeaderMap) {
        self.over = true;
        let records = self.late.take();
        if !records.is_empty() {
            self.trace.add_records(&records);
            // RFC 4236 section 4: OPES-Via, in a group of the system; OPES-System is not for trailers.
            let told = self.trace.append_details(trailer, OPES_VIA, self.octets);
            self.recording.traced(&mut told.into_iter().map(Text::from));
        }
    }
}

impl Body for Trailing {
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
        let mut trailer = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
            None => HeaderMap::new(),
            Some(Ok(frame)) => match frame.into_trailers() {
                Ok(trailer) => trailer,
                Err(frame) => return Poll::Ready(Some(Ok(frame))),
            },
            failed => return Poll::Ready(failed),
        };
        this.write(&mut trailer);
        Poll::Ready((!trailer.is_empty()).then(|| Ok(Frame::trailers(trailer))))
    }
}

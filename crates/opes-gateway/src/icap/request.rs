//! The requests of a client as they are read.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use icap_proto::{
    BodyKind, Encapsulated, End, Error, Limits, Permissions, RequestHead, RequestPart, RequestReader, Section,
};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout, timeout_at};

use super::intake::{Intake, LengthMismatch};

/// What is read at once.
const READ: usize = 64 * 1024;

/// The most that is read of a client that was refused.
const DRAIN: usize = 1024 * 1024;

/// The longest preview that is taken: it is kept whole.
const PREVIEW: u64 = 64 * 1024;

/// Why nothing more is read of a client.
#[derive(Debug, Error)]
pub(super) enum InputError {
    /// It speaks no ICAP.
    #[error(transparent)]
    Message(#[from] Error),
    /// It is gone.
    #[error("the connection is lost: {0}")]
    Io(#[from] io::Error),
    /// It ended in the middle of a message.
    #[error("the connection ended within a message")]
    Closed,
    /// It was silent for too long in the middle of a message.
    #[error("the client was silent for too long")]
    Silent,
    /// Its preview is longer than anybody asked for.
    #[error("a preview of more than {PREVIEW} octets")]
    Preview,
    /// What it encapsulates has another length than it says.
    #[error(transparent)]
    Length(#[from] LengthMismatch),
}

impl InputError {
    /// What it is told; `None` where nobody listens any more.
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Message(error) => Some(error.status()),
            Self::Preview | Self::Length(_) => Some(400),
            Self::Silent => Some(408),
            Self::Io(_) | Self::Closed => None,
        }
    }
}

/// A request up to its body.
pub(super) struct Begun {
    pub(super) head: Arc<RequestHead>,
    pub(super) encapsulated: Encapsulated,
    pub(super) permissions: Permissions,
    pub(super) request: Option<Bytes>,
    pub(super) response: Option<Bytes>,
}

impl Begun {
    pub(super) fn has_body(&self) -> bool {
        self.encapsulated.body != BodyKind::Null
    }
}

/// Reads requests, one after the other.
pub(super) struct Input<R> {
    reader: R,
    parser: RequestReader,
    buffer: BytesMut,
    silence: Duration,
}

impl<R: AsyncRead + Unpin> Input<R> {
    pub(super) fn new(reader: R, head_octets: usize, silence: Duration) -> Self {
        let limits = Limits { head: head_octets, sections: 4 * head_octets, ..Limits::default() };
        Self { reader, parser: RequestReader::new(limits), buffer: BytesMut::new(), silence }
    }

    /// The next request up to its body, within `time`; `None` where the client ends the connection, or does nothing,
    /// before it has begun one.
    pub(super) async fn begin(&mut self, time: Duration) -> Result<Option<Begun>, InputError> {
        let until = Instant::now() + time;
        let (mut begun, mut missing) = (None::<Begun>, 0);
        loop {
            match self.parser.next(&mut self.buffer)? {
                Some(RequestPart::Head { head, encapsulated, permissions }) => {
                    if permissions.preview.is_some_and(|preview| preview > PREVIEW) {
                        return Err(InputError::Preview);
                    }
                    missing = encapsulated.heads().count();
                    let head = Arc::new(head);
                    begun = Some(Begun { head, encapsulated, permissions, request: None, response: None });
                }
                Some(RequestPart::Section(section, octets)) => {
                    missing = missing.saturating_sub(1);
                    if let Some(begun) = &mut begun {
                        match section {
                            Section::Request => begun.request = Some(octets),
                            Section::Response => begun.response = Some(octets),
                        }
                    }
                }
                Some(RequestPart::Body(_) | RequestPart::PreviewEnd | RequestPart::End(_)) => {}
                None => {
                    let read = timeout_at(until, self.read()).await;
                    let idle = begun.is_none() && self.buffer.is_empty();
                    match read {
                        Ok(Ok(0)) | Err(_) if idle => return Ok(None),
                        Ok(Ok(0)) => return Err(InputError::Closed),
                        Ok(read) => drop(read?),
                        Err(_) => return Err(InputError::Silent),
                    }
                }
            }
            if begun.is_some() && missing == 0 {
                return Ok(begun);
            }
        }
    }

    /// Reads the body of the request that has begun, to its end or to the end of a preview that is answered for good.
    pub(super) async fn body(&mut self, intake: &Intake) -> Result<(), InputError> {
        let read = self.read_body(intake).await;
        if let Err(error) = &read {
            intake.fail(&error.to_string());
        }
        read
    }

    async fn read_body(&mut self, intake: &Intake) -> Result<(), InputError> {
        loop {
            match self.parser.next(&mut self.buffer)? {
                Some(RequestPart::Body(octets)) => intake.give(octets).await?,
                Some(RequestPart::PreviewEnd) => {
                    if !intake.wait().await {
                        self.parser.finish();
                        return Ok(());
                    }
                    self.parser.go_on();
                }
                Some(RequestPart::End(end)) => {
                    intake.end(trailer(&end))?;
                    return Ok(());
                }
                Some(RequestPart::Head { .. } | RequestPart::Section(..)) => {}
                None => match timeout(self.silence, self.read()).await {
                    Ok(Ok(0)) => return Err(InputError::Closed),
                    Ok(read) => drop(read?),
                    Err(_) => return Err(InputError::Silent),
                },
            }
        }
    }

    /// Reads what is of no use any more, up to a limit. Cancel safe.
    pub(super) async fn drain(&mut self) {
        let mut left = DRAIN;
        while left > 0 {
            self.buffer.clear();
            match self.read().await {
                Ok(0) | Err(_) => return,
                Ok(read) => left = left.saturating_sub(read),
            }
        }
    }

    /// Cancel safe: octets that were read are in the buffer.
    async fn read(&mut self) -> io::Result<usize> {
        self.buffer.reserve(READ);
        self.reader.read_buf(&mut self.buffer).await
    }
}

/// The trailer as fields of HTTP, without what is none there.
fn trailer(end: &End) -> Option<HeaderMap> {
    let fields = end.trailer.iter().filter_map(|field| {
        let name = http::HeaderName::from_bytes(&field.name).ok()?;
        Some((name, http::HeaderValue::from_maybe_shared(field.value.clone()).ok()?))
    });
    let mut trailer = HeaderMap::new();
    for (name, value) in fields {
        trailer.append(name, value);
    }
    (!trailer.is_empty()).then_some(trailer)
}

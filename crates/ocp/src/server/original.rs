//! The original message as it arrives at a callout server: parts are told apart, heads collected, the body passed on.

use bytes::{Bytes, BytesMut};
use ocp_proto::codec::RawMessage;
use opes_profile::http::{AM_PART, AuxParts, Part, PartError, PartOrder, Profile, is_range};
use thiserror::Error;

/// The most octets of a head, auxiliary ones included.
pub(crate) const HEAD_OCTETS: usize = 256 * 1024;

/// Why original data is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum OriginalError {
    /// RFC 4236 section 3.4.
    #[error("DUM without a valid AM-Part")]
    NoPart,
    /// RFC 4236 section 3.2.1.
    #[error(transparent)]
    Part(#[from] PartError),
    /// More head than we hold.
    #[error("a head of more than {0} octets")]
    HeadTooLong(usize),
    /// More of the request's body than the services take.
    #[error("the request's body has more than the {0} octets that the services take")]
    RequestTooLong(u64),
}

/// What a piece of original data means to the services.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Nothing yet: part of a head.
    Nothing,
    /// Octets of the body.
    Body(Bytes),
    /// Octets of the trailer; the body is complete.
    Trailer(Bytes),
}

/// The original flow of one transaction.
#[derive(Debug)]
pub(super) struct Original {
    /// The most octets of a head.
    most_head: usize,
    /// `None` for opaque data without parts.
    order: Option<PartOrder>,
    profile: Option<Profile>,
    current: Option<Part>,
    /// Octets of the flow so far.
    pub(super) offset: u64,
    request_head: Bytes,
    /// Apart, since few services take it.
    request_body: Option<Box<RequestBody>>,
    head: Bytes,
    head_offset: u64,
    /// Counts once the body, or the trailer in its place, has begun.
    body_offset: u64,
    body_begun: bool,
}

/// The body of the request that a response answers.
#[derive(Debug)]
struct RequestBody {
    /// How much of it the services take.
    limit: u64,
    octets: BytesMut,
}

impl Original {
    /// The flow of a transaction with this profile and these auxiliary parts; without a profile all data is body.
    ///
    /// `takes_request` says how much of an auxiliary request body is wanted, if any is.
    pub(super) fn new(
        profile: Option<(Profile, AuxParts)>,
        takes_request: Option<u64>,
        most_head: usize,
    ) -> Self {
        Self {
            most_head,
            order: profile.map(|(profile, aux)| PartOrder::new_original(profile, aux)),
            profile: profile.map(|(profile, _)| profile),
            current: None,
            offset: 0,
            request_head: Bytes::new(),
            request_body: takes_request.map(|limit| Box::new(RequestBody { limit, octets: BytesMut::new() })),
            head: Bytes::new(),
            head_offset: 0,
            body_offset: 0,
            body_begun: profile.is_none(),
        }
    }

    /// Takes data; `dum` is the message that carries it, when its first octets come.
    pub(super) fn take(&mut self, dum: Option<&RawMessage>, octets: Bytes) -> Result<Arrived, OriginalError> {
        if let (Some(order), Some(dum)) = (&mut self.order, dum) {
            let token = dum.named(AM_PART).and_then(|value| value.as_atom()).ok_or(OriginalError::NoPart)?;
            // A part that no profile lists ends the transaction (RFC 4236 section 3.2.1).
            let part = Part::from_token(token).ok_or(OriginalError::NoPart)?;
            order.accept(part)?;
            self.enter(part);
        }
        self.offset += octets.len() as u64;
        let Some(part) = self.current else { return Ok(Arrived::Body(octets)) };
        if part.is_header() {
            self.collect(part, &octets)?;
            return Ok(Arrived::Nothing);
        }
        Ok(match self.profile {
            Some(profile) if part == profile.body() => Arrived::Body(octets),
            Some(profile) if part == profile.trailer() => Arrived::Trailer(octets),
            _ => {
                self.collect_request(part, &octets)?;
                Arrived::Nothing
            }
        })
    }

    /// The head of the message that is adapted, once it is whole.
    pub(super) fn whole_head(&self) -> Option<&[u8]> {
        let ended = self.body_begun || self.head.ends_with(b"\r\n\r\n");
        (ended && self.profile.is_some()).then_some(&self.head[..])
    }

    /// Whether the message that is adapted has begun and its head is whole, or it has none.
    pub(super) fn is_ready(&self) -> bool {
        self.profile.is_none() || self.whole_head().is_some_and(|head| !head.is_empty())
    }

    /// Whether the message is a response with a range of the content (RFC 9110 section 15.3.7).
    pub(super) fn is_range(&self) -> bool {
        self.profile.is_some_and(|profile| is_range(profile, &self.head))
    }

    /// The head's octets with their offset in the flow.
    pub(super) fn take_head(&mut self) -> (Bytes, u64) {
        (std::mem::take(&mut self.head), self.head_offset)
    }

    /// The auxiliary request head.
    pub(super) fn request_head(&self) -> Option<&[u8]> {
        (!self.request_head.is_empty()).then_some(&self.request_head[..])
    }

    /// The auxiliary request body, where services take it.
    pub(super) fn take_request_body(&mut self) -> Option<Bytes> {
        self.request_body.take().map(|body| body.octets.freeze())
    }

    /// Where in the flow the body begins.
    pub(super) fn body_offset(&self) -> u64 {
        if self.body_begun { self.body_offset } else { self.offset }
    }

    fn enter(&mut self, part: Part) {
        if self.current == Some(part) {
            return;
        }
        self.current = Some(part);
        let Some(profile) = self.profile else { return };
        if part == profile.header() {
            self.head_offset = self.offset;
        } else if (part == profile.body() || part == profile.trailer()) && !self.body_begun {
            (self.body_offset, self.body_begun) = (self.offset, true);
        }
    }

    /// Keeps an auxiliary body for services that take it; auxiliary trailers are for nobody.
    fn collect_request(&mut self, part: Part, octets: &[u8]) -> Result<(), OriginalError> {
        let Some(body) = self.request_body.as_mut().filter(|_| part.is_body()) else { return Ok(()) };
        if (body.octets.len() + octets.len()) as u64 > body.limit {
            return Err(OriginalError::RequestTooLong(body.limit));
        }
        body.octets.extend_from_slice(octets);
        Ok(())
    }

    fn collect(&mut self, part: Part, octets: &[u8]) -> Result<(), OriginalError> {
        let main = self.profile.is_some_and(|profile| part == profile.header());
        let buffer = if main { &mut self.head } else { &mut self.request_head };
        if buffer.len() + octets.len() > self.most_head {
            return Err(OriginalError::HeadTooLong(self.most_head));
        }
        append(buffer, octets);
        Ok(())
    }
}

/// Adds octets to a head. Most heads come in one piece, which is copied once, so that the head keeps no buffer of a
/// whole read alive.
fn append(head: &mut Bytes, octets: &[u8]) {
    if head.is_empty() {
        *head = Bytes::copy_from_slice(octets);
        return;
    }
    let mut longer = BytesMut::from(std::mem::take(head));
    longer.extend_from_slice(octets);
    *head = longer.freeze();
}

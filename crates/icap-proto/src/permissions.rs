//! What a client allows a server to answer (RFC 3507 sections 4.5 and 4.6).

use crate::encapsulated::number;
use crate::error::Error;
use crate::head::RequestHead;

/// What a request says about its answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions {
    /// The octets of the body after which the client waits; `None` where it waits for nothing.
    pub preview: Option<u64>,
    /// `Allow: 204`: the client keeps the whole message.
    pub unchanged: bool,
    /// `Allow: 206`: the client knows partial content.
    pub partial: bool,
    /// `Allow: trailers`, or `TE: trailers`: the client takes a trailer.
    pub trailers: bool,
}

/// How much of the message the server has when it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The client waits at the end of the preview, or the whole body was in it.
    Preview,
    /// There was no preview, or 100 Continue was sent.
    Message,
}

impl Permissions {
    /// What a request says.
    ///
    /// # Errors
    /// [`Error::Preview`].
    pub fn of(head: &RequestHead) -> Result<Self, Error> {
        let preview = match head.fields.all("preview").next() {
            None => None,
            Some(value) => Some(number(value).filter(|_| !value.is_empty()).ok_or(Error::Preview)?),
        };
        Ok(Self {
            preview,
            unchanged: head.fields.has_token("allow", "204"),
            partial: head.fields.has_token("allow", "206"),
            trailers: head.fields.has_token("allow", "trailers") || head.fields.has_token("te", "trailers"),
        })
    }

    /// Where a request stands that has sent all of its preview; [`Stage::Message`] for one without.
    pub fn first_stage(&self) -> Stage {
        if self.preview.is_some() { Stage::Preview } else { Stage::Message }
    }

    /// Whether 204 may be answered (RFC 3507 section 4.6): to a preview always.
    pub fn may_be_unchanged(&self, stage: Stage) -> bool {
        self.unchanged || stage == Stage::Preview
    }

    /// Whether 206 may be answered: past the preview only by a client that keeps the whole message, as for 204.
    pub fn may_be_partial(&self, stage: Stage) -> bool {
        self.partial && self.may_be_unchanged(stage)
    }
}

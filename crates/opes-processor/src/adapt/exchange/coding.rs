//! An exchange whose message is coded, on its way through services that want it plain (RFC 9110 section 8.4).

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use ocp::client::TransactionError;
use opes_coding::Fate;
use opes_profile::http::{Part, is_range, status_of};

use super::{AHEAD, Exchange, HELD, Mode};
use crate::adapt::coded::{Coded, Next};
use crate::adapt::flow::Flow;
use crate::adapt::head::LazyHead;
use crate::adapt::message::{AdaptError, Piece};
use crate::adapt::original::OriginalPiece;
use crate::rules::Selected;

impl Exchange {
    /// Decodes the content where the services of `flow` want that (RFC 4236 section 3.2.7).
    /// Not once its length was announced, or some of it was taken as it is.
    pub(super) fn decode_for(&mut self, flow: &Flow, announced: bool) -> Result<(), AdaptError> {
        if self.codings.is_empty() || self.coded.is_some() || !flow.wants_plain(&self.codings) {
            return Ok(());
        }
        let Selected { recoding, changes, replay_octets, .. } = &*self.selected;
        // Octets out of the middle of coded content mean nothing alone (RFC 9110 section 15.3.7).
        let coded = match self.is_range() || announced || self.retried {
            true => None,
            false => Coded::new(&self.codings, *recoding, *changes, *replay_octets),
        };
        let coded = coded.map(|coded| coded.described_by(self.selected.group.profile, &self.original_head()));
        let Some(coded) = coded else { return flow.take_coded().map_err(Into::into) };
        let head = Coded::plain_head(&self.original_head());
        let head = head.map_err(|error| TransactionError::Broken(format!("unusable head: {error}")))?;
        self.plain_head = Some(Arc::new(LazyHead::new(head)));
        self.coded = Some(Box::new(coded));
        Ok(())
    }

    pub(super) fn is_range(&self) -> bool {
        is_range(self.selected.group.profile, &self.original_head())
    }

    /// Whether the adapted head is the one that the services got, however it came.
    pub(super) fn stays(&self, part: Part, adapted: &[u8]) -> bool {
        let given = self.plain_head.as_ref().or(self.head.as_ref());
        self.head_stays
            || (part == self.selected.group.profile.header()
                && given.is_some_and(|given| given.octets() == adapted))
    }

    /// The head that describes the adapted body as it goes on: coded as the original was. `None` where that is the
    /// original's.
    pub(super) async fn coded_again(
        &mut self,
        part: Part,
        adapted: Bytes,
    ) -> Result<Option<Bytes>, AdaptError> {
        let stays = self.stays(part, &adapted);
        if self.coded.is_none() {
            return Ok((!stays).then_some(adapted));
        }
        let head = match &self.plain_head {
            Some(plain) if stays => plain.octets().clone(),
            _ => adapted,
        };
        if self.is_replaced(part, &head) {
            self.unmodified = false;
            return Ok(Some(head));
        }
        let fate = poll_fn(|cx| self.poll_fate(cx)).await?;
        let Some(coded) = &self.coded else { return Ok(Some(head)) };
        let kept = fate == Fate::Unchanged && stays;
        self.unmodified = kept;
        self.adapted_length = match fate {
            Fate::Unchanged => self.length.or_else(|| self.body_complete.then(|| coded.received())),
            Fate::Recoded => None,
        };
        if kept {
            return Ok(None);
        }
        let head = coded.coded_head(self.selected.group.profile, &head);
        Ok(head
            .map(Some)
            .map_err(|error| TransactionError::Broken(format!("unusable adapted head: {error}")))?)
    }

    /// Whether the adapted message stands in the place of the original, as a refusal does: then its body is its own.
    pub(super) fn is_replaced(&mut self, part: Part, head: &[u8]) -> bool {
        if self.replaced.is_none() {
            let other_kind = || part != self.selected.group.profile.header();
            let other_status =
                || part == Part::ResponseHeader && status_of(head) != status_of(&self.original_head());
            self.replaced = Some(!self.head_stays && (other_kind() || other_status()));
        }
        self.replaced == Some(true)
    }

    /// Waits until it is known whether the body goes on as it came.
    pub(super) fn poll_fate(&mut self, cx: &mut Context<'_>) -> Poll<Result<Fate, AdaptError>> {
        loop {
            if let Some(fate) = self.coded.as_ref().and_then(|coded| coded.fate()) {
                return Poll::Ready(Ok(fate));
            }
            match self.poll_step(cx) {
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => continue,
                Poll::Pending => {}
            }
            let Some(coded) = &mut self.coded else { return Poll::Ready(Ok(Fate::Unchanged)) };
            match coded.poll_stalled(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(stalled) => stalled?,
            }
        }
    }

    /// Goes as far with a coded body as is enough, or as that goes without much waiting: what is wrong with it up to there
    /// can still be told instead of its head.
    pub(super) async fn look_ahead(&mut self) -> Result<(), AdaptError> {
        let (mut ahead, mut counted) = (0, 0);
        while ahead < AHEAD && poll_fn(|cx| self.poll_ahead(cx)).await? {
            ahead += self.pieces.range(counted..).map(Piece::len).sum::<usize>();
            counted = self.pieces.len();
        }
        Ok(())
    }

    /// Ready once something has moved, or it is no use to wait for that: then false.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, AdaptError>> {
        // What stands in the place of the original does not depend on it.
        if self.coded.is_none() || self.replaced == Some(true) || matches!(self.mode, Mode::Over) {
            return Poll::Ready(Ok(false));
        }
        if let Poll::Ready(moved) = self.poll_step(cx) {
            return Poll::Ready(moved.map(|()| true));
        }
        match &mut self.coded {
            // All of it was decoded where the services have it.
            Some(coded) if !self.body_complete => {
                coded.poll_glanced(cx, self.pauses.waits()).map(|()| Ok(false))
            }
            _ => Poll::Ready(Ok(false)),
        }
    }

    /// Drives out what is in the encoder once nothing has come out for a time; true when that has made a piece.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, AdaptError> {
        let Some(coded) = self.coded.as_mut().filter(|_| self.replaced == Some(false)) else {
            return Ok(false);
        };
        if let Poll::Ready(flushed) = coded.poll_flush(cx) {
            flushed?;
            self.pull_coded();
        }
        Ok(!self.pieces.is_empty())
    }

    pub(super) fn pull_coded(&mut self) {
        let Some(coded) = &mut self.coded else { return };
        self.pieces.extend(std::iter::from_fn(|| coded.pull()).map(Piece::Body));
    }

    /// The next piece of the original as the services get it.
    pub(super) fn poll_original(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<OriginalPiece, AdaptError>>> {
        loop {
            if let Some(coded) = &mut self.coded {
                match coded.next()? {
                    Next::Piece(piece) => return Poll::Ready(Some(Ok(piece))),
                    Next::Ended => return Poll::Ready(None),
                    Next::More => {}
                }
            }
            let piece = ready!(self.body.as_mut().poll_piece(cx)).transpose()?;
            if let Some(OriginalPiece::Body(octets)) = &piece {
                self.traffic.original += octets.len() as u64;
            }
            match &mut self.coded {
                None => return Poll::Ready(piece.map(Ok)),
                Some(coded) => {
                    coded.receive(piece)?;
                    if coded.held() > HELD {
                        let reason = "the services hold too much of the coded message".to_owned();
                        return Poll::Ready(Some(Err(TransactionError::Broken(reason).into())));
                    }
                }
            }
        }
    }
}

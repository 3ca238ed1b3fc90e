//! One transaction under way.

use ocp_proto::codec::number;
use ocp_proto::message::{Code, Message, Outcome, Range};

use super::adapted::{Adapted, Wrong};
use super::shape::Head;
use crate::course::Ticket;
use crate::message::Sample;

/// One transaction under way.
pub(super) struct Running {
    /// `None` for one of the background, which is not counted.
    pub(super) ticket: Option<Ticket>,
    pub(super) adapted: Adapted,
    pub(super) original: Original,
    pub(super) answer: Answer,
    /// What a DUY may refer to (RFC 4037 section 11.11).
    kept: Option<Range>,
    pub(super) wrong: Option<Wrong>,
    /// Messages that have come.
    pub(super) messages: usize,
}

/// What a message asks for.
pub(super) enum Then {
    Nothing,
    /// The data that follows is wanted.
    Data,
    /// Something is to be said.
    Owed,
    /// The original may go on.
    Send,
}

/// How far the original is.
#[derive(Debug, Default)]
pub(super) struct Original {
    /// Steps of the template that have been written.
    pub(super) step: usize,
    /// Octets that have been written.
    pub(super) sent: u64,
    /// AME has been written.
    pub(super) ended: bool,
    /// It waits for its turn to be written.
    pub(super) queued: bool,
    /// The server wants no more from this offset on: for now (RFC 4037 section 11.15), or at all (section 11.12).
    pub(super) pause: Option<u64>,
    pub(super) enough: Option<u64>,
    /// DPM has been written.
    pub(super) paused: bool,
}

/// How far the adapted message is (RFC 4037 section 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Open,
    /// DWSS has come.
    StopWanted,
    /// DSS was written when so much of the original had been.
    StopGranted(u64),
    /// AME 200 has come.
    Whole,
    /// AME 206 has come: what the original has from this offset on is the rest.
    Partial,
}

impl Original {
    pub(super) fn has_enough(&self) -> bool {
        self.enough.is_some_and(|enough| self.sent >= enough)
    }

    /// Whether DPM is owed.
    pub(super) fn must_pause(&self) -> bool {
        !self.ended && !self.paused && self.pause.is_some_and(|pause| self.sent >= pause)
    }
}

impl Running {
    pub(super) fn new(ticket: Option<Ticket>, keeps: bool) -> Self {
        Self {
            ticket,
            adapted: Adapted::default(),
            original: Original::default(),
            answer: Answer::Open,
            kept: keeps.then_some(Range { offset: 0, size: number::MAX }),
            wrong: None,
            messages: 0,
        }
    }

    /// Whether the next step may be written. The original rests from DSS until the server has stopped.
    pub(super) fn may_send(&self) -> bool {
        let Original { sent, ended, pause, enough, .. } = self.original;
        let wanted = |until: Option<u64>| until.is_none_or(|until| sent < until);
        !ended && wanted(pause) && wanted(enough) && !matches!(self.answer, Answer::StopGranted(_))
    }

    /// Whether the adapted message has ended.
    pub(super) fn is_answered(&self) -> bool {
        matches!(self.answer, Answer::Whole | Answer::Partial)
    }

    /// Whether something may be to say, now that no step may be written.
    pub(super) fn owes(&self) -> bool {
        self.is_answered() || self.original.must_pause() || self.original.has_enough()
    }

    /// Whether AME 206 is due. RFC 4037 section 8.3: never before DSS, where the server has asked for that; the original
    /// rests then until the server has stopped.
    pub(super) fn may_end_early(&self) -> bool {
        let wanted = self.original.has_enough() || self.answer == Answer::Whole;
        wanted && !self.original.ended && (self.answer == Answer::Open || self.is_answered())
    }

    /// Takes a message that is no TE.
    #[inline]
    pub(super) fn take(&mut self, sample: &Sample, head: &Head) -> Result<Then, Wrong> {
        let original = &mut self.original;
        match &head.message {
            Message::Dum { offset, .. } => {
                self.expects("DUM")?;
                self.adapted.dum(*offset, head.payload.unwrap_or_default() as u64, head.in_header)?;
                return Ok(Then::Data);
            }
            Message::Duy { range, .. } => self.duy(sample, *range)?,
            Message::Ams { .. } => self.adapted.start()?,
            Message::Ame { outcome, .. } => {
                self.end(sample, outcome)?;
                return Ok(Then::Owed);
            }
            Message::Dpi { range, .. } => self.interest(*range)?,
            Message::Dwss { .. } if self.answer == Answer::Open => {
                self.answer = Answer::StopWanted;
                return Ok(Then::Owed);
            }
            Message::Dwsr { size, .. } => {
                original.enough = Some(*size);
                return Ok(Then::Owed);
            }
            Message::Dwp { offset, .. } => {
                original.pause = Some(*offset);
                return Ok(Then::Owed);
            }
            Message::Dwm { .. } => {
                (original.pause, original.paused) = (None, false);
                return Ok(Then::Send);
            }
            // RFC 4037 sections 11.5, 11.14: these are the processor's.
            Message::Ts { .. } => return Err(Wrong::NotYours("TS")),
            Message::Dss { .. } => return Err(Wrong::NotYours("DSS")),
            _ => {}
        }
        Ok(Then::Nothing)
    }

    /// Data of the adapted message comes.
    fn expects(&self, message: &'static str) -> Result<(), Wrong> {
        if self.is_answered() { Err(Wrong::AfterEnd(message)) } else { Ok(()) }
    }

    fn duy(&mut self, sample: &Sample, range: Range) -> Result<(), Wrong> {
        self.expects("DUY")?;
        if !self.kept.is_some_and(|kept| range.offset >= kept.offset && range.end() <= kept.end()) {
            return Err(Wrong::NotKept(range));
        }
        if range.end() > self.original.sent {
            return Err(Wrong::NotSent(self.original.sent));
        }
        self.adapted.duy(sample, range)
    }

    /// RFC 4037 section 11.11: what may be used again only gets less.
    fn interest(&mut self, range: Range) -> Result<(), Wrong> {
        match &mut self.kept {
            Some(kept) if range.offset < kept.offset || range.end() > kept.end() => {
                Err(Wrong::NotKept(range))
            }
            kept => {
                *kept = kept.map(|_| range);
                Ok(())
            }
        }
    }

    /// Whether nothing was ever said to be disposable, so that more may be kept.
    pub(super) fn keeps_all(&self) -> bool {
        self.kept.is_some_and(|kept| kept.offset == 0 && kept.size == number::MAX)
    }

    /// The adapted message ends.
    fn end(&mut self, sample: &Sample, outcome: &Outcome) -> Result<(), Wrong> {
        self.expects("AME")?;
        let (answer, original) = match (outcome.code, self.answer) {
            (Code::Failure, _) => return Err(Wrong::Failure(outcome.clone())),
            (Code::Ok, _) => (Answer::Whole, (sample.head.len() + sample.size()) as u64),
            // RFC 4037 section 8.2: what follows is what was not sent before DSS.
            (Code::Partial, Answer::StopGranted(sent)) => (Answer::Partial, sent),
            // RFC 4037 section 11.13.
            (Code::Partial, _) => return Err(Wrong::Partial),
        };
        self.answer = answer;
        self.adapted.is_whole(sample, original)
    }
}

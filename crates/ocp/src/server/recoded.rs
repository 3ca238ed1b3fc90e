//! A body that the host decodes for its services: where the processor has not ([RFC 4236] section 3.2.7 is a preference),
//! the head that comes names codings, and the body that goes back has to bear them again.
//!
//! [RFC 4236]: https://www.rfc-editor.org/rfc/rfc4236#section-3.2.7

use bytes::Bytes;
use opes_coding::{Bounds, Codings, Fate, Mode, RecodeError, Recoder};
use opes_sdk::{Attributes, Chain, Description, Segment};

/// How coded bodies are decoded for services, and encoded again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recoding {
    /// A body that services may change is held back up to so many octets, so that it keeps its own coded octets if none
    /// of them changes it.
    pub hold: u64,
    /// How much may come out of a coded body.
    pub bounds: Bounds,
}

impl Default for Recoding {
    /// 256 KiB, and the default bounds.
    fn default() -> Self {
        Self { hold: 256 * 1024, bounds: Bounds::default() }
    }
}

/// So much of a body is held while the services have not decided, which may be that they leave it as it is.
const UNDECIDED: u64 = 8 * 1024 * 1024;

/// A body whose octets are read while they come: none of them may wait for later ones.
const STREAM: &str = "text/event-stream";

impl Recoding {
    /// For a message with these attributes.
    pub(super) fn start(&self, content: &Attributes, is_range: bool) -> Result<Recoded, String> {
        if is_range {
            return Err(
                "a service wants the content decoded, and this is only a range of it (206)".to_owned()
            );
        }
        let codings = Codings::parse(content.coding.iter().map(String::as_str))
            .map_err(|error| format!("a service wants the content decoded: {error}"))?;
        let streams = content.media_type.as_deref() == Some(STREAM);
        let hold = if streams { 0 } else { self.hold };
        Ok(Recoded {
            recoder: Recoder::new(codings.clone(), self.bounds, Mode::Look, 0),
            codings,
            settings: Self { hold, ..*self },
            streams,
            received_end: false,
            ended: false,
        })
    }
}

/// One coded body and what was decoded of it.
pub(super) struct Recoded {
    recoder: Recoder,
    codings: Codings,
    settings: Recoding,
    streams: bool,
    received_end: bool,
    /// The services were told that the body is complete.
    ended: bool,
}

impl Recoded {
    /// Says whether the services may change the body, before any of it is received.
    pub(super) fn begin(&mut self, modifies: bool) {
        if modifies {
            let mode = Mode::Hold(self.settings.hold);
            self.recoder = Recoder::new(self.codings.clone(), self.settings.bounds, mode, 0);
            self.recoder.await_decision(UNDECIDED);
        }
    }

    pub(super) fn receive(&mut self, octets: Bytes) -> Result<(), String> {
        self.recoder.receive(octets).map_err(|error| error.to_string())
    }

    pub(super) fn end_received(&mut self) {
        self.received_end = true;
        self.recoder.end_received();
    }

    /// Moves what was received through the services, as far as they take it: while they wait, no more than `high` octets,
    /// and never more than `most`.
    pub(super) fn advance(&mut self, chain: &mut Chain, high: u64, most: u64) -> Result<(), String> {
        self.exchange(chain, high, most).map_err(|error| error.to_string())
    }

    fn exchange(&mut self, chain: &mut Chain, high: u64, most: u64) -> Result<(), RecodeError> {
        loop {
            self.take_back(chain)?;
            let room = if chain.waiting() { high } else { most };
            let stopped = chain.failure().is_some() || chain.refusal().is_some();
            if stopped || chain.buffered() - chain.gathered() > room {
                break;
            }
            // Nobody wants to know what the rest means, once all services have left and changed nothing.
            let left = self.recoder.passes() && chain.has_left();
            let plain = if left { None } else { self.recoder.next_plain()? };
            let ended = if left { self.received_end } else { self.recoder.plain_ended() };
            match plain {
                Some(octets) => chain.push(octets),
                None if ended && !self.ended => {
                    self.ended = true;
                    chain.finish();
                }
                None => {
                    if left {
                        self.recoder.end_given()?;
                    }
                    break;
                }
            }
        }
        if chain.finished() {
            self.recoder.end_given()?;
        }
        if self.streams {
            self.recoder.flush()?;
        }
        Ok(())
    }

    /// Takes what the services have decided to let go.
    fn take_back(&mut self, chain: &mut Chain) -> Result<(), RecodeError> {
        if !chain.decided() {
            return Ok(());
        }
        while let Some(segment) = chain.pull() {
            self.recoder.give_back(segment.octets)?;
        }
        if chain.only_looks() && !chain.modified() {
            self.recoder.pass();
        }
        Ok(self.recoder.decided()?)
    }

    /// The next octets to send, with their place in the coded body if they are its own.
    pub(super) fn pull(&mut self) -> Option<Segment> {
        let piece = self.recoder.pull()?;
        Some(Segment { octets: piece.octets, original: piece.original })
    }

    /// Adds to a description of the decoded body what is done to it afterwards.
    pub(super) fn describe(&self, description: &mut Description) {
        if let Some(own) = description.coding.take().filter(|own| !own.is_empty()) {
            let ours = self.codings.iter().map(|coding| coding.name().to_owned());
            description.coding = Some(own.into_iter().chain(ours).collect());
        }
    }

    pub(super) fn fate(&self) -> Option<Fate> {
        self.recoder.fate()
    }

    pub(super) fn modifies(&self) -> bool {
        self.recoder.fate() != Some(Fate::Unchanged)
    }

    pub(super) fn passes(&self) -> bool {
        self.recoder.passes()
    }

    pub(super) fn held(&self) -> u64 {
        self.recoder.held()
    }

    /// Octets that are held although no hold is meant for them.
    pub(super) fn unplanned(&self) -> u64 {
        // In the hold there is everything coded, decoded, and given back.
        self.recoder.held().saturating_sub(self.settings.hold.saturating_mul(3))
    }

    pub(super) fn undecoded(&self) -> u64 {
        self.recoder.undecoded()
    }

    pub(super) fn ended(&self) -> bool {
        self.recoder.ended()
    }
}

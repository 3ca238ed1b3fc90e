//! One or two directions, taken message by message in an order in which they can have come about.

use std::io::{self, Write};

use ocp_proto::Role;
use ocp_proto::codec::number;
use ocp_proto::message::{InvalidMessage, Message};
use opes_profile::http::Extensions;

use super::capture::{Capture, End, Head};
use super::direction::Direction;
use super::needs::{Missing, missing};
use super::print::Printer;
use super::rule::{Rule, Violation, of_syntax};

/// One direction under way.
pub(super) struct Side {
    capture: Capture,
    direction: Direction,
    next: Option<Next>,
    label: char,
    finished: bool,
}

/// The message that a side has to say next.
struct Next {
    head: Head,
    parsed: Result<Message, InvalidMessage>,
}

impl Side {
    pub(super) fn new(capture: Capture, role: Option<Role>) -> Self {
        let label = match role {
            Some(Role::Processor) => 'P',
            Some(Role::Server) => 'S',
            None => ' ',
        };
        Self { capture, direction: Direction::new(role), next: None, label, finished: false }
    }

    /// Whether the capture is known to lack messages, so that nothing can be said about what it does not show.
    fn lacks_messages(&self) -> bool {
        let cut = matches!(self.capture.end(), Some(End::Cut(_) | End::Broken(_)));
        cut || self.direction.late || self.finished && self.direction.is_silent()
    }

    fn fill(&mut self, largest: u64) -> io::Result<()> {
        if self.next.is_none() && !self.finished {
            let head = self.capture.head()?;
            self.next = head.map(|head| Next { parsed: Message::parse_up_to(&head.raw, largest), head });
        }
        Ok(())
    }
}

/// The directions of a connection.
pub(super) struct Exchange {
    sides: Vec<Side>,
    /// The largest size that a message may name: more than OCP Core's once large sizes were negotiated for anything.
    largest: u64,
}

impl Exchange {
    pub(super) fn new(sides: Vec<Side>) -> Self {
        Self { sides, largest: number::MAX }
    }

    /// Prints everything.
    pub(super) fn run(mut self, printer: &mut Printer<impl Write>) -> io::Result<()> {
        loop {
            for side in &mut self.sides {
                side.fill(self.largest)?;
                if side.next.is_none() && !side.finished {
                    side.finished = true;
                    finish(side, printer)?;
                }
            }
            let Some(index) = self.choose() else {
                return Ok(());
            };
            self.take(index, printer)?;
        }
    }

    /// The side whose next message comes now. The server reacts, so it comes first where it lacks nothing; else the
    /// processor, unless that lacks more than what usually comes first.
    fn choose(&self) -> Option<usize> {
        let waiting: Vec<_> =
            (0..self.sides.len()).filter(|index| self.sides[*index].next.is_some()).collect();
        let &[processor, server] = &waiting[..] else {
            return waiting.first().copied();
        };
        let server_first =
            self.missing(server).is_nothing() || !self.missing(processor).violations.is_empty();
        Some(if server_first { server } else { processor })
    }

    fn missing(&self, index: usize) -> Missing {
        let [first, second] = &self.sides[..] else {
            return Missing::default();
        };
        let (own, other) = if index == 0 { (first, second) } else { (second, first) };
        let Some(Next { head, parsed: Ok(message) }) = &own.next else {
            return Missing::default();
        };
        let size = head.raw.payload().unwrap_or_default();
        missing(&own.direction, &other.direction, message, size)
    }

    fn take(&mut self, index: usize, printer: &mut Printer<impl Write>) -> io::Result<()> {
        let mut found = self.missing(index).violations;
        if self.sides.iter().any(Side::lacks_messages) {
            found.clear();
        }
        let Some(Next { head, parsed }) = self.sides[index].next.take() else {
            return Ok(());
        };
        found.extend(self.answered(index, &parsed));
        self.extend(&parsed);
        let side = &mut self.sides[index];
        printer.message(side.label, head.offset, &head.raw)?;
        if let Some(size) = head.raw.payload() {
            printer.payload(size, &side.capture.payload()?)?;
        }
        found.extend(side.direction.take(&head.raw, &parsed));
        report(side, head.offset, &found, printer)
    }

    /// Takes note of large sizes. Where only the processor was captured, its offer has to do for the answer.
    fn extend(&mut self, parsed: &Result<Message, InvalidMessage>) {
        let features = match parsed {
            Ok(Message::Nr { selected, .. }) => selected.as_slice(),
            Ok(Message::No { features, .. }) if self.sides.len() == 1 => features,
            _ => return,
        };
        if features.iter().any(|feature| Extensions::of(feature).large_sizes) {
            self.largest = number::LARGE_MAX;
            self.sides.iter_mut().for_each(|side| side.direction.transactions.largest = number::LARGE_MAX);
        }
    }

    /// An answer closes the offer of the other side, and has to fit it.
    fn answered(&mut self, index: usize, parsed: &Result<Message, InvalidMessage>) -> Vec<Violation> {
        let Ok(Message::Nr { selected, group, .. }) = parsed else {
            return Vec::new();
        };
        match self.sides.get_mut(1 - index.min(1)) {
            Some(other) => other.direction.offers.answer(selected.as_ref(), *group),
            None => Vec::new(),
        }
    }
}

fn report(
    side: &Side,
    offset: u64,
    found: &[Violation],
    printer: &mut Printer<impl Write>,
) -> io::Result<()> {
    found.iter().try_for_each(|violation| printer.violation(side.label, offset, violation))
}

/// Says how a capture ends.
fn finish(side: &mut Side, printer: &mut Printer<impl Write>) -> io::Result<()> {
    let offset = side.capture.broken_at();
    let ended = side.direction.ended;
    match side.capture.end().cloned() {
        Some(End::Whole) if ended => Ok(()),
        Some(End::Whole) => printer.note(side.label, offset, "the capture ends without CE"),
        Some(End::Cut(octets)) => {
            let text = format!("the capture ends inside a message, after {octets} octets of it");
            printer.note(side.label, offset, &text)?;
            let violation = Rule::CeLast.broken("the connection ends inside a message, and CE has not come");
            if ended { Ok(()) } else { printer.violation(side.label, offset, &violation) }
        }
        Some(End::Broken(error)) => {
            let violation = of_syntax(&error).broken(error.to_string());
            printer.violation(side.label, offset, &violation)?;
            printer.note(
                side.label,
                offset,
                "what follows cannot be decoded: nobody can tell where a message begins",
            )
        }
        None => Ok(()),
    }
}

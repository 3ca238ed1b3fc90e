//! The messages of a transaction, encoded once: from one transaction to the next only the identifier differs.

use bytes::Bytes;
use ocp_proto::Transmit;
use ocp_proto::codec::{MessageWriter, PAYLOAD_END};
use opes_profile::http::{Profile, am_el_parameter};

use crate::message::Sample;

/// Payload up to this size stands beside the heads around it.
const COPIED: usize = 2048;

/// What the processor sends in a transaction, from TS to AME.
pub(super) struct Template {
    sample: Sample,
    profile: Profile,
    group: u64,
    kept: bool,
    /// How many digits an identifier has in `steps`.
    digits: usize,
    steps: Vec<Step>,
}

/// Messages that leave together: one DUM, and what comes before the first and after the last.
#[derive(Default)]
struct Step {
    pieces: Vec<Piece>,
    octets: usize,
    /// How much of the original has left with it.
    sent: u64,
}

enum Piece {
    /// Octets, and where in them the digits of the transaction stand.
    Text(Vec<u8>, Vec<usize>),
    Payload(Bytes),
}

impl Template {
    /// The messages that carry `sample`. Where all of it is kept, each DUM says so (RFC 4037 section 11.9).
    pub(super) fn new(sample: &Sample, profile: Profile, group: u64, kept: bool) -> Self {
        let mut template =
            Self { sample: sample.clone(), profile, group, kept, digits: 0, steps: Vec::new() };
        template.fit(1);
        template
    }

    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Writes one step with these digits as the transaction; says how many octets it has, and how much of the original
    /// has left then.
    pub(super) fn write(&mut self, step: usize, digits: &[u8], out: &mut Transmit) -> (usize, u64) {
        if digits.len() != self.digits {
            self.fit(digits.len());
        }
        let Some(step) = self.steps.get(step) else { return (0, 0) };
        for piece in &step.pieces {
            match piece {
                Piece::Text(octets, places) => write_text(octets, places, digits, out.head()),
                Piece::Payload(octets) => out.payload(octets),
            }
        }
        (step.octets, step.sent)
    }

    /// Makes room for so many digits.
    fn fit(&mut self, digits: usize) {
        let mut steps = Steps { digits, ..Steps::default() };
        steps.message("TS", |writer| writer.number(self.group).end());
        let length = am_el_parameter(self.sample.size() as u64);
        steps.message("AMS", |writer| writer.encoded(&length).end());
        steps.data(self.profile.header().parameter(), &self.sample.head, self.kept);
        for piece in &self.sample.pieces {
            steps.next();
            steps.data(self.profile.body().parameter(), piece, self.kept);
        }
        steps.message("AME", |writer| writer.end());
        steps.next();
        (self.digits, self.steps) = (digits, steps.done);
    }
}

/// Copies all at once and then sets the digits: they are few.
#[inline]
fn write_text(octets: &[u8], places: &[usize], digits: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(octets);
    let copy = &mut out[start..];
    for &place in places {
        for (octet, digit) in copy[place..].iter_mut().zip(digits) {
            *octet = *digit;
        }
    }
}

/// Steps in the making.
#[derive(Default)]
struct Steps {
    digits: usize,
    done: Vec<Step>,
    step: Step,
    text: Vec<u8>,
    places: Vec<usize>,
}

impl Steps {
    /// Adds a message of the transaction, whose further parameters `rest` writes.
    fn message(&mut self, name: &str, rest: impl FnOnce(MessageWriter<'_>)) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.push(b' ');
        self.places.push(self.text.len());
        self.text.resize(self.text.len() + self.digits, b'0');
        rest(MessageWriter::new(&mut self.text, ""));
    }

    fn data(&mut self, part: Bytes, octets: &Bytes, kept: bool) {
        let (offset, size) = (self.step.sent, octets.len() as u64);
        let sent = offset + size;
        self.step.sent = sent;
        self.message("DUM", |writer| {
            let writer = writer.number(offset);
            let writer = if kept { writer.named_pair("Kept", 0, sent) } else { writer };
            writer.encoded(&part).payload(size);
        });
        if octets.len() <= COPIED {
            self.text.extend_from_slice(octets);
        } else {
            self.cut();
            self.step.octets += octets.len();
            self.step.pieces.push(Piece::Payload(octets.clone()));
        }
        self.text.extend_from_slice(PAYLOAD_END);
    }

    /// What follows stands in a piece of its own.
    fn cut(&mut self) {
        let (text, places) = (std::mem::take(&mut self.text), std::mem::take(&mut self.places));
        self.step.octets += text.len();
        self.step.pieces.push(Piece::Text(text, places));
    }

    fn next(&mut self) {
        self.cut();
        let next = Step { sent: self.step.sent, ..Step::default() };
        self.done.push(std::mem::replace(&mut self.step, next));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(template: &mut Template, xid: &str) -> String {
        let (mut out, mut told) = (Transmit::default(), 0);
        for step in 0..template.steps() {
            told += template.write(step, xid.as_bytes(), &mut out).0;
        }
        assert_eq!(out.len(), told);
        String::from_utf8_lossy(&out.take()).into_owned()
    }

    #[test]
    fn a_transaction_is_written_with_its_identifier() {
        let sample = Sample::new(false, 3, 2);
        let head = std::str::from_utf8(&sample.head).unwrap().to_owned();
        let (size, second) = (head.len(), head.len() + 2);
        let mut template = Template::new(&sample, Profile::Request, 7, false);
        for xid in ["0", "1000", "17"] {
            let expected = format!(
                "TS {xid} 7;\r\nAMS {xid}\r\nAM-EL: 3\r\n;\r\n\
                 DUM {xid} 0\r\nAM-Part: request-header\r\n\r\n{size}:{head}\r\n;\r\n\
                 DUM {xid} {size}\r\nAM-Part: request-body\r\n\r\n2:\0\u{1}\r\n;\r\n\
                 DUM {xid} {second}\r\nAM-Part: request-body\r\n\r\n1:\u{2}\r\n;\r\nAME {xid};\r\n"
            );
            assert_eq!(written(&mut template, xid), expected);
        }
    }

    #[test]
    fn what_is_kept_grows_with_what_is_sent() {
        let sample = Sample::new(true, 3000, 2500);
        let size = sample.head.len();
        let written = written(&mut Template::new(&sample, Profile::Response, 1, true), "9");
        let kept: Vec<_> = written.lines().filter(|line| line.starts_with("Kept: ")).collect();
        let expected = [size, size + 2500, size + 3000].map(|end| format!("Kept: {{0 {end}}}"));
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_message_without_body_ends_with_its_header() {
        let mut template = Template::new(&Sample::new(true, 0, 10), Profile::Response, 1, false);
        assert_eq!(template.steps(), 1);
        assert!(written(&mut template, "0").ends_with("\r\n;\r\nAME 0;\r\n"));
    }
}

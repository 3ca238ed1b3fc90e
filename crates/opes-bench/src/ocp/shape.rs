//! Heads that have come before. Answers to one message are alike but for the transaction, and what has the octets of a
//! head that was read need not be read again.

use ocp_proto::codec::number;
use ocp_proto::message::Message;

/// So many messages of an answer are remembered.
const MOST: usize = 16;

/// After so many heads in a row that differ from what is remembered, the next is remembered in its place.
const MISSES: u8 = 4;

/// No identifier has more digits (RFC 4037 section 10.3).
const DIGITS: usize = 10;

/// A head, read.
pub(super) struct Head {
    pub(super) message: Message,
    pub(super) payload: Option<usize>,
    /// The data is of the message's header (RFC 4236 section 3.4).
    pub(super) in_header: bool,
}

/// The heads of an answer, in their order.
#[derive(Default)]
pub(super) struct Shapes(Vec<Shape>);

/// A message name, filled up with spaces: RFC 4037 has none of more than four letters.
type Name = [u8; 4];

struct Shape {
    name: Name,
    /// What follows the digits of the transaction.
    rest: Vec<u8>,
    head: Head,
    misses: u8,
}

/// The name and the transaction that a head begins with.
pub(super) struct Lead {
    name: Name,
    pub(super) xid: u64,
    length: usize,
}

impl Lead {
    /// Reads `octets`; `None` where the decoder has to.
    #[inline]
    pub(super) fn read(octets: &[u8]) -> Option<Self> {
        let (name, start) = match *octets.first_chunk()? {
            [a, b, b' ', _, _] => ([a, b, b' ', b' '], 3),
            [a, b, c, b' ', _] => ([a, b, c, b' '], 4),
            [a, b, c, d, b' '] => ([a, b, c, d], 5),
            _ => return None,
        };
        let (mut length, mut xid) = (start, 0);
        for octet in octets[start..].iter().take(DIGITS) {
            let digit = octet.wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            xid = 10 * xid + u64::from(digit);
            length += 1;
        }
        let leading_zero = octets.get(start) == Some(&b'0') && length > start + 1;
        (length > start && !leading_zero && xid <= number::MAX).then_some(Self { name, xid, length })
    }
}

impl Shapes {
    /// The head that `octets` begin with, and its size, where it is the one that came before as an answer's message
    /// `number`.
    #[inline]
    pub(super) fn find(&self, number: usize, lead: &Lead, octets: &[u8]) -> Option<(&Head, usize)> {
        let shape = self.0.get(number)?;
        let same = lead.name == shape.name && octets[lead.length..].starts_with(&shape.rest);
        same.then_some((&shape.head, lead.length + shape.rest.len()))
    }

    /// Remembers what the octets of a head have been read as.
    pub(super) fn learn(&mut self, number: usize, octets: &[u8], head: Head) {
        let known = self.0.len();
        match self.0.get_mut(number) {
            Some(shape) if shape.misses < MISSES => return shape.misses += 1,
            None if number >= MOST || number > known => return,
            _ => {}
        }
        let Some(lead) = Lead::read(octets) else { return };
        let shape = Shape { name: lead.name, rest: octets[lead.length..].to_vec(), head, misses: 0 };
        if number < known {
            self.0[number] = shape;
        } else {
            self.0.push(shape);
        }
    }
}

#[cfg(test)]
mod tests {
    use ocp_proto::message::Xid;

    use super::*;

    fn head() -> Head {
        Head { message: Message::Dwss { xid: Xid(0) }, payload: None, in_header: false }
    }

    fn finds(shapes: &Shapes, number: usize, octets: &[u8]) -> Option<(u64, usize)> {
        let lead = Lead::read(octets)?;
        shapes.find(number, &lead, octets).map(|(_, length)| (lead.xid, length))
    }

    #[test]
    fn a_head_is_known_again_in_another_transaction() {
        let mut shapes = Shapes::default();
        shapes.learn(0, b"AMS 9\r\nAM-EL: 5\r\n;\r\n", head());
        assert_eq!(finds(&shapes, 0, b"AMS 10\r\nAM-EL: 5\r\n;\r\nDUM 10"), Some((10, 21)));
        for (number, other) in [
            (1, "AMS 10\r\nAM-EL: 5\r\n;\r\n"),
            (0, "AME 10\r\nAM-EL: 5\r\n;\r\n"),
            (0, "AMS 10\r\nAM-EL: 6\r\n;\r\n"),
            (0, "AMS 10\r\nAM-EL: 5\r\n;\r"),
            (0, "AMS 010\r\nAM-EL: 5\r\n;\r\n"),
            (0, "AMS 2147483648\r\nAM-EL: 5\r\n;\r\n"),
            (0, "AMS 99999999999999999999999\r\nAM-EL: 5\r\n;\r\n"),
            (0, "AMS \r\nAM-EL: 5\r\n;\r\n"),
            (0, "AMSTERDAM 1\r\nAM-EL: 5\r\n;\r\n"),
        ] {
            assert_eq!(finds(&shapes, number, other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_has_changed_for_good_is_learnt_anew() {
        let mut shapes = Shapes::default();
        shapes.learn(0, b"AME 1;\r\n", head());
        shapes.learn(2, b"TE 1;\r\n", head());
        for _ in 0..MISSES {
            shapes.learn(0, b"DWSS 1;\r\n", head());
            assert!(finds(&shapes, 0, b"AME 2;\r\n").is_some());
        }
        shapes.learn(0, b"DWSS 1;\r\n", head());
        assert!(finds(&shapes, 0, b"AME 2;\r\n").is_none());
        assert_eq!(finds(&shapes, 0, b"DWSS 2;\r\n"), Some((2, 9)));
        assert_eq!(finds(&shapes, 2, b"TE 1;\r\n"), None, "nothing came between");
    }
}

//! Syntax vectors: octets, and what they are.

use ocp_proto::codec::{Decoder, DecoderLimits, Item, RawMessage};
use ocp_proto::message::{Message, Scope};

use crate::files;
use crate::notation::{Vector, octets, vectors};
use crate::tree::tree;

/// Octets and the lines that say what they are.
#[derive(Debug, Clone)]
struct Case {
    vector: Vector,
    wire: Vec<u8>,
    expected: Vec<String>,
}

impl Case {
    fn read(vector: Vector) -> Self {
        let (mut wire, mut expected) = (Vec::new(), Vec::new());
        for line in &vector.lines {
            match line.strip_prefix("wire ") {
                Some(text) => {
                    wire.extend(octets(text).unwrap_or_else(|error| panic!("{}: {error}", vector.title)))
                }
                None => expected.push(line.clone()),
            }
        }
        assert!(!wire.is_empty() && !expected.is_empty(), "{}: {} says nothing", vector.file, vector.title);
        Self { vector, wire, expected }
    }

    /// Runs the vector with its octets whole, one by one, and in two parts cut anywhere.
    fn run(&self) -> Result<(), String> {
        self.judge(&[&self.wire], "whole")?;
        self.judge(&self.wire.chunks(1).collect::<Vec<_>>(), "octet by octet")?;
        for cut in 1..self.wire.len() {
            let (first, second) = self.wire.split_at(cut);
            self.judge(&[first, second], &format!("cut at {cut}"))?;
        }
        Ok(())
    }

    fn judge(&self, pieces: &[&[u8]], how: &str) -> Result<(), String> {
        let mut found = decode(pieces);
        // Only octet by octet is it known which one was too much.
        let exact = pieces.iter().all(|piece| piece.len() == 1);
        let mut expected = self.expected.clone();
        if !exact {
            [&mut found, &mut expected].into_iter().for_each(|lines| blur(lines));
        }
        if found == expected {
            return Ok(());
        }
        let Vector { file, title, .. } = &self.vector;
        Err(format!(
            "{file}: {title} ({how})\nexpected\n{}\nfound\n{}",
            expected.join("\n"),
            found.join("\n")
        ))
    }
}

fn blur(lines: &mut [String]) {
    for line in lines.iter_mut().filter(|line| line.starts_with("fault ")) {
        "fault".clone_into(line);
    }
}

/// What a receiver makes of these pieces.
fn decode(pieces: &[&[u8]]) -> Vec<String> {
    let mut decoder = Decoder::new(DecoderLimits::default());
    let (mut lines, mut open, mut fed) = (Vec::new(), None::<(RawMessage, Vec<u8>)>, 0);
    for piece in pieces {
        decoder.buffer().extend_from_slice(piece);
        fed += piece.len();
        loop {
            match decoder.next() {
                Ok(Some(Item::Message(raw))) if raw.payload().is_some() => open = Some((raw, Vec::new())),
                Ok(Some(Item::Message(raw))) => lines.extend(judged(&raw, None)),
                Ok(Some(Item::Payload(octets))) => {
                    open.as_mut().expect("payload follows its head").1.extend_from_slice(&octets);
                }
                Ok(Some(Item::End)) => {
                    let (raw, payload) = open.take().expect("the end follows its head");
                    lines.extend(judged(&raw, Some(&payload)));
                }
                Ok(None) => break,
                Err(_) => {
                    lines.push(format!("fault {}", fed - 1));
                    return lines;
                }
            }
        }
    }
    if decoder.in_message() {
        lines.push("incomplete".to_owned());
    }
    lines
}

fn judged(raw: &RawMessage, payload: Option<&[u8]>) -> Vec<String> {
    let mut lines = tree(raw, payload);
    match Message::parse(raw).map_err(|invalid| invalid.scope) {
        Ok(_) => {}
        Err(Scope::Connection) => lines.push("invalid connection".to_owned()),
        Err(Scope::Transaction(xid)) => lines.push(format!("invalid transaction {xid}")),
    }
    lines
}

fn cases() -> Vec<Case> {
    let vectors = files("syntax").into_iter().flat_map(|(file, text)| vectors(&file, &text));
    vectors.map(Case::read).collect()
}

#[test]
fn syntax_vectors_hold() {
    let cases = cases();
    assert!(cases.len() >= 60, "only {} syntax vectors", cases.len());
    let failures: Vec<_> = cases.iter().filter_map(|case| case.run().err()).collect();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n\n"));
}

/// Every line of what is expected matters, and so does every octet: a vector that passes when broken proves nothing.
#[test]
fn broken_syntax_vectors_fail() {
    for case in cases() {
        for index in 0..case.expected.len() {
            let mut without = case.clone();
            without.expected.remove(index);
            assert!(without.run().is_err(), "{} without {:?}", case.vector.title, case.expected[index]);
            let mut other = case.clone();
            other.expected[index] = changed(&other.expected[index]);
            assert!(other.run().is_err(), "{} with {:?}", case.vector.title, other.expected[index]);
        }
        let mut more = case.clone();
        more.wire.extend_from_slice(b"X;\r\n");
        if !case.expected.iter().any(|line| line.starts_with("fault") || line == "incomplete") {
            assert!(more.run().is_err(), "{} with one more message", case.vector.title);
        }
    }
}

/// Another line than this one.
fn changed(line: &str) -> String {
    match line.strip_prefix("fault ") {
        Some(offset) => format!("fault {}", offset.parse::<usize>().expect("an offset") + 1),
        None => format!("{line}x"),
    }
}

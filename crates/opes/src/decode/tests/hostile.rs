use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::decode::rule::Rule;

/// What any report has to be, whatever the capture holds.
fn well_formed(report: &(String, u64)) {
    let printable = |c: char| c == '\n' || (' '..='~').contains(&c);
    assert!(report.0.chars().all(printable), "{}", report.0.escape_debug());
    for id in violated(report) {
        assert!(Rule::ALL.iter().any(|rule| rule.id() == id), "{id}");
    }
    assert!(report.0.ends_with(&format!("{} violation{}\n", report.1, if report.1 == 1 { "" } else { "s" })));
}

const PIECES: [&str; 32] = [
    "CS;\r\n",
    "NO ();\r\n",
    "NR;\r\n",
    "NO ({\"5:urn:a\"})\r\nSG: 1\r\n;\r\n",
    "NR {\"5:urn:a\"}\r\nSG: 1\r\n;\r\n",
    "SGC 1 ();\r\n",
    "SGD 1;\r\n",
    "TS 1 1;\r\n",
    "TS 2 1;\r\n",
    "TE 1;\r\n",
    "AMS 1;\r\n",
    "AME 1;\r\n",
    "AME 1 {206};\r\n",
    "DUM 1 0\r\nKept: 0 9\r\n\r\n2:ab\r\n;\r\n",
    "DUM 1 2\r\nAs-is: 0\r\n\r\n2:cd\r\n;\r\n",
    "DUY 1 0 2;\r\n",
    "DPI 1 1 5;\r\n",
    "DPI 1 0 0;\r\n",
    "DWSS 1;\r\n",
    "DWSR 1 2;\r\n",
    "DSS 1;\r\n",
    "DWP 1 1;\r\n",
    "DPM 1;\r\n",
    "DWM 1;\r\n",
    "PQ 1;\r\n",
    "PA 1\r\nOrg-Data: 3\r\n;\r\n",
    "AQ {\"5:urn:a\"};\r\n",
    "AA true;\r\n",
    "CE;\r\n",
    "X \"2:\x1b[\" ({a\r\nB: ()\r\n})\r\n\r\n3:;\r\n\r\n;\r\n",
    "DUM 2147483647 2147483647",
    "\\",
];

fn capture() -> impl Strategy<Value = Vec<u8>> {
    let pieces = vec(select(PIECES.to_vec()), 0..20).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![4 => pieces, 1 => vec(any::<u8>(), 0..200)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_capture_has_a_report(processor in capture(), server in capture()) {
        well_formed(&report(&processor));
        well_formed(&both(&processor, &server));
    }
}

#[test]
fn names_and_values_cannot_forge_a_line() {
    let name = "! OCP-1-01 ";
    let octets = format!(
        "CS;\r\nX \"{}:\n{name}\n\"\r\n{}:\n{name}\n\r\n;\r\nCE;\r\n",
        name.len() + 2,
        name.len() + 2
    );
    let found = report(octets.as_bytes());
    well_formed(&found);
    assert_eq!(found.1, 0, "{}", found.0);
}

#[test]
fn a_head_of_many_values_is_printed_in_linear_time() {
    let values = "1 ".repeat(100_000);
    let names: String = (0..20_000).map(|n| format!("N{n}: 1\r\n")).collect();
    for head in [format!("X {values}1"), format!("X\r\n{names}"), format!("X ({}1)", "1,".repeat(100_000))] {
        well_formed(&report(format!("CS;\r\n{head};\r\nCE;\r\n").as_bytes()));
    }
}

/// A capture of the given size that is never in memory.
struct Endless {
    left: u64,
    head: Option<Vec<u8>>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(head) = self.head.take() {
            buffer[..head.len()].copy_from_slice(&head);
            return Ok(head.len());
        }
        let size = buffer.len().min(self.left.try_into().unwrap_or(usize::MAX));
        buffer[..size].fill(b'x');
        self.left -= size as u64;
        Ok(size)
    }
}

#[test]
fn payload_is_not_kept() {
    let size = 1_u64 << 30;
    let source = Endless { left: size, head: Some(format!("CS;\r\nX\r\n{size}:").into_bytes()) };
    let mut out = Vec::new();
    decode(vec![Side::new(Capture::new(Box::new(source)), None)], &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains(&format!("payload of {size} octets: \"xxxx")), "{text}");
}

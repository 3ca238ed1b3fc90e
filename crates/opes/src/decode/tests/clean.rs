//! What our own agents say has no violation, however much of it was captured.

use std::time::Instant;

use bytes::Bytes;
use ocp_proto::message::{Feature, Outcome, Service};
use ocp_proto::{Connection, Event, Limits, Transmit};

use super::*;

/// Two agents in memory and what each has said.
struct Pair {
    processor: Connection,
    server: Connection,
    said: [Vec<u8>; 2],
    now: Instant,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let agent =
            |role| Connection::new(role, Limits::default(), vec![Bytes::from_static(b"urn:x-a")], now);
        Self { processor: agent(Role::Processor), server: agent(Role::Server), said: Default::default(), now }
    }

    /// Lets both talk until both are silent.
    fn talk(&mut self) {
        loop {
            let before = self.said.each_ref().map(Vec::len);
            carry(&mut self.processor, &mut self.server, &mut self.said[0], self.now);
            while let Some(event) = self.server.poll_event(self.now) {
                match event {
                    Event::GroupWanted { group, .. } => self.server.accept_group(group),
                    Event::Offer { features, .. } => {
                        self.server.answer(features.last().cloned(), Vec::new(), Vec::new());
                    }
                    _ => {}
                }
            }
            carry(&mut self.server, &mut self.processor, &mut self.said[1], self.now);
            while self.processor.poll_event(self.now).is_some() {}
            if before == self.said.each_ref().map(Vec::len) {
                return;
            }
        }
    }
}

fn carry(from: &mut Connection, to: &mut Connection, said: &mut Vec<u8>, now: Instant) {
    let mut out = Transmit::default();
    from.poll_transmit(now, &mut out, usize::MAX);
    let octets = out.take();
    said.extend_from_slice(&octets);
    to.read_buffer().extend_from_slice(&octets);
}

/// Both directions of a connection on which every mechanism is used.
fn conversation() -> [Vec<u8>; 2] {
    let mut pair = Pair::new();
    let now = pair.now;
    let offers = || vec![Feature::new("urn:x-a"), Feature::new("urn:x-b")];
    pair.talk();
    pair.processor.offer(offers(), None, now).unwrap();
    pair.talk();
    let group = pair.processor.create_group(vec![Service::new("urn:x-service")]).unwrap();
    pair.talk();
    pair.processor.offer(offers(), Some(group), now).unwrap();
    pair.server.offer(offers(), None, now).unwrap();
    pair.talk();
    pair.server.offer(offers(), None, now).unwrap();
    pair.processor.query_ability(Feature::new("urn:x-a"));
    pair.talk();
    let octets = Bytes::from(vec![b'o'; 700]);
    let xids = [0, 1, 2].map(|_| pair.processor.start_transaction(group, Bytes::new(), now).unwrap());
    for xid in xids {
        pair.processor.send(xid, Bytes::new(), octets.clone(), None).unwrap();
        pair.processor.query_progress(Some(xid));
        pair.talk();
        pair.server.start_message(xid, Bytes::new(), Some(50));
        pair.server.send(xid, Bytes::new(), octets.slice(..10), Some(0)).unwrap();
        pair.server.send(xid, Bytes::new(), octets.slice(10..300), Some(10)).unwrap();
        pair.server.report_progress(xid, now);
        pair.talk();
        pair.server.pause(xid);
        pair.processor.pause(xid);
        pair.server.dispose(xid, 300);
        pair.talk();
        pair.processor.send(xid, Bytes::new(), octets.clone(), None).unwrap();
        pair.server.send(xid, Bytes::new(), octets.slice(..300), None).unwrap();
        pair.talk();
        pair.server.resume(xid, Some(7), now);
        pair.processor.resume(xid, None, now);
        pair.talk();
    }
    let [whole, out_of_the_loop, aborted] = xids;
    pair.processor.end_message(whole, Outcome::OK);
    pair.server.end_message(whole, Outcome::OK);
    pair.talk();
    pair.processor.complete_transaction(whole);
    pair.server.want_stop_sending(out_of_the_loop);
    pair.server.want_stop_receiving(out_of_the_loop, 0);
    pair.talk();
    pair.processor.stop_sending(out_of_the_loop);
    pair.talk();
    pair.server.end_message(out_of_the_loop, Outcome::PARTIAL);
    pair.talk();
    pair.processor.end_transaction(out_of_the_loop, Outcome::OK);
    pair.server.abort_transaction(aborted, "enough");
    pair.talk();
    pair.processor.destroy_group(group);
    pair.processor.end(Outcome::OK);
    pair.talk();
    pair.said
}

#[test]
fn what_our_agents_say_is_clean() {
    let [processor, server] = conversation();
    for report in [report(&processor), report(&server), both(&processor, &server)] {
        assert_eq!(violated(&report), [""; 0], "{}", report.0);
    }
}

/// Two captures that are cut anywhere show a message that is cut, and no violation that the rest would take back.
#[test]
fn a_cut_makes_no_other_violation() {
    let [processor, server] = conversation();
    for cut in (0..processor.len().max(server.len())).step_by(7) {
        let cuts = [(cut, server.len()), (processor.len(), cut), (cut, cut * 7919 % server.len())];
        for (processor_end, server_end) in cuts {
            let processor = &processor[..processor_end.min(processor.len())];
            let found = both(processor, &server[..server_end.min(server.len())]);
            let others: Vec<_> = violated(&found).into_iter().filter(|id| *id != "OCP-11.2-02").collect();
            // Where a capture ends after a message, nothing tells that messages are missing.
            let whole = found.0.contains("without CE");
            assert!(whole || others.is_empty(), "{processor_end}, {server_end}: {others:?}\n{}", found.0);
        }
    }
}

/// A message of a transaction that is not active is answered by a TE for it.
#[test]
fn the_answer_to_a_violation_is_none() {
    let (opening, answer) = ("CS;\r\nNO ();\r\nSGC 1 ();\r\n", "CS;\r\nNR;\r\n");
    let cases = [
        ("X-none;\r\n", "AMS 9;\r\nTE 9;\r\n", "TE 9 {400};\r\n", ""),
        ("TS 0 1;\r\n", "", "TE 0 {400};\r\nTE 0 {400};\r\n", ""),
        ("DWM 9;\r\n", "", "", "TE 9 {400};\r\n"),
        ("TS 0 1;\r\n", "", "", "TE 0 {400};\r\nTE 0 {400};\r\n"),
    ];
    for (processor, server, processor_answers, server_answers) in cases {
        let processor = format!("{opening}{processor}{processor_answers}");
        let server = format!("{answer}{server}{server_answers}");
        let found = both(processor.as_bytes(), server.as_bytes());
        let answers = found.0.lines().filter(|line| line.starts_with("! ") && line.contains("TE"));
        assert_eq!(answers.count(), 0, "{}", found.0);
        let expected = usize::from(processor.contains("DWM") || server.contains("AMS"));
        assert!(violated(&found).len() <= 2 * expected, "{}", found.0);
    }
}

/// Sizes past 2147483647, where `large-sizes` was negotiated; where only the processor was captured, its offer counts.
#[test]
fn large_sizes_are_clean_where_they_were_negotiated() {
    let profile = "\"54:http://www.iana.org/assignments/opes/ocp/http/response\"";
    let extension = "\r\nExtensions: (\"26:urn:x-opes:ocp:large-sizes\")\r\n";
    let asks = |extension: &str| {
        format!(
            "CS;\r\nNO ();\r\nSGC 1 ({{\"7:ocp://s\"}});\r\nNO ({{{profile}{extension}}})\r\nSG: 1\r\n;\r\n\
             TS 1 1;\r\nAMS 1;\r\nDWM 1\r\nSize-request: 2147483648\r\n;\r\nTE 1;\r\nCE;\r\n"
        )
    };
    let answers = |extension: &str| {
        format!(
            "CS;\r\nNR;\r\nNR {{{profile}{extension}}}\r\nSG: 1\r\n;\r\nAMS 1;\r\n\
             DPI 1 0 4611686018427387903;\r\nTE 1;\r\nCE;\r\n"
        )
    };
    for (asks, answers, clean) in [
        (asks(extension), answers(extension), true),
        (asks(extension), answers(""), false),
        (asks(""), answers(""), false),
    ] {
        let (report, violations) = both(asks.as_bytes(), answers.as_bytes());
        assert_eq!(violations == 0, clean, "{report}");
    }
    assert_eq!(report(asks(extension).as_bytes()).1, 0);
    assert_ne!(report(asks("").as_bytes()).1, 0);
}

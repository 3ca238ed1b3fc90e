//! What the client says to what a server says, without a socket between them.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::Waker;

use super::*;
use crate::course::Course;
use crate::load::{Mode, Target};
use crate::tests::load;

const PROFILE: &str = "{\"54:http://www.iana.org/assignments/opes/ocp/http/response\"}";
const HEAD: usize =
    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n\r\n".len();

/// A client and the course that counts for it.
struct Talk {
    client: Client,
    course: Rc<RefCell<Course>>,
}

impl Talk {
    /// A client that has said what it says first.
    fn opened(change: impl FnOnce(&mut Load)) -> Self {
        let mut load = load(Target::Ocp, ([127, 0, 0, 1], 1).into(), 100);
        (load.size, load.inflight, load.connections) = (5, 1, 1);
        load.services = vec!["http://a.example/b".to_owned()];
        change(&mut load);
        let course = Rc::new(RefCell::new(Course::new(&load)));
        let client = Client::new(&load, Pace::new(&load, 0, Rc::clone(&course)));
        Self { client, course }
    }

    /// A client that may start transactions, and has written what it has of the first ones.
    fn begun(change: impl FnOnce(&mut Load)) -> Self {
        let mut talk = Self::opened(change);
        assert_eq!(
            talk.says(""),
            format!("CS;\r\nSGC 1 ({{\"18:http://a.example/b\"}});\r\nNO ({PROFILE})\r\nSG: 1\r\n;\r\n")
        );
        assert_eq!(talk.says(&format!("CS;\r\nNR {PROFILE}\r\nSG: 1\r\n;\r\n")), "");
        assert_eq!(talk.course.borrow().ready(), 1);
        let now = Instant::now();
        talk.course.borrow_mut().begin(now);
        talk.course.borrow_mut().measure(now);
        talk
    }

    /// What the client says next, where the server says this.
    fn says(&mut self, server: &str) -> String {
        self.tries(server).unwrap()
    }

    fn tries(&mut self, server: &str) -> Result<String, String> {
        let (mut cx, now) = (Context::from_waker(Waker::noop()), Instant::now());
        self.client.decoder.buffer().extend_from_slice(server.as_bytes());
        self.client.take(now)?;
        self.client.say(&mut cx, now)?;
        Ok(String::from_utf8_lossy(&self.client.out.take()).into_owned())
    }

    /// Transactions that ended well and not, and why the first did not.
    fn counted(&self) -> (u64, u64, Option<String>) {
        let tally = &self.course.borrow().tally;
        (tally.transactions, tally.errors, tally.first_error.clone())
    }
}

/// An answer up to its AME.
fn answer(xid: u64) -> String {
    format!(
        "AMS {xid}\r\nAM-EL: 5\r\n;\r\nDUM {xid} 0\r\nAM-Part: response-header\r\n\r\n3:abc\r\n;\r\n\
         DUM {xid} 3\r\nAM-Part: response-body\r\n\r\n5:\0\u{1}\u{2}\u{3}\u{4}\r\n;\r\n"
    )
}

/// The messages of a text that are of this name, without their payload.
fn named<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.split([' ', ';']).next() == Some(name)).collect()
}

#[test]
fn a_whole_answer_counts_and_the_next_one_starts() {
    for mode in [Mode::Echo, Mode::Look] {
        let mut talk = Talk::begun(|load| load.mode = mode);
        assert!(talk.says("").starts_with("TS 0 1;\r\nAMS 0\r\nAM-EL: 5\r\n;\r\nDUM 0 0\r\n"));
        for xid in 0..30 {
            // From the second on these are messages that have come before; now and then one is cut.
            let text = answer(xid) + &format!("AME {xid};\r\nTE {xid};\r\n");
            let (first, rest) = text.split_at(if xid % 4 == 3 { 10 * xid as usize / 3 } else { 0 });
            assert_eq!(talk.says(first), "");
            assert!(talk.says(rest).starts_with(&format!("TS {} 1;\r\n", xid + 1)), "{xid}");
        }
        assert_eq!(talk.counted(), (30, 0, None));
    }
}

#[test]
fn the_processor_ends_what_the_server_does_not() {
    let mut talk = Talk::begun(|_| ());
    talk.says("");
    let said = talk.says(&(answer(0) + "AME 0 {200};\r\n"));
    assert!(said.starts_with("TE 0;\r\nTS 1 1;\r\n"), "{said}");
    // The server's own TE has crossed it.
    assert_eq!(talk.says("TE 0;\r\nDUM 0 8\r\n1:x\r\n;\r\n"), "");
    assert_eq!(talk.counted(), (1, 0, None));
}

#[test]
fn what_is_wrong_with_an_answer_is_told() {
    let body = |offset: usize, octets: &str| {
        format!("DUM 0 {offset}\r\nAM-Part: response-body\r\n\r\n{}:{octets}\r\n;\r\n", octets.len())
    };
    let ams = "AMS 0;\r\n".to_owned();
    for (text, why) in [
        (body(0, "\0"), "DUM came before AMS"),
        (ams.clone() + "AMS 0;\r\n", "AMS came twice"),
        (ams.clone() + &body(1, "\0"), "DUM at offset 1 where 0 has to stand"),
        (ams.clone() + &body(0, "\0\u{1}\u{1}"), "the message came back with other octets"),
        (ams.clone() + &body(0, "\0\u{1}\u{2}\u{3}\u{4}\u{5}"), "the message came back with other octets"),
        (ams.clone() + &body(0, "\0") + "AME 0;\r\n", "1 of 5 octets came back"),
        (ams.clone() + "AME 0 {206};\r\n", "AME 206 although DSS was not sent"),
        (ams.clone() + "DUY 0 0 5;\r\n", "DUY or DPI of octets 0 to 5, which are not kept"),
        (ams.clone() + "AME 0 {400 no};\r\n", "the server ended the transaction with a failure: no"),
        ("TE 0 {400};\r\n".to_owned(), "the server ended the transaction with a failure"),
        ("TE 0;\r\n".to_owned(), "the server ended the transaction before its message"),
        (ams.clone() + "DUM 0 0;\r\n", "the server sent an invalid message: DUM has no payload"),
        (ams.clone() + "DSS 0;\r\n", "the server sent DSS, which is the processor's"),
        (answer(0) + "AME 0;\r\n" + &body(8, "\u{5}"), "DUM came after AME"),
    ] {
        let mut talk = Talk::begun(|_| ());
        talk.says("");
        let said = talk.says(&text);
        assert_eq!(talk.counted(), (0, 1, Some(why.to_owned())), "{text}");
        assert_eq!(said.starts_with("TE 0 {400 "), !text.starts_with("TE"), "{said}");
        assert!(said.contains("TS 1 1;\r\n"), "{said}");
    }
}

#[test]
fn messages_that_have_come_before_are_looked_at_as_well() {
    let other = answer(9).replace('\u{3}', "\u{4}");
    let cut = answer(9).replace("5:\0", "4:\0").replace('\u{4}', "");
    let moved = answer(9).replace("DUM 9 3", "DUM 9 4");
    for (bad, why) in [
        (other, "the message came back with other octets"),
        (cut, "4 of 5 octets came back"),
        (moved, "DUM at offset 4 where 3 has to stand"),
    ] {
        let mut talk = Talk::begun(|_| ());
        talk.says("");
        for xid in 0..9 {
            talk.says(&(answer(xid) + &format!("AME {xid};\r\nTE {xid};\r\n")));
        }
        talk.says(&(bad + "AME 9;\r\nTE 9;\r\n"));
        assert_eq!(talk.counted(), (9, 1, Some(why.to_owned())));
    }
}

#[test]
fn preserved_data_stands_for_what_was_sent() {
    let look = |load: &mut Load| load.mode = Mode::Look;
    let (header, whole) = ("AMS 0;\r\nDWSS 0;\r\nDUM 0 0\r\n0:\r\n;\r\n", HEAD + 5);
    for (text, counted) in [
        (format!("DUY 0 0 {whole};\r\nAME 0;\r\nTE 0;\r\n"), None),
        (format!("DPI 0 {HEAD} 9;\r\nDUY 0 {HEAD} 5;\r\nAME 0;\r\n"), None),
        (format!("DUY 0 {HEAD} 4;\r\nAME 0;\r\n"), Some("4 of 5 octets came back".to_owned())),
        (
            format!("DUY 0 0 {};\r\n", whole + 1),
            Some(format!("DUY of octets from {whole} on, which have not been sent")),
        ),
        (
            format!("DPI 0 {HEAD} 9;\r\nDUY 0 0 {whole};\r\n"),
            Some(format!("DUY or DPI of octets 0 to {whole}, which are not kept")),
        ),
        (format!("DUY 0 {} 4;\r\n", HEAD + 1), Some("the message came back with other octets".to_owned())),
    ] {
        let mut talk = Talk::begun(look);
        assert!(talk.says("").contains(&format!("\r\nKept: {{0 {whole}}}\r\n")));
        talk.says(&(header.to_owned() + &text));
        let expected = if counted.is_some() { (0, 1, counted) } else { (1, 0, None) };
        assert_eq!(talk.counted(), expected, "{text}");
    }
}

#[test]
fn a_server_that_has_stopped_sending_gets_the_rest() {
    let mut talk = Talk::begun(|load| (load.mode, load.size, load.chunk) = (Mode::Look, 1 << 20, 1 << 16));
    let first = talk.says("");
    let sent = HEAD + 6 + 4 * (1 << 16);
    assert_eq!(named(&first, "DUM").len(), 5);
    assert_eq!(talk.says("AMS 0;\r\nDWSS 0;\r\nDWSS 0;\r\n"), "DSS 0;\r\n", "the original rests from here");
    assert_eq!(talk.says(&format!("DUY 0 0 {sent};\r\nDPI 0 {sent} 0;\r\n")), "");
    let rest = talk.says("AME 0 {206};\r\n");
    assert!(rest.starts_with(&format!("DUM 0 {sent}\r\nAM-Part: ")), "nothing is kept: {:?}", &rest[..60]);
    assert_eq!(talk.counted().0, 0, "the server has not got all of it");
    let said = [talk.says(""), talk.says("")].concat();
    assert_eq!(named(&said, "DUM 0").len() + named(&said, "AME").len(), 1, "one end");
    assert!(said.contains("\r\nAME 0;\r\nTE 0;\r\n"));
    assert_eq!(talk.counted(), (1, 0, None));
}

#[test]
fn who_stops_early_has_to_have_sent_what_came_before() {
    let mut talk = Talk::begun(|load| load.mode = Mode::Look);
    talk.says("");
    assert_eq!(talk.says("AMS 0;\r\nDWSS 0;\r\n"), "DSS 0;\r\n");
    talk.says("AME 0 {206};\r\n");
    assert_eq!(talk.counted(), (0, 1, Some("0 of 5 octets came back".to_owned())));
}

#[test]
fn the_original_ends_where_the_server_wants_no_more() {
    let mut talk = Talk::begun(|load| (load.mode, load.size, load.chunk) = (Mode::Look, 1 << 20, 1 << 16));
    talk.says("");
    // RFC 4037 section 8.3: DSS goes first, and AME 206 waits for the server's.
    assert_eq!(talk.says("AMS 0;\r\nDWSS 0;\r\nDWSR 0 1000;\r\n"), "DSS 0;\r\n");
    let sent = HEAD + 6 + 4 * (1 << 16);
    let said = talk.says(&format!("DUY 0 0 {sent};\r\nAME 0 {{206}};\r\n"));
    assert!(said.starts_with("AME 0 {206};\r\nTE 0;\r\nTS 1 1;\r\n"), "{:?}", &said[..50]);
    assert_eq!(talk.counted(), (1, 0, None));
    let said = talk.says("DWSR 1 1000;\r\n");
    assert_eq!(said, "AME 1 {206};\r\n", "nothing else was asked for");
}

#[test]
fn the_original_pauses_where_the_server_wants() {
    let mut talk = Talk::begun(|load| (load.size, load.chunk) = (1 << 20, 1 << 16));
    talk.says("");
    assert_eq!(talk.says("DWP 0 100;\r\n"), "DPM 0;\r\n");
    assert_eq!(
        talk.says("PQ 0;\r\n"),
        format!("PA 0\r\nOrg-Data: {};\r\n", HEAD + 6 + (1 << 18)).replace(";\r\n", "\r\n;\r\n")
    );
    assert_eq!(talk.says(""), "");
    let sent = HEAD + 6 + 5 * (1 << 16);
    let said = talk.says(&format!("DWM 0;\r\nDWP 0 {sent};\r\n"));
    assert_eq!((named(&said, "DUM").len(), said.ends_with("DPM 0;\r\n")), (1, true));
}

#[test]
fn questions_are_answered() {
    let mut talk = Talk::begun(|_| ());
    talk.says("");
    let said = talk
        .says("PQ;\r\nPQ 0;\r\nPQ 7;\r\nAQ {\"5:a:b:c\"};\r\nNO ({\"5:a:b:c\"})\r\nSG: 1\r\n;\r\nNO ();\r\n");
    assert_eq!(said, "PA;\r\nPA 0;\r\nPA;\r\nAA false;\r\nNR\r\nSG: 1\r\n;\r\nNR;\r\n");
    // Not known, and of no transaction.
    assert_eq!(talk.says("XYZ 0 1\r\n3:abc\r\n;\r\nPR;\r\nPA;\r\n"), "");
}

#[test]
fn nothing_starts_before_the_server_has_made_its_offers() {
    let mut talk = Talk::opened(|_| ());
    talk.says("");
    let declined = "NO ({\"5:a:b:c\"});\r\n";
    assert_eq!(talk.says(&format!("CS;\r\n{declined}")), "", "the processor's offer goes first");
    assert_eq!(talk.says(&format!("NR {PROFILE}\r\nSG: 1\r\nOffer-Pending: true\r\n;\r\n")), "");
    assert_eq!(talk.course.borrow().ready(), 0);
    assert_eq!(talk.says(declined), "NR;\r\n");
    assert_eq!(talk.course.borrow().ready(), 1);
}

#[test]
fn a_connection_of_no_use_is_given_up() {
    for (text, why) in [
        ("NR;\r\n", "the server did not begin with CS"),
        ("CS;\r\nNR\r\nSG: 1\r\n;\r\n", "the server does not support the HTTP profile"),
        ("CS;\r\nNR;\r\n", "the server answered an offer that was not made"),
        ("CS;\r\nCE {400 \"6:no way\"};\r\n", "the server ended the connection: no way"),
        ("CS;\r\nCE;\r\n", "the server ended the connection"),
        ("CS;\r\nSGD 1;\r\n", "the server sent a message that is the processor's"),
        ("HTTP/1.1 400 Bad Request\r\n", "not OCP: "),
        ("CS;\r\nNR 5;\r\n", "the server sent an invalid message: NR has no valid feature"),
    ] {
        let error = Talk::opened(|_| ()).tries(text).unwrap_err();
        assert!(error.starts_with(why), "{text}: {error}");
    }
    let mut talk = Talk::begun(|_| ());
    talk.says("");
    assert_eq!(talk.tries("AMS 1;\r\n"), Err("transaction 1 was not started".to_owned()));
}

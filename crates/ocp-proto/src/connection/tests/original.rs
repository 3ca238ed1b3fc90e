//! Data as it comes and goes (RFC 4037 sections 2.2, 2.3, 11.7 to 11.9).

use super::super::SendError;
use super::{Agent, X, is_failure_of};
use crate::message::{Outcome, Xid};

const NOTHING: [&str; 0] = [];

/// Both agents with the peer's flow open.
fn receiving() -> [Agent; 2] {
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["AMS 0;"]);
    processor.forget();
    [Agent::server_in_transaction(), processor]
}

// req: OCP-10.3-02, OCP-10.4-02, OCP-11.9-08
#[test]
fn contiguous_data_is_taken() {
    for mut agent in receiving() {
        agent.hear(&["DUM 0 0|3:abc", "DUM 0 3|0:", "DUM 0 3|2:de", "DUM 0 5|Modp: 7||1:f", "AME 0;"]);
        let data = ["Data 0 [abc]", "Data 0 []", "Data 0 [de]", "Data 0 [f] modp 7", "MessageEnded 0 Ok"];
        assert_eq!(agent.happened(), data);
        assert_eq!(agent.said(), NOTHING);
    }
}

// req: OCP-5-03, OCP-5-05, OCP-11.9-06
#[test]
fn data_with_a_gap_ends_the_transaction() {
    for offset in ["0", "2", "4", "2147483647"] {
        for mut agent in receiving() {
            agent.hear(&["DUM 0 0|3:abc"]);
            assert!(is_failure_of(&agent.reply(&[&format!("DUM 0 {offset}|1:x")])[0], 0), "{offset}");
            assert_eq!(agent.happened(), ["Data 0 [abc]", "TransactionFailed 0"]);
            assert_eq!(agent.reply(&["DUM 0 3|3:def", "AME 0;"]), NOTHING, "crossed our TE");
            assert!(agent.happened().is_empty());
        }
    }
}

// req: OCP-10.3-03, OCP-15.1-04
#[test]
fn data_past_the_largest_size_ends_the_transaction() {
    let mut server = Agent::server_in_transaction();
    server.hear_octets(b"DUM 0 0\r\n2147483647:");
    assert_eq!(server.said(), NOTHING);
    let mut agents = receiving();
    agents[0].hear(&["DUM 0 0|1:x"]);
    agents[0].hear_octets(b"DUM 0 1\r\n2147483647:");
    assert!(is_failure_of(&agents[0].said()[0], 0));
}

#[test]
fn data_comes_in_the_pieces_in_which_it_arrives() {
    for mut agent in receiving() {
        agent.hear_octets(b"DUM 0 0\r\nX: 1\r\n\r\n10:ab");
        agent.hear_octets(b"cde");
        agent.hear_octets(b"");
        agent.hear_octets(b"fghij\r\n;");
        agent.hear_octets(b"\r\nDUM 0 10\r\n1:");
        agent.hear_octets(b"k\r\n;\r\n");
        let pieces =
            ["Data 0 [ab]", "Data 0 [cde] more", "Data 0 [fghij] more", "Data 0 []", "Data 0 [k] more"];
        assert_eq!(agent.happened(), pieces);
    }
}

// req: OCP-2.6-05, OCP-4-01, OCP-11.8-02
#[test]
fn a_flow_begins_and_ends_once() {
    for bad in ["AMS 0;", "AMS 0|Services: ()|;"] {
        for mut agent in receiving() {
            assert!(is_failure_of(&agent.reply(&[bad])[0], 0));
        }
    }
    for bad in ["DUM 0 0|1:x", "DUM 0 0|0:", "AME 0;", "AME 0 {400};", "AMS 0;"] {
        for mut agent in receiving() {
            assert!(is_failure_of(&agent.reply(&["AME 0;", bad])[0], 0), "{bad}");
        }
    }
    for bad in ["DUM 0 0|1:x", "AME 0;", "AME 0 {206};"] {
        let mut processor = Agent::processor_in_transaction();
        assert!(is_failure_of(&processor.reply(&[bad])[0], 0), "{bad}");
        let mut server = Agent::server();
        assert!(is_failure_of(&server.reply(&["TS 0 1;", bad])[0], 0), "{bad}");
    }
}

// req: OCP-2.5-02
#[test]
fn a_failed_flow_is_reported() {
    for mut agent in receiving() {
        agent.hear(&["DUM 0 0|1:x", "AME 0 {400 \"3:oh!\"};"]);
        assert_eq!(agent.happened(), ["Data 0 [x]", "MessageEnded 0 Failure"]);
    }
}

// req: OCP-9-05, OCP-11-07, OCP-11-10
#[test]
fn payload_of_other_messages_is_ignored() {
    let mut server = Agent::server();
    server.hear(&[
        "TS 0 1|9:DUM 0 0;x",
        "AMS 0|4:CE;x",
        "X 1|3:abc",
        "DUM 0 0|2:ok",
        "PQ|3:zzz",
        "AME 0|4:more",
    ]);
    let events = ["TransactionStarted 0 in 1", "MessageStarted 0", "Data 0 [ok]", "MessageEnded 0 Ok"];
    assert_eq!(server.happened(), events);
    assert_eq!(server.said(), ["PA;"]);
}

// req: OCP-11.9-05, OCP-11.9-07
#[test]
fn small_pieces_share_a_message_and_large_ones_are_split() {
    let mut processor = Agent::processor_in_transaction();
    processor.connection.send(X, "A: 1\r\n".into(), "ab".into(), None).unwrap();
    processor.connection.send(X, "A: 1\r\n".into(), "cd".into(), None).unwrap();
    processor.connection.send(X, "A: 2\r\n".into(), "".into(), None).unwrap();
    processor.connection.send(X, "A: 2\r\n".into(), "ef".into(), None).unwrap();
    let said = processor.said();
    assert_eq!(said, ["DUM 0 0|Kept: {0 4}|A: 1||4:abcd", "DUM 0 4|Kept: {0 6}|A: 2||2:ef"]);
    processor.send(&"x".repeat(100_000));
    let sizes: Vec<usize> = processor.said().iter().map(String::len).collect();
    assert!(sizes.len() == 2 && sizes[0] > 65_536 && sizes[1] > 100_000 - 65_536, "{sizes:?}");
    assert_eq!(processor.connection.sent_in(X), 100_006);
}

// req: OCP-11.9-07, OCP-11.9-08
#[test]
fn an_empty_piece_alone_is_sent() {
    let mut processor = Agent::processor_in_transaction();
    processor.connection.send(X, "A: 1\r\n".into(), "".into(), None).unwrap();
    assert_eq!(processor.said(), ["DUM 0 0|A: 1||0:"]);
}

// req: OCP-11.9-16, OCP-11.9-18, OCP-11.9-21
#[test]
fn a_server_says_what_it_knows_about_its_data() {
    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 0|9:abcdefghi"]);
    server.connection.start_message(X, "".into(), Some(0));
    let send = |server: &mut Agent, octets: &'static str, original| {
        server.connection.send(X, "".into(), octets.into(), original).unwrap();
        server.said()
    };
    assert_eq!(send(&mut server, "abc", Some(0)), ["AMS 0;", "DUM 0 0|As-is: 0|Modp: 0||3:abc"]);
    assert_eq!(send(&mut server, "def", Some(3)), ["DUM 0 3|As-is: 3||3:def"], "the prediction is sent once");
    assert_eq!(send(&mut server, "new", None), ["DUM 0 6||3:new".replace("||", "|")]);
    server.connection.predict(X, 100);
    server.connection.send(X, "".into(), "gh".into(), Some(6)).unwrap();
    server.connection.send(X, "".into(), "!!".into(), None).unwrap();
    server.connection.send(X, "".into(), "i".into(), Some(8)).unwrap();
    assert_eq!(
        server.said(),
        ["DUM 0 9|Modp: 100||5:gh!!i"],
        "only data that is one piece of the original as a whole"
    );
}

// req: OCP-2.3-01, OCP-11.8-02
#[test]
fn data_needs_an_open_flow() {
    let mut server = Agent::server_in_transaction();
    assert_eq!(server.try_send("early"), Err(SendError::NotOpen));
    server.end_message();
    server.connection.start_message(X, "".into(), None);
    server.connection.start_message(X, "Twice: 1\r\n".into(), None);
    server.send("data");
    assert!(server.connection.is_sending(X));
    server.end_message();
    assert!(!server.connection.is_sending(X));
    server.connection.end_message(X, Outcome::failure("twice"));
    assert_eq!(server.try_send("late"), Err(SendError::NotOpen));
    assert_eq!(server.said(), ["AMS 0;", "DUM 0 0|4:data", "AME 0;"]);
    assert_eq!(server.try_send("late"), Err(SendError::NotOpen));
    assert_eq!(server.connection.send(Xid(9), "".into(), "".into(), None), Err(SendError::NotOpen));
}

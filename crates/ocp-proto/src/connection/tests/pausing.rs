//! DWP, DPM and DWM (RFC 4037 sections 11.15 to 11.17).

use super::{Agent, X, is_failure_of};
use crate::message::Outcome;

const NOTHING: [&str; 0] = [];

/// Both agents with their own flow open and no preservation, so that messages look alike.
fn sending() -> [Agent; 2] {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.forget();
    let no_kept = crate::Limits { kept_per_transaction: 0, ..crate::Limits::default() };
    let mut processor = Agent::processor_with(no_kept);
    processor.start();
    processor.forget();
    [server, processor]
}

// req: OCP-11.15-03, OCP-11.15-05, OCP-11.15-06, OCP-11.16-02, OCP-11.17-05, OCP-11.17-06
#[test]
fn data_past_the_offset_stops_at_once() {
    for mut agent in sending() {
        agent.send("sent");
        assert_eq!(agent.said(), ["DUM 0 0|4:sent"]);
        agent.send("wait");
        assert_eq!(agent.reply(&["DWP 0 2;"]), ["DPM 0;"]);
        agent.send("ing");
        assert_eq!(agent.said(), NOTHING);
        assert!(agent.connection.is_flushed());
        assert_eq!(agent.reply(&["DWM 0;"]), ["DUM 0 4|7:waiting"]);
    }
}

// req: OCP-10.15-03, OCP-11.15-04, OCP-11.15-05, OCP-11.17-06
#[test]
fn data_stops_exactly_at_the_offset() {
    for at in 0..=6 {
        for mut agent in sending() {
            let mut expected = Vec::new();
            if at == 0 {
                assert_eq!(agent.reply(&["DWP 0 0;"]), ["DPM 0;"]);
            } else {
                assert_eq!(agent.reply(&[&format!("DWP 0 {at};")]), NOTHING);
                expected = vec![format!("DUM 0 0|{at}:{}", &"abcdef"[..at]), "DPM 0;".to_owned()];
            }
            agent.send("abc");
            agent.connection.send(X, "".into(), "def".into(), None).unwrap();
            assert_eq!(agent.said(), expected);
            let rest = &"abcdef"[at..];
            let rest =
                if rest.is_empty() { vec![] } else { vec![format!("DUM 0 {at}|{}:{rest}", rest.len())] };
            assert_eq!(agent.reply(&["DWM 0;"]), rest);
        }
    }
}

// req: OCP-11.15-04, OCP-11.15-05
#[test]
fn a_pause_holds_inside_preserved_data_too() {
    let mut server = Agent::server_in_transaction();
    let original = "o".repeat(200);
    server.hear(&[&format!("DUM 0 0|Kept: {{0 200}}||200:{original}"), "DWP 0 150;"]);
    server.connection.start_message(X, "".into(), None);
    server.connection.send(X, "".into(), original.into(), Some(0)).unwrap();
    assert_eq!(server.said(), ["AMS 0;", "DUY 0 0 150;", "DPM 0;"]);
    let rest = "o".repeat(50);
    assert_eq!(server.reply(&["DWM 0;"]), [format!("DUM 0 150|As-is: 150||50:{rest}")]);
}

// req: OCP-11.15-06
#[test]
fn not_even_an_empty_dum_goes_out_while_paused() {
    for mut agent in sending() {
        agent.hear(&["DWP 0 0;"]);
        agent.send("");
        assert_eq!(agent.said(), ["DPM 0;"]);
        agent.connection.send(X, "A: 1\r\n".into(), "".into(), None).unwrap();
        assert_eq!(agent.said(), NOTHING);
        assert_eq!(agent.reply(&["DWM 0;"]), ["DUM 0 0|0:", "DUM 0 0|A: 1||0:"]);
    }
}

// req: OCP-11.15-04
#[test]
fn an_earlier_offset_holds_until_dwm() {
    for (first, second) in [(2, 5), (5, 2), (2, 2)] {
        for mut agent in sending() {
            assert_eq!(agent.reply(&[&format!("DWP 0 {first};"), &format!("DWP 0 {second};")]), NOTHING);
            agent.send("abcdefgh");
            assert_eq!(agent.said(), ["DUM 0 0|2:ab", "DPM 0;"]);
            assert_eq!(agent.reply(&["DWP 0 100;", "DWP 0 0;"]), NOTHING, "paused already");
            assert_eq!(agent.reply(&["DWM 0;"]), ["DUM 0 2|6:cdefgh"]);
        }
    }
}

// req: OCP-11.17-03, OCP-11.17-07
#[test]
fn dwm_is_taken_at_any_time() {
    for mut agent in sending() {
        assert_eq!(agent.reply(&["DWM 0;", "DWM 0|Size-request: 2147483647|;"]), NOTHING);
        assert_eq!(agent.reply(&["DWP 0 3;", "DWM 0;"]), NOTHING, "it takes the pause back");
        agent.send("abcdef");
        assert_eq!(agent.said(), ["DUM 0 0|6:abcdef"]);
    }
}

// req: OCP-11.17-02
#[test]
fn more_data_is_asked_of_the_flow_of_the_other_agent() {
    for mut agent in sending() {
        agent.hear(if agent.connection.role() == crate::Role::Processor { &["AMS 0;"] } else { &[] });
        agent.connection.pause(X);
        agent.hear(&["DWP 0 0;", "DPM 0;"]);
        agent.send("own flow");
        assert_eq!(agent.said(), ["DWP 0 0;", "DPM 0;"], "both flows are paused");
        agent.connection.resume(X, Some(7), agent.now);
        agent.send(" goes on");
        assert_eq!(agent.said(), ["DWM 0|Size-request: 7|;"], "our own flow stays paused");
        assert_eq!(agent.reply(&["DUM 0 0|5:other"]), NOTHING);
        let asked = agent.reply(&["DWM 0|Size-request: 3|;"]);
        assert_eq!(asked, ["DUM 0 0|16:own flow goes on"], "the other agent asks for it");
    }
}

// req: OCP-11.16-02
#[test]
fn a_pause_that_is_taken_back_before_it_was_announced_is_not_announced() {
    for mut agent in sending() {
        agent.send("abc");
        assert_eq!(agent.reply(&["DWP 0 0;", "DWM 0;"]), ["DUM 0 0|3:abc"]);
        assert_eq!(agent.reply(&["DWP 0 0;", "DWM 0;", "DWP 0 1;"]), ["DPM 0;"], "once");
        agent.send("def");
        assert_eq!(agent.reply(&["DWM 0;"]), ["DUM 0 3|3:def"]);
    }
}

#[test]
fn a_flow_may_be_paused_again_and_again() {
    for mut agent in sending() {
        agent.send("abc");
        for at in 0..3 {
            let said = agent.reply(&[&format!("DWP 0 {at};")]);
            assert_eq!(said.last().map(String::as_str), Some("DPM 0;"), "{at}");
            assert_eq!(agent.connection.sent_in(X), at);
            agent.hear(&["DWM 0;", &format!("DWP 0 {};", at + 1)]);
            agent.said();
            agent.hear(&["DWM 0;"]);
            if at < 2 {
                agent.hear(&[&format!("DWP 0 {};", at + 1)]);
            }
        }
        agent.said();
        assert_eq!(agent.connection.sent_in(X), 3);
    }
}

// req: OCP-2.5-01, OCP-11.6-02, OCP-11.8-04
#[test]
fn the_end_needs_no_data_and_passes_a_pause() {
    for mut agent in sending() {
        agent.hear(&["DWP 0 0;"]);
        agent.end_message();
        agent.connection.end_transaction(X, Outcome::OK);
        assert_eq!(agent.said(), ["DPM 0;", "AME 0;", "TE 0;"]);
    }
    for mut agent in sending() {
        agent.send("abc");
        agent.end_message();
        assert_eq!(agent.said(), ["DUM 0 0|3:abc", "AME 0;"]);
        assert_eq!(agent.reply(&["DWP 0 0;", "DWP 0 5;", "DWM 0;"]), NOTHING, "there is nothing to pause");
    }
}

#[test]
fn a_pause_beyond_the_end_changes_nothing() {
    for mut agent in sending() {
        agent.hear(&["DWP 0 1000000;"]);
        agent.send("short");
        agent.end_message();
        assert_eq!(agent.said(), ["DUM 0 0|5:short", "AME 0;"]);
    }
}

#[test]
fn a_flow_may_be_paused_before_it_begins() {
    let mut server = Agent::server_in_transaction();
    assert_eq!(server.reply(&["DWP 0 0;"]), ["DPM 0;"]);
    server.connection.start_message(X, "".into(), None);
    server.send("data");
    assert_eq!(server.said(), ["AMS 0;"]);
    assert_eq!(server.reply(&["DWM 0;"]), ["DUM 0 0|4:data"]);
}

// req: OCP-11.15-07
#[test]
fn an_agent_pauses_its_peer_once_and_takes_it_back() {
    for mut agent in sending() {
        if agent.connection.role() == super::super::Role::Processor {
            agent.hear(&["AMS 0;"]);
        }
        agent.hear(&["DUM 0 0|3:abc"]);
        agent.connection.resume(X, None, agent.now);
        agent.connection.pause(X);
        agent.connection.pause(X);
        assert_eq!(agent.said(), ["DWP 0 3;"]);
        agent.forget();
        agent.hear(&["DUM 0 3|3:def", "DPM 0;", "DUM 0 6|1:g"]);
        assert_eq!(agent.happened(), ["Data 0 [def]", "Data 0 [g]"], "the pause is a wish");
        assert_eq!(agent.said(), NOTHING);
        agent.connection.resume(X, Some(100), agent.now);
        agent.connection.resume(X, None, agent.now);
        assert_eq!(agent.said(), ["DWM 0|Size-request: 100|;"]);
    }
}

// req: OCP-11.16-03
#[test]
fn a_peer_that_pauses_by_itself_is_asked_for_more() {
    for mut agent in sending() {
        assert_eq!(agent.reply(&["DPM 0;"]), ["DWM 0;"]);
    }
}

#[test]
fn a_flow_that_has_ended_is_neither_paused_nor_resumed() {
    let mut server = Agent::server_in_transaction();
    server.connection.pause(X);
    assert_eq!(server.said(), ["DWP 0 0;"]);
    assert_eq!(server.reply(&["AME 0;", "DPM 0;"]), NOTHING);
    server.connection.resume(X, None, server.now);
    server.connection.pause(X);
    assert_eq!(server.said(), NOTHING);
}

#[test]
fn a_profile_may_pause_the_original_as_dwp_does() {
    let [_, mut processor] = sending();
    processor.connection.pause_original_at(X, 3);
    processor.send("abcdef");
    assert_eq!(processor.said(), ["DUM 0 0|3:abc", "DPM 0;"]);
    assert_eq!(processor.reply(&["DWM 0;"]), ["DUM 0 3|3:def"]);
}

#[test]
fn a_pause_that_a_profile_has_asked_for_is_taken_back_by_the_agent_above() {
    let mut server = Agent::server_in_transaction();
    server.connection.expect_pause(X);
    assert_eq!(server.reply(&["DUM 0 0|3:abc", "DPM 0;"]), NOTHING, "the pause is wanted");
    server.connection.resume(X, Some(5), server.now);
    assert_eq!(server.said(), ["DWM 0|Size-request: 5|;"]);
    assert_eq!(server.reply(&["DPM 0;"]), ["DWM 0;"], "a second one is not");
    let mut server = Agent::server_in_transaction();
    server.connection.expect_pause(X);
    server.connection.resume(X, None, server.now);
    assert_eq!(server.said(), ["DWM 0;"], "before the pause has come");
}

// req: OCP-11.17-05, OCP-11.17-07
#[test]
fn a_profile_does_not_pause_what_dwm_has_asked_for_before() {
    let [_, mut processor] = sending();
    processor.send("head");
    processor.said();
    processor.hear(&["DWM 0;"]);
    processor.connection.pause_original_at(X, 4);
    processor.send("body");
    assert_eq!(processor.said(), ["DUM 0 4|4:body"]);
    assert_eq!(processor.reply(&["DWP 0 0;"]), ["DPM 0;"], "a later wish holds");
}

// req: OCP-11.6-02, OCP-11.8-04
#[test]
fn completion_does_not_wait_for_a_pause() {
    let [_, mut processor] = sending();
    processor.hear(&["AMS 0;", "DWP 0 2;"]);
    processor.send("abcdef");
    processor.end_message();
    assert_eq!(processor.said(), ["DUM 0 0|2:ab", "DPM 0;"]);
    processor.hear(&["AME 0;"]);
    processor.connection.complete_transaction(X);
    assert_eq!(processor.said(), ["AME 0 {206};", "TE 0;"]);
    assert!(!processor.connection.is_active(X));
}

#[test]
fn invalid_offsets_end_the_transaction() {
    for mut agent in sending() {
        assert!(is_failure_of(&agent.reply(&["DWP 0 x;"])[0], 0));
    }
}

//! PQ, PA and PR (RFC 4037 sections 11.22 to 11.24).

use super::{Agent, X};
use crate::message::{GroupId, Xid};

// req: OCP-11.22-02, OCP-11.22-03, OCP-11.23-05
#[test]
fn a_query_is_answered_whatever_it_names() {
    for mut agent in [Agent::server(), Agent::processor()] {
        let said = agent.reply(&[
            "PQ;",
            "PQ 0;",
            "PQ 99;",
            "PQ 2147483647;",
            "PQ abc;",
            "PQ {1};",
            "PQ 2147483648;",
        ]);
        assert_eq!(said, ["PA;"; 7]);
    }
}

// req: OCP-11.23-02, OCP-11.23-04, OCP-11.23-06, OCP-11.23-07
#[test]
fn a_server_counts_what_has_come() {
    let mut server = Agent::server();
    assert_eq!(server.reply(&["TS 0 1;", "PQ 0;"]), ["PA 0;"], "no original message yet");
    assert_eq!(server.reply(&["AMS 0;", "PQ 0;"]), ["PA 0|Org-Data: 0|;"]);
    assert_eq!(server.reply(&["DUM 0 0|3:abc", "PQ 0;", "PQ;"]), ["PA 0|Org-Data: 3|;", "PA;"]);
    server.connection.start_message(X, "".into(), None);
    server.send("adapted");
    server.said();
    assert_eq!(server.reply(&["PQ 0;"]), ["PA 0|Org-Data: 3|;"], "adapted octets do not count");
    assert_eq!(server.reply(&["AME 0;", "PQ 0;"]), ["PA 0;"]);
    assert_eq!(server.reply(&["TE 0;", "PQ 0;"]), ["PA;"]);
}

// req: OCP-11.23-02, OCP-11.23-06, OCP-11.23-07
#[test]
fn a_processor_counts_what_was_sent() {
    let mut processor = Agent::processor_in_transaction();
    assert_eq!(processor.reply(&["PQ 0;"]), ["PA 0|Org-Data: 0|;"]);
    processor.send("abc");
    processor.said();
    assert_eq!(processor.reply(&["AMS 0;", "DUM 0 0|9:123456789", "PQ 0;"]), ["PA 0|Org-Data: 3|;"]);
    processor.end_message();
    processor.said();
    assert_eq!(processor.reply(&["PQ 0;"]), ["PA 0;"]);
    processor.connection.abort_transaction(X, "x");
    assert_eq!(processor.reply(&["PQ 0;"])[1], "PA;");
}

#[test]
fn octets_of_a_message_under_way_count() {
    let mut server = Agent::server_in_transaction();
    server.hear_octets(b"DUM 0 0\r\n10:abcd");
    server.connection.report_progress(X, server.now);
    assert_eq!(server.said(), ["PR 0|Org-Data: 4|;"]);
}

#[test]
fn a_report_that_has_waited_says_how_far_the_original_is_when_it_goes_out() {
    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 0|4:abcd"]);
    server.connection.report_progress(X, server.now);
    server.hear(&["DUM 0 4|2:ef"]);
    assert_eq!(server.said(), ["PR 0|Org-Data: 6|;"]);
    server.connection.report_progress(X, server.now);
    assert_eq!(server.reply(&["AME 0;"]), ["PR 0;"]);
}

// req: OCP-11.24-02, OCP-11.24-03, OCP-11.24-04
#[test]
fn progress_is_reported_for_what_is_active() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        agent.connection.report_progress(X, agent.now);
        agent.connection.report_progress(Xid(7), agent.now);
        assert_eq!(agent.said(), ["PR 0|Org-Data: 0|;"]);
    }
}

// req: OCP-11.23-03
#[test]
fn answers_and_reports_are_passed_on_and_change_nothing() {
    for mut agent in [Agent::server_in_transaction(), Agent::processor_in_transaction()] {
        agent.connection.query_progress(Some(X));
        agent.connection.query_progress(None);
        assert_eq!(agent.said(), ["PQ 0;", "PQ;"]);
        assert!(
            agent.reply(&["PA;", "PA 0|Org-Data: 3|;", "PR;", "PR 88;", "PR 0|Org-Data: 9|;"]).is_empty()
        );
        let reports = [
            "Progress None None",
            "Progress Some(0) Some(3)",
            "Progress None None",
            "Progress Some(88) None",
            "Progress Some(0) Some(9)",
        ];
        assert_eq!(agent.happened(), reports);
        assert!(agent.connection.is_active(X));
    }
}

// req: OCP-1.3-01, OCP-11.22-02
#[test]
fn an_answer_comes_before_whatever_comes_later() {
    let mut server = Agent::server();
    server.hear_octets(b"PQ;\r\nTS 0 1;\r\nPQ 0;\r\nTS 0 1;\r\nPQ 0;\r\n");
    let said = server.said();
    assert_eq!((said[0].as_str(), said[1].as_str(), said[3].as_str()), ("PA;", "PA 0;", "PA;"));
    assert!(said[2].starts_with("TE 0 {400 "));
}

#[test]
fn a_group_number_is_no_transaction() {
    let mut server = Agent::server();
    server.hear(&["TS 5 1;"]);
    assert!(!server.connection.is_active(Xid(GroupId(1).0)));
    assert_eq!(server.reply(&["PQ 1;"]), ["PA;"]);
}

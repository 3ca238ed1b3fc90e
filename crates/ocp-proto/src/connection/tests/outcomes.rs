//! Results on the wire and what follows from them (RFC 4037 section 10.10).

use super::{Agent, X, is_failure_of};
use crate::message::{Outcome, Xid};

/// Reasons that would mislead whoever read them.
const REASONS: [&str; 7] = [
    "",
    " OK",
    " 200",
    " \"3:206\"",
    " \"7:partial\"",
    " \"7:failure\"",
    " \"17:\u{0}} {400} \u{fffd}, é;\"",
];

/// Agents of both roles in a transaction whose other agent has sent something.
fn receiving() -> [Agent; 2] {
    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 0|4:data"]);
    let mut processor = Agent::processor_in_transaction();
    processor.hear(&["AMS 0;", "DUM 0 0|4:data"]);
    [server, processor].map(|mut agent| {
        agent.forget();
        agent
    })
}

// req: OCP-10.10-02
#[test]
fn no_reason_changes_what_a_code_means() {
    for name in ["AME 0", "TE 0", "CE"] {
        for code in ["200", "206", "299", "400"] {
            let plain = receiving().map(|mut agent| {
                let said = agent.reply(&[&format!("{name} {{{code}}};")]);
                (said, agent.happened(), agent.connection.is_closing(), agent.connection.is_active(X))
            });
            for reason in REASONS {
                let message = format!("{name} {{{code}{reason}}};");
                for (mut agent, plain) in receiving().into_iter().zip(&plain) {
                    let said = agent.reply(&[&message]);
                    let mut happened = agent.happened();
                    // The one place of a reason: text about the end of a connection.
                    if let Some(closed) = happened.iter_mut().find(|event| event.starts_with("Closed")) {
                        *closed = plain.1[0].clone();
                    }
                    let (closing, active) = (agent.connection.is_closing(), agent.connection.is_active(X));
                    assert_eq!((said, happened, closing, active), *plain, "{message}");
                }
            }
        }
    }
}

// req: OCP-10.10-04
#[test]
fn only_ame_says_partial_success() {
    let mut server = Agent::server_in_transaction();
    server.connection.start_message(X, "".into(), None);
    server.hear(&["TS 5 1;"]);
    server.forget();
    server.connection.want_stop_sending(X);
    server.hear(&["DSS 0;"]);
    server.connection.end_message(X, Outcome::PARTIAL);
    server.connection.end_transaction(X, Outcome::PARTIAL);
    server.connection.end_transaction(Xid(5), Outcome::PARTIAL);
    assert_eq!(server.said(), ["DWSS 0;", "AME 0 {206};", "TE 0 {400};", "TE 5 {400};"]);
    server.connection.end(Outcome::PARTIAL);
    assert_eq!(server.said(), ["CE {400};"]);
}

// req: OCP-10.10-06
#[test]
fn a_flow_that_fails_leaves_nothing_behind() {
    let mut processor = Agent::processor_in_transaction();
    processor.send("0123456789");
    processor.said();
    processor.hear(&["AMS 0;", "DUM 0 0|3:abc"]);
    assert_eq!(processor.connection.kept, 10);
    processor.connection.pause(X);
    processor.forget();
    assert!(processor.reply(&["AME 0 {400};"]).is_empty());
    assert_eq!(processor.happened(), ["MessageEnded 0 Failure"]);
    assert_eq!(processor.connection.kept, 0, "no commitment outlives the flow");
    processor.connection.resume(X, Some(1), processor.now);
    assert!(processor.said().is_empty(), "and no pause");
    for late in ["DUM 0 3|1:x", "DUY 0 0 1;", "AME 0;", "AMS 0;"] {
        let mut processor = Agent::processor_in_transaction();
        processor.send("0123456789");
        processor.said();
        processor.hear(&["AMS 0;", "DUM 0 0|3:abc", "AME 0 {400};"]);
        processor.forget();
        assert!(is_failure_of(&processor.reply(&[late])[0], 0), "{late}");
    }

    let mut server = Agent::server_in_transaction();
    server.hear(&["DUM 0 0|3:abc", "AME 0 {400};"]);
    server.forget();
    assert!(is_failure_of(&server.reply(&["DUM 0 3|1:x"])[0], 0));
}

//! Data preservation at a processor (RFC 4037 sections 7, 11.9 to 11.11).

use super::{Agent, is_failure_of};
use crate::limits::Limits;

const NOTHING: [&str; 0] = [];

fn limits(per_transaction: u64, per_connection: u64) -> Limits {
    Limits { kept_per_transaction: per_transaction, kept_per_connection: per_connection, ..Limits::default() }
}

/// A processor that has sent "0123456789" and keeps it, with the adapted flow open.
fn keeping() -> Agent {
    let mut processor = Agent::processor_in_transaction();
    processor.send("0123456789");
    assert_eq!(processor.said(), ["DUM 0 0|Kept: {0 10}||10:0123456789"]);
    processor.hear(&["AMS 0;"]);
    processor.forget();
    processor
}

// req: OCP-7-01, OCP-10.15-01, OCP-11.10-03
#[test]
fn a_duy_brings_preserved_data_as_if_it_had_come() {
    let mut processor = keeping();
    assert_eq!(
        processor.reply(&["DUM 0 0|2:<<", "DUY 0 3 4;", "DUM 0 6|2:>>", "DUY 0 9 0;", "AME 0;"]),
        NOTHING
    );
    let events = ["Data 0 [<<]", "Data 0 [3456] original 3", "Data 0 [>>]", "MessageEnded 0 Ok"];
    assert_eq!(processor.happened(), events);
}

// req: OCP-7-04, OCP-7-05, OCP-11.8-03, OCP-11.9-22, OCP-11.10-04, OCP-11.12-04
#[test]
fn nothing_but_dpi_and_the_end_releases_preserved_data() {
    let mut processor = keeping();
    processor.hear(&[
        "DUY 0 0 10;",
        "DUY 0 0 10;",
        "DUM 0 20|As-is: 0||10:0123456789",
        "DWSR 0 0;",
        "DUY 0 0 10;",
    ]);
    assert_eq!(processor.said(), ["AME 0 {206};"]);
    assert_eq!(processor.reply(&["DUY 0 0 10;"]), NOTHING, "also after our own AME");
    assert_eq!(processor.connection.kept, 10);
    processor.hear(&["AME 0;"]);
    assert_eq!(processor.connection.kept, 0, "no DUY can come any more");
}

// req: OCP-7-02, OCP-7-06, OCP-11.9-10, OCP-11.9-11
#[test]
fn a_commitment_grows_with_the_data_up_to_its_budget() {
    let mut processor = Agent::processor_with(limits(8, 100));
    processor.start();
    processor.forget();
    let mut say = |octets| {
        processor.send(octets);
        processor.said()
    };
    assert_eq!(say("abc"), ["DUM 0 0|Kept: {0 3}||3:abc"]);
    assert_eq!(say("de"), ["DUM 0 3|Kept: {0 5}||2:de"]);
    assert_eq!(say("fghi"), ["DUM 0 5|4:fghi"], "it does not fit");
    assert_eq!(say("j"), ["DUM 0 9|1:j"], "and later data would leave a gap");
    assert_eq!(processor.connection.kept, 5);
    processor.hear(&["AMS 0;", "DUY 0 0 5;"]);
    assert!(is_failure_of(&processor.reply(&["DUY 0 4 2;"])[0], 0));
}

#[test]
fn all_transactions_share_the_budget_of_the_connection() {
    let mut processor = Agent::processor_with(limits(8, 10));
    let xids = [processor.start(), processor.start(), processor.start()];
    let say = |processor: &mut Agent, index: usize, octets: &'static str| {
        processor.connection.send(xids[index], "".into(), octets.into(), None).unwrap();
        processor.said().pop().unwrap()
    };
    assert_eq!(say(&mut processor, 0, "aaaaaa"), "DUM 0 0|Kept: {0 6}||6:aaaaaa");
    assert_eq!(say(&mut processor, 1, "bbbbbb"), "DUM 1 0|6:bbbbbb");
    assert_eq!(say(&mut processor, 2, "cccc"), "DUM 2 0|Kept: {0 4}||4:cccc");
    assert_eq!(processor.connection.kept, 10);
    processor.hear(&["TE 0;"]);
    assert_eq!(processor.connection.kept, 4);
    assert_eq!(say(&mut processor, 1, "dd"), "DUM 1 6|Kept: {6 2}||2:dd", "nothing was promised before");
    processor.connection.abort_transaction(xids[1], "");
    processor.connection.complete_transaction(xids[2]);
    processor.said();
    assert_eq!(processor.connection.kept, 0);
}

#[test]
fn without_a_budget_nothing_is_promised() {
    let mut processor = Agent::processor_with(limits(0, 0));
    processor.start();
    processor.forget();
    processor.send("abc");
    assert_eq!(processor.said(), ["DUM 0 0|3:abc"]);
}

// req: OCP-5-03, OCP-11.10-02
#[test]
fn a_duy_for_data_that_is_not_kept_ends_the_transaction() {
    for bad in
        ["DUY 0 9 2;", "DUY 0 10 1;", "DUY 0 0 11;", "DUY 0 2147483647 2147483647;", "DUY 0 0 2147483647;"]
    {
        let mut processor = keeping();
        assert!(is_failure_of(&processor.reply(&[bad])[0], 0), "{bad}");
        assert_eq!(processor.connection.kept, 0);
    }
    let mut processor = keeping();
    processor.send("more");
    assert!(is_failure_of(&processor.reply(&["DUY 0 10 4;"])[0], 0), "it was not announced yet");
}

// req: OCP-7-09, OCP-11.11-02, OCP-11.11-05
#[test]
fn dpi_releases_what_is_disposable() {
    let mut processor = keeping();
    let large = "x".repeat(5000);
    processor.send(&large);
    processor.forget();
    assert_eq!(processor.connection.kept, 5010);
    assert_eq!(processor.reply(&["DPI 0 10 2147483637;"]), NOTHING);
    assert_eq!(processor.happened(), ["Interest 0 10 2147483637"]);
    assert_eq!(processor.connection.kept, 5000);
    processor.send("y");
    assert_eq!(processor.said(), ["DUM 0 5010|Kept: {10 5001}||1:y"]);
    assert_eq!(processor.reply(&["DUY 0 10 5001;"]), NOTHING);
    assert!(is_failure_of(&processor.reply(&["DUY 0 9 1;"])[0], 0));
}

// req: OCP-11.11-05, OCP-11.11-06
#[test]
fn after_an_empty_interest_nothing_is_kept() {
    for dpi in ["DPI 0 0 0;", "DPI 0 5 0;", "DPI 0 10 0;", "DPI 0 2147483647 0;"] {
        let mut processor = keeping();
        assert_eq!(processor.reply(&[dpi]), NOTHING);
        assert_eq!(processor.connection.kept, 0, "{dpi}");
        processor.send("more");
        assert_eq!(processor.said(), ["DUM 0 10|4:more"]);
        assert!(is_failure_of(&processor.reply(&["DUY 0 0 1;"])[0], 0));
    }
}

// req: OCP-11.11-08
#[test]
fn an_interest_that_grows_ends_the_transaction() {
    for (first, second) in [
        ("DPI 0 0 10;", "DPI 0 0 11;"),
        ("DPI 0 5 10;", "DPI 0 4 5;"),
        ("DPI 0 5 10;", "DPI 0 5 11;"),
        ("DPI 0 0 0;", "DPI 0 0 1;"),
        ("DPI 0 5 5;", "DPI 0 2147483647 2147483647;"),
    ] {
        let mut processor = keeping();
        assert_eq!(processor.reply(&[first, first]), NOTHING);
        assert!(is_failure_of(&processor.reply(&[second])[0], 0), "{first} {second}");
    }
    let mut processor = keeping();
    assert_eq!(processor.reply(&["DPI 0 0 10;", "DPI 0 5 5;", "DPI 0 0 0;"]), NOTHING);
}

#[test]
fn a_kept_parameter_from_a_server_means_nothing() {
    let mut processor = keeping();
    assert_eq!(processor.reply(&["DUM 0 0|Kept: {0 5}||1:x", "DUM 0 1|Kept: {9 1}||1:x"]), NOTHING);
}

// req: OCP-11.8-03
#[test]
fn nothing_is_kept_once_the_adapted_flow_has_ended() {
    let mut processor = keeping();
    processor.hear(&["AME 0;"]);
    processor.send("rest");
    assert_eq!(processor.said(), ["DUM 0 10|4:rest"]);
    assert_eq!(processor.connection.kept, 0);
}

#[test]
fn tiny_pieces_are_kept_in_few_buffers() {
    let mut processor = Agent::processor_in_transaction();
    for _ in 0..10_000 {
        processor.send("x");
        processor.said();
    }
    processor.hear(&["AMS 0;"]);
    processor.forget();
    processor.hear(&["DUY 0 0 10000;"]);
    let pieces = processor.events.len();
    assert!(pieces <= 10, "{pieces} events");
    assert_eq!(processor.happened().concat().matches('x').count(), 10_000);
}

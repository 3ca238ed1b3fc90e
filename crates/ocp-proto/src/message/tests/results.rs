//! Results (RFC 4037 section 10.10).

use super::super::{Code, Message, Outcome, Problem, Scope};
use super::{assert_invalid, of, parse};

fn outcome(text: &str) -> Outcome {
    match parse(text) {
        Ok(Message::Ce(outcome) | Message::Te { outcome, .. } | Message::Ame { outcome, .. }) => outcome,
        other => panic!("{text}: {other:?}"),
    }
}

// req: OCP-10.10-03, OCP-10.10-09
#[test]
fn an_unknown_code_counts_as_failure() {
    for message in ["CE", "TE 5", "AME 5"] {
        for (code, meaning) in [
            ("200", Code::Ok),
            ("\"3:200\"", Code::Ok),
            ("400", Code::Failure),
            ("0", Code::Failure),
            ("201", Code::Failure),
            ("299", Code::Failure),
            ("2147483647", Code::Failure),
        ] {
            assert_eq!(outcome(&format!("{message} {{{code}}};")).code, meaning, "{message} {code}");
        }
    }
}

// req: OCP-10.10-09
#[test]
fn only_ame_knows_partial_success() {
    assert_eq!(outcome("AME 5 {206};").code, Code::Partial);
    assert_eq!(outcome("AME 5 {\"3:206\" \"2:ok\"};").code, Code::Partial);
    for message in ["CE {206};", "TE 5 {206};", "TE 5 {\"3:206\" ok};"] {
        assert!(outcome(message).is_failure(), "{message}");
    }
}

// req: OCP-10.10-10
#[test]
fn an_absent_result_counts_as_success() {
    for message in ["CE;", "TE 5;", "AME 5;", "TE 5|X: 1|;"] {
        assert_eq!(outcome(message), Outcome::OK, "{message}");
    }
}

// req: OCP-3.1-28, OCP-10.10-01
#[test]
fn a_result_is_a_structure_with_a_code_and_a_reason() {
    assert_eq!(outcome("CE {400 no};"), Outcome::failure("no"));
    assert_eq!(outcome("CE {400 \"0:\"};"), Outcome::failure(""));
    assert_eq!(
        outcome("CE {200 \"27:27 octets in UTF-8 encoding\"};").reason(),
        "27 octets in UTF-8 encoding"
    );
    assert_eq!(outcome("CE {400 \"2:\u{e9}\"};").reason(), "\u{e9}");
    for bad in [
        "200",
        "OK",
        "{}",
        "()",
        "{OK}",
        "{(200)}",
        "{0200}",
        "{-1}",
        "{2147483648}",
        "{200 (OK)}",
        "{400 {a}}",
    ] {
        assert_invalid(&format!("CE {bad};"), Scope::Connection, Problem::Parameter("result"));
        assert_invalid(&format!("TE 5 {bad};"), of(5), Problem::Parameter("result"));
        assert_invalid(&format!("AME 5 {bad};"), of(5), Problem::Parameter("result"));
    }
}

#[test]
fn a_reason_that_is_not_utf_8_is_still_readable() {
    let reason = Outcome::failure(&b"caf\xe9"[..]);
    assert_eq!(reason.reason(), "caf\u{fffd}");
    assert!(reason.is_failure() && !Outcome::OK.is_failure() && !Outcome::PARTIAL.is_failure());
}

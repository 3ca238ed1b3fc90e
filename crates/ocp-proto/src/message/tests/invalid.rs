//! Messages that break a type rule, and whom that affects (RFC 4037 sections 5 and 10).

use super::super::{Problem, Scope};
use super::{assert_invalid, of, parse};

const GROUP: Problem = Problem::Parameter("service group");
const TRANSACTION: Problem = Problem::Parameter("transaction");

/// What is no uni, size or offset.
const NO_NUMBERS: [&str; 10] =
    ["abc", "(1)", "{1}", "01", "-1", "2147483648", "18446744073709551617", "\"2: 1\"", "\"0:\"", "1a"];

// req: OCP-10-01, OCP-10-02, OCP-10.2-01, OCP-10.3-01, OCP-10.4-01
#[test]
fn numbers_are_checked_and_the_xid_gives_the_scope() {
    for bad in NO_NUMBERS {
        for (message, what) in [
            (format!("TS 5 {bad};"), "service group"),
            (format!("DUM 5 {bad}|1:x|;"), "offset"),
            (format!("DUY 5 {bad} 1;"), "offset"),
            (format!("DUY 5 1 {bad};"), "size"),
            (format!("DPI 5 {bad} 1;"), "offset"),
            (format!("DPI 5 1 {bad};"), "size"),
            (format!("DWSR 5 {bad};"), "size"),
            (format!("DWP 5 {bad};"), "offset"),
            (format!("DWM 5|Size-request: {bad}|;"), "Size-request"),
        ] {
            assert_invalid(&message, of(5), Problem::Parameter(what));
        }
    }
}

// req: OCP-5-07, OCP-11.5-01, OCP-11.6-01, OCP-11.7-01, OCP-11.8-01, OCP-11.9-01, OCP-11.10-01, OCP-11.11-01
// req: OCP-11.12-01, OCP-11.13-01, OCP-11.14-01, OCP-11.15-01, OCP-11.16-01, OCP-11.17-01
#[test]
fn without_an_xid_the_scope_is_the_connection() {
    for name in ["TS", "TE", "AMS", "AME", "DUM", "DUY", "DPI", "DWSR", "DWSS", "DSS", "DWP", "DPM", "DWM"] {
        for bad in NO_NUMBERS {
            assert_invalid(&format!("{name} {bad} 1 1|1:x|;"), Scope::Connection, TRANSACTION);
        }
        assert_invalid(&format!("{name};"), Scope::Connection, TRANSACTION);
    }
}

// req: OCP-10-01, OCP-10.2-01, OCP-11.3-01, OCP-11.4-01
#[test]
fn messages_without_transaction_have_connection_scope() {
    for bad in NO_NUMBERS {
        assert_invalid(&format!("SGC {bad} ();"), Scope::Connection, GROUP);
        assert_invalid(&format!("SGD {bad};"), Scope::Connection, GROUP);
        assert_invalid(&format!("NO ()|SG: {bad}|;"), Scope::Connection, Problem::Parameter("SG"));
        assert_invalid(&format!("NR|SG: {bad}|;"), Scope::Connection, Problem::Parameter("SG"));
        assert_invalid(&format!("PA {bad};"), Scope::Connection, TRANSACTION);
        assert_invalid(&format!("PR {bad};"), Scope::Connection, TRANSACTION);
        assert_invalid(&format!("PA|Org-Data: {bad}|;"), Scope::Connection, Problem::Parameter("Org-Data"));
        assert_invalid(&format!("PR 1|Org-Data: {bad}|;"), Scope::Connection, Problem::Parameter("Org-Data"));
    }
    assert_invalid("SGC;", Scope::Connection, GROUP);
    assert_invalid("SGD;", Scope::Connection, GROUP);
}

// req: OCP-9.1-01, OCP-11.3-01, OCP-11.5-01, OCP-11.9-01, OCP-11.10-01, OCP-11.11-01, OCP-11.12-01
// req: OCP-11.15-01, OCP-11.18-01, OCP-11.20-01, OCP-11.21-01
#[test]
fn required_parameters_are_required() {
    for (message, what) in [
        ("TS 5;", "service group"),
        ("DUM 5|1:x|;", "offset"),
        ("DUY 5;", "offset"),
        ("DUY 5 1;", "size"),
        ("DPI 5;", "offset"),
        ("DPI 5 1;", "size"),
        ("DWSR 5;", "size"),
        ("DWP 5;", "offset"),
    ] {
        assert_invalid(message, of(5), Problem::Parameter(what));
    }
    for (message, what) in [
        ("SGC 1;", "list of services"),
        ("NO;", "list of features"),
        ("AQ;", "feature"),
        ("AA;", "boolean"),
        // A position cannot be left out.
        ("SGC ();", "service group"),
    ] {
        assert_invalid(message, Scope::Connection, Problem::Parameter(what));
    }
}

// req: OCP-10.11-01, OCP-10.12-01, OCP-10.13-01, OCP-10.14-01
#[test]
fn features_and_services_are_structures_with_a_uri() {
    for bad in ["a", "()", "{}", "{(a)}", "{{a}}", "{|A: a|}"] {
        assert_invalid(&format!("NO ({bad});"), Scope::Connection, Problem::Parameter("list of features"));
        assert_invalid(
            &format!("NO ({{a}},{bad});"),
            Scope::Connection,
            Problem::Parameter("list of features"),
        );
        assert_invalid(&format!("SGC 1 ({bad});"), Scope::Connection, Problem::Parameter("list of services"));
        assert_invalid(&format!("AQ {bad};"), Scope::Connection, Problem::Parameter("feature"));
        assert_invalid(&format!("NR {bad};"), Scope::Connection, Problem::Parameter("feature"));
        for name in ["Rejects", "Unknowns"] {
            assert_invalid(&format!("NR|{name}: ({bad})|;"), Scope::Connection, Problem::Parameter(name));
        }
        assert_invalid(&format!("AMS 5|Services: ({bad})|;"), of(5), Problem::Parameter("Services"));
    }
    for no_list in ["a", "{a}", "{}"] {
        assert_invalid(&format!("NO {no_list};"), Scope::Connection, Problem::Parameter("list of features"));
        assert_invalid(
            &format!("SGC 1 {no_list};"),
            Scope::Connection,
            Problem::Parameter("list of services"),
        );
    }
}

// req: OCP-10.1-01
#[test]
fn a_uri_has_only_octets_of_uris() {
    for good in
        ["ocp://feature/example/", "urn:x-opes:ocp:a", "a", "http://[::1]:80/?a=b&c=%4F#d", "~!*'();@,$+_."]
    {
        assert!(parse(&format!("AQ {{\"{}:{good}\"}};", good.len())).is_ok(), "{good}");
    }
    for bad in
        ["", "a b", "a\tb", "caf\u{e9}", "<a>", "a\\b", "a\"b", "a^b", "a{b}", "%", "%4", "%4x", "a%zz"]
    {
        let text = format!("AQ {{\"{}:{bad}\"}};", bad.len());
        assert_invalid(&text, Scope::Connection, Problem::Parameter("feature"));
    }
}

// req: OCP-3.1-18, OCP-10.6-01
#[test]
fn booleans_are_true_or_false() {
    for bad in ["True", "False", "FALSE", "1", "yes", "(true)", "{true}", "\"0:\""] {
        assert_invalid(&format!("AA {bad};"), Scope::Connection, Problem::Parameter("boolean"));
        for message in ["NO ()", "NR"] {
            let text = format!("{message}|Offer-Pending: {bad}|;");
            assert_invalid(&text, Scope::Connection, Problem::Parameter("Offer-Pending"));
        }
    }
}

// req: OCP-10.5-01, OCP-10.9-01
#[test]
fn predictions_are_percentages() {
    for bad in ["101", "2147483647", "-1", "050", "x", "(5)", "99999999999999999999"] {
        assert_invalid(&format!("DUM 5 0|Modp: {bad}||1:x|;"), of(5), Problem::Parameter("Modp"));
    }
}

// req: OCP-10-02, OCP-11.9-03
#[test]
fn kept_is_an_offset_and_a_size() {
    for bad in
        ["1", "{1}", "{}", "(1,2)", "{1 x}", "{x 1}", "1 x", "x 1", "1 {2}", "{2147483648 1}", "1 2147483648"]
    {
        assert_invalid(&format!("DUM 5 0|Kept: {bad}||1:x|;"), of(5), Problem::Parameter("Kept"));
    }
}

// req: OCP-11.9-09
#[test]
fn a_dum_has_payload() {
    assert_invalid("DUM 5 0;", of(5), Problem::NoPayload);
    assert_invalid("DUM 5 0|Modp: 1|;", of(5), Problem::NoPayload);
}

// req: OCP-11-05
#[test]
fn equally_named_parameters_are_invalid() {
    assert_invalid("NO ()|SG: 1|SG: 1|;", Scope::Connection, Problem::Duplicate);
    assert_invalid("DUM 5 0|Modp: 1|X: 1|Modp: 1||1:x|;", of(5), Problem::Duplicate);
    assert_invalid("DUM 5 0|As-is: x|As-is: y||1:x|;", of(5), Problem::Duplicate);
    assert_invalid("DUM 5 0|Kept: 1 2|Kept: 1 2||1:x|;", of(5), Problem::Duplicate);
    assert_invalid("DUM x 0|A: 1|A: 1||1:x|;", Scope::Connection, Problem::Duplicate);
    assert_invalid("TE 5|X: 1|X: 2|;", of(5), Problem::Duplicate);
    assert_invalid("X-new 5|X: 1|X: 2|;", Scope::Connection, Problem::Duplicate);
    assert!(parse("NO ()|SG: 1|sg: 1|;").is_ok(), "names are case sensitive");
}

#[test]
fn the_reason_names_message_and_parameter() {
    let reason = |text| parse(text).expect_err(text).to_string();
    assert_eq!(reason("DWP 5 x;"), "DWP has no valid offset");
    assert_eq!(reason("DUM 5 0;"), "DUM has no payload");
    assert_eq!(reason("X-new|A: 1|A: 1|;"), "unknown message has two parameters of one name");
}

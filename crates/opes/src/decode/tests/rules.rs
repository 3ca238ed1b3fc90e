//! Every requirement that can be named is named for a capture that violates it, and for nothing else in it.

use super::*;
use crate::decode::rule::Rule;

/// What follows CS and NO of a processor, alone.
const ONE: &[(Rule, &str)] = &[
    (Rule::NamedParameter, "DWM 1\r\nSize-request:1\r\n;\r\n"),
    (Rule::Value, "DWM 1\r\nSize-request: ;\r\n"),
    (Rule::Structure, "X {1;"),
    (Rule::List, "X (1;"),
    (Rule::Name, "5"),
    (Rule::Data, "X \"1;"),
    (Rule::WhiteSpace, "X  1;\r\n"),
    (Rule::Size, "X \"01:a\";\r\n"),
    (Rule::Size, "X \"2147483648:"),
    (Rule::Quote, "X \"1:ab"),
    (Rule::Ascii, "X \u{e9}"),
    (Rule::Format, "X\r;"),
    (Rule::Backslash, "X \\"),
    (Rule::PayloadFrame, "X\r\n1:ab"),
    (Rule::DefinesCe, "CE 200;\r\n"),
    (Rule::DefinesSgc, "SGC 1;\r\n"),
    (Rule::DefinesSgd, "SGD;\r\n"),
    (Rule::DefinesTs, "TS 1;\r\n"),
    (Rule::DefinesTe, "TE 0 {x};\r\n"),
    (Rule::DefinesAms, "AMS 0\r\nServices: 1\r\n;\r\n"),
    (Rule::DefinesAme, "AME;\r\n"),
    (Rule::DefinesDum, "DUM 0\r\n0:\r\n;\r\n"),
    (Rule::DefinesKept, "DUM 0 0\r\nKept: 1\r\n\r\n0:\r\n;\r\n"),
    (Rule::DefinesModp, "DUM 0 0\r\nModp: 101\r\n\r\n0:\r\n;\r\n"),
    (Rule::DefinesDss, "DSS;\r\n"),
    (Rule::DefinesDwp, "DWP 0;\r\n"),
    (Rule::DefinesDpm, "DPM ();\r\n"),
    (Rule::DefinesDwm, "DWM 0\r\nSize-request: -1\r\n;\r\n"),
    (Rule::DefinesNo, "NO;\r\n"),
    (Rule::DefinesNr, "NR 1;\r\n"),
    (Rule::DefinesAq, "AQ;\r\n"),
    (Rule::DefinesAa, "AA yes;\r\n"),
    (Rule::DefinesPa, "PA x;\r\n"),
    (Rule::DefinesPr, "PR\r\nOrg-Data: x\r\n;\r\n"),
    (Rule::OneName, "DWP 0 1\r\nX: 1\r\nX: 1\r\n;\r\n"),
    (Rule::DumHasPayload, "DUM 0 0;\r\n"),
    (Rule::PartialIsForAme, "TS 0 1;\r\nTE 0 {206};\r\n"),
    (Rule::CsOnce, "CS;\r\n"),
    (Rule::CeLast, "CE;\r\nPQ;\r\n"),
    (Rule::CeLast, "PQ;\r"),
    (Rule::OwnMessages, "TS 0 1;\r\nDWSS 0;\r\n"),
    (Rule::NewIdentifier, "TS 4 1;\r\nTE 4;\r\nTS 4 1;\r\n"),
    (Rule::HigherIdentifier, "TS 4 1;\r\nTS 3 1;\r\n"),
    (Rule::HigherIdentifier, "SGC 0 ();\r\n"),
    (Rule::NewIdentifier, "SGD 1;\r\nSGC 1 ();\r\n"),
    (Rule::ActiveIdentifier, "TS 0 1;\r\nTE 0;\r\nDWM 0;\r\n"),
    (Rule::ActiveIdentifier, "TS 0 1;\r\nAMS 1;\r\n"),
    (Rule::ActiveIdentifier, "SGD 2;\r\n"),
    (Rule::ActiveIdentifier, "SGD 1;\r\nSGD 1;\r\n"),
    (Rule::ActiveIdentifier, "TS 0 1;\r\nNO ()\r\nSG: 7\r\n;\r\n"),
    (Rule::GroupOfTs, "TS 0 2;\r\n"),
    (Rule::GroupOfTs, "SGD 1;\r\nTS 0 1;\r\n"),
    (Rule::AmsBeforeOriginal, "TS 0 1;\r\nDUM 0 0\r\n0:\r\n;\r\n"),
    (Rule::OneMessage, "TS 0 1;\r\nAMS 0;\r\nAMS 0;\r\n"),
    (Rule::OneMessage, "TS 0 1;\r\nAME 0;\r\n"),
    (Rule::NothingAfterAme, "TS 0 1;\r\nAMS 0;\r\nAME 0;\r\nDUM 0 0\r\n1:a\r\n;\r\n"),
    (Rule::NothingAfterAme, "TS 0 1;\r\nAMS 0;\r\nAME 0;\r\nAME 0;\r\n"),
    (Rule::NoGap, "TS 0 1;\r\nAMS 0;\r\nDUM 0 1\r\n1:a\r\n;\r\nDUM 0 2\r\n1:a\r\n;\r\n"),
    (Rule::NoGap, "TS 0 1;\r\nAMS 0;\r\nDUM 0 0\r\n2:ab\r\n;\r\nDUM 0 1\r\n0:\r\n;\r\n"),
    (Rule::NoDssAfterPartial, "TS 0 1;\r\nAMS 0;\r\nAME 0 {206};\r\nDSS 0;\r\n"),
    (Rule::OrgDataIsSoFar, "TS 0 1;\r\nAMS 0;\r\nPR 0\r\nOrg-Data: 1\r\n;\r\n"),
    (Rule::OnlyActiveInPa, "TS 0 1;\r\nTE 0;\r\nPA 0;\r\n"),
    (Rule::NoOrgDataAfterAme, "TS 0 1;\r\nAMS 0;\r\nAME 0;\r\nPR 0\r\nOrg-Data: 0\r\n;\r\n"),
];

/// A whole capture of unknown origin.
const WHOLE: &[(Rule, &str)] = &[
    (Rule::CsFirst, "PQ;\r\n"),
    (Rule::OfferAfterCs, "CS;\r\nSGC 1 ();\r\nTS 1 1;\r\n"),
    (Rule::OwnMessages, "CS;\r\nDWSS 1;\r\nDSS 1;\r\n"),
    (Rule::AmsBeforeAdapted, "CS;\r\nDWSS 1;\r\nDUM 1 0\r\n1:a\r\n;\r\n"),
    (Rule::MessageSize, "CS;\r\nAMS 1;\r\nDUY 1 0 2147483647;\r\nDUY 1 0 1;\r\n"),
    (Rule::DuyOfDisposable, "CS;\r\nAMS 1;\r\nDPI 1 5 5;\r\nDUY 1 4 2;\r\n"),
    (Rule::DpiShrinks, "CS;\r\nDPI 1 5 5;\r\nDPI 1 5 6;\r\n"),
    (Rule::DefinesDuy, "CS;\r\nDUY 1 2;\r\n"),
    (Rule::DefinesDpi, "CS;\r\nDPI 1 2;\r\n"),
    (Rule::DefinesDwsr, "CS;\r\nDWSR 1;\r\n"),
    (Rule::DefinesDwss, "CS;\r\nDWSS x;\r\n"),
    (Rule::OnlyActiveInPa, "CS;\r\nDWSS 1;\r\nTE 1;\r\nPA 1;\r\n"),
    (Rule::ActiveIdentifier, "CS;\r\nDWSS 1;\r\nTE 1;\r\nAMS 1;\r\n"),
];

const DATA: &str = "TS 0 1;\r\nAMS 0;\r\nDUM 0 0\r\nKept: 0 4\r\n\r\n4:abcd\r\n;\r\n";

/// What follows CS, NO and SGC of the processor, and CS and NR of the server.
const BOTH: &[(Rule, &str, &str)] = &[
    (Rule::DuyOfKept, DATA, "AMS 0;\r\nDUY 0 1 4;\r\n"),
    (Rule::AsIsWasSent, DATA, "AMS 0;\r\nDUM 0 0\r\nAs-is: 3\r\n\r\n2:de\r\n;\r\n"),
    (
        Rule::KeepsPromise,
        "TS 0 1;\r\nAMS 0;\r\nDUM 0 0\r\nKept: 0 4\r\n\r\n4:abcd\r\n;\r\nDUM 0 4\r\nKept: {2 2}\r\n\r\n0:\r\n;\r\n",
        "DPI 0 1 9;\r\n",
    ),
    (Rule::WaitForDss, DATA, "AMS 0;\r\nDWSS 0;\r\nAME 0 {206};\r\n"),
    (Rule::AskBeforePartial, DATA, "AMS 0;\r\nAME 0 {206};\r\n"),
    (
        Rule::WaitForDwm,
        "TS 0 1;\r\nAMS 0;\r\nDPM 0;\r\nDUM 0 0\r\n1:a\r\n;\r\nDPM 0;\r\nDUM 0 1\r\n1:a\r\n;\r\n",
        "DWP 0 0;\r\nDWM 0;\r\n",
    ),
    (Rule::WaitForDwm, DATA, "AMS 0;\r\nDPM 0;\r\nDUM 0 0\r\n1:a\r\n;\r\n"),
    (Rule::WaitForNr, "NO ();\r\nNO ();\r\n", ""),
    (Rule::NrAnswersNo, "", "NR;\r\n"),
    (Rule::NrAnswersNo, "NR;\r\n", ""),
    (Rule::NrSelectsOffered, "NO ({\"5:urn:a\"});\r\n", "NR {\"5:urn:b\"};\r\n"),
    (Rule::NrRepeatsSg, "NO ()\r\nSG: 1\r\n;\r\n", "NR;\r\n"),
    (Rule::NrRepeatsSg, "NO ()\r\nSG: 1\r\n;\r\n", "NR\r\nSG: 2\r\n;\r\n"),
    (Rule::NrHasNoSg, "NO ();\r\n", "NR\r\nSG: 1\r\n;\r\n"),
    (Rule::PaAnswersPq, "PQ;\r\n", "PA;\r\nPA;\r\n"),
    (Rule::PaAnswersPq, "PA;\r\n", ""),
    (Rule::AaAnswersAq, "", "AA true;\r\n"),
    (Rule::ActiveIdentifier, DATA, "AMS 1;\r\n"),
    (Rule::OnlyActiveInPa, DATA, "PR 1;\r\n"),
    (Rule::OrgDataIsSoFar, DATA, "PR 0\r\nOrg-Data: 5\r\n;\r\n"),
    (Rule::OwnMessages, DATA, "DSS 0;\r\n"),
    (Rule::OwnMessages, "TS 0 1;\r\nDPI 0 1 1;\r\n", ""),
];

fn expect(rule: Rule, report: &(String, u64)) {
    assert_eq!(violated(report), [rule.id()], "{rule:?}\n{}", report.0);
}

#[test]
fn one_direction_shows_these_violations() {
    for (rule, rest) in ONE {
        let octets: Vec<u8> =
            format!("CS;\r\nNO ();\r\nSGC 1 ();\r\n{rest}").chars().map(|c| c as u8).collect();
        let found = report(&octets);
        expect(*rule, &found);
    }
    for (rule, whole) in WHOLE {
        expect(*rule, &report(whole.as_bytes()));
    }
}

#[test]
fn both_directions_show_these_violations() {
    for (rule, processor, server) in BOTH {
        let processor = format!("CS;\r\nNO ();\r\nSGC 1 ();\r\n{processor}");
        expect(*rule, &both(processor.as_bytes(), format!("CS;\r\nNR;\r\n{server}").as_bytes()));
    }
}

#[test]
fn more_than_a_decoder_can_take_is_a_violation() {
    let long = format!("CS;\r\nX {}", "1".repeat(1 << 18));
    let deep = format!("CS;\r\nX {}", "(".repeat(65));
    for octets in [long, deep] {
        expect(Rule::Resources, &report(octets.as_bytes()));
    }
}

/// Where a definition has no rule of its own in the table, this one stands in; no known message needs it.
const STANDS_IN: Rule = Rule::ValidValue;

#[test]
fn every_requirement_has_a_case() {
    let cases = ONE.iter().map(|(rule, _)| *rule).chain(WHOLE.iter().map(|(rule, _)| *rule));
    let cases: Vec<_> =
        cases.chain(BOTH.iter().map(|(rule, ..)| *rule)).chain([Rule::Resources, STANDS_IN]).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !cases.contains(rule)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_requirement_is_in_the_register() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-spec/rfc4037.toml");
    let register: toml::Table = std::fs::read_to_string(file).unwrap().parse().unwrap();
    let known: Vec<_> =
        register["requirement"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    for rule in Rule::ALL {
        assert!(known.iter().any(|id| id.as_str() == Some(rule.id())), "{rule:?}: no {}", rule.id());
    }
}

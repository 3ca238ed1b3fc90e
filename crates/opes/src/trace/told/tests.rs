use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A record with this text wherever one can stand.
fn record(text: &str) -> Value {
    let service = json!({
        "uri": text,
        "callout_server": { "name": text, "address": text },
        "run": 0,
        "result": 206,
        "octets_in": 4,
        "octets_out": 5,
        "start": 6,
        "end": 70,
        "pauses": 3,
        "paused": [{ "start": 7, "end": 8 }, { "start": 9, "end": 10 }],
        "verdict": text,
        "parameters": [{ "name": text, "value": text }],
        "left_out": { "parameters": 0, "pauses": 1 },
    });
    json!({
        "id": text,
        "time": "2026-11-22T18:25:03.123Z",
        "begun": 1_795_371_903_100_u64,
        "direction": "response",
        "method": text,
        "uri": text,
        "status": 200,
        "client": "192.0.2.7",
        "outcome": "original-passed",
        "failure": text,
        "rules": [{ "rule": text, "point": "response-out" }],
        "services": [service],
        "bypasses": [
            { "entry": text, "honoured": true, "why": null },
            { "entry": text, "honoured": false, "why": text },
        ],
        "trace": [text],
        "headers": [{ "name": text, "value": text }],
        "octets_in": 1,
        "octets_out": 2,
        "micros": 3,
        "strangers": 9,
        "left_out": { "services": 4, "rules": 0, "bypasses": 0, "trace": 0, "headers": 6 },
    })
}

#[test]
fn a_record_is_told_in_full() {
    let id = TraceId::first_of(1);
    let expected = [
        &id.to_string(),
        "  message      response of http://t/ http://t/",
        "  status       200",
        "  outcome      original-passed",
        "  failure      http://t/",
        "  client       192.0.2.7",
        "  begun        1795371903100 ms since 1970",
        "  traced       2026-11-22T18:25:03.123Z",
        "  took         3 us",
        "  payload      1 octets in, 2 octets out",
        "  rule         http://t/ at response-out",
        "  service      http://t/",
        "    where      callout server http://t/ at http://t/",
        "    run        0",
        "    result     206",
        "    payload    4 octets in, 5 octets out",
        "    worked     from 6 us to 70 us",
        "    paused     from 7 us to 8 us",
        "    paused     from 9 us to 10 us",
        "    says       http://t/",
        "    parameter  http://t/=http://t/",
        "    left out   1 pauses",
        "  strangers    9 trace records of agents that had not been asked were dropped",
        "  bypass       http://t/ honoured",
        "  bypass       http://t/ ignored: http://t/",
        "  trace        http://t/",
        "  field        http://t/: http://t/",
        "  left out     6 headers",
        "  left out     4 services",
    ];
    assert_eq!(told(id, &record("http://t/")).lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_not_kept_is_said_to_be_missing() {
    let mut record = record("t");
    for name in ["uri", "status", "client", "failure"] {
        record[name] = Value::Null;
    }
    for name in ["callout_server", "result", "start", "end", "verdict"] {
        record["services"][0][name] = Value::Null;
    }
    let text = told(TraceId::first_of(1), &record);
    for line in [
        "  message      response of t (the URI is not kept)",
        "  status       none",
        "  client       not kept",
        "    where      in the processor",
        "    result     none",
        "    worked     never",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}: {text}");
    }
    assert!(!text.contains("failure") && !text.contains("says") && !text.contains("null"), "{text}");
    record["services"][0]["callout_server"] = json!({ "name": "c", "address": "" });
    assert!(told(TraceId::first_of(1), &record).contains("callout server c, not reached"));
}

#[test]
fn what_others_have_said_moves_no_cursor() {
    let hostile = "/\u{1b}[2J\r\n\u{9b}2J\u{7f}\u{202e}\u{200b}\"\\";
    let text = told(TraceId::first_of(1), &record(hostile));
    assert!(
        text.contains("  failure      /\\u{1b}[2J\\r\\n\\u{9b}2J\\u{7f}\\u{202e}\\u{200b}\"\\\n"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 29);
}

proptest! {
    #[test]
    fn a_record_of_strangers_is_so_many_lines_and_nothing_else(written: String) {
        let text = told(TraceId::first_of(1), &record(&written));
        prop_assert_eq!(text.lines().count(), 29);
        prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", text);
    }

    #[test]
    fn an_answer_of_another_shape_does_no_harm(text: String, number: u64) {
        let shapes = [json!(null), json!(text), json!(number), json!([text]), json!({ &text: &text })];
        for shape in &shapes {
            let mut record = record("t");
            for value in record.as_object_mut().unwrap().values_mut() {
                *value = shape.clone();
            }
            for answer in [shape, &record, &json!({ "services": [shape], "left_out": { &text: number } })] {
                let told = told(TraceId::first_of(1), answer);
                prop_assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{:?}", told);
            }
        }
    }
}

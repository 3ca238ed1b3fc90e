use ocp_proto::codec::{Decoder, DecoderLimits, Item};
use proptest::prelude::*;

use super::*;

/// A message of this name with these encoded lines, as its recipient has it.
fn message(name: &str, lines: &[u8]) -> RawMessage {
    let mut decoder = Decoder::new(DecoderLimits::default());
    let head = format!("{name} 1");
    let break_ = if lines.is_empty() { "" } else { "\r\n" };
    decoder.buffer().extend_from_slice(&[head.as_bytes(), break_.as_bytes(), lines, b";\r\n"].concat());
    match decoder.next().expect("syntax") {
        Some(Item::Message(message)) => message,
        other => panic!("{other:?} is no message"),
    }
}

fn encoded(notes: &Notes) -> (Vec<u8>, usize) {
    let mut lines = Vec::new();
    let dropped = notes.encode(&mut Allowance::default(), &mut lines);
    (lines, dropped)
}

fn read(lines: &[u8]) -> Result<Option<Box<Notes>>, Malformed> {
    Notes::read(&message("AMS", lines), Extensions::ALL, &mut Allowance::default())
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn notes_look_like_this() {
    let record = TraceRecord::new("urn:a").with("sha256", "00ff").with("why", "a \"b\"\r\n");
    let notes = Notes {
        variables: map(&[("score", "0.5"), ("topic", "news")]),
        records: vec![record, TraceRecord::new("urn:b")],
        dropped: 0,
    };
    let (lines, dropped) = encoded(&notes);
    let text = "Variables: ({score \"3:0.5\"},{topic news})\r\n\
        Trace-Records: ({\"5:urn:a\" ({sha256 00ff},{why \"7:a \"b\"\r\n\"})},{\"5:urn:b\"})\r\n";
    assert_eq!((std::str::from_utf8(&lines), dropped), (Ok(text), 0));
    assert_eq!(read(&lines), Ok(Some(Box::new(notes))));
}

#[test]
fn nothing_to_say_is_no_octet() {
    assert_eq!(encoded(&Notes::default()), (Vec::new(), 0));
    assert_eq!(read(b""), Ok(None));
    let mut lines = Vec::new();
    assert_eq!(Briefing::default().encode(&mut lines), Ok(()));
    assert!(lines.is_empty());
    assert_eq!(Briefing::read(&message("AMS", b"")), Ok(None));
}

#[test]
fn each_extension_is_read_where_it_is_in_effect() {
    let lines = b"Variables: ({a b})\r\nTrace-Records: ({\"5:urn:a\"})\r\n";
    let read =
        |extensions| Notes::read(&message("TE", lines), extensions, &mut Allowance::default()).unwrap();
    assert_eq!(read(Extensions::default()), None);
    let only = read(Extensions { variables: true, ..Extensions::default() }).unwrap();
    assert_eq!((only.variables.len(), only.records.len()), (1, 0));
    let only = read(Extensions { trace_records: true, ..Extensions::default() }).unwrap();
    assert_eq!((only.variables.len(), only.records.len()), (0, 1));
}

#[test]
fn a_transaction_has_so_many_records_however_they_are_spread() {
    let notes = Notes { records: vec![TraceRecord::new("urn:a"); 100], ..Notes::default() };
    let mut allowance = Allowance::default();
    let (mut lines, mut more) = (Vec::new(), Vec::new());
    assert_eq!(notes.encode(&mut allowance, &mut lines), 0);
    assert_eq!(notes.encode(&mut allowance, &mut more), 72);
    let mut allowance = Allowance::default();
    for (lines, expected) in [(&lines, (100, 0)), (&lines, (28, 72)), (&more, (0, 28))] {
        let read = Notes::read(&message("AME", lines), Extensions::ALL, &mut allowance).unwrap().unwrap();
        assert_eq!((read.records.len(), read.dropped), expected);
    }
}

#[test]
fn what_is_too_large_is_dropped_and_counted_on_both_sides() {
    let long = TraceRecord::new("urn:a").with("v", "x".repeat(1025));
    let many = (0..33).fold(TraceRecord::new("urn:a"), |record, _| record.with("n", "v"));
    let far = TraceRecord::new(format!("urn:{}", "a".repeat(1024)));
    let fine = TraceRecord::new("urn:fine");
    let records = vec![long, many, far, fine.clone()];
    let notes = Notes { records: records.clone(), ..Notes::default() };
    let (lines, dropped) = encoded(&notes);
    assert_eq!(dropped, 3);
    assert_eq!(read(&lines).unwrap().unwrap().records, [fine]);
    let variables = "v".repeat(4097);
    let lines = format!("Variables: ({{a \"4097:{variables}\"}},{{b c}})\r\n");
    let read = read(lines.as_bytes()).unwrap().unwrap();
    assert_eq!((read.variables, read.dropped), (map(&[("b", "c")]), 1));
}

#[test]
fn the_fullest_messages_fit_into_what_an_agent_takes_at_least() {
    let variables: BTreeMap<_, _> = (0..64).map(|n| (format!("v{n}"), "\"".repeat(4096))).collect();
    let records = (0..128).map(|_| TraceRecord::new("urn:a").with("v", "\"".repeat(1024)));
    let notes = Notes { variables: variables.clone(), records: records.collect(), dropped: 0 };
    let (lines, dropped) = encoded(&notes);
    assert!(dropped > 0 && lines.len() < 60_000, "{} octets", lines.len());
    read(&lines).unwrap();
    let few = variables.iter().take(2).map(|(name, value)| (name.clone(), value.clone())).collect();
    let briefing = Briefing { parameters: few, variables, client: Some("c".repeat(256)) };
    let mut lines = Vec::new();
    briefing.encode(&mut lines).unwrap();
    assert!(lines.len() < 60_000, "{} octets", lines.len());
    let read = Briefing::read(&message("AMS", &lines)).unwrap().unwrap();
    assert_eq!((read.parameters, read.client), (briefing.parameters, briefing.client));
}

#[test]
fn unfit_parameters_append_nothing() {
    let parameters = map(&[("fine", "x"), ("Not", "x")]);
    let mut lines = b"before".to_vec();
    let briefing = Briefing { parameters, ..Briefing::default() };
    assert_eq!(briefing.encode(&mut lines), Err(Unfit));
    assert_eq!(lines, b"before");
}

proptest! {
    #[test]
    fn whatever_is_recorded_comes_back_and_nothing_else(
        agent in "urn:[a-z]{0,8}",
        parameters in proptest::collection::vec(("[a-z0-9!#$%&'*+.^_`|~-]{1,9}", any::<String>()), 0..5),
        variables in proptest::collection::btree_map("[a-z0-9_]{1,9}", any::<String>(), 0..5),
    ) {
        let record = parameters.iter().fold(TraceRecord::new(agent), |record, (n, v)| record.with(n.as_str(), v.as_str()));
        let notes = Notes { variables, records: vec![record], dropped: 0 };
        let (lines, dropped) = encoded(&notes);
        prop_assert_eq!(dropped, 0);
        prop_assert_eq!(read(&lines), Ok(Some(Box::new(notes))));
    }
}

//! Trace records and variables between both agents (`proto-spec/extensions/`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use opes_profile::http::{Extensions, Part, Profile, Wanted};
use opes_sdk::{
    Attributes, Context as Call, Failure, Segment, Service, ServiceFactory, Step, TraceRecord, factory,
};
use opes_services::{Block, Digest, Identity, Substitute};

use super::alone::{Alone, create, host_wanting, is_failure_of, offer, part, wire};
use super::body::{agreed_with, with_members};
use super::both::{Client, HEAD, Pair, give, take};
use crate::client::link::Link;
use crate::client::{Adapted, Briefing, ClientError, GroupSpec, Notes, Transaction, TransactionError};

const RECORDS: Extensions = Extensions { large_sizes: false, trace_records: true, variables: false };
const VARIABLES: Extensions = Extensions { large_sizes: false, trace_records: false, variables: true };
const DIGEST: &str = "http://s.example/digest";

/// A client and a host that have negotiated these extensions, and the group of all services.
fn pair(extensions: Extensions, services: Vec<Arc<dyn ServiceFactory>>) -> (Client, Pair, GroupSpec) {
    let client = Client::extended(extensions);
    let spec = GroupSpec::new(Profile::Response, services.iter().map(|service| service.uri().to_owned()));
    let (id, link) = client.link(std::slice::from_ref(&spec));
    let wanted = Wanted { extensions, ..Wanted::default() };
    let mut pair = Pair::with_host(id, link, host_wanting(services, wanted));
    pair.exchange();
    (client, pair, spec)
}

/// What the server has said so far: with AMS, and with the end of the message.
fn heard(transaction: &Transaction) -> (Option<Notes>, Option<Notes>) {
    let (mut started, mut ended) = (None, None);
    while let Poll::Ready(Ok(piece)) = transaction.poll_next(&Context::from_waker(Waker::noop())) {
        match piece {
            Adapted::Started { notes, .. } => started = notes.map(|notes| *notes),
            Adapted::Ended { notes } => {
                ended = notes.map(|notes| *notes);
                break;
            }
            _ => {}
        }
    }
    (started, ended)
}

fn last(transaction: &Transaction) -> Poll<Option<Notes>> {
    transaction.poll_notes(&Context::from_waker(Waker::noop())).map(|notes| notes.map(|notes| *notes))
}

fn value<'a>(record: &'a TraceRecord, name: &str) -> Option<&'a str> {
    record.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn results(notes: &Notes) -> Vec<(&str, &str)> {
    let result = |record: &'_ TraceRecord| value(record, "result").is_some();
    let results = notes.records.iter().filter(|record| result(record));
    results.map(|record| (record.agent.as_str(), value(record, "result").unwrap())).collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn records_come_with_the_end_of_the_message_and_host_facts_with_them() {
    let services: Vec<Arc<dyn ServiceFactory>> = vec![
        Arc::new(Substitute::new("http://s.example/tiger", "cat", "tiger").expect("a pattern")),
        Arc::new(Digest::new(DIGEST)),
    ];
    let (client, mut pair, spec) = pair(RECORDS, services);
    let transaction = client.start(&spec);
    give(&transaction, "a cat");
    pair.exchange();
    let (started, ended) = heard(&transaction);
    assert_eq!(started, None);
    let ended = ended.expect("records");
    assert_eq!(results(&ended), [("http://s.example/tiger", "changed"), (DIGEST, "passed")]);
    let digest = ended.records.iter().find(|record| value(record, "sha256").is_some()).expect("a digest");
    assert_eq!(
        (digest.agent.as_str(), value(digest, "sha256").unwrap().len()),
        (DIGEST, 64),
        "the record of the service itself"
    );
    let tiger = &ended.records[1];
    assert_eq!((value(tiger, "octets-in"), value(tiger, "octets-out")), (Some("5"), Some("7")));
    assert_eq!(value(tiger, "duration-us"), Some("0"), "time stands still");
    assert!(value(tiger, "version").is_some_and(|version| version.starts_with(|c: char| c.is_ascii_digit())));
    assert_eq!(last(&transaction), Poll::Ready(None));
}

#[test]
fn where_services_read_on_their_records_come_with_te_which_the_processor_waits_for() {
    let (client, mut pair, spec) = pair(RECORDS, vec![Arc::new(Digest::new(DIGEST))]);
    let transaction = client.start(&spec);
    let head = || HEAD.into();
    transaction.send(Part::ResponseHeader, head()).expect("it fits");
    transaction.send(Part::ResponseBody, "some ".into()).expect("it fits");
    pair.exchange();
    transaction.send(Part::ResponseBody, "more".into()).expect("it fits");
    transaction.complete();
    assert_eq!(take(&transaction).1, Some(Ok(())), "the message does not wait for records");
    assert_eq!(last(&transaction), Poll::Pending);
    pair.exchange();
    assert!(pair.of_host().iter().any(|said| said.starts_with("AME 0 {206")), "it was left to the original");
    assert!(!pair.of_link().iter().any(|said| said.starts_with("TE 0")), "the processor waits");
    let Poll::Ready(Some(notes)) = last(&transaction) else { panic!("TE has come") };
    assert_eq!(results(&notes), [(DIGEST, "passed")]);
    assert_eq!(last(&transaction), Poll::Ready(None));
}

#[test]
fn whoever_does_not_wait_for_records_ends_the_transaction_without_a_failure() {
    let (client, mut pair, spec) = pair(RECORDS, vec![Arc::new(Digest::new(DIGEST))]);
    let transaction = client.start(&spec);
    transaction.send(Part::ResponseHeader, HEAD.into()).expect("it fits");
    pair.exchange();
    transaction.complete();
    assert_eq!(take(&transaction).1, Some(Ok(())));
    drop(transaction);
    pair.exchange();
    let ends: Vec<_> = pair.of_link().into_iter().filter(|said| said.starts_with("TE ")).collect();
    assert_eq!(ends, ["TE 0;"]);
}

#[test]
fn refusals_and_failures_are_recorded() {
    let (client, mut pair, spec) = pair(
        RECORDS,
        vec![Arc::new(Identity::new("urn:identity")), Arc::new(Block::new("urn:block", "not here"))],
    );
    let transaction = client.start(&spec);
    give(&transaction, "evil");
    pair.exchange();
    let (started, _) = heard(&transaction);
    assert_eq!(results(&started.expect("records")), [("urn:identity", "stopped"), ("urn:block", "refused")]);

    let (client, mut pair, spec) = self::pair(RECORDS, vec![Arc::new(factory("urn:fails", |_: &_| Failing))]);
    let transaction = client.start(&spec);
    give(&transaction, "anything");
    pair.exchange();
    assert!(matches!(take(&transaction).1, Some(Err(TransactionError::Refused(_)))));
    let Poll::Ready(Some(notes)) = last(&transaction) else { panic!("TE has records") };
    assert_eq!(results(&notes), [("urn:fails", "failed")]);
}

struct Failing;

impl Service for Failing {
    fn push(&mut self, _: &mut Call<'_>, _: Segment) -> Step {
        Step::Fail(Failure::new("no"))
    }
}

/// Makes records and sets variables at its start.
struct Talker(usize, &'static str);

impl Service for Talker {
    fn start(&mut self, cx: &mut Call<'_>) -> Step {
        for number in 0..self.0 {
            cx.record(TraceRecord::new("urn:talker").with("n", number.to_string()).with("v", self.1));
            cx.set_variable(format!("v{number}"), self.1);
        }
        cx.set_variable("Not A Name", "x");
        cx.record(TraceRecord::new("no uri at all"));
        Step::Leave
    }

    fn push(&mut self, _: &mut Call<'_>, _: Segment) -> Step {
        Step::Leave
    }
}

#[test]
fn too_much_is_dropped_and_the_message_passes() {
    for (count, text) in [(10_000, "x"), (100, "\r\n;\r\nCE;\r\n\"5:")] {
        let talker = factory("urn:talker", move |_: &Attributes| Talker(count, text));
        let (client, mut pair, spec) = pair(Extensions::ALL, vec![Arc::new(talker)]);
        let transaction = client.start(&spec);
        give(&transaction, "hello");
        pair.exchange();
        let (started, _) = heard(&transaction);
        let started = started.expect("notes");
        assert_eq!(started.records.len(), 65, "64 of the service and that of the host");
        assert_eq!(started.variables.len(), 64);
        assert!(started.variables.values().all(|value| value == text), "as they were set");
        assert!(!pair.is_over());
    }
}

// req: EEPC-3.4-01
#[test]
fn nothing_is_said_where_nothing_was_negotiated() {
    let talker = factory("urn:talker", |_: &Attributes| Talker(3, "x"));
    let (client, mut pair, spec) = pair(Extensions::default(), vec![Arc::new(talker)]);
    let briefing =
        Briefing { variables: map(&[("a", "b")]), client: Some("c".into()), ..Briefing::default() };
    let transaction = client.try_start(&spec, None, &briefing).expect("it starts without");
    give(&transaction, "hello");
    pair.exchange();
    assert_eq!(heard(&transaction), (None, None));
    assert_eq!(last(&transaction), Poll::Ready(None));
    let extended =
        |said: &String| said.contains("Variables") || said.contains("Trace-") || said.contains("Client");
    assert!(!pair.of_link().iter().chain(&pair.of_host()).any(extended));

    let briefing = Briefing { parameters: map(&[("a", "b")]), ..Briefing::default() };
    let failed = client.try_start(&spec, None, &briefing);
    assert!(matches!(failed, Err(ClientError::NoParameters)), "{failed:?}");
}

/// Keeps what its services are told, and sets a variable.
struct Listener(Arc<Mutex<Vec<Attributes>>>);

impl ServiceFactory for Listener {
    fn uri(&self) -> &str {
        "urn:listener"
    }

    fn build(&self, attributes: &Attributes) -> Box<dyn Service> {
        self.0.lock().unwrap().push(attributes.clone());
        Box::new(Setter)
    }

    fn wants_attributes(&self) -> bool {
        false
    }
}

struct Setter;

impl Service for Setter {
    fn start(&mut self, cx: &mut Call<'_>) -> Step {
        cx.set_variable("early", "1");
        cx.set_variable("known", "as before");
        Step::Continue
    }

    fn push(&mut self, cx: &mut Call<'_>, segment: Segment) -> Step {
        cx.emit(segment);
        Step::Continue
    }

    fn finish(&mut self, cx: &mut Call<'_>) -> Step {
        cx.set_variable("late", "a\r\n\"b");
        Step::Continue
    }
}

#[test]
fn services_are_told_and_what_they_set_comes_back() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (client, mut pair, spec) = pair(VARIABLES, vec![Arc::new(Listener(Arc::clone(&told)))]);
    let briefing = Briefing {
        parameters: map(&[("lang", "en"), ("text", "a;\r\n b\"")]),
        variables: map(&[("known", "as before"), ("score", "0.5")]),
        client: Some("192.0.2.1".to_owned()),
    };
    let transaction = client.try_start(&spec, Some(5), &briefing).expect("it starts");
    give(&transaction, "hello");
    pair.exchange();
    let told = told.lock().unwrap().pop().expect("a service");
    assert_eq!((told.parameters, told.variables), (briefing.parameters, briefing.variables));
    assert_eq!((told.client.as_deref(), told.length), (Some("192.0.2.1"), Some(5)));
    let (started, ended) = heard(&transaction);
    assert_eq!(started.expect("notes").variables, map(&[("early", "1")]), "only what is new");
    assert_eq!(ended.expect("notes").variables, map(&[("late", "a\r\n\"b")]));
    assert_eq!(last(&transaction), Poll::Ready(None));
}

#[test]
fn parameters_past_the_bounds_are_an_error_and_variables_are_left_out() {
    let (client, mut pair, spec) = pair(VARIABLES, vec![Arc::new(Identity::new("urn:identity"))]);
    for bad in [("UPPER", "x".to_owned()), ("", String::new()), ("long", "x".repeat(4097))] {
        let parameters = map(&[(bad.0, &bad.1)]);
        let briefing = Briefing { parameters: parameters.clone(), ..Briefing::default() };
        let failed = client.try_start(&spec, None, &briefing);
        assert!(matches!(failed, Err(ClientError::Unfit(_))), "{bad:?}");
        let briefing = Briefing { variables: parameters, ..Briefing::default() };
        let transaction = client.try_start(&spec, None, &briefing).expect("it starts without");
        give(&transaction, "hello");
        pair.exchange();
        assert_eq!(take(&transaction).1, Some(Ok(())));
    }
    assert!(!pair.of_link().iter().any(|said| said.contains("Variables:")));
}

#[test]
fn malformed_notes_of_the_server_end_the_transaction() {
    let bad = [
        "AMS 0|Variables: x|;",
        "AMS 0|Variables: ({a})|;",
        "AMS 0|Variables: ({A b})|;",
        "AMS 0|Variables: ({a b},{a c})|;",
        "AMS 0|Trace-Records: ({\"3:a b\"})|;",
        "AMS 0|Trace-Records: ({\"5:urn:a\" x})|;",
        "AMS 0|Trace-Records: ({\"5:urn:a\" ({\"3:a b\" c})})|;",
        "AMS 0|Trace-Records: {\"5:urn:a\"}|;",
    ];
    for ams in bad {
        let (_, link, transaction) = agreed_with(Extensions::ALL);
        let said = link.reply(&[ams]);
        assert!(is_failure_of(&said[0], 0), "{ams}: {said:?}");
        let end = take(&transaction).1;
        assert!(matches!(end, Some(Err(TransactionError::Broken(_)))), "{ams}: {end:?}");
    }
    let (link, transaction) = adapted(Extensions::ALL);
    link.hear(&["AME 0|Variables: x|;"]);
    let end = take(&transaction).1;
    assert!(matches!(end, Some(Err(TransactionError::Broken(_)))), "{end:?}");
}

/// A link whose transaction has an adapted head, and lacks only the ends.
fn adapted(extensions: Extensions) -> (Alone<Link>, Transaction) {
    let (_, link, transaction) = agreed_with(extensions);
    transaction.send(Part::ResponseHeader, HEAD.into()).expect("it fits");
    transaction.complete();
    link.hear(&["AMS 0;"]);
    link.hear_octets(&wire(&part(0, 0, "response-header", HEAD)));
    link.said();
    (link, transaction)
}

#[test]
fn te_waits_for_that_of_the_server_where_records_may_come_with_it() {
    let (link, transaction) = adapted(VARIABLES);
    assert_eq!(link.reply(&["AME 0;"]), ["TE 0;"]);
    assert_eq!(last(&transaction), Poll::Ready(None));

    let (link, transaction) = adapted(RECORDS);
    assert_eq!(link.reply(&["AME 0;"]), [""; 0]);
    assert_eq!(take(&transaction).1, Some(Ok(())), "the message itself is complete");
    assert_eq!(last(&transaction), Poll::Pending);
    assert_eq!(link.reply(&["TE 0|Trace-Records: ({\"5:urn:a\"})|;"]), [""; 0]);
    let notes = Notes { records: vec![TraceRecord::new("urn:a")], ..Notes::default() };
    assert_eq!(last(&transaction), Poll::Ready(Some(notes)));

    let (link, transaction) = adapted(RECORDS);
    link.hear(&["AME 0;", "CE;"]);
    assert_eq!(last(&transaction), Poll::Ready(None), "nothing comes any more");
}

#[test]
fn malformed_notes_of_the_processor_end_the_transaction() {
    for bad in ["Parameters: x", "Variables: ({A b})", "Client: (a)", "Client: \"1:\u{0}\"|Parameters: ()"] {
        let host = host_wanting(
            vec![Arc::new(Identity::new("urn:identity"))],
            Wanted { extensions: Extensions::ALL, ..Wanted::default() },
        );
        let extensions = "Extensions: (\"24:urn:x-opes:ocp:variables\")";
        let profile = with_members(Profile::Response, extensions);
        host.hear(&[
            "CS;".to_owned(),
            "NO ();".to_owned(),
            create(1, &["urn:identity"]),
            offer(&[&profile], Some(1)),
            "TS 1 1;".to_owned(),
        ]);
        host.said();
        let said = host.reply(&[format!("AMS 1|{bad}|;")]);
        assert_eq!(said.iter().any(|said| is_failure_of(said, 1)), !bad.contains('\u{0}'), "{bad}: {said:?}");
    }
}

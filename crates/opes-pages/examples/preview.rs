//! Writes the pages of a few made-up records into a folder, to be looked at:
//! `cargo run --release -p opes-pages --example preview -- FOLDER`.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use opes_pages::{
    About, Admin, Bypassable, Disclosures, Kept, OfferedService, Summary, SystemPage, Token, Tracing,
};
use opes_profile::trace::{AgentId, Manner};
use opes_record::{
    Bypass, Bypassed, ClientDetail, Direction, HeaderValue, Journal, JournalOptions, Outcome, Parameter,
    Place, Point, Record, RuleMatch, ServiceUse, Span, Store, TraceId, TraceIds, UriDetail,
};

const SYSTEM: &str = "http://opes.example.com/system";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    std::fs::create_dir_all(&folder)?;
    let journal = Journal::open(JournalOptions::new(folder.join("journal")))?;
    let ids = TraceIds::new();
    let adapted = ids.make();
    for record in
        [changed(adapted), passed(ids.make()), refused(ids.make()), hostile(ids.make()), seen(ids.make())]
    {
        if !journal.submit(record).is_taken() {
            return Err("there is no room for a record".into());
        }
    }
    journal.flush(Duration::from_secs(5));
    let store: Arc<dyn Store> = Arc::new(journal);

    let write = |name: &str, body: &Bytes| std::fs::write(folder.join(name), body);
    let public = |page: &SystemPage, target: String| -> Result<Bytes, http::Error> {
        let (head, ()) = Request::get(target).body(())?.into_parts();
        Ok(page.answer(&head, &*store).into_body())
    };
    write("system.html", &public(&configured()?, "/system".into())?)?;
    write("system-bare.html", &public(&SystemPage::new(AgentId::new(SYSTEM)?), "/system".into())?)?;
    write("summary.html", &public(&configured()?, format!("/system?id={adapted}"))?)?;

    let token = Token::random()?;
    let admin = Admin::new(&token, Arc::clone(&store), About { systems: vec![AgentId::new(SYSTEM)?] });
    let ask = |method: &str, target: &str, body: String| -> Result<Bytes, http::Error> {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header(AUTHORIZATION, format!("Bearer {}", token.reveal()))
            .header(CONTENT_TYPE, "text/plain")
            .body(body.into())?;
        Ok(admin.answer(request).into_body())
    };
    write("messages.html", &ask("GET", "/", String::new())?)?;
    write("search.html", &ask("GET", "/?uri=nowhere&outcome=failed&since=2026-01-01T00:00", String::new())?)?;
    for (at, record) in store.recent(&opes_record::Filter::default(), 10, None)?.records.iter().enumerate() {
        write(
            &format!("message-{at}.html"),
            &ask("GET", &format!("/messages/{}", record.id), String::new())?,
        )?;
    }
    let pasted = format!(
        "HTTP/1.1 200 OK\r\nOPES-System: {SYSTEM};id={adapted}, http://cdn.example.net/opes;id=77\r\n\
         OPES-Via: {SYSTEM}, http://services.example.com/substitute;count=3, <script>alert(1)</script>\r\n"
    );
    write("explain.html", &ask("POST", "/explain", pasted)?)?;
    let stranger = Request::get("/").body(Bytes::new())?;
    write("login.html", admin.answer(stranger).body())?;
    Ok(())
}

fn configured() -> Result<SystemPage, Box<dyn Error>> {
    let mut page = SystemPage::new(AgentId::new(SYSTEM)?);
    page.processors = vec![AgentId::new("http://opes.example.com/processors/1")?];
    page.disclosures = Disclosures {
        references: Some(
            "Links and anchors are not changed. Words within pages are, so a quotation may differ.".into(),
        ),
        privacy: Some("https://www.example.com/privacy".into()),
        responsible: Some("Example Ltd, Data Protection Officer, 1 Example Street".into()),
        contact: Some("mailto:opes@example.com".into()),
    };
    let headers = vec!["user-agent".into(), "content-type".into()];
    let (uri, client) = (UriDetail::WithoutQuery, ClientDetail::Truncated);
    let kept = Kept { age: Some(Duration::from_hours(7 * 24)), uri, client, headers };
    page.tracing = Tracing { manner: Manner::default(), kept: Some(kept) };
    page.services = vec![
        OfferedService {
            uri: AgentId::new("http://services.example.com/substitute")?,
            bypassable: Bypassable::Yes,
        },
        OfferedService {
            uri: AgentId::new("http://services.example.com/scan")?,
            bypassable: Bypassable::No("the operator requires it for every message".into()),
        },
    ];
    page.summary = Summary::Services;
    Ok(page)
}

fn record(id: TraceId, uri: &str, outcome: Outcome) -> Record {
    let mut record = Record::new(id, id.millis() - 40, Direction::Response, "GET");
    (record.uri, record.outcome, record.status) = (Some(uri.into()), outcome, Some(200));
    record.client = ClientDetail::Truncated.of([192, 0, 2, 7].into());
    record.rules.push(RuleMatch { rule: "words".into(), point: Point::ResponseIn });
    record.trace.push(format!("{SYSTEM};id={id}").into());
    record
}

fn callout() -> Place {
    Place::Callout { name: "adapt".into(), address: "127.0.0.1:4037".into() }
}

fn changed(id: TraceId) -> Record {
    let mut record = record(id, "http://www.example.com/news/today", Outcome::Adapted);
    (record.octets_in, record.octets_out, record.micros) = (48_213, 48_377, 41_730);
    for (uri, run, start, end) in [
        ("http://services.example.com/substitute", 0, 2_300, 21_400),
        ("http://services.example.com/digest", 0, 2_300, 21_400),
        ("http://services.example.com/compress", 1, 9_800, 40_900),
    ] {
        let mut service = ServiceUse::new(uri, if run == 0 { callout() } else { Place::Here });
        (service.run, service.result, service.span) = (run, Some(200), Some(Span { start, end }));
        (service.octets_in, service.octets_out) = (48_213, 48_377);
        service.parameters.push(Parameter { name: "count".into(), value: "3".into() });
        record.trace.push(format!("{uri};count=3").into());
        record.services.push(service);
    }
    record
        .headers
        .push(HeaderValue { name: "content-type".into(), value: "text/html; charset=utf-8".into() });
    record
}

fn passed(id: TraceId) -> Record {
    let mut record = record(id, "http://www.example.com/film.mp4", Outcome::OriginalPassed);
    (record.octets_in, record.octets_out, record.micros) = (734_003_200, 734_003_200, 12_400_000);
    record.failure = Some("the callout server ended the transaction: 400 the group is gone".into());
    let mut service = ServiceUse::new("http://services.example.com/scan", callout());
    (service.result, service.span) = (Some(400), Some(Span { start: 1_000, end: 5_200_000 }));
    (service.octets_in, service.verdict) = (262_144, Some("the group is gone".into()));
    service
        .pauses
        .extend([(700_000, 1_900_000), (3_100_000, 5_200_000)].map(|(start, end)| Span { start, end }));
    record.services.push(service);
    let never = Place::Callout { name: "spare".into(), address: "".into() };
    record.services.push(ServiceUse { run: 1, ..ServiceUse::new("http://services.example.com/late", never) });
    record
}

fn refused(id: TraceId) -> Record {
    let mut record = record(id, "http://www.example.com/admin", Outcome::Answered);
    (record.status, record.octets_out, record.micros) = (Some(403), 812, 900);
    let mut service = ServiceUse::new("http://services.example.com/block", Place::Here);
    (service.result, service.span) = (Some(200), Some(Span { start: 100, end: 850 }));
    record.services.push(service);
    let why = Bypassed::Ignored("the operator requires it".into());
    record.bypasses.push(Bypass { entry: "http://services.example.com/block".into(), done: why });
    record.bypasses.push(Bypass { entry: "*".into(), done: Bypassed::Honoured });
    record
}

fn hostile(id: TraceId) -> Record {
    let text = "<script>alert(\"1\")</script>\u{202e}gnp.exe' onload=x";
    let mut record =
        record(id, &format!("http://www.example.com/{text}{}", "/long".repeat(60)), Outcome::Failed);
    record.method = text.into();
    record.failure = Some(text.into());
    record.services.push(ServiceUse::new(text, Place::Callout { name: text.into(), address: text.into() }));
    record.trace.push(text.into());
    record
}

fn seen(id: TraceId) -> Record {
    let mut record = record(id, "http://www.example.com/style.css", Outcome::NotMatched);
    (record.octets_in, record.octets_out, record.micros) = (2_048, 2_048, 3_100);
    record.rules = Default::default();
    record
}

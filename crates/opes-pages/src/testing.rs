//! What the tests of the pages share: a store in memory, records of strangers, and a reader of pages that takes only
//! what we write.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use opes_record::{
    Bypass, Bypassed, Counts, Direction, Filter, HeaderValue, Page, Parameter, Place, Record, RuleMatch,
    ServiceUse, Span, Store, StoreError, Submitted, Then, TraceId,
};
use opes_record::{Outcome, Point};
use proptest::prelude::*;
use serde_json::Value;

use crate::page::STYLE;

/// Keeps what it was made with.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) records: Vec<Record>,
    pub(crate) counts: Counts,
    /// Nothing can be read.
    pub(crate) broken: bool,
}

impl Memory {
    fn check(&self) -> Result<(), StoreError> {
        let broken = || StoreError::Unavailable { file: "<file>".into(), why: "<b>no</b>".into() };
        if self.broken { Err(broken()) } else { Ok(()) }
    }
}

impl Store for Memory {
    fn submit(&self, _: Record) -> Submitted {
        Submitted::Dropped
    }

    fn find(&self, id: TraceId) -> Result<Option<Record>, StoreError> {
        self.check()?;
        Ok(self.records.iter().find(|record| record.id == id).cloned())
    }

    fn recent(&self, filter: &Filter, limit: usize, before: Option<TraceId>) -> Result<Page, StoreError> {
        self.check()?;
        let mut found: Vec<_> =
            self.records.iter().filter(|record| filter.matches(record)).cloned().collect();
        found.retain(|record| before.is_none_or(|before| record.id < before));
        found.sort_by_key(|record| std::cmp::Reverse(record.id));
        let more = found.len() > limit;
        found.truncate(limit);
        let then = match found.last() {
            Some(last) if more => Then::Full(last.id),
            _ => Then::End,
        };
        Ok(Page { records: found, then })
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn flush(&self, _: Duration) -> bool {
        true
    }
}

/// A record with this text wherever one can stand.
pub(crate) fn hostile(id: TraceId, text: &str) -> Record {
    let mut record = Record::new(id, 1, Direction::Response, text);
    record.uri = Some(text.into());
    record.client = Some(opes_record::Client::Address([192, 0, 2, 7].into()));
    record.failure = Some(text.into());
    record.outcome = Outcome::Failed;
    record.rules.push(RuleMatch { rule: text.into(), point: Point::RequestIn });
    for place in [Place::Here, Place::Callout { name: text.into(), address: text.into() }] {
        let mut service = ServiceUse::new(text, place);
        service.verdict = Some(text.into());
        service.span = Some(Span { start: 0, end: 1 });
        service.parameters.push(Parameter { name: text.into(), value: text.into() });
        record.services.push(service);
    }
    record.bypasses.push(Bypass { entry: text.into(), done: Bypassed::Ignored(text.into()) });
    record.trace.push(text.into());
    record.trace.push(format!("http://a.example/;note=\"{text}\"").into());
    record.headers.push(HeaderValue { name: text.into(), value: text.into() });
    record
}

/// Text as a stranger would write it, and any other.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "</textarea>",
        "</style>",
        "</title>",
        "<!--",
        "]]>",
        "\" onload=\"x",
        "' a='",
        "&lt;",
        "&#60;",
        "javascript:",
        "<svg/onload=x>",
        "\0",
        "\r\n",
        "\u{202e}",
        "\u{2066}",
        "\u{200b}",
        "\u{feff}",
        "{{",
        "\\",
        "é",
        "http://a.example/",
        ",",
        ";id=",
        "OPES-Via: ",
    ]);
    prop_oneof![".*", prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()), any::<String>()]
}

pub(crate) fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).expect("UTF-8")
}

pub(crate) fn value(response: &Response<Bytes>) -> Value {
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(response.body()).expect("JSON")
}

const ELEMENTS: &[&str] = &[
    "html", "head", "meta", "title", "style", "body", "header", "main", "strong", "a", "form", "input",
    "button", "h1", "h2", "p", "dl", "dt", "dd", "br", "code", "table", "thead", "tbody", "tr", "th", "td",
    "span", "div", "label", "select", "option", "textarea", "figure", "ol", "li", "svg", "rect", "time",
];
const VOID: &[&str] = &["meta", "input", "br"];
const ATTRIBUTES: &[&str] = &[
    "lang",
    "charset",
    "name",
    "content",
    "href",
    "rel",
    "class",
    "method",
    "action",
    "type",
    "value",
    "id",
    "for",
    "role",
    "step",
    "selected",
    "spellcheck",
    "size",
    "maxlength",
    "autocomplete",
    "required",
    "data-of",
    "viewBox",
    "preserveAspectRatio",
    "aria-label",
    "aria-hidden",
    "x",
    "y",
    "width",
    "height",
    "datetime",
];

/// Reads a page and gives its text; panics where there is anything that we do not write.
pub(crate) fn read_page(page: &str) -> String {
    let page = page.strip_prefix("<!DOCTYPE html>").expect("the type of the document").replacen(STYLE, "", 1);
    assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "control characters: {page:?}");
    assert!(!page.contains(['\u{202e}', '\u{2066}', '\u{200b}', '\u{feff}']), "hidden characters: {page:?}");
    let (mut rest, mut text, mut open) = (&page[..], String::new(), Vec::new());
    while let Some((before, tag)) = rest.split_once('<') {
        text += &unescaped(before);
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name.to_owned()), "elements end in turn: {page}"),
            None => {
                let name = tag.split(' ').next().unwrap_or_default();
                assert!(ELEMENTS.contains(&name), "<{tag}>");
                check_attributes(&tag[name.len()..]);
                if !VOID.contains(&name) {
                    open.push(name.to_owned());
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
    text + &unescaped(rest)
}

fn check_attributes(mut rest: &str) {
    while let Some(attribute) = rest.strip_prefix(' ') {
        let end = attribute.find([' ', '=']).unwrap_or(attribute.len());
        let name = &attribute[..end];
        assert!(ATTRIBUTES.contains(&name), "{name} in {attribute}");
        rest = &attribute[end..];
        let Some(value) = rest.strip_prefix("=\"") else { continue };
        let (value, after) = value.split_once('"').expect("a value ends");
        let value = unescaped(value);
        if ["href", "action"].contains(&name) {
            let known = ["/", "?", "https://", "http://", "mailto:"];
            assert!(
                known.iter().any(|start| value.starts_with(start)) && !value.starts_with("//"),
                "{value}"
            );
        }
        rest = after;
    }
    assert_eq!(rest, "", "attributes");
}

fn unescaped(text: &str) -> String {
    assert!(!text.contains(['<', '>']), "{text}");
    for reference in text.split('&').skip(1) {
        assert!(
            ["amp;", "lt;", "gt;", "quot;"].iter().any(|known| reference.starts_with(known)),
            "&{reference}"
        );
    }
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Checks what every answer has.
pub(crate) fn check_fields(response: &Response<Bytes>) {
    let policy = response.headers()["content-security-policy"].to_str().expect("text");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["referrer-policy"], "same-origin");
    assert_eq!(response.headers()["x-frame-options"], "DENY");
    assert!(response.headers().contains_key("cache-control"));
}

#[test]
fn the_reader_of_pages_takes_only_what_we_write() {
    let page = |content: &str| format!("<!DOCTYPE html><p>{content}</p>");
    assert_eq!(read_page(&page("a &lt; <code class=\"x\">b</code>")), "a < b");
    for wrong in [
        "<script>",
        "<p onload=\"x\">",
        "<a href=\"javascript:x\"></a>",
        "<a href=\"//x\"></a>",
        "a > b",
        "&#60;",
        "\0",
        "\u{202e}",
        "<p>",
        "</p>",
        "<code class=x></code>",
    ] {
        assert!(std::panic::catch_unwind(|| read_page(&page(wrong))).is_err(), "{wrong}");
    }
}

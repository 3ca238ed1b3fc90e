//! What the entries of a trace say, and which of them have records here.

use std::collections::HashMap;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, StatusCode};
use maud::{Markup, html};
use opes_profile::trace::{self, AgentId, Kind, Line, Whose};
use opes_record::{Store, StoreError, TraceId};
use serde_json::{Value, json};

use super::guard::Caller;
use super::{Admin, address, unreadable};
use crate::answer::{Answer, Refusal};
use crate::negotiate::Format;
use crate::query::Query;
use crate::shown::{Shown, beginning};

/// The most entries that are shown.
const MOST_ENTRIES: usize = 500;
/// The most parameters of each.
const MOST_PARAMETERS: usize = 32;
/// The most characters of any text in it: a system's identifier is shown with each of its entries.
const MOST_CHARACTERS: usize = 300;
/// The most records that are looked for.
const MOST_RECORDS: usize = 32;

/// A trace, explained.
pub(super) struct Explained {
    lines: Vec<Line>,
    cut: bool,
    /// Somebody pasted it: it has fields, and perhaps records.
    pasted: bool,
    /// Whether these have records.
    found: HashMap<TraceId, bool>,
}

impl Explained {
    /// What the trace of a record says.
    pub(super) fn new(text: &str, own: &[AgentId]) -> Self {
        let mut explanation = trace::explain(text, own);
        let cut = explanation.cut || explanation.lines.len() > MOST_ENTRIES;
        explanation.lines.truncate(MOST_ENTRIES);
        Self { lines: explanation.lines, cut, pasted: false, found: HashMap::new() }
    }

    /// As somebody pasted it, with the records of our own entries looked for.
    fn look(mut self, store: &dyn Store) -> Result<Self, StoreError> {
        self.pasted = true;
        for line in &self.lines {
            let Some(id) = own_id(line).filter(|id| !self.found.contains_key(id)) else { continue };
            if self.found.len() == MOST_RECORDS {
                break;
            }
            self.found.insert(id, store.find(id)?.is_some());
        }
        Ok(self)
    }

    pub(super) fn html(&self) -> Markup {
        html! {
            @if self.lines.is_empty() { p.soft { "There is no trace entry in this text." } } @else {
                div.wide { table.cards {
                    thead { tr {
                        @if self.pasted { th { "Field" } }
                        th { "Of" } th { "System" } th { "Entry" }
                        @if self.pasted { th { "Record" } }
                    } }
                    tbody { @for line in &self.lines { (self.row(line)) } }
                } }
            }
            @if self.cut { p { "There is more, which is too much to explain." } }
        }
    }

    fn row(&self, line: &Line) -> Markup {
        html! {
            tr {
                @if self.pasted { td.narrow data-of="Field" { (line.field.name()) } }
                td.narrow data-of="Of" { (kind(line)) }
                td data-of="System" {
                    @match &line.whose {
                        Whose::Ours => { span.tag.good { "ours" } }
                        Whose::Claimed => { span.tag.odd { "claims to be ours" } }
                        Whose::Foreign(system) => { (Shown(&short(system.as_str()))) }
                        Whose::Unknown => { span.soft { "unknown" } }
                    }
                }
                td data-of="Entry" { div {
                    @match &line.entry {
                        Ok(entry) => {
                            code { (Shown(&short(entry.agent.as_str()))) }
                            @for (name, value) in entry.parameters.iter().take(MOST_PARAMETERS) {
                                br; (Shown(&short(name)))
                                @if let Some(value) = value { " = " (Shown(&short(value))) }
                            }
                            @if entry.parameters.len() > MOST_PARAMETERS { br; "…" }
                        }
                        Err(problem) => {
                            span.tag.bad { "malformed" } " " (Shown(&short(&problem.to_string()))) br;
                            code { (Shown(&short(&line.text))) }
                        }
                    }
                } }
                @if self.pasted { td data-of="Record" { (self.record(line)) } }
            }
        }
    }

    fn record(&self, line: &Line) -> Markup {
        html! {
            @if let Some(id) = own_id(line) {
                @match self.found.get(&id) {
                    Some(false) => span.soft { "none, or not any more" }
                    _ => a href=(address(id)) { "show" }
                }
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        let lines: Vec<_> = self.lines.iter().map(|line| self.line(line)).collect();
        json!({ "entries": lines, "cut": self.cut })
    }

    fn line(&self, line: &Line) -> Value {
        let whose = match &line.whose {
            Whose::Ours => json!("ours"),
            Whose::Claimed => json!("claimed"),
            Whose::Foreign(_) => json!("foreign"),
            Whose::Unknown => json!("unknown"),
        };
        let system = match &line.whose {
            Whose::Foreign(system) => Some(short(system.as_str())),
            _ => None,
        };
        let entry = line.entry.as_ref().ok();
        let parameters = entry.map(|entry| {
            let all = entry.parameters.iter().take(MOST_PARAMETERS);
            let each =
                all.map(|(name, value)| json!({ "name": short(name), "value": value.as_deref().map(short) }));
            each.collect::<Vec<_>>()
        });
        let id = own_id(line);
        json!({
            "field": line.field.name(),
            "kind": kind(line),
            "whose": whose,
            "system": system,
            "agent": entry.map(|entry| short(entry.agent.as_str())),
            "parameters": parameters,
            "problem": line.entry.as_ref().err().map(|problem| short(&problem.to_string())),
            "text": short(&line.text),
            "id": id.map(|id| id.to_string()),
            "kept": id.and_then(|id| self.found.get(&id)),
        })
    }
}

impl Admin {
    /// The form.
    pub(super) fn ask(&self, caller: &Caller, format: Format) -> Answer {
        match format {
            Format::Html => Answer::html(StatusCode::OK, self.explain_page(caller, "", &html! {})),
            Format::Json => {
                let usage = "POST the header of a message, or the value of a trace field, as text/plain";
                Answer::json(StatusCode::OK, &json!({ "usage": usage }))
            }
        }
    }

    /// The explanation of what was sent.
    pub(super) fn explain(
        &self,
        request: &Request<Bytes>,
        caller: &Caller,
        format: Format,
    ) -> Result<Answer, Refusal> {
        let plain = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let text = match caller {
            Caller::Program if plain => String::from_utf8_lossy(request.body()).into_owned(),
            _ => Query::read(request.body()).sole("text")?.unwrap_or_default().to_owned(),
        };
        let explained = Explained::new(&text, &self.about.systems);
        let explained = explained.look(&*self.store).map_err(|error| unreadable(&error))?;
        Ok(match format {
            Format::Json => Answer::json(StatusCode::OK, &explained.json()),
            Format::Html => Answer::html(StatusCode::OK, self.explain_page(caller, &text, &explained.html())),
        })
    }

    fn explain_page(&self, caller: &Caller, text: &str, explained: &Markup) -> Markup {
        let content = html! {
            h1 { "Explain a trace" }
            p {
                "Paste the header of a message, some lines of it, also as " code { "curl -v" }
                " prints them, or nothing but the value of a trace field."
            }
            form method="post" action="/explain" {
                @if let Some(secret) = caller.secret() { input type="hidden" name="secret" value=(secret); }
                label for="text" { "Header" }
                // The parser of HTML takes away a first line feed.
                textarea id="text" name="text" spellcheck="false" { "\n" (Pasted(text)) }
                button { "Explain" }
            }
            (explained)
        };
        self.page("Explain a trace", caller, &content)
    }
}

/// Text in a text area, line by line.
struct Pasted<'a>(&'a str);

impl maud::Render for Pasted<'_> {
    fn render_to(&self, buffer: &mut String) {
        for (at, line) in self.0.lines().enumerate() {
            if at > 0 {
                buffer.push('\n');
            }
            Shown(line).render_to(buffer);
        }
    }
}

fn short(text: &str) -> String {
    beginning(text, MOST_CHARACTERS)
}

/// The name of our record that an entry of ours has. One that only claims to be ours has none.
fn own_id(line: &Line) -> Option<TraceId> {
    let entry = line.entry.as_ref().ok().filter(|_| line.whose == Whose::Ours)?;
    let id = entry.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("id"))?;
    id.1.as_deref()?.parse().ok()
}

fn kind(line: &Line) -> &'static str {
    match line.kind {
        Kind::System => "system",
        Kind::Processor => "processor",
        Kind::Service => "service",
        Kind::Unknown => "processor or service",
    }
}

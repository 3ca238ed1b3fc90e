//! The recent messages, filtered, page by page.

use http::StatusCode;
use maud::{Markup, html};
use opes_profile::trace::same_agent;
use opes_record::{Counts, Filter, Outcome, Page, Record, Sought, Then, TraceId};

use super::guard::Caller;
use super::{Admin, address, json, outcome_tag, unreadable};
use crate::answer::{Answer, Refusal};
use crate::negotiate::Format;
use crate::query::Query;
use crate::shown::{Shown, beginning};
use crate::units::{micros, millis, octets, utc};

/// How many messages a page has.
const USUAL: usize = 50;
/// At most.
const MOST: usize = 200;
/// The most characters of a URI in the list.
const MOST_CHARACTERS: usize = 160;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Search {
    pub(super) filter: Filter,
    pub(super) before: Option<TraceId>,
    pub(super) limit: usize,
}

impl Search {
    /// Reads what a form or a program asks for.
    pub(super) fn read(query: &Query<'_>) -> Result<Self, Refusal> {
        let outcome = match query.sole("outcome")? {
            None => None,
            Some(name) => {
                Some(Outcome::from_name(name).ok_or_else(|| bad("outcome is none of the known ones"))?)
            }
        };
        let time = |name: &'static str| match query.sole(name)? {
            None => Ok(None),
            Some(text) => {
                let why = format!("{name} is neither YYYY-MM-DDTHH:MM in UTC nor milliseconds since 1970");
                millis(text).map(Some).ok_or_else(|| bad(&why))
            }
        };
        let before = match query.sole("before")? {
            None => None,
            Some(id) => Some(id.parse().map_err(|error| bad(&format!("before is {error}")))?),
        };
        let limit = match query.sole("limit")? {
            None => USUAL,
            Some(limit) => match limit.parse() {
                Ok(limit @ 1..=MOST) => limit,
                _ => return Err(bad(&format!("limit is not 1 to {MOST}"))),
            },
        };
        let filter = Filter {
            uri: query.sole("uri")?.map(str::to_owned),
            service: query.sole("service")?.map(|uri| Sought::new(uri, same_agent)),
            outcome,
            since: time("since")?,
            until: time("until")?,
        };
        Ok(Self { filter, before, limit })
    }

    /// The same before this message, as an address.
    fn older(&self, than: TraceId) -> String {
        let Filter { uri, service, outcome, since, until } = self.filter.clone();
        let time = |time: Option<u64>| time.map(|time| time.to_string());
        let outcome = outcome.map(|outcome| outcome.name().to_owned());
        let service = service.map(|service| service.uri().to_owned());
        let values = [uri, service, outcome, time(since), time(until)];
        let mut query = form_urlencoded::Serializer::for_suffix(String::from("/?"), 2);
        for (name, value) in ["uri", "service", "outcome", "since", "until"].into_iter().zip(values) {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        if self.limit != USUAL {
            query.append_pair("limit", &self.limit.to_string());
        }
        query.append_pair("before", &than.to_string()).finish()
    }
}

fn bad(why: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("Not a search: {why}."))
}

impl Admin {
    /// The messages that are looked for.
    pub(super) fn list(&self, query: &Query<'_>, caller: &Caller, format: Format) -> Result<Answer, Refusal> {
        let search = Search::read(query)?;
        let page = self.store.recent(&search.filter, search.limit, search.before);
        let page = page.map_err(|error| unreadable(&error))?;
        let counts = self.store.counts();
        Ok(match format {
            Format::Json => Answer::json(StatusCode::OK, &json::list(&page, &counts)),
            Format::Html => {
                let content = html! {
                    h1 { "Messages" }
                    (counted(&counts))
                    (form(&search))
                    (table(&page, &search))
                };
                Answer::html(StatusCode::OK, self.page("Messages", caller, &content))
            }
        })
    }
}

fn counted(counts: &Counts) -> Markup {
    let dropped = counts.dropped;
    html! {
        p.soft {
            (counts.kept) " kept since the start"
            @if dropped.total() > 0 {
                "; " span.tag.bad { (dropped.total()) " dropped" } " (" (dropped.full) " came too fast, "
                (dropped.failed) " could not be written, " (dropped.expired) " came too late)"
            } @else { ", none dropped" }
            "; " (octets(counts.octets)) " on disk"
            @if let Some(oldest) = counts.oldest { "; none older than " (seconds(oldest)) " UTC" }
        }
    }
}

fn form(search: &Search) -> Markup {
    let Filter { uri, service, outcome, since, until } = &search.filter;
    // As browsers write and read it.
    let local = |time: &Option<u64>| time.map(|time| utc(time)[..19].to_owned()).unwrap_or_default();
    let service = service.as_ref().map(Sought::uri).unwrap_or_default();
    html! {
        form.fields method="get" action="/" role="search" {
            label { "URI has" input name="uri" value=(Shown(uri.as_deref().unwrap_or_default())); }
            label { "Service is" input name="service" value=(Shown(service)); }
            label {
                "Outcome"
                select name="outcome" {
                    option value="" { "any" }
                    @for known in Outcome::ALL {
                        option value=(known.name()) selected[*outcome == Some(known)] { (known.name()) }
                    }
                }
            }
            label { "Since (UTC)" input type="datetime-local" step="1" name="since" value=(local(since)); }
            label { "Before (UTC)" input type="datetime-local" step="1" name="until" value=(local(until)); }
            button { "Search" }
        }
    }
}

fn table(page: &Page, search: &Search) -> Markup {
    html! {
        @if page.records.is_empty() {
            p { @if search.filter == Filter::default() { "There are no records." } @else { "No message is like that." } }
        } @else {
            div.wide { table.cards {
                thead {
                    tr {
                        th { "Time (UTC)" } th { "Message" } th { "Status" } th { "Outcome" } th { "Services" }
                        th.number { "In" } th.number { "Out" } th.number { "Took" } th { "Id" }
                    }
                }
                tbody { @for record in &page.records { (row(record)) } }
            } }
        }
        p {
            @match page.then {
                Then::End => span.soft { "There are no older ones." }
                Then::Full(before) => a href=(search.older(before)) rel="next" { "Older" }
                Then::Stopped(before) => {
                    "The search has stopped before it saw all. "
                    a href=(search.older(before)) rel="next" { "Go on with older ones" }
                }
            }
        }
    }
}

fn row(record: &Record) -> Markup {
    html! {
        tr {
            td data-of="Time" { (seconds(record.id.millis())) }
            td data-of="Message" {
                div {
                    strong { (Shown(&beginning(&record.method, 20))) } " "
                    @match &record.uri {
                        Some(uri) => { (Shown(&beginning(uri, MOST_CHARACTERS))) }
                        None => { span.soft { "(the URI is not kept)" } }
                    }
                    " " span.soft { (record.direction) }
                }
            }
            td data-of="Status" { @if let Some(status) = record.status { (status) } }
            td.narrow data-of="Outcome" { (outcome_tag(record.outcome)) }
            td.uris data-of="Services" {
                @if !record.services.is_empty() {
                    div {
                        @for (at, service) in record.services.iter().enumerate() {
                            @if at > 0 { br; }
                            (Shown(&beginning(&service.uri, MOST_CHARACTERS)))
                        }
                        @if record.services.left_out() > 0 { br; "and " (record.services.left_out()) " more" }
                    }
                }
            }
            td.number data-of="In" { (octets(record.octets_in)) }
            td.number data-of="Out" { (octets(record.octets_out)) }
            td.number data-of="Took" { (micros(record.micros)) }
            td.ids data-of="Id" { a.id href=(address(record.id)) { (record.id) } }
        }
    }
}

/// A time for people: `2026-11-22 18:25:03`.
fn seconds(millis: u64) -> String {
    utc(millis)[..19].replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Search, Refusal> {
        Search::read(&Query::read(query.as_bytes()))
    }

    #[test]
    fn a_search_is_read_from_a_form() {
        let search = read(
            "uri=%2Fa%3Fb&service=http%3A%2F%2Fs%2F&outcome=failed&since=1970-01-01T00%3A00&until=1970-01-01T00:00:01\
             &before=0123456789abcdefghjkmnpq&limit=7",
        );
        let filter = Filter {
            uri: Some("/a?b".into()),
            service: Some(Sought::new("http://s/", same_agent)),
            outcome: Some(Outcome::Failed),
            since: Some(0),
            until: Some(1000),
        };
        let before = Some("0123456789abcdefghjkmnpq".parse().unwrap());
        assert_eq!(search.unwrap(), Search { filter, before, limit: 7 });
        let empty = Search { filter: Filter::default(), before: None, limit: USUAL };
        assert_eq!(read("uri=&service=&outcome=&since=&until=").unwrap(), empty);
    }

    #[test]
    fn what_is_no_search_is_refused_with_a_reason() {
        for (query, word) in [
            ("outcome=Failed", "outcome"),
            ("since=yesterday", "since"),
            ("until=2026-02-30T00:00", "until"),
            ("before=x", "before"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("uri=a&uri=b", "uri"),
        ] {
            let refusal = read(query).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            assert!(refusal.why.contains(word), "{query}: {}", refusal.why);
        }
    }

    #[test]
    fn the_address_of_older_ones_keeps_the_search() {
        let search = read("uri=a%26b%3D%22%3C&outcome=adapted&since=5&until=6&service=s&limit=9").unwrap();
        let before = TraceId::from_octets([7; 15]);
        let address = search.older(before);
        let again = read(address.strip_prefix("/?").unwrap()).unwrap();
        assert_eq!(again, Search { before: Some(before), ..search });
    }
}

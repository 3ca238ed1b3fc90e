//! One message: all that is kept of it.

use http::StatusCode;
use maud::{Markup, html};
use opes_record::{Bypassed, List, Place, Record, ServiceUse, TraceId};

use super::explained::Explained;
use super::guard::Caller;
use super::timeline::{has_failed, timeline};
use super::{Admin, json, outcome_tag, unreadable};
use crate::answer::{Answer, Refusal};
use crate::negotiate::Format;
use crate::shown::Shown;
use crate::units::{micros, utc};

impl Admin {
    /// The record of this identifier.
    pub(super) fn message(&self, id: &str, caller: &Caller, format: Format) -> Result<Answer, Refusal> {
        let id: TraceId = id.parse().map_err(|_| {
            Refusal::new(StatusCode::BAD_REQUEST, "This is no identifier of a trace of this system.")
        })?;
        let record = self.store.find(id).map_err(|error| unreadable(&error))?.ok_or_else(|| {
            let why = "There is no record of this identifier, or not any more.";
            Refusal::new(StatusCode::NOT_FOUND, why)
        })?;
        let entries: Vec<_> = record.trace.iter().map(|entry| entry.as_str()).collect();
        let trace = Explained::new(&entries.join(", "), &self.about.systems);
        Ok(match format {
            Format::Json => Answer::json(StatusCode::OK, &json::record(&record, &trace)),
            Format::Html => {
                let title = format!("Message {id}");
                Answer::html(StatusCode::OK, self.page(&title, caller, &content(&record, &trace)))
            }
        })
    }
}

fn content(record: &Record, trace: &Explained) -> Markup {
    html! {
        h1 { (Shown(&record.method)) " " (Shown(record.uri.as_deref().unwrap_or("(the URI is not kept)"))) }
        (facts(record))
        h2 { "Timeline" }
        (timeline(record))
        h2 { "Services" }
        (services(record))
        h2 { "Rules" }
        @if record.rules.is_empty() { p.soft { "No rule matched." } } @else {
            dl { @for rule in &record.rules { dt { (rule.point) } dd { (Shown(&rule.rule)) } } }
        }
        (left_out(&record.rules))
        @if !record.bypasses.is_empty() {
            h2 { "Bypass" }
            dl {
                @for bypass in &record.bypasses {
                    dt { code { (Shown(&bypass.entry)) } }
                    dd {
                        @match &bypass.done {
                            Bypassed::Honoured => { span.tag.good { "honoured" } }
                            Bypassed::Ignored(why) => { span.tag.odd { "ignored" } " " (Shown(why)) }
                        }
                    }
                }
            }
            (left_out(&record.bypasses))
        }
        h2 { "Trace" }
        (trace.html())
        (left_out(&record.trace))
        @if !record.headers.is_empty() {
            h2 { "Header fields" }
            dl { @for field in &record.headers { dt { (Shown(&field.name)) } dd { code { (Shown(&field.value)) } } } }
            (left_out(&record.headers))
        }
    }
}

fn facts(record: &Record) -> Markup {
    html! {
        dl {
            dt { "Outcome" } dd { (outcome_tag(record.outcome)) }
            @if let Some(failure) = &record.failure { dt { "Failure" } dd { (Shown(failure)) } }
            dt { "Message" } dd { (record.direction) }
            @if let Some(status) = record.status { dt { "Status" } dd { (status) } }
            dt { "Begun" } dd { (utc(record.begun)) }
            dt { "Traced" } dd { (utc(record.id.millis())) }
            dt { "Took" } dd { (micros(record.micros)) }
            dt { "Payload" } dd { (record.octets_in) " octets came, " (record.octets_out) " were passed on" }
            dt { "Client" }
            dd { @match record.client { Some(client) => (client), None => span.soft { "not kept" } } }
            dt { "Id" } dd.id { (record.id) }
        }
    }
}

fn services(record: &Record) -> Markup {
    html! {
        @if record.services.is_empty() { p.soft { "No service was applied." } } @else {
            div.wide { table.cards {
                thead {
                    tr {
                        th { "Service" } th { "Where" } th { "Result" } th.number { "In" } th.number { "Out" }
                        th.number { "Pauses" } th { "Says" }
                    }
                }
                tbody { @for service in &record.services { (service_row(service)) } }
            } }
        }
        (left_out(&record.services))
        @if record.strangers > 0 {
            p.soft { (record.strangers) " trace records of agents that had not been asked were dropped." }
        }
    }
}

fn service_row(service: &ServiceUse) -> Markup {
    html! {
        tr {
            td data-of="Service" { code { (Shown(&service.uri)) } }
            td data-of="Where" {
                @match &service.place {
                    Place::Here => { "here" }
                    Place::Callout { name, address } => {
                        div { (Shown(name)) br; span.soft { @if address.is_empty() { "not reached" } (Shown(address)) } }
                    }
                }
            }
            td data-of="Result" {
                @match service.result {
                    Some(result) if has_failed(service) => { span.tag.bad { (result) } }
                    Some(result) => { span.tag.good { (result) } }
                    None => { span.soft { "none" } }
                }
            }
            td.number data-of="In" { (service.octets_in) }
            td.number data-of="Out" { (service.octets_out) }
            td.number data-of="Pauses" { (service.pauses.total()) }
            td data-of="Says" {
                div {
                    @if let Some(verdict) = &service.verdict { (Shown(verdict)) br; }
                    @for parameter in &service.parameters {
                        code { (Shown(&parameter.name)) " = " (Shown(&parameter.value)) } br;
                    }
                    (left_out(&service.parameters))
                }
            }
        }
    }
}

/// Says how many items of a list are not there.
fn left_out<T, const MAX: usize, const HERE: usize>(list: &List<T, MAX, HERE>) -> Markup {
    html! {
        @if list.left_out() > 0 { p.soft { (list.left_out()) " more had no room in the record." } }
    }
}

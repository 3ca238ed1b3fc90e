//! Records for programs. The shape is ours, whatever records look like on disk: names are only ever added.

use opes_record::{Bypassed, Counts, Page, Place, Record, ServiceUse, Then};
use serde_json::{Value, json};

use super::explained::Explained;
use crate::units::utc;

/// A page of the list.
pub(super) fn list(page: &Page, counts: &Counts) -> Value {
    let (older, stopped) = match page.then {
        Then::End => (None, false),
        Then::Full(before) => (Some(before), false),
        Then::Stopped(before) => (Some(before), true),
    };
    json!({
        "messages": page.records.iter().map(summary).collect::<Vec<_>>(),
        "older": older.map(|before| before.to_string()),
        "stopped": stopped,
        "counts": {
            "kept": counts.kept,
            "dropped": {
                "full": counts.dropped.full,
                "failed": counts.dropped.failed,
                "expired": counts.dropped.expired,
            },
            "octets": counts.octets,
            "oldest": counts.oldest,
        },
    })
}

/// A message in the list.
fn summary(record: &Record) -> Value {
    json!({
        "id": record.id.to_string(),
        "time": utc(record.id.millis()),
        "begun": record.begun,
        "direction": record.direction.name(),
        "method": record.method.as_str(),
        "uri": record.uri.as_deref(),
        "status": record.status,
        "outcome": record.outcome.name(),
        "services": record.services.iter().map(|service| service.uri.as_str()).collect::<Vec<_>>(),
        "octets_in": record.octets_in,
        "octets_out": record.octets_out,
        "micros": record.micros,
    })
}

/// All of a message.
pub(super) fn record(record: &Record, trace: &Explained) -> Value {
    let mut all = summary(record);
    all["services"] = record.services.iter().map(service).collect();
    all["client"] = json!(record.client.map(|client| client.to_string()));
    all["failure"] = json!(record.failure.as_deref());
    let rules = record.rules.iter();
    all["rules"] =
        rules.map(|rule| json!({ "rule": rule.rule.as_str(), "point": rule.point.name() })).collect();
    let bypasses = record.bypasses.iter();
    all["bypasses"] = bypasses
        .map(|bypass| {
            let why = match &bypass.done {
                Bypassed::Honoured => None,
                Bypassed::Ignored(why) => Some(why.as_str()),
            };
            json!({ "entry": bypass.entry.as_str(), "honoured": why.is_none(), "why": why })
        })
        .collect();
    all["trace"] = record.trace.iter().map(|entry| json!(entry.as_str())).collect();
    all["explained"] = trace.json();
    let headers = record.headers.iter();
    all["headers"] = headers.map(|field| pair(&field.name, &field.value)).collect();
    all["strangers"] = json!(record.strangers);
    all["left_out"] = json!({
        "services": record.services.left_out(),
        "rules": record.rules.left_out(),
        "bypasses": record.bypasses.left_out(),
        "trace": record.trace.left_out(),
        "headers": record.headers.left_out(),
    });
    all
}

fn service(service: &ServiceUse) -> Value {
    let server = match &service.place {
        Place::Here => None,
        Place::Callout { name, address } => {
            Some(json!({ "name": name.as_str(), "address": address.as_str() }))
        }
    };
    let parameters = service.parameters.iter();
    json!({
        "uri": service.uri.as_str(),
        "callout_server": server,
        "run": service.run,
        "result": service.result,
        "octets_in": service.octets_in,
        "octets_out": service.octets_out,
        "start": service.span.map(|span| span.start),
        "end": service.span.map(|span| span.end),
        "pauses": service.pauses.total(),
        "paused": service.pauses.iter().map(|pause| json!({ "start": pause.start, "end": pause.end })).collect::<Vec<_>>(),
        "verdict": service.verdict.as_deref(),
        "parameters": parameters.map(|parameter| pair(&parameter.name, &parameter.value)).collect::<Vec<_>>(),
        "left_out": { "pauses": service.pauses.left_out(), "parameters": service.parameters.left_out() },
    })
}

fn pair(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

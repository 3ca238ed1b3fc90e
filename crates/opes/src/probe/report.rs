//! The report of a probe on standard output, line by line as things are found out.

use std::io::Write;
use std::time::Duration;

use ocp_proto::codec::Value;
use ocp_proto::message::Feature;

use super::session::ProbeError;
use crate::decode::text;

/// A line of its own.
pub(super) fn line(text: &str) {
    // Nobody reads it any more when this fails.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// How long something took.
pub(super) fn time(what: &str, time: Duration) {
    line(&format!("  {what} {:.3} ms", time.as_secs_f64() * 1000.0));
}

/// The answer to an ability query.
pub(super) fn ability(uri: &str, supported: bool) {
    let answer = if supported { "supported" } else { "not supported" };
    line(&format!("  feature {uri}: {answer}"));
}

/// What the server selects of the offered features, with its parameters.
pub(super) fn selected(selected: Option<&Feature>) {
    let Some(feature) = selected else {
        return line("  selects none of the offered features");
    };
    line(&format!("  selects {}", text::name(feature.uri())));
    for (name, value) in &feature.structure().named {
        parameter(name, value);
    }
}

fn parameter(name: &[u8], value: &Value) {
    let mut lines = text::value(value);
    lines[0].insert_str(0, &format!("{}: ", text::name(name)));
    lines.iter().for_each(|text| line(&format!("    {text}")));
}

/// Whether a service group of this service can be created.
pub(super) fn service(uri: &str, answer: &Result<(), ProbeError>) {
    let answer = match answer {
        Ok(()) => "can be used".to_owned(),
        Err(ProbeError::Ended(reason)) => format!("refused: {reason}"),
        Err(error) => format!("not known: {error}"),
    };
    line(&format!("  service {}: {answer}", text::name(uri.as_bytes())));
}

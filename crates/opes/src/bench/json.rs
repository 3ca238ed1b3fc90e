//! Results as JSON: an object for each run.

use opes_bench::{Arrivals, Entry, Load, Outcome, Summary};

/// The objects of some entries: all runs of the first, then of the next.
pub(super) fn objects(entries: &[Entry], summaries: &[Summary]) -> Vec<String> {
    let each = entries.iter().zip(summaries).flat_map(|(entry, summary)| {
        summary.outcomes().iter().enumerate().map(|(number, outcome)| object(entry, number, outcome))
    });
    each.collect()
}

fn object(entry: &Entry, run: usize, outcome: &Outcome) -> String {
    let Load { target, size, inflight, mode, arrivals, .. } = &entry.load;
    let percentile = |percentile| format!("{:.2}", outcome.percentile_us(percentile));
    let (rate, think) = match arrivals {
        Arrivals::Open { rate } => (Some(rate.to_string()), 0),
        Arrivals::Closed { think } => (None, think.as_millis()),
    };
    let cpu = outcome.server_cpu_us().map(|cpu| format!("{cpu:.3}"));
    let fields = [
        ("name", text(&entry.name)),
        ("target", text(target.name())),
        ("run", run.to_string()),
        ("size", size.to_string()),
        ("inflight", inflight.to_string()),
        ("connections", entry.load.connections().to_string()),
        ("mode", text(mode.name())),
        ("rate", or_null(rate)),
        ("think_ms", think.to_string()),
        ("seconds", format!("{:.3}", outcome.elapsed.as_secs_f64())),
        ("transactions", outcome.transactions.to_string()),
        ("tx_per_s", format!("{:.1}", outcome.rate())),
        ("p50_us", percentile(50.0)),
        ("p90_us", percentile(90.0)),
        ("p99_us", percentile(99.0)),
        ("p999_us", percentile(99.9)),
        ("max_us", percentile(100.0)),
        ("octets_out", format!("{:.1}", outcome.per_transaction(outcome.octets_out))),
        ("octets_in", format!("{:.1}", outcome.per_transaction(outcome.octets_in))),
        ("server_cpu_us", or_null(cpu)),
        ("errors", outcome.errors.to_string()),
        ("first_error", or_null(outcome.first_error.as_deref().map(text))),
        ("unfinished", outcome.unfinished.to_string()),
    ];
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}

/// A string of JSON.
fn text(value: &str) -> String {
    let mut quoted = String::from('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn strings_are_quoted() {
        assert_eq!(text("a \"b\" \\ \n é"), "\"a \\\"b\\\" \\\\ \\u000a é\"");
    }
}

//! A message's life as bars: the processor's, and below it one for each transaction with services, with its pauses.

use maud::{Markup, html};
use opes_record::{Place, Record, ServiceUse, Span};

use crate::shown::Shown;
use crate::units::{micros, octets};

/// The width of a drawing.
const WIDTH: u64 = 1000;
/// The least width of a bar, so that it is seen.
const LEAST: u64 = 6;

/// The drawing. What its bars say stands beside them as text.
pub(super) fn timeline(record: &Record) -> Markup {
    let ends = record.services.iter().filter_map(|service| service.span).map(|span| span.end);
    let whole = ends.max().unwrap_or_default().max(record.micros).max(1);
    html! {
        figure.timeline {
            ol {
                li {
                    div.who {
                        span { strong { "Processor" } }
                        span {
                            (octets(record.octets_in)) " in, " (octets(record.octets_out)) " out, "
                            (micros(record.micros))
                        }
                    }
                    (bar(Some(Span { start: 0, end: record.micros }), &[], whole, "whole"))
                }
                @for run in record.services.chunk_by(|one, next| one.run == next.run) { (transaction(run, whole)) }
            }
            div.axis aria-hidden="true" {
                @for quarter in 0..=4 { span { (micros(whole / 4 * quarter + whole % 4 * quarter / 4)) } }
            }
        }
    }
}

/// Services that shared a transaction.
fn transaction(run: &[ServiceUse], whole: u64) -> Markup {
    let Some(first) = run.first() else { return html! {} };
    let failed = run.iter().any(has_failed);
    html! {
        li {
            div.who {
                span {
                    @for (at, service) in run.iter().enumerate() {
                        @if at > 0 { br; }
                        (Shown(&service.uri))
                    }
                    @match &first.place {
                        Place::Here => { " " span.soft { "here" } }
                        Place::Callout { name, .. } => { " " span.soft { "on " (Shown(name)) } }
                    }
                }
                span {
                    (octets(first.octets_in)) " in, " (octets(first.octets_out)) " out"
                    @if let Some(span) = first.span {
                        ", " (micros(span.end.saturating_sub(span.start))) " from " (micros(span.start))
                    }
                    @if first.pauses.total() > 0 { " " span.tag.odd { (paused(first)) } }
                    @if failed {
                        " " span.tag.bad { @match first.result { Some(result) => { "failed " (result) } None => { "no result" } } }
                    } @else if first.span.is_none() {
                        " " span.tag.odd { "never began" }
                    }
                }
            }
            (bar(first.span, &first.pauses, whole, if failed { "failed" } else { "bar" }))
        }
    }
}

/// Whether the transaction of a service ended with anything but success (RFC 4037 section 10.10), or was given up.
pub(super) fn has_failed(service: &ServiceUse) -> bool {
    match service.result {
        Some(result) => !(200..300).contains(&result),
        None => service.span.is_some(),
    }
}

/// How often the original waited for a service, and for how long in all, as far as that is kept.
fn paused(service: &ServiceUse) -> String {
    let pauses = &service.pauses;
    let waited =
        pauses.iter().map(|pause| pause.end.saturating_sub(pause.start)).fold(0, u64::saturating_add);
    let least = if pauses.left_out() > 0 { "at least " } else { "" };
    format!("paused {}×, {least}{}", pauses.total(), micros(waited))
}

fn from_to(span: &Span) -> String {
    format!("from {} to {}", micros(span.start), micros(span.end))
}

/// A bar on its lane, with the times in it when the original waited.
fn bar(span: Option<Span>, pauses: &[Span], whole: u64, class: &str) -> Markup {
    let mut label = span.as_ref().map_or_else(|| "at no time".to_owned(), from_to);
    for pause in pauses {
        label.push_str(", paused ");
        label.push_str(&from_to(pause));
    }
    html! {
        svg viewBox=(format!("0 0 {WIDTH} 16")) preserveAspectRatio="none" role="img" aria-label=(label) {
            rect.lane x="0" y="0" width=(WIDTH) height="16" {}
            @for quarter in 1..4 { rect.tick x=(WIDTH / 4 * quarter) y="0" width="1" height="16" {} }
            @if let Some((x, width)) = span.map(|span| place(span, whole)) {
                rect class=(class) x=(x) y="2" width=(width) height="12" {}
            }
            @for pause in pauses {
                @let (x, width) = place(*pause, whole);
                rect.pause x=(x) y="5" width=(width) height="6" { title { "paused " (from_to(pause)) } }
            }
        }
    }
}

/// Where a bar begins and how wide it is.
fn place(span: Span, whole: u64) -> (u64, u64) {
    let scaled = |at: u64| (u128::from(at.min(whole)) * u128::from(WIDTH) / u128::from(whole.max(1))) as u64;
    let start = scaled(span.start).min(WIDTH - LEAST);
    (start, scaled(span.end).saturating_sub(start).max(LEAST))
}

#[cfg(test)]
mod tests {
    use opes_record::{Direction, TraceId};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bar_is_always_seen_and_within_its_lane(start: u64, end: u64, whole: u64) {
            let (x, width) = place(Span { start, end }, whole);
            prop_assert!(width >= LEAST && x + width <= WIDTH, "{} {}", x, width);
        }
    }

    #[test]
    fn bars_stand_where_the_work_was() {
        assert_eq!(place(Span { start: 0, end: 1000 }, 1000), (0, 1000));
        assert_eq!(place(Span { start: 250, end: 500 }, 1000), (250, 250));
        assert_eq!(place(Span { start: 1000, end: 1000 }, 1000), (994, 6));
    }

    #[test]
    fn services_of_one_transaction_share_a_bar_and_a_failure_is_marked() {
        let mut record = Record::new(TraceId::first_of(0), 0, Direction::Response, "GET");
        for (uri, run, result) in [("http://s/a", 0, 200), ("http://s/b", 0, 200), ("http://s/c", 1, 400)] {
            let span = Some(Span { start: 10, end: 20 });
            record.services.push(ServiceUse {
                run,
                result: Some(result),
                span,
                ..ServiceUse::new(uri, Place::Here)
            });
        }
        record.services.push(ServiceUse { run: 2, ..ServiceUse::new("http://s/d", Place::Here) });
        let drawn = timeline(&record).into_string();
        assert_eq!(drawn.matches("<svg").count(), 4, "the processor and three transactions");
        assert_eq!(
            (drawn.matches("class=\"bar\"").count(), drawn.matches("class=\"failed\"").count()),
            (1, 1)
        );
        for text in ["failed 400", "never began", "http://s/b", "aria-label=\"at no time\""] {
            assert!(drawn.contains(text), "{text}");
        }
    }

    #[test]
    fn a_pause_is_drawn_where_and_as_long_as_it_was() {
        let mut record = Record::new(TraceId::first_of(0), 0, Direction::Response, "GET");
        record.micros = 100_000;
        let span = Some(Span { start: 0, end: 100_000 });
        let mut service = ServiceUse { span, ..ServiceUse::new("http://s/a", Place::Here) };
        service.pauses.extend([(10_000, 35_000), (60_000, 85_000)].map(|(start, end)| Span { start, end }));
        record.services.push(service);
        let drawn = timeline(&record).into_string();
        for (text, times) in [
            ("<rect class=\"pause\" x=\"100\" y=\"5\" width=\"250\"", 1),
            ("<rect class=\"pause\" x=\"600\" y=\"5\" width=\"250\"", 1),
            ("paused 2×, 50.0 ms", 1),
            ("paused from 60.0 ms to 85.0 ms", 2),
        ] {
            assert_eq!(drawn.matches(text).count(), times, "{text}: {drawn}");
        }
        record.services.iter_mut().for_each(|service| service.pauses.leave_out(7));
        assert!(timeline(&record).into_string().contains("paused 9×, at least 50.0 ms"));
    }

    #[test]
    fn the_longest_times_there_are_do_no_harm() {
        let mut record = Record::new(TraceId::first_of(0), 0, Direction::Response, "GET");
        record.micros = u64::MAX;
        let span = Some(Span { start: u64::MAX, end: 0 });
        let mut service = ServiceUse { span, ..ServiceUse::new("http://s/", Place::Here) };
        service.pauses.extend([Span { start: 0, end: u64::MAX }, Span { start: 1, end: u64::MAX }]);
        record.services.push(service);
        assert!(timeline(&record).into_string().contains("18446744073709.55 s"));
    }
}

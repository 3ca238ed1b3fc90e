//! Results as a picture (SVG): latency by percentile, and throughput over time.

mod axis;
mod panel;

use std::fmt::Write;

use hdrhistogram::Histogram;

use crate::compare::Entry;
use crate::outcome::Outcome;
use crate::plot::axis::Axis;
use crate::plot::panel::{Line, Panel};
use crate::summary::Summary;

/// One pair of panels: what was measured under one title.
#[derive(Debug, Clone)]
pub struct Row {
    title: String,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    name: String,
    latency: Histogram<u64>,
    /// Seconds, and transactions a second.
    throughput: Vec<(f64, f64)>,
}

impl Row {
    /// The latencies of all runs of each entry, and the throughput of its run in the middle.
    pub fn new(title: String, entries: &[Entry], summaries: &[Summary]) -> Self {
        let series = entries.iter().zip(summaries).map(|(entry, summary)| Series {
            name: entry.name.clone(),
            latency: summary.latency(),
            throughput: summary.median_run().map(throughput).unwrap_or_default(),
        });
        Self { title, series: series.collect() }
    }
}

/// No line has more points over time.
const POINTS: usize = 120;

/// Transactions a second over time.
fn throughput(outcome: &Outcome) -> Vec<(f64, f64)> {
    let slice = Outcome::SLICE;
    // The last slice is whole only by chance.
    let whole = (outcome.elapsed.as_nanos() / slice.as_nanos()) as usize;
    if whole == 0 {
        return vec![(0.0, outcome.rate()), (outcome.elapsed.as_secs_f64(), outcome.rate())];
    }
    let step = whole.div_ceil(POINTS);
    let at = |number: usize| outcome.timeline.get(number).copied().unwrap_or(0);
    let points = (0..whole / step).map(|point| {
        let sum: u64 = (point * step..(point + 1) * step).map(at).sum();
        let width = slice.as_secs_f64() * step as f64;
        ((point as f64 + 0.5) * width, sum as f64 / width)
    });
    points.collect()
}

/// Latencies in microseconds by place on the axis of percentiles.
fn latency(histogram: &Histogram<u64>, places: f64) -> Vec<(f64, f64)> {
    let points = (0..=100).map(|step| {
        let place = places * f64::from(step) / 100.0;
        let percentile = 100.0 * (1.0 - 10f64.powf(-place));
        (place, histogram.value_at_percentile(percentile) as f64 / 1000.0)
    });
    points.collect()
}

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 340.0;

/// Draws the rows below each other. Colours fit a light and a dark surrounding.
pub fn svg(rows: &[Row]) -> String {
    let height = HEIGHT * rows.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n{STYLE}\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
    );
    for (at, row) in rows.iter().enumerate() {
        draw(&mut out, row, HEIGHT * at as f64);
    }
    out.push_str("</svg>\n");
    out
}

const STYLE: &str = "<style>.paper{fill:#fff}.ink{fill:#333}.grid{stroke:#888;stroke-opacity:.35}\
    .line{fill:none;stroke-width:2;stroke-linejoin:round}\
    @media(prefers-color-scheme:dark){.paper{fill:#17191d}.ink{fill:#ddd}}</style>\n";

/// Colours that stand out from white and from near black, and dashes for those who do not see them.
const LOOKS: [(&str, &str); 6] = [
    ("#3b82c4", ""),
    ("#d9822b", "7 3"),
    ("#3a9a5b", "2 3"),
    ("#c0569a", "9 3 2 3"),
    ("#8a6fd1", "4 4"),
    ("#a08a30", "12 4"),
];

fn draw(out: &mut String, row: &Row, top: f64) {
    // Writing into a string does not fail.
    let _ = writeln!(
        out,
        "<text class=\"ink\" x=\"60\" y=\"{}\" font-size=\"15\" font-weight=\"600\">{}</text>",
        top + 24.0,
        escape(&row.title)
    );
    let mut x = 60.0;
    for (series, (colour, dash)) in row.series.iter().zip(LOOKS.iter().cycle()) {
        let y = top + 42.0;
        let _ = writeln!(
            out,
            "<path class=\"line\" stroke=\"{colour}\" stroke-dasharray=\"{dash}\" d=\"M{x} {y}h24\"/>\
             <text class=\"ink\" x=\"{}\" y=\"{}\">{}</text>",
            x + 30.0,
            y + 4.0,
            escape(&series.name)
        );
        x += 60.0 + 7.0 * series.name.chars().count() as f64;
    }
    // A percentile means something where some transactions lie above it.
    let most = row.series.iter().map(|series| series.latency.len()).max().unwrap_or(0);
    let places = (most as f64).log10().floor().clamp(1.0, 5.0);
    let lines = |points: &dyn Fn(&Series) -> Vec<(f64, f64)>| -> Vec<Line> {
        let looks = LOOKS.iter().cycle();
        row.series
            .iter()
            .zip(looks)
            .map(|(series, look)| Line { points: points(series), look: *look })
            .collect()
    };
    let latencies = lines(&|series| latency(&series.latency, places));
    Panel {
        title: "latency (µs) by percentile",
        origin: (60.0, top + 68.0),
        x: Axis::percentiles(places),
        y: Axis::logarithmic(latencies.iter().flat_map(|line| line.points.iter().map(|point| point.1))),
        lines: latencies,
    }
    .draw(out);
    let throughputs = lines(&|series| series.throughput.clone());
    let points = || throughputs.iter().flat_map(|line| line.points.iter());
    Panel {
        title: "transactions a second over time (s)",
        origin: (560.0, top + 68.0),
        x: Axis::linear(points().map(|point| point.0)),
        y: Axis::linear(points().map(|point| point.1)),
        lines: throughputs,
    }
    .draw(out);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::axis::percentile_place;
    use super::*;
    use crate::tally::histogram;

    fn outcome(elapsed: Duration, timeline: Vec<u64>) -> Outcome {
        let transactions = timeline.iter().sum();
        let mut latency = histogram();
        latency.saturating_record_n(1_000_000, transactions);
        Outcome {
            transactions,
            errors: 0,
            first_error: None,
            unfinished: 0,
            elapsed,
            latency,
            timeline,
            octets_out: 0,
            octets_in: 0,
            server_cpu: None,
        }
    }

    #[test]
    fn throughput_is_that_of_whole_slices() {
        let points = throughput(&outcome(Duration::from_millis(350), vec![10, 0, 20, 1]));
        let rounded: Vec<_> = points.iter().map(|(at, rate)| ((at * 1000.0).round(), rate.round())).collect();
        assert_eq!(rounded, [(50.0, 100.0), (150.0, 0.0), (250.0, 200.0)]);
        // What ended early leaves nothing behind.
        assert_eq!(throughput(&outcome(Duration::from_millis(300), vec![10])).len(), 3);
        assert_eq!(throughput(&outcome(Duration::from_millis(50), vec![10]))[0], (0.0, 200.0));
        assert_eq!(throughput(&outcome(Duration::from_secs(100), vec![1; 1000])).len(), 111);
    }

    #[test]
    fn latency_is_read_at_its_percentile() {
        let mut histogram = histogram();
        (1..=1000).for_each(|micros| histogram.saturating_record(micros * 1000));
        let points = latency(&histogram, 3.0);
        for (place, expected) in [(0, 1.0), (33, 900.0), (67, 990.0), (100, 999.0)] {
            assert!((points[place].1 - expected).abs() <= 12.0, "{place}: {:?}", points[place]);
        }
        assert!((percentile_place(99.0) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_picture_has_all_rows_and_no_number_that_is_none() {
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            load: crate::tests::load(crate::Target::Raw, ([127, 0, 0, 1], 1).into(), 1),
        };
        let mut summary = Summary::default();
        summary.add(outcome(Duration::from_secs(1), vec![10; 10]));
        let rows = ["one & two", "three"].map(|title| {
            Row::new(title.to_owned(), &[entry("<a>"), entry("b")], &[summary.clone(), Summary::default()])
        });
        let picture = svg(&rows);
        for (what, count) in [("one &amp; two", 1), ("&lt;a&gt;", 2), ("<text", 4), ("latency", 2)] {
            assert!(picture.matches(what).count() >= count, "{what} in {picture}");
        }
        for bad in ["NaN", "inf", "<a>"] {
            assert!(!picture.contains(bad), "{bad} in {picture}");
        }
    }
}

//! Results as tables.

use std::io::{self, Write};

use opes_bench::{Entry, Outcome, Spread, Summary};

const HEADINGS: &str = "target       mode      size inflight conns        tx/s    MB/s   p50 µs   p90 µs   p99 µs p99.9 µs   max µs  cpu µs   out/tx    in/tx errors";

/// Prints what stands above the rows.
pub(super) fn headings(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADINGS}")
}

/// Prints a run.
pub(super) fn row(out: &mut impl Write, entry: &Entry, outcome: &Outcome) -> io::Result<()> {
    let load = &entry.load;
    write!(
        out,
        "{:<12} {:<4} {:>9} {:>8} {:>5} {:>11.0} {:>7.0}",
        entry.name,
        load.mode.name(),
        load.size,
        load.inflight,
        load.connections(),
        outcome.rate(),
        outcome.rate() * load.size as f64 / 1e6,
    )?;
    for percentile in [50.0, 90.0, 99.0, 99.9, 100.0] {
        write!(out, " {:>8.1}", outcome.percentile_us(percentile))?;
    }
    writeln!(
        out,
        " {:>7} {:>8.0} {:>8.0} {:>6}",
        outcome.server_cpu_us().map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}")),
        outcome.per_transaction(outcome.octets_out),
        outcome.per_transaction(outcome.octets_in),
        outcome.errors,
    )?;
    if let Some(why) = &outcome.first_error {
        writeln!(out, "  the first error: {why}")?;
    }
    if outcome.unfinished > 0 {
        writeln!(out, "  {} were due and had not ended: the server does not keep up", outcome.unfinished)?;
    }
    Ok(())
}

type Figure = fn(&Outcome) -> Option<f64>;

const FIGURES: [(&str, Figure); 5] = [
    ("tx/s", |outcome| Some(outcome.rate())),
    ("p50 µs", |outcome| Some(outcome.percentile_us(50.0))),
    ("p99 µs", |outcome| Some(outcome.percentile_us(99.0))),
    ("p99.9 µs", |outcome| Some(outcome.percentile_us(99.9))),
    ("cpu µs", Outcome::server_cpu_us),
];

/// Prints the medians of several runs with their spread, and how many times those of the entry `base` they are.
pub(super) fn spread(
    out: &mut impl Write,
    entries: &[Entry],
    summaries: &[Summary],
    base: Option<usize>,
) -> io::Result<()> {
    write!(out, "\n{:<12} {:>9}", "median", "size")?;
    for (heading, _) in FIGURES {
        write!(out, " {heading:>28}")?;
    }
    writeln!(out)?;
    for (entry, summary) in entries.iter().zip(summaries) {
        write!(out, "{:<12} {:>9}", entry.name, entry.load.size)?;
        for (_, figure) in FIGURES {
            let of_base = base.and_then(|base| summaries[base].spread(figure));
            write!(out, " {:>28}", cell(summary.spread(figure), of_base))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

/// `median (min–max)`, and the ratio of the medians.
fn cell(own: Option<Spread>, base: Option<Spread>) -> String {
    let Some(own) = own else { return "-".to_owned() };
    let ratio = base.filter(|base| base.median > 0.0);
    let ratio = ratio.map(|base| format!(" {:.2}x", own.median / base.median)).unwrap_or_default();
    format!("{} ({}–{}){ratio}", short(own.median), short(own.min), short(own.max))
}

/// Three digits or more.
fn short(figure: f64) -> String {
    if figure >= 100.0 {
        format!("{figure:.0}")
    } else if figure >= 10.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_median_spread_and_ratio() {
        let spread = |median| Some(Spread { median, min: median / 2.0, max: median * 2.0 });
        assert_eq!(cell(spread(200.0), None), "200 (100–400)");
        assert_eq!(cell(spread(15.0), spread(10.0)), "15.0 (7.50–30.0) 1.50x");
        assert_eq!(cell(spread(1.0), spread(0.0)), "1.00 (0.50–2.00)");
        assert_eq!(cell(None, spread(1.0)), "-");
    }
}

//! A bar on a terminal.

use std::io::{IsTerminal, Write, stderr};

use opes_bench::Progress;

const WIDTH: usize = 30;

/// How far several runs are; shown on standard error where that is a terminal.
pub(super) struct Bar {
    shown: bool,
    runs: usize,
    run: usize,
}

impl Bar {
    pub(super) fn new(runs: usize) -> Self {
        Self { shown: stderr().is_terminal(), runs, run: 0 }
    }

    pub(super) fn show(&self, name: &str, progress: &Progress) {
        if self.shown {
            self.draw(&bar(name, (self.run, self.runs), progress));
        }
    }

    /// A run is over.
    pub(super) fn next(&mut self) {
        self.run += 1;
        self.clear();
    }

    pub(super) fn clear(&self) {
        if self.shown {
            self.draw("");
        }
    }

    fn draw(&self, line: &str) {
        // A terminal that has gone is no reason to stop measuring.
        let _ = write!(stderr(), "\r\x1b[K{line}");
        let _ = stderr().flush();
    }
}

fn bar(name: &str, (run, runs): (usize, usize), progress: &Progress) -> String {
    let filled = (progress.done * WIDTH as f64) as usize;
    let seconds = progress.elapsed.as_secs_f64();
    let rate = if seconds > 0.0 { progress.transactions as f64 / seconds } else { 0.0 };
    format!(
        "{name} {}/{runs} [{}{}] {rate:.0} tx/s",
        run + 1,
        "#".repeat(filled),
        "-".repeat(WIDTH.saturating_sub(filled))
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_bar_fills() {
        let at = |done| Progress { done, transactions: 50, elapsed: Duration::from_secs(2) };
        assert_eq!(bar("x", (0, 3), &at(0.0)), format!("x 1/3 [{}] 25 tx/s", "-".repeat(30)));
        assert_eq!(bar("x", (2, 3), &at(1.0)), format!("x 3/3 [{}] 25 tx/s", "#".repeat(30)));
    }
}

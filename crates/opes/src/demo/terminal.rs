//! What the demo shows of each adaptation.

use std::io::{IsTerminal, Write};

use opes_processor::report::{Observer, Report};
use opes_profile::http::Profile;

/// Prints reports to standard output.
pub(super) struct Terminal {
    colours: bool,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self { colours: std::io::stdout().is_terminal() }
    }

    fn bold(&self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

impl Observer for Terminal {
    fn adapted(&self, report: &Report<'_>) {
        let direction = match report.profile {
            Profile::Request => "request",
            Profile::Response => "response",
        };
        let Report { method, target, traffic, .. } = report;
        let services =
            if report.services.is_empty() { "none".to_owned() } else { report.services.join(", ") };
        let mut text = format!("{} {direction}\n", self.bold(&format!("{method} {target}")));
        text += &format!("  services    {services}\n");
        text += &format!(
            "  over OCP    {} octets of payload there, {} back, {} reused from the processor's copy\n",
            traffic.sent, traffic.received, traffic.reused
        );
        if let Some(trace) = &report.trace {
            text += &format!("  trace       OPES-Via: {}\n", String::from_utf8_lossy(trace.as_bytes()));
        }
        if let Some(failure) = &report.failure {
            text += &format!("  failed      {failure}\n");
        }
        // A terminal that is gone is no reason to stop.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

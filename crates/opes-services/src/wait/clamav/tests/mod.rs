//! The service against a clamd that follows a script.

mod host;
mod policies;
mod replies;
mod scripted;
mod sessions;

use std::time::Duration;

use self::scripted::Scripted;
use super::Options;

const OK: &str = "{}: stream: OK";

/// The usual options, and little patience with a scanner that says nothing.
fn options(scripted: &Scripted) -> Options {
    Options { timeout: Duration::from_millis(300), ..Options::new(scripted.address.clone()) }
}

/// The same, with as much patience as it takes.
fn patient(scripted: &Scripted) -> Options {
    Options { timeout: Duration::from_secs(60), ..options(scripted) }
}

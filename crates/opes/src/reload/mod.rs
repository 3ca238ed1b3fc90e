//! Configurations that are read again while a command runs: whole files are put in force, or nothing of them is.

mod clients;
#[cfg(feature = "icap")]
mod gateway;
mod proxy;
mod server;
mod stamp;

use std::path::{Path, PathBuf};
use std::time::Duration;

use opes_processor::http::ServerTls;
use tokio::signal::unix::Signal;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::cli::CommandError;
use crate::config::ConfigError;
use crate::signals;
#[cfg(feature = "icap")]
pub(crate) use gateway::Offered;
pub(crate) use proxy::Adapting;
pub(crate) use server::Hosted;
use stamp::Stamp;

/// How often the file is looked at.
///
/// Notifications of the kernel do not come from network file systems, and those about a path miss what happens behind a
/// symbolic link in the middle of it, which is how orchestrators exchange configurations. Looking works everywhere.
const LOOK: Duration = Duration::from_secs(1);

/// The occasions to read a configuration file again.
pub(crate) struct Occasions {
    file: PathBuf,
    hangup: Signal,
    looks: Interval,
    /// The file as it was when it was last read, well or not: what is wrong with it is only said once.
    read: Option<Stamp>,
    /// The file at the last look.
    seen: Option<Stamp>,
}

impl Occasions {
    /// Counts from now on, so the file is read after this.
    ///
    /// # Errors
    /// Signals cannot be handled.
    pub(crate) fn of(file: &Path) -> Result<Self, CommandError> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stamp = Stamp::of(file);
        Ok(Self { file: file.to_owned(), hangup: signals::hangup()?, looks, read: stamp, seen: stamp })
    }

    /// Waits for SIGHUP or for another file, and reads it; what is wrong with it is logged.
    async fn next<T: Send + 'static>(&mut self, read: fn(&Path) -> Result<T, ConfigError>) -> T {
        loop {
            self.due().await;
            let file = self.file.clone();
            match tokio::task::spawn_blocking(move || read(&file)).await {
                Ok(Ok(settings)) => return settings,
                Ok(Err(error)) => tracing::error!("{error} (the configuration in force stays)"),
                Err(error) => tracing::error!(%error, "the configuration could not be read"),
            }
        }
    }

    /// Waits until the file is to be read.
    async fn due(&mut self) {
        loop {
            let asked = tokio::select! {
                Some(()) = self.hangup.recv() => true,
                _ = self.looks.tick() => false,
            };
            let file = self.file.clone();
            let stamp = tokio::task::spawn_blocking(move || Stamp::of(&file)).await.unwrap_or_default();
            // Whoever writes it may not be done yet: it has to look the same twice.
            let still = self.seen == stamp;
            self.seen = stamp;
            if asked || (still && stamp != self.read) {
                self.read = stamp;
                return;
            }
        }
    }
}

/// Shows clients what the file of `new` says; whether that could be done. Connections are all of one kind, so one that
/// begins or ceases to speak TLS could not.
fn renew(shown: Option<&ServerTls>, new: Option<&ServerTls>) -> bool {
    match (shown, new) {
        (Some(shown), Some(new)) => shown.renew(new),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return false,
    }
    true
}

/// Says which keys the file has changed in vain.
fn warn_of(changed: &[String]) {
    if !changed.is_empty() {
        tracing::warn!(keys = %changed.join(", "), "what has changed here comes into force after a restart");
    }
}

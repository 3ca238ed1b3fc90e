//! Bounded waits. No test asserts how long something takes; these bounds only keep a test from hanging.

use std::future::Future;
use std::time::{Duration, Instant};

/// How long any single reaction may take before the test gives up. Generous: the machine may be busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a poll waits before it looks again.
pub const STEP: Duration = Duration::from_millis(10);

/// Awaits `future` and panics, naming `what`, when [`PATIENCE`] is over.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("gave up after {} s waiting for {what}", PATIENCE.as_secs()),
    }
}

/// Polls `probe` until it yields a value and panics, naming `what`, when [`PATIENCE`] is over.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "gave up after {} s waiting for {what}", PATIENCE.as_secs());
        std::thread::sleep(STEP);
    }
}

//! Wrong tokens: so many in a second, and then no token at all until it is over. Who has a session goes on meanwhile.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::StatusCode;

use crate::answer::Refusal;

/// The most wrong tokens in a second.
pub const WRONG_TOKENS: u32 = 20;

const WINDOW: Duration = Duration::from_secs(1);

/// The wrong tokens of the last second.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<Option<(Instant, u32)>>);

impl Attempts {
    /// Lets a token be looked at, and takes note of one that is wrong.
    ///
    /// # Errors
    /// It is wrong; or too many were, so that it was not looked at.
    pub(super) fn judge(&self, now: Instant, is_right: impl FnOnce() -> bool) -> Result<(), Refusal> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, wrong) =
            state.filter(|(since, _)| now.saturating_duration_since(*since) < WINDOW).unwrap_or((now, 0));
        if wrong >= WRONG_TOKENS {
            let why = "Too many wrong tokens: none is looked at for a second.";
            return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, why));
        }
        if is_right() {
            return Ok(());
        }
        *state = Some((since, wrong + 1));
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "This is not the token."))
    }
}

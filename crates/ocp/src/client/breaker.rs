//! A breaker: a callout server that fails again and again gets no transactions for a while.

use std::time::{Duration, Instant};

/// When a server counts as dead, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// After so many failures in a row, or one silence, the server gets no transactions. 0: it always gets them.
    pub failures: u32,
    /// For so long, until one is tried.
    pub open: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, open: Duration::from_secs(10) }
    }
}

/// Whether the server gets transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It does.
    Closed {
        /// Failures since its last sign of work.
        failures: u32,
    },
    /// Not before then.
    Open { until: Instant },
    /// One is under way on trial. After that time, another one is tried: the first may have come to nothing.
    Trial { until: Instant },
}

/// Whether a transaction may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may.
    Free,
    /// It may, to try the server.
    Trial,
    /// It may not, for so long at least.
    Refused(Duration),
}

/// What has become of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The server gets no transactions.
    Opened,
    /// It gets them again.
    Closed,
}

/// The breaker of one callout server. It knows no clock: times are given, and never go back.
#[derive(Debug)]
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
}

impl Breaker {
    pub(crate) fn new(config: BreakerConfig) -> Self {
        Self { config, state: State::Closed { failures: 0 } }
    }

    /// Asks whether a transaction may start. Who is told to try the server has to do so, or say [`Self::untried`].
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Free,
            State::Open { until } | State::Trial { until } if now < until => {
                Admission::Refused(until.saturating_duration_since(now))
            }
            State::Open { .. } | State::Trial { .. } => {
                self.state = State::Trial { until: now + self.config.open };
                Admission::Trial
            }
        }
    }

    /// The server has worked on a transaction.
    pub(crate) fn succeeded(&mut self) -> Option<Change> {
        let before = std::mem::replace(&mut self.state, State::Closed { failures: 0 });
        (!matches!(before, State::Closed { .. })).then_some(Change::Closed)
    }

    /// The server has failed a transaction or a connection.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { failures } => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed { failures };
                if failures >= self.config.failures { self.open(now) } else { None }
            }
            State::Trial { .. } => self.open(now),
            // What was under way before says nothing new.
            State::Open { .. } => None,
        }
    }

    /// The server has not answered the question whether it is there (RFC 4037 section 11.22).
    pub(crate) fn fell_silent(&mut self, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { .. } | State::Trial { .. } => self.open(now),
            State::Open { .. } => None,
        }
    }

    /// The trial did not come to try the server: the next transaction may.
    pub(crate) fn untried(&mut self, now: Instant) {
        if matches!(self.state, State::Trial { .. }) {
            self.state = State::Open { until: now };
        }
    }

    /// Whether nothing is wrong: then [`Self::succeeded`] and [`Self::admit`] change nothing.
    pub(crate) fn is_calm(&self) -> bool {
        self.state == State::Closed { failures: 0 }
    }

    fn open(&mut self, now: Instant) -> Option<Change> {
        if self.config.failures == 0 {
            return None;
        }
        self.state = State::Open { until: now + self.config.open };
        Some(Change::Opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Duration = Duration::from_secs(10);

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// A breaker that opens at the third failure, and a time to begin with.
    fn breaker() -> (Breaker, Instant) {
        (Breaker::new(BreakerConfig { failures: 3, open: OPEN }), Instant::now())
    }

    /// One that has opened.
    fn open() -> (Breaker, Instant) {
        let (mut breaker, now) = breaker();
        assert_eq!(breaker.fell_silent(now), Some(Change::Opened));
        (breaker, now)
    }

    #[test]
    fn it_opens_at_the_last_failure_in_a_row_and_no_earlier() {
        let (mut breaker, now) = breaker();
        assert!(breaker.is_calm());
        assert_eq!(breaker.failed(now), None);
        assert_eq!(breaker.failed(now), None);
        assert!(!breaker.is_calm());
        assert_eq!(breaker.admit(now), Admission::Free);
        assert_eq!(breaker.failed(now), Some(Change::Opened));
        assert_eq!(breaker.admit(now), Admission::Refused(OPEN));
    }

    #[test]
    fn a_success_in_between_begins_the_count_anew() {
        let (mut breaker, now) = breaker();
        for _ in 0..5 {
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.failed(now), None);
            assert_eq!(breaker.succeeded(), None, "it was closed all the time");
            assert!(breaker.is_calm());
        }
    }

    #[test]
    fn one_silence_is_enough() {
        let (mut breaker, now) = open();
        assert_eq!(breaker.admit(now + second(9)), Admission::Refused(second(1)));
        assert_eq!(breaker.fell_silent(now + second(5)), None, "another connection of the same server");
        assert_eq!(breaker.failed(now + second(5)), None);
        assert_eq!(breaker.admit(now + second(9)), Admission::Refused(second(1)), "which makes it no longer");
    }

    #[test]
    fn after_the_time_one_transaction_tries_and_the_others_wait_for_it() {
        let (mut breaker, now) = open();
        let then = now + OPEN;
        assert_eq!(breaker.admit(then), Admission::Trial);
        assert_eq!(breaker.admit(then), Admission::Refused(OPEN));
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert_eq!(breaker.admit(then), Admission::Free);
        assert!(breaker.is_calm());
    }

    #[test]
    fn a_trial_that_fails_opens_it_again_at_once() {
        for fail in [Breaker::failed, Breaker::fell_silent] {
            let (mut breaker, now) = open();
            let then = now + second(12);
            assert_eq!(breaker.admit(then), Admission::Trial);
            assert_eq!(fail(&mut breaker, then), Some(Change::Opened));
            assert_eq!(breaker.admit(then + second(9)), Admission::Refused(second(1)));
            assert_eq!(breaker.admit(then + OPEN), Admission::Trial);
        }
    }

    #[test]
    fn a_trial_that_comes_to_nothing_makes_way_for_another() {
        let (mut breaker, now) = open();
        let then = now + OPEN;
        assert_eq!(breaker.admit(then), Admission::Trial);
        breaker.untried(then);
        assert_eq!(breaker.admit(then), Admission::Trial);
        // And where nobody says so.
        assert_eq!(breaker.admit(then + second(9)), Admission::Refused(second(1)));
        assert_eq!(breaker.admit(then + OPEN), Admission::Trial);
        breaker.succeeded();
        breaker.untried(then);
        assert_eq!(breaker.admit(then), Admission::Free, "it is closed already");
    }

    #[test]
    fn a_success_of_what_was_under_way_closes_it() {
        let (mut breaker, now) = open();
        assert_eq!(breaker.succeeded(), Some(Change::Closed));
        assert_eq!(breaker.admit(now), Admission::Free);
    }

    #[test]
    fn without_a_number_it_never_opens() {
        let mut breaker = Breaker::new(BreakerConfig { failures: 0, open: OPEN });
        let now = Instant::now();
        assert_eq!((breaker.failed(now), breaker.fell_silent(now)), (None, None));
        assert_eq!(breaker.admit(now), Admission::Free);
    }
}

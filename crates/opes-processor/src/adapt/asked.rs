//! Whose trace records are accepted: those of the services that were asked, and of nobody else.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opes_profile::trace::same_agent;
use opes_sdk::TraceRecord;

/// How often strangers are logged.
const EVERY: Duration = Duration::from_secs(60);

/// Takes away the records of agents that are none of these services, and says how many they were.
pub(super) fn drop_strangers(records: &mut Vec<TraceRecord>, services: &[String]) -> u32 {
    let before = records.len();
    records.retain(|record| services.iter().any(|service| same_agent(service, &record.agent)));
    let strangers = u32::try_from(before - records.len()).unwrap_or(u32::MAX);
    if strangers > 0 {
        static LOG: Seldom = Seldom::new();
        if let Some(dropped) = LOG.add(strangers.into(), Instant::now()) {
            tracing::warn!(dropped, ?services, "trace records of agents that were not asked are dropped");
        }
    }
    strangers
}

/// Counts what may come often, so that it is logged seldom.
struct Seldom(Mutex<State>);

struct State {
    count: u64,
    logged: Option<Instant>,
}

impl Seldom {
    const fn new() -> Self {
        Self(Mutex::new(State { count: 0, logged: None }))
    }

    /// Adds so many: how many came since the last time, where it is time to log it.
    fn add(&self, more: u64, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.count = state.count.saturating_add(more);
        if state.logged.is_some_and(|logged| now.saturating_duration_since(logged) < EVERY) {
            return None;
        }
        state.logged = Some(now);
        Some(std::mem::take(&mut state.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_records_of_services_that_were_asked_are_accepted() {
        let services = ["http://s.example/a".to_owned(), "urn:b".to_owned()];
        let agents = ["http://s.example/a", "http://s.example/c", "HTTP://S.example/a", "", "urn:b", "urn:B"];
        let mut records: Vec<_> = agents.into_iter().map(TraceRecord::new).collect();
        assert_eq!(drop_strangers(&mut records, &services), 3);
        let left: Vec<_> = records.iter().map(|record| record.agent.as_str()).collect();
        assert_eq!(left, ["http://s.example/a", "HTTP://S.example/a", "urn:b"]);
        assert_eq!(drop_strangers(&mut records, &services), 0);
        assert_eq!(drop_strangers(&mut records, &[]), 3);
    }

    #[test]
    fn what_comes_often_is_logged_seldom_and_with_its_number() {
        let (seldom, start) = (Seldom::new(), Instant::now());
        assert_eq!(seldom.add(1, start), Some(1));
        for second in 1..60 {
            assert_eq!(seldom.add(2, start + Duration::from_secs(second)), None);
        }
        assert_eq!(seldom.add(1, start + EVERY), Some(119));
        assert_eq!(seldom.add(1, start), None, "a clock that stands still");
    }
}

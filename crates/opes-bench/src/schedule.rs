//! The arrivals of an open loop: fixed before the run begins, so that the server cannot delay them.

use std::time::Duration;

use crate::load::Extent;

/// Evenly spaced arrivals, numbered from the beginning of the warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    rate: f64,
    /// The first arrival after the warm-up.
    pub(crate) first_counted: u64,
    /// One past the last arrival.
    pub(crate) end: u64,
}

impl Schedule {
    pub(crate) fn new(rate: f64, warm_up: Duration, extent: Extent) -> Self {
        let before = |time: Duration| (time.as_secs_f64() * rate).ceil() as u64;
        let first_counted = before(warm_up);
        let end = match extent {
            Extent::Time(time) => before(warm_up + time),
            Extent::Count(count) => first_counted.saturating_add(count),
        };
        Self { rate, first_counted, end }
    }

    /// How many arrivals count.
    pub(crate) fn counted(&self) -> u64 {
        self.end - self.first_counted
    }

    /// When an arrival is due, from the beginning of the warm-up.
    pub(crate) fn due(&self, number: u64) -> Duration {
        // Past what a time can be is as good as never.
        Duration::try_from_secs_f64(number as f64 / self.rate).unwrap_or(Duration::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn arrivals_are_evenly_spaced() {
        let schedule = Schedule::new(4.0, Duration::ZERO, Extent::Time(SECOND));
        let due: Vec<_> = (0..schedule.end).map(|number| schedule.due(number).as_millis()).collect();
        assert_eq!(due, [0, 250, 500, 750]);
    }

    #[test]
    fn what_is_due_in_the_warm_up_does_not_count() {
        let schedule = Schedule::new(10.0, SECOND, Extent::Time(2 * SECOND));
        assert_eq!((schedule.first_counted, schedule.end, schedule.counted()), (10, 30, 20));
    }

    #[test]
    fn a_count_is_kept_to_the_one() {
        let schedule = Schedule::new(3.0, SECOND / 2, Extent::Count(7));
        assert_eq!((schedule.first_counted, schedule.counted()), (2, 7));
    }
}

//! When the original of a message waited for its services (RFC 4037 section 8.2, and where they are slow).

use std::time::Instant;

/// So many pauses of a message are kept with their times; of further ones only the number.
const KEPT: usize = 16;

/// A time in which nothing more of the original was taken, since the services had enough of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// From here on.
    pub start: Instant,
    /// Until here.
    pub end: Instant,
}

/// The pauses of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pauses {
    since: Option<Instant>,
    over: Vec<Pause>,
    left_out: u32,
}

impl Pauses {
    /// The original waits; whether it did not before.
    pub(super) fn begin(&mut self) -> bool {
        let begins = self.since.is_none();
        self.since.get_or_insert_with(Instant::now);
        begins
    }

    /// The original goes on, or is over.
    pub(super) fn end(&mut self) {
        let Some(start) = self.since.take() else { return };
        if self.over.len() < KEPT {
            self.over.push(Pause { start, end: Instant::now() });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Whether the original waits now.
    pub(super) fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// The first of them.
    pub fn over(&self) -> &[Pause] {
        &self.over
    }

    /// How many more there were.
    pub fn left_out(&self) -> u32 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lasts_from_its_first_sign_to_its_end() {
        let mut pauses = Pauses::default();
        pauses.end();
        assert_eq!([pauses.begin(), pauses.begin()], [true, false]);
        let before = Instant::now();
        pauses.end();
        pauses.end();
        let [pause] = pauses.over() else { panic!("one pause") };
        assert!(pause.start <= before && before <= pause.end);
    }

    #[test]
    fn of_pauses_without_end_the_first_are_kept_and_the_others_counted() {
        let mut pauses = Pauses::default();
        for _ in 0..100 {
            pauses.begin();
            pauses.end();
        }
        assert_eq!((pauses.over().len(), pauses.left_out()), (KEPT, 100 - KEPT as u32));
    }
}

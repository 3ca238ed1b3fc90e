//! Times and sizes, as people read and write them.

use std::time::Duration;

const DAY: u64 = 86_400;

/// A time in milliseconds since 1970 as in RFC 3339, in UTC; times after the year 9999 as that year's end.
pub(crate) fn utc(millis: u64) -> String {
    let millis = millis.min(253_402_300_799_999);
    let (seconds, rest) = (millis / 1000, millis % 1000);
    let (year, month, day) = date(seconds / DAY);
    let (hour, minute, second) = (seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

/// Reads `YYYY-MM-DDTHH:MM`, with seconds and a `Z` or not, as browsers and people write it, or milliseconds since 1970.
/// Always UTC. `None` where it is neither.
pub(crate) fn millis(text: &str) -> Option<u64> {
    if !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) {
        return text.parse().ok();
    }
    let (date, time) = text.strip_suffix('Z').unwrap_or(text).split_once(['T', ' '])?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = match clock.len() {
        5 => numbers(&format!("{clock}:00"), ':', [2, 2, 2])?,
        _ => numbers(clock, ':', [2, 2, 2])?,
    };
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=length(year, month)).contains(&day);
    if !fits || hour > 23 || minute > 59 || second > 59 || fraction.is_empty() || fraction.len() > 3 {
        return None;
    }
    let [fraction] = numbers(&format!("{fraction:0<3}"), '.', [3])?;
    let before: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = before + (1..month).map(|month| length(year, month)).sum::<u64>() + day - 1;
    Some((days * DAY + hour * 3600 + minute * 60 + second) * 1000 + fraction)
}

/// Numbers of exactly so many digits each.
fn numbers<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[u64; N]> {
    let mut pieces = text.split(separator);
    let mut found = [0; N];
    for (number, digits) in found.iter_mut().zip(digits) {
        let piece = pieces.next()?;
        if piece.len() != digits || !piece.bytes().all(|octet| octet.is_ascii_digit()) {
            return None;
        }
        *number = piece.parse().ok()?;
    }
    pieces.next().is_none().then_some(found)
}

/// The date of this day after the first of January 1970.
fn date(mut day: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    while day >= if leap(year) { 366 } else { 365 } {
        day -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let mut month = 1;
    while day >= length(year, month) {
        day -= length(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

fn leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// The days of a month.
fn length(year: u64, month: u64) -> u64 {
    match month {
        2 if leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Octets, in three digits or so.
pub(crate) fn octets(octets: u64) -> String {
    let mut value = octets as f64;
    for unit in ["octets", "kB", "MB", "GB", "TB", "PB"] {
        if value < 999.5 {
            return match unit {
                "octets" if octets == 1 => "1 octet".to_owned(),
                "octets" => format!("{octets} octets"),
                _ if value < 9.995 => format!("{value:.2} {unit}"),
                _ if value < 99.95 => format!("{value:.1} {unit}"),
                _ => format!("{value:.0} {unit}"),
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} EB")
}

/// Microseconds as milliseconds, or as seconds where there are many.
pub(crate) fn micros(micros: u64) -> String {
    match micros {
        0..1_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => format!("{}.{:02} s", micros / 1_000_000, micros % 1_000_000 / 10_000),
    }
}

/// A time that something lasts, in the largest unit of which it is a multiple.
pub(crate) fn lasting(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(DAY, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let fitting = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (unit, name) = fitting.unwrap_or((1, "second"));
    let number = seconds / unit;
    format!("{number} {name}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_written_and_read_in_utc() {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"),
            (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(utc(time), text);
            assert_eq!(millis(text), Some(time));
        }
        assert_eq!(utc(u64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(millis("2000-02-29T00:00"), Some(951_782_400_000));
        assert_eq!(millis("2000-02-29 00:00:01"), Some(951_782_401_000));
        assert_eq!(millis("951782400000"), Some(951_782_400_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "T",
            "x",
            "-1",
            "2001-02-29T00:00",
            "2000-13-01T00:00",
            "2000-00-01T00:00",
            "2000-01-00T00:00",
            "2000-01-01T24:00",
            "2000-01-01T00:60",
            "2000-01-01T00:00:60",
            "2000-1-01T00:00",
            "1969-12-31T23:59",
            "2000-01-01",
            "2000-01-01T00:00:00.",
            "2000-01-01T00:00:00.0001",
            "2000-01-01T00:00:00.é",
            "99999999999999999999999",
            "2000-01-01T00:00:00:00",
            "2000-01-01Té:é",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_read_as_it_was_written(time in 0..253_402_300_800_000_u64, other: String) {
            prop_assert_eq!(millis(&utc(time)), Some(time));
            let _ = millis(&other);
        }
    }

    #[test]
    fn sizes_and_spans_are_short() {
        let sizes = [0, 1, 999, 1000, 12_345, 1_000_000, u64::MAX].map(octets);
        assert_eq!(sizes, ["0 octets", "1 octet", "999 octets", "1.00 kB", "12.3 kB", "1.00 MB", "18.4 EB"]);
        let took = [0, 1_234, 999_999, 1_000_000, 10_056_789].map(micros);
        assert_eq!(took, ["0.0 ms", "1.2 ms", "999.9 ms", "1.00 s", "10.05 s"]);
        let spans = [0, 1, 90, 120, 3600, 7 * DAY].map(|seconds| lasting(Duration::from_secs(seconds)));
        assert_eq!(spans, ["0 seconds", "1 second", "90 seconds", "2 minutes", "1 hour", "7 days"]);
    }
}

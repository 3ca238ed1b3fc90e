//! The processor time of another process, as the operating system counts it.

use std::time::Duration;

/// Clock ticks a second of `/proc`, which Linux fixes for programs.
const TICKS: u64 = 100;

/// User and system time of the process so far; `None` when it does not exist.
pub(crate) fn of(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold spaces; the fields after it do not.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS))
}

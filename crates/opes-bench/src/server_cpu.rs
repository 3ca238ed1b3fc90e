//! The processor time of another process, as the operating system counts it.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// Clock ticks a second of `/proc`, which Linux fixes for programs.
const TICKS: u64 = 100;

/// What a process has used, and who started it.
struct Usage {
    parent: u32,
    ticks: u64,
}

/// User and system time so far of a process and of all that it has started and that still run (servers like c-icap
/// work in children); `None` when it does not exist.
pub(crate) fn of(pid: u32) -> Option<Duration> {
    let processes: HashMap<u32, Usage> = fs::read_dir("/proc")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, usage(pid)?)))
        .collect();
    processes.get(&pid)?;
    let ticks: u64 = processes
        .iter()
        .filter(|(of, _)| descends(&processes, **of, pid))
        .map(|(_, usage)| usage.ticks)
        .sum();
    Some(Duration::from_millis(ticks * 1000 / TICKS))
}

fn usage(pid: u32) -> Option<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command's name may hold spaces; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Usage { parent: fields.get(1)?.parse().ok()?, ticks: number(11)? + number(12)? })
}

fn descends(processes: &HashMap<u32, Usage>, of: u32, ancestor: u32) -> bool {
    let mut line = std::iter::successors(Some(of), |pid| processes.get(pid).map(|usage| usage.parent));
    // Process ids that are used again while they are read could make a circle.
    line.by_ref().take(processes.len()).any(|pid| pid == ancestor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_and_what_it_has_started_are_found() {
        let own = std::process::id();
        assert!(of(own).is_some());
        assert!(of(u32::MAX).is_none());
        let process = |parent| Usage { parent, ticks: 0 };
        let tree = HashMap::from([(1, process(0)), (2, process(1)), (3, process(2)), (4, process(1))]);
        let line: Vec<_> = (1..=4).map(|of| descends(&tree, of, 2)).collect();
        assert_eq!(line, [false, true, true, false]);
    }
}

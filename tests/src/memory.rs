//! Resident memory of a process, as the kernel counts it.

/// How much a process may grow where a test says that its memory stays bounded: 32 MiB.
pub const BOUND: u64 = 32 << 20;

/// Resident octets of a process now.
#[must_use]
pub fn resident(id: u32) -> u64 {
    status(id, "VmRSS:")
}

/// The most octets that were ever resident, so that a peak between two looks is not missed.
#[must_use]
pub fn peak(id: u32) -> u64 {
    status(id, "VmHWM:")
}

/// How many files and connections a process has open now.
#[must_use]
pub fn descriptors(id: u32) -> usize {
    let path = format!("/proc/{id}/fd");
    std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}")).count()
}

/// Watches a process over a stretch of work.
#[derive(Debug)]
pub struct Watch {
    id: u32,
    name: &'static str,
    before: u64,
}

impl Watch {
    /// Notes what is resident now.
    #[must_use]
    pub fn begin(name: &'static str, id: u32) -> Self {
        Self { id, name, before: resident(id) }
    }

    /// Asserts that the process never grew by [`BOUND`] since.
    pub fn assert_bounded(&self) {
        self.assert_below(BOUND);
    }

    /// The same with a bound of its own.
    pub fn assert_below(&self, bound: u64) {
        let growth = peak(self.id).saturating_sub(self.before);
        println!(
            "{}: {} KiB resident before, at most {} KiB more",
            self.name,
            self.before >> 10,
            growth >> 10
        );
        assert!(growth < bound, "{} grew by {} KiB from {} KiB", self.name, growth >> 10, self.before >> 10);
    }
}

fn status(id: u32, key: &str) -> u64 {
    let path = format!("/proc/{id}/status");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_else(|| panic!("{path} has no {key}")) << 10
}

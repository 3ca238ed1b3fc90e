//! The file of `opes bench compare`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use opes_bench::{Entry, Load, Mode, Target};
use serde::Deserialize;
use thiserror::Error;

use super::args::{self, ModeArg, ProfileArg, Timing};

/// What is wrong with the file.
#[derive(Debug, Error)]
pub(super) enum PlanError {
    #[error("{0}")]
    Read(#[from] std::io::Error),
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    #[error("targets: expected at least one")]
    NoTarget,
    #[error("sizes: expected at least one")]
    NoSize,
    #[error("targets: two have the name {0:?}")]
    SameName(String),
    #[error("base: no target has the name {0:?}")]
    NoBase(String),
    #[error("rate and think_ms exclude each other")]
    RateAndThink,
    #[error("server_pid_file: expected a process id in {}", .0.display())]
    PidFile(PathBuf),
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    targets: Vec<TargetTable>,
    base: Option<String>,
    #[serde(default = "sizes")]
    sizes: Vec<usize>,
    #[serde(default = "chunk")]
    chunk: usize,
    #[serde(default = "inflight")]
    inflight: usize,
    #[serde(default = "connections")]
    connections: usize,
    #[serde(default = "seconds")]
    seconds: u64,
    count: Option<u64>,
    warm_up_ms: Option<u64>,
    rate: Option<f64>,
    think_ms: Option<u64>,
    #[serde(default = "runs")]
    runs: usize,
    #[serde(default)]
    mode: ModeArg,
    #[serde(default)]
    profile: ProfileArg,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetTable {
    name: String,
    kind: Kind,
    address: SocketAddr,
    connections: Option<usize>,
    server_pid: Option<u32>,
    server_pid_file: Option<PathBuf>,
    services: Option<Vec<String>>,
    path: Option<String>,
    preview: Option<usize>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Ocp,
    Icap,
    ExtProc,
    Raw,
}

impl From<Kind> for Target {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Ocp => Self::Ocp,
            Kind::Icap => Self::Icap,
            Kind::ExtProc => Self::ExtProc,
            Kind::Raw => Self::Raw,
        }
    }
}

fn sizes() -> Vec<usize> {
    vec![1024]
}

fn chunk() -> usize {
    args::CHUNK
}

fn inflight() -> usize {
    args::INFLIGHT
}

fn connections() -> usize {
    args::CONNECTIONS
}

fn seconds() -> u64 {
    args::SECONDS
}

fn runs() -> usize {
    3
}

/// What is compared.
#[derive(Debug)]
pub(super) struct Plan {
    /// The entries of each size.
    pub(super) sizes: Vec<(usize, Vec<Entry>)>,
    pub(super) runs: usize,
    /// The entry that the others are compared to.
    pub(super) base: usize,
    pub(super) mode: Mode,
}

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Plan, PlanError> {
    parse(&std::fs::read_to_string(path)?)
}

fn parse(text: &str) -> Result<Plan, PlanError> {
    let file: File = toml::from_str(text)?;
    let names: Vec<&str> = file.targets.iter().map(|target| target.name.as_str()).collect();
    if names.is_empty() {
        return Err(PlanError::NoTarget);
    }
    if file.sizes.is_empty() {
        return Err(PlanError::NoSize);
    }
    if file.rate.is_some() && file.think_ms.is_some() {
        return Err(PlanError::RateAndThink);
    }
    if let Some(name) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
        return Err(PlanError::SameName((*name.1).to_owned()));
    }
    let base = match &file.base {
        None => 0,
        Some(base) => {
            let at = names.iter().position(|name| name == base);
            at.ok_or_else(|| PlanError::NoBase(base.clone()))?
        }
    };
    let mut sizes = Vec::new();
    for &size in &file.sizes {
        let entries: Result<_, _> = file.targets.iter().map(|target| entry(&file, target, size)).collect();
        sizes.push((size, entries?));
    }
    Ok(Plan { sizes, runs: file.runs.max(1), base, mode: file.mode.into() })
}

fn entry(file: &File, target: &TargetTable, size: usize) -> Result<Entry, PlanError> {
    let timing = Timing {
        seconds: file.seconds,
        count: file.count,
        warm_up_ms: file.warm_up_ms,
        rate: file.rate,
        think_ms: file.think_ms,
    };
    let mode = file.mode.into();
    let server_pid = match &target.server_pid_file {
        None => target.server_pid,
        Some(path) => Some(pid(path)?),
    };
    let load = Load {
        target: target.kind.into(),
        address: target.address,
        size,
        chunk: file.chunk.max(1),
        inflight: file.inflight.max(1),
        connections: target.connections.unwrap_or(file.connections),
        arrivals: timing.arrivals(),
        extent: timing.extent(),
        warm_up: timing.warm_up(),
        mode,
        profile: file.profile.into(),
        services: target.services.clone().unwrap_or_else(|| vec![args::stock_service(mode)]),
        path: target.path.clone().unwrap_or_else(|| args::ICAP_PATH.to_owned()),
        background: None,
        preview: target.preview,
        server_pid,
    };
    Ok(Entry { name: target.name.clone(), load })
}

fn pid(path: &Path) -> Result<u32, PlanError> {
    let text = std::fs::read_to_string(path).ok();
    text.and_then(|text| text.trim().parse().ok()).ok_or_else(|| PlanError::PidFile(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGETS: &str = "[[targets]]\nname = \"a\"\nkind = \"ocp\"\naddress = \"127.0.0.1:1\"\n\
                           [[targets]]\nname = \"b\"\nkind = \"icap\"\naddress = \"127.0.0.1:2\"\npath = \"x\"\n";

    #[test]
    fn every_size_has_every_target() {
        let plan = parse(&format!("sizes = [1, 2]\nbase = \"b\"\nruns = 5\n{TARGETS}")).unwrap();
        let found: Vec<_> = plan
            .sizes
            .iter()
            .flat_map(|(size, entries)| {
                entries.iter().map(move |entry| (*size, entry.name.as_str(), entry.load.size))
            })
            .collect();
        assert_eq!(found, [(1, "a", 1), (1, "b", 1), (2, "a", 2), (2, "b", 2)]);
        assert_eq!((plan.base, plan.runs), (1, 5));
        let load = &plan.sizes[0].1[1].load;
        assert_eq!((load.path.as_str(), load.connections()), ("x", args::INFLIGHT));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, why) in [
            (format!("sizes = []\n{TARGETS}"), "sizes"),
            ("targets = []".to_owned(), "targets"),
            (format!("{TARGETS}{TARGETS}"), "two have the name \"a\""),
            (format!("base = \"c\"\n{TARGETS}"), "base"),
            (format!("rate = 5.0\nthink_ms = 1\n{TARGETS}"), "exclude"),
            (format!("surely-unknown = 1\n{TARGETS}"), "unknown field"),
            (format!("{TARGETS}server_pid_file = \"/nowhere\""), "/nowhere"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(why), "{why:?} in {error}");
        }
    }
}

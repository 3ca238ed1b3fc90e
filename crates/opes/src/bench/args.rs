//! What a single target is measured with.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opes_bench::{Arrivals, Extent, Load, Mode, Profile, Target};
use serde::Deserialize;

use super::Files;

/// What every target is told.
#[derive(Debug, Args)]
pub(super) struct LoadArgs {
    /// Where it listens
    pub(super) addr: SocketAddr,
    /// Octets of the body
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Octets of one piece of the body
    #[arg(long, default_value_t = CHUNK)]
    chunk: usize,
    /// Transactions at a time, over all connections
    #[arg(long, default_value_t = INFLIGHT)]
    inflight: usize,
    /// Connections; where one carries one transaction at a time, as many as there are in flight
    #[arg(long, default_value_t = CONNECTIONS)]
    connections: usize,
    /// How long each run is measured
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// End each run after so many transactions instead
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How long each run goes before it is measured; by default a tenth of `--seconds`
    #[arg(long, value_name = "MS")]
    warm_up_ms: Option<u64>,
    /// Start so many transactions a second, whatever the server does, and count their latency from when they were due
    #[arg(long, value_name = "N", conflicts_with = "think_ms")]
    rate: Option<f64>,
    /// Pause before each place in flight is used again
    #[arg(long, value_name = "MS")]
    think_ms: Option<u64>,
    /// How many runs
    #[arg(long, default_value_t = 1)]
    pub(super) runs: usize,
    /// What the service does: `echo` has the whole message come back, `look` lets it stay
    #[arg(long, value_enum, default_value_t = ModeArg::Echo)]
    mode: ModeArg,
    /// The kind of message
    #[arg(long, value_enum, default_value_t = ProfileArg::Response)]
    profile: ProfileArg,
    /// Report the processor time of this process, and of what it has started, per transaction
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    #[command(flatten)]
    pub(super) files: Files,
}

/// What only OCP knows.
#[derive(Debug, Args)]
pub(super) struct OcpArgs {
    /// The services to ask for; by default `identity` for echo and `digest` for look
    #[arg(long = "service", value_name = "URI")]
    services: Vec<String>,
    /// Send other messages of this size over the same connections, which are checked but not counted
    #[arg(long, value_name = "OCTETS", requires = "background_rate")]
    background_size: Option<usize>,
    /// How many of those a second
    #[arg(long, value_name = "N", requires = "background_size")]
    background_rate: Option<f64>,
}

/// What only ICAP knows.
#[derive(Debug, Args)]
pub(super) struct IcapArgs {
    /// The service on the server
    #[arg(long, default_value = ICAP_PATH)]
    path: String,
    /// Show the server so many octets of the body before it says whether it wants the rest
    #[arg(long, value_name = "OCTETS")]
    preview: Option<usize>,
}

/// The defaults that a list of targets shares.
pub(super) const CHUNK: usize = 65_536;
pub(super) const INFLIGHT: usize = 64;
pub(super) const CONNECTIONS: usize = 4;
pub(super) const SECONDS: u64 = 3;
pub(super) const ICAP_PATH: &str = "echo";

#[derive(Debug, Clone, Copy, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeArg {
    #[default]
    Echo,
    Look,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Echo => Self::Echo,
            ModeArg::Look => Self::Look,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProfileArg {
    Request,
    #[default]
    Response,
}

impl From<ProfileArg> for Profile {
    fn from(profile: ProfileArg) -> Self {
        match profile {
            ProfileArg::Request => Self::Request,
            ProfileArg::Response => Self::Response,
        }
    }
}

/// What says when a run ends and when its transactions start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) seconds: u64,
    pub(super) count: Option<u64>,
    pub(super) warm_up_ms: Option<u64>,
    pub(super) rate: Option<f64>,
    pub(super) think_ms: Option<u64>,
}

impl Timing {
    pub(super) fn extent(self) -> Extent {
        self.count.map_or_else(|| Extent::Time(self.time()), |count| Extent::Count(count.max(1)))
    }

    pub(super) fn warm_up(self) -> Duration {
        self.warm_up_ms.map_or_else(|| self.time() / 10, Duration::from_millis)
    }

    pub(super) fn arrivals(self) -> Arrivals {
        let think = Duration::from_millis(self.think_ms.unwrap_or_default());
        self.rate.map_or(Arrivals::Closed { think }, |rate| Arrivals::Open { rate })
    }

    fn time(self) -> Duration {
        Duration::from_secs(self.seconds.max(1))
    }
}

/// The service that does this on a callout server of ours.
pub(super) fn stock_service(mode: Mode) -> String {
    let name = match mode {
        Mode::Echo => "identity",
        Mode::Look => "digest",
    };
    format!("http://services.example.com/{name}")
}

impl LoadArgs {
    pub(super) fn load(&self, target: Target, ocp: Option<&OcpArgs>, icap: Option<&IcapArgs>) -> Load {
        let timing = Timing {
            seconds: self.seconds,
            count: self.count,
            warm_up_ms: self.warm_up_ms,
            rate: self.rate,
            think_ms: self.think_ms,
        };
        let mode = self.mode.into();
        let services = ocp.map(|ocp| ocp.services.clone()).filter(|services| !services.is_empty());
        Load {
            target,
            address: self.addr,
            size: self.size,
            chunk: self.chunk.max(1),
            inflight: self.inflight.max(1),
            connections: self.connections,
            arrivals: timing.arrivals(),
            extent: timing.extent(),
            warm_up: timing.warm_up(),
            mode,
            profile: self.profile.into(),
            services: services.unwrap_or_else(|| vec![stock_service(mode)]),
            path: icap.map_or_else(|| ICAP_PATH.to_owned(), |icap| icap.path.clone()),
            background: ocp.and_then(|ocp| ocp.background_size.zip(ocp.background_rate)),
            preview: icap.and_then(|icap| icap.preview),
            server_pid: self.server_pid,
        }
    }
}

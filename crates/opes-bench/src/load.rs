//! What is measured, and how a run goes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use thiserror::Error;

use crate::{ocp, raw, server_cpu};

/// What kind of server is put under load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An OCP callout server.
    Ocp,
    /// An echo of length-prefixed messages: what the machine and its loopback give at best.
    Raw,
}

impl Target {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ocp => "ocp",
            Self::Raw => "raw",
        }
    }
}

/// What the service does with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The whole message comes back over the wire, and every octet is checked.
    Echo,
    /// The service only looks; the load generator keeps the message, so that it need not come back.
    Look,
}

impl Mode {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Look => "look",
        }
    }
}

pub use opes_profile::http::Profile;

/// A load.
#[derive(Debug, Clone)]
pub struct Load {
    /// What kind of server it is.
    pub target: Target,
    /// Where it listens.
    pub address: SocketAddr,
    /// Octets of the body.
    pub size: usize,
    /// Octets of one piece of the body.
    pub chunk: usize,
    /// Transactions at a time, over all connections.
    pub inflight: usize,
    /// Connections.
    pub connections: usize,
    /// How long it is measured; a tenth of it more goes before, to warm up.
    pub time: Duration,
    /// What the service does.
    pub mode: Mode,
    /// The application profile.
    pub profile: Profile,
    /// The services to ask for.
    pub services: Vec<String>,
    /// The server's process, whose processor time is reported.
    pub server_pid: Option<u32>,
}

/// What one run has shown.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Transactions that ended well within the measured time.
    pub transactions: u64,
    /// Transactions that failed or came back wrong.
    pub errors: u64,
    /// The measured time.
    pub elapsed: Duration,
    /// The time from a transaction's start to its end, in nanoseconds.
    pub latency: Histogram<u64>,
    /// Octets written to the server.
    pub octets_out: u64,
    /// Octets read from the server.
    pub octets_in: u64,
    /// Processor time of the server.
    pub server_cpu: Option<Duration>,
}

impl Outcome {
    /// Transactions a second.
    pub fn rate(&self) -> f64 {
        self.transactions as f64 / self.elapsed.as_secs_f64()
    }

    /// Per transaction.
    pub fn per_transaction(&self, total: u64) -> f64 {
        total as f64 / self.transactions.max(1) as f64
    }

    /// Processor time of the server per transaction, in microseconds.
    pub fn server_cpu_us(&self) -> Option<f64> {
        self.server_cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / self.transactions.max(1) as f64)
    }

    /// A latency percentile in microseconds.
    pub fn percentile_us(&self, percentile: f64) -> f64 {
        self.latency.value_at_percentile(percentile) as f64 / 1000.0
    }
}

/// Why there is no outcome.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The server cannot be reached, or the connection failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The server does not do what the load needs.
    #[error("{0}")]
    Server(String),
}

/// What the connections of a run count together.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) measuring: bool,
    pub(crate) stopping: bool,
    pub(crate) transactions: u64,
    pub(crate) errors: u64,
    pub(crate) latency: Histogram<u64>,
    pub(crate) octets_out: u64,
    pub(crate) octets_in: u64,
}

impl Tally {
    fn new() -> Self {
        // Up to a minute in nanoseconds with three digits fits any histogram.
        let latency = Histogram::new_with_bounds(1, 60_000_000_000, 3).unwrap_or_else(|_| empty());
        Self {
            measuring: false,
            stopping: false,
            transactions: 0,
            errors: 0,
            latency,
            octets_out: 0,
            octets_in: 0,
        }
    }

    /// Counts a transaction that began at `begun`.
    pub(crate) fn ended(&mut self, begun: Instant, now: Instant, good: bool) {
        if !self.measuring {
            return;
        }
        if good {
            self.transactions += 1;
            self.latency.saturating_record((now - begun).as_nanos() as u64);
        } else {
            self.errors += 1;
        }
    }
}

fn empty() -> Histogram<u64> {
    // The arguments are constants that the library accepts.
    #[allow(clippy::expect_used)]
    Histogram::new(3).expect("three digits are a valid precision")
}

/// Runs a load on a thread of its own runtime.
///
/// # Errors
/// The server cannot be reached or refuses.
pub fn run(load: &Load) -> Result<Outcome, BenchError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, measure(load))
}

async fn measure(load: &Load) -> Result<Outcome, BenchError> {
    let tally = std::rc::Rc::new(std::cell::RefCell::new(Tally::new()));
    let mut connections = Vec::new();
    for number in 0..load.connections {
        let share = load.inflight / load.connections + usize::from(number < load.inflight % load.connections);
        let tally = std::rc::Rc::clone(&tally);
        let load = load.clone();
        connections.push(tokio::task::spawn_local(async move {
            match load.target {
                Target::Ocp => ocp::drive(load, share, tally).await,
                Target::Raw => raw::drive(load, share, tally).await,
            }
        }));
    }
    tokio::time::sleep(load.time / 10).await;
    let cpu = load.server_pid.and_then(server_cpu::of);
    let begun = Instant::now();
    tally.borrow_mut().measuring = true;
    tokio::time::sleep(load.time).await;
    let elapsed = begun.elapsed();
    let cpu = load.server_pid.and_then(server_cpu::of).zip(cpu).map(|(after, before)| after - before);
    {
        let mut tally = tally.borrow_mut();
        tally.measuring = false;
        tally.stopping = true;
    }
    for connection in connections {
        if connection.is_finished() {
            connection.await.map_err(|error| BenchError::Server(error.to_string()))??;
        } else {
            connection.abort();
        }
    }
    let tally = tally.borrow();
    if tally.transactions == 0 {
        return Err(BenchError::Server("no transaction came to an end".to_owned()));
    }
    Ok(Outcome {
        transactions: tally.transactions,
        errors: tally.errors,
        elapsed,
        latency: tally.latency.clone(),
        octets_out: tally.octets_out,
        octets_in: tally.octets_in,
        server_cpu: cpu,
    })
}

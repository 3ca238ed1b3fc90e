//! `opes bench`: arguments, table and JSON of the load generator.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opes_bench::{Load, Mode, Outcome, Profile, Target};

use crate::cli::CommandError;
use crate::commands::announce;

/// What `opes bench` is told.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What kind of server is measured
    target: TargetArg,
    /// Where it listens
    addr: SocketAddr,
    /// Octets of the body
    #[arg(long, default_value_t = 1024)]
    size: usize,
    /// Octets of one piece of the body
    #[arg(long, default_value_t = 65_536)]
    chunk: usize,
    /// Transactions at a time, over all connections
    #[arg(long, default_value_t = 64)]
    inflight: usize,
    /// Connections
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// How long each run is measured
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// How many runs
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// What the service does: `echo` has the whole message come back, `look` lets it stay
    #[arg(long, value_enum, default_value_t = ModeArg::Echo)]
    mode: ModeArg,
    /// The application profile
    #[arg(long, value_enum, default_value_t = ProfileArg::Response)]
    profile: ProfileArg,
    /// The services to ask for; by default `identity` for echo and `digest` for look
    #[arg(long = "service", value_name = "URI")]
    services: Vec<String>,
    /// Report the processor time of this process per transaction
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Write the results to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Serve the target instead of measuring it (only `raw`)
    #[arg(long)]
    serve: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TargetArg {
    /// An OCP callout server
    Ocp,
    /// An echo of length-prefixed messages: the limit of this machine
    Raw,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeArg {
    Echo,
    Look,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ProfileArg {
    Request,
    Response,
}

impl BenchArgs {
    fn load(&self) -> Load {
        let mode = match self.mode {
            ModeArg::Echo => Mode::Echo,
            ModeArg::Look => Mode::Look,
        };
        let stock = match mode {
            Mode::Echo => "http://services.example.com/identity",
            Mode::Look => "http://services.example.com/digest",
        };
        Load {
            target: match self.target {
                TargetArg::Ocp => Target::Ocp,
                TargetArg::Raw => Target::Raw,
            },
            address: self.addr,
            size: self.size,
            chunk: self.chunk,
            inflight: self.inflight.max(1),
            connections: self.connections.clamp(1, self.inflight.max(1)),
            time: Duration::from_secs(self.seconds.max(1)),
            mode,
            profile: match self.profile {
                ProfileArg::Request => Profile::Request,
                ProfileArg::Response => Profile::Response,
            },
            services: if self.services.is_empty() { vec![stock.to_owned()] } else { self.services.clone() },
            server_pid: self.server_pid,
        }
    }
}

/// Runs `opes bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(format!("{}: {error}", args.addr));
    if args.serve {
        return match args.target {
            TargetArg::Raw => opes_bench::serve_raw(args.addr, |address| announce(address, ""))
                .map_err(|error| failed(&error)),
            TargetArg::Ocp => Err(CommandError::Failed("an OCP server is `opes server`".to_owned())),
        };
    }
    let load = args.load();
    println!("{HEADINGS}");
    let mut objects = Vec::new();
    for _ in 0..args.runs.max(1) {
        let outcome = opes_bench::run(&load).map_err(|error| failed(&error))?;
        println!("{}", row(&load, &outcome));
        objects.push(json(&load, &outcome));
    }
    if let Some(file) = &args.json {
        let text = format!("[{}]\n", objects.join(",\n "));
        std::fs::write(file, text)
            .map_err(|error| CommandError::Failed(format!("{}: {error}", file.display())))?;
    }
    Ok(())
}

const HEADINGS: &str = "target  mode      size inflight conns        tx/s    MB/s   p50 µs   p99 µs  cpu µs   out/tx    in/tx errors";

fn row(load: &Load, outcome: &Outcome) -> String {
    format!(
        "{:<7} {:<4} {:>9} {:>8} {:>5} {:>11.0} {:>7.0} {:>8.1} {:>8.1} {:>7} {:>8.0} {:>8.0} {:>6}",
        load.target.name(),
        load.mode.name(),
        load.size,
        load.inflight,
        load.connections,
        outcome.rate(),
        outcome.rate() * load.size as f64 / 1e6,
        outcome.percentile_us(50.0),
        outcome.percentile_us(99.0),
        outcome.server_cpu_us().map_or_else(|| "-".to_owned(), |cpu| format!("{cpu:.2}")),
        outcome.per_transaction(outcome.octets_out),
        outcome.per_transaction(outcome.octets_in),
        outcome.errors,
    )
}

fn json(load: &Load, outcome: &Outcome) -> String {
    format!(
        "{{\"target\": \"{}\", \"size\": {}, \"inflight\": {}, \"connections\": {}, \"mode\": \"{}\", \
         \"tx_per_s\": {:.1}, \"p50_us\": {:.2}, \"p99_us\": {:.2}, \"octets_out\": {:.1}, \"octets_in\": {:.1}, \
         \"server_cpu_us\": {}, \"errors\": {}}}",
        load.target.name(),
        load.size,
        load.inflight,
        load.connections,
        load.mode.name(),
        outcome.rate(),
        outcome.percentile_us(50.0),
        outcome.percentile_us(99.0),
        outcome.per_transaction(outcome.octets_out),
        outcome.per_transaction(outcome.octets_in),
        outcome.server_cpu_us().map_or_else(|| "null".to_owned(), |cpu| format!("{cpu:.3}")),
        outcome.errors,
    )
}

//! The command line.

use std::io::{IsTerminal, stderr};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use thiserror::Error;
use tracing_subscriber::EnvFilter;

use crate::commands;
use crate::config::ConfigError;
use crate::decode;
use crate::demo;

/// Adapts HTTP messages by services on callout servers, with the OPES callout protocol (RFC 4037, RFC 4236).
#[derive(Debug, Parser)]
#[command(
    name = "opes",
    version,
    about,
    after_help = "Logs go to standard error; OPES_LOG sets their level (error, warn, info, debug)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a callout server: hosts services for OPES processors
    ///
    /// Prints `listening on ADDR` once it accepts connections. SIGTERM or SIGINT ends it: transactions under way are
    /// finished first, for up to `drain_seconds`.
    Server {
        /// The configuration file (TOML)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Listen here instead of where the configuration says; port 0 asks for a free port
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Run an OPES processor: an HTTP proxy whose messages are adapted by callout servers
    ///
    /// A reverse proxy when the configuration names an `origin`, a forward proxy when not. Prints
    /// `listening on ADDR (proxy)` once it accepts connections.
    Proxy {
        /// The configuration file (TOML)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Listen here instead of where the configuration says; port 0 asks for a free port
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Run a gateway: an OPES processor for proxies that speak ICAP
    ///
    /// What they send is adapted by the same rules and services as by `opes proxy`. Prints `listening on ADDR (icap)`
    /// once it accepts connections.
    #[cfg(feature = "icap")]
    Gateway {
        /// The configuration file (TOML)
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Show everything at work: a small origin, a callout server and a proxy, in one process on loopback
    Demo {
        /// Where the proxy listens
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Put a server under load and report throughput, latency and octets on the wire
    Bench(Box<crate::bench::BenchArgs>),
    /// Print captured OCP readably, message by message, and mark what violates the protocol
    ///
    /// A capture is the raw octets of one direction of a connection. With two files, the first is what the processor
    /// sent and the second what the callout server sent; then the two are also checked against each other.
    ///
    /// A violation is a line that begins with `! ` and the requirement's id in proto-spec/rfc4037.toml. Exit status: 0
    /// when there is none, 1 when there is one, 2 when a file cannot be read.
    Decode {
        /// Up to two captures; `-`, or none at all, is standard input
        #[arg(value_name = "FILE", num_args = 0..=2)]
        files: Vec<PathBuf>,
    },
    /// Ask a callout server what it supports, and how fast it answers
    ///
    /// Connects as an OPES processor, negotiates an HTTP profile and asks. Each service is asked for on a connection of
    /// its own. Exit status: 0 when the server speaks OCP and refuses nothing that was asked for, 1 otherwise.
    Probe(crate::probe::ProbeArgs),
    /// Read OPES traces
    #[command(subcommand)]
    Trace(crate::trace::TraceCommand),
    /// Check a configuration file of a server, a proxy or a gateway; exit status 0 when it is good, 2 when not
    ///
    /// With --explain it also says which rules of a proxy or a gateway would match a message, and why.
    Check {
        /// The configuration file (TOML)
        file: PathBuf,
        #[command(flatten)]
        explain: crate::explain::ExplainArgs,
    },
}

/// Why a command ends with a failure.
#[derive(Debug, Error)]
pub(crate) enum CommandError {
    /// Exit status 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Exit status 2.
    #[error("{0}")]
    Input(String),
    /// Exit status 1.
    #[error("{0}")]
    Failed(String),
}

/// Runs the command that the arguments name.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr();
    let done = match cli.command {
        Command::Server { config, listen } => block_on(commands::server(&config, listen)),
        Command::Proxy { config, listen } => block_on(commands::proxy(&config, listen)),
        #[cfg(feature = "icap")]
        Command::Gateway { config } => block_on(commands::gateway(&config)),
        Command::Demo { listen } => block_on(demo::run(listen)),
        Command::Bench(args) => crate::bench::run(&args),
        Command::Probe(args) => block_on(crate::probe::run(args)),
        Command::Trace(command) => block_on(crate::trace::run(&command)),
        Command::Decode { files } => decode::run(&files),
        Command::Check { file, explain } => commands::check(&file, &explain),
    };
    let error = match done {
        Ok(()) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    eprintln!("opes: {error}");
    match error {
        CommandError::Config(_) | CommandError::Input(_) => ExitCode::from(2),
        CommandError::Failed(_) => ExitCode::FAILURE,
    }
}

fn block_on(command: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CommandError::Failed(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(command)
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("OPES_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        // It would be told where the log itself cannot be written, and end the thread that logs.
        .log_internal_errors(false)
        .init();
}

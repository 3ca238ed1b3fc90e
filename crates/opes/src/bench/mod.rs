//! `opes bench`: puts servers under load and reports what they do.

mod args;
mod compare;
mod json;
mod plan;
mod progress;
mod table;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use opes_bench::{BenchError, Entry, Step, Summary, Target, interleave};

use crate::cli::CommandError;
use crate::commands::announce;
use args::{IcapArgs, LoadArgs, OcpArgs};
use progress::Bar;

/// What `opes bench` is told.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure an OCP callout server
    Ocp {
        #[command(flatten)]
        load: LoadArgs,
        #[command(flatten)]
        ocp: OcpArgs,
    },
    /// Measure an ICAP server: RESPMOD for responses, REQMOD for requests, one message at a time on each connection
    Icap {
        #[command(flatten)]
        load: LoadArgs,
        #[command(flatten)]
        icap: IcapArgs,
        /// Serve a small ICAP echo at ADDR instead of measuring
        #[arg(long)]
        serve: bool,
    },
    /// Measure a processor of Envoy's ext_proc filter, with a gRPC stream for each message (only in a build with
    /// `--features ext-proc`)
    ExtProc {
        #[command(flatten)]
        load: LoadArgs,
        /// Serve a small processor that echoes at ADDR instead of measuring
        #[arg(long)]
        serve: bool,
    },
    /// Measure an echo of length-prefixed messages: the limit of this machine
    Raw {
        #[command(flatten)]
        load: LoadArgs,
        /// Serve that echo at ADDR instead of measuring
        #[arg(long)]
        serve: bool,
    },
    /// Measure several servers in turn and compare them
    ///
    /// FILE is TOML. For all targets: `sizes` (a list), `base` (the name of the target that the others are compared to;
    /// the first by default), `runs` (3 by default), and `inflight`, `connections`, `chunk`, `seconds`, `count`,
    /// `warm_up_ms`, `rate`, `think_ms`, `mode`, `profile` as the options of a single target. For each of them a table
    /// `[[targets]]` with `name`, `kind` (ocp, icap, ext-proc, raw), `address`, and where wanted `connections`,
    /// `server_pid` or `server_pid_file`, `services` (ocp), `path` and `preview` (icap).
    ///
    /// Every target has its first run before one has its second. Printed are all runs, then for each size the medians
    /// with their spread and how many times the median of the base they are.
    #[command(verbatim_doc_comment)]
    Compare {
        /// The list of targets
        file: PathBuf,
        #[command(flatten)]
        files: Files,
    },
}

/// Where results go, beside the table.
#[derive(Debug, Args)]
struct Files {
    /// Write the results of every run to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw latency by percentile and throughput over time into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// Runs `opes bench`.
pub(crate) fn run(args: &BenchArgs) -> Result<(), CommandError> {
    match &args.what {
        What::Ocp { load, ocp } => single(Target::Ocp, load, Some(ocp), None),
        What::Icap { load, serve: true, .. } => serve(load.addr, opes_bench::serve_icap),
        What::ExtProc { load, serve: true } => serve(load.addr, opes_bench::serve_ext_proc),
        What::Raw { load, serve: true } => serve(load.addr, opes_bench::serve_raw),
        What::Icap { load, icap, .. } => single(Target::Icap, load, None, Some(icap)),
        What::ExtProc { load, .. } => single(Target::ExtProc, load, None, None),
        What::Raw { load, .. } => single(Target::Raw, load, None, None),
        What::Compare { file, files } => compare::run(file, files),
    }
}

fn serve(
    address: SocketAddr,
    server: impl FnOnce(SocketAddr, fn(SocketAddr)) -> io::Result<()>,
) -> Result<(), CommandError> {
    let served = server(address, |address| announce(address, ""));
    served.map_err(|error| CommandError::Failed(format!("{address}: {error}")))
}

fn single(
    target: Target,
    args: &LoadArgs,
    ocp: Option<&OcpArgs>,
    icap: Option<&IcapArgs>,
) -> Result<(), CommandError> {
    let entry = Entry { name: target.name().to_owned(), load: args.load(target, ocp, icap) };
    let entries = std::slice::from_ref(&entry);
    let runs = args.runs.max(1);
    let summaries = measure(entries, runs)?;
    if runs > 1 {
        shown(table::spread(&mut io::stdout(), entries, &summaries, None))?;
    }
    let title = format!("{} octets, {}", entry.load.size, entry.load.mode.name());
    write(&args.files, &[(title, entries, &summaries)])
}

/// Runs the entries in turn and prints a row for each run.
fn measure(entries: &[Entry], runs: usize) -> Result<Vec<Summary>, CommandError> {
    let mut bar = Bar::new(entries.len() * runs);
    let mut shown_all = table::headings(&mut io::stdout());
    let summaries = interleave(entries, runs, |entry, _, step| match step {
        Step::Progress(progress) => bar.show(&entry.name, &progress),
        Step::Done(outcome) => {
            bar.next();
            if shown_all.is_ok() {
                shown_all = table::row(&mut io::stdout(), entry, outcome);
            }
        }
    });
    bar.clear();
    shown(shown_all)?;
    summaries.map_err(|(at, error)| failed(&entries[at], &error))
}

/// What a failure to show something means. Whoever reads may have seen enough; the results still go to files.
fn shown(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Failed(format!("cannot write: {error}")))
        }
        _ => Ok(()),
    }
}

fn failed(entry: &Entry, error: &BenchError) -> CommandError {
    let address = entry.load.address;
    let name =
        if entry.name == entry.load.target.name() { String::new() } else { format!("{} at ", entry.name) };
    CommandError::Failed(format!("{name}{address}: {error}"))
}

/// Everything that was measured under one title.
type Group<'a> = (String, &'a [Entry], &'a [Summary]);

fn write(files: &Files, groups: &[Group<'_>]) -> Result<(), CommandError> {
    if let Some(file) = &files.json {
        let objects = groups.iter().flat_map(|(_, entries, summaries)| json::objects(entries, summaries));
        save(file, &format!("[{}]\n", objects.collect::<Vec<_>>().join(",\n ")))?;
    }
    if let Some(file) = &files.svg {
        let rows: Vec<_> = groups
            .iter()
            .map(|(title, entries, summaries)| opes_bench::plot::Row::new(title.clone(), entries, summaries))
            .collect();
        save(file, &opes_bench::plot::svg(&rows))?;
    }
    Ok(())
}

fn save(file: &Path, text: &str) -> Result<(), CommandError> {
    std::fs::write(file, text).map_err(|error| CommandError::Failed(format!("{}: {error}", file.display())))
}

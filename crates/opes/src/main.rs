//! `opes`: a callout server, an OPES processor for HTTP, and a demo of both. Command line, configuration and wiring
//! only.

mod admin;
mod bench;
mod cli;
mod commands;
mod config;
mod decode;
mod demo;
mod explain;
mod probe;
mod reload;
mod signals;
mod trace;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}

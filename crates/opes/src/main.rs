//! `opes`: a callout server, an OPES processor for HTTP, and a demo of both. Command line, configuration and wiring
//! only.

mod bench;
mod cli;
mod commands;
mod config;
mod decode;
mod demo;
mod probe;
mod signals;

use std::process::ExitCode;

/// Messages come and go in batches that the C library's allocator keeps no room for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}

//! `opes trace explain`: what the entries of a trace say, one line for each.

mod records;
mod told;

use std::io::{Read, Write};

use clap::Subcommand;
use opes_profile::trace::{AgentId, explain};

use crate::cli::CommandError;
use records::Records;

/// The most octets that are read.
const MOST: u64 = 1 << 20;

/// What to do with a trace.
#[derive(Debug, Subcommand)]
pub(crate) enum TraceCommand {
    /// Explain pasted trace fields, one line per entry
    ///
    /// Takes the header of a message, some lines of it, also as `curl -v` prints them, or nothing but the value of a
    /// field.
    Explain {
        /// The text; `-` is standard input
        text: String,
        /// The identifier of a system of ours, whose entries are told from those of others; may be repeated
        #[arg(long = "system", value_name = "URI")]
        systems: Vec<String>,
        /// Where our records are: the link to the administrator's pages, as the proxy prints it. The
        /// records of our own entries with an `id` follow then, in full
        #[arg(long, value_name = "URL")]
        admin: Option<String>,
    },
}

/// Runs it.
pub(crate) async fn run(command: &TraceCommand) -> Result<(), CommandError> {
    let TraceCommand::Explain { text, systems, admin } = command;
    let own = systems.iter().map(|uri| {
        AgentId::new(uri).map_err(|error| CommandError::Input(format!("--system {uri:?}: {error}")))
    });
    let own = own.collect::<Result<Vec<_>, _>>()?;
    let records = admin.as_deref().map(Records::at).transpose()?;
    let text = if text == "-" { standard_input()? } else { text.clone() };
    let explanation = explain(&text, &own);
    let mut lines = String::new();
    for line in &explanation.lines {
        lines += &format!("{line}\n");
    }
    if explanation.lines.is_empty() {
        lines += "There is no trace entry in this text.\n";
    }
    if explanation.cut {
        lines += "There is more, which is too much to explain.\n";
    }
    print(&lines);
    if let Some(records) = records {
        print(&records.of(&explanation).await?);
    }
    Ok(())
}

fn print(text: &str) {
    // Nobody reads it any more when this fails.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn standard_input() -> Result<String, CommandError> {
    let mut octets = Vec::new();
    let read = std::io::stdin().lock().take(MOST).read_to_end(&mut octets);
    read.map_err(|error| CommandError::Input(format!("standard input cannot be read: {error}")))?;
    Ok(String::from_utf8_lossy(&octets).into_owned())
}

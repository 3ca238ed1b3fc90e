//! `opes decode`: captured octets of an OCP connection, message by message, with what violates RFC 4037.
//!
//! One capture is one direction of a connection. Of two, the first is the processor's and the second the server's; then
//! what one direction says is also checked against the other. Captures have no time, so the two are printed in an order
//! in which they can have come about: a message stands after what it needs from the other side.

mod capture;
mod direction;
mod exchange;
mod flow;
mod needs;
mod offers;
mod print;
mod rule;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod transactions;

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use ocp_proto::Role;

use crate::cli::CommandError;
use capture::Capture;
use exchange::{Exchange, Side};
use print::Printer;

/// Decodes the captures in these files; `-`, or no file at all, is standard input.
pub(crate) fn run(files: &[PathBuf]) -> Result<(), CommandError> {
    let roles = match files.len() {
        0 | 1 => &[None][..],
        _ => &[Some(Role::Processor), Some(Role::Server)],
    };
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() { &standard_input[..] } else { files };
    let mut sides = Vec::new();
    for (file, role) in files.iter().zip(roles) {
        let source = open(file).map_err(|error| unreadable(file, &error))?;
        sides.push(Side::new(Capture::new(source), *role));
    }
    let out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let violations = decode(sides, out).or_else(|error| match error.kind() {
        // Whoever reads has seen enough.
        io::ErrorKind::BrokenPipe => Ok(0),
        _ => Err(CommandError::Input(format!("cannot decode: {error}"))),
    })?;
    match violations {
        0 => Ok(()),
        1 => Err(CommandError::Failed("1 violation".to_owned())),
        more => Err(CommandError::Failed(format!("{more} violations"))),
    }
}

/// Decodes one or both directions; gives the number of violations.
fn decode(sides: Vec<Side>, out: impl Write) -> io::Result<u64> {
    let mut printer = Printer::new(out, sides.len() > 1);
    Exchange::new(sides).run(&mut printer)?;
    printer.finish()
}

fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(File::open(file)?))
}

fn unreadable(file: &Path, error: &io::Error) -> CommandError {
    CommandError::Input(format!("cannot read {}: {error}", file.display()))
}

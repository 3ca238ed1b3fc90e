//! What the agents tell each other beside an application message, where they have negotiated it
//! (`proto-spec/extensions/trace-records.md` and `variables.md`).
//!
//! Values travel as atoms, which are quoted where they have to be, so that no octet of theirs can break OCP.

mod allowance;
mod records;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::BTreeMap;

use ocp_proto::codec::{RawMessage, write_atom};
pub use opes_sdk::TraceRecord;
use thiserror::Error;

pub use allowance::Allowance;

use crate::http::Extensions;

/// The parameter with trace records: of a server's AMS, AME and TE.
pub const TRACE_RECORDS: &str = "Trace-Records";

/// The parameter with a rule's parameters: of a processor's AMS.
pub const PARAMETERS: &str = "Parameters";

/// The parameter with variables: of a processor's AMS, and of a server's AMS, AME and TE.
pub const VARIABLES: &str = "Variables";

/// The parameter with the data consumer: of a processor's AMS.
pub const CLIENT: &str = "Client";

/// The most octets of a client's address or name.
pub const CLIENT_OCTETS: usize = 256;

/// What a processor tells the services about a message beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Briefing {
    /// What the rule that selected the services says to them.
    pub parameters: BTreeMap<String, String>,
    /// What services have set at earlier points.
    pub variables: BTreeMap<String, String>,
    /// The data consumer: an address or a name.
    pub client: Option<String>,
}

/// What a callout server tells the processor about a message. Boxed where it travels, and absent where nothing was
/// said, since most messages have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The variables that services have set or changed.
    pub variables: BTreeMap<String, String>,
    /// Trace records, in the order in which they were made.
    pub records: Vec<TraceRecord>,
    /// How many variables and records were dropped because there were too many, or they were too large.
    pub dropped: usize,
}

/// A note is not of its type: the message that carries it is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no valid {0}")]
pub struct Malformed(pub &'static str);

/// Parameters of a rule are too many, too long, or have names that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the parameters of the rule are too many or too long, or are not named by 1 to 64 of a-z, 0-9 and _")]
pub struct Unfit;

impl Briefing {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.variables.is_empty() && self.client.is_none()
    }

    /// Appends the encoded parameters of the processor's AMS: whole lines. Variables and a client that are past the
    /// bounds are left out.
    ///
    /// # Errors
    /// The rule's parameters are past the bounds. Nothing was appended then.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Unfit> {
        if !self.parameters.is_empty() {
            let length = out.len();
            if variables::write(PARAMETERS, pairs(&self.parameters), out) > 0 {
                out.truncate(length);
                return Err(Unfit);
            }
        }
        let _ = variables::write(VARIABLES, pairs(&self.variables), out);
        if let Some(client) = self.client.as_ref().filter(|client| client.len() <= CLIENT_OCTETS) {
            out.extend_from_slice(CLIENT.as_bytes());
            out.extend_from_slice(b": ");
            write_atom(client.as_bytes(), out);
            out.extend_from_slice(b"\r\n");
        }
        Ok(())
    }

    /// What a processor's AMS says; `None` where it says nothing.
    ///
    /// # Errors
    /// A parameter is not of its type.
    pub fn read(ams: &RawMessage) -> Result<Option<Self>, Malformed> {
        let (parameters, variables, client) =
            (ams.named(PARAMETERS), ams.named(VARIABLES), ams.named(CLIENT));
        if parameters.is_none() && variables.is_none() && client.is_none() {
            return Ok(None);
        }
        let read = |value, name| match value {
            Some(value) => variables::read(value).map(|(variables, _)| variables).ok_or(Malformed(name)),
            None => Ok(BTreeMap::new()),
        };
        let client = client.map(|value| {
            let text = value.as_atom().and_then(|octets| std::str::from_utf8(octets).ok());
            text.map(str::to_owned).ok_or(Malformed(CLIENT))
        });
        Ok(Some(Self {
            parameters: read(parameters, PARAMETERS)?,
            variables: read(variables, VARIABLES)?,
            client: client.transpose()?.filter(|client| client.len() <= CLIENT_OCTETS),
        }))
    }
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> + Clone {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

impl Notes {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty() && self.records.is_empty() && self.dropped == 0
    }

    /// Appends the encoded parameters of a server's AMS, AME or TE: whole lines, or nothing where nothing is said.
    /// `allowance` is that of the transaction; what is past it is left out, and counted in the answer.
    pub fn encode(&self, allowance: &mut Allowance, out: &mut Vec<u8>) -> usize {
        let mut dropped = 0;
        if !self.variables.is_empty() {
            dropped += variables::write(VARIABLES, pairs(&self.variables), out);
        }
        if !self.records.is_empty() {
            dropped += records::write(&self.records, allowance, out);
        }
        dropped
    }

    /// What a server's AMS, AME or TE says, of the extensions that are in effect; `None` where it says nothing.
    ///
    /// # Errors
    /// A parameter is not of its type.
    pub fn read(
        message: &RawMessage,
        extensions: Extensions,
        allowance: &mut Allowance,
    ) -> Result<Option<Box<Self>>, Malformed> {
        let variables = message.named(VARIABLES).filter(|_| extensions.variables);
        let records = message.named(TRACE_RECORDS).filter(|_| extensions.trace_records);
        if variables.is_none() && records.is_none() {
            return Ok(None);
        }
        let mut notes = Self::default();
        if let Some(value) = variables {
            let (variables, dropped) = variables::read(value).ok_or(Malformed(VARIABLES))?;
            notes.variables = variables;
            notes.dropped += dropped;
        }
        if let Some(value) = records {
            let (records, dropped) = records::read(value, allowance).ok_or(Malformed(TRACE_RECORDS))?;
            notes.records = records;
            notes.dropped += dropped;
        }
        Ok(Some(Box::new(notes)))
    }

    /// Adds what was said later.
    pub fn append(&mut self, later: Self) {
        self.variables.extend(later.variables);
        self.records.extend(later.records);
        self.dropped += later.dropped;
    }
}

//! Trace records on the wire: lists of an agent with its parameters.

use ocp_proto::codec::{ValueRef, write_atom};
use ocp_proto::message::is_uri;
use opes_sdk::TraceRecord;

use super::TRACE_RECORDS;
use super::allowance::{Allowance, cost};
use super::variables::{read_pair, write_pair};
use crate::list::is_token;

/// The most octets of an agent's uri.
const AGENT_OCTETS: usize = 1024;

/// The most parameters of a record.
const PARAMETERS: usize = 32;

/// The most octets of a parameter's name, and of its value.
const NAME_OCTETS: usize = 64;
const VALUE_OCTETS: usize = 1024;

/// Appends the parameter with these records; nothing where none can go. Says how many are left out.
pub(super) fn write(records: &[TraceRecord], allowance: &mut Allowance, out: &mut Vec<u8>) -> usize {
    let (mut dropped, mut any) = (0, false);
    for record in records {
        if !is_valid(record) || !is_small(record) || !allowance.take(octets(record)) {
            dropped += 1;
            continue;
        }
        if any {
            out.push(b',');
        } else {
            out.extend_from_slice(TRACE_RECORDS.as_bytes());
            out.extend_from_slice(b": (");
            any = true;
        }
        write_record(record, out);
    }
    if any {
        out.extend_from_slice(b")\r\n");
    }
    dropped
}

fn write_record(record: &TraceRecord, out: &mut Vec<u8>) {
    out.push(b'{');
    write_atom(record.agent.as_bytes(), out);
    if !record.parameters.is_empty() {
        out.extend_from_slice(b" (");
        for (index, (name, value)) in record.parameters.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_pair(name, value, out);
        }
        out.push(b')');
    }
    out.push(b'}');
}

/// Reads records, and says how many were left out; `None` when the value is ill-typed.
pub(super) fn read(value: ValueRef<'_>, allowance: &mut Allowance) -> Option<(Vec<TraceRecord>, usize)> {
    let (mut records, mut dropped) = (Vec::new(), 0);
    for item in value.as_list()? {
        let record = read_record(item).filter(is_valid)?;
        if is_small(&record) && allowance.take(octets(&record)) {
            records.push(record);
        } else {
            dropped += 1;
        }
    }
    Some((records, dropped))
}

fn read_record(item: ValueRef<'_>) -> Option<TraceRecord> {
    let members = item.as_structure()?;
    let agent = std::str::from_utf8(members.anonymous(0)?.as_atom()?).ok()?;
    let mut record = TraceRecord::new(agent);
    if let Some(parameters) = members.anonymous(1) {
        for parameter in parameters.as_list()? {
            let (name, value) = read_pair(parameter)?;
            record = record.with(name, value);
        }
    }
    Some(record)
}

/// Whether the agent is a uri and the names are tokens: what entries of a trace are made of.
fn is_valid(record: &TraceRecord) -> bool {
    is_uri(record.agent.as_bytes()) && record.parameters.iter().all(|(name, _)| is_token(name.as_bytes()))
}

fn is_small(record: &TraceRecord) -> bool {
    let small = |(name, value): &(String, String)| name.len() <= NAME_OCTETS && value.len() <= VALUE_OCTETS;
    record.agent.len() <= AGENT_OCTETS
        && record.parameters.len() <= PARAMETERS
        && record.parameters.iter().all(small)
}

fn octets(record: &TraceRecord) -> usize {
    let parameters = record.parameters.iter().flat_map(|(name, value)| [name.len(), value.len()]);
    cost(std::iter::once(record.agent.len()).chain(parameters))
}

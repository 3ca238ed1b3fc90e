//! Typed messages and their parameter types (RFC 4037 sections 10 and 11).

pub mod names;
#[cfg(test)]
mod tests;
mod typed;
mod types;
mod write;

pub use typed::{InvalidMessage, Message, Problem, Range, Scope};
pub use types::{Code, Feature, GroupId, Outcome, Service, Xid, is_uri};
pub(crate) use write::{Control, flow_result, result};

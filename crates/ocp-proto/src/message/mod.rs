//! Typed messages and their parameter types (RFC 4037 sections 10 and 11).

mod types;

pub use types::{Code, Feature, GroupId, Outcome, Service, Xid};

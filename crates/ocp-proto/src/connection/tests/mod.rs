//! The state machine of RFC 4037, without transport and clock.

mod agent;
mod ending;
mod faults;
mod groups;
mod handshake;
mod kept;
mod limits;
mod loops;
mod negotiation;
mod original;
mod pausing;
mod progress;
mod stopping;
mod timeouts;
mod transactions;
mod walk;

use agent::{Agent, X, is_connection_failure, is_failure_of};

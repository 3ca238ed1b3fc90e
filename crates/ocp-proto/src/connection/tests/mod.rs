//! The state machine of RFC 4037, without transport and clock.

mod abandoning;
mod agent;
mod cutting;
mod ending;
mod extended;
mod faults;
mod flows;
mod groups;
mod handshake;
mod invariants;
mod isolation;
mod kept;
mod large;
mod limits;
mod loops;
mod negotiation;
mod observer;
mod original;
mod outcomes;
mod pair;
mod pausing;
mod phases;
mod ping;
mod progress;
mod random;
mod reuse;
mod stopping;
mod timeouts;
mod transactions;
mod walk;

use agent::{Agent, X, is_connection_failure, is_failure_of};

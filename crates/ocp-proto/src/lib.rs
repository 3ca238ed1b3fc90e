//! The OPES callout protocol core (RFC 4037) with no I/O, no clock and no runtime.
//!
//! [`Connection`] is the state machine of both roles. It takes octets and time, and gives events, octets and the time
//! at which it wants to be called again. [`codec`] is the message format, [`message`] what messages mean, [`Fault`]
//! what goes wrong and what that puts on the wire.

pub mod codec;
mod connection;
mod event;
mod fault;
mod limits;
pub mod message;
mod negotiation;
mod transaction;
mod transmit;

pub use connection::{Connection, Role, SendError, StartError, XidMap};
pub use event::{Closed, Event};
pub use fault::{Cause, Fault, Origin, Verdict};
pub use limits::Limits;
pub use transmit::Transmit;

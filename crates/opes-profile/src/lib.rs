//! Application messages inside OCP, with no I/O, no clock and no runtime: the HTTP profiles of RFC 4236, and
//! what RFC 3897 asks of every profile, [trace] entries and [bypass]; and the [notes] that agents send each other
//! beside a message.

pub mod bypass;
pub mod http;
pub mod list;
pub mod notes;
pub mod trace;

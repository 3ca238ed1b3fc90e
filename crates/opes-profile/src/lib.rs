//! Application messages inside OCP, with no I/O, no clock and no runtime: the HTTP profiles of RFC 4236, and
//! what RFC 3897 asks of every profile, [trace] entries and [bypass].

pub mod bypass;
pub mod http;
pub mod list;
pub mod trace;

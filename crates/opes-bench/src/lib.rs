//! A load generator for OCP callout servers, and for what people use in their place.
//!
//! One thread drives all connections, so that a server pinned to another core is what is measured.

mod load;
mod message;
mod ocp;
mod raw;
mod server_cpu;

pub use load::{BenchError, Load, Mode, Outcome, Profile, Target, run};
pub use raw::serve as serve_raw;

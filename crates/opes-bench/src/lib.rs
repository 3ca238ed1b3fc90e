//! A load generator for OCP callout servers, and for what people use in their place.
//!
//! One thread drives all connections, so that a server pinned to another core is what is measured.

mod background;
mod compare;
mod course;
mod error;
#[cfg_attr(not(feature = "ext-proc"), path = "ext_proc/absent.rs")]
mod ext_proc;
mod icap;
mod listen;
mod load;
mod message;
mod ocp;
mod outcome;
mod pace;
pub mod plot;
mod raw;
mod run;
mod schedule;
mod server_cpu;
mod summary;
mod tally;
#[cfg(test)]
mod tests;

pub use compare::{Entry, Step, interleave};
pub use error::BenchError;
pub use ext_proc::serve as serve_ext_proc;
pub use icap::IcapError;
pub use icap::serve as serve_icap;
pub use load::{Arrivals, Extent, Load, Mode, Profile, Target};
pub use outcome::Outcome;
pub use raw::serve as serve_raw;
pub use run::{Progress, run};
pub use summary::{Spread, Summary};

//! The OPES processor: selects services by [`rules`], honours bypass, has messages adapted ([`adapt`]), writes the
//! trace ([`system`]), and speaks HTTP to both sides ([`http`]).

pub mod adapt;
pub mod http;
pub mod listening;
mod ready;
mod record;
pub mod report;
pub mod rules;
pub mod system;

pub use record::Recorder;

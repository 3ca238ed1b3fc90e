//! The message format of RFC 4037 section 3.1.

pub mod number;
mod value;

pub use value::{Structure, Value};

//! The Protocol Element Type Declaration Mnemonic of RFC 4037 section 9: text in, checked declarations out.
//!
//! Nothing here knows OCP or this project's crates, and nothing panics or recurses, whatever the text.

mod error;
mod parse;
mod schema;
mod token;

pub(crate) use error::Problem;
pub(crate) use parse::{Base, parse};
pub(crate) use schema::{Kind, Named, Payload, Schema, Type};

//! The message format of RFC 4037 section 3.1.

mod decode;
mod encode;
pub mod number;
mod quick;
mod raw;
#[cfg(test)]
mod tests;
mod tokens;
mod value;

pub(crate) use decode::Found;
pub use decode::{Decoder, DecoderLimits, Item, SyntaxError};
pub use encode::{MessageWriter, PAYLOAD_END, write_atom, write_value};
pub(crate) use raw::Head;
pub use raw::{Members, RawMessage, ValueRef};
pub use value::{Structure, Value};

//! Content codings (RFC 9110 section 8.4) for hosts whose services want to see what a body means.
//!
//! A [`Recoder`] stands between one coded body and the services that adapt it: what was received goes in coded, the
//! services get and give plain octets, and what comes out is coded again, or is the received octets themselves where
//! nothing was changed. [`Decoder`] and [`Encoder`] are its halves.
//!
//! No I/O, no runtime, no HTTP types. Decoders are bounded ([`Bounds`]): what a stranger sent costs at most so much
//! time and memory, whatever it claims to be.

mod coding;
mod decoder;
mod encoder;
mod error;
mod recoder;
#[cfg(test)]
mod tests;

pub use coding::{Coding, Codings, CodingsError, MAX_CODINGS};
pub use decoder::{Bounds, Decoder, PIECE};
pub use encoder::Encoder;
pub use error::{DecodeError, EncodeError, RecodeError};
pub use recoder::{Fate, Mode, Piece, Recoder};

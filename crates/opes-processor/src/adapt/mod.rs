//! The core: one application message through its services, whatever the application protocol is made of.

mod exchange;
mod original;
mod replay;
mod request;

pub use exchange::{AdaptError, Exchange, Head, Piece, Traffic};
pub use original::{Original, OriginalBody, OriginalError, OriginalPiece};
pub use request::{KeptRequest, RequestKeeper, RequestMissing};

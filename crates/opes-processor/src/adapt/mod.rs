//! The core: one application message through its services, whatever the application protocol is made of.

mod asked;
mod coded;
mod exchange;
mod flow;
mod head;
mod here;
mod message;
mod original;
mod pauses;
mod remaining;
mod replay;
mod request;

pub use opes_coding::Bounds;

pub use coded::Recoding;
pub use exchange::Exchange;
pub use head::{EncodeHead, LazyHead};
pub(crate) use message::OK;
pub use message::{AdaptError, Head, Piece, Rest, Traffic};
pub use original::{Known, Original, OriginalBody, OriginalError, OriginalPiece};
pub use pauses::{Pause, Pauses};
pub use remaining::Remaining;
pub use request::{KeptRequest, RequestKeeper, RequestMissing};

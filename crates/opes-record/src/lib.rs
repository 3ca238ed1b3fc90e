//! The detailed record that an OPES processor keeps of each message, so that every trace that was sent out can be
//! answered for (RFC 3897 section 3.1; RFC 3238 considerations 3.1 and 3.2).
//!
//! The trace in a message names the OPES System with a parameter: `<uri>;id=ID`. The [`TraceId`] is that `ID`; the
//! [`Record`] is what the system's operator finds under it: which rules matched, which services did what, how long it
//! took, what failed, what was bypassed, and the trace itself. Never payload. Header values, the URI and the client are
//! there only as far as the operator's policy says ([`UriDetail`], [`ClientDetail`]).
//!
//! A [`Store`] keeps records: [`Journal`] on this machine's disk, [`Discard`] none.
//!
//! No runtime, no HTTP types; nothing here waits on the path of a message.

mod codec;
mod detail;
mod id;
mod journal;
mod list;
mod outcome;
mod record;
mod store;
mod text;

pub use detail::{Client, ClientDetail, UriDetail};
pub use id::{Digits, TraceId, TraceIdError, TraceIds};
pub use journal::{COMMIT_EVERY, Clock, DURABLE_AFTER, Journal, JournalOptions, OpenError};
pub use list::List;
pub use outcome::{Direction, Outcome, Point};
pub use record::{
    Bypass, Bypassed, HeaderValue, Parameter, Place, RECORD_OCTETS, Record, RuleMatch, ServiceUse, Span,
};
pub use store::{Counts, Discard, Dropped, Filter, Page, Sought, Store, StoreError, Submitted, Then};
pub use text::{TEXT_OCTETS, Text};
